/*
 * How long to wait before the next try. Pure: the caller counts the failures and brings the randomness. Full jitter: each wait is
 * drawn evenly between the rule's least and a ceiling that doubles with every failure, so that terminals which lost the same server
 * at the same moment do not come back at the same moment.
 */
#ifndef SK_AGENT_BACKOFF_H
#define SK_AGENT_BACKOFF_H

#include <stdint.h>
#include "common/clock.h"

struct sk_backoff_rule {
	sk_ms least; /* no wait is shorter */
	sk_ms first; /* ceiling after the first failure; at least `least` */
	sk_ms most; /* the ceiling never passes this */
};

#define SK_BACKOFF_RETRY_AFTER_MAX (60 * 60 * 1000LL) /* a server may ask for an hour at most */

/* failures: how many in a row, at least 1. retry_after: what the server asked for in ms, 0 or less = nothing; the wait is then at
 * least that, plus up to a quarter. random: any 32 random bits. Returns ms, always > 0. */
sk_ms sk_backoff_delay(const struct sk_backoff_rule *rule, unsigned failures, sk_ms retry_after, uint32_t random);

/* When to renew a certificate valid from..until: at two thirds of its life, plus up to a twelfth of it. */
sk_ms sk_backoff_renew_at(sk_ms from, sk_ms until, uint32_t random);

#endif
