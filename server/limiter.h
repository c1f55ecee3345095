/* How often an address may fail: a fixed table, oldest entries give way. For what is open to the network without a login. */
#ifndef SK_SERVER_LIMITER_H
#define SK_SERVER_LIMITER_H

#include <stdbool.h>
#include "common/clock.h"

struct sk_limiter;

/* At most `limit` counted attempts per address in `window`. NULL: no memory. */
struct sk_limiter *sk_limiter_new(int limit, sk_ms window);
struct sk_limiter *sk_limiter_free(struct sk_limiter *l);
/* Counts an attempt before it is looked at; false = too many. now: any clock that does not go back. */
bool sk_limiter_attempt(struct sk_limiter *l, const char *address, sk_ms now);
void sk_limiter_success(struct sk_limiter *l, const char *address); /* the attempt does not count after all */

#endif
