/* The server's configuration: a table of keys over the strict INI, defaults, and bounds. */
#include "server/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/ini.h"
#include "common/text.h"
#include "server/proxy_header.h"
#include "server/serve.h"

#define DAY 86400LL

enum type {
	FORMAT,
	TEXT,
	HOST,
	NAMES,
	ADDRESSES,
	LISTEN,
	PATH,
	URL,
	STORE,
	LDAP_URL,
	FILTER,
	ATTRIBUTE,
	DURATION,
	COUNT,
	NEED
};

struct key {
	const char *section, *key;
	enum type type;
	size_t at, size; /* member and, for texts, its bytes */
	long long min, max, unit; /* numbers; unit: seconds the member counts in */
};

#define M(m)  offsetof(struct sk_server_config, m), sizeof(((struct sk_server_config *)0)->m)
#define TX(m) M(m), 0, 0, 0

static const struct key keys[] = {
    {"server", "state", PATH, TX(state_dir)},
    {"server", "name", HOST, TX(name)},
    {"server", "agents_url", URL, TX(agents_url)},
    {"server", "more_names", NAMES, TX(more_names)},
    {"server", "certificate", DURATION, M(server_cert_s), 10, 825 * DAY, 1},
    {"server", "log", FORMAT, TX(log)},
    {"server", "locale", PATH, TX(locale_dir)},
    {"store", "url", STORE, TX(store_url)},
    {"listen", "agents", LISTEN, TX(agents_listen)},
    {"listen", "console", LISTEN, TX(console_listen)},
    {"listen", "proxies", ADDRESSES, TX(proxies)},
    {"listen", "drain", DURATION, M(drain_s), 0, 600, 1},
    {"office", "name_ja", TEXT, TX(office_ja)},
    {"office", "name_en", TEXT, TX(office_en)},
    {"console", "idle", DURATION, M(session_idle_s), 60, DAY, 1},
    {"console", "max", DURATION, M(session_max_s), 60, 7 * DAY, 1},
    {"console", "attempts", COUNT, M(login_limit), 1, 100, 1},
    {"console", "cards", PATH, TX(cards)},
    {"console", "second_factor", NEED, M(second_factor), 0, 1, 1},
    {"console", "lock", DURATION, M(login_lock_s), 1, DAY, 1},
    {"terminals", "silent", DURATION, M(silent_s), 60, 365 * DAY, 1},
    {"terminals", "requests", COUNT, M(requests_minute), 10, 1000000, 1},
    {"terminals", "certificate", DURATION, M(cert_days), DAY, 825 * DAY, DAY},
    {"directory", "url", LDAP_URL, TX(directory.url)},
    {"directory", "base", TEXT, TX(directory.base)},
    {"directory", "people", FILTER, TX(directory.people)},
    {"directory", "bind_dn", TEXT, TX(directory.bind_dn)},
    {"directory", "secret", PATH, TX(directory.secret)},
    {"directory", "ca", PATH, TX(directory.ca)},
    {"directory", "user", ATTRIBUTE, TX(directory.user)},
    {"directory", "name", ATTRIBUTE, TX(directory.name)},
    {"directory", "unit", ATTRIBUTE, TX(directory.unit)},
    {"directory", "title", ATTRIBUTE, TX(directory.title)},
    {"directory", "timeout", DURATION, M(directory.timeout_s), 1, 60, 1},
    {"grants", "longest", DURATION, M(grant_max_s), 60, 366 * DAY, 1},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

void sk_server_config_default(struct sk_server_config *c)
{
	*c = (struct sk_server_config){
	    .state_dir = "/var/lib/sekimori-server",
	    .name = "localhost",
	    .agents_listen = "127.0.0.1:8443",
	    .console_listen = "127.0.0.1:8444",
	    .office_ja = "情報セキュリティ統括部門",
	    .office_en = "Information Security Office",
	    .session_idle_s = 15 * 60,
	    .session_max_s = 8 * 3600,
	    .login_limit = 5,
	    .login_lock_s = 15 * 60,
	    .silent_s = 3 * DAY,
	    .cert_days = 90,
	    .log = "text",
	    .server_cert_s = 397 * DAY,
	    .requests_minute = 600,
	    .grant_max_s = 14 * DAY,
	    .locale_dir = "/usr/share/sekimori-server/locale",
	};
	sk_directory_default(&c->directory);
}

/* "ADDRESS:PORT" or "[V6]:PORT" */
static bool is_listen(const char *v)
{
	const char *colon = strrchr(v, ':');
	unsigned long long port;

	return colon != NULL && colon != v && sk_text_u64(colon + 1, 0, 65535, &port) == 0;
}

static bool is_store(const char *v)
{
	return strncmp(v, "postgresql://", 13) == 0 || strncmp(v, "postgres://", 11) == 0;
}

static bool is_ldap(const char *v)
{
	return (strncmp(v, "ldaps://", 8) == 0 && v[8] != '\0') || (strncmp(v, "ldap://", 7) == 0 && v[7] != '\0');
}

/* One pair of parentheses around all of it; what is inside is the directory's to judge. */
static bool is_filter(const char *v)
{
	int depth = 0;

	for (const char *p = v; *p != '\0'; p++) {
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (depth < 1 && p[1] != '\0')
			return false;
	}
	return v[0] == '(' && depth == 0;
}

static bool is_attribute(const char *v)
{
	return v[0] != '\0' &&
	       strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(v);
}

static bool are_names(const char *v)
{
	char copy[512], *save = NULL;

	sk_text_copy(copy, sizeof(copy), v);
	for (char *n = strtok_r(copy, " ", &save); n != NULL; n = strtok_r(NULL, " ", &save)) {
		if (!sk_text_is_host(n) && strchr(n, ':') == NULL)
			return false;
	}
	return true;
}

static int read_text(const struct sk_ini *ini, const struct sk_ini_entry *e, const struct key *k, char *dst,
                     struct sk_err *err)
{
	const char *want = NULL;
	struct sk_proxies proxies;

	if (strlen(e->value) >= k->size)
		return sk_ini_fail(ini, e->line, err, "%s is longer than %zu bytes", k->key, k->size - 1);
	if (k->type == PATH && e->value[0] != '/')
		want = "a path that begins with /";
	else if (k->type == FORMAT && strcmp(e->value, "text") != 0 && strcmp(e->value, "json") != 0)
		want = "text or json";
	else if (k->type == HOST && !sk_text_is_host(e->value) && strchr(e->value, ':') == NULL)
		want = "a host name or an address";
	else if (k->type == NAMES && !are_names(e->value))
		want = "host names or addresses with blanks between them";
	else if (k->type == ADDRESSES && sk_proxies_parse(e->value, &proxies) < 0)
		want = "at most 16 numeric addresses with blanks between them";
	else if (k->type == LISTEN && !is_listen(e->value))
		want = "ADDRESS:PORT, for example 127.0.0.1:8443";
	else if (k->type == URL && (strncmp(e->value, "https://", 8) != 0 || !is_listen(e->value + 8)))
		want = "https://HOST:PORT";
	else if (k->type == STORE && e->value[0] != '\0' && !is_store(e->value))
		want = "postgresql://.., or empty for SQLite in the state folder";
	else if (k->type == LDAP_URL && e->value[0] != '\0' && !is_ldap(e->value))
		want = "ldaps://HOST[:PORT], ldap://HOST[:PORT] (with StartTLS), or empty";
	else if (k->type == FILTER && !is_filter(e->value))
		want = "a filter in parentheses, for example (objectClass=person)";
	else if (k->type == ATTRIBUTE && !is_attribute(e->value))
		want = "the name of an attribute, for example uid";
	if (want != NULL)
		return sk_ini_fail(ini, e->line, err, "%s must be %s", k->key, want);
	sk_text_copy(dst, k->size, e->value);
	return 0;
}

static int read_number(const struct sk_ini *ini, const struct sk_ini_entry *e, const struct key *k, void *dst,
                       struct sk_err *err)
{
	long long v = 0;
	int r = k->type == COUNT ? sk_text_i64(e->value, k->min, k->max, &v)
	                         : sk_text_duration(e->value, k->min, k->max, &v);

	if (k->type == NEED) {
		v = strcmp(e->value, "required") == 0;
		r = v == 1 || strcmp(e->value, "optional") == 0 ? 0 : -EINVAL;
		if (r < 0)
			return sk_ini_fail(ini, e->line, err, "%s must be optional or required", k->key);
	}
	if (r < 0 && k->type == COUNT)
		return sk_ini_fail(ini, e->line, err, "%s must be a number from %lld to %lld", k->key, k->min, k->max);
	if (r < 0)
		return sk_ini_fail(ini, e->line, err, "%s must be a time such as 15m, 8h or 3d, from %llds to %llds",
		                   k->key, k->min, k->max);
	if (k->size == sizeof(int))
		*(int *)dst = (int)v;
	else
		*(long long *)dst = v / k->unit;
	return 0;
}

static int read_all(const struct sk_ini *ini, struct sk_server_config *c, struct sk_err *err)
{
	struct sk_ini_key schema[N_KEYS];
	int r;

	for (size_t i = 0; i < N_KEYS; i++)
		schema[i] = (struct sk_ini_key){keys[i].section, keys[i].key};
	r = sk_ini_check(ini, schema, N_KEYS, err);
	for (size_t i = 0; i < N_KEYS && r == 0; i++) {
		const struct sk_ini_entry *e = sk_ini_get(ini, keys[i].section, keys[i].key);
		char *at = (char *)c + keys[i].at;

		if (e != NULL)
			r = keys[i].type < DURATION ? read_text(ini, e, &keys[i], at, err)
			                            : read_number(ini, e, &keys[i], at, err);
	}
	return r;
}

void sk_server_store_path(const struct sk_server_config *c, char *path, size_t size)
{
	if (c->store_url[0] != '\0')
		sk_text_copy(path, size, c->store_url);
	else
		snprintf(path, size, "%s/%s", c->state_dir, SK_LEDGER_FILE);
}

int sk_server_config_load(const char *path, struct sk_server_config *c, struct sk_err *err)
{
	struct sk_server_config fresh;
	struct sk_ini *ini = NULL;
	int r = sk_ini_load(path, &ini, err);

	if (r < 0)
		return r;
	sk_server_config_default(&fresh);
	r = read_all(ini, &fresh, err);
	if (r == 0 && fresh.session_idle_s > fresh.session_max_s)
		r = sk_err_set(err, -EINVAL, "%s: [console] idle is longer than max; make it shorter", path);
	if (r == 0 && fresh.directory.url[0] != '\0' && fresh.directory.base[0] == '\0')
		r = sk_err_set(err, -EINVAL, "%s: [directory] url without base; say below which entry people are",
		               path);
	if (r == 0 && (fresh.directory.bind_dn[0] == '\0') != (fresh.directory.secret[0] == '\0'))
		r = sk_err_set(err, -EINVAL, "%s: [directory] bind_dn and secret go together", path);
	sk_ini_free(ini);
	if (r == 0)
		*c = fresh;
	return r;
}
