/*
 * What the server signs and sekimorid verifies: policy and grants. An envelope is JSON
 *   {"format":"sekimori-bundle-1","key":"<sha256 of the public key's SPKI, hex>","payload":"<base64>","signature":"<base64>"}
 * and the signature (Ed25519) covers "sekimori-bundle-1" 0x00 and the payload's bytes. The payload is a JSON object
 *   {"kind":"policy"|"grants","device":"<uuid>","version":N,"issued":"<UTC>","expires":"<UTC>"|null,"body":{...}}
 * version counts up per device and kind; a verifier refuses one not above what it holds (no rollback). A bundle is taken whole or not.
 * The signing key is apart from every TLS key.
 */
#ifndef SK_COMMON_BUNDLE_H
#define SK_COMMON_BUNDLE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

#define SK_BUNDLE_MAX (768 * 1024)

struct sk_sign_key;   /* private */
struct sk_verify_key; /* public */

int sk_sign_key_generate(struct sk_sign_key **out);
int sk_sign_key_load(const char *pem, size_t len, struct sk_sign_key **out, struct sk_err *err);
int sk_sign_key_pem(const struct sk_sign_key *k, struct sk_buf *out);
struct sk_sign_key *sk_sign_key_free(struct sk_sign_key *k);
int sk_sign_key_public_pem(const struct sk_sign_key *k, struct sk_buf *out);

int sk_verify_key_load(const char *pem, size_t len, struct sk_verify_key **out, struct sk_err *err); /* Ed25519 only */
const char *sk_verify_key_id(const struct sk_verify_key *k);
struct sk_verify_key *sk_verify_key_free(struct sk_verify_key *k);

struct sk_bundle {
	char kind[16];
	char device[SK_UUID_LEN];
	int64_t version;
	sk_ms issued;
	sk_ms expires;                  /* 0 = does not expire */
	char payload_sha256[SK_SHA256_HEX];
	json_t *body;                   /* owned reference */
};

/* Envelope text; NULL on failure; caller frees. body is borrowed. */
char *sk_bundle_sign(const struct sk_sign_key *k, const char *kind, const char *device, int64_t version,
                     sk_ms issued, sk_ms expires, const json_t *body);
/* Checks format, size, key id, signature, fields. Version and device are the caller's to compare. -EBADMSG = signature wrong,
 * -ENOKEY = signed by another key, -EINVAL = malformed. *out untouched on failure. */
int sk_bundle_open(const struct sk_verify_key *k, const char *envelope, size_t len, struct sk_bundle *out, struct sk_err *err);
/* The same for what the server signs about its own records (server/checkpoint.h), kinds "checkpoint" and "export", which are never orders: a
 * terminal that opens bundles does not take them, and this does not take bundles. */
int sk_statement_open(const struct sk_verify_key *k, const char *envelope, size_t len, struct sk_bundle *out, struct sk_err *err);
void sk_bundle_clear(struct sk_bundle *b);

#endif
