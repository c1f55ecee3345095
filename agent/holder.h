/*
 * The policy and the grants in force, and the only way new ones come in: a bundle signed by the server's key, for this terminal,
 * with a higher version than the one held, that parses whole. It is on the disk before it is in force. Without a signed policy the
 * local policy.ini holds; without a good one the fail-safe policy does, and that is an alarm.
 *
 * Swapping: the old objects stay until sk_holder_settle, because the gate borrows rules and grants until it has decided again.
 */
#ifndef SK_AGENT_HOLDER_H
#define SK_AGENT_HOLDER_H

#include <jansson.h>
#include "agent/trust.h"
#include "common/bundle.h"
#include "policy/policy.h"

enum sk_policy_source { SK_SOURCE_FAILSAFE, SK_SOURCE_FILE, SK_SOURCE_BUNDLE };
const char *sk_policy_source_name(enum sk_policy_source s); /* "failsafe" "local" "server" */

struct sk_holder;

struct sk_holder_hooks {
	void *ctx;
	void (*record)(void *ctx, const char *kind, json_t *body /* stolen */);
	/* body: {"grants":[..],"requests":[..]} of grants newly in force; borrowed. */
	void (*answered)(void *ctx, const json_t *body);
	/* The body of a grants bundle that is in force from now on, also at the start; NULL: none is any more. Borrowed. May be NULL. */
	void (*grants)(void *ctx, const json_t *body);
	/* A grants bundle that is newer than any held was issued then: the time that holds (sk_clock_corrected). take: it is in force
	 * now. May be NULL. */
	sk_ms (*issued)(void *ctx, sk_ms issued, bool take);
};

/* dir: state folder; policy_file: the local policy.ini. */
int sk_holder_new(const char *dir, const char *policy_file, const struct sk_holder_hooks *hooks,
                  struct sk_holder **out);
struct sk_holder *sk_holder_free(struct sk_holder *h);

/* At start and on reload: stored bundles verified again, else the local file, else fail-safe. Always leaves a policy in force. 0, or
 * negative with err: something was wrong (also noted for status) and what was in force before, or the next best, holds.
 * t is borrowed until the next load. */
int sk_holder_load(struct sk_holder *h, const struct sk_trust *t, sk_ms now, struct sk_err *err);

enum sk_put { SK_PUT_APPLIED = 0, SK_PUT_SAME = 1 };
/* A bundle from the uplink. SK_PUT_APPLIED: stored and in force (reconsider, then settle). SK_PUT_SAME: held already. Negative:
 * refused and recorded; -ESTALE version not higher, -EBADMSG, -ENOKEY, -EINVAL, -EXDEV another terminal's, -ETIME expired, -EIO. */
int sk_holder_put(struct sk_holder *h, const char *envelope, size_t len, sk_ms now, struct sk_err *err);

/* Enrolled anew: bundles of the old enrolment go. */
void sk_holder_forget(struct sk_holder *h);

const struct sk_policy *sk_holder_policy(const struct sk_holder *h); /* never NULL after load */
const struct sk_grants *sk_holder_grants(const struct sk_holder *h,
                                         sk_ms now); /* NULL: none, or the bundle has expired */
void sk_holder_settle(struct sk_holder *h); /* the gate has decided again */

enum sk_policy_source sk_holder_source(const struct sk_holder *h);
sk_ms sk_holder_expiry(const struct sk_holder *h, sk_ms now); /* when the grants bundle as a whole ends; 0 = does not */

struct sk_holder_info {
	enum sk_policy_source source;
	int64_t policy_version, grants_version; /* of the bundles held; 0 = none */
	int64_t policy_known,
	    grants_known; /* the newest version not to be sent: as held, or just below the highest ever held */
	size_t grants;
	char problem[512]; /* why a better source was not used; "" = none */
};
void sk_holder_info(const struct sk_holder *h, struct sk_holder_info *out);

#endif
