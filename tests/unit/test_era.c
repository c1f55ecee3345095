/* Eras at their edges, by local time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "common/era.h"

static const char *at(int y, int m, int d, bool day_only)
{
	struct tm tm = {.tm_year = y - 1900, .tm_mon = m - 1, .tm_mday = d, .tm_hour = 0, .tm_min = 5, .tm_isdst = -1};
	static char text[64];

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	sk_era_format((sk_ms)mktime(&tm) * 1000, day_only, text, sizeof(text));
	return text;
}

Test(era, edges)
{
	char text[8];

	cr_expect_str_eq(at(2026, 11, 25, true), "令和8年11月25日");
	cr_expect_str_eq(at(2026, 11, 25, false), "令和8年11月25日 00:05");
	cr_expect_str_eq(at(2019, 5, 1, true), "令和元年5月1日");
	cr_expect_str_eq(at(2019, 4, 30, true), "平成31年4月30日");
	cr_expect_str_eq(at(1989, 1, 8, true), "平成元年1月8日");
	cr_expect_str_eq(at(1989, 1, 7, true), "昭和64年1月7日");
	cr_expect_str_eq(at(1926, 12, 24, true), "1926年12月24日");
	sk_era_format(0, true, text, sizeof(text));
	cr_expect_lt(strlen(text), sizeof(text));
	sk_era_format(0, true, text, 0);
}

Test(era, fiscal_years)
{
	char text[32];

	sk_era_fiscal_year(2026, text, sizeof(text));
	cr_expect_str_eq(text, "令和8");
	sk_era_fiscal_year(2019, text, sizeof(text));
	cr_expect_str_eq(text, "令和元");
	sk_era_fiscal_year(2018, text, sizeof(text));
	cr_expect_str_eq(text, "平成30");
}
