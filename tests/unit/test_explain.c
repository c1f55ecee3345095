/* The explanation: every rule that was looked at, why it did not match, and which one decided. */
#include "common/buf.h"
#include "tests/unit/policy_help.h"

static json_t *explain(const char *rules, const char *dump)
{
	struct sk_policy *p = help_policy(rules);
	struct sk_context c = help_context();
	struct sk_device d;
	json_t *j;

	help_device(dump, "S1", &d);
	j = sk_explain(p, NULL, &d, NULL, &c);
	cr_assert_not_null(j);
	sk_policy_free(p); /* nothing in the explanation is borrowed */
	return j;
}

static const char *str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "(none)";
}

static json_t *steps(const json_t *j, size_t iface)
{
	return json_object_get(json_array_get(json_object_get(j, "interfaces"), iface), "steps");
}

Test(explain, names_each_condition)
{
	static const char *const because[] = {"kind", "interface", "only", "with", "device", "serial", "port"};
	json_t *j = explain("[rule k]\nkind = hub\naction = allow\n"
	                    "[rule i]\ninterface = 03/01/02\naction = allow\n"
	                    "[rule o]\nonly = hub\naction = deny\n"
	                    "[rule w]\nwith = storage\naction = deny\n"
	                    "[rule d]\ndevice = 046d:* 413c:2114\naction = deny\n"
	                    "[rule s]\nserial = S2\naction = deny\n"
	                    "[rule p]\nport = 1-3 2-*\naction = deny\n"
	                    "[rule yes]\nkind = input\naction = allow\n"
	                    "[rule after]\naction = deny\n",
	                    "keyboard-dell-kb216");
	json_t *list = steps(j, 0);

	cr_assert_str_eq(str(j, "policy"), "test");
	cr_assert_str_eq(str(j, "mode"), "enforce");
	cr_assert_str_eq(str(j, "verdict"), "allow");
	cr_assert_str_eq(str(j, "reason"), "rule");
	cr_assert_eq(json_integer_value(json_object_get(j, "version")), 7);
	cr_assert_eq(json_array_size(list), 8, "nothing after the rule that decided");
	for (size_t i = 0; i < 7; i++) {
		cr_assert_str_eq(str(json_array_get(list, i), "because"), because[i]);
		cr_assert(json_is_false(json_object_get(json_array_get(list, i), "matched")));
	}
	cr_assert_str_eq(str(json_array_get(list, 7), "rule"), "yes");
	cr_assert_str_eq(str(json_array_get(list, 7), "action"), "allow");
	cr_assert(json_is_true(json_object_get(json_array_get(list, 7), "matched")));
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "line")), 9);
	json_decref(j);
}

Test(explain, each_interface_apart)
{
	json_t *j = explain("[rule keys]\nkind = input\naction = allow\n[rule media]\nkind = storage\naction = grant\n",
	                    "hostile-keyboard-storage");
	json_t *list = json_object_get(j, "interfaces");

	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(str(json_array_get(list, 0), "rule"), "keys");
	cr_assert_str_eq(str(json_array_get(list, 0), "verdict"), "allow");
	cr_assert_str_eq(str(json_array_get(list, 1), "rule"), "media");
	cr_assert_str_eq(str(json_array_get(list, 1), "reason"), "no-grant");
	cr_assert_str_eq(str(json_array_get(list, 1), "verdict"), "deny");
	cr_assert_str_eq(str(json_array_get(list, 1), "access"), "none");
	cr_assert_str_eq(str(json_array_get(list, 1), "kind"), "storage");
	cr_assert_eq(json_array_size(steps(j, 0)), 1);
	cr_assert_eq(json_array_size(steps(j, 1)), 2);
	json_decref(j);
}

/* Of an interface with several alternate settings, the steps are those of the one that decided. */
Test(explain, alternate_that_decided)
{
	json_t *j =
	    explain("[rule a]\ninterface = 07/01/01\naction = allow\n[rule b]\ninterface = 07/01/02\naction = deny\n",
	            "printer-brother-laser");
	json_t *list = steps(j, 0);

	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(str(json_array_get(list, 0), "because"), "interface");
	cr_assert(json_is_true(json_object_get(json_array_get(list, 1), "matched")));
	json_decref(j);
}

Test(explain, default_and_malformed)
{
	json_t *j = explain("[rule a]\nkind = hub\naction = allow\n", "stick-kingston-dt100");

	cr_assert_str_eq(str(j, "reason"), "default-deny");
	cr_assert_eq(json_array_size(steps(j, 0)), 1);
	json_decref(j);
	j = explain("[rule a]\nkind = hub\naction = allow\n", "bad-duplicate-interface");
	cr_assert_str_eq(str(j, "reason"), "malformed-descriptors");
	cr_assert_eq(json_array_size(steps(j, 0)), 0, "no rule was asked");
	json_decref(j);
}

Test(explain, without_a_policy)
{
	struct sk_device d;
	struct sk_context c = help_context();
	json_t *j;

	help_device("stick-kingston-dt100", "S", &d);
	j = sk_explain(NULL, NULL, &d, NULL, &c);
	cr_assert_str_eq(str(j, "verdict"), "deny");
	json_decref(j);
}

Test(explain, many_rules_stay_readable)
{
	struct sk_buf b;
	json_t *j;

	sk_buf_init(&b, 1 << 18);
	for (int i = 0; i < 500; i++)
		sk_buf_addf(&b, "[rule r%d]\ndevice = 1d6b:%04x\naction = deny\n", i, i);
	sk_buf_adds(&b, "[rule last]\nkind = storage\naction = grant\n");
	j = explain(b.data, "stick-kingston-dt100");
	cr_assert_eq(json_array_size(steps(j, 0)), 201);
	cr_assert_str_eq(str(json_array_get(steps(j, 0), 200), "rule"), "last");
	cr_assert_eq(
	    json_integer_value(json_object_get(json_array_get(json_object_get(j, "interfaces"), 0), "steps_omitted")),
	    300);
	json_decref(j);
	sk_buf_deinit(&b);
}
