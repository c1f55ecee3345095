/* Matching: which condition of a rule fails for an interface, and the first rule of a policy that matches it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"

#define ALL_KINDS ((1u << SK_USB_KINDS) - 1)

struct sk_rule_index {
	struct sk_rule_range kind[SK_USB_KINDS];
	struct sk_rule_range model, vendor, serial; /* sorted by key, then by rule */
	struct sk_rule_entry entries[];
};

const char *sk_match_name(enum sk_match m)
{
	static const char *const names[] = {"", "kind", "interface", "only", "with", "device", "serial", "port"};

	return (unsigned)m < sizeof(names) / sizeof(names[0]) ? names[m] : "";
}

unsigned sk_rule_kinds(const struct sk_rule *r)
{
	if (r->kinds)
		return r->kinds;
	return r->action == SK_ACTION_ALLOW ? ALL_KINDS & ~(unsigned)SK_USB_STORING : ALL_KINDS;
}

static bool any_class(const struct sk_rule *r, const struct sk_usb_alt *a)
{
	for (size_t i = 0; i < r->n_classes; i++) {
		const struct sk_rule_class *c = &r->classes[i];

		if ((c->cls < 0 || c->cls == a->cls) && (c->sub < 0 || c->sub == a->sub) &&
		    (c->proto < 0 || c->proto == a->proto))
			return true;
	}
	return r->n_classes == 0;
}

static bool any_model(const struct sk_rule *r, const struct sk_usb_desc *d)
{
	for (size_t i = 0; i < r->n_models; i++) {
		const struct sk_rule_model *m = &r->models[i];

		if ((m->vid < 0 || m->vid == d->vid) && (m->pid < 0 || m->pid == d->pid))
			return true;
	}
	return r->n_models == 0;
}

bool sk_rule_port_covers(const char *pattern, const char *port)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, port, n - 1) == 0;
	return strcmp(pattern, port) == 0;
}

static bool any_port(const struct sk_rule *r, const char *port)
{
	for (size_t i = 0; i < r->n_ports; i++) {
		if (sk_rule_port_covers(r->ports[i], port))
			return true;
	}
	return r->n_ports == 0;
}

enum sk_match sk_rule_match(const struct sk_rule *r, const struct sk_device *d, unsigned device_kinds,
                            const struct sk_usb_alt *a)
{
	if (!(sk_rule_kinds(r) & sk_usb_alt_kind(a)))
		return SK_MATCH_KIND;
	if (!any_class(r, a))
		return SK_MATCH_INTERFACE;
	if (r->only && (device_kinds & ~r->only))
		return SK_MATCH_ONLY;
	if (r->with && !(device_kinds & r->with))
		return SK_MATCH_WITH;
	if (!any_model(r, &d->desc))
		return SK_MATCH_DEVICE;
	if (r->serial && (!d->has_serial || strcmp(r->serial, d->serial) != 0))
		return SK_MATCH_SERIAL;
	return any_port(r, d->name) ? SK_MATCH_YES : SK_MATCH_PORT;
}

/* FNV-1a: only spreads; a match is always compared in full. */
static uint64_t text_key(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

static uint64_t model_key(unsigned vid, unsigned pid)
{
	return (uint64_t)vid << 16 | pid;
}

/* Does every model name its vendor, so that other vendors' devices need not look at the rule. */
static bool names_vendors(const struct sk_rule *r)
{
	for (size_t i = 0; i < r->n_models; i++) {
		if (r->models[i].vid < 0)
			return false;
	}
	return r->n_models > 0;
}

enum table { BY_KIND, BY_MODEL, BY_VENDOR, BY_SERIAL };

/* Appends to out (unless NULL) the entries of one table; returns how many. */
static size_t entries_of(const struct sk_policy *p, enum table t, unsigned kind, struct sk_rule_entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct sk_rule *r = &p->rules[i];
		bool by_model = !r->serial && names_vendors(r);

		if (t == BY_SERIAL && r->serial) {
			if (out)
				out[n] = (struct sk_rule_entry){text_key(r->serial), (uint32_t)i};
			n++;
		} else if (t == BY_KIND && !r->serial && !by_model && (sk_rule_kinds(r) & kind)) {
			if (out)
				out[n] = (struct sk_rule_entry){0, (uint32_t)i};
			n++;
		}
		for (size_t k = 0; by_model && k < r->n_models; k++) {
			const struct sk_rule_model *m = &r->models[k];

			if (t != (m->pid < 0 ? BY_VENDOR : BY_MODEL))
				continue;
			if (out)
				out[n] = (struct sk_rule_entry){
				    m->pid < 0 ? (unsigned)m->vid : model_key((unsigned)m->vid, (unsigned)m->pid),
				    (uint32_t)i};
			n++;
		}
	}
	return n;
}

static int by_key(const void *a, const void *b)
{
	const struct sk_rule_entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static struct sk_rule_entry *fill(const struct sk_policy *p, enum table t, unsigned kind, struct sk_rule_entry *at,
                                  struct sk_rule_range *range)
{
	size_t n = entries_of(p, t, kind, at);

	if (n > 1)
		qsort(at, n, sizeof(*at), by_key);
	*range = (struct sk_rule_range){at, at + n};
	return at + n;
}

int sk_rule_index_build(struct sk_policy *p)
{
	struct sk_rule_index *x;
	struct sk_rule_entry *at;
	size_t n = 0;

	for (unsigned k = 0; k < SK_USB_KINDS; k++)
		n += entries_of(p, BY_KIND, 1u << k, NULL);
	n += entries_of(p, BY_MODEL, 0, NULL) + entries_of(p, BY_VENDOR, 0, NULL) + entries_of(p, BY_SERIAL, 0, NULL);
	x = calloc(1, sizeof(*x) + n * sizeof(x->entries[0]));
	if (!x)
		return -ENOMEM;
	at = x->entries;
	for (unsigned k = 0; k < SK_USB_KINDS; k++)
		at = fill(p, BY_KIND, 1u << k, at, &x->kind[k]);
	at = fill(p, BY_MODEL, 0, at, &x->model);
	at = fill(p, BY_VENDOR, 0, at, &x->vendor);
	fill(p, BY_SERIAL, 0, at, &x->serial);
	p->index = x;
	return 0;
}

struct sk_rule_index *sk_rule_index_free(struct sk_rule_index *x)
{
	free(x);
	return NULL;
}

static struct sk_rule_range narrow(struct sk_rule_range r, uint64_t key)
{
	size_t lo = 0, hi = (size_t)(r.end - r.at);
	const struct sk_rule_entry *first, *end = r.end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r.at[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	first = r.at + lo;
	r.at = first;
	while (first < end && first->key == key)
		first++;
	r.end = first;
	return r;
}

void sk_rule_query_init(struct sk_rule_query *q, const struct sk_policy *p, const struct sk_device *d)
{
	const struct sk_rule_index *x = p ? p->index : NULL;

	memset(q, 0, sizeof(*q));
	q->policy = p;
	q->device = d;
	q->device_kinds = sk_usb_desc_kinds(&d->desc);
	if (!x)
		return;
	q->model = narrow(x->model, model_key(d->desc.vid, d->desc.pid));
	q->vendor = narrow(x->vendor, d->desc.vid);
	if (d->has_serial && x->serial.at < x->serial.end)
		q->serial = narrow(x->serial, text_key(d->serial));
}

/* The range whose next rule comes first in the policy; NULL when all are empty. */
static struct sk_rule_range *earliest(struct sk_rule_range *r, size_t n)
{
	struct sk_rule_range *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (r[i].at < r[i].end && (!best || r[i].at->rule < best->at->rule))
			best = &r[i];
	}
	return best;
}

static const struct sk_rule *first_of_all(const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	for (size_t i = 0; i < q->policy->n_rules; i++) {
		const struct sk_rule *r = &q->policy->rules[i];

		if (sk_rule_match(r, q->device, q->device_kinds, a) == SK_MATCH_YES)
			return r;
	}
	return NULL;
}

const struct sk_rule *sk_rule_first(const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	const struct sk_policy *p = q->policy;
	struct sk_rule_range *r;

	if (!p)
		return NULL;
	if (!p->index)
		return first_of_all(q, a);
	struct sk_rule_range ranges[] = {p->index->kind[sk_usb_kind_index(sk_usb_alt_kind(a))], q->model, q->vendor,
	                                 q->serial};

	while ((r = earliest(ranges, sizeof(ranges) / sizeof(ranges[0]))) != NULL) {
		const struct sk_rule *rule = &p->rules[r->at->rule];

		if (sk_rule_match(rule, q->device, q->device_kinds, a) == SK_MATCH_YES)
			return rule;
		r->at++;
	}
	return NULL;
}
