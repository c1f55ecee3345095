/*
 * P3 and P5: what a person has to show to log in, and what the login shows and limits. The stacks of every login service that is there, as PAM
 * would run them, and the ways round them: logins that ask for nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"

/* fn for each blank-separated word; words are service names, checked by sk_pam_stack. */
static json_t *services(const char *root, const char *names, bool with_session)
{
	json_t *out = json_array();
	char *list = strdup(names ? names : ""), *save = NULL;

	for (char *w = list ? strtok_r(list, " ", &save) : NULL; w; w = strtok_r(NULL, " ", &save)) {
		int why, why_session = 0;
		json_t *auth = sk_pam_stack(root, w, "auth", &why), *session = NULL, *account = NULL;

		if (why == -ENOENT)
			continue; /* a service that is not installed */
		if (with_session) {
			session = sk_pam_stack(root, w, "session", &why_session);
			account = sk_pam_stack(root, w, "account", &why_session);
		}
		json_array_append_new(out, json_pack("{s:s, s:o?, s:o?, s:o?, s:o?}", "name", w, "auth", auth,
		                                     "session", session, "account", account, "why",
		                                     auth ? NULL : json_string(strerror(-why))));
	}
	free(list);
	return out;
}

static void note(json_t *out, const char *where, const char *user)
{
	char shown[256];

	sk_text_escape(shown, sizeof(shown), user, strlen(user));
	json_array_append_new(out, json_pack("{s:s, s:s}", "where", where, "user", shown));
}

static bool is_true(const char *value)
{
	return strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

/* A key of FILE and of what lies in FILE.d. */
static void file_and_dropins(const char *root, const char *file, const char *key, json_t *out)
{
	char folder[128], path[400], value[256];
	json_t *names, *name;
	size_t i;

	if (sk_etc_value(root, file, key, value, sizeof(value)) && value[0])
		note(out, file, value);
	snprintf(folder, sizeof(folder), "%s.d", file);
	names = sk_etc_names(root, folder, ".conf");
	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "%s/%.200s", folder, json_string_value(name));
		if (sk_etc_value(root, path, key, value, sizeof(value)) && value[0])
			note(out, path, value);
	}
	json_decref(names);
}

/* GDM: AutomaticLoginEnable and AutomaticLogin; LightDM: autologin-user; SDDM: User in [Autologin]. */
static void desktop_autologin(const char *root, json_t *out)
{
	static const char *const gdm[] = {"/etc/gdm3/daemon.conf", "/etc/gdm3/custom.conf", "/etc/gdm/custom.conf"};
	char value[256];

	for (size_t i = 0; i < sizeof(gdm) / sizeof(*gdm); i++) {
		if (sk_etc_value(root, gdm[i], "TimedLoginEnable", value, sizeof(value)) && is_true(value))
			note(out, gdm[i], sk_etc_value(root, gdm[i], "TimedLogin", value, sizeof(value)) ? value : "?");
		if (sk_etc_value(root, gdm[i], "AutomaticLoginEnable", value, sizeof(value)) && is_true(value))
			note(out, gdm[i],
			     sk_etc_value(root, gdm[i], "AutomaticLogin", value, sizeof(value)) ? value : "?");
	}
	file_and_dropins(root, "/etc/lightdm/lightdm.conf", "autologin-user", out);
	file_and_dropins(root, "/etc/sddm.conf", "User", out);
}

static void unit_autologin(const char *root, const char *path, json_t *out)
{
	int why;
	char *text = sk_etc_read(root, path, &why), *at = text, user[64];

	for (char *line; text && (line = sk_etc_line(&at));) {
		char *flag = strstr(line, "--autologin");
		size_t n;

		if (strncmp(line, "ExecStart", 9) != 0 || !flag)
			flag = strncmp(line, "ExecStart", 9) == 0 ? strstr(line, " -a ") : NULL;
		if (!flag)
			continue;
		flag += strcspn(flag + 1, " =") + 1;
		flag += strspn(flag, " =");
		n = strcspn(flag, " ");
		snprintf(user, sizeof(user), "%.*s", (int)(n < sizeof(user) ? n : sizeof(user) - 1), flag);
		note(out, path, user);
	}
	free(text);
}

/* getty@tty1.service and its drop-ins. */
static void console_autologin(const char *root, json_t *out)
{
	json_t *units = sk_etc_names(root, "/etc/systemd/system", ""), *unit, *name;
	size_t i, k;

	json_array_foreach(units, i, unit)
	{
		const char *s = json_string_value(unit);
		char folder[256], path[600];

		if (strncmp(s, "getty@", 6) != 0 && strncmp(s, "serial-getty@", 13) != 0 &&
		    strncmp(s, "console-getty", 13) != 0)
			continue;
		snprintf(folder, sizeof(folder), "/etc/systemd/system/%.200s", s);
		unit_autologin(root, folder, out);
		json_t *dropins = sk_etc_names(root, folder, ".conf");
		json_array_foreach(dropins, k, name)
		{
			snprintf(path, sizeof(path), "%s/%.200s", folder, json_string_value(name));
			unit_autologin(root, path, out);
		}
		json_decref(dropins);
	}
	json_decref(units);
}

json_t *sk_probe_login_factors(const char *root, const char *names)
{
	json_t *autologin = json_array();

	desktop_autologin(root, autologin);
	console_autologin(root, autologin);
	return json_pack("{s:o, s:o}", "services", services(root, names, false), "autologin", autologin);
}

static json_t *number_of(const char *root, const char *path, const char *key)
{
	char value[64];
	unsigned long long n;

	if (!sk_etc_value(root, path, key, value, sizeof(value)) || sk_text_u64(value, 0, 1000000, &n) < 0)
		return json_null();
	return json_integer((json_int_t)n);
}

/* Does the file hold anything a person could read? agetty's \n \l and the like alone are no message. */
static bool says_something(const char *root, const char *path)
{
	int why;
	char *text = sk_etc_read(root, path, &why);
	size_t letters = 0;

	for (const char *s = text; s && *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else
			letters += (unsigned char)*s > ' ';
	}
	free(text);
	return letters >= 40; /* more than "Debian GNU/Linux 12 \n \l" */
}

/* agetty shows /etc/issue and every file of /etc/issue.d. */
static bool issue_says(const char *root)
{
	json_t *names = sk_etc_names(root, "/etc/issue.d", ".issue"), *name;
	bool found = says_something(root, "/etc/issue");
	char path[400];
	size_t i;

	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "/etc/issue.d/%.200s", json_string_value(name));
		found = found || says_something(root, path);
	}
	json_decref(names);
	return found;
}

static long long written(const char *root, const char *path)
{
	char full[600];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	return stat(full, &st) == 0 ? (long long)st.st_mtime : 0;
}

/* GDM's message: of Debian's file, which GDM compiles at its start, or of a database that somebody has compiled since it was written. */
static bool gdm_says(const char *root)
{
	json_t *profiles = sk_etc_names(root, "/etc/dconf/db/gdm.d", ""), *name;
	long long compiled = written(root, "/etc/dconf/db/gdm");
	char path[600], value[16];
	bool found =
	    sk_etc_value(root, "/etc/gdm3/greeter.dconf-defaults", "banner-message-enable", value, sizeof(value)) &&
	    strcmp(value, "true") == 0;
	size_t i;

	json_array_foreach(profiles, i, name)
	{
		snprintf(path, sizeof(path), "/etc/dconf/db/gdm.d/%.200s", json_string_value(name));
		found = found || (written(root, path) <= compiled &&
		                  sk_etc_value(root, path, "banner-message-enable", value, sizeof(value)) &&
		                  strcmp(value, "true") == 0);
	}
	json_decref(profiles);
	return found;
}

json_t *sk_probe_login_limits(const char *root, const char *names)
{
	json_t *lock = json_pack("{s:o, s:o}", "deny", number_of(root, "/etc/security/faillock.conf", "deny"),
	                         "unlock_time", number_of(root, "/etc/security/faillock.conf", "unlock_time"));
	return json_pack("{s:o, s:o, s:b, s:b}", "services", services(root, names, true), "faillock", lock, "issue",
	                 issue_says(root), "desktop_banner", gdm_says(root));
}
