/*
 * A permit to have a security setting otherwise for a while (5.1(1)カ: asked by staff, permitted by the section's manager), e.g. no screen lock during
 * a presentation. It is signed, in the grants bundle ("settings"), names its person and its end, and there is no other way to the same effect.
 */
#ifndef SK_POLICY_SETTING_PERMIT_H
#define SK_POLICY_SETTING_PERMIT_H

#include <jansson.h>
#include "common/clock.h"
#include "common/err.h"

#define SK_SETTING_PERMITS_MAX 64
#define SK_SETTING_SCREEN_LOCK "screen-lock" /* ids of checks; this one alone can be permitted */

struct sk_setting_permit {
	int64_t number;
	char setting[40], person[64]; /* login name */
	sk_ms from, until;
	char permitted_by[128];
};

struct sk_setting_permits {
	struct sk_setting_permit items[SK_SETTING_PERMITS_MAX];
	size_t n;
};

/* The member "settings" of a grants bundle's body; absent or body NULL = none. Whole or nothing: -EINVAL leaves *out as it was. */
int sk_setting_permits_parse(const json_t *body, struct sk_setting_permits *out, struct sk_err *err);
/* In force for this person, the one that ends last; person NULL: whoever's. NULL = none. */
const struct sk_setting_permit *sk_setting_permit_find(const struct sk_setting_permits *p, const char *setting,
                                                       const char *person, sk_ms now);
/* The next moment after now at which one begins or ends; 0 = none. */
sk_ms sk_setting_permits_next(const struct sk_setting_permits *p, sk_ms now);

#endif
