/*
 * Rules, inside policy/: reading one from the INI, matching one against an interface, finding the first that matches.
 *
 * An allow rule never covers what stores (storage, image) unless it names that kind: a rule for "device = 046d:*" that was
 * meant for mice must not let in a stick of the same maker.
 */
#ifndef SK_POLICY_RULE_H
#define SK_POLICY_RULE_H

#include "policy/decide.h"

/* e: one entry of the rule's section. -EINVAL with file:line. */
int sk_rule_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err);
/* After all entries: what is missing or contradicts itself; fills in what was left out. */
int sk_rule_complete(const struct sk_ini *ini, struct sk_rule *r, bool has_action, struct sk_err *err);
void sk_rule_clear(struct sk_rule *r);

/* condition.c: the further keys. */
int sk_rule_read_more(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err);
int sk_rule_complete_more(const struct sk_ini *ini, struct sk_rule *r, struct sk_err *err);
bool sk_rule_asks_more(const struct sk_rule *r);   /* for a sort of device or medium */
bool sk_rule_asks_medium(const struct sk_rule *r); /* for what is known only once the medium's node is there */
void sk_rule_clear_more(struct sk_rule *r);
bool sk_rule_class_read(const char *word, struct sk_rule_class *c); /* "08/06/50" */
unsigned sk_connect_parse(const char *name);                        /* one bit; 0 = no such word */

/* never.c: why nothing can ever match it, in a few words; NULL = something may. now 0: dates are not looked at. */
const char *sk_rule_never(const struct sk_policy *p, const struct sk_rule *r, sk_ms now, int utc_offset_s);

unsigned sk_rule_kinds(const struct sk_rule *r); /* the kinds that it can match: never 0 */
bool sk_rule_class_is(const struct sk_rule_class *c, const struct sk_usb_alt *a);
bool sk_rule_port_covers(const char *pattern, const char *port);

enum sk_match { /* in the order in which the conditions are looked at */
	SK_MATCH_YES,
	SK_MATCH_KIND,
	SK_MATCH_INTERFACE,
	SK_MATCH_ONLY,
	SK_MATCH_WITH,
	SK_MATCH_INTERFACES, /* the three sets over the whole device */
	SK_MATCH_BUS,
	SK_MATCH_DEVICE,
	SK_MATCH_NAME,
	SK_MATCH_SERIAL,
	SK_MATCH_PORT,
	SK_MATCH_CONNECT,
	SK_MATCH_ZONE,
	SK_MATCH_HOST,
	SK_MATCH_SECTION,
	SK_MATCH_PERSON,
	SK_MATCH_GROUP,
	SK_MATCH_TIME,
	SK_MATCH_GRADE,
	SK_MATCH_LEDGER,
	SK_MATCH_ENCRYPTION,
	SK_MATCH_SIZE,
	SK_MATCH_MEDIUM, /* all else holds; the medium will tell the rest */
};
const char *sk_match_name(enum sk_match m); /* "kind" "interface" ...; "" for YES */

struct sk_rule_entry {
	uint64_t key;
	uint32_t rule;
};
struct sk_rule_range {
	const struct sk_rule_entry *at, *end;
};

#define SK_RULE_RANGES 48

struct sk_rule_query { /* what does not depend on the interface; one for all of a device's */
	const struct sk_policy *policy;
	const struct sk_device *device;
	const struct sk_context *context;
	const struct sk_media_facts *media; /* NULL = not known yet */
	unsigned device_kinds; /* with finer words */
	bool plain; /* no index, or too many ranges: walk all rules */
	struct sk_rule_range ranges[SK_RULE_RANGES]; /* rules of other kinds of key than the interface's; none is empty */
	size_t n_ranges;
	int open[3]; /* by action: which range lists the rules with a ledger number while none is known; -1 = none */
};
/* p may be NULL. Everything is borrowed. */
void sk_rule_query_init(struct sk_rule_query *q, const struct sk_policy *p, const struct sk_device *d,
                        const struct sk_context *c, const struct sk_media_facts *media);

/* The first condition that does not hold, MEDIUM, or YES. */
enum sk_match sk_rule_match(const struct sk_rule *r, const struct sk_rule_query *q, const struct sk_usb_alt *a);

/*
 * The rules that match (YES) or may match (MEDIUM), in the order of the policy. The index makes that independent of how many rules there
 * are: a rule that names a serial number, models, persons, ... is looked at only where one of them is there; the others are listed by
 * kind. p->index NULL (no memory) means a walk over all rules.
 */
struct sk_rule_walk {
	const struct sk_rule_query *q;
	const struct sk_usb_alt *alt;
	struct sk_rule_range ranges[SK_RULE_RANGES + SK_USB_KINDS];
	size_t n_ranges, at;
};
void sk_rule_walk_init(struct sk_rule_walk *w, const struct sk_rule_query *q, const struct sk_usb_alt *a);
const struct sk_rule *sk_rule_walk_next(struct sk_rule_walk *w, enum sk_match *how); /* NULL = no more */

/* Rules of this action that wait for a ledger number need not be looked at any more (a hint: some may still come). */
void sk_rule_walk_leave(struct sk_rule_walk *w, enum sk_action a);

int sk_rule_index_build(struct sk_policy *p); /* 0 or -ENOMEM */
struct sk_rule_index *sk_rule_index_free(struct sk_rule_index *x);

#endif
