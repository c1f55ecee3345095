/* What holds for every medium at once: the lock of the session, and antivirus that must be current. */
#include <errno.h>
#include <string.h>

#include "agent/gate_impl.h"

#define LEFT_MS 60000

static bool stores_now(const struct sk_attached *a)
{
	for (size_t i = 0; a->decided && a->outcome.allow && i < a->outcome.n; i++)
		if (a->outcome.ifaces[i].allow && (a->outcome.ifaces[i].kind & SK_USB_STORING))
			return true;
	return false;
}

void sk_gate_locked(struct sk_gate *g, bool locked)
{
	if (g->locked == locked)
		return;
	g->locked = locked;
	(void)sk_gate_reconsider(g);
}

bool sk_attached_antivirus_stale(const struct sk_attached *a)
{
	const struct sk_gate *g = a->gate;

	if (g->antivirus_ok)
		return false;
	return !(stores_now(a) && g->hooks.now(g->hooks.ctx) < g->antivirus_until);
}

void sk_attached_uses(const struct sk_attached *a, struct sk_grant_uses *u)
{
	const struct sk_gate *g = a->gate;
	struct sk_usb_state s;

	*u = (struct sk_grant_uses){.used = g->hooks.used, .ctx = g->hooks.ctx, .using = a->grant};
	/* Open when we start: its opening was counted before, and our restart is none. */
	if (a->taken_over)
		u->using = "*";
	if (!a->decided && a->grant[0] == '\0' && a->reopening == NULL && !a->came_shut &&
	    a->via->ops->state(a->via->ctx, a->dev, &s) == 0 && s.authorized)
		u->using = "*";
}

int sk_attached_use(const struct sk_attached *a)
{
	const struct sk_gate *g = a->gate;

	for (size_t i = 0; i < a->outcome.n; i++) {
		const struct sk_gate_iface *f = &a->outcome.ifaces[i];

		if (f->allow && !f->pending && f->uses > 0 && strcmp(f->grant, a->grant) != 0)
			return g->hooks.use != NULL ? g->hooks.use(g->hooks.ctx, f->grant)
			                            : -ENOSYS; /* all by one grant */
	}
	return 0;
}

static void warn(struct sk_attached *a)
{
	json_t *body = sk_attached_ident(a);

	if (body == NULL)
		return;
	(void)json_object_set_new(body, "cause", json_string(sk_reason_name(SK_REASON_ANTIVIRUS)));
	(void)json_object_set_new(body, "left_s", json_integer(LEFT_MS / 1000));
	(void)json_object_set_new(body, "media", sk_medium_json(a->medium));
	json_incref(body);
	(void)sk_gate_record(a->gate, "medium.warned", body);
	sk_gate_notify(a->gate, "medium.warned", body);
	json_decref(body);
	sk_medium_sync(a->medium);
}

void sk_gate_antivirus(struct sk_gate *g, bool ok)
{
	struct sk_attached *a;

	if (g->antivirus_ok == ok)
		return;
	g->antivirus_until = 0;
	if (!ok && g->hooks.policy(g->hooks.ctx)->media.antivirus) {
		for (a = g->first; a != NULL; a = a->next) {
			if (a->medium == NULL || !stores_now(a) || !sk_medium_mounted(a->medium))
				continue;
			g->antivirus_until = g->hooks.now(g->hooks.ctx) + LEFT_MS;
			warn(a);
		}
	}
	g->antivirus_ok = ok;
	(void)sk_gate_reconsider(g);
}
