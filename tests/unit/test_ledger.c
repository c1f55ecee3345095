/* The ledger at the terminal: who a medium is, in two stages, and what the decision makes of it. */
#include <errno.h>

#include "common/json.h"
#include "tests/unit/policy_help.h"

static char K1[SK_SHA256_HEX], M1[SK_SHA256_HEX], M2[SK_SHA256_HEX];

static void keys(void)
{
	memset(K1, 'a', 64);
	memset(M1, '1', 64);
	memset(M2, '2', 64);
}
TestSuite(ledger, .init = keys);

static json_t *entry(const char *ledger, const char *serial, const char *media_key, const char *state)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "ledger", ledger, "device_key", K1, "serial", serial, "media_key",
	                 media_key, "state", state);
}

/* list is stolen. The grant is for this ledger number; "" = any medium of that device. */
static struct sk_grants *grants(json_t *list, const char *ledger)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_grants *g = NULL;
	json_t *body =
	    json_pack("{s:[{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}], s:o}", "grants", "id",
	              "00000000-0000-4000-8000-000000000001", "request", 1, "device_key", K1, "serial", "S1", "person",
	              "", "access", "rw", "info_class", "none", "purpose", "", "from", "2020-01-01T00:00:00Z", "until",
	              "2099-01-01T00:00:00Z", "permitted_by", "", "approved_by", "", "ledger", ledger, "media", list);

	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	json_decref(body);
	return g;
}

static struct sk_device stick(enum sk_looked looked, const char *media_key)
{
	struct sk_device d = {.name = "1-2", .bus = "usb", .serial = "S1", .has_serial = true, .desc_ok = true};

	memcpy(d.desc.device_key, K1, sizeof(K1));
	d.desc.n_alts = 1;
	d.desc.alts[0] = (struct sk_usb_alt){.config = 1, .cls = 8, .sub = 6, .proto = 0x50, .first_config = true};
	d.looked = looked;
	sk_text_copy(d.media_key, sizeof(d.media_key), media_key);
	return d;
}

#define RULES "[rule a]\nkind = storage\naction = grant\n[grants]\ngrade_c = ro\ngrade_b = rw\n[media]\nwrite = plain\n"

/* Both stages as the agent goes through them. */
static struct sk_iface_verdict judge(struct sk_grants *g, const struct sk_device *d)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_context c = help_context();
	struct sk_iface_verdict f;
	struct sk_identity id;
	struct sk_verdict v;

	sk_ledger_identify(g->ledger, d, &id);
	c.media_follow = id.stage != SK_ID_UNKNOWN;
	sk_decide(p, g, d, &c, &v);
	f = v.ifaces[0];
	if (f.pending && d->looked != SK_LOOKED_NOT) {
		struct sk_media_facts m = {.encryption = SK_ENC_NONE, .size = 1, .grade = id.grade};

		sk_decide_medium(p, g, d, &m, &c, 0, &f);
	}
	f.rule = NULL;
	f.grant = NULL;
	sk_policy_free(p);
	return f;
}

static struct sk_iface_verdict run(json_t *list, const char *ledger, enum sk_looked looked, const char *media_key)
{
	struct sk_device d = stick(looked, media_key);
	struct sk_grants *g = grants(list, ledger);
	struct sk_iface_verdict f = judge(g, &d);

	sk_grants_free(g);
	return f;
}

static json_t *one(const char *state)
{
	return json_pack("[o]", entry("M-1", "S1", M1, state));
}

Test(ledger, a_candidate_is_opened_only_for_looking)
{
	struct sk_iface_verdict f = run(one("stored"), "M-1", SK_LOOKED_NOT, "");

	cr_assert(f.allow && f.pending);
	cr_assert_eq(f.reason, SK_REASON_GRANT);
}

Test(ledger, what_was_registered_is_grade_b)
{
	struct sk_iface_verdict f = run(one("lent"), "M-1", SK_LOOKED_DONE, M1);

	cr_assert(f.allow && !f.pending);
	cr_assert_eq(f.access, SK_ACCESS_RW, "grade_b = rw");
}

Test(ledger, reformatted_or_exchanged_is_refused)
{
	struct sk_iface_verdict f = run(one("stored"), "", SK_LOOKED_DONE, M2);

	cr_assert(!f.allow);
	cr_assert_eq(f.reason, SK_REASON_MEDIA_KEY);
	f = run(one("stored"), "", SK_LOOKED_FAILED, "");
	cr_assert(!f.allow && f.reason == SK_REASON_MEDIA_KEY, "what cannot be read is not what was registered");
}

Test(ledger, not_in_the_ledger_is_grade_c)
{
	struct sk_iface_verdict f = run(json_array(), "", SK_LOOKED_NOT, "");

	cr_assert(f.allow && !f.pending);
	cr_assert_eq(f.access, SK_ACCESS_RO);
	f = run(json_array(), "M-1", SK_LOOKED_NOT, "");
	cr_assert_eq(f.reason, SK_REASON_NO_GRANT, "a grant for a registered medium is for nothing else");
}

Test(ledger, a_grant_is_for_one_of_two_sticks_with_one_serial)
{
	json_t *list = json_pack("[o, o]", entry("M-1", "S1", M1, "stored"), entry("M-2", "S1", M2, "stored"));
	struct sk_iface_verdict f;

	json_incref(list);
	f = run(list, "M-2", SK_LOOKED_DONE, M1);
	cr_assert(!f.allow && f.reason == SK_REASON_NO_GRANT, "the other one");
	json_incref(list);
	f = run(list, "M-2", SK_LOOKED_NOT, "");
	cr_assert(f.allow && f.pending, "which one it is shows only when it is looked at");
	f = run(list, "M-2", SK_LOOKED_DONE, M2);
	cr_assert(f.allow);
	cr_assert_eq(f.access, SK_ACCESS_RO, "without a serial of its own the grade stays C");
}

Test(ledger, long_term_storage_is_read_only)
{
	struct sk_iface_verdict f = run(one("long-term"), "M-1", SK_LOOKED_DONE, M1);

	cr_assert(f.allow);
	cr_assert_eq(f.access, SK_ACCESS_RO);
}

Test(ledger, lost_erased_and_disposed_are_refused_before_they_are_opened)
{
	static const struct {
		const char *state;
		enum sk_reason reason;
	} cases[] = {{"lost", SK_REASON_LOST}, {"erased", SK_REASON_ERASED}, {"disposed", SK_REASON_DISPOSED}};

	for (size_t i = 0; i < 3; i++) {
		struct sk_iface_verdict f = run(one(cases[i].state), "M-1", SK_LOOKED_NOT, "");

		cr_assert(!f.allow && !f.pending);
		cr_assert_eq(f.reason, cases[i].reason, "%s", cases[i].state);
	}
}

Test(ledger, one_of_two_is_lost)
{
	json_t *list = json_pack("[o, o]", entry("M-1", "S1", M1, "lost"), entry("M-2", "S1", M2, "stored"));
	struct sk_iface_verdict f;

	json_incref(list);
	f = run(list, "", SK_LOOKED_NOT, "");
	cr_assert(f.pending, "it may be the other one");
	json_incref(list);
	f = run(list, "", SK_LOOKED_DONE, M1);
	cr_assert_eq(f.reason, SK_REASON_LOST);
	f = run(list, "", SK_LOOKED_DONE, M2);
	cr_assert(f.allow);
}

Test(ledger, a_caller_that_does_not_look_opens_nothing)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_device d = stick(SK_LOOKED_NOT, "");
	struct sk_grants *g = grants(one("stored"), "");
	struct sk_context c = help_context();
	struct sk_verdict v;

	sk_decide(p, g, &d, &c, &v);
	cr_assert(!v.allow);
	sk_grants_free(g);
	sk_policy_free(p);
}

Test(ledger, registering_opens_for_looking_and_nothing_more)
{
	struct sk_policy *p = help_policy("[rule a]\nkind = input\naction = allow\n");
	struct sk_device d = stick(SK_LOOKED_NOT, "");
	struct sk_context c = help_context();
	struct sk_verdict v;

	c.registering = true;
	sk_decide(p, NULL, &d, &c, &v);
	cr_assert(v.allow && v.ifaces[0].pending);
	cr_assert_eq(v.ifaces[0].access, SK_ACCESS_RO);
	cr_assert_eq(v.ifaces[0].reason, SK_REASON_LOOKING);
	d.desc_ok = false;
	sk_decide(p, NULL, &d, &c, &v);
	cr_assert(!v.allow, "malformed");
	sk_policy_free(p);
}

Test(ledger, the_list_is_taken_whole_or_not)
{
	struct sk_ledger *l = (struct sk_ledger *)&l;
	json_t *good = json_pack("{s:[o]}", "media", entry("M-1", "S1", M1, "stored"));
	json_t *bad[] = {
	    json_pack("{s:[o, o]}", "media", entry("M-1", "S1", M1, "stored"), entry("M 2", "S1", M1, "stored")),
	    json_pack("{s:[o]}", "media", entry("M-1", "S1", M1, "sold")),
	    json_pack("{s:[o]}", "media", entry("M-1", "S1", "12", "stored")), json_pack("{s:s}", "media", "x")};

	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(sk_ledger_parse(bad[i], &l, NULL), -EINVAL);
		json_decref(bad[i]);
	}
	cr_assert_eq(sk_ledger_parse(good, &l, NULL), 0);
	cr_assert_eq(l->n, 1);
	json_decref(good);
	sk_ledger_free(l);
}

/* ---- zones (3(2)ア, 6.4(3)オ) ---- */

static json_t *written_in(const char *zone, const char *clean)
{
	json_t *e = entry("M-1", "S1", M1, "stored");

	json_object_set_new(e, "zone", json_string(zone));
	if (clean != NULL)
		json_object_set_new(e, "clean", json_string(clean));
	return json_pack("[o]", e);
}

/* The rules above, in this zone, with these further keys of [media]. */
static enum sk_reason in_zone(enum sk_zone zone, const char *keys, json_t *list, enum sk_looked looked)
{
	struct sk_grants *g = grants(list, "M-1");
	struct sk_device d = stick(looked, looked == SK_LOOKED_DONE ? M1 : "");
	struct sk_context c = help_context();
	struct sk_verdict v;
	struct sk_policy *p;
	char text[512];

	snprintf(text, sizeof(text), RULES "%s", keys);
	p = help_policy(text);
	p->zone = zone;
	c.media_follow = true;
	sk_decide(p, g, &d, &c, &v);
	sk_policy_free(p);
	sk_grants_free(g);
	return v.allow ? SK_REASON_GRANT : v.reason;
}

Test(ledger, from_the_internet_zone_only_sanitised)
{
	for (int looked = SK_LOOKED_NOT; looked <= SK_LOOKED_DONE; looked += SK_LOOKED_DONE) {
		cr_expect_eq(in_zone(SK_ZONE_LGWAN, "", written_in("internet", NULL), looked), SK_REASON_NOT_SANITISED);
		cr_expect_eq(in_zone(SK_ZONE_MY_NUMBER, "", written_in("internet", NULL), looked),
		             SK_REASON_NOT_SANITISED);
		cr_expect_eq(in_zone(SK_ZONE_LGWAN, "", written_in("internet", "scanned"), looked),
		             SK_REASON_NOT_SANITISED, "a scan is no sanitising");
		cr_expect_eq(in_zone(SK_ZONE_LGWAN, "", written_in("internet", "sanitised"), looked), SK_REASON_GRANT);
		cr_expect_eq(in_zone(SK_ZONE_LGWAN, "", written_in("lgwan", NULL), looked), SK_REASON_GRANT);
		cr_expect_eq(in_zone(SK_ZONE_MY_NUMBER, "", written_in("lgwan", NULL), looked), SK_REASON_GRANT);
		cr_expect_eq(in_zone(SK_ZONE_INTERNET, "", written_in("my-number", NULL), looked), SK_REASON_GRANT);
		cr_expect_eq(in_zone(SK_ZONE_LGWAN, "", one("stored"), looked), SK_REASON_GRANT, "not known");
	}
}

Test(ledger, the_office_says_from_which_zones_and_by_what)
{
	cr_expect_eq(in_zone(SK_ZONE_LGWAN, "sanitise_from = none\n", written_in("internet", NULL), SK_LOOKED_NOT),
	             SK_REASON_GRANT);
	cr_expect_eq(in_zone(SK_ZONE_INTERNET, "sanitise_from = lgwan my-number\n", written_in("my-number", NULL),
	                     SK_LOOKED_NOT),
	             SK_REASON_NOT_SANITISED);
	cr_expect_eq(
	    in_zone(SK_ZONE_INTERNET, "sanitise_from = internet\n", written_in("internet", NULL), SK_LOOKED_NOT),
	    SK_REASON_GRANT, "its own zone");
	cr_expect_eq(in_zone(SK_ZONE_LGWAN, "sanitise_by = scan\n", written_in("internet", "scanned"), SK_LOOKED_NOT),
	             SK_REASON_GRANT);
	cr_expect_eq(in_zone(SK_ZONE_LGWAN, "sanitise_by = scan\n", written_in("internet", NULL), SK_LOOKED_NOT),
	             SK_REASON_NOT_SANITISED);
}

Test(ledger, zones_go_out_as_they_came_and_nonsense_is_refused)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_ledger *m = NULL;
	json_t *body = json_pack("{s:o}", "media", written_in("my-number", "scanned")), *e;

	cr_assert_eq(sk_ledger_parse(body, &m, &err), 0, "%s", err.text);
	e = sk_ledger_entry_json(&m->items[0]);
	cr_expect(json_equal(e, json_array_get(json_object_get(body, "media"), 0)));
	json_decref(e);
	json_decref(body);
	m = sk_ledger_free(m);
	body = json_pack("{s:o}", "media", written_in("moon", NULL));
	cr_expect_eq(sk_ledger_parse(body, &m, &err), -EINVAL);
	cr_expect(strstr(err.text, "zone"));
	json_decref(body);
	body = json_pack("{s:o}", "media", written_in("lgwan", "washed"));
	cr_expect_eq(sk_ledger_parse(body, &m, &err), -EINVAL);
	json_decref(body);
}
