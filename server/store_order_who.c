/*
 * Who gives an order and who confirms it. Suspending a person is the CISO's or the executive officer's decision (5.3(3)イ): the system manager is the
 * hand and waits for it. Destroying keys takes two persons (6.1(4)ウ), the second one an officer. Cutting off waits for nobody (6.4(3)キ).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/org.h"
#include "server/store_inside.h"
#include "server/store_order.h"
#include "server/store_org.h"

unsigned sk_order_roles(enum sk_order_kind k)
{
	switch (k) {
	case SK_ORDER_CHECK:
	case SK_ORDER_LOCK:
	case SK_ORDER_SCAN:
		return SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS;
	case SK_ORDER_ISOLATE:
	case SK_ORDER_RELEASE:
	case SK_ORDER_ERASE:
		return SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_CISO | SK_ROLE_EXEC;
	case SK_ORDER_SUSPEND:
	case SK_ORDER_RESUME:
		return SK_ROLE_SYS | SK_ROLE_CISO | SK_ROLE_EXEC;
	default:
		return 0;
	}
}

unsigned sk_order_confirm_roles(enum sk_order_kind k)
{
	switch (k) {
	case SK_ORDER_ERASE:
		return SK_ROLE_SYS | SK_ROLE_CISO | SK_ROLE_EXEC;
	case SK_ORDER_SUSPEND:
	case SK_ORDER_RESUME:
		return SK_ROLE_CISO | SK_ROLE_EXEC;
	default:
		return 0;
	}
}

bool sk_order_waits(enum sk_order_kind k, enum sk_role given_as)
{
	return sk_order_needs_two(k) || (sk_order_confirm_roles(k) != 0 && !(sk_order_confirm_roles(k) & given_as));
}

int order_may(struct sk_store *s, const struct sk_actor *by, unsigned roles, const char *kind, const char *unit,
              sk_ms now, struct sk_capacity *as, struct sk_err *err)
{
	const struct sk_org *org;
	struct sk_user me;
	int r = sk_store_user_get(s, by->user, &me);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || me.disabled)
		return sk_err_set(err, -EPERM, "user \"%s\" is not known or disabled", by->user);
	r = sk_store_org(s, &org);
	if (r < 0)
		return r;
	if (!(roles & by->role) || sk_org_may(org, by->user, by->role, unit, now, as) < 0)
		return sk_err_set(err, -EPERM, "%s may not do this with an order \"%s\" as %s for section \"%s\"",
		                  by->user, kind, sk_role_name(by->role), unit);
	if (by->role == SK_ROLE_SEC && (by->unit[0] == '\0' || !sk_org_within(org, by->unit, unit, now)))
		return sk_err_set(err, -EPERM, "%s is no manager of section %s", by->user, unit);
	return 0;
}

/* Another person, not only another account: a login of the one may be the account of the other. 1, 0 or negative. */
static int one_person(struct sk_store *s, const char *a, const char *b)
{
	struct sk_user x, y;
	int r = sk_store_user_get(s, a, &x);

	if (r == 0)
		r = sk_store_user_get(s, b, &y);
	if (r < 0)
		return r;
	return user_is_person(&x, b) || user_is_person(&y, a) || user_is_person(&x, y.login);
}

int order_other_person(struct sk_store *s, const struct sk_actor *by, const struct sk_capacity *as, const char *asked,
                       struct sk_err *err)
{
	int r = one_person(s, by->user, asked);

	if (r == 0 && as->how == SK_HOW_DELEGATED)
		r = one_person(s, as->principal, asked);
	return r <= 0 ? r : sk_err_set(err, -EPERM, "who asked for an order does not approve it: %s", asked);
}

int order_decider(struct sk_store *s, const struct sk_actor *by, const struct sk_capacity *as, char *out, size_t size)
{
	struct sk_user me;
	int r = sk_store_user_get(s, by->user, &me);

	if (r == 0)
		sk_capacity_name(as, me.name, out, size);
	return r;
}
