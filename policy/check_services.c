/*
 * P15 ports and services, 6.5(1)アイ, and the packet filter that closes the rest, 6.5(1)ア. Facts (platform/probe_ports.c): {"listening":[{"port":
 * "tcp/22","program"}],"units":[names that are started and are on the list]}; firewall: {"ip","ip6":"refused"|"open"|"unsure" (policy/packet_filter.h),
 * "has_ip6":bool,"legacy":bool,"chains":{family:where}}.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { ALLOWED, FORBIDDEN };
static const struct sk_param params[] = {
    [ALLOWED] = {.name = "allowed", .type = SK_PARAM_LIST, .max = 128, .def_text = "udp/68 udp/546"},
    [FORBIDDEN] = {.name = "forbidden",
                   .type = SK_PARAM_LIST,
                   .max = 128,
                   .def_text = "telnet.socket inetd.service xinetd.service rsh.socket rlogin.socket rexec.socket "
                               "tftpd-hpa.service vsftpd.service proftpd.service nis.service ypserv.service",
                   .probe = true},
};

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *listening = json_object_get(facts, "listening"), *units = json_object_get(facts, "units");
	enum sk_state state = SK_STATE_COMPLIANT;
	char count[32];
	json_t *item;
	size_t i;

	(void)now_ms;
	if (!json_is_array(listening) || !json_is_array(units)) {
		sk_check_say(detail, N_("What listens on this terminal could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	json_array_foreach(listening, i, item)
	{
		const char *port = json_string_value(json_object_get(item, "port"));
		const char *program = json_string_value(json_object_get(item, "program"));
		if (!port || sk_param_has(&p->v[ALLOWED], port))
			continue;
		sk_check_say(detail, N_("Port %1 is open to others (%2)."), port, program && *program ? program : "?");
		state = SK_STATE_NON_COMPLIANT;
	}
	json_array_foreach(units, i, item)
	{
		const char *unit = json_string_value(item);
		sk_check_say(detail, N_("%1 is a service that is not to run here."), unit ? unit : "?", NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	snprintf(count, sizeof(count), "%zu", json_array_size(listening));
	if (state == SK_STATE_COMPLIANT)
		sk_check_say(detail, N_("Ports open to others: %1, all of them allowed."), count, NULL);
	return state;
}

const struct sk_check sk_check_services = {
    .id = "services",
    .row = "P15",
    .clause = "6.5(1)ア",
    .duty = SK_DUTY_MUST,
    .title = N_("Ports and services"),
    .explanation =
        N_("This terminal answers others only where that is needed, and services nobody needs are switched off."),
    .remediation = N_("Tell the helpdesk what is named above; they close it, or enter it as needed."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};

/* "refused", "open" or "unsure" of one family. */
static enum sk_state judge_family(const json_t *facts, const char *family, json_t *detail)
{
	const char *fate = json_string_value(json_object_get(facts, family));
	const char *chain = json_string_value(json_object_get(json_object_get(facts, "chains"), family));

	if (fate && strcmp(fate, "refused") == 0) {
		sk_check_say(detail, N_("What comes in is refused unless a rule lets it in (%1)."), chain ? chain : "?",
		             NULL);
		return SK_STATE_COMPLIANT;
	}
	if (!fate || strcmp(fate, "open") != 0 || json_is_true(json_object_get(facts, "legacy"))) {
		sk_check_say(detail, N_("The packet filter's rules cannot be judged for certain."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	sk_check_say(detail,
	             strcmp(family, "ip6") == 0 ? N_("What comes in by IPv6 is not refused.")
	                                        : N_("No packet filter refuses what comes in."),
	             NULL, NULL);
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge_firewall(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	enum sk_state state, six;

	(void)p;
	(void)now_ms;
	if (!json_is_string(json_object_get(facts, "ip"))) {
		sk_check_say(detail, N_("The packet filter gave no answer."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	state = judge_family(facts, "ip", detail);
	if (state != SK_STATE_COMPLIANT || json_is_false(json_object_get(facts, "has_ip6")))
		return state;
	six = judge_family(facts, "ip6", detail);
	return six > state ? six : state;
}

const struct sk_check sk_check_firewall = {
    .id = "firewall",
    .row = "P15",
    .clause = "6.5(1)ア",
    .duty = SK_DUTY_MUST,
    .title = N_("Packet filter"),
    .explanation = N_("Whatever nobody opened on purpose is closed to other machines."),
    .remediation = N_("Call the helpdesk: the packet filter of this terminal has to be switched on."),
    .judge = judge_firewall,
};
