/* Times of rules: read strictly; midnight, weekdays, leap years, the fiscal year's end, offsets of both signs. */
#include <errno.h>

#include "tests/unit/policy_help.h"

#define JST (9 * 3600)

static sk_ms at(const char *utc)
{
	sk_ms t = 0;

	cr_assert_eq(sk_clock_parse_utc(utc, &t), 0, "%s", utc);
	return t;
}

static struct sk_when when(const char *hours, const char *days, const char *from, const char *until)
{
	struct sk_when w = {0};
	struct sk_err err = SK_ERR_INIT;

	cr_assert(!hours || sk_when_read_hours(hours, &w, &err) == 0, "%s", err.text);
	cr_assert(!days || sk_when_read_days(days, &w, &err) == 0, "%s", err.text);
	cr_assert(!from || sk_when_read_from(from, &w, &err) == 0, "%s", err.text);
	cr_assert(!until || sk_when_read_until(until, &w, &err) == 0, "%s", err.text);
	cr_assert_eq(sk_when_complete(&w, &err), 0, "%s", err.text);
	return w;
}

Test(when, hours_of_the_terminal)
{
	struct sk_when w = when("08:30-12:00 13:00-17:15", "mon-fri", NULL, NULL);

	/* 2026-04-01 is a Wednesday; 08:30 in Japan is 23:30 UTC of the day before. */
	cr_assert(!sk_when_holds(&w, at("2026-03-31T23:29:59.999Z"), JST));
	cr_assert(sk_when_holds(&w, at("2026-03-31T23:30:00Z"), JST));
	cr_assert(!sk_when_holds(&w, at("2026-04-01T03:00:00Z"), JST), "the noon break");
	cr_assert(sk_when_holds(&w, at("2026-04-01T08:14:59Z"), JST));
	cr_assert(!sk_when_holds(&w, at("2026-04-01T08:15:00Z"), JST));
	cr_assert(!sk_when_holds(&w, at("2026-04-04T01:00:00Z"), JST), "a Saturday");
	cr_assert(sk_when_holds(&w, at("2026-04-01T14:00:00Z"), -5 * 3600));
	cr_assert_eq(sk_when_next(&w, at("2026-03-31T20:00:00Z"), JST), at("2026-03-31T23:30:00Z"));
	cr_assert_eq(sk_when_next(&w, at("2026-04-01T00:00:00Z"), JST), at("2026-04-01T03:00:00Z"));
	cr_assert_eq(sk_when_next(&w, at("2026-04-01T09:00:00Z"), JST), at("2026-04-01T15:00:00Z"), "midnight");
}

Test(when, hours_over_midnight_belong_to_the_day_they_begin)
{
	struct sk_when w = when("22:00-02:00", "fri", NULL, "2026-04-03");

	cr_assert(sk_when_holds(&w, at("2026-04-03T23:00:00Z"), 0));
	cr_assert(sk_when_holds(&w, at("2026-04-04T01:59:00Z"), 0), "Friday's night goes on");
	cr_assert(!sk_when_over(&w, at("2026-04-04T01:59:00Z"), 0));
	cr_assert(!sk_when_holds(&w, at("2026-04-04T02:00:00Z"), 0));
	cr_assert(!sk_when_holds(&w, at("2026-04-03T01:00:00Z"), 0), "Thursday's night");
	cr_assert(!sk_when_holds(&w, at("2026-04-10T23:00:00Z"), 0), "after the last day");
	cr_assert(sk_when_over(&w, at("2026-04-05T02:00:00Z"), 0));
	cr_assert_eq(sk_when_next(&w, at("2026-04-06T00:00:00Z"), 0), 0);
}

Test(when, dates_and_the_fiscal_year)
{
	struct sk_when w = when(NULL, NULL, "2026-04-01", "fiscal-year-end");

	cr_assert(!sk_when_holds(&w, at("2026-03-31T14:59:59Z"), JST));
	cr_assert(sk_when_holds(&w, at("2026-03-31T15:00:00Z"), JST));
	cr_assert(sk_when_holds(&w, at("2027-03-31T14:59:59Z"), JST));
	cr_assert(!sk_when_holds(&w, at("2027-03-31T15:00:00Z"), JST));
	cr_assert(sk_when_over(&w, at("2027-03-31T15:00:00Z"), JST));
	w = when(NULL, NULL, "2028-02-29", "fiscal-year-end");
	cr_assert(sk_when_holds(&w, at("2028-03-31T23:59:00Z"), 0));
	cr_assert(!sk_when_holds(&w, at("2028-04-01T00:00:00Z"), 0));
	w = when(NULL, "mon", "2026-04-01", "2026-04-03");
	cr_assert(!sk_when_possible(&w), "no Monday in it");
	w = when(NULL, "wed", "2026-04-01", "2026-04-03");
	cr_assert(sk_when_possible(&w));
	cr_assert(sk_when_holds(&(struct sk_when){0}, -1, -3600), "nothing asked: always");
}

Test(when, days)
{
	cr_assert_eq(when(NULL, "sat-mon wed", NULL, NULL).days, 0x65);
	cr_assert_eq(when(NULL, "mon-sun", NULL, NULL).days, 0x7f);
}

Test(when, refuses)
{
	static const char *const hours[] = {
	    "8:30-17:15", "08:30-17:60", "08:30",       "25:00-26:00", "08:30-08:30",  "08:30-17:15,18:00-19:00",
	    "",           "24:00-02:00", "08:30-00:00", "0830-1715",   "08:30 - 17:15"};
	static const char *const days[] = {"", "monday", "mon-", "-fri", "mon,tue", "Mon", "mon-fri-sat"};
	static const char *const dates[] = {"",         "2026-02-29",           "2026-13-01", "2026-4-1",
	                                    "26-04-01", "2026-04-01T00:00:00Z", "2026-00-10", "9999999999"};
	struct sk_err err = SK_ERR_INIT;
	struct sk_when w = {0};

	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++)
		cr_expect_eq(sk_when_read_hours(hours[i], &w, &err), -EINVAL, "%s", hours[i]);
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		cr_expect_eq(sk_when_read_days(days[i], &w, &err), -EINVAL, "%s", days[i]);
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		cr_expect_eq(sk_when_read_from(dates[i], &w, &err), -EINVAL, "%s", dates[i]);
		cr_expect_eq(sk_when_read_until(dates[i], &w, &err), -EINVAL, "%s", dates[i]);
	}
	w = (struct sk_when){0};
	cr_assert_eq(sk_when_read_until("fiscal-year-end", &w, &err), 0);
	cr_assert_eq(sk_when_complete(&w, &err), -EINVAL, "no beginning");
	w = (struct sk_when){.has_first = true, .has_last = true, .first = 10, .last = 9};
	cr_assert_eq(sk_when_complete(&w, &err), -EINVAL, "ends before it begins");
}

/* The instant that next names is the first at which anything can change: minute by minute over some days. */
Test(when, nothing_changes_before_next)
{
	const struct sk_when all[] = {when("08:30-17:15", "mon-fri", NULL, NULL),
	                              when("22:00-02:00 12:00-24:00", NULL, "2026-04-01", "2026-04-04"),
	                              when(NULL, "sat-sun", NULL, NULL), when("00:00-24:00", "tue", NULL, NULL)};
	sk_ms begin = at("2026-03-30T00:00:00Z");

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		sk_ms next = begin;
		bool was = sk_when_holds(&all[k], begin, JST);

		for (sk_ms t = begin; t < begin + 8 * 86400000ll; t += 60000) {
			bool is = sk_when_holds(&all[k], t, JST);

			cr_assert(is == was || t == next, "%zu changes unforeseen", k);
			was = is;
			if (t >= next && next)
				next = sk_when_next(&all[k], t, JST);
		}
	}
}
