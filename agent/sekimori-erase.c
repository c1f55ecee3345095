/*
 * sekimori-erase: erases one medium and reads it back (2(2)コ); run by sekimorid.
 *   sekimori-erase NODE MAJOR:MINOR overwrite|discard      one JSON object to stdout, as agent/erase_job.h
 * It takes the node for itself (nothing of it may be mounted or mapped), gives its rights away, and only then works. Progress is written to
 * /run/sekimori/erase/MAJOR:MINOR. Exit status 0 = the answer is there, whatever it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/erase_job.h"
#include "common/file.h"
#include "common/i18n.h"

#define NOBODY 65534

static int answer(json_t *a)
{
	char *text = a != NULL ? json_dumps(a, JSON_COMPACT) : NULL;
	int ok = text != NULL && puts(text) >= 0 && fflush(stdout) == 0;

	free(text);
	json_decref(a);
	return ok ? 0 : 1;
}

static int drop_rights(void)
{
	struct rlimit none = {0, 0}, files = {64, 64};

	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* O_EXCL: the kernel gives it to nobody who mounts or maps it meanwhile, and not to us while somebody does. */
static int open_node(const char *node, dev_t dev)
{
	struct stat st;
	int fd;

	if (strncmp(node, "/dev/", 5) != 0 || strstr(node, "..") != NULL)
		return -EINVAL;
	fd = open(node, O_RDWR | O_EXCL | O_DIRECT | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
		return fd;
	(void)close(fd);
	return -ENODEV;
}

static int discard(int fd, uint64_t bytes)
{
	uint64_t range[2] = {0, bytes};

	return ioctl(fd, BLKDISCARD, range) < 0 ? -errno : 0;
}

static int open_progress(const char *dev)
{
	char path[128];

	(void)snprintf(path, sizeof(path), SK_ERASE_PROGRESS "/%s", dev);
	if (sk_mkdir_p(SK_ERASE_PROGRESS, 0700) < 0)
		return -1;
	(void)unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int run(char **argv, dev_t dev, struct sk_erase_job *job)
{
	int r = open_node(argv[1], dev);

	if (r < 0)
		return answer(sk_erase_undone(r == -EBUSY ? N_("something on the medium is still in use")
		                                          : N_("the medium is not there any more"),
		                              r));
	job->fd = r;
	job->progress = open_progress(argv[2]);
	if (ioctl(job->fd, BLKGETSIZE64, &job->bytes) < 0 || job->bytes == 0)
		return answer(sk_erase_undone(N_("the medium is not there any more"), -ENODEV));
	r = drop_rights();
	return answer(r < 0 ? sk_erase_undone(N_("the helper could not be started"), r) : sk_erase_run(job));
}

int main(int argc, char **argv)
{
	struct sk_erase_job job = {.progress = -1, .discard = discard};
	unsigned ma, mi;
	int end = 0;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 4 || sscanf(argv[2], "%4u:%7u%n", &ma, &mi, &end) != 2 || argv[2][end] != '\0' ||
	    sk_erase_method_parse(argv[3], &job.method) < 0) {
		(void)fprintf(stderr, "usage: sekimori-erase NODE MAJOR:MINOR overwrite|discard\n");
		return 64;
	}
	return run(argv, makedev(ma, mi), &job);
}
