/*
 * Grants come as one signed bundle and replace all earlier ones. They are kept sorted by device key, so that looking one up does
 * not depend on how many there are. A grant holds from its first instant to just before its last; whether it does is asked
 * with the trusted clock, which never goes backwards.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "policy/grant.h"

static const char *const access_names[] = {"none", "encrypted-ro", "ro", "encrypted", "rw"};

#define N_ACCESSES (sizeof(access_names) / sizeof(access_names[0]))

const char *sk_access_name(enum sk_access a)
{
	return (unsigned)a < N_ACCESSES ? access_names[a] : "none";
}

int sk_access_parse(const char *name, enum sk_access *out)
{
	for (size_t i = 0; i < N_ACCESSES; i++) {
		if (strcmp(access_names[i], name) == 0) {
			*out = (enum sk_access)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool sk_access_writes(enum sk_access a)
{
	return a == SK_ACCESS_RW || a == SK_ACCESS_ENCRYPTED;
}

bool sk_access_encrypted(enum sk_access a)
{
	return a == SK_ACCESS_ENCRYPTED || a == SK_ACCESS_ENCRYPTED_RO;
}

enum sk_access sk_access_meet(enum sk_access a, enum sk_access b)
{
	bool writes = sk_access_writes(a) && sk_access_writes(b);

	if (a == SK_ACCESS_NONE || b == SK_ACCESS_NONE)
		return SK_ACCESS_NONE;
	if (sk_access_encrypted(a) || sk_access_encrypted(b))
		return writes ? SK_ACCESS_ENCRYPTED : SK_ACCESS_ENCRYPTED_RO;
	return writes ? SK_ACCESS_RW : SK_ACCESS_RO;
}

static int take_text(const json_t *j, const char *name, size_t min, char *dst, size_t size, struct sk_err *err)
{
	const char *s;
	int r = sk_json_str(j, name, min, size - 1, &s, err);

	if (r == 0)
		sk_text_copy(dst, size, s);
	return r;
}

static int take_access(const json_t *j, enum sk_access *out, struct sk_err *err)
{
	const char *s;
	int r = sk_json_str(j, "access", 1, 16, &s, err);

	if (r < 0)
		return r;
	if (sk_access_parse(s, out) < 0 || *out == SK_ACCESS_NONE)
		return sk_err_set(err, -EINVAL, "field access: must be ro, rw, encrypted or encrypted-ro");
	return 0;
}

static int take_key(const json_t *j, char out[SK_SEALED_KEY_HEX], struct sk_err *err)
{
	uint8_t raw[SK_SEALED_KEY_HEX / 2];
	const char *s = "";
	int r = sk_json_str_opt(j, "container_key", SK_SEALED_KEY_HEX - 1, &s, err);

	if (r == 0 && s[0] != '\0' && sk_unhex(s, raw, sizeof(raw)) < 0)
		r = sk_err_set(err, -EINVAL, "field container_key: not %zu hexadecimal digits", 2 * sizeof(raw));
	if (r == 0)
		sk_text_copy(out, SK_SEALED_KEY_HEX, s);
	return r;
}

static int check_names(const struct sk_grant *g, struct sk_err *err)
{
	static const char *const classes[] = {"1", "2", "3", "4", "none"};
	uint8_t key[SK_SHA256_LEN];

	if (!sk_text_is_id(g->id))
		return sk_err_set(err, -EINVAL, "field id: not a UUID");
	if (sk_unhex(g->device_key, key, sizeof(key)) < 0)
		return sk_err_set(err, -EINVAL, "field device_key: not 64 lower-case hexadecimal digits");
	if (g->until <= g->from)
		return sk_err_set(err, -EINVAL, "field until: not after from");
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strcmp(g->info_class, classes[i]) == 0)
			return 0;
	}
	return sk_err_set(err, -EINVAL, "field info_class: must be 1, 2, 3, 4 or none");
}

static int grant_parse(const json_t *j, struct sk_grant *g, struct sk_err *err)
{
	const char *ledger = "";
	long long request, uses = 0;
	int r;

	if ((r = take_text(j, "id", 1, g->id, sizeof(g->id), err)) < 0 ||
	    (r = sk_json_int(j, "request", 0, INT64_MAX, &request, err)) < 0 ||
	    (r = take_text(j, "device_key", 1, g->device_key, sizeof(g->device_key), err)) < 0 ||
	    (r = take_text(j, "serial", 0, g->serial, sizeof(g->serial), err)) < 0 ||
	    (r = take_text(j, "person", 0, g->person, sizeof(g->person), err)) < 0 ||
	    (r = take_access(j, &g->access, err)) < 0 ||
	    (r = take_text(j, "info_class", 1, g->info_class, sizeof(g->info_class), err)) < 0 ||
	    (r = take_text(j, "purpose", 0, g->purpose, sizeof(g->purpose), err)) < 0 ||
	    (r = sk_json_utc(j, "from", &g->from, err)) < 0 || (r = sk_json_utc(j, "until", &g->until, err)) < 0 ||
	    (r = take_text(j, "permitted_by", 0, g->permitted_by, sizeof(g->permitted_by), err)) < 0 ||
	    (r = take_text(j, "approved_by", 0, g->approved_by, sizeof(g->approved_by), err)) < 0 ||
	    (r = sk_json_str_opt(j, "ledger", sizeof(g->ledger) - 1, &ledger, err)) < 0)
		return r;
	sk_text_copy(g->ledger, sizeof(g->ledger), ledger);
	if ((r = sk_json_int_opt(j, "uses", 1, SK_GRANT_USES_MAX, &uses, err)) < 0 ||
	    (r = take_key(j, g->container_key, err)) < 0)
		return r;
	if ((r = sk_json_bool_opt(j, "erase", &g->erase, err)) < 0 ||
	    (r = sk_json_bool_opt(j, "release", &g->release, err)) < 0)
		return r;
	g->request = request;
	g->uses = (int)uses;
	return check_names(g, err);
}

static int by_key(const void *a, const void *b)
{
	const struct sk_grant *x = a, *y = b;
	int c = strcmp(x->device_key, y->device_key);

	return c ? c : strcmp(x->id, y->id);
}

static int refuse_duplicates(const struct sk_grants *g, struct sk_err *err)
{
	for (size_t i = 1; i < g->n; i++) {
		if (by_key(&g->items[i - 1], &g->items[i]) == 0)
			return sk_err_set(err, -EINVAL, "grant %s twice", g->items[i].id);
	}
	return 0;
}

static int parse_all(json_t *list, struct sk_grants *g, struct sk_err *err)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		int r = grant_parse(item, &g->items[i], err);

		if (r < 0)
			return sk_err_prefix(err, r, "grant %zu", i + 1);
		g->n = i + 1;
	}
	if (g->n > 1)
		qsort(g->items, g->n, sizeof(*g->items), by_key);
	return refuse_duplicates(g, err);
}

static int take_server_key(const json_t *body, struct sk_grants *g, struct sk_err *err)
{
	const char *s = "";
	int r = sk_json_str_opt(body, "seal_key", (size_t)2 * SK_SEAL_KEY, &s, err);

	if (r < 0 || s[0] == '\0')
		return r;
	g->has_server_key = sk_unhex(s, g->server_key, sizeof(g->server_key)) == 0;
	return g->has_server_key ? 0 : sk_err_set(err, -EINVAL, "field seal_key: not 64 hexadecimal digits");
}

static int take_section(const json_t *body, struct sk_grants *g, struct sk_err *err)
{
	const char *s = "";
	int r = sk_json_str_opt(body, "section", sizeof(g->section) - 1, &s, err);

	if (r < 0 || s[0] == '\0')
		return r;
	if (!sk_text_is_name(s, sizeof(g->section) - 1))
		return sk_err_set(err, -EINVAL, "field section: not the key of a section");
	sk_text_copy(g->section, sizeof(g->section), s);
	return 0;
}

int sk_grants_parse(const json_t *body, struct sk_grants **out, struct sk_err *err)
{
	struct sk_grants *g;
	json_t *list;
	int r = sk_json_arr(body, "grants", SK_GRANTS_MAX, &list, err);

	if (r < 0)
		return r;
	g = calloc(1, sizeof(*g));
	if (g)
		g->items = calloc(json_array_size(list) + 1, sizeof(*g->items));
	if (!g || !g->items) {
		sk_grants_free(g);
		return sk_err_set(err, -ENOMEM, "no memory for grants");
	}
	r = parse_all(list, g, err);
	if (r == 0)
		r = take_server_key(body, g, err);
	if (r == 0)
		r = take_section(body, g, err);
	if (r == 0)
		r = sk_ledger_parse(body, &g->ledger, err);
	if (r < 0) {
		sk_grants_free(g);
		return r;
	}
	*out = g;
	return 0;
}

struct sk_grants *sk_grants_free(struct sk_grants *g)
{
	if (g) {
		sk_ledger_free(g->ledger);
		free(g->items);
	}
	free(g);
	return NULL;
}

json_t *sk_grant_json(const struct sk_grant *g)
{
	char from[SK_RFC3339_LEN], until[SK_RFC3339_LEN];

	sk_clock_format_utc(g->from, from);
	sk_clock_format_utc(g->until, until);
	json_t *o =
	    json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "id", g->id, "request",
	              (json_int_t)g->request, "device_key", g->device_key, "serial", g->serial, "person", g->person,
	              "access", sk_access_name(g->access), "info_class", g->info_class, "purpose", g->purpose, "from",
	              from, "until", until, "permitted_by", g->permitted_by, "approved_by", g->approved_by);

	if (o != NULL && g->uses > 0)
		(void)json_object_set_new(o, "uses", json_integer(g->uses));
	if (o != NULL && g->erase)
		(void)json_object_set_new(o, "erase", json_true());
	if (o != NULL && g->release)
		(void)json_object_set_new(o, "release", json_true());
	if (o && g->ledger[0])
		json_object_set_new(o, "ledger", json_string(g->ledger));
	if (o && g->container_key[0])
		json_object_set_new(o, "container_key", json_string(g->container_key));
	return o;
}

enum sk_grant_state sk_grant_state(const struct sk_grant *g, sk_ms now, const char *person)
{
	if (g->person[0] && !sk_text_eq(g->person, person))
		return SK_GRANT_OTHER_PERSON;
	if (now >= g->until)
		return SK_GRANT_EXPIRED;
	return now < g->from ? SK_GRANT_NOT_YET : SK_GRANT_VALID;
}

/* Which of two grants says more: a valid one; one that will begin; one that was; one of somebody else. */
static int rank(enum sk_grant_state s)
{
	switch (s) {
	case SK_GRANT_VALID:
		return 3;
	case SK_GRANT_NOT_YET:
		return 2;
	case SK_GRANT_EXPIRED:
	case SK_GRANT_USED_UP:
		return 1;
	default:
		return 0;
	}
}

static bool better(const struct sk_grant *a, enum sk_grant_state sa, const struct sk_grant *b, enum sk_grant_state sb)
{
	if (rank(sa) != rank(sb))
		return rank(sa) > rank(sb);
	if (sa == SK_GRANT_NOT_YET && a->from != b->from)
		return a->from < b->from;
	/* For the container, before one for the same stick as it was: without the key nothing of it opens. */
	if (sa == SK_GRANT_VALID && (a->container_key[0] != '\0') != (b->container_key[0] != '\0'))
		return a->container_key[0] != '\0';
	if (sa == SK_GRANT_VALID && a->access != b->access)
		return a->access > b->access;
	return a->until > b->until;
}

/* Where a key stands if keys are spread evenly, as digests are: its first 32 bits as a share of all. */
static size_t guess(size_t n, const char *key)
{
	uint64_t v = 0;

	for (int i = 0; i < 8 && key[i]; i++)
		v = v << 4 | (uint64_t)((key[i] <= '9' ? key[i] - '0' : key[i] - 'a' + 10) & 15);
	return (size_t)(v * n >> 32);
}

/* Begins at the guess and widens until the key lies between: few steps for any number of grants, log n at worst. */
static size_t lower_bound(const struct sk_grants *g, const char *key)
{
	size_t at = g->n ? guess(g->n, key) : 0, lo = at, hi = at, step = 2;

	while (lo > 0 && strcmp(g->items[lo - 1].device_key, key) >= 0) {
		hi = lo - 1;
		lo = lo > step ? lo - step : 0;
		step *= 2;
	}
	for (step = 2; hi < g->n && strcmp(g->items[hi].device_key, key) < 0; step *= 2) {
		lo = hi + 1;
		hi = g->n - hi > step ? hi + step : g->n;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(g->items[mid].device_key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool used_up(const struct sk_grant *g, const struct sk_grant_uses *u)
{
	int used;

	if (g->uses == 0 || u == NULL || u->used == NULL ||
	    (u->using != NULL && (strcmp(u->using, "*") == 0 || strcmp(u->using, g->id) == 0)))
		return false;
	used = u->used(u->ctx, g->id);
	return used < 0 || used >= g->uses;
}

const struct sk_grant *sk_grants_find(const struct sk_grants *g, const struct sk_device *d, sk_ms now,
                                      const char *person, enum sk_grant_state *state)
{
	return sk_grants_find_using(g, d, now, person, NULL, state);
}

const struct sk_grant *sk_grants_find_using(const struct sk_grants *g, const struct sk_device *d, sk_ms now,
                                            const char *person, const struct sk_grant_uses *u,
                                            enum sk_grant_state *state)
{
	return sk_grants_find_medium(g, d, "", now, person, u, state);
}

const struct sk_grant *sk_grants_find_medium(const struct sk_grants *g, const struct sk_device *d, const char *ledger,
                                             sk_ms now, const char *person, const struct sk_grant_uses *u,
                                             enum sk_grant_state *state)
{
	const struct sk_grant *best = NULL;

	*state = SK_GRANT_EXPIRED;
	if (!g || !d->desc.device_key[0])
		return NULL;
	for (size_t i = lower_bound(g, d->desc.device_key); i < g->n; i++) {
		const struct sk_grant *it = &g->items[i];
		enum sk_grant_state s;

		if (strcmp(it->device_key, d->desc.device_key) != 0)
			break;
		if (it->serial[0] && (!d->has_serial || strcmp(it->serial, d->serial) != 0))
			continue;
		if (it->ledger[0] && ledger && strcmp(it->ledger, ledger) != 0)
			continue;
		s = sk_grant_state(it, now, person);
		if (s == SK_GRANT_VALID && used_up(it, u))
			s = SK_GRANT_USED_UP;
		if (!best || better(it, s, best, *state)) {
			best = it;
			*state = s;
		}
	}
	return best;
}

sk_ms sk_grants_next_change(const struct sk_grants *g, sk_ms now)
{
	sk_ms next = 0;

	for (size_t i = 0; g && i < g->n; i++) {
		const sk_ms edges[] = {g->items[i].from, g->items[i].until};

		for (size_t k = 0; k < sizeof(edges) / sizeof(edges[0]); k++) {
			if (edges[k] > now && (next == 0 || edges[k] < next))
				next = edges[k];
		}
	}
	return next;
}
