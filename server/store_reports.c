/*
 * Reports: what a terminal says of itself now. Written only when something other than its moving parts (clock, journal counters, times of
 * checks) changed; those are kept in memory. A check's change of state is history.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/check.h"
#include "policy/param.h"

/* The report without what moves by itself. New reference. */
static json_t *stable_part(const json_t *report)
{
	json_t *copy = json_deep_copy(report), *result;
	size_t i;

	json_object_del(copy, "clock");
	json_object_del(copy, "journal");
	json_array_foreach(json_object_get(copy, "posture"), i, result)
	{
		json_object_del(result, "at");
	}
	return copy;
}

static int hash_of(const json_t *j, char out[SK_SHA256_HEX])
{
	char *text = sk_json_text(j);

	if (text == NULL)
		return -ENOMEM;
	sk_sha256_hex(text, strlen(text), out);
	free(text);
	return 0;
}

static enum sk_state worst_of(const json_t *posture)
{
	enum sk_state worst = SK_STATE_NOT_APPLICABLE, one;
	const json_t *result;
	size_t i;

	json_array_foreach(posture, i, result)
	{
		if (sk_state_parse(json_string_value(json_object_get(result, "state")), &one) == 0 && one > worst)
			worst = one;
	}
	return json_array_size(posture) == 0 ? SK_STATE_UNKNOWN : worst; /* nothing checked is never "compliant" */
}

/* {check: state} as they are stored. NULL = failed. */
static json_t *stored(struct sk_store *s, const char *device)
{
	struct db_rows *st = db_query(s, "SELECT \"check\", state FROM posture WHERE device = ?", "s", device);
	json_t *o = json_object();
	int r;

	while ((r = db_next(st)) == 1)
		json_object_set_new(o, db_text(st, 0), json_string(db_text(st, 1)));
	db_end(st);
	if (r == 0)
		return o;
	json_decref(o);
	return NULL;
}

static int check_put(struct sk_store *s, const char *device, const json_t *result, const char *id, const char *state,
                     sk_ms now)
{
	char *text = sk_json_text(result);
	int r =
	    text == NULL
	        ? -ENOMEM
	        : db_post(s,
	                  "INSERT INTO posture(device, \"check\", state, since) VALUES(?,?,?,?) ON CONFLICT(device, "
	                  "\"check\") DO UPDATE SET state = excluded.state, since = excluded.since",
	                  "sssi", device, id, state, now);

	if (r >= 0)
		r = db_post(s, "INSERT INTO posture_history(device, \"check\", state, time, result) VALUES(?,?,?,?,?)",
		            "sssis", device, id, state, now, text);
	free(text);
	return r < 0 ? r : 0;
}

/* Writes what changed, as seldom as that is. */
static int posture_put(struct sk_store *s, const char *device, const json_t *posture, sk_ms now)
{
	json_t *old = stored(s, device), *was;
	const json_t *result;
	const char *gone;
	size_t i;
	int r = old == NULL ? -EIO : 0;

	json_array_foreach(posture, i, result)
	{
		const char *id = json_string_value(json_object_get(result, "id"));
		const char *state = json_string_value(json_object_get(result, "state"));

		was = json_object_get(old, id);
		if (r == 0 && (was == NULL || strcmp(json_string_value(was), state) != 0))
			r = check_put(s, device, result, id, state, now);
	}
	json_array_foreach(posture, i, result)
	{
		json_object_del(old, json_string_value(json_object_get(result, "id")));
	}
	/* A check the policy no longer asks for leaves the overview. */
	json_object_foreach(old, gone, was)
	{
		if (r >= 0)
			r = db_post(s, "DELETE FROM posture WHERE device = ? AND \"check\" = ?", "ss", device, gone);
	}
	json_decref(old);
	return r < 0 ? r : 0;
}

/* The check "support" says of which system, and until when it is mended: the sentence with a name and a day. */
static int support_put(struct sk_store *s, const char *device, const json_t *posture)
{
	const char *name = "", *until = "", *id;
	const json_t *result, *said;
	char shown[128];
	long long end;
	size_t i, j;

	json_array_foreach(posture, i, result)
	{
		id = json_string_value(json_object_get(result, "id"));
		if (id == NULL || strcmp(id, "support") != 0)
			continue;
		json_array_foreach(json_object_get(result, "detail"), j, said)
		{
			const json_t *args = json_object_get(said, "args");
			const char *first = json_string_value(json_array_get(args, 0)),
			           *second = json_string_value(json_array_get(args, 1));

			if (first != NULL && second != NULL && until[0] == '\0' && sk_param_date(second, &end) == 0) {
				name = first;
				until = second;
			}
		}
	}
	sk_text_printable(shown, sizeof(shown), name, strlen(name));
	return db_run(
	    s,
	    "UPDATE terminals SET support_name = ?1, support_until = ?2 WHERE id = ?3 AND (support_name <> ?1 OR "
	    "support_until <> ?2)",
	    "sss", shown, until, device);
}

static int write_report(struct sk_store *s, const char *device, const json_t *report, const char *status,
                        const char *stable, sk_ms now)
{
	json_t *posture = json_object_get(report, "posture"), *devices = json_object_get(report, "devices");
	char *p = sk_json_text(posture), *d = sk_json_text(devices);
	int r = p == NULL || d == NULL ? -ENOMEM : db_begin(s);

	if (r == 0) {
		r = db_post(
		    s,
		    "INSERT INTO reports(device, received, stable, status, devices, posture) "
		    "VALUES(?,?,?,?,?,?) ON CONFLICT(device) DO UPDATE SET received = excluded.received, stable = "
		    "excluded.stable, status = excluded.status, devices = excluded.devices, posture = excluded.posture",
		    "sissss", device, now, stable, status, d, p);
		if (r >= 0)
			r = posture_put(s, device, posture, now);
		if (r >= 0)
			r = support_put(s, device, posture);
		if (r >= 0)
			r = agent_from_report(s, device, report, now);
		if (r >= 0)
			r = db_post(s,
			            "UPDATE terminals SET state = ?1 WHERE id = ?2 AND (state IS NULL OR state <> ?1)",
			            "ss", sk_state_name(worst_of(posture)), device);
		r = db_finish(s, r < 0 ? r : 0);
	}
	free(p);
	free(d);
	return r;
}

static bool known(struct sk_store *s, const char *device, const char *stable)
{
	struct db_rows *st = db_query(s, "SELECT stable FROM reports WHERE device = ?", "s", device);
	bool same = db_next(st) == 1 && strcmp(db_text(st, 0), stable) == 0;

	db_end(st);
	return same;
}

int sk_store_report_put(struct sk_store *s, const char *device, const json_t *report, sk_ms now, struct sk_err *err)
{
	char stable[SK_SHA256_HEX];
	json_t *part = stable_part(report), *rest = json_copy((json_t *)(uintptr_t)report); /* shallow; not changed */
	char *status;
	int tries = 0, r;

	json_object_del(rest, "posture");
	json_object_del(rest, "devices");
	status = rest == NULL ? NULL : sk_json_text(rest);
	r = part == NULL || status == NULL ? -ENOMEM : hash_of(part, stable);
	while (r == 0 && !known(s, device, stable)) {
		r = write_report(s, device, report, status, stable, now);
		if (!db_again(s, r, &tries))
			break;
		r = 0;
	}
	if (r >= 0)
		r = db_post(s,
		            "INSERT INTO live(device, at, status, received) VALUES(?1,?2,?3,?2) ON "
		            "CONFLICT(device) DO UPDATE SET"
		            " at = excluded.at, status = excluded.status, received = excluded.received",
		            "sis", device, now, status);
	free(status);
	json_decref(part);
	json_decref(rest);
	return r < 0 ? db_fail(s, err, r, "report not stored") : 0;
}
