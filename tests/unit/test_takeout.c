/* What left against what was listed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/takeout.h"

static json_t *parse(const char *s)
{
	json_t *j = json_loads(s, JSON_DECODE_ANY, NULL);

	cr_assert_not_null(j, "%s", s);
	return j;
}

static json_t *compare(const char *listed, const char *written)
{
	json_t *l = listed ? parse(listed) : NULL, *w = parse(written), *r = sk_takeout_compare(l, w, "2");

	json_decref(l);
	json_decref(w);
	cr_assert_not_null(r);
	return r;
}

static long long n(const json_t *r, const char *name)
{
	return json_integer_value(json_object_get(r, name));
}

Test(takeout, listed_and_not_written_written_and_not_listed)
{
	json_t *r = compare("[\"a.xlsx\",\"d/b.txt\",\"c.pdf\"]",
	                    "[{\"path\":\"x/a.xlsx\",\"op\":\"written\",\"size\":5,\"sha256\":\"00\"},"
	                    "{\"path\":\"d/b.txt\",\"op\":\"found\",\"size\":6,\"sha256\":null},"
	                    "{\"path\":\"other.doc\",\"op\":\"written\",\"size\":7,\"sha256\":\"00\"}]");

	cr_expect_eq(n(r, "listed"), 3);
	cr_expect_eq(n(r, "files"), 3);
	cr_expect_eq(n(r, "bytes"), 18);
	cr_expect_eq(n(r, "matched"), 2);
	cr_expect_eq(n(r, "not_hashed"), 1);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(r, "missing"), 0)), "c.pdf");
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(r, "unlisted"), 0)), "other.doc");
	json_decref(r);
}

Test(takeout, the_latest_state_counts_and_what_was_removed_did_not_stay)
{
	json_t *r = compare("[\"a\"]", "[{\"path\":\"a\",\"op\":\"written\",\"size\":5,\"sha256\":\"00\"},"
	                               "{\"path\":\"a\",\"op\":\"written\",\"size\":9,\"sha256\":\"01\"},"
	                               "{\"path\":\"t\",\"op\":\"written\",\"size\":9,\"sha256\":\"01\"},"
	                               "{\"path\":\"t\",\"op\":\"removed\",\"size\":9,\"sha256\":null}]");

	cr_expect_eq(n(r, "files"), 1);
	cr_expect_eq(n(r, "bytes"), 9);
	cr_expect_eq(json_array_size(json_object_get(r, "unlisted")), 0);
	json_decref(r);
}

Test(takeout, without_a_list_nothing_is_unlisted)
{
	json_t *r = compare(NULL, "[{\"path\":\"a\",\"op\":\"written\",\"size\":5,\"sha256\":\"00\"}, 7, {}]");

	cr_expect_eq(n(r, "listed"), 0);
	cr_expect_eq(n(r, "files"), 1);
	cr_expect_eq(json_array_size(json_object_get(r, "unlisted")), 0);
	json_decref(r);
}

Test(takeout, what_is_above_the_approved_class)
{
	json_t *w = parse("[{\"path\":\"a\",\"op\":\"written\",\"class\":\"1\"},"
	                  "{\"path\":\"b\",\"op\":\"written\",\"class\":\"2\"},"
	                  "{\"path\":\"c\",\"op\":\"found\",\"class\":1},"
	                  "{\"path\":\"d\",\"op\":\"written\",\"class\":\"0\"},"
	                  "{\"path\":\"e\",\"op\":\"written\",\"class\":\"1\"},"
	                  "{\"path\":\"e\",\"op\":\"removed\",\"class\":\"1\"}]"),
	       *r = sk_takeout_compare(NULL, w, "2"), *l = json_object_get(r, "above");

	cr_assert_eq(json_array_size(l), 1, "of class 2 is as approved, and what was removed did not leave");
	cr_expect_str_eq(json_string_value(json_array_get(l, 0)), "a");
	json_decref(r);
	r = sk_takeout_compare(NULL, w, "none");
	cr_expect_eq(json_array_size(json_object_get(r, "above")), 2);
	json_decref(r);
	r = sk_takeout_compare(NULL, w, NULL);
	cr_expect_eq(json_array_size(json_object_get(r, "above")), 0);
	json_decref(r);
	json_decref(w);
}

static int check(const char *s, char *text)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *l = parse(s);
	int r = sk_takeout_list_check(l, &err);

	json_decref(l);
	(void)snprintf(text, 512, "%s", err.text);
	return r;
}

Test(takeout, lists_are_checked)
{
	static char long_list[64000] = "[";
	char text[512];

	cr_expect_eq(check("[\"a\",\"\xe6\xb0\x8f\"]", text), 0);
	cr_expect_eq(check("[]", text), -EINVAL);
	cr_expect_eq(check("{}", text), -EINVAL);
	cr_expect_eq(check("[1]", text), -EINVAL);
	cr_expect_eq(check("[\"\"]", text), -EINVAL);
	cr_expect_eq(check("[\"a\\u001b\"]", text), -EINVAL);
	cr_expect_eq(check("[\"a\",\"b\",\"a\"]", text), -EINVAL);
	cr_expect_not_null(strstr(text, "name 3"));
	for (int i = 0; i < 100; i++)
		snprintf(long_list + strlen(long_list), 200, "%s\"%0120d\"", i ? "," : "", i);
	strcat(long_list, "]");
	cr_expect_eq(check(long_list, text), -EINVAL, "12 KB");
	strcpy(long_list, "[");
	for (int i = 0; i < 201; i++)
		snprintf(long_list + strlen(long_list), 200, "%s\"%d\"", i ? "," : "", i);
	strcat(long_list, "]");
	cr_expect_eq(check(long_list, text), -EINVAL, "201");
}
