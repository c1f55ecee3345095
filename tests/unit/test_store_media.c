/* The media ledger in the store: asked for by a terminal, approved by a person, signed to the terminals that need it. */
#include "common/json.h"
#include "policy/media_key.h"
#include "server/store_media.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc, other;
static struct sk_actor sys;
static char DK[SK_SHA256_HEX];

static void up(void)
{
	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	other = help_terminal(s, 2, "shimin");
	sys = help_admin();
	memset(DK, 'd', 64);
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_media, .init = up, .fini = down);

static json_t *asks(const char *ledger, const char *serial, const char *uuid)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 1, .of = {{1048576, 7000000000ull, "vfat", ""}}};
	char key[SK_SHA256_HEX];
	json_t *facts, *body;

	sk_text_copy(v.of[0].uuid, sizeof(v.of[0].uuid), uuid);
	cr_assert_eq(sk_media_key(&v, key), 0);
	facts = sk_volumes_json(&v);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:O}", "device", "1-1", "ledger",
	                 ledger, "label", "課税データ運搬用", "device_key", DK, "serial", serial, "media_key", key,
	                 "vendor_id", "0951", "product_id", "1666", "vendor", "Maker", "product", "Stick", "size",
	                 (json_int_t)v.bytes, "volumes", json_object_get(facts, "volumes"));
	json_decref(facts);
	return body;
}

static void send(struct chain *c, const char *kind, json_t *body)
{
	char *text = sk_json_text(body);
	struct sk_event e = help_event(c, kind, text);
	enum sk_chain_result chain;
	int64_t acked = 0;

	cr_assert_eq(help_put(s, c->id, &e, 1, &acked, &chain), 0);
	cr_assert_eq(acked, c->seq);
	sk_event_clear(&e);
	free(text);
	json_decref(body);
}

static int64_t newest(void)
{
	json_t *list = sk_store_media_requests(s, NULL, false, 10);
	int64_t id = json_integer_value(json_object_get(json_array_get(list, 0), "id"));

	json_decref(list);
	return id;
}

static void put(const char *ledger, const char *serial, const char *uuid, const char *unit)
{
	struct sk_err err = SK_ERR_INIT;

	send(&pc, "media.registered-request", asks(ledger, serial, uuid));
	cr_assert_eq(sk_store_media_approve(s, &sys, newest(), NULL, unit, T0, &err), 0, "%s", err.text);
}

/* What a terminal is told: "M-1 stored, M-2 lost". */
static const char *told(const struct chain *c)
{
	static char out[512];
	int64_t version;
	json_t *body = sk_store_grants_body(s, c->id, T0, &version), *m;
	size_t i, n = 0;

	cr_assert_not_null(body);
	out[0] = '\0';
	json_array_foreach(json_object_get(body, "media"), i, m)
	{
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s %s", i ? ", " : "",
		                      json_string_value(json_object_get(m, "ledger")),
		                      json_string_value(json_object_get(m, "state")));
	}
	json_decref(body);
	return out;
}

static int64_t incidents(void)
{
	json_t *o = sk_store_overview(s, NULL, T0, HOUR);
	int64_t n = json_integer_value(json_object_get(o, "incidents"));

	json_decref(o);
	return n;
}

Test(store_media, nothing_is_registered_before_it_is_approved)
{
	json_t *list;

	send(&pc, "media.registered-request", asks("M-1", "S1", "1234-5678"));
	cr_assert_str_eq(told(&pc), "");
	list = sk_store_media_requests(s, "zeimu", true, 10);
	cr_assert_eq(json_array_size(list), 1);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "ledger")), "M-1");
	cr_assert_eq(json_array_size(json_object_get(json_array_get(list, 0), "volumes")), 1);
	json_decref(list);
	list = sk_store_media_requests(s, "shimin", true, 10);
	cr_assert_eq(json_array_size(list), 0, "another section's");
	json_decref(list);
}

Test(store_media, approved_it_is_told_to_its_section_alone)
{
	json_t *m;

	put("M-1", "S1", "1234-5678", NULL);
	cr_assert_str_eq(told(&pc), "M-1 stored");
	cr_assert_str_eq(told(&other), "");
	m = sk_store_medium(s, "M-1");
	cr_assert_str_eq(json_string_value(json_object_get(m, "grade")), "B");
	cr_assert_str_eq(json_string_value(json_object_get(m, "unit")), "zeimu");
	cr_assert_str_eq(json_string_value(json_object_get(m, "label")), "課税データ運搬用");
	cr_assert_eq(json_array_size(json_object_get(m, "history")), 1);
	json_decref(m);
	cr_assert_null(sk_store_medium(s, "M-9"));
}

Test(store_media, the_offices_media_are_told_to_all)
{
	put("M-1", "S1", "1234-5678", "");
	cr_assert_str_eq(told(&other), "M-1 stored");
}

Test(store_media, what_is_lost_is_told_to_all)
{
	struct sk_err err = SK_ERR_INIT;

	put("M-1", "S1", "1234-5678", NULL);
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "lost", "", T0, &err), -EINVAL, "without a reason");
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "lost", "電車内で紛失", T0, &err), 0);
	cr_assert_str_eq(told(&other), "M-1 lost");
}

Test(store_media, a_change_raises_the_version_and_nothing_else_does)
{
	struct sk_err err = SK_ERR_INIT;
	int64_t a = 0, b = 0, c = 0;

	put("M-1", "S1", "1234-5678", NULL);
	json_decref(sk_store_grants_body(s, pc.id, T0, &a));
	json_decref(sk_store_grants_body(s, pc.id, T0 + 1, &b));
	cr_assert_eq(a, b);
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "long-term", NULL, T0, &err), 0);
	json_decref(sk_store_grants_body(s, pc.id, T0, &c));
	cr_assert_eq(c, b + 1);
}

Test(store_media, decided_once_and_only_by_the_system_manager)
{
	struct sk_actor desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK),
	                aud = help_actor("kansa", "監査担当", "", SK_ROLE_AUD);
	struct sk_err err = SK_ERR_INIT;
	int64_t id;

	send(&pc, "media.registered-request", asks("M-1", "S1", "1234-5678"));
	id = newest();
	cr_assert_eq(sk_store_media_approve(s, &desk, id, NULL, NULL, T0, &err), -EPERM);
	cr_assert_eq(sk_store_media_refuse(s, &aud, id, "x", T0, &err), -EPERM);
	cr_assert_eq(sk_store_media_approve(s, &sys, id + 7, NULL, NULL, T0, &err), -ENOENT);
	cr_assert_eq(sk_store_media_approve(s, &sys, id, "M 1", NULL, T0, &err), -EINVAL);
	cr_assert_eq(sk_store_media_approve(s, &sys, id, NULL, "nowhere", T0, &err), -ENOENT);
	cr_assert_eq(sk_store_media_refuse(s, &sys, id, "", T0, &err), -EINVAL);
	cr_assert_eq(sk_store_media_refuse(s, &sys, id, "私物", T0, &err), 0);
	cr_assert_eq(sk_store_media_approve(s, &sys, id, NULL, NULL, T0, &err), -ESTALE);
	cr_assert_str_eq(told(&pc), "");
	cr_assert_eq(sk_store_media_state(s, &aud, "M-1", "lost", "x", T0, &err), -EPERM);
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "lost", "x", T0, &err), -ENOENT);
}

Test(store_media, one_number_is_one_medium)
{
	struct sk_err err = SK_ERR_INIT;

	put("M-1", "S1", "1234-5678", NULL);
	send(&pc, "media.registered-request", asks("M-1", "S2", "9999-0000"));
	cr_assert_eq(sk_store_media_approve(s, &sys, newest(), NULL, NULL, T0, &err), -EEXIST, "another device");
	send(&pc, "media.registered-request", asks("M-2", "S1", "1234-5678"));
	cr_assert_eq(sk_store_media_approve(s, &sys, newest(), NULL, NULL, T0, &err), -EEXIST, "the same medium twice");
	cr_assert_str_eq(told(&pc), "M-1 stored");
}

Test(store_media, reformatted_it_is_registered_anew)
{
	json_t *m;

	put("M-1", "S1", "1234-5678", NULL);
	put("M-1", "S1", "9999-0000", NULL);
	m = sk_store_medium(s, "M-1");
	cr_assert_eq(json_array_size(json_object_get(m, "history")), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(m, "history"), 1), "action")),
	                 "registered-anew");
	json_decref(m);
}

Test(store_media, equal_serials_are_grade_c_and_told_together)
{
	json_t *m;

	put("M-1", "S1", "1234-5678", NULL);
	put("M-2", "S1", "9999-0000", NULL);
	m = sk_store_medium(s, "M-1");
	cr_assert_str_eq(json_string_value(json_object_get(m, "grade")), "C");
	json_decref(m);
	cr_assert_str_eq(told(&pc), "M-1 stored, M-2 stored");
}

Test(store_media, hostile_requests_are_incidents)
{
	json_t *bad[6];
	size_t n = sizeof(bad) / sizeof(bad[0]);
	int64_t before = incidents();

	for (size_t i = 0; i < n; i++)
		bad[i] = asks("M-1", "S1", "1234-5678");
	json_object_set_new(bad[0], "ledger", json_string("../M"));
	json_object_set_new(bad[1], "media_key", json_string("abc"));
	json_object_set_new(bad[2], "label", json_string("a\nb"));
	json_object_set_new(bad[3], "volumes", json_string("x"));
	json_object_set_new(bad[4], "size", json_integer(1)); /* the key is not that of what is shown */
	json_object_del(bad[5], "device_key");
	for (size_t i = 0; i < n; i++)
		send(&pc, "media.registered-request", bad[i]);
	cr_assert_eq(incidents(), before + (int64_t)n);
	cr_assert_eq(newest(), 0);
}

Test(store_media, its_erasing_stands_in_its_history)
{
	json_t *m, *last;
	char body[512];

	put("M-1", "S1", "1234-5678", NULL);
	m = sk_store_medium(s, "M-1");
	snprintf(body, sizeof(body),
	         "{\"ledger\":\"M-1\",\"device_key\":\"%s\",\"method\":\"overwrite\",\"size\":512,\"verified\":512}",
	         json_string_value(json_object_get(m, "device_key")));
	json_decref(m);
	send(&pc, "medium.erased", json_loads(body, 0, NULL));
	send(&pc, "medium.not-erased", json_loads("{\"ledger\":\"M-1\",\"device_key\":\"another\"}", 0, NULL));
	send(&pc, "medium.erased", json_loads("{\"ledger\":\"../x\"}", 0, NULL));
	send(&pc, "medium.erased", json_loads("{}", 0, NULL));
	m = sk_store_medium(s, "M-1");
	cr_assert_eq(json_array_size(json_object_get(m, "history")), 2);
	last = json_array_get(json_object_get(m, "history"), 1);
	cr_assert_str_eq(json_string_value(json_object_get(last, "action")), "erased");
	cr_assert_str_eq(json_string_value(json_object_get(last, "reason")), "overwrite 512/512");
	cr_assert_str_eq(json_string_value(json_object_get(m, "state")), "stored",
	                 "its own word alone changes nothing");
	json_decref(m);
}

Test(store_media, a_mismatch_is_an_incident)
{
	int64_t before = incidents();

	send(&pc, "medium.key-mismatch", json_pack("{s:s}", "device", "1-1"));
	cr_assert_eq(incidents(), before + 1);
}

/* ---- the grant names its medium ---- */

static int64_t asked(const char *serial)
{
	json_t *list;
	int64_t number;

	send(&pc, "request.created",
	     json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:{s:s, s:s}}", "id",
	               "11111111-0000-4000-8000-000000000001", "kind", "media", "person", "shokuin", "purpose", "p",
	               "access", "ro", "hours", 8, "class", "none", "device", "device_key", DK, "serial", serial));
	list = sk_store_requests(s, NULL, NULL, NULL, 10, 0);
	number = json_integer_value(json_object_get(json_array_get(list, 0), "number"));
	json_decref(list);
	return number;
}

static int approve(int64_t number, const char *ledger, struct sk_err *err)
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	struct sk_decision d = {.request = number, .what = SK_DO_PERMIT};

	(void)sk_store_decide(s, &sec, &d, T0, err);
	d = (struct sk_decision){
	    .request = number, .what = SK_DO_APPROVE, .access = "ro", .until = T0 + HOUR, .ledger = ledger};
	return sk_store_decide(s, &desk, &d, T0, err);
}

static const char *granted(void)
{
	static char out[40];
	int64_t version;
	json_t *body = sk_store_grants_body(s, pc.id, T0, &version);

	sk_text_copy(out, sizeof(out),
	             json_string_value(json_object_get(json_array_get(json_object_get(body, "grants"), 0), "ledger")));
	json_decref(body);
	return out;
}

Test(store_media, a_grant_is_for_the_one_registered_medium)
{
	struct sk_err err = SK_ERR_INIT;

	put("M-1", "S1", "1234-5678", NULL);
	cr_assert_eq(approve(asked("S1"), NULL, &err), 0, "%s", err.text);
	cr_assert_str_eq(granted(), "M-1");
}

Test(store_media, of_two_that_look_alike_one_must_be_named)
{
	struct sk_err err = SK_ERR_INIT;
	int64_t number;
	json_t *q;

	put("M-1", "S1", "1234-5678", NULL);
	put("M-2", "S1", "9999-0000", NULL);
	number = asked("S1");
	q = sk_store_request(s, number, NULL);
	cr_assert_eq(json_array_size(json_object_get(q, "media")), 2);
	json_decref(q);
	cr_assert_eq(approve(number, NULL, &err), -EINVAL);
	cr_assert_not_null(strstr(err.text, "M-1 M-2"), "%s", err.text);
	cr_assert_eq(approve(number, "M-3", &err), -EINVAL);
	cr_assert_eq(approve(number, "M-2", &err), 0, "%s", err.text);
	cr_assert_str_eq(granted(), "M-2");
}

Test(store_media, an_unregistered_medium_is_granted_as_before)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(approve(asked("S9"), NULL, &err), 0, "%s", err.text);
	cr_assert_str_eq(granted(), "");
}

Test(store_media, a_granted_medium_of_another_section_is_told_too)
{
	struct sk_err err = SK_ERR_INIT;

	put("M-1", "S1", "1234-5678", "shimin");
	cr_assert_str_eq(told(&pc), "");
	cr_assert_eq(approve(asked("S1"), NULL, &err), 0, "%s", err.text);
	cr_assert_str_eq(told(&pc), "M-1 stored");
}

Test(store_media, a_terminal_whose_clock_is_ahead_is_not_the_last_for_ever)
{
	json_t *m;

	put("M-1", "S1", "1234-5678", NULL);
	send(&pc, "medium.mounted", json_pack("{s:s}", "ledger", "M-1"));
	m = sk_store_medium(s, "M-1");
	cr_expect_eq(json_integer_value(json_object_get(m, "seen")), T0, "it came at T0 and said a later time");
	json_decref(m);
}
