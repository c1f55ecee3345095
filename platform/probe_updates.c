/*
 * P10: security updates. What apt would do now, simulated over the index that is there (never refreshed by us: that is the office's own
 * schedule), how old that index is, what is held back, whether dpkg was left half done, and whether what is installed also runs.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"
#include "platform/run.h"

#define OUTPUT_MAX (512 * 1024)
#define SHOWN_MAX  50

static long long mtime_of(const char *root, const char *path)
{
	char full[1200];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) == 0 ? (long long)st.st_mtime : 0;
}

/* When the index was last fetched: apt's own stamp, else the youngest signed index. 0 = not known. */
static long long index_time(const char *root)
{
	long long newest = mtime_of(root, "/var/lib/apt/periodic/update-success-stamp");
	json_t *names = sk_etc_names(root, "/var/lib/apt/lists", "Release"), *name;
	char path[600];
	size_t i;

	if (newest == 0)
		newest = mtime_of(root, "/var/lib/apt/lists/partial");
	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "/var/lib/apt/lists/%.300s", json_string_value(name));
		long long t = mtime_of(root, path);
		newest = t > newest ? t : newest;
	}
	/* Without an index there is nothing to be young. */
	if (json_array_size(names) == 0)
		newest = 0;
	json_decref(names);
	return newest;
}

/* "Inst NAME [old] (new ORIGIN [arch])": security when an origin says so. */
static void count_line(char *line, json_t *security, int *n_security, int *n_other)
{
	char *name = line + 5, *end = name + strcspn(name, " "), *origin = strchr(end, '(');

	if (strncmp(line, "Inst ", 5) != 0)
		return;
	if (!origin || !(strstr(origin, "-Security") || strstr(origin, "-security"))) {
		(*n_other)++;
		return;
	}
	*end = '\0';
	if ((*n_security)++ < SHOWN_MAX && sk_text_is_utf8(name, strlen(name)))
		json_array_append_new(security, json_string(name));
}

json_t *sk_updates_parse(char *text)
{
	json_t *security = json_array();
	int n_security = 0, n_other = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		count_line(line, security, &n_security, &n_other);
	return json_pack("{s:i, s:i, s:o}", "security", n_security, "other", n_other, "packages", security);
}

static json_t *lines_of(const char *const argv[], char *out)
{
	json_t *list = json_array();
	char *save = NULL;

	if (sk_run(0, "/root", argv, 20000, out, OUTPUT_MAX) < 0) {
		json_decref(list);
		return json_null();
	}
	for (char *line = strtok_r(out, "\n", &save); line && json_array_size(list) < SHOWN_MAX;
	     line = strtok_r(NULL, "\n", &save))
		if (sk_text_is_utf8(line, strlen(line)))
			json_array_append_new(list, json_string(line));
	return list;
}

/* A kernel that came after the start, or the running one gone from /boot. */
static bool needs_reboot(const char *root)
{
	struct timespec up, now;
	struct utsname u;
	char path[400];
	json_t *kernels, *name;
	bool needed = mtime_of(root, "/run/reboot-required") != 0 || mtime_of(root, "/var/run/reboot-required") != 0;
	size_t i;

	clock_gettime(CLOCK_BOOTTIME, &up);
	clock_gettime(CLOCK_REALTIME, &now);
	kernels = sk_etc_names(root, "/boot", "");
	json_array_foreach(kernels, i, name)
	{
		if (strncmp(json_string_value(name), "vmlinuz-", 8) != 0)
			continue;
		struct stat st;
		snprintf(path, sizeof(path), "%s/boot/%.300s", root, json_string_value(name));
		/* ctime: when it was put there, whatever date it carries. */
		needed = needed || (stat(path, &st) == 0 && st.st_ctime > now.tv_sec - up.tv_sec);
	}
	if (json_array_size(kernels) > 0 && uname(&u) == 0) {
		snprintf(path, sizeof(path), "/boot/vmlinuz-%.100s", u.release);
		needed = needed || mtime_of(root, path) == 0;
	}
	json_decref(kernels);
	return needed;
}

json_t *sk_probe_updates(const char *root)
{
	static const char *const simulate[] = {"/usr/bin/apt-get",   "-s",           "-qq", "-o",
	                                       "Debug::NoLocking=1", "dist-upgrade", NULL};
	static const char *const held[] = {"/usr/bin/apt-mark", "showhold", NULL};
	static const char *const audit[] = {"/usr/bin/dpkg", "--audit", NULL};
	char *out = malloc(OUTPUT_MAX);
	json_t *pending, *holds, *broken;
	long long at = index_time(root);

	if (!out)
		return NULL;
	pending = sk_run(0, "/root", simulate, 25000, out, OUTPUT_MAX) < 0 ? json_null() : sk_updates_parse(out);
	holds = lines_of(held, out);
	broken = lines_of(audit, out);
	free(out);
	return json_pack("{s:o, s:o, s:o, s:o, s:b}", "index_ms",
	                 at ? json_integer((json_int_t)at * 1000) : json_null(), "pending", pending, "held", holds,
	                 "dpkg", broken, "reboot", needs_reboot(root));
}
