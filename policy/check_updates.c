/*
 * P10 security updates, 6.6(1). Facts (platform/probe_updates.c): {"index_ms":ms|null,"pending":{"security":n,"other":n,"packages":[..]}|null,
 * "held":[..]|null,"dpkg":[..]|null,"reboot":bool}. The deadline is the check's grace. A stale index proves nothing: unknown.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { INDEX_AGE, HELD_ALLOWED };
static const struct sk_param params[] = {
    [INDEX_AGE] = {.name = "index_age", .type = SK_PARAM_SPAN, .min = 3600, .max = 90 * 86400, .def = 3 * 86400},
    [HELD_ALLOWED] = {.name = "held_allowed", .type = SK_PARAM_LIST, .max = 64},
};

static enum sk_state judge_index(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *at = json_object_get(facts, "index_ms");
	char days[32];

	if (!json_is_integer(at)) {
		sk_check_say(detail, N_("This terminal has no list of updates."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	long long age = (now_ms - (long long)json_integer_value(at)) / 1000;
	snprintf(days, sizeof(days), "%lld", age / 86400);
	if (age > p->v[INDEX_AGE].n || age < -86400) {
		sk_check_say(detail, N_("The list of updates is %1 days old: it is not known whether any are missing."),
		             days, NULL);
		return SK_STATE_UNKNOWN;
	}
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge_pending(const json_t *facts, json_t *detail)
{
	const json_t *pending = json_object_get(facts, "pending"), *names = json_object_get(pending, "packages");
	const json_t *security = json_object_get(pending, "security");
	char count[32];

	if (!json_is_integer(security)) {
		sk_check_say(detail, N_("apt does not say which updates are missing."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(security));
	if (json_integer_value(security) > 0) {
		const char *first = json_string_value(json_array_get(names, 0));
		sk_check_say(detail, N_("Security updates that are missing: %1 (%2 ...)."), count, first ? first : "?");
		return SK_STATE_NON_COMPLIANT;
	}
	snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(json_object_get(pending, "other")));
	sk_check_say(detail, N_("No security update is missing; other updates: %1."), count, NULL);
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge_rest(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	enum sk_state state = SK_STATE_COMPLIANT;
	json_t *item;
	size_t i;

	if (!json_is_array(json_object_get(facts, "held")) || !json_is_array(json_object_get(facts, "dpkg"))) {
		sk_check_say(detail, N_("The list of installed packages could not be read."), NULL, NULL);
		state = SK_STATE_UNKNOWN;
	}
	json_array_foreach(json_object_get(facts, "held"), i, item)
	{
		const char *name = json_string_value(item);
		if (!name || sk_param_has(&p->v[HELD_ALLOWED], name))
			continue;
		sk_check_say(detail, N_("%1 is kept from being updated."), name, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (json_array_size(json_object_get(facts, "dpkg")) > 0) {
		sk_check_say(
		    detail, N_("An installation was left half done; updates cannot be installed until it is repaired."),
		    NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (json_is_true(json_object_get(facts, "reboot"))) {
		sk_check_say(detail, N_("Updates wait for a restart of the terminal."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	return state;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	enum sk_state index = judge_index(p, facts, now_ms, detail), pending = judge_pending(facts, detail);
	enum sk_state rest = judge_rest(p, facts, detail);

	/* What is known to be missing is missing, however old the list is. */
	pending = index > pending ? index : pending;
	return rest > pending ? rest : pending;
}

const struct sk_check sk_check_updates = {
    .id = "updates",
    .row = "P10",
    .clause = "6.6(1)",
    .duty = SK_DUTY_MUST,
    .title = N_("Security updates"),
    .explanation =
        N_("Security updates are installed within the period the office has set, and what was installed also runs."),
    .remediation =
        N_("Save your work and restart the terminal. If updates are still missing the next day, call the helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .grace_s = 14 * 86400,
    .judge = judge,
};
