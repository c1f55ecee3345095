/* The key of one seal is derived from both public halves and the context, so it is used once and its nonce may be derived with it. */
#include "common/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "common/hash.h"

#define TAG   16
#define NONCE 12
#define LABEL "sekimori-seal-1"

/* As with a digest: a key that cannot be made ends the program rather than being a wrong one. */
static void hkdf(const void *key, size_t len, const void *salt, size_t salt_len, const char *info, void *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM p[5];

	p[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0);
	p[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key, len);
	p[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_len);
	p[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, strlen(info));
	p[4] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_KDF_derive(ctx, out, n, p) <= 0)
		abort();
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void sk_derive(const uint8_t secret[32], const char *purpose, uint8_t out[32])
{
	hkdf(secret, 32, LABEL, sizeof LABEL - 1, purpose, out, 32);
}

static EVP_PKEY *secret_key(const uint8_t secret[SK_SEAL_KEY])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, SK_SEAL_KEY);

	if (!k)
		abort();
	return k;
}

void sk_seal_public(const uint8_t secret[SK_SEAL_KEY], uint8_t out[SK_SEAL_KEY])
{
	EVP_PKEY *k = secret_key(secret);
	size_t n = SK_SEAL_KEY;

	if (EVP_PKEY_get_raw_public_key(k, out, &n) <= 0)
		abort();
	EVP_PKEY_free(k);
}

/* A point of small order, with which everybody shares the same secret, is refused by OpenSSL. */
static int shared(const uint8_t secret[SK_SEAL_KEY], const uint8_t other[SK_SEAL_KEY], uint8_t out[SK_SEAL_KEY])
{
	EVP_PKEY *mine = secret_key(secret);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, other, SK_SEAL_KEY);
	EVP_PKEY_CTX *ctx = theirs ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	size_t n = SK_SEAL_KEY;
	int ok = ctx && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, theirs) > 0 &&
	         EVP_PKEY_derive(ctx, out, &n) > 0 && n == SK_SEAL_KEY;

	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	return ok ? 0 : -EINVAL;
}

struct once { /* key and nonce */
	uint8_t key[32], nonce[NONCE];
};

static int once_of(const uint8_t secret[SK_SEAL_KEY], const uint8_t other[SK_SEAL_KEY], const uint8_t own[SK_SEAL_KEY],
                   const uint8_t to[SK_SEAL_KEY], const char *context, struct once *out)
{
	uint8_t both[2 * SK_SEAL_KEY], z[SK_SEAL_KEY];
	int r = shared(secret, other, z);

	memcpy(both, own, SK_SEAL_KEY);
	memcpy(both + SK_SEAL_KEY, to, SK_SEAL_KEY);
	if (r == 0)
		hkdf(z, sizeof z, both, sizeof both, context, out, sizeof *out);
	OPENSSL_cleanse(z, sizeof z);
	return r;
}

static int make_secret(const uint8_t to[SK_SEAL_KEY], const char *context, const uint8_t *seed, const void *plain,
                       size_t len, uint8_t out[SK_SEAL_KEY])
{
	uint8_t about[SK_SHA256_LEN];
	struct sk_part parts[] = {{to, SK_SEAL_KEY}, {context, strlen(context)}, {plain, len}};

	if (!seed)
		return sk_random(out, SK_SEAL_KEY) < 0 ? -EIO : 0;
	sk_sha256_parts(parts, 3, about);
	hkdf(seed, 32, about, sizeof about, LABEL, out, SK_SEAL_KEY);
	OPENSSL_cleanse(about, sizeof about);
	return 0;
}

static void encrypt(const struct once *k, const void *plain, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;

	if (!c || EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, k->key, k->nonce) <= 0 ||
	    EVP_EncryptUpdate(c, out, &n, plain, (int)len) <= 0 || EVP_EncryptFinal_ex(c, out + n, &n) <= 0 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + len) <= 0)
		abort();
	EVP_CIPHER_CTX_free(c);
}

int sk_seal(const uint8_t to[SK_SEAL_KEY], const char *context, const uint8_t *seed, const void *plain, size_t len,
            uint8_t *out)
{
	uint8_t secret[SK_SEAL_KEY], own[SK_SEAL_KEY];
	struct once k;
	int r = len == 0 || len > SK_SEAL_MAX ? -E2BIG : make_secret(to, context, seed, plain, len, secret);

	if (r < 0)
		return r;
	sk_seal_public(secret, own);
	r = once_of(secret, to, own, to, context, &k);
	if (r == 0) {
		memcpy(out, own, SK_SEAL_KEY);
		encrypt(&k, plain, len, out + SK_SEAL_KEY);
	}
	OPENSSL_cleanse(&k, sizeof k);
	OPENSSL_cleanse(secret, sizeof secret);
	return r;
}

int sk_unseal(const uint8_t secret[SK_SEAL_KEY], const char *context, const uint8_t *sealed, size_t len, void *out)
{
	uint8_t to[SK_SEAL_KEY], plain[SK_SEAL_MAX], tag[TAG];
	size_t n = len - SK_SEAL_MORE;
	EVP_CIPHER_CTX *c;
	struct once k;
	int got = 0, ok;

	if (len <= SK_SEAL_MORE || n > sizeof plain)
		return -EBADMSG;
	sk_seal_public(secret, to);
	if (once_of(secret, sealed, sealed, to, context, &k) < 0)
		return -EBADMSG;
	memcpy(tag, sealed + SK_SEAL_KEY + n, TAG);
	c = EVP_CIPHER_CTX_new();
	ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, k.key, k.nonce) > 0 &&
	     EVP_DecryptUpdate(c, plain, &got, sealed + SK_SEAL_KEY, (int)n) > 0 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) > 0 &&
	     EVP_DecryptFinal_ex(c, plain + got, &got) > 0;
	EVP_CIPHER_CTX_free(c);
	if (ok)
		memcpy(out, plain, n);
	OPENSSL_cleanse(plain, sizeof plain);
	OPENSSL_cleanse(&k, sizeof k);
	return ok ? 0 : -EBADMSG;
}

/* Neither a device id nor a ledger number has the mark between them. */
void sk_seal_context_grant(char out[SK_SEAL_CONTEXT], const char *device, const char *ledger)
{
	snprintf(out, SK_SEAL_CONTEXT, "container|%s|%s", device, ledger);
}

void sk_seal_context_made(char out[SK_SEAL_CONTEXT], const char *device, const char *ledger)
{
	snprintf(out, SK_SEAL_CONTEXT, "container-made|%s|%s", device, ledger);
}
