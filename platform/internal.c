/* Reading the list, and making it: from each system mount and swap down through dm and md to the USB device it hangs on. */
#include "platform/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/block.h"
#include "platform/mount.h"
#include "platform/sysfs.h"

#define FILE_BYTES 8192

/* ---- reading ---- */

static int parse_line(char *line, struct sk_internal *out)
{
	char *port = line + 4, *id, *serial;
	unsigned vid, pid;
	int end = 0;

	if (strncmp(line, "usb ", 4) != 0)
		return -EINVAL;
	id = strchr(port, ' ');
	serial = id != NULL ? strchr(id + 1, ' ') : NULL;
	if (serial == NULL)
		return -EINVAL;
	*id++ = '\0';
	*serial++ = '\0';
	if (strlen(id) != 9 || sscanf(id, "%4x:%4x%n", &vid, &pid, &end) != 2 || end != 9)
		return -EINVAL;
	if (*port == '\0' || strlen(port) >= sizeof(out->port) || *serial == '\0' ||
	    strlen(serial) >= sizeof(out->serial))
		return -EINVAL;
	sk_text_copy(out->port, sizeof(out->port), port);
	sk_text_copy(out->serial, sizeof(out->serial), strcmp(serial, "-") == 0 ? "" : serial);
	out->vid = (uint16_t)vid;
	out->pid = (uint16_t)pid;
	return 0;
}

int sk_internal_load(const char *path, struct sk_internal *out, size_t max)
{
	char text[FILE_BYTES], *line, *rest = text;
	size_t len, n = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return errno == ENOENT ? 0 : -errno;
	len = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	if (len == sizeof(text) - 1 || memchr(text, '\0', len) != NULL)
		return -EINVAL;
	text[len] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0' || *line == '#')
			continue;
		if (n == max || parse_line(line, &out[n]) < 0)
			return -EINVAL;
		n++;
	}
	return (int)n;
}

/* "2.1" of "1-2.1": the bus is counted anew at each boot. */
static const char *place_of(const char *port)
{
	const char *dash = strchr(port, '-');

	return dash != NULL ? dash + 1 : port;
}

int sk_internal_count(const struct sk_internal *list, int n, const char *port, uint16_t vid, uint16_t pid,
                      const char *serial)
{
	int i, count = 0;

	for (i = 0; i < n; i++)
		if (list[i].vid == vid && list[i].pid == pid && strcmp(list[i].serial, serial) == 0 &&
		    (serial[0] != '\0' || strcmp(place_of(list[i].port), place_of(port)) == 0))
			count++;
	return count;
}

/* ---- learning ---- */

struct learning {
	const char *root;
	struct sk_blocks blocks;
	struct sk_internal *out;
	size_t max, n;
	int depth;
};

static int read_device(const char *root, const char *devpath, struct sk_internal *out)
{
	char path[2 * SK_DEVPATH_MAX], raw[1024];
	struct sk_internal e;
	ssize_t n;
	int fd, r;

	(void)memset(&e, 0, sizeof(e));
	(void)snprintf(path, sizeof(path), "%s/sys%s", root, devpath);
	fd = sk_sysfs_open(path);
	if (fd < 0)
		return fd;
	sk_text_copy(e.port, sizeof(e.port), strrchr(devpath, '/') + 1);
	r = sk_sysfs_read_hex4(fd, "idVendor", &e.vid);
	if (r == 0)
		r = sk_sysfs_read_hex4(fd, "idProduct", &e.pid);
	n = sk_sysfs_read(fd, "serial", raw, sizeof(raw));
	if (n > 0)
		(void)sk_text_escape(e.serial, sizeof(e.serial), raw, (size_t)n);
	(void)close(fd);
	if (r == 0)
		*out = e;
	return r;
}

/* The part of the path before the last interface, "1-2:1.0". */
int sk_internal_identify(const char *root, const char *devpath, struct sk_internal *out)
{
	char device[SK_DEVPATH_MAX], *part;

	if (!sk_sysfs_is_devpath(devpath) || sk_block_bus(devpath) != SK_BUS_USB)
		return -ENOENT;
	sk_text_copy(device, sizeof(device), devpath);
	while ((part = strrchr(device, '/')) != NULL && part != device) {
		size_t digits = strspn(part + 1, "0123456789-.:");
		bool interface = part[1 + digits] == '\0' && strchr(part, ':') != NULL && strchr(part, '-') != NULL;

		*part = '\0';
		if (interface)
			return read_device(root, device, out);
	}
	return -ENOENT;
}

/* Two disks with one serial number are two entries: both are the machine's. */
static bool is_listed(const struct learning *l, const char *port)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->out[i].port, port) == 0)
			return true;
	return false;
}

static int add_device(struct learning *l, const char *devpath)
{
	struct sk_internal e;
	int r = sk_internal_identify(l->root, devpath, &e);

	if (r < 0 || is_listed(l, e.port))
		return r == -ENOENT ? 0 : r;
	if (l->n == l->max)
		return -E2BIG;
	l->out[l->n++] = e;
	return 0;
}

static int learn_block(void *arg, const char *devpath)
{
	struct learning *l = arg;
	int r;

	if (sk_block_bus(devpath) != SK_BUS_VIRTUAL)
		return add_device(l, devpath);
	if (++l->depth > 8)
		return -ELOOP;
	r = l->blocks.ops->slaves(l->blocks.ctx, devpath, learn_block, l);
	l->depth--;
	return r;
}

static int learn_number(struct learning *l, unsigned ma, unsigned mi)
{
	char link[SK_DEVPATH_MAX], devpath[SK_DEVPATH_MAX];

	(void)snprintf(link, sizeof(link), "%s/sys/dev/block/%u:%u", l->root, ma, mi);
	if (sk_sysfs_devpath(link, devpath, sizeof(devpath)) < 0)
		return 0; /* no block device: tmpfs, network */
	return learn_block(l, devpath);
}

bool sk_internal_is_system(const char *mount_path)
{
	static const char *const SYSTEM[] = {"/",     "/boot", "/boot/efi", "/usr",    "/var",
	                                     "/home", "/opt",  "/srv",      "/var/log"};
	size_t i;

	for (i = 0; i < sizeof(SYSTEM) / sizeof(SYSTEM[0]); i++)
		if (strcmp(mount_path, SYSTEM[i]) == 0)
			return true;
	return false;
}

static int learn_mount(void *arg, const struct sk_mount *m)
{
	struct stat st;

	if (!sk_internal_is_system(m->path))
		return 0;
	/* btrfs and the like show a number of no device; the folder's source is then what was mounted. */
	if (m->major == 0 && (m->source[0] != '/' || stat(m->source, &st) < 0 || !S_ISBLK(st.st_mode)))
		return 0;
	return m->major == 0 ? learn_number(arg, major(st.st_rdev), minor(st.st_rdev))
	                     : learn_number(arg, m->major, m->minor);
}

static int learn_swaps(struct learning *l)
{
	char line[1024], path[1024];
	struct stat st;
	int r = 0;
	FILE *f = fopen("/proc/swaps", "re");

	if (f == NULL)
		return 0;
	while (r == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%1023s", path) == 1 && path[0] == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
			r = learn_number(l, major(st.st_rdev), minor(st.st_rdev));
	(void)fclose(f);
	return r;
}

int sk_internal_learn(const char *root, struct sk_internal *out, size_t max)
{
	struct learning l = {.root = root, .blocks = sk_blocks_sysfs(root), .out = out, .max = max};
	int r = sk_mount_each(NULL, learn_mount, &l);

	if (r == 0)
		r = learn_swaps(&l);
	return r < 0 ? r : (int)l.n;
}

struct system_search {
	const struct sk_blocks *blocks;
	int (*mounts_of)(unsigned, unsigned, struct sk_mount *, size_t);
	const char *disk;
	size_t len;
};

static int is_system_part(void *arg, const char *devpath)
{
	const struct system_search *s = arg;
	struct sk_mount list[8];
	struct sk_block b;
	int n;

	if (strncmp(devpath, s->disk, s->len) != 0 || (devpath[s->len] != '\0' && devpath[s->len] != '/'))
		return 0;
	if (s->blocks->ops->read(s->blocks->ctx, devpath, &b) < 0)
		return 0;
	if (b.held)
		return -EBUSY;
	n = s->mounts_of(b.major, b.minor, list, 8);
	for (int i = 0; i < n && i < 8; i++)
		if (sk_internal_is_system(list[i].path))
			return -EBUSY;
	return 0;
}

bool sk_internal_carries_system(const struct sk_blocks *blocks,
                                int (*mounts_of)(unsigned, unsigned, struct sk_mount *, size_t), const char *devpath)
{
	const char *block = strstr(devpath, "/block/"), *end = block != NULL ? strchr(block + 7, '/') : NULL;
	struct system_search s = {blocks, mounts_of, devpath, end != NULL ? (size_t)(end - devpath) : strlen(devpath)};

	return blocks->ops->list(blocks->ctx, is_system_part, &s) == -EBUSY;
}
