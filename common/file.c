/*
 * Files, whole. Opening is O_NONBLOCK (a FIFO in the place of a file must not hang us) and O_NOFOLLOW, then fstat on what is
 * open decides, so nothing can be exchanged between the look and the read. Writing goes through a temporary file beside the
 * target: after a crash there is the old content or the new, never a part.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

static ssize_t read_some(int fd, void *out, size_t size)
{
	ssize_t n;

	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int read_all(int fd, struct sk_buf *out)
{
	char chunk[8192];
	size_t before = out->len;

	for (;;) {
		ssize_t n = read_some(fd, chunk, sizeof(chunk));
		int r;

		if (n == 0)
			return 0;
		if (n > 0 && (size_t)n > out->limit - out->len)
			n = -EFBIG;
		r = n < 0 ? (int)n : sk_buf_add(out, chunk, (size_t)n);
		if (r < 0) {
			out->len = before;
			if (out->cap > 0)
				out->data[before] = '\0';
			return r;
		}
	}
}

int sk_file_read(const char *path, struct sk_buf *out, struct sk_err *err)
{
	struct stat st;
	int fd = open(path, READ_FLAGS), r;

	if (fd < 0) {
		/* A socket in its place gives ENXIO: not a regular file either. */
		r = errno == ENXIO ? -ELOOP : -errno;
	} else {
		r = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? -ELOOP : read_all(fd, out);
		(void)close(fd);
	}
	if (r == -ELOOP)
		return sk_err_set(err, r, "%s: not a regular file", path);
	if (r == -EFBIG)
		return sk_err_set(err, r, "%s: larger than %zu bytes", path, out->limit);
	return r < 0 ? sk_err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

ssize_t sk_file_attr(const char *path, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n = 0;
	int fd;

	if (size == 0)
		return -EINVAL;
	fd = open(path, READ_FLAGS);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = read_some(fd, out + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	(void)close(fd);
	if (n < 0) {
		out[0] = '\0';
		return n;
	}
	if (len > 0 && out[len - 1] == '\n')
		len--;
	out[len] = '\0';
	return (ssize_t)len;
}

int sk_file_attr_write(const char *path, const char *value)
{
	size_t len = strlen(value);
	/* O_TRUNC does nothing in sysfs and keeps a shorter value from leaving a tail in a plain file. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY), r = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	if (n < 0)
		r = -errno;
	else if ((size_t)n != len)
		r = -EIO;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	int fd, r;

	if (len >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, len > 0 ? path : ".", len > 0 ? len : 1);
	folder[len > 0 ? len : 1] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	(void)close(fd);
	return r;
}

static int write_beside(const char *path, char *temp, const void *data, size_t len, mode_t mode)
{
	int fd = mkostemp(temp, O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, mode) < 0 ? -errno : write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(temp);
	return r;
}

int sk_file_write(const char *path, const void *data, size_t len, mode_t mode, struct sk_err *err)
{
	char temp[PATH_MAX];
	int n = snprintf(temp, sizeof(temp), "%s.tmp-XXXXXX", path), r;

	if (n < 0 || (size_t)n >= sizeof(temp))
		return sk_err_set(err, -ENAMETOOLONG, "%s: name too long", path);
	r = write_beside(path, temp, data, len, mode);
	if (r == 0)
		r = sync_folder_of(path);
	return r < 0 ? sk_err_set(err, r, "%s: cannot be written: %s", path, strerror(-r)) : 0;
}

static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int sk_mkdir_p(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		int r;

		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		r = make_one(part, mode);
		if (r < 0)
			return r;
	}
	return 0;
}
