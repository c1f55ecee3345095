/*
 * NVMe: PCI functions of class 0108, in a hot-plug slot or behind Thunderbolt. (SATA and SCSI adapters are judged by their disks, card readers by
 * their cards.) The bus has no default deny that leaves the machine's own devices alone, so a refused function is unbound and held by
 * `driver_override`, a driver name that no driver has. Before a driver is bound a function has no serial number: its identity is model and place.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/bus.h"

#define NO_DRIVER "sekimori-refused"

static int pci_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	struct sk_bus_ident id;
	char class[16], vendor[16], device[16], sub_vendor[16], sub_device[16];

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
	(void)snprintf(id.ident, sizeof(id.ident), "%s:%s:%s:%s %.100s", vendor, device, sub_vendor, sub_device,
	               strrchr(devpath, '/') + 1);
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
