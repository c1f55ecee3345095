/*
 * NVMe: PCI functions of class 0108, in a hot-plug slot or behind Thunderbolt. (SATA and SCSI adapters are judged by their disks, card readers by
 * their cards.) The bus has no default deny that leaves the machine's own devices alone, so a refused function is unbound and held by
 * `driver_override`, a driver name that no driver has. Before a driver is bound a function tells no serial number but the one in its PCI
 * configuration, if it has that; its identity is model, that number and its place. The place is the way from the root by slots: numbers of PCI buses
 * are counted anew at each boot and change with what else is plugged in.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/bus.h"

#define NO_DRIVER "sekimori-refused"

enum { CONFIG_BYTES = 4096, EXTENDED = 0x100, CAP_SERIAL = 3, CAPS_MAX = 64 };

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The Device Serial Number capability, as text; "" where there is none. The list is the device's own: it may lead anywhere. */
static void read_dsn(int dir, char *out, size_t size)
{
	uint8_t config[CONFIG_BYTES];
	ssize_t n = sk_sysfs_read_bytes(dir, "config", config, sizeof(config));
	uint32_t at = EXTENDED;

	out[0] = '\0';
	for (int i = 0; i < CAPS_MAX && at >= EXTENDED && (ssize_t)at + 12 <= n; i++) {
		uint32_t head = le32(config + at), low = le32(config + at + 4), high = le32(config + at + 8);

		if ((head & 0xffff) == CAP_SERIAL) {
			if ((low != 0 || high != 0) && (low & high) != UINT32_MAX)
				(void)snprintf(out, size, "%08x%08x", high, low);
			return;
		}
		at = head >> 20 & ~3U;
	}
}

/* "pci0000:00/1c.4/00.0": the last two digits of each step are slot and function, before them stands the number of the bus. */
static void read_place(const char *devpath, char *out, size_t size)
{
	const char *p = strstr(devpath, "/pci"), *part;
	size_t len = p != NULL ? strcspn(p + 1, "/") : 0;
	int used = snprintf(out, size, "%.*s", (int)(len < 32 ? len : 32), p != NULL ? p + 1 : "");

	for (p = p != NULL ? p + 1 + len : ""; *p == '/' && used >= 0 && (size_t)used < size; p = part + len) {
		part = p + 1;
		len = strcspn(part, "/");
		if (len < 5 || part[len - 2] != '.')
			break; /* a controller or a disk: that is not the place of the function any more */
		used += snprintf(out + used, size - (size_t)used, "/%.4s", part + len - 4);
	}
}

static int pci_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	struct sk_bus_ident id;
	char class[16], vendor[16], device[16], sub_vendor[16], sub_device[16], place[80];

	sk_bus_text(dir, "class", class, sizeof(class));
	if (class[0] == '\0')
		return sk_sysfs_exists(dir, "uevent") ? -ENOENT : -ENODEV;
	if (strncmp(class, "0x0108", 6) != 0)
		return -ENOENT;
	(void)memset(&id, 0, sizeof(id));
	sk_text_copy(id.bus, sizeof(id.bus), "nvme");
	sk_bus_text(dir, "vendor", vendor, sizeof(vendor));
	sk_bus_text(dir, "device", device, sizeof(device));
	sk_bus_text(dir, "subsystem_vendor", sub_vendor, sizeof(sub_vendor));
	sk_bus_text(dir, "subsystem_device", sub_device, sizeof(sub_device));
	(void)snprintf(id.vendor, sizeof(id.vendor), "PCI %s", vendor);
	(void)snprintf(id.product, sizeof(id.product), "NVMe %s", device);
	read_dsn(dir, id.serial, sizeof(id.serial));
	read_place(devpath, place, sizeof(place));
	(void)snprintf(id.ident, sizeof(id.ident), "%s:%s:%s:%s %s%s%.20s", vendor, device, sub_vendor, sub_device,
	               place, id.serial[0] != '\0' ? " " : "", id.serial);
	id.stores = id.disk = true;
	*out = id;
	return 0;
}

static int pci_admit(const char *root, int dir, const char *kernel_name)
{
	char now[64];

	sk_bus_text(dir, "driver_override", now, sizeof(now));
	if (strcmp(now, NO_DRIVER) == 0) {
		int r = sk_sysfs_write(dir, "driver_override", "\n");

		if (r < 0)
			return r;
	}
	return sk_bus_probe(root, "pci", kernel_name);
}

static int pci_expel(const char *root, int dir, const char *kernel_name)
{
	char driver[SK_BUS_DRIVER];
	int r = sk_sysfs_write(dir, "driver_override", NO_DRIVER);

	(void)root;
	return r == 0 && sk_bus_driver(dir, driver) ? sk_sysfs_write(dir, "driver/unbind", kernel_name) : r;
}

/* Not open is only what is held: until then a driver may bind at any moment. */
static int pci_opened(int dir, bool *open, char driver[SK_BUS_DRIVER])
{
	char now[64];

	if (!sk_sysfs_exists(dir, "class"))
		return -ENODEV;
	sk_bus_text(dir, "driver_override", now, sizeof(now));
	*open = sk_bus_driver(dir, driver) || strcmp(now, NO_DRIVER) != 0;
	return 0;
}

/* The kernel marks what lies behind a port that leads out of the machine. */
static bool pci_outward(const char *root, const char *devpath)
{
	char path[2 * SK_DEVPATH_MAX], text[16];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/sys%s", root, devpath);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return false;
	sk_bus_text(fd, "removable", text, sizeof(text));
	(void)close(fd);
	return strcmp(text, "removable") == 0;
}

static const char *const *pci_modules(const struct sk_bus_ident *id)
{
	static const char *const LIST[] = {"nvme", NULL};

	(void)id;
	return LIST;
}

const struct sk_bus_ops SK_BUS_PCI_OPS = {.name = "pci",
                                          .identify = pci_identify,
                                          .admit = pci_admit,
                                          .expel = pci_expel,
                                          .opened = pci_opened,
                                          .outward = pci_outward,
                                          .modules = pci_modules};
