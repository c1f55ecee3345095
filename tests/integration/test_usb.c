/*
 * platform/usb on a sysfs made by umockdev: what is read, what is written, hostile strings, devices that go away.
 * run: umockdev-wrapper
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umockdev.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/usb.h"

static UMockdevTestbed *bed;
static char *root_path, *dev_path;
static struct sk_usb usb;
static struct sk_usb_dev *dev;

static guint8 KEYBOARD[] = {18, 1,    0,    2, 0, 0, 0,    8,    0x6d, 4, 0x1c, 0xc3, 0, 1, 1, 2, 3, 1,
                            9,  2,    34,   0, 1, 1, 0,    0x80, 50,   9, 4,    0,    0, 1, 3, 1, 1, 0,
                            9,  0x21, 0x11, 1, 0, 1, 0x22, 65,   0,    7, 5,    0x81, 3, 8, 0, 10};

static void add_keyboard(guint8 *bytes, size_t len)
{
	dev_path = umockdev_testbed_add_device(bed, "usb", "1-1", root_path, "manufacturer", "Maker", "product", "Keys",
	                                       "serial", "S1", "authorized", "0", "bConfigurationValue", "",
	                                       "removable", "removable", NULL, "DEVTYPE", "usb_device", NULL);
	cr_assert_not_null(dev_path);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", bytes, (int)len);
}

static void up(void)
{
	bed = umockdev_testbed_new();
	root_path = umockdev_testbed_add_device(bed, "usb", "usb1", NULL, "authorized", "1", "bConfigurationValue", "1",
	                                        "authorized_default", "1", "interface_authorized_default", "1", NULL,
	                                        "DEVTYPE", "usb_device", NULL);
	cr_assert_not_null(root_path);
	umockdev_testbed_set_attribute_binary(bed, root_path, "descriptors", KEYBOARD, sizeof(KEYBOARD));
	usb = sk_usb_sysfs("");
	dev = NULL;
}

static void down(void)
{
	usb.ops->close(usb.ctx, dev);
	g_free(root_path);
	g_free(dev_path);
	g_object_unref(bed);
}

TestSuite(usb, .init = up, .fini = down);

static int open_keyboard(void)
{
	add_keyboard(KEYBOARD, sizeof(KEYBOARD));
	return usb.ops->open(usb.ctx, "1-1", NULL, &dev);
}

struct names {
	char text[256];
};

static int take_name(void *arg, const char *name)
{
	struct names *n = arg;

	(void)snprintf(n->text + strlen(n->text), sizeof(n->text) - strlen(n->text), "%s ", name);
	return 0;
}

Test(usb, devices_are_listed_parents_first_and_interfaces_not)
{
	struct names n = {""};

	add_keyboard(KEYBOARD, sizeof(KEYBOARD));
	g_free(umockdev_testbed_add_device(bed, "usb", "1-1.4", dev_path, "authorized", "0", NULL, NULL));
	g_free(umockdev_testbed_add_device(bed, "usb", "1-1:1.0", dev_path, "authorized", "0", NULL, NULL));
	cr_assert_eq(usb.ops->list(usb.ctx, take_name, &n), 0);
	cr_assert_str_eq(n.text, "usb1 1-1 1-1.4 ");
}

Test(usb, facts_are_read)
{
	struct sk_device d;
	struct sk_usb_print p;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert(d.desc_ok, "%s", d.desc_problem);
	cr_assert_str_eq(d.vendor, "Maker");
	cr_assert_str_eq(d.product, "Keys");
	cr_assert_str_eq(d.serial, "S1");
	cr_assert(d.has_serial);
	cr_assert_str_eq(d.connect, "hotplug");
	cr_assert_eq(d.desc.vid, 0x046d);
	cr_assert_eq(d.desc.n_alts, 1);
	cr_assert_eq(strlen(d.desc.device_key), 64);
	cr_assert(strstr(dev->devpath, "/1-1") != NULL && strncmp(dev->devpath, "/devices/", 9) == 0, "%s",
	          dev->devpath);
}

Test(usb, hostile_strings_are_escaped_and_still_told_apart)
{
	struct sk_device d, e;
	struct sk_usb_print p;

	cr_assert_eq(open_keyboard(), 0);
	umockdev_testbed_set_attribute(bed, dev_path, "product", "a\nb\x1b[2J\xe2\x80\xaegnp\xff\xfe");
	umockdev_testbed_set_attribute(bed, dev_path, "serial", "\n\n");
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	for (const char *s = d.product; *s != '\0'; s++)
		cr_assert((unsigned char)*s >= 0x20 && (unsigned char)*s != 0x7f);
	cr_assert_null(strstr(d.product, "\xe2\x80\xae"));
	cr_assert_not_null(strstr(d.product, "\\x0a"));
	cr_assert(d.has_serial);
	umockdev_testbed_set_attribute(bed, dev_path, "serial", "\n");
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &e, &p), 0);
	cr_assert_str_neq(d.desc.device_key, e.desc.device_key, "another serial is another device");
}

Test(usb, the_same_is_what_has_the_same_descriptors)
{
	static guint8 other[sizeof(KEYBOARD)], endless[SK_USB_DESCRIPTORS_MAX + 100], page[4096];
	struct sk_device d;
	struct sk_usb_print p;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 1);
	memcpy(other, KEYBOARD, sizeof(KEYBOARD));
	other[sizeof(other) - 1]++;
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", other, sizeof(other));
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 0);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", KEYBOARD, sizeof(KEYBOARD) - 1);
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 0);
	/* What fills a page is read on, whatever lies behind it. */
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", page, sizeof(page));
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", endless, sizeof(page) + 1);
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 0);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", endless, sizeof(endless));
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_eq(usb.ops->same(usb.ctx, dev, &p), 1);
}

Test(usb, what_the_firmware_says_of_a_port_is_read_once_for_a_root_hub)
{
	struct sk_usb_dev *root = NULL;
	struct sk_usb_print p;
	struct sk_device d;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_str_eq(d.connect, "hotplug");
	umockdev_testbed_set_attribute(bed, dev_path, "removable", "fixed");
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_str_eq(d.connect, "hotplug");
	cr_assert_eq(usb.ops->open(usb.ctx, "usb1", NULL, &root), 0); /* another controller */
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_str_eq(d.connect, "fixed");
	usb.ops->close(usb.ctx, root);
}

Test(usb, a_device_is_opened_where_the_kernel_says_it_is)
{
	static const char *const bad[] = {"",         "/devices",     "/devices/../1-1", "/devices/x/1-2",
	                                  "/etc/1-1", "/devices/1-1/"};
	char devpath[SK_DEVPATH_MAX];

	cr_assert_eq(open_keyboard(), 0);
	sk_text_copy(devpath, sizeof(devpath), dev->devpath);
	usb.ops->close(usb.ctx, dev);
	dev = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(usb.ops->open(usb.ctx, "1-1", bad[i], &dev), -EINVAL, "%s", bad[i]);
	cr_assert_eq(usb.ops->open(usb.ctx, "1-9", "/devices/nowhere/1-9", &dev), -ENOENT);
	cr_assert_null(dev);
	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", devpath, &dev), 0);
	cr_assert_str_eq(dev->devpath, devpath);
}

Test(usb, strings_that_the_descriptor_has_not_are_not_asked_for)
{
	guint8 none[sizeof(KEYBOARD)];
	struct sk_device d;
	struct sk_usb_print p;

	memcpy(none, KEYBOARD, sizeof(none));
	none[14] = none[15] = none[16] = 0;
	add_keyboard(none, sizeof(none));
	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", NULL, &dev), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_str_eq(d.vendor, "");
	cr_assert_str_eq(d.product, "");
	cr_assert(!d.has_serial && d.serial[0] == '\0');
}

Test(usb, a_very_long_string_is_cut_and_missing_ones_are_empty)
{
	char text[5000];
	struct sk_device d;
	struct sk_usb_print p;

	memset(text, 'A', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	dev_path =
	    umockdev_testbed_add_device(bed, "usb", "1-1", root_path, "authorized", "0", "product", text, NULL, NULL);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", KEYBOARD, sizeof(KEYBOARD));
	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", NULL, &dev), 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert_lt(strlen(d.product), sizeof(d.product));
	cr_assert_gt(strlen(d.product), 100);
	cr_assert_str_eq(d.serial, "");
	cr_assert(!d.has_serial);
	cr_assert_str_eq(d.connect, "unknown");
}

Test(usb, truncated_and_endless_descriptors_are_malformed_not_failures)
{
	static guint8 endless[SK_USB_DESCRIPTORS_MAX + 100];
	struct sk_device d;
	struct sk_usb_print p;

	cr_assert_eq(open_keyboard(), 0);
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", KEYBOARD, 20);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert(!d.desc_ok);
	cr_assert_str_neq(d.desc_problem, "");
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", KEYBOARD, 0);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert(!d.desc_ok);
	memcpy(endless, KEYBOARD, sizeof(KEYBOARD));
	umockdev_testbed_set_attribute_binary(bed, dev_path, "descriptors", endless, sizeof(endless));
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), 0);
	cr_assert(!d.desc_ok);
}

Test(usb, no_descriptors_is_a_failure)
{
	struct sk_device d;
	struct sk_usb_print p;

	dev_path = umockdev_testbed_add_device(bed, "usb", "1-1", root_path, "authorized", "0", NULL, NULL);
	cr_assert_eq(usb.ops->open(usb.ctx, "1-1", NULL, &dev), 0);
	cr_assert_lt(usb.ops->read(usb.ctx, dev, &d, &p), 0);
}

static void assert_attribute(const char *path, const char *name, const char *value)
{
	char file[600], text[32] = "";
	FILE *f;

	(void)snprintf(file, sizeof(file), "%s/%s", path, name);
	f = fopen(file, "re");
	cr_assert_not_null(f);
	cr_assert_not_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	cr_assert_str_eq(text, value, "%s", name);
}

Test(usb, authorisation_and_configuration_are_written_and_read_back)
{
	struct sk_usb_state s;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->state(usb.ctx, dev, &s), 0);
	cr_assert(!s.authorized);
	cr_assert_eq(s.config, 0);
	cr_assert_eq(usb.ops->authorise(usb.ctx, dev, true), 0);
	assert_attribute(dev_path, "authorized", "1");
	cr_assert_eq(usb.ops->state(usb.ctx, dev, &s), 0);
	cr_assert(s.authorized);
	cr_assert_eq(s.config, 0, "an empty bConfigurationValue is no configuration");
	cr_assert_eq(usb.ops->set_config(usb.ctx, dev, 1), 0);
	cr_assert_eq(usb.ops->state(usb.ctx, dev, &s), 0);
	cr_assert_eq(s.config, 1);
	cr_assert_eq(usb.ops->authorise(usb.ctx, dev, false), 0);
	assert_attribute(dev_path, "authorized", "0");
}

Test(usb, interfaces_are_found_and_authorised)
{
	struct sk_usb_iface_state s;
	char *iface;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->iface_state(usb.ctx, dev, 1, 0, &s), 0);
	cr_assert(!s.present);
	iface = umockdev_testbed_add_device(bed, "usb", "1-1:1.0", dev_path, "authorized", "0", "modalias",
	                                    "usb:v046DpC31C", NULL, NULL);
	cr_assert_eq(usb.ops->iface_state(usb.ctx, dev, 1, 0, &s), 0);
	cr_assert(s.present && !s.authorized);
	cr_assert_str_eq(s.driver, "");
	cr_assert_eq(usb.ops->iface_authorise(usb.ctx, dev, 1, 0, true), 0);
	assert_attribute(iface, "authorized", "1");
	umockdev_testbed_set_attribute_link(bed, iface, "driver", "../../../../bus/usb/drivers/usbhid");
	cr_assert_eq(usb.ops->iface_state(usb.ctx, dev, 1, 0, &s), 0);
	cr_assert(s.authorized);
	cr_assert_str_eq(s.driver, "usbhid");
	g_free(iface);
}

Test(usb, a_controller_is_shut_and_tells_that_it_was_open)
{
	bool was_open = false;

	cr_assert_eq(usb.ops->open(usb.ctx, "usb1", NULL, &dev), 0);
	cr_assert(dev->root_hub);
	cr_assert_eq(usb.ops->shut_controller(usb.ctx, dev, &was_open), 0);
	cr_assert(was_open);
	assert_attribute(root_path, "authorized_default", "0");
	assert_attribute(root_path, "interface_authorized_default", "0");
	cr_assert_eq(usb.ops->shut_controller(usb.ctx, dev, &was_open), 0);
	cr_assert(!was_open);
}

Test(usb, only_controllers_are_shut)
{
	cr_assert_eq(open_keyboard(), 0);
	cr_assert_eq(usb.ops->shut_controller(usb.ctx, dev, NULL), -EINVAL);
}

Test(usb, a_device_that_went_is_gone_also_when_another_came)
{
	struct sk_usb_state s;
	struct sk_device d;
	struct sk_usb_print p;

	cr_assert_eq(open_keyboard(), 0);
	cr_assert(usb.ops->alive(usb.ctx, dev));
	umockdev_testbed_remove_device(bed, dev_path);
	g_free(dev_path);
	cr_assert(!usb.ops->alive(usb.ctx, dev));
	cr_assert_eq(usb.ops->state(usb.ctx, dev, &s), -ENODEV);
	cr_assert_eq(usb.ops->read(usb.ctx, dev, &d, &p), -ENODEV);
	add_keyboard(KEYBOARD, sizeof(KEYBOARD));
	cr_assert(!usb.ops->alive(usb.ctx, dev), "the handle is of the device before");
	cr_assert_eq(usb.ops->authorise(usb.ctx, dev, true), -ENODEV);
	assert_attribute(dev_path, "authorized", "0");
}

Test(usb, names_that_are_none_are_refused)
{
	static const char *const BAD[] = {"",      ".", "..", "1-1:1.0", "1-1/..", "../1-1", "usb",
	                                  "usb1x", "1", "1-", "1-1.",    "1-1-1",  "a-1"};

	add_keyboard(KEYBOARD, sizeof(KEYBOARD));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_eq(usb.ops->open(usb.ctx, BAD[i], NULL, &dev), -EINVAL, "%s", BAD[i]);
	cr_assert_eq(usb.ops->open(usb.ctx, "9-9", NULL, &dev), -ENOENT);
}

Test(usb, the_interface_of_a_path_below_a_device)
{
	char path[600];
	int config = 0;

	cr_assert_eq(open_keyboard(), 0);
	(void)snprintf(path, sizeof(path), "%s/1-1:2.3/host0/block/sda", dev->devpath);
	cr_assert_eq(sk_usb_iface_of(dev, path, &config), 3);
	cr_assert_eq(config, 2);
	(void)snprintf(path, sizeof(path), "%s/1-1.4/1-1.4:1.0/host0", dev->devpath);
	cr_assert_eq(sk_usb_iface_of(dev, path, NULL), -EINVAL, "behind this hub, not of it");
	(void)snprintf(path, sizeof(path), "%s1/1-11:1.0", dev->devpath);
	cr_assert_eq(sk_usb_iface_of(dev, path, NULL), -ENOENT);
	(void)snprintf(path, sizeof(path), "%s/1-1:1.999/x", dev->devpath);
	cr_assert_eq(sk_usb_iface_of(dev, path, NULL), -EINVAL);
	(void)snprintf(path, sizeof(path), "%s/1-1:1.0x/x", dev->devpath);
	cr_assert_eq(sk_usb_iface_of(dev, path, NULL), -EINVAL);
}
