/*
 * USB devices as the kernel shows them: facts read, authorisation written and read back. No decision here. The interface is a table
 * of functions so that the gate can be driven by a fake; sk_usb_sysfs is the only real one.
 *
 * Kernel facts relied on: root hub `authorized_default` 0: a device enumerates, its strings and full `descriptors` can be read, but it
 * gets no configuration, no interface folder, no driver. `interface_authorized_default` 0: authorised devices get interfaces that no
 * driver and no usbfs user may claim until each one's `authorized` is 1; writing 1 binds nothing, so its name goes to drivers_probe
 * afterwards. Interfaces exist when the write to the device's `authorized` returns. Writing 0 unbinds.
 */
#ifndef SK_PLATFORM_USB_H
#define SK_PLATFORM_USB_H

#include "common/err.h"
#include "platform/sysfs.h"
#include "policy/device.h"

#define SK_USB_NAME 64 /* "usb1", "1-2.3.4", with NUL */

struct sk_usb_dev { /* one attached device, held: everything below acts on this very device or says -ENODEV */
	char name[SK_USB_NAME];
	char iface_base[SK_USB_NAME]; /* what its interfaces' names begin with: "1-2", of "usb1" it is "1-0" */
	char devpath[SK_DEVPATH_MAX]; /* "/devices/pci.../usb1/1-2" */
	bool root_hub;
	int fd; /* its sysfs folder; owned; -1 in fakes */
};

struct sk_usb_print {
	uint8_t sha256[SK_SHA256_LEN];
}; /* of the raw descriptors: equal = nothing changed */

struct sk_usb_state {
	bool authorized;
	int config; /* bConfigurationValue; 0 = not configured */
};

struct sk_usb_iface_state {
	bool present, authorized;
	char driver[32]; /* "" = none bound; none is while it is not authorised */
	bool net; /* its driver made a network interface of it */
};

struct
    sk_usb_ops { /* none blocks on anything but the kernel's own answer; all return 0 or -errno unless said otherwise */
	/* fn for every attached device, root hubs first, parents before children; a negative answer of fn ends it and is returned. */
	int (*list)(void *ctx, int (*fn)(void *arg, const char *name), void *arg);
	/* devpath: where the kernel says it is ("/devices/.../1-2"), or NULL: looked up. -EINVAL: not a device's name, or not its path; -ENOENT */
	int (*open)(void *ctx, const char *name, const char *devpath, struct sk_usb_dev **out);
	void (*close)(void *ctx, struct sk_usb_dev *dev); /* NULL ok */
	bool (*alive)(void *ctx, const struct sk_usb_dev *dev);
	/* Malformed descriptors are no failure: facts->desc_ok is false then. *facts and *print untouched on failure. */
	int (*read)(void *ctx, const struct sk_usb_dev *dev, struct sk_device *facts, struct sk_usb_print *print);
	int (*state)(void *ctx, const struct sk_usb_dev *dev, struct sk_usb_state *out);
	int (*authorise)(void *ctx, const struct sk_usb_dev *dev, bool on);
	int (*set_config)(void *ctx, const struct sk_usb_dev *dev, int config);
	int (*iface_state)(void *ctx, const struct sk_usb_dev *dev, int config, int number,
	                   struct sk_usb_iface_state *out);
	int (*iface_authorise)(void *ctx, const struct sk_usb_dev *dev, int config, int number, bool on);
	int (*iface_probe)(void *ctx, const struct sk_usb_dev *dev, int config, int number);
	/* "usb:v...": for a driver that only its alias names. */
	int (*iface_alias)(void *ctx, const struct sk_usb_dev *dev, int config, int number, char *out, size_t size);
	/* Root hubs: default deny for devices and for interfaces, read back. *was_open (may be NULL): it was not so before. */
	int (*shut_controller)(void *ctx, const struct sk_usb_dev *root, bool *was_open);
	bool (*module_loaded)(void *ctx, const char *module);
	/* Has udev look at the device's node again ("change"): who may open it depends on what is authorised now. whole: all of it was just
	 * opened, so udev need not ask. */
	void (*look_again)(void *ctx, const struct sk_usb_dev *dev, bool whole);
	/* What its storage needs, loaded by name before it is opened; NULL-terminated; NULL = nothing. */
	const char *const *(*modules)(void *ctx, const struct sk_usb_dev *dev);
	/* devpath lies behind an interface of dev: its number; else negative. */
	int (*iface_of)(const struct sk_usb_dev *dev, const char *devpath);
	/* What a configured interface calls itself, escaped; the kernel read it when the device was configured. NULL = buses without;
	 * negative or "" = it has no name. */
	int (*iface_text)(void *ctx, const struct sk_usb_dev *dev, int config, int number, char out[SK_DEV_TEXT]);
	/* The kernel's own driver has looked at it: authorising it from now on configures it once. NULL = buses without such a moment. */
	bool (*bound)(void *ctx, const struct sk_usb_dev *dev);
	/* Are its descriptors still those of the print? 1, 0, or -errno. Its strings the kernel read once, for as long as the device is one.
	 * NULL: read() tells. */
	int (*same)(void *ctx, const struct sk_usb_dev *dev, const struct sk_usb_print *print);
};

struct sk_usb {
	const struct sk_usb_ops *ops;
	void *ctx;
};

/* The real one. root: "" or a folder in which "sys" lies (tests); borrowed for as long as it is used. */
struct sk_usb sk_usb_sysfs(const char *root);

/* Is the device at this path ("/devices/.../1-2") authorised and configured, and each of its interfaces authorised? Only then may its
 * node in /dev/bus/usb be anybody's but root's. False also when that cannot be read. */
bool sk_usb_fully_open(const char *root, const char *devpath);

/* The root hub an interface name like "1-0:1.0" belongs to: 0 and "usb1"; -EINVAL: not the name of a root hub's interface. */
int sk_usb_root_of_iface(const char *iface, char *out, size_t size);
bool sk_usb_is_device_name(const char *s); /* "usb1" "1-2" "1-2.3": digits, '-', '.'; never an interface or a path */
/* devpath lies below dev ("/devices/.../1-2/1-2:1.0/host3/..."): the interface's number, 0-255; -ENOENT when it does not,
 * -EINVAL when no interface of this device is in between (a device behind this hub). config may be NULL. */
int sk_usb_iface_of(const struct sk_usb_dev *dev, const char *devpath, int *config);

#endif
