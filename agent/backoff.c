/* Waiting times, computed and nothing else: no clock, no random source, no state. */
#include "agent/backoff.h"

/* random stretched over 0..range, both included. */
static sk_ms spread(sk_ms range, uint32_t random)
{
	if (range <= 0)
		return 0;
	return (sk_ms)(((unsigned __int128)random * ((unsigned __int128)range + 1)) >> 32);
}

static sk_ms ceiling(const struct sk_backoff_rule *rule, unsigned failures)
{
	sk_ms c = rule->first > 0 ? rule->first : 1;

	for (unsigned i = 1; i < failures && c < rule->most; i++)
		c = c > rule->most / 2 ? rule->most : c * 2;
	return c < rule->most ? c : rule->most;
}

sk_ms sk_backoff_delay(const struct sk_backoff_rule *rule, unsigned failures, sk_ms retry_after, uint32_t random)
{
	sk_ms least = rule->least > 0 ? rule->least : 1;
	sk_ms delay = least + spread(ceiling(rule, failures) - least, random);

	if (retry_after > SK_BACKOFF_RETRY_AFTER_MAX)
		retry_after = SK_BACKOFF_RETRY_AFTER_MAX;
	if (retry_after > 0) {
		sk_ms asked = retry_after + spread(retry_after / 4, random);

		if (asked > delay)
			delay = asked;
	}
	return delay;
}

sk_ms sk_backoff_renew_at(sk_ms from, sk_ms until, uint32_t random)
{
	sk_ms life = until > from ? until - from : 0;

	return from + life / 3 * 2 + spread(life / 12, random);
}
