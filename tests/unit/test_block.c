#include <errno.h>

#include "agent/ask_verdict.h"
#include "platform/block.h"
#include "tests/unit/sysfs_fake.h"

#define DISK "/devices/pci0000:00/usb1/1-1/1-1:1.0/host2/target2:0:0/2:0:0:0/block/sda"

static struct sk_blocks blocks;

static void put_disk(void)
{
	static const struct {
		const char *path, *text;
	} FILES[] = {{"/sys" DISK "/dev", "8:0\n"},
	             {"/sys" DISK "/size", "32768\n"},
	             {"/sys" DISK "/ro", "0\n"},
	             {"/sys" DISK "/uevent", ""},
	             {"/sys" DISK "/sda1/dev", "8:1\n"},
	             {"/sys" DISK "/sda1/size", "2048\n"},
	             {"/sys" DISK "/sda1/ro", "1\n"},
	             {"/sys" DISK "/sda1/uevent", ""},
	             {"/sys" DISK "/sda1/partition", "1\n"},
	             {"/sys" DISK "/queue/rotational", ""},
	             {"/sys" DISK "/sda1/holders/dm-0/x", ""}};

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		put(FILES[i].path, FILES[i].text);
	put_link("/sys/class/block/sda", "../.." DISK);
	put_link("/sys/class/block/sda1", "../.." DISK "/sda1");
}

static void up(void)
{
	tree_up();
	blocks = sk_blocks_sysfs(tree);
}

TestSuite(block, .init = up, .fini = tree_down);

Test(block, the_bus_is_told_by_the_path)
{
	static const struct {
		const char *path;
		enum sk_block_bus bus;
	} CASES[] = {
	    {DISK, SK_BUS_USB},
	    {"/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", SK_BUS_INTERNAL},
	    {"/devices/pci0000:00/0000:00:04.0/virtio0/block/vda", SK_BUS_INTERNAL},
	    {"/devices/pci0000:00/0000:00:1d.0/0000:01:00.0/nvme/nvme0/nvme0n1", SK_BUS_INTERNAL},
	    {"/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0", SK_BUS_MMC},
	    {"/devices/pci0000:00/0000:00:06.0/fw1/fw1.0/host3/block/sdc", SK_BUS_FIREWIRE},
	    {"/devices/virtual/block/dm-0", SK_BUS_VIRTUAL},
	    {"/devices/virtual/block/loop0", SK_BUS_VIRTUAL},
	    {"/devices/platform/soc/usbphy/block/sda", SK_BUS_INTERNAL},
	    {"/devices/platform/vhci_hcd.0/usb5/5-1/5-1:1.0/host4/block/sdb", SK_BUS_USB},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		cr_assert_eq(sk_block_bus(CASES[i].path), CASES[i].bus, "%s", CASES[i].path);
}

Test(block, a_disk_and_its_partition_are_read)
{
	struct sk_block b;

	put_disk();
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK, &b), 0);
	cr_assert_str_eq(b.name, "sda");
	cr_assert_eq(b.major, 8);
	cr_assert_eq(b.minor, 0);
	cr_assert_eq(b.bytes, 32768 * 512);
	cr_assert(!b.partition && !b.ro && !b.held);
	cr_assert_eq(b.partitions, 1);
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK "/sda1", &b), 0);
	cr_assert(b.partition && b.ro && b.held);
	cr_assert_eq(b.partitions, 0);
}

Test(block, what_is_not_there_or_no_device_is_an_error)
{
	struct sk_block b;

	put_disk();
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK "9", &b), -ENODEV);
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK "/queue", &b), -ENODEV);
	cr_assert_eq(blocks.ops->read(blocks.ctx, "/devices/../etc", &b), -EINVAL);
	put("/sys" DISK "/dev", "garbage\n");
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK, &b), -EINVAL);
}

static int count(void *arg, const char *devpath)
{
	cr_assert(strncmp(devpath, "/devices/", 9) == 0, "%s", devpath);
	return ++*(int *)arg == 100 ? -1 : 0;
}

Test(block, all_are_listed)
{
	int n = 0;

	cr_assert_eq(blocks.ops->list(blocks.ctx, count, &n), 0);
	put_disk();
	cr_assert_eq(blocks.ops->list(blocks.ctx, count, &n), 0);
	cr_assert_eq(n, 2);
}

Test(block, slaves_are_followed)
{
	int n = 0;

	put_disk();
	put("/sys/devices/virtual/block/dm-0/slaves/sda1", "");
	cr_assert_eq(blocks.ops->slaves(blocks.ctx, "/devices/virtual/block/dm-0", count, &n), 0);
	cr_assert_eq(n, 1);
	cr_assert_eq(blocks.ops->slaves(blocks.ctx, "/devices/virtual/block/dm-1", count, &n), 0);
	cr_assert_eq(n, 1);
}

#define SUBSYSTEM  "/devices/virtual/nvme-subsystem/nvme-subsys0"
#define CONTROLLER "/devices/pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme0"

static int keep_path(void *arg, const char *devpath)
{
	cr_assert_lt(strlen(devpath), 256);
	strcpy(arg, devpath); /* NOLINT: bounded above */
	return 0;
}

Test(block, a_multipath_disk_is_that_of_its_controllers)
{
	char found[256] = "";
	int n = 0;

	cr_assert(sk_block_is_multipath(SUBSYSTEM "/nvme0n1"));
	cr_assert(sk_block_is_multipath(SUBSYSTEM "/nvme0n1/nvme0n1p1"));
	cr_assert(!sk_block_is_multipath(SUBSYSTEM));
	cr_assert(!sk_block_is_multipath(SUBSYSTEM "/"));
	cr_assert(!sk_block_is_multipath(CONTROLLER "/nvme0n1"));
	put("/sys" SUBSYSTEM "/nvme0n1/nvme0n1p1/dev", "259:2\n");
	put("/sys" CONTROLLER "/uevent", "");
	put("/sys" CONTROLLER "/nvme0c0n1/uevent", "");
	cr_assert_eq(blocks.ops->slaves(blocks.ctx, SUBSYSTEM "/nvme0n1", count, &n), -ENODEV,
	             "no controller any more");
	put_link("/sys" SUBSYSTEM "/nvme0", "../../../pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme0");
	cr_assert_eq(blocks.ops->slaves(blocks.ctx, SUBSYSTEM "/nvme0n1/nvme0n1p1", keep_path, found), 0);
	cr_assert_str_eq(found, CONTROLLER);
	cr_assert_eq(blocks.ops->slaves(blocks.ctx, "/devices/virtual/nvme-subsystem/nvme-subsys7/nvme7n1", count, &n),
	             -ENODEV);
	cr_assert_eq(n, 0);
	put_link("/sys/class/block/nvme0c0n1",
	         "../../devices/pci0000:00/0000:00:03.0/0000:01:00.0/nvme/nvme0/nvme0c0n1");
	put_link("/sys/class/block/nvme0n1p1", "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/nvme0n1p1");
	cr_assert_eq(blocks.ops->list(blocks.ctx, count, &n), 0);
	cr_assert_eq(n, 1, "one way of it is no device of its own");
}

Test(block, a_node_that_is_another_device_is_not_touched)
{
	struct sk_block b;

	put_disk();
	cr_assert_eq(blocks.ops->read(blocks.ctx, DISK, &b), 0);
	cr_assert_eq(blocks.ops->set_ro(blocks.ctx, &b, true), -ENODEV, "no node");
	put("/dev/sda", "a file");
	cr_assert_eq(blocks.ops->set_ro(blocks.ctx, &b, true), -ENODEV, "no block device");
	cr_assert_eq(unlink(at("/dev/sda")), 0);
	put_link("/dev/sda", "/dev/null");
	cr_assert_lt(blocks.ops->set_ro(blocks.ctx, &b, true), 0, "a link");
}

/* ---- the verdict without sekimorid ---- */

Test(block, alone_usb_is_denied_and_the_rest_internal)
{
	put_disk();
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), DISK), "deny");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), "/devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sdb"),
	                 "internal");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), "/devices/virtual/block/loop0"), "internal");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), "nonsense"), "deny");
	put("/sys/devices/virtual/block/dm-0/slaves/sda1", "");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), "/devices/virtual/block/dm-0"), "deny", "what lies on it");
}

Test(block, alone_cards_are_denied_and_soldered_flash_is_internal)
{
	const char *card = "/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0";
	const char *firewire = "/devices/pci0000:00/0000:00:06.0/fw1/fw1.0/host3/block/sdc";
	char conf[1100];

	(void)snprintf(conf, sizeof(conf), "%s", at("/conf"));
	cr_assert_str_eq(sk_verdict_alone(tree, conf, card), "deny", "it does not say what it is");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/type", "SD\n");
	cr_assert_str_eq(sk_verdict_alone(tree, conf, card), "deny");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/type", "MMC\n");
	cr_assert_str_eq(sk_verdict_alone(tree, conf, card), "internal");
	cr_assert_str_eq(sk_verdict_alone(tree, conf, firewire), "deny");
}

Test(block, alone_a_card_on_which_the_system_opened_something_is_internal)
{
	const char *card = "/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0";

	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/type", "SD\n");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0/dev", "4000:0\n");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0/size", "32768\n");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0/ro", "0\n");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0/uevent", "");
	put_link("/sys/class/block/mmcblk0",
	         "../../devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), card), "deny");
	put("/sys/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0/holders/dm-0/x", "");
	cr_assert_str_eq(sk_verdict_alone(tree, at("/conf"), card), "internal");
}

Test(block, looking_again_writes_change)
{
	put_disk();
	blocks.ops->look_again(blocks.ctx, DISK);
	cr_assert_str_eq(get("/sys" DISK "/uevent"), "change");
	blocks.ops->look_again(blocks.ctx, "/devices/gone/block/sdz");
}

Test(block, alone_a_learned_disk_is_internal)
{
	char conf[1100];

	plug_root();
	plug("1-1", STICK_BYTES, sizeof(STICK_BYTES), "0951:1666", "S1\n");
	put("/conf", "usb 1-1 0951:1666 S1\n");
	(void)snprintf(conf, sizeof(conf), "%s", at("/conf"));
	cr_assert_str_eq(sk_verdict_alone(tree, conf, DISK), "internal");
	put("/conf", "usb 1-1 0951:1666 S2\n");
	cr_assert_str_eq(sk_verdict_alone(tree, conf, DISK), "deny");
}

Test(block, without_the_daemon_the_question_is_answered_alone)
{
	cr_assert_str_eq(sk_ask_verdict("/nonexistent/control.sock", 100, tree, at("/conf"), DISK), "deny");
	cr_assert_str_eq(
	    sk_ask_verdict("/nonexistent/control.sock", 100, tree, at("/conf"), "/devices/pci0000:00/ata1/block/sda"),
	    "internal");
}
