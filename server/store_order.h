/*
 * Orders to terminals (policy/order.h): who gave them and why, the second officer's approval where one is needed, and what the terminal reported.
 * An open order stands in the terminal's grants bundle until it is done, cancelled, or past its end.
 */
#ifndef SK_SERVER_STORE_ORDER_H
#define SK_SERVER_STORE_ORDER_H

#include "policy/order.h"
#include "server/store.h"

struct sk_order_wish {
	const char *terminal; /* device id */
	enum sk_order_kind kind;
	bool management, poweroff; /* as in sk_order */
	const char *person; /* login; "" where the kind takes none */
	const char *reason;
	sk_ms until; /* 0 = the kind's default */
};

/* Which acting roles may give an order of this kind, and which confirm it; who holds them for the terminal's section is the organisation's (org.h). */
unsigned sk_order_roles(enum sk_order_kind k);
unsigned sk_order_confirm_roles(enum sk_order_kind k);
/* Does an order that was given in this role wait for somebody else? Destroying keys always, a suspension unless the CISO or EXEC gave it. */
bool sk_order_waits(enum sk_order_kind k, enum sk_role given_as);

/* One transaction with its line of the audit trail. 0 and *number; -EPERM who; -ENOENT terminal; -EINVAL; -ENOSPC too many open; err says which.
 * One that waits for somebody else is "waiting" until sk_store_order_approve. */
int sk_store_order_add(struct sk_store *s, const struct sk_actor *by, const struct sk_order_wish *w, sk_ms now,
                       int64_t *number, struct sk_err *err);
/* The second person, in a role that confirms. -EPERM: no such role, or the one who asked (also by a delegation); -ENOENT; -EALREADY: not waiting (any more). */
int sk_store_order_approve(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now,
                           struct sk_err *err);
/* Before the terminal took it. -EALREADY: it has, or it is over. */
int sk_store_order_cancel(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err);

/* [{"number","id","terminal","host","unit","kind","mode","person","poweroff|b","reason","decided_by","issued","until","state":
 * "waiting"|"open"|"done"|"failed"|"expired"|"cancelled","asked_user","asked_name","approved_user","approved_name","taken","finished","detail"}] newest
 * first. terminal NULL = all; unit NULL = all sections. NULL = failed. */
json_t *sk_store_order_list(struct sk_store *s, const char *terminal, const char *unit, int limit);
/* The terminal of an order. 0 or -ENOENT. */
int sk_store_order_terminal(struct sk_store *s, int64_t number, char terminal[SK_UUID_LEN]);

#endif
