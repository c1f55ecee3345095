/*
 * SCSI and SATA: disks, discs, tapes. What hangs on a USB or FireWire device belongs to that device and is none of this file's; enclosures and
 * processors store nothing. The identity is the wwid (page 83, or what libata makes of model and serial), else model and serial.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "platform/block.h"
#include "platform/bus.h"

enum { TYPE_DISK = 0, TYPE_TAPE = 1, TYPE_WORM = 4, TYPE_ROM = 5, TYPE_OPTICAL = 7, TYPE_RBC = 14, TYPE_ZBC = 20 };

static bool type_stores(long type)
{
	return type == TYPE_DISK || type == TYPE_TAPE || type == TYPE_WORM || type == TYPE_ROM ||
	       type == TYPE_OPTICAL || type == TYPE_RBC || type == TYPE_ZBC;
}

/* Page 80: four bytes of head, then the serial number. */
static void read_serial(int dir, char *out, size_t size)
{
	uint8_t page[256];
	ssize_t n = sk_sysfs_read_bytes(dir, "vpd_pg80", page, sizeof(page));
	size_t at = 4, len = n > 4 ? (size_t)n : 4;

	while (at < len && (page[at] == ' ' || page[at] == '\0'))
		at++;
	while (len > at && (page[len - 1] == ' ' || page[len - 1] == '\0'))
		len--;
	(void)sk_text_escape(out, size, (const char *)page + at, len - at);
}

/* "/devices/pci.../ata3/host2/...": on libata. */
static bool on_ata(const char *devpath)
{
	const char *p = devpath;

	while ((p = strstr(p, "/ata")) != NULL) {
		size_t digits = strspn(p + 4, "0123456789");

		if (digits > 0 && p[4 + digits] == '/')
			return true;
		p += 4;
	}
	return false;
}

static int scsi_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	enum sk_block_bus above = sk_block_bus(devpath);
	struct sk_bus_ident id;
	long type;
	int r = sk_sysfs_read_number(dir, "type", &type);

	if (r < 0)
		return r == -ENODEV ? r : -ENOENT; /* a host or a target */
	if (above == SK_BUS_USB || above == SK_BUS_FIREWIRE || !type_stores(type))
		return -ENOENT;
	(void)memset(&id, 0, sizeof(id));
	sk_text_copy(id.bus, sizeof(id.bus), on_ata(devpath) ? "ata" : "scsi");
	sk_bus_text(dir, "vendor", id.vendor, sizeof(id.vendor));
	sk_bus_text(dir, "model", id.product, sizeof(id.product));
	read_serial(dir, id.serial, sizeof(id.serial));
	sk_bus_text(dir, "wwid", id.ident, sizeof(id.ident));
	if (id.ident[0] == '\0')
		(void)snprintf(id.ident, sizeof(id.ident), "%.50s %.50s %.80s", id.vendor, id.product, id.serial);
	id.stores = true;
	id.disk = type == TYPE_DISK || type == TYPE_RBC || type == TYPE_ZBC;
	*out = id;
	return 0;
}

static const char *const *scsi_modules(const struct sk_bus_ident *id)
{
	static const char *const DISK[] = {"sd_mod", NULL}, *const OTHER[] = {"sr_mod", NULL};

	return id->disk ? DISK : OTHER;
}

const struct sk_bus_ops SK_BUS_SCSI_OPS = {
    .name = "scsi", .autoprobe = true, .identify = scsi_identify, .modules = scsi_modules};
