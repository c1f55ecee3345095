/* A singly linked list with a tail pointer; the body is allocated with its node. */
#include "agent/event_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static int drop(struct sk_event_queue *q, sk_ms time, int code)
{
	if (q->dropped++ == 0)
		q->dropped_first = time;
	q->dropped_last = time;
	return code;
}

int sk_event_queue_push(struct sk_event_queue *q, sk_ms time, const char *kind, const char *body, size_t len)
{
	struct sk_queued *e;

	if (q->n >= SK_QUEUE_EVENTS || q->bytes + len > SK_QUEUE_BYTES)
		return drop(q, time, -ENOBUFS);
	e = malloc(sizeof *e + len + 1);
	if (!e)
		return drop(q, time, -ENOMEM);
	e->next = NULL;
	e->time = time;
	sk_text_copy(e->kind, sizeof e->kind, kind);
	e->body_len = len;
	memcpy(e->body, body, len);
	e->body[len] = '\0';
	if (!q->first)
		q->last = &q->first;
	*q->last = e;
	q->last = &e->next;
	q->n++;
	q->bytes += len;
	return 0;
}

void sk_event_queue_clear(struct sk_event_queue *q)
{
	while (q->first) {
		struct sk_queued *e = q->first;

		q->first = e->next;
		free(e);
	}
	memset(q, 0, sizeof *q);
}
