/*
 * Erasing a medium (消去, 2(2)コ, 4.1(5)イ, 4.1(7)): who may, what must be typed to confirm it, and what counts as erased. Pure. Erasing needs more than
 * the right to write: the grant by which the medium is open must say so, and the person types what names this medium and no other.
 */
#ifndef SK_POLICY_ERASE_H
#define SK_POLICY_ERASE_H

#include "policy/grant.h"

#define SK_ERASE_LABEL_LEN 12 /* of a file system that is made afterwards, with NUL: 11 of A-Z 0-9 - _ */

enum sk_erase_method {
	SK_ERASE_OVERWRITE, /* "overwrite": random bytes over all of it, read back and compared */
	SK_ERASE_DISCARD, /* "discard": the medium is told to forget; counts only when all of it reads as zero, else it is overwritten */
};
const char *sk_erase_method_name(enum sk_erase_method m);
int sk_erase_method_parse(const char *name, enum sk_erase_method *out); /* 0 or -EINVAL */

/* A ledger number that fits on a medium as the name of its file system. */
bool sk_erase_is_label(const char *s);

struct sk_erase_ask {
	const struct sk_grant *grant; /* by which the medium is open; NULL = by a rule, or it is not open */
	const struct sk_identity *identity;
	enum sk_access access; /* that it is open with */
	const char *person; /* who asks, by login name; "" = root */
	const char *active; /* who sits at the terminal; "" = nobody */
	const char *serial, *device_key; /* of the device */
	const char *typed; /* to confirm */
	const char *label; /* "" = none is made */
};

enum sk_erase_answer {
	SK_ERASE_MAY,
	SK_ERASE_NO_GRANT, /* no grant opens it */
	SK_ERASE_NOT_SAID, /* the grant does not say that it may be erased */
	SK_ERASE_READ_ONLY,
	SK_ERASE_LONG_TERM, /* in long-term storage: 2(2)カ(イ) */
	SK_ERASE_PERSON, /* it is open for somebody else */
	SK_ERASE_UNCONFIRMED, /* what was typed does not name this medium */
	SK_ERASE_LABEL, /* no such label can be written */
};
/* The first that stands against it, in the order above; confirmation and label are looked at last. */
enum sk_erase_answer sk_erase_may(const struct sk_erase_ask *ask);
const char *sk_erase_why(enum sk_erase_answer a); /* msgid; NULL for MAY */

/* What has to be typed: the ledger number of a medium that was proved, else its serial number, else the first 8 digits of the device key. */
const char *sk_erase_names(const struct sk_erase_ask *ask, char out[SK_DEV_TEXT]);

/* What the helper tells of its work. */
struct sk_erase_result {
	enum sk_erase_method method; /* that was carried out in the end */
	uint64_t bytes, written, verified;
};
/* Every byte was overwritten or forgotten, and read back. */
bool sk_erase_complete(const struct sk_erase_result *r);

#endif
