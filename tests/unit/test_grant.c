/* Grants: read whole or not at all, found by key, valid to the millisecond. */
#include <errno.h>

#include "common/json.h"
#include "tests/unit/policy_help.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static json_t *grant_json(int number, const char *key)
{
	return json_pack("{s:o, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id",
	                 json_sprintf("11111111-2222-4333-8444-%012d", number), "request", number, "device_key", key,
	                 "serial", "S1", "person", "shokuin1", "access", "rw", "info_class", "2", "purpose", "運搬",
	                 "from", "2026-04-01T00:00:00Z", "until", "2026-04-02T00:00:00Z", "permitted_by", "課長",
	                 "approved_by", "担当");
}

static json_t *body_of(json_t *one)
{
	return json_pack("{s:[o]}", "grants", one);
}

static struct sk_device device(const char *key, const char *serial)
{
	struct sk_device d = {.has_serial = serial != NULL};

	sk_text_copy(d.desc.device_key, sizeof(d.desc.device_key), key);
	sk_text_copy(d.serial, sizeof(d.serial), serial);
	return d;
}

static sk_ms at(const char *utc)
{
	sk_ms t = 0;

	cr_assert_eq(sk_clock_parse_utc(utc, &t), 0);
	return t;
}

Test(grant, reads_every_member)
{
	json_t *body = body_of(grant_json(7, KEY_A)), *again;
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	cr_assert_eq(g->n, 1);
	cr_assert_str_eq(g->items[0].id, "11111111-2222-4333-8444-000000000007");
	cr_assert_eq(g->items[0].request, 7);
	cr_assert_str_eq(g->items[0].device_key, KEY_A);
	cr_assert_str_eq(g->items[0].serial, "S1");
	cr_assert_str_eq(g->items[0].person, "shokuin1");
	cr_assert_eq(g->items[0].access, SK_ACCESS_RW);
	cr_assert_str_eq(g->items[0].info_class, "2");
	cr_assert_str_eq(g->items[0].purpose, "運搬");
	cr_assert_eq(g->items[0].from, at("2026-04-01T00:00:00Z"));
	cr_assert_eq(g->items[0].until, at("2026-04-02T00:00:00Z"));
	cr_assert_str_eq(g->items[0].permitted_by, "課長");
	cr_assert_str_eq(g->items[0].approved_by, "担当");
	/* What is written is what is read. */
	again = body_of(sk_grant_json(&g->items[0]));
	g = sk_grants_free(g);
	cr_assert_eq(sk_grants_parse(again, &g, &err), 0, "%s", err.text);
	cr_assert_eq(g->items[0].until, at("2026-04-02T00:00:00Z"));
	json_decref(again);
	json_decref(body);
	cr_assert_null(sk_grants_free(g));
	cr_assert_null(sk_grants_free(NULL));
}

Test(grant, empty_bundle_takes_all_away)
{
	json_t *body = json_pack("{s:[], s:[]}", "grants", "requests");
	struct sk_grants *g = NULL;
	enum sk_grant_state state;
	struct sk_device d = device(KEY_A, "S1");

	cr_assert_eq(sk_grants_parse(body, &g, NULL), 0);
	cr_assert_eq(g->n, 0);
	cr_assert_null(sk_grants_find(g, &d, 0, "", &state));
	cr_assert_null(sk_grants_find(NULL, &d, 0, "", &state));
	cr_assert_eq(sk_grants_next_change(g, 0), 0);
	cr_assert_eq(sk_grants_next_change(NULL, 0), 0);
	sk_grants_free(g);
	json_decref(body);
}

static void refused(const char *member, json_t *value, const char *says)
{
	json_t *one = grant_json(1, KEY_A), *body;
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;

	if (value)
		json_object_set_new(one, member, value);
	else
		json_object_del(one, member);
	body = body_of(one);
	cr_expect_eq(sk_grants_parse(body, &g, &err), -EINVAL, "%s was taken", member);
	cr_expect_null(g);
	cr_expect(strstr(err.text, says), "%s: \"%s\"", member, err.text);
	cr_expect(strstr(err.text, "grant 1"), "%s: \"%s\"", member, err.text);
	json_decref(body);
}

Test(grant, refuses_bad_members)
{
	static char text[400];
	static const char *const members[] = {"id",     "request", "device_key",   "serial",
	                                      "person", "access",  "info_class",   "purpose",
	                                      "from",   "until",   "permitted_by", "approved_by"};

	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		refused(members[i], NULL, members[i]);
		refused(members[i], json_true(), members[i]);
		refused(members[i], json_string(text), members[i]);
	}
	refused("id", json_string("7"), "not a UUID");
	refused("request", json_integer(-1), "request");
	refused("device_key", json_string("AAAA"), "device_key");
	refused("device_key", json_string(""), "device_key");
	refused("access", json_string("none"), "must be ro, rw");
	refused("access", json_string("RW"), "must be ro, rw");
	refused("info_class", json_string("5"), "info_class");
	refused("info_class", json_string(""), "info_class");
	refused("from", json_string("yesterday"), "from");
	refused("until", json_string("2026-04-01T00:00:00Z"), "not after from");
	refused("until", json_string("2026-03-01T00:00:00Z"), "not after from");
	refused("until", json_null(), "until");
}

Test(grant, refuses_bad_bodies)
{
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	json_t *list = json_array(), *many, *body;

	body = json_pack("{}");
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
	body = json_pack("{s:s}", "grants", "all");
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
	body = json_pack("{s:[i]}", "grants", 1);
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
	json_array_append_new(list, grant_json(1, KEY_A));
	json_array_append_new(list, grant_json(1, KEY_A));
	body = json_pack("{s:o}", "grants", list);
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	cr_assert(strstr(err.text, "twice"), "%s", err.text);
	json_decref(body);
	many = json_array();
	for (int i = 0; i <= SK_GRANTS_MAX; i++)
		json_array_append_new(many, json_null());
	body = json_pack("{s:o}", "grants", many);
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
	cr_assert_null(g);
}

/* One bad grant among good ones: none is taken. */
Test(grant, whole_or_nothing)
{
	json_t *list = json_array(), *last = grant_json(3, KEY_B), *body;
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;

	json_array_append_new(list, grant_json(1, KEY_A));
	json_array_append_new(list, grant_json(2, KEY_B));
	json_object_set_new(last, "access", json_string("all"));
	json_array_append_new(list, last);
	body = json_pack("{s:o}", "grants", list);
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	cr_assert(strstr(err.text, "grant 3"), "%s", err.text);
	cr_assert_null(g);
	json_decref(body);
}

Test(grant, state_to_the_millisecond)
{
	struct sk_grant g = {.from = 1000, .until = 2000, .person = "shokuin1"};

	cr_assert_eq(sk_grant_state(&g, 999, "shokuin1"), SK_GRANT_NOT_YET);
	cr_assert_eq(sk_grant_state(&g, 1000, "shokuin1"), SK_GRANT_VALID);
	cr_assert_eq(sk_grant_state(&g, 1999, "shokuin1"), SK_GRANT_VALID);
	cr_assert_eq(sk_grant_state(&g, 2000, "shokuin1"), SK_GRANT_EXPIRED);
	cr_assert_eq(sk_grant_state(&g, 1500, "shokuin3"), SK_GRANT_OTHER_PERSON);
	cr_assert_eq(sk_grant_state(&g, 1500, ""), SK_GRANT_OTHER_PERSON, "nobody is not the person");
	cr_assert_eq(sk_grant_state(&g, 1500, NULL), SK_GRANT_OTHER_PERSON);
	g.person[0] = '\0';
	cr_assert_eq(sk_grant_state(&g, 1500, ""), SK_GRANT_VALID, "anyone at the terminal");
}

/* Three grants of one device, to be arranged by each test; items are in key order by construction. */
static struct sk_grants three(struct sk_grant items[3])
{
	memset(items, 0, 3 * sizeof(items[0]));
	for (int i = 0; i < 3; i++) {
		sk_text_copy(items[i].device_key, sizeof(items[i].device_key), KEY_A);
		items[i].id[0] = (char)('0' + i);
		items[i].access = SK_ACCESS_RO;
		items[i].from = 1000;
		items[i].until = 2000;
	}
	return (struct sk_grants){.items = items, .n = 3};
}

Test(grant, finds_the_best)
{
	struct sk_grant it[3];
	struct sk_grants g = three(it);
	struct sk_device d = device(KEY_A, "S1");
	enum sk_grant_state state;

	it[1].access = SK_ACCESS_RW;
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "", &state), &it[1], "most access");
	cr_assert_eq(state, SK_GRANT_VALID);
	it[1].access = SK_ACCESS_RO;
	it[2].until = 3000;
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "", &state), &it[2], "latest end");
	it[0].until = 1200; /* expired */
	it[1].from = 1600; /* not yet */
	sk_text_copy(it[2].person, sizeof(it[2].person), "shokuin3");
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "shokuin1", &state), &it[1], "what will come");
	cr_assert_eq(state, SK_GRANT_NOT_YET);
	cr_assert_eq(sk_grants_find(&g, &d, 5000, "shokuin1", &state), &it[1]);
	cr_assert_eq(state, SK_GRANT_EXPIRED);
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "shokuin3", &state), &it[2]);
	cr_assert_eq(state, SK_GRANT_VALID);
}

Test(grant, serial_must_match_when_named)
{
	struct sk_grant it[3];
	struct sk_grants g = three(it);
	struct sk_device d = device(KEY_A, "S1"), none = device(KEY_A, NULL), other = device(KEY_B, "S1"),
	                 no_key = device("", "S1");
	enum sk_grant_state state;

	for (int i = 0; i < 3; i++)
		sk_text_copy(it[i].serial, sizeof(it[i].serial), "S2");
	cr_assert_null(sk_grants_find(&g, &d, 1500, "", &state));
	cr_assert_null(sk_grants_find(&g, &none, 1500, "", &state));
	cr_assert_null(sk_grants_find(&g, &other, 1500, "", &state));
	cr_assert_null(sk_grants_find(&g, &no_key, 1500, "", &state), "a malformed device has no key");
	sk_text_copy(it[1].serial, sizeof(it[1].serial), "S1");
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "", &state), &it[1]);
}

Test(grant, next_change)
{
	struct sk_grant it[3];
	struct sk_grants g = three(it);

	it[1].from = 500;
	it[2].until = 9000;
	cr_assert_eq(sk_grants_next_change(&g, 0), 500);
	cr_assert_eq(sk_grants_next_change(&g, 500), 1000);
	cr_assert_eq(sk_grants_next_change(&g, 1999), 2000);
	cr_assert_eq(sk_grants_next_change(&g, 2000), 9000);
	cr_assert_eq(sk_grants_next_change(&g, 9000), 0);
}

/* As many as there may be: each found, none for a key between them. */
Test(grant, finds_each_of_many)
{
	json_t *list = json_array(), *body;
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	enum sk_grant_state state;
	char key[SK_SHA256_HEX];
	uint64_t seed = 0x5eed;

	for (int i = 0; i < SK_GRANTS_MAX; i++) {
		snprintf(key, sizeof(key), "%016x%048x", help_random(&seed, 1u << 30) & ~1u, i);
		json_array_append_new(list, grant_json(i, key));
	}
	body = json_pack("{s:O}", "grants", list);
	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	for (size_t i = 0; i < json_array_size(list); i += 7) {
		const char *want = json_string_value(json_object_get(json_array_get(list, i), "device_key"));
		struct sk_device d = device(want, "S1");
		const struct sk_grant *found = sk_grants_find(g, &d, at("2026-04-01T12:00:00Z"), "shokuin1", &state);

		cr_assert_not_null(found);
		cr_assert_str_eq(found->device_key, want);
		d.desc.device_key[63] = 'f';
		d.desc.device_key[62] = 'f';
		cr_assert(!sk_grants_find(g, &d, 0, "shokuin1", &state) || strcmp(d.desc.device_key, want) == 0);
	}
	sk_grants_free(g);
	json_decref(list);
	json_decref(body);
}

Test(grant, access_names)
{
	cr_assert_str_eq(sk_access_name(SK_ACCESS_NONE), "none");
	cr_assert_str_eq(sk_access_name(SK_ACCESS_RO), "ro");
	cr_assert_str_eq(sk_access_name(SK_ACCESS_RW), "rw");
	cr_assert_str_eq(sk_access_name((enum sk_access)9), "none");
}

/* The search begins at a guess: it must find the first of equal keys wherever it guesses, also among keys that are not spread. */
Test(grant, search_is_right_for_any_keys)
{
	uint64_t s = 0x9e4a77;

	for (int round = 0; round < 3000; round++) {
		struct sk_grant items[40];
		struct sk_grants g = {.items = items, .n = help_random(&s, 41)};
		static struct sk_device d;
		enum sk_grant_state state;
		unsigned spread = round % 2 ? 16 : 2, next = 0;

		memset(items, 0, sizeof(items));
		for (size_t i = 0; i < g.n;
		     i++) { /* rising keys, some equal, over the whole range or at one end of it */
			next += help_random(&s, spread) ? help_random(&s, 5) : 0;
			snprintf(items[i].device_key, sizeof(items[i].device_key), "%02x%062x",
			         round % 3 ? next % 256 : 0, next);
			items[i].until = 1000;
			items[i].access = SK_ACCESS_RO;
		}
		snprintf(d.desc.device_key, sizeof(d.desc.device_key), "%02x%062x", round % 3 ? (next / 2) % 256 : 0,
		         next / 2);
		const struct sk_grant *found = sk_grants_find(&g, &d, 1, "", &state), *first = NULL;

		for (size_t i = 0; i < g.n && !first; i++)
			first = strcmp(items[i].device_key, d.desc.device_key) == 0 ? &items[i] : NULL;
		cr_assert_eq(found, first);
	}
}

Test(grant, keys_of_containers_are_read_strictly_and_written_again)
{
	static const char *const BAD[] = {"00", "zz", "", NULL};
	char key[SK_SEALED_KEY_HEX];
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	json_t *one = grant_json(1, KEY_A), *body, *again;

	memset(key, 'a', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	json_object_set_new(one, "container_key", json_string(key));
	body = body_of(one);
	json_object_set_new(body, "seal_key", json_string(KEY_B));
	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	cr_assert_str_eq(g->items[0].container_key, key);
	cr_assert(g->has_server_key);
	cr_assert_eq(g->server_key[31], 0xbb);
	again = sk_grant_json(&g->items[0]);
	cr_assert_str_eq(json_string_value(json_object_get(again, "container_key")), key);
	json_decref(again);
	g = sk_grants_free(g);
	for (size_t i = 0; BAD[i] != NULL; i++) {
		json_object_set_new(one, "container_key", json_string(BAD[i]));
		cr_assert_eq(sk_grants_parse(body, &g, &err), BAD[i][0] ? -EINVAL : 0, "%s", BAD[i]);
		g = sk_grants_free(g);
	}
	json_object_set_new(one, "container_key", json_integer(7));
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_object_del(one, "container_key");
	json_object_set_new(body, "seal_key", json_string("bb"));
	cr_assert_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
}

Test(grant, one_that_brings_a_key_goes_before_one_that_gives_more)
{
	struct sk_grant it[2] = {{.access = SK_ACCESS_RW, .until = 9000}, {.access = SK_ACCESS_RO, .until = 5000}};
	struct sk_grants g = {.items = it, .n = 2};
	struct sk_device d = device(KEY_A, "S1");
	enum sk_grant_state state;

	for (int i = 0; i < 2; i++)
		sk_text_copy(it[i].device_key, sizeof(it[i].device_key), KEY_A);
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "", &state), &it[0]);
	it[1].container_key[0] = 'a';
	cr_assert_eq(sk_grants_find(&g, &d, 1500, "", &state), &it[1]);
	cr_assert_eq(sk_grants_find(&g, &d, 6000, "", &state), &it[0], "ended, it keeps nothing from the other");
}

Test(grant, the_section_and_what_a_grant_also_allows_are_read_strictly)
{
	static const char *const BAD[] = {"Zeimu", "ze imu", "../x", "-", NULL};
	struct sk_grants *g = NULL;
	struct sk_err err = SK_ERR_INIT;
	json_t *one = grant_json(1, KEY_A), *body = body_of(one), *again;

	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	cr_expect_str_eq(g->section, "");
	cr_expect_not(g->items[0].release);
	g = sk_grants_free(g);
	json_object_set_new(body, "section", json_string("zeimu-2"));
	json_object_set_new(one, "release", json_true());
	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	cr_expect_str_eq(g->section, "zeimu-2");
	cr_expect(g->items[0].release && !g->items[0].erase);
	again = sk_grant_json(&g->items[0]);
	cr_expect(json_is_true(json_object_get(again, "release")));
	json_decref(again);
	g = sk_grants_free(g);
	for (size_t i = 0; BAD[i] != NULL; i++) {
		json_object_set_new(body, "section", json_string(BAD[i]));
		cr_expect_eq(sk_grants_parse(body, &g, &err), -EINVAL, "%s", BAD[i]);
	}
	json_object_set_new(body, "section", json_integer(1));
	cr_expect_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_object_del(body, "section");
	json_object_set_new(one, "release", json_string("yes"));
	cr_expect_eq(sk_grants_parse(body, &g, &err), -EINVAL);
	json_decref(body);
}
