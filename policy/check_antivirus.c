/*
 * P7 antivirus, 6.4(1)エオカ and 6.4(2)アイウ. Facts (platform/probe_antivirus.c): {"product":"ClamAV","resident":bool,"problem":..,
 * "version":..,"signatures_version":N|null,"signatures_ms":ms|null,"self_test":"found"|"missed"|"failed"}. An answer alone proves nothing: the
 * engine must find the EICAR test in a live scan, and its signatures must be young enough. Their age not being known is unknown. Other products
 * (platform/probe_scanner.c) have no "self_test" but "healthy", "passive", "on_access" (true|false|null each) and "issues":[text]; the live test on
 * access, where the policy asks for it, is "live_test":"blocked|removed|missed|unsafe|failed".
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { MAX_AGE, SOCKET, PRODUCT, NAME, COMMAND, RUNNING, SIGNATURES, ON_ACCESS, FOLDER, TEST_EVERY };
static const struct sk_param params[] = {
    [MAX_AGE] = {.name = "max_age", .type = SK_PARAM_SPAN, .min = 3600, .max = 365LL * 86400, .def = 7 * 86400},
    [SOCKET] =
        {.name = "socket", .type = SK_PARAM_PATH, .max = 107, .def_text = "/run/clamav/clamd.ctl", .probe = true},
    [PRODUCT] = {.name = "product", .type = SK_PARAM_TEXT, .max = 16, .def_text = "auto", .probe = true},
    /* product = command: */
    [NAME] = {.name = "name", .type = SK_PARAM_TEXT, .max = 64, .probe = true},
    [COMMAND] = {.name = "command", .type = SK_PARAM_TEXT, .max = 400, .probe = true},
    [RUNNING] = {.name = "running", .type = SK_PARAM_TEXT, .max = 200, .probe = true},
    [SIGNATURES] = {.name = "signatures", .type = SK_PARAM_TEXT, .max = 200, .probe = true},
    /* the live test on access: */
    [ON_ACCESS] = {.name = "on_access", .type = SK_PARAM_YES, .probe = true},
    [FOLDER] =
        {.name = "on_access_folder", .type = SK_PARAM_PATH, .max = 200, .def_text = "/var/lib/sekimori", .probe = true},
    [TEST_EVERY] =
        {.name = "on_access_every", .type = SK_PARAM_SPAN, .min = 0, .max = 31 * 86400, .def = 86400, .probe = true},
};

/* What a product says of itself. */
static enum sk_state judge_own_word(const json_t *facts, json_t *detail)
{
	const json_t *issues = json_object_get(facts, "issues");
	enum sk_state state = SK_STATE_COMPLIANT;

	if (json_is_false(json_object_get(facts, "healthy"))) {
		sk_check_say(detail, N_("The antivirus program says that it is not healthy."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	for (size_t i = 0; i < json_array_size(issues); i++) {
		const char *issue = json_string_value(json_array_get(issues, i));
		sk_check_say(detail, N_("It reports: %1."), issue ? issue : "?", NULL);
	}
	if (json_is_true(json_object_get(facts, "passive"))) {
		sk_check_say(detail, N_("It is passive: it watches and stops nothing."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	if (json_is_false(json_object_get(facts, "on_access"))) {
		sk_check_say(detail, N_("It does not look at files when they are opened."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	return state;
}

static enum sk_state judge_live_test(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	const char *test = json_string_value(json_object_get(facts, "live_test"));

	if (!p->v[ON_ACCESS].n && !test)
		return SK_STATE_COMPLIANT;
	if (test && (strcmp(test, "blocked") == 0 || strcmp(test, "removed") == 0)) {
		sk_check_say(detail, N_("The EICAR test file was stopped when it was opened."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (test && strcmp(test, "missed") == 0) {
		sk_check_say(
		    detail,
		    N_("The EICAR test file could be opened and read: nothing looks at files when they are opened."),
		    NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("The test with the EICAR file could not be made (%1)."), test ? test : "?", NULL);
	return SK_STATE_UNKNOWN;
}

static enum sk_state judge_self_test(const json_t *facts, json_t *detail)
{
	const char *test = json_string_value(json_object_get(facts, "self_test"));

	if (!json_object_get(facts, "self_test") &&
	    json_object_get(facts, "on_access")) /* not clamd: its own word, and the test on access */
		return judge_own_word(facts, detail);
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
	const char *product = json_string_value(json_object_get(facts, "product"));

	if (json_is_false(resident)) {
		sk_check_say(detail, N_("No antivirus program is resident (%1)."), problem ? problem : "?", NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (!json_is_true(resident)) {
		sk_check_say(detail, N_("The antivirus program did not answer (%1)."), problem ? problem : "?", NULL);
		return SK_STATE_UNKNOWN;
	}
	sk_check_say(detail, N_("Resident: %1."), version ? version : product ? product : "?", NULL);
	enum sk_state test = judge_self_test(facts, detail);
	enum sk_state age = judge_age(p, facts, now_ms, detail), live = judge_live_test(p, facts, detail);
	test = live > test ? live : test;
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
