/* Hashes against published vectors; strict decoding; random things have their shape. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/text.h"

Test(hash, sha256_vectors)
{
	char out[SK_SHA256_HEX];
	char *million = malloc(1000000);

	sk_sha256_hex("", 0, out);
	cr_expect_str_eq(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	sk_sha256_hex("abc", 3, out);
	cr_expect_str_eq(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert_not_null(million);
	memset(million, 'a', 1000000);
	sk_sha256_hex(million, 1000000, out);
	cr_expect_str_eq(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

Test(hash, parts_are_length_prefixed)
{
	struct sk_part ab_c[] = {{"ab", 2}, {"c", 1}}, a_bc[] = {{"a", 1}, {"bc", 2}}, abc[] = {{"abc", 3}},
	               abc_nothing[] = {{"abc", 3}, {NULL, 0}};
	static const uint8_t flat[] = {0, 0, 0, 0, 0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0, 0, 0, 0, 1, 'c'};
	uint8_t h[5][SK_SHA256_LEN];

	sk_sha256_parts(ab_c, 2, h[0]);
	sk_sha256_parts(a_bc, 2, h[1]);
	sk_sha256_parts(abc, 1, h[2]);
	sk_sha256_parts(abc_nothing, 2, h[3]);
	sk_sha256_parts(NULL, 0, h[4]);
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < i; j++)
			cr_expect(memcmp(h[i], h[j], SK_SHA256_LEN) != 0, "%d %d", i, j);
	sk_sha256(flat, sizeof(flat), h[1]);
	cr_expect_arr_eq(h[0], h[1], SK_SHA256_LEN);
}

static void *hash_many(void *arg)
{
	char out[SK_SHA256_HEX];

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		sk_sha256_hex("abc", 3, out);
		if (strcmp(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") != 0)
			return (void *)1;
	}
	return NULL;
}

Test(hash, threads)
{
	pthread_t t[4];
	void *bad;

	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, hash_many, NULL), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		cr_expect_null(bad);
	}
}

Test(hash, hex)
{
	uint8_t b[3] = {9, 9, 9};
	char out[7];

	sk_hex((const uint8_t *)"\x00\xab\xff", 3, out);
	cr_expect_str_eq(out, "00abff");
	cr_expect_eq(sk_unhex("00abfe", b, 3), 0);
	cr_expect_arr_eq(b, "\x00\xab\xfe", 3);
	memset(b, 9, 3);
	cr_expect_eq(sk_unhex("00abf", b, 3), -EINVAL);
	cr_expect_eq(sk_unhex("00abff0", b, 3), -EINVAL);
	cr_expect_eq(sk_unhex("00ABFF", b, 3), -EINVAL);
	cr_expect_eq(sk_unhex("00abfg", b, 3), -EINVAL);
	cr_expect_eq(sk_unhex("", b, 3), -EINVAL);
	cr_expect_eq(sk_unhex(NULL, b, 3), -EINVAL);
	cr_expect_arr_eq(b, "\x09\x09\x09", 3);
	cr_expect_eq(sk_unhex("", b, 0), 0);
}

static void b64(const char *raw, const char *text)
{
	struct sk_buf b;

	sk_buf_init(&b, 200);
	cr_expect_eq(sk_b64_encode(&b, raw, strlen(raw)), 0);
	cr_expect_str_eq(b.data, text);
	sk_buf_reset(&b);
	cr_expect_eq(sk_b64_decode(&b, text, strlen(text)), 0);
	cr_expect_str_eq(b.data, raw);
	sk_buf_deinit(&b);
}

Test(hash, b64_vectors)
{
	b64("", "");
	b64("f", "Zg==");
	b64("fo", "Zm8=");
	b64("foo", "Zm9v");
	b64("foobar", "Zm9vYmFy");
	b64("0123456789012345678901234567890123456789012345678901234567890123456789",
	    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OQ==");
}

Test(hash, b64_round_trip_all_bytes)
{
	struct sk_buf text, back;
	uint8_t raw[256];

	for (int i = 0; i < 256; i++)
		raw[i] = (uint8_t)i;
	sk_buf_init(&text, 1000);
	sk_buf_init(&back, 1000);
	for (size_t n = 0; n <= 256; n++) {
		sk_buf_reset(&text);
		sk_buf_reset(&back);
		cr_assert_eq(sk_b64_encode(&text, raw, n), 0);
		cr_assert_eq(sk_b64_decode(&back, text.data, text.len), 0);
		cr_assert_eq(back.len, n);
		cr_assert_eq(memcmp(back.data, raw, n), 0);
	}
	sk_buf_deinit(&text);
	sk_buf_deinit(&back);
}

Test(hash, b64_strict)
{
	static const char *const bad[] = {
	    "Z",     "Zg",       "Zg=",      "Zh==", "Zm9=",     "Z===",    "====",  "=",       "Zm9v\n",
	    "Zm 9v", "Zg==Zg==", "Zm8=Zm8=", "Zm-_", "Zm9vZg=a", "Zm9\xff", " Zm9v", "Zm9v===="};
	struct sk_buf b;

	sk_buf_init(&b, 100);
	sk_buf_adds(&b, "kept");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_expect_eq(sk_b64_decode(&b, bad[i], strlen(bad[i])), -EINVAL, "%s", bad[i]);
		cr_expect_str_eq(b.data, "kept");
	}
	cr_expect_eq(sk_b64_decode(&b, "Zm\0v", 4), -EINVAL);
	sk_buf_deinit(&b);
	sk_buf_init(&b, 5);
	cr_expect_eq(sk_b64_decode(&b, "Zm9vYmFy", 8), -E2BIG);
	cr_expect_eq(b.len, 0);
	sk_buf_deinit(&b);
	sk_buf_init(&b, 7);
	cr_expect_eq(sk_b64_encode(&b, "foobar", 6), -E2BIG);
	cr_expect_eq(b.len, 0);
	sk_buf_deinit(&b);
	sk_buf_init(&b, 71);
	cr_expect_eq(sk_b64_encode(&b, "0123456789012345678901234567890123456789012345678901234", 54), -E2BIG);
	cr_expect_eq(b.len, 0, "no part of it");
	sk_buf_deinit(&b);
}

Test(hash, random_things)
{
	char a[SK_UUID_LEN], b[SK_UUID_LEN], code[21];
	uint8_t big[1000] = {0};
	size_t zeros = 0;

	cr_assert_eq(sk_uuid(a), 0);
	cr_assert_eq(sk_uuid(b), 0);
	cr_expect(sk_text_is_id(a), "%s", a);
	cr_expect_str_neq(a, b);
	cr_expect_eq(a[14], '4');
	cr_expect(strchr("89ab", a[19]) != NULL);
	cr_assert_eq(sk_random_code(code, 20), 0);
	cr_expect_eq(strlen(code), 20);
	cr_expect_eq(strspn(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 20);
	cr_assert_eq(sk_random(big, sizeof(big)), 0);
	for (size_t i = 0; i < sizeof(big); i++)
		zeros += big[i] == 0;
	cr_expect_lt(zeros, 50);
}

Test(hash, equal_ct)
{
	cr_expect_eq(sk_equal_ct("abc", "abc", 3), 1);
	cr_expect_eq(sk_equal_ct("abc", "abd", 3), 0);
	cr_expect_eq(sk_equal_ct("abc", "xbc", 3), 0);
	cr_expect_eq(sk_equal_ct("a", "b", 0), 1);
}

Test(hash, bit_by_bit_is_the_same_as_at_once)
{
	char whole[SK_SHA256_HEX], parts[SK_SHA256_HEX];
	struct sk_digest *d = sk_digest_new();

	sk_sha256_hex("abcdef", 6, whole);
	sk_digest_add(d, "abc", 3);
	sk_digest_add(d, "", 0);
	sk_digest_add(d, "def", 3);
	sk_digest_end(d, parts);
	cr_expect_str_eq(parts, whole);
	sk_digest_end(sk_digest_new(), NULL);
	sk_digest_end(NULL, NULL);
}
