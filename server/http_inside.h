/* Inside the HTTP layer, for server/http.c and server/http_stream.c only. */
#ifndef SK_SERVER_HTTP_INSIDE_H
#define SK_SERVER_HTTP_INSIDE_H

#include "server/http_server.h"

struct request {
	struct sk_request pub;
	const struct sk_http *http;
	struct sk_conn *conn;
	char *path, *body;
	const char *tail;
	bool head, in_handler, deferred, replied, streaming;
	void (*on_gone)(struct sk_request *r, void *arg);
	void *gone_arg;
};

void http_request_free(struct request *q);
/* What every answer begins with: its headers, the line in the log, the count, and the deadline for writing it. */
void http_begin_reply(struct request *q, int code, const char *type);

#endif
