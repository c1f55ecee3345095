/* /sys/class/block and BLKROSET behind platform/block.h. */
#include "platform/block.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/text.h"

static const char *root_of(void *ctx)
{
	return ctx == NULL ? "" : ctx;
}

enum sk_block_bus sk_block_bus(const char *devpath)
{
	const char *p = devpath;
	size_t n;

	if (strncmp(devpath, "/devices/virtual/", 17) == 0)
		return SK_BUS_VIRTUAL;
	while ((p = strchr(p, '/')) != NULL) {
		p++;
		n = strcspn(p, "/");
		if (n > 3 && strncmp(p, "usb", 3) == 0 && strspn(p + 3, "0123456789") == n - 3)
			return SK_BUS_USB;
		if (strncmp(p, "mmc_host/", 9) == 0)
			return SK_BUS_MMC;
		if (n > 2 && strncmp(p, "fw", 2) == 0 && strspn(p + 2, "0123456789") == n - 2)
			return SK_BUS_FIREWIRE;
	}
	return SK_BUS_INTERNAL;
}

#define SUBSYSTEMS "/devices/virtual/nvme-subsystem/"

bool sk_block_is_multipath(const char *devpath)
{
	const char *disk = strncmp(devpath, SUBSYSTEMS, sizeof(SUBSYSTEMS) - 1) == 0
	                       ? strchr(devpath + sizeof(SUBSYSTEMS) - 1, '/')
	                       : NULL;

	return disk != NULL && disk[1] != '\0';
}

/* A link inside /devices says "../../../pci0000:00/...": from its folder, dir ("/devices/..."), so many steps up. */
static int link_inside(const char *link, const char *dir, size_t dir_len, char *out, size_t size)
{
	char target[SK_DEVPATH_MAX], full[2 * SK_DEVPATH_MAX];
	const char *p = target;
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	for (; strncmp(p, "../", 3) == 0; p += 3)
		while (dir_len > 0 && dir[--dir_len] != '/') {}
	if (p == target || snprintf(full, sizeof(full), "%.*s/%s", (int)dir_len, dir, p) >= (int)size ||
	    !sk_sysfs_is_devpath(full))
		return -EINVAL;
	sk_text_copy(out, size, full);
	return 0;
}

/* The subsystem's folder has a link "nvme0" for each of its controllers, and the disks ("nvme0n1") beside them. */
static int each_controller(const char *root, const char *devpath, int (*fn)(void *arg, const char *devpath), void *arg)
{
	size_t len = (size_t)(strchr(devpath + sizeof(SUBSYSTEMS) - 1, '/') - devpath);
	char path[2 * SK_DEVPATH_MAX], link[3 * SK_DEVPATH_MAX], target[SK_DEVPATH_MAX];
	bool any = false;
	struct dirent *e;
	int r = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys%.*s", root, (int)len, devpath);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? -ENODEV : -errno;
	while (r >= 0 && (e = readdir(d)) != NULL) {
		size_t digits = strncmp(e->d_name, "nvme", 4) == 0 ? strspn(e->d_name + 4, "0123456789") : 0;

		if (digits == 0 || e->d_name[4 + digits] != '\0')
			continue;
		(void)snprintf(link, sizeof(link), "%s/%s", path, e->d_name);
		if (link_inside(link, devpath, len, target, sizeof(target)) < 0)
			continue; /* it went just now */
		any = true;
		r = fn(arg, target);
	}
	(void)closedir(d);
	return r < 0 ? r : any ? 0 : -ENODEV;
}

static int block_list(void *ctx, int (*fn)(void *arg, const char *devpath), void *arg)
{
	char path[SK_DEVPATH_MAX], link[2 * SK_DEVPATH_MAX], devpath[SK_DEVPATH_MAX];
	struct dirent *e;
	int r = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/sys/class/block", root_of(ctx));
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		/* One way of a multipath disk ("nvme0c0n1") is no device of its own: it has no number and no node. */
		(void)snprintf(link, sizeof(link), "%s/%s/dev", path, e->d_name);
		if (access(link, F_OK) < 0)
			continue;
		(void)snprintf(link, sizeof(link), "%s/%s", path, e->d_name);
		if (sk_sysfs_devpath(link, devpath, sizeof(devpath)) == 0)
			r = fn(arg, devpath);
	}
	(void)closedir(d);
	return r < 0 ? r : 0;
}

/* Partitions are the folders below a disk that have a file "partition". fn may be NULL: only count. */
static unsigned each_partition(int fd, const char *devpath, int (*fn)(void *arg, const char *devpath), void *arg)
{
	char name[300], path[2 * SK_DEVPATH_MAX];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = copy < 0 ? NULL : fdopendir(copy);
	if (d == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return 0;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/partition", e->d_name);
		if (!sk_sysfs_exists(fd, name))
			continue;
		n++;
		(void)snprintf(path, sizeof(path), "%s/%s", devpath, e->d_name);
		if (fn != NULL && fn(arg, path) < 0)
			break;
	}
	(void)closedir(d);
	return n;
}

static int open_dir(void *ctx, const char *devpath)
{
	char path[2 * SK_DEVPATH_MAX];
	int fd;

	if (!sk_sysfs_is_devpath(devpath))
		return -EINVAL;
	(void)snprintf(path, sizeof(path), "%s/sys%s", root_of(ctx), devpath);
	fd = sk_sysfs_open(path);
	return fd == -ENOENT ? -ENODEV : fd;
}

static int read_dev(int fd, unsigned *major_out, unsigned *minor_out)
{
	unsigned long long ma, mi;
	char text[32], *colon;
	ssize_t n = sk_sysfs_read(fd, "dev", text, sizeof(text));

	if (n < 0)
		return n == -ENOENT ? -ENODEV : (int)n;
	colon = strchr(text, ':');
	if (colon == NULL)
		return -EINVAL;
	*colon = '\0';
	if (sk_text_u64(text, 0, 4095, &ma) < 0 || sk_text_u64(colon + 1, 0, 1048575, &mi) < 0)
		return -EINVAL;
	*major_out = (unsigned)ma;
	*minor_out = (unsigned)mi;
	return 0;
}

static uint64_t read_size(int fd)
{
	unsigned long long sectors;
	char text[32];

	if (sk_sysfs_read(fd, "size", text, sizeof(text)) < 0 || sk_text_u64(text, 0, UINT64_MAX / 512, &sectors) < 0)
		return 0;
	return sectors * 512; /* always in units of 512, whatever the device's sector is */
}

static bool has_holders(int fd)
{
	struct dirent *e;
	bool found = false;
	DIR *d;
	int copy = openat(fd, "holders", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = copy < 0 ? NULL : fdopendir(copy);
	if (d == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	while (!found && (e = readdir(d)) != NULL)
		found = e->d_name[0] != '.';
	(void)closedir(d);
	return found;
}

static int block_read(void *ctx, const char *devpath, struct sk_block *out)
{
	struct sk_block b;
	const char *name;
	long ro = 0;
	int fd = open_dir(ctx, devpath), r;

	if (fd < 0)
		return fd;
	(void)memset(&b, 0, sizeof(b));
	r = read_dev(fd, &b.major, &b.minor);
	if (r == 0)
		r = sk_sysfs_read_number(fd, "ro", &ro);
	if (r == 0) {
		name = strrchr(devpath, '/') + 1;
		sk_text_copy(b.name, sizeof(b.name), name);
		sk_text_copy(b.devpath, sizeof(b.devpath), devpath);
		b.bytes = read_size(fd);
		b.ro = ro != 0;
		b.partition = sk_sysfs_exists(fd, "partition");
		b.partitions = b.partition ? 0 : each_partition(fd, devpath, NULL, NULL);
		b.held = has_holders(fd);
		if (strlen(name) >= sizeof(b.name))
			r = -EINVAL;
	}
	(void)close(fd);
	if (r == 0)
		*out = b;
	return r;
}

/* devtmpfs makes the node before the uevent and names it like the device, with '/' for '!'. The device number says whether it is it. */
static int open_node(void *ctx, const struct sk_block *b, int flags)
{
	char path[SK_DEVPATH_MAX], *p;
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/dev/%s", root_of(ctx), b->name);
	for (p = path; *p != '\0'; p++)
		if (*p == '!')
			*p = '/';
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | flags);
	if (fd < 0)
		return errno == ENXIO || errno == ENOENT ? -ENODEV : -errno;
	if (fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != makedev(b->major, b->minor)) {
		(void)close(fd);
		return -ENODEV;
	}
	return fd;
}

static int block_set_ro(void *ctx, const struct sk_block *b, bool ro)
{
	int value = ro ? 1 : 0, back = -1, r = 0;
	int fd = open_node(ctx, b, 0);

	if (fd == -ENOMEDIUM)
		return 0; /* an empty drive: nothing to write to; asked again when a medium comes */
	if (fd < 0)
		return fd;
	if (ioctl(fd, BLKROSET, &value) < 0 || ioctl(fd, BLKROGET, &back) < 0)
		r = -errno;
	else if (ro && back != 1)
		r = -EIO;
	(void)close(fd);
	return r;
}

static int block_slaves(void *ctx, const char *devpath, int (*fn)(void *arg, const char *devpath), void *arg)
{
	char path[2 * SK_DEVPATH_MAX], link[3 * SK_DEVPATH_MAX], target[SK_DEVPATH_MAX];
	struct dirent *e;
	int r = 0;
	DIR *d;

	if (!sk_sysfs_is_devpath(devpath))
		return -EINVAL;
	if (sk_block_is_multipath(devpath))
		return each_controller(root_of(ctx), devpath, fn, arg);
	(void)snprintf(path, sizeof(path), "%s/sys%s/slaves", root_of(ctx), devpath);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (r >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(link, sizeof(link), "%s/sys/class/block/%s", root_of(ctx), e->d_name);
		r = sk_sysfs_devpath(link, target, sizeof(target));
		if (r == 0)
			r = fn(arg, target);
	}
	(void)closedir(d);
	return r < 0 ? r : 0;
}

static void block_look_again(void *ctx, const char *devpath)
{
	int fd = open_dir(ctx, devpath);

	if (fd < 0)
		return;
	(void)sk_sysfs_write(fd, "uevent", "change"); /* fails only when it is gone */
	(void)close(fd);
}

/* O_EXCL of a block device fails when the kernel lent it to a file system, dm, md, swap; of a disk also when of one of its partitions. */
static bool block_claimed(void *ctx, const struct sk_block *b)
{
	int fd = open_node(ctx, b, O_EXCL);

	if (fd >= 0)
		(void)close(fd);
	return fd == -EBUSY;
}

static const struct sk_block_ops SYSFS_OPS = {block_list,   block_read,       block_set_ro,
                                              block_slaves, block_look_again, block_claimed};

struct sk_blocks sk_blocks_sysfs(const char *root)
{
	return (struct sk_blocks){&SYSFS_OPS, (void *)(uintptr_t)root};
}

static int shut_one(void *arg, const char *devpath)
{
	struct sk_block b;
	int r = block_read(arg, devpath, &b);

	return r < 0 ? r : block_set_ro(arg, &b, true);
}

int sk_block_shut(const char *root, const char *devpath)
{
	void *ctx = (void *)(uintptr_t)root;
	int fd = open_dir(ctx, devpath), r;

	if (fd < 0)
		return fd;
	r = shut_one(ctx, devpath);
	if (r == 0)
		(void)each_partition(fd, devpath, shut_one, ctx);
	(void)close(fd);
	return r;
}
