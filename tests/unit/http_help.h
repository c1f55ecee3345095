/* The HTTP layer on a real socket with TLS, deadlines of a second, and a client to talk to it. Include it in one file of a test only. */
#ifndef SK_TESTS_HTTP_HELP_H
#define SK_TESTS_HTTP_HELP_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/ca.h"
#include "server/http_server.h"

static struct event_base *base;
static struct sk_server server;
static struct sk_server_config config;
static struct sk_http http;
static struct sk_http_stats stats;
static struct sk_tls *tls, *client;
static struct sk_listener *listener;
static struct sk_ca *ca;
static struct sk_request *kept;
static int gone, port, failures;
static char top[] = "/tmp/sekimori-http-XXXXXX";

__attribute__((unused)) static void echo(struct sk_request *r)
{
	char text[1024];
	const char *tail = sk_request_tail(r), *q = sk_request_query(r, "q"), *h = sk_request_header(r, "X-Test");

	snprintf(text, sizeof(text), "[%s][%s][%s][%s][%s]", r->path, tail == NULL ? "" : tail, q == NULL ? "" : q,
	         h == NULL ? "" : h, r->body);
	sk_reply_bytes(r, 200, "text/plain", text, strlen(text));
	sk_reply_bytes(r, 500, "text/plain", "twice", 5); /* answered once only */
}

__attribute__((unused)) static void on_gone(struct sk_request *r, void *arg)
{
	cr_assert_eq(r, kept);
	cr_assert_eq(arg, &gone);
	kept = NULL;
	gone++;
}

__attribute__((unused)) static void later(struct sk_request *r)
{
	kept = r;
	sk_request_defer(r, on_gone, &gone);
}

__attribute__((unused)) static void mute(struct sk_request *r)
{
	(void)r;
}

/* As many pieces as the last segment says, large ones when they are many; "bad" fails in the middle. */
static struct pieces {
	int left, made, ended, whole;
	size_t size;
	bool bad;
} pieces;

__attribute__((unused)) static int next_piece(void *arg, struct sk_buf *out)
{
	static char block[65536];
	struct pieces *p = arg;

	memset(block, 'a', sizeof(block));
	p->made++;
	if (p->bad && p->made == 3)
		return -EIO;
	if (p->made % 2 == 0)
		return 1; /* an empty one is passed over */
	(void)sk_buf_add(out, block, p->size);
	return --p->left > 0;
}

__attribute__((unused)) static void last_piece(void *arg, bool whole)
{
	struct pieces *p = arg;

	p->ended++;
	p->whole += whole;
}

__attribute__((unused)) static void in_pieces(struct sk_request *r)
{
	const char *tail = sk_request_tail(r);

	pieces = (struct pieces){.left = strcmp(tail, "bad") == 0 ? 9 : atoi(tail), .bad = strcmp(tail, "bad") == 0};
	pieces.size = pieces.left > 100 ? 65536 : 1000;
	cr_assert_eq(sk_reply_stream(r, "text/csv", next_piece, last_piece, &pieces), 0);
}

__attribute__((unused)) static void split(struct sk_request *r)
{
	sk_reply_header(r, "X-Evil", "a\r\nSet-Cookie: x");
	sk_reply_json(r, 200, json_pack("{s:i}", "n", 1));
}

static const struct sk_route routes[] = {
    {EVHTTP_REQ_GET, "/echo", 0, echo},          {EVHTTP_REQ_GET, "/echo/*", 0, echo},
    {EVHTTP_REQ_POST, "/echo", 10, echo},        {EVHTTP_REQ_GET, "/later", 0, later},
    {EVHTTP_REQ_GET, "/mute", 0, mute},          {EVHTTP_REQ_GET, "/split", 0, split},
    {EVHTTP_REQ_GET, "/pieces/*", 0, in_pieces}, {0, NULL, 0, NULL},
};
static const struct sk_route *const tables[] = {routes, NULL};

__attribute__((unused)) static void start(size_t connections, size_t per_address)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_listener_options o = {.address = "127.0.0.1:0",
	                                .body_max = 1000,
	                                .connections = connections,
	                                .per_address = per_address,
	                                .handshake_s = 1,
	                                .request_s = 1,
	                                .write_s = 1,
	                                .failures = failures,
	                                .forgiven = 1,
	                                .on_request = sk_http_request,
	                                .arg = &http};

	signal(SIGPIPE, SIG_IGN); /* as the server does */
	cr_assert_not_null(mkdtemp(top));
	sk_server_config_default(&config);
	snprintf(config.state_dir, sizeof(config.state_dir), "%s/s", top);
	cr_assert_eq(sk_ca_init(&config, sk_clock_wall(), NULL, &err), 0, "%s", err.text);
	cr_assert_eq(sk_ca_load(config.state_dir, &ca, &err), 0, "%s", err.text);
	cr_assert_eq(sk_tls_server_public(sk_ca_server_chain(ca), sk_ca_server_key(ca), &tls, &err), 0, "%s", err.text);
	cr_assert_eq(sk_tls_client_pinned(sk_ca_fingerprint(ca), &client, &err), 0, "%s", err.text);
	base = event_base_new();
	server.base = base;
	http = (struct sk_http){.server = &server, .tables = tables, .pages = true, .stats = &stats};
	o.tls = tls;
	cr_assert_eq(sk_listener_new(base, &o, &listener, &err), 0, "%s", err.text);
	port = sk_listener_port(listener);
}

__attribute__((unused)) static void setup(void)
{
	start(100, 50);
}

__attribute__((unused)) static void teardown(void)
{
	static const char *const names[] = {"ca.key", "ca.pem", "server.key", "server.pem", "sign.key", "sign.pub"};
	char path[400];

	listener = sk_listener_free(listener);
	event_base_free(base);
	sk_tls_free(tls);
	sk_tls_free(client);
	sk_ca_free(ca);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s", config.state_dir, names[i]);
		unlink(path);
	}
	rmdir(config.state_dir);
	rmdir(top);
}

__attribute__((unused)) static void turn(int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

__attribute__((unused)) static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

struct line { /* one client connection */
	struct bufferevent *bev;
	char text[65536];
	size_t len;
	bool ended;
};

__attribute__((unused)) static void on_read(struct bufferevent *bev, void *arg)
{
	struct line *l = arg;

	l->len += bufferevent_read(bev, l->text + l->len, sizeof(l->text) - 1 - l->len);
	l->text[l->len] = '\0';
}

__attribute__((unused)) static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct line *l = arg;

	on_read(bev, arg);
	if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0)
		l->ended = true;
}

__attribute__((unused)) static struct line *dial(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct line *l = calloc(1, sizeof(*l));

	l->bev = sk_tls_connect(client, base, "127.0.0.1");
	cr_assert_not_null(l->bev);
	bufferevent_setcb(l->bev, on_read, NULL, on_event, l);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	cr_assert_eq(bufferevent_socket_connect(l->bev, (struct sockaddr *)&a, sizeof(a)), 0);
	return l;
}

__attribute__((unused)) static void hang_up(struct line *l)
{
	bufferevent_free(l->bev);
	free(l);
}

__attribute__((unused)) static void say(struct line *l, const char *text)
{
	cr_assert_eq(bufferevent_write(l->bev, text, strlen(text)), 0);
}

/* Until what stands in the answers, or the end. */
__attribute__((unused)) static bool hear(struct line *l, const char *what)
{
	for (int i = 0; i < 500 && !l->ended && strstr(l->text, what) == NULL; i++)
		turn(10);
	return strstr(l->text, what) != NULL;
}

/* The whole answer to one request on a connection of its own. */
__attribute__((unused)) static char *ask(const char *text)
{
	static char answer[65536];
	struct line *l = dial();

	say(l, text);
	for (int i = 0; i < 500 && !l->ended; i++)
		turn(10);
	memcpy(answer, l->text, sizeof(answer));
	cr_assert(l->ended, "no end: %s", answer);
	hang_up(l);
	return answer;
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

#endif
