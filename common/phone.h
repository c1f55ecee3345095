/*
 * A permit by telephone for a terminal without network: the terminal shows a challenge, the helpdesk reads back an answer. The answer is a MAC
 * under a key that this terminal alone has, over everything that matters, so it opens one medium for one person on one terminal once, for the
 * profile's time, and there is no code that opens more.
 *
 *   key       HKDF-SHA256(master, salt "sekimori-phone-1", info = parts(device id, epoch as 8 bytes))
 *   answer    2 digits profile, 12 digits: the first 8 bytes (big endian) of HMAC-SHA256(key, parts("v1", purpose, device id, nonce, epoch,
 *             counter, media, person, profile, seconds)) modulo 10^12, 1 check digit
 *   challenge 4 digits of the terminal, 2 epoch, 2 counter (both modulo 100), 10 nonce, 13 media, 1 check digit
 *
 * parts() is each part behind its length as 8 bytes big endian; numbers in it are big endian: purpose and profile 1 byte, nonce 4, epoch and
 * counter 8, media 5, seconds 4. The check digit is Damm's: one wrong digit or two swapped neighbours are always noticed. Pure.
 */
#ifndef SK_COMMON_PHONE_H
#define SK_COMMON_PHONE_H

#include <stddef.h>
#include <stdint.h>
#include "common/hash.h"

#define SK_PHONE_KEY              32
#define SK_PHONE_CHALLENGE_DIGITS 32
#define SK_PHONE_ANSWER_DIGITS    15
#define SK_PHONE_TEXT             48 /* either one in groups, with NUL */
#define SK_PHONE_LONGEST_S        (8 * 3600)

enum sk_phone_purpose { SK_PHONE_MEDIUM = 1, SK_PHONE_ISOLATION = 2 };

/* What a code gives: what the person types first. */
struct sk_phone_profile {
	uint8_t code;
	enum sk_phone_purpose purpose;
	const char *access; /* "ro" "rw"; "" where the purpose has none */
	uint32_t seconds; /* at most SK_PHONE_LONGEST_S */
	const char *word; /* msgid */
};
extern const struct sk_phone_profile sk_phone_profiles[]; /* ends with code 0; the first is the default */
const struct sk_phone_profile *sk_phone_profile(unsigned code); /* NULL = no such profile */

struct sk_phone_challenge {
	unsigned device; /* sk_phone_short of the terminal */
	unsigned epoch, counter; /* modulo 100 */
	uint32_t nonce;
	uint64_t media; /* 40 bits of the medium's key */
};

struct sk_phone_permit { /* what the MAC covers */
	enum sk_phone_purpose purpose;
	const char *device, *person; /* device id, login name */
	int64_t epoch, counter;
	uint32_t nonce;
	uint64_t media;
	uint8_t profile;
	uint32_t seconds;
};

/* Both parsers: digits with blanks and hyphens between them, full-width ones too. 0; SK_PHONE_TYPO: not the right number of digits, or the check
 * digit says that one is wrong; -EINVAL: other characters, or (answer) a profile that does not exist. */
#define SK_PHONE_TYPO 1
int sk_phone_challenge_read(const char *text, struct sk_phone_challenge *out);
int sk_phone_answer_read(const char *text, unsigned *profile, uint64_t *code);
void sk_phone_challenge_write(const struct sk_phone_challenge *c, char out[SK_PHONE_TEXT]); /* in groups of 4 */
void sk_phone_answer_write(unsigned profile, uint64_t code, char out[SK_PHONE_TEXT]); /* 01 1234 5678 9012 3 */

unsigned sk_phone_short(const char *device); /* 0-9999: enough to notice the wrong terminal, not to name one */
int sk_phone_media(const char *device_key, uint64_t *out); /* its first 10 hexadecimal digits; 0 or -EINVAL */

void sk_phone_key(const uint8_t master[SK_PHONE_KEY], const char *device, int64_t epoch, uint8_t out[SK_PHONE_KEY]);
uint64_t sk_phone_code(const uint8_t key[SK_PHONE_KEY], const struct sk_phone_permit *p); /* below 10^12 */
int sk_phone_code_equal(uint64_t a, uint64_t b); /* constant time; 1 = equal */

#endif
