/*
 * A policy proposed from what was seen, for an administrator to read and cut down: one rule for hubs and one for input devices, for every
 * other kind the models that were seen, each with how often and when. What stores is never proposed as allowed: the rule for media asks
 * for a grant, and what was seen stands in a comment. What described itself wrongly or hid storage is left out. The head ([policy] but for
 * version and mode), [grants] and checks are those of the policy in force.
 */
#ifndef SK_POLICY_PROPOSE_H
#define SK_POLICY_PROPOSE_H

#include "policy/seen.h"

#define SK_PROPOSE_MODELS_MAX 1000

struct sk_propose;

struct sk_propose *sk_propose_new(void); /* NULL = no memory */
struct sk_propose *sk_propose_free(struct sk_propose *p);
int sk_propose_event(struct sk_propose *p, const json_t *body, sk_ms time); /* 0, or -EINVAL: not readable, left out */
/* base: the policy in force. Appends the text; it was parsed and is well-formed. 0, -ENOENT: nothing was seen; else -errno with err. */
int sk_propose_text(const struct sk_propose *p, const struct sk_policy *base, int utc_offset_s, struct sk_buf *out,
                    struct sk_err *err);

#endif
