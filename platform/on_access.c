/* See on_access.h. The folder is held open and everything happens below it, so that nobody can turn a name away from under it. */
#include "platform/on_access.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hash.h"

#define PREFIX ".eicar-test-"

size_t sk_eicar(char *out, size_t size)
{
	static const char *const parts[] = {"X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!",
	                                    "$H+H*"};
	size_t n = 0;

	for (size_t i = 0; i < 4; i++)
		n += (size_t)snprintf(out + n, size - n, "%s", parts[i]);
	return n;
}

/* What an earlier run left that was killed. */
static void clean(int dir)
{
	int fd = dup(dir);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	if (d)
		rewinddir(d);
	for (struct dirent *e; d && (e = readdir(d));)
		if (strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) == 0)
			(void)unlinkat(dir, e->d_name, 0);
	if (d)
		closedir(d);
}

static int is_denied(int error)
{
	return error == EPERM || error == EACCES || error == EIO || error == EBUSY;
}

/* NULL: it is there and whole. */
static const char *look(int dir, const char *name, const char *test, size_t len)
{
	char text[128];
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? "removed" : is_denied(errno) ? "blocked" : "failed";
	ssize_t n = read(fd, text, sizeof(text));
	int error = errno;
	close(fd);
	if (n < 0)
		return is_denied(error) ? "blocked" : "failed";
	return (size_t)n == len && memcmp(text, test, len) == 0 ? NULL : "removed";
}

static const char *try_in(int dir, int wait_ms)
{
	char name[64], code[17], test[96];
	size_t len = sk_eicar(test, sizeof(test));
	sk_ms deadline = sk_clock_boot() + wait_ms;
	const char *result = NULL;

	if (sk_random_code(code, 16) < 0)
		return "failed";
	snprintf(name, sizeof(name), PREFIX "%s", code);
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return is_denied(errno) && errno != EACCES ? "blocked" : "failed";
	if (write(fd, test, len) != (ssize_t)len)
		result = is_denied(errno) ? "blocked" : "failed";
	if (close(fd) < 0 && !result)
		result = is_denied(errno) ? "blocked" : "failed";
	while (!result) {
		result = look(dir, name, test, len);
		if (!result && sk_clock_boot() >= deadline)
			result = "missed";
		if (!result)
			(void)poll(NULL, 0, 100);
	}
	(void)unlinkat(dir, name, 0);
	return result;
}

const char *sk_on_access_test(const char *folder, int wait_ms)
{
	const char *result = "unsafe";
	struct stat st;
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return "failed";
	if (fstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0) {
		clean(dir);
		result = try_in(dir, wait_ms);
		clean(dir);
	}
	close(dir);
	return result;
}
