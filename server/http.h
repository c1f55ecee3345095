/*
 * HTTP by libevent's evhttp on two listeners: terminals (mutual TLS, /v1/... but enrolment) and console (pages, POST /v1/enroll, /healthz,
 * /readyz, /metrics). Routes are a table; limits and absolute deadlines (handshake, header, body) are set here for both.
 */
#ifndef SK_SERVER_HTTP_H
#define SK_SERVER_HTTP_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include "common/buf.h"
#include "common/tls.h"
#include "server/config.h"
#include "server/store.h"

struct sk_server { /* everything a handler may use */
	const struct sk_server_config *config;
	struct sk_store *store;
	struct sk_ca *ca; /* server/ca.h */
	struct event_base *base;
	struct sk_orders *orders; /* server/orders.h: wakes long-polls */
	struct sk_batch *batch; /* server/batch.h: group commit of terminals' messages */
	struct sk_limiter *enrol_limiter; /* server/limiter.h; by address */
	struct sk_limiter *login_limiter, *unknown_limiter; /* by address: logins, and lines about names nobody has */
	struct sk_limiter *renew_limiter, *raise_limiter; /* by terminal: each use is a line of the audit trail */
	struct sk_rates *terminal_rates; /* server/rates.h: requests of each terminal */
	struct sk_overload *overload; /* server/overload.h */
	struct sk_server_stats *stats; /* server/metrics.h */
	char agents_url[300]; /* what enrolment tells terminals */
	bool draining; /* other nodes take over: connections end with their answer */
};

struct sk_request { /* one request, checked at the edge */
	char id[24]; /* on the answer (X-Request-Id) and in every line of the log that is written for it */
	struct sk_server *server;
	struct evhttp_request *ev;
	enum evhttp_cmd_type method;
	const char *path; /* decoded, no query, at most 512 bytes */
	struct evkeyvalq query; /* parsed query */
	const char *body; /* NUL-terminated copy, at most the route's limit */
	size_t body_len;
	struct sk_tls_peer peer; /* the verified certificate: a terminal's, or at the console a card's */
	bool card_refused; /* console: a certificate was shown that is not verified */
	const char *remote; /* address text */
	void *user; /* for the console's session */
};

typedef void (*sk_handler)(struct sk_request *r);
struct sk_route {
	enum evhttp_cmd_type method;
	const char *pattern; /* "/v1/events"; a last segment "*" takes one more segment, see sk_request_tail */
	size_t body_max;
	sk_handler handler;
};

extern const struct sk_route sk_api_routes[]; /* server/api.c: terminals' listener; ends with pattern NULL */
extern const struct sk_route
    sk_api_batched_routes[]; /* likewise; these store through sk_batch_join, all others after a flush */
extern const struct sk_route sk_public_routes[]; /* server/public.c: enrol, health, metrics */
void sk_api_lists(struct sk_request *r); /* server/console_tokens.c: GET /v1/lists/LIST for programs with a token */
extern const struct sk_route sk_console_routes[]; /* server/console.c */

const char *sk_request_tail(const struct sk_request *r); /* what "*" stood for */
const char *sk_request_query(const struct sk_request *r, const char *name); /* NULL if absent */
const char *sk_request_header(const struct sk_request *r, const char *name);
void sk_reply_json(struct sk_request *r, int code, json_t *body /* stolen, may be NULL */);
void sk_reply_error(struct sk_request *r, int code, const char *error_code,
                    const char *text); /* {"error":code,"text":..} */
void sk_reply_bytes(struct sk_request *r, int code, const char *type, const void *data, size_t len);
void sk_reply_header(struct sk_request *r, const char *name, const char *value); /* before the reply */
/* A reply in pieces (server/http_stream.c), with status 200: next adds to out and returns 1 (there may be more), 0 (that was the last), or -errno: then the connection is
 * cut, so that nobody takes the half for the whole. It is asked for the next piece when the one before has been sent; after an empty one, when other work was done. end is called once, in any case; r is
 * gone afterwards. < 0: nothing was sent, and end is not called. */
int sk_reply_stream(struct sk_request *r, const char *type, int (*next)(void *arg, struct sk_buf *out),
                    void (*end)(void *arg, bool whole), void *arg);
/* A handler that answers later keeps r and calls a reply function then; r is freed by the reply, or by the peer's going away, in which
 * case on_gone is called first. */
void sk_request_defer(struct sk_request *r, void (*on_gone)(struct sk_request *r, void *arg), void *arg);

#endif
