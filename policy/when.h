/*
 * When a rule holds: hours, days of the week, first and last day. All of it is in the terminal's local time, which is made of the trusted
 * clock and an offset given as a fact; nothing here asks a clock or the time zone database.
 *
 * Hours over midnight ("22:00-02:00") belong to the day on which they begin, for `days`, `from` and `until` too.
 */
#ifndef SK_POLICY_WHEN_H
#define SK_POLICY_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/clock.h"
#include "common/err.h"

#define SK_WHEN_HOURS 8

struct sk_when {
	uint8_t days; /* bit 0 = Monday ... bit 6 = Sunday; 0 = every day */
	struct {
		uint16_t from, until; /* minutes after midnight; until 1440 = midnight; until <= from: over midnight */
	} hours[SK_WHEN_HOURS];
	size_t n_hours; /* 0 = all day */
	bool has_first, has_last, fiscal_end;
	int32_t first, last; /* days since 1970-01-01; both included */
};

/* Values of a policy. 0, or -EINVAL with err saying what would be right. */
int sk_when_read_hours(const char *value, struct sk_when *w, struct sk_err *err); /* "08:30-12:00 13:00-17:15" */
int sk_when_read_days(const char *value, struct sk_when *w, struct sk_err *err); /* "mon-fri", "mon wed sat-sun" */
int sk_when_read_from(const char *value, struct sk_when *w, struct sk_err *err); /* "2026-04-01" */
int sk_when_read_until(const char *value, struct sk_when *w, struct sk_err *err); /* "2027-03-31", "fiscal-year-end" */
/* After all of them: makes fiscal-year-end the 31 March that follows `from`, refuses an end before the beginning. */
int sk_when_complete(struct sk_when *w, struct sk_err *err);

bool sk_when_asked(const struct sk_when *w);
/* now: trusted clock; utc_offset_s: seconds that local time is ahead of UTC. */
bool sk_when_holds(const struct sk_when *w, sk_ms now, int utc_offset_s);
/* An instant after now before which the answer does not change; 0 = it never will. Not each such instant changes it. */
sk_ms sk_when_next(const struct sk_when *w, sk_ms now, int utc_offset_s);
bool sk_when_over(const struct sk_when *w, sk_ms now, int utc_offset_s); /* its last day is past */
/* Does a hold whenever b does? False where that is not plain to see. */
bool sk_when_covers(const struct sk_when *a, const struct sk_when *b);
/* Is there any moment at which it holds? False for days that the span of dates does not contain. */
bool sk_when_possible(const struct sk_when *w);

#endif
