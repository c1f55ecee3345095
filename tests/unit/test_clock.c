/* Time: the trusted clock never goes back, dates are read strictly. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"

Test(clock, trusted_follows_the_wall)
{
	struct sk_trusted_clock c;
	sk_ms back = -1;

	sk_clock_trusted_init(&c, 0, 1000000, 500);
	cr_expect_eq(sk_clock_trusted(&c, 1000000, 500, &back), 1000000);
	cr_expect_eq(back, 0);
	cr_expect_eq(sk_clock_trusted(&c, 1005000, 5500, NULL), 1005000);
	cr_expect_eq(sk_clock_trusted(&c, 2000000, 6500, &back), 2000000, "set forward");
	cr_expect_eq(back, 0);
}

Test(clock, turned_back)
{
	struct sk_trusted_clock c;
	sk_ms back = -1, t;

	sk_clock_trusted_init(&c, 0, 10000000, 1000);
	t = sk_clock_trusted(&c, 10000000 - 3600000, 2000, &back);
	cr_expect_eq(t, 10001000, "goes on with the boot clock");
	cr_expect_eq(back, 3601000);
	t = sk_clock_trusted(&c, 0, 62000, &back);
	cr_expect_eq(t, 10061000);
	cr_expect_eq(back, 10061000);
	t = sk_clock_trusted(&c, 10061500, 62500, &back);
	cr_expect_eq(t, 10061500);
	cr_expect_eq(back, 0);
}

Test(clock, turned_back_while_off)
{
	struct sk_trusted_clock c;
	sk_ms back;

	sk_clock_trusted_init(&c, 50000000, 1000, 10);
	cr_expect_eq(sk_clock_trusted(&c, 1000, 10, &back), 50000000);
	cr_expect_eq(back, 49999000);
	cr_expect_eq(sk_clock_trusted(&c, 2000, 1010, NULL), 50001000);
}

Test(clock, never_backwards_whatever_comes)
{
	struct sk_trusted_clock c;
	unsigned int x = 7;
	sk_ms last;

	sk_clock_trusted_init(&c, 0, 1000, 0);
	last = 1000;
	for (int i = 0; i < 100000; i++) {
		sk_ms wall = (sk_ms)(x = x * 1103515245 + 12345) - 1000000000,
		      boot = (x = x * 1103515245 + 12345) >> 12;
		sk_ms t = sk_clock_trusted(&c, wall, boot, NULL);

		cr_assert_geq(t, last);
		last = t;
	}
}

Test(clock, extreme_values_do_not_wrap)
{
	struct sk_trusted_clock c;
	sk_ms back;

	sk_clock_trusted_init(&c, INT64_MAX - 5, 0, 0);
	cr_expect_eq(sk_clock_trusted(&c, INT64_MIN, 1000, &back), INT64_MAX);
	cr_expect_eq(back, INT64_MAX);
}

Test(clock, format_utc)
{
	char out[SK_RFC3339_LEN];

	sk_clock_format_utc(0, out);
	cr_expect_str_eq(out, "1970-01-01T00:00:00.000Z");
	sk_clock_format_utc(1775032200123, out);
	cr_expect_str_eq(out, "2026-04-01T08:30:00.123Z");
	sk_clock_format_utc(-5, out);
	cr_expect_str_eq(out, "1970-01-01T00:00:00.000Z");
	sk_clock_format_utc(INT64_MAX, out);
	cr_expect_str_eq(out, "9999-12-31T23:59:59.999Z");
}

Test(clock, parse_utc)
{
	sk_ms t = 77;

	cr_expect_eq(sk_clock_parse_utc("2026-04-01T08:30:00.123Z", &t), 0);
	cr_expect_eq(t, 1775032200123);
	cr_expect_eq(sk_clock_parse_utc("2026-04-01T08:30:00Z", &t), 0);
	cr_expect_eq(t, 1775032200000);
	cr_expect_eq(sk_clock_parse_utc("2024-02-29T23:59:59.999Z", &t), 0);
	cr_expect_eq(sk_clock_parse_utc("2000-02-29T00:00:00Z", &t), 0);
	cr_expect_eq(sk_clock_parse_utc("9999-12-31T23:59:59.999Z", &t), 0);
}

Test(clock, parse_utc_refuses)
{
	static const char *const bad[] = {
	    "",
	    "2026-04-01",
	    "2026-04-01T08:30:00",
	    "2026-04-01T08:30:00+09:00",
	    "2026-04-01 08:30:00Z",
	    "2026-04-01T08:30:00z",
	    "2026-04-01T08:30:00.12Z",
	    "2026-04-01T08:30:00.1234Z",
	    "2026-04-01T08:30:00.123Z ",
	    " 2026-04-01T08:30:00Z",
	    "2026-13-01T08:30:00Z",
	    "2026-00-01T08:30:00Z",
	    "2026-02-29T08:30:00Z",
	    "2100-02-29T08:30:00Z",
	    "2026-04-31T08:30:00Z",
	    "2026-04-00T08:30:00Z",
	    "2026-04-01T24:00:00Z",
	    "2026-04-01T08:60:00Z",
	    "2026-04-01T08:30:60Z",
	    "1969-12-31T23:59:59Z",
	    "-026-04-01T08:30:00Z",
	    "+026-04-01T08:30:00Z",
	    "2026-4-01T08:30:00.00Z",
	};
	sk_ms t = 77;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sk_clock_parse_utc(bad[i], &t), -EINVAL, "%s", bad[i]);
	cr_expect_eq(sk_clock_parse_utc(NULL, &t), -EINVAL);
	cr_expect_eq(t, 77);
}

Test(clock, round_trip)
{
	char out[SK_RFC3339_LEN];
	sk_ms back;

	for (sk_ms t = 0; t < 253402300799999; t += 86399999 * 37LL) {
		sk_clock_format_utc(t, out);
		cr_assert_eq(sk_clock_parse_utc(out, &back), 0, "%s", out);
		cr_assert_eq(back, t, "%s", out);
	}
}

Test(clock, local)
{
	char out[32], tiny[4] = "abc";

	setenv("TZ", "JST-9", 1);
	tzset();
	sk_clock_format_local(1775032200123, out, sizeof(out));
	cr_expect_str_eq(out, "2026-04-01 17:30:00");
	sk_clock_format_local(1775032200123, tiny, sizeof(tiny));
	cr_expect_str_eq(tiny, "");
	sk_clock_format_local(INT64_MAX, out, sizeof(out));
	sk_clock_format_local(INT64_MIN, out, sizeof(out));
}

Test(clock, real_clocks_run)
{
	sk_ms b = sk_clock_boot();
	struct timespec ts = {.tv_nsec = 5000000};

	cr_expect_gt(sk_clock_wall(), 1700000000000);
	nanosleep(&ts, NULL);
	cr_expect_geq(sk_clock_boot() - b, 4);
}

/* ---- a floor that ran ahead ---- */

#define REAL 1775000000000LL
#define YEAR (365 * 86400000LL)

static struct sk_trusted_clock ahead(void)
{
	struct sk_trusted_clock c;

	sk_clock_trusted_init(&c, REAL + 10 * YEAR, REAL, 1000);
	return c;
}

Test(clock, a_newer_signed_time_brings_the_floor_back)
{
	struct sk_trusted_clock c = ahead();

	cr_assert_eq(sk_clock_trusted(&c, REAL, 1000, NULL), REAL + 10 * YEAR);
	cr_assert_eq(sk_clock_corrected(&c, REAL, 1000, REAL - 60000, false), REAL);
	cr_assert_eq(sk_clock_trusted(&c, REAL, 1000, NULL), REAL + 10 * YEAR, "only asked");
	cr_assert_eq(sk_clock_corrected(&c, REAL, 1000, REAL - 60000, true), REAL);
	cr_assert_eq(sk_clock_trusted(&c, REAL + 5, 1005, NULL), REAL + 5);
}

Test(clock, the_floor_never_falls_below_what_was_signed)
{
	struct sk_trusted_clock c = ahead();

	cr_assert_eq(sk_clock_corrected(&c, REAL - 300000, 1000, REAL, true), REAL);
	cr_assert_eq(sk_clock_trusted(&c, REAL - 300000, 1000, NULL), REAL);
}

Test(clock, a_wall_clock_that_does_not_agree_changes_nothing)
{
	static const sk_ms WALLS[] = {REAL - 600001, REAL + 600001, 0, INT64_MIN, REAL + YEAR};

	for (size_t i = 0; i < sizeof(WALLS) / sizeof(WALLS[0]); i++) {
		struct sk_trusted_clock c = ahead();

		cr_assert_eq(sk_clock_corrected(&c, WALLS[i], 1000, REAL, true), REAL + 10 * YEAR, "%zu", i);
		cr_assert_eq(sk_clock_trusted(&c, REAL, 1000, NULL), REAL + 10 * YEAR);
	}
}

Test(clock, a_floor_that_is_not_far_ahead_stays)
{
	struct sk_trusted_clock c;

	sk_clock_trusted_init(&c, REAL + 500000, REAL, 1000);
	cr_assert_eq(sk_clock_corrected(&c, REAL, 1000, REAL, true), REAL + 500000);
	cr_assert_eq(sk_clock_corrected(&c, REAL, 1000, 0, true), REAL + 500000);
}

Test(clock, fiscal_year_begins_on_the_first_of_april)
{
	struct tm last = {
	    .tm_year = 126, .tm_mon = 2, .tm_mday = 31, .tm_hour = 23, .tm_min = 59, .tm_sec = 59, .tm_isdst = -1};
	sk_ms t = (sk_ms)mktime(&last) * 1000 + 999;

	cr_assert_eq(sk_clock_fiscal_year(t), 2025);
	cr_assert_eq(sk_clock_fiscal_year(t + 1), 2026);
	cr_assert_eq(sk_clock_fiscal_year(t + 1 + (sk_ms)364 * 86400 * 1000), 2026);
	cr_assert_eq(sk_clock_fiscal_year(t + 1 + (sk_ms)366 * 86400 * 1000), 2027);
}
