/* Waiting times: bounds and growth for every failure count and any randomness; a storm is spread evenly. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "agent/backoff.h"

static const struct sk_backoff_rule RULE = {1000, 4000, 300000};

static uint32_t next(uint32_t *s)
{
	*s = *s * 1664525U + 1013904223U;
	return *s ^ (*s >> 15);
}

Test(backoff, stays_between_least_and_ceiling)
{
	uint32_t seed = 7;

	for (unsigned n = 1; n < 200; n++) {
		sk_ms top = n > 8 ? 300000 : 4000LL << (n - 1);

		if (top > 300000)
			top = 300000;
		cr_assert_eq(sk_backoff_delay(&RULE, n, 0, 0), 1000);
		cr_assert_eq(sk_backoff_delay(&RULE, n, 0, UINT32_MAX), top);
		for (int i = 0; i < 200; i++) {
			sk_ms d = sk_backoff_delay(&RULE, n, 0, next(&seed));

			cr_assert(d >= 1000 && d <= top, "failure %u: %lld", n, (long long)d);
		}
	}
}

Test(backoff, never_overflows_and_never_is_zero)
{
	const struct sk_backoff_rule wild = {0, INT64_MAX, INT64_MAX}, empty = {0, 0, 0};

	cr_assert_eq(sk_backoff_delay(&wild, 1, 0, UINT32_MAX) > 0, 1);
	cr_assert_eq(sk_backoff_delay(&wild, 4000000000U, 0, UINT32_MAX) > 0, 1);
	cr_assert_eq(sk_backoff_delay(&RULE, 0, 0, 0), 1000);
	cr_assert(sk_backoff_delay(&empty, 1, 0, 0) > 0);
}

Test(backoff, honours_retry_after_within_an_hour)
{
	cr_assert_eq(sk_backoff_delay(&RULE, 1, 60000, 0), 60000);
	cr_assert_eq(sk_backoff_delay(&RULE, 1, 60000, UINT32_MAX), 75000);
	cr_assert_eq(sk_backoff_delay(&RULE, 1, 1, 0), 1000, "a short wish does not shorten the wait");
	cr_assert(sk_backoff_delay(&RULE, 1, INT64_MAX, UINT32_MAX) <= SK_BACKOFF_RETRY_AFTER_MAX / 4 * 5);
	cr_assert_eq(sk_backoff_delay(&RULE, 1, -5, 0), 1000);
}

/* 4,000 terminals lose the server at once: in no second of the spread do many more come back than their share. */
Test(backoff, a_storm_is_spread)
{
	int seconds[301] = {0}, most = 0;
	uint32_t seed = 99;

	for (int i = 0; i < 4000; i++)
		seconds[sk_backoff_delay(&RULE, 6, 0, next(&seed)) / 1000]++;
	for (int s = 0; s < 301; s++)
		most = seconds[s] > most ? seconds[s] : most;
	cr_assert(most < 4000 / 127 * 3, "%d in one second", most);
}

Test(backoff, renews_between_two_thirds_and_three_quarters)
{
	sk_ms from = 1700000000000LL, life = 90LL * 86400 * 1000;

	cr_assert_eq(sk_backoff_renew_at(from, from + life, 0), from + life / 3 * 2);
	cr_assert_leq(sk_backoff_renew_at(from, from + life, UINT32_MAX), from + life / 4 * 3);
	cr_assert_eq(sk_backoff_renew_at(from, from - 5, 77), from, "a life of nothing is due at once");
}
