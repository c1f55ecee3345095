/*
 * P5 login limits and what the login shows, 6.2(3). Facts (platform/probe_login.c): {"services":[{"name","auth","session","account"}],
 * "faillock":{"deny":N|null,"unlock_time":N|null},"issue":bool,"desktop_banner":bool}. The clause leaves the means to the system's nature: attempts
 * are limited, a message is shown, the last login is shown. The idle limit is P1's.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"
#include "policy/pam.h"

enum { ATTEMPTS, MESSAGE, LAST_LOGIN, SERVICES };
static const struct sk_param params[] = {
    [ATTEMPTS] = {.name = "attempts", .type = SK_PARAM_NUMBER, .min = 1, .max = 100, .def = 10},
    [MESSAGE] = {.name = "message", .type = SK_PARAM_YES, .def = 1},
    [LAST_LOGIN] = {.name = "last_login", .type = SK_PARAM_YES, .def = 1},
    [SERVICES] = {.name = "services",
                  .type = SK_PARAM_LIST,
                  .max = 32,
                  .def_text = "login gdm-password lightdm sddm xdm",
                  .probe = true},
};

static bool is_desktop(const char *name)
{
	return strcmp(name, "login") != 0 && strcmp(name, "sshd") != 0;
}

/* pam_faillock works when somebody with a wrong password comes to its "authfail", which counts, and when what it says of a locked account is not
 * overruled: by "preauth" there, or in the account stack. */
static bool lock_works(const json_t *service)
{
	const json_t *auth = json_object_get(service, "auth");

	return sk_pam_reaches(auth, "pam_faillock.so", "authfail") &&
	       (sk_pam_decides(auth, "pam_faillock.so", "preauth") ||
	        sk_pam_decides(json_object_get(service, "account"), "pam_faillock.so", NULL));
}

/* Wrong attempts before an account is locked; 0 = never. */
static long long attempts_of(const json_t *facts, const json_t *service)
{
	const json_t *stack = json_object_get(service, "auth");
	const json_t *file = json_object_get(json_object_get(facts, "faillock"), "deny");
	const char *arg;
	bool lock = false, tally = false;
	long long n;

	arg = sk_pam_arg(stack, "pam_faillock.so", "deny", &lock);
	if (lock && !lock_works(service))
		return 0;
	if (lock) {
		if (arg && sk_text_i64(arg, 0, 100000, &n) == 0)
			return n;
		return json_is_integer(file) ? (long long)json_integer_value(file) : 3;
	}
	arg = sk_pam_arg(stack, "pam_tally2.so", "deny", &tally);
	return tally && arg && sk_text_i64(arg, 0, 100000, &n) == 0 ? n : 0;
}

static enum sk_state judge_attempts(const struct sk_check_set *p, const json_t *facts, const json_t *service,
                                    const char *name, json_t *detail)
{
	long long n = attempts_of(facts, service);
	char have[32];

	if (n == 0) {
		sk_check_say(detail, N_("Login \"%1\": attempts are not limited."), name, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	snprintf(have, sizeof(have), "%lld", n);
	sk_check_say(detail, N_("Login \"%1\": locked after %2 wrong attempts."), name, have);
	return n <= p->v[ATTEMPTS].n ? SK_STATE_COMPLIANT : SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge_shown(const struct sk_check_set *p, const json_t *facts, const json_t *service,
                                 const char *name, json_t *detail)
{
	const json_t *session = json_object_get(service, "session");
	bool message = json_is_true(json_object_get(facts, is_desktop(name) ? "desktop_banner" : "issue")),
	     lastlog = false;
	enum sk_state state = SK_STATE_COMPLIANT;

	if (p->v[MESSAGE].n && !message) {
		sk_check_say(detail, N_("Login \"%1\" shows no message."), name, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	(void)sk_pam_arg(session, "pam_lastlog.so", "-", &lastlog);
	if (p->v[LAST_LOGIN].n && (!lastlog || sk_pam_has_flag(session, "pam_lastlog.so", "silent"))) {
		sk_check_say(detail, N_("Login \"%1\" does not show the last login."), name, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	return state;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	enum sk_state worst = SK_STATE_NOT_APPLICABLE;
	json_t *service;
	size_t i;

	(void)now_ms;
	json_array_foreach(json_object_get(facts, "services"), i, service)
	{
		const char *name = json_string_value(json_object_get(service, "name"));
		enum sk_state s = SK_STATE_UNKNOWN, t = SK_STATE_UNKNOWN;

		name = name ? name : "?";
		if (json_is_array(json_object_get(service, "auth"))) {
			s = judge_attempts(p, facts, service, name, detail);
			t = judge_shown(p, facts, service, name, detail);
		} else {
			sk_check_say(detail, N_("Login \"%1\": its configuration cannot be judged for certain."), name,
			             NULL);
		}
		s = t > s ? t : s;
		worst = s > worst ? s : worst;
	}
	if (i > 0)
		return worst;
	sk_check_say(detail, N_("No login service was found."), NULL, NULL);
	return SK_STATE_UNKNOWN;
}

const struct sk_check sk_check_login_limits = {
    .id = "login-limits",
    .row = "P5",
    .clause = "6.2(3)",
    .duty = SK_DUTY_MUST,
    .title = N_("Login limits and messages"),
    .explanation =
        N_("Somebody who guesses passwords is stopped after a few attempts, and who logs in sees whose system it is "
           "and when the account was last used."),
    .remediation =
        N_("Ask the helpdesk: the login's settings have to be put right. When the last login shown was not yours, "
           "say so at once."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
