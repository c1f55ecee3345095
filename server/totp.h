/*
 * The second factor: time-based one-time codes (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits), as every authenticator makes them. Pure but for the making of
 * a secret. A code counts once: whoever takes one remembers its step.
 */
#ifndef SK_SERVER_TOTP_H
#define SK_SERVER_TOTP_H

#include <stddef.h>
#include <stdint.h>
#include "common/clock.h"

#define SK_TOTP_SECRET 20 /* bytes (160 bits, RFC 4226's recommendation) */
#define SK_TOTP_TEXT   33 /* as base32 with its NUL */

int sk_totp_secret(char out[SK_TOTP_TEXT]); /* 0 or -EIO */
/* The code of one step; *out < 1,000,000. 0, -EINVAL when secret is no base32 of 20 bytes, -EIO. */
int sk_totp_code(const char *secret, int64_t step, uint32_t *out);
/* Is it the code of now, the step before or the one after, and of a step later than used? The step, or -EACCES (wrong, used, malformed), -EINVAL (secret). */
int64_t sk_totp_check(const char *secret, const char *code, sk_ms now, int64_t used);
/* otpauth://totp/... for an authenticator; both names are percent-encoded. 0 or -E2BIG. */
int sk_totp_uri(const char *secret, const char *issuer, const char *user, char *out, size_t size);

#endif
