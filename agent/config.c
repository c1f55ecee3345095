/* The agent's configuration: a table of keys, each with the function that checks its value once. */
#include "agent/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/ini.h"
#include "common/text.h"

#define SECTION "agent"

static const struct sk_ini_key schema[] = {
    {SECTION, "state"},     {SECTION, "run"},  {SECTION, "language"},    {SECTION, "log"},
    {SECTION, "spool_max"}, {SECTION, "keep"}, {SECTION, "check_every"},
};

void sk_agent_config_default(struct sk_agent_config *c)
{
	memset(c, 0, sizeof *c);
	sk_text_copy(c->state, sizeof c->state, "/var/lib/sekimori");
	sk_text_copy(c->run, sizeof c->run, "/run/sekimori");
	sk_text_copy(c->file, sizeof c->file, "/etc/sekimori/agent.ini");
	sk_text_copy(c->policy, sizeof c->policy, "/etc/sekimori/policy.ini");
	sk_text_copy(c->probe, sizeof c->probe, "/usr/lib/sekimori/sekimori-probe");
	c->language = SK_LANG_JA;
	c->log = SK_LOG_NOTICE;
	c->spool_max = 64 << 20;
	c->check_every_s = 4 * 3600;
}

int sk_parse_size(const char *s, int64_t min, int64_t max, int64_t *out)
{
	char digits[24];
	size_t n = strlen(s);
	long long unit = 1, v;
	int r;

	if (n == 0 || n >= sizeof digits)
		return -EINVAL;
	memcpy(digits, s, n + 1);
	switch (digits[n - 1]) {
	case 'K':
		unit = 1LL << 10;
		break;
	case 'M':
		unit = 1LL << 20;
		break;
	case 'G':
		unit = 1LL << 30;
		break;
	}
	if (unit > 1)
		digits[n - 1] = '\0';
	r = sk_text_i64(digits, 0, INT64_MAX / unit, &v);
	if (r < 0)
		return r;
	if (v * unit < min || v * unit > max)
		return -ERANGE;
	*out = v * unit;
	return 0;
}

static int read_path(const struct sk_ini *ini, const struct sk_ini_entry *e, char out[SK_PATH_MAX], struct sk_err *err)
{
	/* Room for the names of the files in it; and no "..": what is written in the file is where it is. */
	if (e->value[0] != '/' || strlen(e->value) > SK_PATH_MAX - 64 || strstr(e->value, ".."))
		return sk_ini_fail(ini, e->line, err, "%s must be an absolute path of at most %d bytes without \"..\"",
		                   e->key, SK_PATH_MAX - 64);
	sk_text_copy(out, SK_PATH_MAX, e->value);
	return 0;
}

static int read_log(const char *v, enum sk_log_level *out)
{
	static const struct {
		const char *name;
		enum sk_log_level level;
	} names[] = {{"err", SK_LOG_ERR},
	             {"warning", SK_LOG_WARNING},
	             {"notice", SK_LOG_NOTICE},
	             {"info", SK_LOG_INFO},
	             {"debug", SK_LOG_DEBUG}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(v, names[i].name)) {
			*out = names[i].level;
			return 0;
		}
	return -EINVAL;
}

static int read_entry(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_agent_config *c,
                      struct sk_err *err)
{
	if (!strcmp(e->key, "state"))
		return read_path(ini, e, c->state, err);
	if (!strcmp(e->key, "run"))
		return read_path(ini, e, c->run, err);
	if (!strcmp(e->key, "language"))
		return sk_lang_parse(e->value, &c->language) < 0
		           ? sk_ini_fail(ini, e->line, err, "language must be ja or en")
		           : 0;
	if (!strcmp(e->key, "log"))
		return read_log(e->value, &c->log) < 0
		           ? sk_ini_fail(ini, e->line, err, "log must be err, warning, notice, info or debug")
		           : 0;
	if (!strcmp(e->key, "spool_max"))
		return sk_parse_size(e->value, 1 << 20, 16LL << 30, &c->spool_max) < 0
		           ? sk_ini_fail(ini, e->line, err, "spool_max must be a size from 1M to 16G, such as 64M")
		           : 0;
	if (!strcmp(e->key, "keep"))
		return sk_text_duration(e->value, 86400, 36500LL * 86400, &c->keep_s) < 0
		           ? sk_ini_fail(ini, e->line, err, "keep must be a duration from 1d to 36500d, such as 400d")
		           : 0;
	return sk_text_duration(e->value, 300, 7 * 86400, &c->check_every_s) < 0
	           ? sk_ini_fail(ini, e->line, err, "check_every must be a duration from 5m to 7d, such as 4h")
	           : 0;
}

int sk_agent_config_load(struct sk_agent_config *c, int fix_state, int fix_run, struct sk_err *err)
{
	struct sk_agent_config n = *c;
	struct sk_ini *ini = NULL;
	int r = sk_ini_load(c->file, &ini, err);

	if (r < 0)
		return r;
	r = sk_ini_check(ini, schema, sizeof schema / sizeof *schema, err);
	for (size_t i = 0; r == 0 && i < ini->n_entries; i++)
		r = read_entry(ini, &ini->entries[i], &n, err);
	sk_ini_free(ini);
	if (r < 0)
		return r;
	if (fix_state)
		memcpy(n.state, c->state, sizeof n.state);
	if (fix_run)
		memcpy(n.run, c->run, sizeof n.run);
	*c = n;
	return 0;
}
