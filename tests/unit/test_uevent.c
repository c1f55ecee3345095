/* The kernel's messages: whole ones, those of nobody's interest, and bytes that are none. That they arrive is proved in the VM. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "platform/uevent.h"

#define ADD \
	"add@/devices/pci0000:00/usb1/1-1\0ACTION=add\0DEVPATH=/devices/pci0000:00/usb1/" \
	"1-1\0SUBSYSTEM=usb\0DEVTYPE=usb_" \
	"device\0SEQNUM=7"

static int parse(const char *bytes, size_t size, struct sk_uevent *e) /* size: with the final NUL */
{
	return sk_uevent_parse(bytes, size, e);
}

Test(uevent, a_device_comes)
{
	struct sk_uevent e;

	cr_assert_eq(parse(ADD, sizeof(ADD), &e), 0);
	cr_expect_str_eq(e.action, "add");
	cr_expect_str_eq(e.subsystem, "usb");
	cr_expect_str_eq(e.devtype, "usb_device");
	cr_expect_str_eq(e.devpath, "/devices/pci0000:00/usb1/1-1");
	cr_expect_str_eq(e.name, "1-1");
	cr_expect_not(e.media_change);
}

Test(uevent, another_disc_in_the_drive)
{
	static const char m[] =
	    "change@/devices/x/block/sr0\0ACTION=change\0DEVPATH=/devices/x/block/sr0\0SUBSYSTEM=block\0"
	    "DISK_MEDIA_CHANGE=1";
	struct sk_uevent e;

	cr_assert_eq(parse(m, sizeof(m), &e), 0);
	cr_expect(e.media_change);
	cr_expect_str_eq(e.devtype, "");
}

Test(uevent, others_are_left_out)
{
	static const char m[] =
	    "add@/devices/x/sound/card9\0ACTION=add\0DEVPATH=/devices/x/sound/card9\0SUBSYSTEM=sound";
	struct sk_uevent e;

	cr_expect_eq(parse(m, sizeof(m), &e), -ENOENT);
}

Test(uevent, what_is_no_message)
{
	static const char no_at[] = "add\0ACTION=add\0DEVPATH=/d/x\0SUBSYSTEM=usb";
	static const char no_path[] = "add@/d/x\0ACTION=add\0SUBSYSTEM=usb";
	static const char relative[] = "add@d/x\0ACTION=add\0DEVPATH=d/x\0SUBSYSTEM=usb";
	static const char no_name[] = "add@/d/\0ACTION=add\0DEVPATH=/d/\0SUBSYSTEM=usb";
	static const char udev[] = "libudev\0\xfe\xed\xca\xfe";
	struct sk_uevent e;

	cr_expect_eq(parse("", 0, &e), -EINVAL);
	cr_expect_eq(parse("", 1, &e), -EINVAL);
	cr_expect_eq(parse(no_at, sizeof(no_at), &e), -EINVAL);
	cr_expect_eq(parse(no_path, sizeof(no_path), &e), -EINVAL);
	cr_expect_eq(parse(relative, sizeof(relative), &e), -EINVAL);
	cr_expect_eq(parse(no_name, sizeof(no_name), &e), -EINVAL);
	cr_expect_eq(parse(udev, sizeof(udev), &e), -EINVAL);
	/* Cut off anywhere: never read past the end, and never a whole event made of a part. */
	for (size_t n = 0; n < sizeof(ADD) - 1; n++)
		cr_expect_eq(parse(ADD, n, &e) == 0 && (e.action == NULL || e.name == NULL), 0);
}
