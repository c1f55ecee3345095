/*
 * System disks on USB: learned at install (sekimori-early --learn-internal > /etc/sekimori/internal.conf), admitted at boot and by the
 * gate by model and serial number; PORT counts where there is no serial number, and tells people where it was. One per line,
 * "usb PORT VID:PID SERIAL", SERIAL escaped (common/text.h) and to the end of the line, "-" if none; lines that begin with # are comments. Any
 * other line makes the whole file worthless (nothing is admitted by it). C library only.
 */
#ifndef SK_PLATFORM_INTERNAL_H
#define SK_PLATFORM_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/block.h"
#include "platform/mount.h"

#define SK_INTERNAL_MAX    16
#define SK_INTERNAL_SERIAL 192 /* escaped, with NUL */

struct sk_internal {
	char port[64];
	uint16_t vid, pid;
	char serial[SK_INTERNAL_SERIAL]; /* escaped; "" if none */
};

/* Entries read, 0 when there is no file, -EINVAL when a line is wrong, -errno. */
int sk_internal_load(const char *path, struct sk_internal *out, size_t max);
/* How many entries a device is: its model and serial number say so, wherever it is plugged in and however the kernel counts its buses in this
 * boot. One without a serial number: model and place on its controller, without the number of the bus. 0: it is none. */
int sk_internal_count(const struct sk_internal *list, int n, const char *port, uint16_t vid, uint16_t pid,
                      const char *serial);

/* The USB device nearest above a block device, in the same terms. 0, -ENOENT when it hangs on none, -errno. */
int sk_internal_identify(const char *root, const char *devpath, struct sk_internal *out);
bool sk_internal_is_system(const char *mount_path); /* "/", "/boot", "/usr" ...: what the machine runs from */

/* Does the machine run from the disk of this block device, or did the system open something on it? For cards and flash, which no other
 * sign tells from what was plugged in. mounts_of: sk_mount_of, or a test's. Nodes of refused media are root's alone, so that what
 * is held on them was opened by the system. */
bool sk_internal_carries_system(const struct sk_blocks *blocks,
                                int (*mounts_of)(unsigned major, unsigned minor, struct sk_mount *out, size_t max),
                                const char *devpath);

/* The USB devices below the system mounts and swap of the running machine. root as in sk_usb_sysfs. Number found or -errno. */
int sk_internal_learn(const char *root, struct sk_internal *out, size_t max);

#endif
