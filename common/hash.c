/*
 * SHA-256 with an algorithm fetched once: a fetch per call costs more than the hash of a record. Random bytes come from
 * getrandom(2), so that a program that needs nothing else of OpenSSL's generator does not carry it.
 */
#include "common/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *get_sha256(void)
{
	if (pthread_once(&sha256_once, fetch_sha256) != 0 || sha256 == NULL)
		abort();
	return sha256;
}

void sk_sha256(const void *data, size_t len, uint8_t out[SK_SHA256_LEN])
{
	if (EVP_Digest(data, len, out, NULL, get_sha256(), NULL) != 1)
		abort();
}

struct sk_digest *sk_digest_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx == NULL || EVP_DigestInit_ex(ctx, get_sha256(), NULL) != 1)
		abort();
	return (struct sk_digest *)(void *)ctx;
}

void sk_digest_add(struct sk_digest *d, const void *data, size_t len)
{
	if (len > 0 && EVP_DigestUpdate((EVP_MD_CTX *)(void *)d, data, len) != 1)
		abort();
}

void sk_digest_end(struct sk_digest *d, char out[SK_SHA256_HEX])
{
	EVP_MD_CTX *ctx = (EVP_MD_CTX *)(void *)d;
	uint8_t digest[SK_SHA256_LEN];

	if (out != NULL) {
		if (EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
			abort();
		sk_hex(digest, sizeof(digest), out);
	}
	EVP_MD_CTX_free(ctx);
}

void sk_sha256_hex(const void *data, size_t len, char out[SK_SHA256_HEX])
{
	uint8_t digest[SK_SHA256_LEN];

	sk_sha256(data, len, digest);
	sk_hex(digest, sizeof(digest), out);
}

static bool add_part(EVP_MD_CTX *ctx, const struct sk_part *part)
{
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)((uint64_t)part->len >> (56 - 8 * i));
	return EVP_DigestUpdate(ctx, length, sizeof(length)) == 1 &&
	       (part->len == 0 || EVP_DigestUpdate(ctx, part->data, part->len) == 1);
}

void sk_sha256_parts(const struct sk_part *parts, size_t n, uint8_t out[SK_SHA256_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, get_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < n; i++)
		ok = add_part(ctx, &parts[i]);
	if (!ok || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
}

void sk_hex(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * len] = '\0';
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sk_unhex(const char *hex, uint8_t *out, size_t len)
{
	if (hex == NULL || strnlen(hex, 2 * len + 1) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < 2 * len; i++)
		if (nibble(hex[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((unsigned int)nibble(hex[2 * i]) << 4 | (unsigned int)nibble(hex[2 * i + 1]));
	return 0;
}

int sk_b64_encode(struct sk_buf *out, const void *data, size_t len)
{
	const uint8_t *in = data;
	uint8_t text[65];
	int r = 0;

	if (len / 3 + (len % 3 != 0) > (out->limit - out->len) / 4) { /* all or nothing */
		out->failed = true;
		return -E2BIG;
	}
	while (r == 0 && len > 0) {
		size_t n = len < 48 ? len : 48;
		int m = EVP_EncodeBlock(text, in, (int)n);

		r = m < 0 ? -EINVAL : sk_buf_add(out, text, (size_t)m);
		in += n;
		len -= n;
	}
	return r;
}

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* OpenSSL's decoder passes over blanks, misplaced padding and loose bits; a signed thing must have one spelling only. */
static int decode_group(const char *s, bool last, uint8_t out[3])
{
	size_t pad = !last || s[3] != '=' ? 0 : s[2] != '=' ? 1 : 2;
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i >= 4 - pad ? 0 : b64_value(s[i]);

		if (d < 0)
			return -EINVAL;
		v = v << 6 | (uint32_t)d;
	}
	if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0))
		return -EINVAL;
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return 3 - (int)pad;
}

int sk_b64_decode(struct sk_buf *out, const char *text, size_t len)
{
	size_t before = out->len;

	if (len % 4 != 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		uint8_t group[3];
		int n = decode_group(text + i, i + 4 == len, group);
		int r = n < 0 ? n : sk_buf_add(out, group, (size_t)n);

		if (r < 0) {
			out->len = before;
			if (out->cap > 0)
				out->data[before] = '\0';
			return r;
		}
	}
	return 0;
}

int sk_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int sk_uuid(char out[SK_UUID_LEN])
{
	uint8_t b[16];
	char hex[33];
	size_t o = 0;
	int r = sk_random(b, sizeof(b));

	if (r < 0)
		return r;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	sk_hex(b, sizeof(b), hex);
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			out[o++] = '-';
		out[o++] = hex[i];
	}
	out[o] = '\0';
	return 0;
}

int sk_random_code(char *out, size_t n)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	int r = sk_random(out, n);

	out[n] = '\0';
	if (r < 0) {
		out[0] = '\0';
		return r;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = alphabet[(unsigned char)out[i] & 31];
	return 0;
}

int sk_equal_ct(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
