/*
 * Releasing a container of the organisation to a recipient outside (DESIGN 3, 外部提供 2(2)ケ): a passphrase of their own is added to it, so that it opens
 * without Sekimori. Pure: who may, and what a passphrase looks like. It needs more than the right to write: the grant by which the container is open
 * must say so. Once per grant.
 */
#ifndef SK_POLICY_RELEASE_H
#define SK_POLICY_RELEASE_H

#include "policy/grant.h"

#define SK_RELEASE_RANDOM    15 /* bytes: 120 bits */
#define SK_RELEASE_LEN       30 /* with NUL: six groups of four, "7K3Q-..." */
#define SK_RELEASE_RECIPIENT 120 /* bytes of who gets it */

struct sk_release_ask {
	const struct sk_grant *grant; /* by which the container is open; NULL = by none, or it is not open */
	const struct sk_identity *identity;
	enum sk_access access; /* that it is open with */
	const char *person; /* who asks, by login name; "" = root, who may not: nobody would hold it */
	const char *active; /* who sits at the terminal */
	const char *recipient;
	bool before; /* it was done under this grant already */
};

enum sk_release_answer {
	SK_RELEASE_MAY,
	SK_RELEASE_NO_GRANT,
	SK_RELEASE_NOT_SAID, /* the grant does not say that a recipient gets a passphrase */
	SK_RELEASE_NO_CONTAINER, /* not proved to be a container of the organisation, open with the grant's key */
	SK_RELEASE_LONG_TERM,
	SK_RELEASE_READ_ONLY,
	SK_RELEASE_PERSON,
	SK_RELEASE_BEFORE,
	SK_RELEASE_RECIPIENT_NAME, /* empty, too long, or characters that cannot be shown */
};
/* The first that stands against it, in the order above. */
enum sk_release_answer sk_release_may(const struct sk_release_ask *ask);
const char *sk_release_why(enum sk_release_answer a); /* msgid; NULL for MAY */

/* Letters and digits that are not taken for each other (Crockford's), upper case, in groups of four. */
void sk_release_passphrase(const uint8_t random[SK_RELEASE_RANDOM], char out[SK_RELEASE_LEN]);

#endif
