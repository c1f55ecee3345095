/*
 * The encrypted disks of this machine: what the kernel has open as LUKS, by sysfs alone. Containers on media, which the agent opens under its own
 * names, are left out.
 */
#ifndef SK_PLATFORM_LUKS_OPEN_H
#define SK_PLATFORM_LUKS_OPEN_H

#include <stddef.h>

struct sk_luks_disk {
	char mapping[128]; /* as device-mapper names it */
	char node[40]; /* /dev/NAME of what holds the header */
	char dev[24]; /* "MAJ:MIN" */
};

/* root: "" or a folder with sys/ in it. How many were found, at most max; negative: sysfs cannot be read. */
int sk_luks_open_disks(const char *root, struct sk_luks_disk *out, size_t max);

#endif
