/* sysfs behind platform/usb.h. A device is its open folder; names of interfaces are made from its name, configuration and number. */
#include "platform/usb.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/usb_port.h"

#define DEVICE_BYTES 18 /* of a device descriptor */
#define RAW_STRING   1024 /* the kernel keeps at most 126 UTF-16 units of a string, 378 bytes of UTF-8 */

bool sk_usb_is_device_name(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);
	const char *digits = s;

	if (n == 0 || n >= SK_USB_NAME)
		return false;
	if (strncmp(s, "usb", 3) == 0) {
		digits = s + 3;
		return *digits != '\0' && strspn(digits, "0123456789") == n - 3;
	}
	if (*s < '0' || *s > '9' || strspn(s, "0123456789-.") != n || s[n - 1] == '-' || s[n - 1] == '.')
		return false;
	digits = strchr(s, '-');
	return digits != NULL && strchr(digits + 1, '-') == NULL;
}

static const char *root_of(void *ctx)
{
	return ctx == NULL ? "" : ctx;
}

/* ---- which devices there are ---- */

static int depth(const char *name)
{
	int n = strncmp(name, "usb", 3) == 0 ? 0 : 1;

	for (; *name != '\0'; name++)
		n += *name == '.';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const char *x = a, *y = b;
	int d = depth(x) - depth(y);

	return d != 0 ? d : strcmp(x, y);
}

#define LIST_MAX 1024 /* more USB devices than any machine has */

static int usb_list(void *ctx, int (*fn)(void *arg, const char *name), void *arg)
{
	char path[SK_DEVPATH_MAX], (*names)[SK_USB_NAME];
	struct dirent *e;
	size_t n = 0, i;
	int r = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", root_of(ctx));
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno; /* no USB yet: nothing attached */
	names = calloc(LIST_MAX, sizeof(*names));
	if (names == NULL) {
		(void)closedir(d);
		return -ENOMEM;
	}
	while (n < LIST_MAX && (e = readdir(d)) != NULL)
		if (sk_usb_is_device_name(e->d_name))
			sk_text_copy(names[n++], SK_USB_NAME, e->d_name);
	(void)closedir(d);
	qsort(names, n, sizeof(*names), by_depth);
	for (i = 0; i < n && r >= 0; i++)
		r = fn(arg, names[i]);
	free(names);
	return r < 0 ? r : 0;
}

static void usb_close(void *ctx, struct sk_usb_dev *dev)
{
	(void)ctx;
	if (dev == NULL)
		return;
	if (dev->fd >= 0)
		(void)close(dev->fd);
	free(dev);
}

/* The folder by its own path: half of what the way over the bus's links costs. */
static int open_at(void *ctx, struct sk_usb_dev *dev, const char *devpath)
{
	char path[2 * SK_DEVPATH_MAX];
	const char *last = strrchr(devpath, '/');

	if (!sk_sysfs_is_devpath(devpath) || last == NULL || strcmp(last + 1, dev->name) != 0)
		return -EINVAL;
	sk_text_copy(dev->devpath, sizeof(dev->devpath), devpath);
	(void)snprintf(path, sizeof(path), "%s/sys%s", root_of(ctx), devpath);
	dev->fd = sk_sysfs_open(path);
	return dev->fd < 0 ? dev->fd : 0;
}

static int open_named(void *ctx, struct sk_usb_dev *dev)
{
	char path[SK_DEVPATH_MAX + SK_USB_NAME];

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/devices/%s", root_of(ctx), dev->name);
	dev->fd = sk_sysfs_open(path);
	return dev->fd < 0 ? dev->fd : sk_sysfs_devpath(path, dev->devpath, sizeof(dev->devpath));
}

static int usb_open(void *ctx, const char *name, const char *devpath, struct sk_usb_dev **out)
{
	struct sk_usb_dev *dev;
	int r;

	if (!sk_usb_is_device_name(name))
		return -EINVAL;
	dev = calloc(1, sizeof(*dev));
	if (dev == NULL)
		return -ENOMEM;
	sk_text_copy(dev->name, sizeof(dev->name), name);
	dev->root_hub = name[0] == 'u';
	if (dev->root_hub)
		(void)snprintf(dev->iface_base, sizeof(dev->iface_base), "%.8s-0", name + 3);
	else
		sk_text_copy(dev->iface_base, sizeof(dev->iface_base), name);
	dev->fd = -1;
	r = devpath != NULL ? open_at(ctx, dev, devpath) : open_named(ctx, dev);
	if (r < 0) {
		usb_close(ctx, dev);
		return r;
	}
	if (dev->root_hub)
		sk_usb_ports_forget(root_of(ctx), name);
	*out = dev;
	return 0;
}

static bool usb_alive(void *ctx, const struct sk_usb_dev *dev)
{
	(void)ctx;
	return sk_sysfs_exists(dev->fd, "descriptors");
}

/* ---- facts ---- */

static ssize_t read_string(int fd, const char *name, char *raw, char out[SK_DEV_TEXT])
{
	ssize_t n = sk_sysfs_read(fd, name, raw, RAW_STRING);

	if (n < 0)
		n = 0; /* the device has none */
	(void)sk_text_escape(out, SK_DEV_TEXT, raw, (size_t)n);
	return n;
}

struct raw_facts {
	uint8_t bytes[SK_USB_DESCRIPTORS_MAX];
	char vendor[RAW_STRING], product[RAW_STRING], serial[RAW_STRING];
};

/* The parser clears the descriptors' part. */
static void clear_facts(struct sk_device *d)
{
	const size_t rest = offsetof(struct sk_device, desc_ok);

	(void)memset(d, 0, offsetof(struct sk_device, desc));
	(void)memset((char *)d + rest, 0, sizeof(*d) - rest);
}

/* Where the device descriptor says that there is no such string (iManufacturer, iProduct, iSerialNumber), the kernel has no file for it. */
static bool has_string(const struct raw_facts *raw, size_t len, size_t at)
{
	return len < DEVICE_BYTES || raw->bytes[at] != 0;
}

static void take_facts(void *ctx, const struct sk_usb_dev *dev, struct raw_facts *raw, size_t len, struct sk_device *d,
                       struct sk_usb_print *print)
{
	struct sk_err err = SK_ERR_INIT;
	ssize_t s = 0;

	if (has_string(raw, len, 14))
		(void)read_string(dev->fd, "manufacturer", raw->vendor, d->vendor);
	if (has_string(raw, len, 15))
		(void)read_string(dev->fd, "product", raw->product, d->product);
	if (has_string(raw, len, 16))
		s = read_string(dev->fd, "serial", raw->serial, d->serial);

	sk_text_copy(d->name, sizeof(d->name), dev->name);
	sk_text_copy(d->bus, sizeof(d->bus), "usb");
	d->has_serial = s > 0;
	d->is_root_hub = dev->root_hub;
	sk_text_copy(d->connect, sizeof(d->connect), sk_usb_port_connect(root_of(ctx), dev));
	d->grade = SK_GRADE_C;
	d->desc_ok = sk_usb_desc_parse(raw->bytes, len, raw->serial, (size_t)s, &d->desc, &err) == 0;
	if (!d->desc_ok)
		sk_text_copy(d->desc_problem, sizeof(d->desc_problem), err.text);
	sk_sha256(raw->bytes, len, print->sha256);
}

/* The parser refuses what does not end where it says, so what is longer than anything may be is taken for as much as fits. */
static ssize_t read_descriptors(int fd, uint8_t *bytes)
{
	ssize_t n = sk_sysfs_read_bytes(fd, "descriptors", bytes, SK_USB_DESCRIPTORS_MAX);

	return n == -EFBIG ? SK_USB_DESCRIPTORS_MAX : n;
}

static int usb_same(void *ctx, const struct sk_usb_dev *dev, const struct sk_usb_print *print)
{
	uint8_t *bytes = malloc(SK_USB_DESCRIPTORS_MAX);
	struct sk_usb_print now;
	ssize_t n;

	(void)ctx;
	if (bytes == NULL)
		return -ENOMEM;
	n = read_descriptors(dev->fd, bytes);
	if (n >= 0)
		sk_sha256(bytes, (size_t)n, now.sha256);
	free(bytes);
	return n < 0 ? (int)n : memcmp(&now, print, sizeof(now)) == 0;
}

static int usb_read(void *ctx, const struct sk_usb_dev *dev, struct sk_device *facts, struct sk_usb_print *print)
{
	struct raw_facts *raw = malloc(sizeof(*raw));
	ssize_t n;

	if (raw == NULL)
		return -ENOMEM;
	n = read_descriptors(dev->fd, raw->bytes);
	if (n >= 0) {
		clear_facts(facts);
		take_facts(ctx, dev, raw, (size_t)n, facts, print);
		n = 0;
	}
	free(raw);
	return (int)n;
}

/* ---- authorisation ---- */

static int usb_state(void *ctx, const struct sk_usb_dev *dev, struct sk_usb_state *out)
{
	long authorized, config = 0;
	int r = sk_sysfs_read_number(dev->fd, "authorized", &authorized);

	(void)ctx;
	if (r < 0)
		return r;
	if (authorized !=
	    0) /* otherwise there is no configuration, and one file less to read for each refused device */
		r = sk_sysfs_read_number(dev->fd, "bConfigurationValue", &config);
	if (r < 0 && r != -EINVAL) /* empty: not configured */
		return r;
	out->authorized = authorized != 0;
	out->config = (int)config;
	return 0;
}

static int usb_authorise(void *ctx, const struct sk_usb_dev *dev, bool on)
{
	(void)ctx;
	return sk_sysfs_write(dev->fd, "authorized", on ? "1" : "0");
}

static int usb_set_config(void *ctx, const struct sk_usb_dev *dev, int config)
{
	char text[16];

	(void)ctx;
	(void)snprintf(text, sizeof(text), "%d", config);
	return sk_sysfs_write(dev->fd, "bConfigurationValue", text);
}

/* "1-2:1.0" + "/attribute", below the device's folder. */
static void iface_path(const struct sk_usb_dev *dev, int config, int number, const char *attr, char *out, size_t size)
{
	(void)snprintf(out, size, "%s:%d.%d%s", dev->iface_base, config, number, attr);
}

/* The last part of a link like "../../../../bus/usb/drivers/usb-storage". */
static void read_driver(int dir, const char *link, char *out, size_t size)
{
	char target[SK_DEVPATH_MAX];
	ssize_t n = readlinkat(dir, link, target, sizeof(target) - 1);
	const char *last;

	if (n <= 0)
		return;
	target[n] = '\0';
	last = strrchr(target, '/');
	sk_text_copy(out, size, last != NULL ? last + 1 : target);
}

static int usb_iface_state(void *ctx, const struct sk_usb_dev *dev, int config, int number,
                           struct sk_usb_iface_state *out)
{
	struct sk_usb_iface_state s = {.present = false};
	char path[SK_USB_NAME + 64];
	long v;
	int r;

	(void)ctx;
	iface_path(dev, config, number, "/authorized", path, sizeof(path));
	r = sk_sysfs_read_number(dev->fd, path, &v);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		s.present = true;
		s.authorized = v != 0;
		iface_path(dev, config, number, "/driver", path, sizeof(path));
		if (s.authorized)
			read_driver(dev->fd, path, s.driver, sizeof(s.driver));
		iface_path(dev, config, number, "/net", path, sizeof(path));
		s.net = s.driver[0] != '\0' && sk_sysfs_exists(dev->fd, path);
	}
	*out = s;
	return 0;
}

static int usb_iface_authorise(void *ctx, const struct sk_usb_dev *dev, int config, int number, bool on)
{
	char path[SK_USB_NAME + 64];

	(void)ctx;
	iface_path(dev, config, number, "/authorized", path, sizeof(path));
	return sk_sysfs_write(dev->fd, path, on ? "1" : "0");
}

static int usb_iface_probe(void *ctx, const struct sk_usb_dev *dev, int config, int number)
{
	char path[SK_DEVPATH_MAX], name[SK_USB_NAME + 64];

	(void)snprintf(path, sizeof(path), "%s/sys/bus/usb/drivers_probe", root_of(ctx));
	iface_path(dev, config, number, "", name, sizeof(name));
	return sk_sysfs_write(AT_FDCWD, path, name);
}

static int usb_iface_alias(void *ctx, const struct sk_usb_dev *dev, int config, int number, char *out, size_t size)
{
	char path[SK_USB_NAME + 64];
	ssize_t n;

	(void)ctx;
	iface_path(dev, config, number, "/modalias", path, sizeof(path));
	n = sk_sysfs_read(dev->fd, path, out, size);
	if (n < 0)
		return (int)n;
	return n > 4 && strncmp(out, "usb:", 4) == 0 ? 0 : -EINVAL;
}

static int usb_iface_text(void *ctx, const struct sk_usb_dev *dev, int config, int number, char out[SK_DEV_TEXT])
{
	char path[SK_USB_NAME + 64], raw[RAW_STRING];
	ssize_t n;

	(void)ctx;
	iface_path(dev, config, number, "/interface", path, sizeof(path));
	n = sk_sysfs_read(dev->fd, path, raw, sizeof(raw));
	if (n < 0)
		return (int)n;
	(void)sk_text_escape(out, SK_DEV_TEXT, raw, (size_t)n);
	return 0;
}

static int shut_one(int fd, const char *attr, bool *was_open)
{
	long v;
	int r = sk_sysfs_read_number(fd, attr, &v);

	if (r < 0 || v == 0)
		return r;
	*was_open = true;
	r = sk_sysfs_write(fd, attr, "0");
	if (r == 0)
		r = sk_sysfs_read_number(fd, attr, &v);
	return r < 0 ? r : v == 0 ? 0 : -EIO;
}

static int usb_shut_controller(void *ctx, const struct sk_usb_dev *root, bool *was_open)
{
	bool open = false;
	int a, b;

	(void)ctx;
	if (!root->root_hub)
		return -EINVAL;
	/* Interfaces first: between the two writes a device may still be configured, then at least nothing binds to it. */
	b = shut_one(root->fd, "interface_authorized_default", &open);
	a = shut_one(root->fd, "authorized_default", &open);
	if (was_open != NULL)
		*was_open = open;
	return a < 0 ? a : b;
}

static bool usb_bound(void *ctx, const struct sk_usb_dev *dev)
{
	(void)ctx;
	return sk_sysfs_exists(dev->fd, "driver");
}

static bool usb_module_loaded(void *ctx, const char *module)
{
	char path[SK_DEVPATH_MAX], *p;

	(void)snprintf(path, sizeof(path), "%s/sys/module/%s", root_of(ctx), module);
	for (p = strrchr(path, '/'); *p != '\0'; p++)
		if (*p == '-')
			*p = '_';
	return access(path, F_OK) == 0;
}

/* What root writes here behind a UUID reaches udev as SYNTH_ARG_SEKIMORI (50-sekimori-usbfs.rules); kernels before 4.13 know no arguments. */
#define WHOLE "change 8d2f6e0b-3c51-4f57-9a77-5e6b1c40d2aa SEKIMORI=open"

static void usb_look_again(void *ctx, const struct sk_usb_dev *dev, bool whole)
{
	(void)ctx;
	/* "change" fails only when the device is gone, and its node with it. */
	if (!whole || sk_sysfs_write(dev->fd, "uevent", WHOLE) < 0)
		(void)sk_sysfs_write(dev->fd, "uevent", "change");
}

static const char *const *usb_modules(void *ctx, const struct sk_usb_dev *dev)
{
	static const char *const LIST[] = {"usb-storage", "uas", NULL};

	(void)ctx;
	(void)dev;
	return LIST;
}

static int usb_iface_of(const struct sk_usb_dev *dev, const char *devpath)
{
	return sk_usb_iface_of(dev, devpath, NULL);
}

static const struct sk_usb_ops SYSFS_OPS = {
    .list = usb_list,
    .open = usb_open,
    .close = usb_close,
    .alive = usb_alive,
    .read = usb_read,
    .same = usb_same,
    .state = usb_state,
    .authorise = usb_authorise,
    .set_config = usb_set_config,
    .iface_state = usb_iface_state,
    .iface_authorise = usb_iface_authorise,
    .iface_probe = usb_iface_probe,
    .iface_alias = usb_iface_alias,
    .shut_controller = usb_shut_controller,
    .module_loaded = usb_module_loaded,
    .look_again = usb_look_again,
    .bound = usb_bound,
    .modules = usb_modules,
    .iface_of = usb_iface_of,
    .iface_text = usb_iface_text,
};

struct sk_usb sk_usb_sysfs(const char *root)
{
	return (struct sk_usb){&SYSFS_OPS, (void *)(uintptr_t)root};
}

/* ---- open as a whole? ---- */

static int closed_or_none(int fd, const char *iface)
{
	char path[SK_USB_NAME + 64];
	long v;

	(void)snprintf(path, sizeof(path), "%.80s/authorized", iface);
	return sk_sysfs_read_number(fd, path, &v) < 0 || v != 1;
}

bool sk_usb_fully_open(const char *root, const char *devpath)
{
	char path[2 * SK_DEVPATH_MAX];
	int fd, copy, open = 0, closed = 0;
	size_t base;
	struct dirent *e;
	DIR *d;
	long v;

	if (!sk_sysfs_is_devpath(devpath) || !sk_usb_is_device_name(strrchr(devpath, '/') + 1))
		return false;
	(void)snprintf(path, sizeof(path), "%s/sys%s", root, devpath);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return false;
	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (d == NULL && copy >= 0)
		(void)close(copy);
	if (sk_sysfs_read_number(fd, "authorized", &v) < 0 || v != 1)
		closed++;
	base = strlen(strrchr(devpath, '/') + 1);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, strrchr(devpath, '/') + 1, base) != 0 || e->d_name[base] != ':')
			continue;
		if (closed_or_none(fd, e->d_name))
			closed++;
		else
			open++;
	}
	if (d != NULL)
		(void)closedir(d);
	(void)close(fd);
	return open > 0 && closed == 0;
}

/* ---- places ---- */

int sk_usb_root_of_iface(const char *iface, char *out, size_t size)
{
	size_t digits = strspn(iface, "0123456789");

	if (digits == 0 || digits > 4 || strncmp(iface + digits, "-0:", 3) != 0)
		return -EINVAL;
	(void)snprintf(out, size, "usb%.*s", (int)digits, iface);
	return 0;
}

int sk_usb_iface_of(const struct sk_usb_dev *dev, const char *devpath, int *config)
{
	size_t base = strlen(dev->devpath), name = strlen(dev->iface_base);
	unsigned long cfg, number;
	const char *p;
	char *end;

	if (base == 0 || strncmp(devpath, dev->devpath, base) != 0 || devpath[base] != '/')
		return -ENOENT;
	p = devpath + base + 1;
	if (strncmp(p, dev->iface_base, name) != 0 || p[name] != ':' || p[name + 1] < '0' || p[name + 1] > '9')
		return -EINVAL;
	cfg = strtoul(p + name + 1, &end, 10);
	if (cfg > 255 || *end != '.' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	number = strtoul(end + 1, &end, 10);
	if (number > 255 || (*end != '/' && *end != '\0'))
		return -EINVAL;
	if (config != NULL)
		*config = (int)cfg;
	return (int)number;
}
