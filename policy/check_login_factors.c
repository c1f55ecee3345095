/*
 * P3 login factors, 4.4(2) and, in the my-number zone, 4.4(3) and 3(1)イ(ア): two of what one knows, has and is. Facts
 * (platform/probe_login.c): {"services":[{"name","auth":[stack of policy/pam.h]|null,"why"}],"autologin":[{"where","user"}]}. Judged is the
 * easiest way in, over every login service.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"
#include "policy/pam.h"

enum { FACTORS, SERVICES };
static const struct sk_param params[] = {
    [FACTORS] = {.name = "factors", .type = SK_PARAM_NUMBER, .min = 1, .max = 3, .def = 1},
    [SERVICES] = {.name = "services",
                  .type = SK_PARAM_LIST,
                  .max = 32,
                  .def_text = "login gdm-password gdm-smartcard gdm-fingerprint lightdm sddm xdm",
                  .probe = true},
};

static const char *words_of(unsigned mask)
{
	static const char *const words[] = {N_("nothing"),
	                                    N_("a password"),
	                                    N_("a token or card"),
	                                    N_("a password and a token or card"),
	                                    N_("a fingerprint or face"),
	                                    N_("a password and a fingerprint or face"),
	                                    N_("a token and a fingerprint or face"),
	                                    N_("three kinds of proof")};

	return words[mask & 7];
}

static enum sk_state judge_service(const struct sk_check_set *p, const json_t *service, json_t *detail)
{
	const char *name = json_string_value(json_object_get(service, "name"));
	const json_t *stack = json_object_get(service, "auth");
	unsigned mask = 0;
	int least = json_is_array(stack) ? sk_pam_least(stack, &mask) : -EAGAIN;

	name = name ? name : "?";
	if (least == -EAGAIN) {
		sk_check_say(detail, N_("Login \"%1\": its configuration cannot be judged for certain."), name, NULL);
		return SK_STATE_UNKNOWN;
	}
	if (least == -ENOENT) {
		sk_check_say(detail, N_("Login \"%1\" lets nobody in."), name, NULL);
		return SK_STATE_COMPLIANT;
	}
	sk_check_say(detail, N_("Login \"%1\" asks for %2."), name, words_of(mask));
	return least >= p->v[FACTORS].n ? SK_STATE_COMPLIANT : SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *services = json_object_get(facts, "services"), *autologin = json_object_get(facts, "autologin");
	enum sk_state worst = SK_STATE_NOT_APPLICABLE;
	json_t *item;
	size_t i;
	char count[16];

	(void)now_ms;
	json_array_foreach(services, i, item)
	{
		enum sk_state s = judge_service(p, item, detail);
		worst = s > worst ? s : worst;
	}
	if (i == 0) {
		sk_check_say(detail, N_("No login service was found."), NULL, NULL);
		worst = SK_STATE_UNKNOWN;
	}
	json_array_foreach(autologin, i, item)
	{
		const char *where = json_string_value(json_object_get(item, "where"));
		const char *user = json_string_value(json_object_get(item, "user"));
		sk_check_say(detail, N_("%1 is logged in without being asked for anything (%2)."), user ? user : "?",
		             where ? where : "?");
		worst = worst > SK_STATE_NON_COMPLIANT ? worst : SK_STATE_NON_COMPLIANT;
	}
	if (worst == SK_STATE_NON_COMPLIANT) {
		snprintf(count, sizeof(count), "%lld", p->v[FACTORS].n);
		sk_check_say(detail, N_("Kinds of proof asked for by the policy: %1."), count, NULL);
	}
	return worst;
}

const struct sk_check sk_check_login_factors = {
    .id = "login-factors",
    .row = "P3",
    .clause = "4.4(3)",
    .duty = SK_DUTY_MUST,
    .title = N_("What the login asks for"),
    .explanation =
        N_("Nobody gets into this terminal without proving who they are, with as many different kinds of proof as "
           "the terminal's zone demands."),
    .remediation =
        N_("Ask the helpdesk: the login has to be set up anew (automatic login off, a second kind of proof where "
           "the zone demands it)."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
