/* What may come into force: only what is signed by the server, for this terminal, newer, and whole. */
#include "agent/holder.h"
#include "tests/unit/agent_help.h"

static struct sk_holder *h;
static struct sk_trust trust;
static struct sk_err err;
static json_t *events; /* [[kind, body], ...] */
static json_t *answers;

static void note(void *ctx, const char *kind, json_t *body)
{
	(void)ctx;
	json_array_append_new(events, json_pack("[s, o]", kind, body));
}

static void answered(void *ctx, const json_t *body)
{
	(void)ctx;
	json_decref(answers);
	answers = json_deep_copy(body);
}

static int reload(void)
{
	static const struct sk_holder_hooks hooks = {.record = note, .answered = answered};

	h = sk_holder_free(h);
	json_array_clear(events);
	cr_assert_eq(sk_holder_new(dir, in_dir("policy.ini"), &hooks, &h), 0);
	err.text[0] = '\0';
	return sk_holder_load(h, &trust, 5000, &err);
}

static void setup(void)
{
	make_dir();
	make_signer();
	events = json_array();
	put_file("policy.ini", GOOD_POLICY);
	cr_assert_eq(sk_trust_set(dir, &trust, "https://server", DEVICE, signer_pem, &err), 0);
	cr_assert_eq(reload(), 0, "%s", err.text);
}

static void teardown(void)
{
	h = sk_holder_free(h);
	sk_trust_clear(&trust);
	drop_signer();
	json_decref(events);
	json_decref(answers);
	remove_dir();
}

static int put(char *envelope)
{
	int r;

	err.text[0] = '\0';
	r = sk_holder_put(h, envelope, strlen(envelope), 5000, &err);
	free(envelope);
	sk_holder_settle(h);
	return r;
}

static const char *last_kind(void)
{
	const char *k = json_string_value(json_array_get(json_array_get(events, json_array_size(events) - 1), 0));

	return k ? k : "";
}

static const char *last_member(const char *name)
{
	const json_t *body = json_array_get(json_array_get(events, json_array_size(events) - 1), 1);
	const char *s = json_string_value(json_object_get(body, name));

	return s ? s : "";
}

static char *named(const char *name)
{
	char text[600];

	snprintf(text, sizeof text,
	         "[policy]\nname = %s\nversion = 7\nzone = lgwan\nmode = enforce\ndefault = deny\n"
	         "contact_ja = x\ncontact_en = x\n[rule hubs]\nkind = hub\naction = allow\n",
	         name);
	return strdup(text);
}

static char *bundle(int64_t version, const char *name)
{
	char *text = named(name), *e = policy_bundle(signer, DEVICE, version, text);

	free(text);
	return e;
}

static struct sk_holder_info info(void)
{
	struct sk_holder_info i;

	sk_holder_info(h, &i);
	return i;
}

Test(holder, local_file_before_anything_is_sent, .init = setup, .fini = teardown)
{
	cr_assert_eq(info().source, SK_SOURCE_FILE);
	cr_assert_str_eq(sk_holder_policy(h)->name, "test");
	cr_assert_null(sk_holder_grants(h, 5000));
	cr_assert_eq(json_array_size(events), 0);
}

Test(holder, without_a_usable_file_the_fail_safe_holds_and_says_so, .init = setup, .fini = teardown)
{
	put_file("policy.ini", "[policy]\nname = x\n[rule a]\nkind = nonsense\n");
	cr_assert_lt(reload(), 0);
	cr_assert_eq(info().source, SK_SOURCE_FAILSAFE);
	cr_assert_not_null(sk_holder_policy(h));
	cr_assert_str_eq(last_kind(), "policy.refused");
	cr_assert_neq(strstr(last_member("error"), "policy.ini:"), NULL, "%s", last_member("error"));
	cr_assert_gt(strlen(info().problem), 0);
	unlink(in_dir("policy.ini"));
	cr_assert_lt(reload(), 0);
	cr_assert_eq(info().source, SK_SOURCE_FAILSAFE);
}

Test(holder, a_local_file_that_becomes_malformed_changes_nothing, .init = setup, .fini = teardown)
{
	put_file("policy.ini", "[policy]\nname = x\n");
	cr_assert_lt(sk_holder_load(h, &trust, 5000, &err), 0);
	cr_assert_eq(info().source, SK_SOURCE_FILE);
	cr_assert_str_eq(sk_holder_policy(h)->name, "test");
	cr_assert_str_eq(last_kind(), "policy.refused");
	char *other = named("second");
	put_file("policy.ini", other);
	free(other);
	cr_assert_eq(sk_holder_load(h, &trust, 5000, &err), 0, "%s", err.text);
	cr_assert_str_eq(sk_holder_policy(h)->name, "second");
	cr_assert_str_eq(last_kind(), "policy.applied");
	cr_assert_str_eq(last_member("source"), "local");
}

Test(holder, a_signed_policy_is_stored_and_in_force_after_a_restart, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(bundle(3, "signed")), SK_PUT_APPLIED, "%s", err.text);
	cr_assert_str_eq(sk_holder_policy(h)->name, "signed");
	cr_assert_eq(info().policy_version, 3);
	cr_assert_str_eq(last_kind(), "policy.applied");
	cr_assert_eq(reload(), 0, "%s", err.text);
	cr_assert_eq(info().source, SK_SOURCE_BUNDLE);
	cr_assert_str_eq(sk_holder_policy(h)->name, "signed");
	cr_assert_eq(info().policy_version, 3);
	/* The local file has no say any more. */
	put_file("policy.ini", "nonsense");
	cr_assert_eq(reload(), 0, "%s", err.text);
	cr_assert_str_eq(sk_holder_policy(h)->name, "signed");
}

Test(holder, no_way_back_to_an_older_version, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(bundle(3, "third")), 0);
	cr_assert_eq(put(bundle(2, "second")), -ESTALE);
	cr_assert_str_eq(last_kind(), "bundle.refused");
	cr_assert_str_eq(last_member("reason"), "rollback");
	cr_assert_eq(put(bundle(3, "another third")), -ESTALE);
	cr_assert_str_eq(sk_holder_policy(h)->name, "third");
	size_t before = json_array_size(events);
	cr_assert_eq(put(bundle(3, "third")), SK_PUT_SAME);
	cr_assert_eq(json_array_size(events), before, "the same again is nothing to record");
	reload();
	cr_assert_eq(put(bundle(2, "second")), -ESTALE, "nor after a restart");
	/* Nor by losing the bundle; only the same version may come again. */
	unlink(in_dir("policy.bundle"));
	reload();
	cr_assert_eq(info().source, SK_SOURCE_FILE);
	cr_assert_eq(put(bundle(2, "second")), -ESTALE);
	cr_assert_eq(put(bundle(3, "third")), SK_PUT_APPLIED, "%s", err.text);
	cr_assert_eq(put(bundle(4, "fourth")), SK_PUT_APPLIED);
}

Test(holder, another_key_or_a_changed_byte_or_another_terminal, .init = setup, .fini = teardown)
{
	struct sk_sign_key *other;
	char *e, *p;

	cr_assert_eq(sk_sign_key_generate(&other), 0);
	cr_assert_eq(put(policy_bundle(other, DEVICE, 9, GOOD_POLICY)), -ENOKEY);
	cr_assert_str_eq(last_member("reason"), "key");
	sk_sign_key_free(other);
	cr_assert_eq(put(policy_bundle(signer, OTHER, 9, GOOD_POLICY)), -EXDEV);
	cr_assert_str_eq(last_member("reason"), "device");
	e = bundle(9, "signed");
	p = strstr(e, "\"payload\"");
	cr_assert_not_null(p);
	p += 30;
	*p = *p == 'A' ? 'B' : 'A';
	cr_assert_lt(put(e), 0);
	cr_assert_str_eq(last_kind(), "bundle.refused");
	for (const char *const *s =
	         (const char *const[]){"", "{", "null", "[]", "{\"format\":\"sekimori-bundle-1\"}", "\xff\xfe", NULL};
	     *s; s++)
		cr_assert_lt(put(strdup(*s)), 0, "%s", *s);
	cr_assert_str_eq(last_member("reason"), "malformed");
	cr_assert_str_eq(sk_holder_policy(h)->name, "test");
	cr_assert_eq(count_files("policy.bundle"), 0, "nothing of it was stored");
}

Test(holder, a_malformed_policy_inside_a_good_bundle_is_refused_with_its_line, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(bundle(3, "third")), 0);
	cr_assert_lt(put(policy_bundle(signer, DEVICE, 4, "[policy]\nname = x\nbad line\n")), 0);
	cr_assert_str_eq(last_kind(), "policy.refused");
	cr_assert_neq(strstr(last_member("error"), ":3:"), NULL, "%s", last_member("error"));
	cr_assert_str_eq(sk_holder_policy(h)->name, "third");
	cr_assert_eq(info().policy_version, 3);
	reload();
	cr_assert_str_eq(sk_holder_policy(h)->name, "third");
	cr_assert_eq(put(bundle(4, "fourth")), 0, "a mended one of that version is taken");
}

static json_t *grants_body(int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++) {
		struct sk_grant g = {.request = i + 1,
		                     .access = SK_ACCESS_RO,
		                     .info_class = "none",
		                     .purpose = "p",
		                     .from = 1000,
		                     .until = 90000};

		snprintf(g.id, sizeof g.id, "11111111-2222-4333-8444-%012d", i);
		memset(g.device_key, 'a', 64);
		json_array_append_new(list, sk_grant_json(&g));
	}
	return json_pack("{s:o, s:[{s:s, s:i, s:s, s:s}]}", "grants", list, "requests", "id", OTHER, "number", 1,
	                 "state", "approved", "reason", "");
}

Test(holder, grants_come_and_go_and_their_answers_are_passed_on, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(grants_bundle(DEVICE, 1, 0, grants_body(2))), SK_PUT_APPLIED, "%s", err.text);
	cr_assert_eq(sk_holder_grants(h, 5000)->n, 2);
	cr_assert_str_eq(last_kind(), "grants.applied");
	cr_assert_eq(json_array_size(json_object_get(answers, "requests")), 1);
	reload();
	cr_assert_eq(sk_holder_grants(h, 5000)->n, 2);
	cr_assert_eq(put(grants_bundle(DEVICE, 2, 0, json_pack("{s:[{s:s}]}", "grants", "id", "x"))) < 0, 1);
	cr_assert_str_eq(last_kind(), "grants.refused");
	cr_assert_eq(sk_holder_grants(h, 5000)->n, 2);
	cr_assert_eq(put(grants_bundle(DEVICE, 2, 0, grants_body(0))), SK_PUT_APPLIED);
	cr_assert_eq(sk_holder_grants(h, 5000)->n, 0, "withdrawn");
	cr_assert_eq(put(grants_bundle(DEVICE, 1, 0, grants_body(2))), -ESTALE, "a withdrawn grant does not come back");
}

Test(holder, a_bundle_that_has_expired, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(grants_bundle(DEVICE, 1, 1000001, grants_body(1))), SK_PUT_APPLIED, "%s", err.text);
	cr_assert_not_null(sk_holder_grants(h, 1000000));
	cr_assert_eq(sk_holder_expiry(h, 5000), 1000001);
	cr_assert_null(sk_holder_grants(h, 1000001), "its grants end with it");
	cr_assert_eq(sk_holder_expiry(h, 1000001), 0);
	char *e = grants_bundle(DEVICE, 2, 1000001, grants_body(1));
	cr_assert_eq(sk_holder_put(h, e, strlen(e), 2000000, &err), -ETIME);
	free(e);
}

Test(holder, stored_bundles_are_not_believed_after_somebody_changed_them, .init = setup, .fini = teardown)
{
	struct sk_sign_key *other;
	char *e;

	cr_assert_eq(put(bundle(3, "third")), 0);
	cr_assert_eq(sk_sign_key_generate(&other), 0);
	e = policy_bundle(other, DEVICE, 9, GOOD_POLICY);
	put_file("policy.bundle", e);
	free(e);
	sk_sign_key_free(other);
	cr_assert_lt(reload(), 0);
	cr_assert_eq(info().source, SK_SOURCE_FILE, "the next best holds");
	cr_assert_gt(strlen(info().problem), 0);
	e = policy_bundle(signer, OTHER, 9, GOOD_POLICY);
	put_file("policy.bundle", e);
	free(e);
	cr_assert_lt(reload(), 0);
	cr_assert_eq(info().source, SK_SOURCE_FILE);
}

Test(holder, an_older_bundle_put_back_by_hand_is_not_taken, .init = setup, .fini = teardown)
{
	char *old = bundle(3, "third");

	cr_assert_eq(put(bundle(3, "third")), 0);
	cr_assert_eq(put(bundle(4, "fourth")), 0);
	put_file("policy.bundle", old);
	free(old);
	cr_assert_eq(reload(), -ESTALE, "%s", err.text);
	cr_assert_eq(info().source, SK_SOURCE_FILE);
	cr_assert_eq(put(bundle(4, "fourth")), SK_PUT_APPLIED, "%s", err.text);
}

Test(holder, not_enrolled_takes_no_bundle, .init = setup, .fini = teardown)
{
	struct sk_trust none = {0};

	cr_assert_eq(sk_holder_load(h, &none, 5000, &err), 0);
	cr_assert_eq(put(bundle(3, "third")), -ENOKEY);
	cr_assert_str_eq(sk_holder_policy(h)->name, "test");
}

Test(holder, enrolled_anew_the_old_bundles_go, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(bundle(30, "old")), 0);
	cr_assert_eq(put(grants_bundle(DEVICE, 30, 0, grants_body(2))), 0);
	sk_holder_forget(h);
	sk_holder_settle(h);
	cr_assert_eq(info().source, SK_SOURCE_FILE);
	cr_assert_null(sk_holder_grants(h, 5000));
	cr_assert_eq(count_files("policy.bundle") + count_files("grants.bundle") + count_files("versions"), 0);
	cr_assert_eq(put(bundle(1, "new")), SK_PUT_APPLIED, "versions count from the start again");
}

Test(holder, what_cannot_be_stored_is_not_in_force, .init = setup, .fini = teardown)
{
	cr_assert_eq(mkdir(in_dir("policy.bundle"), 0700), 0);
	cr_assert_lt(put(bundle(3, "third")), 0);
	cr_assert_str_eq(sk_holder_policy(h)->name, "test");
	cr_assert_eq(info().policy_version, 0);
	rmdir(in_dir("policy.bundle"));
	cr_assert_eq(put(bundle(3, "third")), 0, "%s", err.text);
}

/* ---- the clock ---- */

static sk_ms holds, taken;

static sk_ms issued(void *ctx, sk_ms t, bool take)
{
	(void)ctx;
	if (take)
		taken = t;
	return holds;
}

static void with_clock(void)
{
	static const struct sk_holder_hooks hooks = {.record = note, .answered = answered, .issued = issued};

	h = sk_holder_free(h);
	json_array_clear(events);
	taken = 0;
	cr_assert_eq(sk_holder_new(dir, in_dir("policy.ini"), &hooks, &h), 0);
	cr_assert_eq(sk_holder_load(h, &trust, 5000, &err), 0);
}

#define AHEAD 9000000 /* where the clock stands; the bundle below ends at 2000000 and was issued at 1000000 */

static int put_ahead(char *envelope)
{
	int r = sk_holder_put(h, envelope, strlen(envelope), AHEAD, &err);

	free(envelope);
	sk_holder_settle(h);
	return r;
}

static char *grants(const char *device, int64_t version)
{
	return grants_bundle(device, version, 2000000, json_pack("{s:[]}", "grants"));
}

Test(holder, only_newer_grants_bring_the_clock_back, .init = setup, .fini = teardown)
{
	with_clock();
	holds = AHEAD;
	cr_assert_eq(put_ahead(grants(DEVICE, 5)), -ETIME, "the wall clock does not agree");
	holds = 1000500;
	cr_assert_eq(put_ahead(grants(DEVICE, 5)), SK_PUT_APPLIED, "%s", err.text);
	cr_assert_eq(taken, 1000000);
	taken = 0;
	cr_assert_eq(put_ahead(grants(DEVICE, 5)), SK_PUT_SAME);
	cr_assert_eq(put_ahead(grants(DEVICE, 4)), -ESTALE);
	cr_assert_eq(put_ahead(grants(OTHER, 9)), -EXDEV);
	cr_assert_eq(put_ahead(bundle(9, "policy")), SK_PUT_APPLIED, "a policy does not");
	cr_assert_eq(taken, 0);
	unlink(in_dir("grants.bundle"));
	with_clock();
	cr_assert_eq(put_ahead(grants(DEVICE, 5)), -ETIME, "held once, lost since: nothing new");
	cr_assert_eq(taken, 0);
}

Test(holder, the_same_refusal_is_recorded_once_in_ten_minutes, .init = setup, .fini = teardown)
{
	char *e = policy_bundle(signer, OTHER, 3, GOOD_POLICY);

	for (int i = 0; i < 7; i++)
		cr_assert_eq(sk_holder_put(h, e, strlen(e), 5000 + i, &err), -EXDEV);
	cr_assert_eq(json_array_size(events), 1);
	cr_assert_eq(sk_holder_put(h, "x", 1, 5010, &err), -EINVAL, "%s", err.text);
	cr_assert_eq(json_array_size(events), 2, "another reason");
	cr_assert_eq(sk_holder_put(h, e, strlen(e), 5000 + 600000, &err), -EXDEV);
	cr_assert_eq(json_array_size(events), 3);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(json_array_get(events, 2), 1), "count")), 7);
	free(e);
}

Test(holder, versions_of_another_terminal_are_ignored, .init = setup, .fini = teardown)
{
	cr_assert_eq(put(bundle(7, "first")), SK_PUT_APPLIED);
	/* Enrolled anew and killed before the old versions were gone. */
	sk_trust_clear(&trust);
	cr_assert_eq(sk_trust_set(dir, &trust, "https://server", OTHER, signer_pem, &err), 0);
	(void)reload();
	cr_assert_eq(info().policy_known, 0);
	cr_assert_eq(put(policy_bundle(signer, OTHER, 1, GOOD_POLICY)), SK_PUT_APPLIED, "%s", err.text);
}

Test(holder, what_was_lost_is_asked_for_again_and_nothing_older, .init = setup, .fini = teardown)
{
	cr_assert_eq(info().policy_known, 0);
	cr_assert_eq(put(bundle(7, "first")), SK_PUT_APPLIED);
	cr_assert_eq(info().policy_known, 7);
	unlink(in_dir("policy.bundle"));
	cr_assert_eq(reload(), 0);
	cr_assert_eq(info().policy_version, 0);
	cr_assert_eq(info().policy_known, 6);
	cr_assert_eq(put(bundle(7, "first")), SK_PUT_APPLIED);
}
