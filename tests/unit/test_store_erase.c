/* What a terminal recorded of erasing, found by the request under whose grant it was done; and how its page shows it. */
#include "tests/unit/store_help.h"

#include <stdio.h>

#include "server/console.h"

static int64_t approved(struct sk_store *s, struct chain *a, bool erase, char grant[SK_UUID_LEN])
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	int64_t n = help_request(s, a, "shokuin1", "rw", 8), version;
	struct sk_decision permit = {.request = n, .what = SK_DO_PERMIT},
	                   approve = {
	                       .request = n, .what = SK_DO_APPROVE, .access = "ro", .erase = true, .until = T0 + HOUR};
	struct sk_err err = SK_ERR_INIT;
	json_t *body, *one;

	cr_assert_eq(sk_store_decide(s, &sec, &permit, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_decide(s, &desk, &approve, T0, &err), -EINVAL, "reading and erasing");
	approve.access = "rw";
	approve.erase = erase;
	cr_assert_eq(sk_store_decide(s, &desk, &approve, T0, &err), 0, "%s", err.text);
	body = sk_store_grants_body(s, a->id, T0, &version);
	one = json_array_get(json_object_get(body, "grants"), 0);
	cr_assert_eq(json_is_true(json_object_get(one, "erase")), erase);
	snprintf(grant, SK_UUID_LEN, "%s", help_text(one, "id"));
	json_decref(body);
	return n;
}

Test(store_erase, a_grant_says_so_and_its_record_comes_back)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	char grant[SK_UUID_LEN], body[1024];
	int64_t n = approved(s, &a, true, grant);
	json_t *list = sk_store_erasures(s, n);

	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"started\":\"A\"}", grant);
	help_send(s, &a, "medium.erasing", body);
	help_send(s, &a, "medium.erased", "{\"grant\":\"other\",\"bytes\":5}");
	snprintf(body, sizeof(body), "{\"x\":\"%s\"}", grant);
	help_send(s, &a, "medium.erased", body);
	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"started\":\"A\",\"bytes\":5,\"verified\":5}", grant);
	help_send(s, &a, "medium.erased", body);
	list = sk_store_erasures(s, n);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(help_text(json_array_get(list, 1), "kind"), "medium.erased");
	cr_assert_eq(help_number(json_object_get(json_array_get(list, 1), "body"), "verified"), 5);
	json_decref(list);
	list = sk_store_erasures(s, n + 1);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	help_close(s);
}

Test(store_erase, a_grant_does_not_say_so_by_itself)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	char grant[SK_UUID_LEN];

	(void)approved(s, &a, false, grant);
	help_close(s);
}

static void page_of(const char *list, char *out, size_t size)
{
	json_t *t = json_loads(list, 0, NULL);
	struct sk_page p;

	cr_assert_not_null(t);
	sk_page_init(&p, SK_LANG_EN, 0);
	sk_part_erasures(&p, t);
	snprintf(out, size, "%s", p.out.data);
	sk_page_deinit(&p);
	json_decref(t);
}

Test(store_erase, the_page_shows_ends_and_what_has_none)
{
	char out[8192];

	page_of("[]", out, sizeof(out));
	cr_assert_str_eq(out, "");
	page_of(
	    "[{\"kind\":\"medium.erasing\",\"body\":{\"started\":\"A\",\"product\":\"<b>Stick\"}},"
	    "{\"kind\":\"medium.not-erased\",\"body\":{\"started\":\"A\",\"written\":3,\"why\":\"it was unplugged\"}},"
	    "{\"kind\":\"medium.erasing\",\"body\":{\"started\":\"B\"}}]",
	    out, sizeof(out));
	cr_expect_not_null(strstr(out, "not erased completely"));
	cr_expect_not_null(strstr(out, "it was unplugged"));
	cr_expect_not_null(strstr(out, "nothing is known of its end"));
	cr_expect_null(strstr(out, "Stick"), "the beginning of what has an end");
	page_of("[{\"kind\":\"medium.erased\",\"body\":{\"product\":\"<b>Stick\",\"method\":\"overwrite\",\"bytes\":5,"
	        "\"verified\":5,\"labelled\":true,\"label\":\"M-1\"}}]",
	        out, sizeof(out));
	cr_expect_not_null(strstr(out, "&lt;b&gt;Stick"));
	cr_expect_not_null(strstr(out, "M-1"));
	cr_expect_not_null(strstr(out, "random bytes"));
}
