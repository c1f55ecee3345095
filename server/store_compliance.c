/* See store_compliance.h. */
#include "server/store_compliance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/job.h"
#include "server/store_inside.h"

#define WEEK 7
/* ?1 is always the time before which a terminal is silent. */
#define STATE "CASE WHEN n.seen < ?1 THEN 'silent' ELSE n.state END"
#define TOTAL "terminals" /* the row that holds how many there were, and that the day was counted */

/* Terminals by unit and verdict; and by unit, check and verdict. What a silent terminal said of a check is no longer known. */
#define BY_UNIT \
	"SELECT n.unit, " STATE \
	" AS state, count(*) AS n FROM terminal_now n WHERE NOT n.revoked AND " WITHIN(2, "n.unit") " GROUP BY 1, 2"
#define BY_CHECK \
	"SELECT n.unit, p.\"check\" AS \"check\", CASE WHEN n.seen < ?1 THEN 'silent' ELSE p.state END AS state, " \
	"count(*) AS n FROM posture p JOIN terminal_now n ON n.id = p.device WHERE NOT n.revoked AND " WITHIN( \
	    2, "n.unit") " GROUP BY 1, 2, 3"

int sk_day_of(sk_ms t)
{
	time_t s = (time_t)(t / 1000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL)
		return 0;
	return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

int sk_day_before(int day, int n)
{
	struct tm tm = {
	    .tm_year = day / 10000 - 1900, .tm_mon = day / 100 % 100 - 1, .tm_mday = day % 100 - n, .tm_hour = 12};
	time_t t = timegm(&tm);

	if (gmtime_r(&t, &tm) == NULL)
		return 0;
	return (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

static int count_day(struct sk_store *s, int64_t day, sk_ms edge)
{
	static const char *const parts[] = {
	    /* the office as a whole is the unit '' */
	    "INSERT INTO compliance_days(\"check\", unit, day, state, n) SELECT '', '', ?3, g.state, CAST(sum(g.n) AS "
	    "INTEGER) FROM (" BY_UNIT ") AS g GROUP BY g.state",
	    "INSERT INTO compliance_days(\"check\", unit, day, state, n) SELECT '', w.above, ?3, g.state, "
	    "CAST(sum(g.n) AS "
	    "INTEGER) FROM (" BY_UNIT ") AS g JOIN unit_within w ON w.unit = g.unit GROUP BY w.above, g.state",
	    "INSERT INTO compliance_days(\"check\", unit, day, state, n) SELECT g.\"check\", '', ?3, g.state, "
	    "CAST(sum(g.n) "
	    "AS INTEGER) FROM (" BY_CHECK ") AS g GROUP BY g.\"check\", g.state",
	    "INSERT INTO compliance_days(\"check\", unit, day, state, n) SELECT g.\"check\", w.above, ?3, g.state, "
	    "CAST(sum(g.n) AS INTEGER) FROM (" BY_CHECK
	    ") AS g JOIN unit_within w ON w.unit = g.unit GROUP BY g.\"check\", w.above, g.state",
	};
	int64_t one;
	int r = db_int(
	    s, &one,
	    "SELECT 1 FROM compliance_days WHERE \"check\" = '' AND unit = '' AND day = ? AND state = '" TOTAL "'", "i",
	    day);

	if (r != -ENOENT)
		return r; /* another node was first */
	r = 0;
	for (size_t i = 0; r >= 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = db_run(s, parts[i], "isi", edge, NULL, day);
	if (r >= 0)
		r = db_run(s,
		           "INSERT INTO compliance_days(\"check\", unit, day, state, n) SELECT '', '', ?1, '" TOTAL
		           "', count(*) FROM terminals WHERE revoked IS NULL",
		           "i", day);
	return r < 0 ? r : 1;
}

int sk_store_compliance_count(struct sk_store *s, sk_ms now, sk_ms silent_ms)
{
	int r = db_begin(s);

	return r < 0 ? r : db_finish(s, count_day(s, sk_day_of(now), now - silent_ms));
}

void sk_store_set_silent(struct sk_store *s, sk_ms silent_ms)
{
	s->silent = silent_ms;
}

int compliance_job(struct sk_store *s, struct sk_job_now *t)
{
	int r = count_day(s, sk_day_of(t->now), t->now - s->silent);

	t->done += r > 0;
	return r < 0 ? r : 0;
}

/* --- now --- */

/* Adds n of state to the states of the row whose member `name` is key; a row that is not there is left out. */
static void put(json_t *row, const char *name, const char *state, json_t *n)
{
	json_t *states = json_object_get(row, name);

	if (states == NULL) {
		states = json_object();
		json_object_set_new(row, name, states);
	}
	json_object_set(states, state, n);
}

static long long sum_of(const json_t *states)
{
	const char *name;
	long long sum = 0;
	json_t *n;

	json_object_foreach((json_t *)(uintptr_t)states, name, n) sum += json_integer_value(n);
	return sum;
}

/* Rows of ("key", "state", "n") go into the objects of `into` by their key; those that are not there are made when make is set. Steals rows. */
static int spread(json_t *into, json_t *rows, const char *name, bool make)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *key = json_string_value(json_object_get(row, "key"));
		json_t *o = json_object_get(into, key);

		if (o == NULL && make) {
			o = json_object();
			json_object_set_new(into, key, o);
		}
		if (o != NULL)
			put(o, name, json_string_value(json_object_get(row, "state")), json_object_get(row, "n"));
	}
	json_decref(rows);
	return rows == NULL ? -EIO : 0;
}

/* The units in reach as {key: row}, with their counts. */
static json_t *units_of(struct sk_store *s, const char *unit, sk_ms now, sk_ms edge, int64_t week)
{
	json_t
	    *list = db_list(
	        s,
	        "SELECT u.key, u.name_ja, u.name_en, coalesce(p.parent, '') AS parent FROM units u LEFT JOIN "
	        "unit_places p ON p.unit = u.key AND p.\"from\" <= ?1 AND (p.until = 0 OR p.until > ?1) WHERE " WITHIN(
	            2, "u.key") " ORDER BY u.key",
	        "is", now, unit),
	    *all = json_object(), *row;
	const char *key;
	size_t i;
	int r = list == NULL ? -EIO : 0;

	json_array_foreach(list, i, row)
	{
		json_object_set_new(row, "states", json_object());
		json_object_set_new(row, "week", json_object());
		json_object_set(all, json_string_value(json_object_get(row, "key")), row);
	}
	json_decref(list);
	if (r == 0)
		r = spread(
		    all,
		    db_list(s,
		            "SELECT w.above AS key, g.state AS state, CAST(sum(g.n) AS INTEGER) AS n FROM (" BY_UNIT
		            ") AS g JOIN unit_within w ON w.unit = g.unit GROUP BY w.above, g.state",
		            "is", edge, unit),
		    "states", false);
	if (r == 0 && week > 0)
		r = spread(
		    all,
		    db_list(
		        s,
		        "SELECT d.unit AS key, d.state, d.n FROM compliance_days d WHERE d.\"check\" = '' AND d.day = "
		        "?1 AND d.unit <> '' AND " WITHIN(2, "d.unit"),
		        "is", week, unit),
		    "week", false);
	if (r < 0) {
		json_decref(all);
		return NULL;
	}
	json_object_foreach(all, key, row)
	{
		json_object_set_new(row, "terminals", json_integer(sum_of(json_object_get(row, "states"))));
	}
	return all;
}

static json_t *checks_of(struct sk_store *s, const char *unit, sk_ms edge, int64_t week)
{
	json_t *all = json_object();
	int r =
	    spread(all,
	           db_list(s,
	                   "SELECT g.\"check\" AS key, g.state AS state, CAST(sum(g.n) AS INTEGER) AS n FROM (" BY_CHECK
	                   ") AS g GROUP BY g.\"check\", g.state ORDER BY 1",
	                   "is", edge, unit),
	           "states", true);

	if (r == 0 && week > 0)
		r = spread(
		    all,
		    db_list(
		        s,
		        "SELECT \"check\" AS key, state, n FROM compliance_days WHERE \"check\" <> '' AND day = ? AND "
		        "unit = ?",
		        "is", week, unit == NULL ? "" : unit),
		    "week", false);
	if (r == 0)
		return all;
	json_decref(all);
	return NULL;
}

/* {key: row} as a list, the key put into each as `name`. Steals; NULL stays NULL. */
static json_t *as_list(json_t *all, const char *name)
{
	json_t *list = all == NULL ? NULL : json_array(), *row;
	const char *key;

	json_object_foreach(all, key, row)
	{
		json_object_set_new(row, name, json_string(key));
		json_array_append(list, row);
	}
	json_decref(all);
	return list;
}

/* Rows of ("state", "n") as {"terminals","states"}. Steals; NULL stays NULL. */
static json_t *states_of(json_t *rows)
{
	json_t *states = rows == NULL ? NULL : json_object(), *row, *total = NULL;
	long long sum;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *state = json_string_value(json_object_get(row, "state"));

		if (strcmp(state, TOTAL) == 0)
			total = json_object_get(row, "n");
		else
			json_object_set(states, state, json_object_get(row, "n"));
	}
	sum = total != NULL ? json_integer_value(total) : sum_of(states);
	json_decref(rows);
	return states == NULL ? NULL : json_pack("{s:I,s:o}", "terminals", (json_int_t)sum, "states", states);
}

/* The day to compare with; 0 = none was counted about a week ago. */
static int week_day(struct sk_store *s, sk_ms now, int64_t *day)
{
	int today = sk_day_of(now);

	*day = 0;
	return db_int(s, day,
	              "SELECT coalesce(max(day), 0) FROM compliance_days WHERE \"check\" = '' AND unit = '' AND day "
	              "BETWEEN ? AND ?",
	              "ii", (int64_t)sk_day_before(today, 2 * WEEK - 1), (int64_t)sk_day_before(today, WEEK));
}

static json_t *week_of(struct sk_store *s, const char *unit, int64_t day)
{
	json_t *o = day == 0
	                ? json_null()
	                : states_of(db_list(
	                      s, "SELECT state, n FROM compliance_days WHERE \"check\" = '' AND unit = ? AND day = ?",
	                      "si", unit == NULL ? "" : unit, day));

	if (json_is_object(o))
		json_object_set_new(o, "day", json_integer(day));
	return o;
}

json_t *sk_store_compliance(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms)
{
	sk_ms edge = now - silent_ms;
	static const char *const names[] = {"", "checks", "units", "week"};
	json_t *page, *parts[4] = {NULL};
	int64_t week = 0;
	bool bad = week_day(s, now, &week) < 0;

	if (!bad) {
		parts[0] = states_of(db_list(s,
		                             "SELECT g.state AS state, CAST(sum(g.n) AS INTEGER) AS n FROM (" BY_UNIT
		                             ") AS g GROUP BY g.state",
		                             "is", edge, unit));
		parts[1] = as_list(checks_of(s, unit, edge, week), "id");
		parts[2] = as_list(units_of(s, unit, now, edge, week), "key");
		parts[3] = week_of(s, unit, week);
	}
	page = parts[0] != NULL ? json_incref(parts[0]) : json_object();
	for (size_t i = 0; i < 4; i++) {
		bad = bad || parts[i] == NULL;
		if (parts[i] != NULL && i > 0)
			json_object_set(page, names[i], parts[i]);
		json_decref(parts[i]);
	}
	if (!bad)
		return page;
	json_decref(page);
	return NULL;
}

json_t *sk_store_trend(struct sk_store *s, const char *unit, const char *check, int from)
{
	json_t
	    *rows = db_list(
	        s,
	        "SELECT day, state, n FROM compliance_days WHERE \"check\" = ? AND unit = ? AND day >= ? ORDER BY day",
	        "ssi", check, unit == NULL ? "" : unit, (int64_t)from),
	    *out = rows == NULL ? NULL : json_array(), *row, *last = NULL;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_t *day = json_object_get(row, "day");
		const char *state = json_string_value(json_object_get(row, "state"));

		if (last == NULL || !json_equal(json_object_get(last, "day"), day)) {
			last = json_pack("{s:O,s:{}}", "day", day, "states");
			json_array_append_new(out, last);
		}
		if (strcmp(state, TOTAL) != 0)
			put(last, "states", state, json_object_get(row, "n"));
	}
	json_array_foreach(out, i, row)
	{
		json_object_set_new(row, "terminals", json_integer(sum_of(json_object_get(row, "states"))));
	}
	json_decref(rows);
	return out;
}
