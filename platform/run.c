/* See run.h. The caller is a short-lived probe, so that waiting here holds up nothing else. */
#include "platform/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

static int become(uid_t uid)
{
	if (uid == 0)
		return 0;
	struct passwd *pw = getpwuid(uid);
	if (!pw || initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(uid) < 0)
		return -EPERM;
	return 0;
}

static void child(uid_t uid, const char *home, const char *const argv[], int out)
{
	char home_env[512], runtime[64];
	char *const env[] = {home_env, runtime, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(home_env, sizeof(home_env), "HOME=%s", home);
	snprintf(runtime, sizeof(runtime), "XDG_RUNTIME_DIR=/run/user/%u", (unsigned)uid);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0 || become(uid) < 0)
		_exit(126);
	execve(argv[0], (char *const *)argv, env);
	_exit(127);
}

static int drain(int fd, char *out, size_t size, sk_ms deadline)
{
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		sk_ms left = deadline - sk_clock_boot();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		if (len + 1 >= size)
			return -E2BIG;
		ssize_t n = read(fd, out + len, size - 1 - len);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	out[len] = '\0';
	return (int)len;
}

int sk_run(uid_t uid, const char *home, const char *const argv[], int timeout_ms, char *out, size_t size)
{
	sk_ms deadline = sk_clock_boot() + timeout_ms;
	int fds[2], status = 0;

	out[0] = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		child(uid, home, argv, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	int r = drain(fds[0], out, size, deadline);
	close(fds[0]);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r >= 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		return -EIO;
	return r;
}
