/*
 * Rules, inside policy/: reading one from the INI, matching one against an interface, finding the first that matches.
 *
 * An allow rule never covers what stores (storage, image) unless it names that kind: a rule for "device = 046d:*" that was
 * meant for mice must not let in a stick of the same maker.
 */
#ifndef SK_POLICY_RULE_H
#define SK_POLICY_RULE_H

#include "policy/policy.h"

/* e: one entry of the rule's section. -EINVAL with file:line. */
int sk_rule_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err);
/* After all entries: what is missing or contradicts itself. */
int sk_rule_complete(const struct sk_ini *ini, const struct sk_rule *r, bool has_action, struct sk_err *err);
void sk_rule_clear(struct sk_rule *r);

unsigned sk_rule_kinds(const struct sk_rule *r); /* the kinds that it can match: never 0 */

enum sk_match { /* in the order in which the conditions are looked at */
	SK_MATCH_YES,
	SK_MATCH_KIND,
	SK_MATCH_INTERFACE,
	SK_MATCH_ONLY,
	SK_MATCH_WITH,
	SK_MATCH_DEVICE,
	SK_MATCH_SERIAL,
	SK_MATCH_PORT,
};
const char *sk_match_name(enum sk_match m); /* "kind" "interface" ...; "" for YES */

/* The first condition that does not hold, or YES. device_kinds: sk_usb_desc_kinds of the device. */
enum sk_match sk_rule_match(const struct sk_rule *r, const struct sk_device *d, unsigned device_kinds,
                            const struct sk_usb_alt *a);
bool sk_rule_port_covers(const char *pattern, const char *port);

/*
 * The index makes the search independent of how many rules there are: a rule that names a serial number or models is looked at only
 * for devices that have them; the others are listed by kind. p->index NULL (no memory) means a walk over all rules.
 */
int sk_rule_index_build(struct sk_policy *p); /* 0 or -ENOMEM */
struct sk_rule_index *sk_rule_index_free(struct sk_rule_index *x);

struct sk_rule_entry {
	uint64_t key;
	uint32_t rule;
};
struct sk_rule_range {
	const struct sk_rule_entry *at, *end;
};
struct sk_rule_query { /* what depends on the device alone; one for all its interfaces */
	const struct sk_policy *policy;
	const struct sk_device *device;
	unsigned device_kinds;
	struct sk_rule_range model, vendor, serial;
};
void sk_rule_query_init(struct sk_rule_query *q, const struct sk_policy *p /* may be NULL */, const struct sk_device *d);
const struct sk_rule *sk_rule_first(const struct sk_rule_query *q, const struct sk_usb_alt *a); /* NULL = none matches */

#endif
