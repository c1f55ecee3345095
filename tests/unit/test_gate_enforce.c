/* Drivers that come late, the node in /dev/bus/usb, and which keyboards count. */
#include "tests/unit/gate_fake.h"

TestSuite(gate_enforce, .init = fake_up, .fini = fake_down);

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

/* ---- drivers that bind later ---- */

static void bound(struct fake_device *d, const char *driver)
{
	char path[SK_DEVPATH_MAX];

	sk_text_copy(d->driver[0], sizeof(d->driver[0]), driver);
	(void)snprintf(path, sizeof(path), "%.200s/%s:1.0", d->devpath, d->name);
	uevent("bind", "usb", "usb_interface", path);
}

Test(gate_enforce, a_storage_driver_that_binds_later_ends_it)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	cr_assert(d->authorized);
	bound(d, "ftdi_sio");
	cr_assert(d->authorized);
	bound(d, "ums-realtek");
	cr_assert(!d->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(gate_enforce, a_network_driver_on_what_was_not_let_in_as_that_ends_it)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	cr_assert(d->authorized);
	d->nets = true;
	bound(d, "cdc_subset");
	cr_assert(!d->authorized);
	cr_assert_not_null(strstr(last_text("enforcement.failed", "why"), "network"));
}

Test(gate_enforce, a_network_interface_that_comes_after_its_driver_ends_it_too)
{
	struct fake_device *d;
	char path[SK_DEVPATH_MAX];

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	bound(d, "slow");
	cr_assert(d->authorized);
	d->nets = true;
	(void)snprintf(path, sizeof(path), "%.200s/1-1:1.0/net/usb0", d->devpath);
	uevent("add", "net", "", path);
	cr_assert(!d->authorized);
}

Test(gate_enforce, a_rule_that_names_network_lets_such_a_driver_be)
{
	struct fake_device *d;

	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule adapter]\nkind = network vendor\ndevice = 0951:1666\naction = allow\n");
	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	d->nets = true;
	add(d);
	bound(d, "r8152");
	cr_assert(d->authorized && d->iface_auth[0]);
}

/* ---- the node in /dev/bus/usb ---- */

Test(gate_enforce, the_node_is_looked_at_again_after_opening_and_after_shutting)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", 0xff, 0, 0, "");
	add(d);
	cr_assert(before("iface 1-1:1.0 1", "look-again 1-1"));
	forget_log();
	set_policy("[policy]\nname = test\nversion = 2\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule hubs]\nkind = hub\naction = allow\n");
	sk_gate_reconsider(F.gate);
	cr_assert(before("deauthorise 1-1", "look-again 1-1"));
}

Test(gate_enforce, the_node_of_what_was_never_open_is_not_looked_at_again)
{
	plug_root();
	scan();
	add(plug_one("1-1", STICK, "S1"));
	cr_assert_eq(find("look-again"), -1);
}

/* ---- keyboards ---- */

Test(gate_enforce, without_a_record_a_keyboard_with_more_still_types)
{
	struct fake_device *d;
	struct wire w;

	plug_root();
	scan();
	F.journal_broken = true;
	wire_device(&w, 0x046d, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, KEYBOARD);
	wire_iface(&w, 1, 0, 0xff, 0, 0);
	d = plug_wire("1-1", &w, "");
	add(d);
	cr_assert(d->authorized && d->iface_auth[0]);
	cr_assert(!d->iface_auth[1]);
	F.journal_broken = false;
	sk_gate_reconsider(F.gate);
	cr_assert(d->iface_auth[0] && d->iface_auth[1]);
}

/* Whether a plain keyboard comes in by the safe path beside a device with one interface of this class that the rule lets in. */
static bool comes_in_beside(const char *rule, uint8_t cls, uint8_t sub, uint8_t proto)
{
	char text[512];
	struct fake_device *d;

	(void)snprintf(text, sizeof(text),
	               "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	               "[rule one]\n%s\naction = allow\n",
	               rule);
	set_policy(text);
	plug_root();
	scan();
	add(plug_one("1-1", cls, sub, proto, ""));
	cr_assert_str_eq(verdict_of("1-1"), "allow");
	d = plug_one("1-2", KEYBOARD, "");
	d->bytes[8] = 0x6d; /* another vendor: the rule is not for it */
	add(d);
	return d->authorized;
}

Test(gate_enforce, a_volume_knob_does_not_count_as_a_keyboard)
{
	cr_assert(comes_in_beside("kind = input\ndevice = 0951:*", 3, 0, 0));
}

Test(gate_enforce, a_boot_mouse_does_not_count_as_a_keyboard)
{
	cr_assert(comes_in_beside("kind = input\ndevice = 0951:*", 3, 1, 2));
}

Test(gate_enforce, a_boot_keyboard_counts)
{
	cr_assert(!comes_in_beside("kind = input\ndevice = 0951:*", KEYBOARD));
}

Test(gate_enforce, a_refused_keyboard_of_an_admitted_device_does_not_count)
{
	struct fake_device *d;
	struct wire w;

	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule vendor]\nkind = vendor\naction = allow\n");
	plug_root();
	scan();
	wire_device(&w, 0x0951, 1, 1, 0);
	wire_config(&w, 1, 2);
	wire_iface(&w, 0, 0, 0xff, 0, 0);
	wire_iface(&w, 1, 0, KEYBOARD);
	d = plug_wire("1-1", &w, "");
	add(d);
	cr_assert(d->iface_auth[0] && !d->iface_auth[1]);
	d = plug_one("1-2", KEYBOARD, "");
	add(d);
	cr_assert(d->authorized);
}

/* ---- flapping ---- */

static int records(const char *prefix)
{
	int n = 0, i = -1;

	while ((i = find_from(i + 1, prefix)) >= 0)
		n++;
	return n;
}

Test(gate_enforce, a_stick_that_flaps_is_recorded_once_a_minute_with_a_count)
{
	struct fake_device *d;

	plug_root();
	scan();
	d = plug_one("1-1", STICK, "S1");
	add(d);
	cr_assert_eq(records("record device.decided 1-1"), 1, "the first at once");
	for (int i = 0; i < 5; i++) {
		unplug(d);
		d = plug_one("1-1", STICK, "S1");
		add(d);
		cr_assert(!d->authorized);
	}
	cr_assert_eq(records("record device.decided 1-1"), 1);
	cr_assert_eq(records("record device.removed 1-1"), 1);
	F.now += 60000;
	unplug(d);
	d = plug_one("1-1", STICK, "S1");
	add(d);
	cr_assert_eq(records("record device.decided 1-1"), 2);
	cr_assert_eq(json_integer_value(json_object_get(last_body("device.decided"), "count")), 6);
	unplug(d);
	add(plug_one("1-1", STICK, "S2"));
	cr_assert_eq(records("record device.decided 1-1"), 3, "another device");
	add(plug_one("1-2", STICK, "S1"));
	cr_assert_eq(records("record device.decided 1-2"), 1, "another port");
}

/* ---- names of interfaces ---- */

/* The name of an interface is readable only once the device is configured: before anything of it is open it is looked at. */
Test(gate_enforce, what_calls_itself_mtp_is_no_vendor_device)
{
	static const char *const names[] = {"MTP", "Sony mtp device", "Android Debug Bridge", NULL};
	int i;

	plug_root();
	scan();
	for (i = 0; i < 4; i++) {
		struct fake_device *d;
		struct wire w;
		char port[8];

		(void)snprintf(port, sizeof(port), "1-%d", i + 1);
		wire_device(&w, 0x0951, 0x1666, 1, 0);
		wire_config(&w, 1, 1);
		wire_iface(&w, 0, 0, 0xff, 0xff, 0);
		put(&w, (const uint8_t[]){7, 5, 0x81, 2, 64, 0, 0}, 7);
		w.bytes[w.config + 2] = (uint8_t)(w.len - w.config);
		d = plug_wire(port, &w, "");
		d->calls = names[i];
		add(d);
		cr_expect_eq(d->authorized, i >= 2, "%s", names[i] ? names[i] : "no name");
		cr_expect_eq(d->iface_auth[0], i >= 2);
	}
	cr_assert_not_null(strstr(last_text("enforcement.failed", "why"), "MTP"));
}
