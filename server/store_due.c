/* What falls due, and how terminals stand in one check: lists of the compliance pages (store_compliance.h). */
#include "server/store_compliance.h"

#include <stdlib.h>

#include "policy/param.h"
#include "server/store_inside.h"

/* As in enum sk_state. */
#define BADNESS \
	"CASE state WHEN 'silent' THEN 7 WHEN 'error' THEN 6 WHEN 'non-compliant' THEN 5 WHEN 'unknown' THEN 4 WHEN " \
	"'exempt' THEN 3 WHEN 'in-grace' THEN 2 WHEN 'compliant' THEN 1 ELSE 0 END"

json_t *sk_store_check_terminals(struct sk_store *s, const char *check, const char *unit, const char *state, sk_ms now,
                                 sk_ms silent_ms, int limit, int offset)
{
	return db_list(s,
	               "SELECT * FROM (SELECT n.id, n.host, n.asset, n.unit, n.unit_ja, n.unit_en, n.last_contact, "
	               "p.since, CASE WHEN "
	               "n.seen < ?1 THEN 'silent' ELSE p.state END AS state FROM posture p JOIN terminal_now n ON n.id "
	               "= p.device WHERE "
	               "p.\"check\" = ?3 AND NOT n.revoked AND " WITHIN(
	                   2, "n.unit") ") AS r WHERE ?4 IS NULL OR state = ?4 ORDER BY " BADNESS
	                                " DESC, host, id LIMIT ?5 OFFSET ?6",
	               "isssii", now - silent_ms, unit, check, state, (int64_t)limit, (int64_t)offset);
}

/* Ends of support are days as their makers publish them; they become the end of that day, UTC. Steals. */
static json_t *with_times(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *day = json_string_value(json_object_get(row, "day"));
		long long end;

		if (day != NULL && day[0] != '\0' && sk_param_date(day, &end) == 0)
			json_object_set_new(row, "until", json_integer(end));
		json_object_del(row, "day");
	}
	return rows;
}

static int sooner(const void *a, const void *b)
{
	json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "until")),
	           y = json_integer_value(json_object_get(*(json_t *const *)b, "until"));

	return x < y ? -1 : x > y ? 1 : 0;
}

/* Each list sorted, all of them joined, the first `limit`. Steals the lists. NULL when one is. */
static json_t *joined(json_t **lists, size_t n, int limit)
{
	json_t **all = NULL, *out = json_array(), *row;
	size_t count = 0, i, at = 0;
	bool bad = out == NULL;

	for (i = 0; i < n; i++) {
		bad = bad || lists[i] == NULL;
		count += json_array_size(lists[i]);
	}
	all = calloc(count + 1, sizeof(*all));
	for (size_t l = 0; l < n && all != NULL; l++) {
		json_array_foreach(lists[l], i, row) all[at++] = row;
	}
	if (all != NULL)
		qsort(all, count, sizeof(*all), sooner);
	for (i = 0; i < count && all != NULL && i < (size_t)limit; i++)
		json_array_append(out, all[i]);
	bad = bad || all == NULL;
	free(all);
	for (i = 0; i < n; i++)
		json_decref(lists[i]);
	if (!bad)
		return out;
	json_decref(out);
	return NULL;
}

json_t *sk_store_due(struct sk_store *s, const char *unit, sk_ms now, sk_ms until, int limit)
{
	json_t *lists[] = {
	    db_list(
	        s,
	        "SELECT 'grant' AS what, g.until, t.host, t.id AS terminal, t.unit, u.name_ja AS unit_ja, u.name_en AS "
	        "unit_en, printf('%d-%04d', q.fiscal_year, q.fiscal_serial) AS label, q.number, q.person AS kind, 1 AS "
	        "n FROM "
	        "grants g JOIN requests q ON q.number = g.request JOIN terminals t ON t.id = g.terminal JOIN units u "
	        "ON u.key = "
	        "t.unit WHERE g.ended IS NULL AND g.cancelled = 0 AND g.until > ?1 AND g.until <= ?2 AND " WITHIN(
	            3, "t.unit") " ORDER BY g.until LIMIT ?4",
	        "iisi", now, until, unit, (int64_t)limit),
	    db_list(s,
	            "SELECT 'setting' AS what, p.until, t.host, t.id AS terminal, t.unit, u.name_ja AS unit_ja, "
	            "u.name_en AS "
	            "unit_en, '' AS label, p.number, p.setting AS kind, 1 AS n FROM setting_permits p JOIN terminals t "
	            "ON t.id = "
	            "p.terminal JOIN units u ON u.key = t.unit WHERE p.ended IS NULL AND p.until > ?1 AND p.until <= "
	            "?2 AND " WITHIN(3, "t.unit") " ORDER BY p.until LIMIT ?4",
	            "iisi", now, until, unit, (int64_t)limit),
	    /* what was permitted and not brought back, erased or closed stays due after its end */
	    db_list(s,
	            "SELECT 'application' AS what, a.until, '' AS host, '' AS terminal, a.unit, u.name_ja AS unit_ja, "
	            "u.name_en AS "
	            "unit_en, printf('%d-%04d', a.fiscal_year, a.fiscal_serial) AS label, a.number, a.kind, 1 AS n "
	            "FROM applications "
	            "a JOIN units u ON u.key = a.unit WHERE a.state = 'permitted' AND a.until <= ?1 AND (a.back <> 0 "
	            "OR a.until > "
	            "?2) AND " WITHIN(3, "a.unit") " ORDER BY a.until LIMIT ?4",
	            "iisi", until, now, unit, (int64_t)limit),
	    db_list(s,
	            "SELECT 'certificate' AS what, t.cert_until AS until, t.host, t.id AS terminal, t.unit, u.name_ja "
	            "AS unit_ja, "
	            "u.name_en AS unit_en, '' AS label, 0 AS number, '' AS kind, 1 AS n FROM terminals t JOIN units u "
	            "ON u.key = "
	            "t.unit WHERE t.revoked IS NULL AND t.next_fingerprint IS NULL AND t.cert_until <= ?1 AND " WITHIN(
	                2, "t.unit") " ORDER BY t.cert_until LIMIT ?3",
	            "isi", until, unit, (int64_t)limit),
	    NULL, /* ends of support */
	};
	char day[16], utc[SK_RFC3339_LEN];

	sk_clock_format_utc(until, utc);
	sk_text_copy(day, sizeof(day), utc);
	day[10] = '\0';
	lists[4] = with_times(
	    db_list(s,
	            "SELECT 'support' AS what, t.support_until AS day, '' AS host, '' AS terminal, t.unit, u.name_ja "
	            "AS unit_ja, "
	            "u.name_en AS unit_en, t.support_name AS label, 0 AS number, '' AS kind, count(*) AS n FROM "
	            "terminals t JOIN "
	            "units u ON u.key = t.unit WHERE t.revoked IS NULL AND t.support_until <> '' AND t.support_until "
	            "<= ?1 AND " WITHIN(
	                2, "t.unit") " GROUP BY t.unit, u.name_ja, u.name_en, t.support_name, t.support_until ORDER BY "
	                             "t.support_until LIMIT ?3",
	            "ssi", day, unit, (int64_t)limit));
	return joined(lists, sizeof(lists) / sizeof(lists[0]), limit);
}
