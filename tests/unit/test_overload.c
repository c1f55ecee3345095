/* When the loop is late: reports first, events later, orders never; everybody alike; and over again when it is in time. */
#include <criterion/criterion.h>

#include "server/overload.h"

static struct sk_overload late(sk_ms ms)
{
	struct sk_overload o = {0};

	sk_overload_tick(&o, 1000);
	sk_overload_tick(&o, 1000 + SK_OVERLOAD_TICK + ms);
	return o;
}

static int shed(struct sk_overload *o, enum sk_work what)
{
	int n = 0;

	for (uint32_t i = 0; i < 1000; i++)
		n += sk_overload_wait(o, what, i * 4294967u) > 0;
	return n;
}

Test(overload, in_time_nothing_is_put_off)
{
	struct sk_overload o = late(0);

	cr_assert_eq(shed(&o, SK_WORK_REPORT), 0);
	o = late(300);
	cr_assert_eq(shed(&o, SK_WORK_REPORT), 0);
	cr_assert_eq(o.shed, 0);
}

Test(overload, reports_go_first_and_in_proportion)
{
	struct sk_overload o = late(1250);
	int n = shed(&o, SK_WORK_REPORT);

	cr_assert(n > 450 && n < 550, "%d", n);
	cr_assert_eq(o.shed, (unsigned)n);
	cr_assert_eq(shed(&o, SK_WORK_EVENTS), 0);
	o = late(2500);
	cr_assert_eq(shed(&o, SK_WORK_REPORT), 1000);
	n = shed(&o, SK_WORK_EVENTS);
	cr_assert(n > 100 && n < 250, "%d", n);
	o = late(60000);
	cr_assert_eq(shed(&o, SK_WORK_EVENTS), 1000);
	cr_assert_eq(shed(&o, SK_WORK_ORDERS), 0);
}

Test(overload, the_wait_is_bounded_and_spread)
{
	struct sk_overload o = late(60000);
	int least = 1000, most = 0;

	for (uint32_t i = 0; i < 5000; i++) {
		int s = sk_overload_wait(&o, SK_WORK_REPORT, i * 858993u);

		least = s < least ? s : least;
		most = s > most ? s : most;
	}
	cr_assert(least >= 15 && least <= 16 && most >= 43 && most <= 45, "%d %d", least, most);
}

Test(overload, it_passes)
{
	struct sk_overload o = late(10000);
	sk_ms now = o.due;
	int ticks = 0;

	for (; o.lag > 0 && ticks < 100; ticks++, now += SK_OVERLOAD_TICK)
		sk_overload_tick(&o, now);
	cr_assert(ticks > 4 && ticks < 30, "%d", ticks);
	sk_overload_tick(&o, now - 5000);
	cr_assert_eq(o.lag, 0, "a tick that comes early is no lateness");
}
