/* Facts in, verdict out: for the tests of checks. */
#ifndef SK_TESTS_CHECK_HELP_H
#define SK_TESTS_CHECK_HELP_H

#include <criterion/criterion.h>
#include <string.h>

#include "policy/check.h"

#define NOW 1800000000000LL

/* ini: sections [check ...] of a policy, or NULL. facts: JSON text, or NULL = the probe gave no answer. */
static inline enum sk_state judge_with(const char *ini_text, const char *id, const char *facts_text)
{
	struct sk_check_params p;
	struct sk_err err = SK_ERR_INIT;
	enum sk_state state = SK_STATE_ERROR;
	struct sk_ini *ini = NULL;
	long long since = 0;
	json_t *facts = facts_text ? json_loads(facts_text, 0, NULL) : NULL;

	cr_assert(!facts_text || facts, "bad test data: %s", facts_text);
	cr_assert_eq(sk_check_params_default(&p), 0);
	if (ini_text) {
		cr_assert_eq(sk_ini_parse("p.ini", ini_text, strlen(ini_text), &ini, &err), 0, "%s", err.text);
		cr_assert_eq(sk_check_params_read(ini, &p, &err), 0, "%s", err.text);
		sk_ini_free(ini);
	}
	const struct sk_check *c = sk_check_find(id);
	cr_assert_not_null(c, "no check %s", id);
	json_t *result = sk_check_evaluate(c, sk_check_set_of(&p, c), facts, NOW, &since);
	cr_assert_not_null(result);
	cr_assert_eq(sk_state_parse(json_string_value(json_object_get(result, "state")), &state), 0);
	cr_assert_gt(json_array_size(json_object_get(result, "detail")), 0, "a verdict without a reason");
	json_decref(result);
	json_decref(facts);
	sk_check_params_clear(&p);
	return state;
}

static inline enum sk_state judge(const char *id, const char *facts_text)
{
	return judge_with(NULL, id, facts_text);
}

#endif
