/*
 * Token buckets by key (a terminal's id, an address), in a table whose size never grows: each key may do `burst` things at once and
 * `per_minute` in the long run. Keys are spread by a secret of this process; where the table is too small, the key that was quiet for
 * longest is forgotten, and a forgotten key begins with a full bucket. So the table errs towards letting in, never towards shutting out.
 */
#ifndef SK_SERVER_RATES_H
#define SK_SERVER_RATES_H

#include <stddef.h>
#include "common/clock.h"

struct sk_rates;

/* keys: how many are told apart, more or less. burst and per_minute at least 1. NULL: no memory or no randomness. */
struct sk_rates *sk_rates_new(size_t keys, int burst, int per_minute);
struct sk_rates *sk_rates_free(struct sk_rates *r);
/* Takes one token. 0, or the ms until there is one (nothing is taken then). now: a clock that does not go back. r NULL: always 0. */
sk_ms sk_rates_take(struct sk_rates *r, const void *key, size_t len, sk_ms now);
/* As sk_rates_take, without taking. */
sk_ms sk_rates_look(struct sk_rates *r, const void *key, size_t len, sk_ms now);

#endif
