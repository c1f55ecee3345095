/*
 * Bundles: the input once as a whole envelope, which must never be accepted (it is not signed with our key), and once as a payload
 * that we sign, so that the second parser behind the signature is reached too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "common/bundle.h"
#include "common/text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FORMAT "sekimori-bundle-1"

static EVP_PKEY *raw;
static struct sk_verify_key *key;

static void require(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t seed[32] = "the fuzzer's own key, 32 bytes..";
	struct sk_buf pem;
	uint8_t spki[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
	size_t len = 32;

	(void)argc;
	(void)argv;
	raw = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	require(raw != NULL && EVP_PKEY_get_raw_public_key(raw, spki + 12, &len) == 1);
	sk_buf_init(&pem, 1000);
	require(sk_buf_adds(&pem, "-----BEGIN PUBLIC KEY-----\n") == 0 &&
	        sk_b64_encode(&pem, spki, sizeof(spki)) == 0 && sk_buf_adds(&pem, "\n-----END PUBLIC KEY-----\n") == 0);
	require(sk_verify_key_load(pem.data, pem.len, &key, NULL) == 0);
	sk_buf_deinit(&pem);
	return 0;
}

static void sign_payload(const uint8_t *data, size_t size, struct sk_buf *env)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t signature[64];
	size_t len = sizeof(signature);
	struct sk_buf bytes;

	sk_buf_init(&bytes, SK_BUNDLE_MAX);
	require(sk_buf_add(&bytes, FORMAT, sizeof(FORMAT)) == 0 && sk_buf_add(&bytes, data, size) == 0);
	require(EVP_DigestSignInit(ctx, NULL, NULL, NULL, raw) == 1);
	require(EVP_DigestSign(ctx, signature, &len, (const uint8_t *)bytes.data, bytes.len) == 1);
	(void)sk_buf_addf(env, "{\"format\":\"" FORMAT "\",\"key\":\"%s\",\"payload\":\"", sk_verify_key_id(key));
	(void)sk_b64_encode(env, data, size);
	(void)sk_buf_adds(env, "\",\"signature\":\"");
	(void)sk_b64_encode(env, signature, len);
	(void)sk_buf_adds(env, "\"}");
	EVP_MD_CTX_free(ctx);
	sk_buf_deinit(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_bundle b;
	struct sk_buf env;

	if (size > 65536)
		return 0;
	require(sk_bundle_open(key, (const char *)data, size, &b, &err) < 0);
	sk_buf_init(&env, SK_BUNDLE_MAX);
	sign_payload(data, size, &env);
	if (sk_buf_error(&env) == 0 && sk_bundle_open(key, env.data, env.len, &b, &err) == 0) {
		require(strcmp(b.kind, "policy") == 0 || strcmp(b.kind, "grants") == 0);
		require(sk_text_is_id(b.device) && b.version >= 1 && json_is_object(b.body));
		require(b.expires == 0 || b.expires > b.issued);
		sk_bundle_clear(&b);
	}
	sk_buf_deinit(&env);
	return 0;
}
