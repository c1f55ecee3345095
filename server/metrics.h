/* Counters of the process and their text for Prometheus. */
#ifndef SK_SERVER_METRICS_H
#define SK_SERVER_METRICS_H

#include "common/buf.h"
#include "server/http_server.h"

struct sk_server_stats {
	sk_ms started;
	struct sk_http_stats agents, console;
	const struct sk_listener *agents_listener, *console_listener;
	unsigned long long reports, events, enrolled;
	unsigned long long limited; /* requests of terminals over their rate */
};

/* Appends everything; store figures by sk_store_counts. 0 or -errno. */
int sk_metrics_text(const struct sk_server *server, sk_ms now, struct sk_buf *out);

#endif
