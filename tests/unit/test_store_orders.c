/* What is signed for a terminal: contents and their versions. */
#include "policy/grant.h"
#include "tests/unit/store_help.h"

static int64_t grants_version(struct sk_store *s, const char *device, sk_ms now)
{
	int64_t v = -1;
	json_t *body = sk_store_grants_body(s, device, now, &v);

	cr_assert_not_null(body);
	json_decref(body);
	return v;
}

Test(store_orders, version_rises_with_the_contents_and_only_then)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	int64_t v = grants_version(s, a.id, T0);

	cr_assert_eq(v, 1, "the empty one is issued too: a terminal must learn that it has none");
	cr_assert_eq(grants_version(s, a.id, T0 + HOUR), v);
	help_request(s, &a, "shokuin1", "ro", 8);
	cr_assert_eq(grants_version(s, a.id, T0), v + 1);
	cr_assert_eq(grants_version(s, a.id, T0), v + 1);
	cr_assert_eq(grants_version(s, b.id, T0), 1, "the other terminal has nothing to do with it");
	cr_assert_null(sk_store_grants_body(s, "nobody", T0, &v));
	help_close(s);
}

Test(store_orders, answers_are_forgotten_after_a_month)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t v;
	json_t *body;

	help_request(s, &a, "shokuin1", "ro", 8);
	body = sk_store_grants_body(s, a.id, T0 + 29 * 24 * HOUR, &v);
	cr_assert_eq(json_array_size(json_object_get(body, "requests")), 1);
	json_decref(body);
	cr_assert_geq(sk_store_tend(s, T0 + 31 * 24 * HOUR), 0); /* it ends, and is told once more */
	body = sk_store_grants_body(s, a.id, T0 + 62 * 24 * HOUR, &v);
	cr_assert_eq(json_array_size(json_object_get(body, "requests")), 0);
	json_decref(body);
	help_close(s);
}

Test(store_orders, body_is_what_the_terminal_reads)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t n = help_request(s, &a, "shokuin1", "rw", 8), v;
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	struct sk_decision d = {.request = n, .what = SK_DO_PERMIT};
	struct sk_err err = SK_ERR_INIT;
	struct sk_grants *g = NULL;
	json_t *body;

	cr_assert_eq(sk_store_decide(s, &sec, &d, T0, &err), 0);
	d = (struct sk_decision){.request = n, .what = SK_DO_APPROVE, .access = "rw", .uses = 1001, .until = T0 + HOUR};
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), -EINVAL);
	d.uses = 3;
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), 0, "%s", err.text);
	body = sk_store_grants_body(s, a.id, T0, &v);
	cr_assert_eq(sk_grants_parse(body, &g, &err), 0, "%s", err.text);
	cr_assert_eq(g->n, 1);
	cr_assert_eq(g->items[0].access, SK_ACCESS_RW);
	cr_assert_eq(g->items[0].request, n);
	cr_assert_eq(g->items[0].uses, 3);
	cr_assert_eq(g->items[0].from, T0);
	cr_assert_eq(g->items[0].until, T0 + HOUR);
	cr_assert_str_eq(g->items[0].permitted_by, "税務課長");
	cr_assert_str_eq(g->items[0].approved_by, "窓口担当");
	cr_assert_str_eq(g->items[0].serial, "S1");
	sk_grants_free(g);
	json_decref(body);
	help_close(s);
}

static int64_t policy(struct sk_store *s, const char *device, const char *expected)
{
	int64_t v = -1;
	char *text = NULL;

	cr_assert_eq(sk_store_policy(s, device, &text, &v), 0);
	cr_assert_str_eq(text, expected);
	free(text);
	return v;
}

Test(store_orders, policy_of_the_section_before_the_offices)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	char *text = NULL;
	int64_t v;

	cr_assert_eq(sk_store_policy(s, a.id, &text, &v), -ENOENT);
	cr_assert_null(text);
	cr_assert_eq(sk_store_policy_set(s, &by, "", "one", &err), 0);
	cr_assert_eq(policy(s, a.id, "one"), 1);
	cr_assert_eq(policy(s, a.id, "one"), 1);
	cr_assert_eq(sk_store_policy_set(s, &by, "zeimu", "own", &err), 0);
	cr_assert_eq(policy(s, a.id, "own"), 2);
	cr_assert_eq(policy(s, b.id, "one"), 1);
	cr_assert_eq(sk_store_policy_set(s, &by, "", "two", &err), 0);
	cr_assert_eq(policy(s, a.id, "own"), 2);
	cr_assert_eq(policy(s, b.id, "two"), 2);
	cr_assert_eq(sk_store_policy_set(s, &by, "", "one", &err), 0);
	cr_assert_eq(policy(s, b.id, "one"), 3, "going back is a new version too");
	cr_assert_eq(sk_store_policy_set(s, &by, "nowhere", "x", &err), -ENOENT);
	cr_assert_eq(sk_store_policy(s, "nobody", &text, &v), -ENOENT);
	help_close(s);
}

Test(store_orders, a_terminal_that_is_ahead)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_policy_set(s, &by, "", "one", &err), 0);
	cr_assert_eq(policy(s, a.id, "one"), 1);
	cr_assert_eq(grants_version(s, a.id, T0), 1);
	cr_assert_eq(sk_store_version_raise(s, a.id, true, 40), 0);
	cr_assert_eq(sk_store_version_raise(s, a.id, false, 50), 0);
	cr_assert_eq(policy(s, a.id, "one"), 41);
	cr_assert_eq(grants_version(s, a.id, T0), 51);
	cr_assert_eq(sk_store_version_raise(s, a.id, false, 10), 0, "never down");
	cr_assert_eq(grants_version(s, a.id, T0), 51);
	cr_assert_eq(sk_store_version_raise(s, a.id, false, -1), -ERANGE);
	cr_assert_eq(sk_store_version_raise(s, a.id, false, INT64_MAX), -ERANGE);
	help_close(s);
}
