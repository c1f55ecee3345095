/* TLS with certificates on both ends: who is let in, who is not and why, resumption, and the way evhttp uses it. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tests/unit/tls_pair.h"

TestSuite(tls, .init = setup, .fini = teardown, .timeout = 60);

static size_t open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

Test(tls, mutual)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);
	struct sk_x509_info info;
	struct sk_tls_peer peer;
	SSL *ssl;

	meet(s, c, HOST);
	expect_good();
	cr_assert_eq(sk_tls_peer(srv.bev, &peer), 0);
	cr_expect(peer.present);
	cr_expect_str_eq(peer.device, device);
	cr_assert_eq(sk_x509_info(here.client.data, here.client.len, &info, &err), 0);
	cr_expect_str_eq(peer.fingerprint, info.fingerprint);
	cr_assert_eq(sk_tls_peer(cli.bev, &peer), 0);
	cr_assert_eq(sk_x509_info(here.server.data, here.server.len, &info, &err), 0);
	cr_expect_str_eq(peer.fingerprint, info.fingerprint);
	cr_expect_str_eq(peer.device, "");
	ssl = bufferevent_openssl_get_ssl(srv.bev);
	cr_expect_eq(SSL_version(ssl), TLS1_3_VERSION);
	cr_expect_eq(SSL_get_negotiated_group(ssl), NID_X25519);
	end_sides();
	meet(s, c, "127.0.0.1");
	expect_good();
	end_sides();
	sk_tls_free(s);
	cr_expect_null(sk_tls_free(c));
	cr_expect_null(sk_tls_free(NULL));
}

Test(tls, resumed_with_the_same_name_only)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);
	struct sk_tls_peer first, again;

	meet(s, c, HOST);
	expect_good();
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(srv.bev)), 0);
	cr_assert_eq(sk_tls_peer(srv.bev, &first), 0);
	meet(s, c, HOST);
	expect_good();
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(srv.bev)), 1, "second time");
	cr_assert_eq(sk_tls_peer(srv.bev, &again), 0);
	cr_expect_str_eq(first.fingerprint, again.fingerprint);
	cr_expect_str_eq(again.device, device);
	meet(s, c, HOST);
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(cli.bev)), 1, "third time");
	meet(s, c, "127.0.0.1");
	expect_good();
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(cli.bev)), 0, "another name");
	meet(s, c, "other.example.jp");
	expect_client_refused("hostname mismatch");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, a_resumed_session_does_not_cross_servers)
{
	struct sk_tls *s = server_of(&here, &here), *other = server_of(&here, &here), *c = client_of(&here, &here);

	meet(s, c, HOST);
	expect_good();
	meet(other, c, HOST);
	expect_good();
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(srv.bev)), 0);
	end_sides();
	sk_tls_free(s);
	sk_tls_free(other);
	sk_tls_free(c);
}

Test(tls, client_without_certificate)
{
	struct sk_tls *s = server_of(&here, &here), *c = pinned_to(here.root_pin);

	meet(s, c, HOST);
	expect_server_refused("peer did not return a certificate");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, client_of_an_unknown_ca)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&elsewhere, &here);

	meet(s, c, HOST);
	expect_server_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, client_expired_or_not_yet_valid)
{
	struct sk_tls *s = server_of(&here, &here), *c;
	sk_ms now = sk_clock_wall();

	make_client(&here, now - 2 * DAY, now - DAY);
	c = client_of(&here, &here);
	meet(s, c, HOST);
	expect_server_refused("certificate has expired");
	end_sides();
	sk_tls_free(c);
	make_client(&here, now + DAY, now + 2 * DAY);
	c = client_of(&here, &here);
	meet(s, c, HOST);
	expect_server_refused("certificate is not yet valid");
	end_sides();
	sk_tls_free(c);
	sk_tls_free(s);
}

Test(tls, connection_outlives_its_certificate)
{
	struct sk_tls *s = server_of(&here, &here), *c;
	struct timespec ts = {.tv_sec = 3};
	struct sk_tls_peer peer;
	sk_ms now = sk_clock_wall();

	make_client(&here, now - DAY, now + 2000);
	c = client_of(&here, &here);
	meet(s, c, HOST);
	expect_good();
	cr_expect_eq(sk_tls_peer(srv.bev, &peer), 0);
	nanosleep(&ts, NULL);
	cr_expect_eq(sk_tls_peer(srv.bev, &peer), -ENOTCONN);
	meet(s, c, HOST); /* resumed: the handshake passes, the certificate no more */
	cr_expect_eq(sk_tls_peer(srv.bev, &peer), -ENOTCONN);
	end_sides();
	sk_tls_free(c);
	sk_tls_free(s);
}

Test(tls, a_servers_certificate_is_no_terminals)
{
	struct sk_tls *s = server_of(&here, &here), *c = NULL;

	cr_assert_eq(sk_tls_client_mutual(here.ca.data, here.server.data, here.server_key.data, &c, &err), 0);
	meet(s, c, HOST);
	expect_server_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, a_terminals_certificate_is_no_servers)
{
	struct sk_tls *s = NULL, *c = client_of(&here, &here);

	cr_assert_eq(sk_tls_server_mutual(here.client.data, here.client_key.data, here.ca.data, &s, &err), 0);
	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, server_of_an_unknown_ca)
{
	struct sk_tls *s = server_of(&elsewhere, &here), *c = client_of(&here, &here);

	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, server_by_another_name)
{
	static const char *const bad[] = {"other.example.jp", "example.jp", "x.server.example.jp", "sekimori-server"};
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		meet(s, c, bad[i]);
		expect_client_refused("hostname mismatch");
	}
	meet(s, c, "127.0.0.2");
	expect_client_refused("IP address mismatch");
	meet(s, c, "::1");
	expect_client_refused("IP address mismatch");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, names_that_would_switch_the_check_off)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);

	cr_expect_null(sk_tls_connect(c, base, ""));
	cr_expect_null(sk_tls_connect(c, base, NULL));
	cr_expect_null(sk_tls_connect(c, base, ".example.jp"));
	cr_expect_null(sk_tls_connect(c, base, "*"));
	cr_expect_null(sk_tls_connect(c, base, "a b"));
	cr_expect_null(sk_tls_connect(s, base, HOST), "a server does not connect");
	cr_expect_null(sk_tls_accept(c, base, -1), "a client does not accept");
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, server_expired)
{
	sk_ms now = sk_clock_wall();
	struct sk_tls *s, *c;

	make_server(&here, now - 2 * DAY, now - DAY);
	s = server_of(&here, &here);
	c = client_of(&here, &here);
	meet(s, c, HOST);
	expect_client_refused("certificate has expired");
	end_sides();
	sk_tls_free(c);
	c = pinned_to(here.root_pin);
	sk_tls_free(s);
	s = public_server_of(&here, here.chain.data);
	meet(s, c, HOST);
	expect_client_refused("certificate has expired");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, identities_are_checked)
{
	struct sk_tls *t = NULL;

	cr_expect_eq(sk_tls_server_mutual(here.chain.data, elsewhere.server_key.data, here.ca.data, &t, &err), -EINVAL,
	             "the key of another certificate");
	cr_expect_eq(sk_tls_server_mutual("", here.server_key.data, here.ca.data, &t, &err), -EINVAL);
	cr_expect_eq(sk_tls_server_mutual(here.chain.data, "", here.ca.data, &t, &err), -EINVAL);
	cr_expect_eq(sk_tls_server_mutual(here.chain.data, here.server_key.data, "", &t, &err), -EINVAL,
	             "no CA, no trust");
	cr_expect_eq(sk_tls_server_mutual(here.chain.data, here.server_key.data, here.server.data, &t, &err), -EINVAL,
	             "a server's certificate is no CA");
	cr_expect_eq(sk_tls_server_public("x", here.server_key.data, &t, &err), -EINVAL);
	cr_expect_eq(sk_tls_client_mutual(here.ca.data, here.client.data, here.ca_key.data, &t, &err), -EINVAL);
	cr_expect_eq(sk_tls_client_mutual("", here.client.data, here.client_key.data, &t, &err), -EINVAL);
	cr_expect_null(t);
	cr_expect_eq(ERR_peek_error(), 0UL);
}

/* A client that speaks TLS 1.2 at most. */
Test(tls, older_versions)
{
	struct sk_tls *s = public_server_of(&here, here.chain.data);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct timeval patience = {.tv_sec = 5};
	SSL *ssl;
	int fd[2];

	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ssl = SSL_new(ctx);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	srv.bev = sk_tls_accept(s, base, fd[0]);
	cli.bev = bufferevent_openssl_socket_new(base, fd[1], ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(srv.bev, on_read, NULL, on_event, &srv);
	bufferevent_setcb(cli.bev, on_read, NULL, on_event, &cli);
	event_base_loopexit(base, &patience);
	event_base_dispatch(base);
	cr_expect_not(srv.connected);
	cr_expect(srv.over);
	cr_expect(strstr(srv.why.text, "unsupported protocol") != NULL, "%s", srv.why.text);
	end_sides();
	SSL_CTX_free(ctx);
	sk_tls_free(s);
}

Test(tls, bytes_that_are_no_tls)
{
	struct sk_tls *s = server_of(&here, &here);
	struct timeval patience = {.tv_sec = 5};
	int fd[2];

	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	cli.over = true;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	srv.bev = sk_tls_accept(s, base, fd[0]);
	bufferevent_setcb(srv.bev, on_read, NULL, on_event, &srv);
	cr_assert_eq(write(fd[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	event_base_loopexit(base, &patience);
	event_base_dispatch(base);
	cr_expect(srv.over);
	cr_expect_not(srv.connected);
	close(fd[1]);
	end_sides();
	sk_tls_free(s);
}

Test(tls, context_freed_while_connections_live)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);
	struct sk_tls_peer peer;

	meet(s, c, HOST);
	expect_good();
	sk_tls_free(s);
	sk_tls_free(c);
	bufferevent_write(srv.bev, "x", 1);
	bufferevent_write(cli.bev, "x", 1);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_eq(sk_tls_peer(srv.bev, &peer), 0);
	end_sides();
}

Test(tls, no_descriptor_is_left)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here), *wrong = client_of(&elsewhere, &here);
	size_t before;

	meet(s, c, HOST);
	end_sides();
	before = open_fds();
	for (int i = 0; i < 10; i++) {
		meet(s, i % 2 ? c : wrong, HOST);
		end_sides();
	}
	cr_expect_eq(open_fds(), before);
	sk_tls_free(s);
	sk_tls_free(c);
	sk_tls_free(wrong);
}

static void count_up(void *arg, bool shaken)
{
	*(int *)arg += shaken ? 1 : 100;
}

Test(tls, told_when_a_connection_is_freed)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here);
	struct bufferevent *plain = bufferevent_socket_new(base, -1, 0), *unused = sk_tls_accept(s, base, -1);
	int first = 0, second = 0;

	meet(s, c, HOST);
	expect_good();
	cr_expect_eq(sk_tls_on_free(srv.bev, count_up, &first), 0);
	cr_expect_eq(sk_tls_on_free(srv.bev, count_up, &second), -EINVAL, "one for each connection");
	cr_expect_eq(first, 0);
	end_sides();
	event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_eq(first, 1);
	cr_expect_eq(second, 0);
	cr_expect_eq(sk_tls_on_free(unused, count_up, &second), 0);
	bufferevent_free(unused);
	event_base_loop(base, EVLOOP_NONBLOCK);
	cr_expect_eq(second, 100, "also one that never had a peer");
	cr_expect_eq(sk_tls_on_free(plain, count_up, &first), -EINVAL);
	cr_expect_eq(sk_tls_on_free(NULL, count_up, &first), -EINVAL);
	bufferevent_free(plain);
	meet(s, c, HOST);
	cr_expect_eq(SSL_session_reused(bufferevent_openssl_get_ssl(srv.bev)), 1);
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls, before_the_handshake_nobody_is_anybody)
{
	struct sk_tls *s = server_of(&here, &here);
	struct bufferevent *bev = sk_tls_accept(s, base, -1);
	struct sk_tls_peer peer;
	struct sk_buf pem;

	sk_buf_init(&pem, 100);
	cr_assert_not_null(bev);
	cr_expect_eq(sk_tls_peer(bev, &peer), -ENOTCONN);
	cr_expect_eq(sk_tls_peer_root(bev, &pem), -ENOTCONN);
	sk_tls_error(bev, &err);
	cr_expect_eq(sk_tls_peer(NULL, &peer), -ENOTCONN);
	bufferevent_free(bev);
	sk_tls_free(s);
}

/* The way the server uses it: evhttp asks for a bufferevent without a descriptor and sets it later. */
static struct bufferevent *for_evhttp(struct event_base *b, void *user)
{
	return sk_tls_accept(user, b, -1);
}

static void answer(struct evhttp_request *req, void *user)
{
	struct sk_tls_peer peer;
	struct evbuffer *body = evbuffer_new();

	(void)user;
	if (sk_tls_peer(evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)), &peer) == 0)
		evbuffer_add_printf(body, "hello %s", peer.device);
	evhttp_send_reply(req, 200, "OK", body);
	evbuffer_free(body);
}

static void answered(struct evhttp_request *req, void *user)
{
	char *got = user;
	int n = req != NULL ? evbuffer_remove(evhttp_request_get_input_buffer(req), got, 99) : 0;

	got[n > 0 ? n : 0] = '\0';
	event_base_loopbreak(base);
}

static void ask(struct sk_tls *c, int port, const char *name, char got[100])
{
	struct bufferevent *bev = sk_tls_connect(c, base, name);
	struct evhttp_connection *conn =
	    evhttp_connection_base_bufferevent_new(base, NULL, bev, "127.0.0.1", (uint16_t)port);
	struct timeval patience = {.tv_sec = 10};

	cr_assert_not_null(conn);
	cr_assert_eq(evhttp_make_request(conn, evhttp_request_new(answered, got), EVHTTP_REQ_GET, "/"), 0);
	event_base_loopexit(base, &patience);
	event_base_dispatch(base);
	evhttp_connection_free(conn);
}

Test(tls, under_evhttp)
{
	struct sk_tls *s = server_of(&here, &here), *c = client_of(&here, &here), *wrong = client_of(&elsewhere, &here);
	struct evhttp *http = evhttp_new(base);
	struct evhttp_bound_socket *bound;
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char got[100] = "", want[100];
	int port;

	evhttp_set_bevcb(http, for_evhttp, s);
	evhttp_set_gencb(http, answer, NULL);
	bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	cr_assert_not_null(bound);
	cr_assert_eq(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&addr, &len), 0);
	port = ntohs(((struct sockaddr_in *)&addr)->sin_port);
	(void)snprintf(want, sizeof(want), "hello %s", device);
	for (int i = 0; i < 3; i++) {
		got[0] = '\0';
		ask(c, port, "127.0.0.1", got);
		cr_expect_str_eq(got, want);
	}
	ask(wrong, port, "127.0.0.1", got);
	cr_expect_str_eq(got, "");
	ask(c, port, "127.0.0.9", got);
	cr_expect_str_eq(got, "");
	evhttp_free(http);
	sk_tls_free(s);
	sk_tls_free(c);
	sk_tls_free(wrong);
}
