/* Where a registered medium was last written, what was done with it since, and what terminals hear of that. */
#include "common/json.h"
#include "policy/media_key.h"
#include "server/store_media.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc;
static struct sk_actor sys, desk;
static char DK[SK_SHA256_HEX];

static void up(void)
{
	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	sys = help_admin();
	desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	memset(DK, 'd', 64);
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_media_clean, .init = up, .fini = down);

/* Told at `at`, and heard then or, of the past, an hour later. */
static void send(const char *kind, json_t *body, sk_ms at)
{
	char *text = sk_json_text(body);
	struct sk_event e = help_event(&pc, kind, text);
	enum sk_chain_result chain;
	int64_t acked = 0;

	e.time = at;
	sk_chain_hash(pc.id, &e, e.hash);
	sk_text_copy(pc.last, sizeof(pc.last), e.hash);
	cr_assert_eq(sk_store_events_put(s, pc.id, &e, 1, at > T0 ? T0 + HOUR : T0, &acked, &chain, NULL), 0);
	cr_assert_eq(acked, pc.seq);
	sk_event_clear(&e);
	free(text);
	json_decref(body);
}

static void registered(const char *uuid, const char *zone)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 1, .of = {{1048576, 7000000000ull, "vfat", ""}}};
	struct sk_err err = SK_ERR_INIT;
	char key[SK_SHA256_HEX];
	json_t *facts, *list;
	int64_t id;

	sk_text_copy(v.of[0].uuid, sizeof(v.of[0].uuid), uuid);
	cr_assert_eq(sk_media_key(&v, key), 0);
	facts = sk_volumes_json(&v);
	send("media.registered-request",
	     json_pack("{s:s, s:s, s:s, s:s, s:I, s:O, s:s?}", "ledger", "M-1", "device_key", DK, "serial", "S1",
	               "media_key", key, "size", (json_int_t)v.bytes, "volumes", json_object_get(facts, "volumes"),
	               "zone", zone),
	     T0);
	json_decref(facts);
	list = sk_store_media_requests(s, NULL, true, 1);
	id = json_integer_value(json_object_get(json_array_get(list, 0), "id"));
	json_decref(list);
	cr_assert_eq(sk_store_media_approve(s, &sys, id, NULL, "", T0, &err), 0, "%s", err.text);
}

static void written(const char *kind, const char *zone, bool read_only, sk_ms at)
{
	send(kind,
	     json_pack("{s:s, s:s, s:s, s:b}", "ledger", "M-1", "device_key", DK, "zone", zone, "read_only", read_only),
	     at);
}

/* "internet sanitised", as the terminals are told; "" = nothing. */
static const char *told(void)
{
	static char out[64];
	int64_t version;
	json_t *body = sk_store_grants_body(s, pc.id, T0, &version),
	       *m = json_array_get(json_object_get(body, "media"), 0);
	const char *zone = json_string_value(json_object_get(m, "zone")),
	           *clean = json_string_value(json_object_get(m, "clean"));

	snprintf(out, sizeof(out), "%s%s%s", zone != NULL ? zone : "", clean != NULL ? " " : "",
	         clean != NULL ? clean : "");
	json_decref(body);
	return out;
}

static int clean(const struct sk_actor *by, const char *how, sk_ms at)
{
	struct sk_err err = SK_ERR_INIT;

	return sk_store_media_cleaned(s, by, "M-1", how, "無害化装置、異常なし", at, &err);
}

Test(store_media_clean, the_zone_is_that_of_the_last_writing)
{
	registered("1234-5678", "lgwan");
	cr_expect_str_eq(told(), "lgwan", "where it was registered");
	written("medium.mounted", "internet", true, T0 + 1);
	cr_expect_str_eq(told(), "lgwan", "reading alone changes nothing");
	written("medium.mounted", "internet", false, T0 + 2);
	cr_expect_str_eq(told(), "internet");
	written("medium.recorded", "my-number", false, T0 + 1);
	cr_expect_str_eq(told(), "internet", "what comes late is no news");
	written("medium.recorded", "moon", false, T0 + 9);
	send("medium.mounted", json_pack("{s:s, s:s, s:s}", "ledger", "M-1", "device_key", "x", "zone", "lgwan"),
	     T0 + 9);
	send("medium.mounted", json_pack("{s:s, s:s}", "ledger", "M-1", "zone", "lgwan"), T0 + 9);
	send("medium.mounted", json_pack("[]"), T0 + 9);
	cr_expect_str_eq(told(), "internet");
}

Test(store_media_clean, a_record_holds_until_it_is_written_again)
{
	json_t *m;

	registered("1234-5678", "internet");
	cr_assert_eq(clean(&desk, "sanitised", T0 + 5), 0);
	cr_expect_str_eq(told(), "internet sanitised");
	cr_assert_eq(clean(&sys, "scanned", T0 + 6), 0);
	cr_expect_str_eq(told(), "internet sanitised", "a scan takes nothing away from it");
	written("medium.mounted", "lgwan", true, T0 + 7);
	cr_expect_str_eq(told(), "internet sanitised");
	written("medium.recorded", "internet", false, T0 + 8);
	cr_expect_str_eq(told(), "internet");
	cr_assert_eq(clean(&sys, "scanned", T0 + 9), 0);
	cr_expect_str_eq(told(), "internet scanned");
	m = sk_store_medium(s, "M-1");
	cr_expect_str_eq(json_string_value(json_object_get(m, "clean")), "scanned");
	cr_expect_eq(json_integer_value(json_object_get(m, "written")), T0 + 8);
	cr_expect_eq(json_array_size(json_object_get(m, "history")), 4);
	json_decref(m);
}

Test(store_media_clean, late_events_of_an_absent_terminal_do_not_void_what_came_after)
{
	registered("1234-5678", "internet");
	cr_assert_eq(clean(&desk, "sanitised", T0 + 5000), 0);
	written("medium.mounted", "internet", false, T0 + 4000);
	cr_expect_str_eq(told(), "internet sanitised");
	written("medium.mounted", "internet", false, T0 + 5000);
	cr_expect_str_eq(told(), "internet", "at the same moment is not since");
}

Test(store_media_clean, registered_anew_the_old_contents_zone_is_forgotten)
{
	registered("1234-5678", "internet");
	cr_assert_eq(clean(&desk, "sanitised", T0 + 5), 0);
	registered("1234-5678", "lgwan");
	cr_expect_str_eq(told(), "internet sanitised", "the same contents");
	registered("9999-0000", "lgwan");
	cr_expect_str_eq(told(), "lgwan");
	registered("1111-0000", NULL);
	cr_expect_str_eq(told(), "", "an agent that does not say");
}

Test(store_media_clean, who_and_what)
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	struct sk_err err = SK_ERR_INIT;
	char longer[1002];

	registered("1234-5678", "internet");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	cr_expect_eq(clean(&sec, "sanitised", T0), -EPERM);
	cr_expect_eq(clean(&desk, "washed", T0), -EINVAL);
	cr_expect_eq(clean(&desk, "", T0), -EINVAL);
	cr_expect_eq(sk_store_media_cleaned(s, &desk, "M-1", "sanitised", "", T0, &err), -EINVAL);
	cr_expect_eq(sk_store_media_cleaned(s, &desk, "M-1", "sanitised", longer, T0, &err), -EINVAL);
	cr_expect_eq(sk_store_media_cleaned(s, &desk, "M-9", "sanitised", "x", T0, &err), -ENOENT);
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "disposed", "x", T0, &err), 0);
	cr_expect_eq(clean(&desk, "sanitised", T0), -ESTALE);
	cr_expect_str_eq(told(), "internet");
}
