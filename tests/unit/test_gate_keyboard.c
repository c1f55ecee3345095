/* A keyboard that arrives beside another waits to be confirmed, and nobody is ever left without one. */
#include <unistd.h>

#include "tests/unit/gate_fake.h"

static char path[64];

static void up(void)
{
	fake_up();
	(void)snprintf(path, sizeof(path), "/tmp/sekimori-keyboards-%d", (int)getpid());
	(void)unlink(path);
	F.gate->sys.keyboards = path;
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\nnew_keyboard "
	           "= confirm\n"
	           "new_keyboard_wait = 30s\n[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = "
	           "input\naction = allow\n");
	plug_root();
}

static void down(void)
{
	(void)unlink(path);
	fake_down();
}

TestSuite(gate_keyboard, .init = up, .fini = down);

static void start(void)
{
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
	sk_gate_keyboards_learn(F.gate);
}

static struct fake_device *first(void)
{
	struct fake_device *d = plug_one("1-1", KEYBOARD, "");

	start();
	cr_assert(d->authorized);
	return d;
}

static int answer(const char *device, bool accept)
{
	struct sk_err err = SK_ERR_INIT;

	return sk_gate_confirm(F.gate, device, "clerk", accept, &err);
}

static struct fake_device *second(void)
{
	struct fake_device *d = plug_one("1-2", KEYBOARD, "K2");

	add(d);
	return d;
}

Test(gate_keyboard, the_second_waits_and_comes_in_when_confirmed)
{
	struct fake_device *d;

	(void)first();
	d = second();
	cr_assert(!d->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "confirm");
	cr_assert_eq(answer("1-2", true), 0);
	cr_assert(d->authorized);
	cr_assert(before("record device.confirmed 1-2", "authorise 1-2"));
	cr_assert_str_eq(last_text("device.confirmed", "person"), "clerk");
	cr_assert_eq(answer("1-2", true), -EINVAL, "twice");
	cr_assert_eq(answer("1-9", true), -ENOENT);
	/* Known from now on, at this port. */
	unplug(d);
	d = second();
	cr_assert(d->authorized);
	unplug(d);
	d = plug_one("1-3", KEYBOARD, "K2");
	add(d);
	cr_assert(!d->authorized, "at another port");
}

Test(gate_keyboard, a_mouse_can_type_too)
{
	struct fake_device *d;

	(void)first();
	d = plug_one("1-2", 3, 1, 2, "");
	add(d);
	cr_assert(!d->authorized);
}

Test(gate_keyboard, refused_or_too_late_it_stays_shut_until_plugged_again)
{
	struct fake_device *d;

	(void)first();
	d = second();
	cr_assert_eq(answer("1-2", false), 0);
	cr_assert_str_eq(last_text("device.not-confirmed", "cause"), "refused");
	cr_assert_eq(answer("1-2", true), -ERANGE);
	unplug(d);
	d = second();
	F.now += 30000;
	cr_assert_eq(answer("1-2", true), -ERANGE);
	cr_assert_str_eq(last_text("device.not-confirmed", "cause"), "timeout");
	(void)sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
	unplug(d);
	d = second();
	F.now += 29000;
	cr_assert_eq(answer("1-2", true), 0);
	cr_assert(d->authorized);
}

Test(gate_keyboard, when_the_other_one_goes_the_one_that_waits_comes_in)
{
	struct fake_device *one = first(), *d = second();

	(void)answer("1-2", false); /* also one that was refused: the only keyboard never waits */
	unplug(one);
	cr_assert(d->authorized);
	one = plug_one("1-1", KEYBOARD, "");
	add(one);
	cr_assert(one->authorized, "known: it was there when the policy began to ask");
}

Test(gate_keyboard, a_switch_that_takes_both_away_and_brings_them_back)
{
	struct fake_device *one = first(), *d = second();

	cr_assert_eq(answer("1-2", true), 0);
	for (int i = 0; i < 20; i++) {
		unplug(one);
		unplug(d);
		d = second();
		one = plug_one("1-1", KEYBOARD, "");
		add(one);
		cr_assert(one->authorized && d->authorized, "round %d", i);
	}
}

Test(gate_keyboard, what_is_let_in_stays_when_the_policy_begins_to_ask)
{
	struct fake_device *one, *d;
	struct sk_policy *asking = F.policy;

	F.policy = NULL;
	set_policy(POLICY);
	one = first();
	d = second();
	cr_assert(d->authorized);
	(void)sk_policy_free(F.policy);
	F.policy = asking;
	(void)sk_gate_reconsider(F.gate);
	cr_assert(one->authorized && d->authorized);
	cr_assert_eq(find("deauthorise"), -1);
	unplug(d);
	d = second();
	cr_assert(d->authorized, "vouched for by having been there");
}

Test(gate_keyboard, open_at_the_start_it_is_not_touched)
{
	struct fake_device *one = plug_one("1-1", KEYBOARD, ""), *d = plug_one("1-2", KEYBOARD, "K2");

	one->authorized = one->iface_auth[0] = d->authorized = d->iface_auth[0] = true;
	one->config = d->config = 1;
	start();
	cr_assert(d->authorized && one->authorized);
	cr_assert_eq(find("deauthorise"), -1);
}

Test(gate_keyboard, a_composite_keeps_its_other_functions_while_its_keys_wait)
{
	struct fake_device *d, *one = first();
	struct wire w;

	F.policy = sk_policy_free(F.policy);
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\nnew_keyboard "
	           "= confirm\n"
	           "[rule input]\nkind = input audio\naction = allow\n");
	(void)sk_gate_reconsider(F.gate);
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 1, 0, 1, 1, 0);
	d = plug_wire("1-2", &w, "H");
	add(d);
	cr_assert(d->authorized && !d->iface_auth[0] && d->iface_auth[1]);
	unplug(one);
	cr_assert(d->iface_auth[0], "its keys are the only ones now");
}

Test(gate_keyboard, the_keyboard_of_a_portable_computer_is_one_that_is_there)
{
	struct fake_device *d;

	start();
	F.gate->built_in = 1;
	d = second();
	cr_assert(!d->authorized);
	cr_assert_eq(answer("1-2", true), 0);
	cr_assert(d->authorized);
}

Test(gate_keyboard, a_broken_journal_costs_no_keyboard)
{
	struct fake_device *d;

	(void)first();
	d = second();
	F.journal_broken = true;
	cr_assert_eq(answer("1-2", true), 0);
	cr_assert(d->authorized);
}
