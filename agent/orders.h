/*
 * Orders of the office (policy/order.h) carried out one after the other, each once: taken on record first (order.taken), then done, then what became
 * of it (order.done). An order that was begun when the agent died is begun once more; all of them may be done twice without harm. One whose
 * time is over is recorded as expired and not done. Nothing here knows what an order does.
 */
#ifndef SK_AGENT_ORDERS_H
#define SK_AGENT_ORDERS_H

#include <systemd/sd-event.h>
#include "common/buf.h"
#include "policy/order.h"

struct sk_order_queue;

struct sk_order_hooks {
	void *ctx;
	sk_ms (*now)(void *ctx); /* trusted clock */
	int (*get)(void *ctx, const char *name,
	           struct sk_buf *out); /* small values that survive a reboot; 0, -ENOENT, other */
	int (*set)(void *ctx, const char *name, const char *value);
	int (*record)(void *ctx, const char *kind, const json_t *body); /* durable when it returns 0 */
	/* Begins it; sk_order_finished follows, at once or later. */
	void (*carry_out)(void *ctx, const struct sk_order *o);
};

int sk_order_queue_new(sd_event *loop, const struct sk_order_hooks *hooks, struct sk_order_queue **out);
struct sk_order_queue *sk_order_queue_free(struct sk_order_queue *q); /* NULL ok */

/* The grants bundle's body (NULL = none): what is open now. 0, or negative with err: nothing of it is taken. */
int sk_order_queue_take(struct sk_order_queue *q, const json_t *body, struct sk_err *err);
/* The one that runs is over. detail: a short text, "" ok. */
void sk_order_finished(struct sk_order_queue *q, bool done, const char *detail);
const struct sk_order *sk_order_running(const struct sk_order_queue *q); /* NULL = none */
void sk_order_queue_retry(struct sk_order_queue *q); /* the record works again */

#endif
