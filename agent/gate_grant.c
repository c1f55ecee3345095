/*
 * Time. While something attached depends on a grant, one timer stands for the next moment that matters, on CLOCK_BOOTTIME (it runs on
 * through suspend) and never more than 30 s away, so that a wall clock that is turned forward is noticed; turned back, the
 * trusted clock does not follow it. Nothing that depends on a grant attached: no timer, no wakeups.
 */
#include <errno.h>

#include "agent/gate_impl.h"

#define LOOK_AGAIN_MS     30000
#define LOOK_AGAIN_MAX_MS (10 * 60 * 1000) /* where only a rule's hours wait; the wall clock may have been set */

static bool by_grant(const struct sk_attached *a)
{
	size_t i;

	for (i = 0; i < a->outcome.n; i++) {
		switch (a->outcome.ifaces[i].reason) {
		case SK_REASON_GRANT:
		case SK_REASON_GRANT_NOT_YET:
		case SK_REASON_GRANT_PERSON:
			return true;
		default:
			break;
		}
	}
	return false;
}

/* The end of the grant by which it is open; 0 = none. */
static const struct sk_gate_iface *open_by_grant(const struct sk_attached *a)
{
	size_t i;

	for (i = 0; i < a->outcome.n; i++)
		if (a->outcome.allow && a->outcome.ifaces[i].allow && a->outcome.ifaces[i].until != 0)
			return &a->outcome.ifaces[i];
	return NULL;
}

static sk_ms warn_ms(const struct sk_gate *g)
{
	return g->hooks.policy(g->hooks.ctx)->warn_s * 1000;
}

static void warn(struct sk_attached *a, const struct sk_gate_iface *f, sk_ms now)
{
	json_t *body = sk_attached_ident(a);

	a->warned = true;
	if (body == NULL)
		return;
	(void)json_object_set_new(body, "grant", json_string(f->grant));
	(void)json_object_set_new(body, "until", json_integer((json_int_t)f->until));
	(void)json_object_set_new(body, "left_s", json_integer((json_int_t)((f->until - now) / 1000)));
	(void)json_object_set_new(body, "media", sk_medium_json(a->medium));
	json_incref(body);
	(void)sk_gate_record(a->gate, "grant.warned", body);
	sk_gate_notify(a->gate, "grant.warned", body);
	json_decref(body);
	sk_medium_sync(a->medium); /* so that little is left to write at the end */
}

/* Also lets the warning be given again when the end was moved away. */
static void look_at(struct sk_attached *a, sk_ms now)
{
	const struct sk_gate_iface *f = open_by_grant(a);
	bool near = f != NULL && f->until - now <= warn_ms(a->gate);

	if (!near)
		a->warned = false;
	else if (!a->warned && f->until > now && a->medium != NULL && sk_medium_mounted(a->medium))
		warn(a, f, now);
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_gate *g = arg;

	(void)s;
	(void)usec;
	return sk_gate_reconsider(g);
}

static void set_timer(struct sk_gate *g, sk_ms in)
{
	uint64_t usec = (uint64_t)in * 1000;
	int r;

	if (g->timer == NULL) {
		(void)sd_event_add_time_relative(g->loop, &g->timer, CLOCK_BOOTTIME, usec, 50000, on_time, g);
		return;
	}
	r = sd_event_source_set_time_relative(g->timer, usec);
	if (r >= 0)
		(void)sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT);
}

static sk_ms nearer(sk_ms a, sk_ms b)
{
	return b <= 0 || a < b ? a : b;
}

void sk_gate_arm(struct sk_gate *g)
{
	sk_ms now = g->hooks.now(g->hooks.ctx), in = LOOK_AGAIN_MS, next;
	const struct sk_grants *grants = g->hooks.grants(g->hooks.ctx);
	struct sk_attached *a;
	bool any = false;

	for (a = g->first; a != NULL; a = a->next) {
		const struct sk_gate_iface *f;

		if (!by_grant(a))
			continue;
		any = true;
		look_at(a, now);
		f = open_by_grant(a);
		if (f != NULL && !a->warned)
			in = nearer(in, f->until - warn_ms(g) - now);
	}
	next = sk_policy_next_change(g->hooks.policy(g->hooks.ctx), now, sk_gate_utc_offset(now));
	if (next != 0 &&
	    g->first != NULL) { /* a rule begins or ends then; the clock is looked at often enough by the way */
		in = any ? nearer(in, next - now) : next - now < LOOK_AGAIN_MAX_MS ? next - now : LOOK_AGAIN_MAX_MS;
		any = true;
	}
	if (g->antivirus_until > now) {
		any = true;
		in = nearer(in, g->antivirus_until - now);
	}
	if (!any) {
		if (g->timer != NULL)
			(void)sd_event_source_set_enabled(g->timer, SD_EVENT_OFF);
		return;
	}
	next = grants != NULL ? sk_grants_next_change(grants, now) : 0;
	set_timer(g, nearer(in, next - now));
}
