/* Filling sentences and measuring text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "agent/words.h"

static const char *filled(const char *text, const char *a, const char *b)
{
	static char out[200];
	const char *const args[] = {a, b};
	struct sk_buf buf;

	sk_buf_init(&buf, 150);
	sk_words_fill(&buf, text, args, 2);
	snprintf(out, sizeof out, "%s", buf.data);
	sk_buf_deinit(&buf);
	return out;
}

Test(words, filling)
{
	cr_assert_str_eq(filled("%1 and %2", "a", "b"), "a and b");
	cr_assert_str_eq(filled("%2、%1。", "a", "b"), "b、a。");
	cr_assert_str_eq(filled("%1 %1 %3 %9", "a", NULL), "a a  ");
	cr_assert_str_eq(filled("%1", "%2 %1", "b"), "%2 %1", "arguments are not looked at again");
	cr_assert_str_eq(filled("100 % %x %", "a", "b"), "100 % %x %");
}

Test(words, bounded)
{
	char large[1000];

	memset(large, 'x', sizeof large);
	large[999] = '\0';
	cr_assert_leq(strlen(filled("%1", large, "")), 150);
}

Test(words, width)
{
	cr_assert_eq(sk_words_width(""), 0);
	cr_assert_eq(sk_words_width("abc"), 3);
	cr_assert_eq(sk_words_width("関守"), 4);
	cr_assert_eq(sk_words_width("ガ"), 2);
	cr_assert_eq(sk_words_width("カ\xe3\x82\x99"), 2, "a combining mark takes no column");
	cr_assert_eq(sk_words_width("ｱ"), 1, "half width");
	cr_assert_eq(sk_words_width("Ａ（）"), 6);
	cr_assert_eq(sk_words_width("é"), 1);
	cr_assert_eq(sk_words_width("\xff\xfe"), 2, "bytes that are no text");
}
