/*
 * Attributes of a sysfs folder that is held open. A kernel object's folder dies with the object: whoever holds its descriptor reads and
 * writes that very device or gets -ENODEV, never another one that came to the same port meanwhile. C library only, so that
 * sekimori-early can use it.
 */
#ifndef SK_PLATFORM_SYSFS_H
#define SK_PLATFORM_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SK_DEVPATH_MAX \
	512 /* longest sysfs path accepted, with NUL; deepest USB tree with SCSI and partition is under 300 */

/* path: a folder. fd >= 0 (O_CLOEXEC) or -errno. */
int sk_sysfs_open(const char *path);

/* Text: at most size-1 bytes, NUL after them, one trailing newline cut; may hold any other byte. Length or -errno (-ENODEV: gone). */
ssize_t sk_sysfs_read(int dir, const char *name, char *out, size_t size);
/* Binary, to the end. Length, -EFBIG when there is more than size. */
ssize_t sk_sysfs_read_bytes(int dir, const char *name, uint8_t *out, size_t size);
/* A decimal number; 0 or -errno, -EINVAL when it is none (an empty attribute too). */
int sk_sysfs_read_number(int dir, const char *name, long *out);
int sk_sysfs_read_hex4(int dir, const char *name, uint16_t *out); /* "0951"; 0 or -EINVAL */
int sk_sysfs_write(int dir, const char *name, const char *value); /* one write(2); 0 or -errno */
bool sk_sysfs_exists(int dir, const char *name);

/* The target of a symlink like /sys/bus/usb/devices/1-2 as a path from /sys on: "/devices/pci.../1-2". 0, -EINVAL, -errno. */
int sk_sysfs_devpath(const char *link, char *out, size_t size);
/* "/devices/...", no "..", no control characters, within SK_DEVPATH_MAX. For paths that come from outside. */
bool sk_sysfs_is_devpath(const char *s);

#endif
