/* SHA-256 and base64 by OpenSSL's libcrypto, hexadecimal, and random bytes straight from the kernel. */
#ifndef SK_COMMON_HASH_H
#define SK_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>
#include "common/buf.h"

#define SK_SHA256_LEN 32
#define SK_SHA256_HEX 65 /* with NUL */
#define SK_UUID_LEN 37   /* with NUL */

/* A digest that cannot be computed (no memory, no provider) ends the program: a wrong hash must never be taken for a right one. */
void sk_sha256(const void *data, size_t len, uint8_t out[SK_SHA256_LEN]);
void sk_sha256_hex(const void *data, size_t len, char out[SK_SHA256_HEX]);
/* A digest made bit by bit. */
struct sk_digest;
struct sk_digest *sk_digest_new(void); /* never NULL */
void sk_digest_add(struct sk_digest *d, const void *data, size_t len);
void sk_digest_end(struct sk_digest *d, char out[SK_SHA256_HEX]); /* frees d; out NULL: only that. d NULL ok then */
/* Several parts, each preceded by its length as 8 bytes big endian, so that no two lists of parts hash alike. */
struct sk_part { const void *data; size_t len; };
void sk_sha256_parts(const struct sk_part *parts, size_t n, uint8_t out[SK_SHA256_LEN]);

void sk_hex(const uint8_t *data, size_t len, char *out /* 2*len+1 */);
int sk_unhex(const char *hex, uint8_t *out, size_t len); /* exactly 2*len lower-case digits; 0 or -EINVAL */

int sk_b64_encode(struct sk_buf *out, const void *data, size_t len);       /* standard alphabet, padded */
int sk_b64_decode(struct sk_buf *out, const char *text, size_t len);       /* strict; 0 or -EINVAL/-E2BIG */

int sk_random(void *out, size_t len);          /* 0 or -EIO */
int sk_uuid(char out[SK_UUID_LEN]);            /* version 4, lower case */
/* n characters of Crockford base32 (5 bits each), for tokens people type. out has n+1 bytes. */
int sk_random_code(char *out, size_t n);
int sk_equal_ct(const void *a, const void *b, size_t len); /* constant time; 1 = equal */

#endif
