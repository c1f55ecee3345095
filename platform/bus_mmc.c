/*
 * Cards (SD, MMC). The CID is the card's own name for itself: maker, model, serial, date. SDIO functions (wireless adapters in a card slot) are
 * on a bus of their own and no media. That a card says MMC proves nothing: flash soldered to the board is known because it was learned.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "platform/bus.h"

static int mmc_identify(int dir, const char *devpath, struct sk_bus_ident *out)
{
	struct sk_bus_ident id;
	char type[16], maker[32];

	(void)devpath;
	(void)memset(&id, 0, sizeof(id));
	sk_bus_text(dir, "type", type, sizeof(type));
	if (type[0] == '\0')
		return sk_sysfs_exists(dir, "uevent") ? -ENOENT : -ENODEV;
	if (strcmp(type, "SDIO") == 0)
		return -ENOENT;
	sk_text_copy(id.bus, sizeof(id.bus), "mmc");
	sk_bus_text(dir, "cid", id.ident, sizeof(id.ident));
	sk_bus_text(dir, "manfid", maker, sizeof(maker));
	(void)snprintf(id.vendor, sizeof(id.vendor), "%s %s", type, maker);
	sk_bus_text(dir, "name", id.product, sizeof(id.product));
	sk_bus_text(dir, "serial", id.serial, sizeof(id.serial));
	id.stores = true;
	id.disk = strcmp(type, "MMC") == 0;
	*out = id;
	return 0;
}

static const char *const *mmc_modules(const struct sk_bus_ident *id)
{
	static const char *const LIST[] = {"mmc_block", NULL};

	(void)id;
	return LIST;
}

const struct sk_bus_ops SK_BUS_MMC_OPS = {
    .name = "mmc", .autoprobe = true, .identify = mmc_identify, .modules = mmc_modules};
