/* Two stages of identity at the gate: opened for looking, looked at, decided again; and registration, which goes the same way. */
#include "common/json.h"
#include "policy/media_key.h"
#include "tests/unit/medium_help.h"

#define LOOK(uuid) \
	"{\"bytes\":16777216,\"volumes\":[{\"start\":0,\"bytes\":8000000,\"type\":\"vfat\",\"uuid\":\"" uuid "\"}]}"
#define MINE  LOOK("1234-5678")
#define OTHER LOOK("9999-0000")

static void key_of(const char *facts, char out[SK_SHA256_HEX])
{
	struct sk_volumes v;
	json_t *j = NULL;

	cr_assert_eq(sk_json_parse(facts, strlen(facts), 4096, &j, NULL), 0);
	cr_assert_eq(sk_volumes_parse(j, &v, NULL), 0);
	cr_assert_eq(sk_media_key(&v, out), 0);
	json_decref(j);
}

/* The stick is in the ledger as M-1, with what MINE says on it; the grant there is stays. */
static void in_ledger(const char *state)
{
	struct sk_ledger *l = NULL;
	char key[SK_SHA256_HEX];
	json_t *body;

	key_of(MINE, key);
	body = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s}]}", "media", "ledger", "M-1", "device_key",
	                 F.grants->items[0].device_key, "serial", "S1", "media_key", key, "state", state);
	cr_assert_eq(sk_ledger_parse(body, &l, NULL), 0);
	json_decref(body);
	sk_ledger_free(F.grants->ledger);
	F.grants->ledger = l;
}

static void registered(const char *access, const char *state)
{
	grant(stick, "clerk", access, F.now + HOUR);
	in_ledger(state);
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule hubs]\nkind = hub\naction = allow\n[rule media]\nkind = storage\naction = grant\n"
	           "[grants]\ngrade_c = none\ngrade_b = rw\n[media]\nwrite = plain\n");
	add(stick);
	appear();
}

static void register_end(void *arg, int result, const char *media_key, const json_t *facts)
{
	(void)facts;
	note("register %d %.8s", result, media_key);
	*(int *)arg = result;
}

static void end_all(void)
{
	fake_down();
}
TestSuite(gate_look, .init = up, .fini = end_all);

Test(gate_look, nobody_gets_it_before_it_was_looked_at)
{
	json_t *v = NULL;

	registered("rw", "stored");
	cr_assert(runs("look /dev/sda 8:0"));
	cr_assert_not(runs("mount /dev/sda1"));
	cr_assert(disk->ro && part->ro, "writable while it is looked at");
	cr_assert_eq(find("record grant.admitted"), -1);
	cr_assert_eq(sk_gate_block_verdict(F.gate, part->b.devpath, &v, NULL), 0);
	cr_assert_str_eq(json_string_value(json_object_get(v, "verdict")), "deny", "the desktop would take it");
	json_decref(v);
}

Test(gate_look, the_registered_one_is_grade_b_and_opens)
{
	registered("rw", "stored");
	end_job("look /dev/sda", 0, MINE);
	cr_assert(runs("mount /dev/sda1 8:1 clerk rw"));
	cr_assert_geq(find("record grant.admitted 1-1"), 0);
	cr_assert_str_eq(last_text("device.decided", "grade"), "B");
	cr_assert_str_eq(last_text("grant.admitted", "ledger"), "M-1");
	cr_assert_geq(find("look-again sda1"), 0, "udev's rules still hold it back");
	mounted(false);
	cr_assert_geq(find("record medium.mounted"), 0);
}

Test(gate_look, reformatted_or_exchanged_is_shut_and_an_alarm)
{
	registered("rw", "stored");
	end_job("look /dev/sda", 0, OTHER);
	cr_assert_geq(find("record medium.key-mismatch 1-1"), 0);
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "media-key");
	cr_assert_eq(find("record grant.admitted"), -1);
	forget_log();
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert_eq(find("authorise 1-1"), -1, "opened again to find the same");
	cr_assert_eq(find("record"), -1);
}

Test(gate_look, one_that_cannot_be_read_is_not_the_registered_one)
{
	registered("ro", "stored");
	end_job("look /dev/sda", 1, "{\"error\":\"it could not be read\"}");
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "media-key");
}

Test(gate_look, a_helper_that_lies_opens_nothing)
{
	static const char *const BAD[] = {"", "[]", "{\"bytes\":16777216,\"volumes\":7}",
	                                  "{\"bytes\":16777216,\"volumes\":[]}"};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		if (i > 0)
			up();
		registered("ro", "stored");
		end_job("look /dev/sda", 0, BAD[i]);
		cr_assert_not(stick->authorized, "%s", BAD[i]);
		if (i + 1 < sizeof(BAD) / sizeof(BAD[0]))
			fake_down();
	}
}

Test(gate_look, registered_anew_it_opens_without_being_replugged)
{
	char key[SK_SHA256_HEX];

	registered("ro", "stored");
	end_job("look /dev/sda", 0, OTHER);
	key_of(OTHER, key);
	sk_text_copy(F.grants->ledger->items[0].media_key, sizeof(key), key);
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert(stick->authorized);
}

Test(gate_look, lost_is_never_opened)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	in_ledger("lost");
	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "medium-lost");
}

Test(gate_look, reported_lost_while_it_is_open_it_is_closed)
{
	registered("ro", "stored");
	end_job("look /dev/sda", 0, MINE);
	mounted(true);
	in_ledger("lost");
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	unmounted();
	cr_assert_not(stick->authorized);
}

Test(gate_look, long_term_storage_is_mounted_read_only)
{
	registered("rw", "long-term");
	end_job("look /dev/sda", 0, MINE);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	cr_assert(part->ro);
}

Test(gate_look, a_second_medium_in_the_same_device_shuts_it)
{
	struct fake_block *second;

	registered("ro", "stored");
	end_job("look /dev/sda", 0, MINE);
	mounted(true);
	second = plug_block(stick, 0, NULL);
	sk_text_copy(second->b.name, sizeof(second->b.name), "sdb");
	second->b.devpath[strlen(second->b.devpath) - 1] = 'b';
	block_add(second);
	unmounted();
	cr_assert_not(stick->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(gate_look, two_media_in_one_device_are_none_of_the_registered)
{
	struct fake_block *second;

	registered("ro", "stored");
	second = plug_block(stick, 0, NULL);
	sk_text_copy(second->b.name, sizeof(second->b.name), "sdb");
	second->b.devpath[strlen(second->b.devpath) - 1] = 'b';
	block_add(second);
	end_job("look /dev/sda", 0, MINE);
	cr_assert_not(stick->authorized);
}

static void other_medium(void)
{
	struct sk_uevent e = {"change", "block", "disk", disk->b.devpath, "sda", true};

	sk_gate_uevent(F.gate, &e);
}

Test(gate_look, another_card_in_the_reader_is_looked_at_anew)
{
	registered("ro", "stored");
	end_job("look /dev/sda", 0, MINE);
	mounted(true);
	forget_log();
	disk->b.bytes = 0;
	part->there = false;
	uevent("remove", "block", "partition", part->b.devpath);
	other_medium();
	unmounted();
	cr_assert_not(runs("look"));
	disk->b.bytes = 1 << 25;
	other_medium();
	cr_assert(runs("look /dev/sda 8:0"), "believed to be the first one still");
}

Test(gate_look, after_a_restart_what_is_mounted_goes_on)
{
	F.uses = F.used = 1;
	grant(stick, "clerk", "rw", F.now + HOUR);
	in_ledger("stored");
	stick->authorized = stick->iface_auth[0] = true;
	stick->config = 1;
	sk_text_copy(stick->driver[0], sizeof(stick->driver[0]), "usb-storage");
	disk = plug_block(stick, 0, NULL);
	disk->b.partitions = 1;
	part = plug_block(stick, 0, "sda1");
	fake_mount(8, 1, PATH, false);
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = "
	           "rw\n[media]\nwrite = plain\n");
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	cr_assert(runs("look /dev/sda 8:0"));
	cr_assert_not(disk->ro, "what is being written would be lost");
	end_job("look /dev/sda", 0, MINE);
	cr_assert_not(runs("unmount"));
	cr_assert_eq(find("deauthorise"), -1);
	cr_assert_eq(F.used, 1, "a restart is no use");
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert_eq(find("deauthorise"), -1);
}

Test(gate_look, registration_looks_and_shuts_again)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int result = 1;

	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), 0, "%s", err.text);
	cr_assert_str_eq(json_string_value(json_object_get(ident, "serial")), "S1");
	cr_assert(stick->authorized);
	appear();
	cr_assert(runs("look /dev/sda 8:0"));
	cr_assert(disk->ro);
	cr_assert_not(runs("mount /dev"));
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), -EBUSY);
	end_job("look /dev/sda", 0, MINE);
	cr_assert_eq(result, 0);
	cr_assert_not(stick->authorized, "left open");
	cr_assert_not(runs("mount /dev"));
	json_decref(ident);
}

Test(gate_look, unplugged_while_it_is_registered)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int result = 1;

	add(stick);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), 0);
	unplug(stick);
	cr_assert_eq(result, -ENODEV);
	json_decref(ident);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), -ENOENT);
	cr_assert_eq(sk_gate_look(F.gate, "usb1", register_end, &result, &ident, &err), -ENOENT);
}

Test(gate_look, what_has_no_identity_is_not_registered)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int result = 1;

	add(stick);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), 0);
	appear();
	end_job("look /dev/sda", 0, "{\"bytes\":16777216,\"volumes\":[]}");
	cr_assert_eq(result, -ENODATA);
	cr_assert_not(stick->authorized);
	json_decref(ident);
}

Test(gate_look, a_keyboard_is_no_medium)
{
	struct fake_device *k = plug_one("1-2", KEYBOARD, "");
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int result = 1;

	add(k);
	cr_assert_eq(sk_gate_look(F.gate, "1-2", register_end, &result, &ident, &err), -EINVAL);
}

Test(gate_look, what_never_gets_its_node_does_not_stay_open_for_looking)
{
	struct sk_attached *a;

	grant(stick, "clerk", "rw", F.now + HOUR);
	in_ledger("stored");
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = rw\n");
	add(stick);
	a = sk_gate_find(F.gate, "1-1");
	cr_assert(stick->authorized);
	cr_assert_not_null(a->look_timer, "open for looking without a limit");
	sk_attached_look_late(a);
	cr_assert_not(stick->authorized);
	cr_assert_null(a->look_timer);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	cr_assert_str_eq(last_text("device.decided", "reason"), "media-key");
}

Test(gate_look, a_registration_that_gets_no_node_ends_and_the_next_one_works)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int result = 1;

	add(stick);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), 0);
	json_decref(ident);
	cr_assert_not_null(sk_gate_find(F.gate, "1-1")->look_timer);
	sk_attached_look_late(sk_gate_find(F.gate, "1-1"));
	cr_assert_eq(result, -ETIMEDOUT);
	cr_assert_not(stick->authorized, "left open");
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	cr_assert_eq(sk_gate_look(F.gate, "1-1", register_end, &result, &ident, &err), 0);
	appear();
	end_job("look /dev/sda", 0, MINE);
	cr_assert_eq(result, 0);
	json_decref(ident);
}

Test(gate_look, once_looked_at_no_limit_runs)
{
	registered("rw", "stored");
	cr_assert_not_null(sk_gate_find(F.gate, "1-1")->look_timer);
	end_job("look /dev/sda", 0, MINE);
	cr_assert_null(sk_gate_find(F.gate, "1-1")->look_timer);
}

/* As the server issues them: the grant names the registered medium. */
Test(gate_look, a_grant_that_names_the_medium_does_not_hide_the_mismatch)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	sk_text_copy(F.grants->items[0].ledger, sizeof(F.grants->items[0].ledger), "M-1");
	in_ledger("stored");
	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = "
	           "rw\n[media]\nwrite = plain\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 0, OTHER);
	cr_assert_geq(find("record medium.key-mismatch 1-1"), 0);
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "media-key");
	forget_log();
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert_eq(find("authorise 1-1"), -1, "opened again to find the same");
}

/* ---- rules that ask for what every medium can tell ---- */

#define HEAD "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
#define LUKS \
	"{\"bytes\":16777216,\"volumes\":[{\"start\":0,\"bytes\":16777216,\"type\":\"crypto_LUKS\",\"uuid\":\"u\"}]}"
#define BLANK "{\"bytes\":16777216,\"volumes\":[]}"

Test(gate_look, a_rule_for_a_size_opens_what_has_it)
{
	set_policy(HEAD "[rule small]\nkind = storage\nsize = 1M-64M\naccess = ro\naction = allow\n");
	add(stick);
	appear();
	cr_assert(runs("look /dev/sda 8:0"));
	cr_assert_not(runs("mount /dev/sda1"));
	cr_assert(disk->ro && part->ro);
	end_job("look /dev/sda", 0, MINE);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	cr_assert_str_eq(last_text("device.decided", "rule"), "small");
	cr_assert_str_eq(last_text("device.decided", "grade"), "C");
}

Test(gate_look, what_has_another_size_is_shut_and_left_alone)
{
	set_policy(HEAD "[rule small]\nkind = storage\nsize = 1M-8M\naction = allow\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 0, MINE);
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "default-deny");
	cr_assert_eq(find("record medium.key-mismatch"), -1, "it is in no ledger");
	forget_log();
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert_eq(find("authorise 1-1"), -1, "opened again to find the same");
	cr_assert_eq(find("record"), -1);
	set_policy(HEAD "[rule all]\nkind = storage\nsize = 1M-64M\naccess = ro\naction = allow\n");
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert(stick->authorized);
	cr_assert(sk_gate_find(F.gate, "1-1")->outcome.ifaces[0].pending, "another one may lie in it by now");
}

Test(gate_look, a_rule_for_encryption_waits_for_the_look)
{
	set_policy(HEAD "[rule luks]\nkind = storage\nencryption = luks\naccess = encrypted\naction = allow\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 0, LUKS);
	cr_assert(stick->authorized);
	cr_assert(runs("mount /dev/sda1 8:1 clerk encrypted"));
	cr_assert(disk->ro && part->ro);
}

Test(gate_look, plain_or_unreadable_it_has_no_encryption)
{
	static const char *const PLAIN[] = {MINE, BLANK, "", "{\"bytes\":16777216,\"volumes\":7}"};

	for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++) {
		if (i > 0)
			up();
		set_policy(HEAD "[rule luks]\nkind = storage\nencryption = luks\naction = allow\n");
		add(stick);
		appear();
		end_job("look /dev/sda", 0, PLAIN[i]);
		cr_assert_not(stick->authorized, "%s", PLAIN[i]);
		if (i + 1 < sizeof(PLAIN) / sizeof(PLAIN[0]))
			fake_down();
	}
}

Test(gate_look, what_is_denied_for_its_size_is_denied_when_it_does_not_tell_it)
{
	grant(stick, "clerk", "ro", F.now + HOUR);
	set_policy(HEAD "[rule big]\nkind = storage\nsize = 64M-2T\naction = deny\n"
	                "[rule media]\nkind = storage\naction = grant\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 1, "");
	cr_assert_not(stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "rule"), "big");
}

Test(gate_look, without_such_rules_nobody_looks)
{
	grant(stick, "clerk", "ro", F.now + HOUR);
	set_policy(HEAD "[rule numbered]\nkind = storage\nledger = M-*\naction = allow\n"
	                "[rule better]\nkind = storage\ngrade = B\naction = allow\n"
	                "[rule media]\nkind = storage\naction = grant\n");
	add(stick);
	appear();
	cr_assert_not(runs("look /dev/sda"));
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	cr_assert_str_eq(last_text("device.decided", "rule"), "media");
}

Test(gate_look, what_is_in_no_ledger_is_not_opened_for_a_rule_with_a_number)
{
	set_policy(HEAD "[rule numbered]\nkind = storage\nledger = M-*\naction = allow\n"
	                "[rule luks]\nkind = storage\nperson = nobody\nencryption = luks\naction = allow\n");
	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("authorise 1-1"), -1);
}

Test(gate_look, a_rule_with_a_number_opens_the_registered_one)
{
	grant(stick, "somebody", "ro", F.now + HOUR);
	in_ledger("stored");
	set_policy(HEAD "[rule numbered]\nkind = storage\nledger = M-*\naccess = ro\naction = allow\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 0, MINE);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	cr_assert_str_eq(last_text("device.decided", "rule"), "numbered");
}

Test(gate_look, a_second_medium_makes_the_size_unknown)
{
	struct fake_block *second;

	set_policy(HEAD "[rule small]\nkind = storage\nsize = 1M-64M\naccess = ro\naction = allow\n");
	add(stick);
	appear();
	end_job("look /dev/sda", 0, MINE);
	mounted(true);
	second = plug_block(stick, 0, NULL);
	sk_text_copy(second->b.name, sizeof(second->b.name), "sdb");
	second->b.devpath[strlen(second->b.devpath) - 1] = 'b';
	block_add(second);
	cr_assert_not(runs("mount /dev/sdb"));
	unmounted();
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("record enforcement.failed"), -1);
}

Test(gate_look, in_time_it_comes_up_or_counts_as_unknown)
{
	struct sk_attached *a;

	set_policy(HEAD "[rule small]\nkind = storage\nsize = 1M-64M\naccess = ro\naction = allow\n");
	add(stick);
	a = sk_gate_find(F.gate, "1-1");
	cr_assert_not_null(a->look_timer);
	sk_attached_look_late(a);
	cr_assert_not(stick->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	cr_assert_str_eq(last_text("device.decided", "reason"), "default-deny");
}

/* ---- what is given after the look ---- */

Test(gate_look, a_use_is_counted_when_it_is_given_not_when_it_is_looked_at)
{
	F.uses = 1;
	registered("ro", "stored");
	cr_assert_eq(F.used, 0);
	end_job("look /dev/sda", 0, MINE);
	cr_assert_eq(F.used, 1);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	mounted(true);
	cr_assert_eq(sk_gate_reconsider(F.gate), 0);
	cr_assert(stick->authorized, "its only use ended by itself");
	cr_assert_eq(F.used, 1);
}

Test(gate_look, a_medium_that_is_not_the_one_costs_no_use)
{
	F.uses = 1;
	registered("ro", "stored");
	end_job("look /dev/sda", 0, OTHER);
	cr_assert_eq(F.used, 0);
}

Test(gate_look, what_cannot_be_recorded_after_the_look_is_shut)
{
	registered("ro", "stored");
	F.journal_broken = true;
	end_job("look /dev/sda", 0, MINE);
	cr_assert_not(runs("mount /dev/sda1"));
	cr_assert_not(stick->authorized, "open for looking still");
}
