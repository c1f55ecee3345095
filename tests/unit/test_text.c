/* Text from outside: what is dangerous to show never comes through, numbers are bounded, names follow their rules. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/text.h"

static const char *escape(const char *src, size_t len)
{
	static char out[256];

	cr_assert_eq(sk_text_escape(out, sizeof(out), src, len), strlen(out));
	return out;
}

#define ESC(s) escape(s, sizeof(s) - 1)

Test(text, escape_dangerous)
{
	cr_expect_str_eq(ESC("plain 関守 é"), "plain 関守 é");
	cr_expect_str_eq(ESC("a\nb\r\t"), "a\\x0ab\\x0d\\x09");
	cr_expect_str_eq(ESC("\x1b[2J"), "\\x1b[2J");
	cr_expect_str_eq(ESC("a\0b"), "a\\x00b");
	cr_expect_str_eq(ESC("\x7f"), "\\x7f");
	cr_expect_str_eq(ESC("\xc2\x9b"), "\\xc2\\x9b"); /* C1 CSI */
	cr_expect_str_eq(ESC("\xe2\x80\xae"), "\\xe2\\x80\\xae"); /* RLO */
	cr_expect_str_eq(ESC("\xe2\x81\xa6"), "\\xe2\\x81\\xa6"); /* LRI */
	cr_expect_str_eq(ESC("\xd8\x9c"), "\\xd8\\x9c"); /* ALM */
	cr_expect_str_eq(ESC("\xe2\x80\xa8"), "\\xe2\\x80\\xa8"); /* line separator */
	cr_expect_str_eq(ESC("\xef\xbb\xbf"), "\\xef\\xbb\\xbf"); /* BOM */
	cr_expect_str_eq(ESC("\xef\xbf\xbe"), "\\xef\\xbf\\xbe"); /* U+FFFE */
	cr_expect_str_eq(ESC("\\x41"), "\\\\x41");
}

Test(text, escape_invalid_utf8)
{
	cr_expect_str_eq(ESC("\xff"), "\\xff");
	cr_expect_str_eq(ESC("\xc0\x80"), "\\xc0\\x80"); /* overlong NUL */
	cr_expect_str_eq(ESC("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
	cr_expect_str_eq(ESC("\xe9\x96"), "\\xe9\\x96"); /* cut */
	cr_expect_str_eq(ESC("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
	cr_expect_str_eq(ESC("\x80"
	                     "a"),
	                 "\\x80"
	                 "a");
}

Test(text, escape_cuts_whole_characters)
{
	char out[16];

	cr_expect_eq(sk_text_escape(out, 8, "1234567", 7), 7);
	cr_expect_str_eq(out, "1234567");
	sk_text_escape(out, 8, "12345678", 8);
	cr_expect_str_eq(out, "1234…");
	sk_text_escape(out, 8, "関守関守", 12);
	cr_expect_str_eq(out, "関…");
	sk_text_escape(out, 8, "12\n45678", 8);
	cr_expect_str_eq(out, "12…", "an escape is never cut in two");
	cr_expect_eq(sk_text_escape(out, 1, "abc", 3), 0);
	cr_expect_str_eq(out, "");
	out[0] = 'k';
	cr_expect_eq(sk_text_escape(out, 0, "abc", 3), 0);
	cr_expect_eq(out[0], 'k');
	sk_text_escape(out, 3, "abc", 3);
	cr_expect_lt(strlen(out), 3);
}

Test(text, escape_any_size_any_bytes)
{
	char src[64], out[80];
	unsigned int x = 12345;

	for (int round = 0; round < 20000; round++) {
		size_t len = (x = x * 1103515245 + 12345) >> 16 & 63, size = (x = x * 1103515245 + 12345) >> 16 & 63, n;

		for (size_t i = 0; i < len; i++)
			src[i] = (char)((x = x * 1103515245 + 12345) >> 16);
		memset(out, 0x55, sizeof(out));
		n = sk_text_escape(out, size, src, len);
		if (size > 0) {
			cr_assert_lt(n, size);
			cr_assert_eq(strlen(out), n);
			cr_assert(sk_text_is_utf8(out, n));
		}
		cr_assert_eq(out[size], 0x55);
	}
}

/* What a run of letters gives is what they give one by one, at every size. */
static void one_by_one(char *dst, size_t size, const char *src, size_t len,
                       size_t (*fn)(char *, size_t, const char *, size_t))
{
	size_t out = 0, cut = 0, dots = strlen("…");

	for (size_t i = 0; i < len;) {
		char unit[32];
		size_t n = sk_text_utf8_next(src + i, len - i, NULL), m = fn(unit, sizeof(unit), src + i, n ? n : 1);

		if (out + m >= size) {
			strcpy(dst + cut, size > dots ? "…" : "");
			return;
		}
		memcpy(dst + out, unit, m);
		out += m;
		if (out + dots < size)
			cut = out;
		i += n ? n : 1;
	}
	dst[out] = '\0';
}

Test(text, runs_of_letters_are_as_letters_one_by_one)
{
	static const char *const parts[] = {
	    "abc",  "\\", "関守",         "ー・",         "　",           "\xe3\x81", "\xe9\xbf\xbf",
	    "\n",   "é",  "\xe2\x80\xae", "\xef\xbb\xbf", "\xed\xa0\x80", "\xe3",     "~",
	    "\x7f", "😀",  "ﾊﾝｶｸ",         "\xea\x80\x80"};
	char src[64], out[300], expected[300];
	unsigned int x = 1;

	for (int round = 0; round < 20000; round++) {
		size_t len = 0, size = 1 + ((x = x * 1103515245 + 12345) >> 16) % 80;

		for (int i = 0; i < 7; i++) {
			const char *part =
			    parts[((x = x * 1103515245 + 12345) >> 16) % (sizeof(parts) / sizeof(parts[0]))];

			if (len + strlen(part) > sizeof(src))
				break;
			memcpy(src + len, part, strlen(part));
			len += strlen(part);
		}
		sk_text_printable(out, size, src, len);
		one_by_one(expected, size, src, len, sk_text_printable);
		cr_assert_str_eq(out, expected, "size %zu", size);
		sk_text_escape(out, size, src, len);
		one_by_one(expected, size, src, len, sk_text_escape);
		cr_assert_str_eq(out, expected, "size %zu", size);
	}
}

Test(text, printable_keeps_backslashes)
{
	char out[32];

	sk_text_printable(out, sizeof(out), "a\\x0a\n", 6);
	cr_expect_str_eq(out, "a\\x0a\\x0a");
}

Test(text, is_utf8)
{
	cr_expect(sk_text_is_utf8("", 0));
	cr_expect(sk_text_is_utf8("関守\xf0\x9f\x98\x80", 10));
	cr_expect(sk_text_is_utf8("a\0b", 3));
	cr_expect_not(sk_text_is_utf8("a\xff", 2));
	cr_expect_not(sk_text_is_utf8("\xe9\x96", 2));
	cr_expect_not(sk_text_is_utf8("\xc1\xbf", 2));
	cr_expect_not(sk_text_is_utf8("\xe0\x80\xaf", 3));
	cr_expect_not(sk_text_is_utf8("\xf0\x80\x80\xaf", 4));
	cr_expect_not(sk_text_is_utf8("\xf5\x80\x80\x80", 4));
}

Test(text, html)
{
	struct sk_buf b;

	sk_buf_init(&b, 100);
	cr_expect_eq(sk_text_html(&b, "<a href=\"x\" b='y'>&</a>"), 0);
	cr_expect_str_eq(b.data, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
	sk_buf_deinit(&b);
	sk_buf_init(&b, 5);
	cr_expect_eq(sk_text_html(&b, "ab<"), -E2BIG);
	sk_buf_deinit(&b);
}

Test(text, u64)
{
	unsigned long long v = 77;

	cr_expect_eq(sk_text_u64("0", 0, 10, &v), 0);
	cr_expect_eq(v, 0);
	cr_expect_eq(sk_text_u64("18446744073709551615", 0, ULLONG_MAX, &v), 0);
	cr_expect_eq(v, ULLONG_MAX);
	v = 77;
	cr_expect_eq(sk_text_u64("18446744073709551616", 0, ULLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_u64("99999999999999999999999999", 0, ULLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_u64("11", 0, 10, &v), -ERANGE);
	cr_expect_eq(sk_text_u64("1", 2, 10, &v), -ERANGE);
	const char *const bad[] = {"",     " 1",  "1 ",  "+1", "-1",
	                           "0x10", "1.0", "1\n", "１", "99999999999999999999999999x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sk_text_u64(bad[i], 0, 100, &v), -EINVAL, "%s", bad[i]);
	cr_expect_eq(sk_text_u64(NULL, 0, 10, &v), -EINVAL);
	cr_expect_eq(v, 77, "untouched on failure");
}

Test(text, i64)
{
	long long v = 77;

	cr_expect_eq(sk_text_i64("-9223372036854775808", LLONG_MIN, LLONG_MAX, &v), 0);
	cr_expect_eq(v, LLONG_MIN);
	cr_expect_eq(sk_text_i64("9223372036854775807", LLONG_MIN, LLONG_MAX, &v), 0);
	cr_expect_eq(v, LLONG_MAX);
	cr_expect_eq(sk_text_i64("9223372036854775808", LLONG_MIN, LLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_i64("-9223372036854775809", LLONG_MIN, LLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_i64("-5", -4, 4, &v), -ERANGE);
	cr_expect_eq(sk_text_i64("--5", -9, 9, &v), -EINVAL);
	cr_expect_eq(sk_text_i64("-", -9, 9, &v), -EINVAL);
}

Test(text, duration)
{
	long long v = 77;

	cr_expect_eq(sk_text_duration("90s", 0, 1000000, &v), 0);
	cr_expect_eq(v, 90);
	cr_expect_eq(sk_text_duration("15m", 0, 1000000, &v), 0);
	cr_expect_eq(v, 900);
	cr_expect_eq(sk_text_duration("8h", 0, 1000000, &v), 0);
	cr_expect_eq(v, 28800);
	cr_expect_eq(sk_text_duration("3d", 0, 1000000, &v), 0);
	cr_expect_eq(v, 259200);
	v = 77;
	const char *const bad[] = {"", "s", "15", "15 m", "1h30m", "-1h", "1.5h", "1w", "15M", " 1s"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(sk_text_duration(bad[i], 0, 1000000, &v), -EINVAL, "%s", bad[i]);
	cr_expect_eq(sk_text_duration("9223372036854775807d", 0, LLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_duration("99999999999999999999d", 0, LLONG_MAX, &v), -ERANGE);
	cr_expect_eq(sk_text_duration("2h", 0, 7199, &v), -ERANGE);
	cr_expect_eq(v, 77);
}

Test(text, copy_eq_trim)
{
	char out[6], t[32] = " \t x y \n";

	sk_text_copy(out, sizeof(out), "123456");
	cr_expect_str_eq(out, "12345");
	sk_text_copy(out, sizeof(out), "関守");
	cr_expect_str_eq(out, "関", "no half character");
	sk_text_copy(out, sizeof(out), NULL);
	cr_expect_str_eq(out, "");
	cr_expect(sk_text_eq("a", "a"));
	cr_expect(sk_text_eq(NULL, NULL));
	cr_expect_not(sk_text_eq("a", NULL));
	cr_expect_not(sk_text_eq(NULL, "a"));
	cr_expect_not(sk_text_eq("a", "b"));
	sk_text_trim(t);
	cr_expect_str_eq(t, "x y");
	memcpy(t, "   ", 4);
	sk_text_trim(t);
	cr_expect_str_eq(t, "");
}

Test(text, names)
{
	char host[300];

	cr_expect(sk_text_is_name("block-storage_1.x", 32));
	cr_expect(sk_text_is_name("abc", 3));
	cr_expect_not(sk_text_is_name("abcd", 3));
	cr_expect_not(sk_text_is_name("", 3));
	cr_expect_not(sk_text_is_name(NULL, 3));
	cr_expect_not(sk_text_is_name(".x", 9));
	cr_expect_not(sk_text_is_name("-x", 9));
	cr_expect_not(sk_text_is_name("aB", 9));
	cr_expect_not(sk_text_is_name("a/b", 9));
	cr_expect_not(sk_text_is_name("a b", 9));
	cr_expect_not(sk_text_is_name("é", 9));
	cr_expect(sk_text_is_host("PC-0001.example.jp"));
	cr_expect_not(sk_text_is_host(""));
	cr_expect_not(sk_text_is_host(NULL));
	cr_expect_not(sk_text_is_host("-a"));
	cr_expect_not(sk_text_is_host("a_b"));
	cr_expect_not(sk_text_is_host("a\n"));
	memset(host, 'a', sizeof(host));
	host[253] = '\0';
	cr_expect(sk_text_is_host(host));
	host[253] = 'a';
	host[254] = '\0';
	cr_expect_not(sk_text_is_host(host));
	cr_expect(sk_text_is_id("01234567-89ab-4cde-8f01-23456789abcd"));
	cr_expect_not(sk_text_is_id("01234567-89AB-4cde-8f01-23456789abcd"));
	cr_expect_not(sk_text_is_id("01234567-89ab-4cde-8f01-23456789abcd0"));
	cr_expect_not(sk_text_is_id("01234567-89ab-4cde-8f01-23456789abc"));
	cr_expect_not(sk_text_is_id("0123456789ab-4cde-8f01-23456789abcd-"));
	cr_expect_not(sk_text_is_id(NULL));
}
