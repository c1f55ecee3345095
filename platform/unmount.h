/* Takes every mount of a block device, and of what lies on it (dm), away: properly if possible, torn off if somebody holds on. */
#ifndef SK_PLATFORM_UNMOUNT_H
#define SK_PLATFORM_UNMOUNT_H

#include <stdbool.h>
#include <stddef.h>

#define SK_BUSY_MAX 16

struct sk_unmounted {
	unsigned mounts; /* how many were there */
	bool detached; /* at least one was torn off (MNT_DETACH) */
	bool failed; /* at least one is still there */
	struct {
		int pid;
		char program[32];
	} busy[SK_BUSY_MAX]; /* who held on, escaped */
	size_t n_busy;
};

/* patience_ms: how long a busy mount is tried again. 0 or -errno (nothing done). */
int sk_unmount(unsigned major, unsigned minor, int patience_ms, struct sk_unmounted *out);

/* Writes back what is mounted of the device and of what lies on it, and leaves it mounted. Blocks as long as that takes. 0 or -errno. */
int sk_write_back(unsigned major, unsigned minor);

#endif
