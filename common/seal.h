/*
 * A secret for one terminal (or for the server): only who has the secret half of the key that it was sealed to can open it. X25519 with a
 * key of its own for each seal, HKDF-SHA256, AES-256-GCM. It says nothing of who sealed it: what is sealed travels in what is signed.
 */
#ifndef SK_COMMON_SEAL_H
#define SK_COMMON_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SK_SEAL_KEY  32 /* bytes of either half of a key */
#define SK_SEAL_MORE 48 /* what sealing adds: the key of its own, and the tag */
#define SK_SEAL_MAX  512 /* bytes that are sealed at most */

/* The other half of a secret of 32 random bytes. */
void sk_seal_public(const uint8_t secret[SK_SEAL_KEY], uint8_t out[SK_SEAL_KEY]);

/* context: what it is, and for whom; opened only with the same. seed: 32 secret bytes of the caller's, which make the same seal of the same
 * thing each time, so that what it is part of does not change without need; NULL = another one each time. out: len + SK_SEAL_MORE
 * bytes, untouched on failure. 0, -EINVAL not a public key, -E2BIG, -EIO no random bytes. */
int sk_seal(const uint8_t to[SK_SEAL_KEY], const char *context, const uint8_t *seed, const void *plain, size_t len,
            uint8_t *out);
/* out: len - SK_SEAL_MORE bytes. 0, or -EBADMSG: another key, another context, or changed on its way. */
int sk_unseal(const uint8_t secret[SK_SEAL_KEY], const char *context, const uint8_t *sealed, size_t len, void *out);

#define SK_SEALED_KEY_HEX (2 * (SK_SEAL_KEY + SK_SEAL_MORE) + 1) /* a sealed key of 32 bytes, hexadecimal, with NUL */
#define SK_SEAL_CONTEXT   128

/* The contexts that both sides know. The key of an organisation's container, for a terminal and a ledger number; the same on its way to the
 * server, from the terminal that made it. */
void sk_seal_context_grant(char out[SK_SEAL_CONTEXT], const char *device, const char *ledger);
void sk_seal_context_made(char out[SK_SEAL_CONTEXT], const char *device, const char *ledger);

/* 32 bytes from 32 secret ones, for one purpose. */
void sk_derive(const uint8_t secret[32], const char *purpose, uint8_t out[32]);

#endif
