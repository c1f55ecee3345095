/* Digits, and one MAC. */
#include "common/phone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/i18n.h"

#define LABEL   "sekimori-phone-1"
#define MODULUS 1000000000000ULL
#define HOUR    3600u

const struct sk_phone_profile sk_phone_profiles[] = {
    {1, SK_PHONE_MEDIUM, "ro", 1 * HOUR, N_("read only, 1 hour")},
    {2, SK_PHONE_MEDIUM, "ro", 4 * HOUR, N_("read only, 4 hours")},
    {3, SK_PHONE_MEDIUM, "ro", 8 * HOUR, N_("read only, 8 hours")},
    {11, SK_PHONE_MEDIUM, "rw", 1 * HOUR, N_("read and write, 1 hour")},
    {12, SK_PHONE_MEDIUM, "rw", 4 * HOUR, N_("read and write, 4 hours")},
    {13, SK_PHONE_MEDIUM, "rw", 8 * HOUR, N_("read and write, 8 hours")},
    {31, SK_PHONE_ISOLATION, "", 60, N_("end the cut-off from the network")},
    {0, 0, NULL, 0, NULL},
};

const struct sk_phone_profile *sk_phone_profile(unsigned code)
{
	const struct sk_phone_profile *p = sk_phone_profiles;

	while (p->code && p->code != code)
		p++;
	return p->code ? p : NULL;
}

/* --- digits --- */

static const unsigned char damm[10][10] = {
    {0, 3, 1, 7, 5, 9, 8, 6, 4, 2}, {7, 0, 9, 2, 1, 5, 4, 8, 6, 3}, {4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
    {1, 7, 5, 0, 9, 8, 3, 4, 2, 6}, {6, 1, 2, 3, 0, 4, 5, 9, 7, 8}, {3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
    {5, 8, 6, 9, 7, 2, 0, 1, 3, 4}, {8, 9, 4, 5, 3, 6, 2, 0, 1, 7}, {9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
    {2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
};

/* 0 over digits that end in their own check digit. */
static unsigned check(const char *digits, size_t n)
{
	unsigned c = 0;

	for (size_t i = 0; i < n; i++)
		c = damm[c][digits[i] - '0'];
	return c;
}

/* The digit at *s (moved on), ' ' for what may stand between digits, or 0. */
static char take(const char **s)
{
	static const char *const between[] = {
	    " ", "-", "\t", "\xe3\x80\x80" /* U+3000 */, "\xe2\x88\x92", "\xef\xbc\x8d", NULL};
	const unsigned char *u = (const unsigned char *)*s;

	if (u[0] >= '0' && u[0] <= '9') {
		(*s)++;
		return (char)u[0];
	}
	if (u[0] == 0xef && u[1] == 0xbc && u[2] >= 0x90 && u[2] <= 0x99) { /* full-width */
		*s += 3;
		return (char)('0' + (u[2] - 0x90));
	}
	for (const char *const *b = between; *b; b++)
		if (!strncmp(*s, *b, strlen(*b))) {
			*s += strlen(*b);
			return ' ';
		}
	return 0;
}

/* Exactly n digits that end in their check digit. */
static int digits_read(const char *text, char *out, size_t n)
{
	size_t have = 0, seen = 0;
	char c;

	while (*text) {
		c = take(&text);
		if (!c || ++seen > 256)
			return -EINVAL;
		if (c == ' ')
			continue;
		if (have < n)
			out[have] = c;
		have++;
	}
	return have != n || check(out, n) != 0 ? SK_PHONE_TYPO : 0;
}

static uint64_t number(const char *digits, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v * 10 + (unsigned)(digits[i] - '0');
	return v;
}

int sk_phone_challenge_read(const char *text, struct sk_phone_challenge *out)
{
	char d[SK_PHONE_CHALLENGE_DIGITS];
	uint64_t nonce, media;
	int r = digits_read(text, d, sizeof d);

	if (r != 0)
		return r;
	nonce = number(d + 8, 10);
	media = number(d + 18, 13);
	if (nonce > UINT32_MAX || media >> 40)
		return SK_PHONE_TYPO;
	*out = (struct sk_phone_challenge){.device = (unsigned)number(d, 4),
	                                   .epoch = (unsigned)number(d + 4, 2),
	                                   .counter = (unsigned)number(d + 6, 2),
	                                   .nonce = (uint32_t)nonce,
	                                   .media = media};
	return 0;
}

int sk_phone_answer_read(const char *text, unsigned *profile, uint64_t *code)
{
	char d[SK_PHONE_ANSWER_DIGITS];
	int r = digits_read(text, d, sizeof d);

	if (r != 0)
		return r;
	if (!sk_phone_profile((unsigned)number(d, 2)))
		return -EINVAL;
	*profile = (unsigned)number(d, 2);
	*code = number(d + 2, 12);
	return 0;
}

void sk_phone_challenge_write(const struct sk_phone_challenge *c, char out[SK_PHONE_TEXT])
{
	char d[64];
	size_t n = 0;

	snprintf(d, sizeof d, "%04u%02u%02u%010lu%013llu", c->device % 10000, c->epoch % 100, c->counter % 100,
	         (unsigned long)c->nonce, (unsigned long long)(c->media & 0xffffffffffULL));
	d[31] = (char)('0' + check(d, 31));
	for (size_t i = 0; i < SK_PHONE_CHALLENGE_DIGITS; i++) {
		if (i && i % 4 == 0)
			out[n++] = ' ';
		out[n++] = d[i];
	}
	out[n] = '\0';
}

void sk_phone_answer_write(unsigned profile, uint64_t code, char out[SK_PHONE_TEXT])
{
	char d[40];

	snprintf(d, sizeof d, "%02u%012llu", profile % 100, (unsigned long long)(code % MODULUS));
	snprintf(out, SK_PHONE_TEXT, "%.2s %.4s %.4s %.4s %c", d, d + 2, d + 6, d + 10, (char)('0' + check(d, 14)));
}

/* --- names in digits --- */

unsigned sk_phone_short(const char *device)
{
	uint8_t h[SK_SHA256_LEN];

	sk_sha256(device, strlen(device), h);
	return ((unsigned)h[0] << 24 | (unsigned)h[1] << 16 | (unsigned)h[2] << 8 | h[3]) % 10000;
}

int sk_phone_media(const char *device_key, uint64_t *out)
{
	char head[11];
	uint8_t b[5];

	if (strlen(device_key) != 2 * SK_SHA256_LEN)
		return -EINVAL;
	memcpy(head, device_key, 10);
	head[10] = '\0';
	if (sk_unhex(head, b, sizeof b) < 0)
		return -EINVAL;
	*out = (uint64_t)b[0] << 32 | (uint64_t)b[1] << 24 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 8 | b[4];
	return 0;
}

/* --- the MAC --- */

static void big_endian(uint64_t v, uint8_t *out, size_t n)
{
	while (n--) {
		out[n] = (uint8_t)v;
		v >>= 8;
	}
}

struct message {
	uint8_t data[1024];
	size_t len;
};

static void add(struct message *m, const void *part, size_t len)
{
	if (len > sizeof m->data || m->len + 8 + len > sizeof m->data) /* names are bounded long before */
		abort();
	big_endian(len, m->data + m->len, 8);
	memcpy(m->data + m->len + 8, part, len);
	m->len += 8 + len;
}

static void add_number(struct message *m, uint64_t v, size_t n)
{
	uint8_t b[8];

	big_endian(v, b, n);
	add(m, b, n);
}

/* As with a digest: a key that cannot be made ends the program rather than being a wrong one. */
void sk_phone_key(const uint8_t master[SK_PHONE_KEY], const char *device, int64_t epoch, uint8_t out[SK_PHONE_KEY])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	struct message info = {.len = 0};
	OSSL_PARAM p[5];

	add(&info, device, strlen(device));
	add_number(&info, (uint64_t)epoch, 8);
	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
	p[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master, SK_PHONE_KEY);
	p[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)LABEL, sizeof LABEL - 1);
	p[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data, info.len);
	p[4] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_KDF_derive(ctx, out, SK_PHONE_KEY, p) <= 0)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

uint64_t sk_phone_code(const uint8_t key[SK_PHONE_KEY], const struct sk_phone_permit *p)
{
	uint8_t mac[SK_SHA256_LEN];
	struct message m = {.len = 0};
	unsigned len = sizeof mac;
	uint64_t v = 0;

	add(&m, "v1", 2);
	add_number(&m, (uint64_t)p->purpose, 1);
	add(&m, p->device, strlen(p->device));
	add_number(&m, p->nonce, 4);
	add_number(&m, (uint64_t)p->epoch, 8);
	add_number(&m, (uint64_t)p->counter, 8);
	add_number(&m, p->media, 5);
	add(&m, p->person, strlen(p->person));
	add_number(&m, p->profile, 1);
	add_number(&m, p->seconds, 4);
	if (!HMAC(EVP_sha256(), key, SK_PHONE_KEY, m.data, m.len, mac, &len))
		abort();
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | mac[i];
	return v % MODULUS;
}

int sk_phone_code_equal(uint64_t a, uint64_t b)
{
	return sk_equal_ct(&a, &b, sizeof a);
}
