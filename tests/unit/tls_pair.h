/*
 * Two ends of a TLS connection in one process, for the tests of common/tls.c: two authorities with a server and a terminal each, two
 * bufferevents on a socket pair, one word each way. Every refusal is checked from both ends: the side that must refuse has
 * refused, and not a byte of the word arrived.
 */
#ifndef SK_TESTS_TLS_PAIR_H
#define SK_TESTS_TLS_PAIR_H

#include <criterion/criterion.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include "common/clock.h"
#include "common/tls.h"
#include "common/x509.h"

#define DAY  86400000LL
#define HOST "server.example.jp"

static const char device[] = "01234567-89ab-4cde-8f01-23456789abcd";
static struct sk_err err;
static struct event_base *base;

/* A certificate authority, a server and a terminal of it. */
struct world {
	struct sk_buf ca_key, ca, server_key, server, chain, client_key, client;
	char root_pin[SK_SHA256_HEX];
};

static struct world here, elsewhere;

static inline void make_server(struct world *w, sk_ms from, sk_ms until)
{
	const char *const names[] = {HOST, "127.0.0.1", NULL};

	sk_buf_reset(&w->server);
	cr_assert_eq(
	    sk_x509_issue_server(w->ca.data, w->ca_key.data, w->server_key.data, names, from, until, &w->server, &err),
	    0);
	sk_buf_reset(&w->chain);
	sk_buf_adds(&w->chain, w->server.data);
	sk_buf_adds(&w->chain, w->ca.data);
}

static inline void make_client(struct world *w, sk_ms from, sk_ms until)
{
	struct sk_buf csr;

	sk_buf_init(&csr, 10000);
	sk_buf_reset(&w->client);
	cr_assert_eq(sk_x509_csr(w->client_key.data, device, &csr, &err), 0);
	cr_assert_eq(sk_x509_issue_device(w->ca.data, w->ca_key.data, csr.data, device, from, until, &w->client, &err),
	             0);
	sk_buf_deinit(&csr);
}

static inline void make_world(struct world *w)
{
	struct sk_buf *all[] = {&w->ca_key, &w->ca, &w->server_key, &w->server, &w->chain, &w->client_key, &w->client};
	struct sk_x509_info info;
	sk_ms now = sk_clock_wall();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sk_buf_init(all[i], 40000);
	cr_assert_eq(sk_x509_key_generate(&w->ca_key), 0);
	cr_assert_eq(sk_x509_key_generate(&w->server_key), 0);
	cr_assert_eq(sk_x509_key_generate(&w->client_key), 0);
	cr_assert_eq(sk_x509_ca(w->ca_key.data, "Sekimori CA", now - 9 * DAY, now + 9 * DAY, &w->ca, &err), 0);
	cr_assert_eq(sk_x509_info(w->ca.data, w->ca.len, &info, &err), 0);
	memcpy(w->root_pin, info.fingerprint, sizeof(w->root_pin));
	make_server(w, now - DAY, now + DAY);
	make_client(w, now - DAY, now + DAY);
}

static inline void free_world(struct world *w)
{
	struct sk_buf *all[] = {&w->ca_key, &w->ca, &w->server_key, &w->server, &w->chain, &w->client_key, &w->client};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sk_buf_deinit(all[i]);
}

static inline void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	make_world(&here);
	make_world(&elsewhere);
}

static inline void teardown(void)
{
	free_world(&here);
	free_world(&elsewhere);
	event_base_free(base);
}


static inline struct sk_tls *server_of(const struct world *w, const struct world *trusted)
{
	struct sk_tls *t = NULL;

	cr_assert_eq(sk_tls_server_mutual(w->chain.data, w->server_key.data, trusted->ca.data, &t, &err), 0, "%s",
	             err.text);
	return t;
}

static inline struct sk_tls *public_server_of(const struct world *w, const char *chain)
{
	struct sk_tls *t = NULL;

	cr_assert_eq(sk_tls_server_public(chain, w->server_key.data, &t, &err), 0, "%s", err.text);
	return t;
}

static inline struct sk_tls *client_of(const struct world *w, const struct world *trusted)
{
	struct sk_tls *t = NULL;

	cr_assert_eq(sk_tls_client_mutual(trusted->ca.data, w->client.data, w->client_key.data, &t, &err), 0, "%s",
	             err.text);
	return t;
}

static inline struct sk_tls *pinned_to(const char *pin)
{
	struct sk_tls *t = NULL;

	cr_assert_eq(sk_tls_client_pinned(pin, &t, &err), 0, "%s", err.text);
	return t;
}

struct side {
	struct bufferevent *bev;
	const char *word;
	bool connected, over;
	char got[32];
	struct sk_err why;
};

static struct side srv, cli;

static inline void on_read(struct bufferevent *bev, void *user)
{
	struct side *s = user;
	int n = bufferevent_read(bev, s->got, sizeof(s->got) - 1) > 0;

	if (n > 0 && srv.got[0] != '\0' && cli.got[0] != '\0')
		event_base_loopbreak(base);
}

static inline void on_event(struct bufferevent *bev, short what, void *user)
{
	struct side *s = user;

	if (what & BEV_EVENT_CONNECTED) {
		s->connected = true;
		bufferevent_write(bev, s->word, strlen(s->word));
		return;
	}
	s->over = true;
	sk_tls_error(bev, &s->why);
	if (srv.over && cli.over)
		event_base_loopbreak(base);
}

static inline void end_sides(void)
{
	if (srv.bev != NULL)
		bufferevent_free(srv.bev);
	if (cli.bev != NULL)
		bufferevent_free(cli.bev);
	srv.bev = cli.bev = NULL;
}

/* Runs until both words arrived or both ends gave up. The sides stay open for a look. */
static inline void meet(struct sk_tls *server, struct sk_tls *client, const char *name)
{
	struct timeval patience = {.tv_sec = 10};
	int fd[2];

	end_sides();
	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	srv.word = "from-server";
	cli.word = "from-client";
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	srv.bev = sk_tls_accept(server, base, fd[0]);
	cli.bev = sk_tls_connect(client, base, name);
	cr_assert_not_null(srv.bev);
	cr_assert_not_null(cli.bev);
	bufferevent_setcb(srv.bev, on_read, NULL, on_event, &srv);
	bufferevent_setcb(cli.bev, on_read, NULL, on_event, &cli);
	cr_assert_eq(bufferevent_setfd(cli.bev, fd[1]), 0);
	bufferevent_enable(srv.bev, EV_READ | EV_WRITE);
	bufferevent_enable(cli.bev, EV_READ | EV_WRITE);
	event_base_loopexit(base, &patience);
	event_base_dispatch(base);
}

static inline void expect_good(void)
{
	cr_expect(srv.connected && cli.connected, "server: %s client: %s", srv.why.text, cli.why.text);
	cr_expect_str_eq(srv.got, "from-client");
	cr_expect_str_eq(cli.got, "from-server");
}

/* In TLS 1.3 the client may believe itself connected before the server refuses: what counts is that no word passed. */
static inline void expect_server_refused(const char *why)
{
	struct sk_tls_peer peer;

	cr_expect_not(srv.connected);
	cr_expect(srv.over && cli.over);
	cr_expect_str_eq(srv.got, "");
	cr_expect_str_eq(cli.got, "");
	cr_expect_eq(sk_tls_peer(srv.bev, &peer), -ENOTCONN);
	cr_expect(strstr(srv.why.text, why) != NULL, "wanted '%s', got '%s'", why, srv.why.text);
}

static inline void expect_client_refused(const char *why)
{
	struct sk_tls_peer peer;

	cr_expect_not(cli.connected);
	cr_expect(cli.over);
	cr_expect_str_eq(srv.got, "");
	cr_expect_str_eq(cli.got, "");
	cr_expect_eq(sk_tls_peer(cli.bev, &peer), -ENOTCONN);
	cr_expect(strstr(cli.why.text, why) != NULL, "wanted '%s', got '%s'", why, cli.why.text);
}

#endif
