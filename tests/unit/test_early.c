#include <errno.h>

#include "agent/early.h"
#include "tests/unit/sysfs_fake.h"

static char conf[1100];
static int loaded;

static int fake_modprobe(const char *const argv[])
{
	(void)argv;
	loaded++;
	return 0;
}

static struct sk_early early(void)
{
	return (struct sk_early){tree, conf, fake_modprobe};
}

static void up(void)
{
	tree_up();
	plug_root();
	loaded = 0;
	(void)snprintf(conf, sizeof(conf), "%s/internal.conf", tree);
}

TestSuite(early, .init = up, .fini = tree_down);

Test(early, controllers_get_the_default_deny)
{
	struct sk_early e = early();

	cr_assert_eq(sk_early_device(&e, "usb1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/authorized_default"), "0");
	cr_assert_str_eq(get(BASE "/interface_authorized_default"), "0");
	cr_assert_str_eq(get("/sys/bus/usb/drivers_probe"), "", "its own interface was open already");
}

Test(early, a_root_hub_whose_interface_was_shut_is_opened)
{
	struct sk_early e = early();

	put(BASE "/1-0:1.0/authorized", "0\n");
	cr_assert_eq(sk_early_device(&e, "usb1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/1-0:1.0/authorized"), "1");
	cr_assert_str_eq(get("/sys/bus/usb/drivers_probe"), "1-0:1.0");
}

Test(early, a_keyboard_is_admitted_and_probed)
{
	struct sk_early e = early();

	plug("1-1", KEYBOARD_BYTES, sizeof(KEYBOARD_BYTES), "046d:c31c", "\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_ADMITTED);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "1");
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.0/authorized"), "1");
	cr_assert_str_eq(get("/sys/bus/usb/drivers_probe"), "1-1:1.0");
	cr_assert_eq(loaded, 0);
}

Test(early, a_stick_is_left_alone)
{
	struct sk_early e = early();

	plug("1-1", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "0");
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.0/authorized"), "0");
}

Test(early, malformed_descriptors_are_left_alone)
{
	struct sk_early e = early();

	plug("1-1", KEYBOARD_BYTES, sizeof(KEYBOARD_BYTES) - 2, "046d:c31c", "\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "0");
}

Test(early, another_configuration_than_the_first_is_left_unbound)
{
	struct sk_early e = early();

	plug("1-1", KEYBOARD_BYTES, sizeof(KEYBOARD_BYTES), "046d:c31c", "\n");
	put(BASE "/1-1/bConfigurationValue", "2\n");
	cr_assert_lt(sk_early_device(&e, "1-1"), 0);
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.0/authorized"), "0");
}

Test(early, a_learned_disk_is_admitted_with_its_driver_and_no_other)
{
	struct sk_early e = early();

	put("/internal.conf", "# comment\nusb 1-1 0951:1666 S1\n");
	plug("1-1", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	plug("1-2", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_ADMITTED);
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.0/authorized"), "1");
	cr_assert_eq(loaded, 1);
	cr_assert_eq(sk_early_device(&e, "1-2"), SK_EARLY_LEFT, "a twin of the one that is in");
	put("/etc/sekimori/initramfs", "");
	cr_assert_eq(sk_early_device(&e, "1-2"), SK_EARLY_ADMITTED, "at boot it may be the real one");
	put(BASE "/1-1/authorized", "0\n");
	put(BASE "/1-1/serial", "S2\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_LEFT, "another serial");
}

Test(early, a_broken_list_admits_nothing)
{
	struct sk_early e = early();

	put("/internal.conf", "usb 1-1 0951:1666 S1\nwhatever\n");
	plug("1-1", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	cr_assert_eq(sk_early_device(&e, "1-1"), SK_EARLY_LEFT);
}

Test(early, all_takes_controllers_first_and_what_may_come_in)
{
	struct sk_early e = early();

	plug("1-1", KEYBOARD_BYTES, sizeof(KEYBOARD_BYTES), "046d:c31c", "\n");
	plug("1-2", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	cr_assert_eq(sk_early_all(&e), 1);
	cr_assert_str_eq(get(BASE "/authorized_default"), "0");
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "1");
	cr_assert_str_eq(get(BASE "/1-2/authorized"), "0");
}

Test(early, a_machine_without_usb_is_fine)
{
	struct sk_early e = {"/nonexistent", conf, fake_modprobe};

	cr_assert_eq(sk_early_all(&e), 0);
}

Test(early, names_that_are_none_are_refused)
{
	static const char *const BAD[] = {"", "..", "../etc", "1-1/x", "1-1:1.0", "a"};
	struct sk_early e = early();

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_lt(sk_early_device(&e, BAD[i]), 0, "%s", BAD[i]);
	cr_assert_eq(sk_early_device(&e, "9-9"), -ENOENT);
}

/* A configuration of these interfaces: number, alternate setting, class, subclass, protocol, type of its one pipe. */
static size_t composite(unsigned char *out, const unsigned char (*ifaces)[6], size_t n, unsigned char numbers)
{
	static const unsigned char DEVICE[18] = {18, 1, 0, 2, 0, 0, 0, 8, 0x6d, 4, 0x1c, 0xc3, 0, 1, 1, 2, 3, 1};
	unsigned char config[9] = {9, 2, 0, 0, numbers, 1, 0, 0x80, 50};
	size_t len = sizeof(DEVICE) + sizeof(config);

	for (size_t i = 0; i < n; i++) {
		unsigned char bytes[16] = {9,
		                           4,
		                           ifaces[i][0],
		                           ifaces[i][1],
		                           1,
		                           ifaces[i][2],
		                           ifaces[i][3],
		                           ifaces[i][4],
		                           0,
		                           7,
		                           5,
		                           (unsigned char)(0x81 + ifaces[i][0]),
		                           ifaces[i][5],
		                           8,
		                           0,
		                           10};

		memcpy(out + len, bytes, sizeof(bytes));
		len += sizeof(bytes);
	}
	config[2] = (unsigned char)(len - sizeof(DEVICE));
	memcpy(out, DEVICE, sizeof(DEVICE));
	memcpy(out + sizeof(DEVICE), config, sizeof(config));
	return len;
}

static int plugged_composite(const unsigned char (*ifaces)[6], size_t n, unsigned char numbers)
{
	struct sk_early e = early();
	unsigned char bytes[256];
	size_t len = composite(bytes, ifaces, n, numbers);

	plug("1-1", bytes, len, "046d:c31c", "\n");
	put(BASE "/1-1/1-1:1.1/authorized", "1\n");
	return sk_early_device(&e, "1-1");
}

Test(early, of_a_keyboard_with_a_card_reader_the_keys_alone)
{
	static const unsigned char IFACES[][6] = {{0, 0, 3, 1, 1, 3}, {1, 0, 0x0b, 0, 0, 2}};

	cr_assert_eq(plugged_composite(IFACES, 2, 2), SK_EARLY_ADMITTED);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "1");
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.0/authorized"), "1");
	cr_assert_str_eq(get(BASE "/1-1/1-1:1.1/authorized"), "0");
	cr_assert_str_eq(get("/sys/bus/usb/drivers_probe"), "1-1:1.0");
	cr_assert_eq(loaded, 0);
}

Test(early, keys_that_can_become_storage_are_left_alone)
{
	static const unsigned char IFACES[][6] = {{0, 0, 3, 1, 1, 3}, {0, 1, 8, 6, 0x50, 2}, {1, 0, 0x0b, 0, 0, 2}};

	cr_assert_eq(plugged_composite(IFACES, 3, 2), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "0");
}

Test(early, keys_with_a_bulk_pipe_are_left_alone)
{
	static const unsigned char IFACES[][6] = {{0, 0, 3, 1, 1, 2}, {1, 0, 0x0b, 0, 0, 2}};

	cr_assert_eq(plugged_composite(IFACES, 2, 2), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/1-1/authorized"), "0");
}

Test(early, the_way_out_is_honoured_in_the_initramfs_only)
{
	struct sk_early e = early();

	put("/proc/cmdline", "BOOT_IMAGE=/vmlinuz quiet usbcore.authorized_default=1\n");
	put("/etc/sekimori/initramfs", "");
	cr_assert_eq(sk_early_device(&e, "usb1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/authorized_default"), "1");
	cr_assert_str_eq(get(BASE "/interface_authorized_default"), "1");
	put("/proc/cmdline", "quiet xusbcore.authorized_default=1 usbcore.authorized_default=10\n");
	cr_assert_eq(sk_early_device(&e, "usb1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/authorized_default"), "0");
	put(BASE "/authorized_default", "1\n");
	put("/proc/cmdline", "usbcore.authorized_default=1\n");
	cr_assert_eq(remove(at("/etc/sekimori/initramfs")), 0);
	cr_assert_eq(sk_early_device(&e, "usb1"), SK_EARLY_LEFT);
	cr_assert_str_eq(get(BASE "/authorized_default"), "0", "the running system");
}
