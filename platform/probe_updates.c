/*
 * P10: security updates. What apt would do now, simulated over the index that is there (never refreshed by us: that is the office's own
 * schedule), how old that index is, what is held back, whether dpkg was left half done, and whether what is installed also runs. apt is asked only
 * when something it answers from has changed (updates_cache.h).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"
#include "platform/run.h"
#include "platform/updates_cache.h"

#define OUTPUT_MAX (512 * 1024)
#define SHOWN_MAX  50
#define STATUS_MAX (64u * 1024 * 1024)

static long long mtime_of(const char *root, const char *path)
{
	char full[1200];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) == 0 ? (long long)st.st_mtime : 0;
}

/* When a file came to its place, whatever date it carries. */
static long long ctime_of(const char *root, const char *path)
{
	char full[1200];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) == 0 ? (long long)st.st_ctime : 0;
}

/*
 * When the index was last fetched: the stamps of a fetch that succeeded, else when the youngest signed list came to its place. The folder of
 * partial downloads says nothing (a fetch that fails touches it too), nor does a list's own date, which is its maker's. 0 = not known.
 */
static long long index_time(const char *root)
{
	static const char *const stamps[] = {"/var/lib/apt/periodic/update-success-stamp",
	                                     "/var/lib/apt/periodic/update-stamp"};
	json_t *names = sk_etc_names(root, "/var/lib/apt/lists", "Release"), *name;
	long long newest = 0, t;
	char path[600];
	size_t i;

	for (i = 0; i < 2; i++) {
		t = mtime_of(root, stamps[i]);
		newest = t > newest ? t : newest;
	}
	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "/var/lib/apt/lists/%.300s", json_string_value(name));
		t = ctime_of(root, path);
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

/* One package of dpkg's own list. Its state is "WANT ERROR STATE" (deb(5)): held ones, and those that are neither whole nor gone. */
static void take_package(const char *name, const char *status, json_t *held, json_t *broken)
{
	char want[32], flag[32], state[32];
	bool whole;

	if (!*name || sscanf(status, "%31s %31s %31s", want, flag, state) != 3)
		return;
	if (strcmp(want, "hold") == 0 && json_array_size(held) < SHOWN_MAX)
		json_array_append_new(held, json_string(name));
	whole = strcmp(state, "installed") == 0 || strcmp(state, "not-installed") == 0 ||
	        strcmp(state, "config-files") == 0;
	if ((!whole || strcmp(flag, "ok") != 0) && json_array_size(broken) < SHOWN_MAX)
		json_array_append_new(broken, json_string(name));
}

/* /var/lib/dpkg/status, read as it is: no program started, no lock waited for. False: it could not be read to its end. */
static bool read_dpkg(const char *root, json_t *held, json_t *broken)
{
	char path[400], line[4096], name[256] = "", status[128] = "";
	bool whole_line = true, good;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/var/lib/dpkg/status", root);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(f = fdopen(fd, "re"))) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (size_t bytes = 0; bytes < STATUS_MAX && fgets(line, sizeof(line), f);) {
		size_t n = strlen(line);
		bool ends = n > 0 && line[n - 1] == '\n';

		bytes += n;
		if (whole_line && line[0] == '\n') {
			take_package(name, status, held, broken);
			name[0] = status[0] = '\0';
		} else if (whole_line && strncmp(line, "Package: ", 9) == 0) {
			line[strcspn(line, "\n")] = '\0';
			sk_text_escape(name, sizeof(name), line + 9, strlen(line + 9));
		} else if (whole_line && strncmp(line, "Status: ", 8) == 0) {
			sk_text_copy(status, sizeof(status), line + 8);
		}
		whole_line = ends; /* the rest of a long line is no field */
	}
	take_package(name, status, held, broken);
	good = feof(f) && !ferror(f);
	fclose(f);
	return good;
}

/* What dpkg was in the middle of: its journal of updates is empty when it is done. */
static void interrupted(const char *root, json_t *broken)
{
	json_t *names = sk_etc_names(root, "/var/lib/dpkg/updates", "");

	if (json_array_size(names) > 0)
		json_array_append_new(broken, json_string("/var/lib/dpkg/updates"));
	json_decref(names);
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

/* NULL: it does not say. */
static json_t *ask_apt(const char *root)
{
	char program[400], *out = malloc(OUTPUT_MAX);
	const char *const simulate[] = {program, "-s", "-qq", "-o", "Debug::NoLocking=1", "dist-upgrade", NULL};
	json_t *answer = NULL;

	snprintf(program, sizeof(program), "%s/usr/bin/apt-get", root);
	if (out && sk_run(0, "/root", simulate, 25000, out, OUTPUT_MAX) >= 0)
		answer = sk_updates_parse(out);
	free(out);
	return answer;
}

/* From apt itself only when something it answers from is not as it was; kept only when nothing changed while it was asked. */
static json_t *pending_updates(const char *root)
{
	char before[SK_SHA256_HEX], after[SK_SHA256_HEX];
	bool told = sk_updates_state(root, before) == 0;
	json_t *answer = told ? sk_updates_cached(root, before, sk_clock_wall()) : NULL;

	if (answer)
		return answer;
	answer = ask_apt(root);
	if (answer && told && sk_updates_state(root, after) == 0 && strcmp(before, after) == 0)
		(void)sk_updates_keep(root, before, answer, sk_clock_wall());
	return answer ? answer : json_null();
}

json_t *sk_probe_updates(const char *root)
{
	json_t *pending = pending_updates(root), *held = json_array(), *broken = json_array();
	long long at = index_time(root);
	bool read = read_dpkg(root, held, broken);

	if (read)
		interrupted(root, broken);
	json_t *facts =
	    json_pack("{s:o, s:o, s:O, s:O, s:b}", "index_ms", at ? json_integer((json_int_t)at * 1000) : json_null(),
	              "pending", pending, "held", read ? held : json_null(), "dpkg", read ? broken : json_null(),
	              "reboot", needs_reboot(root));
	json_decref(held);
	json_decref(broken);
	return facts;
}
