/* Error lines: formatting, cutting, and that nothing from outside can make two lines of one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "common/text.h"

Test(err, formats_and_returns_the_code)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_err_set(&err, -EINVAL, "%s:%d: bad", "a.ini", 7), -EINVAL);
	cr_assert_str_eq(err.text, "a.ini:7: bad");
	cr_assert_eq(sk_err_prefix(&err, -EIO, "loading %s", "x"), -EIO);
	cr_assert_str_eq(err.text, "loading x: a.ini:7: bad");
}

Test(err, null_is_allowed)
{
	cr_assert_eq(sk_err_set(NULL, -EIO, "x"), -EIO);
	cr_assert_eq(sk_err_prefix(NULL, -EIO, "x"), -EIO);
}

Test(err, own_text_as_argument)
{
	struct sk_err err = SK_ERR_INIT;

	sk_err_set(&err, -1, "inner");
	sk_err_set(&err, -1, "outer (%s)", err.text);
	cr_assert_str_eq(err.text, "outer (inner)");
	sk_err_prefix(&err, -1, "%s", err.text);
	cr_assert_str_eq(err.text, "outer (inner): outer (inner)");
}

Test(err, controls_and_broken_utf8_become_question_marks)
{
	struct sk_err err = SK_ERR_INIT;

	sk_err_set(&err, -1, "a\nb\x1b[1m\x7f\xc2\x85\xff\xe3\x81z");
	cr_assert_str_eq(err.text, "a?b?[1m?????z");
	sk_err_set(&err, -1, "関守");
	cr_assert_str_eq(err.text, "関守");
}

Test(err, cut_on_a_character_boundary)
{
	struct sk_err err = SK_ERR_INIT;
	char text[2001];

	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'a', shift);
		for (size_t i = shift; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe9\x96\xa2", 4);
		sk_err_set(&err, -1, "%s", text);
		cr_assert_lt(strlen(err.text), sizeof(err.text));
		cr_assert_gt(strlen(err.text), sizeof(err.text) - 5);
		cr_assert(sk_text_is_utf8(err.text, strlen(err.text)));
		cr_assert_null(strchr(err.text, '?'));
		sk_err_prefix(&err, -1, "%s", text);
		cr_assert(sk_text_is_utf8(err.text, strlen(err.text)));
		cr_assert_null(strchr(err.text, '?'));
	}
}
