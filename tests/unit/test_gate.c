/* The gate on a machine made of tables: what it does, in which order, and what it does when something does not work. */
#include <unistd.h>

#include "tests/unit/gate_fake.h"

TestSuite(gate, .init = fake_up, .fini = fake_down);

static void scan(void)
{
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
}

static const char *verdict_of(const char *name)
{
	const struct sk_attached *a = sk_gate_find(F.gate, name);

	return a == NULL ? "absent" : a->outcome.allow ? "allow" : "deny";
}

/* ---- start ---- */

Test(gate, default_deny_stands_before_anything_is_read)
{
	plug_one("1-1", KEYBOARD, "");
	plug_one("1-2", STICK, "S1");
	plug_root();
	scan();
	cr_assert(before("default-deny usb1", "read 1-1"));
	cr_assert(before("default-deny usb1", "read 1-2"));
	cr_assert(before("default-deny usb1", "authorise 1-1"));
}

Test(gate, an_admitted_keyboard_is_not_touched_at_start)
{
	struct fake_device *d;

	plug_root();
	d = plug_one("1-1", KEYBOARD, "");
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	sk_text_copy(d->driver[0], 32, "usbhid");
	scan();
	cr_assert_str_eq(verdict_of("1-1"), "allow");
	cr_assert_eq(find("authorise"), -1);
	cr_assert_eq(find("deauthorise"), -1);
	cr_assert_eq(find("iface"), -1);
	cr_assert_eq(find("probe"), -1);
	cr_assert_eq(find("config"), -1);
}

Test(gate, a_stick_that_is_open_at_start_is_shut_before_the_journal)
{
	struct fake_device *d;

	plug_root();
	d = plug_one("1-1", STICK, "S1");
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	F.journal_broken = true;
	scan();
	cr_assert(!d->authorized);
	cr_assert(before("deauthorise 1-1", "record device.decided 1-1"));
}

Test(gate, an_open_composite_keeps_its_keys_and_loses_its_storage_at_start)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 1, 0, STICK);
	d = plug_wire("1-1", &w, "");
	d->authorized = d->iface_auth[0] = d->iface_auth[1] = true;
	d->config = 1;
	sk_text_copy(d->driver[0], 32, "usbhid");
	sk_text_copy(d->driver[1], 32, "usb-storage");
	scan();
	cr_assert(d->authorized && d->iface_auth[0]);
	cr_assert(!d->iface_auth[1]);
	cr_assert_str_eq(d->driver[0], "usbhid");
	cr_assert_eq(find("deauthorise"), -1);
	cr_assert_eq(find("iface 1-1:1.0"), -1);
}

/* ---- new devices ---- */

Test(gate, a_stick_without_a_grant_is_recorded_and_never_authorised)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", STICK, "S1");
	add(d);
	cr_assert_str_eq(verdict_of("1-1"), "deny");
	cr_assert_geq(find("record device.decided 1-1"), 0);
	cr_assert_geq(find("notify device.decided"), 0);
	cr_assert_eq(find("authorise"), -1);
	cr_assert_str_eq(last_text("device.decided", "verdict"), "deny");
	cr_assert_str_eq(last_text("device.decided", "reason"), "no-grant");
}

Test(gate, a_keyboard_is_authorised_then_its_interface_then_probed_then_recorded)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	d->binds = "usbhid";
	add(d);
	cr_assert(before("authorise 1-1", "iface 1-1:1.0 1"));
	cr_assert(before("iface 1-1:1.0 1", "probe 1-1:1.0"));
	cr_assert(before("probe 1-1:1.0", "record device.decided 1-1"), "keys do not wait for the disk");
	cr_assert_geq(find_from(find("authorise 1-1"), "read 1-1"), 0, "not read again after authorising");
	cr_assert_str_eq(d->driver[0], "usbhid");
}

Test(gate, interfaces_that_the_kernel_made_anew_are_opened_again)
{
	struct fake_device *d;
	struct wire w;
	char path[SK_DEVPATH_MAX];

	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 1, 0, STICK);
	d = plug_wire("1-1", &w, "");
	d->binds = "usbhid";
	add(d);
	(void)snprintf(path, sizeof(path), "%.400s/1-1:1.0", d->devpath);
	forget_log();
	uevent("add", "usb", "usb_interface", path); /* the echo of our own opening */
	cr_assert_eq(find("iface"), -1);
	d->iface_auth[0] = false;
	d->driver[0][0] = '\0';
	uevent("add", "usb", "usb_interface", path);
	cr_assert(d->iface_auth[0] && !d->iface_auth[1]);
	cr_assert_str_eq(d->driver[0], "usbhid");
}

Test(gate, of_a_composite_only_the_keys_are_opened)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 1, 0, STICK);
	d = plug_wire("1-1", &w, "");
	add(d);
	cr_assert(d->authorized && d->iface_auth[0] && !d->iface_auth[1]);
	cr_assert_eq(find("probe 1-1:1.1"), -1);
	cr_assert_eq(find("start"), -1, "a storage module was asked for");
}

Test(gate, storage_hidden_in_an_alternate_setting_keeps_the_interface_shut)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 1);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 0, 1, STICK);
	d = plug_wire("1-1", &w, "");
	add(d);
	cr_assert(!d->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "hidden-storage");
}

Test(gate, another_configuration_than_the_one_decided_on_is_put_right)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 2, 0);
	wire_config(&w, 1, 1);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_config(&w, 2, 1);
	wire_iface(&w, 0, 0, STICK);
	d = plug_wire("1-1", &w, "");
	d->kernel_config = 2;
	add(d);
	cr_assert_geq(find("config 1-1 1"), 0);
	cr_assert(before("config 1-1 1", "iface 1-1:1.0 1"));
	cr_assert(d->iface_auth[0]);
}

Test(gate, a_device_that_insists_on_another_configuration_is_out)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 2, 0);
	wire_config(&w, 1, 1);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_config(&w, 2, 1);
	wire_iface(&w, 0, 0, STICK);
	d = plug_wire("1-1", &w, "");
	d->kernel_config = 2;
	d->refuses_config = true;
	add(d);
	cr_assert(!d->authorized);
	cr_assert_eq(find("iface"), -1);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	cr_assert_str_eq(verdict_of("1-1"), "deny");
}

Test(gate, a_device_that_changes_between_decision_and_authorisation_is_out_for_good)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	d->changes = true;
	add(d);
	cr_assert(!d->authorized);
	cr_assert_eq(find("iface"), -1);
	cr_assert_geq(find("record device.refused-change 1-1"), 0);
	d->changes = false;
	forget_log();
	sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
	cr_assert_eq(find("authorise"), -1);
	unplug(d);
	d = plug_one("1-1", KEYBOARD, "");
	add(d);
	cr_assert(d->authorized, "a new plug is a new device");
}

Test(gate, truncated_descriptors_are_denied_and_recorded)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	d->len -= 3;
	add(d);
	cr_assert(!d->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "malformed-descriptors");
	cr_assert_str_neq(last_text("device.decided", "problem"), "");
}

Test(gate, a_device_that_cannot_be_authorised_is_reported_and_not_tried_for_ever)
{
	struct fake_device *d;
	int tries = 0;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	d->refuses_authorise = true;
	add(d);
	for (int i = 0; i < 10; i++)
		sk_gate_reconsider(F.gate);
	for (size_t i = 0; i < F.n_log; i++)
		tries += strcmp(F.log[i], "authorise 1-1") == 0;
	cr_assert_eq(tries, 3);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(gate, a_device_that_will_not_be_cut_off_is_reported)
{
	struct fake_device *d;

	plug_root();
	d = plug_one("1-1", STICK, "S1");
	d->authorized = true;
	d->config = 1;
	d->stuck = true;
	scan();
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(gate, a_storage_driver_on_what_was_let_in_as_something_else_ends_it)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	d->binds = "usb-storage";
	add(d);
	cr_assert(!d->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
}

/* ---- the journal does not work ---- */

Test(gate, without_a_record_a_keyboard_still_comes_in)
{
	struct fake_device *d;

	plug_root();
	scan();
	F.journal_broken = true;
	d = plug_one("1-1", KEYBOARD, "");
	add(d);
	cr_assert(d->iface_auth[0]);
}

Test(gate, without_a_record_a_granted_stick_waits_until_it_can_be_recorded)
{
	struct fake_device *d;

	plug_root();
	scan();
	F.modules_loaded = true;
	F.journal_broken = true;
	d = plug_one("1-1", STICK, "S1");
	grant(d, "", "ro", F.now + 3600000);
	add(d);
	cr_assert(!d->authorized);
	cr_assert_eq(find("authorise"), -1);
	F.journal_broken = false;
	sk_gate_reconsider(F.gate);
	cr_assert(d->iface_auth[0]);
}

Test(gate, without_a_record_what_is_open_stays_open)
{
	struct fake_device *d;

	plug_root();
	F.journal_broken = true;
	d = plug_one("1-1", 0xff, 0, 0, "");
	d->authorized = d->iface_auth[0] = true;
	d->config = 1;
	sk_text_copy(d->driver[0], 32, "ftdi");
	scan();
	cr_assert(d->authorized && d->iface_auth[0]);
}

/* ---- coming and going ---- */

Test(gate, an_event_about_the_device_before_does_not_remove_the_one_after)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	add(d);
	d->there = false;
	d = plug_one("1-1", KEYBOARD, "X");
	uevent("remove", "usb", "usb_device", d->devpath);
	cr_assert_str_eq(verdict_of("1-1"), "absent");
	add(d);
	cr_assert_str_eq(verdict_of("1-1"), "allow");
	uevent("remove", "usb", "usb_device", d->devpath);
	cr_assert_str_eq(verdict_of("1-1"), "allow");
	cr_assert_geq(find("record device.removed 1-1"), 0);
}

Test(gate, our_own_writes_come_back_as_change_and_decide_nothing)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	add(d);
	forget_log();
	uevent("change", "usb", "usb_device", d->devpath);
	uevent("bind", "usb", "usb_device", d->devpath);
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.0");
	add(d);
	cr_assert_eq(F.n_log, 0, "%s", F.log[0]);
}

Test(gate, a_new_controller_is_put_under_default_deny)
{
	struct fake_device *d;

	scan();
	d = plug_root();
	d->was_open = true;
	add(d);
	cr_assert_geq(find("default-deny usb1"), 0);
}

Test(gate, a_root_hub_whose_interface_comes_late_is_opened)
{
	struct fake_device *root;

	scan();
	root = plug_root();
	root->iface_auth[0] = false;
	root->driver[0][0] = '\0';
	root->config = 0; /* no interface yet */
	add(root);
	cr_assert(!root->iface_auth[0]);
	root->config = 1;
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-0:1.0");
	cr_assert(root->iface_auth[0]);
	cr_assert_geq(find("probe usb1:1.0"), 0);
	forget_log();
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.0");
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/99999-0:1.0");
	cr_assert_eq(F.n_log, 0);
}

Test(gate, a_controller_that_somebody_opened_is_shut_again_and_told)
{
	struct fake_device *root, *d;

	root = plug_root();
	scan();
	root->was_open = true;
	d = plug_one("1-1", STICK, "S1");
	d->authorized = true;
	d->config = 1;
	add(d);
	cr_assert_geq(find("record controller.opened usb1"), 0);
	cr_assert(!d->authorized);
}

Test(gate, lost_events_lead_to_a_scan_that_finds_all)
{
	struct fake_device *gone, *d;

	plug_root();
	scan();
	gone = plug_one("1-1", KEYBOARD, "");
	add(gone);
	gone->there = false;
	d = plug_one("1-2", KEYBOARD, "");
	(void)d;
	cr_assert_eq(sk_gate_scan(F.gate, false), 0);
	cr_assert_str_eq(verdict_of("1-1"), "absent");
	cr_assert_str_eq(verdict_of("1-2"), "allow");
}

Test(gate, hostile_names_in_events_are_ignored)
{
	static const char *const NAMES[] = {"/devices/x/..", "/devices/x/1-1:1.0", "/devices/x/usb",
	                                    "/devices/x/1-1;rm", "/devices/x/-1"};

	plug_root();
	scan();
	forget_log();
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		uevent("add", "usb", "usb_device", NAMES[i]);
	cr_assert_eq(F.n_log, 0);
}

/* ---- policy changes and the safe path ---- */

static const char STRICT[] = "[policy]\nname = strict\nversion = 2\nzone = internet\nmode = enforce\ndefault = deny\n"
                             "[rule none]\nkind = storage\naction = deny\n";

Test(gate, a_policy_that_forbids_shuts_what_is_attached_and_one_that_allows_opens_it)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	cr_assert(d->authorized);
	set_policy(STRICT);
	sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
	set_policy(POLICY);
	sk_gate_reconsider(F.gate);
	cr_assert(d->authorized && d->iface_auth[0]);
}

Test(gate, a_rule_for_a_section_holds_where_the_server_says_so)
{
	struct fake_device *d;
	json_t *body = json_pack("{s:[], s:s}", "grants", "section", "zeimu");

	set_policy("[policy]\nname = s\nversion = 2\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule theirs]\nkind = vendor\nsection = zeimu soumu\naction = allow\n");
	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	cr_assert(!d->authorized, "it was not told");
	cr_assert_eq(sk_grants_parse(body, &F.grants, NULL), 0);
	sk_gate_reconsider(F.gate);
	cr_assert(d->authorized);
	sk_text_copy(F.grants->section, sizeof(F.grants->section), "shimin");
	sk_gate_reconsider(F.gate);
	cr_assert(!d->authorized);
	json_decref(body);
}

Test(gate, a_decision_that_stays_the_same_writes_and_records_nothing)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", KEYBOARD, "");
	add(d);
	forget_log();
	set_policy(POLICY);
	sk_gate_reconsider(F.gate);
	cr_assert_eq(F.n_log, 0, "%s", F.log[0]);
}

Test(gate, the_first_keyboard_comes_in_by_the_safe_path_and_stays)
{
	struct fake_device *a, *b;

	set_policy(STRICT);
	plug_root();
	scan();
	a = plug_one("1-1", KEYBOARD, "A");
	add(a);
	b = plug_one("1-2", KEYBOARD, "B");
	add(b);
	cr_assert(a->iface_auth[0]);
	cr_assert(!b->authorized);
	sk_gate_reconsider(F.gate);
	cr_assert(a->iface_auth[0], "the keyboard in use was cut off");
	cr_assert(!b->authorized);
	unplug(a);
	cr_assert(b->authorized && b->iface_auth[0], "the waiting keyboard was not let in when the last one went");
}

/* ---- what it shows ---- */

Test(gate, devices_and_explanation_are_shown)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *list, *out = NULL, *o;

	plug_root();
	scan();
	add(plug_one("1-1", STICK, "S1"));
	list = sk_gate_devices(F.gate);
	cr_assert_eq(json_array_size(list), 1, "root hubs are not listed");
	o = json_array_get(list, 0);
	cr_assert_str_eq(json_string_value(json_object_get(o, "verdict")), "deny");
	cr_assert_str_eq(json_string_value(json_object_get(o, "vendor_id")), "0951");
	cr_assert_eq(json_array_size(json_object_get(o, "interfaces")), 1);
	json_decref(list);
	cr_assert_eq(sk_gate_explain(F.gate, "1-1", &out, &err), 0);
	cr_assert_not_null(json_object_get(out, "explanation"));
	cr_assert_str_neq(json_string_value(json_object_get(out, "sentence_en")), "");
	json_decref(out);
	cr_assert_eq(sk_gate_explain(F.gate, "9-9", &out, &err), -ENOENT);
	cr_assert_eq(sk_gate_explain(F.gate, "usb1", &out, &err), -ENOENT);
	o = sk_gate_enforcement(F.gate);
	cr_assert_eq(json_integer_value(json_object_get(o, "controllers")), 1);
	json_decref(o);
}
