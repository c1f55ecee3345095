/* posix_spawn (no copy of our memory), a pipe for its stdout, a pidfd for its end, a timer for its limit. */
#include "platform/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct sk_child {
	pid_t pid;
	int pidfd, out;
	sd_event_source *end, *limit;
	sk_child_fn fn;
	void *arg;
};

static char *const CLEAN_ENV[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C.UTF-8", NULL};

static void child_free(struct sk_child *c)
{
	c->end = sd_event_source_disable_unref(c->end);
	c->limit = sd_event_source_disable_unref(c->limit);
	if (c->pidfd >= 0)
		(void)close(c->pidfd);
	if (c->out >= 0)
		(void)close(c->out);
	free(c);
}

static int reap(struct sk_child *c)
{
	int status;
	pid_t p;

	do
		p = waitpid(c->pid, &status, 0);
	while (p < 0 && errno == EINTR);
	if (p < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The pipe holds 64 KiB, more than we keep, so a child that writes no more than that never waits for us. */
static size_t take_output(struct sk_child *c, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && ((n = read(c->out, buf + len, size - len)) > 0 || (n < 0 && errno == EINTR)))
		len += n > 0 ? (size_t)n : 0;
	return len;
}

static int on_end(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_child *c = arg;
	sk_child_fn fn = c->fn;
	void *fn_arg = c->arg;
	int status = reap(c), waiting = 0;
	char *output;
	size_t len = 0;

	(void)s;
	(void)fd;
	(void)revents;
	/* As much as waits in the pipe, so that a short answer costs no large buffer. */
	if (ioctl(c->out, FIONREAD, &waiting) < 0 || waiting < 0)
		waiting = 0;
	output = malloc((waiting < SK_CHILD_OUTPUT_MAX ? (size_t)waiting : SK_CHILD_OUTPUT_MAX) + 1);
	if (output != NULL) {
		len = take_output(c, output, waiting < SK_CHILD_OUTPUT_MAX ? (size_t)waiting : SK_CHILD_OUTPUT_MAX);
		output[len] = '\0';
	}
	child_free(c);
	if (fn != NULL)
		fn(fn_arg, output != NULL ? status : -ENOMEM, output != NULL ? output : "", len);
	free(output);
	return 0;
}

/* Killed, and nobody asks any more. It may hang in the kernel on a dead disk, so it is not waited for: the loop reaps it when it ends. */
static void abandon(struct sk_child *c)
{
	c->fn = NULL;
	c->limit = sd_event_source_disable_unref(c->limit);
	(void)kill(c->pid, SIGKILL);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_child *c = arg;
	sk_child_fn fn = c->fn;

	(void)s;
	(void)usec;
	abandon(c);
	fn(c->arg, -ETIMEDOUT, "", 0);
	return 0;
}

/* in: what becomes its stdin, or -1. */
static int spawn(const char *const argv[], char *const env[], int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r != 0) {
		(void)posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	r = posix_spawnattr_setsigmask(&attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (r == 0)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (r == 0 && in < 0)
		r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	else if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, in, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (r == 0)
		r = posix_spawn(pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int watch(struct sk_child *c, sd_event *loop, uint64_t timeout_ms)
{
	int r;

	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0)
		return -errno;
	(void)fcntl(c->pidfd, F_SETFD, FD_CLOEXEC);
	r = sd_event_add_io(loop, &c->end, c->pidfd, EPOLLIN, on_end, c);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &c->limit, CLOCK_BOOTTIME, timeout_ms * 1000, 100000, on_limit, c);
	return r < 0 ? r : 0;
}

static int start(sd_event *loop, const char *const argv[], char *const env[], int in, uint64_t timeout_ms,
                 sk_child_fn fn, void *arg, struct sk_child **out)
{
	struct sk_child *c = calloc(1, sizeof(*c));
	int p[2], r;

	if (c == NULL)
		return -ENOMEM;
	c->pidfd = c->out = -1;
	c->fn = fn;
	c->arg = arg;
	if (pipe2(p, O_CLOEXEC) < 0) {
		r = -errno;
		child_free(c);
		return r;
	}
	c->out = p[0];
	(void)fcntl(c->out, F_SETFL, O_NONBLOCK);
	r = spawn(argv, env, in, p[1], &c->pid);
	(void)close(p[1]);
	if (r < 0) {
		child_free(c);
		return r;
	}
	r = watch(c, loop, timeout_ms);
	if (r < 0) {
		(void)kill(c->pid, SIGKILL);
		(void)reap(c);
		child_free(c);
		return r;
	}
	*out = c;
	return 0;
}

int sk_child_start(sd_event *loop, const char *const argv[], uint64_t timeout_ms, sk_child_fn fn, void *arg,
                   struct sk_child **out)
{
	return start(loop, argv, CLEAN_ENV, -1, timeout_ms, fn, arg, out);
}

int sk_child_start_env(sd_event *loop, const char *const argv[], char *const env[], uint64_t timeout_ms, sk_child_fn fn,
                       void *arg, struct sk_child **out)
{
	return start(loop, argv, env, -1, timeout_ms, fn, arg, out);
}

int sk_child_start_input(sd_event *loop, const char *const argv[], const void *input, size_t len, uint64_t timeout_ms,
                         sk_child_fn fn, void *arg, struct sk_child **out)
{
	int p[2], r;

	if (len > SK_CHILD_INPUT_MAX)
		return -E2BIG;
	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	/* Before it starts: a pipe takes a page whole, so nothing ever waits, and a child that dies early raises no SIGPIPE. */
	r = write(p[1], input, len) == (ssize_t)len ? 0 : -EIO;
	(void)close(p[1]);
	if (r == 0)
		r = start(loop, argv, CLEAN_ENV, p[0], timeout_ms, fn, arg, out);
	(void)close(p[0]);
	return r;
}

void sk_child_cancel(struct sk_child *c)
{
	if (c != NULL)
		abandon(c);
}
