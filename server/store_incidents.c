/* Incidents: opened by people and by what terminals' records show, carried on by people, every step in the audit trail. */
#include "server/store_incidents.h"
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TITLE_MAX   200
#define TEXT_MAX    4000
#define REPORTS_MAX 20 /* of one terminal that nobody has looked at yet */
#define SIGNS_MAX   50 /* in the course of one incident */
#define AGAIN       ((sk_ms)10 * 60 * 1000) /* the same from the same person within this time is a form sent twice */

static int course_add(struct sk_store *s, int64_t number, const struct sk_actor *by, const char *action,
                      const char *target, const char *text, const char *state, int severity, sk_ms time, sk_ms now)
{
	char object[32], name[40];
	int r = db_run(s,
	               "INSERT INTO incident_course(incident, time, entered, action, user, name, role, target, text, "
	               "state, severity) "
	               "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
	               "iiisssssssi", number, time, now, action, by->user, by->name, sk_role_name(by->role), target,
	               text, state, (int64_t)severity);

	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "incident:%lld", (long long)number);
	snprintf(name, sizeof(name), "incident.%s", action);
	return audit_add(s, by, name, object,
	                 json_pack("{s:s, s:s, s:s}", "state", state, "target", target, "text", text), now);
}

static int open_one(struct sk_store *s, const struct sk_actor *by, const struct sk_incident_new *n, sk_ms now,
                    const char *sign, int64_t *number)
{
	int r = db_int(
	    s, number,
	    "INSERT INTO incident_cases(fiscal_year, fiscal_serial, kind, title, text, unit, terminal, happened, "
	    "informant, "
	    "user, name, sign, state, severity, opened, updated) VALUES(?1, (SELECT coalesce(max(fiscal_serial), 0) + "
	    "1 FROM "
	    "incident_cases WHERE fiscal_year = ?1), ?2, ?3, ?4, nullif(?5, ''), nullif(?6, ''), ?7, ?8, ?9, ?10, ?11, "
	    "'received', 0, ?12, ?12) RETURNING number",
	    "isssssissssi", (int64_t)sk_clock_fiscal_year(now), n->kind, n->title, n->text, n->unit, n->terminal,
	    n->happened, n->informant, by->user, by->name, sign, now);

	return r < 0 ? r : course_add(s, *number, by, "opened", "", n->title, "received", 0, now, now);
}

int incident_from_sign(struct sk_store *s, const char *device, const char *sign, const char *detail, sk_ms now)
{
	struct sk_incident_new n = {.kind = "record",
	                            .title = detail,
	                            .text = "",
	                            .unit = "",
	                            .terminal = device,
	                            .happened = now,
	                            .informant = ""};
	char unit[64] = "", title[TITLE_MAX + 1];
	struct sk_actor by;
	struct db_rows *st;
	int64_t open = 0, signs = 0;
	int r;

	st = db_query(s, "SELECT unit FROM terminals WHERE id = ?", "s", device);
	if (db_next(st) == 1)
		db_copy(st, 0, unit, sizeof(unit));
	db_end(st);
	sk_text_copy(title, sizeof(title), detail);
	n.title = title;
	n.unit = unit;
	if (strcmp(sign, "malware") == 0)
		n.kind = "malware";
	else if (strcmp(sign, "takeout-unlisted") == 0 || strcmp(sign, "takeout-class") == 0 ||
	         strcmp(sign, "medium-released") == 0)
		n.kind = "leak";
	actor_device(&by, device);
	r = db_int(
	    s, &open,
	    "SELECT number FROM incident_cases WHERE terminal = ? AND sign = ? AND state <> 'closed' ORDER BY number "
	    "DESC LIMIT 1",
	    "ss", device, sign);
	if (r == -ENOENT)
		return open_one(s, &by, &n, now, sign, &open);
	if (r == 0)
		r = db_int(s, &signs, "SELECT count(*) FROM incident_course WHERE incident = ? AND action = 'sign'",
		           "i", open);
	/* A terminal that repeats itself does not fill the page; each sign stands in its record all the same. */
	if (r == 0 && signs < SIGNS_MAX)
		r = course_add(s, open, &by, "sign", "", title, "", 0, now, now);
	return r < 0 ? r : db_run(s, "UPDATE incident_cases SET updated = ? WHERE number = ?", "ii", now, open);
}

/* A person at the terminal told it (5.3(1)). The terminal says who: it stands as their name, the terminal is who did it. What is not a report is left
 * in the record as it is. */
int incident_from_report(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	struct sk_incident_new n = {
	    .kind = "other", .text = "", .terminal = device, .happened = e->time, .informant = ""};
	const char *kind = NULL, *title = NULL, *text = NULL, *person = NULL;
	int64_t open = 0, number;
	struct sk_actor by;
	json_t *body = NULL;
	char unit[64] = "";
	struct db_rows *st;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL);

	if (r < 0 || sk_json_str(body, "kind", 1, 31, &kind, NULL) < 0 ||
	    sk_json_str(body, "title", 1, TITLE_MAX, &title, NULL) < 0 ||
	    sk_json_str_opt(body, "text", TEXT_MAX, &text, NULL) < 0 ||
	    sk_json_str(body, "person", 1, 63, &person, NULL) < 0) {
		json_decref(body);
		return 0;
	}
	for (size_t i = 0; i < SK_INCIDENT_KINDS; i++)
		n.kind = strcmp(sk_incident_kinds[i].name, kind) == 0 ? sk_incident_kinds[i].name : n.kind;
	st = db_query(s, "SELECT unit FROM terminals WHERE id = ?", "s", device);
	if (db_next(st) == 1)
		db_copy(st, 0, unit, sizeof(unit));
	db_end(st);
	n.title = title;
	n.text = text == NULL ? "" : text;
	n.unit = unit;
	actor_device(&by, device);
	sk_text_copy(by.name, sizeof(by.name), person);
	by.role = SK_ROLE_STAFF;
	r = db_int(s, &open,
	           "SELECT count(*) FROM incident_cases WHERE terminal = ? AND sign = '' AND state = 'received'", "s",
	           device);
	if (r == 0 && open < REPORTS_MAX)
		r = open_one(s, &by, &n, now, "", &number);
	else if (r == 0)
		r = incident_from_sign(s, device, "reports",
		                       "more reports from this terminal than are shown one by one", now);
	json_decref(body);
	return r;
}

static int check_new(struct sk_store *s, const struct sk_incident_new *n, struct sk_err *err)
{
	int64_t found = 1;
	int r = 0;
	bool kind = false;

	for (size_t i = 0; i < SK_INCIDENT_KINDS; i++)
		kind = kind || strcmp(sk_incident_kinds[i].name, n->kind) == 0;
	if (!kind)
		return sk_err_set(err, -EINVAL, "field kind: not one of the kinds");
	if (n->title[0] == '\0' || strlen(n->title) > TITLE_MAX)
		return sk_err_set(err, -EINVAL, "field title: 1 to %d bytes", TITLE_MAX);
	if (strlen(n->text) > TEXT_MAX || strlen(n->informant) > TITLE_MAX)
		return sk_err_set(err, -EINVAL, "field text: at most %d bytes", TEXT_MAX);
	if (n->unit[0] != '\0')
		r = db_int(s, &found, "SELECT count(*) FROM units WHERE key = ?", "s", n->unit);
	if (r == 0 && found == 1 && n->terminal[0] != '\0')
		r = db_int(s, &found, "SELECT count(*) FROM terminals WHERE id = ?", "s", n->terminal);
	return r < 0 ? r : found == 1 ? 0 : sk_err_set(err, -ENOENT, "field unit or terminal: not known");
}

static int done(struct sk_store *s, int r, const struct sk_err *why, struct sk_err *err)
{
	r = db_finish(s, r);
	if (r >= 0)
		return 0;
	return why->text[0] != '\0' ? sk_err_set(err, r, "%s", why->text) : db_fail(s, err, r, "not stored");
}

int sk_store_incident_open(struct sk_store *s, const struct sk_actor *by, const struct sk_incident_new *n, sk_ms now,
                           int64_t *number, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "not stored");
	r = check_new(s, n, &why);
	if (r == 0) {
		r = db_int(
		    s, number,
		    "SELECT number FROM incident_cases WHERE user = ? AND kind = ? AND title = ? AND text = ? AND "
		    "state = 'received' AND opened > ?",
		    "ssssi", by->user, n->kind, n->title, n->text, now - AGAIN);
		if (r == -ENOENT)
			r = open_one(s, by, n, now, "", number);
	}
	return done(s, r, &why, err);
}

#define ROW \
	"SELECT c.number, printf('%d-%04d', c.fiscal_year, c.fiscal_serial) AS label, c.kind, c.title, c.sign, " \
	"c.state, " \
	"c.severity, coalesce(c.unit, '') AS unit, coalesce(u.name_ja, '') AS unit_ja, coalesce(u.name_en, '') AS " \
	"unit_en, coalesce(c.terminal, '') AS terminal, coalesce(t.host, '') AS host, c.opened, c.updated, c.name AS " \
	"by"
#define FROM " FROM incident_cases c LEFT JOIN units u ON u.key = c.unit LEFT JOIN terminals t ON t.id = c.terminal"

json_t *sk_store_incidents(struct sk_store *s, const char *unit, const char *reporter, const char *state, int limit,
                           int offset)
{
	return db_list(
	    s,
	    ROW FROM " WHERE " WITHIN(
	        1,
	        "c.unit") " AND (?2 IS NULL OR c.user = ?2) AND (CASE WHEN ?3 IS NULL THEN "
	                  "c.state <> 'closed' WHEN ?3 = 'all' THEN 1 = 1 ELSE c.state = ?3 END)"
	                  " ORDER BY CASE WHEN c.state = 'closed' THEN 1 ELSE 0 END, c.number DESC LIMIT ?4 OFFSET ?5",
	    "sssii", unit, reporter, state, (int64_t)limit, (int64_t)offset);
}

json_t *sk_store_incident(struct sk_store *s, int64_t number)
{
	json_t *o = db_object(s, ROW ", c.text, c.happened, c.informant, c.user" FROM " WHERE c.number = ?", "i",
	                      number),
	       *course;

	if (o == NULL)
		return NULL;
	course = db_list(s,
	                 "SELECT time, entered, action, user, name, role, target, text, state, severity FROM "
	                 "incident_course WHERE incident = ? ORDER BY id",
	                 "i", number);
	if (course == NULL || json_object_set_new(o, "course", course) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

int sk_store_incident_facts(struct sk_store *s, int64_t number, struct sk_incident_facts *out)
{
	struct db_rows *st = db_query(s,
	                              "SELECT state, severity, (SELECT count(*) FROM incident_course h WHERE "
	                              "h.incident = c.number AND h.action = "
	                              "'cause'), (SELECT count(*) FROM incident_course h WHERE h.incident = c.number "
	                              "AND h.action = 'prevention') "
	                              "FROM incident_cases c WHERE number = ?",
	                              "i", number);
	int r = db_next(st);

	if (r == 1) {
		out->state = SK_INCIDENT_RECEIVED;
		(void)sk_incident_state_parse(db_text(st, 0), &out->state);
		out->severity = (int)db_number(st, 1);
		out->has_cause = db_number(st, 2) > 0;
		out->has_prevention = db_number(st, 3) > 0;
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/* A section's manager handles the section's own. */
static int own(struct sk_store *s, const struct sk_actor *by, int64_t number, struct sk_err *err)
{
	int64_t mine = 1;
	int r = by->role != SK_ROLE_SEC
	            ? 0
	            : db_int(s, &mine, "SELECT count(*) FROM incident_cases WHERE number = ?2 AND " WITHIN(1, "unit"),
	                     "si", by->unit, number);

	return r < 0 ? r : mine == 1 ? 0 : sk_err_set(err, -EPERM, "it is another section's");
}

static int step(struct sk_store *s, const struct sk_actor *by, int64_t number, struct sk_incident_facts *f,
                const struct sk_incident_act *a, sk_ms now, struct sk_err *err)
{
	enum sk_incident_state next;
	int r;

	if (a->severity < 0 || a->severity > 3 || sk_incident_state_parse(a->state, &next) < 0)
		return sk_err_set(err, -EINVAL, "state or severity is not one there is");
	if (a->severity > 0)
		f->severity = a->severity;
	r = sk_incident_step(f, by->role, next, err);
	if (r < 0)
		return r;
	if ((next == SK_INCIDENT_NOTHING || next == SK_INCIDENT_VIOLATION) && a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "the reason of the assessment is needed");
	r = db_run(s, "UPDATE incident_cases SET state = ?, severity = ?, updated = ? WHERE number = ?", "siii",
	           sk_incident_state_name(next), (int64_t)f->severity, now, number);
	return r < 0 ? r
	             : course_add(s, number, by, "step", "", a->text, sk_incident_state_name(next), f->severity, now,
	                          now);
}

/* Is the last entry this one, by the same person, a moment ago? */
static int is_again(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *action,
                    const char *target, const char *text, sk_ms now)
{
	int64_t same = 0;
	int r = db_int(
	    s, &same,
	    "SELECT count(*) FROM incident_course WHERE id = (SELECT max(id) FROM incident_course WHERE incident "
	    "= ?1) AND user = ?2 AND action = ?3 AND target = ?4 AND text = ?5 AND entered > ?6",
	    "issssi", number, by->user, action, target, text, now - AGAIN);

	return r < 0 ? r : same > 0;
}

static int add(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct sk_incident_facts *f,
               const struct sk_incident_act *a, sk_ms now, struct sk_err *err)
{
	static const char *const actions[] = {"note", "told", "cause", "prevention", "evidence"};
	bool known = false, told = strcmp(a->action, "told") == 0;
	sk_ms when = told && a->when > 0 ? a->when : now;
	int r;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		known = known || strcmp(actions[i], a->action) == 0;
	if (!known)
		return sk_err_set(err, -EINVAL, "field action: not one there is");
	if (!sk_incident_may_add(f, by->role))
		return sk_err_set(err, -EPERM, "not as %s, or it is closed", sk_role_name(by->role));
	if (told && (sk_incident_told_index(a->target) < 0 || when > now))
		return sk_err_set(err, -EINVAL, "who was told is not one there is, or it lies in the future");
	if (!told && a->text[0] == '\0')
		return sk_err_set(err, -EINVAL, "a text is needed");
	r = is_again(s, by, number, a->action, told ? a->target : "", a->text, now);
	if (r != 0)
		return r < 0 ? r : 0;
	r = course_add(s, number, by, a->action, told ? a->target : "", a->text, "", 0, when, now);
	return r < 0 ? r : db_run(s, "UPDATE incident_cases SET updated = ? WHERE number = ?", "ii", now, number);
}

int sk_store_incident_act(struct sk_store *s, const struct sk_actor *by, int64_t number,
                          const struct sk_incident_act *a, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	struct sk_incident_facts f = {0};
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "not stored");
	r = sk_store_incident_facts(s, number, &f);
	if (r == 0)
		r = own(s, by, number, &why);
	if (r == 0 && a->from != NULL && strcmp(a->from, sk_incident_state_name(f.state)) != 0)
		r = sk_err_set(&why, -ESTALE, "it is %s by now", sk_incident_state_name(f.state));
	if (r == 0 && strlen(a->text) > TEXT_MAX)
		r = sk_err_set(&why, -EINVAL, "a text has at most %d bytes", TEXT_MAX);
	if (r == 0)
		r = strcmp(a->action, "step") == 0 ? step(s, by, number, &f, a, now, &why)
		                                   : add(s, by, number, &f, a, now, &why);
	return done(s, r, &why, err);
}
