/*
 * The terminal's side of a permit by telephone (common/phone.h): one challenge at a time, and what came of it. A challenge lives 30 minutes of
 * CLOCK_BOOTTIME in memory alone, so a restart voids it; 5 wrong answers kill it; 20 wrong answers a day are counted on the disk before each is
 * looked at. A right one is used up on the disk before anything opens. What it gives is a local grant, kept beside the server's and ended by
 * its hour like those.
 */
#ifndef SK_AGENT_PHONE_H
#define SK_AGENT_PHONE_H

#include <jansson.h>
#include <sys/types.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/phone.h"
#include "policy/grant.h"

#define SK_PHONE_MINUTES 30
#define SK_PHONE_TRIES   5
#define SK_PHONE_PER_DAY 20

struct sk_phone;

struct sk_phone_hooks {
	void *ctx;
	sk_ms (*now)(void *ctx); /* trusted clock */
	sk_ms (*boot)(void *ctx); /* CLOCK_BOOTTIME */
	int (*get)(void *ctx, const char *name,
	           struct sk_buf *out); /* small values that survive a reboot; 0, -ENOENT, other */
	int (*set)(void *ctx, const char *name, const char *value); /* on the disk when it returns 0 */
	int (*record)(void *ctx, const char *kind, const json_t *body); /* durable when it returns 0 */
};

int sk_phone_new(const struct sk_phone_hooks *hooks, struct sk_phone **out);
struct sk_phone *sk_phone_free(struct sk_phone *p); /* wipes the key */

/* "phone" of a grants bundle: {"epoch":N,"key":"64 hex"}; NULL or malformed: no key. device: this terminal's id. A new epoch voids the challenge. */
void sk_phone_take_key(struct sk_phone *p, const char *device, const json_t *phone);

/* device: as in a request ({"device_key","serial","port",..}), borrowed. 0 and the challenge in groups; -ENOKEY: no key yet; -EBUSY: 20 wrong
 * answers today; -EINVAL; other: no random numbers. A new one voids the one before. */
int sk_phone_start(struct sk_phone *p, uid_t uid, const char *person, const json_t *device, char *challenge,
                   struct sk_err *err);

/* A challenge for the way back to the network; sk_phone_answer then gives no grant. As sk_phone_start. */
int sk_phone_start_isolation(struct sk_phone *p, uid_t uid, const char *person, char *challenge, struct sk_err *err);
enum sk_phone_purpose sk_phone_asked(const struct sk_phone *p); /* of the last challenge */

enum sk_phone_result {
	SK_PHONE_OK = 0,
	SK_PHONE_MISTYPED, /* the check digit is wrong: costs no try */
	SK_PHONE_WRONG,
	SK_PHONE_DEAD, /* none open, too late, another person's, or five wrong answers */
	SK_PHONE_DAY, /* 20 wrong answers today */
};
const char *sk_phone_result_name(enum sk_phone_result r); /* "ok" "mistyped" "wrong" "dead" "day" */
/* The result, or negative with err: it could not be recorded, and nothing opened. *given is borrowed until the next call. */
int sk_phone_answer(struct sk_phone *p, uid_t uid, const char *text, const struct sk_grant **given, struct sk_err *err);

/* The server's grants (NULL ok, told apart by version) and the local ones as one; NULL when there is none. Until the next call. */
const struct sk_grants *sk_phone_grants(struct sk_phone *p, const struct sk_grants *server, int64_t version, sk_ms now);

#endif
