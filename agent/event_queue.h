/*
 * Events that could not be made durable yet, in memory, oldest first, bounded in number and bytes. When it is full, what comes is
 * dropped and counted: the oldest are the ones nearest to the cause. Pure: no file, no clock.
 */
#ifndef SK_AGENT_EVENT_QUEUE_H
#define SK_AGENT_EVENT_QUEUE_H

#include <stddef.h>
#include "common/chain.h"

#define SK_QUEUE_EVENTS 1024
#define SK_QUEUE_BYTES  (2 * 1024 * 1024)

struct sk_queued {
	struct sk_queued *next;
	sk_ms time;
	char kind[SK_EVENT_KIND_MAX];
	size_t body_len;
	char body[]; /* NUL-terminated */
};

struct sk_event_queue {
	struct sk_queued *first, **last; /* last is set by the first push */
	size_t n, bytes;
	int64_t dropped; /* since the queue was last emptied */
	sk_ms dropped_first, dropped_last;
};

/* 0; -ENOBUFS when it was dropped (and counted); -ENOMEM likewise. */
int sk_event_queue_push(struct sk_event_queue *q, sk_ms time, const char *kind, const char *body, size_t len);
void sk_event_queue_clear(struct sk_event_queue *q);

#endif
