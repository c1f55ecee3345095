/*
 * Signed bundles. The envelope is taken apart with the strict JSON reader, the signature is checked over the payload's exact
 * bytes, and only then is the payload itself parsed: unsigned text never reaches the second parser. The public key is
 * read by hand (an Ed25519 key is twelve fixed bytes and the key), because OpenSSL's decoders would stay in the watch's memory.
 */
#include "common/bundle.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/pem.h"
#include "common/text.h"

#define FORMAT      "sekimori-bundle-1"
#define SIGNATURE   64
#define SPKI        44
#define VERSION_MAX 9007199254740991LL /* what every JSON reader keeps exactly */

struct sk_sign_key {
	EVP_PKEY *pkey;
	char id[SK_SHA256_HEX];
};

struct sk_verify_key {
	EVP_PKEY *pkey;
	char id[SK_SHA256_HEX];
};

static const uint8_t spki_head[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static bool id_of(const EVP_PKEY *pkey, char id[SK_SHA256_HEX])
{
	uint8_t spki[SPKI];
	size_t len = SPKI - sizeof(spki_head);

	memcpy(spki, spki_head, sizeof(spki_head));
	if (EVP_PKEY_get_raw_public_key(pkey, spki + sizeof(spki_head), &len) != 1 || len != SPKI - sizeof(spki_head))
		return false;
	sk_sha256_hex(spki, sizeof(spki), id);
	return true;
}

/* Takes pkey over, also on failure. */
static int wrap_sign_key(EVP_PKEY *pkey, struct sk_sign_key **out)
{
	struct sk_sign_key *k = calloc(1, sizeof(*k));

	if (k == NULL || !id_of(pkey, k->id)) {
		EVP_PKEY_free(pkey);
		free(k);
		ERR_clear_error();
		return -ENOMEM;
	}
	k->pkey = pkey;
	*out = k;
	return 0;
}

int sk_sign_key_generate(struct sk_sign_key **out)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	return pkey == NULL ? -EIO : wrap_sign_key(pkey, out);
}

int sk_sign_key_load(const char *pem, size_t len, struct sk_sign_key **out, struct sk_err *err)
{
	EVP_PKEY *pkey = sk_pem_read_key(pem, len);

	if (pkey == NULL || !EVP_PKEY_is_a(pkey, "ED25519")) {
		EVP_PKEY_free(pkey);
		return sk_err_set(err, -EINVAL, "signing key: not an unencrypted Ed25519 private key in PEM");
	}
	return wrap_sign_key(pkey, out) < 0 ? sk_err_set(err, -ENOMEM, "signing key: no memory") : 0;
}

int sk_sign_key_pem(const struct sk_sign_key *k, struct sk_buf *out)
{
	return sk_pem_write_key(out, k->pkey);
}

int sk_sign_key_public_pem(const struct sk_sign_key *k, struct sk_buf *out)
{
	return sk_pem_write_public(out, k->pkey);
}

struct sk_sign_key *sk_sign_key_free(struct sk_sign_key *k)
{
	if (k != NULL) {
		EVP_PKEY_free(k->pkey);
		free(k);
	}
	return NULL;
}

/* One PEM block of exactly an Ed25519 public key; blanks after it are all that may follow. */
static bool read_public(const char *pem, size_t len, uint8_t spki[SPKI])
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n", end[] = "\n-----END PUBLIC KEY-----";
	const size_t head = sizeof(begin) - 1, body = (SPKI + 2) / 3 * 4, tail = sizeof(end) - 1;
	struct sk_buf raw;
	bool good;

	if (pem == NULL || len < head + body + tail || memcmp(pem, begin, head) != 0 ||
	    memcmp(pem + head + body, end, tail) != 0)
		return false;
	for (size_t i = head + body + tail; i < len; i++)
		if (pem[i] != '\n' && pem[i] != ' ' && pem[i] != '\r')
			return false;
	sk_buf_init(&raw, SPKI);
	good = sk_b64_decode(&raw, pem + head, body) == 0 && raw.len == SPKI &&
	       memcmp(raw.data, spki_head, sizeof(spki_head)) == 0;
	if (good)
		memcpy(spki, raw.data, SPKI);
	sk_buf_deinit(&raw);
	return good;
}

int sk_verify_key_load(const char *pem, size_t len, struct sk_verify_key **out, struct sk_err *err)
{
	struct sk_verify_key *k;
	uint8_t spki[SPKI];

	if (!read_public(pem, len, spki))
		return sk_err_set(err, -EINVAL, "verification key: not an Ed25519 public key in PEM");
	k = calloc(1, sizeof(*k));
	if (k != NULL)
		k->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, spki + sizeof(spki_head),
		                                         SPKI - sizeof(spki_head));
	if (k == NULL || k->pkey == NULL) {
		free(k);
		ERR_clear_error();
		return sk_err_set(err, -ENOMEM, "verification key: cannot be used");
	}
	sk_sha256_hex(spki, sizeof(spki), k->id);
	*out = k;
	return 0;
}

const char *sk_verify_key_id(const struct sk_verify_key *k)
{
	return k->id;
}

struct sk_verify_key *sk_verify_key_free(struct sk_verify_key *k)
{
	if (k != NULL) {
		EVP_PKEY_free(k->pkey);
		free(k);
	}
	return NULL;
}

/* What is signed: the format's name, a NUL, the payload. */
static int signed_bytes(struct sk_buf *out, const char *payload, size_t len)
{
	int r = sk_buf_add(out, FORMAT, sizeof(FORMAT));

	return r < 0 ? r : sk_buf_add(out, payload, len);
}

static bool sign(const struct sk_sign_key *k, const struct sk_buf *bytes, uint8_t signature[SIGNATURE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGNATURE;
	bool good = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	            EVP_DigestSign(ctx, signature, &len, (const uint8_t *)bytes->data, bytes->len) == 1 &&
	            len == SIGNATURE;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static bool verify(const struct sk_verify_key *k, const struct sk_buf *bytes, const struct sk_buf *signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, k->pkey, NULL) == 1 &&
	            EVP_DigestVerify(ctx, (const uint8_t *)signature->data, signature->len,
	                             (const uint8_t *)bytes->data, bytes->len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static bool is_kind(const char *kind)
{
	return strcmp(kind, "policy") == 0 || strcmp(kind, "grants") == 0;
}

static bool is_statement(const char *kind)
{
	return strcmp(kind, "checkpoint") == 0 || strcmp(kind, "export") == 0;
}

static char *make_payload(const char *kind, const char *device, int64_t version, sk_ms issued, sk_ms expires,
                          const json_t *body)
{
	char from[SK_RFC3339_LEN], until[SK_RFC3339_LEN] = "", *text;
	json_t *payload;

	if ((!is_kind(kind) && !is_statement(kind)) || !sk_text_is_id(device) || version < 1 || version > VERSION_MAX ||
	    !json_is_object(body) || (expires != 0 && expires <= issued))
		return NULL;
	sk_clock_format_utc(issued, from);
	if (expires != 0)
		sk_clock_format_utc(expires, until);
	/* jansson counts references also through const; the body goes back as it came. */
	payload =
	    json_pack("{s:s,s:s,s:I,s:s,s:s?,s:O}", "kind", kind, "device", device, "version", (json_int_t)version,
	              "issued", from, "expires", expires != 0 ? until : NULL, "body", (json_t *)body);
	text = sk_json_text(payload);
	json_decref(payload);
	return text;
}

static char *make_envelope(const struct sk_sign_key *k, const char *payload, size_t len)
{
	uint8_t signature[SIGNATURE];
	struct sk_buf bytes, env;
	char *text = NULL;
	bool good;

	sk_buf_init(&bytes, SK_BUNDLE_MAX);
	sk_buf_init(&env, SK_BUNDLE_MAX);
	good = signed_bytes(&bytes, payload, len) == 0 && sign(k, &bytes, signature);
	if (good) {
		(void)sk_buf_addf(&env, "{\"format\":\"" FORMAT "\",\"key\":\"%s\",\"payload\":\"", k->id);
		(void)sk_b64_encode(&env, payload, len);
		(void)sk_buf_adds(&env, "\",\"signature\":\"");
		(void)sk_b64_encode(&env, signature, sizeof(signature));
		(void)sk_buf_adds(&env, "\"}");
		text = sk_buf_steal(&env); /* NULL when one of them failed */
	}
	sk_buf_deinit(&bytes);
	sk_buf_deinit(&env);
	return text;
}

char *sk_bundle_sign(const struct sk_sign_key *k, const char *kind, const char *device, int64_t version, sk_ms issued,
                     sk_ms expires, const json_t *body)
{
	char *payload = make_payload(kind, device, version, issued, expires, body), *text;

	if (payload == NULL)
		return NULL;
	text = make_envelope(k, payload, strlen(payload));
	free(payload);
	return text;
}

/* Exactly these fields: with the required ones found one by one, the count says that there are no others. */
static int only_fields(const json_t *obj, size_t n, const char *what, struct sk_err *err)
{
	if (json_object_size(obj) != n)
		return sk_err_set(err, -EINVAL, "bundle %s: fields missing or unknown", what);
	return 0;
}

static int decode_field(const json_t *env, const char *name, struct sk_buf *out, struct sk_err *err)
{
	const char *text = NULL;
	int r = sk_json_str(env, name, 1, SK_BUNDLE_MAX, &text, err);

	if (r == 0 && sk_b64_decode(out, text, strlen(text)) < 0)
		r = sk_err_set(err, -EINVAL, "field %s: not base64", name);
	return r;
}

/* The verified bytes of the payload into out. */
static int open_envelope(const struct sk_verify_key *k, const json_t *env, struct sk_buf *payload, struct sk_err *err)
{
	struct sk_buf signature, bytes;
	const char *format = NULL, *key = NULL;
	int r;

	sk_buf_init(&signature, SIGNATURE);
	sk_buf_init(&bytes, SK_BUNDLE_MAX);
	r = sk_json_str(env, "format", 1, 64, &format, err);
	if (r == 0 && strcmp(format, FORMAT) != 0)
		r = sk_err_set(err, -EINVAL, "field format: not " FORMAT);
	if (r == 0)
		r = sk_json_str(env, "key", SK_SHA256_HEX - 1, SK_SHA256_HEX - 1, &key, err);
	if (r == 0)
		r = decode_field(env, "payload", payload, err);
	if (r == 0)
		r = decode_field(env, "signature", &signature, err);
	if (r == 0)
		r = only_fields(env, 4, "envelope", err);
	if (r == 0 && strcmp(key, k->id) != 0)
		r = sk_err_set(err, -ENOKEY, "bundle signed by another key (%.16s..., here %.16s...)", key, k->id);
	if (r == 0)
		r = signed_bytes(&bytes, payload->data, payload->len);
	if (r == 0 && (signature.len != SIGNATURE || !verify(k, &bytes, &signature)))
		r = sk_err_set(err, -EBADMSG, "bundle signature is wrong");
	sk_buf_deinit(&signature);
	sk_buf_deinit(&bytes);
	return r;
}

static int read_times(const json_t *payload, struct sk_bundle *b, struct sk_err *err)
{
	const json_t *expires = json_object_get(payload, "expires");
	const char *text = NULL;
	int r = sk_json_str(payload, "issued", 1, SK_RFC3339_LEN, &text, err);

	if (r < 0)
		return r;
	if (sk_clock_parse_utc(text, &b->issued) < 0)
		return sk_err_set(err, -EINVAL, "field issued: not a time");
	if (json_is_null(expires))
		return 0;
	r = sk_json_str(payload, "expires", 1, SK_RFC3339_LEN, &text, err);
	if (r < 0)
		return r;
	if (sk_clock_parse_utc(text, &b->expires) < 0 || b->expires <= b->issued)
		return sk_err_set(err, -EINVAL, "field expires: not a time after issued");
	return 0;
}

static int read_payload(const json_t *payload, bool statement, struct sk_bundle *b, struct sk_err *err)
{
	const char *kind = NULL, *device = NULL;
	long long version = 0;
	json_t *body = NULL;
	int r = sk_json_str(payload, "kind", 1, sizeof(b->kind) - 1, &kind, err);

	if (r == 0 && !(statement ? is_statement(kind) : is_kind(kind)))
		r = sk_err_set(err, -EINVAL,
		               statement ? "field kind: neither checkpoint nor export"
		                         : "field kind: neither policy nor grants");
	if (r == 0)
		r = sk_json_str(payload, "device", 1, SK_UUID_LEN - 1, &device, err);
	if (r == 0 && !sk_text_is_id(device))
		r = sk_err_set(err, -EINVAL, "field device: not a device id");
	if (r == 0)
		r = sk_json_int(payload, "version", 1, VERSION_MAX, &version, err);
	if (r == 0)
		r = read_times(payload, b, err);
	if (r == 0)
		r = sk_json_obj(payload, "body", &body, err);
	if (r == 0)
		r = only_fields(payload, 6, "payload", err);
	if (r < 0)
		return r;
	sk_text_copy(b->kind, sizeof(b->kind), kind);
	sk_text_copy(b->device, sizeof(b->device), device);
	b->version = version;
	b->body = json_incref(body);
	return 0;
}

static int open_signed(const struct sk_verify_key *k, const char *envelope, size_t len, bool statement,
                       struct sk_bundle *out, struct sk_err *err)
{
	struct sk_bundle b = {0};
	json_t *env = NULL, *payload = NULL;
	struct sk_buf bytes;
	int r;

	sk_buf_init(&bytes, SK_BUNDLE_MAX);
	r = sk_json_parse(envelope, len, SK_BUNDLE_MAX, &env, err);
	if (r == 0)
		r = open_envelope(k, env, &bytes, err);
	if (r == 0)
		r = sk_json_parse(bytes.data, bytes.len, SK_BUNDLE_MAX, &payload, err);
	if (r == 0)
		r = read_payload(payload, statement, &b, err);
	if (r == 0) {
		sk_sha256_hex(bytes.data, bytes.len, b.payload_sha256);
		*out = b;
	}
	json_decref(env);
	json_decref(payload);
	sk_buf_deinit(&bytes);
	return r;
}

int sk_bundle_open(const struct sk_verify_key *k, const char *envelope, size_t len, struct sk_bundle *out,
                   struct sk_err *err)
{
	return open_signed(k, envelope, len, false, out, err);
}

int sk_statement_open(const struct sk_verify_key *k, const char *envelope, size_t len, struct sk_bundle *out,
                      struct sk_err *err)
{
	return open_signed(k, envelope, len, true, out, err);
}

void sk_bundle_clear(struct sk_bundle *b)
{
	json_decref(b->body);
	*b = (struct sk_bundle){0};
}
