/* See store_inspections.h. */
#include "server/store_inspections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store_inside.h"
#include "server/store_org.h"

/* Text of a person: lines are kept, nothing else that cannot be shown. */
static bool plain(const char *text, size_t most)
{
	size_t n = strlen(text);

	if (n > most || !sk_text_is_utf8(text, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			return false;
	}
	return true;
}

/* The account holds the role it acts in (for the unit, where it is a unit's): posts, deputies and delegations count as the organisation says. */
static int holds(struct sk_store *s, const struct sk_actor *by, const char *unit, sk_ms now)
{
	struct sk_capacity as;
	struct sk_user me;
	const struct sk_org *o;
	int r = sk_store_user_get(s, by->user, &me);

	if (r < 0)
		return r == -ENOENT ? -EPERM : r;
	if (me.disabled)
		return -EPERM;
	r = sk_store_org(s, &o);
	return r < 0 ? r : sk_org_may(o, by->user, by->role, unit, now, &as);
}

/* Is it theirs to run? unit: of the inspection. */
static int owns(struct sk_store *s, const struct sk_actor *by, bool audit, const char *unit, sk_ms now)
{
	if (audit ? by->role != SK_ROLE_AUD : !(by->role & (SK_ROLE_BUR | SK_ROLE_SYS)))
		return -EPERM;
	return holds(s, by, by->role == SK_ROLE_BUR ? unit : "", now);
}

static int note(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *action, json_t *detail,
                sk_ms now)
{
	char object[48], name[48];

	snprintf(object, sizeof(object), "inspection:%lld", (long long)number);
	snprintf(name, sizeof(name), "inspection.%s", action);
	return audit_add(s, by, name, object, detail, now);
}

/* --- a new one --- */

static int add_item(struct sk_store *s, int64_t number, const char *line, size_t len, struct sk_err *err)
{
	char clause[64], text[1024];
	size_t n = 0;

	while (n < len && line[n] != ' ')
		n++;
	if (n == 0 || n >= sizeof(clause) || len - n < 2 || len - n >= sizeof(text))
		return sk_err_set(err, -EINVAL, "an item is a clause, a blank, and what is asked");
	memcpy(clause, line, n);
	clause[n] = '\0';
	memcpy(text, line + n + 1, len - n - 1);
	text[len - n - 1] = '\0';
	return db_run(s, "INSERT INTO inspection_items(inspection, clause, text) VALUES(?,?,?)", "iss", number, clause,
	              text);
}

static int add_items(struct sk_store *s, int64_t number, const char *items, struct sk_err *err)
{
	int count = 0, r = 0;

	while (r >= 0 && *items != '\0') {
		size_t len = strcspn(items, "\n");

		if (len > 0 && ++count > SK_INSPECTION_ITEMS)
			return sk_err_set(err, -EINVAL, "at most %d items", SK_INSPECTION_ITEMS);
		if (len > 0)
			r = add_item(s, number, items, len, err);
		items += len;
		items += *items == '\n';
	}
	if (r >= 0 && count == 0)
		return sk_err_set(err, -EINVAL, "at least one item is needed");
	return r < 0 ? r : 0;
}

static int check_new(struct sk_store *s, const struct sk_inspection_new *n, struct sk_err *err)
{
	int64_t one;

	if (n->title[0] == '\0' || !plain(n->title, 200) || strchr(n->title, '\n') != NULL)
		return sk_err_set(err, -EINVAL, "a title of at most 200 bytes is needed");
	if (!plain(n->text, SK_INSPECTION_TEXT) || !plain(n->items, 65536))
		return sk_err_set(err, -EINVAL, "a text is too long or holds characters that cannot be shown");
	if (n->until <= n->from)
		return sk_err_set(err, -EINVAL, "it ends before it begins");
	if (n->unit[0] != '\0' && db_int(s, &one, "SELECT 1 FROM units WHERE key = ?", "s", n->unit) != 0)
		return sk_err_set(err, -ENOENT, "section \"%s\" is not known", n->unit);
	return 0;
}

static int add(struct sk_store *s, const struct sk_actor *by, const struct sk_inspection_new *n, sk_ms now,
               int64_t *number, struct sk_err *err)
{
	int r = owns(s, by, n->audit, n->unit, now);

	if (r == -EPERM)
		return sk_err_set(err, r, "%s may not begin this", by->user);
	if (r == 0)
		r = check_new(s, n, err);
	if (r == 0)
		r = db_int(
		    s, number,
		    "INSERT INTO inspections(fiscal_year, fiscal_serial, audit, title, text, unit, \"from\", until, "
		    "state, "
		    "created, user, name) VALUES(?1, (SELECT coalesce(max(fiscal_serial), 0) + 1 FROM inspections "
		    "WHERE "
		    "fiscal_year = ?1), ?2, ?3, ?4, nullif(?5, ''), ?6, ?7, 'running', ?8, ?9, ?10) RETURNING number",
		    "iisssiiiss", (int64_t)sk_clock_fiscal_year(now), (int64_t)n->audit, n->title, n->text, n->unit,
		    n->from, n->until, now, by->user, by->name);
	if (r == 0)
		r = add_items(s, *number, n->items, err);
	if (r < 0)
		return r;
	return note(s, by, *number, "begun",
	            json_pack("{s:s,s:s,s:b}", "title", n->title, "unit", n->unit, "audit", n->audit), now);
}

int sk_store_inspection_add(struct sk_store *s, const struct sk_actor *by, const struct sk_inspection_new *n, sk_ms now,
                            int64_t *number, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, add(s, by, n, now, number, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text) : db_fail(s, err, r, "not stored");
	return 0;
}

/* --- acts --- */

struct of { /* what an act is about */
	bool audit, running;
	char unit[64]; /* of the inspection */
	char finding_unit[64], finding_state[16];
};

static int read_of(struct sk_store *s, int64_t number, int64_t finding, struct of *o)
{
	struct db_rows *st =
	    db_query(s, "SELECT audit, state, coalesce(unit, '') FROM inspections WHERE number = ?", "i", number);
	int r = db_next(st);
	char state[16];

	memset(o, 0, sizeof(*o));
	if (r == 1) {
		o->audit = db_number(st, 0) != 0;
		db_copy(st, 1, state, sizeof(state));
		db_copy(st, 2, o->unit, sizeof(o->unit));
		o->running = strcmp(state, "running") == 0;
	}
	db_end(st);
	if (r != 1 || finding == 0)
		return r == 1 ? 0 : r == 0 ? -ENOENT : r;
	st = db_query(s, "SELECT unit, state FROM findings WHERE number = ? AND inspection = ?", "ii", finding, number);
	r = db_next(st);
	if (r == 1) {
		db_copy(st, 0, o->finding_unit, sizeof(o->finding_unit));
		db_copy(st, 1, o->finding_state, sizeof(o->finding_state));
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/* The unit is one of those the inspection concerns. */
static int concerns(struct sk_store *s, const struct of *o, const char *unit)
{
	int64_t one;

	return db_int(s, &one,
	              "SELECT 1 FROM units u WHERE u.key = ?1 AND (?2 = '' OR u.key IN (SELECT w.unit FROM unit_within "
	              "w WHERE w.above = ?2))",
	              "ss", unit, o->unit);
}

static int answer(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct of *o,
                  const struct sk_inspection_act *a, sk_ms now, struct sk_err *err)
{
	int64_t one;
	int r;

	if (strcmp(a->answer, "met") != 0 && strcmp(a->answer, "not-met") != 0 &&
	    strcmp(a->answer, "not-applicable") != 0)
		return sk_err_set(err, -EINVAL, "choose an answer");
	if (strcmp(a->answer, "met") != 0 && a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "say why");
	if (by->role != SK_ROLE_SEC || (r = holds(s, by, a->unit, now)) == -EPERM)
		return -EPERM;
	if (r == 0)
		r = concerns(s, o, a->unit);
	if (r == 0)
		r = db_int(s, &one, "SELECT 1 FROM inspection_items WHERE id = ? AND inspection = ?", "ii", a->item,
		           number);
	if (r == 0 && !o->running)
		r = -ESTALE;
	if (r < 0)
		return r;
	return db_run(
	    s,
	    "INSERT INTO inspection_answers(item, unit, answer, text, user, name, time) VALUES(?,?,?,?,?,?,?) ON "
	    "CONFLICT(item, unit) DO UPDATE SET answer = excluded.answer, text = excluded.text, user = excluded.user, "
	    "name "
	    "= excluded.name, time = excluded.time",
	    "isssssi", a->item, a->unit, a->answer, a->text, by->user, by->name, now);
}

static int find(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct of *o,
                const struct sk_inspection_act *a, sk_ms now, struct sk_err *err)
{
	int r = owns(s, by, o->audit, o->unit, now);

	if (r < 0)
		return r;
	if (a->text[0] == '\0' || a->clause[0] == '\0' || !plain(a->clause, 63) || a->degree < 1 || a->degree > 3)
		return sk_err_set(err, -EINVAL, "clause, degree and what was found are needed");
	if (!o->running)
		return -ESTALE;
	r = concerns(s, o, a->unit);
	if (r < 0)
		return r == -ENOENT ? sk_err_set(err, -EINVAL, "choose a section this concerns") : r;
	return db_run(s,
	              "INSERT INTO findings(inspection, item, unit, clause, text, degree, evidence, due, state, "
	              "created, user, name) "
	              "VALUES(?, nullif(?, 0), ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?)",
	              "iisssisiiss", number, a->item, a->unit, a->clause, a->text, (int64_t)a->degree, a->evidence,
	              a->due, now, by->user, by->name);
}

/* Every other section with a manager's duty in scope that has none of it yet. */
static int spread(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct of *o,
                  const struct sk_inspection_act *a, sk_ms now)
{
	int r = by->role == SK_ROLE_EXEC ? holds(s, by, "", now) : -EPERM;

	if (r < 0)
		return r;
	r = db_run(
	    s,
	    "INSERT INTO findings(inspection, item, unit, clause, text, degree, evidence, due, state, created, user, "
	    "name, "
	    "spread_of) SELECT f.inspection, f.item, u.key, f.clause, f.text, f.degree, '', f.due, 'open', ?3, ?4, ?5, "
	    "f.number FROM findings f, units u WHERE f.number = ?1 AND f.inspection = ?6 AND f.spread_of IS NULL AND "
	    "u.key <> "
	    "f.unit AND EXISTS (SELECT 1 FROM terminals t WHERE t.unit = u.key) AND (?2 = '' OR u.key IN (SELECT "
	    "w.unit FROM "
	    "unit_within w WHERE w.above = ?2)) AND NOT EXISTS (SELECT 1 FROM findings g WHERE g.spread_of = f.number "
	    "AND "
	    "g.unit = u.key)",
	    "isissi", a->finding, o->unit, now, by->user, by->name, number);
	return r == 0 ? -ESTALE : r;
}

static int improve(struct sk_store *s, const struct sk_actor *by, const struct of *o, const struct sk_inspection_act *a,
                   sk_ms now, struct sk_err *err)
{
	int r = by->role == SK_ROLE_SEC ? holds(s, by, o->finding_unit, now) : -EPERM;

	if (r < 0)
		return r;
	if (a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "write what was done");
	r = db_run(s,
	           "UPDATE findings SET state = 'answered', improvement = ?1, improved = ?2, improved_by = ?3, "
	           "improved_user = ?4 "
	           "WHERE number = ?5 AND state <> 'mended'",
	           "sissi", a->text, now, by->name, by->user, a->finding);
	return r == 0 ? -ESTALE : r;
}

/* Confirmed, or sent back with why. Whoever mended does not confirm it. */
static int confirm(struct sk_store *s, const struct sk_actor *by, const struct of *o, const struct sk_inspection_act *a,
                   bool back, sk_ms now, struct sk_err *err)
{
	int r = owns(s, by, o->audit, o->unit, now);

	if (r < 0)
		return r;
	if (back && a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "say what is missing");
	if (back)
		r = db_run(s,
		           "UPDATE findings SET state = 'open', returned = ? WHERE number = ? AND state = 'answered'",
		           "si", a->text, a->finding);
	else
		r = db_run(s,
		           "UPDATE findings SET state = 'mended', confirmed = ?, confirmed_by = ?, confirmed_user = ? "
		           "WHERE number = ? "
		           "AND state = 'answered' AND lower(improved_user) <> lower(?)",
		           "issis", now, by->name, by->user, a->finding, by->user);
	return r == 0 ? -ESTALE : r;
}

/* Upwards (9.1(8), 9.2): findings that are open are told as open, and stay. */
static int report(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct of *o,
                  const struct sk_inspection_act *a, sk_ms now, struct sk_err *err)
{
	int r = owns(s, by, o->audit, o->unit, now);

	if (r < 0)
		return r;
	if (a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "write the report");
	r = db_run(s,
	           "UPDATE inspections SET state = 'reported', report = ?, reported = ?, reported_by = ? WHERE number "
	           "= ? AND state = "
	           "'running'",
	           "sisi", a->text, now, by->name, number);
	return r == 0 ? -ESTALE : r;
}

static int act(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct sk_inspection_act *a,
               sk_ms now, struct sk_err *err)
{
	static const char *const about_finding[] = {"spread", "improve", "confirm", "return"};
	const char *what = a->action;
	bool finding = false;
	struct of o;
	int r;

	for (size_t i = 0; i < 4; i++)
		finding = finding || strcmp(about_finding[i], what) == 0;
	if (!plain(a->text, SK_INSPECTION_TEXT) || !plain(a->evidence, 200) || (finding && a->finding <= 0))
		return sk_err_set(err, -EINVAL, "a text is too long or holds characters that cannot be shown");
	r = read_of(s, number, finding ? a->finding : 0, &o);
	if (r < 0)
		return r;
	if (strcmp(what, "answer") == 0)
		r = answer(s, by, number, &o, a, now, err);
	else if (strcmp(what, "find") == 0)
		r = find(s, by, number, &o, a, now, err);
	else if (strcmp(what, "spread") == 0)
		r = spread(s, by, number, &o, a, now);
	else if (strcmp(what, "improve") == 0)
		r = improve(s, by, &o, a, now, err);
	else if (strcmp(what, "confirm") == 0 || strcmp(what, "return") == 0)
		r = confirm(s, by, &o, a, what[0] == 'r', now, err);
	else if (strcmp(what, "report") == 0)
		r = report(s, by, number, &o, a, now, err);
	else
		r = -EINVAL;
	if (r < 0)
		return r;
	return note(s, by, number, what,
	            json_pack("{s:I,s:I,s:s,s:s,s:s}", "item", (json_int_t)a->item, "finding", (json_int_t)a->finding,
	                      "unit", a->unit, "answer", a->answer, "text", a->text),
	            now);
}

int sk_store_inspection_act(struct sk_store *s, const struct sk_actor *by, int64_t number,
                            const struct sk_inspection_act *a, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, act(s, by, number, a, now, &why));
	if (r < 0)
		return sk_err_set(err, r, "%s", why.text[0] != '\0' ? why.text : strerror(-r));
	return 0;
}

/* --- lists --- */

#define ROW \
	"SELECT i.number, printf('%d-%04d', i.fiscal_year, i.fiscal_serial) AS label, i.audit AS \"audit|b\", " \
	"i.title, " \
	"coalesce(i.unit, '') AS unit, coalesce(u.name_ja, '') AS unit_ja, coalesce(u.name_en, '') AS unit_en, " \
	"i.\"from\", " \
	"i.until, i.state, (SELECT count(*) FROM inspection_items t WHERE t.inspection = i.number) AS items, (SELECT " \
	"count(*) " \
	"FROM inspection_answers a JOIN inspection_items t ON t.id = a.item WHERE t.inspection = i.number) AS " \
	"answers, (SELECT " \
	"count(*) FROM findings f WHERE f.inspection = i.number AND f.state <> 'mended') AS open, (SELECT count(*) " \
	"FROM findings " \
	"f WHERE f.inspection = i.number) AS findings"
#define FROM " FROM inspections i LEFT JOIN units u ON u.key = i.unit"

json_t *sk_store_inspections(struct sk_store *s, const char *unit, int limit, int offset)
{
	return db_list(
	    s,
	    ROW FROM
	    " WHERE ?1 IS NULL OR i.unit IS NULL OR i.unit IN (SELECT w.unit FROM unit_within w WHERE w.above = "
	    "?1) OR i.unit IN (SELECT w.above FROM unit_within w WHERE w.unit = ?1) ORDER BY i.number DESC "
	    "LIMIT ?2 OFFSET ?3",
	    "sii", unit, (int64_t)limit, (int64_t)offset);
}

json_t *sk_store_findings(struct sk_store *s, int64_t inspection, const char *unit, int64_t after, int limit)
{
	return db_list(
	    s,
	    "SELECT f.number AS key, f.number, f.inspection, printf('%d-%04d', i.fiscal_year, i.fiscal_serial) AS "
	    "label, f.unit, "
	    "u.name_ja AS unit_ja, u.name_en AS unit_en, f.clause, f.text, f.degree, f.evidence, f.created, f.due, "
	    "coalesce(f.spread_of, 0) AS spread_of, f.state, f.improvement, f.improved, f.improved_by, f.confirmed, "
	    "f.confirmed_by, f.returned, (SELECT count(*) FROM findings g WHERE g.spread_of = f.number) AS others, "
	    "(SELECT count(*) "
	    "FROM findings g WHERE g.spread_of = f.number AND g.state <> 'open') AS others_done FROM findings f JOIN "
	    "inspections i "
	    "ON i.number = f.inspection JOIN units u ON u.key = f.unit WHERE (?1 = 0 OR f.inspection = ?1) AND "
	    "f.number > ?3 AND " WITHIN(2, "f.unit") " ORDER BY f.number LIMIT ?4",
	    "isii", inspection, unit, after, (int64_t)limit);
}

json_t *sk_store_inspection(struct sk_store *s, int64_t number, const char *unit)
{
	json_t *i =
	    db_object(s, ROW ", i.text, i.name AS by, i.report, i.reported, i.reported_by" FROM " WHERE i.number = ?",
	              "i", number);
	static const char *const names[] = {"items", "answers", "findings", "units"};
	json_t *parts[4];
	bool bad = false;

	if (i == NULL)
		return NULL;
	parts[0] =
	    db_list(s, "SELECT id, clause, text FROM inspection_items WHERE inspection = ? ORDER BY id", "i", number);
	parts[1] = db_list(
	    s,
	    "SELECT a.item, a.unit, u.name_ja AS unit_ja, u.name_en AS unit_en, a.answer, a.text, a.name, a.time FROM "
	    "inspection_answers a JOIN inspection_items t ON t.id = a.item JOIN units u ON u.key = a.unit WHERE "
	    "t.inspection = ?1 AND " WITHIN(2, "a.unit") " ORDER BY a.item, a.unit",
	    "is", number, unit);
	parts[2] = sk_store_findings(s, number, unit, 0, 1000);
	parts[3] = db_list(
	    s,
	    "SELECT u.key, u.name_ja, u.name_en FROM units u JOIN inspections i ON i.number = ?1 WHERE (i.unit IS NULL "
	    "OR u.key IN (SELECT w.unit FROM unit_within w WHERE w.above = i.unit)) AND " WITHIN(2, "u.key") " ORDER "
	                                                                                                     "BY u.key",
	    "is", number, unit);
	for (size_t k = 0; k < 4; k++) {
		bad = bad || parts[k] == NULL || json_object_set(i, names[k], parts[k]) != 0;
		json_decref(parts[k]);
	}
	if (!bad)
		return i;
	json_decref(i);
	return NULL;
}
