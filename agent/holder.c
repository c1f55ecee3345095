/*
 * Policy and grants in force: what may replace them, and in which order: stored (agent/bundle_store.h), then swapped, then recorded.
 */
#include "agent/holder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bundle_store.h"
#include "common/json.h"
#include "common/text.h"

#define REASONS 8
#define QUIET_MS \
	(10 * 60 * 1000LL) /* a server (or what poses as one) that sends the same again and again fills no record */

struct slot { /* what is held of one kind */
	int64_t version; /* in force; 0 = none */
	sk_ms expires;
	char payload[SK_SHA256_HEX];
};

struct retired {
	struct retired *next;
	struct sk_policy *policy;
	struct sk_grants *grants;
};

struct sk_holder {
	char dir[256], policy_file[256];
	struct sk_holder_hooks hooks;
	const struct sk_trust *trust;
	struct sk_policy *policy;
	struct sk_grants *grants;
	enum sk_policy_source source;
	struct slot slots[SK_BUNDLE_KINDS];
	int64_t floors[SK_BUNDLE_KINDS]; /* highest versions ever held */
	struct retired *retired;
	struct refused {
		const char *reason; /* NULL = free */
		sk_ms at; /* last recorded */
		int64_t unsaid; /* since then */
	} refused[REASONS];
	sk_ms now; /* of the bundle that comes in */
	char problem[512];
};

const char *sk_policy_source_name(enum sk_policy_source s)
{
	static const char *const names[] = {"failsafe", "local", "server"};

	return s <= SK_SOURCE_BUNDLE ? names[s] : "failsafe";
}

int sk_holder_new(const char *dir, const char *policy_file, const struct sk_holder_hooks *hooks, struct sk_holder **out)
{
	struct sk_holder *h = calloc(1, sizeof *h);

	if (!h)
		return -ENOMEM;
	h->policy = sk_policy_failsafe();
	if (!h->policy) {
		free(h);
		return -ENOMEM;
	}
	sk_text_copy(h->dir, sizeof h->dir, dir);
	sk_text_copy(h->policy_file, sizeof h->policy_file, policy_file);
	h->hooks = *hooks;
	*out = h;
	return 0;
}

void sk_holder_settle(struct sk_holder *h)
{
	while (h->retired) {
		struct retired *r = h->retired;

		h->retired = r->next;
		sk_policy_free(r->policy);
		sk_grants_free(r->grants);
		free(r);
	}
}

struct sk_holder *sk_holder_free(struct sk_holder *h)
{
	if (!h)
		return NULL;
	sk_holder_settle(h);
	sk_policy_free(h->policy);
	sk_grants_free(h->grants);
	free(h);
	return NULL;
}

/* Takes over what is not NULL. The old object waits for settle; without memory for that it is leaked rather than freed under the gate. */
static void swap(struct sk_holder *h, struct sk_policy *policy, bool with_grants, struct sk_grants *grants)
{
	struct retired *r = calloc(1, sizeof *r);

	if (r) {
		r->next = h->retired;
		h->retired = r;
		r->policy = policy ? h->policy : NULL;
		r->grants = with_grants ? h->grants : NULL;
	}
	if (policy)
		h->policy = policy;
	if (with_grants)
		h->grants = grants;
}

static void record(struct sk_holder *h, const char *kind, json_t *body)
{
	if (body && h->hooks.record)
		h->hooks.record(h->hooks.ctx, kind, body);
	else
		json_decref(body);
}

static void record_policy(struct sk_holder *h)
{
	const struct sk_policy *p = h->policy;
	char hash[SK_SHA256_HEX];
	struct sk_buf w;
	int warnings;

	sk_sha256_hex(p->text, strlen(p->text), hash);
	sk_buf_init(&w, 65536);
	warnings = sk_policy_warnings(p, &w);
	sk_buf_deinit(&w);
	record(h, "policy.applied",
	       json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:I, s:i}", "name", p->name, "version",
	                 (json_int_t)p->version, "bundle_version", (json_int_t)h->slots[SK_BUNDLE_POLICY].version,
	                 "zone", sk_zone_name(p->zone), "mode", sk_mode_name(p->mode), "source",
	                 sk_policy_source_name(h->source), "sha256", hash, "rules", (json_int_t)p->n_rules, "warnings",
	                 warnings));
}

/* --- bundles --- */

static int parse_policy(const struct sk_bundle *b, struct sk_policy **out, struct sk_err *err)
{
	const char *text;
	char name[64];
	int r = sk_json_str(b->body, "text", 1, SK_INI_MAX_BYTES, &text, err);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "policy bundle %lld", (long long)b->version);
	return sk_policy_parse(name, text, strlen(text), out, err);
}

static void take_slot(struct sk_holder *h, const struct sk_bundle *b)
{
	enum sk_bundle_kind kind = sk_bundle_kind_of(b);
	struct slot *s = &h->slots[kind];

	s->version = b->version;
	s->expires = b->expires;
	memcpy(s->payload, b->payload_sha256, sizeof s->payload);
	if (h->floors[kind] < b->version)
		h->floors[kind] = b->version;
}

static int load_policy_bundle(struct sk_holder *h, struct sk_err *err)
{
	struct sk_bundle b;
	struct sk_policy *p = NULL;
	int r = sk_bundle_store_load(h->dir, h->trust, SK_BUNDLE_POLICY, h->floors[SK_BUNDLE_POLICY], &b, err);

	if (r < 0)
		return r;
	r = parse_policy(&b, &p, err);
	if (r == 0) {
		swap(h, p, false, NULL);
		take_slot(h, &b);
		h->source = SK_SOURCE_BUNDLE;
	}
	sk_bundle_clear(&b);
	return r;
}

static void tell_grants(struct sk_holder *h, const json_t *body)
{
	if (h->hooks.grants)
		h->hooks.grants(h->hooks.ctx, body);
}

static int load_grants_bundle(struct sk_holder *h, struct sk_err *err)
{
	struct sk_grants *g = NULL;
	struct sk_bundle b;
	int r = sk_bundle_store_load(h->dir, h->trust, SK_BUNDLE_GRANTS, h->floors[SK_BUNDLE_GRANTS], &b, err);

	if (r < 0)
		return r;
	r = sk_grants_parse(b.body, &g, err);
	if (r == 0) {
		swap(h, NULL, true, g);
		take_slot(h, &b);
		tell_grants(h, b.body);
	}
	sk_bundle_clear(&b);
	return r;
}

static int load_policy_file(struct sk_holder *h, struct sk_err *err)
{
	struct sk_policy *p = NULL;
	int r = sk_policy_load(h->policy_file, &p, err);
	bool changed;

	if (r < 0)
		return r;
	changed = h->source == SK_SOURCE_FILE && strcmp(p->text, h->policy->text) != 0;
	swap(h, p, false, NULL);
	h->source = SK_SOURCE_FILE;
	if (changed)
		record_policy(h);
	return 0;
}

static int load_policy(struct sk_holder *h, struct sk_err *err)
{
	struct sk_err e = SK_ERR_INIT;
	int r = h->trust->enrolled ? load_policy_bundle(h, err) : -ENOENT, f;

	if (r == 0)
		return 0;
	/* A signed policy that is in force already is not given up for the local file because its copy cannot be read now. */
	if (h->source == SK_SOURCE_BUNDLE && h->slots[SK_BUNDLE_POLICY].version)
		return r;
	f = load_policy_file(h, &e);
	if (f == 0)
		return r == -ENOENT ? 0 : r;
	if (r == -ENOENT && err)
		*err = e;
	record(
	    h, "policy.refused",
	    json_pack("{s:s, s:s, s:s}", "error", e.text, "source", "local", "held", sk_policy_source_name(h->source)));
	return r == -ENOENT ? f : r;
}

int sk_holder_load(struct sk_holder *h, const struct sk_trust *t, sk_ms now, struct sk_err *err)
{
	struct sk_err pe = SK_ERR_INIT, ge = SK_ERR_INIT;
	int p, g;

	(void)now;
	h->trust = t;
	h->problem[0] = '\0';
	sk_bundle_store_floors(h->dir, t->device, h->floors);
	p = load_policy(h, &pe);
	g = t->enrolled ? load_grants_bundle(h, &ge) : 0;
	if (g == -ENOENT)
		g = 0;
	if (p < 0 || g < 0) {
		snprintf(h->problem, sizeof h->problem, "%s", p < 0 ? pe.text : ge.text);
		return sk_err_set(err, p < 0 ? p : g, "%s", h->problem);
	}
	return 0;
}

void sk_holder_forget(struct sk_holder *h)
{
	struct sk_policy *fresh = NULL;

	sk_bundle_store_clear(h->dir);
	memset(h->slots, 0, sizeof h->slots);
	memset(h->floors, 0, sizeof h->floors);
	if (h->source == SK_SOURCE_BUNDLE) {
		if (sk_policy_load(h->policy_file, &fresh, NULL) == 0)
			h->source = SK_SOURCE_FILE;
		else if ((fresh = sk_policy_failsafe()) != NULL)
			h->source = SK_SOURCE_FAILSAFE;
	}
	swap(h, fresh, true, NULL);
	tell_grants(h, NULL);
}

/* --- a bundle comes in --- */

static const char *refusal(int r)
{
	switch (r) {
	case -ESTALE:
		return "rollback";
	case -EBADMSG:
		return "signature";
	case -ENOKEY:
		return "key";
	case -EXDEV:
		return "device";
	case -ETIME:
		return "expired";
	case -EIO:
	case -ENOSPC:
		return "storage";
	default:
		return "malformed";
	}
}

/* The first of its reason is recorded at once, then one in ten minutes with how many there were. 0 = not now. */
static int64_t count_refusal(struct sk_holder *h, const char *reason)
{
	struct refused *f = h->refused;
	int64_t n;

	while (f < h->refused + REASONS - 1 && f->reason != NULL && strcmp(f->reason, reason) != 0)
		f++;
	n = ++f->unsaid;
	if (f->reason != NULL && h->now >= f->at && h->now - f->at < QUIET_MS)
		return 0;
	*f = (struct refused){.reason = reason, .at = h->now};
	return n;
}

static int refuse(struct sk_holder *h, const struct sk_bundle *b, int r, const struct sk_err *err)
{
	int64_t count = count_refusal(h, refusal(r));
	json_t *body = count == 0 ? NULL
	                          : json_pack("{s:s, s:s, s:I}", "reason", refusal(r), "error", err->text, "count",
	                                      (json_int_t)count);

	if (body && b) {
		json_object_set_new(body, "kind", json_string(b->kind));
		json_object_set_new(body, "version", json_integer(b->version));
		json_object_set_new(body, "held", json_integer(h->floors[sk_bundle_kind_of(b)]));
	}
	if (body)
		record(h, "bundle.refused", body);
	return r;
}

/* Ours, newer than anything held, not expired. 0, SK_PUT_SAME or negative. */
static int admissible(const struct sk_holder *h, const struct sk_bundle *b, sk_ms now, struct sk_err *err)
{
	bool corrects = h->hooks.issued && sk_bundle_kind_of(b) == SK_BUNDLE_GRANTS;
	const struct slot *s = &h->slots[sk_bundle_kind_of(b)];
	int64_t floor = h->floors[sk_bundle_kind_of(b)];

	if (strcmp(b->device, h->trust->device) != 0)
		return sk_err_set(err, -EXDEV, "%s bundle %lld is for terminal %s", b->kind, (long long)b->version,
		                  b->device);
	if (s->version && b->version == s->version && !strcmp(b->payload_sha256, s->payload))
		return SK_PUT_SAME;
	/* Held once but lost since: the same version may come again. */
	if (b->version < floor || (s->version && b->version == floor))
		return sk_err_set(err, -ESTALE, "%s bundle %lld is not newer than %lld", b->kind, (long long)b->version,
		                  (long long)floor);
	/* Only here: what was held before has been refused by its version, so that no replay can turn the clock. */
	if (corrects && b->version > floor)
		now = h->hooks.issued(h->hooks.ctx, b->issued, false);
	if (b->expires && b->expires <= now)
		return sk_err_set(err, -ETIME, "%s bundle %lld has expired", b->kind, (long long)b->version);
	return 0;
}

static int store(struct sk_holder *h, const struct sk_bundle *b, const char *envelope, size_t len, struct sk_err *err)
{
	enum sk_bundle_kind kind = sk_bundle_kind_of(b);
	int64_t before = h->floors[kind];
	int r = sk_bundle_store_save(h->dir, kind, envelope, len, err);

	if (r < 0)
		return r;
	h->floors[kind] = b->version > before ? b->version : before;
	r = sk_bundle_store_save_floors(h->dir, h->trust->device, h->floors, err);
	if (r < 0)
		h->floors[kind] = before; /* the bundle on the disk is newer: at the next start it is simply in force */
	return r;
}

static int put_policy(struct sk_holder *h, const struct sk_bundle *b, const char *envelope, size_t len,
                      struct sk_err *err)
{
	struct sk_policy *p = NULL;
	int r = parse_policy(b, &p, err);

	if (r < 0) {
		record(h, "policy.refused",
		       json_pack("{s:s, s:s, s:I, s:I}", "error", err->text, "source", "server", "bundle_version",
		                 (json_int_t)b->version, "held", (json_int_t)h->slots[SK_BUNDLE_POLICY].version));
		return r;
	}
	r = store(h, b, envelope, len, err);
	if (r < 0) {
		sk_policy_free(p);
		return refuse(h, b, r, err);
	}
	swap(h, p, false, NULL);
	h->source = SK_SOURCE_BUNDLE;
	h->problem[0] = '\0';
	take_slot(h, b);
	record_policy(h);
	return SK_PUT_APPLIED;
}

static int put_grants(struct sk_holder *h, const struct sk_bundle *b, const char *envelope, size_t len,
                      struct sk_err *err)
{
	bool newer = b->version > h->floors[SK_BUNDLE_GRANTS];
	struct sk_grants *g = NULL;
	int r = sk_grants_parse(b->body, &g, err);

	if (r < 0) {
		record(h, "grants.refused",
		       json_pack("{s:s, s:I, s:I}", "error", err->text, "bundle_version", (json_int_t)b->version,
		                 "held", (json_int_t)h->slots[SK_BUNDLE_GRANTS].version));
		return r;
	}
	r = store(h, b, envelope, len, err);
	if (r < 0) {
		sk_grants_free(g);
		return refuse(h, b, r, err);
	}
	swap(h, NULL, true, g);
	take_slot(h, b);
	tell_grants(h, b->body);
	if (newer && h->hooks.issued)
		(void)h->hooks.issued(h->hooks.ctx, b->issued, true);
	record(h, "grants.applied",
	       json_pack("{s:I, s:I}", "version", (json_int_t)b->version, "count", (json_int_t)g->n));
	if (h->hooks.answered)
		h->hooks.answered(h->hooks.ctx, b->body);
	return SK_PUT_APPLIED;
}

int sk_holder_put(struct sk_holder *h, const char *envelope, size_t len, sk_ms now, struct sk_err *err)
{
	struct sk_err own = SK_ERR_INIT;
	struct sk_bundle b;
	int r;

	if (!err)
		err = &own;
	h->now = now;
	if (!h->trust || !h->trust->enrolled) {
		sk_err_set(err, -ENOKEY, "this terminal is not enrolled: it has no key to verify a bundle with");
		return refuse(h, NULL, -ENOKEY, err);
	}
	r = sk_bundle_open(h->trust->key, envelope, len, &b, err);
	if (r < 0)
		return refuse(h, NULL, r, err);
	r = admissible(h, &b, now, err);
	if (r < 0)
		refuse(h, &b, r, err);
	else if (r == 0)
		r = sk_bundle_kind_of(&b) == SK_BUNDLE_POLICY ? put_policy(h, &b, envelope, len, err)
		                                              : put_grants(h, &b, envelope, len, err);
	sk_bundle_clear(&b);
	return r;
}

/* --- what is in force --- */

const struct sk_policy *sk_holder_policy(const struct sk_holder *h)
{
	return h->policy;
}

const struct sk_grants *sk_holder_grants(const struct sk_holder *h, sk_ms now)
{
	const struct slot *s = &h->slots[SK_BUNDLE_GRANTS];

	return s->expires && s->expires <= now ? NULL : h->grants;
}

enum sk_policy_source sk_holder_source(const struct sk_holder *h)
{
	return h->source;
}

sk_ms sk_holder_expiry(const struct sk_holder *h, sk_ms now)
{
	const struct slot *s = &h->slots[SK_BUNDLE_GRANTS];

	return h->grants && s->expires > now ? s->expires : 0;
}

/* Lost since it was held: the same may come again, nothing older. */
static int64_t known(const struct sk_holder *h, enum sk_bundle_kind kind)
{
	int64_t v = h->slots[kind].version, f = h->floors[kind];

	return v > 0 || f <= 0 ? v : f - 1;
}

void sk_holder_info(const struct sk_holder *h, struct sk_holder_info *out)
{
	memset(out, 0, sizeof *out);
	out->source = h->source;
	out->policy_version = h->slots[SK_BUNDLE_POLICY].version;
	out->grants_version = h->slots[SK_BUNDLE_GRANTS].version;
	out->policy_known = known(h, SK_BUNDLE_POLICY);
	out->grants_known = known(h, SK_BUNDLE_GRANTS);
	out->grants = h->grants ? h->grants->n : 0;
	memcpy(out->problem, h->problem, sizeof out->problem);
}
