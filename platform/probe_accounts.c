/*
 * P4 and P6: passwords and accounts, from passwd, shadow, group, sudoers, lastlog and wtmp themselves (not by NSS: accounts of a directory are judged
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
#include <utmp.h>

#include "common/text.h"
#include "platform/etc.h"
#include "platform/probe.h"
#include "platform/sudoers.h"

#define ACCOUNTS_MAX 2000
#define WTMP_RECORDS 20000
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
	if (*h == '$')
		return "other";
	/* crypt(3) of old has 13 letters, BSD's a "_" and more; what is neither is met by no password. */
	size_t n = strspn(h + (*h == '_'), "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	return n >= 13 && h[n + (*h == '_')] == '\0' ? "des" : "locked";
}

/* name -> {"hash":kind,"changed_day":N|null,"must_change":bool} */
static json_t *shadow(const char *root, int *why)
{
	char *text = sk_etc_read(root, "/etc/shadow", why), *at = text, *f[9];
	json_t *out = text ? json_object() : NULL;

	for (char *line; text && json_object_size(out) < ACCOUNTS_MAX && (line = strsep(&at, "\n"));) {
		long long day = -1;

		char name[128];
		if (fields(line, f, 9) < 3)
			continue;
		sk_text_escape(name, sizeof(name), f[0], strlen(f[0]));
		bool dated = sk_text_i64(f[2], 0, 1000000, &day) == 0;
		json_object_set_new(out, name,
		                    json_pack("{s:s, s:o, s:b}", "hash", hash_kind(f[1]), "changed_day",
		                              dated ? json_integer((json_int_t)day) : json_null(), "must_change",
		                              dated && day == 0));
	}
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return out;
}

/* Logins noted in wtmp, name -> seconds: what a desktop's login writes, which lastlog does not see. Only the newest part of a large file. */
static void read_wtmp(const char *root, const char *file, json_t *out)
{
	char path[512], name[sizeof(((struct utmp *)0)->ut_user) + 1] = "";
	struct utmp u;
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", root, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	off_t at = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size - st.st_size % (off_t)sizeof(u) : 0;
	off_t end = at - WTMP_RECORDS * (off_t)sizeof(u);
	for (; at > 0 && at > end; at -= (off_t)sizeof(u)) {
		if (pread(fd, &u, sizeof(u), at - (off_t)sizeof(u)) != (ssize_t)sizeof(u))
			break;
		memcpy(name, u.ut_user, sizeof(u.ut_user));
		long long t = (uint32_t)u.ut_tv.tv_sec, had = json_integer_value(json_object_get(out, name));
		if (u.ut_type == USER_PROCESS && name[0] && sk_text_is_utf8(name, strlen(name)) && t > had)
			json_object_set_new(out, name, json_integer((json_int_t)t));
	}
	close(fd);
}

/* Seconds since 1970 of the last login of an account; 0 = never; -1 = not known. */
static long long last_login(int fd, unsigned long long uid, const char *name, const json_t *wtmp)
{
	const json_t *noted = json_object_get(wtmp, name);
	long long seen = noted ? (long long)json_integer_value(noted) : -1;
	uint32_t at = 0;

	if (fd < 0 || uid > 10000000 || pread(fd, &at, sizeof(at), (off_t)(uid * LASTLOG_SIZE)) < 0)
		return seen;
	return (long long)at > seen ? (long long)at : seen;
}

/* Of one file in somebody's home, which is theirs to arrange: no link is followed, nothing is waited for. -1: it is there and could not be read. */
static int count_keys(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW), n = -1;
	struct stat st;
	FILE *f;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > SK_ETC_MAX || !(f = fdopen(fd, "re"))) {
		close(fd);
		return -1;
	}
	char line[8192];
	bool whole = true;
	for (n = 0; n < 10000 && fgets(line, sizeof(line), f);) {
		const char *s = line + strspn(line, " \t");
		n += whole && *s && *s != '#' && *s != '\n';
		whole = strchr(line, '\n') != NULL;
	}
	n = ferror(f) ? -1 : n;
	fclose(f);
	return n;
}

/* Keys that open an account; -1 = not known. */
static int keys_of(const char *root, const char *home)
{
	char path[400];
	int n = 0;

	if (home[0] != '/' || snprintf(path, sizeof(path), "%s%s", root, home) >= (int)sizeof(path))
		return 0;
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ssh = dir < 0 ? dir : openat(dir, ".ssh", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	bool none = errno == ENOENT || (dir < 0 && errno == ENOTDIR);
	if (dir >= 0)
		close(dir);
	if (ssh < 0)
		return none ? 0 : -1;
	for (int i = 0; i < 2 && n >= 0; i++) {
		int k = count_keys(ssh, i ? "authorized_keys2" : "authorized_keys");
		n = k < 0 ? -1 : n + k;
	}
	close(ssh);
	return n;
}

static bool may_log_in(const char *shell)
{
	const char *base = strrchr(shell, '/');

	base = base ? base + 1 : shell;
	return strcmp(base, "nologin") != 0 && strcmp(base, "false") != 0 && strcmp(base, "sync") != 0 &&
	       strcmp(base, "halt") != 0 && strcmp(base, "shutdown") != 0;
}

static json_t *account(const char *root, char **f, const json_t *shadowed, int lastlog, const json_t *wtmp)
{
	char name[128];
	sk_text_escape(name, sizeof(name), f[0], strlen(f[0]));
	const json_t *s = json_object_get(shadowed, name);
	unsigned long long uid = 0;
	char shell[128];

	(void)sk_text_u64(f[2], 0, UINT32_MAX, &uid);
	sk_text_escape(shell, sizeof(shell), f[6], strlen(f[6]));
	return json_pack("{s:s, s:I, s:s, s:b, s:s, s:O?, s:b, s:I, s:I}", "name", name, "uid", (json_int_t)uid,
	                 "shell", shell, "login", may_log_in(f[6]), "hash",
	                 s ? json_string_value(json_object_get(s, "hash")) : (f[1][0] ? "other" : "empty"),
	                 "changed_day", json_object_get(s, "changed_day"), "must_change",
	                 json_is_true(json_object_get(s, "must_change")), "last_login",
	                 (json_int_t)last_login(lastlog, uid, name, wtmp), "ssh_keys", (json_int_t)keys_of(root, f[5]));
}

static json_t *accounts(const char *root, int *why)
{
	char *text = sk_etc_read(root, "/etc/passwd", why), *at = text, *f[7], path[512];
	json_t *out = NULL, *shadowed = text ? shadow(root, why) : NULL;

	if (shadowed) {
		snprintf(path, sizeof(path), "%s/var/log/lastlog", root);
		int lastlog = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

		json_t *wtmp = json_object();

		read_wtmp(root, "/var/log/wtmp.1", wtmp);
		read_wtmp(root, "/var/log/wtmp", wtmp);
		out = json_array();
		for (char *line; json_array_size(out) < ACCOUNTS_MAX && (line = strsep(&at, "\n"));) {
			if (fields(line, f, 7) == 7)
				json_array_append_new(out, account(root, f, shadowed, lastlog, wtmp));
		}
		json_decref(wtmp);
		if (json_array_size(out) == ACCOUNTS_MAX) { /* there may be more, and who is left out is not judged */
			json_decref(out);
			out = NULL;
			*why = -E2BIG;
		}
		if (lastlog >= 0)
			close(lastlog);
	}
	json_decref(shadowed);
	free(text);
	return out;
}

json_t *sk_probe_accounts(const char *root)
{
	struct sk_privileges p;
	int why = 0;
	json_t *list = accounts(root, &why), *facts;

	if (!list)
		return json_pack("{s:s}", "error", strerror(-why));
	if (sk_privileges_read(root, &p) < 0) {
		json_decref(list);
		return NULL;
	}
	facts = json_pack("{s:o, s:O, s:O, s:O}", "accounts", list, "admins", p.admins, "no_password", p.no_password,
	                  "unread", p.unread);
	sk_privileges_clear(&p);
	return facts;
}

static void quality_file(const char *root, const char *path, json_t *out)
{
	static const char *const keys[] = {"minlen",  "dcredit",  "ucredit",  "lcredit",
	                                   "ocredit", "minclass", "enforcing"};
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
