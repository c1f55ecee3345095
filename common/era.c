/* See era.h. An era begins on a day, local time; its first year is written 元. */
#include "common/era.h"

#include <stdio.h>
#include <time.h>

static const struct {
	int day; /* YYYYMMDD of its first day */
	const char *name;
} eras[] = {{20190501, "令和"}, {19890108, "平成"}, {19261225, "昭和"}};

static void year_text(const char *name, int year, char *out, size_t size)
{
	if (year == 1)
		snprintf(out, size, "%s元", name);
	else
		snprintf(out, size, "%s%d", name, year);
}

void sk_era_format(sk_ms t, bool day_only, char *out, size_t size)
{
	time_t s = (time_t)(t / 1000);
	char year[32];
	struct tm tm;
	int day;

	if (size == 0)
		return;
	out[0] = '\0';
	if (localtime_r(&s, &tm) == NULL)
		return;
	day = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
	snprintf(year, sizeof(year), "%d", tm.tm_year + 1900);
	for (size_t i = sizeof(eras) / sizeof(eras[0]); i-- > 0;) {
		if (day >= eras[i].day)
			year_text(eras[i].name, tm.tm_year + 1900 - eras[i].day / 10000 + 1, year, sizeof(year));
	}
	if (day_only)
		snprintf(out, size, "%s年%d月%d日", year, tm.tm_mon + 1, tm.tm_mday);
	else
		snprintf(out, size, "%s年%d月%d日 %02d:%02d", year, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

void sk_era_fiscal_year(int year, char *out, size_t size)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", year);
	for (size_t i = sizeof(eras) / sizeof(eras[0]); i-- > 0;) {
		int first = eras[i].day / 10000;

		if (year >= first)
			year_text(eras[i].name, year - first + 1, text, sizeof(text));
	}
	snprintf(out, size, "%s", text);
}
