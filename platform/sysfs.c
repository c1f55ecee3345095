/* Every call is openat(2), one read or write, close: sysfs attributes are made anew at each open. */
#include "platform/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define PAGE 4096 /* the smallest there is */

int sk_sysfs_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A dead folder answers ENOENT for everything in it; a device that goes while we write answers ENODEV or ENXIO. */
static int gone(int dir, int e)
{
	if (e == ENXIO)
		return -ENODEV;
	if (e != ENOENT)
		return -e;
	return faccessat(dir, "uevent", F_OK, 0) < 0 ? -ENODEV : -ENOENT;
}

ssize_t sk_sysfs_read_bytes(int dir, const char *name, uint8_t *out, size_t size)
{
	size_t len = 0;
	size_t asked;
	ssize_t n = 0;
	uint8_t more;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), e;

	if (fd < 0)
		return gone(dir, errno);
	do {
		asked = len < size ? size - len : 1;
		n = len < size ? read(fd, out + len, asked) : read(fd, &more, 1);
		if (n > 0 && len == size) {
			(void)close(fd);
			return -EFBIG;
		}
		if (n > 0)
			len += (size_t)n;
		/* sysfs gives a page at most; less than that and than was asked for is the end, which need not be read too. */
	} while ((n > 0 && ((size_t)n == asked || n >= PAGE)) || (n < 0 && errno == EINTR));
	e = errno;
	(void)close(fd);
	return n < 0 ? gone(dir, e) : (ssize_t)len;
}

ssize_t sk_sysfs_read(int dir, const char *name, char *out, size_t size)
{
	ssize_t n;
	int fd, e;

	if (size < 2)
		return -EINVAL;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return gone(dir, errno);
	do
		n = read(fd, out, size - 1);
	while (n < 0 && errno == EINTR);
	e = errno;
	(void)close(fd);
	if (n < 0)
		return gone(dir, e);
	if (n > 0 && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return n;
}

int sk_sysfs_read_number(int dir, const char *name, long *out)
{
	char text[32];
	long long v;
	ssize_t n = sk_sysfs_read(dir, name, text, sizeof(text));
	int r;

	if (n < 0)
		return (int)n;
	sk_text_trim(text);
	r = sk_text_i64(text, -1000000000LL, 1000000000LL, &v);
	if (r < 0)
		return -EINVAL;
	*out = (long)v;
	return 0;
}

int sk_sysfs_read_hex4(int dir, const char *name, uint16_t *out)
{
	char text[16] = "";
	unsigned v;
	int end = 0;

	if (sk_sysfs_read(dir, name, text, sizeof(text)) < 0 || sscanf(text, "%4x%n", &v, &end) != 1 || end != 4 ||
	    text[4] != '\0')
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

int sk_sysfs_write(int dir, const char *name, const char *value)
{
	size_t len = strlen(value);
	ssize_t n;
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NONBLOCK), e;

	if (fd < 0)
		return gone(dir, errno);
	do
		n = write(fd, value, len);
	while (n < 0 && errno == EINTR);
	e = errno;
	(void)close(fd);
	if (n < 0)
		return e == ENXIO ? -ENODEV : -e;
	return (size_t)n == len ? 0 : -EIO;
}

bool sk_sysfs_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

int sk_sysfs_devpath(const char *link, char *out, size_t size)
{
	char target[SK_DEVPATH_MAX];
	const char *p;
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	p = strstr(target, "devices/");
	if (p == NULL || p == target || p[-1] != '/' || strlen(p) + 2 > size || !sk_sysfs_is_devpath(p - 1))
		return -EINVAL;
	sk_text_copy(out, size, p - 1);
	return 0;
}

bool sk_sysfs_is_devpath(const char *s)
{
	size_t n = s == NULL ? 0 : strlen(s);

	if (n == 0 || n >= SK_DEVPATH_MAX || strncmp(s, "/devices/", 9) != 0 || strstr(s, "/../") != NULL)
		return false;
	if (n >= 3 && strcmp(s + n - 3, "/..") == 0)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f)
			return false;
	return true;
}
