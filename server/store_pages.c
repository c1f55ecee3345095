/* What pages show of many terminals at once. */
#include "server/store_inside.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* ?1 is always the time before which a terminal is silent. A terminal never heard of is silent from its enrolment on. */
#define STATE "CASE WHEN n.seen < ?1 THEN 'silent' ELSE n.state END"

static sk_ms start_of_today(sk_ms now)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return now - now % 86400000;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (sk_ms)mktime(&tm) * 1000;
}

/* Rows of ("key", "state", "n") as {key: {state: n}}; rows without key as {state: n}. */
static json_t *count_states(json_t *list)
{
	json_t *out = json_object(), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *key = json_string_value(json_object_get(row, "key"));
		const char *state = json_string_value(json_object_get(row, "state"));
		json_t *into = out;

		if (key != NULL) {
			into = json_object_get(out, key);
			if (into == NULL) {
				into = json_object();
				json_object_set_new(out, key, into);
			}
		}
		json_object_set(into, state, json_object_get(row, "n"));
	}
	json_decref(list);
	return out;
}

static json_t *check_list(json_t *by_check)
{
	json_t *list = json_array(), *states;
	const char *id;

	json_object_foreach(by_check, id, states)
	{
		json_array_append_new(list, json_pack("{s:s,s:O}", "id", id, "states", states));
	}
	json_decref(by_check);
	return list;
}

static json_t *states_now(struct sk_store *s, const char *unit, sk_ms edge)
{
	return db_list(s,
	               "SELECT " STATE " AS state, count(*) AS n FROM terminal_now n WHERE NOT revoked AND " WITHIN(
	                   2, "unit") " GROUP BY 1 ORDER BY 1",
	               "is", edge, unit);
}

/* Terminals first and their checks after them: the other way round each check would look its terminal up. */
static json_t *checks_now(struct sk_store *s, const char *unit, sk_ms edge)
{
	return db_list(s,
	               "WITH t AS MATERIALIZED (SELECT n.id, CASE WHEN n.seen < ?1 THEN 1 ELSE 0 END AS silent FROM "
	               "terminal_now n "
	               "WHERE NOT n.revoked AND " WITHIN(
	                   2, "n.unit") ") SELECT p.\"check\" AS key, CASE WHEN t.silent = 1 THEN 'silent' "
	                                "ELSE p.state END AS state, count(*) AS n FROM t JOIN posture p ON p.device = "
	                                "t.id GROUP BY 1, 2 ORDER BY 1, 2",
	               "is", edge, unit);
}

static json_t *units_now(struct sk_store *s, const char *unit, sk_ms edge)
{
	return db_list(s,
	               "SELECT n.unit AS key, " STATE
	               " AS state, count(*) AS n FROM terminal_now n WHERE NOT revoked AND"
	               " " WITHIN(2, "unit") " GROUP BY 1, 2 ORDER BY 1, 2",
	               "is", edge, unit);
}

static int64_t sum(const json_t *states)
{
	const char *state;
	int64_t n = 0;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)states, state, v)
	{
		n += json_integer_value(v);
	}
	return n;
}

static json_t *unit_list(struct sk_store *s, const char *unit, json_t *by_unit)
{
	json_t *list =
	    db_list(s, "SELECT key, name_ja, name_en FROM units u WHERE " WITHIN(1, "key") " ORDER BY key", "s", unit);
	json_t *u;
	size_t i;

	json_array_foreach(list, i, u)
	{
		json_t *states = json_object_get(by_unit, json_string_value(json_object_get(u, "key")));

		if (states == NULL)
			json_object_set_new(u, "states", json_object());
		else
			json_object_set(u, "states", states);
		json_object_set_new(u, "terminals", json_integer(sum(states)));
	}
	json_decref(by_unit);
	return list;
}

json_t *sk_store_overview(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms)
{
	sk_ms edge = now - silent_ms, counted = overview_made(s);
	int64_t refused = 0, incidents = 0, open = 0, submitted = 0, permitted = 0;
	json_t *states;
	int r = 0;

	r |= db_int(
	    s, &refused,
	    "SELECT count(*) FROM events e JOIN terminals t ON t.id = e.device WHERE e.refused = 1 AND e.received >= ?1"
	    " AND " WITHIN(2, "t.unit"),
	    "is", start_of_today(now), unit);
	r |= db_int(s, &incidents,
	            "SELECT count(*) FROM incidents i JOIN terminals t ON t.id = i.device WHERE " WITHIN(1, "t.unit"),
	            "s", unit);
	r |= db_int(s, &open, "SELECT count(*) FROM incident_cases WHERE state <> 'closed' AND " WITHIN(1, "unit"), "s",
	            unit);
	r |= db_int(s, &submitted,
	            "SELECT count(*) FROM requests q JOIN terminals t ON t.id = q.terminal WHERE q.state = 'submitted' "
	            "AND " WITHIN(1, "t.unit"),
	            "s", unit);
	r |= db_int(s, &permitted,
	            "SELECT count(*) FROM requests q JOIN terminals t ON t.id = q.terminal WHERE q.state = 'permitted' "
	            "AND " WITHIN(1, "t.unit"),
	            "s", unit);
	if (r != 0)
		return NULL;
	states = count_states(counted > 0 ? overview_states(s, unit) : states_now(s, unit, edge));
	return json_pack(
	    "{s:I,s:o,s:o,s:{s:I,s:I},s:I,s:o,s:I,s:I,s:I}", "terminals", (json_int_t)sum(states), "states", states,
	    "checks", check_list(count_states(counted > 0 ? overview_checks(s, unit) : checks_now(s, unit, edge))),
	    "requests", "submitted", (json_int_t)submitted, "permitted", (json_int_t)permitted, "refused_today",
	    (json_int_t)refused, "units",
	    unit_list(s, unit, count_states(counted > 0 ? overview_units(s, unit) : units_now(s, unit, edge))),
	    "incidents", (json_int_t)incidents, "incidents_open", (json_int_t)open, "counted", (json_int_t)counted);
}

#define ROW \
	"SELECT n.id, n.host, n.asset, n.unit, n.unit_ja, n.unit_en, " STATE \
	" AS state, n.revoked AS \"revoked|b\", n.revoke_reason, n.enrolled," \
	" n.cert_until, n.last_contact, n.last_seq, n.policy_version, n.grants_version, json_extract(n.status, " \
	"'$.os') AS os," \
	" json_extract(n.status, '$.version') AS version, json_extract(n.status, '$.policy') AS \"policy|j\"," \
	" coalesce(json_extract(n.status, '$.person'), '') AS person," \
	" (SELECT count(*) FROM requests q WHERE q.terminal = n.id AND q.state IN ('submitted', 'permitted')) AS " \
	"requests FROM terminal_now n"

/* Badness as in enum sk_state; what nobody knows yet counts as unknown. */
#define BADNESS \
	"CASE state WHEN 'silent' THEN 7 WHEN 'error' THEN 6 WHEN 'non-compliant' THEN 5 WHEN 'unknown' THEN 4 WHEN " \
	"'exempt' THEN 3" \
	" WHEN 'in-grace' THEN 2 WHEN 'compliant' THEN 1 ELSE 0 END"

json_t *sk_store_terminals(struct sk_store *s, const char *unit, const char *find, const char *state, sk_ms now,
                           sk_ms silent_ms, int limit, int offset)
{
	if (find != NULL && find[0] == '\0')
		find = NULL;
	return db_list(s,
	               "SELECT * FROM (" ROW
	               " WHERE " WITHIN(2, "n.unit") " AND (?3 IS NULL OR instr(lower(n.host), lower(?3)) > 0 OR"
	                                             " instr(lower(n.asset), lower(?3)) > 0 OR instr(n.id, lower(?3)) "
	                                             "> 0)) AS r WHERE ?4 IS NULL OR "
	                                             "(state = ?4 "
	                                             "AND NOT \"revoked|b\")"
	                                             " ORDER BY \"revoked|b\", " BADNESS
	                                             " DESC, host, id LIMIT ?5 OFFSET ?6",
	               "isssii", now - silent_ms, unit, find, state, (int64_t)limit, (int64_t)offset);
}

static int add(json_t *page, const char *name, json_t *part)
{
	return part == NULL ? -1 : json_object_set_new(page, name, part);
}

static json_t *or_empty(json_t *part, bool list)
{
	if (part != NULL)
		return part;
	return list ? json_array() : json_object();
}

/* The report's three parts; a terminal that has not reported has empty ones. */
static int add_report(struct sk_store *s, json_t *page, const char *id)
{
	json_t *r = db_object(s,
	                      "SELECT n.status AS \"status|j\", r.devices AS \"devices|j\", r.posture AS "
	                      "\"posture|j\", n.received FROM terminal_now n"
	                      " JOIN reports r ON r.device = n.id WHERE n.id = ?",
	                      "s", id);
	json_t *status = or_empty(json_incref(json_object_get(r, "status")), false);
	int bad = json_is_object(status) && r != NULL
	              ? json_object_set(status, "received", json_object_get(r, "received"))
	              : 0;

	bad |= add(page, "status", status);
	bad |= add(page, "devices", or_empty(json_incref(json_object_get(r, "devices")), true));
	bad |= add(page, "posture", or_empty(json_incref(json_object_get(r, "posture")), true));
	json_decref(r);
	return bad;
}

json_t *sk_store_terminal_page(struct sk_store *s, const char *id, sk_ms now, sk_ms silent_ms)
{
	json_t *t = db_object(s, ROW " WHERE n.id = ?2", "is", now - silent_ms, id), *page;
	int bad;

	if (t == NULL)
		return NULL;
	page = json_pack("{s:o}", "terminal", t);
	bad = page == NULL || add_report(s, page, id) != 0;
	bad = bad || add(page, "events", sk_store_events(s, id, NULL, 0, 50)) != 0;
	bad = bad ||
	      add(page, "identities",
	          db_list(s,
	                  "WITH RECURSIVE back(id, depth) AS (SELECT previous, 1 FROM terminals WHERE id = ?1 UNION "
	                  "SELECT t.previous, depth + 1 FROM terminals t JOIN back b ON t.id = b.id WHERE depth < 20)"
	                  " SELECT t.id, t.host, t.asset, t.enrolled, t.revoked, t.last_seq FROM back b JOIN "
	                  "terminals t ON t.id = b.id ORDER BY depth",
	                  "s", id)) != 0;
	bad = bad ||
	      add(page, "requests",
	          db_list(s,
	                  "SELECT number, printf('%d-%04d', fiscal_year, fiscal_serial) AS label, id, kind, state, "
	                  "person, device AS \"device|j\", purpose, access, "
	                  "hours, class, destination, created,"
	                  " updated, until, reason, permitted_by, permitted_at, approved_by, approved_at, "
	                  "granted_access, \"grant\" FROM requests"
	                  " WHERE terminal = ? ORDER BY number DESC LIMIT 50",
	                  "s", id)) != 0;
	bad = bad ||
	      add(page, "grants",
	          db_list(
	              s,
	              "SELECT id, request, (SELECT printf('%d-%04d', fiscal_year, fiscal_serial) FROM requests q WHERE "
	              "q.number = request) AS label, person, device_key, serial, access, class, purpose, \"from\", "
	              "until, permitted_by, approved_by,"
	              " CASE WHEN cancelled <> 0 THEN 'cancelled' WHEN ended IS NOT NULL OR until <= ?2 THEN "
	              "'ended' ELSE 'valid' END AS state"
	              " FROM grants WHERE terminal = ?1 ORDER BY until DESC LIMIT 50",
	              "si", id, now)) != 0;
	bad =
	    bad ||
	    add(page, "history",
	        db_list(s,
	                "SELECT time, \"check\", state FROM posture_history WHERE device = ? ORDER BY id DESC LIMIT 50",
	                "s", id)) != 0;
	if (bad) {
		json_decref(page);
		return NULL;
	}
	return page;
}

json_t *sk_store_counts(struct sk_store *s, sk_ms now, sk_ms silent_ms)
{
	json_t *states = overview_made(s) > 0 ? overview_states(s, NULL) : states_now(s, NULL, now - silent_ms);

	return json_pack(
	    "{s:o,s:o,s:o}", "states", count_states(states), "requests",
	    count_states(db_list(s, "SELECT state, count(*) AS n FROM requests GROUP BY state", "")), "totals",
	    db_object(s,
	              "SELECT (SELECT coalesce(max(id), 0) FROM events) AS events, (SELECT count(*) FROM incidents) AS "
	              "incidents,"
	              " (SELECT coalesce(max(id), 0) FROM audit) AS audit, (SELECT count(*) FROM grants WHERE ended IS "
	              "NULL AND until > ?1)"
	              " AS grants_valid, (SELECT count(*) FROM terminals WHERE revoked IS NOT NULL) AS revoked",
	              "i", now));
}
