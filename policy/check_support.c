/*
 * P11 end of support, 6.4(1)キ: looks forward, to the planned end of use. Facts (platform/probe_system.c): {"id","version","name"} of the
 * operating system. The table has each maker's own published dates of the last security update for everybody; longer contracts, and systems
 * that are not in it, come from the policy: `dates = debian:11=2028-06-30 ...`.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"

enum { PLANNED, WARN, DATES };
static const struct sk_param params[] = {
    [PLANNED] = {.name = "planned_until", .type = SK_PARAM_DATE},
    [WARN] = {.name = "warn", .type = SK_PARAM_SPAN, .min = 0, .max = 730 * 86400, .def = 180 * 86400},
    [DATES] = {.name = "dates", .type = SK_PARAM_LIST, .max = 64},
};

static const struct {
	const char *id, *version; /* version: exact, or its part before the first dot */
	const char *until;
} table[] = {
    /* debian.org/releases and wiki.debian.org/LTS: the end of long-term support */
    {"debian", "10", "2024-06-30"},
    {"debian", "11", "2026-08-31"},
    {"debian", "12", "2028-06-30"},
    {"debian", "13", "2030-06-30"},
    /* ubuntu.com/about/release-cycle: standard security maintenance */
    {"ubuntu", "18.04", "2023-05-31"},
    {"ubuntu", "20.04", "2025-05-31"},
    {"ubuntu", "22.04", "2027-04-30"},
    {"ubuntu", "24.04", "2029-04-30"},
    /* access.redhat.com: maintenance support; the rebuilds follow it */
    {"rhel", "7", "2024-06-30"},
    {"rhel", "8", "2029-05-31"},
    {"rhel", "9", "2032-05-31"},
    {"almalinux", "8", "2029-03-01"},
    {"almalinux", "9", "2032-05-31"},
    {"rocky", "8", "2029-05-31"},
    {"rocky", "9", "2032-05-31"},
    {"centos", "7", "2024-06-30"},
    {"centos", "8", "2021-12-31"},
};

/* The date the policy gives for ID:VERSION; false when it gives none. */
static bool from_policy(const struct sk_param_value *dates, const char *id, const char *version, char out[16])
{
	char key[128];
	const char *at = dates->text;
	size_t n;

	snprintf(key, sizeof(key), "%.60s:%.60s=", id, version);
	n = strlen(key);
	while (at && *at) {
		if (strncmp(at, key, n) == 0 && strcspn(at + n, " ") == 10) {
			snprintf(out, 16, "%.10s", at + n);
			return true;
		}
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	return false;
}

static bool from_table(const char *id, const char *version, char out[16])
{
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t n = strlen(table[i].version);
		if (strcmp(id, table[i].id) != 0 || strncmp(version, table[i].version, n) != 0)
			continue;
		if (version[n] == '\0' || (version[n] == '.' && !strchr(table[i].version, '.'))) {
			snprintf(out, 16, "%s", table[i].until);
			return true;
		}
	}
	return false;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const char *id = json_string_value(json_object_get(facts, "id"));
	const char *version = json_string_value(json_object_get(facts, "version"));
	const char *name = json_string_value(json_object_get(facts, "name"));
	char until[16];
	long long end;

	if (!id || !version) {
		sk_check_say(detail, N_("The operating system does not say what it is."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	name = name ? name : id;
	if ((!from_policy(&p->v[DATES], id, version, until) && !from_table(id, version, until)) ||
	    sk_param_date(until, &end) < 0) {
		sk_check_say(detail, N_("How long %1 is supported is not known; the policy can name its date."), name,
		             NULL);
		return SK_STATE_UNKNOWN;
	}
	if (now_ms > end) {
		sk_check_say(detail, N_("Support of %1 ended on %2."), name, until);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("%1 is supported until %2."), name, until);
	if (p->v[PLANNED].n > end) {
		sk_check_say(detail, N_("That is before the planned end of this terminal's use."), NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (end - now_ms < p->v[WARN].n * 1000)
		sk_check_say(detail, N_("Its replacement has to be prepared now."), NULL, NULL);
	return SK_STATE_COMPLIANT;
}

const struct sk_check sk_check_support = {
    .id = "support",
    .row = "P11",
    .clause = "6.4(1)キ",
    .duty = SK_DUTY_PRINCIPLE,
    .title = N_("End of support"),
    .explanation =
        N_("The operating system is one its maker still mends, now and for as long as this terminal is to be used."),
    .remediation = N_("Ask the helpdesk when this terminal is to be renewed."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
