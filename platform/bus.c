/* What the buses have in common: folders below /sys/bus, the default deny, binding and unbinding. */
#include "platform/bus.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

static const struct sk_bus_ops *const BUSES[SK_BUSES] = {&SK_BUS_MMC_OPS, &SK_BUS_SCSI_OPS, &SK_BUS_PCI_OPS,
                                                         &SK_BUS_THUNDERBOLT_OPS, &SK_BUS_FIREWIRE_OPS};

const struct sk_bus_ops *sk_bus_at(size_t i)
{
	return i < SK_BUSES ? BUSES[i] : NULL;
}

const struct sk_bus_ops *sk_bus_of(const char *name)
{
	size_t i, n = strcspn(name, ":");

	for (i = 0; i < SK_BUSES; i++)
		if (strlen(BUSES[i]->name) == n && strncmp(BUSES[i]->name, name, n) == 0)
			return BUSES[i];
	return NULL;
}

int sk_bus_each(const char *root, const struct sk_bus_ops *bus, int (*fn)(void *arg, const char *kernel_name),
                void *arg)
{
	char path[SK_DEVPATH_MAX];
	struct dirent *e;
	int r = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/%s/devices", root, bus->name);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			r = fn(arg, e->d_name);
	(void)closedir(d);
	return r < 0 ? r : 0;
}

static bool is_name(const char *s)
{
	size_t i, n = strlen(s);

	for (i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
		      strchr(":.-_", s[i]) != NULL))
			return false;
	return n > 0 && n < 40 && s[0] != '.';
}

int sk_bus_open(const char *root, const struct sk_bus_ops *bus, const char *kernel_name, char devpath[SK_DEVPATH_MAX])
{
	char path[SK_DEVPATH_MAX];
	int fd, r;

	if (!is_name(kernel_name))
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "%s/sys/bus/%s/devices/%s", root, bus->name, kernel_name);
	fd = sk_sysfs_open(path);
	r = fd < 0 ? fd : sk_sysfs_devpath(path, devpath, SK_DEVPATH_MAX);
	if (r < 0 && fd >= 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

/* One attribute of the bus itself. */
static int write_bus(const char *root, const char *bus, const char *attribute, const char *value)
{
	char path[SK_DEVPATH_MAX];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/sys/bus/%s", root, bus);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return fd;
	r = sk_sysfs_write(fd, attribute, value);
	(void)close(fd);
	return r;
}

#define PROBE_TRIES 5

int sk_bus_probe(const char *root, const char *bus, const char *kernel_name)
{
	struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
	int r = is_name(kernel_name) ? write_bus(root, bus, "drivers_probe", kernel_name) : -ENAMETOOLONG;

	/* The kernel tells of a device before it can be given a driver; who is quick is told EINVAL for a moment. */
	for (int i = 0; r == -EINVAL && i < PROBE_TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		r = write_bus(root, bus, "drivers_probe", kernel_name);
	}
	return r == -ENAMETOOLONG ? -EINVAL : r;
}

int sk_bus_shut(const char *root, const struct sk_bus_ops *bus, bool shut)
{
	char path[SK_DEVPATH_MAX];
	long now = 1, want = shut ? 0 : 1;
	int fd, r;

	if (!bus->autoprobe)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/sys/bus/%s", root, bus->name);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; /* no such bus yet */
	r = sk_sysfs_read_number(fd, "drivers_autoprobe", &now);
	if (r == 0 && now != want) {
		r = sk_sysfs_write(fd, "drivers_autoprobe", shut ? "0" : "1");
		if (r == 0)
			r = sk_sysfs_read_number(fd, "drivers_autoprobe", &now);
		if (r == 0 && now != want)
			r = -EIO;
	}
	(void)close(fd);
	return r;
}

bool sk_bus_driver(int dir, char out[SK_BUS_DRIVER])
{
	char target[SK_DEVPATH_MAX];
	ssize_t n = readlinkat(dir, "driver", target, sizeof(target) - 1);
	const char *last;

	out[0] = '\0';
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	sk_text_copy(out, SK_BUS_DRIVER, last != NULL ? last + 1 : target);
	return true;
}

void sk_bus_text(int dir, const char *attribute, char *out, size_t size)
{
	char raw[256], *from = raw;
	ssize_t n = sk_sysfs_read(dir, attribute, raw, sizeof(raw));
	size_t len = n > 0 ? (size_t)n : 0;

	while (len > 0 && *from == ' ') {
		from++;
		len--;
	}
	while (len > 0 && from[len - 1] == ' ')
		len--;
	(void)sk_text_escape(out, size, from, len);
}
