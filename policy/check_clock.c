/* P16 clock, 7.1(2). Facts (platform/probe_clock.c): {"synchronised":bool|null,"max_error_ms":N|null,"service":..|null}. */
#include <stdio.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { MAX_ERROR };
static const struct sk_param params[] = {
    [MAX_ERROR] = {.name = "max_error", .type = SK_PARAM_SPAN, .min = 1, .max = 3600, .def = 16},
};

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *sync = json_object_get(facts, "synchronised"), *error = json_object_get(facts, "max_error_ms");
	const char *service = json_string_value(json_object_get(facts, "service"));
	char text[32], limit[32];

	(void)now_ms;
	if (!json_is_boolean(sync) || !json_is_integer(error)) {
		sk_check_say(detail, N_("The kernel does not say whether the clock is kept right."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (json_is_false(sync)) {
		sk_check_say(detail, N_("The clock is not synchronised (time service: %1)."),
		             service ? service : N_("none"), NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(error));
	snprintf(limit, sizeof(limit), "%lld", p->v[MAX_ERROR].n * 1000);
	sk_check_say(detail, N_("The clock is synchronised; it is wrong by at most %1 ms (limit %2)."), text, limit);
	return json_integer_value(error) <= p->v[MAX_ERROR].n * 1000 ? SK_STATE_COMPLIANT : SK_STATE_NON_COMPLIANT;
}

const struct sk_check sk_check_clock = {
    .id = "clock",
    .row = "P16",
    .clause = "7.1(2)",
    .duty = SK_DUTY_MUST,
    .title = N_("Clock"),
    .explanation = N_("The clock is kept right, so that the times in records of different terminals can be compared."),
    .remediation =
        N_("Connect the terminal to the office network and wait an hour. If the verdict stays, call the helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
