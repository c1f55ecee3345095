/*
 * A walk over a hostile folder tree: bounded in depth and number, no symlink followed, nothing but regular files opened, never out of the
 * file system it began in.
 */
#ifndef SK_PLATFORM_TREE_H
#define SK_PLATFORM_TREE_H

#include <sys/stat.h>

#define SK_TREE_DEPTH   64
#define SK_TREE_ENTRIES 2000000
#define SK_TREE_PATH    4096

struct sk_tree_entry {
	int folder; /* open; borrowed */
	const char *name; /* in folder */
	const char *path; /* below the root, any bytes; cut when longer than SK_TREE_PATH */
	struct stat st; /* regular, or what else it is; folders are not told */
};

/* fn for each entry that is no folder; a non-zero answer ends the walk and is returned. root: an open folder, not closed. 0, -E2BIG (too
 * deep or too many), -errno of what cannot be read. */
int sk_tree_walk(int root, int (*fn)(void *arg, const struct sk_tree_entry *e), void *arg);

/* A regular file, the one that was looked at. fd or -errno. */
int sk_tree_open(const struct sk_tree_entry *e);

#endif
