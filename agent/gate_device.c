/* One attached device: facts -> decision -> record -> enforcement. What enforcement does is in gate_enforce.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/gate_impl.h"
#include "common/i18n.h"
#include "common/text.h"

int sk_attached_new(struct sk_gate *g, const char *name, const char *devpath, struct sk_attached **out)
{
	const struct sk_usb *usb = sk_gate_via(g, name);
	struct sk_attached *a = malloc(sizeof(*a));
	int r;

	if (a == NULL)
		return -ENOMEM;
	(void)memset(a, 0, offsetof(struct sk_attached, facts));
	(void)memset(&a->outcome, 0, offsetof(struct sk_outcome, ifaces));
	a->gate = g;
	a->via = usb;
	r = usb->ops->open(usb->ctx, name, devpath, &a->dev);
	if (r == 0)
		r = usb->ops->read(usb->ctx, a->dev, &a->facts, &a->print);
	if (r < 0 && a->dev != NULL && usb->ops->alive(usb->ctx, a->dev)) {
		/* There, but unreadable: nothing is known of it, so it is malformed for the decision. */
		(void)memset(&a->facts, 0, sizeof(a->facts));
		sk_text_copy(a->facts.name, sizeof(a->facts.name), a->dev->name);
		sk_text_copy(a->facts.bus, sizeof(a->facts.bus), usb == &g->sys.usb ? "usb" : sk_bus_of(name)->name);
		sk_text_copy(a->facts.desc_problem, sizeof(a->facts.desc_problem),
		             N_("its descriptors cannot be read"));
		r = 0;
	}
	if (r < 0) {
		(void)sk_attached_free(a);
		return r;
	}
	*out = a;
	return 0;
}

struct sk_attached *sk_attached_free(struct sk_attached *a)
{
	if (a == NULL)
		return NULL;
	if (a->loading != NULL)
		a->gate->sys.cancel(a->loading);
	sk_attached_end_look(a, -ENODEV);
	sk_attached_end_erase(a, N_("it was unplugged"));
	a->look_timer = sd_event_source_disable_unref(a->look_timer);
	(void)sk_medium_free(a->medium);
	a->via->ops->close(a->via->ctx, a->dev);
	free(a);
	return NULL;
}

/* Hubs and pure input devices are admitted even when the journal is broken: a full disk must not cost the keyboard. */
bool sk_attached_harmless(const struct sk_attached *a)
{
	return a->facts.desc_ok && (sk_usb_is_pure_hub(&a->facts.desc) || sk_usb_is_pure_input(&a->facts.desc));
}

/* Of what the decision gives, only what is open already, and hubs and keys: see above. */
static void withhold(struct sk_attached *a, const struct sk_outcome *before)
{
	struct sk_outcome *o = &a->outcome;
	size_t i;

	o->allow = false;
	for (i = 0; i < o->n; i++) {
		const struct sk_gate_iface *was = sk_outcome_iface(before, o->ifaces[i].number);

		if (!(o->ifaces[i].kind & (SK_USB_HUB | SK_USB_INPUT)) &&
		    (was == NULL || !was->allow || was->pending || was->access < o->ifaces[i].access)) {
			o->ifaces[i].allow = false;
			o->ifaces[i].access = SK_ACCESS_NONE;
		}
		o->allow = o->allow || o->ifaces[i].allow;
	}
	a->decided = false; /* asked again at the next occasion */
	sk_attached_note(a, "enforcement.failed", N_("not admitted, because the decision could not be recorded"), NULL);
}

#define QUIET_MS 60000

/* The first refusal of a device at a port is recorded at once, the same again once a minute with how many there were. 0 = not now. */
static int64_t count_refusal(struct sk_attached *a, const struct sk_outcome *o)
{
	struct sk_gate *g = a->gate;
	struct sk_refusal *f = &g->recent[0];
	sk_ms now = g->hooks.now(g->hooks.ctx);
	int64_t n;
	size_t i;

	for (i = 0; i < SK_RECENT; i++) {
		struct sk_refusal *x = &g->recent[i];

		if (x->at != 0 && x->reason == o->reason && strcmp(x->port, a->dev->name) == 0 &&
		    strcmp(x->key, a->facts.desc.device_key) == 0 && strcmp(x->rule, o->rule) == 0) {
			n = ++x->unsaid;
			if (now >= x->at && now - x->at < QUIET_MS)
				return 0;
			x->at = now;
			x->unsaid = 0;
			return n;
		}
		if (x->at < f->at)
			f = x;
	}
	*f = (struct sk_refusal){.reason = o->reason, .at = now};
	sk_text_copy(f->port, sizeof(f->port), a->dev->name);
	sk_text_copy(f->key, sizeof(f->key), a->facts.desc.device_key);
	sk_text_copy(f->rule, sizeof(f->rule), o->rule);
	return 1;
}

/* The person hears what came of it, not that it is looked at. */
static bool being_looked_at(const struct sk_outcome *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->allow && o->ifaces[i].pending)
			return true;
	return false;
}

/* What was open for looking alone and is given to somebody now stays so until that is recorded. False: nothing is. */
static bool hold_look(struct sk_outcome *o, const struct sk_outcome *before)
{
	bool any = false;

	for (size_t i = 0; o->allow && before->allow && i < o->n; i++) {
		const struct sk_gate_iface *was = sk_outcome_iface(before, o->ifaces[i].number);

		if (!o->ifaces[i].allow || o->ifaces[i].pending || was == NULL || !was->allow || !was->pending)
			continue;
		o->ifaces[i].pending = any = true;
		o->ifaces[i].access = SK_ACCESS_RO;
	}
	return any;
}

/* What is neither counted nor held back until it is recorded need not be looked at for whether it opens anything. */
static bool waits_for_record(const struct sk_attached *a, const struct sk_outcome *o)
{
	bool counted = false;

	for (size_t i = 0; i < o->n; i++)
		counted = counted || o->ifaces[i].grant[0] != '\0';
	return counted || !sk_attached_harmless(a);
}

static void carry_out(struct sk_attached *a, const struct sk_verdict *v, const struct sk_outcome *next)
{
	struct sk_outcome before;
	bool opens = waits_for_record(a, next) && sk_attached_would_open(a, next), after_look;
	int64_t count = next->allow || a->decided ? 1 : count_refusal(a, next);
	json_t *body = count == 0 ? NULL : sk_verdict_json(&a->facts, v);
	int r = 0;

	sk_outcome_copy(&before, &a->outcome);
	sk_outcome_copy(&a->outcome, next);
	a->echoes = 0;
	after_look = hold_look(&a->outcome, &before);
	a->taken_over = being_looked_at(next) ? a->taken_over || (!a->decided && !opens) : a->taken_over && after_look;
	opens = opens || (after_look && !a->taken_over);
	a->decided = true;
	a->since = a->gate->hooks.now(a->gate->hooks.ctx);
	/* What is taken away does not wait for the journal; what is given does. */
	sk_attached_shut(a);
	if (body != NULL && a->gate->person[0] != '\0')
		(void)json_object_set_new(body, "person", json_string(a->gate->person));
	if (body != NULL && next->internal)
		(void)json_object_set_new(body, "internal", json_true());
	if (body != NULL && count > 1)
		(void)json_object_set_new(body, "count", json_integer((json_int_t)count));
	if (body != NULL)
		json_incref(body);
	a->unsaid = count == 0;
	/* A keyboard does not wait for the disk: it would be admitted even if it could not be recorded. */
	if (next->allow && sk_attached_harmless(a))
		sk_attached_open(a);
	if (body != NULL && next->allow && !a->outcome.allow)
		(void)json_object_set_new(body, "overtaken",
		                          json_true()); /* refused on the way; its record stands before */
	if (count > 0)
		r = sk_gate_record(a->gate, "device.decided", body);
	if (after_look && !a->barred)
		sk_outcome_copy(&a->outcome, next);
	if (r >= 0 && opens && !a->barred)
		r = sk_attached_use(a);
	if (r < 0 && opens && !sk_attached_harmless(a)) {
		withhold(a, &before);
		if (after_look) /* it is open for looking still */
			sk_attached_shut(a);
	}
	a->taken_over = a->taken_over && !after_look;
	if (a->outcome.allow && !sk_attached_harmless(a))
		sk_attached_open(a);
	else if (!a->outcome.allow)
		sk_attached_leaves(a);
	sk_gate_keyboard_decided(a);
	if (body != NULL && a->gate->hooks.notify != NULL && !being_looked_at(&a->outcome)) {
		sk_attached_sentences(a, v, body);
		sk_gate_notify(a->gate, "device.decided", body);
	}
	json_decref(body);
}

/* What is open for one person, or for writing, and may go on only for another, or for reading. NULL = it may go on as it is. */
static const char *must_close(const struct sk_attached *a, const struct sk_outcome *next)
{
	const char *cause = NULL;
	size_t i;

	for (i = 0; cause == NULL && a->medium != NULL && !next->internal && next->allow && i < next->n; i++) {
		const struct sk_gate_iface *f = &next->ifaces[i];
		struct sk_leave l = {.access = SK_ACCESS_NONE};

		if (!f->allow || f->kind != SK_USB_STORAGE || sk_attached_access(a, f->number) == SK_ACCESS_NONE)
			continue;
		sk_gate_iface_leave(a->gate, f, &l);
		cause = sk_medium_must_close(a->medium, f->number, &l);
	}
	return cause;
}

/* Storage is shut first; what was decided is carried out when that is done. */
static void close_first(struct sk_attached *a, const char *cause)
{
	struct sk_outcome *o = &a->outcome;
	size_t i;

	o->allow = false;
	for (i = 0; i < o->n; i++) {
		if (o->ifaces[i].kind == SK_USB_STORAGE) {
			o->ifaces[i].allow = false;
			o->ifaces[i].access = SK_ACCESS_NONE;
		}
		o->allow = o->allow || o->ifaces[i].allow;
	}
	a->decided = false;
	a->alias_tried = false;
	a->reopening = cause;
	sk_attached_shut(a);
}

/* True: it is shut now, or was never to be. */
static bool closed_first(struct sk_attached *a, const struct sk_outcome *next)
{
	const char *cause = a->reopening != NULL || !a->decided ? NULL : must_close(a, next);

	if (cause != NULL)
		close_first(a, cause);
	if (a->reopening == NULL)
		return true;
	if (a->closing)
		return false; /* sk_attached_settle comes back here */
	a->reopening = NULL;
	if (a->medium != NULL)
		sk_medium_prune(a->medium);
	return !a->barred;
}

void sk_attached_consider(struct sk_attached *a)
{
	struct sk_outcome next;
	struct sk_identity id;
	struct sk_verdict v;

	if (a->dev->root_hub || a->barred)
		return;
	do {
		sk_attached_identity(a, &id);
		a->facts.grade = id.stage == SK_ID_PROVED ? id.grade : SK_GRADE_C;
		sk_attached_decide(a, &v, &next);
	} while (sk_attached_forget_look(a, &next)); /* once */
	if (!closed_first(a, &next))
		return;
	if (a->decided && sk_outcome_same(&a->outcome, &next)) {
		sk_outcome_copy(&a->outcome, &next); /* the end of a grant may have moved */
		sk_attached_leaves(a);
		sk_attached_bound_look(a);
		return;
	}
	if (a->loading != NULL) {
		a->gate->sys.cancel(a->loading);
		a->loading = NULL;
	}
	carry_out(a, &v, &next);
	sk_attached_bound_look(a);
}
