/*
 * P1 screen lock, 5.1(1)キ. Facts (platform/probe_screen.c): {"desktop_installed":bool,
 * "mandatory":{"idle_delay":s|null,"lock_delay":s|null,"lock_enabled":bool|null,"locked_keys":[..]},"text_limit_s":s|null,
 * "sessions":[{"id","user","type":"tty"|"x11"|"wayland","desktop","idle_s":s|null,"locked":bool|null,
 * "effective":{"idle_delay","lock_delay","lock_enabled","lock_disabled"}|null}]}.
 * Judged are the mandatory policy, what is in effect for each person, and the live state. Time to lock = idle-delay + lock-delay;
 * idle-delay 0 means never.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { IDLE_LIMIT, ENFORCE, LOCK_WAIT, END_SESSION, END_TEXT, KEYS };
static const struct sk_param params[] = {
    /* most seconds from the last input to the lock (idle + delay) */
    [IDLE_LIMIT] = {.name = "idle_limit", .type = SK_PARAM_SPAN, .min = 30, .max = 86400, .def = 600, .probe = true},
    /* write the desktops' mandatory settings, and lock what is left unlocked past the limit (agent/screen.h) */
    [ENFORCE] = {.name = "enforce", .type = SK_PARAM_YES, .def = 1},
    [LOCK_WAIT] = {.name = "lock_wait", .type = SK_PARAM_SPAN, .min = 5, .max = 600, .def = 30},
    [END_SESSION] = {.name = "end_session", .type = SK_PARAM_YES, .def = 0}, /* one that does not lock is ended */
    [END_TEXT] = {.name = "end_text", .type = SK_PARAM_YES, .def = 0}, /* a text console that is left is ended */
    /* a security key or card reader, VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL: drawn, everything locks */
    [KEYS] = {.name = "keys", .type = SK_PARAM_LIST, .max = 64},
};

static const char *const must_be_locked[] = {
    "/org/gnome/desktop/session/idle-delay",
    "/org/gnome/desktop/screensaver/lock-enabled",
    "/org/gnome/desktop/screensaver/lock-delay",
};

static bool user_can_change(const json_t *mandatory)
{
	const json_t *keys = json_object_get(mandatory, "locked_keys");

	for (size_t i = 0; i < sizeof(must_be_locked) / sizeof(*must_be_locked); i++) {
		bool found = false;
		for (size_t j = 0; j < json_array_size(keys) && !found; j++) {
			const char *key = json_string_value(json_array_get(keys, j));
			found = key && strcmp(key, must_be_locked[i]) == 0;
		}
		if (!found)
			return true;
	}
	return false;
}

/* who: the person's login name, or NULL for the mandatory layer alone. */
static enum sk_state judge_values(const struct sk_check_set *p, const json_t *values, const char *who, json_t *detail)
{
	const json_t *idle = json_object_get(values, "idle_delay"), *delay = json_object_get(values, "lock_delay");
	const json_t *enabled = json_object_get(values, "lock_enabled");
	char seconds[32], limit[32];

	who = who ? who : "*";
	if (json_is_true(json_object_get(values, "lock_disabled")) || json_is_false(enabled)) {
		sk_check_say(detail, N_("%1: locking the screen is switched off."), who, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (!json_is_integer(idle) || !json_is_true(enabled)) {
		sk_check_say(detail, N_("%1: the screen lock's settings could not be read."), who, NULL);
		return SK_STATE_UNKNOWN;
	}
	long long total = (long long)json_integer_value(idle) + (long long)json_integer_value(delay);
	snprintf(seconds, sizeof(seconds), "%lld", total);
	snprintf(limit, sizeof(limit), "%lld", p->v[IDLE_LIMIT].n);
	if (json_integer_value(idle) == 0) {
		sk_check_say(detail, N_("%1: the screen never locks by itself."), who, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (total > p->v[IDLE_LIMIT].n) {
		sk_check_say(detail, N_("The screen locks only after %1 seconds; at most %2 are allowed."), seconds,
		             limit);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("The screen locks after %1 seconds (at most %2)."), seconds, limit);
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge_text(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	const json_t *limit_s = json_object_get(facts, "text_limit_s");
	char seconds[32], limit[32];

	if (!json_is_integer(limit_s) || json_integer_value(limit_s) <= 0) {
		sk_check_say(detail, N_("Text sessions have no idle limit that the user cannot change."), NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	snprintf(seconds, sizeof(seconds), "%lld", (long long)json_integer_value(limit_s));
	snprintf(limit, sizeof(limit), "%lld", p->v[IDLE_LIMIT].n);
	if (json_integer_value(limit_s) > p->v[IDLE_LIMIT].n) {
		sk_check_say(detail, N_("Idle text sessions end only after %1 seconds; at most %2 are allowed."),
		             seconds, limit);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("Idle text sessions end after %1 seconds (at most %2)."), seconds, limit);
	return SK_STATE_COMPLIANT;
}

static enum sk_state judge_live(const struct sk_check_set *p, const json_t *session, json_t *detail)
{
	const json_t *idle = json_object_get(session, "idle_s");
	const char *user = json_string_value(json_object_get(session, "user"));
	char seconds[32];

	if (!json_is_boolean(json_object_get(session, "locked"))) {
		sk_check_say(detail, N_("%1: whether the screen is locked now could not be read."), user ? user : "?",
		             NULL);
		return SK_STATE_UNKNOWN;
	}
	/* Half a minute of tolerance: the hint and the lock are not one moment. */
	if (!json_is_integer(idle) || json_integer_value(idle) <= p->v[IDLE_LIMIT].n + 30)
		return SK_STATE_COMPLIANT;
	if (!json_is_false(json_object_get(session, "locked")))
		return SK_STATE_COMPLIANT;
	snprintf(seconds, sizeof(seconds), "%lld", (long long)json_integer_value(idle));
	sk_check_say(detail, N_("%1 has been away for %2 seconds and the screen is not locked."), user ? user : "?",
	             seconds);
	return SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge_session(const struct sk_check_set *p, const json_t *facts, const json_t *session,
                                   json_t *detail)
{
	const char *type = json_string_value(json_object_get(session, "type"));
	const char *desktop = json_string_value(json_object_get(session, "desktop"));
	const char *user = json_string_value(json_object_get(session, "user"));
	const json_t *mandatory = json_object_get(facts, "mandatory");

	if (type && strcmp(type, "tty") == 0)
		return judge_text(p, facts, detail);
	if (!desktop || !strstr(desktop, "GNOME")) {
		sk_check_say(detail, N_("%1: this desktop's screen lock cannot be examined yet (%2)."),
		             user ? user : "?", desktop ? desktop : "?");
		return SK_STATE_UNKNOWN;
	}
	enum sk_state state = judge_values(p, json_object_get(session, "effective"), user, detail);
	if (user_can_change(mandatory)) {
		sk_check_say(detail, N_("The user can change the screen lock's settings."), NULL, NULL);
		state = state > SK_STATE_NON_COMPLIANT ? state : SK_STATE_NON_COMPLIANT;
	}
	enum sk_state live = judge_live(p, session, detail);
	return live > state ? live : state;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *sessions = json_object_get(facts, "sessions"), *mandatory = json_object_get(facts, "mandatory");
	enum sk_state worst = SK_STATE_NOT_APPLICABLE;
	json_t *session;
	size_t i;

	(void)now_ms;
	json_array_foreach(sessions, i, session)
	{
		enum sk_state s = judge_session(p, facts, session, detail);
		worst = s > worst ? s : worst;
	}
	if (i > 0)
		return worst;
	/* Nobody is logged in: judge what would hold. */
	worst = judge_text(p, facts, detail);
	if (json_is_true(json_object_get(facts, "desktop_installed"))) {
		enum sk_state s = judge_values(p, mandatory, NULL, detail);
		worst = s > worst ? s : worst;
		if (user_can_change(mandatory)) {
			sk_check_say(detail, N_("The user can change the screen lock's settings."), NULL, NULL);
			worst = worst > SK_STATE_NON_COMPLIANT ? worst : SK_STATE_NON_COMPLIANT;
		}
	}
	return worst;
}

const struct sk_check sk_check_screen_lock = {
    .id = "screen-lock",
    .row = "P1",
    .clause = "5.1(1)キ",
    .duty = SK_DUTY_MUST,
    .title = N_("Screen lock"),
    .explanation = N_("When the person is away the screen locks by itself within the set time, and the person cannot "
                      "switch that off."),
    .remediation = N_("Lock the screen with Super+L whenever you leave. If the verdict stays after logging out and in "
                      "again, call the "
                      "helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
