/*
 * Whether the server keeps up, and what it puts off when it does not. The measure is how late the event loop is: whatever makes it late (CPU,
 * disk, a flood) shows there. First reports are put off (the next one says the same), then events (terminals keep them); orders,
 * revocations among them, never. Each terminal is as likely to be put off as any other, and is told for how long.
 */
#ifndef SK_SERVER_OVERLOAD_H
#define SK_SERVER_OVERLOAD_H

#include <stdint.h>
#include "common/clock.h"

enum sk_work { SK_WORK_REPORT, SK_WORK_EVENTS, SK_WORK_ORDERS };

#define SK_OVERLOAD_TICK 250 /* ms between two calls of sk_overload_tick */

struct sk_overload { /* zeroed = new */
	sk_ms lag; /* how late the loop is, falling off slowly; 0 = in time */
	sk_ms due; /* when the next tick should come; 0 = none yet */
	unsigned long long shed;
};

/* Called by a timer every SK_OVERLOAD_TICK. now: a clock that does not go back. */
void sk_overload_tick(struct sk_overload *o, sk_ms now);
/* 0 = do it now, else the seconds after which the terminal may ask again. random: 32 random bits. Counts what is put off. */
int sk_overload_wait(struct sk_overload *o, enum sk_work what, uint32_t random);

#endif
