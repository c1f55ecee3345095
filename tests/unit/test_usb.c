/* platform/usb on a folder that looks like sysfs: what only needs files. The rest is in tests/integration/test_usb.c. */
#include "platform/usb.h"
#include "tests/unit/sysfs_fake.h"

#define DEV "/devices/pci0000:00/usb1/1-1"

static void up(void)
{
	tree_up();
	plug_root();
	plug("1-1", KEYBOARD_BYTES, sizeof(KEYBOARD_BYTES), "046d:c31c", "\n");
}

TestSuite(usb, .init = up, .fini = tree_down);

Test(usb, open_means_the_device_and_all_its_interfaces)
{
	cr_assert(!sk_usb_fully_open(tree, DEV), "not authorised at all");
	put(BASE "/1-1/authorized", "1\n");
	cr_assert(!sk_usb_fully_open(tree, DEV), "its interface is not");
	put(BASE "/1-1/1-1:1.0/authorized", "1\n");
	cr_assert(sk_usb_fully_open(tree, DEV));
	put(BASE "/1-1/1-1:1.1/authorized", "0\n");
	cr_assert(!sk_usb_fully_open(tree, DEV), "one of two");
	put(BASE "/1-1/1-1:1.1/authorized", "1\n");
	cr_assert(sk_usb_fully_open(tree, DEV));
	put(BASE "/1-1/authorized", "0\n");
	cr_assert(!sk_usb_fully_open(tree, DEV));
}

Test(usb, what_cannot_be_read_is_not_open)
{
	put(BASE "/1-1/authorized", "1\n");
	put(BASE "/1-1/1-1:1.0/authorized", "1\n");
	put(BASE "/1-1/1-1:1.1/uevent", "");
	cr_assert(!sk_usb_fully_open(tree, DEV), "an interface that says nothing");
	cr_assert(!sk_usb_fully_open(tree, "/devices/pci0000:00/usb1/1-9"));
	cr_assert(!sk_usb_fully_open(tree, "/devices/pci0000:00/usb1/1-1/1-1:1.0"));
	cr_assert(!sk_usb_fully_open(tree, "/devices/../etc"));
	cr_assert(!sk_usb_fully_open(tree, "/devices/"));
	cr_assert(!sk_usb_fully_open(tree, ""));
}

Test(usb, configured_with_no_interface_is_not_open)
{
	put("/sys/devices/pci0000:00/usb1/1-5/authorized", "1\n");
	cr_assert(!sk_usb_fully_open(tree, "/devices/pci0000:00/usb1/1-5"));
}

Test(usb, looking_again_writes_change)
{
	struct sk_usb usb = sk_usb_sysfs(tree);
	struct sk_usb_dev *dev = NULL;

	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", NULL, &dev), 0);
	usb.ops->look_again(usb.ctx, dev, false);
	cr_assert_str_eq(get(BASE "/1-1/uevent"), "change");
	usb.ops->look_again(usb.ctx, dev, true);
	cr_assert_eq(strncmp(get(BASE "/1-1/uevent"), "change ", 7), 0, "kernel: ACTION UUID KEY=VALUE");
	cr_assert_not_null(strstr(get(BASE "/1-1/uevent"), " SEKIMORI=open"));
	usb.ops->close(usb.ctx, dev);
}

Test(usb, a_network_interface_below_the_interface_is_seen)
{
	struct sk_usb usb = sk_usb_sysfs(tree);
	struct sk_usb_iface_state s;
	struct sk_usb_dev *dev = NULL;

	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", NULL, &dev), 0);
	cr_assert_eq(usb.ops->iface_state(usb.ctx, dev, 1, 0, &s), 0);
	cr_assert(!s.net);
	put(BASE "/1-1/1-1:1.0/authorized", "1\n");
	put_link(BASE "/1-1/1-1:1.0/driver", "../../../../bus/usb/drivers/cdc_subset");
	put(BASE "/1-1/1-1:1.0/net/usb0/address", "");
	cr_assert_eq(usb.ops->iface_state(usb.ctx, dev, 1, 0, &s), 0);
	cr_assert(s.net);
	cr_assert_str_eq(s.driver, "cdc_subset");
	usb.ops->close(usb.ctx, dev);
}
