/* See store_forms.h. */
#include "server/store_forms.h"

#include <string.h>

#include "server/store_inside.h"

json_t *sk_store_form_applications(struct sk_store *s, const struct sk_form_range *r, const char *kinds)
{
	return db_list(s,
	               "SELECT a.number AS key, printf('%d-%04d', a.fiscal_year, a.fiscal_serial) AS label, a.kind, "
	               "a.state, p.name AS "
	               "person_name, u.name_ja AS unit_ja, u.name_en AS unit_en, a.class, a.fields AS \"fields|j\", "
	               "a.\"from\", a.until, "
	               "a.created, a.reason, a.route,"
	               " (SELECT v.name FROM application_votes v WHERE v.application = a.number AND v.round = a.round "
	               "ORDER BY v.time DESC, "
	               "v.role LIMIT 1) AS permitted_by,"
	               " (SELECT max(v.time) FROM application_votes v WHERE v.application = a.number AND v.round = "
	               "a.round) AS permitted_at,"
	               " (SELECT h.time FROM application_history h WHERE h.application = a.number AND h.action = "
	               "'back' ORDER BY h.id DESC "
	               "LIMIT 1) AS back_at,"
	               " (SELECT h.name FROM application_history h WHERE h.application = a.number AND h.action = "
	               "'back' ORDER BY h.id DESC "
	               "LIMIT 1) AS back_by"
	               " FROM applications a JOIN users p ON p.user = a.person JOIN units u ON u.key = a.unit WHERE "
	               "a.number > ?1 AND "
	               "a.created >= ?3 AND a.created < ?4 AND instr(?5, '\"' || a.kind || '\"') > 0 AND " WITHIN(
	                   2, "a.unit") " ORDER BY "
	                                "a.number LIMIT ?6",
	               "isiisi", r->after, r->unit, r->from, r->until, kinds, (int64_t)r->limit);
}

json_t *sk_store_form_requests(struct sk_store *s, const struct sk_form_range *r)
{
	return db_list(
	    s,
	    "SELECT q.number AS key, printf('%d-%04d', q.fiscal_year, q.fiscal_serial) AS label, q.state, q.person, "
	    "u.name_ja AS "
	    "unit_ja, u.name_en AS unit_en, t.host, q.device AS \"device|j\", q.purpose, q.class, q.destination, "
	    "q.created, "
	    "q.until, q.permitted_by, q.permitted_at, q.approved_by, q.approved_at, q.granted_access, "
	    "coalesce(g.\"from\", 0) AS "
	    "\"from\", coalesce(g.ended, 0) AS ended FROM requests q JOIN terminals t ON t.id = q.terminal JOIN units "
	    "u ON u.key = "
	    "t.unit LEFT JOIN grants g ON g.request = q.number WHERE q.number > ?1 AND q.created >= ?3 AND q.created < "
	    "?4 AND "
	    "q.state NOT IN ('submitted', 'withdrawn') AND " WITHIN(2, "t.unit") " ORDER BY q.number LIMIT ?5",
	    "isiii", r->after, r->unit, r->from, r->until, (int64_t)r->limit);
}

json_t *sk_store_form_disposals(struct sk_store *s, const struct sk_form_range *r)
{
	return db_list(s,
	               "SELECT h.id AS key, h.ledger, m.vendor, m.product, m.serial, coalesce(u.name_ja, '') AS "
	               "unit_ja, coalesce(u.name_en, "
	               "'') AS unit_en, h.time, h.action, h.state, h.reason, h.name, h.role FROM media_history h JOIN "
	               "media m ON m.ledger = h.ledger "
	               "LEFT JOIN units u ON u.key = m.unit WHERE h.id > ?1 AND h.time >= ?3 AND h.time < ?4 AND "
	               "(h.action = 'erased' OR "
	               "(h.action = 'state' AND h.state IN ('erased', 'disposed'))) AND " WITHIN(
	                   2, "m.unit") " ORDER BY h.id LIMIT ?5",
	               "isiii", r->after, r->unit, r->from, r->until, (int64_t)r->limit);
}

#define LAST(action, member) \
	"(SELECT c." member " FROM incident_course c WHERE c.incident = i.number AND c.action = '" action \
	"' ORDER BY c.id DESC LIMIT 1)"
#define REACHED(state, member) \
	"(SELECT c." member \
	" FROM incident_course c WHERE c.incident = i.number AND c.action = 'step' AND c.state = '" state \
	"' ORDER BY c.id DESC LIMIT 1)"

json_t *sk_store_form_incidents(struct sk_store *s, const struct sk_form_range *r, int64_t only)
{
	json_t *rows = db_list(
	    s,
	    "SELECT i.number AS key, printf('%d-%04d', i.fiscal_year, i.fiscal_serial) AS label, i.kind, i.title, "
	    "i.sign, i.text, "
	    "i.state, i.severity, coalesce(u.name_ja, '') AS unit_ja, coalesce(u.name_en, '') AS unit_en, "
	    "coalesce(t.host, '') AS "
	    "host, i.happened, i.opened, i.name, i.informant, " LAST("cause", "text") " AS cause, " LAST("prevention", "text") " AS prevention, " LAST(
	        "evidence",
	        "text") " AS evidence, " REACHED("recovered",
	                                         "time") " AS recovered, " REACHED("closed",
	                                                                           "time") " AS closed, " REACHED("clos"
	                                                                                                          "ed",
	                                                                                                          "nam"
	                                                                                                          "e") " AS closed_by"
	                                                                                                               " FROM incident_cases i LEFT "
	                                                                                                               "JOIN units u ON u.key = "
	                                                                                                               "i.unit LEFT JOIN terminals t "
	                                                                                                               "ON t.id = i.terminal WHERE "
	                                                                                                               "i.number > "
	                                                                                                               "?1 AND i.opened >= ?3 AND "
	                                                                                                               "i.opened < ?4 AND (?5 = 0 OR "
	                                                                                                               "i.number = ?5) AND " WITHIN(
	                                                                                                                   2,
	                                                                                                                   "i.unit") " ORDER BY "
	                                                                                                                             "i.number "
	                                                                                                                             "LIMIT ?6",
	    "isiiii", r->after, r->unit, r->from, r->until, only, (int64_t)r->limit);
	json_t *row, *told;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		told = db_list(s,
		               "SELECT target, max(time) AS time FROM incident_course WHERE incident = ? AND action = "
		               "'told' GROUP BY "
		               "target ORDER BY 2",
		               "i", (int64_t)json_integer_value(json_object_get(row, "key")));
		json_object_set_new(row, "told", told != NULL ? told : json_array());
	}
	return rows;
}

json_t *sk_store_form_plan(struct sk_store *s, const struct sk_form_range *r)
{
	return db_list(s,
	               "SELECT t.id AS key, t.clause, t.text, i.text AS method, i.name, i.\"from\", i.until, i.title, "
	               "coalesce(u.name_ja, '') "
	               "AS unit_ja, coalesce(u.name_en, '') AS unit_en FROM inspection_items t JOIN inspections i ON "
	               "i.number = t.inspection "
	               "LEFT JOIN units u ON u.key = i.unit WHERE i.audit = 1 AND t.id > ?1 AND i.created >= ?3 AND "
	               "i.created < ?4 AND (?2 IS "
	               "NULL OR i.unit IS NULL OR i.unit IN (SELECT w.unit FROM unit_within w WHERE w.above = ?2)) "
	               "ORDER BY t.id LIMIT ?5",
	               "isiii", r->after, r->unit, r->from, r->until, (int64_t)r->limit);
}

json_t *sk_store_form_inspection(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms)
{
	json_t *counts = db_list(s,
	                         "SELECT n.unit, u.name_ja AS unit_ja, u.name_en AS unit_en, coalesce(b.name_ja, '') "
	                         "AS parent_ja, coalesce(b.name_en, "
	                         "'') AS parent_en, p.\"check\" AS \"check\", CASE WHEN n.seen < ?1 THEN 'silent' ELSE "
	                         "p.state END AS state, count(*) AS "
	                         "n FROM posture p JOIN terminal_now n ON n.id = p.device JOIN units u ON u.key = "
	                         "n.unit LEFT JOIN unit_places w ON "
	                         "w.unit = n.unit AND w.\"from\" <= ?3 AND (w.until = 0 OR w.until > ?3) LEFT JOIN "
	                         "units b ON b.key = w.parent WHERE NOT "
	                         "n.revoked AND " WITHIN(2, "n.unit") " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 6",
	                         "isi", now - silent_ms, unit, now);
	json_t *out = counts == NULL ? NULL : json_array(), *row, *last = NULL;
	size_t i;

	json_array_foreach(counts, i, row)
	{
		if (last == NULL || !json_equal(json_object_get(last, "unit"), json_object_get(row, "unit")) ||
		    !json_equal(json_object_get(last, "check"), json_object_get(row, "check"))) {
			last = json_copy(row);
			json_object_set_new(last, "states", json_object());
			json_array_append_new(out, last);
		}
		json_object_set(json_object_get(last, "states"), json_string_value(json_object_get(row, "state")),
		                json_object_get(row, "n"));
	}
	json_decref(counts);
	return out;
}
