/* What server/serve.c sets up for each listener, and what http.c counts. */
#ifndef SK_SERVER_HTTP_SERVER_H
#define SK_SERVER_HTTP_SERVER_H

#include "server/http.h"
#include "server/listener.h"

struct sk_http_stats {
	unsigned long long requests;
	unsigned long long by_class[6]; /* [2] = 2xx ... */
};

struct sk_http {
	struct sk_server *server;
	const struct sk_route *const *tables; /* ends with NULL; the first fitting route wins */
	const struct sk_route *batched; /* one of tables: its handlers join a batch; may be NULL */
	bool mutual; /* every request needs a verified certificate */
	bool pages; /* browsers come here: security headers, errors as text outside /v1 */
	struct sk_http_stats *stats;
	char run[9]; /* begins the ids of this process's requests; made when the first comes */
};

/* sk_listener_options.on_request; arg is a struct sk_http that outlives the listener. */
void sk_http_request(struct evhttp_request *ev, struct sk_conn *conn, void *arg);

#endif
