/*
 * Runs one program to its end, its output thrown away, and prints what it and its children took: {"wall":s,"cpu":s,"rss":MB,"status":n}. Small and static:
 * the peak of a child counts from the memory of whoever starts it, so a large starter would be measured instead of a small program.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv, char **env)
{
	posix_spawn_file_actions_t files;
	struct timespec began, ended;
	struct rusage used;
	int status = -1;
	pid_t pid;

	if (argc < 2 || posix_spawn_file_actions_init(&files) != 0)
		return 64;
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	clock_gettime(CLOCK_MONOTONIC, &began);
	if (posix_spawnp(&pid, argv[1], &files, NULL, argv + 1, env) != 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	getrusage(RUSAGE_CHILDREN, &used);
	printf("{\"wall\": %.6f, \"cpu\": %.6f, \"rss\": %.3f, \"status\": %d}\n",
	       (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9,
	       seconds(used.ru_utime) + seconds(used.ru_stime), (double)used.ru_maxrss / 1024,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
