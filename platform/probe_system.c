/* P11, P17 and the services of P15: what the system is, what it keeps of its logs, and what it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* The last value over journald.conf and its drop-ins; "" when there is none. */
static void journald_value(const char *root, const char *key, char *out, size_t size)
{
	static const char *const folders[] = {"/usr/lib/systemd/journald.conf.d", "/run/systemd/journald.conf.d",
	                                      "/etc/systemd/journald.conf.d"};
	json_t *name;
	char path[600];
	size_t k;

	out[0] = '\0';
	(void)sk_etc_value(root, "/etc/systemd/journald.conf", key, out, size);
	for (size_t i = 0; i < 3; i++) {
		json_t *names = sk_etc_names(root, folders[i], ".conf");
		json_array_foreach(names, k, name)
		{
			snprintf(path, sizeof(path), "%s/%.200s", folders[i], json_string_value(name));
			(void)sk_etc_value(root, path, key, out, size);
		}
		json_decref(names);
	}
}

json_t *sk_probe_logs(const char *root)
{
	char storage[32], keep[64], most[64];

	journald_value(root, "Storage", storage, sizeof(storage));
	journald_value(root, "MaxRetentionSec", keep, sizeof(keep));
	journald_value(root, "SystemMaxUse", most, sizeof(most));
	return json_pack("{s:s, s:b, s:s, s:s, s:b, s:b}", "storage", storage, "journal_folder",
	                 exists(root, "/var/log/journal"), "max_retention", keep, "max_use", most, "syslog",
	                 exists(root, "/run/rsyslogd.pid") || exists(root, "/run/syslog-ng.pid"), "auditd",
	                 exists(root, "/run/auditd.pid"));
}

/* One of the units asked about is started with the system when something wants it. */
static bool wanted(const char *root, const char *unit)
{
	json_t *folders = sk_etc_names(root, "/etc/systemd/system", ".wants"), *name;
	char path[600];
	bool found = false;
	size_t i;

	json_array_foreach(folders, i, name)
	{
		snprintf(path, sizeof(path), "/etc/systemd/system/%.200s/%.200s", json_string_value(name), unit);
		found = found || exists(root, path);
	}
	json_decref(folders);
	return found;
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
