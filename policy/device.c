/* Names of grades, buses and encryptions, and which of the kernel's drivers turn an interface into something that stores. */
#include <string.h>

#include "policy/device.h"

const char *sk_grade_name(enum sk_grade g)
{
	static const char *const names[] = {"C", "B", "A"};

	return (unsigned)g < sizeof(names) / sizeof(names[0]) ? names[g] : "C";
}

static const char *const bus_names[SK_DEV_BUSES] = {"usb", "mmc",  "scsi",        "ata",
                                                    "pci", "nvme", "thunderbolt", "firewire"};

const char *sk_dev_bus_name(unsigned one_bus)
{
	for (unsigned i = 0; i < SK_DEV_BUSES; i++) {
		if (one_bus == 1u << i)
			return bus_names[i];
	}
	return "";
}

unsigned sk_dev_bus_parse(const char *name)
{
	for (unsigned i = 0; i < SK_DEV_BUSES; i++) {
		if (strcmp(bus_names[i], name) == 0)
			return 1u << i;
	}
	return 0;
}

const char *sk_encryption_name(unsigned one)
{
	static const char *const names[SK_ENCRYPTIONS] = {"none", "luks", "bitlocker", "hardware", "other"};

	for (unsigned i = 0; i < SK_ENCRYPTIONS; i++) {
		if (one == 1u << i)
			return names[i];
	}
	return "unknown";
}

/* usb-storage and its helpers (ums-realtek, ums-alauda, ...), UAS, and card readers with a driver of their own. */
bool sk_usb_driver_stores(const char *driver)
{
	static const char *const names[] = {"usb-storage", "uas", "rtsx_usb", "vub300", "ushc"};

	if (!driver)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(driver, names[i]) == 0)
			return true;
	}
	return strncmp(driver, "ums-", 4) == 0;
}
