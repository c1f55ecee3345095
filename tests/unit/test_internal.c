#include <errno.h>

#include "platform/internal.h"
#include "tests/unit/sysfs_fake.h"

TestSuite(internal, .init = tree_up, .fini = tree_down);

static int load(const char *text, struct sk_internal *out, size_t max)
{
	put("/conf", text);
	return sk_internal_load(at("/conf"), out, max);
}

Test(internal, lines_are_read)
{
	struct sk_internal l[4];

	cr_assert_eq(load("# a\n\nusb 1-2.3 46f4:0001 My serial 1\nusb 2-1 0951:1666 -\n", l, 4), 2);
	cr_assert_str_eq(l[0].port, "1-2.3");
	cr_assert_eq(l[0].vid, 0x46f4);
	cr_assert_str_eq(l[0].serial, "My serial 1");
	cr_assert_str_eq(l[1].serial, "");
	cr_assert_eq(sk_internal_count(l, 2, "2-1", 0x0951, 0x1666, ""), 1);
	cr_assert_eq(sk_internal_count(l, 2, "2-1", 0x0951, 0x1666, "x"), 0);
	cr_assert_eq(sk_internal_count(l, 2, "2-2", 0x0951, 0x1666, ""), 0);
	cr_assert_eq(sk_internal_count(l, 0, "2-1", 0x0951, 0x1666, ""), 0);
}

Test(internal, a_disk_is_itself_wherever_it_is_and_however_buses_are_counted)
{
	struct sk_internal l[4];

	cr_assert_eq(load("usb 1-2 0951:1666 S1\nusb 1-3 0951:1666 S1\nusb 2-1.4 0951:1666 -\n", l, 4), 3);
	cr_assert_eq(sk_internal_count(l, 3, "4-7", 0x0951, 0x1666, "S1"), 2, "two disks with one serial number");
	cr_assert_eq(sk_internal_count(l, 3, "1-2", 0x0951, 0x1667, "S1"), 0);
	cr_assert_eq(sk_internal_count(l, 3, "9-1.4", 0x0951, 0x1666, ""), 1, "the bus has another number now");
	cr_assert_eq(sk_internal_count(l, 3, "2-1", 0x0951, 0x1666, ""), 0, "without a serial number the place counts");
}

Test(internal, no_file_is_an_empty_list)
{
	struct sk_internal l[4];

	cr_assert_eq(sk_internal_load(at("/none"), l, 4), 0);
}

Test(internal, one_wrong_line_spoils_the_file)
{
	static const char *const BAD[] = {"usb\n",
	                                  "usb 1-1\n",
	                                  "usb 1-1 0951:1666\n",
	                                  "usb 1-1 951:1666 -\n",
	                                  "usb 1-1 0951:1666x -\n",
	                                  "usb 1-1 zzzz:1666 -\n",
	                                  "USB 1-1 0951:1666 -\n",
	                                  " usb 1-1 0951:1666 -\n",
	                                  "usb  0951:1666 -\n",
	                                  "usb 1-1 0951:1666 \n",
	                                  "pci 0000:00:01.0\n"};
	struct sk_internal l[4];

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_eq(load(BAD[i], l, 4), -EINVAL, "%s", BAD[i]);
}

Test(internal, too_many_and_too_large_are_refused)
{
	char text[20000];
	struct sk_internal l[1];

	cr_assert_eq(load("usb 1-1 0951:1666 a\nusb 1-2 0951:1666 b\n", l, 1), -EINVAL);
	memset(text, '#', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_assert_eq(load(text, l, 1), -EINVAL);
}

Test(internal, a_disk_is_traced_to_its_device)
{
	struct sk_internal e;

	plug_root();
	plug("1-1", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S\x1b 1\n");
	cr_assert_eq(sk_internal_identify(
	                 tree, "/devices/pci0000:00/usb1/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0/block/sda/sda1", &e),
	             0);
	cr_assert_str_eq(e.port, "1-1");
	cr_assert_eq(e.vid, 0x0951);
	cr_assert_eq(e.pid, 0x1666);
	cr_assert_str_eq(e.serial, "S\\x1b 1");
	cr_assert_eq(sk_internal_identify(tree, "/devices/pci0000:00/ata1/host0/block/sda", &e), -ENOENT);
	cr_assert_lt(sk_internal_identify(tree, "/devices/pci0000:00/usb1/1-7/1-7:1.0/block/sda", &e), 0);
	cr_assert_lt(sk_internal_identify(tree, "/devices/../usb1/1-1/1-1:1.0/block/sda", &e), 0);
}

Test(internal, system_mounts_are_named)
{
	cr_assert(sk_internal_is_system("/"));
	cr_assert(sk_internal_is_system("/boot/efi"));
	cr_assert(!sk_internal_is_system("/run/media/clerk/X"));
	cr_assert(!sk_internal_is_system("/mnt"));
	cr_assert(!sk_internal_is_system(""));
}

Test(internal, this_machine_can_be_learned)
{
	struct sk_internal l[SK_INTERNAL_MAX];

	cr_assert_geq(sk_internal_learn("", l, SK_INTERNAL_MAX), 0);
}
