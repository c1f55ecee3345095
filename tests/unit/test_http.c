/* The HTTP layer on real sockets and TLS, with deadlines of a second: routes, limits, deferred replies, peers that dawdle or go away. */
#include "tests/unit/http_help.h"

Test(http, checked_requests_reach_handlers, .init = setup, .fini = teardown)
{
	char *a = ask("GET /echo/%E8%AA%B2?q=a%20b&q=c HTTP/1.1\r\nX-Test: y\r\n" END);

	cr_assert_eq(strncmp(a, "HTTP/1.1 200 ", 13), 0, "%s", a);
	cr_assert_not_null(strstr(a, "[/echo/課][課][a b][y][]"), "%s", a);
	cr_assert_not_null(strstr(a, "\r\nX-Content-Type-Options: nosniff\r\n"));
	cr_assert_null(strstr(a, "twice"));
	cr_assert_not_null(strstr(a, "\r\nX-Request-Id: "));
	a = ask("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n" END "0123456789");
	cr_assert_not_null(strstr(a, "[0123456789]"), "%s", a);
	a = ask("HEAD /echo HTTP/1.1\r\n" END);
	cr_assert_not_null(strstr(a, "\r\nContent-Length: "), "%s", a);
	cr_assert_null(strstr(a, "[/echo]"));
}

Test(http, refusals, .init = setup, .fini = teardown)
{
	static const struct {
		const char *request, *status;
	} cases[] = {
	    {"GET /none HTTP/1.1\r\n" END, " 404 "},
	    {"GET /echo/a/b HTTP/1.1\r\n" END, " 404 "},
	    {"GET /echo/ HTTP/1.1\r\n" END, " 404 "},
	    {"GET /v1/none HTTP/1.1\r\n" END, "{\"error\":\"not-found\""},
	    {"PUT /echo HTTP/1.1\r\nContent-Length: 0\r\n" END, "\r\nAllow: GET, HEAD, POST\r\n"},
	    {"POST /later HTTP/1.1\r\nContent-Length: 0\r\n" END, "\r\nAllow: GET, HEAD\r\n"},
	    {"BREW /echo HTTP/1.1\r\n" END, " 501 "},
	    {"GET /echo%00 HTTP/1.1\r\n" END, " 400 "},
	    {"GET /echo/%0a HTTP/1.1\r\n" END, " 400 "},
	    {"GET /echo/%c0%af HTTP/1.1\r\n" END, " 400 "},
	    {"GET http://x/echo HTTP/1.1\r\n" END, " 400 "},
	    {"GET echo HTTP/1.1\r\n" END, " 400 "},
	    {"POST /echo HTTP/1.1\r\nContent-Length: 11\r\n" END "0123456789a", " 413 "},
	    {"GET /echo HTTP/1.1\r\nContent-Length: 1\r\n" END "x", " 413 "},
	    {"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" END "x", " 400 "},
	    {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "1\r\nx\r\n0\r\n\r\n", " 400 "},
	    {"GET /mute HTTP/1.1\r\n" END, " 500 "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *a = ask(cases[i].request);

		cr_assert_not_null(strstr(a, cases[i].status), "%s -> %s", cases[i].request, a);
		cr_assert_null(strstr(a, " 200 "), "%s", cases[i].request);
	}
	cr_assert_eq(stats.by_class[2], 0);
}

Test(http, a_reply_header_holds_no_second_line, .init = setup, .fini = teardown)
{
	char *a = ask("GET /split HTTP/1.1\r\n" END);

	cr_assert_null(strstr(a, "Set-Cookie"), "%s", a);
	cr_assert_not_null(strstr(a, "{\"n\":1}"));
}

Test(http, kept_connections_and_pipelines, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/2 HTTP/1.1\r\nHost: x\r\n\r\n");
	cr_assert(hear(l, "[/echo/2]"));
	cr_assert_not_null(strstr(l->text, "[/echo/1]"));
	turn(1500); /* idle is no crime */
	say(l, "GET /echo/3 HTTP/1.1\r\nHost: x\r\n\r\n");
	cr_assert(hear(l, "[/echo/3]"));
	hang_up(l);
}

Test(http, deferred_reply, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && kept == NULL; i++)
		turn(10);
	cr_assert_not_null(kept);
	turn(1500); /* no deadline for the handler */
	say(l, "GET /echo/next HTTP/1.1\r\nHost: x\r\n\r\n"); /* sent too early; it must wait its turn */
	turn(50);
	sk_reply_json(kept, 200, json_pack("{s:b}", "late", 1));
	cr_assert(hear(l, "[/echo/next]"), "%s", l->text);
	cr_assert_not_null(strstr(l->text, "{\"late\":true}"));
	cr_assert_eq(gone, 0);
	hang_up(l);
}

Test(http, peer_goes_away_while_it_waits, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && kept == NULL; i++)
		turn(10);
	cr_assert_not_null(kept);
	hang_up(l);
	for (int i = 0; i < 500 && gone == 0; i++)
		turn(10);
	cr_assert_eq(gone, 1);
	turn(50);
	cr_assert_eq(sk_listener_connections(listener), 0);
}

Test(http, stopped_while_one_waits, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && kept == NULL; i++)
		turn(10);
	listener = sk_listener_free(listener);
	cr_assert_eq(gone, 1);
	hang_up(l);
}

static int plain(void)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static bool closed(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

Test(http, no_handshake, .init = setup, .fini = teardown)
{
	int fd = plain();
	long long began = now_ms();

	while (!closed(fd) && now_ms() - began < 5000)
		turn(20);
	cr_assert(now_ms() - began >= 900 && now_ms() - began < 3000, "%lld", now_ms() - began);
	close(fd);
	turn(50);
	cr_assert_eq(sk_listener_connections(listener), 0);
	cr_assert_eq(sk_listener_counts(listener)->late, 1);
}

/* A byte every 50 ms keeps evhttp's own timeout from ever firing. */
static void trickle(const char *head, const char *drop)
{
	struct line *l = dial();
	long long began = now_ms();

	say(l, head);
	while (!l->ended && now_ms() - began < 5000) {
		turn(50);
		say(l, drop);
	}
	cr_assert(l->ended);
	cr_assert_lt(now_ms() - began, 3000, "cut after a second, bytes or not");
	cr_assert_null(strstr(l->text, " 200 "));
	hang_up(l);
}

Test(http, trickled_header, .init = setup, .fini = teardown)
{
	trickle("GET /echo HTTP/1.1\r\n", "A: b\r\n");
}

Test(http, trickled_first_line, .init = setup, .fini = teardown)
{
	trickle("GET /echo", "/");
}

Test(http, trickled_body, .init = setup, .fini = teardown)
{
	trickle("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n", "x");
}

Test(http, handshake_and_then_nothing, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	turn(2500);
	cr_assert_not(l->ended, "a browser that connects ahead of time is let be");
	say(l, "GET /echo HTTP/1.1\r\n" END);
	cr_assert(hear(l, "[/echo]"));
	hang_up(l);
}

static void few(void)
{
	start(6, 3);
}

Test(http, connections_per_address, .init = few, .fini = teardown)
{
	int fds[6], open = 0;

	for (int i = 0; i < 5; i++)
		fds[i] = plain();
	turn(200);
	for (int i = 0; i < 5; i++)
		open += !closed(fds[i]);
	cr_assert_eq(open, 3);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	turn(100);
	cr_assert_eq(sk_listener_connections(listener), 0);
	cr_assert_not_null(strstr(ask("GET /echo HTTP/1.1\r\n" END), " 200 "), "and there is room again");
}

static void tiny(void)
{
	start(2, 10);
}

Test(http, a_full_listener_gives_up_the_oldest_silent_one, .init = tiny, .fini = teardown)
{
	int fds[2] = {plain(), plain()};
	long long began = now_ms();
	struct line *l;

	turn(100);
	cr_assert_eq(sk_listener_connections(listener), 2);
	l = dial();
	say(l, "GET /echo HTTP/1.1\r\n" END);
	cr_assert(hear(l, "[/echo]"), "%s", l->text);
	cr_assert_lt(now_ms() - began, 900, "before any deadline");
	cr_assert(closed(fds[0]));
	cr_assert_not(closed(fds[1]));
	cr_assert_eq(sk_listener_counts(listener)->crowded_out, 1);
	hang_up(l);
	close(fds[0]);
	close(fds[1]);
}

Test(http, what_is_handled_is_not_given_up, .init = tiny, .fini = teardown)
{
	struct line *first = dial(), *second;
	int fds[8];

	say(first, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && kept == NULL; i++)
		turn(10);
	for (int i = 0; i < 8; i++)
		fds[i] = plain();
	turn(100);
	second = dial();
	say(second, "GET /echo HTTP/1.1\r\n" END);
	cr_assert(hear(second, "[/echo]"));
	sk_reply_json(kept, 200, json_pack("{s:b}", "late", 1));
	cr_assert(hear(first, "{\"late\":true}"), "%s", first->text);
	hang_up(first);
	hang_up(second);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	turn(100);
	cr_assert_eq(sk_listener_connections(listener), 0);
}

static int plain_from(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr = {htonl(INADDR_LOOPBACK)}},
	                   from = {.sin_family = AF_INET, .sin_addr = {inet_addr(address)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void twelve(void)
{
	start(12, 100);
}

/* Slow requests hold every place; the newcomer is silent for longer than they are, but its address holds less. */
Test(http, a_newcomer_is_not_given_up_for_who_holds_more, .init = twelve, .fini = teardown)
{
	struct line *slow[12];
	int newcomer, more;

	for (int i = 0; i < 12; i++) {
		slow[i] = dial();
		say(slow[i], "GET /echo HTTP/1.1\r\n");
	}
	turn(300);
	newcomer = plain_from("127.0.0.2");
	turn(100);
	more = plain_from("127.0.0.3");
	turn(100);
	cr_assert_not(closed(newcomer));
	cr_assert_not(closed(more));
	cr_assert_eq(sk_listener_counts(listener)->crowded_out, 2);
	for (int i = 0; i < 12; i++)
		hang_up(slow[i]);
	close(newcomer);
	close(more);
}

static void strict(void)
{
	failures = 3;
	start(100, 50);
}

Test(http, an_address_that_keeps_failing_has_to_wait, .init = strict, .fini = teardown)
{
	int fd;

	for (int i = 0; i < 8; i++) { /* who hangs up after an answer has not failed */
		struct line *l = dial();

		say(l, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
		cr_assert(hear(l, "[/echo]"));
		shutdown(bufferevent_getfd(l->bev), SHUT_RDWR);
		turn(20);
		hang_up(l);
	}
	for (int i = 0; i < 3; i++) {
		fd = plain();
		cr_assert_eq(send(fd, "no handshake\r\n\r\n", 16, 0), 16);
		turn(100);
		close(fd);
		turn(50);
	}
	cr_assert_eq(sk_listener_counts(listener)->handshakes_failed, 3);
	fd = plain();
	turn(100);
	cr_assert(closed(fd));
	cr_assert_eq(sk_listener_counts(listener)->unwelcome, 1);
	close(fd);
	fd = plain_from("127.0.0.2");
	turn(100);
	cr_assert_not(closed(fd), "another address is not held to it");
	close(fd);
	turn(50);
	cr_assert_eq(sk_listener_connections(listener), 0);
}

Test(http, header_too_large, .init = setup, .fini = teardown)
{
	char *text = malloc(40000);
	size_t n = (size_t)snprintf(text, 40000, "GET /echo HTTP/1.1\r\nX: ");

	memset(text + n, 'a', 20000);
	snprintf(text + n + 20000, 1000, "\r\n%s", END);
	cr_assert_null(strstr(ask(text), " 200 "));
	free(text);
}

Test(http, bad_addresses)
{
	static const char *const bad[] = {"",           "8443",        ":8443",  "name.example:1",
	                                  "127.0.0.1:", "127.0.0.1:x", "[::1:1", "127.0.0.1:99999"};
	struct sk_listener_options o = {.connections = 1, .per_address = 1};
	struct sk_err err = SK_ERR_INIT;
	struct sk_listener *l = NULL;

	base = event_base_new();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		o.address = bad[i];
		cr_assert_lt(sk_listener_new(base, &o, &l, &err), 0, "%s", bad[i]);
		cr_assert_null(l);
	}
	event_base_free(base);
}
