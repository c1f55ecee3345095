/* One fork; nothing is printed, nothing is inherited but the rights. */
#include "platform/mkfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"

static int run(const char *const argv[])
{
	static char *const environment[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL};
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return -errno;
	if (child == 0) {
		int fd = open("/dev/null", O_RDWR);

		if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		(void)execve(argv[0], (char *const *)(uintptr_t)argv, environment);
		_exit(127);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int sk_mkfs(const char *node, const char *label)
{
	char name[SK_MKFS_LABEL];
	const char *const exfat[] = {"/usr/sbin/mkfs.exfat", "-L", name, node, NULL};
	const char *const fat[] = {"/usr/sbin/mkfs.vfat", "-F", "32", "-n", name, node, NULL};

	sk_text_copy(name, sizeof(name), label);
	if (node[0] != '/' || name[0] == '\0' || name[0] == '-')
		return -EINVAL;
	if (access(exfat[0], X_OK) == 0)
		return run(exfat);
	return access(fat[0], X_OK) == 0 ? run(fat) : -ENOENT;
}
