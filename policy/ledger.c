/* The list is sorted by device key, so that looking a device up does not depend on how many media there are. */
#include "policy/ledger.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/text.h"

static const struct {
	const char *name, *word;
} states[] = {
    [SK_MEDIUM_STORED] = {"stored", N_("in store")},
    [SK_MEDIUM_LENT] = {"lent", N_("lent out")},
    [SK_MEDIUM_OUT] = {"out", N_("taken out")},
    [SK_MEDIUM_LONG_TERM] = {"long-term", N_("long-term storage (no writing)")},
    [SK_MEDIUM_REPAIR] = {"repair", N_("in repair")},
    [SK_MEDIUM_LOST] = {"lost", N_("lost")},
    [SK_MEDIUM_ERASED] = {"erased", N_("erased")},
    [SK_MEDIUM_DISPOSED] = {"disposed", N_("disposed of")},
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

const char *sk_medium_state_name(enum sk_medium_state s)
{
	return (unsigned)s < N_STATES ? states[s].name : "";
}

const char *sk_medium_state_word(enum sk_medium_state s)
{
	return (unsigned)s < N_STATES ? states[s].word : "";
}

int sk_medium_state_parse(const char *name, enum sk_medium_state *out)
{
	for (size_t i = 0; i < N_STATES; i++) {
		if (strcmp(states[i].name, name) == 0) {
			*out = (enum sk_medium_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

static const struct {
	const char *name, *word;
} cleans[] = {
    [SK_CLEAN_NONE] = {"", ""},
    [SK_CLEAN_SCANNED] = {"scanned", N_("scanned for viruses")},
    [SK_CLEAN_SANITISED] = {"sanitised", N_("sanitised")},
};

const char *sk_clean_name(enum sk_clean c)
{
	return (unsigned)c <= SK_CLEAN_SANITISED ? cleans[c].name : "";
}

const char *sk_clean_word(enum sk_clean c)
{
	return (unsigned)c <= SK_CLEAN_SANITISED ? cleans[c].word : "";
}

int sk_clean_parse(const char *name, enum sk_clean *out)
{
	for (int c = SK_CLEAN_SCANNED; c <= SK_CLEAN_SANITISED; c++) {
		if (strcmp(cleans[c].name, name) == 0) {
			*out = (enum sk_clean)c;
			return 0;
		}
	}
	return -EINVAL;
}

bool sk_ledger_is_number(const char *s)
{
	size_t i;

	if (!isalnum((unsigned char)s[0]))
		return false;
	for (i = 0; s[i] != '\0'; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	return i < SK_LEDGER_LEN;
}

static int take_hash(const json_t *j, const char *name, char out[SK_SHA256_HEX], struct sk_err *err)
{
	uint8_t raw[SK_SHA256_LEN];
	const char *s;
	int r = sk_json_str(j, name, SK_SHA256_HEX - 1, SK_SHA256_HEX - 1, &s, err);

	if (r == 0 && sk_unhex(s, raw, sizeof(raw)) < 0)
		r = sk_err_set(err, -EINVAL, "field %s: not 64 hexadecimal digits", name);
	if (r == 0)
		sk_text_copy(out, SK_SHA256_HEX, s);
	return r;
}

static int take_zone(const json_t *j, struct sk_ledger_entry *e, struct sk_err *err)
{
	const char *zone = "", *clean = "";
	int r = sk_json_str_opt(j, "zone", 16, &zone, err);

	if (r == 0)
		r = sk_json_str_opt(j, "clean", 16, &clean, err);
	if (r < 0)
		return r;
	if (zone[0] != '\0' && sk_zone_parse(zone, &e->zone) < 0)
		return sk_err_set(err, -EINVAL, "field zone: not a known value");
	e->has_zone = zone[0] != '\0';
	if (clean[0] != '\0' && sk_clean_parse(clean, &e->clean) < 0)
		return sk_err_set(err, -EINVAL, "field clean: not a known value");
	return 0;
}

static int take_entry(const json_t *j, struct sk_ledger_entry *e, struct sk_err *err)
{
	const json_t *container = json_object_get(j, "container");
	const char *ledger = "", *serial = "", *state = "";
	int r = take_hash(j, "device_key", e->device_key, err);

	if (r == 0)
		r = take_hash(j, "media_key", e->media_key, err);
	if (r == 0)
		r = sk_json_str(j, "ledger", 1, SK_LEDGER_LEN - 1, &ledger, err);
	if (r == 0)
		r = sk_json_str(j, "serial", 0, sizeof(e->serial) - 1, &serial, err);
	if (r == 0)
		r = sk_json_str(j, "state", 1, 16, &state, err);
	if (r < 0)
		return r;
	if (!sk_ledger_is_number(ledger))
		return sk_err_set(err, -EINVAL, "field ledger: letters, digits, \".\", \"_\" and \"-\" only");
	if (sk_medium_state_parse(state, &e->state) < 0)
		return sk_err_set(err, -EINVAL, "field state: not a known value");
	if (container != NULL && !json_is_boolean(container))
		return sk_err_set(err, -EINVAL, "field container: not true or false");
	e->container = json_is_true(container);
	sk_text_copy(e->ledger, sizeof(e->ledger), ledger);
	sk_text_copy(e->serial, sizeof(e->serial), serial);
	return take_zone(j, e, err);
}

static int by_key(const void *a, const void *b)
{
	const struct sk_ledger_entry *x = a, *y = b;
	int c = strcmp(x->device_key, y->device_key);

	return c ? c : strcmp(x->ledger, y->ledger);
}

static int take_all(json_t *list, struct sk_ledger *m, struct sk_err *err)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		int r = take_entry(one, &m->items[i], err);

		if (r < 0)
			return sk_err_prefix(err, r, "medium %zu", i + 1);
		m->n = i + 1;
	}
	if (m->n > 1)
		qsort(m->items, m->n, sizeof(*m->items), by_key);
	return 0;
}

int sk_ledger_parse(const json_t *body, struct sk_ledger **out, struct sk_err *err)
{
	struct sk_ledger *m;
	json_t *list = NULL;
	int r = 0;

	if (json_object_get(body, "media") != NULL)
		r = sk_json_arr(body, "media", SK_LEDGER_MAX, &list, err);
	if (r < 0)
		return r;
	m = calloc(1, sizeof(*m));
	if (m != NULL)
		m->items = calloc(json_array_size(list) + 1, sizeof(*m->items));
	if (m == NULL || m->items == NULL) {
		sk_ledger_free(m);
		return sk_err_set(err, -ENOMEM, "no memory for the list of media");
	}
	r = take_all(list, m, err);
	if (r < 0)
		sk_ledger_free(m);
	else
		*out = m;
	return r;
}

struct sk_ledger *sk_ledger_free(struct sk_ledger *m)
{
	if (m != NULL)
		free(m->items);
	free(m);
	return NULL;
}

json_t *sk_ledger_entry_json(const struct sk_ledger_entry *e)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s}", "ledger", e->ledger, "device_key", e->device_key, "serial",
	                      e->serial, "media_key", e->media_key, "state", sk_medium_state_name(e->state));

	if (o != NULL && e->container)
		(void)json_object_set_new(o, "container", json_true());
	if (o != NULL && e->has_zone)
		(void)json_object_set_new(o, "zone", json_string(sk_zone_name(e->zone)));
	if (o != NULL && e->clean != SK_CLEAN_NONE)
		(void)json_object_set_new(o, "clean", json_string(sk_clean_name(e->clean)));
	return o;
}

static bool is_refused(const struct sk_ledger_entry *e)
{
	return e->state == SK_MEDIUM_LOST || e->state == SK_MEDIUM_ERASED || e->state == SK_MEDIUM_DISPOSED;
}

static size_t lower_bound(const struct sk_ledger *m, const char *key)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(m->items[mid].device_key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void sk_ledger_identify(const struct sk_ledger *m, const struct sk_device *d, struct sk_identity *out)
{
	const struct sk_ledger_entry *only = NULL, *match = NULL, *refused = NULL;
	size_t n = 0, n_refused = 0;

	(void)memset(out, 0, sizeof(*out));
	if (m == NULL || d->desc.device_key[0] == '\0')
		return;
	for (size_t i = lower_bound(m, d->desc.device_key); i < m->n; i++) {
		const struct sk_ledger_entry *e = &m->items[i];

		if (strcmp(e->device_key, d->desc.device_key) != 0)
			break;
		if (strcmp(e->serial, d->has_serial ? d->serial : "") != 0)
			continue;
		n++;
		only = e;
		n_refused += is_refused(e);
		refused = is_refused(e) && refused == NULL ? e : refused;
		if (d->looked == SK_LOOKED_DONE && strcmp(e->media_key, d->media_key) == 0)
			match = e;
	}
	if (n == 0)
		return;
	out->stage = d->looked == SK_LOOKED_NOT ? SK_ID_CANDIDATE : match != NULL ? SK_ID_PROVED : SK_ID_MISMATCH;
	out->entry = match != NULL ? match : out->stage == SK_ID_CANDIDATE && n == 1 ? only : NULL;
	if (match != NULL)
		out->refused = is_refused(match) ? match : NULL;
	else
		out->refused = n_refused == n ? refused : NULL;
	if (out->entry != NULL && out->entry->container)
		out->grade = SK_GRADE_A;
	else
		out->grade = out->stage != SK_ID_MISMATCH && d->has_serial && n == 1 ? SK_GRADE_B : SK_GRADE_C;
}
