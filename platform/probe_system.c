/* P11, P17 and the services of P15: what the system is, what it keeps of its logs, and what it starts. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"

static json_t *os_value(const char *root, const char *key)
{
	char value[160];
	size_t n;

	if (!sk_etc_value(root, "/usr/lib/os-release", key, value, sizeof(value)) &&
	    !sk_etc_value(root, "/etc/os-release", key, value, sizeof(value)))
		return json_null();
	n = strlen(value);
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value[n - 1] = '\0';
		return json_string(value + 1);
	}
	return json_string(value);
}

json_t *sk_probe_support(const char *root)
{
	return json_pack("{s:o, s:o, s:o}", "id", os_value(root, "ID"), "version", os_value(root, "VERSION_ID"), "name",
	                 os_value(root, "PRETTY_NAME"));
}

static bool exists(const char *root, const char *path)
{
	char full[600];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return lstat(full, &st) == 0;
}

/* name -> the folder it is taken from: of drop-ins of one name the strongest folder's counts, and they apply in the order of their names. */
static json_t *dropins(const char *root)
{
	static const char *const folders[] = {"/usr/lib/systemd/journald.conf.d", "/run/systemd/journald.conf.d",
	                                      "/etc/systemd/journald.conf.d"};
	json_t *found = json_object(), *name;
	size_t k;

	for (size_t i = 0; i < 3; i++) {
		json_t *names = sk_etc_names(root, folders[i], ".conf");
		json_array_foreach(names, k, name)
		    json_object_set_new(found, json_string_value(name), json_string(folders[i]));
		json_decref(names);
	}
	return found;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The last value over journald.conf and its drop-ins; "" when there is none. */
static void journald_value(const char *root, json_t *found, const char *key, char *out, size_t size)
{
	const char *names[3000], *name;
	char path[600];
	json_t *folder;
	size_t n = 0;

	out[0] = '\0';
	(void)sk_etc_value(root, "/etc/systemd/journald.conf", key, out, size);
	json_object_foreach(found, name, folder) if (n < sizeof(names) / sizeof(*names)) names[n++] = name;
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%.200s", json_string_value(json_object_get(found, names[i])),
		         names[i]);
		(void)sk_etc_value(root, path, key, out, size);
	}
}

#define JOURNAL_FILES 4000

struct journal_head {
	uint64_t number, first,
	    last; /* of the first entry: its number, when it was written (us); when the last one was */
};

static bool journal_head(int folder, const char *name, struct journal_head *out)
{
	static const size_t offsets[] = {168, 184, 192}; /* little endian */
	unsigned char h[200];
	uint64_t v[3];
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = fd >= 0 && read(fd, h, sizeof(h)) == (ssize_t)sizeof(h) && memcmp(h, "LPKSHHRH", 8) == 0;

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; good && i < 3; i++) {
		v[i] = 0;
		for (size_t k = 8; k-- > 0;)
			v[i] = v[i] << 8 | h[offsets[i] + k];
	}
	if (!good || v[1] == 0 || v[1] > INT64_MAX || v[2] > INT64_MAX)
		return false;
	*out = (struct journal_head){.number = v[0], .first = v[1], .last = v[2]};
	return true;
}

/* {"files","oldest_ms","newest_ms","trimmed"} of the journal in this folder: trimmed = what was before its oldest entry is gone. */
static json_t *journal_in(const char *root, const char *folder)
{
	char path[600], id[64] = "";
	uint64_t oldest = UINT64_MAX, newest = 0, first = 0;
	int files = 0;

	snprintf(path, sizeof(path), "%s/etc/machine-id", root);
	(void)sk_file_attr(path, id, sizeof(id));
	snprintf(path, sizeof(path), "%s%s/%.40s", root, folder, id);
	DIR *dir = id[0] && !strchr(id, '/') ? opendir(path) : NULL;
	for (struct dirent *e; dir && files < JOURNAL_FILES && (e = readdir(dir));) {
		size_t n = strlen(e->d_name);
		struct journal_head h;

		if (n < 8 || strcmp(e->d_name + n - 8, ".journal") != 0 || !journal_head(dirfd(dir), e->d_name, &h))
			continue;
		files++;
		newest = h.last > newest ? h.last : newest;
		if (h.first < oldest) {
			oldest = h.first;
			first = h.number;
		}
	}
	if (dir)
		closedir(dir);
	return json_pack("{s:i, s:o, s:I, s:b}", "files", files, "oldest_ms",
	                 files ? json_integer((json_int_t)(oldest / 1000)) : json_null(), "newest_ms",
	                 (json_int_t)(newest / 1000), "trimmed", first > 1);
}

json_t *sk_probe_logs(const char *root)
{
	char storage[32], keep[64], most[64];
	json_t *found = dropins(root), *memory = journal_in(root, "/run/log/journal");
	json_t *disk = journal_in(root, "/var/log/journal");
	/* Where the last line went: an older journal may be left over in the other place. */
	bool in_memory = json_integer_value(json_object_get(memory, "newest_ms")) >
	                 json_integer_value(json_object_get(disk, "newest_ms"));

	journald_value(root, found, "Storage", storage, sizeof(storage));
	journald_value(root, found, "MaxRetentionSec", keep, sizeof(keep));
	journald_value(root, found, "SystemMaxUse", most, sizeof(most));
	json_decref(found);
	json_decref(memory);
	return json_pack("{s:s, s:b, s:s, s:s, s:b, s:b, s:b, s:o}", "storage", storage, "journal_folder",
	                 exists(root, "/var/log/journal"), "max_retention", keep, "max_use", most, "syslog",
	                 exists(root, "/run/rsyslogd.pid") || exists(root, "/run/syslog-ng.pid"), "auditd",
	                 exists(root, "/run/auditd.pid"), "in_memory", in_memory, "disk",
	                 journal_in(root, "/var/log/journal"));
}

static bool in_wants(const char *root, const char *base, const char *unit)
{
	json_t *folders = sk_etc_names(root, base, ".wants"), *name;
	char path[600];
	bool found = false;
	size_t i;

	json_array_foreach(folders, i, name)
	{
		snprintf(path, sizeof(path), "%s/%.200s/%.200s", base, json_string_value(name), unit);
		found = found || exists(root, path);
	}
	json_decref(folders);
	return found;
}

/* One of the units asked about runs now, or is started with the system: something wants it and nobody has masked it. */
static bool wanted(const char *root, const char *unit)
{
	char path[600], target[16] = "";

	snprintf(path, sizeof(path), "/run/systemd/units/invocation:%.200s", unit);
	if (exists(root, path))
		return true;
	snprintf(path, sizeof(path), "%s/etc/systemd/system/%.200s", root, unit);
	if (readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "/dev/null") == 0)
		return false;
	return in_wants(root, "/etc/systemd/system", unit) || in_wants(root, "/usr/lib/systemd/system", unit);
}

json_t *sk_probe_units(const char *root, const char *names)
{
	json_t *out = json_array();
	char *list = strdup(names ? names : ""), *save = NULL;

	for (char *w = list ? strtok_r(list, " ", &save) : NULL; w; w = strtok_r(NULL, " ", &save))
		if (!strchr(w, '/') && wanted(root, w))
			json_array_append_new(out, json_string(w));
	free(list);
	return out;
}
