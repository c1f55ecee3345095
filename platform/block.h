/*
 * Block devices: where they hang, how large they are, and the kernel's read-only mark. "Internal" is what hangs on no bus that people plug
 * things into; the `removable` attribute decides nothing (it is 0 for most sticks).
 */
#ifndef SK_PLATFORM_BLOCK_H
#define SK_PLATFORM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "platform/sysfs.h"

#define SK_BLOCK_NAME 32

struct sk_block {
	char name[SK_BLOCK_NAME]; /* "sda1" */
	char devpath[SK_DEVPATH_MAX]; /* "/devices/.../block/sda/sda1" */
	unsigned major, minor;
	uint64_t bytes;
	bool ro;
	bool partition;
	unsigned partitions; /* of a disk */
	bool held; /* another block device (dm) lies on it */
};

enum sk_block_bus { SK_BUS_INTERNAL, SK_BUS_VIRTUAL, SK_BUS_USB, SK_BUS_MMC, SK_BUS_FIREWIRE };

/* By the names in the path alone. A virtual device (dm, loop, md) is judged by what it lies on. */
enum sk_block_bus sk_block_bus(const char *devpath);

/* A disk, or a partition of one, that the kernel reaches over one or more NVMe controllers: it shows below /devices/virtual, whatever the
 * controllers hang on, and its own path says nothing of them. It is to be judged by its controllers, which slaves() gives. */
bool sk_block_is_multipath(const char *devpath);

struct sk_block_ops { /* 0 or -errno; none of them blocks */
	/* fn for every block device of the machine; a negative answer ends it. */
	int (*list)(void *ctx, int (*fn)(void *arg, const char *devpath), void *arg);
	int (*read)(void *ctx, const char *devpath, struct sk_block *out); /* -ENODEV: not there (any more) */
	/* BLKROSET on its node, which must be this very device, then read back: -EIO when it did not take. Setting a disk covers its
	 * partitions; a mount made rw before goes on writing, so this comes before any mount. */
	int (*set_ro)(void *ctx, const struct sk_block *b, bool ro);
	/* fn for each device a virtual one lies on; of a multipath disk for each controller, -ENODEV when it has none. */
	int (*slaves)(void *ctx, const char *devpath, int (*fn)(void *arg, const char *devpath), void *arg);
	void (*look_again)(void *ctx, const char *devpath); /* has udev ask again ("change") */
	bool (*claimed)(
	    void *ctx, const struct sk_block *b); /* mounted, swap, member of an array: something holds it for itself */
};

struct sk_blocks {
	const struct sk_block_ops *ops;
	void *ctx;
};

struct sk_blocks sk_blocks_sysfs(const char *root); /* as sk_usb_sysfs; nodes are taken from /dev */

/* Direct form for small programs: reads one device, sets it and its partitions read-only. */
int sk_block_shut(const char *root, const char *devpath);

#endif
