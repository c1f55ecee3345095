/*
 * Time as milliseconds UTC. The trusted clock is a floor that rises with the boot clock, which nobody can turn; the wall clock
 * can only lift it. Dates are written and read by hand because strftime and strptime depend on the locale and accept too much.
 */
#include "common/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_MS 253402300799999LL /* 9999-12-31T23:59:59.999Z */

static sk_ms now(clockid_t id)
{
	struct timespec ts = {0};

	(void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
	return (sk_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

sk_ms sk_clock_wall(void)
{
	return now(CLOCK_REALTIME);
}

sk_ms sk_clock_boot(void)
{
	return now(CLOCK_BOOTTIME);
}

void sk_clock_trusted_init(struct sk_trusted_clock *c, sk_ms last_seen, sk_ms wall, sk_ms boot)
{
	c->floor_wall = last_seen > wall ? last_seen : wall;
	c->floor_boot = boot;
}

sk_ms sk_clock_trusted(struct sk_trusted_clock *c, sk_ms wall, sk_ms boot, sk_ms *turned_back_ms)
{
	sk_ms elapsed = boot > c->floor_boot ? boot - c->floor_boot : 0, t;

	if (__builtin_add_overflow(c->floor_wall, elapsed, &t))
		t = INT64_MAX;
	if (wall > t)
		t = wall;
	c->floor_wall = t;
	if (boot > c->floor_boot)
		c->floor_boot = boot;
	if (turned_back_ms != NULL && __builtin_sub_overflow(t, wall, turned_back_ms))
		*turned_back_ms = INT64_MAX;
	return t;
}

#define NEAR_MS (10 * 60 * 1000LL)

sk_ms sk_clock_corrected(struct sk_trusted_clock *c, sk_ms wall, sk_ms boot, sk_ms issued, bool take)
{
	sk_ms trusted = sk_clock_trusted(c, wall, boot, NULL), right = wall > issued ? wall : issued, apart;

	if (issued <= 0 || __builtin_sub_overflow(wall, issued, &apart) || apart > NEAR_MS || apart < -NEAR_MS ||
	    trusted <= NEAR_MS || right >= trusted - NEAR_MS)
		return trusted;
	if (take) {
		c->floor_wall = right;
		c->floor_boot = boot;
	}
	return right;
}

static void put(char *out, int value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		out[i] = (char)('0' + value % 10);
		value /= 10;
	}
}

void sk_clock_format_utc(sk_ms t, char out[SK_RFC3339_LEN])
{
	struct tm tm = {0};
	time_t seconds;

	t = t < 0 ? 0 : t > LAST_MS ? LAST_MS : t;
	seconds = (time_t)(t / 1000);
	(void)gmtime_r(&seconds, &tm); /* cannot fail for four-digit years */
	memcpy(out, "0000-00-00T00:00:00.000Z", SK_RFC3339_LEN);
	put(out, tm.tm_year + 1900, 4);
	put(out + 5, tm.tm_mon + 1, 2);
	put(out + 8, tm.tm_mday, 2);
	put(out + 11, tm.tm_hour, 2);
	put(out + 14, tm.tm_min, 2);
	put(out + 17, tm.tm_sec, 2);
	put(out + 20, (int)(t % 1000), 3);
}

static int get(const char *s, int width)
{
	int v = 0;

	for (int i = 0; i < width; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 ? leap : 0);
}

/* Every '0' of the shape stands for a digit, all else for itself. */
static int has_shape(const char *s, const char *shape)
{
	for (; *shape != '\0'; s++, shape++)
		if (*shape == '0' ? *s < '0' || *s > '9' : *s != *shape)
			return 0;
	return *s == '\0';
}

int sk_clock_parse_utc(const char *s, sk_ms *out)
{
	struct tm tm = {0};
	int year, month, day, ms = 0;

	if (s == NULL)
		return -EINVAL;
	if (has_shape(s, "0000-00-00T00:00:00.000Z"))
		ms = get(s + 20, 3);
	else if (!has_shape(s, "0000-00-00T00:00:00Z"))
		return -EINVAL;
	year = get(s, 4);
	month = get(s + 5, 2);
	day = get(s + 8, 2);
	tm.tm_hour = get(s + 11, 2);
	tm.tm_min = get(s + 14, 2);
	tm.tm_sec = get(s + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return -EINVAL;
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	*out = (sk_ms)timegm(&tm) * 1000 + ms;
	return 0;
}

void sk_clock_format_local(sk_ms t, char *out, size_t size)
{
	time_t seconds = (time_t)(t / 1000 - (t % 1000 < 0));
	struct tm tm = {0};

	if (size == 0)
		return;
	if (localtime_r(&seconds, &tm) == NULL || strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		out[0] = '\0';
}

int sk_clock_fiscal_year(sk_ms t)
{
	time_t seconds = (time_t)(t / 1000);
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL)
		return 0;
	return tm.tm_year + 1900 - (tm.tm_mon < 3 ? 1 : 0);
}
