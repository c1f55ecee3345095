#include "server/totp.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/hash.h"

#define STEP_MS 30000

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

int sk_totp_secret(char out[SK_TOTP_TEXT])
{
	uint8_t raw[SK_TOTP_SECRET];
	int e = sk_random(raw, sizeof(raw));

	for (size_t i = 0; e == 0 && i < SK_TOTP_TEXT - 1; i++) {
		size_t bit = 5 * i, byte = bit / 8;
		unsigned two = (unsigned)raw[byte] << 8 | (byte + 1 < sizeof(raw) ? raw[byte + 1] : 0);

		out[i] = base32[two >> (11 - bit % 8) & 31];
	}
	out[e == 0 ? SK_TOTP_TEXT - 1 : 0] = '\0';
	explicit_bzero(raw, sizeof(raw));
	return e;
}

static int decode(const char *secret, uint8_t raw[SK_TOTP_SECRET])
{
	unsigned bits = 0, have = 0;
	size_t o = 0;

	if (strlen(secret) != SK_TOTP_TEXT - 1)
		return -EINVAL;
	for (; *secret != '\0'; secret++) {
		const char *at = strchr(base32, *secret);

		if (at == NULL)
			return -EINVAL;
		bits = (bits << 5 | (unsigned)(at - base32)) & 0xffff;
		have += 5;
		if (have >= 8) {
			have -= 8;
			raw[o++] = (uint8_t)(bits >> have);
		}
	}
	return 0;
}

int sk_totp_code(const char *secret, int64_t step, uint32_t *out)
{
	uint8_t raw[SK_TOTP_SECRET], counter[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0, at;
	int e = decode(secret, raw);

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	if (e == 0 && (HMAC(EVP_sha1(), raw, sizeof(raw), counter, sizeof(counter), mac, &len) == NULL || len != 20))
		e = -EIO;
	explicit_bzero(raw, sizeof(raw));
	if (e < 0)
		return e;
	at = mac[19] & 15;
	*out =
	    (((uint32_t)mac[at] & 127) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3]) %
	    1000000;
	return 0;
}

/* Six digits, blanks between them allowed as people type them. */
static bool read_code(const char *text, char digits[7])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ' ')
			continue;
		if (*text < '0' || *text > '9' || n == 6)
			return false;
		digits[n++] = *text;
	}
	digits[n] = '\0';
	return n == 6;
}

int64_t sk_totp_check(const char *secret, const char *code, sk_ms now, int64_t used)
{
	int64_t right = -EACCES;
	char digits[7], expected[16];

	if (!read_code(code, digits))
		return -EACCES;
	for (int64_t step = now / STEP_MS - 1; step <= now / STEP_MS + 1; step++) { /* all three: time tells nothing */
		uint32_t n;
		int e = sk_totp_code(secret, step, &n);

		if (e < 0)
			return e;
		snprintf(expected, sizeof(expected), "%06u", n);
		if (sk_equal_ct(expected, digits, 6) && step > used)
			right = step;
	}
	return right;
}

static void encode(const char *s, char *out, size_t size, size_t *o)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		             c == '.' || c == '_';

		*o += (size_t)snprintf(*o < size ? out + *o : NULL, *o < size ? size - *o : 0, plain ? "%c" : "%%%02X",
		                       c);
	}
}

int sk_totp_uri(const char *secret, const char *issuer, const char *user, char *out, size_t size)
{
	size_t o = (size_t)snprintf(out, size, "otpauth://totp/");

	encode(issuer, out, size, &o);
	o += (size_t)snprintf(o < size ? out + o : NULL, o < size ? size - o : 0, "%%3A");
	encode(user, out, size, &o);
	o += (size_t)snprintf(o < size ? out + o : NULL, o < size ? size - o : 0, "?secret=%s&issuer=", secret);
	encode(issuer, out, size, &o);
	return o < size ? 0 : -E2BIG;
}
