/*
 * Terminals in a crowd: load_server PORT CA FOLDER SECONDS MODE. Every folder FOLDER/N (0, 1, ...) with id, key.pem and cert.pem is one
 * terminal on one kept connection that sends as fast as it is answered. Modes: report (the same again and again), change (another
 * evidence each time), events (8 new records each time), idle (connects, reports once, waits). Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/chain.h"
#include "common/file.h"
#include "common/text.h"
#include "common/tls.h"

#define TERMINALS 4096

struct terminal {
	struct bufferevent *bev;
	struct sk_tls *tls;
	char id[SK_UUID_LEN], last[SK_SHA256_HEX];
	long long seq, sent;
};

static struct event_base *base;
static const char *mode;
static unsigned long long answered, errors, connected;
static bool over;

static void report(struct terminal *t, struct evbuffer *out)
{
	evbuffer_add_printf(
	    out,
	    "{\"version\":\"0.1.0\",\"boot_id\":\"b\",\"os\":\"Debian GNU/Linux "
	    "12\",\"host\":\"pc\",\"policy\":{\"name\":\"p\",\"version\":1,"
	    "\"mode\":\"enforce\",\"zone\":\"internet\"},\"grants_version\":1,\"journal\":{\"last_seq\":%lld,\"state\":"
	    "\"ok\","
	    "\"suppressed\":0},\"clock\":{\"now\":%lld,\"turned_back_ms\":0,\"synchronised\":true},\"posture\":[",
	    t->seq, t->sent);
	for (int i = 0; i < 3; i++)
		evbuffer_add_printf(out,
		                    "%s{\"id\":\"check-%d\",\"row\":\"P%d\",\"clause\":\"5.1(1)\",\"duty\":\"must\","
		                    "\"state\":\"compliant\",\"detail\":"
		                    "[{\"text\":\"It is as it should be, as far as this terminal can "
		                    "see.\",\"args\":[]}],\"evidence\":{\"age\":%lld,"
		                    "\"path\":\"/dev/mapper/root\",\"cipher\":\"aes-xts-plain64\"},\"at\":%lld}",
		                    i > 0 ? "," : "", i, i, mode[0] == 'c' ? t->sent : 0, t->sent);
	evbuffer_add_printf(
	    out,
	    "],\"devices\":[{\"device\":\"1-1\",\"vendor_id\":\"046d\",\"product_id\":\"c31c\",\"kinds\":[\"input\"],"
	    "\"verdict\":\"allow\",\"reason\":\"rule\",\"rule\":\"input\"}],\"enforcement\":{\"state\":\"on\"}}");
}

static void events(struct terminal *t, struct evbuffer *out)
{
	static char body[] =
	    "{\"bus\":\"usb\",\"device\":\"1-2\",\"vendor_id\":\"46f4\",\"product_id\":\"0001\",\"verdict\":\"deny\","
	    "\"reason\":\"no-grant\",\"interfaces\":[{\"number\":0,\"class\":\"08/06/50\",\"verdict\":\"deny\"}]}";

	evbuffer_add_printf(out, "{\"events\":[");
	for (int i = 0; i < 8; i++) {
		struct sk_event e = {
		    .seq = ++t->seq, .time = 1764000000000 + t->seq, .body = body, .body_len = sizeof(body) - 1};

		sk_text_copy(e.kind, sizeof(e.kind), "device.decided");
		sk_text_copy(e.prev, sizeof(e.prev), t->last);
		sk_chain_hash(t->id, &e, e.hash);
		sk_text_copy(t->last, sizeof(t->last), e.hash);
		evbuffer_add_printf(
		    out, "%s{\"seq\":%lld,\"time\":%lld,\"kind\":\"%s\",\"prev\":\"%s\",\"hash\":\"%s\",\"body\":\"",
		    i > 0 ? "," : "", (long long)e.seq, (long long)e.time, e.kind, e.prev, e.hash);
		for (const char *c = body; *c != '\0'; c++)
			evbuffer_add_printf(out, *c == '"' ? "\\%c" : "%c", *c);
		evbuffer_add_printf(out, "\"}");
	}
	evbuffer_add_printf(out, "]}");
}

static void ask(struct terminal *t)
{
	struct evbuffer *body = evbuffer_new(), *out = bufferevent_get_output(t->bev);

	t->sent++;
	if (mode[0] == 'e')
		events(t, body);
	else
		report(t, body);
	evbuffer_add_printf(
	    out, "POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    mode[0] == 'e' ? "events" : "report", evbuffer_get_length(body));
	evbuffer_add_buffer(out, body);
	evbuffer_free(body);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	char head[2048];
	size_t n = (size_t)evbuffer_copyout(in, head, sizeof(head) - 1), whole;
	const char *end, *length;

	head[n] = '\0';
	end = strstr(head, "\r\n\r\n");
	length = strstr(head, "Content-Length: ");
	if (end == NULL || length == NULL)
		return;
	whole = (size_t)(end + 4 - head) + strtoul(length + 16, NULL, 10);
	if (evbuffer_get_length(in) < whole)
		return;
	evbuffer_drain(in, whole);
	if (strncmp(head, "HTTP/1.1 200 ", 13) != 0)
		errors++;
	else
		answered++;
	if (!over && mode[0] != 'i')
		ask(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct sk_err err = SK_ERR_INIT;

	if ((what & BEV_EVENT_CONNECTED) != 0) {
		const int on = 1;

		setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		connected++;
		ask(arg);
	} else if ((what & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) != 0) {
		sk_tls_error(bev, &err);
		if (errors++ == 0)
			fprintf(stderr, "%s\n", err.text);
		bufferevent_disable(bev, EV_READ | EV_WRITE);
	}
}

static char *slurp(const char *folder, long n, const char *name)
{
	char path[512];
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf b;

	if (n >= 0)
		snprintf(path, sizeof(path), "%s/%ld/%s", folder, n, name);
	else
		snprintf(path, sizeof(path), "%s", folder);
	sk_buf_init(&b, 65536);
	if (sk_file_read(path, &b, &err) < 0) {
		sk_buf_deinit(&b);
		return NULL;
	}
	return sk_buf_steal(&b);
}

static bool connect_one(struct terminal *t, const char *ca, const char *folder, long n, int port)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char *id = slurp(folder, n, "id"), *key = slurp(folder, n, "key.pem"), *cert = slurp(folder, n, "cert.pem");
	struct sk_err err = SK_ERR_INIT;
	bool good = id != NULL && key != NULL && cert != NULL;

	if (good) {
		sk_text_copy(t->id, sizeof(t->id), id);
		sk_text_copy(t->last, sizeof(t->last), SK_CHAIN_ZERO);
		if (sk_tls_client_mutual(ca, cert, key, &t->tls, &err) < 0 ||
		    (t->bev = sk_tls_connect(t->tls, base, "127.0.0.1")) == NULL) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
		bufferevent_setcb(t->bev, on_read, NULL, on_event, t);
		bufferevent_enable(t->bev, EV_READ | EV_WRITE);
		bufferevent_socket_connect(t->bev, (struct sockaddr *)&a, sizeof(a));
	}
	free(id);
	free(key);
	free(cert);
	return good;
}

int main(int argc, char **argv)
{
	static struct terminal terminals[TERMINALS];
	unsigned long long port, seconds;
	struct timeval tv = {0};
	struct timespec from, to;
	char *ca;
	long n = 0;

	if (argc != 6 || sk_text_u64(argv[1], 1, 65535, &port) < 0 || sk_text_u64(argv[4], 1, 600, &seconds) < 0) {
		fprintf(stderr, "usage: load_server PORT CA FOLDER SECONDS report|change|events|idle\n");
		return 64;
	}
	mode = argv[5];
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	ca = slurp(argv[2], -1, NULL);
	while (ca != NULL && n < TERMINALS && connect_one(&terminals[n], ca, argv[3], n, (int)port))
		n++;
	clock_gettime(CLOCK_MONOTONIC, &from);
	tv.tv_sec = (time_t)seconds;
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("{\"terminals\":%ld,\"connected\":%llu,\"answered\":%llu,\"errors\":%llu,\"seconds\":%.3f}\n", n,
	       connected, answered, errors,
	       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return errors != 0 || answered == 0;
}
