/*
 * The index over a policy's rules. Each rule stands in it under the one thing that leaves out most devices: its serial number, else its
 * models, persons, ledger numbers, groups, host, section or ports where all of them are given in full, else its kinds. A query collects
 * the few lists that a device and its surroundings can be on, and the walk merges them by the rules' order. Keys are hashes: they only
 * spread, a match is always compared in full. A table leads from a key to its list at once, whatever the number of rules.
 *
 * While a medium is not known, each rule with a ledger number may match. They are then on three lists by their action, so that the decision can
 * leave a list as soon as nothing on it can change the outcome.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"

enum tag {
	BY_KIND = 1,
	BY_MODEL,
	BY_VENDOR,
	BY_SERIAL,
	BY_PERSON,
	BY_LEDGER,
	BY_ANY_LEDGER,
	BY_GROUP,
	BY_HOST,
	BY_SECTION,
	BY_PORT
};

struct slot {
	uint64_t key; /* 0 = free; no key is 0 */
	uint32_t from, n;
};

struct sk_rule_index {
	size_t n, mask; /* mask: slots - 1 */
	struct slot *slots; /* owned */
	struct sk_rule_entry entries[]; /* sorted by key, then by rule */
};

/* FNV-1a below the tag; fold: ASCII letters of both cases are alike. */
static uint64_t text_key(enum tag tag, const char *s, bool fold)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (fold && c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		h = (h ^ c) * 0x100000001b3ull;
	}
	return (uint64_t)tag << 56 | h >> 8;
}

static uint64_t number_key(enum tag tag, uint64_t v)
{
	return (uint64_t)tag << 56 | v;
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

struct filler {
	struct sk_rule_entry *out; /* NULL = only counted */
	size_t n;
	uint32_t rule;
};

static void put(struct filler *f, uint64_t key)
{
	if (f->out)
		f->out[f->n] = (struct sk_rule_entry){key, f->rule};
	f->n++;
}

static void put_words(struct filler *f, enum tag tag, const struct sk_words *w, bool fold)
{
	for (size_t i = 0; i < w->n; i++)
		put(f, text_key(tag, w->of[i], fold));
}

static void put_models(struct filler *f, const struct sk_rule *r)
{
	for (size_t i = 0; i < r->n_models; i++) {
		const struct sk_rule_model *m = &r->models[i];
		bool whole = m->pid >= 0 && m->pid_mask == 0xffff;

		put(f, number_key(whole ? BY_MODEL : BY_VENDOR,
		                  whole ? (uint64_t)m->vid << 16 | (uint64_t)m->pid : (uint64_t)m->vid));
	}
}

static bool ports_plain(const struct sk_rule *r)
{
	for (size_t i = 0; i < r->n_ports; i++) {
		if (!sk_glob_is_plain(r->ports[i]))
			return false;
	}
	return r->n_ports > 0;
}

static bool plain(const struct sk_words *w)
{
	return w->n > 0 && sk_words_plain(w);
}

static void put_ledgers(struct filler *f, const struct sk_rule *r)
{
	put_words(f, BY_LEDGER, &r->ledgers, false);
	put(f, number_key(BY_ANY_LEDGER, r->action)); /* while the medium is not known any of them may match */
}

static void put_rule(struct filler *f, const struct sk_rule *r)
{
	if (r->serial && sk_glob_is_plain(r->serial))
		put(f, text_key(BY_SERIAL, r->serial, false));
	else if (names_vendors(r))
		put_models(f, r);
	else if (plain(&r->persons))
		put_words(f, BY_PERSON, &r->persons, false);
	else if (plain(&r->ledgers))
		put_ledgers(f, r);
	else if (plain(&r->groups))
		put_words(f, BY_GROUP, &r->groups, false);
	else if (plain(&r->hosts))
		put_words(f, BY_HOST, &r->hosts, true);
	else if (plain(&r->sections))
		put_words(f, BY_SECTION, &r->sections, false);
	else if (ports_plain(r))
		for (size_t i = 0; i < r->n_ports; i++)
			put(f, text_key(BY_PORT, r->ports[i], false));
	else
		for (unsigned k = 0; k < SK_USB_KINDS; k++)
			if (sk_usb_kinds_whole(sk_rule_kinds(r)) & 1u << k)
				put(f, number_key(BY_KIND, k));
}

static void put_all(const struct sk_policy *p, struct filler *f)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		f->rule = (uint32_t)i;
		put_rule(f, &p->rules[i]);
	}
}

static int by_key(const void *a, const void *b)
{
	const struct sk_rule_entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static size_t place(const struct sk_rule_index *x, uint64_t key)
{
	size_t i = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 32) & x->mask;

	while (x->slots[i].key && x->slots[i].key != key)
		i = (i + 1) & x->mask;
	return i;
}

static int fill_slots(struct sk_rule_index *x)
{
	size_t slots = 64;

	while (slots < 4 * x->n)
		slots *= 2;
	x->slots = calloc(slots, sizeof(*x->slots));
	if (!x->slots)
		return -ENOMEM;
	x->mask = slots - 1;
	for (size_t i = 0; i < x->n; i++) {
		struct slot *s = &x->slots[place(x, x->entries[i].key)];

		if (!s->key)
			*s = (struct slot){x->entries[i].key, (uint32_t)i, 0};
		s->n++;
	}
	return 0;
}

int sk_rule_index_build(struct sk_policy *p)
{
	struct filler f = {NULL, 0, 0};
	struct sk_rule_index *x;

	put_all(p, &f);
	x = calloc(1, sizeof(*x) + f.n * sizeof(x->entries[0]));
	if (!x)
		return -ENOMEM;
	x->n = f.n;
	f = (struct filler){x->entries, 0, 0};
	put_all(p, &f);
	if (x->n > 1)
		qsort(x->entries, x->n, sizeof(x->entries[0]), by_key);
	if (fill_slots(x) < 0) {
		sk_rule_index_free(x);
		return -ENOMEM;
	}
	p->index = x;
	return 0;
}

struct sk_rule_index *sk_rule_index_free(struct sk_rule_index *x)
{
	if (x)
		free(x->slots);
	free(x);
	return NULL;
}

static struct sk_rule_range narrow(const struct sk_rule_index *x, uint64_t key)
{
	const struct slot *s = &x->slots[place(x, key)];

	return (struct sk_rule_range){x->entries + s->from, x->entries + s->from + s->n};
}

static void add_range(struct sk_rule_query *q, uint64_t key)
{
	struct sk_rule_range r = narrow(q->policy->index, key);

	if (r.at == r.end)
		return;
	if (q->n_ranges == SK_RULE_RANGES)
		q->plain = true;
	else
		q->ranges[q->n_ranges++] = r;
}

static void add_text(struct sk_rule_query *q, enum tag tag, const char *fact, bool fold)
{
	if (fact && fact[0])
		add_range(q, text_key(tag, fact, fold));
}

static void add_context(struct sk_rule_query *q, const struct sk_context *c)
{
	add_text(q, BY_PERSON, c->person, false);
	add_text(q, BY_HOST, c->host, true);
	add_text(q, BY_SECTION, c->section, false);
	for (size_t i = 0; i < c->n_groups && !q->plain; i++)
		add_text(q, BY_GROUP, c->groups[i], false);
	for (int a = SK_ACTION_DENY; !q->media && !c->unregistered && a <= SK_ACTION_GRANT; a++) {
		size_t n = q->n_ranges;

		add_range(q, number_key(BY_ANY_LEDGER, (uint64_t)a));
		q->open[a] = q->n_ranges > n ? (int)n : -1;
	}
	if (q->media)
		add_text(q, BY_LEDGER, q->media->ledger, false);
}

void sk_rule_query_init(struct sk_rule_query *q, const struct sk_policy *p, const struct sk_device *d,
                        const struct sk_context *c, const struct sk_media_facts *media)
{
	q->policy = p;
	q->device = d;
	q->context = c;
	q->media = media;
	q->device_kinds = sk_usb_desc_sorts(&d->desc);
	q->plain = !p || !p->index;
	q->n_ranges = 0;
	q->open[SK_ACTION_DENY] = q->open[SK_ACTION_ALLOW] = q->open[SK_ACTION_GRANT] = -1;
	if (q->plain)
		return;
	add_range(q, number_key(BY_MODEL, (uint64_t)d->desc.vid << 16 | d->desc.pid));
	add_range(q, number_key(BY_VENDOR, d->desc.vid));
	if (d->has_serial)
		add_text(q, BY_SERIAL, d->serial, false);
	add_text(q, BY_PORT, d->name, false);
	add_context(q, c);
}

void sk_rule_walk_leave(struct sk_rule_walk *w, enum sk_action a)
{
	int i = w->q->plain ? -1 : w->q->open[a];

	if (i >= 0)
		w->ranges[i].at = w->ranges[i].end;
}

void sk_rule_walk_init(struct sk_rule_walk *w, const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	w->q = q;
	w->alt = a;
	w->at = 0;
	w->n_ranges = 0;
	if (q->plain)
		return;
	memcpy(w->ranges, q->ranges, q->n_ranges * sizeof(w->ranges[0]));
	w->n_ranges = q->n_ranges;
	for (int i = SK_ACTION_DENY; i <= SK_ACTION_GRANT && sk_usb_alt_kind(a) != SK_USB_STORAGE; i++)
		sk_rule_walk_leave(w, (enum sk_action)i); /* nothing else has a ledger number */
	for (unsigned k = 0; k < SK_USB_KINDS; k++) {
		struct sk_rule_range r = {NULL, NULL};

		if (sk_usb_kinds_whole(sk_usb_alt_kinds(a)) & 1u << k)
			r = narrow(q->policy->index, number_key(BY_KIND, k));
		if (r.at < r.end)
			w->ranges[w->n_ranges++] = r;
	}
}

/* The next rule of the ranges in the policy's order, no rule twice; n_rules when all are empty. */
static size_t next_listed(struct sk_rule_walk *w)
{
	size_t n = w->q->policy->n_rules, best = n;

	for (size_t i = 0; i < w->n_ranges; i++) {
		struct sk_rule_range *r = &w->ranges[i];

		while (r->at < r->end && r->at->rule < w->at) /* was looked at by another range */
			r->at++;
		if (r->at < r->end && r->at->rule < best)
			best = r->at->rule;
	}
	return best;
}

const struct sk_rule *sk_rule_walk_next(struct sk_rule_walk *w, enum sk_match *how)
{
	const struct sk_policy *p = w->q->policy;

	while (p) {
		size_t i = w->q->plain ? w->at : next_listed(w);

		if (i >= p->n_rules)
			break;
		w->at = i + 1;
		*how = sk_rule_match(&p->rules[i], w->q, w->alt);
		if (*how == SK_MATCH_YES || *how == SK_MATCH_MEDIUM)
			return &p->rules[i];
	}
	return NULL;
}
