/* See usb_port.h. A table by bus and port; what lies behind another hub is read each time. */
#include "platform/usb_port.h"

#include <stdlib.h>
#include <string.h>

#define BUSES 64
#define PORTS 32

static const char *known[BUSES][PORTS]; /* NULL = not read yet */

/* The place of "3-2"; NULL: behind another hub, or no such place is kept. */
static const char **place_of(const char *sysfs_root, const char *name)
{
	unsigned long bus, port;
	char *end;

	if (sysfs_root[0] != '\0' || name[0] < '0' || name[0] > '9')
		return NULL;
	bus = strtoul(name, &end, 10);
	if (*end != '-' || bus >= BUSES)
		return NULL;
	port = strtoul(end + 1, &end, 10);
	return *end == '\0' && port < PORTS ? &known[bus][port] : NULL;
}

const char *sk_usb_port_connect(const char *sysfs_root, const struct sk_usb_dev *dev)
{
	const char **place = place_of(sysfs_root, dev->name), *word;
	char text[16];
	ssize_t n;

	if (place != NULL && *place != NULL)
		return *place;
	n = sk_sysfs_read(dev->fd, "removable", text, sizeof(text));
	word = n > 0 && strcmp(text, "fixed") == 0       ? "fixed"
	       : n > 0 && strcmp(text, "removable") == 0 ? "hotplug"
	                                                 : "unknown";
	if (place != NULL && n > 0)
		*place = word;
	return word;
}

void sk_usb_ports_forget(const char *sysfs_root, const char *root_hub)
{
	unsigned long bus = strncmp(root_hub, "usb", 3) == 0 ? strtoul(root_hub + 3, NULL, 10) : BUSES;

	if (sysfs_root[0] == '\0' && bus < BUSES)
		(void)memset(known[bus], 0, sizeof(known[bus]));
}
