/* A mount that is in nobody's tree: it lives by its descriptor and goes with the process, however that ends. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/volume.h"

static int set_option(int fs, char *option)
{
	char *value = strchr(option, '=');

	if (value != NULL)
		*value++ = '\0';
	return fsconfig(fs, value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0) < 0 ? -errno : 0;
}

static int set_options(int fs, const char *node, const struct sk_volume_plan *plan)
{
	char data[sizeof(plan->data)], *rest = data, *option;
	int r;

	/* Whoever mounts the same device shares its file system: it must be as writable as theirs. This mount never is. */
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", node, 0) < 0 ||
	    (plan->ro && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0))
		return -errno;
	sk_text_copy(data, sizeof(data), plan->data);
	while ((option = strsep(&rest, ",")) != NULL) {
		r = *option != '\0' ? set_option(fs, option) : 0;
		if (r < 0)
			return r;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int sk_volume_open_hidden(const char *node, dev_t dev, const struct sk_volume_plan *plan)
{
	int fs = fsopen(plan->fstype, FSOPEN_CLOEXEC), fd = -1, r;
	struct stat st;

	if (fs < 0)
		return -errno;
	r = set_options(fs, node, plan);
	if (r == 0) {
		fd = fsmount(fs, FSMOUNT_CLOEXEC,
		             MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	if (r == 0) { /* what fsmount gives names the folder only; this one can be read and starts walks by handle */
		int folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		r = folder < 0 ? -errno : 0;
		(void)close(fd);
		fd = folder;
	}
	(void)close(fs);
	/* Another device may have come to the node's name meanwhile. */
	if (r == 0 && (fstat(fd, &st) < 0 || st.st_dev != dev)) {
		(void)close(fd);
		r = -ENODEV;
	}
	return r < 0 ? r : fd;
}
