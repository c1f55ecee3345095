/*
 * The organisation, read whole and kept while its version number stands: every change of people, posts and units raises the number in the
 * same transaction, so that another process or node reads it anew.
 */
#include "server/store_org.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/store_inside.h"

int org_changed(struct sk_store *s)
{
	int r = db_run(
	    s,
	    "INSERT INTO org_state(one, version, within_at) VALUES(1, 1, 0) ON CONFLICT(one) DO UPDATE SET version = "
	    "org_state.version + 1, within_at = 0",
	    "");

	return r < 0 ? r : 0;
}

/* An array of count(*) + room elements for the rows of one table. */
static int room_for(struct sk_store *s, const char *count, size_t size, void **out)
{
	int64_t n = 0;
	int r = db_int(s, &n, count, "");

	if (r < 0)
		return r;
	*out = calloc((size_t)n + 1, size);
	return *out == NULL ? -ENOMEM : (int)n;
}

static int read_places(struct sk_store *s, struct sk_org *o)
{
	int room = room_for(s, "SELECT count(*) FROM unit_places", sizeof(*o->places), (void **)&o->places), r;
	struct db_rows *st;

	if (room < 0)
		return room;
	st = db_query(s, "SELECT unit, coalesce(parent, ''), kind, \"from\", until FROM unit_places ORDER BY id", "");
	while ((r = db_next(st)) == 1 && (int)o->n_places < room) {
		struct sk_org_place *p = &o->places[o->n_places++];

		db_copy(st, 0, p->unit, sizeof(p->unit));
		db_copy(st, 1, p->parent, sizeof(p->parent));
		db_copy(st, 2, p->kind, sizeof(p->kind));
		p->from = db_number(st, 3);
		p->until = db_number(st, 4);
	}
	db_end(st);
	return r < 0 ? r : 0;
}

static void add_post(struct sk_org *o, const char *user, const char *unit, enum sk_role role, bool deputy,
                     const char *title, sk_ms from, sk_ms until)
{
	struct sk_org_post *p = &o->posts[o->n_posts++];

	sk_text_copy(p->user, sizeof(p->user), user);
	sk_text_copy(p->unit, sizeof(p->unit), unit);
	sk_text_copy(p->title, sizeof(p->title), title);
	p->role = role;
	p->deputy = deputy;
	p->from = from;
	p->until = until;
}

static int read_own_roles(struct sk_store *s, struct sk_org *o, size_t room)
{
	struct db_rows *st =
	    db_query(s, "SELECT user, coalesce(unit, ''), roles FROM users WHERE disabled = 0 ORDER BY user", "");
	char user[64], unit[64];
	int r;

	while ((r = db_next(st)) == 1) {
		unsigned roles = (unsigned)db_number(st, 2);

		db_copy(st, 0, user, sizeof(user));
		db_copy(st, 1, unit, sizeof(unit));
		for (unsigned bit = SK_ROLE_SEC; bit <= SK_ROLE_LAST; bit <<= 1) {
			bool scoped = bit == SK_ROLE_SEC || bit == SK_ROLE_BUR;

			if ((roles & bit) != 0 && o->n_posts < room)
				add_post(o, user, scoped ? unit : "", (enum sk_role)bit, false, "", 0, 0);
		}
	}
	db_end(st);
	return r;
}

static int read_posts(struct sk_store *s, struct sk_org *o)
{
	int room = room_for(s, "SELECT (SELECT count(*) FROM posts) + 8 * (SELECT count(*) FROM users)",
	                    sizeof(*o->posts), (void **)&o->posts);
	char user[64], unit[64], title[128];
	struct db_rows *st;
	enum sk_role role;
	bool deputy;
	int r;

	if (room < 0)
		return room;
	r = read_own_roles(s, o, (size_t)room);
	if (r < 0)
		return r;
	st = db_query(
	    s,
	    "SELECT p.user, coalesce(p.unit, ''), p.role, p.title, p.\"from\", p.until FROM posts p JOIN users u ON "
	    "u.user = p.user WHERE u.disabled = 0 ORDER BY p.id",
	    "");
	while ((r = db_next(st)) == 1 && o->n_posts < (size_t)room) {
		db_copy(st, 0, user, sizeof(user));
		db_copy(st, 1, unit, sizeof(unit));
		db_copy(st, 3, title, sizeof(title));
		if (sk_org_post_parse(db_text(st, 2), &role, &deputy) == 0)
			add_post(o, user, unit, role, deputy, title, db_number(st, 4), db_number(st, 5));
	}
	db_end(st);
	return r < 0 ? r : 0;
}

static int read_absences(struct sk_store *s, struct sk_org *o)
{
	int room = room_for(s, "SELECT count(*) FROM absences", sizeof(*o->absences), (void **)&o->absences), r;
	struct db_rows *st;

	if (room < 0)
		return room;
	st = db_query(s, "SELECT user, \"from\", until FROM absences", "");
	while ((r = db_next(st)) == 1 && (int)o->n_absences < room) {
		struct sk_org_absence *a = &o->absences[o->n_absences++];

		db_copy(st, 0, a->user, sizeof(a->user));
		a->from = db_number(st, 1);
		a->until = db_number(st, 2);
	}
	db_end(st);
	return r < 0 ? r : 0;
}

static int read_delegations(struct sk_store *s, struct sk_org *o)
{
	int room = room_for(s, "SELECT count(*) FROM delegations", sizeof(*o->delegations), (void **)&o->delegations);
	int r;
	struct db_rows *st;

	if (room < 0)
		return room;
	st = db_query(
	    s,
	    "SELECT d.giver, d.taker, coalesce(d.unit, ''), d.role, d.\"from\", d.until FROM delegations d JOIN "
	    "users u ON u.user = d.taker WHERE u.disabled = 0 ORDER BY d.id",
	    "");
	while ((r = db_next(st)) == 1 && (int)o->n_delegations < room) {
		struct sk_org_delegation *d = &o->delegations[o->n_delegations];

		db_copy(st, 0, d->giver, sizeof(d->giver));
		db_copy(st, 1, d->taker, sizeof(d->taker));
		db_copy(st, 2, d->unit, sizeof(d->unit));
		d->from = db_number(st, 4);
		d->until = db_number(st, 5);
		o->n_delegations += sk_role_parse(db_text(st, 3), &d->role) == 0;
	}
	db_end(st);
	return r < 0 ? r : 0;
}

int sk_store_org(struct sk_store *s, const struct sk_org **out)
{
	int64_t version = 0;
	struct sk_org *o;
	int r = db_int(s, &version, "SELECT coalesce(max(version), 0) FROM org_state", "");

	if (r < 0)
		return r;
	if (s->org != NULL && s->org_version == version) {
		*out = s->org;
		return 0;
	}
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return -ENOMEM;
	if ((r = read_places(s, o)) < 0 || (r = read_posts(s, o)) < 0 || (r = read_absences(s, o)) < 0 ||
	    (r = read_delegations(s, o)) < 0) {
		sk_org_free(o);
		return r;
	}
	sk_org_free(s->org);
	*out = s->org = o;
	s->org_version = o->version = version;
	return 0;
}

json_t *sk_store_org_units(struct sk_store *s, sk_ms at)
{
	return db_list(
	    s,
	    "SELECT u.key, u.name_ja, u.name_en, coalesce(p.parent, '') AS parent, coalesce(p.kind, 'section') "
	    "AS kind, coalesce(p.\"from\", 0) AS \"from\", coalesce(p.until, 0) AS until, (SELECT count(*) FROM "
	    "terminals t WHERE t.unit = u.key AND t.revoked IS NULL) AS terminals FROM units u LEFT JOIN "
	    "unit_places p ON p.unit = u.key AND p.\"from\" <= ?1 AND (p.until = 0 OR p.until > ?1) ORDER BY "
	    "u.key",
	    "i", at);
}

json_t *sk_store_org_posts(struct sk_store *s, const char *unit, const char *user, sk_ms at)
{
	return db_list(
	    s,
	    "SELECT p.id, p.user, a.name, coalesce(p.unit, '') AS unit, coalesce(u.name_ja, '') AS unit_ja, "
	    "coalesce(u.name_en, '') AS unit_en, p.role, p.title, p.\"from\", p.until FROM posts p JOIN users a ON "
	    "a.user = p.user LEFT JOIN units u ON u.key = p.unit WHERE (?1 IS NULL OR p.unit = ?1) AND (?2 IS "
	    "NULL OR p.user = ?2) AND (p.until = 0 OR p.until > ?3) ORDER BY coalesce(p.unit, ''), p.role, "
	    "p.\"from\", p.user",
	    "ssi", unit, user, at);
}

json_t *sk_store_absences(struct sk_store *s, const char *user, sk_ms now)
{
	return db_list(
	    s,
	    "SELECT b.id, b.user, a.name, b.\"from\", b.until, b.reason FROM absences b JOIN users a ON a.user = "
	    "b.user WHERE (?1 IS NULL OR b.user = ?1) AND (b.until = 0 OR b.until > ?2) ORDER BY b.\"from\", b.id",
	    "si", user, now);
}

json_t *sk_store_delegations(struct sk_store *s, const char *user, sk_ms now)
{
	return db_list(
	    s,
	    "SELECT d.id, d.giver, g.name AS giver_name, d.taker, t.name AS taker_name, d.role, coalesce(d.unit, "
	    "'') AS unit, coalesce(u.name_ja, '') AS unit_ja, coalesce(u.name_en, '') AS unit_en, d.\"from\", "
	    "d.until, d.reason FROM delegations d JOIN users g ON g.user = d.giver JOIN users t ON t.user = "
	    "d.taker LEFT JOIN units u ON u.key = d.unit WHERE (?1 IS NULL OR d.giver = ?1 OR d.taker = ?1) AND "
	    "d.until > ?2 ORDER BY d.\"from\", d.id",
	    "si", user, now);
}

/* The closure of the tree of now. Few units: it is made whole. */
static int within_make(struct sk_store *s, sk_ms now)
{
	const struct sk_org *o;
	json_t *units = db_list(s, "SELECT key FROM units", ""), *row;
	int r = units == NULL ? -EIO : sk_store_org(s, &o);
	size_t i;

	if (r == 0)
		r = db_run(s, "DELETE FROM unit_within", "");
	json_array_foreach(units, i, row)
	{
		const char *unit = json_string_value(json_object_get(row, "key")), *up = unit;

		for (int depth = 0; r >= 0 && depth < SK_ORG_DEPTH_MAX; depth++) {
			r = db_run(s, "INSERT INTO unit_within(above, unit) VALUES(?,?) ON CONFLICT DO NOTHING", "ss",
			           up, unit);
			if (r >= 0 && sk_org_parent(o, up, now, &up) < 0)
				break;
		}
	}
	json_decref(units);
	if (r >= 0)
		r = db_run(s, "UPDATE org_state SET within_at = ? WHERE one = 1", "i", now);
	return r < 0 ? r : 0;
}

int org_tend(struct sk_store *s, sk_ms now)
{
	int64_t due = 0;
	int r = db_int(
	    s, &due,
	    "SELECT count(*) FROM org_state o WHERE o.within_at = 0 OR o.within_at > ?1 OR EXISTS (SELECT 1 FROM "
	    "unit_places p WHERE (p.\"from\" > o.within_at AND p.\"from\" <= ?1) OR (p.until > o.within_at AND "
	    "p.until <= ?1))",
	    "i", now);

	if (r < 0 || due == 0)
		return r;
	r = db_begin(s);
	return r < 0 ? r : db_finish(s, within_make(s, now));
}
