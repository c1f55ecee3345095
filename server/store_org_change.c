/* Changes of the organisation: a plan carried out, absences, delegations. What was is never overwritten: a term ends, another begins. */
#include "server/store_org.h"

#include <errno.h>
#include <string.h>

#include "server/password.h"
#include "server/store_inside.h"

static const char *or_null(const char *s)
{
	return s[0] != '\0' ? s : NULL;
}

static int unit_line(struct sk_store *s, const struct sk_org_line *l)
{
	int r =
	    db_run(s,
	           "INSERT INTO units(key, name_ja, name_en) VALUES(?,?,?) ON CONFLICT(key) DO UPDATE SET name_ja = "
	           "excluded.name_ja, name_en = excluded.name_en",
	           "sss", l->place.unit, l->name_ja, l->name_en);

	return r < 0 ? r : 0;
}

/* Its place from then on: what held then ends, what was planned for later is replaced. */
static int place_line(struct sk_store *s, const struct sk_org_line *l)
{
	const struct sk_org_place *p = &l->place;
	int r = db_run(
	    s, "UPDATE unit_places SET until = ?2 WHERE unit = ?1 AND \"from\" < ?2 AND (until = 0 OR until > ?2)",
	    "si", p->unit, p->from);

	if (r >= 0)
		r = db_run(s, "DELETE FROM unit_places WHERE unit = ? AND \"from\" >= ?", "si", p->unit, p->from);
	if (r >= 0)
		r = db_run(s, "INSERT INTO unit_places(unit, parent, kind, \"from\", until) VALUES(?,?,?,?,?)", "sssii",
		           p->unit, or_null(p->parent), p->kind, p->from, p->until);
	return r < 0 ? r : 0;
}

static int account_line(struct sk_store *s, const struct sk_org_line *l)
{
	int r = db_run(s,
	               "INSERT INTO users(user, name, unit, roles, password_hash, login) VALUES(?1,?2,?3,?4,?5,?6) ON "
	               "CONFLICT(user) DO UPDATE SET name = excluded.name, login = CASE WHEN ?6 <> '' THEN ?6 ELSE "
	               "users.login END",
	               "sssiss", l->post.user, l->name, or_null(l->post.unit), (int64_t)SK_ROLE_STAFF, SK_PASSWORD_NONE,
	               l->login);

	/* Belonging to a unit; an account with roles of its own keeps the section these are for. */
	if (r >= 0 && l->post.role == SK_ROLE_STAFF && l->effect != SK_ORG_END)
		r = db_run(s, "UPDATE users SET unit = ? WHERE user = ? AND roles = ?", "ssi", or_null(l->post.unit),
		           l->post.user, (int64_t)SK_ROLE_STAFF);
	return r < 0 ? r : 0;
}

/* The term of the same post that meets this one is changed or, when a new title begins later, ended. */
static int post_line(struct sk_store *s, const struct sk_org_line *l)
{
	const struct sk_org_post *p = &l->post;
	const char *role = sk_org_post_name(p->role, p->deputy);
	int64_t id = 0;
	int r =
	    db_int(s, &id,
	           "SELECT id FROM posts WHERE user = ?1 AND coalesce(unit, '') = ?2 AND role = ?3 AND (until = 0 OR "
	           "until > ?4) AND (?5 = 0 OR \"from\" < ?5) ORDER BY \"from\" LIMIT 1",
	           "sssii", p->user, p->unit, role, p->from, p->until);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && !l->split) {
		r = db_run(s,
		           "UPDATE posts SET title = ?2, \"from\" = CASE WHEN \"from\" > ?3 THEN ?3 ELSE \"from\" END, "
		           "until = "
		           "?4 WHERE id = ?1",
		           "isii", id, p->title, p->from, p->until);
		return r < 0 ? r : 0;
	}
	if (r == 0)
		r = db_run(s, "UPDATE posts SET until = ? WHERE id = ?", "ii", p->from, id);
	if (r >= 0 || r == -ENOENT)
		r = db_run(s, "INSERT INTO posts(user, unit, role, title, \"from\", until) VALUES(?,?,?,?,?,?)",
		           "ssssii", p->user, or_null(p->unit), role, p->title, p->from, p->until);
	return r < 0 ? r : 0;
}

static int line_recorded(struct sk_store *s, const struct sk_actor *by, const struct sk_org_line *l, sk_ms now)
{
	const char *effect = sk_org_effect_name(l->effect);
	const struct sk_org_post *p = &l->post;

	if (!l->person)
		return audit_add(s, by, "org.unit", l->place.unit,
		                 json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "effect", effect, "name_ja", l->name_ja,
		                           "name_en", l->name_en, "parent", l->place.parent, "kind", l->place.kind,
		                           "from", (json_int_t)l->place.from, "until", (json_int_t)l->place.until),
		                 now);
	return audit_add(s, by, "org.post", p->user,
	                 json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I}", "effect", effect, "name", l->name, "unit", p->unit,
	                           "role", sk_org_post_name(p->role, p->deputy), "title", p->title, "from",
	                           (json_int_t)p->from, "until", (json_int_t)p->until),
	                 now);
}

static int apply(struct sk_store *s, const struct sk_actor *by, const struct sk_org_plan *plan, const char *file,
                 sk_ms now)
{
	int64_t version = 0;
	int r = db_int(s, &version, "SELECT coalesce(max(version), 0) FROM org_state", "");

	if (r == 0 && version != plan->version)
		r = -ESTALE;
	/* Units first: a place may name one that stands further down. */
	for (size_t i = 0; i < plan->n && r >= 0; i++) {
		if (!plan->lines[i].person && plan->lines[i].effect != SK_ORG_SAME)
			r = unit_line(s, &plan->lines[i]);
	}
	for (size_t i = 0; i < plan->n && r >= 0; i++) {
		const struct sk_org_line *l = &plan->lines[i];

		if (l->effect == SK_ORG_SAME)
			continue;
		if (l->person)
			r = account_line(s, l);
		if (r >= 0)
			r = l->person ? post_line(s, l) : place_line(s, l);
		if (r >= 0)
			r = line_recorded(s, by, l, now);
	}
	if (r >= 0)
		r = org_changed(s);
	if (r >= 0)
		r = org_tend(s, now);
	if (r >= 0)
		r = audit_add(s, by, "org.import", file,
		              json_pack("{s:I,s:I,s:I,s:I}", "added", (json_int_t)plan->counts[SK_ORG_ADD], "changed",
		                        (json_int_t)plan->counts[SK_ORG_CHANGE], "ended",
		                        (json_int_t)plan->counts[SK_ORG_END], "same",
		                        (json_int_t)plan->counts[SK_ORG_SAME]),
		              now);
	return r < 0 ? r : 0;
}

int sk_store_org_apply(struct sk_store *s, const struct sk_actor *by, const struct sk_org_plan *plan, const char *file,
                       sk_ms now, struct sk_err *err)
{
	int r;

	if (by->role != SK_ROLE_SYS)
		return sk_err_set(err, -EPERM, "only an information system manager imports the organisation");
	if (plan->counts[SK_ORG_ERROR] > 0)
		return sk_err_set(err, -EINVAL, "%s: %zu lines have errors; nothing was stored", file,
		                  plan->counts[SK_ORG_ERROR]);
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, apply(s, by, plan, file, now));
	if (r == -ESTALE)
		return sk_err_set(err, r, "the organisation was changed meanwhile; look at the plan again");
	return r < 0 ? db_fail(s, err, r, "organisation not stored") : 0;
}

static int plain_reason(const char *reason, struct sk_err *err)
{
	char shown[512];

	sk_text_printable(shown, sizeof(shown), reason, strlen(reason));
	if (strlen(reason) > 400 || strcmp(shown, reason) != 0)
		return sk_err_set(err, -EINVAL, "the reason is too long or holds characters that cannot be shown");
	return 0;
}

/* Who acts, as the store knows them: an account in a post of that role now. */
static int holds_role(struct sk_store *s, const struct sk_actor *by, sk_ms now)
{
	struct sk_capacity list[SK_CAPACITY_MAX];
	const struct sk_org *o;
	size_t n;

	if (strncmp(by->user, "cli:", 4) == 0)
		return 0;
	if (sk_store_org(s, &o) < 0)
		return -EIO;
	n = sk_org_capacities(o, by->user, now, list);
	for (size_t i = 0; i < n; i++) {
		if (list[i].role == by->role)
			return 0;
	}
	return -EPERM;
}

static int one_change(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object,
                      json_t *detail, int r, sk_ms now)
{
	if (r == 0) {
		json_decref(detail);
		return -ENOENT;
	}
	if (r > 0)
		r = org_changed(s);
	if (r >= 0)
		return audit_add(s, by, action, object, detail, now);
	json_decref(detail);
	return r;
}

int sk_store_absence_put(struct sk_store *s, const struct sk_actor *by, const char *user, sk_ms from, sk_ms until,
                         const char *reason, sk_ms now, struct sk_err *err)
{
	struct sk_user u;
	int r = sk_store_user_get(s, user, &u);

	if (r < 0)
		return sk_err_set(err, r, "user \"%.63s\" is not known", user);
	if (strcmp(by->user, user) != 0 && (by->role != SK_ROLE_SYS || holds_role(s, by, now) < 0))
		return sk_err_set(err, -EPERM, "an absence is entered by the person or an information system manager");
	if (until != 0 && (until <= from || until <= now))
		return sk_err_set(err, -EINVAL, "the end must lie ahead and after the beginning");
	if ((r = plain_reason(reason, err)) < 0 || (r = db_begin(s)) < 0)
		return r;
	r = db_run(s, "INSERT INTO absences(user, \"from\", until, reason, by, created) VALUES(?,?,?,?,?,?)", "siissi",
	           user, from, until, reason, by->user, now);
	r = one_change(
	    s, by, "org.absence", user,
	    json_pack("{s:I,s:I,s:s}", "from", (json_int_t)from, "until", (json_int_t)until, "reason", reason), r, now);
	r = db_finish(s, r);
	return r < 0 ? db_fail(s, err, r, "absence not stored") : 0;
}

/* Ends one now; one that has not begun never holds. */
static int end_one(struct sk_store *s, const struct sk_actor *by, const char *owner, const char *update,
                   const char *action, int64_t id, sk_ms now, struct sk_err *err)
{
	struct db_rows *st = db_query(s, owner, "i", id);
	char user[64] = "";
	int r = db_next(st);

	if (r == 1)
		db_copy(st, 0, user, sizeof(user));
	db_end(st);
	if (r <= 0)
		return sk_err_set(err, r < 0 ? r : -ENOENT, "there is no such entry");
	if (strcmp(by->user, user) != 0 && (by->role != SK_ROLE_SYS || holds_role(s, by, now) < 0))
		return sk_err_set(err, -EPERM, "it is ended by the person or an information system manager");
	r = db_begin(s);
	if (r < 0)
		return r;
	r = db_run(s, update, "iii", id, now, now);
	r = one_change(s, by, action, user, json_pack("{s:I}", "id", (json_int_t)id), r, now);
	r = db_finish(s, r);
	if (r == -ENOENT)
		return sk_err_set(err, -ESTALE, "it is over already");
	return r < 0 ? db_fail(s, err, r, "not changed") : 0;
}

int sk_store_absence_end(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now, struct sk_err *err)
{
	return end_one(
	    s, by, "SELECT user FROM absences WHERE id = ?",
	    "UPDATE absences SET until = CASE WHEN \"from\" > ?2 THEN \"from\" ELSE ?2 END WHERE id = ?1 AND "
	    "(until = 0 OR until > ?3)",
	    "org.absence-end", id, now, err);
}

int sk_store_delegation_end(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now, struct sk_err *err)
{
	return end_one(
	    s, by, "SELECT giver FROM delegations WHERE id = ?",
	    "UPDATE delegations SET until = CASE WHEN \"from\" > ?2 THEN \"from\" ELSE ?2 END WHERE id = ?1 AND "
	    "until > ?3",
	    "org.delegation-end", id, now, err);
}

static int may_delegate(struct sk_store *s, const struct sk_actor *by, const char *taker, enum sk_role role,
                        const char *unit, sk_ms now, struct sk_err *err)
{
	struct sk_capacity list[SK_CAPACITY_MAX];
	const struct sk_org *o;
	struct sk_user u;
	size_t n;
	int r = sk_store_user_get(s, taker, &u);

	if (r < 0 || u.disabled)
		return sk_err_set(err, r < 0 ? r : -EPERM, "user \"%.63s\" is not known or disabled", taker);
	if (strcmp(taker, by->user) == 0)
		return sk_err_set(err, -EINVAL, "a delegation is to somebody else");
	if (role == SK_ROLE_STAFF || role == SK_ROLE_AUD)
		return sk_err_set(err, -EPERM, "the role %s is not delegated", sk_role_name(role));
	if ((r = sk_store_org(s, &o)) < 0)
		return r;
	n = sk_org_capacities(o, by->user, now, list);
	for (size_t i = 0; i < n; i++) {
		if (list[i].how == SK_HOW_POST && list[i].role == role &&
		    (unit[0] == '\0' || sk_org_within(o, list[i].unit, unit, now)))
			return 0;
	}
	return sk_err_set(err, -EPERM, "only a post one holds can be delegated: %s does not hold %s there", by->user,
	                  sk_role_name(role));
}

int sk_store_delegation_put(struct sk_store *s, const struct sk_actor *by, const char *taker, enum sk_role role,
                            const char *unit, sk_ms from, sk_ms until, const char *reason, sk_ms now,
                            struct sk_err *err)
{
	int r = may_delegate(s, by, taker, role, unit, now, err);

	if (r < 0)
		return r;
	if (until <= from || until <= now || until > now + SK_DELEGATION_MAX)
		return sk_err_set(err, -EINVAL, "a delegation ends, within a year");
	if ((r = plain_reason(reason, err)) < 0 || (r = db_begin(s)) < 0)
		return r;
	r = db_run(s,
	           "INSERT INTO delegations(giver, taker, role, unit, \"from\", until, reason, by, created) "
	           "VALUES(?,?,?,?,?,?,?,?,?)",
	           "ssssiissi", by->user, taker, sk_role_name(role), or_null(unit), from, until, reason, by->user, now);
	r = one_change(s, by, "org.delegation", taker,
	               json_pack("{s:s,s:s,s:I,s:I,s:s}", "role", sk_role_name(role), "unit", unit, "from",
	                         (json_int_t)from, "until", (json_int_t)until, "reason", reason),
	               r, now);
	r = db_finish(s, r);
	return r < 0 ? db_fail(s, err, r, "delegation not stored") : 0;
}
