/*
 * The overview's counts. Of a ledger with few terminals they are made when a page asks; with many (s->overview_live) that would keep everything else
 * waiting, so a job makes them section by section, once over all nodes, and a page adds up what it shows. They are a minute or so old then.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <string.h>

#include "server/job.h"

#define TURN_TERMINALS 1000
#define TURN_UNITS     100

/* --- the job --- */

/* Of the section itself; who is above adds up. *terminals += how many it has. */
static int count_unit(struct sk_store *s, const char *unit, sk_ms edge, int64_t *terminals)
{
	int64_t n = 0;
	int r = db_run(s, "DELETE FROM overview_counts WHERE unit = ?", "s", unit);

	if (r >= 0)
		r = db_run(
		    s,
		    "INSERT INTO overview_counts(unit, \"check\", state, n) SELECT n.unit, '', CASE WHEN n.seen < ?1 "
		    "THEN 'silent' ELSE n.state END, count(*) FROM terminal_now n WHERE n.unit = ?2 AND NOT n.revoked "
		    "GROUP BY 1, 3",
		    "is", edge, unit);
	if (r >= 0)
		r = db_run(
		    s,
		    "INSERT INTO overview_counts(unit, \"check\", state, n) SELECT n.unit, p.\"check\", CASE WHEN "
		    "n.seen < "
		    "?1 THEN 'silent' ELSE p.state END, count(*) FROM terminal_now n JOIN posture p ON p.device = n.id "
		    "WHERE n.unit = ?2 AND NOT n.revoked GROUP BY 1, 2, 3",
		    "is", edge, unit);
	if (r >= 0)
		r = db_int(s, &n, "SELECT coalesce(sum(n), 0) FROM overview_counts WHERE unit = ? AND \"check\" = ''",
		           "s", unit);
	*terminals += n;
	return r < 0 ? r : 0;
}

/* Few terminals: counts made before are put away, and pages count again. */
static int put_away(struct sk_store *s)
{
	int64_t n = 0;
	int r = db_int(s, &n, "SELECT count(*) FROM overview_made", "");

	if (r < 0 || n == 0)
		return r;
	r = db_run(s, "DELETE FROM overview_made", "");
	if (r >= 0)
		r = db_run(s, "DELETE FROM overview_counts", "");
	return r < 0 ? r : 0;
}

static int made(struct sk_store *s, sk_ms now)
{
	int r =
	    db_run(s, "INSERT INTO overview_made(one, at) VALUES(1, ?) ON CONFLICT(one) DO UPDATE SET at = excluded.at",
	           "i", now);

	return r < 0 ? r : 0;
}

/* The sections after mark; their keys are short enough to be marks. 1 = more. */
static int count_some(struct sk_store *s, struct sk_job_now *t)
{
	json_t *units =
	    db_list(s, "SELECT key FROM units WHERE key > ? ORDER BY key LIMIT ?", "si", t->mark, (int64_t)TURN_UNITS);
	int r = units == NULL ? -EIO : 0;
	int64_t terminals = 0;
	json_t *u;
	size_t i;

	json_array_foreach(units, i, u)
	{
		const char *key = json_string_value(json_object_get(u, "key"));

		r = count_unit(s, key, t->now - s->silent, &terminals);
		if (r < 0)
			break;
		sk_text_copy(t->mark, sizeof(t->mark), key);
		if (terminals >= TURN_TERMINALS)
			break;
	}
	if (r == 0)
		r = json_array_size(units) == TURN_UNITS || i < json_array_size(units);
	json_decref(units);
	t->done += terminals;
	return r;
}

int overview_job(struct sk_store *s, struct sk_job_now *t)
{
	int64_t all = 0;
	int r = 0;

	if (t->mark[0] == '\0') {
		r = db_int(s, &all, "SELECT count(*) FROM terminals WHERE revoked IS NULL", "");
		if (r < 0 || all <= s->overview_live)
			return r < 0 ? r : put_away(s);
	}
	r = count_some(s, t);
	return r < 0 ? r : r > 0 ? SK_JOB_MORE : made(s, t->now);
}

/* --- what pages read --- */

sk_ms overview_made(struct sk_store *s)
{
	int64_t at = 0;

	return db_int(s, &at, "SELECT at FROM overview_made", "") == 0 ? at : 0;
}

json_t *overview_states(struct sk_store *s, const char *unit)
{
	return db_list(s,
	               "SELECT state, sum(n) AS n FROM overview_counts WHERE \"check\" = '' AND " WITHIN(
	                   1, "unit") " GROUP BY state ORDER BY state",
	               "s", unit);
}

json_t *overview_checks(struct sk_store *s, const char *unit)
{
	return db_list(
	    s,
	    "SELECT \"check\" AS key, state, sum(n) AS n FROM overview_counts WHERE \"check\" <> '' AND " WITHIN(
	        1, "unit") " GROUP BY 1, 2 ORDER BY 1, 2",
	    "s", unit);
}

json_t *overview_units(struct sk_store *s, const char *unit)
{
	return db_list(s,
	               "SELECT unit AS key, state, n FROM overview_counts WHERE \"check\" = '' AND " WITHIN(
	                   1, "unit") " ORDER BY 1, 2",
	               "s", unit);
}
