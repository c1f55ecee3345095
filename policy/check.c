/*
 * The list of checks, their parameters, and what is the same for all: a probe that failed is "unknown" with its reason, a verdict carries
 * its facts as evidence.
 */
#include "policy/check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"

#define CHECK "check "

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

static const struct sk_check *const list[] = {
    &sk_check_screen_lock,  &sk_check_disk_encryption, &sk_check_login_factors, &sk_check_passwords,
    &sk_check_login_limits, &sk_check_accounts,        &sk_check_antivirus,     &sk_check_updates,
    &sk_check_support,      &sk_check_services,        &sk_check_firewall,      &sk_check_clock,
    &sk_check_logs,         &sk_check_software,        &sk_check_networks,      &sk_check_wireless,
    &sk_check_hardware,     &sk_check_ic_card,         &sk_check_boot,          &sk_check_antivirus_settings,
    &sk_check_full_scan,
};
#define N_CHECKS (sizeof(list) / sizeof(*list))

const struct sk_check *sk_checks(size_t *n)
{
	static struct sk_check all[N_CHECKS];
	static bool filled;

	_Static_assert(N_CHECKS <= SK_CHECKS_MAX, "a mask of checks has 32 bits");
	for (size_t i = 0; !filled && i < N_CHECKS; i++)
		all[i] = *list[i];
	filled = true;
	*n = N_CHECKS;
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

void sk_check_params_clear(struct sk_check_params *p)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		sk_params_clear(p->set[i].v, SK_CHECK_PARAMS);
}

int sk_check_params_default(struct sk_check_params *p)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < N_CHECKS; i++) {
		p->set[i].applies = true;
		p->set[i].grace_s = list[i]->grace_s;
		if (sk_params_default(list[i]->params, list[i]->n_params, p->set[i].v) < 0) {
			sk_check_params_clear(p);
			return -ENOMEM;
		}
	}
	return 0;
}

static int index_of(const char *id)
{
	for (size_t i = 0; i < N_CHECKS; i++)
		if (strcmp(list[i]->id, id) == 0)
			return (int)i;
	return -ENOENT;
}

const struct sk_check_set *sk_check_set_of(const struct sk_check_params *p, const struct sk_check *c)
{
	int i = index_of(c->id);

	return i < 0 ? NULL : &p->set[i];
}

const struct sk_param_value *sk_check_param(const struct sk_check_params *p, const char *id, const char *name)
{
	static const struct sk_param_value none;
	int i = index_of(id);

	for (size_t k = 0; i >= 0 && k < list[i]->n_params; k++)
		if (strcmp(list[i]->params[k].name, name) == 0)
			return &p->set[i].v[k];
	return &none;
}

/* What every check may have. */
static const struct sk_param common_params[] = {
    {.name = "applies", .type = SK_PARAM_YES},
    {.name = "grace", .type = SK_PARAM_SPAN, .min = 0, .max = 366 * 86400},
};

static int read_param(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_check_params *p,
                      struct sk_err *err)
{
	int i = index_of(e->section + sizeof(CHECK) - 1), r;
	struct sk_check_set *set = &p->set[i];
	struct sk_param_value common[2] = {{.n = set->applies}, {.n = set->grace_s}};

	r = sk_params_set(common_params, 2, ini, e, common, err);
	set->applies = common[0].n;
	set->grace_s = common[1].n;
	if (r == -ENOENT)
		r = sk_params_set(list[i]->params, list[i]->n_params, ini, e, set->v, err);
	if (r == -ENOENT)
		return sk_ini_fail(ini, e->line, err, "[%s] has no key \"%s\"; remove the line or mend its name",
		                   e->section, e->key);
	return r;
}

static int known_sections(const struct sk_ini *ini, struct sk_err *err)
{
	char known[512] = "";

	for (size_t i = 0; i < N_CHECKS; i++) {
		size_t at = strlen(known);
		snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "", list[i]->id);
	}
	for (size_t i = 0; i < ini->n_sections; i++) {
		const char *name = ini->sections[i].name;
		if (strncmp(name, CHECK, sizeof(CHECK) - 1) == 0 && index_of(name + sizeof(CHECK) - 1) < 0)
			return sk_ini_fail(ini, ini->sections[i].line, err, "there is no check \"%.64s\"; known are %s",
			                   name + sizeof(CHECK) - 1, known);
	}
	return 0;
}

/* What the policy does not say keeps its value: the texts are copied. */
static int params_copy(const struct sk_check_params *from, struct sk_check_params *to)
{
	*to = *from;
	for (size_t i = 0; i < N_CHECKS; i++) {
		for (size_t k = 0; k < SK_CHECK_PARAMS; k++)
			to->set[i].v[k].text = NULL;
	}
	for (size_t i = 0; i < N_CHECKS; i++) {
		for (size_t k = 0; k < SK_CHECK_PARAMS; k++) {
			const char *text = from->set[i].v[k].text;
			if (text && !(to->set[i].v[k].text = strdup(text))) {
				sk_check_params_clear(to);
				return -ENOMEM;
			}
		}
	}
	return 0;
}

int sk_check_params_read(const struct sk_ini *ini, struct sk_check_params *p, struct sk_err *err)
{
	struct sk_check_params read;
	int r = known_sections(ini, err);

	if (r == 0 && params_copy(p, &read) < 0)
		r = sk_err_set(err, -ENOMEM, "%s: no memory", ini->file);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < ini->n_entries; i++) {
		const struct sk_ini_entry *e = &ini->entries[i];
		if (strncmp(e->section, CHECK, sizeof(CHECK) - 1) == 0)
			r = read_param(ini, e, &read, err);
	}
	sk_check_params_clear(r == 0 ? p : &read);
	if (r == 0)
		*p = read;
	return r;
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

/* Non-compliant for less than the grace the policy gives is "in grace"; the count starts when it was first found. */
static enum sk_state with_grace(const struct sk_check_set *p, enum sk_state state, long long now_ms, long long *since,
                                json_t *detail)
{
	char days[32];

	if (state == SK_STATE_UNKNOWN || state == SK_STATE_ERROR)
		return state;
	if (state != SK_STATE_NON_COMPLIANT) {
		*since = 0;
		return state;
	}
	if (*since <= 0 || *since > now_ms)
		*since = now_ms;
	long long left = *since + p->grace_s * 1000 - now_ms;
	if (p->grace_s == 0 || left <= 0)
		return state;
	snprintf(days, sizeof(days), "%lld", (left + 3599999) / 3600000);
	sk_check_say(detail, N_("To be put right within %1 hours."), days, NULL);
	return SK_STATE_IN_GRACE;
}

static enum sk_state evaluate(const struct sk_check *c, const struct sk_check_set *p, const json_t *facts,
                              long long now_ms, long long *since, json_t *detail)
{
	const char *problem =
	    facts ? json_string_value(json_object_get(facts, "error")) : N_("the probe gave no answer");

	if (!p->applies) {
		*since = 0;
		sk_check_say(detail, N_("The policy does not ask for this on this terminal."), NULL, NULL);
		return SK_STATE_NOT_APPLICABLE;
	}
	if (problem || !json_is_object(facts)) {
		sk_check_say(detail, N_("The state could not be read: %1"), problem ? problem : "?", NULL);
		return SK_STATE_UNKNOWN;
	}
	return with_grace(p, c->judge(p, facts, now_ms, detail), now_ms, since, detail);
}

json_t *sk_check_evaluate(const struct sk_check *c, const struct sk_check_set *p, const json_t *facts, long long now_ms,
                          long long *since)
{
	json_t *detail = json_array();
	enum sk_state state = evaluate(c, p, facts, now_ms, since, detail);

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O?, s:I, s:o?}", "id", c->id, "row", c->row, "clause",
	                 c->clause, "duty", duty_names[c->duty], "state", sk_state_name(state), "detail", detail,
	                 "evidence", json_is_object(facts) ? (json_t *)facts : NULL, "at", (json_int_t)now_ms, "since",
	                 *since ? json_integer((json_int_t)*since) : NULL);
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
