/* What the uplink may do: carry, never decide. */
#include "agent/journal_spool.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;

static void setup(void)
{
	d = start_daemon();
	make_signer();
	cr_assert_eq(sk_daemon_enrol(d, "https://server", DEVICE, signer_pem, NULL), 0);
}

static void teardown(void)
{
	drop_signer();
	stop_daemon();
}

static json_t *ask(json_t *q)
{
	json_t *a = sk_uplink_face_answer(d->uplink, 1, q);

	json_decref(q);
	return a;
}

static json_int_t number(json_t *a, const char *name)
{
	return json_integer_value(json_object_get(a, name));
}

static const char *code(json_t *a)
{
	static char text[40];
	const char *c = json_string_value(json_object_get(a, "code"));

	snprintf(text, sizeof text, "%s", c ? c : "");
	json_decref(a);
	return text;
}

Test(uplink_socket, hello_read_and_acknowledge, .init = setup, .fini = teardown)
{
	json_t *a = ask(json_pack("{s:s}", "op", "hello"));

	cr_assert_str_eq(json_string_value(json_object_get(a, "device_id")), DEVICE);
	cr_assert_eq(number(a, "last_seq"), 2, "the chain's start and the sealing key");
	cr_assert_eq(number(a, "acked_seq"), 0);
	cr_assert_eq(number(json_object_get(a, "versions"), "policy"), 0);
	json_decref(a);
	a = ask(json_pack("{s:s, s:i, s:i}", "op", "spool.read", "after", 0, "max_bytes", 100000));
	cr_assert_eq(json_array_size(json_object_get(a, "events")), 2);
	cr_assert(json_is_string(json_object_get(json_array_get(json_object_get(a, "events"), 0), "body")));
	json_decref(a);
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:i}", "op", "spool.ack", "seq", 3))), "invalid");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:i}", "op", "spool.ack", "seq", 2))), "");
	a = ask(json_pack("{s:s}", "op", "hello"));
	cr_assert_eq(number(a, "acked_seq"), 2);
	json_decref(a);
}

Test(uplink_socket, wait_returns_at_once_when_there_is_something, .init = setup, .fini = teardown)
{
	json_t *a = ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", 60000));

	cr_assert_not_null(a);
	cr_assert(json_is_true(json_object_get(a, "events")));
	cr_assert(json_is_true(json_object_get(a, "report")));
	json_decref(a);
	json_decref(ask(json_pack("{s:s}", "op", "report")));
	cr_assert_eq(sk_spool_ack(d->journal, 2, 1, NULL), 0);
	cr_assert_null(ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", 60000)), "nothing to send: it waits");
	a = ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", 0));
	cr_assert(json_is_false(json_object_get(a, "events")));
	cr_assert(json_is_false(json_object_get(a, "report")));
	json_decref(a);
	for (int i = 0; i < 10; i++) /* clients that ended while waiting leave no place taken for good */
		cr_assert_null(ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", 60000)));
	a = json_object();
	cr_assert_eq(sk_daemon_record(d, "device.decided", a), 0);
	json_decref(a);
	a = ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", 60000));
	cr_assert(json_is_true(json_object_get(a, "events")));
	cr_assert(json_is_true(json_object_get(a, "report")), "what is attached changed");
	json_decref(a);
}

Test(uplink_socket, bundles, .init = setup, .fini = teardown)
{
	char *good = policy_bundle(signer, DEVICE, 1, GOOD_POLICY), *old;
	json_t *a = ask(json_pack("{s:s, s:s}", "op", "bundle.put", "envelope", good));

	cr_assert_str_eq(json_string_value(json_object_get(a, "result")), "applied");
	json_decref(a);
	a = ask(json_pack("{s:s, s:s}", "op", "bundle.put", "envelope", good));
	cr_assert_str_eq(json_string_value(json_object_get(a, "result")), "same");
	json_decref(a);
	free(good);
	old = policy_bundle(signer, DEVICE, 1,
	                    "[policy]\nname = other\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	                    "[rule h]\nkind = hub\naction = allow\n");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:s}", "op", "bundle.put", "envelope", old))), "invalid");
	free(old);
	cr_assert_gt(strlen(d->last_bundle), 0);
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:s}", "op", "bundle.put", "envelope", "{}"))), "invalid");
	cr_assert_str_eq(code(ask(json_pack("{s:s}", "op", "bundle.put"))), "invalid");
	cr_assert_str_eq(sk_holder_policy(d->holder)->name, "test");
}

Test(uplink_socket, contact_is_remembered, .init = setup, .fini = teardown)
{
	struct sk_uplink_line l;

	json_decref(ask(json_pack("{s:s, s:s}", "op", "contact", "state", "online")));
	sk_uplink_face_line(d->uplink, &l);
	cr_assert_str_eq(l.state, "online");
	cr_assert_gt(l.last_contact, 0);
	json_decref(
	    ask(json_pack("{s:s, s:s, s:s}", "op", "contact", "state", "offline", "error", "no \x1b[31m route")));
	sk_uplink_face_line(d->uplink, &l);
	cr_assert_str_eq(l.state, "offline");
	cr_assert_null(strchr(l.error, '\x1b'));
	cr_assert_gt(l.last_contact, 0, "when it was reached last stays known");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:s}", "op", "contact", "state", "happy"))), "invalid");
}

Test(uplink_socket, nothing_else, .init = setup, .fini = teardown)
{
	for (const char *const *o =
	         (const char *const[]){"status", "trust.set", "request.create", "policy.reload", "", NULL};
	     *o; o++)
		cr_assert_str_neq(code(ask(json_pack("{s:s}", "op", *o))), "", "%s", *o);
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:s}", "op", "wait", "timeout_ms", "x"))), "invalid");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:i}", "op", "wait", "timeout_ms", -1))), "invalid");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:i}", "op", "spool.read", "after", -1))), "invalid");
	cr_assert_str_eq(code(ask(json_pack("{s:s, s:i, s:i}", "op", "spool.read", "after", 0, "max_bytes", 1 << 30))),
	                 "invalid");
}

Test(uplink_socket, the_report_has_what_the_protocol_names, .init = setup, .fini = teardown)
{
	json_t *a = ask(json_pack("{s:s}", "op", "report")), *r = json_object_get(a, "report");

	for (const char *const *m =
	         (const char *const[]){"version", "boot_id", "os", "host", "policy", "grants_version", "journal",
	                               "clock", "posture", "devices", "enforcement", NULL};
	     *m; m++)
		cr_assert_not_null(json_object_get(r, *m), "%s", *m);
	json_decref(a);
}
