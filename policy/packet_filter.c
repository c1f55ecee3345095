/* See packet_filter.h. A match that the packet at hand certainly meets, or certainly does not, is decided; any other names something, and its rule is passed. */
#include "policy/packet_filter.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16 /* as deep as the kernel lets chains jump */
#define STEPS_MAX 1000000

enum answer { YES, NO, NAMES };

struct walk {
	const json_t *items; /* of the listing */
	const char *family; /* "ip" or "ip6" */
	const char *table_family, *table;
	unsigned steps;
	bool unsure;
};

enum verdict { GOES_ON, ACCEPTED, REFUSED };

static const char *text(const json_t *o, const char *key);

/* A table with "dormant" does nothing. nft 1.0 prints the table's name where its flags should stand: then it may be so. */
static bool sleeps(struct walk *w)
{
	for (size_t i = 0; i < json_array_size(w->items); i++) {
		const json_t *t = json_object_get(json_array_get(w->items, i), "table"),
		             *flags = json_object_get(t, "flags");

		if (!t || !flags || strcmp(text(t, "family"), w->table_family) != 0 ||
		    strcmp(text(t, "name"), w->table) != 0)
			continue;
		if (json_is_string(flags) && strcmp(json_string_value(flags), "dormant") != 0) {
			w->unsure = w->unsure || strcmp(json_string_value(flags), w->table) == 0;
			return strcmp(json_string_value(flags), w->table) == 0;
		}
		for (size_t k = 0; k < json_array_size(flags); k++) {
			const char *f = json_string_value(json_array_get(flags, k));
			if (f && strcmp(f, "dormant") == 0)
				return true;
		}
		return json_is_string(flags);
	}
	return false;
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool holds(const json_t *right, const char *word)
{
	const json_t *set = json_object_get(right, "set"), *list = json_is_array(set) ? set : right;
	const char *s = json_string_value(right);

	if (s)
		return strcmp(s, word) == 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		if ((s = json_string_value(json_array_get(list, i))) && strcmp(s, word) == 0)
			return true;
	return false;
}

static enum answer match(const struct walk *w, const json_t *m)
{
	const json_t *left = json_object_get(m, "left"), *right = json_object_get(m, "right");
	const char *ct = text(json_object_get(left, "ct"), "key"), *meta = text(json_object_get(left, "meta"), "key");
	bool is, not = strcmp(text(m, "op"), "!=") == 0;

	if (strcmp(ct, "state") == 0) {
		is = holds(right, "new");
	} else if (strcmp(meta, "nfproto") == 0) {
		is = holds(right, strcmp(w->family, "ip") == 0 ? "ipv4" : "ipv6");
	} else if ((strcmp(meta, "iifname") == 0 || strcmp(meta, "iif") == 0) && json_is_string(right) &&
	           (strcmp(json_string_value(right), "lo") == 0 || not )) {
		is = false; /* not the loopback's; and an interface that is only excepted excepts little */
	} else {
		return NAMES;
	}
	return is != not ? YES : NO;
}

static enum verdict run_chain(struct walk *w, const char *chain, unsigned depth);

/* What a rule that applies does. *leave: the chain is left (goto, return). */
static enum verdict act(struct walk *w, const json_t *s, unsigned depth, bool *leave)
{
	const char *jump = text(json_object_get(s, "jump"), "target"), *go = text(json_object_get(s, "goto"), "target");

	if (json_object_get(s, "accept"))
		return ACCEPTED;
	if (json_object_get(s, "drop") || json_object_get(s, "reject"))
		return REFUSED;
	*leave = *go || json_object_get(s, "return");
	return *jump || *go ? run_chain(w, *jump ? jump : go, depth + 1) : GOES_ON;
}

static bool is_verdict(const json_t *s)
{
	static const char *const names[] = {"accept", "drop", "reject", "jump", "goto", "return"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (json_object_get(s, names[i]))
			return true;
	return false;
}

static enum verdict run_rule(struct walk *w, const json_t *rule, unsigned depth, bool *leave)
{
	const json_t *expr = json_object_get(rule, "expr");

	for (size_t i = 0; i < json_array_size(expr); i++) {
		const json_t *s = json_array_get(expr, i), *m = json_object_get(s, "match");

		if (is_verdict(s))
			return act(w, s, depth, leave);
		if (json_object_get(s, "counter") || json_object_get(s, "log"))
			continue;
		if (json_object_get(s, "xt"))
			w->unsure = true; /* a match, or an old REJECT: nft does not say */
		if (!m || match(w, m) != YES)
			return GOES_ON; /* it names something, or a limit, a map, a set */
	}
	return GOES_ON;
}

static enum verdict run_chain(struct walk *w, const char *chain, unsigned depth)
{
	enum verdict v = GOES_ON;
	bool leave = false;

	if (depth > DEPTH_MAX) {
		w->unsure = true;
		return GOES_ON;
	}
	for (size_t i = 0; v == GOES_ON && !leave && i < json_array_size(w->items); i++) {
		const json_t *rule = json_object_get(json_array_get(w->items, i), "rule");

		if (++w->steps > STEPS_MAX) {
			w->unsure = true;
			return GOES_ON;
		}
		if (rule && strcmp(text(rule, "family"), w->table_family) == 0 &&
		    strcmp(text(rule, "table"), w->table) == 0 && strcmp(text(rule, "chain"), chain) == 0)
			v = run_rule(w, rule, depth, &leave);
	}
	return v;
}

enum sk_filter_fate sk_packet_filter(const json_t *ruleset, const char *family, char *where, size_t size)
{
	struct walk w = {.items = json_object_get(ruleset, "nftables"), .family = family};

	where[0] = '\0';
	for (size_t i = 0; i < json_array_size(w.items); i++) {
		const json_t *c = json_object_get(json_array_get(w.items, i), "chain");

		w.table_family = text(c, "family");
		w.table = text(c, "table");
		if (strcmp(text(c, "hook"), "input") != 0 || strcmp(text(c, "type"), "filter") != 0 ||
		    (strcmp(w.table_family, "inet") != 0 && strcmp(w.table_family, family) != 0) || sleeps(&w))
			continue;
		enum verdict v = run_chain(&w, text(c, "name"), 0);
		if (v == REFUSED || (v == GOES_ON && strcmp(text(c, "policy"), "drop") == 0)) {
			snprintf(where, size, "%.8s %.64s %.64s", w.table_family, w.table, text(c, "name"));
			return SK_FILTER_REFUSED;
		}
	}
	return w.unsure ? SK_FILTER_UNSURE : SK_FILTER_OPEN;
}
