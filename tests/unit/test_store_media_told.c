/* A registered medium's erasing and the passphrases of containers, as terminals tell them: only under a grant of this server. */
#include "common/json.h"
#include "server/store_media.h"
#include "tests/unit/store_help.h"

#define DK "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

static struct sk_store *s;
static struct chain pc;
static struct sk_actor sys;
static char grant[SK_UUID_LEN];

static void up(void)
{
	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	sys = help_admin();
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_media_told, .init = up, .fini = down);

/* M-1 in the ledger, and a grant of this terminal's for it. The columns of a grant say what may be done. */
static void registered(const char *state, int erase, int passphrase)
{
	char sql[1600];
	int64_t n = help_request(s, &pc, "shokuin1", "rw", 8);

	snprintf(grant, sizeof(grant), "%s", "40000000-0000-4000-8000-000000000001");
	snprintf(
	    sql, sizeof(sql),
	    "INSERT INTO media(ledger, device_key, serial, media_key, vendor_id, product_id, vendor, product, size, "
	    "label, state, registered, registered_by, updated, container_key) VALUES('M-1', '" DK
	    "', 'S1', 'k', '', '', '', '', 512, '', '%s', 1, 'x', 1, 'c');"
	    "INSERT INTO grants(id, request, terminal, device_key, serial, person, access, class, purpose, \"from\", "
	    "until, permitted_by, approved_by, uses, ledger, erase, passphrase) VALUES('%s', %lld, '%s', '" DK
	    "', 'S1', 'shokuin1', 'rw', 'none', 'p', 1, 9000000000000, '税務課長', '窓口担当', 0, 'M-1', %d, %d);",
	    state, grant, (long long)n, pc.id, erase, passphrase);
	behind(help_path, sql);
}

static void erased(const char *under, long long size, long long verified)
{
	char body[512];

	snprintf(body, sizeof(body),
	         "{\"ledger\":\"M-1\",\"device_key\":\"" DK
	         "\",\"grant\":\"%s\",\"method\":\"overwrite\",\"size\":%lld,\"verified\":%lld,\"started\":\"x\"}",
	         under, size, verified);
	help_send(s, &pc, "medium.erased", body);
}

static const char *state(void)
{
	static char out[16];
	json_t *m = sk_store_medium(s, "M-1");

	snprintf(out, sizeof(out), "%s", json_string_value(json_object_get(m, "state")));
	json_decref(m);
	return out;
}

static size_t history(void)
{
	json_t *m = sk_store_medium(s, "M-1");
	size_t n = json_array_size(json_object_get(m, "history"));

	json_decref(m);
	return n;
}

static int64_t incidents(void)
{
	json_t *o = sk_store_overview(s, NULL, T0, 72 * HOUR);
	int64_t n = help_number(o, "incidents");

	json_decref(o);
	return n;
}

/* What the helpdesk may say when it approves, and what reaches the terminal of that. */
Test(store_media_told, a_grant_that_gives_a_passphrase_is_for_a_container_and_for_writing)
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	struct sk_decision d = {.what = SK_DO_PERMIT, .request = help_request(s, &pc, "shokuin1", "rw", 8)};
	struct sk_err err = SK_ERR_INIT;
	int64_t version;
	json_t *body, *q;

	cr_assert_eq(sk_store_decide(s, &sec, &d, T0, &err), 0, "%s", err.text);
	d.what = SK_DO_APPROVE;
	d.access = "ro";
	d.until = T0 + HOUR;
	d.release = true;
	cr_expect_eq(sk_store_decide(s, &desk, &d, T0, &err), -EINVAL, "reading alone");
	d.access = "rw";
	cr_expect_eq(sk_store_decide(s, &desk, &d, T0, &err), -EINVAL, "no container");
	behind(help_path,
	       "INSERT INTO media(ledger, device_key, serial, media_key, vendor_id, product_id, vendor, product, "
	       "size, label, state, registered, registered_by, updated, container_key) SELECT 'M-1', device_key, "
	       "serial, 'k', '', '', '', '', 512, '', 'stored', 1, 'x', 1, 'c' FROM requests");
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), 0, "%s", err.text);
	body = sk_store_grants_body(s, pc.id, T0, &version);
	cr_expect(json_is_true(json_object_get(json_array_get(json_object_get(body, "grants"), 0), "release")));
	cr_expect_str_eq(help_text(body, "section"), "zeimu");
	json_decref(body);
	q = sk_store_request(s, d.request, NULL);
	cr_expect(json_is_true(json_object_get(q, "release")));
	json_decref(q);
}

Test(store_media_told, wholly_erased_under_its_grant_it_is_erased_in_the_ledger)
{
	json_t *list, *one;

	registered("lent", 1, 0);
	erased("40000000-0000-4000-8000-00000000000f", 512, 512);
	cr_expect_str_eq(state(), "lent", "no grant of this server");
	erased(grant, 512, 511);
	cr_expect_str_eq(state(), "lent", "not all of it");
	erased(grant, 0, 0);
	cr_expect_str_eq(state(), "lent");
	erased(grant, 512, 512);
	cr_expect_str_eq(state(), "erased");
	cr_expect_eq(history(), 4, "all of it stands in its history");
	list = sk_store_medium_erasures(s, "M-1");
	cr_assert_eq(json_array_size(list), 3, "what was told under another grant is none");
	one = json_array_get(list, 2);
	cr_expect_str_eq(help_text(json_object_get(one, "permit"), "permitted_by"), "税務課長");
	cr_expect_str_eq(help_text(json_object_get(one, "permit"), "approved_by"), "窓口担当");
	cr_expect_str_eq(help_text(json_object_get(one, "body"), "method"), "overwrite");
	json_decref(list);
	list = sk_store_medium_erasures(s, "M-2");
	cr_expect_eq(json_array_size(list), 0);
	json_decref(list);
}

Test(store_media_told, a_grant_that_does_not_say_erase_erases_nothing)
{
	registered("stored", 0, 0);
	erased(grant, 512, 512);
	cr_expect_str_eq(state(), "stored");
}

Test(store_media_told, what_is_lost_stays_lost)
{
	registered("lost", 1, 0);
	erased(grant, 512, 512);
	cr_expect_str_eq(state(), "lost");
	cr_expect_eq(history(), 1);
}

static void released(const char *ledger, const char *recipient)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s}", "ledger", ledger, "device_key", DK, "grant", grant,
	                         "recipient", recipient);
	char *text = sk_json_text(body);

	help_send(s, &pc, "medium.released", text);
	free(text);
	json_decref(body);
}

Test(store_media_told, a_passphrase_stands_in_the_history_with_who_got_it)
{
	json_t *m, *last;

	registered("out", 0, 1);
	released("M-1", "県 税務課");
	cr_expect_eq(incidents(), 0);
	m = sk_store_medium(s, "M-1");
	last = json_array_get(json_object_get(m, "history"), 0);
	cr_expect_str_eq(help_text(last, "action"), "released");
	cr_expect_str_eq(help_text(last, "reason"), "県 税務課");
	cr_expect_str_eq(help_text(last, "state"), "out");
	json_decref(m);
}

Test(store_media_told, one_without_a_permit_is_an_incident)
{
	registered("out", 1, 0);
	released("M-1", "x");
	cr_expect_eq(incidents(), 1);
	cr_expect_eq(history(), 1, "it was given all the same");
	released("M-9", "x");
	released("../x", "");
	help_send(s, &pc, "medium.released", "[]");
	cr_expect_eq(incidents(), 4);
}
