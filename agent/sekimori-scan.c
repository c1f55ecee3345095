/*
 * sekimori-scan: has every file of one medium looked at by the virus scanner before anybody may use it (6.4(3)イ); run by sekimorid.
 *   sekimori-scan NODE MAJOR:MINOR SOCKET SECONDS FILE_LIMIT TOTAL_LIMIT      one JSON object to stdout, as agent/scan_job.h
 * It mounts the medium read-only where nobody can see it (a mount without a place, gone with this process), gives its rights away and only then
 * looks at what is on it. Progress is written to /run/sekimori/scan/MAJOR:MINOR. Exit status 0 = the answer is there, whatever it says.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/medium_scan.h"
#include "agent/scan_job.h"
#include "common/file.h"
#include "common/text.h"
#include "platform/volume.h"

#define NOBODY 65534

static int answer(json_t *a)
{
	char *text = a != NULL ? json_dumps(a, JSON_COMPACT) : NULL;
	int ok = text != NULL && puts(text) >= 0 && fflush(stdout) == 0;

	free(text);
	json_decref(a);
	return ok ? 0 : 1;
}

/* Nobody, without any right but to read what the medium's own owners and modes would keep (ext4), and only where those exist. */
static int drop_rights(gid_t scanner, bool owners)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];
	uint32_t keep = owners ? 1u << CAP_DAC_READ_SEARCH : 0;
	struct rlimit size = {4096, 4096}, none = {0, 0}, files = {256, 256};

	(void)memset(caps, 0, sizeof(caps));
	caps[0].effective = caps[0].permitted = keep;
	if (setgroups(1, &scanner) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
	    syscall(SYS_capset, &head, caps) < 0)
		return -errno;
	if (setrlimit(RLIMIT_FSIZE, &size) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_NPROC, &none) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* The scanner's socket may be open to its group alone. */
static gid_t scanner_group(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_gid != 0 ? st.st_gid : NOBODY;
}

static int open_node(const char *node, dev_t dev)
{
	struct stat st;
	int fd;

	if (strncmp(node, "/dev/", 5) != 0 || strstr(node, "..") != NULL)
		return -EINVAL;
	fd = open(node, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev)
		return fd;
	(void)close(fd);
	return -ENODEV;
}

/* The folder of its root, or negative with the reason. */
static int open_volume(const char *node, dev_t dev, struct sk_volume_plan *plan, const char **reason)
{
	struct sk_volume v;
	int fd = open_node(node, dev), r;

	*reason = "unreadable";
	if (fd < 0)
		return fd;
	(void)memset(&v, 0, sizeof(v));
	r = sk_volume_probe(fd, &v);
	(void)close(fd);
	if (r < 0)
		return r;
	*reason =
	    strncmp(v.type, "crypto_", 7) == 0 || strcmp(v.type, "BitLocker") == 0 ? "encrypted-medium" : "file-system";
	r = sk_volume_plan(v.type, NOBODY, NOBODY, true, plan);
	return r < 0 ? r : sk_volume_open_hidden(node, dev, plan);
}

static int open_progress(const char *dev)
{
	char path[128];

	(void)snprintf(path, sizeof(path), SK_SCAN_PROGRESS "/%s", dev);
	if (sk_mkdir_p(SK_SCAN_PROGRESS, 0700) < 0)
		return -1;
	(void)unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int run(char **argv, dev_t dev, struct sk_scan_job *job)
{
	struct sk_volume_plan plan;
	const char *reason;
	gid_t group = scanner_group(job->socket);
	int r = open_volume(argv[1], dev, &plan, &reason);

	if (r < 0)
		return answer(sk_scan_undone(reason, strerror(-r)));
	job->root = r;
	job->progress = open_progress(argv[2]);
	r = drop_rights(group, strcmp(plan.fstype, "ext4") == 0);
	return answer(r < 0 ? sk_scan_undone("helper", strerror(-r)) : sk_scan_run(job));
}

int main(int argc, char **argv)
{
	struct sk_scan_job job = {.progress = -1};
	long long seconds, file, total;
	unsigned ma, mi;
	int end = 0;

	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 7 || sscanf(argv[2], "%4u:%7u%n", &ma, &mi, &end) != 2 || argv[2][end] != '\0' ||
	    sk_text_i64(argv[4], 1, 86400, &seconds) < 0 || sk_text_i64(argv[5], 1, INT64_MAX, &file) < 0 ||
	    sk_text_i64(argv[6], 1, INT64_MAX, &total) < 0) {
		(void)fprintf(stderr, "usage: sekimori-scan NODE MAJOR:MINOR SOCKET SECONDS FILE_LIMIT TOTAL_LIMIT\n");
		return 64;
	}
	job.socket = argv[3];
	job.time_limit_ms = seconds * 1000;
	job.file_limit = file;
	job.total_limit = total;
	return run(argv, makedev(ma, mi), &job);
}
