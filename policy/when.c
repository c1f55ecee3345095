/* Times of rules: read strictly, asked purely. Days are counted from 1970-01-01, a Thursday, in the proleptic Gregorian calendar. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/when.h"

#define DAY_S        86400
#define DAY_MIN      1440
#define EVERY_DAY    0x7f
#define FISCAL_MONTH 4 /* the fiscal year begins on 1 April */

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int32_t day_of(int year, int month, int day)
{
	int y = year - (month <= 2);
	int era = y / 400, yoe = y - era * 400;
	int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int days_in(int year, int month)
{
	static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return n[month - 1] + (month == 2 && leap);
}

/* Exactly n digits; -1 if not. */
static int digits(const char *s, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + s[i] - '0';
	}
	return v;
}

static int read_date(const char *key, const char *s, int32_t *out, struct sk_err *err)
{
	int y, m, d;

	if (strlen(s) == 10 && s[4] == '-' && s[7] == '-') {
		y = digits(s, 4);
		m = digits(s + 5, 2);
		d = digits(s + 8, 2);
		if (y >= 1970 && m >= 1 && m <= 12 && d >= 1 && d <= days_in(y, m)) {
			*out = day_of(y, m, d);
			return 0;
		}
	}
	return sk_err_set(err, -EINVAL, "%s: \"%s\" is no date like 2026-04-01", key, s);
}

int sk_when_read_from(const char *value, struct sk_when *w, struct sk_err *err)
{
	int r = read_date("from", value, &w->first, err);

	w->has_first = r == 0;
	return r;
}

int sk_when_read_until(const char *value, struct sk_when *w, struct sk_err *err)
{
	int r;

	if (strcmp(value, "fiscal-year-end") == 0) {
		w->fiscal_end = true;
		return 0;
	}
	r = read_date("until", value, &w->last, err);
	w->has_last = r == 0;
	return r;
}

/* "08:30" at *at, which moves on; -1 if it is none. */
static int clock_time(const char **at)
{
	int h = digits(*at, 2), m = h < 0 || (*at)[2] != ':' ? -1 : digits(*at + 3, 2);

	if (m < 0 || m > 59 || h > 24 || (h == 24 && m > 0))
		return -1;
	*at += 5;
	return h * 60 + m;
}

int sk_when_read_hours(const char *value, struct sk_when *w, struct sk_err *err)
{
	const char *at = value;

	for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
		int from = clock_time(&at), until = from < 0 || *at != '-' ? -1 : (at++, clock_time(&at));

		if (until < 0 || from == DAY_MIN || until == 0 || from == until || (*at && !strchr(" \t", *at)))
			return sk_err_set(err, -EINVAL,
			                  "hours: \"%s\" is not like 08:30-17:15; the end of a day is 24:00", value);
		if (w->n_hours == SK_WHEN_HOURS)
			return sk_err_set(err, -EINVAL, "hours: more than %d spans; split the rule", SK_WHEN_HOURS);
		w->hours[w->n_hours].from = (uint16_t)from;
		w->hours[w->n_hours++].until = (uint16_t)until;
	}
	return w->n_hours ? 0 : sk_err_set(err, -EINVAL, "hours is empty; give it a value or remove the line");
}

static int day_name(const char *s)
{
	for (int i = 0; i < 7; i++) {
		if (strncmp(s, day_names[i], 3) == 0)
			return i;
	}
	return -1;
}

int sk_when_read_days(const char *value, struct sk_when *w, struct sk_err *err)
{
	const char *at = value;

	for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
		int a = day_name(at), b = a;

		at += a < 0 ? 0 : 3;
		if (a >= 0 && *at == '-') {
			b = day_name(at + 1);
			at += b < 0 ? 0 : 4;
		}
		if (a < 0 || b < 0 || (*at && !strchr(" \t", *at)))
			return sk_err_set(err, -EINVAL, "days: \"%s\" is not like mon-fri or mon wed fri", value);
		w->days |= (uint8_t)(1u << b);
		for (; a != b; a = (a + 1) % 7) /* sat-mon goes over Sunday */
			w->days |= (uint8_t)(1u << a);
	}
	return w->days ? 0 : sk_err_set(err, -EINVAL, "days is empty; give it a value or remove the line");
}

/* The year of a day. */
static int year_of(int32_t day)
{
	int y = 1970 + (int)(day / 365);

	while (day_of(y, 1, 1) > day)
		y--;
	return y;
}

int sk_when_complete(struct sk_when *w, struct sk_err *err)
{
	if (w->fiscal_end && !w->has_first)
		return sk_err_set(
		    err, -EINVAL,
		    "until = fiscal-year-end needs from = the day on which the rule begins, like 2026-04-01");
	if (w->fiscal_end) {
		int y = year_of(w->first);

		w->last = day_of(w->first < day_of(y, FISCAL_MONTH, 1) ? y : y + 1, FISCAL_MONTH, 1) - 1;
		w->has_last = true;
	}
	if (w->has_first && w->has_last && w->last < w->first)
		return sk_err_set(err, -EINVAL, "until is before from");
	return 0;
}

bool sk_when_asked(const struct sk_when *w)
{
	return w->days || w->n_hours || w->has_first || w->has_last;
}

static bool day_holds(const struct sk_when *w, int64_t day)
{
	int week = (int)(((day + 3) % 7 + 7) % 7); /* 0 = Monday */

	return (!w->days || (w->days >> week & 1)) && (!w->has_first || day >= w->first) &&
	       (!w->has_last || day <= w->last);
}

bool sk_when_holds(const struct sk_when *w, sk_ms now, int utc_offset_s)
{
	int64_t local = floor_div(now, 1000) + utc_offset_s, day = floor_div(local, DAY_S);
	int minute = (int)((local - day * DAY_S) / 60);

	if (!w->n_hours)
		return day_holds(w, day);
	for (size_t i = 0; i < w->n_hours; i++) {
		int from = w->hours[i].from, until = w->hours[i].until;

		if (minute >= from && (minute < until || until <= from) && day_holds(w, day))
			return true;
		if (until <= from && minute < until && day_holds(w, day - 1))
			return true;
	}
	return false;
}

sk_ms sk_when_next(const struct sk_when *w, sk_ms now, int utc_offset_s)
{
	int64_t local = floor_div(now, 1000) + utc_offset_s, day = floor_div(local, DAY_S), next = 0;

	if (!sk_when_asked(w) || sk_when_over(w, now, utc_offset_s))
		return 0;
	if (w->days || w->has_first || w->has_last)
		next = (day + 1) * DAY_S;
	for (size_t i = 0; i < 2 * w->n_hours; i++) {
		int minute = i % 2 ? w->hours[i / 2].until : w->hours[i / 2].from;
		int64_t at = day * DAY_S + (int64_t)minute * 60;

		if (at <= local)
			at += DAY_S;
		if (next == 0 || at < next)
			next = at;
	}
	return next ? (next - utc_offset_s) * 1000 : 0;
}

/* Hours over midnight still run in the first hours of the day after. */
bool sk_when_over(const struct sk_when *w, sk_ms now, int utc_offset_s)
{
	int64_t day = floor_div(floor_div(now, 1000) + utc_offset_s, DAY_S);

	return w->has_last && day > w->last && !sk_when_holds(w, now, utc_offset_s) &&
	       (day > w->last + 1 || !w->n_hours);
}

static bool hours_cover(const struct sk_when *a, const struct sk_when *b)
{
	for (size_t i = 0; i < b->n_hours; i++) {
		int from = b->hours[i].from, until = b->hours[i].until + (b->hours[i].until <= from ? DAY_MIN : 0);
		bool found = false;

		for (size_t k = 0; k < a->n_hours && !found; k++) {
			int f = a->hours[k].from, u = a->hours[k].until + (a->hours[k].until <= f ? DAY_MIN : 0);

			found = f <= from && u >= until;
		}
		if (!found)
			return false;
	}
	return b->n_hours > 0;
}

bool sk_when_covers(const struct sk_when *a, const struct sk_when *b)
{
	unsigned bd = b->days ? b->days : EVERY_DAY;

	if (a->days && (bd & ~(unsigned)a->days))
		return false;
	if (a->has_first && (!b->has_first || b->first < a->first))
		return false;
	if (a->has_last && (!b->has_last || b->last > a->last))
		return false;
	return !a->n_hours || hours_cover(a, b);
}

bool sk_when_possible(const struct sk_when *w)
{
	if (!w->has_first || !w->has_last || w->last - w->first >= 6)
		return true;
	for (int32_t d = w->first; d <= w->last; d++) {
		if (day_holds(w, d))
			return true;
	}
	return false;
}
