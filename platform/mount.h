/* What is mounted, from the kernel's table of the machine (not of a private view). */
#ifndef SK_PLATFORM_MOUNT_H
#define SK_PLATFORM_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

struct sk_mount {
	char path[512]; /* unescaped */
	char fstype[32];
	char source[256]; /* what was mounted, as the one who mounted it said; cut when longer */
	unsigned major, minor;
	bool ro, nodev, nosuid, noexec; /* of this mount */
	bool super_ro; /* of the file system itself */
};

/* One line of mountinfo, without its newline. 0 or -EINVAL (longer than what fits, too). */
int sk_mount_parse(const char *line, struct sk_mount *out);

/* fn for every mount; a non-zero answer ends it and is returned. table: path of a mountinfo, NULL = the machine's. 0 or -errno. */
int sk_mount_each(const char *table, int (*fn)(void *arg, const struct sk_mount *m), void *arg);

/* Mounts of one block device, in order, at most max. Number found (may be above max) or -errno. */
int sk_mount_of(unsigned major, unsigned minor, struct sk_mount *out, size_t max);

#endif
