/* What terminals send, read whole and checked once: the only way from a request's body into the server. Pure; fuzzed (tests/fuzz/fuzz_http_body.c). */
#ifndef SK_SERVER_MESSAGE_H
#define SK_SERVER_MESSAGE_H

#include <jansson.h>
#include "common/chain.h"
#include "common/err.h"

#define SK_MSG_EVENTS_MAX  256
#define SK_MSG_EVENTS_BODY (1024 * 1024)
#define SK_MSG_REPORT_BODY (512 * 1024)
#define SK_MSG_ENROL_BODY  (16 * 1024)

/* {"events":[..]}: 1 to 256 with rising seq. The array and its events are the caller's: sk_msg_events_free. 0, -EINVAL, -ENOMEM. */
int sk_msg_events(const char *body, size_t len, struct sk_event **out, size_t *n, struct sk_err *err);
void sk_msg_events_free(struct sk_event *events, size_t n);

/* The report as in docs/protocol.md section 3; members that are not in it are refused in no way, but sizes and types of those that are. New reference. */
int sk_msg_report(const char *body, size_t len, json_t **out, struct sk_err *err);

struct sk_msg_enrol {
	json_t *doc; /* owned: sk_msg_enrol_clear; the rest points into it */
	const char *token, *host, *asset, *csr;
};
int sk_msg_enrol(const char *body, size_t len, struct sk_msg_enrol *out, struct sk_err *err);
void sk_msg_enrol_clear(struct sk_msg_enrol *m);

int sk_msg_renew(const char *body, size_t len, json_t **doc, const char **csr,
                 struct sk_err *err); /* csr points into *doc */

#endif
