/*
 * Enrolment: the terminal makes its key, proves by a one-time token that somebody with the right to do so sent it, and gets its
 * certificate. The token carries the SHA-256 of the CA certificate, so the server is known before anything is sent to it. Here: the
 * token's form and the strict reading of the answer (pure), and the whole run with its files.
 */
#ifndef SK_AGENT_ENROL_H
#define SK_AGENT_ENROL_H

#include <jansson.h>
#include "agent/uplink_answer.h"
#include "agent/uplink_identity.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/i18n.h"

#define SK_TOKEN_LEN (4 + 26 + 1 + 64) /* SK1-<26>-<64> */

struct sk_token {
	char text[SK_TOKEN_LEN + 1]; /* in its one spelling: what the server hashes */
	char root[SK_SHA256_HEX]; /* SHA-256 of the CA certificate */
};

/* As people type it: blanks around it, small letters, o for 0, i and l for 1 are put right. 0 or -EINVAL. */
int sk_token_parse(const char *typed, struct sk_token *out);

enum sk_enrol_result {
	SK_ENROL_OK = 0,
	SK_ENROL_TOKEN_MALFORMED,
	SK_ENROL_SERVER_MALFORMED,
	SK_ENROL_ALREADY,
	SK_ENROL_STATE, /* the folder cannot be used */
	SK_ENROL_UNREACHABLE,
	SK_ENROL_NOT_TRUSTED, /* TLS: another CA, another name, expired */
	SK_ENROL_TOKEN_UNKNOWN,
	SK_ENROL_TOKEN_USED,
	SK_ENROL_TOKEN_EXPIRED,
	SK_ENROL_TOKEN_OTHER_HOST,
	SK_ENROL_REFUSED, /* any other refusal */
	SK_ENROL_BUSY,
	SK_ENROL_BAD_ANSWER,
	SK_ENROL_CLOCK, /* this terminal's clock is too far off for the certificate to hold */
	SK_ENROL_INTERNAL,
	SK_ENROL_RESULTS
};

const char *sk_enrol_code(enum sk_enrol_result r); /* "token-used" ... */
const char *sk_enrol_text(enum sk_enrol_result r, enum sk_lang lang); /* one sentence: what is wrong and what to do */

struct sk_enrolment {
	struct sk_identity id; /* without slot and key */
	char *verify_key; /* PEM; owned */
};
void sk_enrolment_clear(struct sk_enrolment *e);

/* Reads the server's answer to POST /v1/enroll. key: the private key the CSR was made with. err: detail for the log. */
enum sk_enrol_result sk_enrol_read(const struct sk_http_answer *a, const struct sk_token *token, const char *key,
                                   sk_ms now, struct sk_enrolment *out, struct sk_err *err);

struct sk_enrol_options {
	const char *state, *server, *token, *host, *asset; /* asset may be NULL */
	bool again;
	sk_ms deadline;
};
/* The whole run. On success the identity is in force and *out (new reference) is {"device_id","verify_key","server","ca"}; on failure
 * nothing has changed. */
enum sk_enrol_result sk_enrol_run(const struct sk_enrol_options *o, json_t **out, struct sk_err *err);

#endif
