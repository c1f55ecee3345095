/* Root hubs of /sys/bus/usb/devices and their two defaults. */
#include "platform/controllers.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "platform/usb.h"

struct walk {
	struct sk_usb usb;
	json_t *list;
	int result;
};

static json_t *attribute(const struct sk_usb_dev *dev, const char *name, bool *zero)
{
	long v;

	*zero = false;
	if (sk_sysfs_read_number(dev->fd, name, &v) < 0)
		return json_null();
	*zero = v == 0;
	return json_integer(v);
}

static int add(void *arg, const char *name)
{
	struct walk *w = arg;
	struct sk_usb_dev *dev = NULL;
	bool d, i;
	json_t *devices, *interfaces;

	if (name[0] != 'u' || w->usb.ops->open(w->usb.ctx, name, NULL, &dev) < 0)
		return 0;
	devices = attribute(dev, "authorized_default", &d);
	interfaces = attribute(dev, "interface_authorized_default", &i);
	json_array_append_new(w->list, json_pack("{s:s, s:o, s:o, s:b}", "name", name, "devices", devices, "interfaces",
	                                         interfaces, "shut", d && i));
	w->usb.ops->close(w->usb.ctx, dev);
	return 0;
}

json_t *sk_controllers(const char *root)
{
	struct walk w = {.usb = sk_usb_sysfs(root), .list = json_array()};

	if (w.list)
		w.usb.ops->list(w.usb.ctx, add, &w);
	return w.list;
}

static int shut(void *arg, const char *name)
{
	struct walk *w = arg;
	struct sk_usb_dev *dev = NULL;
	int r;

	if (name[0] != 'u' || w->usb.ops->open(w->usb.ctx, name, NULL, &dev) < 0)
		return 0;
	r = w->usb.ops->shut_controller(w->usb.ctx, dev, NULL);
	if (r < 0)
		w->result = r;
	w->usb.ops->close(w->usb.ctx, dev);
	return 0;
}

/* What the next controller starts with (a dock with one of its own): usbcore's parameter. */
static int shut_later(const char *root)
{
	char path[SK_DEVPATH_MAX];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/sys/module/usbcore/parameters", root);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; /* no USB here yet: modprobe.d says it then */
	r = sk_sysfs_write(fd, "authorized_default", "0");
	(void)close(fd);
	return r == -ENOENT ? 0 : r;
}

int sk_controllers_shut(const char *root)
{
	struct walk w = {.usb = sk_usb_sysfs(root)};
	int r, p = shut_later(root);

	r = w.usb.ops->list(w.usb.ctx, shut, &w);
	return r < 0 ? r : w.result < 0 ? w.result : p;
}

const char *sk_controllers_state(const json_t *controllers)
{
	size_t i;
	json_t *c;

	if (json_array_size(controllers) == 0)
		return "none";
	json_array_foreach((json_t *)controllers, i, c) if (!json_is_true(json_object_get(c, "shut"))) return "open";
	return "shut";
}
