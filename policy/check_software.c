/*
 * P12 software, 6.1(17). Facts (platform/probe_software.c): {"total":N,"judged":N,"unapproved":["kind:name version",...],"unapproved_total":N,
 * "licences":[{"pattern","n"}],"left_out":["/home/x: reason"],"hash":..,"why":..}. What a package brought along by itself (apt's own mark) and
 * what belongs to the basic system is not asked about; everything else must match the office's list. Without a list nothing can be said.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"
#include "policy/pattern.h"
#include "policy/software.h"

#define NAMED_MAX 20

enum { APPROVED, LICENCES, BASE, HOMES };
static const struct sk_param params[] = {
    [APPROVED] = {.name = "approved", .type = SK_PARAM_LIST, .max = 1000, .probe = true},
    [LICENCES] = {.name = "licences", .type = SK_PARAM_LIST, .max = 64, .probe = true},
    [BASE] = {.name = "base", .type = SK_PARAM_YES, .def = 1, .probe = true},
    [HOMES] = {.name = "homes", .type = SK_PARAM_YES, .def = 1, .probe = true},
};

bool sk_software_matches_word(const char *word, unsigned long len, const char *thing)
{
	char pattern[256], name[256];
	const char *colon = strchr(thing, ':');
	size_t n = strcspn(thing, " ");
	bool path = colon && colon[1] == '/';

	/* Paths hold blanks and have no version behind them. */
	if (path)
		n = strlen(thing);
	if (len == 0 || len >= sizeof(pattern) || n >= sizeof(name))
		return false;
	memcpy(pattern, word, len);
	pattern[len] = '\0';
	memcpy(name, thing, n);
	name[n] = '\0';
	if (strchr(pattern, ':'))
		return sk_glob(pattern, name, false);
	return colon && !path && sk_glob(pattern, name + (colon - thing) + 1, false);
}

bool sk_software_matches(const char *list, const char *thing)
{
	while (list && *list) {
		size_t n = strcspn(list, " ");

		if (sk_software_matches_word(list, n, thing))
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

static void say_unapproved(const json_t *list, long long total, json_t *detail)
{
	char count[32];
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item)
	{
		const char *thing = json_string_value(item);
		if (i < NAMED_MAX)
			sk_check_say(detail, N_("%1 is not on the list of permitted software."), thing ? thing : "?",
			             NULL);
	}
	snprintf(count, sizeof(count), "%lld", total);
	if (total > NAMED_MAX)
		sk_check_say(detail, N_("Not on the list: %1 in all."), count, NULL);
}

static void say_licences(const json_t *licences, json_t *detail)
{
	char count[32];
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)licences, i, item)
	{
		const char *pattern = json_string_value(json_object_get(item, "pattern"));
		snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(json_object_get(item, "n")));
		sk_check_say(detail, N_("Licences in use here, %1: %2."), pattern ? pattern : "?", count);
	}
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *total = json_object_get(facts, "total"), *bad = json_object_get(facts, "unapproved_total"), *item;
	const json_t *left_out = json_object_get(facts, "left_out");
	const char *why = json_string_value(json_object_get(facts, "why"));
	enum sk_state state = SK_STATE_COMPLIANT;
	char count[32];
	size_t i;

	(void)now_ms;
	if (!json_is_integer(total) || !json_is_integer(bad)) {
		sk_check_say(detail, N_("What is installed could not be read (%1)."), why ? why : "?", NULL);
		return SK_STATE_UNKNOWN;
	}
	say_licences(json_object_get(facts, "licences"), detail);
	if (!p->v[APPROVED].text || !*p->v[APPROVED].text) {
		sk_check_say(detail, N_("The office has not said which software is permitted (approved)."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	json_array_foreach((json_t *)left_out, i, item)
	{
		const char *line = json_string_value(item);
		sk_check_say(detail, N_("Not looked through: %1."), line ? line : "?", NULL);
		state = SK_STATE_UNKNOWN;
	}
	if (json_integer_value(bad) > 0) {
		say_unapproved(json_object_get(facts, "unapproved"), (long long)json_integer_value(bad), detail);
		return SK_STATE_NON_COMPLIANT;
	}
	snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(total));
	if (state == SK_STATE_COMPLIANT)
		sk_check_say(detail, N_("Programs and packages: %1, none that is not permitted."), count, NULL);
	return state;
}

const struct sk_check sk_check_software = {
    .id = "software",
    .row = "P12",
    .clause = "6.1(17)",
    .duty = SK_DUTY_MUST,
    .title = N_("Software"),
    .explanation =
        N_("Only software that was permitted is on this terminal, and no more copies than there are licences."),
    .remediation = N_("Remove what is named above, or apply for it (permission of the executive officer and the system "
                      "manager). The helpdesk helps with both."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
