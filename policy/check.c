/*
 * The list of checks, their parameters, and what is the same for all: a probe that failed is "unknown" with its reason, a verdict carries
 * its facts as evidence.
 */
#include "policy/check.h"

#include <limits.h>
#include <string.h>

#include "common/buf.h"
#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"

static const char *const state_names[] = {"not-applicable", "compliant",     "in-grace", "exempt",
                                          "unknown",        "non-compliant", "error",    "silent"};
static const char *const state_words[] = {N_("not applicable"), N_("compliant"), N_("in grace period"),
                                          N_("exempt"),         N_("unknown"),   N_("non-compliant"),
                                          N_("error"),          N_("no answer")};
static const char *const duty_names[] = {"must", "principle", "should", "effort", "as-needed"};

const char *sk_state_name(enum sk_state s)
{
	return (unsigned)s < sizeof(state_names) / sizeof(*state_names) ? state_names[s] : "error";
}

const char *sk_state_word(enum sk_state s)
{
	return (unsigned)s < sizeof(state_words) / sizeof(*state_words) ? state_words[s] : state_words[SK_STATE_ERROR];
}

int sk_state_parse(const char *name, enum sk_state *out)
{
	for (size_t i = 0; name && i < sizeof(state_names) / sizeof(*state_names); i++) {
		if (strcmp(state_names[i], name) == 0) {
			*out = (enum sk_state)i;
			return 0;
		}
	}
	return -1;
}

const struct sk_check *sk_checks(size_t *n)
{
	static struct sk_check all[3];
	static bool filled;

	if (!filled) {
		all[0] = sk_check_screen_lock;
		all[1] = sk_check_disk_encryption;
		all[2] = sk_check_antivirus;
		filled = true;
	}
	*n = sizeof(all) / sizeof(*all);
	return all;
}

const struct sk_check *sk_check_find(const char *id)
{
	size_t n;
	const struct sk_check *all = sk_checks(&n);

	for (size_t i = 0; id && i < n; i++)
		if (strcmp(all[i].id, id) == 0)
			return &all[i];
	return NULL;
}

void sk_check_params_default(struct sk_check_params *p)
{
	memset(p, 0, sizeof(*p));
	p->screen_idle_s = 600;
	p->screen_enforce = true;
	p->disk_swap = true;
	p->av_max_age_s = 7 * 86400;
	sk_text_copy(p->av_socket, sizeof(p->av_socket), "/run/clamav/clamd.ctl");
}

static int read_yes_no(const struct sk_ini *ini, const struct sk_ini_entry *e, bool *out, struct sk_err *err)
{
	if (strcmp(e->value, "yes") == 0)
		*out = true;
	else if (strcmp(e->value, "no") == 0)
		*out = false;
	else
		return sk_ini_fail(ini, e->line, err, "%s = %s; write yes or no", e->key, e->value);
	return 0;
}

static int read_span(const struct sk_ini *ini, const struct sk_ini_entry *e, long long min, long long max,
                     long long *out, struct sk_err *err)
{
	if (sk_text_duration(e->value, min, max, out) == 0)
		return 0;
	return sk_ini_fail(ini, e->line, err,
	                   "%s = %s; write a time such as 90s, 10m, 8h or 7d between %lld and %lld seconds", e->key,
	                   e->value, min, max);
}

static int read_param(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_check_params *p,
                      struct sk_err *err)
{
	if (strcmp(e->section, "check screen-lock") == 0) {
		if (strcmp(e->key, "idle_limit") == 0)
			return read_span(ini, e, 30, 86400, &p->screen_idle_s, err);
		if (strcmp(e->key, "enforce") == 0)
			return read_yes_no(ini, e, &p->screen_enforce, err);
	} else if (strcmp(e->section, "check disk-encryption") == 0) {
		if (strcmp(e->key, "swap") == 0)
			return read_yes_no(ini, e, &p->disk_swap, err);
	} else if (strcmp(e->section, "check antivirus") == 0) {
		if (strcmp(e->key, "max_age") == 0)
			return read_span(ini, e, 3600, 365LL * 86400, &p->av_max_age_s, err);
		if (strcmp(e->key, "socket") == 0) {
			if (e->value[0] != '/' || strlen(e->value) >= sizeof(p->av_socket))
				return sk_ini_fail(ini, e->line, err,
				                   "socket must be an absolute path of at most %zu bytes",
				                   sizeof(p->av_socket) - 1);
			sk_text_copy(p->av_socket, sizeof(p->av_socket), e->value);
			return 0;
		}
	}
	return sk_ini_fail(ini, e->line, err, "[%s] has no key \"%s\"; remove the line or mend its name", e->section,
	                   e->key);
}

int sk_check_params_read(const struct sk_ini *ini, struct sk_check_params *p, struct sk_err *err)
{
	struct sk_check_params read = *p;

	for (size_t i = 0; i < ini->n_sections; i++) {
		const char *name = ini->sections[i].name;
		if (strncmp(name, "check ", 6) == 0 && !sk_check_find(name + 6))
			return sk_ini_fail(
			    ini, ini->sections[i].line, err,
			    "there is no check \"%s\"; known are screen-lock, disk-encryption, antivirus", name + 6);
	}
	for (size_t i = 0; i < ini->n_entries; i++) {
		const struct sk_ini_entry *e = &ini->entries[i];
		if (strncmp(e->section, "check ", 6) != 0)
			continue;
		int r = read_param(ini, e, &read, err);
		if (r < 0)
			return r;
	}
	*p = read;
	return 0;
}

void sk_check_say(json_t *detail, const char *msgid, const char *arg1, const char *arg2)
{
	json_t *args = json_array();

	if (arg1)
		json_array_append_new(args, json_string(arg1));
	if (arg2)
		json_array_append_new(args, json_string(arg2));
	json_array_append_new(detail, json_pack("{s:s, s:o}", "text", msgid, "args", args));
}

json_t *sk_check_evaluate(const struct sk_check *c, const struct sk_check_params *p, const json_t *facts,
                          long long now_ms)
{
	json_t *detail = json_array();
	const char *problem =
	    facts ? json_string_value(json_object_get(facts, "error")) : N_("the probe gave no answer");
	enum sk_state state;

	if (problem || !json_is_object(facts)) {
		state = SK_STATE_UNKNOWN;
		sk_check_say(detail, N_("The state could not be read: %1"), problem ? problem : "?", NULL);
	} else {
		state = c->judge(p, facts, now_ms, detail);
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O?, s:I}", "id", c->id, "row", c->row, "clause", c->clause,
	                 "duty", duty_names[c->duty], "state", sk_state_name(state), "detail", detail, "evidence",
	                 json_is_object(facts) ? (json_t *)facts : NULL, "at", (json_int_t)now_ms);
}

void sk_check_sentence(const json_t *entry, int lang, struct sk_buf *out)
{
	const char *msgid = json_string_value(json_object_get(entry, "text"));
	const json_t *args = json_object_get(entry, "args");
	const char *text = msgid ? sk_tr((enum sk_lang)lang, msgid) : "";

	for (; *text; text++) {
		if (*text == '%' && text[1] >= '1' && text[1] <= '9') {
			const char *arg = json_string_value(json_array_get(args, (size_t)(text[1] - '1')));
			sk_buf_adds(out, arg ? sk_tr((enum sk_lang)lang, arg) : "?");
			text++;
		} else {
			sk_buf_addc(out, *text);
		}
	}
}
