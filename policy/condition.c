/*
 * The further keys of a rule: sets of interfaces, where the device hangs, what it is called, who is there, when, and what is known of
 * the medium in it. Read once and strictly, like the others in rule.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/rule.h"

#define BLANKS " \t"

static const char *const connects[] = {"hotplug", "fixed", "unknown"};
#define N_CONNECTS (sizeof(connects) / sizeof(connects[0]))

unsigned sk_connect_parse(const char *name)
{
	for (unsigned i = 0; i < N_CONNECTS; i++) {
		if (strcmp(connects[i], name) == 0)
			return 1u << i;
	}
	return 0;
}

struct reader { /* of one entry */
	const struct sk_ini *ini;
	const struct sk_ini_entry *e;
	struct sk_err *err;
};

static int read_words(const struct reader *in, const char *between, struct sk_words *out)
{
	int r = sk_words_read(in->e->value, between, out);

	if (r == -ENOMEM)
		return sk_err_set(in->err, r, "no memory for a rule");
	if (r == -E2BIG)
		return sk_ini_fail(in->ini, in->e->line, in->err, "%s: at most %d entries of 127 bytes; split the rule",
		                   in->e->key, SK_WORDS_MAX);
	if (r < 0)
		return sk_ini_fail(in->ini, in->e->line, in->err, "%s is empty; give it a value or remove the line",
		                   in->e->key);
	return 0;
}

/* A set of named bits. */
static int read_mask(const struct reader *in, unsigned (*parse)(const char *name), const char *known, unsigned *out)
{
	struct sk_words w;
	unsigned mask = 0;
	int r = read_words(in, BLANKS, &w);

	if (r < 0)
		return r;
	for (size_t i = 0; i < w.n && r == 0; i++) {
		unsigned bit = parse(w.of[i]);

		if (bit == 0)
			r = sk_ini_fail(in->ini, in->e->line, in->err, "%s: \"%s\" is not one of: %s", in->e->key,
			                w.of[i], known);
		mask |= bit;
	}
	sk_words_clear(&w);
	if (r == 0)
		*out = mask;
	return r;
}

static unsigned zone_bit(const char *name)
{
	for (int z = SK_ZONE_INTERNET; z <= SK_ZONE_MY_NUMBER; z++) {
		if (strcmp(sk_zone_name(z), name) == 0)
			return 1u << z;
	}
	return 0;
}

static unsigned encryption_bits(const char *name)
{
	if (strcmp(name, "any") == 0)
		return SK_ENC_LUKS | SK_ENC_BITLOCKER | SK_ENC_HARDWARE | SK_ENC_OTHER;
	for (unsigned i = 0; i < SK_ENCRYPTIONS; i++) {
		if (strcmp(sk_encryption_name(1u << i), name) == 0)
			return 1u << i;
	}
	return 0;
}

static int read_classes(const struct reader *in, struct sk_rule_classes *out)
{
	struct sk_words w;
	int r = read_words(in, BLANKS, &w);

	if (r < 0)
		return r;
	out->of = calloc(w.n, sizeof(*out->of));
	if (!out->of)
		r = sk_err_set(in->err, -ENOMEM, "no memory for a rule");
	for (; r == 0 && out->n < w.n; out->n++) {
		if (!sk_rule_class_read(w.of[out->n], &out->of[out->n])) {
			r = sk_ini_fail(in->ini, in->e->line, in->err,
			                "%s: \"%s\" is not like 08/06/50; \"..\" stands for any byte", in->e->key,
			                w.of[out->n]);
			break;
		}
	}
	sk_words_clear(&w);
	return r;
}

static int read_grade(const struct reader *in, enum sk_grade *out)
{
	for (int g = SK_GRADE_C; g <= SK_GRADE_A; g++) {
		if (strcmp(in->e->value, sk_grade_name(g)) == 0) {
			*out = g;
			return 0;
		}
	}
	return sk_ini_fail(in->ini, in->e->line, in->err, "grade: \"%s\" is not A, B or C", in->e->value);
}

static int read_access(const struct reader *in, struct sk_rule *r)
{
	if (sk_access_parse(in->e->value, &r->access) < 0 || r->access == SK_ACCESS_NONE)
		return sk_ini_fail(in->ini, in->e->line, in->err,
		                   "access: \"%s\" is not one of: ro rw encrypted encrypted-ro", in->e->value);
	r->has_access = true;
	return 0;
}

static int read_size(const struct reader *in, struct sk_rule *r)
{
	if (sk_size_range(in->e->value, &r->size_min, &r->size_max) < 0)
		return sk_ini_fail(in->ini, in->e->line, in->err, "size: \"%s\" is not like 1G-64G, -64G or 8G-",
		                   in->e->value);
	r->has_size = true;
	return 0;
}

/* The readers of when.h know no file: it is put before what they say. */
static int read_when(const struct reader *in, struct sk_rule *r)
{
	static const struct {
		const char *key;
		int (*read)(const char *value, struct sk_when *w, struct sk_err *err);
	} keys[] = {{"hours", sk_when_read_hours},
	            {"days", sk_when_read_days},
	            {"from", sk_when_read_from},
	            {"until", sk_when_read_until}};
	struct sk_err why = SK_ERR_INIT;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(in->e->key, keys[i].key) != 0)
			continue;
		if (keys[i].read(in->e->value, &r->when, &why) < 0)
			return sk_ini_fail(in->ini, in->e->line, in->err, "%s", why.text);
		return 0;
	}
	return sk_ini_fail(in->ini, in->e->line, in->err,
	                   "\"%s\" is no key of a rule; known: kind only with interface interfaces_any interfaces_all "
	                   "interfaces_only bus device name serial port connect grade person group host section zone "
	                   "hours days from until ledger encryption size access action reason_ja reason_en",
	                   in->e->key);
}

static int read_set(const struct reader *in, struct sk_rule *r)
{
	const char *k = in->e->key;

	if (strcmp(k, "interfaces_any") == 0)
		return read_classes(in, &r->ifaces_any);
	if (strcmp(k, "interfaces_all") == 0)
		return read_classes(in, &r->ifaces_all);
	if (strcmp(k, "interfaces_only") == 0)
		return read_classes(in, &r->ifaces_only);
	if (strcmp(k, "bus") == 0)
		return read_mask(in, sk_dev_bus_parse, "usb mmc scsi ata pci nvme thunderbolt firewire", &r->buses);
	if (strcmp(k, "connect") == 0)
		return read_mask(in, sk_connect_parse, "hotplug fixed unknown", &r->connects);
	if (strcmp(k, "zone") == 0)
		return read_mask(in, zone_bit, "internet lgwan my-number", &r->zones);
	if (strcmp(k, "encryption") == 0)
		return read_mask(in, encryption_bits, "none luks bitlocker hardware other any", &r->encryptions);
	return read_when(in, r);
}

int sk_rule_read_more(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_rule *r, struct sk_err *err)
{
	const struct reader in = {ini, e, err};
	const struct {
		const char *key;
		struct sk_words *words;
	} lists[] = {{"person", &r->persons},
	             {"group", &r->groups},
	             {"host", &r->hosts},
	             {"section", &r->sections},
	             {"ledger", &r->ledgers}};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(e->key, lists[i].key) == 0)
			return read_words(&in, BLANKS, lists[i].words);
	}
	if (strcmp(e->key, "name") == 0)
		return read_words(&in, "|", &r->names);
	if (strcmp(e->key, "grade") == 0)
		return read_grade(&in, &r->grade);
	if (strcmp(e->key, "access") == 0)
		return read_access(&in, r);
	if (strcmp(e->key, "size") == 0)
		return read_size(&in, r);
	return read_set(&in, r);
}

bool sk_rule_asks_medium(const struct sk_rule *r)
{
	return r->ledgers.n || r->encryptions || r->has_size;
}

/* A time alone, or a place, narrows nothing down to a sort of device; it does not count as naming what is allowed. */
bool sk_rule_asks_more(const struct sk_rule *r)
{
	return r->ifaces_any.n || r->ifaces_all.n || r->ifaces_only.n || r->names.n || sk_rule_asks_medium(r);
}

int sk_rule_complete_more(const struct sk_ini *ini, struct sk_rule *r, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;

	if (sk_when_complete(&r->when, &why) < 0)
		return sk_ini_fail(ini, r->line, err, "rule \"%s\": %s", r->name, why.text);
	if (r->has_access && r->action == SK_ACTION_DENY)
		return sk_ini_fail(ini, r->line, err, "rule \"%s\" denies; remove access, or allow or grant", r->name);
	if (!r->has_access)
		r->access = SK_ACCESS_RW;
	return 0;
}

void sk_rule_clear_more(struct sk_rule *r)
{
	struct sk_words *lists[] = {&r->names, &r->persons, &r->groups, &r->hosts, &r->sections, &r->ledgers};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		sk_words_clear(lists[i]);
	free(r->ifaces_any.of);
	free(r->ifaces_all.of);
	free(r->ifaces_only.of);
}
