/* Keys of containers on the server: kept sealed, given with the grant to the one terminal that it is for, and told in the audit trail. */
#include "common/json.h"
#include "common/seal.h"
#include "policy/media_key.h"
#include "server/store_media.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc, other;
static struct sk_actor sys;
static char DK[SK_SHA256_HEX];
static uint8_t KEY[32], secret[2][32]; /* the terminals' own */

static void up(void)
{
	uint8_t master[32];

	s = help_store();
	memset(master, 7, sizeof(master));
	sk_store_set_container(s, master);
	pc = help_terminal(s, 1, "zeimu");
	other = help_terminal(s, 2, "shimin");
	sys = help_admin();
	memset(DK, 'd', 64);
	memset(KEY, 'K', sizeof(KEY));
	memset(secret[0], 1, 32);
	memset(secret[1], 2, 32);
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_container, .init = up, .fini = down);

static void send(struct chain *c, const char *kind, json_t *body)
{
	char *text = sk_json_text(body);

	help_send(s, c, kind, text);
	free(text);
	json_decref(body);
}

static void tell_key(struct chain *c, const uint8_t own[32])
{
	uint8_t public[32];
	char hex[65];

	sk_seal_public(own, public);
	sk_hex(public, 32, hex);
	send(c, "terminal.seal-key", json_pack("{s:s}", "key", hex));
}

static json_t *bundle(const struct chain *c)
{
	int64_t version;
	json_t *body = sk_store_grants_body(s, c->id, T0, &version);

	cr_assert_not_null(body);
	return body;
}

/* As a terminal seals it to the key that the server told. */
static void sealed_to_server(const struct chain *c, const char *ledger, char out[SK_SEALED_KEY_HEX])
{
	uint8_t to[32], raw[32 + SK_SEAL_MORE];
	char context[SK_SEAL_CONTEXT];
	json_t *body = bundle(c);

	cr_assert_eq(sk_unhex(json_string_value(json_object_get(body, "seal_key")), to, 32), 0);
	json_decref(body);
	sk_seal_context_made(context, c->id, ledger);
	cr_assert_eq(sk_seal(to, context, NULL, KEY, 32, raw), 0);
	sk_hex(raw, sizeof(raw), out);
}

static json_t *asks(const char *ledger, const char *type, const char *container_key)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 1, .of = {{0, 8000000000ull, "", "u-1"}}};
	char key[SK_SHA256_HEX];
	json_t *facts, *body;

	sk_text_copy(v.of[0].type, sizeof(v.of[0].type), type);
	cr_assert_eq(sk_media_key(&v, key), 0);
	facts = sk_volumes_json(&v);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:O}", "device", "1-1", "ledger",
	                 ledger, "label", "", "device_key", DK, "serial", "S1", "media_key", key, "vendor_id", "0951",
	                 "product_id", "1666", "vendor", "Maker", "product", "Stick", "size", (json_int_t)v.bytes,
	                 "volumes", json_object_get(facts, "volumes"));
	if (container_key != NULL)
		json_object_set_new(body, "container_key", json_string(container_key));
	json_decref(facts);
	return body;
}

static json_t *newest(void)
{
	json_t *list = sk_store_media_requests(s, NULL, false, 10), *o = json_incref(json_array_get(list, 0));

	json_decref(list);
	return o;
}

static void register_as(const char *ledger)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *q = newest();

	cr_assert_eq(
	    sk_store_media_approve(s, &sys, json_integer_value(json_object_get(q, "id")), ledger, NULL, T0, &err), 0,
	    "%s", err.text);
	json_decref(q);
}

static void container(const char *made_as, const char *ledger)
{
	char sealed[SK_SEALED_KEY_HEX];

	sealed_to_server(&pc, made_as, sealed);
	send(&pc, "media.registered-request", asks(made_as, "crypto_LUKS", sealed));
	register_as(ledger);
}

static void granted(struct chain *c, const char *id)
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	struct sk_err err = SK_ERR_INIT;
	struct sk_decision d;
	json_t *list;

	if (c == &other)
		sec = help_actor("skacho", "市民課長", "shimin", SK_ROLE_SEC);
	send(c, "request.created",
	     json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:{s:s, s:s}}", "id", id, "kind", "media", "person",
	               "shokuin", "purpose", "p", "access", "rw", "hours", 8, "class", "none", "device", "device_key",
	               DK, "serial", "S1"));
	list = sk_store_requests(s, NULL, NULL, "all", 10, 0);
	d = (struct sk_decision){.request = json_integer_value(json_object_get(json_array_get(list, 0), "number")),
	                         .what = SK_DO_PERMIT};
	json_decref(list);
	cr_assert_eq(sk_store_decide(s, &sec, &d, T0, &err), 0, "%s", err.text);
	d.what = SK_DO_APPROVE;
	d.access = "rw";
	d.until = T0 + HOUR;
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), 0, "%s", err.text);
}

/* 1: the key comes out with the terminal's own; 0: there is none in the bundle. */
static int opens(const struct chain *c, const char *ledger, const uint8_t own[32])
{
	json_t *body = bundle(c), *g = json_array_get(json_object_get(body, "grants"), 0);
	const char *hex = json_string_value(json_object_get(g, "container_key"));
	uint8_t raw[32 + SK_SEAL_MORE], key[32];
	char context[SK_SEAL_CONTEXT];
	int r = 0;

	cr_assert_not_null(g);
	if (hex != NULL) {
		cr_assert_eq(sk_unhex(hex, raw, sizeof(raw)), 0);
		sk_seal_context_grant(context, c->id, ledger);
		r = sk_unseal(own, context, raw, sizeof(raw), key) == 0 && memcmp(key, KEY, 32) == 0 ? 1 : -1;
	}
	json_decref(body);
	return r;
}

static int64_t incidents(void)
{
	json_t *o = sk_store_overview(s, NULL, T0, HOUR);
	int64_t n = json_integer_value(json_object_get(o, "incidents"));

	json_decref(o);
	return n;
}

#define ID1 "11111111-0000-4000-8000-000000000001"
#define ID2 "11111111-0000-4000-8000-000000000002"

Test(store_container, the_key_comes_with_the_grant_and_opens_with_the_terminals_own)
{
	json_t *m;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	m = sk_store_medium(s, "M-1");
	cr_assert_str_eq(help_text(m, "grade"), "A");
	json_decref(m);
	granted(&pc, ID1);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 1);
	cr_assert_eq(opens(&pc, "M-1", secret[1]), -1, "with another terminal's");
	cr_assert_eq(opens(&pc, "M-2", secret[0]), -1, "as another medium's");
	cr_assert_eq(incidents(), 0);
}

Test(store_container, approved_under_another_number_it_opens_under_that)
{
	tell_key(&pc, secret[0]);
	container("M-1", "M-7");
	granted(&pc, ID1);
	cr_assert_eq(opens(&pc, "M-7", secret[0]), 1);
}

Test(store_container, without_a_grant_nobody_gets_it)
{
	json_t *body;
	char *text;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	body = bundle(&pc);
	text = sk_json_text(body);
	cr_assert_not_null(strstr(text, "\"container\":true"));
	cr_assert_null(strstr(text, "container_key"));
	free(text);
	json_decref(body);
}

Test(store_container, a_terminal_that_told_no_key_gets_none)
{
	tell_key(&other, secret[1]);
	container("M-1", NULL);
	granted(&pc, ID1);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 0);
	tell_key(&pc, secret[0]);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 1);
}

Test(store_container, another_terminal_with_a_grant_gets_its_own_seal)
{
	tell_key(&pc, secret[0]);
	tell_key(&other, secret[1]);
	container("M-1", NULL);
	granted(&other, ID2);
	cr_assert_eq(opens(&other, "M-1", secret[1]), 1);
	cr_assert_eq(opens(&other, "M-1", secret[0]), -1);
}

Test(store_container, the_bundle_stays_the_same_while_nothing_changes)
{
	int64_t a, b;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	granted(&pc, ID1);
	json_decref(sk_store_grants_body(s, pc.id, T0, &a));
	json_decref(sk_store_grants_body(s, pc.id, T0 + 1, &b));
	cr_assert_eq(a, b);
}

Test(store_container, another_sealing_key_later_is_an_incident_and_gets_nothing)
{
	tell_key(&pc, secret[0]);
	tell_key(&pc, secret[0]);
	cr_assert_eq(incidents(), 0, "the same again");
	container("M-1", NULL);
	granted(&pc, ID1);
	tell_key(&pc, secret[1]);
	cr_assert_eq(incidents(), 1);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 1, "the first one holds");
}

Test(store_container, lost_no_key_goes_out_any_more)
{
	struct sk_err err = SK_ERR_INIT;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	granted(&pc, ID1);
	cr_assert_eq(sk_store_media_state(s, &sys, "M-1", "lost", "紛失", T0, &err), 0);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 0);
}

Test(store_container, told_again_without_a_key_it_keeps_the_one_it_has)
{
	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	send(&pc, "media.registered-request", asks("M-1", "crypto_LUKS", NULL));
	register_as(NULL);
	granted(&pc, ID1);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 1);
}

Test(store_container, reformatted_it_is_none_any_more)
{
	json_t *m;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	send(&pc, "media.registered-request", asks("M-1", "vfat", NULL));
	register_as(NULL);
	m = sk_store_medium(s, "M-1");
	cr_assert_str_eq(help_text(m, "grade"), "B");
	json_decref(m);
	granted(&pc, ID1);
	cr_assert_eq(opens(&pc, "M-1", secret[0]), 0);
}

Test(store_container, what_is_malformed_or_anothers_is_an_incident_and_no_registration)
{
	char sealed[SK_SEALED_KEY_HEX], bad[SK_SEALED_KEY_HEX];
	int64_t n = 0;
	json_t *list;

	sealed_to_server(&pc, "M-1", sealed);
	send(&other, "media.registered-request", asks("M-1", "crypto_LUKS", sealed)); /* replayed by another terminal */
	cr_assert_eq(incidents(), ++n);
	send(&pc, "media.registered-request", asks("M-2", "crypto_LUKS", sealed)); /* for another number */
	cr_assert_eq(incidents(), ++n);
	send(&pc, "media.registered-request", asks("M-1", "vfat", sealed)); /* no container */
	cr_assert_eq(incidents(), ++n);
	memcpy(bad, sealed, sizeof(bad));
	bad[90] = bad[90] == '0' ? '1' : '0';
	send(&pc, "media.registered-request", asks("M-1", "crypto_LUKS", bad));
	cr_assert_eq(incidents(), ++n);
	send(&pc, "media.registered-request", asks("M-1", "crypto_LUKS", "zz"));
	cr_assert_eq(incidents(), ++n);
	send(&pc, "terminal.seal-key", json_pack("{s:s}", "key", "zz"));
	cr_assert_eq(incidents(), ++n);
	list = sk_store_media_requests(s, NULL, false, 10);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
}

Test(store_container, the_ledger_holds_no_key_in_clear)
{
	json_t *list;
	char *text;

	tell_key(&pc, secret[0]);
	container("M-1", NULL);
	list = sk_store_media(s, NULL, NULL, NULL, 10, 0);
	text = sk_json_text(list);
	cr_assert_null(strstr(text, "container_key"), "not even sealed it is shown");
	free(text);
	json_decref(list);
	list = newest();
	cr_assert(json_is_true(json_object_get(list, "container")));
	cr_assert_null(json_object_get(list, "container_key"));
	json_decref(list);
}
