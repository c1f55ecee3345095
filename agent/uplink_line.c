/*
 * evhttp's client on bufferevent_openssl, held at arm's length: a connection that failed or was closed is thrown away and never
 * revived; callbacks only copy what came and wake `deliver`, which runs outside evhttp's stack. A request that finds a kept
 * connection dead is sent once more on a new one: every request of the protocol may be repeated.
 */
#include "agent/uplink_line.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/text.h"

#define HEADERS_MAX    (16 * 1024)
#define STALE_MS       1000
#define TIME_UP        "the time was up"
#define ADDRESSES      8
#define EVHTTP_TIMEOUT 3600 /* s: longer than any deadline, so that ours is the one that counts */

struct sk_line {
	struct event_base *base;
	const struct sk_url *url;
	struct sk_tls *tls; /* borrowed */
	sk_ms idle;
	sk_line_done done;
	void *arg;
	struct event *deliver, *deadline, *idler;

	struct evhttp_connection *conn; /* NULL = not connected */
	struct bufferevent *bev; /* conn's */
	bool dead; /* conn is to be thrown away before the next request */
	bool reused; /* conn has answered before */
	unsigned turn; /* which of the server's addresses is next */

	bool busy;
	bool again; /* deliver: send the request once more instead */
	enum evhttp_cmd_type method;
	char path[256];
	struct evbuffer *body; /* kept for sending again */

	int status;
	char type[64];
	char *answer;
	size_t len;
	sk_ms retry_after;
	struct sk_err problem;
	bool untrusted;
	bool failed; /* evhttp said so */
	const char *error; /* and why, if it knows */
	sk_ms started;
};

static int start(struct sk_line *l, struct sk_err *err);

static void drop(struct sk_line *l)
{
	if (l->conn) {
		evhttp_connection_set_closecb(l->conn, NULL, NULL);
		evhttp_connection_free(l->conn); /* and its bufferevent */
	}
	l->conn = NULL;
	l->bev = NULL;
	l->dead = l->reused = false;
}

static void clear_answer(struct sk_line *l)
{
	free(l->answer);
	l->answer = NULL;
	l->len = 0;
	l->status = 0;
	l->type[0] = '\0';
	l->retry_after = 0;
	l->problem.text[0] = '\0';
	l->untrusted = false;
	l->failed = false;
	l->error = NULL;
}

static void finish_later(struct sk_line *l)
{
	event_active(l->deliver, EV_TIMEOUT, 1);
}

static void on_close(struct evhttp_connection *conn, void *arg)
{
	struct sk_line *l = arg;

	if (conn == l->conn)
		l->dead = true;
}

static void on_error(enum evhttp_request_error e, void *arg)
{
	static const char *const WHY[] = {
	    [EVREQ_HTTP_TIMEOUT] = TIME_UP,
	    [EVREQ_HTTP_EOF] = "the connection was closed before the answer was complete",
	    [EVREQ_HTTP_INVALID_HEADER] = "the answer is not HTTP, or its headers are over the limit",
	    [EVREQ_HTTP_DATA_TOO_LONG] = "the answer is over the limit of 1 MiB",
	};
	struct sk_line *l = arg;

	l->failed = true; /* without a reason of evhttp's, no_answer asks TLS and the socket */
	l->error = (size_t)e < sizeof(WHY) / sizeof(WHY[0]) ? WHY[e] : NULL;
}

/* why: evhttp's reason, NULL when it has none. */
static void no_answer(struct sk_line *l, const char *why)
{
	struct sk_err below = SK_ERR_INIT;
	bool tls;

	if (l->bev)
		sk_tls_error(l->bev, &below);
	l->untrusted = strncmp(below.text, "certificate ", 12) == 0;
	tls = l->untrusted || strncmp(below.text, "TLS: ", 5) == 0;
	if (why && !tls)
		(void)sk_err_set(&l->problem, 0, "no answer from %s: %s", l->url->text, why);
	else
		(void)sk_err_set(&l->problem, 0, "no connection to %s: %s", l->url->text,
		                 below.text[0] ? below.text : "it failed");
	l->status = 0;
	l->dead = true;
}

static void take_answer(struct sk_line *l, struct evhttp_request *req)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const char *type = evhttp_find_header(headers, "Content-Type");
	size_t len = evbuffer_get_length(in);

	l->answer = len <= SK_ANSWER_MAX ? malloc(len + 1) : NULL;
	if (!l->answer) {
		no_answer(l, len > SK_ANSWER_MAX ? "the answer is over the limit of 1 MiB" : "out of memory");
		return;
	}
	if (len > 0 && evbuffer_remove(in, l->answer, len) != (int)len) {
		no_answer(l, "the answer could not be read");
		return;
	}
	l->answer[len] = '\0';
	l->len = len;
	l->status = evhttp_request_get_response_code(req);
	sk_text_copy(l->type, sizeof(l->type), type ? type : "");
	l->retry_after = sk_answer_retry_after(evhttp_find_header(headers, "Retry-After"));
}

/* A kept connection that the server had closed just before fails at once, without a word. One that fails later, in the middle of a
 * long poll, is a server going down: then every terminal must not come back in the same second. */
static bool was_stale(const struct sk_line *l, struct evhttp_request *req)
{
	return l->reused && sk_clock_boot() - l->started < STALE_MS &&
	       (!req || evhttp_request_get_response_code(req) == 0) && (!l->error || strcmp(l->error, TIME_UP) != 0);
}

static void on_done(struct evhttp_request *req, void *arg)
{
	struct sk_line *l = arg;

	if (req && evhttp_request_get_response_code(req) > 0 && !l->failed)
		take_answer(l, req);
	else if (was_stale(l, req))
		l->again = l->dead = true;
	else
		no_answer(l, l->error);
	finish_later(l);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct sk_line *l = arg;

	(void)fd;
	(void)what;
	no_answer(l, TIME_UP);
	drop(l); /* takes the request with it, without a callback */
	l->again = false;
	finish_later(l);
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct sk_line *l = arg;

	(void)fd;
	(void)what;
	if (!l->busy)
		drop(l);
}

static void arm(struct event *timer, sk_ms ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	/* Fails only for want of memory; evhttp's own limit then ends the request. */
	(void)evtimer_add(timer, &tv);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct sk_line *l = arg;
	struct sk_http_answer a;
	char *body;

	(void)fd;
	(void)what;
	if (!l->busy)
		return;
	if (l->again) {
		struct sk_err err = SK_ERR_INIT;

		l->again = false;
		drop(l);
		clear_answer(l);
		if (start(l, &err) == 0)
			return;
		l->problem = err;
	}
	(void)evtimer_del(l->deadline);
	l->busy = false;
	if (l->dead)
		drop(l);
	l->reused = l->conn != NULL;
	evbuffer_drain(l->body, evbuffer_get_length(l->body));
	if (l->conn && l->idle > 0)
		arm(l->idler, l->idle);
	body = l->answer;
	l->answer = NULL;
	a = (struct sk_http_answer){l->status,        l->type[0] ? l->type : NULL,
	                            body ? body : "", body ? l->len : 0,
	                            l->retry_after,   l->problem.text,
	                            l->untrusted};
	l->done(l->arg, &a);
	free(body);
}

/* The next of the server's addresses, as text. */
static int resolve(struct sk_line *l, char *host, size_t size, unsigned short *port, struct sk_err *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL, *ai;
	char service[8];
	unsigned long long p = 0;
	unsigned n = 0;
	int r = getaddrinfo(l->url->host, l->url->port, &hints, &list);

	if (r != 0)
		return sk_err_set(err, -EHOSTUNREACH, "the address of %s was not found: %s", l->url->host,
		                  gai_strerror(r));
	for (ai = list; ai && n < ADDRESSES; ai = ai->ai_next)
		n++;
	ai = list;
	for (unsigned i = n > 0 ? l->turn++ % n : 0; i > 0 && ai && ai->ai_next; i--)
		ai = ai->ai_next;
	if (!ai)
		return sk_err_set(err, -EHOSTUNREACH, "the address of %s was not found", l->url->host);
	r = getnameinfo(ai->ai_addr, ai->ai_addrlen, host, (socklen_t)size, service, sizeof(service),
	                NI_NUMERICHOST | NI_NUMERICSERV);
	freeaddrinfo(list);
	if (r != 0 || sk_text_u64(service, 1, 65535, &p) < 0)
		return sk_err_set(err, -EHOSTUNREACH, "the address of %s cannot be used", l->url->host);
	*port = (unsigned short)p;
	return 0;
}

static int connect_line(struct sk_line *l, struct sk_err *err)
{
	char host[NI_MAXHOST];
	unsigned short port = 0;
	int r = resolve(l, host, sizeof(host), &port, err);

	if (r < 0)
		return r;
	l->bev = sk_tls_connect(l->tls, l->base, l->url->host);
	if (!l->bev)
		return sk_err_set(err, -ENOMEM, "no TLS connection could be made");
	l->conn = evhttp_connection_base_bufferevent_new(l->base, NULL, l->bev, host, port);
	if (!l->conn) {
		bufferevent_free(l->bev);
		l->bev = NULL;
		return sk_err_set(err, -ENOMEM, "no HTTP connection could be made");
	}
	evhttp_connection_set_timeout(l->conn, EVHTTP_TIMEOUT);
	evhttp_connection_set_retries(l->conn, 0);
	evhttp_connection_set_max_headers_size(l->conn, HEADERS_MAX);
	evhttp_connection_set_max_body_size(l->conn, SK_ANSWER_MAX);
	evhttp_connection_set_closecb(l->conn, on_close, l);
	return 0;
}

static int add_headers(struct sk_line *l, struct evhttp_request *req)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(req);
	size_t len = evbuffer_get_length(l->body);
	char number[24];

	if (evhttp_add_header(h, "Host", l->url->authority) < 0 ||
	    evhttp_add_header(h, "User-Agent", "sekimori/" SK_VERSION) < 0 ||
	    evhttp_add_header(h, "Accept", "application/json") < 0)
		return -ENOMEM;
	if (l->method == EVHTTP_REQ_GET)
		return 0;
	(void)snprintf(number, sizeof(number), "%zu", len);
	if (evhttp_add_header(h, "Content-Type", "application/json") < 0 ||
	    evhttp_add_header(h, "Content-Length", number) < 0 ||
	    evbuffer_add_buffer_reference(evhttp_request_get_output_buffer(req), l->body) < 0)
		return -ENOMEM;
	return 0;
}

static int start(struct sk_line *l, struct sk_err *err)
{
	struct evhttp_request *req;
	int r = l->conn ? 0 : connect_line(l, err);

	if (r < 0)
		return r;
	req = evhttp_request_new(on_done, l);
	if (!req || add_headers(l, req) < 0) {
		if (req)
			evhttp_request_free(req);
		return sk_err_set(err, -ENOMEM, "out of memory");
	}
	evhttp_request_set_error_cb(req, on_error);
	if (evhttp_make_request(l->conn, req, l->method, l->path) != 0) { /* it has freed req */
		l->dead = true;
		return sk_err_set(err, -EIO, "no connection to %s could be begun", l->url->text);
	}
	return 0;
}

int sk_line_request(struct sk_line *l, const struct sk_uplink_request *r, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;

	if (l->busy)
		return sk_err_set(err, -EBUSY, "a request is under way");
	if (strlen(r->path) >= sizeof(l->path))
		return sk_err_set(err, -EINVAL, "the path is too long");
	(void)evtimer_del(l->idler);
	if (l->dead)
		drop(l);
	clear_answer(l);
	evbuffer_drain(l->body, evbuffer_get_length(l->body));
	if (r->len > 0 && evbuffer_add(l->body, r->body, r->len) < 0)
		return sk_err_set(err, -ENOMEM, "out of memory");
	l->method = strcmp(r->method, "POST") == 0 ? EVHTTP_REQ_POST : EVHTTP_REQ_GET;
	sk_text_copy(l->path, sizeof(l->path), r->path);
	l->busy = true;
	l->again = false;
	l->started = sk_clock_boot();
	arm(l->deadline, r->deadline);
	if (start(l, &why) < 0) {
		l->problem = why;
		finish_later(l);
	}
	return 0;
}

void sk_line_close(struct sk_line *l)
{
	(void)evtimer_del(l->deadline);
	(void)evtimer_del(l->idler);
	(void)event_del(l->deliver);
	l->busy = l->again = false;
	drop(l);
	clear_answer(l);
	evbuffer_drain(l->body, evbuffer_get_length(l->body));
}

void sk_line_set_tls(struct sk_line *l, struct sk_tls *tls)
{
	sk_line_close(l);
	l->tls = tls;
}

struct sk_line *sk_line_free(struct sk_line *l)
{
	if (!l)
		return NULL;
	if (l->deliver && l->deadline && l->idler && l->body)
		sk_line_close(l);
	if (l->deliver)
		event_free(l->deliver);
	if (l->deadline)
		event_free(l->deadline);
	if (l->idler)
		event_free(l->idler);
	if (l->body)
		evbuffer_free(l->body);
	free(l);
	return NULL;
}

int sk_line_new(struct event_base *base, const struct sk_url *url, struct sk_tls *tls, sk_ms idle, sk_line_done done,
                void *arg, struct sk_line **out)
{
	struct sk_line *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->base = base;
	l->url = url;
	l->tls = tls;
	l->idle = idle;
	l->done = done;
	l->arg = arg;
	l->deliver = event_new(base, -1, 0, on_deliver, l);
	l->deadline = evtimer_new(base, on_deadline, l);
	l->idler = evtimer_new(base, on_idle, l);
	l->body = evbuffer_new();
	if (!l->deliver || !l->deadline || !l->idler || !l->body) {
		sk_line_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}
