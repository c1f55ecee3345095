/*
 * What is allowed to stand in a policy and still looks like a mistake: rules that nothing can reach, and openings an administrator should
 * know of. A rule covers a later one when each of its conditions holds wherever the later one's do.
 */
#include <string.h>

#include "policy/rule.h"

/* Masks where 0 means "not asked": does the first hold wherever the second does. */
static bool mask_covers(unsigned a, unsigned b)
{
	return a == 0 || (b != 0 && (b & ~a) == 0);
}

/* The same for kinds: what lies within a kind is covered by it. */
static bool kinds_cover(unsigned a, unsigned b)
{
	if (a == 0)
		return true;
	for (unsigned i = 0; i < SK_USB_KINDS + SK_USB_SORTS; i++) {
		unsigned bit = b & 1u << i, within = sk_usb_kinds_whole(bit) & ~bit;

		if (bit && !(a & bit) && (within == 0 || (within & ~a)))
			return false;
	}
	return b != 0;
}

static bool value_covers(int a, int b)
{
	return a < 0 || a == b;
}

static bool class_covers(const struct sk_rule_class *a, const struct sk_rule_class *b)
{
	return value_covers(a->cls, b->cls) && value_covers(a->sub, b->sub) && value_covers(a->proto, b->proto);
}

/* Is each class of b within one of a. */
static bool class_list_covers(const struct sk_rule_class *a, size_t na, const struct sk_rule_class *b, size_t nb)
{
	for (size_t i = 0; i < nb; i++) {
		bool found = false;

		for (size_t k = 0; k < na && !found; k++)
			found = class_covers(&a[k], &b[i]);
		if (!found)
			return false;
	}
	return true;
}

static bool classes_cover(const struct sk_rule *a, const struct sk_rule *b)
{
	return a->n_classes == 0 ||
	       (b->n_classes > 0 && class_list_covers(a->classes, a->n_classes, b->classes, b->n_classes));
}

/* any and only: b's list lies within a's. all: each class that a asks for is had by what b asks for. */
static bool sets_cover(const struct sk_rule *a, const struct sk_rule *b)
{
	const struct sk_rule_classes *any = &a->ifaces_any, *all = &a->ifaces_all, *only = &a->ifaces_only;
	bool good = any->n == 0 ||
	            (b->ifaces_any.n > 0 && class_list_covers(any->of, any->n, b->ifaces_any.of, b->ifaces_any.n));

	good = good && (only->n == 0 || (b->ifaces_only.n > 0 &&
	                                 class_list_covers(only->of, only->n, b->ifaces_only.of, b->ifaces_only.n)));
	for (size_t i = 0; good && i < all->n; i++) {
		bool found = false;

		for (size_t k = 0; k < b->ifaces_all.n && !found; k++)
			found = class_covers(&all->of[i], &b->ifaces_all.of[k]);
		good = found;
	}
	return good;
}

static bool model_covers(const struct sk_rule_model *a, const struct sk_rule_model *b)
{
	if (!value_covers(a->vid, b->vid))
		return false;
	return a->pid < 0 ||
	       (b->pid >= 0 && (a->pid_mask & b->pid_mask) == a->pid_mask && (b->pid & a->pid_mask) == a->pid);
}

static bool models_cover(const struct sk_rule *a, const struct sk_rule *b)
{
	for (size_t i = 0; i < b->n_models; i++) {
		bool found = false;

		for (size_t k = 0; k < a->n_models && !found; k++)
			found = model_covers(&a->models[k], &b->models[i]);
		if (!found)
			return a->n_models == 0;
	}
	return a->n_models == 0 || b->n_models > 0;
}

static bool ports_cover(const struct sk_rule *a, const struct sk_rule *b)
{
	for (size_t i = 0; i < b->n_ports; i++) {
		bool found = false;

		/* "1-2*" covers "1-2.3" and "1-2.*" alike: the pattern's own text begins with what it asks for. */
		for (size_t k = 0; k < a->n_ports && !found; k++)
			found = sk_rule_port_covers(a->ports[k], b->ports[i]);
		if (!found)
			return a->n_ports == 0;
	}
	return a->n_ports == 0 || b->n_ports > 0;
}

static bool serial_covers(const char *a, const char *b)
{
	size_t n = a ? strlen(a) : 0;

	if (!a || !b)
		return !a;
	return a[n - 1] == '*' ? strncmp(a, b, n - 1) == 0 : strcmp(a, b) == 0;
}

static bool context_covers(const struct sk_rule *a, const struct sk_rule *b)
{
	return mask_covers(a->zones, b->zones) && sk_words_cover(&a->names, &b->names, true) &&
	       sk_words_cover(&a->hosts, &b->hosts, true) && sk_words_cover(&a->sections, &b->sections, false) &&
	       sk_words_cover(&a->persons, &b->persons, false) && sk_words_cover(&a->groups, &b->groups, false) &&
	       sk_when_covers(&a->when, &b->when);
}

static bool medium_covers(const struct sk_rule *a, const struct sk_rule *b)
{
	return a->grade <= b->grade && sk_words_cover(&a->ledgers, &b->ledgers, false) &&
	       mask_covers(a->encryptions, b->encryptions) &&
	       (!a->has_size || (b->has_size && a->size_min <= b->size_min && a->size_max >= b->size_max));
}

static bool covers(const struct sk_rule *a, const struct sk_rule *b)
{
	return kinds_cover(sk_rule_kinds(a), sk_rule_kinds(b)) && kinds_cover(a->only, b->only) &&
	       kinds_cover(a->with, b->with) && classes_cover(a, b) && models_cover(a, b) && ports_cover(a, b) &&
	       serial_covers(a->serial, b->serial) && sets_cover(a, b) && mask_covers(a->buses, b->buses) &&
	       mask_covers(a->connects, b->connects) && context_covers(a, b) && medium_covers(a, b);
}

static bool names_storing_class(const struct sk_rule *r)
{
	const struct sk_usb_alt storing[] = {{.cls = 0x08}, {.cls = 0x06}};

	for (size_t i = 0; i < r->n_classes; i++) {
		for (size_t k = 0; k < sizeof(storing) / sizeof(storing[0]); k++) {
			if (r->classes[i].cls == storing[k].cls)
				return true;
		}
	}
	return false;
}

struct review {
	sk_ms now; /* 0 = dates are not looked at */
	int utc_offset_s;
	int dead; /* rules that can do nothing */
};

static int rule_warnings(const struct sk_policy *p, size_t i, struct review *w, struct sk_buf *out)
{
	const struct sk_rule *r = &p->rules[i];
	const char *why;
	int n = 0;

	for (size_t k = 0; k < i; k++) {
		if (!covers(&p->rules[k], r))
			continue;
		sk_buf_addf(out, "%s:%d: rule \"%s\" is never reached: rule \"%s\" (line %d) matches all of it first\n",
		            p->file, r->line, r->name, p->rules[k].name, p->rules[k].line);
		n++;
		break;
	}
	why = sk_rule_never(p, r, w->now, w->utc_offset_s);
	if (why) {
		sk_buf_addf(out, "%s:%d: rule \"%s\" can never match: %s\n", p->file, r->line, r->name, why);
		n++;
	}
	w->dead += n;
	if (r->action == SK_ACTION_ALLOW && !r->kinds && names_storing_class(r)) {
		sk_buf_addf(
		    out,
		    "%s:%d: rule \"%s\" does not allow storage: it names the class, but not kind = storage or image\n",
		    p->file, r->line, r->name);
		n++;
	}
	if (r->action == SK_ACTION_ALLOW && (r->kinds & SK_USB_NAMES_STORING)) {
		sk_buf_addf(out, "%s:%d: rule \"%s\" lets media in without a permit; action = grant asks for one\n",
		            p->file, r->line, r->name);
		n++;
	}
	return n;
}

int sk_policy_warnings(const struct sk_policy *p, struct sk_buf *out)
{
	return sk_policy_review(p, 0, 0, out, NULL);
}

int sk_policy_review(const struct sk_policy *p, sk_ms now, int utc_offset_s, struct sk_buf *out, int *dead)
{
	struct review w = {now, utc_offset_s, 0};
	int n = 0;

	for (size_t i = 0; i < p->n_rules; i++)
		n += rule_warnings(p, i, &w, out);
	if (dead)
		*dead = w.dead;
	if (p->grade_max[SK_GRADE_C] == SK_ACCESS_RW) {
		sk_buf_addf(out, "%s: [grants] grade_c = rw: media known by their own word alone can be written to\n",
		            p->file);
		n++;
	}
	if (p->mode != SK_MODE_ENFORCE) {
		sk_buf_addf(out, "%s: mode = %s: only media are refused\n", p->file, sk_mode_name(p->mode));
		n++;
	}
	if (!p->contact_ja[0] || !p->contact_en[0]) {
		sk_buf_addf(out, "%s: [policy] has no contact_ja or contact_en: a refusal does not say whom to ask\n",
		            p->file);
		n++;
	}
	return n;
}
