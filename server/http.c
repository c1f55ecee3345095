/*
 * From an evhttp request to a handler and back. What reaches a handler is checked: a known route and method, a body within its limit,
 * a decoded path without control characters, and on the terminals' line a verified certificate. Replies go out through one function.
 */
#include "server/http_inside.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "server/batch.h"

#define PATH_MAX_BYTES 512
#define BUSY_S         "10" /* what a 503 asks for when its reason says nothing else */

static struct request *own(const struct sk_request *r)
{
	return (struct request *)(uintptr_t)r; /* pub is the first member */
}

void http_request_free(struct request *q)
{
	evhttp_clear_headers(&q->pub.query);
	if (q->body != NULL)
		explicit_bzero(q->body, q->pub.body_len); /* passwords and tokens come through here */
	free(q->body);
	free(q->path);
	free(q);
}

const char *sk_request_tail(const struct sk_request *r)
{
	return own(r)->tail;
}

const char *sk_request_query(const struct sk_request *r, const char *name)
{
	return evhttp_find_header(&r->query, name);
}

const char *sk_request_header(const struct sk_request *r, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

void sk_reply_header(struct sk_request *r, const char *name, const char *value)
{
	/* libevent refuses CR and LF in values */
	evhttp_add_header(evhttp_request_get_output_headers(r->ev), name, value);
}

static void default_header(struct evkeyvalq *h, const char *name, const char *value)
{
	if (evhttp_find_header(h, name) == NULL)
		evhttp_add_header(h, name, value);
}

/* On every reply; a handler may have set its own Cache-Control (assets) or a stricter policy before. */
static void security_headers(struct evkeyvalq *h, bool pages)
{
	default_header(h, "Cache-Control", "no-store");
	default_header(h, "X-Content-Type-Options", "nosniff");
	if (!pages)
		return;
	default_header(
	    h, "Content-Security-Policy",
	    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
	default_header(h, "X-Frame-Options", "DENY");
	default_header(h, "Referrer-Policy", "same-origin");
	default_header(h, "Cross-Origin-Opener-Policy", "same-origin");
	default_header(h, "Cross-Origin-Resource-Policy", "same-origin");
	default_header(h, "Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=()");
	default_header(h, "Strict-Transport-Security", "max-age=31536000");
}

/* Refusals and failures, one line each. Without the query, which may hold names that were searched for. */
static void log_answer(const struct request *q, int code)
{
	if (code < 400 || code == HTTP_NOTFOUND)
		return;
	sk_log_set_request(q->pub.id);
	sk_log(code >= 500 ? SK_LOG_WARNING : SK_LOG_INFO, "answered %d: %s from %s", code, q->pub.path, q->pub.remote);
	sk_log_set_request(NULL);
}

void http_begin_reply(struct request *q, int code, const char *type)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(q->pub.ev);
	struct evhttp_connection *evcon = evhttp_request_get_connection(q->pub.ev);

	if (type != NULL)
		default_header(h, "Content-Type", type);
	security_headers(h, q->http->pages);
	evhttp_add_header(h, "X-Request-Id", q->pub.id);
	if (q->http->server->draining)
		default_header(h, "Connection", "close");
	log_answer(q, code);
	if (evcon != NULL) {
		evhttp_connection_set_closecb(evcon, NULL, NULL);
		sk_conn_writing(q->conn, q->pub.ev);
	}
	q->http->stats->by_class[code / 100 < 6 ? code / 100 : 5]++;
}

static void send_reply(struct request *q, int code, const char *type, const void *data, size_t len)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(q->pub.ev);
	struct evbuffer *out = evhttp_request_get_output_buffer(q->pub.ev);
	char length[24];

	if (q->head) {
		snprintf(length, sizeof(length), "%zu", len);
		default_header(h, "Content-Length", length);
	} else if (len > 0 && evbuffer_add(out, data, len) != 0) {
		code = HTTP_INTERNAL;
	}
	http_begin_reply(q, code, type);
	evhttp_send_reply(q->pub.ev, code, NULL, NULL);
}

void sk_reply_bytes(struct sk_request *r, int code, const char *type, const void *data, size_t len)
{
	struct request *q = own(r);

	if (q->replied)
		return;
	q->replied = true;
	send_reply(q, code, type, data, len);
	if (!q->in_handler) /* a handler may look at r until it returns */
		http_request_free(q);
}

void sk_reply_json(struct sk_request *r, int code, json_t *body)
{
	char *text = body == NULL ? NULL : sk_json_text(body);

	if (body != NULL && text == NULL)
		code = HTTP_INTERNAL;
	sk_reply_bytes(r, code, text == NULL ? NULL : "application/json", text, text == NULL ? 0 : strlen(text));
	free(text);
	json_decref(body);
}

void sk_reply_error(struct sk_request *r, int code, const char *error_code, const char *text)
{
	if (code == HTTP_SERVUNAVAIL && !own(r)->replied)
		default_header(evhttp_request_get_output_headers(r->ev), "Retry-After", BUSY_S);
	sk_reply_json(r, code, json_pack("{s:s,s:s}", "error", error_code, "text", text));
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct request *q = arg;
	struct evhttp_request *ev = q->pub.ev;

	(void)evcon;
	q->replied = true;
	if (q->on_gone != NULL)
		q->on_gone(&q->pub, q->gone_arg);
	/* When the peer went away, evhttp has let go of the request; when evhttp is being shut down, it still owns it. */
	if (evhttp_request_get_connection(ev) == NULL)
		evhttp_request_free(ev);
	http_request_free(q);
}

void sk_request_defer(struct sk_request *r, void (*on_gone)(struct sk_request *r, void *arg), void *arg)
{
	struct request *q = own(r);

	q->deferred = true;
	q->on_gone = on_gone;
	q->gone_arg = arg;
	evhttp_connection_set_closecb(evhttp_request_get_connection(r->ev), on_close, q);
}

/* Errors of the edge, before there is a request a handler could see. Terminals and /v1 read JSON, people text. */
static void refuse(const struct sk_http *http, struct evhttp_request *ev, struct sk_conn *conn, int code,
                   const char *error, const char *text, bool close)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(ev);
	const char *uri = evhttp_request_get_uri(ev);
	bool json = !http->pages || uri == NULL || strncmp(uri, "/v1/", 4) == 0;

	security_headers(h, http->pages);
	evhttp_add_header(h, "Content-Type", json ? "application/json" : "text/plain; charset=utf-8");
	if (close)
		evhttp_add_header(h, "Connection", "close");
	if (code == HTTP_SERVUNAVAIL)
		evhttp_add_header(h, "Retry-After", BUSY_S);
	if (evhttp_request_get_command(ev) != EVHTTP_REQ_HEAD) {
		if (json)
			evbuffer_add_printf(evhttp_request_get_output_buffer(ev), "{\"error\":\"%s\",\"text\":\"%s\"}",
			                    error, text);
		else
			evbuffer_add_printf(evhttp_request_get_output_buffer(ev), "%s\n", text);
	}
	http->stats->by_class[code / 100 < 6 ? code / 100 : 5]++;
	sk_conn_writing(conn, ev);
	evhttp_send_reply(ev, code, NULL, NULL);
}

static size_t count_header(const struct evkeyvalq *h, const char *name)
{
	const struct evkeyval *kv;
	size_t n = 0;

	TAILQ_FOREACH(kv, h, next)
	n += strcasecmp(kv->key, name) == 0;
	return n;
}

/* Two lengths, or a length and chunks, are how one request is made to look like two. Clients of ours send a length, once. */
static bool framing_is_odd(const struct evkeyvalq *h)
{
	return count_header(h, "Content-Length") > 1 || count_header(h, "Transfer-Encoding") > 0 ||
	       count_header(h, "Host") > 1 || count_header(h, "Content-Encoding") > 0;
}

static char *decode_path(const struct evhttp_uri *uri)
{
	const char *raw = uri == NULL ? NULL : evhttp_uri_get_path(uri);
	size_t len = 0;
	char *path;

	if (raw == NULL || raw[0] != '/' || evhttp_uri_get_scheme(uri) != NULL || strlen(raw) > 3 * PATH_MAX_BYTES)
		return NULL;
	path = evhttp_uridecode(raw, 0, &len);
	if (path == NULL || len != strlen(path) || len > PATH_MAX_BYTES || !sk_text_is_utf8(path, len)) {
		free(path);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f) {
			free(path);
			return NULL;
		}
	}
	return path;
}

static bool matches(const char *pattern, const char *path, const char **tail)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] != '*')
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, n - 1) != 0 || path[n - 1] == '\0' || strchr(path + n - 1, '/') != NULL)
		return false;
	*tail = path + n - 1;
	return true;
}

/* *allow collects the methods of the routes whose path fits. */
static const struct sk_route *route_of(const struct sk_http *http, const char *path, enum evhttp_cmd_type method,
                                       const char **tail, unsigned *allow, const struct sk_route **table)
{
	for (size_t t = 0; http->tables[t] != NULL; t++) {
		for (const struct sk_route *r = http->tables[t]; r->pattern != NULL; r++) {
			if (!matches(r->pattern, path, tail))
				continue;
			if (r->method == method) {
				*table = http->tables[t];
				return r;
			}
			*allow |= r->method;
		}
	}
	return NULL;
}

static void refuse_route(const struct sk_http *http, struct evhttp_request *ev, struct sk_conn *conn, unsigned allow)
{
	struct evkeyvalq *h = evhttp_request_get_output_headers(ev);

	if (allow == 0) {
		refuse(http, ev, conn, HTTP_NOTFOUND, "not-found", "there is nothing at this address", false);
		return;
	}
	evhttp_add_header(
	    h, "Allow",
	    (allow & EVHTTP_REQ_GET) != 0 ? (allow & EVHTTP_REQ_POST) != 0 ? "GET, HEAD, POST" : "GET, HEAD" : "POST");
	refuse(http, ev, conn, HTTP_BADMETHOD, "method", "this address does not take that method", false);
}

static bool fill(struct request *q, const struct evhttp_uri *uri)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(q->pub.ev);
	const char *query = evhttp_uri_get_query(uri);
	char *remote = NULL;
	ev_uint16_t port;

	q->pub.body_len = evbuffer_get_length(in);
	q->body = malloc(q->pub.body_len + 1);
	if (q->body == NULL)
		return false;
	if (q->pub.body_len > 0 && evbuffer_remove(in, q->body, q->pub.body_len) != (int)q->pub.body_len)
		return false;
	q->body[q->pub.body_len] = '\0';
	q->pub.body = q->body;
	if (query != NULL && evhttp_parse_query_str(query, &q->pub.query) != 0)
		return false;
	evhttp_connection_get_peer(evhttp_request_get_connection(q->pub.ev), &remote, &port);
	q->pub.remote = sk_conn_remote(q->conn) != NULL ? sk_conn_remote(q->conn) : remote == NULL ? "" : remote;
	return true;
}

static void call(struct request *q, const struct sk_route *route, bool batched)
{
	if (!batched)
		sk_batch_flush(q->pub.server->batch);
	q->in_handler = true;
	sk_log_set_request(q->pub.id);
	route->handler(&q->pub);
	sk_log_set_request(NULL);
	q->in_handler = false;
	if (q->streaming)
		return; /* it frees itself when it is through */
	if (q->replied) {
		http_request_free(q);
	} else if (!q->deferred) {
		sk_reply_error(&q->pub, HTTP_INTERNAL, "failed", "no answer was made");
	}
}

static void dispatch(const struct sk_http *http, struct evhttp_request *ev, struct sk_conn *conn,
                     const struct evhttp_uri *uri)
{
	struct request *q = calloc(1, sizeof(*q));
	const struct sk_route *route, *table = NULL;
	unsigned allow = 0;

	if (q == NULL) {
		refuse(http, ev, conn, HTTP_SERVUNAVAIL, "busy", "out of memory; try again later", true);
		return;
	}
	TAILQ_INIT(&q->pub.query);
	q->http = http;
	q->conn = conn;
	snprintf(q->pub.id, sizeof(q->pub.id), "%s-%llx", http->run, http->stats->requests);
	q->pub.server = http->server;
	q->pub.ev = ev;
	q->pub.method = evhttp_request_get_command(ev);
	q->head = q->pub.method == EVHTTP_REQ_HEAD;
	if (q->head)
		q->pub.method = EVHTTP_REQ_GET;
	q->path = decode_path(uri);
	q->pub.path = q->path;
	if (!http->mutual)
		q->pub.card_refused = sk_tls_peer(sk_conn_bev(conn), &q->pub.peer) < 0;
	if (q->path == NULL) {
		refuse(http, ev, conn, HTTP_BADREQUEST, "invalid", "the address cannot be read", true);
	} else if (http->mutual && (sk_tls_peer(sk_conn_bev(conn), &q->pub.peer) < 0 || !q->pub.peer.present)) {
		refuse(http, ev, conn, 401, "certificate", "a certificate of this server's authority is needed", true);
	} else if ((route = route_of(http, q->path, q->pub.method, &q->tail, &allow, &table)) == NULL) {
		refuse_route(http, ev, conn, allow);
	} else if (evbuffer_get_length(evhttp_request_get_input_buffer(ev)) > route->body_max) {
		refuse(http, ev, conn, HTTP_ENTITYTOOLARGE, "too-large", "the body is larger than this address takes",
		       true);
	} else if (!fill(q, uri)) {
		refuse(http, ev, conn, HTTP_BADREQUEST, "invalid", "the request cannot be read", true);
	} else {
		call(q, route, table != NULL && table == http->batched);
		return;
	}
	http_request_free(q);
}

void sk_http_request(struct evhttp_request *ev, struct sk_conn *conn, void *arg)
{
	struct sk_http *http = arg;
	struct evhttp_uri *uri;

	if (http->run[0] == '\0' && sk_random_code(http->run, sizeof(http->run) - 1) < 0)
		sk_text_copy(http->run, sizeof(http->run), "x");
	http->stats->requests++;
	if (framing_is_odd(evhttp_request_get_input_headers(ev))) {
		refuse(http, ev, conn, HTTP_BADREQUEST, "invalid", "send one Content-Length and no Transfer-Encoding",
		       true);
		return;
	}
	uri = evhttp_uri_parse_with_flags(evhttp_request_get_uri(ev), 0);
	if (uri == NULL) {
		refuse(http, ev, conn, HTTP_BADREQUEST, "invalid", "the address cannot be read", true);
		return;
	}
	dispatch(http, ev, conn, uri);
	evhttp_uri_free(uri);
}
