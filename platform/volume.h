/*
 * The file system on a medium: found out by libblkid in a process without rights, mounted with options that trust nothing on it. Used by
 * sekimori-mount only; sekimorid never reads a medium.
 */
#ifndef SK_PLATFORM_VOLUME_H
#define SK_PLATFORM_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"
#include "policy/media_key.h"

struct sk_volume {
	char type[32]; /* blkid's word: "vfat" "exfat" "ntfs" "ext4" ...; "" = none found */
	char label[256]; /* as on the medium, any bytes */
	char uuid[64];
};

/* fd: open for reading. Reads in a child that is nobody, limited in time and memory and can neither open nor start anything. 0 (type ""
 * when there is no file system), -ETIMEDOUT, -EIO (it died of what it read), -EUCLEAN (more than one file system claims it). */
int sk_volume_probe(int fd, struct sk_volume *out);

/* All that is on a whole medium, for its media key: a file system over the whole of it, and each partition of a table. Read as above, in one
 * child. The same errors; -E2BIG: more than SK_VOLUMES_MAX. */
int sk_volumes_probe(int fd, struct sk_volumes *out);

struct sk_volume_plan {
	const char *fstype; /* the kernel's */
	unsigned long flags;
	char data[160];
	bool ro; /* asked for, or all this file system can do */
};

/* 0, or -EPERM: not one of vfat exfat ntfs ext4 iso9660 udf. */
int sk_volume_plan(const char *type, uid_t uid, gid_t gid, bool ro, struct sk_volume_plan *out);

/* mount(2); a medium that is write-protected is mounted ro although rw was allowed (plan->ro says so afterwards). 0 or -errno. */
int sk_volume_mount(const char *node, const char *path, struct sk_volume_plan *plan);

/* Mounted, for reading, where nobody can see it: the descriptor of its root folder, the mount's only holder. The file system below is writable
 * unless plan->ro says otherwise, so that it can be mounted so elsewhere, too. dev: what must lie under it.
 * fd, -ENODEV (another device has come to this name) or -errno. */
int sk_volume_open_hidden(const char *node, dev_t dev, const struct sk_volume_plan *plan);

#endif
