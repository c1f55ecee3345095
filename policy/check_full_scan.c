/*
 * P9 full scan, 6.4(3)エ. Facts (platform/probe_settings.c, sk_probe_full_scan): {"ended_ms":ms|null,"result":"clean|infected|failed"|null,"source",
 * "why"?}. Without a word of one nothing is known. A scan that failed counts for nothing; one that found something ran, and what it found is another matter.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { EVERY, STAMP };
static const struct sk_param params[] = {
    [EVERY] = {.name = "every", .type = SK_PARAM_SPAN, .min = 3600, .max = 366LL * 86400, .def = 30 * 86400},
    [STAMP] =
        {.name = "stamp", .type = SK_PARAM_PATH, .max = 200, .def_text = "/var/lib/sekimori/full-scan", .probe = true},
};

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *ended = json_object_get(facts, "ended_ms");
	const char *result = json_string_value(json_object_get(facts, "result")),
	           *why = json_string_value(json_object_get(facts, "why"));
	char days[32], limit[32];

	snprintf(limit, sizeof(limit), "%lld", p->v[EVERY].n / 86400);
	if (why) {
		sk_check_say(detail, N_("When the last full scan ran could not be read (%1)."), why, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (!json_is_integer(ended)) {
		sk_check_say(detail, N_("No full scan of this terminal is known of."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	long long age_s = (now_ms - (long long)json_integer_value(ended)) / 1000;
	snprintf(days, sizeof(days), "%lld", age_s / 86400);
	if (age_s < -86400) {
		sk_check_say(detail, N_("The last full scan is dated in the future: the clock or the date is wrong."),
		             NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (result && strcmp(result, "failed") == 0) {
		sk_check_say(detail, N_("The last full scan, %1 days ago, did not come to its end."), days, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (result && strcmp(result, "infected") == 0)
		sk_check_say(detail, N_("The last full scan found something; see the record."), NULL, NULL);
	sk_check_say(detail, N_("The last full scan ended %1 days ago (at most %2)."), days, limit);
	return age_s > p->v[EVERY].n ? SK_STATE_NON_COMPLIANT : SK_STATE_COMPLIANT;
}

const struct sk_check sk_check_full_scan = {
    .id = "full-scan",
    .row = "P9",
    .clause = "6.4(3)エ",
    .duty = SK_DUTY_MUST,
    .title = N_("Full virus scan"),
    .explanation = N_("The whole terminal is scanned for viruses within the period."),
    .remediation = N_("Leave the terminal switched on until a full scan has run; the helpdesk can start one."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
