/*
 * P6 accounts and privileges, 6.2(1)イ(ウ) and ウ(ア)(オ)(カ). Facts (platform/probe_accounts.c): {"accounts":[{"name","uid","login":bool,"hash",
 * "changed_day","last_login":s (0 = never, -1 = not known),"ssh_keys":n}],"admins":[{"name","by"}],"no_password":[{"file","line"}],"unread":[{"file","why"}]}. ssh_keys -1: not known. An account
 * is open when somebody could log in with it: a shell, and a password or a key.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { UNUSED, ADMINS, MAX_ADMINS, DEFAULT_NAMES, NO_PASSWORD };
static const struct sk_param params[] = {
    [UNUSED] = {.name = "unused", .type = SK_PARAM_SPAN, .min = 86400, .max = 3650LL * 86400, .def = 90 * 86400},
    [ADMINS] = {.name = "admins", .type = SK_PARAM_LIST, .max = 64}, /* who may have privileges; empty: only how many */
    [MAX_ADMINS] = {.name = "max_admins", .type = SK_PARAM_NUMBER, .min = 0, .max = 64, .def = 3},
    [DEFAULT_NAMES] = {.name = "default_names",
                       .type = SK_PARAM_LIST,
                       .max = 64,
                       .def_text = "admin administrator user guest test pi debian ubuntu centos fedora oracle"},
    [NO_PASSWORD] = {.name = "sudo_without_password", .type = SK_PARAM_YES, .def = 0},
};

static bool is_open(const json_t *a)
{
	const char *hash = json_string_value(json_object_get(a, "hash"));

	return json_is_true(json_object_get(a, "login")) &&
	       ((hash && strcmp(hash, "locked") != 0) || json_integer_value(json_object_get(a, "ssh_keys")) > 0);
}

static enum sk_state judge_use(const struct sk_check_set *p, const json_t *a, const char *name, long long now_ms,
                               json_t *detail)
{
	const json_t *changed = json_object_get(a, "changed_day"), *login = json_object_get(a, "last_login");
	long long last = json_is_integer(login) ? (long long)json_integer_value(login) : -1, days;
	char text[32];

	if (last < 0 || last > now_ms / 1000 + 86400) { /* a clock that was wrong, now or then */
		sk_check_say(detail, N_("When %1 was last used is not known."), name, NULL);
		return SK_STATE_UNKNOWN;
	}
	/* One that never logged in is as old as its password. */
	if (last == 0 && json_is_integer(changed))
		last = (long long)json_integer_value(changed) * 86400;
	days = (now_ms / 1000 - last) / 86400;
	if (now_ms / 1000 - last <= p->v[UNUSED].n)
		return SK_STATE_COMPLIANT;
	snprintf(text, sizeof(text), "%lld", days);
	sk_check_say(detail, N_("%1 has not been used for %2 days."), name, text);
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge_account(const struct sk_check_set *p, const json_t *a, long long now_ms, json_t *detail)
{
	const char *name = json_string_value(json_object_get(a, "name"));
	enum sk_state state = SK_STATE_COMPLIANT;
	json_int_t uid = json_integer_value(json_object_get(a, "uid"));

	if (!name || !is_open(a)) {
		if (!name || !json_is_true(json_object_get(a, "login")) ||
		    json_integer_value(json_object_get(a, "ssh_keys")) >= 0)
			return SK_STATE_COMPLIANT;
		sk_check_say(detail, N_("Whether %1 can be opened with a key could not be read."), name, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (uid == 0 && strcmp(name, "root") != 0) {
		sk_check_say(detail, N_("%1 is a second root account."), name, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (sk_param_has(&p->v[DEFAULT_NAMES], name)) {
		sk_check_say(detail, N_("%1 is an account name as it was delivered; it has to be another."), name,
		             NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (uid == 0)
		return state;
	enum sk_state use = judge_use(p, a, name, now_ms, detail);
	return use > state ? use : state;
}

static enum sk_state judge_admins(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	const json_t *admins = json_object_get(facts, "admins"), *item;
	bool named = p->v[ADMINS].text && p->v[ADMINS].text[0];
	enum sk_state state = SK_STATE_COMPLIANT;
	char have[32], want[32];
	size_t n = json_array_size(admins);

	for (size_t i = 0; named && i < n; i++) {
		item = json_array_get(admins, i);
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *by = json_string_value(json_object_get(item, "by"));
		if (name && sk_param_has(&p->v[ADMINS], name))
			continue;
		sk_check_say(detail, N_("%1 has privileges (%2) and is not on the list."), name ? name : "?",
		             by ? by : "?");
		state = SK_STATE_NON_COMPLIANT;
	}
	snprintf(have, sizeof(have), "%zu", n);
	snprintf(want, sizeof(want), "%lld", p->v[MAX_ADMINS].n);
	sk_check_say(detail, N_("Accounts with privileges: %1 (at most %2)."), have, want);
	if ((long long)n > p->v[MAX_ADMINS].n)
		state = SK_STATE_NON_COMPLIANT;
	for (size_t i = 0; !p->v[NO_PASSWORD].n && i < json_array_size(json_object_get(facts, "no_password")); i++) {
		item = json_array_get(json_object_get(facts, "no_password"), i);
		const char *file = json_string_value(json_object_get(item, "file"));
		sk_check_say(detail, N_("%1 gives privileges without asking for a password."), file ? file : "?", NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	return state;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *accounts = json_object_get(facts, "accounts");
	enum sk_state worst;

	if (!json_is_array(accounts) || json_array_size(accounts) == 0) {
		sk_check_say(detail, N_("The accounts of this terminal could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	worst = judge_admins(p, facts, detail);
	for (size_t i = 0; i < json_array_size(json_object_get(facts, "unread")); i++) {
		const json_t *u = json_array_get(json_object_get(facts, "unread"), i);
		const char *file = json_string_value(json_object_get(u, "file"));
		const char *why = json_string_value(json_object_get(u, "why"));
		sk_check_say(detail, N_("%1 could not be read (%2): it may give privileges to others."),
		             file ? file : "?", why ? why : "?");
		worst = worst > SK_STATE_UNKNOWN ? worst : SK_STATE_UNKNOWN;
	}
	for (size_t i = 0; i < json_array_size(accounts); i++) {
		enum sk_state s = judge_account(p, json_array_get(accounts, i), now_ms, detail);
		worst = s > worst ? s : worst;
	}
	return worst;
}

const struct sk_check sk_check_accounts = {
    .id = "accounts",
    .row = "P6",
    .clause = "6.2(1)イ(ウ)",
    .duty = SK_DUTY_MUST,
    .title = N_("Accounts and privileges"),
    .explanation =
        N_("No account is left over that nobody uses, privileges are with few and known persons, and no account keeps "
           "the name it was delivered with."),
    .remediation = N_("Tell the helpdesk which of the accounts named above are still needed; they close the others."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
