/* JSON at the edge: what is refused, exact bounds, and that the same value always gives the same bytes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

static struct sk_err err;

static json_t *good(const char *text)
{
	json_t *j = NULL;

	cr_assert_eq(sk_json_parse(text, strlen(text), 10000, &j, &err), 0, "%s: %s", text, err.text);
	return j;
}

static void bad_n(const char *text, size_t len)
{
	json_t *j = NULL;

	err.text[0] = '\0';
	cr_expect_eq(sk_json_parse(text, len, 10000, &j, &err), -EINVAL, "accepted: %s", text);
	cr_expect_null(j);
	cr_expect_neq(err.text[0], '\0');
	json_decref(j);
}

Test(json, refuses)
{
	static const char *const bad[] = {"",
	                                  " ",
	                                  "{",
	                                  "{}x",
	                                  "{} {}",
	                                  "[1,]",
	                                  "{\"a\":1,}",
	                                  "{\"a\":1,\"a\":2}",
	                                  "{\"x\":{\"a\":1,\"a\":1}}",
	                                  "nan",
	                                  "[NaN]",
	                                  "[Infinity]",
	                                  "[1e999]",
	                                  "[01]",
	                                  "[+1]",
	                                  "[.5]",
	                                  "[0x1]",
	                                  "[99999999999999999999]",
	                                  "[\"\\u0000\"]",
	                                  "{\"\\u0000\":1}",
	                                  "[\"\xff\"]",
	                                  "[\"\xc0\x80\"]",
	                                  "[\"\xed\xa0\x80\"]",
	                                  "[\"\\ud800\"]",
	                                  "[\"a\nb\"]",
	                                  "['a']",
	                                  "// c\n{}",
	                                  "/**/{}",
	                                  "1",
	                                  "\"a\"",
	                                  "null",
	                                  "true",
	                                  "\xef\xbb\xbf{}",
	                                  "[\"\\x41\"]"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		bad_n(bad[i], strlen(bad[i]));
	bad_n("{}\0", 3);
	bad_n("[\"a\0b\"]", 7);
	bad_n("{\"a\0\":1}", 8);
}

Test(json, depth)
{
	char text[128];

	for (size_t depth = 15; depth <= 18; depth++) {
		json_t *j = NULL;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		cr_expect_eq(sk_json_parse(text, 2 * depth, 10000, &j, &err), depth <= SK_JSON_DEPTH ? 0 : -EINVAL);
		json_decref(j);
	}
	json_decref(good("[\"[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\"]"));
	bad_n("[\"\\\\\",[[[[[[[[[[[[[[[[[[[[", 25);
}

Test(json, deep_hostile_text_costs_no_stack)
{
	size_t n = 1000000;
	char *text = malloc(n);
	json_t *j = NULL;

	cr_assert_not_null(text);
	memset(text, '[', n);
	cr_expect_eq(sk_json_parse(text, n, n, &j, &err), -EINVAL);
	for (size_t i = 0; i + 5 <= n; i += 5)
		memcpy(text + i, "{\"a\":", 5);
	cr_expect_eq(sk_json_parse(text, n, n, &j, &err), -EINVAL);
	free(text);
}

Test(json, size)
{
	json_t *j = NULL;

	cr_expect_eq(sk_json_parse("[1]", 3, 3, &j, &err), 0);
	json_decref(j);
	j = NULL;
	cr_expect_eq(sk_json_parse("[12]", 4, 3, &j, &err), -E2BIG);
	cr_expect_null(j);
}

Test(json, same_value_same_bytes)
{
	json_t *a = good("{\"b\":1, \"a\":[true,null,\"関\"],\"c\":{\"z\":1,\"y\":2}}"),
	       *b = good("{\"c\":{\"y\":2,\"z\":1},\"a\":[true,null,\"\\u95a2\"],\"b\":1}");
	char *x = sk_json_text(a), *y = sk_json_text(b);

	cr_expect_str_eq(x, "{\"a\":[true,null,\"関\"],\"b\":1,\"c\":{\"y\":2,\"z\":1}}");
	cr_expect_str_eq(x, y);
	free(x);
	free(y);
	json_decref(a);
	json_decref(b);
	cr_expect_null(sk_json_text(NULL));
}

static void same_as_jansson(json_t *j)
{
	char *ours = sk_json_text(j), *theirs = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	cr_assert_not_null(theirs);
	cr_expect_str_eq(ours, theirs);
	free(ours);
	free(theirs);
	json_decref(j);
}

static json_t *random_value(unsigned *seed, int depth)
{
	char text[16], key[8];
	json_t *j;

	switch (rand_r(seed) % (depth > 5 ? 6 : 8)) {
	case 0:
		return json_integer((json_int_t)rand_r(seed) * rand_r(seed) * (rand_r(seed) % 2 ? 1 : -1));
	case 1:
		return json_boolean(rand_r(seed) % 2);
	case 2:
		return json_null();
	case 3:
		return json_real(rand_r(seed) / 7.0);
	case 4:
	case 5:
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)(rand_r(seed) % 128);
		return json_stringn(text, sizeof(text));
	case 6:
		j = json_array();
		for (int i = rand_r(seed) % 5; i > 0; i--)
			json_array_append_new(j, random_value(seed, depth + 1));
		return j;
	default:
		j = json_object();
		for (int i = rand_r(seed) % 70; i > 0; i--) {
			snprintf(key, sizeof(key), "%x\n", (unsigned)rand_r(seed) % 4096);
			json_object_set_new(j, key, random_value(seed, depth + 4));
		}
		return j;
	}
}

Test(json, the_bytes_are_jansson_s)
{
	json_t *deep = json_array();
	unsigned seed = 20261125;

	for (int i = 0; i < 2000; i++)
		same_as_jansson(random_value(&seed, 0));
	same_as_jansson(json_integer(LLONG_MIN));
	same_as_jansson(json_integer(LLONG_MAX));
	same_as_jansson(json_integer(0));
	same_as_jansson(json_stringn("\0\x01\x1f\x7f\"\\/\b\f\n\r\t関\xf0\x9f\x92\xbe", 20));
	for (int i = 0; i < 100; i++)
		deep = json_pack("[o]", deep);
	same_as_jansson(deep);
}

Test(json, put)
{
	json_t *o = json_object();
	char *text;

	sk_json_put(o, "a", "x");
	sk_json_put(o, "b", NULL);
	sk_json_put(o, "c", "\xff");
	text = sk_json_text(o);
	cr_expect_str_eq(text, "{\"a\":\"x\",\"b\":null}");
	free(text);
	json_decref(o);
}

Test(json, strings)
{
	json_t *j = good("{\"s\":\"abc\",\"e\":\"\",\"n\":null,\"i\":1}");
	const char *s = "default";

	cr_expect_eq(sk_json_str(j, "s", 3, 3, &s, &err), 0);
	cr_expect_str_eq(s, "abc");
	s = "default";
	cr_expect_eq(sk_json_str(j, "s", 4, 9, &s, &err), -EINVAL);
	cr_expect_eq(sk_json_str(j, "s", 0, 2, &s, &err), -EINVAL);
	cr_expect_eq(strncmp(err.text, "field s: ", 9), 0);
	cr_expect_eq(sk_json_str(j, "i", 0, 9, &s, &err), -EINVAL);
	cr_expect_eq(sk_json_str(j, "n", 0, 9, &s, &err), -EINVAL);
	cr_expect_eq(sk_json_str(j, "missing", 0, 9, &s, &err), -EINVAL);
	cr_expect_str_eq(err.text, "field missing: missing");
	cr_expect_eq(sk_json_str(NULL, "s", 0, 9, &s, &err), -EINVAL);
	cr_expect_eq(sk_json_str_opt(j, "missing", 9, &s, &err), 0);
	cr_expect_eq(sk_json_str_opt(j, "n", 9, &s, &err), 0);
	cr_expect_str_eq(s, "default");
	cr_expect_eq(sk_json_str_opt(j, "i", 9, &s, &err), -EINVAL);
	cr_expect_eq(sk_json_str_opt(j, "s", 2, &s, &err), -EINVAL);
	cr_expect_str_eq(s, "default");
	cr_expect_eq(sk_json_str_opt(j, "e", 2, &s, &err), 0);
	cr_expect_str_eq(s, "");
	json_object_set_new(j, "nul", json_stringn("a\0b", 3));
	cr_expect_eq(sk_json_str(j, "nul", 0, 9, &s, &err), -EINVAL);
	json_decref(j);
}

Test(json, numbers)
{
	json_t *j = good("{\"i\":5,\"r\":5.0,\"s\":\"5\",\"n\":null,\"max\":9223372036854775807,\"b\":true}");
	long long v = 77;

	cr_expect_eq(sk_json_int(j, "i", 5, 5, &v, &err), 0);
	cr_expect_eq(v, 5);
	v = 77;
	cr_expect_eq(sk_json_int(j, "i", 6, 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "i", 0, 4, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "r", 0, 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "s", 0, 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "b", 0, 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "none", 0, 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int_opt(j, "none", 0, 9, &v, &err), 0);
	cr_expect_eq(sk_json_int_opt(j, "n", 0, 9, &v, &err), 0);
	cr_expect_eq(v, 77);
	cr_expect_eq(sk_json_int_opt(j, "i", 0, 4, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_int(j, "max", 0, LLONG_MAX, &v, &err), 0);
	cr_expect_eq(v, LLONG_MAX);
	json_decref(j);
}

Test(json, others)
{
	json_t *j = good("{\"t\":true,\"f\":false,\"n\":null,\"i\":1,\"a\":[1,2],\"o\":{}}"), *v = NULL;
	bool b = false;

	cr_expect_eq(sk_json_bool_opt(j, "t", &b, &err), 0);
	cr_expect(b);
	cr_expect_eq(sk_json_bool_opt(j, "n", &b, &err), 0);
	cr_expect_eq(sk_json_bool_opt(j, "none", &b, &err), 0);
	cr_expect(b);
	cr_expect_eq(sk_json_bool_opt(j, "i", &b, &err), -EINVAL);
	cr_expect_eq(sk_json_bool_opt(j, "f", &b, &err), 0);
	cr_expect_not(b);
	cr_expect_eq(sk_json_arr(j, "a", 1, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_arr(j, "o", 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_arr(j, "none", 9, &v, &err), -EINVAL);
	cr_expect_eq(sk_json_obj(j, "a", &v, &err), -EINVAL);
	cr_expect_eq(sk_json_obj(j, "none", &v, &err), -EINVAL);
	cr_expect_null(v);
	cr_expect_eq(sk_json_arr(j, "a", 2, &v, &err), 0);
	cr_expect_eq(json_array_size(v), 2);
	cr_expect_eq(sk_json_obj(j, "o", &v, &err), 0);
	cr_expect(json_is_object(v));
	json_decref(j);
}

Test(json, utc_times)
{
	static const char *const bad[] = {"",
	                                  "tomorrow",
	                                  "2026-04-01",
	                                  "2026-04-01T08:30:00+09:00",
	                                  "2026-13-01T00:00:00Z",
	                                  "2026-04-01T08:30:00Z and more than any time is long"};
	json_t *o = json_pack("{s:s, s:i}", "at", "2026-04-01T08:30:00Z", "number", 7);
	sk_ms t = 0;

	cr_expect_eq(sk_json_utc(o, "at", &t, &err), 0);
	cr_expect_eq(t, 1775032200000);
	cr_expect_lt(sk_json_utc(o, "number", &t, &err), 0);
	cr_expect_lt(sk_json_utc(o, "absent", &t, &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_object_set_new(o, "at", json_string(bad[i]));
		cr_expect_lt(sk_json_utc(o, "at", &t, &err), 0, "%s", bad[i]);
	}
	cr_expect_not_null(strstr(err.text, "at"));
	json_decref(o);
}
