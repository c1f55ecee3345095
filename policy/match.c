/*
 * Matching: which condition of a rule fails for an interface. Every condition is a function of facts alone. What only the medium can tell
 * (ledger number, encryption, size, a better grade) is asked last; before the medium is known such a rule neither matches nor fails.
 */
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "policy/rule.h"

#define ALL_KINDS ((1u << SK_USB_KINDS) - 1)

const char *sk_match_name(enum sk_match m)
{
	static const char *const names[] = {"",      "kind",   "interface",  "only",   "with",  "interfaces",
	                                    "bus",   "device", "name",       "serial", "port",  "connect",
	                                    "zone",  "host",   "section",    "person", "group", "time",
	                                    "grade", "ledger", "encryption", "size",   "medium"};

	return (unsigned)m < sizeof(names) / sizeof(names[0]) ? names[m] : "";
}

unsigned sk_rule_kinds(const struct sk_rule *r)
{
	if (r->kinds)
		return r->kinds;
	return r->action == SK_ACTION_ALLOW ? ALL_KINDS & ~(unsigned)SK_USB_STORING : ALL_KINDS;
}

bool sk_rule_class_is(const struct sk_rule_class *c, const struct sk_usb_alt *a)
{
	return (c->cls < 0 || c->cls == a->cls) && (c->sub < 0 || c->sub == a->sub) &&
	       (c->proto < 0 || c->proto == a->proto);
}

static bool in_classes(const struct sk_rule_class *of, size_t n, const struct sk_usb_alt *a)
{
	for (size_t i = 0; i < n; i++) {
		if (sk_rule_class_is(&of[i], a))
			return true;
	}
	return false;
}

/* The three sets over every interface of every configuration and alternate setting. */
static bool any_of(const struct sk_rule_classes *s, const struct sk_usb_desc *d)
{
	for (size_t i = 0; i < d->n_alts; i++) {
		if (in_classes(s->of, s->n, &d->alts[i]))
			return true;
	}
	return s->n == 0;
}

static bool all_of(const struct sk_rule_classes *s, const struct sk_usb_desc *d)
{
	for (size_t k = 0; k < s->n; k++) {
		const struct sk_rule_classes one = {&s->of[k], 1};

		if (!any_of(&one, d))
			return false;
	}
	return true;
}

static bool only_of(const struct sk_rule_classes *s, const struct sk_usb_desc *d)
{
	for (size_t i = 0; s->n && i < d->n_alts; i++) {
		if (!in_classes(s->of, s->n, &d->alts[i]))
			return false;
	}
	return true;
}

static bool only_kinds(unsigned only, const struct sk_usb_desc *d)
{
	for (size_t i = 0; only && i < d->n_alts; i++) {
		if (!(sk_usb_alt_kinds(&d->alts[i]) & only))
			return false;
	}
	return true;
}

static bool any_model(const struct sk_rule *r, const struct sk_usb_desc *d)
{
	for (size_t i = 0; i < r->n_models; i++) {
		const struct sk_rule_model *m = &r->models[i];

		if ((m->vid < 0 || m->vid == d->vid) && (m->pid < 0 || m->pid == (d->pid & m->pid_mask)))
			return true;
	}
	return r->n_models == 0;
}

static bool any_name(const struct sk_rule *r, const struct sk_device *d)
{
	char both[2 * SK_DEV_TEXT];

	if (r->names.n == 0)
		return true;
	snprintf(both, sizeof(both), "%s%s%s", d->vendor, d->vendor[0] && d->product[0] ? " " : "", d->product);
	return sk_words_match(&r->names, both, true) || sk_words_match(&r->names, d->product, true) ||
	       sk_words_match(&r->names, d->vendor, true);
}

/* "*" at the end is any text, also none; without a serial number nothing matches. */
static bool serial_is(const struct sk_rule *r, const struct sk_device *d)
{
	size_t n;

	if (!r->serial)
		return true;
	n = strlen(r->serial);
	if (!d->has_serial)
		return false;
	return r->serial[n - 1] == '*' ? strncmp(r->serial, d->serial, n - 1) == 0 : strcmp(r->serial, d->serial) == 0;
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

/* A fact that is not there ("" or NULL) is no word of any list. */
static bool word_is(const struct sk_words *w, const char *fact, bool fold)
{
	return w->n == 0 || (fact && fact[0] && sk_words_match(w, fact, fold));
}

static bool any_group(const struct sk_rule *r, const struct sk_context *c)
{
	for (size_t i = 0; r->groups.n && i < c->n_groups; i++) {
		if (sk_words_match(&r->groups, c->groups[i], false))
			return true;
	}
	return r->groups.n == 0;
}

/* What the device itself says and where it hangs. */
static enum sk_match match_device(const struct sk_rule *r, const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	const struct sk_device *d = q->device;

	if (!(sk_rule_kinds(r) & sk_usb_alt_kinds(a)))
		return SK_MATCH_KIND;
	if (r->n_classes && !in_classes(r->classes, r->n_classes, a))
		return SK_MATCH_INTERFACE;
	if (!only_kinds(r->only, &d->desc))
		return SK_MATCH_ONLY;
	if (r->with && !(q->device_kinds & r->with))
		return SK_MATCH_WITH;
	if (!any_of(&r->ifaces_any, &d->desc) || !all_of(&r->ifaces_all, &d->desc) ||
	    !only_of(&r->ifaces_only, &d->desc))
		return SK_MATCH_INTERFACES;
	if (r->buses && !(r->buses & sk_dev_bus_parse(d->bus)))
		return SK_MATCH_BUS;
	if (!any_model(r, &d->desc))
		return SK_MATCH_DEVICE;
	if (!any_name(r, d))
		return SK_MATCH_NAME;
	if (!serial_is(r, d))
		return SK_MATCH_SERIAL;
	if (!any_port(r, d->name))
		return SK_MATCH_PORT;
	return r->connects && !(r->connects & sk_connect_parse(d->connect)) ? SK_MATCH_CONNECT : SK_MATCH_YES;
}

/* Where, who and when. */
static enum sk_match match_context(const struct sk_rule *r, const struct sk_rule_query *q)
{
	const struct sk_context *c = q->context;

	if (r->zones && !(r->zones >> q->policy->zone & 1))
		return SK_MATCH_ZONE;
	if (!word_is(&r->hosts, c->host, true))
		return SK_MATCH_HOST;
	if (!word_is(&r->sections, c->section, false))
		return SK_MATCH_SECTION;
	if (!word_is(&r->persons, c->person, false))
		return SK_MATCH_PERSON;
	if (!any_group(r, c))
		return SK_MATCH_GROUP;
	return sk_when_holds(&r->when, c->now, c->utc_offset_s) ? SK_MATCH_YES : SK_MATCH_TIME;
}

/* The medium in it. What could not be told of a known medium stays open, like before it was known. */
static enum sk_match match_medium(const struct sk_rule *r, const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	const struct sk_media_facts *m = q->media;
	enum sk_grade grade = m && m->grade > q->device->grade ? m->grade : q->device->grade;
	bool has_medium = sk_usb_alt_kind(a) == SK_USB_STORAGE, open = false;

	if (r->grade > grade) {
		if (m || !has_medium || q->context->unregistered)
			return SK_MATCH_GRADE;
		open = true;
	}
	if (!sk_rule_asks_medium(r))
		return open ? SK_MATCH_MEDIUM : SK_MATCH_YES;
	if (!has_medium)
		return r->ledgers.n ? SK_MATCH_LEDGER : r->encryptions ? SK_MATCH_ENCRYPTION : SK_MATCH_SIZE;
	if (!m)
		return r->ledgers.n && q->context->unregistered ? SK_MATCH_LEDGER : SK_MATCH_MEDIUM;
	if (!word_is(&r->ledgers, m->ledger, false))
		return SK_MATCH_LEDGER;
	if (r->encryptions && m->encryption && !(r->encryptions & m->encryption))
		return SK_MATCH_ENCRYPTION;
	if (r->has_size && m->size && (m->size < r->size_min || m->size > r->size_max))
		return SK_MATCH_SIZE;
	open = (r->encryptions && !m->encryption) || (r->has_size && !m->size);
	return open ? SK_MATCH_MEDIUM : SK_MATCH_YES;
}

enum sk_match sk_rule_match(const struct sk_rule *r, const struct sk_rule_query *q, const struct sk_usb_alt *a)
{
	enum sk_match m = match_device(r, q, a);

	if (m == SK_MATCH_YES)
		m = match_context(r, q);
	return m == SK_MATCH_YES ? match_medium(r, q, a) : m;
}
