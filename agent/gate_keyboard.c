/*
 * A keyboard that arrives while another is there types nothing before somebody confirms it on the one that is there ([policy] new_keyboard = confirm). What
 * types may be any input interface: a "mouse" can send keys. Vouched for are keyboards attached when the policy began to ask, and those confirmed since, each
 * at its port. What is let in stays. The only keyboard never waits: when the other one goes, the one that waits comes in.
 *
 *      pending --confirm--> known, let in        pending --refused, or nobody for so long--> over: shut until it is plugged in again or is the only one
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/log.h"

static bool asks(const struct sk_gate *g)
{
	return g->hooks.policy(g->hooks.ctx)->confirm_keyboard;
}

static bool lets_input_in(const struct sk_outcome *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->allow && o->ifaces[i].allow && o->ifaces[i].kind == SK_USB_INPUT)
			return true;
	return false;
}

static bool waits(const struct sk_outcome *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->ifaces[i].reason == SK_REASON_CONFIRM)
			return true;
	return false;
}

void sk_gate_keyboard_context(const struct sk_attached *a, struct sk_context *c)
{
	const struct sk_gate *g = a->gate;
	struct sk_usb_state s;

	if (!asks(g))
		return;
	c->built_in_keyboards = g->built_in;
	c->keyboard_known = sk_keyboards_has(g->keyboards, a->facts.desc.device_key, a->dev->name) ||
	                    (a->decided && lets_input_in(&a->outcome));
	/* Open when we start: typed at the passphrase prompt, or let in by an earlier run. */
	if (!a->decided && !g->started && a->via->ops->state(a->via->ctx, a->dev, &s) == 0 && s.authorized)
		c->keyboard_known = true;
}

static void save(struct sk_gate *g)
{
	int r = g->sys.keyboards == NULL ? 0 : sk_keyboards_save(g->sys.keyboards, g->keyboards);

	if (r < 0)
		sk_log(SK_LOG_WARNING, "%s cannot be written: %s; what was confirmed is asked again after a restart",
		       g->sys.keyboards, strerror(-r));
}

void sk_gate_keyboards_learn(struct sk_gate *g)
{
	struct sk_attached *a;

	if (!asks(g) || g->keyboards_learned)
		return;
	g->keyboards_learned = true;
	if (g->sys.keyboards != NULL && sk_keyboards_load(g->sys.keyboards, g->keyboards) != -ENOENT)
		return; /* asked before; a damaged file vouches for nobody */
	for (a = g->first; a != NULL; a = a->next)
		if (a->decided && lets_input_in(&a->outcome))
			sk_keyboards_add(g->keyboards, a->facts.desc.device_key, a->dev->name);
	save(g);
}

/* ---- waiting ---- */

static void tell(struct sk_attached *a, const char *kind, const char *cause, const char *person)
{
	json_t *body = sk_attached_ident(a);

	if (body == NULL)
		return;
	(void)json_object_set_new(body, "cause", json_string(cause));
	if (person[0] != '\0')
		(void)json_object_set_new(body, "person", json_string(person));
	json_incref(body);
	(void)sk_gate_record(a->gate, kind, body);
	sk_gate_notify(a->gate, kind, body);
	json_decref(body);
}

static sk_ms wait_ms(const struct sk_gate *g)
{
	return g->hooks.policy(g->hooks.ctx)->confirm_s * 1000;
}

static void arm(struct sk_gate *g, sk_ms in);

static void end_waiting(struct sk_attached *a, const char *cause, const char *person)
{
	a->confirm = SK_CONFIRM_OVER;
	tell(a, "device.not-confirmed", cause, person);
}

void sk_gate_keyboards_time(struct sk_gate *g)
{
	sk_ms now = g->hooks.now(g->hooks.ctx), next = 0;
	struct sk_attached *a;

	for (a = g->first; a != NULL; a = a->next) {
		sk_ms left = a->asked + wait_ms(g) - now;

		if (a->confirm != SK_CONFIRM_PENDING)
			continue;
		if (left <= 0)
			end_waiting(a, "timeout", "");
		else if (next == 0 || left < next)
			next = left;
	}
	if (next > 0)
		arm(g, next);
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	sk_gate_keyboards_time(arg);
	return 0;
}

static void arm(struct sk_gate *g, sk_ms in)
{
	uint64_t usec = (uint64_t)in * 1000;

	if (g->confirm_timer == NULL)
		(void)sd_event_add_time_relative(g->loop, &g->confirm_timer, CLOCK_BOOTTIME, usec, 100000, on_time, g);
	else if (sd_event_source_set_time_relative(g->confirm_timer, usec) >= 0)
		(void)sd_event_source_set_enabled(g->confirm_timer, SD_EVENT_ONESHOT);
}

void sk_gate_keyboard_decided(struct sk_attached *a)
{
	if (!waits(&a->outcome)) {
		a->confirm = SK_CONFIRM_NONE;
		return;
	}
	if (a->confirm != SK_CONFIRM_NONE)
		return;
	a->confirm = SK_CONFIRM_PENDING;
	a->asked = a->gate->hooks.now(a->gate->hooks.ctx);
	sk_gate_keyboards_time(a->gate);
}

/* ---- the answer ---- */

int sk_gate_confirm(struct sk_gate *g, const char *device, const char *person, bool accept, struct sk_err *err)
{
	struct sk_attached *a = sk_gate_find(g, device);

	if (a == NULL)
		return sk_err_set(err, -ENOENT, "%s is not attached; `sekimori devices` lists what is", device);
	sk_gate_keyboards_time(g);
	if (a->confirm == SK_CONFIRM_OVER)
		return sk_err_set(err, -ERANGE, "%s waited too long or was refused; unplug it and plug it in again",
		                  device);
	if (a->confirm != SK_CONFIRM_PENDING)
		return sk_err_set(err, -EINVAL, "%s does not wait for confirmation", device);
	if (!accept) {
		end_waiting(a, "refused", person);
		return 0;
	}
	sk_keyboards_add(g->keyboards, a->facts.desc.device_key, a->dev->name);
	save(g);
	tell(a, "device.confirmed", "person", person);
	sk_attached_consider(a);
	return 0;
}
