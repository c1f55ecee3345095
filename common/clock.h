/*
 * Time. Everything is kept as milliseconds UTC since 1970 (sk_ms); pages and the CLI show local time (JST) made here.
 * A grant's end must not move when somebody turns the clock back: sk_clock_trusted() joins the wall clock with the boot
 * clock and the highest time ever seen, and never goes backwards.
 */
#ifndef SK_COMMON_CLOCK_H
#define SK_COMMON_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t sk_ms;

sk_ms sk_clock_wall(void); /* CLOCK_REALTIME */
sk_ms sk_clock_boot(void); /* CLOCK_BOOTTIME: runs on in suspend */

struct sk_trusted_clock {
	sk_ms floor_wall; /* the highest trusted time known when floor_boot was read */
	sk_ms floor_boot;
};

/* last_seen: highest trusted time stored before this start (0 = none). */
void sk_clock_trusted_init(struct sk_trusted_clock *c, sk_ms last_seen, sk_ms wall, sk_ms boot);
/* max(wall, floor_wall + (boot - floor_boot)); raises the floor. Pure but for *c.
 * *turned_back_ms (may be NULL) = how far the wall clock is behind the result, 0 if not. */
sk_ms sk_clock_trusted(struct sk_trusted_clock *c, sk_ms wall, sk_ms boot, sk_ms *turned_back_ms);

/*
 * The way back for a floor that ran ahead because the clock was once set far ahead: `issued` is the time in a signed bundle that is newer
 * than any held, so the server said it lately, and the wall clock agrees within 10 minutes. The floor becomes max(wall, issued). That
 * cannot be used to gain time: the result is never before what the server signed, and a bundle that was held before (a replay with the wall clock
 * turned back to it) is refused by its version before anybody asks here. Returns the time that would hold; when it differs from the trusted
 * time by 10 minutes or less, or the wall clock does not agree, the trusted time itself. take: also sets it.
 */
sk_ms sk_clock_corrected(struct sk_trusted_clock *c, sk_ms wall, sk_ms boot, sk_ms issued, bool take);

/* "2026-04-01T08:30:00.000Z" (24 chars + NUL) and back; strict. */
#define SK_RFC3339_LEN 25
void sk_clock_format_utc(sk_ms t, char out[SK_RFC3339_LEN]);
int sk_clock_parse_utc(const char *s, sk_ms *out); /* accepts with or without .mmm; 0 or -EINVAL */

/* Local time for people: "2026-04-01 08:30:00". tz from the TZ database by localtime_r. */
void sk_clock_format_local(sk_ms t, char *out, size_t size);

/* The fiscal year t falls in, by local time: it begins on 1 April and is called by the year it begins in. */
int sk_clock_fiscal_year(sk_ms t);

#endif
