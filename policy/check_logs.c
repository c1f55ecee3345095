/*
 * P17 logs, 6.1(6)アイ. Facts (platform/probe_system.c): {"storage":"" or journald's Storage,"journal_folder":bool,"max_retention":"" or text,
 * "max_use","syslog":bool,"auditd":bool,"in_memory":bool,"disk":{"oldest_ms","trimmed":bool}}. The office sets how long logs are kept; without `keep` in the policy there is nothing to hold them to.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"

enum { KEEP, AUDITD };
static const struct sk_param params[] = {
    [KEEP] = {.name = "keep", .type = SK_PARAM_SPAN, .min = 86400, .max = 3660LL * 86400},
    [AUDITD] = {.name = "auditd", .type = SK_PARAM_YES},
};

/* systemd.time(7) in the form people write it: a number with one unit. Seconds, 0 = no limit, -1 = not understood. */
static long long span_of(const char *s)
{
	static const struct {
		const char *unit;
		long long seconds;
	} units[] = {{"", 1},         {"s", 1},           {"sec", 1},         {"m", 60},          {"min", 60},
	             {"h", 3600},     {"hour", 3600},     {"d", 86400},       {"day", 86400},     {"days", 86400},
	             {"w", 604800},   {"week", 604800},   {"weeks", 604800},  {"month", 2630016}, {"months", 2630016},
	             {"y", 31557600}, {"year", 31557600}, {"years", 31557600}};
	char number[16];
	size_t n = strspn(s, "0123456789");
	unsigned long long v;

	if (!*s)
		return 0;
	if (n == 0 || n >= sizeof(number))
		return -1;
	memcpy(number, s, n);
	number[n] = '\0';
	s += n;
	s += strspn(s, " ");
	if (sk_text_u64(number, 0, 1000000000, &v) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(s, units[i].unit) == 0)
			return (long long)v * units[i].seconds;
	return -1;
}

static bool stays(const json_t *facts)
{
	const char *storage = json_string_value(json_object_get(facts, "storage"));
	bool folder = json_is_true(json_object_get(facts, "journal_folder"));

	if (json_is_true(json_object_get(facts, "syslog")))
		return true;
	if (!storage || strcasecmp(storage, "volatile") == 0 || strcasecmp(storage, "none") == 0)
		return false;
	return strcasecmp(storage, "persistent") == 0 || folder; /* auto: where there is a folder */
}

/* Whatever the settings promise: when the journal outgrows its share of the disk its oldest part goes. That it went shows. */
static bool deleted_early(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *disk = json_object_get(facts, "disk"), *oldest = json_object_get(disk, "oldest_ms");
	char days[32], want[32];

	if (json_is_true(json_object_get(facts, "syslog")) || !json_is_true(json_object_get(disk, "trimmed")) ||
	    !json_is_integer(oldest))
		return false;
	long long age_s = (now_ms - (long long)json_integer_value(oldest)) / 1000;
	if (age_s >= p->v[KEEP].n)
		return false;
	snprintf(days, sizeof(days), "%lld", age_s / 86400);
	snprintf(want, sizeof(want), "%lld", p->v[KEEP].n / 86400);
	sk_check_say(
	    detail,
	    N_("The log reaches back only %1 days and older entries were deleted; they have to be kept for %2 days."),
	    days, want);
	return true;
}

static enum sk_state judge_keep(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const char *text = json_string_value(json_object_get(facts, "max_retention"));
	long long keep = span_of(text ? text : "");
	char want[32];

	snprintf(want, sizeof(want), "%lld", p->v[KEEP].n / 86400);
	if (p->v[KEEP].n == 0) {
		sk_check_say(detail, N_("The policy does not say how long logs are to be kept."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (keep < 0) {
		sk_check_say(detail, N_("How long logs are kept could not be read (%1)."), text, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (keep > 0 && keep < p->v[KEEP].n) {
		sk_check_say(detail, N_("Logs are deleted after %1; they have to be kept for %2 days."), text, want);
		return SK_STATE_NON_COMPLIANT;
	}
	if (deleted_early(p, facts, now_ms, detail))
		return SK_STATE_NON_COMPLIANT;
	sk_check_say(detail, N_("Logs are not deleted before their time (%1 days)."), want, NULL);
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	enum sk_state state;

	if (!json_string_value(json_object_get(facts, "storage"))) {
		sk_check_say(detail, N_("The settings of the system's log could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (!stays(facts)) {
		sk_check_say(detail, N_("The system's log is lost at each restart."), NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (json_is_true(json_object_get(facts, "in_memory")) && !json_is_true(json_object_get(facts, "syslog"))) {
		sk_check_say(detail, N_("The system's log is in memory now; its settings count from the next restart."),
		             NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("The system's log is kept on the disk."), NULL, NULL);
	state = judge_keep(p, facts, now_ms, detail);
	if (p->v[AUDITD].n && !json_is_true(json_object_get(facts, "auditd"))) {
		sk_check_say(detail, N_("The audit service does not run."), NULL, NULL);
		state = state > SK_STATE_NON_COMPLIANT ? state : SK_STATE_NON_COMPLIANT;
	}
	return state;
}

const struct sk_check sk_check_logs = {
    .id = "logs",
    .row = "P17",
    .clause = "6.1(6)ア",
    .duty = SK_DUTY_MUST,
    .title = N_("Logs"),
    .explanation = N_("What happens on this terminal is written down and kept for the period the office has set."),
    .remediation = N_("Call the helpdesk: the log of this terminal has to be set up."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
