/* Applications: checked, stored once, listed. What becomes of them is in store_applications_act.c. */
#include "server/store_applications.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store_applications_inside.h"

int sk_store_kinds_text(struct sk_store *s, char **text)
{
	struct db_rows *st = db_query(s, "SELECT text FROM kinds_texts ORDER BY id DESC LIMIT 1", "");
	int r = db_next(st);

	if (r == 1) {
		*text = strdup(db_text(st, 0));
		r = *text == NULL ? -ENOMEM : 1;
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int sk_store_kinds_set(struct sk_store *s, const struct sk_actor *by, const char *text, sk_ms now, struct sk_err *err)
{
	char hash[SK_SHA256_HEX];
	struct sk_kinds *kinds = NULL;
	int r;

	if (by->role != SK_ROLE_SYS)
		return sk_err_set(err, -EPERM, "only an information system manager changes the kinds");
	r = sk_kinds_parse("kinds", text, strlen(text), &kinds, err);
	if (r < 0)
		return r;
	sk_kinds_free(kinds);
	sk_sha256_hex(text, strlen(text), hash);
	r = db_begin(s);
	if (r == 0) {
		r = db_run(s, "INSERT INTO kinds_texts(text, by, created) VALUES(?,?,?)", "ssi", text, by->user, now);
		if (r >= 0)
			r = audit_add(s, by, "kinds.set", "kinds", json_pack("{s:s}", "sha256", hash), now);
		r = db_finish(s, r < 0 ? r : 0);
	}
	return r < 0 ? db_fail(s, err, r, "kinds not stored") : 0;
}

static int problem(struct sk_application_problem *out, const char *field, const char *why)
{
	out->field = field;
	out->why = why;
	return -EINVAL;
}

static int check_kinds(const struct sk_application *a, struct sk_application_problem *out)
{
	const struct sk_kind *first = a->n_kinds > 0 ? a->kinds[0] : NULL;

	if (first == NULL || a->n_kinds > SK_PERMITS_MAX)
		return problem(out, "kinds", N_("Choose what you apply for."));
	for (size_t i = 1; i < a->n_kinds; i++) {
		if (first->group[0] == '\0' || strcmp(a->kinds[i]->group, first->group) != 0)
			return problem(out, "kinds", N_("These cannot be asked for on one form."));
		for (size_t j = 0; j < i; j++) {
			if (a->kinds[j] == a->kinds[i])
				return problem(out, "kinds", N_("These cannot be asked for on one form."));
		}
	}
	return 0;
}

static int check_class(const struct sk_application *a, struct sk_application_problem *out)
{
	unsigned bit = 0, asked = 0, allowed = ~0u;

	for (size_t i = 0; sk_class_names[i] != NULL; i++)
		bit |= strcmp(sk_class_names[i], a->class) == 0 ? 1u << i : 0;
	for (size_t i = 0; i < a->n_kinds; i++) {
		asked |= a->kinds[i]->classes;
		if (a->kinds[i]->classes != 0)
			allowed &= a->kinds[i]->classes;
	}
	if (asked == 0)
		return a->class[0] == '\0' ? 0 : problem(out, "class", N_("This class is not possible here."));
	if (bit == 0)
		return problem(out, "class", N_("Choose the class of the information."));
	return (bit & allowed) != 0 ? 0 : problem(out, "class", N_("This class is not possible here."));
}

static int check_fields(const struct sk_application *a, struct sk_application_problem *out)
{
	char shown[4 * SK_FIELD_MAX + 8];

	for (size_t i = 0; i < a->n_kinds; i++) {
		for (size_t j = 0; j < a->kinds[i]->n_fields; j++) {
			const struct sk_kind_field *f = &a->kinds[i]->fields[j];
			const char *text = json_string_value(json_object_get(a->fields, f->name));

			if (text == NULL)
				text = "";
			if (f->needed && text[strspn(text, " ")] == '\0')
				return problem(out, f->name, N_("This has to be filled in."));
			if (strlen(text) > SK_FIELD_MAX)
				return problem(out, f->name, N_("This is too long; at most 160 characters."));
			sk_text_printable(shown, sizeof(shown), text, strlen(text));
			if (strcmp(shown, text) != 0)
				return problem(out, f->name, N_("This holds characters that cannot be shown."));
		}
	}
	return 0;
}

int sk_application_check(const struct sk_application *a, sk_ms now, struct sk_application_problem *out)
{
	sk_ms longest = 0;
	int r;

	if ((r = check_kinds(a, out)) < 0 || (r = check_class(a, out)) < 0 || (r = check_fields(a, out)) < 0)
		return r;
	for (size_t i = 0; i < a->n_kinds; i++) {
		sk_ms own = (sk_ms)(a->kinds[i]->longest + 1) * 86400000;

		longest = longest == 0 || own < longest ? own : longest;
	}
	if (a->until <= a->from || a->until <= now)
		return problem(out, "term", N_("The last day lies before the first, or is over."));
	if (a->from > now + (sk_ms)366 * 86400000 || a->until - a->from > longest)
		return problem(out, "term", N_("This is longer than the kind allows."));
	return 0;
}

/* For whom, from which unit, by whom: 0 or -EPERM, -EINVAL. */
static int who(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, struct sk_user *person,
               char unit[64], sk_ms now, struct sk_application_problem *p, struct sk_err *err)
{
	bool own = strcmp(by->user, a->person) == 0;
	const struct sk_org *org;
	struct sk_capacity as;
	int r = sk_store_user_get(s, a->person, person);

	if (r == -ENOENT || (r == 0 && person->disabled))
		return problem(p, "person", N_("There is no such account."));
	if (r < 0 || (r = sk_store_org(s, &org)) < 0)
		return r;
	if (!own && (by->role != SK_ROLE_DESK || sk_org_may(org, by->user, SK_ROLE_DESK, "", now, &as) < 0))
		return sk_err_set(err, -EPERM, "only the helpdesk enters applications of others");
	for (size_t i = 0; i < a->n_kinds; i++) {
		if ((a->kinds[i]->asks & (own ? (unsigned)by->role : (unsigned)SK_ROLE_STAFF)) == 0)
			return sk_err_set(err, -EPERM, "%s is not for %s to ask", a->kinds[i]->key,
			                  sk_role_name(own ? by->role : SK_ROLE_STAFF));
	}
	sk_text_copy(unit, 64, own && by->role == SK_ROLE_SEC ? by->unit : person->unit);
	if (unit[0] == '\0')
		return problem(p, "person", N_("The account belongs to no unit; have it set first."));
	return produce_check(s, a, unit, now, p);
}

static const char *produces(const struct sk_application *a)
{
	switch (produced_by(a)) {
	case SK_KIND_MEDIUM:
		return "medium";
	case SK_KIND_SETTING:
		return "setting";
	default:
		return "";
	}
}

int application_history(struct sk_store *s, int64_t number, const char *action, const struct sk_actor *by,
                        const char *reason, sk_ms now)
{
	int r = db_run(s,
	               "INSERT INTO application_history(application, time, action, user, name, role, unit, reason) "
	               "VALUES(?,?,?,?,?,?,?,?)",
	               "iissssss", number, now, action, by->user, by->name, sk_role_name(by->role), by->unit, reason);
	char object[32];

	snprintf(object, sizeof(object), "%lld", (long long)number);
	if (r >= 0)
		r = audit_add(s, by, strcmp(action, "created") == 0 ? "application.created" : "application.acted",
		              object, json_pack("{s:s,s:s}", "action", action, "reason", reason), now);
	return r < 0 ? r : 0;
}

static int application_permit_rows(struct sk_store *s, int64_t number, const struct sk_application *a)
{
	int r = db_run(s, "DELETE FROM application_permits WHERE application = ?", "i", number);

	for (size_t i = 0; i < a->n_kinds && r >= 0; i++)
		r = db_run(s, "INSERT INTO application_permits(application, kind, clause) VALUES(?,?,?)", "iss", number,
		           a->kinds[i]->key, a->kinds[i]->clause);
	return r < 0 ? r : 0;
}

static bool brought_back(const struct sk_application *a)
{
	bool back = false;

	for (size_t i = 0; i < a->n_kinds; i++)
		back = back || a->kinds[i]->back;
	return back;
}

int application_insert(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, const char *unit,
                       int64_t extends, sk_ms now, int64_t *number)
{
	char route[128], *fields = sk_json_text(a->fields);
	int r;

	if (fields == NULL)
		return -ENOMEM;
	sk_route_text(a->kinds[0]->steps, a->kinds[0]->n_steps, route);
	r = db_int(
	    s, number,
	    "INSERT INTO applications(fiscal_year, fiscal_serial, once, kind, person, entered_by, unit, class, fields, "
	    "\"from\", until, route, step, round, state, back, created, updated, extends, produces) VALUES(?1, (SELECT "
	    "coalesce(max(fiscal_serial), 0) + 1 FROM applications WHERE fiscal_year = ?1), ?2, ?3, ?4, ?5, ?6, ?7, "
	    "?8, "
	    "?9, ?10, ?11, 0, 1, ?15, ?12, ?13, ?13, nullif(?14, 0), ?16) ON CONFLICT(once) DO NOTHING RETURNING "
	    "number",
	    "isssssssiisiiiss", (int64_t)sk_clock_fiscal_year(now), a->once, a->kinds[0]->key, a->person, by->user,
	    unit, a->class, fields, a->from, a->until, route, (int64_t)brought_back(a), now, extends,
	    a->kinds[0]->record ? "done" : "submitted",
	    produces(a)); /* where nobody permits it is recorded, and that is all */
	free(fields);
	if (r == -ENOENT) /* sent twice */
		return db_int(s, number, "SELECT number FROM applications WHERE once = ? AND entered_by = ?", "ss",
		              a->once, by->user);
	if (r == 0)
		r = application_permit_rows(s, *number, a);
	return r < 0 ? r : application_history(s, *number, "created", by, "", now);
}

/* A returned one, with what was mended: a new round, in which everybody decides anew. */
static int again(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, sk_ms now)
{
	char route[128], *fields = sk_json_text(a->fields);
	int64_t there;
	int r;

	if (fields == NULL)
		return -ENOMEM;
	sk_route_text(a->kinds[0]->steps, a->kinds[0]->n_steps, route);
	r = db_run(s,
	           "UPDATE applications SET kind = ?1, class = ?2, fields = ?3, \"from\" = ?4, until = ?5, route = ?6, "
	           "step = 0, "
	           "round = round + 1, state = 'submitted', back = ?7, updated = ?8, produces = ?11 WHERE number = ?9 "
	           "AND state = "
	           "'returned' AND "
	           "(person = ?10 OR entered_by = ?10)",
	           "sssiisiiiss", a->kinds[0]->key, a->class, fields, a->from, a->until, route,
	           (int64_t)brought_back(a), now, a->again, by->user, produces(a));
	free(fields);
	if (r == 0)
		return db_int(s, &there, "SELECT 1 FROM applications WHERE number = ?", "i", a->again) == 0 ? -ESTALE
		                                                                                            : -ENOENT;
	if (r > 0)
		r = application_permit_rows(s, a->again, a);
	return r < 0 ? r : application_history(s, a->again, "resubmit", by, "", now);
}

int sk_store_application_put(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, sk_ms now,
                             int64_t *number, struct sk_application_problem *p, struct sk_err *err)
{
	struct sk_user person;
	char unit[64];
	int r = sk_application_check(a, now, p);

	if (r == 0)
		r = who(s, by, a, &person, unit, now, p, err);
	if (r == 0 && (strlen(a->once) < 16 || strlen(a->once) > 64))
		r = problem(p, "", N_("The form is incomplete. Open it again."));
	if (r == 0)
		r = db_begin(s);
	if (r < 0)
		return r;
	*number = a->again;
	r = a->again != 0 ? again(s, by, a, now) : application_insert(s, by, a, unit, 0, now, number);
	r = db_finish(s, r);
	return r < 0 ? sk_err_set(err, r, "the application was not stored") : 0;
}

/* ?1 is always now. */
#define ROW \
	"SELECT a.number, printf('%d-%04d', a.fiscal_year, a.fiscal_serial) AS label, a.kind, a.state, a.person, " \
	"p.name AS " \
	"person_name, a.entered_by, a.unit, u.name_ja AS unit_ja, u.name_en AS unit_en, a.class, a.\"from\", " \
	"a.until, " \
	"a.route, a.step, a.round, a.created, a.updated, a.back AS \"back|b\", a.reason, CASE WHEN a.state = " \
	"'permitted' AND " \
	"a.until <= ?1 THEN 1 ELSE 0 END AS \"overdue|b\", a.reminders, a.reminded"
#define FROM " FROM applications a JOIN users p ON p.user = a.person JOIN units u ON u.key = a.unit"

json_t *sk_store_applications(struct sk_store *s, const char *unit, const char *person, const char *state,
                              const char *find, sk_ms now, int limit, int offset)
{
	return db_list(s,
	               ROW FROM " WHERE " WITHIN(
	                   2, "a.unit") " AND (?3 IS NULL OR a.person = ?3) AND (?4 IS NULL OR a.state = ?4 OR (?4 = "
	                                "'open' AND a.state IN ('submitted', 'examined', 'returned')) OR (?4 = "
	                                "'overdue' AND a.state = 'permitted' AND "
	                                "a.back <> 0 AND a.until <= ?1)) AND (?5 IS NULL OR instr(lower(a.person || ' "
	                                "' || p.name || ' ' || a.fields || ' ' || "
	                                "printf('%d-%04d', a.fiscal_year, a.fiscal_serial)), lower(?5)) > 0) ORDER BY "
	                                "a.number DESC LIMIT ?6 OFFSET ?7",
	               "issssii", now, unit, person, state, find, (int64_t)limit, (int64_t)offset);
}

json_t *sk_store_application(struct sk_store *s, int64_t number, sk_ms now)
{
	json_t *a = db_object(s,
	                      ROW ", a.fields AS \"fields|j\", coalesce(a.extends, 0) AS extends, a.produces" FROM
	                          " WHERE a.number = ?2",
	                      "ii", now, number);
	json_t *permits, *votes, *history, *requests;

	if (a == NULL)
		return NULL;
	(void)json_object_set_new(
	    a, "check",
	    db_object(s,
	              "SELECT time, scan AS \"scan|b\", patches AS \"patches|b\", files AS \"files|b\", contents AS "
	              "\"contents|b\", name, role FROM application_checks WHERE application = ?",
	              "i", number));
	requests =
	    db_list(s,
	            "SELECT q.number, printf('%d-%04d', q.fiscal_year, q.fiscal_serial) AS label, q.state, q.terminal, "
	            "t.host, q.ledger, q.until, q.granted_access FROM requests q JOIN terminals t ON t.id = q.terminal "
	            "WHERE q.application = ? ORDER BY q.number",
	            "i", number);
	permits =
	    db_list(s, "SELECT kind, clause FROM application_permits WHERE application = ? ORDER BY kind", "i", number);
	votes = db_list(
	    s,
	    "SELECT step, role, user, name, time FROM application_votes WHERE application = ?1 AND round = (SELECT "
	    "round FROM applications WHERE number = ?1) ORDER BY time, role",
	    "i", number);
	history = db_list(
	    s,
	    "SELECT time, action, user, name, role, reason FROM application_history WHERE application = ? ORDER BY "
	    "id",
	    "i", number);
	if (permits == NULL || votes == NULL || history == NULL || requests == NULL ||
	    json_object_set(a, "requests", requests) != 0 || json_object_set(a, "permits", permits) != 0 ||
	    json_object_set(a, "votes", votes) != 0 || json_object_set(a, "history", history) != 0) {
		json_decref(a);
		a = NULL;
	}
	json_decref(permits);
	json_decref(votes);
	json_decref(history);
	json_decref(requests);
	return a;
}
