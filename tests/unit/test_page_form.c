/* Forms: what a browser sends is read exactly; anything else refuses the whole. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/page_form.h"

static int parse(const char *body, struct sk_form *f)
{
	return sk_form_parse(body, strlen(body), f);
}

Test(page_form, fields)
{
	struct sk_form f;

	cr_assert_eq(parse("action=refuse&reason=%E7%90%86%E7%94%B1+one%0D%0Atwo&empty=&bare", &f), 0);
	cr_expect_str_eq(sk_form_get(&f, "action"), "refuse");
	cr_expect_str_eq(sk_form_get(&f, "reason"), "理由 one\ntwo");
	cr_expect_str_eq(sk_form_get(&f, "empty"), "");
	cr_expect_str_eq(sk_form_get(&f, "bare"), "");
	cr_expect_null(sk_form_get(&f, "absent"));
	sk_form_clear(&f);
}

Test(page_form, nothing)
{
	struct sk_form f;

	cr_assert_eq(parse("", &f), 0);
	cr_expect_eq(f.n, 0);
	sk_form_clear(&f);
	sk_form_clear(&f); /* twice is harmless */
}

Test(page_form, refused_whole)
{
	static const char *const bad[] = {
	    "a=1&a=2", "a=%",      "a=%4",        "a=%zz", "a=%00",    "a=%01", "a=%1b%5b2J", "a=%7f",
	    "a=%ff",   "a=%c0%80", "a=%ed%a0%80", "=1",    "a=1&&b=2", "&a=1",  "%00=1",      "a%=1",
	};
	struct sk_form f;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(parse(bad[i], &f), -EINVAL, "%s", bad[i]);
		cr_expect_eq(f.n, 0);
		cr_expect_null(f.text);
	}
}

Test(page_form, a_nul_in_the_body)
{
	struct sk_form f;

	cr_expect_eq(sk_form_parse("a=1\0b", 5, &f), -EINVAL);
}

Test(page_form, too_many_fields)
{
	char body[1024];
	size_t n = 0;
	struct sk_form f;

	for (int i = 0; i < SK_FORM_FIELDS; i++)
		n += (size_t)snprintf(body + n, sizeof(body) - n, "%sf%d=%d", i ? "&" : "", i, i);
	cr_assert_eq(parse(body, &f), 0);
	cr_expect_eq(f.n, SK_FORM_FIELDS);
	sk_form_clear(&f);
	snprintf(body + n, sizeof(body) - n, "&more=1");
	cr_expect_eq(parse(body, &f), -E2BIG);
}

Test(page_form, text_is_trimmed_and_bounded)
{
	struct sk_form f;
	const char *v;

	cr_assert_eq(parse("a=++five5++&b=sixsix", &f), 0);
	cr_expect_eq(sk_form_text(&f, "a", 5, &v), 0);
	cr_expect_str_eq(v, "five5");
	cr_expect_eq(sk_form_text(&f, "b", 5, &v), -E2BIG);
	cr_expect_eq(sk_form_text(&f, "c", 5, &v), 0);
	cr_expect_str_eq(v, "");
	sk_form_clear(&f);
}

Test(page_form, bytes_at_the_end_are_not_read_past)
{
	const char body[] = {'a', '=', '%', '4', '1', '%', '4', '2'}; /* no NUL behind it */
	struct sk_form f;

	cr_assert_eq(sk_form_parse(body, 5, &f), 0);
	cr_expect_str_eq(sk_form_get(&f, "a"), "A");
	sk_form_clear(&f);
	cr_expect_eq(sk_form_parse(body, 6, &f), -EINVAL);
	cr_expect_eq(sk_form_parse(body, 7, &f), -EINVAL);
}
