/*
 * M7 hardware, 6.1(18). Facts (platform/probe_hardware.c): {"hash","total","baseline":hash|null,"added":[line],"removed":[line],"more":bool,
 * "unread":["DMI"],"why"?}. What the machine is made of must be what was accepted: as it was when first seen (first), as an administrator accepted it at
 * the terminal (recorded), or by its hash in the signed policy (accepted).
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

#define NAMED_MAX 20

enum { FIRST, ACCEPTED };
static const struct sk_param params[] = {
    [FIRST] = {.name = "first", .type = SK_PARAM_YES, .def = 1},
    [ACCEPTED] = {.name = "accepted", .type = SK_PARAM_LIST, .max = 2000},
};

static size_t say_each(const json_t *list, const char *msgid, json_t *detail)
{
	for (size_t i = 0; i < json_array_size(list) && i < NAMED_MAX; i++) {
		const char *line = json_string_value(json_array_get(list, i));
		sk_check_say(detail, msgid, line ? line : "?", NULL);
	}
	return json_array_size(list);
}

static enum sk_state judge_drift(const json_t *facts, const char *hash, json_t *detail)
{
	const json_t *added = json_object_get(facts, "added"), *removed = json_object_get(facts, "removed");
	size_t n;

	if (!json_is_array(added) || !json_is_array(removed)) {
		sk_check_say(detail, N_("The comparison with the accepted hardware could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	n = say_each(added, N_("New since it was accepted: %1."), detail);
	n += say_each(removed, N_("Gone since it was accepted: %1."), detail);
	if (n == 0 && !json_is_true(json_object_get(facts, "more"))) {
		sk_check_say(detail, N_("The hardware is as it was accepted."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	sk_check_say(detail, N_("The hardware as it is now has the hash %1."), hash, NULL);
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const char *hash = json_string_value(json_object_get(facts, "hash")),
	           *why = json_string_value(json_object_get(facts, "why"));
	const char *baseline = json_string_value(json_object_get(facts, "baseline"));
	const json_t *unread = json_object_get(facts, "unread");

	(void)now_ms;
	if (!hash || strlen(hash) != 64) {
		sk_check_say(detail, N_("What this terminal is made of could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (json_array_size(unread) > 0) {
		say_each(unread, N_("This part of the hardware could not be read: %1."), detail);
		return SK_STATE_UNKNOWN;
	}
	if (sk_param_has(&p->v[ACCEPTED], hash)) {
		sk_check_say(detail, N_("The hardware is as the policy accepts it."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (!baseline) {
		sk_check_say(detail,
		             why ? N_("The accepted list of the hardware could not be read (%1).")
		                 : N_("No list of the hardware was accepted yet."),
		             why, NULL);
		return SK_STATE_UNKNOWN;
	}
	return judge_drift(facts, hash, detail);
}

const struct sk_check sk_check_hardware = {
    .id = "hardware",
    .row = "M7",
    .clause = "6.1(18)",
    .duty = SK_DUTY_MUST,
    .title = N_("Hardware"),
    .explanation = N_("Nothing in this terminal was added, changed or swapped without permission."),
    .remediation = N_("If the change was permitted (executive officer and system manager), have the helpdesk accept "
                      "it: sekimori hardware accept. "
                      "If not, put back what was changed and report it."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
