/* Tokens for each uid: a burst passes, a flood does not, and nobody pays for somebody else. */
#include <criterion/criterion.h>
#include <string.h>

#include "agent/rate.h"

static struct sk_rate R;

static void fresh(void)
{
	memset(&R, 0, sizeof(R));
}

TestSuite(rate, .init = fresh);

Test(rate, a_burst_passes_and_what_follows_waits_for_time)
{
	for (int i = 0; i < SK_RATE_BURST; i++)
		cr_assert_eq(sk_rate_take(&R, 1000, 5), SK_RATE_OK);
	cr_assert_eq(sk_rate_take(&R, 1000, 5), SK_RATE_OVER);
	cr_assert_eq(sk_rate_take(&R, 1000, 5 + 2 * 1000 / SK_RATE_PER_S), SK_RATE_OK);
	cr_assert_eq(sk_rate_take(&R, 1000, 5 + 2 * 1000 / SK_RATE_PER_S), SK_RATE_OVER);
}

Test(rate, who_goes_on_is_far_over_until_time_passes)
{
	for (int i = 0; i < 3 * SK_RATE_BURST; i++)
		(void)sk_rate_take(&R, 1000, 5);
	cr_assert_eq(sk_rate_look(&R, 1000, 5), SK_RATE_FAR_OVER);
	cr_assert_eq(sk_rate_look(&R, 1000, 5 + 1000), SK_RATE_OVER);
	cr_assert_eq(sk_rate_look(&R, 1000, 5 + 1000LL * SK_RATE_BURST / SK_RATE_PER_S), SK_RATE_OK,
	             "never below one burst");
	cr_assert_eq(sk_rate_look(&R, 1000, INT64_MAX), SK_RATE_OK);
	for (int i = 0; i < SK_RATE_BURST; i++)
		cr_assert_eq(sk_rate_take(&R, 1000, INT64_MAX), SK_RATE_OK, "and full again, not more");
	cr_assert_eq(sk_rate_take(&R, 1000, INT64_MAX), SK_RATE_OVER);
}

Test(rate, steady_asking_below_the_rate_is_never_refused)
{
	for (sk_ms now = 0; now < 600000; now += 1000 / SK_RATE_PER_S)
		cr_assert_eq(sk_rate_take(&R, 1000, now), SK_RATE_OK);
}

Test(rate, a_clock_that_stands_or_goes_back_gives_nothing)
{
	for (int i = 0; i < SK_RATE_BURST; i++)
		(void)sk_rate_take(&R, 1000, 1000000);
	cr_assert_eq(sk_rate_take(&R, 1000, 5), SK_RATE_OVER);
	cr_assert_eq(sk_rate_take(&R, 1000, 1000000), SK_RATE_OVER);
}

Test(rate, one_does_not_pay_for_another)
{
	for (int i = 0; i < 3 * SK_RATE_BURST; i++)
		(void)sk_rate_take(&R, 1000, 5);
	cr_assert_eq(sk_rate_take(&R, 1001, 5), SK_RATE_OK);
	cr_assert_eq(sk_rate_take(&R, 0, 5), SK_RATE_OK);
}

Test(rate, more_uids_than_places_forget_who_asked_longest_ago)
{
	for (int i = 0; i < 3 * SK_RATE_BURST; i++)
		(void)sk_rate_take(&R, 7, 100);
	for (uid_t uid = 1000; uid < 1000 + SK_RATE_UIDS - 1; uid++)
		cr_assert_eq(sk_rate_take(&R, uid, 200), SK_RATE_OK);
	cr_assert_eq(sk_rate_look(&R, 7, 200), SK_RATE_OVER, "not forgotten before it must be");
	(void)sk_rate_take(&R, 7, 201);
	cr_assert_eq(sk_rate_take(&R, 5000, 201), SK_RATE_OK);
	cr_assert_eq(sk_rate_look(&R, 7, 201), SK_RATE_OVER);
}
