/*
 * M7 hardware, 6.1(18). Facts (platform/probe_hardware.c): {"hash","total","baseline":hash|null,"added":[line],"removed":[line],"more":bool,
 * "unread":["DMI"],"why"?}. What the machine is made of must be what was accepted: as it was when first seen (first), as an administrator accepted it at
 * the terminal (recorded), or by its hash in the signed policy (accepted).
 */
#include "common/i18n.h"
#include "policy/accepted.h"
#include "policy/check_list.h"

enum { FIRST, ACCEPTED };
static const struct sk_param params[] = {
    [FIRST] = {.name = "first", .type = SK_PARAM_YES, .def = 1},
    [ACCEPTED] = {.name = "accepted", .type = SK_PARAM_LIST, .max = 2000},
};

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	(void)now_ms;
	return sk_judge_accepted(&p->v[ACCEPTED], facts, detail);
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
