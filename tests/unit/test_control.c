/* What the control socket answers, and to whom. The peer's uid is given here; over a socket it is the kernel's word (test_socket.c). */
#include "agent/control.h"
#include "agent/requests.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;
static const struct sk_peer root = {.uid = 0, .pid = 1};
static const struct sk_peer clerk = {.uid = 65534, .pid = 2}; /* nobody: a uid with a login name on every system */

static void setup(void)
{
	d = start_daemon();
	make_signer();
}

static void teardown(void)
{
	drop_signer();
	stop_daemon();
}

static json_t *ask(const struct sk_peer *who, json_t *q)
{
	json_t *a = sk_control_answer(d, who, 1, q);

	json_decref(q);
	return a;
}

static bool is_ok(json_t *a)
{
	bool ok = json_is_true(json_object_get(a, "ok"));

	json_decref(a);
	return ok;
}

static const char *code(json_t *a)
{
	static char text[40];
	const char *c = json_string_value(json_object_get(a, "code"));

	snprintf(text, sizeof text, "%s", c ? c : "");
	json_decref(a);
	return text;
}

static json_t *op(const char *name)
{
	return json_pack("{s:s}", "op", name);
}

Test(control, everybody_may_look, .init = setup, .fini = teardown)
{
	for (const char *const *o =
	         (const char *const[]){"status", "devices", "events", "policy", "request.list", NULL};
	     *o; o++)
		cr_assert(is_ok(ask(&clerk, op(*o))), "%s", *o);
}

Test(control, only_root_may_change, .init = setup, .fini = teardown)
{
	if (geteuid() != 0)
		cr_skip_test("the daemon's own uid counts as root");
	for (const char *const *o = (const char *const[]){"policy.reload", "trust.set", "verdict", NULL}; *o; o++)
		cr_assert_str_eq(code(ask(&clerk, op(*o))), "denied", "%s", *o);
	cr_assert(is_ok(ask(&root, op("policy.reload"))));
}

Test(control, what_is_no_question, .init = setup, .fini = teardown)
{
	cr_assert_str_eq(code(ask(&root, op("no.such"))), "not-found");
	cr_assert_str_eq(code(ask(&root, json_object())), "invalid");
	cr_assert_str_eq(code(ask(&root, json_pack("{s:i}", "op", 1))), "invalid");
	cr_assert_str_eq(code(ask(&root, json_pack("{s:s, s:s}", "op", "events", "limit", "x"))), "invalid");
	cr_assert_str_eq(code(ask(&root, json_pack("{s:s, s:i}", "op", "events", "limit", 100000))), "invalid");
	cr_assert_str_eq(code(ask(&root, json_pack("{s:s, s:i}", "op", "events", "after", -2))), "invalid");
	cr_assert_str_eq(code(ask(&root, op("explain"))), "invalid");
	cr_assert_str_eq(code(ask(&root, json_pack("{s:s, s:s}", "op", "explain", "device", "9-9"))), "not-found");
}

static int count_events(const struct sk_peer *who)
{
	json_t *a = ask(who, op("events"));
	int n = (int)json_array_size(json_object_get(a, "events"));

	json_decref(a);
	return n;
}

static void note(const char *kind, const char *person)
{
	json_t *b = json_pack("{s:s}", "person", person);

	cr_assert_eq(sk_daemon_record(d, kind, b), 0);
	json_decref(b);
}

Test(control, a_person_sees_devices_and_its_own_requests_only, .init = setup, .fini = teardown)
{
	char me[64];

	if (geteuid() != 0 || sk_login_name(clerk.uid, me, sizeof me) < 0)
		cr_skip_test("needs root and a user with uid 65534");
	note("device.decided", "");
	note("medium.mounted", "");
	note("grant.ended", "");
	note("policy.applied", "");
	note("check.changed", "");
	note("request.created", "somebody else");
	note("request.created", me);
	cr_assert_eq(count_events(&root), 8);
	cr_assert_eq(count_events(&clerk), 4);
}

static json_t *trust_request(const char *server, const char *device, const char *pem)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "op", "trust.set", "server", server, "device_id", device,
	                 "verify_key_pem", pem);
}

Test(control, trust_is_stored_and_the_record_goes_on_in_a_new_chain, .init = setup, .fini = teardown)
{
	struct sk_journal_info i;
	json_t *a;

	cr_assert_str_eq(code(ask(&root, trust_request("https://a", "nonsense", signer_pem))), "invalid");
	cr_assert_str_eq(code(ask(&root, trust_request("ftp://a", DEVICE, signer_pem))), "invalid");
	cr_assert_str_eq(code(ask(&root, trust_request("https://a", DEVICE, "x"))), "invalid");
	a = ask(&root, op("status"));
	cr_assert(json_is_false(json_object_get(a, "enrolled")), "nothing of it is kept");
	json_decref(a);
	cr_assert(is_ok(ask(&root, trust_request("https://a:8443", DEVICE, signer_pem))));
	a = ask(&root, op("status"));
	cr_assert_str_eq(json_string_value(json_object_get(a, "device_id")), DEVICE);
	cr_assert_str_eq(json_string_value(json_object_get(a, "server")), "https://a:8443");
	json_decref(a);
	sk_journal_info(d->journal, &i);
	cr_assert_str_eq(i.device, DEVICE);
	cr_assert_eq(i.last_seq, 2, "the chain's start and the sealing key");
	/* The same again changes nothing. */
	cr_assert(is_ok(ask(&root, trust_request("https://a:8443", DEVICE, signer_pem))));
	sk_journal_info(d->journal, &i);
	cr_assert_eq(i.last_seq, 2);
}

Test(control, enrolled_with_another_key_nothing_signed_before_holds, .init = setup, .fini = teardown)
{
	struct sk_holder_info i;
	char *e;

	cr_assert(is_ok(ask(&root, trust_request("https://a", DEVICE, signer_pem))));
	e = policy_bundle(signer, DEVICE, 9, GOOD_POLICY);
	cr_assert_eq(sk_holder_put(d->holder, e, strlen(e), 5000, NULL), SK_PUT_APPLIED);
	free(e);
	cr_assert(is_ok(ask(&root, trust_request("https://b", DEVICE, signer_pem))));
	sk_holder_info(d->holder, &i);
	cr_assert_eq(i.policy_version, 9, "the same key again: what it signed goes on holding");
	drop_signer();
	make_signer();
	cr_assert(is_ok(ask(&root, trust_request("https://b", DEVICE, signer_pem))));
	sk_holder_info(d->holder, &i);
	cr_assert_eq(i.source, SK_SOURCE_FILE);
	e = policy_bundle(signer, DEVICE, 1, GOOD_POLICY);
	cr_assert_eq(sk_holder_put(d->holder, e, strlen(e), 5000, NULL), SK_PUT_APPLIED,
	             "its versions count from the start");
	free(e);
}

Test(control, reload_says_file_and_line, .init = setup, .fini = teardown)
{
	json_t *a;

	put_file("policy.ini", "[policy]\nname = x\noops\n");
	a = ask(&root, op("policy.reload"));
	cr_assert(json_is_false(json_object_get(a, "ok")));
	cr_assert_neq(strstr(json_string_value(json_object_get(a, "error")), "policy.ini:3"), NULL);
	json_decref(a);
	a = ask(&root, op("policy"));
	cr_assert_str_eq(json_string_value(json_object_get(a, "text")), GOOD_POLICY);
	cr_assert_gt(json_string_length(json_object_get(a, "problem")), 0);
	json_decref(a);
}

Test(control, status_has_what_the_protocol_names, .init = setup, .fini = teardown)
{
	json_t *a = ask(&clerk, op("status"));

	for (const char *const *m =
	         (const char *const[]){"version", "enrolled", "device_id", "server", "policy", "grants", "journal",
	                               "enforcement", "uplink", "clock", "since", "notices", NULL};
	     *m; m++)
		cr_assert_not_null(json_object_get(a, *m), "%s", *m);
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(a, "policy"), "source")), "local");
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(a, "journal"), "state")), "ok");
	json_decref(a);
}

Test(control, verification_runs_beside_other_questions, .init = setup, .fini = teardown)
{
	cr_assert_null(ask(&clerk, op("verify")), "its answer comes later");
	cr_assert(is_ok(ask(&clerk, op("status"))));
	for (int i = 0; i < 3; i++)
		cr_assert_null(ask(&clerk, op("verify")));
	cr_assert_str_eq(code(ask(&clerk, op("verify"))), "busy");
	for (int i = 0; i < 100 && d->verify; i++)
		sd_event_run(d->loop, 10000);
	cr_assert_null(d->verify, "all end");
}
