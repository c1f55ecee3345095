/* Files, whole: bounded reads that never block on a FIFO or follow a last symlink, and writes that are either all there or not. */
#ifndef SK_COMMON_FILE_H
#define SK_COMMON_FILE_H

#include <stddef.h>
#include <sys/types.h>
#include "common/buf.h"
#include "common/err.h"

/* Regular files only (O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC). Appends to out, whose limit bounds the read.
 * -ENOENT -EACCES -ELOOP (symlink or not a regular file) -EFBIG ... */
int sk_file_read(const char *path, struct sk_buf *out, struct sk_err *err);

/* For sysfs and procfs attributes: reads at most size-1 bytes, ends them with NUL, cuts one trailing newline. Bytes may hold
 * anything else. Returns length or -errno. */
ssize_t sk_file_attr(const char *path, char *out, size_t size);
int sk_file_attr_write(const char *path, const char *value); /* one write(2); 0 or -errno */

/* Temporary file beside it, write, fsync, rename, fsync of the folder. 0 or -errno. */
int sk_file_write(const char *path, const void *data, size_t len, mode_t mode, struct sk_err *err);

int sk_mkdir_p(const char *path, mode_t mode);

#endif
