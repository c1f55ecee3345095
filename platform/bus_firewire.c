/*
 * FireWire units ("fw1.0"). Disks speak SBP-2 (specifier 0x00609e); firewire-sbp2 is blacklisted and comes by name. Other units are networks or
 * cameras. The bus is shut like SCSI's: no unit gets a driver by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "platform/bus.h"

#define SPECIFIER_SBP2 "0x00609e"

/* fwN is a node, fwN.M a unit of it; model and vendor names are the node's where the unit has none. */
static void node_text(int dir, const char *attribute, char *out, size_t size)
{
	char above[64];

	sk_bus_text(dir, attribute, out, size);
	if (out[0] == '\0') {
		(void)snprintf(above, sizeof(above), "../%s", attribute);
		sk_bus_text(dir, above, out, size);
	}
}

static int fw_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	struct sk_bus_ident id;
	char specifier[32], guid[64];
	const char *unit = strrchr(devpath, '.');

	if (!sk_sysfs_exists(dir, "uevent"))
		return -ENODEV;
	sk_bus_text(dir, "specifier_id", specifier, sizeof(specifier));
	if (specifier[0] == '\0')
		return -ENOENT; /* a node, or the computer's own */
	(void)memset(&id, 0, sizeof(id));
	sk_text_copy(id.bus, sizeof(id.bus), "firewire");
	node_text(dir, "vendor_name", id.vendor, sizeof(id.vendor));
	node_text(dir, "model_name", id.product, sizeof(id.product));
	node_text(dir, "guid", guid, sizeof(guid));
	sk_text_copy(id.serial, sizeof(id.serial), guid);
	(void)snprintf(id.ident, sizeof(id.ident), "%s %s%s", guid, specifier, unit != NULL ? unit : "");
	id.stores = id.disk = strcmp(specifier, SPECIFIER_SBP2) == 0;
	*out = id;
	return 0;
}

static const char *const *fw_modules(const struct sk_bus_ident *id)
{
	static const char *const SBP2[] = {"firewire-sbp2", NULL};

	return id->stores ? SBP2 : NULL;
}

const struct sk_bus_ops SK_BUS_FIREWIRE_OPS = {
    .name = "firewire", .autoprobe = true, .identify = fw_identify, .modules = fw_modules};
