/*
 * The decision. Every alternate setting of the first configuration is judged alone: its rule, then the grant if the rule asks for one.
 * Of an interface's alternate settings the strictest is kept, because a driver may switch between them at any time. Then come three
 * things that look at more than one alternate setting: storage hidden behind another function, the safe path, the verdict on the whole.
 */
#include <string.h>

#include "policy/decide.h"
#include "policy/rule.h"

struct judging {
	const struct sk_policy *policy; /* may be NULL: nothing is allowed */
	const struct sk_device *device;
	const struct sk_context *context;
	struct sk_rule_query rules;
	const struct sk_grant *grant; /* the best for the device, valid or not; NULL = none */
	enum sk_grant_state grant_state;
	struct sk_verdict *out;
};

static enum sk_reason refusal_of_grant(const struct judging *j)
{
	if (!j->grant)
		return SK_REASON_NO_GRANT;
	switch (j->grant_state) {
	case SK_GRANT_NOT_YET:
		return SK_REASON_GRANT_NOT_YET;
	case SK_GRANT_OTHER_PERSON:
		return SK_REASON_GRANT_PERSON;
	default:
		return SK_REASON_GRANT_EXPIRED;
	}
}

/* What stores gets no more than its grade may have. wanted: what grant or rule would give. */
static void admit(const struct judging *j, struct sk_iface_verdict *v, enum sk_access wanted, enum sk_reason reason)
{
	enum sk_access most = SK_ACCESS_RW;

	if (v->kind & SK_USB_STORING)
		most =
		    (unsigned)j->device->grade <= SK_GRADE_A ? j->policy->grade_max[j->device->grade] : SK_ACCESS_NONE;
	else
		wanted = SK_ACCESS_RW;
	v->access = wanted < most ? wanted : most;
	v->reason = reason;
	if (v->access == SK_ACCESS_NONE)
		v->reason = SK_REASON_GRADE;
	else if (v->access == SK_ACCESS_RO && v->kind == SK_USB_IMAGE)
		v->reason = SK_REASON_NO_READ_ONLY;
	v->allow = v->reason == reason;
	if (!v->allow)
		v->access = SK_ACCESS_NONE;
}

/* Audit and learn modes let pass what would be refused, but never what stores, nor where a rule for storage decided. */
static void loosen(const struct judging *j, struct sk_iface_verdict *v)
{
	if (v->allow || !j->policy || j->policy->mode == SK_MODE_ENFORCE)
		return;
	if ((v->kind & SK_USB_STORING) || (v->rule && (v->rule->kinds & SK_USB_STORING)))
		return;
	v->allow = true;
	v->access = SK_ACCESS_RW;
	v->reason = SK_REASON_AUDIT;
}

static void judge_alt(const struct judging *j, const struct sk_usb_alt *a, struct sk_iface_verdict *v)
{
	*v = (struct sk_iface_verdict){
	    .number = a->number,
	    .cls = a->cls,
	    .sub = a->sub,
	    .proto = a->proto,
	    .kind = sk_usb_alt_kind(a),
	    .rule = sk_rule_first(&j->rules, a),
	    .reason = SK_REASON_DEFAULT,
	};
	if (v->rule && v->rule->action == SK_ACTION_ALLOW) {
		admit(j, v, SK_ACCESS_RW, SK_REASON_RULE_ALLOW);
	} else if (v->rule && v->rule->action == SK_ACTION_GRANT) {
		v->grant = j->grant;
		if (j->grant && j->grant_state == SK_GRANT_VALID)
			admit(j, v, j->grant->access, SK_REASON_GRANT);
		else
			v->reason = refusal_of_grant(j);
	} else if (v->rule) {
		v->reason = SK_REASON_RULE_DENY;
	}
	loosen(j, v);
}

/* Is a stricter than b: a refusal, then what stores, then less access. */
static bool stricter(const struct sk_iface_verdict *a, const struct sk_iface_verdict *b)
{
	bool a_stores = a->kind & SK_USB_STORING, b_stores = b->kind & SK_USB_STORING;

	if (a->allow != b->allow)
		return !a->allow;
	if (a_stores != b_stores)
		return a_stores;
	return a->access < b->access;
}

static struct sk_iface_verdict *slot(struct sk_verdict *out, uint8_t number)
{
	for (size_t i = 0; i < out->n_ifaces; i++) {
		if (out->ifaces[i].number == number)
			return &out->ifaces[i];
	}
	return NULL;
}

/* The setting that the kernel begins with: number 0, or the first it finds. */
static bool is_initial(const struct sk_usb_desc *d, const struct sk_usb_alt *a)
{
	const struct sk_usb_alt *first = NULL;

	if (a->alt == 0)
		return true;
	for (size_t i = 0; i < d->n_alts; i++) {
		const struct sk_usb_alt *b = &d->alts[i];

		if (b->config != a->config || b->number != a->number)
			continue;
		if (b->alt == 0)
			return false;
		if (!first)
			first = b;
	}
	return first == a;
}

static unsigned hidden_kinds(const struct sk_usb_desc *d)
{
	unsigned shown = 0, all = 0;

	for (size_t i = 0; i < d->n_alts; i++) {
		unsigned kind = sk_usb_alt_kind(&d->alts[i]);

		all |= kind;
		if (d->alts[i].first_config && is_initial(d, &d->alts[i]))
			shown |= kind;
	}
	return all & ~shown;
}

/* Do the alternate settings of one interface both store and not store. */
static bool hides_storage(const struct sk_usb_desc *d, uint8_t number)
{
	bool stores = false, other = false;

	for (size_t i = 0; i < d->n_alts; i++) {
		if (!d->alts[i].first_config || d->alts[i].number != number)
			continue;
		if (sk_usb_alt_kind(&d->alts[i]) & SK_USB_STORING)
			stores = true;
		else
			other = true;
	}
	return stores && other;
}

static void deny(struct sk_iface_verdict *v, enum sk_reason reason)
{
	v->allow = false;
	v->access = SK_ACCESS_NONE;
	v->reason = reason;
}

static void deny_hidden_storage(struct judging *j)
{
	for (size_t i = 0; i < j->out->n_ifaces; i++) {
		struct sk_iface_verdict *v = &j->out->ifaces[i];

		if (hides_storage(&j->device->desc, v->number) && !(v->allow && v->reason == SK_REASON_GRANT))
			deny(v, SK_REASON_HIDDEN_STORAGE);
	}
}

static bool on_safe_path(const struct judging *j)
{
	const struct sk_usb_desc *d = &j->device->desc;
	bool keyboard, mouse;

	if (sk_usb_is_pure_hub(d)) /* the missing keyboard may be behind it */
		return j->device->is_root_hub || j->context->other_keyboards == 0 || j->context->other_mice == 0;
	if (!sk_usb_is_pure_input(d))
		return false;
	sk_usb_input_roles(d, &keyboard, &mouse);
	return (keyboard && j->context->other_keyboards == 0) || (mouse && j->context->other_mice == 0);
}

static void take_safe_path(struct judging *j)
{
	if (!on_safe_path(j))
		return;
	for (size_t i = 0; i < j->out->n_ifaces; i++) {
		struct sk_iface_verdict *v = &j->out->ifaces[i];

		if (v->allow)
			continue;
		v->allow = true;
		v->access = SK_ACCESS_RW;
		v->reason = SK_REASON_SAFE_PATH;
		v->rule = NULL;
		v->grant = NULL;
	}
}

const struct sk_iface_verdict *sk_verdict_main(const struct sk_verdict *v)
{
	const struct sk_iface_verdict *best = NULL;

	for (size_t i = 0; i < v->n_ifaces; i++) {
		const struct sk_iface_verdict *it = &v->ifaces[i];

		if (!best || (!it->allow && stricter(it, best)))
			best = it;
	}
	return best;
}

static void conclude(struct judging *j)
{
	const struct sk_iface_verdict *main = sk_verdict_main(j->out);

	for (size_t i = 0; i < j->out->n_ifaces; i++)
		j->out->allow = j->out->allow || j->out->ifaces[i].allow;
	j->out->reason = main ? main->reason : SK_REASON_DEFAULT;
}

/* Whole, with what could be read of its interfaces for the record. */
static void deny_whole(const struct sk_device *d, struct sk_verdict *out)
{
	out->reason = SK_REASON_MALFORMED;
	for (size_t i = 0; i < d->desc.n_alts; i++) {
		const struct sk_usb_alt *a = &d->desc.alts[i];

		if (!a->first_config || slot(out, a->number) || out->n_ifaces == SK_IFACES_MAX)
			continue;
		out->ifaces[out->n_ifaces++] = (struct sk_iface_verdict){
		    .number = a->number,
		    .cls = a->cls,
		    .sub = a->sub,
		    .proto = a->proto,
		    .kind = sk_usb_alt_kind(a),
		    .reason = SK_REASON_MALFORMED,
		};
	}
}

static bool judge_all(struct judging *j)
{
	const struct sk_usb_desc *d = &j->device->desc;
	struct sk_iface_verdict v, *s;

	for (size_t i = 0; i < d->n_alts; i++) {
		if (!d->alts[i].first_config)
			continue;
		j->out->config = d->alts[i].config;
		judge_alt(j, &d->alts[i], &v);
		s = slot(j->out, v.number);
		if (!s && j->out->n_ifaces == SK_IFACES_MAX)
			return false; /* the parser refuses this before */
		if (!s)
			j->out->ifaces[j->out->n_ifaces++] = v;
		else if (stricter(&v, s))
			*s = v;
	}
	return true;
}

void sk_decide(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
               const struct sk_context *c, struct sk_verdict *out)
{
	struct judging j = {.policy = p, .device = d, .context = c, .out = out};

	memset(out, 0, sizeof(*out));
	out->hidden_kinds = hidden_kinds(&d->desc);
	if (!d->desc_ok) {
		deny_whole(d, out);
		return;
	}
	sk_rule_query_init(&j.rules, p, d);
	j.grant = sk_grants_find(g, d, c->now, c->person, &j.grant_state);
	if (!judge_all(&j)) {
		memset(out, 0, sizeof(*out));
		deny_whole(d, out);
		return;
	}
	deny_hidden_storage(&j);
	take_safe_path(&j);
	conclude(&j);
}
