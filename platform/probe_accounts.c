/*
 * P4 and P6: passwords and accounts, from passwd, shadow, group, sudoers and lastlog themselves (not by NSS: accounts of a directory are judged
 * there). A password's hash is never a fact: only its kind is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"

#define ACCOUNTS_MAX 2000
#define LASTLOG_SIZE 292 /* int32 time, char line[32], char host[256] */

/* The n fields of a line of passwd, shadow or group. Number found. */
static size_t fields(char *line, char **out, size_t max)
{
	size_t n = 0;

	for (char *s = line; s && n < max; n++) {
		out[n] = s;
		s = strchr(s, ':');
		if (s)
			*s++ = '\0';
	}
	return n;
}

static const char *hash_kind(const char *h)
{
	static const char *const kinds[][2] = {
	    {"$y$", "yescrypt"}, {"$gy$", "gost-yescrypt"}, {"$7$", "scrypt"}, {"$2b$", "bcrypt"},
	    {"$2y$", "bcrypt"},  {"$2a$", "bcrypt"},        {"$6$", "sha512"}, {"$5$", "sha256"},
	    {"$1$", "md5"},      {"$md5", "sun-md5"},       {"$3$", "nt"}};

	if (!*h)
		return "empty";
	if (*h == '!' || *h == '*')
		return "locked";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strncmp(h, kinds[i][0], strlen(kinds[i][0])) == 0)
			return kinds[i][1];
	return *h == '$' ? "other" : "des";
}

/* name -> {"hash":kind,"changed_day":N|null,"must_change":bool} */
static json_t *shadow(const char *root, int *why)
{
	char *text = sk_etc_read(root, "/etc/shadow", why), *at = text, *f[9];
	json_t *out = text ? json_object() : NULL;

	for (char *line; text && json_object_size(out) < ACCOUNTS_MAX && (line = strsep(&at, "\n"));) {
		long long day = -1;

		if (fields(line, f, 9) < 3 || !sk_text_is_utf8(f[0], strlen(f[0])))
			continue;
		bool dated = sk_text_i64(f[2], 0, 1000000, &day) == 0;
		json_object_set_new(out, f[0],
		                    json_pack("{s:s, s:o, s:b}", "hash", hash_kind(f[1]), "changed_day",
		                              dated ? json_integer((json_int_t)day) : json_null(), "must_change",
		                              dated && day == 0));
	}
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return out;
}

/* Seconds since 1970 of the last login of a uid; 0 = never; -1 = not known. */
static long long last_login(int fd, unsigned long long uid)
{
	int32_t at = 0;

	if (fd < 0)
		return -1;
	if (uid > 10000000 || pread(fd, &at, sizeof(at), (off_t)(uid * LASTLOG_SIZE)) < 0)
		return -1;
	return at;
}

static unsigned keys_of(const char *root, const char *home)
{
	char path[400];
	int why;
	unsigned n = 0;

	if (home[0] != '/' || snprintf(path, sizeof(path), "%s/.ssh/authorized_keys", home) >= (int)sizeof(path))
		return 0;
	char *text = sk_etc_read(root, path, &why), *at = text;
	while (text && sk_etc_line(&at))
		n++;
	free(text);
	return n;
}

static bool may_log_in(const char *shell)
{
	const char *base = strrchr(shell, '/');

	base = base ? base + 1 : shell;
	return strcmp(base, "nologin") != 0 && strcmp(base, "false") != 0 && strcmp(base, "sync") != 0 &&
	       strcmp(base, "halt") != 0 && strcmp(base, "shutdown") != 0;
}

static json_t *account(const char *root, char **f, const json_t *shadowed, int lastlog)
{
	const json_t *s = json_object_get(shadowed, f[0]);
	unsigned long long uid = 0;
	char shell[128];

	(void)sk_text_u64(f[2], 0, UINT32_MAX, &uid);
	sk_text_escape(shell, sizeof(shell), f[6], strlen(f[6]));
	return json_pack("{s:s, s:I, s:s, s:b, s:s, s:O?, s:b, s:I, s:I}", "name", f[0], "uid", (json_int_t)uid,
	                 "shell", shell, "login", may_log_in(f[6]), "hash",
	                 s ? json_string_value(json_object_get(s, "hash")) : (f[1][0] ? "other" : "empty"),
	                 "changed_day", json_object_get(s, "changed_day"), "must_change",
	                 json_is_true(json_object_get(s, "must_change")), "last_login",
	                 (json_int_t)last_login(lastlog, uid), "ssh_keys", (json_int_t)keys_of(root, f[5]));
}

static json_t *accounts(const char *root, int *why)
{
	char *text = sk_etc_read(root, "/etc/passwd", why), *at = text, *f[7], path[512];
	json_t *out = NULL, *shadowed = text ? shadow(root, why) : NULL;

	if (shadowed) {
		snprintf(path, sizeof(path), "%s/var/log/lastlog", root);
		int lastlog = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		out = json_array();
		for (char *line; json_array_size(out) < ACCOUNTS_MAX && (line = strsep(&at, "\n"));) {
			if (fields(line, f, 7) == 7 && sk_text_is_utf8(f[0], strlen(f[0])))
				json_array_append_new(out, account(root, f, shadowed, lastlog));
		}
		if (lastlog >= 0)
			close(lastlog);
	}
	json_decref(shadowed);
	free(text);
	return out;
}

static void add_member(json_t *admins, const char *name, const char *by)
{
	char shown[128], how[160];

	sk_text_escape(shown, sizeof(shown), name, strlen(name));
	sk_text_escape(how, sizeof(how), by, strlen(by));
	for (size_t i = 0; i < json_array_size(admins); i++) {
		const char *s = json_string_value(json_object_get(json_array_get(admins, i), "name"));
		if (s && strcmp(s, shown) == 0)
			return;
	}
	json_array_append_new(admins, json_pack("{s:s, s:s}", "name", shown, "by", how));
}

static void group_members(const char *root, const char *group, json_t *admins)
{
	int why;
	char *text = sk_etc_read(root, "/etc/group", &why), *at = text, *f[4], by[80], *save = NULL;

	snprintf(by, sizeof(by), "group %s", group);
	for (char *line; text && (line = strsep(&at, "\n"));) {
		if (fields(line, f, 4) != 4 || strcmp(f[0], group) != 0)
			continue;
		for (char *w = strtok_r(f[3], ",", &save); w; w = strtok_r(NULL, ",", &save))
			add_member(admins, w, by);
	}
	free(text);
}

/* A line of sudoers that gives a person or group everything or something: its first word, and whether a password is asked for. */
static void sudoers_line(const char *root, const char *path, char *line, json_t *admins, json_t *open)
{
	char *end = line + strcspn(line, " \t"), by[300];

	if (!*end || line[0] == '@' || strncmp(line, "Defaults", 8) == 0 || strstr(line, "_Alias"))
		return;
	if (strstr(end, "NOPASSWD")) {
		char shown[256];
		sk_text_escape(shown, sizeof(shown), line, strlen(line));
		json_array_append_new(open, json_pack("{s:s, s:s}", "file", path, "line", shown));
	}
	*end = '\0';
	snprintf(by, sizeof(by), "%s", path);
	if (line[0] == '%')
		group_members(root, line + 1 + (line[1] == ':'), admins);
	else if (strcmp(line, "root") != 0)
		add_member(admins, line, by);
}

static void sudoers_file(const char *root, const char *path, json_t *admins, json_t *open)
{
	int why;
	char *text = sk_etc_read(root, path, &why), *at = text;

	for (char *line; text && (line = sk_etc_line(&at));)
		sudoers_line(root, path, line, admins, open);
	free(text);
}

json_t *sk_probe_accounts(const char *root)
{
	static const char *const groups[] = {"sudo", "wheel", "admin", "root", "docker", "lxd", "disk"};
	json_t *admins = json_array(), *open = json_array(), *names = sk_etc_names(root, "/etc/sudoers.d", ""), *name;
	char path[600];
	int why = 0;
	size_t i;
	json_t *list = accounts(root, &why);

	sudoers_file(root, "/etc/sudoers", admins, open);
	json_array_foreach(names, i, name)
	{
		const char *s = json_string_value(name);
		if (strchr(s, '.') || s[strlen(s) - 1] == '~')
			continue; /* as sudo does */
		snprintf(path, sizeof(path), "/etc/sudoers.d/%.200s", s);
		sudoers_file(root, path, admins, open);
	}
	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		group_members(root, groups[i], admins);
	json_decref(names);
	if (!list) {
		json_decref(admins);
		json_decref(open);
		return json_pack("{s:s}", "error", strerror(-why));
	}
	return json_pack("{s:o, s:o, s:o}", "accounts", list, "admins", admins, "no_password", open);
}

static void quality_file(const char *root, const char *path, json_t *out)
{
	static const char *const keys[] = {"minlen", "dcredit", "ucredit", "lcredit", "ocredit", "minclass"};
	char value[32];
	long long n;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (sk_etc_value(root, path, keys[i], value, sizeof(value)) && sk_text_i64(value, -100, 1000, &n) == 0)
			json_object_set_new(out, keys[i], json_integer((json_int_t)n));
	}
}

json_t *sk_probe_passwords(const char *root)
{
	json_t *quality = json_object(), *names = sk_etc_names(root, "/etc/security/pwquality.conf.d", ".conf"), *name;
	json_t *kinds = json_object(), *s, *weak = json_array();
	char path[600], method[32] = "";
	int why, why_stack = 0;
	const char *user;
	size_t i;

	quality_file(root, "/etc/security/pwquality.conf", quality);
	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "/etc/security/pwquality.conf.d/%.200s", json_string_value(name));
		quality_file(root, path, quality);
	}
	json_decref(names);
	json_t *shadowed = shadow(root, &why);
	json_object_foreach(shadowed, user, s)
	{
		const char *kind = json_string_value(json_object_get(s, "hash"));
		json_object_set_new(kinds, kind, json_integer(json_integer_value(json_object_get(kinds, kind)) + 1));
		if (strcmp(kind, "md5") == 0 || strcmp(kind, "des") == 0 || strcmp(kind, "empty") == 0 ||
		    strcmp(kind, "sun-md5") == 0 || strcmp(kind, "nt") == 0)
			json_array_append_new(weak, json_pack("{s:s, s:s}", "name", user, "hash", kind));
	}
	(void)sk_etc_value(root, "/etc/login.defs", "ENCRYPT_METHOD", method, sizeof(method));
	json_t *stack = sk_pam_stack(root, "passwd", "password", &why_stack);
	json_t *out = shadowed ? json_pack("{s:o?, s:O, s:O, s:O, s:s}", "stack", stack, "quality", quality, "hashes",
	                                   kinds, "weak", weak, "method", method)
	                       : json_pack("{s:s}", "error", strerror(-why));
	if (!shadowed)
		json_decref(stack);
	json_decref(shadowed);
	json_decref(quality);
	json_decref(kinds);
	json_decref(weak);
	return out;
}
