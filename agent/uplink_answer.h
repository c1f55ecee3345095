/*
 * What a server's answer means. The bytes are hostile until they pass here: status, content type, size and every field are checked
 * once, strictly; whatever does not fit is MALFORMED and has no effect. Pure: no connection, no clock.
 */
#ifndef SK_AGENT_UPLINK_ANSWER_H
#define SK_AGENT_UPLINK_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/bundle.h"
#include "common/clock.h"
#include "common/err.h"

#define SK_ANSWER_MAX     (1024 * 1024) /* bytes of body */
#define SK_ANSWER_BUNDLES 8 /* envelopes in one answer */

struct sk_http_answer {
	int status; /* 0 = no answer came: problem says why */
	const char *type; /* Content-Type, NULL if none */
	const char *body; /* len bytes, NUL-terminated, never NULL */
	size_t len;
	sk_ms retry_after; /* 0 = not asked */
	const char *problem; /* one line, when status is 0 */
	bool untrusted; /* status 0, because the certificate of what answered does not hold */
};

enum sk_outcome {
	SK_OUT_OK = 0, /* 200 with JSON, or 204: what is in it has still to be read */
	SK_OUT_NO_LINE, /* no connection, no handshake, or the time was up */
	SK_OUT_BUSY, /* 408, 429, 5xx */
	SK_OUT_REFUSED, /* 401, 403: not this terminal, or not any more */
	SK_OUT_CONFLICT, /* 409 */
	SK_OUT_TOO_LARGE, /* 413 */
	SK_OUT_MALFORMED, /* anything else */
	SK_OUT_COUNT
};

/* By status and content type alone. err says what a person should know (the server's own words are escaped). */
enum sk_outcome sk_answer_outcome(const struct sk_http_answer *a, struct sk_err *err);

/* Readers of an OK (or, for the refusal, CONFLICT) answer. 0, or -EINVAL with err. */
int sk_answer_acked(const struct sk_http_answer *a, int64_t *acked, struct sk_err *err);
/* code: "chain-gap" "chain-fork" "chain-forged", a static string. */
int sk_answer_refusal(const struct sk_http_answer *a, const char **code, int64_t *acked, struct sk_err *err);
/* 204 gives an empty list. *bundles: new reference to an array of 0..SK_ANSWER_BUNDLES strings. */
int sk_answer_orders(const struct sk_http_answer *a, json_t **bundles, struct sk_err *err);
int sk_answer_report(const struct sk_http_answer *a, sk_ms *server_time, struct sk_err *err);
/* *doc: new reference that owns the PEM text. */
int sk_answer_renewed(const struct sk_http_answer *a, json_t **doc, const char **certificate, struct sk_err *err);
/* The server's {"error":code,"text":...}: code is one of [a-z0-9-]; text is escaped. -EINVAL when it is not of that form. */
int sk_answer_words(const struct sk_http_answer *a, char *code, size_t code_size, char *text, size_t text_size);

/* "Retry-After": whole seconds only (0 when absent, a date or nonsense). */
sk_ms sk_answer_retry_after(const char *value);

#endif
