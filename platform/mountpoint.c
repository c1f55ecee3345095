#include "platform/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/text.h"

#define LABEL_BYTES 64
#define TRIES       100

bool sk_mountpoint_is_person(const char *name)
{
	size_t n = strlen(name);
	const char *p;

	if (n == 0 || n >= 64 || name[0] == '.' || name[0] == '-' || !sk_text_is_utf8(name, n))
		return false;
	for (p = name; *p != '\0'; p++)
		if (*p == '/' || (unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

void sk_mountpoint_label(const char *label, char *out, size_t size)
{
	char clean[LABEL_BYTES + 1];
	char *p;

	/* The escape makes printable UTF-8 of anything; its backslashes and dots stand for what is not to be in a path. */
	(void)sk_text_escape(clean, sizeof(clean), label, strlen(label));
	sk_text_trim(clean);
	for (p = clean; *p != '\0'; p++)
		if (*p == '/' || *p == '\\')
			*p = '_';
	if (clean[0] == '.' || clean[0] == '-')
		clean[0] = '_';
	sk_text_copy(out, size, clean[0] != '\0' ? clean : "media");
}

/* u::rwx, u:UID:r-x, g::---, m::r-x, o::--- in the kernel's format (little endian, linux/posix_acl_xattr.h). */
static int grant_person(const char *path, uid_t uid)
{
	const struct {
		uint16_t tag, perm;
		uint32_t id;
	} entries[5] = {{0x01, 7, UINT32_MAX},
	                {0x02, 5, (uint32_t)uid},
	                {0x04, 0, UINT32_MAX},
	                {0x10, 5, UINT32_MAX},
	                {0x20, 0, UINT32_MAX}};
	uint8_t acl[4 + 5 * 8], *p = acl + 4;
	size_t i;

	(void)memcpy(acl, (const uint8_t[]){2, 0, 0, 0}, 4);
	for (i = 0; i < 5; i++, p += 8) {
		p[0] = (uint8_t)entries[i].tag;
		p[1] = (uint8_t)(entries[i].tag >> 8);
		p[2] = (uint8_t)entries[i].perm;
		p[3] = (uint8_t)(entries[i].perm >> 8);
		p[4] = (uint8_t)entries[i].id;
		p[5] = (uint8_t)(entries[i].id >> 8);
		p[6] = (uint8_t)(entries[i].id >> 16);
		p[7] = (uint8_t)(entries[i].id >> 24);
	}
	return setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) < 0 ? -errno : 0;
}

/* A folder that is ours alone; one that is there and is not (another owner, a symlink, writable) is refused. */
static int own_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & S_IWOTH) != 0)
		return -EPERM;
	return 0;
}

static int make_label(const char *base, const char *label, char *out, size_t size)
{
	int i, n;

	for (i = 1; i <= TRIES; i++) {
		n = i == 1 ? snprintf(out, size, "%s/%s", base, label)
		           : snprintf(out, size, "%s/%s-%d", base, label, i);
		if (n < 0 || (size_t)n >= size)
			return -ENAMETOOLONG;
		/* Left over by an earlier run: an empty folder that nothing is mounted on can be removed. */
		(void)rmdir(out);
		if (mkdir(out, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int sk_mountpoint_make(const char *root, const char *person, uid_t uid, const char *label, char *out, size_t size)
{
	char base[256], name[LABEL_BYTES + 1];
	int r, n;

	if (!sk_mountpoint_is_person(person))
		return -EINVAL;
	n = snprintf(base, sizeof(base), "%s/%s", root, person);
	if (n < 0 || (size_t)n >= sizeof(base))
		return -ENAMETOOLONG;
	r = own_folder(root, 0755);
	if (r == 0)
		r = chmod(root, 0755) < 0 ? -errno : own_folder(base, 0700);
	if (r == 0)
		r = grant_person(base, uid);
	if (r < 0)
		return r;
	sk_mountpoint_label(label, name, sizeof(name));
	return make_label(base, name, out, size);
}

void sk_mountpoint_remove(const char *path)
{
	char parent[512], *slash;

	if (strncmp(path, SK_MEDIA_ROOT "/", strlen(SK_MEDIA_ROOT) + 1) != 0 || rmdir(path) < 0)
		return;
	sk_text_copy(parent, sizeof(parent), path);
	slash = strrchr(parent, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	if (strcmp(parent, SK_MEDIA_ROOT) != 0)
		(void)rmdir(parent);
}
