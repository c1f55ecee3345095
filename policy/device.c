/* Names of grades, and which of the kernel's drivers turn an interface into something that stores. */
#include <string.h>

#include "policy/device.h"

const char *sk_grade_name(enum sk_grade g)
{
	static const char *const names[] = {"C", "B", "A"};

	return (unsigned)g < sizeof(names) / sizeof(names[0]) ? names[g] : "C";
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
