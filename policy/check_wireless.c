/*
 * P14 wireless, 6.1(13)ア: only where the executive officer allows it, encrypted and authenticated. Facts (platform/probe_wifi.c): {"wireless":[{"name",
 * "connected":bool,"ssid","security":"open|wep|wpa|wpa2|wpa3|unknown","auth","tkip":bool}],"saved":[{"id","ssid","security","auth","auto","from"}]}.
 * The protection judged is the weakest that the network lets in. A network that is kept and connected to by itself counts like one that is in use.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { ALLOWED, MINIMUM, ENTERPRISE };
static const struct sk_param params[] = {
    [ALLOWED] = {.name = "allowed", .type = SK_PARAM_YES},
    [MINIMUM] = {.name = "minimum", .type = SK_PARAM_TEXT, .max = 8, .def_text = "wpa2"},
    [ENTERPRISE] = {.name = "enterprise", .type = SK_PARAM_YES},
};

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

/* 0 = not known, 1 = open ... 5 = wpa3. */
static int level_of(const char *name)
{
	static const char *const names[] = {"open", "wep", "wpa", "wpa2", "wpa3"};

	for (int i = 0; i < 5; i++)
		if (strcmp(name, names[i]) == 0)
			return i + 1;
	return 0;
}

/* The minimum that stands in the policy; an odd word asks for the most. */
static int least(const struct sk_check_set *p)
{
	int n = level_of(p->v[MINIMUM].text ? p->v[MINIMUM].text : "");

	return n ? n : 5;
}

static enum sk_state judge_network(const struct sk_check_set *p, const json_t *n, bool in_use, json_t *detail)
{
	const char *ssid = text(n, "ssid"), *security = text(n, "security"), *auth = text(n, "auth");
	int level = level_of(security);

	ssid = ssid[0] ? ssid : "?";
	if (level == 0) {
		sk_check_say(detail, N_("How the wireless network \"%1\" is protected could not be told."), ssid, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (level < least(p) || strcmp(auth, "owe") == 0) {
		sk_check_say(detail,
		             in_use ? N_("The wireless network \"%1\" is not protected well enough (%2).")
		                    : N_("The wireless network \"%1\", which this terminal joins by itself, is not "
		                         "protected well enough (%2)."),
		             ssid, strcmp(auth, "owe") == 0 ? "OWE" : security);
		return SK_STATE_NON_COMPLIANT;
	}
	if (p->v[ENTERPRISE].n && strcmp(auth, "802.1x") != 0) {
		sk_check_say(detail,
		             N_("The wireless network \"%1\" lets in by a shared key (%2); each person or terminal has "
		                "to show who it is."),
		             ssid, auth);
		return SK_STATE_NON_COMPLIANT;
	}
	if (in_use)
		sk_check_say(detail, N_("The wireless network \"%1\" is encrypted and authenticated (%2)."), ssid,
		             security);
	return SK_STATE_COMPLIANT;
}

/* Where wireless is not allowed, nothing may be connected or connect by itself. */
static enum sk_state judge_forbidden(const json_t *n, bool in_use, json_t *detail)
{
	sk_check_say(
	    detail,
	    in_use
	        ? N_("Connected to the wireless network \"%1\", where wireless was not allowed.")
	        : N_("This terminal would join the wireless network \"%1\" by itself, where wireless was not allowed."),
	    text(n, "ssid")[0] ? text(n, "ssid") : "?", NULL);
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *wireless = json_object_get(facts, "wireless"), *saved = json_object_get(facts, "saved"), *n;
	enum sk_state worst = SK_STATE_COMPLIANT, s;
	bool in_use = false;

	(void)now_ms;
	if (!json_is_array(wireless) || !json_is_array(saved)) {
		sk_check_say(detail, N_("The wireless networks could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	for (size_t i = 0; i < json_array_size(wireless); i++) {
		n = json_array_get(wireless, i);
		if (!json_is_true(json_object_get(n, "connected")))
			continue;
		in_use = true;
		s = p->v[ALLOWED].n ? judge_network(p, n, true, detail) : judge_forbidden(n, true, detail);
		worst = s > worst ? s : worst;
	}
	/* Without an interface nothing that was kept can be joined. */
	for (size_t i = 0; json_array_size(wireless) > 0 && i < json_array_size(saved); i++) {
		n = json_array_get(saved, i);
		if (!json_is_true(json_object_get(n, "auto")))
			continue;
		s = p->v[ALLOWED].n ? judge_network(p, n, false, detail) : judge_forbidden(n, false, detail);
		worst = s > worst ? s : worst;
	}
	if (json_array_size(wireless) == 0)
		sk_check_say(detail, N_("This terminal has no wireless interface."), NULL, NULL);
	else if (!in_use && worst == SK_STATE_COMPLIANT)
		sk_check_say(detail, N_("It is connected to no wireless network."), NULL, NULL);
	return worst;
}

const struct sk_check sk_check_wireless = {
    .id = "wireless",
    .row = "P14",
    .clause = "6.1(13)ア",
    .duty = SK_DUTY_MUST,
    .title = N_("Wireless"),
    .explanation = N_("Wireless networks are used only where the executive officer allowed it, with strong encryption "
                      "and authentication."),
    .remediation = N_("Leave the wireless network that is named above and have this terminal forget it. If wireless is "
                      "needed, ask the helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
