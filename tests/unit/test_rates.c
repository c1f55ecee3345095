/* Token buckets: what is let through, when there is more, and that the table errs towards letting in. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/rates.h"

static sk_ms take(struct sk_rates *r, const char *key, sk_ms now)
{
	return sk_rates_take(r, key, strlen(key), now);
}

Test(rates, burst_then_a_steady_rate)
{
	struct sk_rates *r = sk_rates_new(16, 3, 60); /* one a second in the long run */

	for (int i = 0; i < 3; i++)
		cr_assert_eq(take(r, "a", 1000), 0);
	cr_assert_eq(take(r, "a", 1000), 1000);
	cr_assert_eq(take(r, "a", 1400), 600);
	cr_assert_eq(sk_rates_look(r, "a", 1, 1400), 600);
	cr_assert_eq(take(r, "b", 1400), 0, "keys do not share");
	cr_assert_eq(take(r, "a", 2000), 0);
	cr_assert_eq(take(r, "a", 2000), 1000);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(take(r, "a", 3600000), 0, "full again, and no fuller");
	cr_assert_gt(take(r, "a", 3600000), 0);
	sk_rates_free(r);
}

Test(rates, looking_takes_nothing)
{
	struct sk_rates *r = sk_rates_new(16, 1, 1);

	for (int i = 0; i < 10; i++)
		cr_assert_eq(sk_rates_look(r, "a", 1, 5), 0);
	cr_assert_eq(take(r, "a", 5), 0);
	cr_assert_eq(take(r, "a", 5), 60000);
	cr_assert_eq(take(r, "a", 4), 60000, "a clock that steps back gives nothing");
	sk_rates_free(r);
}

Test(rates, the_odd_rate_is_not_rounded_away)
{
	struct sk_rates *r = sk_rates_new(16, 1, 7);
	int through = 0;

	for (sk_ms now = 0; now < 60 * 60000; now += 10)
		through += take(r, "a", now) == 0;
	cr_assert(through >= 7 * 60 - 3 && through <= 7 * 60 + 1, "%d", through);
	sk_rates_free(r);
}

Test(rates, a_flood_of_keys_forgets_but_never_refuses)
{
	struct sk_rates *r = sk_rates_new(64, 1, 1);
	char key[32];

	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		cr_assert_eq(take(r, key, i), 0);
	}
	sk_rates_free(r);
}

Test(rates, four_thousand_keys_are_told_apart)
{
	struct sk_rates *r = sk_rates_new(16384, 1, 1);
	int forgotten = 0;
	char key[32];

	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < 4000; i++) {
			snprintf(key, sizeof(key), "%d", i);
			forgotten += take(r, key, 1000 + pass) == 0 && pass == 1;
		}
	}
	cr_assert_lt(forgotten, 40, "%d", forgotten);
	sk_rates_free(r);
}

Test(rates, without_a_table_all_pass)
{
	cr_assert_eq(take(NULL, "a", 0), 0);
	cr_assert_eq(sk_rates_look(NULL, "a", 1, 0), 0);
	sk_rates_free(NULL);
}
