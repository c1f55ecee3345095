/* What holds for every medium at once: the lock of the session, and antivirus that must be current. */
#include "tests/unit/medium_help.h"

TestSuite(gate_state, .init = up, .fini = fake_down);

#define HEAD(zone) \
	"[policy]\nname = test\nversion = 1\nzone = " zone "\nmode = enforce\ndefault = deny\n" \
	"[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = input\naction = allow\n" \
	"[rule media]\nkind = storage\naction = grant\n[grants]\nwarn = 5m\ngrade_c = rw\n[media]\nwrite = plain\n"

Test(gate_state, without_current_antivirus_media_are_refused)
{
	set_policy(HEAD("internet") "antivirus = required\n");
	grant(stick, "clerk", "ro", F.now + HOUR);
	add(stick);
	cr_assert(!stick->authorized, "the check has not run yet");
	cr_assert_str_eq(last_text("device.decided", "reason"), "antivirus");
	sk_gate_antivirus(F.gate, true);
	cr_assert(stick->authorized, "opens by itself when it is in order");
}

Test(gate_state, where_nobody_asks_for_it_antivirus_decides_nothing)
{
	grant(stick, "clerk", "ro", F.now + HOUR);
	add(stick);
	cr_assert(stick->authorized);
	sk_gate_antivirus(F.gate, true);
	sk_gate_antivirus(F.gate, false);
	cr_assert(stick->authorized);
	cr_assert_eq(find("record medium.warned"), -1);
}

Test(gate_state, stale_while_mounted_it_is_warned_of_and_taken_away)
{
	struct fake_device *other;

	set_policy(HEAD("internet") "antivirus = required\n");
	sk_gate_antivirus(F.gate, true);
	open_stick("clerk", F.now + HOUR);
	forget_log();
	sk_gate_antivirus(F.gate, false);
	cr_assert_geq(find("record medium.warned 1-1"), 0);
	cr_assert_geq(find("notify medium.warned"), 0);
	cr_assert(stick->authorized);
	cr_assert(!runs("unmount"));
	other = plug_one("1-2", STICK, "S1");
	add(other);
	cr_assert(!other->authorized, "nothing new comes in meanwhile");
	F.now += 59000;
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("unmount"));
	F.now += 1000;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	unmounted();
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "antivirus");
	cr_assert(!stick->authorized);
}

Test(gate_state, in_order_again_in_time_nothing_is_taken_away)
{
	set_policy(HEAD("internet") "antivirus = required\n");
	sk_gate_antivirus(F.gate, true);
	open_stick("clerk", F.now + HOUR);
	sk_gate_antivirus(F.gate, false);
	sk_gate_antivirus(F.gate, true);
	F.now += 120000;
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("unmount"));
	cr_assert(stick->authorized);
}

static void locks(const char *policy, bool closes)
{
	set_policy(policy);
	open_stick("clerk", F.now + HOUR);
	sk_gate_locked(F.gate, true);
	cr_assert_eq(runs("unmount 8:1"), closes, "%s", policy);
	if (!closes)
		return;
	unmounted();
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "session-locked");
	cr_assert(!stick->authorized);
	sk_gate_locked(F.gate, false);
	cr_assert(stick->authorized);
}

Test(gate_state, a_locked_session_closes_media_in_the_inner_zones)
{
	locks(HEAD("lgwan"), true);
}

Test(gate_state, in_the_internet_zone_it_keeps_them)
{
	locks(HEAD("internet"), false);
}

Test(gate_state, the_policy_may_say_otherwise)
{
	locks(HEAD("internet") "on_lock = close\n", true);
}

Test(gate_state, and_the_other_way_round)
{
	locks(HEAD("my-number") "on_lock = keep\n", false);
}

Test(gate_state, a_locked_session_costs_no_keyboard)
{
	struct fake_device *keyboard;

	set_policy(HEAD("my-number") "antivirus = required\n");
	sk_gate_locked(F.gate, true);
	keyboard = plug_one("1-3", KEYBOARD, "");
	add(keyboard);
	cr_assert(keyboard->authorized);
}

/* ---- grants with a number of uses ---- */

static void replug(void)
{
	unplug(stick);
	if (runs("unmount"))
		unmounted();
	stick = plug_one("1-1", STICK, "S1");
	stick->binds = "usb-storage";
	add(stick);
}

Test(gate_state, each_opening_is_counted_before_it_happens)
{
	F.uses = 2;
	grant(stick, "clerk", "ro", F.now + HOUR);
	add(stick);
	cr_assert(before("use", "authorise 1-1"));
	cr_assert_eq(F.used, 1);
	appear();
	mounted(true);
	sk_gate_reconsider(F.gate);
	cr_assert_eq(F.used, 1, "looking again is no opening");
	replug();
	cr_assert(stick->authorized);
	cr_assert_eq(F.used, 2);
	appear();
	mounted(true);
	F.now += 60000;
	sk_gate_reconsider(F.gate);
	cr_assert(stick->authorized && !runs("unmount"), "the last use goes on");
	replug();
	cr_assert(!stick->authorized);
	cr_assert_eq(F.used, 2);
	cr_assert_str_eq(last_text("device.decided", "reason"), "grant-used-up");
}

Test(gate_state, what_cannot_be_counted_is_not_opened)
{
	F.uses = 1;
	F.use_fails = true;
	grant(stick, "clerk", "ro", F.now + HOUR);
	add(stick);
	cr_assert(!stick->authorized);
	F.use_fails = false;
	F.used = -1;
	sk_gate_reconsider(F.gate);
	cr_assert(!stick->authorized);
	F.used = 0;
	sk_gate_reconsider(F.gate);
	cr_assert(stick->authorized);
}

Test(gate_state, a_restart_of_the_agent_is_no_opening)
{
	F.uses = 1;
	F.used = 1;
	grant(stick, "clerk", "ro", F.now + HOUR);
	stick->authorized = stick->iface_auth[0] = true;
	stick->config = 1;
	sk_text_copy(stick->driver[0], sizeof(stick->driver[0]), "usb-storage");
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	cr_assert(stick->authorized, "open by its last use, counted before");
	cr_assert_eq(F.used, 1);
	sk_gate_reconsider(F.gate);
	cr_assert(stick->authorized);
	replug();
	cr_assert(!stick->authorized);
}
