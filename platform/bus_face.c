/*
 * One device, one configuration, one interface: kind storage (class 08) for what stores, "other" for a dock, network for a FireWire network.
 * Authorising the device only takes note; giving the interface its driver opens it. Whatever was open before we came counts as authorised.
 */
#include "platform/bus_face.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/text.h"

enum { CLASS_STORAGE = 8, CLASS_DATA = 10, CLASS_MISC = 0xef };

struct face {
	const struct sk_bus_ops *bus;
	const char *root;
};

struct held {
	struct sk_usb_dev dev;
	char kernel_name[SK_USB_NAME];
	bool let_in;
};

static struct face FACES[SK_BUSES];

static struct held *held_of(const struct sk_usb_dev *dev)
{
	return (struct held *)(uintptr_t)dev;
}

struct listing {
	const struct sk_bus_ops *bus;
	int (*fn)(void *arg, const char *name);
	void *arg;
};

static int list_one(void *arg, const char *kernel_name)
{
	const struct listing *l = arg;
	char name[SK_USB_NAME];
	int n = snprintf(name, sizeof(name), "%s:%s", l->bus->name, kernel_name);

	return n < (int)sizeof(name) ? l->fn(l->arg, name) : 0;
}

static int face_list(void *ctx, int (*fn)(void *arg, const char *name), void *arg)
{
	const struct face *f = ctx;
	struct listing l = {f->bus, fn, arg};

	return sk_bus_each(f->root, f->bus, list_one, &l);
}

static void face_close(void *ctx, struct sk_usb_dev *dev)
{
	(void)ctx;
	if (dev == NULL)
		return;
	if (dev->fd >= 0)
		(void)close(dev->fd);
	free(held_of(dev));
}

static int face_open(void *ctx, const char *name, const char *devpath, struct sk_usb_dev **out)
{
	const struct face *f = ctx;
	size_t prefix = strlen(f->bus->name);
	struct sk_bus_ident id;
	struct held *h;
	int r;

	(void)devpath;
	if (strlen(name) >= SK_USB_NAME || strncmp(name, f->bus->name, prefix) != 0 || name[prefix] != ':')
		return -EINVAL;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return -ENOMEM;
	sk_text_copy(h->dev.name, sizeof(h->dev.name), name);
	sk_text_copy(h->kernel_name, sizeof(h->kernel_name), name + prefix + 1);
	h->dev.fd = sk_bus_open(f->root, f->bus, h->kernel_name, h->dev.devpath);
	r = h->dev.fd < 0 ? h->dev.fd : f->bus->identify(h->dev.fd, h->dev.devpath, &id);
	if (r < 0) {
		face_close(ctx, &h->dev);
		return r;
	}
	*out = &h->dev;
	return 0;
}

static bool face_alive(void *ctx, const struct sk_usb_dev *dev)
{
	(void)ctx;
	return sk_sysfs_exists(dev->fd, "uevent");
}

static void take_facts(const struct sk_usb_dev *dev, const struct sk_bus_ident *id, struct sk_device *d,
                       struct sk_usb_print *print)
{
	static const char DOMAIN[] = "sekimori-bus-key-1";
	struct sk_usb_alt *a = &d->desc.alts[0];
	bool net = !id->stores && strcmp(id->bus, "firewire") == 0;
	const struct sk_part key[] = {
	    {DOMAIN, sizeof(DOMAIN) - 1}, {id->bus, strlen(id->bus)}, {id->ident, strlen(id->ident)}};

	(void)memset(d, 0, sizeof(*d));
	sk_text_copy(d->name, sizeof(d->name), dev->name);
	sk_text_copy(d->bus, sizeof(d->bus), id->bus);
	sk_text_copy(d->vendor, sizeof(d->vendor), id->vendor);
	sk_text_copy(d->product, sizeof(d->product), id->product);
	sk_text_copy(d->serial, sizeof(d->serial), id->serial);
	sk_text_copy(d->connect, sizeof(d->connect), "unknown");
	d->has_serial = id->serial[0] != '\0';
	d->desc_ok = id->ident[0] != '\0';
	if (!d->desc_ok)
		sk_text_copy(d->desc_problem, sizeof(d->desc_problem), N_("the device says nothing of itself"));
	d->desc.configs_declared = d->desc.configs_seen = 1;
	d->desc.n_alts = 1;
	a->config = 1;
	a->first_config = true;
	a->cls = id->stores ? CLASS_STORAGE : net ? CLASS_DATA : CLASS_MISC;
	sk_sha256_parts(key, sizeof(key) / sizeof(key[0]), print->sha256);
	sk_hex(print->sha256, sizeof(print->sha256), d->desc.device_key);
}

static int face_read(void *ctx, const struct sk_usb_dev *dev, struct sk_device *facts, struct sk_usb_print *print)
{
	const struct face *f = ctx;
	struct sk_bus_ident id;
	int r = f->bus->identify(dev->fd, dev->devpath, &id);

	if (r == 0)
		take_facts(dev, &id, facts, print);
	return r;
}

static int is_open(const struct face *f, const struct sk_usb_dev *dev, bool *open, char driver[SK_BUS_DRIVER])
{
	if (f->bus->opened != NULL)
		return f->bus->opened(dev->fd, open, driver);
	*open = sk_bus_driver(dev->fd, driver);
	return sk_sysfs_exists(dev->fd, "uevent") ? 0 : -ENODEV;
}

static int shut(const struct face *f, const struct sk_usb_dev *dev)
{
	struct held *h = held_of(dev);
	char driver[SK_BUS_DRIVER];
	bool open = false;
	int r = is_open(f, dev, &open, driver);

	h->let_in = false;
	if (r < 0 || !open)
		return r;
	return f->bus->expel != NULL ? f->bus->expel(f->root, dev->fd, h->kernel_name)
	                             : sk_sysfs_write(dev->fd, "driver/unbind", h->kernel_name);
}

static int face_state(void *ctx, const struct sk_usb_dev *dev, struct sk_usb_state *out)
{
	char driver[SK_BUS_DRIVER];
	bool open = false;
	int r = is_open(ctx, dev, &open, driver);

	if (r == 0)
		*out = (struct sk_usb_state){.authorized = open || held_of(dev)->let_in, .config = 1};
	return r;
}

static int face_authorise(void *ctx, const struct sk_usb_dev *dev, bool on)
{
	if (!on)
		return shut(ctx, dev);
	held_of(dev)->let_in = true;
	return face_alive(ctx, dev) ? 0 : -ENODEV;
}

static int face_set_config(void *ctx, const struct sk_usb_dev *dev, int config)
{
	(void)ctx;
	(void)dev;
	return config == 1 ? 0 : -EINVAL;
}

static int face_iface_state(void *ctx, const struct sk_usb_dev *dev, int config, int number,
                            struct sk_usb_iface_state *out)
{
	struct sk_usb_iface_state s = {.present = config == 1 && number == 0};
	bool open = false;
	int r = is_open(ctx, dev, &open, s.driver);

	s.authorized = s.present && open;
	if (r == 0)
		*out = s;
	return r;
}

static int face_iface_authorise(void *ctx, const struct sk_usb_dev *dev, int config, int number, bool on)
{
	(void)config;
	(void)number;
	return on ? 0 : shut(ctx, dev);
}

static int face_iface_probe(void *ctx, const struct sk_usb_dev *dev, int config, int number)
{
	const struct face *f = ctx;
	const struct held *h = held_of(dev);

	(void)config;
	(void)number;
	return f->bus->admit != NULL ? f->bus->admit(f->root, dev->fd, h->kernel_name)
	                             : sk_bus_probe(f->root, f->bus->name, h->kernel_name);
}

static int face_iface_alias(void *ctx, const struct sk_usb_dev *dev, int config, int number, char *out, size_t size)
{
	(void)ctx;
	(void)dev;
	(void)config;
	(void)number;
	(void)out;
	(void)size;
	return -ENOENT; /* every driver has its name */
}

static int face_shut_controller(void *ctx, const struct sk_usb_dev *root, bool *was_open)
{
	(void)ctx;
	(void)root;
	(void)was_open;
	return 0; /* the default deny is the whole bus's: sk_bus_shut */
}

static bool face_module_loaded(void *ctx, const char *module)
{
	char path[SK_DEVPATH_MAX], *p;

	(void)snprintf(path, sizeof(path), "%s/sys/module/%.64s", ((const struct face *)ctx)->root, module);
	for (p = strrchr(path, '/'); *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return access(path, F_OK) == 0;
}

static void face_look_again(void *ctx, const struct sk_usb_dev *dev, bool whole)
{
	(void)ctx;
	(void)whole;
	(void)dev; /* it has no node of its own */
}

static const char *const *face_modules(void *ctx, const struct sk_usb_dev *dev)
{
	const struct face *f = ctx;
	struct sk_bus_ident id;

	if (f->bus->modules == NULL || f->bus->identify(dev->fd, dev->devpath, &id) < 0)
		return NULL;
	return f->bus->modules(&id);
}

static int face_iface_of(const struct sk_usb_dev *dev, const char *devpath)
{
	size_t n = strlen(dev->devpath);

	return n > 0 && strncmp(devpath, dev->devpath, n) == 0 && devpath[n] == '/' ? 0 : -ENOENT;
}

static const struct sk_usb_ops FACE_OPS = {.list = face_list,
                                           .open = face_open,
                                           .close = face_close,
                                           .alive = face_alive,
                                           .read = face_read,
                                           .state = face_state,
                                           .authorise = face_authorise,
                                           .set_config = face_set_config,
                                           .iface_state = face_iface_state,
                                           .iface_authorise = face_iface_authorise,
                                           .iface_probe = face_iface_probe,
                                           .iface_alias = face_iface_alias,
                                           .shut_controller = face_shut_controller,
                                           .module_loaded = face_module_loaded,
                                           .look_again = face_look_again,
                                           .modules = face_modules,
                                           .iface_of = face_iface_of};

void sk_bus_faces(const char *root, struct sk_usb out[SK_BUSES])
{
	size_t i;

	for (i = 0; i < SK_BUSES; i++) {
		FACES[i] = (struct face){sk_bus_at(i), root};
		out[i] = (struct sk_usb){&FACE_OPS, &FACES[i]};
	}
}
