/*
 * Orders: terminals' long-polls (GET /v1/orders). One waiting request per terminal, an older one ends with 204. A waiter is looked
 * at again when somebody wakes it, when another process has written to the store, and when a grant of its terminal ends.
 */
#ifndef SK_SERVER_ORDERS_H
#define SK_SERVER_ORDERS_H

#include <stddef.h>
#include <stdint.h>

struct sk_orders;
struct sk_server;
struct sk_request;

int sk_orders_new(struct sk_server *server, struct sk_orders **out); /* 0 or -ENOMEM; server outlives it */
/* Answers all waiters with 204; who asks from then on gets 503. For the time between the signal and the listeners' end. */
void sk_orders_stop(struct sk_orders *o);
struct sk_orders *sk_orders_free(struct sk_orders *o); /* ends all waiters with 204 */

/* Something the terminal must learn has changed (a decision, a policy, a revocation). device: its id; NULL = all. Cheap; the bundles are made
 * from the event loop, not inside this call. Call it after the store's commit. */
void sk_orders_wake(struct sk_orders *o, const char *device);

/* Takes r over: replies now when the terminal's bundles are newer than it has, else when they become so, else 204 after wait_s. */
void sk_orders_wait(struct sk_orders *o, struct sk_request *r, const char *device, int64_t policy, int64_t grants,
                    int wait_s);
size_t sk_orders_waiting(const struct sk_orders *o);

#endif
