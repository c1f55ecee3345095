/*
 * P7 antivirus, 6.4(1)エオカ and 6.4(2)アイウ. Facts (platform/probe_antivirus.c): {"product":"ClamAV","resident":bool,"problem":..,
 * "version":..,"signatures_version":N|null,"signatures_ms":ms|null,"self_test":"found"|"missed"|"failed"}. An answer alone proves nothing: the
 * engine must find the EICAR test in a live scan, and its signatures must be young enough. Their age not being known is unknown.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { MAX_AGE, SOCKET };
static const struct sk_param params[] = {
    [MAX_AGE] = {.name = "max_age", .type = SK_PARAM_SPAN, .min = 3600, .max = 365LL * 86400, .def = 7 * 86400},
    [SOCKET] =
        {.name = "socket", .type = SK_PARAM_PATH, .max = 107, .def_text = "/run/clamav/clamd.ctl", .probe = true},
};

static enum sk_state judge_self_test(const json_t *facts, json_t *detail)
{
	const char *test = json_string_value(json_object_get(facts, "self_test"));

	if (test && strcmp(test, "found") == 0) {
		sk_check_say(detail, N_("A live scan of the EICAR test found it."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (test && strcmp(test, "missed") == 0) {
		sk_check_say(
		    detail, N_("A live scan of the EICAR test did not find it: the scanner runs but does not protect."),
		    NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("The live scan of the EICAR test gave no result."), NULL, NULL);
	return SK_STATE_UNKNOWN;
}

static enum sk_state judge_age(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *made = json_object_get(facts, "signatures_ms");
	char days[32], limit[32];

	if (!json_is_integer(made)) {
		sk_check_say(detail, N_("The scanner does not say how old its signatures are."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	long long age_s = (now_ms - (long long)json_integer_value(made)) / 1000;
	snprintf(days, sizeof(days), "%lld", age_s / 86400);
	snprintf(limit, sizeof(limit), "%lld", p->v[MAX_AGE].n / 86400);
	if (age_s < -86400) {
		sk_check_say(detail, N_("The signatures are dated in the future: the clock or the date is wrong."),
		             NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (age_s > p->v[MAX_AGE].n) {
		sk_check_say(detail, N_("The signatures are %1 days old; at most %2 are allowed."), days, limit);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("The signatures are %1 days old (at most %2)."), days, limit);
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *resident = json_object_get(facts, "resident");
	const char *problem = json_string_value(json_object_get(facts, "problem"));
	const char *version = json_string_value(json_object_get(facts, "version"));

	if (json_is_false(resident)) {
		sk_check_say(detail, N_("No antivirus program is resident (%1)."), problem ? problem : "?", NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (!json_is_true(resident)) {
		sk_check_say(detail, N_("The antivirus program did not answer (%1)."), problem ? problem : "?", NULL);
		return SK_STATE_UNKNOWN;
	}
	sk_check_say(detail, N_("Resident: %1."), version ? version : "?", NULL);
	enum sk_state test = judge_self_test(facts, detail);
	enum sk_state age = judge_age(p, facts, now_ms, detail);
	return test > age ? test : age;
}

const struct sk_check sk_check_antivirus = {
    .id = "antivirus",
    .row = "P7",
    .clause = "6.4(2)ア",
    .duty = SK_DUTY_MUST,
    .title = N_("Antivirus"),
    .explanation = N_(
        "An antivirus program is always running on this terminal, really finds what it should, and its signatures are "
        "current. Without it no medium may be used."),
    .remediation = N_("Restart the terminal and wait ten minutes for an update. If the verdict stays, call the "
                      "helpdesk; do not connect any "
                      "medium until then."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
