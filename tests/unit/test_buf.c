/* The growing buffer: its limit, its failed state, and that nothing half-appended ever shows. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/buf.h"

Test(buf, empty_is_a_string)
{
	struct sk_buf b;

	sk_buf_init(&b, 10);
	cr_assert_str_eq(b.data, "");
	cr_assert_eq(b.len, 0);
	sk_buf_reset(&b);
	sk_buf_consume(&b, 5);
	cr_assert_str_eq(b.data, "");
	sk_buf_deinit(&b);
	sk_buf_deinit(&b);
}

Test(buf, zeroed_can_be_deinitialised_and_takes_nothing)
{
	struct sk_buf b = {0};

	cr_assert_eq(sk_buf_addc(&b, 'x'), -E2BIG);
	sk_buf_deinit(&b);
}

Test(buf, appends)
{
	struct sk_buf b;

	sk_buf_init(&b, 1000);
	cr_assert_eq(sk_buf_add(&b, "a\0b", 3), 0);
	cr_assert_eq(sk_buf_adds(&b, "cd"), 0);
	cr_assert_eq(sk_buf_addc(&b, 'e'), 0);
	cr_assert_eq(sk_buf_addf(&b, "%05d|%s", 42, "f"), 0);
	cr_assert_eq(b.len, 13);
	cr_assert_arr_eq(b.data, "a\0bcde00042|f", 14);
	cr_assert_eq(sk_buf_error(&b), 0);
	sk_buf_deinit(&b);
}

Test(buf, limit_is_exact)
{
	struct sk_buf b;

	sk_buf_init(&b, 5);
	cr_assert_eq(sk_buf_adds(&b, "12345"), 0);
	cr_assert_eq(b.len, 5);
	cr_assert_leq(b.cap, 6);
	cr_assert_eq(sk_buf_addc(&b, '6'), -E2BIG);
	cr_assert_str_eq(b.data, "12345");
	cr_assert_eq(sk_buf_error(&b), -E2BIG);
	sk_buf_deinit(&b);
}

Test(buf, no_text_with_a_hole_in_it)
{
	struct sk_buf b;

	sk_buf_init(&b, 6);
	cr_assert_eq(sk_buf_adds(&b, "abc"), 0);
	cr_assert_eq(sk_buf_addf(&b, "%s", "too long"), -E2BIG);
	cr_assert_lt(sk_buf_adds(&b, "d"), 0, "would fit, but what came before is missing");
	cr_assert_str_eq(b.data, "abc");
	cr_assert_null(sk_buf_steal(&b));
	sk_buf_reset(&b);
	cr_assert_eq(sk_buf_adds(&b, "d"), 0);
	cr_assert_str_eq(b.data, "d");
	sk_buf_deinit(&b);
}

Test(buf, huge_length_does_not_wrap)
{
	struct sk_buf b;

	sk_buf_init(&b, SIZE_MAX);
	cr_assert_eq(sk_buf_addc(&b, 'a'), 0);
	cr_assert_eq(sk_buf_add(&b, "x", SIZE_MAX - 1), -E2BIG);
	cr_assert_str_eq(b.data, "a");
	sk_buf_reset(&b);
	cr_assert_eq(sk_buf_add(&b, "x", SIZE_MAX / 2 + 1), -E2BIG);
	sk_buf_deinit(&b);
}

/* Sanitizers reserve address space of their own, so the limit would end them instead. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
Test(buf, no_memory_is_an_error)
{
	struct rlimit small = {.rlim_cur = 256 << 20, .rlim_max = 256 << 20};
	char *block = malloc(64 << 20);
	struct sk_buf b;
	int r = 0;

	cr_assert_not_null(block);
	memset(block, 'x', 64 << 20);
	cr_assert_eq(setrlimit(RLIMIT_AS, &small), 0);
	sk_buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 8 && r == 0; i++)
		r = sk_buf_add(&b, block, 64 << 20);
	cr_assert_eq(r, -ENOMEM);
	cr_assert_eq(sk_buf_error(&b), -E2BIG);
	cr_assert_eq(b.data[b.len], '\0');
	sk_buf_deinit(&b);
	free(block);
}
#endif

Test(buf, steal_hands_over)
{
	struct sk_buf b;
	char *s;

	sk_buf_init(&b, 100);
	s = sk_buf_steal(&b);
	cr_assert_str_eq(s, "");
	free(s);
	sk_buf_adds(&b, "mine");
	s = sk_buf_steal(&b);
	cr_assert_str_eq(s, "mine");
	free(s);
	cr_assert_str_eq(b.data, "");
	cr_assert_eq(b.limit, 100);
	cr_assert_eq(sk_buf_adds(&b, "again"), 0);
	sk_buf_deinit(&b);
}

Test(buf, consume)
{
	struct sk_buf b;

	sk_buf_init(&b, 100);
	sk_buf_adds(&b, "headbody");
	sk_buf_consume(&b, 4);
	cr_assert_str_eq(b.data, "body");
	sk_buf_consume(&b, 99);
	cr_assert_str_eq(b.data, "");
	cr_assert_eq(b.len, 0);
	sk_buf_deinit(&b);
}

Test(buf, grows_over_many_appends)
{
	struct sk_buf b;

	sk_buf_init(&b, 100000);
	for (int i = 0; i < 100000; i++)
		cr_assert_eq(sk_buf_addc(&b, (char)('a' + i % 26)), 0);
	cr_assert_eq(sk_buf_addc(&b, 'x'), -E2BIG);
	cr_assert_eq(strlen(b.data), 100000);
	cr_assert_leq(b.cap, 100001);
	sk_buf_deinit(&b);
}
