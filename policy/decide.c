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
	const struct sk_media_facts *media; /* NULL = not known yet */
	struct sk_identity identity;
	bool open; /* the medium will be judged before anybody can use it: what only it can prove may still come */
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
	case SK_GRANT_USED_UP:
		return SK_REASON_GRANT_USED_UP;
	default:
		return SK_REASON_GRANT_EXPIRED;
	}
}

/* The most that its grade gives to what stores. While the medium is not known it may still prove more than the device did. */
static enum sk_access grade_most(const struct judging *j, unsigned kind)
{
	enum sk_access most = SK_ACCESS_NONE;
	enum sk_grade grade = j->device->grade;

	if ((unsigned)grade > SK_GRADE_A)
		return SK_ACCESS_NONE;
	if (j->media && j->media->grade > grade)
		grade = j->media->grade <= SK_GRADE_A ? j->media->grade : grade;
	if (kind != SK_USB_STORAGE || !j->open || j->context->unregistered)
		return j->policy->grade_max[grade];
	for (int g = grade; g <= SK_GRADE_A; g++) {
		if (j->policy->grade_max[g] > most)
			most = j->policy->grade_max[g];
	}
	return most;
}

/* SK_REASON_RULE_ALLOW: nothing speaks against it; else why what stores cannot be held to this access. */
static enum sk_reason cannot_hold(const struct judging *j, unsigned kind, enum sk_access access)
{
	if (access == SK_ACCESS_NONE)
		return SK_REASON_GRADE;
	if (kind == SK_USB_IMAGE && access != SK_ACCESS_RW)
		return sk_access_encrypted(access) ? SK_REASON_NOT_ENCRYPTED : SK_REASON_NO_READ_ONLY;
	if (!sk_access_encrypted(access) || j->open || (kind == SK_USB_STORAGE && j->context->holds_encrypted))
		return SK_REASON_RULE_ALLOW;
	return j->media && j->media->encryption > SK_ENC_NONE ? SK_REASON_RULE_ALLOW : SK_REASON_NOT_ENCRYPTED;
}

/* What stores gets no more than its grade may have. wanted: what grant and rule would give. */
static void admit(const struct judging *j, struct sk_iface_verdict *v, enum sk_access wanted, enum sk_reason reason)
{
	enum sk_reason against = SK_REASON_RULE_ALLOW;

	if (v->kind & SK_USB_STORING) {
		v->access = sk_media_access(&j->policy->media, sk_access_meet(wanted, grade_most(j, v->kind)));
		against = cannot_hold(j, v->kind, v->access);
	} else {
		v->access = SK_ACCESS_RW;
	}
	v->allow = against == SK_REASON_RULE_ALLOW;
	v->reason = v->allow ? reason : against;
	if (!v->allow)
		v->access = SK_ACCESS_NONE;
	v->pending = v->allow && j->open && v->kind == SK_USB_STORAGE;
}

/* Audit and learn modes let pass what would be refused, but never what stores, nor where a rule for storage decided. */
static void loosen(const struct judging *j, struct sk_iface_verdict *v)
{
	if (v->allow || !j->policy || j->policy->mode == SK_MODE_ENFORCE)
		return;
	if ((v->kind & SK_USB_STORING) || (v->rule && (v->rule->kinds & SK_USB_NAMES_STORING)))
		return;
	v->allow = true;
	v->access = SK_ACCESS_RW;
	v->reason = SK_REASON_AUDIT;
}

static void judge_rule(const struct judging *j, const struct sk_rule *r, struct sk_iface_verdict *v)
{
	v->rule = r;
	if (r->action == SK_ACTION_DENY) {
		v->reason = SK_REASON_RULE_DENY;
	} else if (r->action == SK_ACTION_ALLOW) {
		admit(j, v, r->access, SK_REASON_RULE_ALLOW);
	} else {
		v->grant = j->grant;
		if (j->grant && j->grant_state == SK_GRANT_VALID)
			admit(j, v, sk_access_meet(j->grant->access, r->access), SK_REASON_GRANT);
		else
			v->reason = refusal_of_grant(j);
	}
}

/* Of rules that wait for the medium: those that cannot give anything are needed for the first one's reason only, denials not at all where
 * the medium is judged later. */
static void leave_lists(const struct judging *j, struct sk_rule_walk *w, const struct sk_rule *r, bool any)
{
	if (j->open)
		sk_rule_walk_leave(w, SK_ACTION_DENY);
	if (!j->open && r->action == SK_ACTION_ALLOW)
		sk_rule_walk_leave(w, SK_ACTION_ALLOW);
	if (r->action == SK_ACTION_GRANT && !any && (!j->open || !j->grant || j->grant_state != SK_GRANT_VALID))
		sk_rule_walk_leave(w, SK_ACTION_GRANT);
}

/*
 * v comes in as the default deny. best: the most that a rule would give which only the medium can make match; why: what the first such
 * rule says when it gives nothing, so that the clerk hears "no permit" and not "no rule".
 */
static void walk_rules(const struct judging *j, const struct sk_usb_alt *a, struct sk_iface_verdict *v)
{
	const struct sk_iface_verdict none = *v;
	struct sk_iface_verdict best = none, why = none, it;
	struct sk_rule_walk w;
	const struct sk_rule *r;
	enum sk_match how;

	sk_rule_walk_init(&w, &j->rules, a);
	while (best.access != SK_ACCESS_RW && (r = sk_rule_walk_next(&w, &how)) != NULL) {
		it = none;
		judge_rule(j, r, &it);
		if (how == SK_MATCH_YES || (!j->open && r->action == SK_ACTION_DENY)) {
			*v = it;
			break;
		}
		if (j->open && it.allow && it.access > best.access)
			best = it;
		if (!it.allow && !why.rule && r->action != SK_ACTION_DENY)
			why = it;
		leave_lists(j, &w, r, best.allow);
	}
	if (best.allow && (!v->allow || best.access > v->access))
		*v = best;
	else if (!v->rule && why.rule)
		*v = why;
}

static void judge_alt(const struct judging *j, const struct sk_usb_alt *a, struct sk_iface_verdict *v)
{
	*v = (struct sk_iface_verdict){
	    .number = a->number,
	    .cls = a->cls,
	    .sub = a->sub,
	    .proto = a->proto,
	    .kind = sk_usb_alt_kind(a),
	    .reason = SK_REASON_DEFAULT,
	};
	walk_rules(j, a, v);
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
	v->pending = false;
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

/* SK_REASON_RULE_ALLOW: nothing. What holds for every medium at this moment, whatever lets it in (6.4(2)エ). */
static enum sk_reason state_forbids(const struct judging *j)
{
	if (!j->policy)
		return SK_REASON_RULE_ALLOW;
	if (j->policy->media.antivirus && j->context->antivirus_stale)
		return SK_REASON_ANTIVIRUS;
	if (j->context->locked &&
	    (j->policy->media.on_lock == SK_LOCK_CLOSE ||
	     (j->policy->media.on_lock == SK_LOCK_BY_ZONE && j->policy->zone != SK_ZONE_INTERNET)))
		return SK_REASON_LOCKED;
	return SK_REASON_RULE_ALLOW;
}

static void deny_by_state(const struct judging *j, struct sk_iface_verdict *v)
{
	enum sk_reason why = state_forbids(j);

	if (why != SK_REASON_RULE_ALLOW && v->allow && (v->kind & SK_USB_STORING))
		deny(v, why);
}

/* What the ledger says of the medium stands above rules and grants. */
static void hold_to_ledger(const struct judging *j, struct sk_iface_verdict *v)
{
	static const enum sk_reason reasons[] = {[SK_MEDIUM_LOST] = SK_REASON_LOST,
	                                         [SK_MEDIUM_ERASED] = SK_REASON_ERASED,
	                                         [SK_MEDIUM_DISPOSED] = SK_REASON_DISPOSED};
	const struct sk_identity *id = &j->identity;

	if (!(v->kind & SK_USB_STORING))
		return;
	if (id->refused)
		deny(v, reasons[id->refused->state]);
	else if (id->stage == SK_ID_MISMATCH && (v->allow || v->reason == SK_REASON_NO_GRANT))
		deny(v, SK_REASON_MEDIA_KEY); /* also where the grant names the registered one */
	else if (v->allow && id->entry && id->entry->state == SK_MEDIUM_LONG_TERM)
		v->access = sk_access_meet(v->access, SK_ACCESS_RO);
	if (v->allow && id->entry && !sk_media_clean(&j->policy->media, j->policy->zone, id->entry))
		deny(v, SK_REASON_NOT_SANITISED);
	/* Of the organisation's container nothing is opened but what is inside. */
	if (v->allow && id->entry && id->entry->container)
		v->access = sk_access_meet(v->access, SK_ACCESS_ENCRYPTED);
	/* Without the promise to look at the medium nothing is opened that only a look can tell from an exchanged one. */
	if (v->allow && id->stage == SK_ID_CANDIDATE && !v->pending)
		deny(v, SK_REASON_MEDIA_KEY);
}

static void hold_all_to_ledger(struct judging *j)
{
	for (size_t i = 0; i < j->out->n_ifaces; i++)
		hold_to_ledger(j, &j->out->ifaces[i]);
}

/* For the ledger: opened for root alone, whatever rules and grants say; never what hides. */
static void open_for_looking(struct judging *j)
{
	for (size_t i = 0; i < j->out->n_ifaces; i++) {
		struct sk_iface_verdict *v = &j->out->ifaces[i];

		if (v->kind != SK_USB_STORAGE || hides_storage(&j->device->desc, v->number))
			continue;
		v->allow = v->pending = true;
		v->access = SK_ACCESS_RO;
		v->reason = SK_REASON_LOOKING;
		v->rule = NULL;
		v->grant = NULL;
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

static void hold_new_keyboard(struct judging *j)
{
	const struct sk_context *c = j->context;

	if (!j->policy || !j->policy->confirm_keyboard || j->policy->mode != SK_MODE_ENFORCE || c->keyboard_known ||
	    c->other_keyboards + c->built_in_keyboards == 0)
		return;
	for (size_t i = 0; i < j->out->n_ifaces; i++) {
		struct sk_iface_verdict *v = &j->out->ifaces[i];

		if (v->allow && v->kind == SK_USB_INPUT)
			deny(v, SK_REASON_CONFIRM);
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

/* The number that was proved; "" = none. */
static const char *ledger_of(const struct sk_identity *id)
{
	return id->stage == SK_ID_PROVED ? id->entry->ledger : "";
}

void sk_decide(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
               const struct sk_context *c, struct sk_verdict *out)
{
	struct judging j = {.policy = p, .device = d, .context = c, .open = c->media_follow, .out = out};

	memset(out, 0, sizeof(*out));
	out->hidden_kinds = hidden_kinds(&d->desc);
	if (!d->desc_ok) {
		deny_whole(d, out);
		return;
	}
	sk_rule_query_init(&j.rules, p, d, c, NULL);
	sk_ledger_identify(g ? g->ledger : NULL, d, &j.identity);
	j.grant = sk_grants_find_medium(g, d, j.identity.stage == SK_ID_CANDIDATE ? NULL : ledger_of(&j.identity),
	                                c->now, c->person, &c->uses, &j.grant_state);
	if (!judge_all(&j)) {
		memset(out, 0, sizeof(*out));
		deny_whole(d, out);
		return;
	}
	deny_hidden_storage(&j);
	for (size_t i = 0; i < out->n_ifaces; i++)
		deny_by_state(&j, &out->ifaces[i]);
	hold_all_to_ledger(&j);
	if (c->registering)
		open_for_looking(&j);
	take_safe_path(&j);
	hold_new_keyboard(&j);
	conclude(&j);
}

void sk_decide_medium(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                      const struct sk_media_facts *m, const struct sk_context *c, uint8_t number,
                      struct sk_iface_verdict *out)
{
	struct judging j = {.policy = p, .device = d, .context = c, .media = m};
	struct sk_iface_verdict v;
	bool any = false;

	*out = (struct sk_iface_verdict){.number = number, .kind = SK_USB_STORAGE, .reason = SK_REASON_MALFORMED};
	if (!d->desc_ok)
		return;
	sk_rule_query_init(&j.rules, p, d, c, m);
	sk_ledger_identify(g ? g->ledger : NULL, d, &j.identity);
	j.grant = sk_grants_find_medium(g, d, ledger_of(&j.identity), c->now, c->person, &c->uses, &j.grant_state);
	for (size_t i = 0; i < d->desc.n_alts; i++) {
		const struct sk_usb_alt *a = &d->desc.alts[i];

		if (!a->first_config || a->number != number)
			continue;
		judge_alt(&j, a, &v);
		if (!any || stricter(&v, out))
			*out = v;
		any = true;
	}
	if (any && hides_storage(&d->desc, number) && !(out->allow && out->reason == SK_REASON_GRANT))
		deny(out, SK_REASON_HIDDEN_STORAGE);
	deny_by_state(&j, out);
	hold_to_ledger(&j, out);
}

void sk_decide_media(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                     const struct sk_media_facts *m, const struct sk_context *c, struct sk_verdict *v)
{
	const struct sk_iface_verdict *main;

	v->allow = false;
	for (size_t i = 0; i < v->n_ifaces; i++) {
		if (v->ifaces[i].pending)
			sk_decide_medium(p, g, d, m, c, v->ifaces[i].number, &v->ifaces[i]);
		v->allow = v->allow || v->ifaces[i].allow;
	}
	main = sk_verdict_main(v);
	v->reason = main ? main->reason : v->reason;
}
