/* When a session is asked to lock, told of, ended: by the clock alone. */
#include <criterion/criterion.h>

#include "policy/idle.h"

#define LIMIT 600000
#define WAIT  30000

static const struct sk_idle_rules mild = {.limit = LIMIT, .wait = WAIT};
static const struct sk_idle_rules hard = {.limit = LIMIT, .wait = WAIT, .end_session = true, .end_text = true};
static struct sk_idle_track t;
static sk_ms next;

static void start(void)
{
	t = (struct sk_idle_track){0};
	next = -1;
}
TestSuite(idle, .init = start);

static struct sk_idle_session desktop(sk_ms since)
{
	return (struct sk_idle_session){.kind = SK_SESSION_DESKTOP, .idle = true, .since = since};
}

Test(idle, a_desktop_is_asked_at_the_limit_and_told_of_when_it_does_not_lock)
{
	struct sk_idle_session s = desktop(1000);

	cr_assert_eq(sk_idle_step(&mild, &s, 2000, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 1000 + LIMIT);
	cr_assert_eq(sk_idle_step(&mild, &s, next, &t, &next), SK_IDLE_LOCK);
	cr_assert_eq(next, 1000 + LIMIT + WAIT);
	cr_assert_eq(sk_idle_step(&mild, &s, next - 1, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(sk_idle_step(&mild, &s, next, &t, &next), SK_IDLE_TELL);
	cr_assert_eq(next, 0);
	cr_assert_eq(sk_idle_step(&mild, &s, 99999999, &t, &next), SK_IDLE_NOTHING, "told once");
}

Test(idle, it_is_ended_where_the_policy_says_so)
{
	struct sk_idle_session s = desktop(0);

	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT, &t, &next), SK_IDLE_LOCK);
	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT + WAIT, &t, &next), SK_IDLE_END);
}

Test(idle, who_locks_or_comes_back_begins_anew)
{
	struct sk_idle_session s = desktop(0);

	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT, &t, &next), SK_IDLE_LOCK);
	s.locked = true;
	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT + 10, &t, &next), SK_IDLE_LOCKED);
	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT + 20, &t, &next), SK_IDLE_NOTHING, "said once");
	s = desktop(LIMIT + 30);
	cr_assert_eq(sk_idle_step(&hard, &s, LIMIT + 40, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(sk_idle_step(&hard, &s, 2 * LIMIT + 30, &t, &next), SK_IDLE_LOCK);
	s.idle = false;
	cr_assert_eq(sk_idle_step(&hard, &s, 3 * LIMIT, &t, &next), SK_IDLE_NOTHING, "back in time: not ended");
	cr_assert_eq(t.stage, SK_IDLE_WATCHED);
}

Test(idle, a_desktop_that_tells_at_the_limit_gets_a_moment_only)
{
	struct sk_idle_session s = desktop(1000);

	s.hint_at_limit = true;
	cr_assert_eq(sk_idle_step(&mild, &s, 1000, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 6000);
	cr_assert_eq(sk_idle_step(&mild, &s, 6000, &t, &next), SK_IDLE_LOCK);
	cr_expect(sk_idle_hint_at_limit("ubuntu:GNOME"));
	cr_expect(!sk_idle_hint_at_limit("KDE"));
	cr_expect(!sk_idle_hint_at_limit(""));
}

Test(idle, a_text_console_goes_by_its_last_input)
{
	struct sk_idle_session s = {.kind = SK_SESSION_TEXT, .since = 5000};

	cr_assert_eq(sk_idle_step(&mild, &s, 6000, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 5000 + LIMIT);
	s.since = 100000; /* somebody typed; no signal says so, the timer finds it */
	cr_assert_eq(sk_idle_step(&mild, &s, 5000 + LIMIT, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 100000 + LIMIT);
	cr_assert_eq(sk_idle_step(&mild, &s, next, &t, &next), SK_IDLE_TELL);
	cr_assert_eq(sk_idle_step(&mild, &s, next, &t, &next), SK_IDLE_NOTHING, "once for one absence");
	s.since = 5 * LIMIT;
	cr_assert_eq(sk_idle_step(&mild, &s, 6 * LIMIT, &t, &next), SK_IDLE_TELL, "the next absence");
	start();
	cr_assert_eq(sk_idle_step(&hard, &s, 6 * LIMIT, &t, &next), SK_IDLE_END);
}

Test(idle, others_and_the_exempt_are_left_alone)
{
	struct sk_idle_session s = desktop(0);

	s.kind = SK_SESSION_OTHER;
	cr_assert_eq(sk_idle_step(&hard, &s, 9 * LIMIT, &t, &next), SK_IDLE_NOTHING);
	s = desktop(0);
	s.exempt = true;
	cr_assert_eq(sk_idle_step(&hard, &s, 9 * LIMIT, &t, &next), SK_IDLE_NOTHING);
	s.exempt = false;
	cr_assert_eq(sk_idle_step(&hard, &s, 9 * LIMIT, &t, &next), SK_IDLE_LOCK, "at the permit's end");
}

Test(idle, a_time_from_the_future_counts_as_now)
{
	struct sk_idle_session s = desktop(99999999);

	cr_assert_eq(sk_idle_step(&hard, &s, 1000, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 1000 + LIMIT);
}

Test(idle, an_order_does_not_wait_for_idleness)
{
	struct sk_idle_session s = desktop(0);

	s.idle = false;
	s.exempt = true;
	sk_idle_ordered(&t, 1000);
	cr_assert_eq(sk_idle_step(&hard, &s, 1001, &t, &next), SK_IDLE_NOTHING);
	cr_assert_eq(next, 1000 + WAIT);
	s.locked = true;
	cr_assert_eq(sk_idle_step(&hard, &s, 1002, &t, &next), SK_IDLE_LOCKED);
	s.locked = false;
	sk_idle_ordered(&t, 2000);
	cr_assert_eq(sk_idle_step(&hard, &s, 2000 + WAIT, &t, &next), SK_IDLE_END);
	cr_assert_eq(sk_idle_step(&hard, &s, 3000 + WAIT, &t, &next), SK_IDLE_NOTHING);
	s = (struct sk_idle_session){.kind = SK_SESSION_TEXT, .since = 500};
	start();
	sk_idle_ordered(&t, 1000);
	cr_assert_eq(sk_idle_step(&mild, &s, 1000, &t, &next), SK_IDLE_TELL);
	cr_assert_eq(sk_idle_step(&mild, &s, 1001, &t, &next), SK_IDLE_NOTHING);
}
