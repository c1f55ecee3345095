/*
 * Another policy, tried on what was: every recorded decision is made once more, with the grants that counted then, and what would come out
 * differently is collected by device, interface, and the change. Pure: the record, the time and the place come from the caller.
 *
 * What a record does not hold cannot be tried: the groups of a person (rules with `group` do not match), and what a medium would have told
 * (rules with `ledger`, `encryption`, `size`: the most that could have come of it, marked "depends").
 */
#ifndef SK_POLICY_REPLAY_H
#define SK_POLICY_REPLAY_H

#include "policy/seen.h"

#define SK_REPLAY_CHANGES_MAX 5000

struct sk_replay;

struct sk_replay_place {
	const char *host, *section; /* may be NULL */
	int utc_offset_s;
};

/* p is borrowed. NULL = no memory. */
struct sk_replay *sk_replay_new(const struct sk_policy *p);
struct sk_replay *sk_replay_free(struct sk_replay *r);
/* body: of a device.decided event. 0, or -EINVAL: not readable, counted. */
int sk_replay_event(struct sk_replay *r, const json_t *body, sk_ms time, const struct sk_replay_place *where);

/* {"events","decisions","unreadable","left_out","changes":[{"device","vendor_id","product_id","vendor","product","serial"|null,"device_key",
 *  "interface","kind","was","was_reason","now","reason","rule"|null,"depends","count","first","last","hosts":[..]}]}: decisions counts
 * repetitions; left_out: changes beyond SK_REPLAY_CHANGES_MAX. New reference. */
json_t *sk_replay_result(const struct sk_replay *r);
size_t sk_replay_changes(const struct sk_replay *r);

#endif
