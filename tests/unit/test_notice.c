/* Notices as they travel: whole or nothing, bounded, and nothing in them that a screen cannot show. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/notice.h"

#define ID "0c9f7a52-3b1e-4c68-9d20-5a1f00c0ffee"

static struct sk_office_notice good(void)
{
	struct sk_office_notice n = {.number = 3, .created = 1775032200000, .until = 1775118600000};

	strcpy(n.id, ID);
	strcpy(n.from, "執行責任者");
	strcpy(n.title, "不審なメール");
	strcpy(n.text, "開かないでください。\n窓口へ。");
	return n;
}

static json_t *body_of(size_t count)
{
	json_t *list = json_array();
	struct sk_office_notice n = good();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, sk_office_notice_json(&n));
	return json_pack("{s:o}", "notices", list);
}

Test(notice, comes_back_as_it_was)
{
	struct sk_office_notices got = {.n = 7};
	struct sk_office_notice n = good();
	struct sk_err err = SK_ERR_INIT;
	json_t *body = body_of(SK_OFFICE_NOTICES_MAX);

	cr_assert_eq(sk_office_notices_parse(body, &got, &err), 0, "%s", err.text);
	cr_expect_eq(got.n, SK_OFFICE_NOTICES_MAX);
	cr_expect_str_eq(got.items[15].text, n.text);
	cr_expect(got.items[0].number == 3 && got.items[0].created == n.created && got.items[0].until == n.until);
	json_decref(body);
	cr_expect_eq(sk_office_notices_parse(NULL, &got, &err), 0);
	cr_expect_eq(got.n, 0, "none sent is none held");
}

static void refused(json_t *body, const char *why)
{
	struct sk_office_notices got = {.n = 7};
	struct sk_err err = SK_ERR_INIT;

	cr_expect_lt(sk_office_notices_parse(body, &got, &err), 0, "%s", why);
	cr_expect_eq(got.n, 7, "%s: what was held stays", why);
	cr_expect_neq(err.text[0], '\0');
	json_decref(body);
}

static json_t *with(const char *name, json_t *value)
{
	json_t *body = body_of(2);

	json_object_set_new(json_array_get(json_object_get(body, "notices"), 1), name, value);
	return body;
}

Test(notice, one_that_is_wrong_refuses_all)
{
	char big[SK_NOTICE_TEXT + 2];

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	refused(body_of(SK_OFFICE_NOTICES_MAX + 1), "too many");
	refused(json_pack("{s:s}", "notices", "none"), "not a list");
	refused(with("text", json_string(big)), "too long");
	refused(with("title", json_string("")), "empty");
	refused(with("title", json_string("\x1b[2J")), "an escape sequence");
	refused(with("number", json_integer(0)), "number 0");
	refused(with("until", json_string("never")), "no time");
	refused(with("created", json_null()), "null");
}
