#include "platform/unmount.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/mount.h"
#include "platform/mountpoint.h"
#include "platform/sysfs.h"

#define MOUNTS_MAX 32
#define STACK_MAX  8
#define STEP_MS    200

/* ---- who holds on ---- */

static bool on_device(const char *path, dev_t dev)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == dev;
}

static bool holds(const char *pid, dev_t dev)
{
	static const char *const LINKS[] = {"cwd", "root", "exe"};
	char path[600];
	struct dirent *e;
	bool found = false;
	size_t i;
	DIR *d;

	for (i = 0; i < sizeof(LINKS) / sizeof(LINKS[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, LINKS[i]);
		if (on_device(path, dev))
			return true;
	}
	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, e->d_name);
		found = on_device(path, dev);
	}
	if (d != NULL)
		(void)closedir(d);
	return found;
}

static void note_busy(struct sk_unmounted *out, const char *pid)
{
	char path[64], name[32];
	long long number;
	ssize_t n;
	int dir;

	(void)snprintf(path, sizeof(path), "/proc/%.10s", pid);
	dir = sk_sysfs_open(path);
	if (dir < 0 || sk_text_i64(pid, 1, 4194304, &number) < 0)
		return;
	n = sk_sysfs_read(dir, "comm", name, sizeof(name));
	(void)close(dir);
	(void)sk_text_escape(out->busy[out->n_busy].program, sizeof(out->busy[0].program), name, n > 0 ? (size_t)n : 0);
	out->busy[out->n_busy++].pid = (int)number;
}

static void find_busy(const char *path, struct sk_unmounted *out)
{
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (out->n_busy > 0 || stat(path, &st) < 0)
		return;
	d = opendir("/proc");
	while (d != NULL && out->n_busy < SK_BUSY_MAX && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) && holds(e->d_name, st.st_dev))
			note_busy(out, e->d_name);
	if (d != NULL)
		(void)closedir(d);
}

/* ---- one mount ---- */

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, (ms % 1000) * 1000000L};

	(void)nanosleep(&t, NULL);
}

static void write_back(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)syncfs(fd);
	(void)close(fd);
}

static void unmount_one(const struct sk_mount *m, int patience_ms, struct sk_unmounted *out)
{
	int waited = 0;

	if (!m->super_ro)
		write_back(m->path);
	while (umount2(m->path, UMOUNT_NOFOLLOW) < 0) {
		if (errno != EBUSY) {
			out->failed = true;
			return;
		}
		find_busy(m->path, out);
		if (waited >= patience_ms) {
			out->detached = true;
			if (umount2(m->path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
				out->failed = true;
			break;
		}
		pause_ms(STEP_MS);
		waited += STEP_MS;
	}
	sk_mountpoint_remove(m->path);
}

/* ---- the device and what lies on it ---- */

static int unmount_device(unsigned ma, unsigned mi, int depth, int patience_ms, struct sk_unmounted *out);

static void unmount_holders(unsigned ma, unsigned mi, int depth, int patience_ms, struct sk_unmounted *out)
{
	char path[128], dev[32], name[300];
	unsigned hma, hmi;
	struct dirent *e;
	DIR *d;
	int fd;

	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", ma, mi);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		fd = dirfd(d);
		(void)snprintf(name, sizeof(name), "%s/dev", e->d_name);
		if (sk_sysfs_read(fd, name, dev, sizeof(dev)) > 0 && sscanf(dev, "%u:%u", &hma, &hmi) == 2)
			(void)unmount_device(hma, hmi, depth + 1, patience_ms, out);
	}
	if (d != NULL)
		(void)closedir(d);
}

static int write_back_device(unsigned ma, unsigned mi)
{
	struct sk_mount *list = calloc(MOUNTS_MAX, sizeof(*list));
	int n, i;

	if (list == NULL)
		return -ENOMEM;
	n = sk_mount_of(ma, mi, list, MOUNTS_MAX);
	for (i = 0; i < n && i < MOUNTS_MAX; i++)
		if (!list[i].super_ro)
			write_back(list[i].path);
	free(list);
	return n < 0 ? n : 0;
}

/* out NULL: only writes back. */
static int unmount_device(unsigned ma, unsigned mi, int depth, int patience_ms, struct sk_unmounted *out)
{
	struct sk_mount *list;
	int n, i;

	if (depth > STACK_MAX)
		return -ELOOP;
	unmount_holders(ma, mi, depth, patience_ms, out);
	if (out == NULL)
		return write_back_device(ma, mi);
	list = calloc(MOUNTS_MAX, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	n = sk_mount_of(ma, mi, list, MOUNTS_MAX);
	/* The newest first: it may lie upon an older one. */
	for (i = n < MOUNTS_MAX ? n - 1 : MOUNTS_MAX - 1; i >= 0; i--) {
		out->mounts++;
		unmount_one(&list[i], patience_ms, out);
	}
	free(list);
	return n < 0 ? n : 0;
}

int sk_unmount(unsigned major, unsigned minor, int patience_ms, struct sk_unmounted *out)
{
	(void)memset(out, 0, sizeof(*out));
	return unmount_device(major, minor, 0, patience_ms, out);
}

int sk_write_back(unsigned major, unsigned minor)
{
	return unmount_device(major, minor, 0, 0, NULL);
}
