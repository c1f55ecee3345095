/* Between a device's first event and the moment the kernel is done with it: who waits, who does not, and that nobody waits for ever. */
#include "tests/unit/gate_fake.h"

TestSuite(gate_arrive, .init = fake_up, .fini = fake_down);

static void scan(void)
{
	plug_root();
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	F.gate->started = true;
	forget_log();
}

static struct fake_device *announce(const char *name, uint8_t cls, uint8_t sub, uint8_t proto)
{
	struct fake_device *d = plug_one(name, cls, sub, proto, "S1");

	d->announced = true;
	add(d);
	return d;
}

static void kernel_done(struct fake_device *d)
{
	d->announced = false;
	uevent("bind", "usb", "usb_device", d->devpath);
}

static void wait_ms(unsigned ms)
{
	for (unsigned i = 0; i < ms / 50; i++)
		(void)sd_event_run(F.loop, 50000);
}

Test(gate_arrive, a_keyboard_is_let_in_once_the_kernel_is_done_with_it)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", KEYBOARD);
	cr_assert(d->authorized && !d->iface_auth[0], "nothing of it is open");
	cr_assert_eq(find("iface"), -1);
	cr_assert_eq(find("record"), -1);
	d->iface_auth[0] = false; /* the kernel configured it once more */
	kernel_done(d);
	cr_assert(d->authorized && d->iface_auth[0]);
	cr_assert(before("probe 1-1", "record device.decided"), "and does not wait for its record");
	forget_log();
	kernel_done(d); /* told twice */
	wait_ms(1500);
	cr_assert_eq(F.n_log, 0, "%s", F.log[0]);
}

Test(gate_arrive, a_stick_is_refused_at_its_first_event)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", STICK);
	cr_assert_geq(find("record device.decided 1-1"), 0);
	cr_assert(!d->authorized);
	forget_log();
	kernel_done(d);
	cr_assert_eq(F.n_log, 0, "%s", F.log[0]);
}

Test(gate_arrive, a_keyboard_whose_bind_never_comes_is_let_in_all_the_same)
{
	struct fake_device *a, *b;

	scan();
	a = announce("1-1", KEYBOARD);
	b = announce("1-2", KEYBOARD);
	kernel_done(a);
	cr_assert(a->iface_auth[0] && !b->iface_auth[0]);
	wait_ms(1500);
	cr_assert(b->authorized && b->iface_auth[0]);
}

Test(gate_arrive, a_bind_without_an_add_or_for_nobody_is_nothing)
{
	scan();
	uevent("bind", "usb", "usb_device", "/devices/pci0000:00/usb1/1-7");
	uevent("bind", "usb", "usb_device", "/devices/pci0000:00/usb1/..");
	cr_assert_eq(F.n_log, 0);
}

Test(gate_arrive, a_keyboard_that_goes_while_it_waits_is_forgotten)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", KEYBOARD);
	unplug(d);
	cr_assert_null(sk_gate_find(F.gate, "1-1"));
	wait_ms(1500);
	cr_assert_eq(find("probe"), -1);
}

Test(gate_arrive, a_keyboard_that_changes_when_it_is_authorised_stays_shut)
{
	struct fake_device *d;

	scan();
	d = plug_one("1-1", KEYBOARD, "S1");
	d->announced = d->changes = true;
	add(d);
	cr_assert(!d->authorized);
	cr_assert_geq(find("record device.refused-change 1-1"), 0);
	kernel_done(d);
	wait_ms(1500);
	cr_assert(!d->authorized && !d->iface_auth[0]);
}

Test(gate_arrive, a_keyboard_that_the_policy_refuses_is_refused_at_its_first_event)
{
	struct fake_device *d;

	scan();
	(void)plug_one("1-3", KEYBOARD, "S3");
	cr_assert_eq(sk_gate_scan(F.gate, false), 0); /* not the only one: no safe path */
	set_policy("[policy]\nname = strict\nversion = 2\nzone = internet\nmode = enforce\ndefault = deny\n[rule "
	           "s3]\nserial = S3\naction = allow\n");
	(void)sk_gate_reconsider(F.gate);
	forget_log();
	d = announce("1-1", KEYBOARD);
	cr_assert(!d->authorized);
	cr_assert_eq(find("authorise 1-1"), -1);
	cr_assert_geq(find("record device.decided 1-1"), 0);
}

Test(gate_arrive, a_scan_decides_what_waits)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", KEYBOARD);
	cr_assert_eq(sk_gate_scan(F.gate, false), 0);
	cr_assert(d->iface_auth[0]);
	forget_log();
	kernel_done(d);
	cr_assert_eq(F.n_log, 0, "decided once: %s", F.log[0]);
}

Test(gate_arrive, an_interface_that_comes_anew_and_shut_is_opened_again)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", KEYBOARD);
	kernel_done(d);
	forget_log();
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.0");
	cr_assert_eq(F.n_log, 0, "open already: %s", F.log[0]);
	d->iface_auth[0] = false; /* configured once more by somebody */
	d->driver[0][0] = '\0';
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.0");
	cr_assert(d->iface_auth[0]);
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:9999.0");
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:");
	uevent("add", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.");
}

/* How many lines begin so. */
static int count(const char *prefix)
{
	int n = 0;

	for (int at = find(prefix); at >= 0; at = find_from(at + 1, prefix))
		n++;
	return n;
}

Test(gate_arrive, udev_looks_again_once_and_only_where_something_changed)
{
	struct fake_device *d;

	scan();
	d = announce("1-1", KEYBOARD);
	kernel_done(d);
	cr_assert_eq(count("look-again 1-1 whole"), 1);
	cr_assert_eq(count("look-again"), 1, "not before it was opened");
	forget_log();
	(void)sk_gate_reconsider(F.gate);
	cr_assert_eq(count("look-again"), 0, "nothing changed");
	announce("1-2", STICK);
	cr_assert_eq(count("look-again 1-2"), 0, "never open");
}

Test(gate_arrive, the_bind_of_our_own_probe_is_not_looked_at_and_every_other_is)
{
	static const char iface[] = "/devices/pci0000:00/usb1/1-1/1-1:1.0";
	struct fake_device *d;

	scan();
	d = plug_one("1-1", KEYBOARD, "S1");
	d->announced = true;
	d->binds = "usbhid";
	add(d);
	kernel_done(d);
	cr_assert(d->iface_auth[0]);
	uevent("bind", "usb", "usb_interface", iface);
	cr_assert(d->authorized);
	sk_text_copy(d->driver[0], sizeof(d->driver[0]), "usb-storage"); /* somebody bound another */
	uevent("bind", "usb", "usb_interface", iface);
	cr_assert(!d->authorized, "one echo for one probe");
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(gate_arrive, another_driver_than_the_keyboard_s_is_looked_at_at_once)
{
	struct fake_device *d;

	scan();
	d = plug_one("1-1", KEYBOARD, "S1");
	d->announced = true;
	d->binds = "hid-generic-net";
	add(d);
	kernel_done(d);
	cr_assert(d->iface_auth[0]);
	d->nets = true;
	uevent("bind", "usb", "usb_interface", "/devices/pci0000:00/usb1/1-1/1-1:1.0");
	cr_assert(!d->authorized);
}
