/*
 * P1: the screen lock. Three layers: what the mandatory policy says (the compiled dconf database, read through dconf itself with an
 * empty home so that no user value hides it), what is in effect for each person logged in (dconf read as that person), and the
 * live state (logind's hints). Text sessions: a read-only TMOUT for login shells, or logind's StopIdleSessionSec.
 */
#include "platform/probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/text.h"
#include "platform/run.h"

#define SESSIONS_MAX 32

/* *hung: one that did not answer in time (a pipe in the place of the person's own database) is not asked again. */
static json_t *dconf_value(uid_t uid, const char *home, const char *key, bool *hung)
{
	const char *argv[] = {"/usr/bin/dconf", "read", key, NULL};
	char out[256];
	int n = *hung ? -ETIMEDOUT : sk_run(uid, home, argv, 5000, out, sizeof(out));
	const char *value = out;

	*hung = n == -ETIMEDOUT;
	if (n <= 0)
		return json_null();
	sk_text_trim(out);
	if (strncmp(value, "uint32 ", 7) == 0)
		value += 7;
	if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
		return json_boolean(*value == 't');
	unsigned long long number;
	return sk_text_u64(value, 0, UINT_MAX, &number) == 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *dconf_values(uid_t uid, const char *home)
{
	static const char *const keys[][2] = {{"idle_delay", "/org/gnome/desktop/session/idle-delay"},
	                                      {"lock_delay", "/org/gnome/desktop/screensaver/lock-delay"},
	                                      {"lock_enabled", "/org/gnome/desktop/screensaver/lock-enabled"},
	                                      {"lock_disabled", "/org/gnome/desktop/lockdown/disable-lock-screen"}};
	json_t *values = json_object();
	bool hung = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_object_set_new(values, keys[i][0], dconf_value(uid, home, keys[i][1], &hung));
	return values;
}

static json_t *locked_keys(void)
{
	const char *argv[] = {"/usr/bin/dconf", "list-locks", "/", NULL};
	json_t *keys = json_array();
	char out[8192], *save = NULL;

	if (sk_run(0, "/nonexistent", argv, 5000, out, sizeof(out)) <= 0)
		return keys;
	for (char *line = strtok_r(out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (line[0] == '/' && sk_text_is_utf8(line, strlen(line)))
			json_array_append_new(keys, json_string(line));
	return keys;
}

static bool has_entries(const char *folder)
{
	DIR *dir = opendir(folder);
	bool found = false;

	for (struct dirent *e; dir && !found && (e = readdir(dir));)
		found = e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return found;
}

/* The limit a profile script sets: TMOUT=N and, in the same file, readonly TMOUT. 0 = none. */
static long long tmout_of(const char *path)
{
	struct sk_buf text;
	long long seconds = 0;
	bool fixed = false;
	char *save = NULL;

	sk_buf_init(&text, 65536);
	if (sk_file_read(path, &text, NULL) < 0) {
		sk_buf_deinit(&text);
		return 0;
	}
	for (char *line = strtok_r(text.data, "\n;", &save); line; line = strtok_r(NULL, "\n;", &save)) {
		long long n;
		char tail;
		while (isspace((unsigned char)*line))
			line++;
		const char *assign = strstr(line, "TMOUT=");
		if (*line == '#')
			continue;
		if (assign && (assign == line || assign[-1] == ' ') && sscanf(assign, "TMOUT=%lld%c", &n, &tail) >= 1)
			seconds = n;
		if (strncmp(line, "readonly", 8) == 0 && strstr(line, "TMOUT"))
			fixed = true;
		if (strncmp(line, "declare -r", 10) == 0 && strstr(line, "TMOUT"))
			fixed = true;
	}
	sk_buf_deinit(&text);
	return fixed ? seconds : 0;
}

static long long text_limit(const char *root, sd_bus *bus)
{
	char path[PATH_MAX];
	long long best = 0;
	uint64_t usec = UINT64_MAX;

	snprintf(path, sizeof(path), "%s/etc/profile.d", root);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t n = strlen(e->d_name);
		if (n < 4 || n > 128 || strcmp(e->d_name + n - 3, ".sh") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/etc/profile.d/%s", root, e->d_name);
		long long s = tmout_of(path);
		best = s > 0 && (best == 0 || s < best) ? s : best;
	}
	if (dir)
		closedir(dir);
	if (bus &&
	    sd_bus_get_property_trivial(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
	                                "org.freedesktop.login1.Manager", "StopIdleSessionUSec", NULL, 't',
	                                &usec) >= 0 &&
	    usec != UINT64_MAX && usec > 0) {
		long long s = (long long)(usec / 1000000);
		best = best == 0 || s < best ? s : best;
	}
	return best;
}

static void session_hints(sd_bus *bus, const char *id, json_t *session)
{
	char *object = NULL;
	int idle = 0, locked = 0;
	uint64_t since = 0;
	struct timespec now;

	if (!bus || sd_bus_path_encode("/org/freedesktop/login1/session", id, &object) < 0)
		return;
	const char *name = "org.freedesktop.login1", *iface = "org.freedesktop.login1.Session";
	if (sd_bus_get_property_trivial(bus, name, object, iface, "LockedHint", NULL, 'b', &locked) >= 0)
		json_object_set_new(session, "locked", json_boolean(locked));
	if (sd_bus_get_property_trivial(bus, name, object, iface, "IdleHint", NULL, 'b', &idle) >= 0 && idle &&
	    /* By the clock that nobody sets. */
	    sd_bus_get_property_trivial(bus, name, object, iface, "IdleSinceHintMonotonic", NULL, 't', &since) >= 0 &&
	    since && clock_gettime(CLOCK_MONOTONIC, &now) == 0)
		json_object_set_new(session, "idle_s",
		                    json_integer((json_int_t)now.tv_sec - (json_int_t)(since / 1000000)));
	free(object);
}

static json_t *session_facts(sd_bus *bus, const char *id)
{
	char *class = NULL, *type = NULL, *desktop = NULL;
	json_t *session = NULL;
	uid_t uid;

	if (sd_session_get_class(id, &class) >= 0 && strcmp(class, "user") == 0 && sd_session_get_uid(id, &uid) >= 0 &&
	    sd_session_get_type(id, &type) >= 0) {
		struct passwd *pw = getpwuid(uid);
		bool graphical = strcmp(type, "x11") == 0 || strcmp(type, "wayland") == 0 || strcmp(type, "mir") == 0;
		(void)sd_session_get_desktop(id, &desktop);
		session = json_pack("{s:s, s:s, s:s, s:s?, s:n, s:n, s:o}", "id", id, "user", pw ? pw->pw_name : "?",
		                    "type", type, "desktop", desktop, "idle_s", "locked", "effective",
		                    graphical && pw ? dconf_values(uid, pw->pw_dir) : json_null());
		if (session)
			session_hints(bus, id, session);
	}
	free(class);
	free(type);
	free(desktop);
	return session;
}

static json_t *sessions(sd_bus *bus)
{
	json_t *list = json_array();
	char **ids = NULL;
	int n = sd_get_sessions(&ids);

	for (int i = 0; i < n; i++) {
		json_t *s = i < SESSIONS_MAX ? session_facts(bus, ids[i]) : NULL;
		if (s)
			json_array_append_new(list, s);
		free(ids[i]);
	}
	free(ids);
	return list;
}

static bool any_desktop(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *type = json_string_value(json_object_get(json_array_get(list, i), "type"));
		if (type && strcmp(type, "tty") != 0)
			return true;
	}
	return false;
}

json_t *sk_probe_screen(const char *root)
{
	char xsessions[PATH_MAX], wayland[PATH_MAX];
	sd_bus *bus = NULL;

	snprintf(xsessions, sizeof(xsessions), "%s/usr/share/xsessions", root);
	snprintf(wayland, sizeof(wayland), "%s/usr/share/wayland-sessions", root);
	if (sd_bus_open_system(&bus) >= 0)
		(void)sd_bus_set_method_call_timeout(bus, 5 * 1000000ULL);
	else
		bus = NULL;
	long long limit = text_limit(root, bus);
	json_t *list = sessions(bus), *mandatory = NULL;
	bool desktop = has_entries(xsessions) || has_entries(wayland);
	if (desktop || any_desktop(list)) { /* text alone needs no dconf */
		mandatory = dconf_values(0, "/nonexistent");
		json_object_set_new(mandatory, "locked_keys", locked_keys());
	}
	json_t *facts = json_pack("{s:b, s:o?, s:o, s:o}", "desktop_installed", desktop, "mandatory", mandatory,
	                          "text_limit_s", limit > 0 ? json_integer(limit) : json_null(), "sessions", list);
	sd_bus_flush_close_unref(bus);
	return facts;
}
