/* Signed bundles: what is signed opens, and nothing else does. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "common/bundle.h"
#include "common/json.h"
#include "common/pem.h"

static const char device[] = "01234567-89ab-4cde-8f01-23456789abcd";
static struct sk_sign_key *sk;
static struct sk_verify_key *vk;
static struct sk_err err;

static struct sk_verify_key *public_of(const struct sk_sign_key *k)
{
	struct sk_verify_key *v = NULL;
	struct sk_buf pem;

	sk_buf_init(&pem, 1000);
	cr_assert_eq(sk_sign_key_public_pem(k, &pem), 0);
	cr_assert_eq(sk_verify_key_load(pem.data, pem.len, &v, &err), 0, "%s", err.text);
	sk_buf_deinit(&pem);
	return v;
}

static void setup(void)
{
	cr_assert_eq(sk_sign_key_generate(&sk), 0);
	vk = public_of(sk);
}

static void teardown(void)
{
	cr_expect_null(sk_sign_key_free(sk));
	cr_expect_null(sk_verify_key_free(vk));
}

TestSuite(bundle, .init = setup, .fini = teardown);

static char *make(void)
{
	json_t *body = json_pack("{s:s,s:[i,i]}", "name", "関守", "list", 1, 2);
	char *text = sk_bundle_sign(sk, "policy", device, 7, 1775032200123, 1775118600000, body);

	json_decref(body);
	cr_assert_not_null(text);
	return text;
}

static int open_text(const char *text, size_t len)
{
	struct sk_bundle b = {.version = 99};
	int r;

	err.text[0] = '\0';
	r = sk_bundle_open(vk, text, len, &b, &err);
	if (r == 0) {
		sk_bundle_clear(&b);
	} else {
		cr_expect_eq(b.version, 99, "untouched on failure");
		cr_expect_neq(err.text[0], '\0');
	}
	return r;
}

/* An envelope over any payload, well signed: what a server gone wrong could send. */
static char *sign_raw(const char *payload)
{
	char signed_text[4096], sig[128];
	struct sk_buf pem, b64, s64;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = sizeof(sig), n = sizeof("sekimori-bundle-1");
	EVP_PKEY *key;
	char *out = NULL;

	sk_buf_init(&pem, 1000);
	sk_buf_init(&b64, 8192);
	sk_buf_init(&s64, 200);
	cr_assert_eq(sk_sign_key_pem(sk, &pem), 0);
	key = sk_pem_read_key(pem.data, pem.len);
	memcpy(signed_text, "sekimori-bundle-1", n);
	memcpy(signed_text + n, payload, strlen(payload));
	cr_assert_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	cr_assert_eq(EVP_DigestSign(ctx, (unsigned char *)sig, &len, (unsigned char *)signed_text, n + strlen(payload)),
	             1);
	sk_b64_encode(&b64, payload, strlen(payload));
	sk_b64_encode(&s64, sig, len);
	cr_assert_geq(
	    asprintf(&out, "{\"format\":\"sekimori-bundle-1\",\"key\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}",
	             sk_verify_key_id(vk), b64.data, s64.data),
	    0);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	sk_buf_deinit(&pem);
	sk_buf_deinit(&b64);
	sk_buf_deinit(&s64);
	return out;
}

static int open_payload(const char *payload)
{
	char *text = sign_raw(payload);
	int r = open_text(text, strlen(text));

	free(text);
	return r;
}

Test(bundle, opens_what_was_signed)
{
	char *text = make();
	struct sk_bundle b;

	cr_assert_eq(sk_bundle_open(vk, text, strlen(text), &b, &err), 0, "%s", err.text);
	cr_expect_str_eq(b.kind, "policy");
	cr_expect_str_eq(b.device, device);
	cr_expect_eq(b.version, 7);
	cr_expect_eq(b.issued, 1775032200123);
	cr_expect_eq(b.expires, 1775118600000);
	cr_expect_eq(strlen(b.payload_sha256), 64);
	cr_expect_str_eq(json_string_value(json_object_get(b.body, "name")), "関守");
	sk_bundle_clear(&b);
	cr_expect_null(b.body);
	sk_bundle_clear(&b);
	free(text);
}

Test(bundle, without_an_end)
{
	json_t *body = json_object();
	char *text = sk_bundle_sign(sk, "grants", device, 1, 1775032200123, 0, body);
	struct sk_bundle b;

	cr_assert_not_null(text);
	cr_assert_eq(sk_bundle_open(vk, text, strlen(text), &b, &err), 0, "%s", err.text);
	cr_expect_eq(b.expires, 0);
	sk_bundle_clear(&b);
	free(text);
	json_decref(body);
}

Test(bundle, does_not_sign_nonsense)
{
	json_t *body = json_object(), *list = json_array(), *big = json_object();
	char *huge = malloc(SK_BUNDLE_MAX);

	cr_expect_null(sk_bundle_sign(sk, "order", device, 1, 1, 0, body));
	cr_expect_null(sk_bundle_sign(sk, "policy", "local", 1, 1, 0, body));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, 0, 1, 0, body));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, -1, 1, 0, body));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, 1, 5, 5, body));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, 1, 1, 0, list));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, 1, 1, 0, NULL));
	cr_assert_not_null(huge);
	memset(huge, 'x', SK_BUNDLE_MAX - 1);
	huge[SK_BUNDLE_MAX - 1] = '\0';
	json_object_set_new(big, "x", json_string(huge));
	cr_expect_null(sk_bundle_sign(sk, "policy", device, 1, 1, 0, big));
	free(huge);
	json_decref(big);
	json_decref(list);
	json_decref(body);
}

Test(bundle, another_key)
{
	struct sk_sign_key *other = NULL;
	struct sk_verify_key *other_public;
	struct sk_bundle b;
	char *text = make();
	char *claim, *id;

	cr_assert_eq(sk_sign_key_generate(&other), 0);
	other_public = public_of(other);
	cr_expect_str_neq(sk_verify_key_id(vk), sk_verify_key_id(other_public));
	cr_expect_eq(sk_bundle_open(other_public, text, strlen(text), &b, &err), -ENOKEY);
	claim = strdup(text); /* claims to be of the other key, which did not sign it */
	id = strstr(claim, sk_verify_key_id(vk));
	memcpy(id, sk_verify_key_id(other_public), 64);
	cr_expect_eq(sk_bundle_open(other_public, claim, strlen(claim), &b, &err), -EBADMSG);
	free(claim);
	free(text);
	sk_sign_key_free(other);
	sk_verify_key_free(other_public);
}

/* Each byte changed in turn: never accepted, never a crash. */
Test(bundle, every_changed_byte, .timeout = 60)
{
	char *text = make();
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = (char)(was ^ 1);
		cr_expect_lt(open_text(text, len), 0, "byte %zu", i);
		text[i] = was;
	}
	for (size_t i = 0; i < len; i++)
		cr_expect_lt(open_text(text, i), 0, "cut at %zu", i);
	cr_expect_eq(open_text(text, len), 0);
	free(text);
}

Test(bundle, payload_changed_or_signature_wrong)
{
	char *text = make(), *sig = strstr(text, "\"signature\":\"") + 13, *pay = strstr(text, "\"payload\":\"") + 11;

	sig[0] = sig[0] == 'A' ? 'B' : 'A';
	cr_expect_eq(open_text(text, strlen(text)), -EBADMSG);
	free(text);
	text = make();
	pay = strstr(text, "\"payload\":\"") + 11;
	pay[8] = pay[8] == 'A' ? 'B' : 'A';
	cr_expect_eq(open_text(text, strlen(text)), -EBADMSG);
	free(text);
}

static int open_edited(const char *from, const char *to)
{
	char *text = make(), *at = strstr(text, from), *out = NULL;
	int r;

	cr_assert_not_null(at);
	*at = '\0';
	cr_assert_geq(asprintf(&out, "%s%s%s", text, to, at + strlen(from)), 0);
	r = open_text(out, strlen(out));
	free(text);
	free(out);
	return r;
}

Test(bundle, envelope_is_strict)
{
	cr_expect_eq(open_edited("bundle-1", "bundle-2"), -EINVAL);
	cr_expect_eq(open_edited("\"format\":\"sekimori-bundle-1\",", ""), -EINVAL);
	cr_expect_eq(open_edited("{\"format\"", "{\"extra\":1,\"format\""), -EINVAL);
	cr_expect_eq(open_edited("{\"format\"", "{\"key\":\"x\",\"format\""), -EINVAL);
	cr_expect_eq(open_edited("\"payload\":\"", "\"payload\":\" "), -EINVAL);
	cr_expect_eq(open_edited("\"signature\":\"", "\"signature\":\"AAAA"), -EINVAL);
	cr_expect_eq(open_text("", 0), -EINVAL);
	cr_expect_eq(open_text("[]", 2), -EINVAL);
	cr_expect_eq(open_text("{}", 2), -EINVAL);
	char *big = calloc(1, SK_BUNDLE_MAX + 1);

	cr_assert_not_null(big);
	cr_expect_eq(open_text(big, SK_BUNDLE_MAX + 1), -E2BIG);
	free(big);
}

#define D "\"device\":\"01234567-89ab-4cde-8f01-23456789abcd\""
#define T "\"issued\":\"2026-04-01T08:30:00.000Z\",\"expires\":null,\"body\":{}"

Test(bundle, payload_is_strict_although_signed)
{
	cr_expect_eq(open_payload("{\"kind\":\"policy\"," D ",\"version\":1," T "}"), 0, "%s", err.text);
	static const char *const bad[] = {
	    "{\"kind\":\"order\"," D ",\"version\":1," T "}",
	    "{\"kind\":\"policygrantspolicygrants\"," D ",\"version\":1," T "}",
	    "{" D ",\"version\":1," T "}",
	    "{\"kind\":\"policy\",\"device\":\"x\",\"version\":1," T "}",
	    "{\"kind\":\"policy\",\"version\":1," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":0," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":-1," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":1.5," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":\"1\"," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":9007199254740992," T "}",
	    "{\"kind\":\"policy\"," D "," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"version\":2," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"extra\":1," T "}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"issued\":\"2026-04-01\",\"expires\":null,\"body\":{}}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"issued\":\"2026-04-01T08:30:00Z\",\"body\":{}}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"issued\":\"2026-04-01T08:30:00Z\",\"expires\":0,\"body\":{}}",
	    "{\"kind\":\"policy\"," D
	    ",\"version\":1,\"issued\":\"2026-04-01T08:30:00Z\",\"expires\":\"2026-04-01T08:30:00Z\",\"body\":{}}",
	    "{\"kind\":\"policy\"," D
	    ",\"version\":1,\"issued\":\"2026-04-01T08:30:00Z\",\"expires\":null,\"body\":[]}",
	    "{\"kind\":\"policy\"," D ",\"version\":1,\"issued\":\"2026-04-01T08:30:00Z\",\"expires\":null}",
	    "[]",
	    "x",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(open_payload(bad[i]), -EINVAL, "%s", bad[i]);
}

Test(bundle, sign_key_round_trip)
{
	struct sk_sign_key *again = NULL;
	struct sk_verify_key *v;
	struct sk_buf pem;

	sk_buf_init(&pem, 1000);
	cr_assert_eq(sk_sign_key_pem(sk, &pem), 0);
	cr_assert_eq(sk_sign_key_load(pem.data, pem.len, &again, &err), 0, "%s", err.text);
	v = public_of(again);
	cr_expect_str_eq(sk_verify_key_id(v), sk_verify_key_id(vk));
	sk_verify_key_free(v);
	sk_sign_key_free(again);
	again = NULL;
	cr_expect_eq(sk_sign_key_load(pem.data, pem.len / 2, &again, &err), -EINVAL);
	cr_expect_eq(sk_sign_key_load("", 0, &again, &err), -EINVAL);
	cr_expect_eq(sk_sign_key_load(NULL, 0, &again, &err), -EINVAL);
	cr_expect_null(again);
	sk_buf_deinit(&pem);
}

Test(bundle, only_ed25519)
{
	static const char x25519[] =
	    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VuAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC "
	    "KEY-----\n";
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	struct sk_sign_key *s = NULL;
	struct sk_verify_key *v = NULL;
	struct sk_buf pem;

	sk_buf_init(&pem, 4000);
	cr_assert_eq(sk_pem_write_key(&pem, ec), 0);
	cr_expect_eq(sk_sign_key_load(pem.data, pem.len, &s, &err), -EINVAL);
	sk_buf_reset(&pem);
	cr_assert_eq(sk_pem_write_public(&pem, ec), 0);
	cr_expect_eq(sk_verify_key_load(pem.data, pem.len, &v, &err), -EINVAL);
	cr_expect_eq(sk_verify_key_load(x25519, sizeof(x25519) - 1, &v, &err), -EINVAL);
	sk_buf_reset(&pem);
	cr_assert_eq(sk_sign_key_public_pem(sk, &pem), 0);
	for (size_t i = 0; i + 1 < pem.len; i++)
		cr_expect_eq(sk_verify_key_load(pem.data, i, &v, &err), -EINVAL, "cut at %zu", i);
	sk_buf_adds(&pem, "tail");
	cr_expect_eq(sk_verify_key_load(pem.data, pem.len, &v, &err), -EINVAL);
	cr_expect_eq(sk_verify_key_load(NULL, 0, &v, &err), -EINVAL);
	cr_expect_null(v);
	sk_buf_deinit(&pem);
	EVP_PKEY_free(ec);
}
