/*
 * P4 passwords, 5.4(3)ウ and 6.2(4)ア. Facts (platform/probe_accounts.c): {"stack":[password stack of passwd]|null,"quality":{"minlen",..
 * credits},"hashes":{kind:n},"weak":[{"name","hash"}],"method"}. The length that counts is what pwquality really demands: its minlen less the
 * credits it gives for kinds of characters, never below 6; without it pam_unix asks for 6.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/text.h"
#include "policy/check_list.h"
#include "policy/pam.h"

enum { MIN_LENGTH, MIN_CLASSES };
static const struct sk_param params[] = {
    [MIN_LENGTH] = {.name = "min_length", .type = SK_PARAM_NUMBER, .min = 6, .max = 128, .def = 10},
    [MIN_CLASSES] = {.name = "min_classes", .type = SK_PARAM_NUMBER, .min = 0, .max = 4, .def = 0},
};

/* The module's argument, else the file's value, else def. */
static long long setting(const json_t *facts, const char *key, long long def)
{
	const char *arg = sk_pam_arg(json_object_get(facts, "stack"), "pam_pwquality.so", key, NULL);
	const json_t *file = json_object_get(json_object_get(facts, "quality"), key);
	long long n;

	if (arg && sk_text_i64(arg, -100, 1000, &n) == 0)
		return n;
	return json_is_integer(file) ? (long long)json_integer_value(file) : def;
}

/* length and kinds of characters demanded. */
static void demanded(const json_t *facts, bool quality, long long *length, long long *classes)
{
	static const char *const credits[] = {"dcredit", "ucredit", "lcredit", "ocredit"};
	const json_t *stack = json_object_get(facts, "stack");
	const char *unix_min = sk_pam_arg(stack, "pam_unix.so", "minlen", NULL);
	long long n;

	*classes = 0;
	*length = unix_min && sk_text_i64(unix_min, 0, 1000, &n) == 0 ? n : 6;
	if (!quality)
		return;
	long long len = setting(facts, "minlen", 8), must = 0;
	for (int i = 0; i < 4; i++) {
		long long c = setting(facts, credits[i], 0);
		len -= c > 0 ? c : 0;
		must += c < 0;
	}
	len = len < 6 ? 6 : len;
	*length = len > *length ? len : *length;
	n = setting(facts, "minclass", 0);
	*classes = n > must ? n : must;
}

static const char *const others[] = {"pam_passwdqc.so", "pam_cracklib.so"};

static enum sk_state judge_rules(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	const json_t *stack = json_object_get(facts, "stack");
	long long length, classes;
	char have[32], want[32];
	bool there = false, other = false;

	if (!json_is_array(stack)) {
		sk_check_say(detail, N_("The rules for new passwords could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	(void)sk_pam_arg(stack, "pam_pwquality.so", "-", &there);
	for (size_t i = 0; !there && !other && i < sizeof(others) / sizeof(*others); i++) {
		(void)sk_pam_arg(stack, others[i], "-", &other);
		if (other)
			sk_check_say(detail, N_("%1 sets the rules for new passwords and is not examined."), others[i],
			             NULL);
	}
	if (other)
		return SK_STATE_UNKNOWN;
	bool works = there && sk_pam_decides(stack, "pam_pwquality.so", NULL) && setting(facts, "enforcing", 1) != 0;
	if (there && !works)
		sk_check_say(detail, N_("A password that the rules refuse is taken all the same."), NULL, NULL);
	demanded(facts, works, &length, &classes);
	snprintf(have, sizeof(have), "%lld", length);
	snprintf(want, sizeof(want), "%lld", p->v[MIN_LENGTH].n);
	sk_check_say(detail, N_("New passwords have at least %1 characters (asked for: %2)."), have, want);
	if (length < p->v[MIN_LENGTH].n)
		return SK_STATE_NON_COMPLIANT;
	if (p->v[MIN_CLASSES].n > 0) {
		snprintf(have, sizeof(have), "%lld", classes);
		snprintf(want, sizeof(want), "%lld", p->v[MIN_CLASSES].n);
		sk_check_say(detail, N_("Kinds of characters demanded: %1 (asked for: %2)."), have, want);
	}
	return classes >= p->v[MIN_CLASSES].n ? SK_STATE_COMPLIANT : SK_STATE_NON_COMPLIANT;
}

static enum sk_state judge_hashes(const json_t *facts, json_t *detail)
{
	const char *method = json_string_value(json_object_get(facts, "method"));
	const json_t *stack = json_object_get(facts, "stack");
	enum sk_state state = SK_STATE_COMPLIANT;
	json_t *item;
	size_t i;

	if (!json_is_object(json_object_get(facts, "hashes")))
		return SK_STATE_UNKNOWN;
	if (sk_pam_has_flag(stack, "pam_unix.so", "md5") || sk_pam_has_flag(stack, "pam_unix.so", "bigcrypt") ||
	    (method && (strcmp(method, "MD5") == 0 || strcmp(method, "DES") == 0))) {
		sk_check_say(detail, N_("New passwords are stored in a way that is easily broken."), NULL, NULL);
		state = SK_STATE_NON_COMPLIANT;
	}
	json_array_foreach(json_object_get(facts, "weak"), i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *kind = json_string_value(json_object_get(item, "hash"));
		if (kind && strcmp(kind, "empty") == 0)
			sk_check_say(detail, N_("%1 has no password."), name ? name : "?", NULL);
		else
			sk_check_say(detail, N_("The password of %1 is stored in a way that is easily broken (%2)."),
			             name ? name : "?", kind ? kind : "?");
		state = SK_STATE_NON_COMPLIANT;
	}
	return state;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	(void)now_ms;
	enum sk_state rules = judge_rules(p, facts, detail), hashes = judge_hashes(facts, detail);

	return rules > hashes ? rules : hashes;
}

const struct sk_check sk_check_passwords = {
    .id = "passwords",
    .row = "P4",
    .clause = "5.4(3)ウ",
    .duty = SK_DUTY_MUST,
    .title = N_("Passwords"),
    .explanation =
        N_("New passwords must be long enough and hard to guess, no account is without one, and they are stored "
           "so that nobody can work them out."),
    .remediation =
        N_("Set a new, longer password. If an account is named above, or the verdict stays, call the helpdesk."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
