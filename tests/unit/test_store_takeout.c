/* What the terminal recorded under a grant, found by the request it answers; and how its page shows it. */
#include "tests/unit/store_help.h"

#include <stdio.h>

#include "server/console.h"

static int64_t approve(struct sk_store *s, struct chain *a, int64_t n, char grant[SK_UUID_LEN])
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC),
	                desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	int64_t version;
	struct sk_decision permit = {.request = n, .what = SK_DO_PERMIT},
	                   approve = {.request = n, .what = SK_DO_APPROVE, .access = "rw", .until = T0 + HOUR};
	struct sk_err err = SK_ERR_INIT;
	json_t *body;

	cr_assert_eq(sk_store_decide(s, &sec, &permit, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_decide(s, &desk, &approve, T0, &err), 0, "%s", err.text);
	body = sk_store_grants_body(s, a->id, T0, &version);
	snprintf(grant, SK_UUID_LEN, "%s", help_text(json_array_get(json_object_get(body, "grants"), 0), "id"));
	json_decref(body);
	return n;
}

static int64_t approved(struct sk_store *s, struct chain *a, char grant[SK_UUID_LEN])
{
	return approve(s, a, help_request(s, a, "shokuin1", "rw", 8), grant);
}

Test(store_takeout, only_what_was_written_under_this_grant)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	char grant[SK_UUID_LEN], body[1024];
	int64_t n = approved(s, &a, grant);
	json_t *t;

	t = sk_store_takeout(s, n);
	cr_assert_not_null(t);
	cr_expect(json_is_false(json_object_get(t, "recorded")));
	json_decref(t);
	snprintf(body, sizeof(body),
	         "{\"grant\":\"%s\",\"files\":[{\"path\":\"a.txt\",\"op\":\"written\",\"size\":5,\"sha256\":\"00\"}]}",
	         grant);
	help_send(s, &a, "file.written", body);
	help_send(
	    s, &a, "file.written",
	    "{\"grant\":\"other\",\"files\":[{\"path\":\"b.txt\",\"op\":\"written\",\"size\":5,\"sha256\":\"00\"}]}");
	snprintf(body, sizeof(body), "{\"x\":\"%s\",\"files\":[{\"path\":\"c.txt\",\"op\":\"written\",\"size\":5}]}",
	         grant);
	help_send(s, &a, "file.written", body);
	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"reason\":\"overflow\",\"count\":1}", grant);
	help_send(s, &a, "medium.record-gap", body);
	t = sk_store_takeout(s, n);
	cr_expect_eq(help_number(t, "files"), 1);
	cr_expect_eq(help_number(t, "gaps"), 1);
	cr_expect(json_is_false(json_object_get(t, "complete")));
	json_decref(t);
	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"files\":1,\"bytes\":5,\"not_hashed\":0}", grant);
	help_send(s, &a, "medium.recorded", body);
	t = sk_store_takeout(s, n);
	cr_expect(json_is_true(json_object_get(t, "complete")));
	json_decref(t);
	cr_expect_null(sk_store_takeout(s, n + 1));
	help_close(s);
}

static int64_t incidents(struct sk_store *s)
{
	json_t *o = sk_store_overview(s, NULL, T0, 72 * HOUR);
	int64_t n = help_number(o, "incidents");

	json_decref(o);
	return n;
}

/* One use told to its end: name is what was written in it. */
static void use(struct sk_store *s, struct chain *a, const char *grant, const char *name)
{
	char body[512];

	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"files\":[{\"path\":\"%s\",\"op\":\"written\",\"size\":5}]}",
	         grant, name);
	help_send(s, a, "file.written", body);
	snprintf(body, sizeof(body), "{\"grant\":\"%s\",\"files\":1,\"bytes\":5,\"not_hashed\":0}", grant);
	help_send(s, a, "medium.recorded", body);
}

Test(store_takeout, what_the_request_does_not_list_is_an_incident)
{
	static const char ASKS[] =
	    "{\"id\":\"30000000-0000-4000-8000-000000000001\",\"kind\":\"media\",\"person\":\"shokuin1\",\"device\":{"
	    "\"vendor_id\":\"46f4\",\"product_id\":\"0001\",\"vendor\":\"QEMU\",\"product\":\"X\",\"serial\":\"S1\","
	    "\"device_key\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000007\",\"grade\":\"C\",\"port\":\"1-2\"},"
	    "\"purpose\":\"x\",\"access\":\"rw\",\"hours\":8,\"class\":\"none\",\"destination\":\"y\",\"files\":[\"a."
	    "txt\"]}";
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	char grant[SK_UUID_LEN];
	json_t *list;
	int64_t n;

	help_send(s, &a, "request.created", ASKS);
	list = sk_store_requests(s, NULL, NULL, "submitted", 1, 0);
	n = help_number(json_array_get(list, 0), "number");
	json_decref(list);
	(void)approve(s, &a, n, grant);
	use(s, &a, grant, "a.txt");
	cr_assert_eq(incidents(s), 0, "as listed");
	use(s, &a, grant, "b.txt");
	cr_assert_eq(incidents(s), 1);
	use(s, &a, "other", "c.txt");
	help_send(s, &a, "medium.recorded", "{}");
	cr_assert_eq(incidents(s), 1);
	help_close(s);
}

/* What the terminal's policy takes for more important than what was approved ("none"), with or without a list. */
Test(store_takeout, a_class_above_the_approved_one_is_an_incident)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	char grant[SK_UUID_LEN], body[512];
	int64_t n = approved(s, &a, grant);
	json_t *t;

	use(s, &a, grant, "a.txt");
	cr_assert_eq(incidents(s), 0);
	snprintf(body, sizeof(body),
	         "{\"grant\":\"%s\",\"files\":[{\"path\":\"b.txt\",\"op\":\"written\",\"size\":5,\"class\":\"1\"}]}",
	         grant);
	help_send(s, &a, "file.written", body);
	use(s, &a, grant, "a.txt");
	cr_assert_eq(incidents(s), 1);
	t = sk_store_takeout(s, n);
	cr_expect_str_eq(help_text(t, "approved_class"), "none");
	cr_assert_eq(json_array_size(json_object_get(t, "above")), 1);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(t, "above"), 0)), "b.txt");
	json_decref(t);
	help_close(s);
}

static void page_of(const char *written, bool reveal, char *out, size_t size)
{
	json_t *t = json_loads(written, 0, NULL);
	struct sk_page p;

	cr_assert_not_null(t);
	sk_page_init(&p, SK_LANG_EN, 0);
	sk_part_takeout(&p, t, 7, reveal);
	snprintf(out, size, "%s", p.out.data);
	sk_page_deinit(&p);
	json_decref(t);
}

Test(store_takeout, names_are_masked_until_asked_for)
{
	static const char said[] =
	    "{\"recorded\":true,\"complete\":true,\"listed\":1,\"files\":1,\"bytes\":5,\"gaps\":0,"
	    "\"unlisted\":[\"resident <name>.xlsx\"],\"missing\":[],"
	    "\"written\":[{\"path\":\"resident <name>.xlsx\"}]}";
	char out[8192];

	page_of(said, false, out, sizeof(out));
	cr_expect_null(strstr(out, "resident"));
	cr_expect_not_null(strstr(out, ".xlsx"));
	cr_expect_not_null(strstr(out, "/requests/7?names=1#takeout"));
	page_of(said, true, out, sizeof(out));
	cr_expect_not_null(strstr(out, "resident &lt;name&gt;.xlsx"));
	cr_expect_null(strstr(out, "?names=1"));
	cr_expect_null(strstr(out, "above the approved"));
	page_of("{\"recorded\":true,\"approved_class\":\"2\",\"above\":[\"resident.doc\"],\"written\":[]}", false, out,
	        sizeof(out));
	cr_expect_not_null(strstr(out, "Files of a class above the approved one were written."));
	cr_expect_not_null(strstr(out, "important information (2)"));
	cr_expect_null(strstr(out, "resident"));
	page_of("{\"recorded\":false}", true, out, sizeof(out));
	cr_expect_str_eq(out, "");
}

/* The same holds for what a scan names. */
Test(store_takeout, findings_of_a_scan_are_masked)
{
	json_t *events = json_pack("[{s:s,s:i,s:i,s:{s:s,s:s,s:[{s:s,s:s}],s:[{s:s,s:s}]}}]", "kind", "medium.infected",
	                           "seq", 1, "time", 0, "body", "file", "resident list.exe", "signature", "Eicar",
	                           "found", "file", "resident list.exe", "signature", "Eicar", "unscanned", "file",
	                           "x/resident two", "reason", "encrypted");
	struct sk_page p;

	cr_assert_not_null(events);
	sk_page_init(&p, SK_LANG_EN, 0);
	sk_part_events(&p, events);
	cr_expect_null(strstr(p.out.data, "resident"));
	cr_expect_not_null(strstr(p.out.data, ".exe"));
	cr_expect_not_null(strstr(p.out.data, "Eicar"));
	sk_page_deinit(&p);
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(json_array_get(events, 0), "body"), "file")),
	                 "resident list.exe", "the record itself is not changed");
	json_decref(events);
}
