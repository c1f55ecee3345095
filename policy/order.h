/*
 * Orders of the office to a terminal: signed (the grants bundle's member "orders"), numbered, each with an end after which it is not carried out any
 * more. The agent carries each one out once, by its id, and records both that it took it and what became of it. Server and agent share this file.
 *   {"id":uuid,"number":N,"kind":..,"issued":utc,"until":utc,"by":"post name","reason":".."} and, by kind,
 *   "mode":"full|management" (isolate), "person":login (suspend, resume), "approved_by":"post name","poweroff":bool (erase)
 */
#ifndef SK_POLICY_ORDER_H
#define SK_POLICY_ORDER_H

#include <jansson.h>
#include <stdbool.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

enum sk_order_kind {
	SK_ORDER_CHECK, /* run the checks now */
	SK_ORDER_LOCK, /* lock every session now */
	SK_ORDER_SCAN, /* begin a full scan (6.4(2)イ) */
	SK_ORDER_ISOLATE, /* cut it off the network (6.4(3)キ) */
	SK_ORDER_RELEASE, /* the end of that */
	SK_ORDER_SUSPEND, /* a person may not use this terminal (5.3(3)イ) */
	SK_ORDER_RESUME,
	SK_ORDER_ERASE, /* destroy the keys of its encrypted disks: the terminal is lost (4.4(4), 5.4(1)) */
	SK_ORDER_KINDS,
};
const char *
sk_order_name(enum sk_order_kind k); /* "check" "lock" "scan" "isolate" "release" "suspend" "resume" "erase" */
const char *sk_order_word(enum sk_order_kind k); /* msgid, as on a button */
int sk_order_parse_kind(const char *name, enum sk_order_kind *out); /* 0 or -EINVAL */
sk_ms sk_order_default_life(enum sk_order_kind k); /* ms; how long one stands when nobody says otherwise */
sk_ms sk_order_longest_life(enum sk_order_kind k);
bool sk_order_takes_person(enum sk_order_kind k);
bool sk_order_needs_two(enum sk_order_kind k); /* a second officer approves it */

#define SK_ORDERS_MAX 32 /* open ones of a terminal */

struct sk_order {
	char id[SK_UUID_LEN];
	int64_t number;
	enum sk_order_kind kind;
	sk_ms issued, until;
	char by[128], approved_by[128], reason[256];
	char person[64];
	bool management; /* isolate: the way to the server stays */
	bool poweroff; /* erase: and off */
};

struct sk_orders_list {
	struct sk_order items[SK_ORDERS_MAX];
	size_t n;
};

/* "orders" of a body, by number; absent or body NULL = none. Whole or nothing. 0 or -EINVAL with err, *out as it was. */
int sk_orders_parse(const json_t *body, struct sk_orders_list *out, struct sk_err *err);
json_t *sk_order_json(const struct sk_order *o); /* new reference */
/* What does not fit together (no person, no approval, too long a life): -EINVAL with err. */
int sk_order_check(const struct sk_order *o, struct sk_err *err);

#endif
