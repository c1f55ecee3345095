/* Whom sekimorid tells what: the op watch over the real parts, without a gate (nobody sits at the terminal). */
#include "agent/tell.h"
#include "agent/control.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;

static void setup(void)
{
	d = start_daemon();
	cr_assert_eq(sk_tell_start(d), 0);
}

static json_t *watch(uid_t uid, uint64_t client, json_t *before)
{
	const struct sk_peer peer = {.uid = uid};
	json_t *q = before ? json_pack("{s:s, s:O, s:O}", "op", "watch", "stream", json_object_get(before, "stream"),
	                               "after", json_object_get(before, "next"))
	                   : json_pack("{s:s}", "op", "watch");
	json_t *a = sk_control_answer(d, &peer, client, q);

	json_decref(q);
	return a;
}

static void tell(const char *person, const char *kind, json_t *body)
{
	sk_tell(d, person, kind, body);
	json_decref(body);
}

Test(tell, an_answer_waits_for_the_desktop_of_who_asked, .init = setup, .fini = stop_daemon)
{
	json_t *a, *n;

	tell("root", "request.answered",
	     json_pack("{s:s, s:s, s:i, s:s}", "id", DEVICE, "state", "refused", "number", 7, "reason", "no\n\x1b[2J"));
	cr_assert_null(watch(65534, 1, NULL), "not another person's");
	a = watch(0, 2, NULL);
	cr_assert_not_null(a, "no text console took it, so the desktop that comes later does");
	n = json_array_get(json_object_get(a, "notices"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(n, "kind")), "request.answered");
	cr_assert_null(strchr(json_string_value(json_object_get(n, "text_en")), '\x1b'));
	cr_assert(json_is_false(json_object_get(n, "ask")));
	cr_assert_null(watch(0, 2, a));
	json_decref(a);
	a = watch(0, 2, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(a, "code")), "invalid", "one question at a time");
	json_decref(a);
}

Test(tell, hostile_questions_and_names, .init = setup, .fini = stop_daemon)
{
	const struct sk_peer nobody = {.uid = 3999999999u}, root = {.uid = 0};

	for (const char *const *t =
	         (const char *const[]){"{\"op\":\"watch\",\"after\":-1}", "{\"op\":\"watch\",\"stream\":5}",
	                               "{\"op\":\"watch\",\"stream\":\"0123456789012345678901234567890123456789\"}",
	                               NULL};
	     *t; t++) {
		json_t *q = json_loads(*t, 0, NULL), *a = sk_control_answer(d, &root, 1, q);

		cr_assert_str_eq(json_string_value(json_object_get(a, "code")), "invalid", "%s", *t);
		json_decref(q);
		json_decref(a);
	}
	json_t *q = json_pack("{s:s}", "op", "watch"), *a = sk_control_answer(d, &nobody, 1, q);
	cr_assert_str_eq(json_string_value(json_object_get(a, "code")), "denied");
	json_decref(q);
	json_decref(a);
}

Test(tell, a_refusal_may_be_asked_about, .init = setup, .fini = stop_daemon)
{
	json_t *n, *body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:s,s:s,s:s}]}", "verdict", "deny", "device", "1-2",
	                             "rule", "media", "sentence_ja", "x", "sentence_en", "x", "interfaces", "kind",
	                             "storage", "verdict", "deny", "reason", "no-grant");

	n = sk_notice("device.decided", body);
	cr_assert(json_is_true(json_object_get(n, "ask")));
	cr_assert_str_eq(json_string_value(json_object_get(n, "rule")), "media");
	json_decref(n);
	json_object_set_new(json_array_get(json_object_get(body, "interfaces"), 0), "reason",
	                    json_string("malformed-descriptors"));
	n = sk_notice("device.decided", body);
	cr_assert(json_is_false(json_object_get(n, "ask")), "a permit would not open it");
	json_decref(n);
	cr_assert_null(sk_notice("policy.applied", body));
	json_decref(body);
}
