/* A fresh file system, made by Debian's own tools in a process of their own. */
#ifndef SK_PLATFORM_MKFS_H
#define SK_PLATFORM_MKFS_H

#define SK_MKFS_LABEL 12 /* with NUL: what FAT can hold */

/* exFAT, where its tool is not there FAT: file systems without owners, so that each person the medium is mounted for can use it. node: an absolute path;
 * label: [A-Za-z0-9._-]*, cut to what fits. Waits until it is done. 0, -ENOENT: neither tool is installed, -EIO: it failed. */
int sk_mkfs(const char *node, const char *label);

#endif
