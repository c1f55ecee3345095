/* See overload.h. Between "some" and "all" the part that is put off grows evenly, so that load falls before it breaks off. */
#include "server/overload.h"

#define LEAST_S 15 /* shortest wait; a terminal adds up to a quarter of its own */
#define RANGE_S 30

static const struct {
	sk_ms some, all; /* ms of lag from which some, and from which all is put off */
} limits[] = {[SK_WORK_REPORT] = {500, 2000}, [SK_WORK_EVENTS] = {2000, 5000}, [SK_WORK_ORDERS] = {0, 0}};

void sk_overload_tick(struct sk_overload *o, sk_ms now)
{
	sk_ms late = o->due > 0 && now > o->due ? now - o->due : 0, kept = o->lag - o->lag / 4;

	o->lag = late > kept ? late : kept < SK_OVERLOAD_TICK / 10 ? 0 : kept;
	o->due = now + SK_OVERLOAD_TICK;
}

int sk_overload_wait(struct sk_overload *o, enum sk_work what, uint32_t random)
{
	sk_ms some = limits[what].some, all = limits[what].all;

	if (all == 0 || o->lag < some)
		return 0;
	if (o->lag < all && (sk_ms)(random >> 16) * (all - some) >= (o->lag - some) * 65536)
		return 0;
	o->shed++;
	return LEAST_S + (int)((random & 0xffff) * RANGE_S / 65536);
}
