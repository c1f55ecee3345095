/* Every dm device whose kernel uuid begins with CRYPT-LUKS, and what lies under it. */
#include "platform/luks_open.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"

#define OURS "sekimori-"

static int attr(const char *root, const char *dm, const char *name, char *out, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/block/%s/%s", root, dm, name);
	return sk_file_attr(path, out, size);
}

/* A LUKS mapping lies on one device. */
static int below(const char *root, const char *dm, struct sk_luks_disk *d)
{
	char path[PATH_MAX], name[40] = "";
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block/%s/slaves", root, dm);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		if (name[0] != '\0' || strlen(e->d_name) > 30) {
			name[0] = '\0';
			break;
		}
		sk_text_copy(name, sizeof(name), e->d_name);
	}
	closedir(dir);
	if (name[0] == '\0')
		return -ENODEV;
	snprintf(d->node, sizeof(d->node), "/dev/%.30s", name);
	snprintf(path, sizeof(path), "%s/sys/class/block/%s/dev", root, name);
	return sk_file_attr(path, d->dev, sizeof(d->dev));
}

static int look(const char *root, const char *dm, struct sk_luks_disk *d)
{
	char uuid[256];

	if (strncmp(dm, "dm-", 3) != 0 || attr(root, dm, "dm/uuid", uuid, sizeof(uuid)) < 0 ||
	    strncmp(uuid, "CRYPT-LUKS", 10) != 0 || attr(root, dm, "dm/name", d->mapping, sizeof(d->mapping)) < 0 ||
	    strncmp(d->mapping, OURS, strlen(OURS)) == 0)
		return -ENOENT;
	return below(root, dm, d);
}

int sk_luks_open_disks(const char *root, struct sk_luks_disk *out, size_t max)
{
	struct sk_luks_disk one;
	char path[PATH_MAX];
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/sys/block", root);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (n < max && (e = readdir(dir)) != NULL)
		if (look(root, e->d_name, &one) >= 0)
			out[n++] = one;
	closedir(dir);
	return (int)n;
}
