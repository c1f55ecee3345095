/*
 * P8 settings of the scanner, 6.4(2)オ and 5.1(1)カ: who sets the antivirus program is the system manager's decision, and nobody else changes it. Facts
 * (platform/probe_settings.c): a list of "file:PATH HASH MODE UID", held against the accepted one (policy/accepted.h).
 */
#include "common/i18n.h"
#include "policy/accepted.h"
#include "policy/check_list.h"

enum { FIRST, ACCEPTED, FILES };
static const struct sk_param params[] = {
    [FIRST] = {.name = "first", .type = SK_PARAM_YES, .def = 1},
    [ACCEPTED] = {.name = "accepted", .type = SK_PARAM_LIST, .max = 200},
    [FILES] =
        {.name = "files",
         .type = SK_PARAM_LIST,
         .max = 64,
         .def_text =
             "/etc/clamav/clamd.conf /etc/clamav/freshclam.conf /etc/opt/microsoft/mdatp/managed/mdatp_managed.json "
             "/etc/opt/microsoft/mdatp/wdavcfg",
         .probe = true},
};

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	(void)now_ms;
	return sk_judge_accepted(&p->v[ACCEPTED], facts, detail);
}

const struct sk_check sk_check_antivirus_settings = {
    .id = "antivirus-settings",
    .row = "P8",
    .clause = "6.4(2)オ",
    .duty = SK_DUTY_MUST,
    .title = N_("Antivirus settings"),
    .explanation =
        N_("The settings of the antivirus program are those the system manager decided; nobody else changes them."),
    .remediation = N_("If the change was decided by the system manager, have the helpdesk accept it: sekimori "
                      "antivirus accept. If not, put the settings back and report it."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
