/*
 * Devices as the record remembers them: the body of a device.decided event read back into facts, for trying another policy on what was
 * (policy/replay.h) and for proposing one (policy/propose.h). Bodies come from the journal or from terminals: bounded, and what does
 * not parse is counted, never guessed at.
 */
#ifndef SK_POLICY_SEEN_H
#define SK_POLICY_SEEN_H

#include <jansson.h>
#include "policy/decide.h"

#define SK_SEEN_ALTS_TEXT 4096

struct sk_seen {
	struct sk_device device;
	char person[64];
	int64_t count;              /* how often, since the last record of the same */
	bool by_safe_path, system_disk;
	bool whole;                 /* all alternate settings were recorded; else only the interfaces that were decided on */
	enum sk_access granted;     /* what grants gave; NONE = none */
	json_t *interfaces;         /* borrowed from the body: array of sk_iface_verdict_json */
};

/* 0 or -EINVAL (out is then of no use). */
int sk_seen_read(const json_t *body, struct sk_seen *out, struct sk_err *err);
/* "1.0.0:08/06/50:4 ...": configuration, number, alternate setting, class, transfer types; NULL when it would be too long. For the
 * event's member "alts". New reference. */
json_t *sk_seen_alts(const struct sk_usb_desc *d);
/* What a recorded interface was: "deny", an access of what stores, or "allow". */
const char *sk_seen_state(const json_t *iface);

#endif
