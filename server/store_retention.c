/* Deleting what need not be kept any longer, in turns, each with its line in the audit trail (server/retention.h). */
#include "server/retention.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "server/job.h"
#include "server/store_inside.h"

#define TURN_RECORDS   500 /* about 20 ms */
#define TURN_TERMINALS 200
#define REASON_MAX     500

/* A terminal t whose records stay. */
#define HELD \
	"(EXISTS(SELECT 1 FROM holds h WHERE h.ended IS NULL AND ((h.terminal IS NULL AND h.unit IS NULL)" \
	" OR t.host = (SELECT x.host FROM terminals x WHERE x.id = h.terminal)" \
	" OR t.unit IN (SELECT w.unit FROM unit_within w WHERE w.above = h.unit)))" \
	" OR EXISTS(SELECT 1 FROM incident_cases c JOIN terminals x ON x.id = c.terminal WHERE c.state <> 'closed' " \
	"AND " \
	"x.host = t.host))"

struct sweep {
	sk_ms cutoff;
	int64_t budget; /* records that may still go in this turn */
	json_t *chains; /* [[device, seq, hash]..] */
};

/* --- terminals' records --- */

/* Where the chain begins. 0 or -errno. */
static int base_of(struct sk_store *s, struct chain_walk *w)
{
	struct db_rows *q = db_query(s, "SELECT seq, hash FROM chain_bases WHERE device = ?", "s", w->device);
	int r = db_next(q);

	sk_text_copy(w->hash, sizeof(w->hash), SK_CHAIN_ZERO);
	if (r == 1) {
		w->last = db_number(q, 0);
		db_copy(q, 1, w->hash, sizeof(w->hash));
	}
	db_end(q);
	return r < 0 ? r : 0;
}

/* The last record of the chain that may go; its base when there is none. */
static int last_old(struct sk_store *s, const struct sweep *w, const struct chain_walk *from, int64_t *seq)
{
	int64_t keep = 0, end = 0;
	int r = db_int(s, &end, "SELECT last_seq FROM terminals WHERE id = ?", "s", from->device);

	*seq = from->last;
	if (r < 0 || end <= from->last)
		return r;
	r = db_int(s, &keep,
	           "SELECT seq FROM events WHERE device = ?1 AND seq > ?2 AND received >= ?3 ORDER BY seq LIMIT 1",
	           "sii", from->device, from->last, w->cutoff);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0)
		end = keep - 1;
	*seq = end > from->last + w->budget ? from->last + w->budget : end;
	return 0;
}

/* The base is written first: the database lets nothing go that is above it. */
static int take_away(struct sk_store *s, struct sweep *w, const struct chain_walk *upto)
{
	int r =
	    db_run(s,
	           "INSERT INTO chain_bases(device, seq, hash) VALUES(?,?,?) ON CONFLICT(device) DO UPDATE SET seq = "
	           "excluded.seq, hash = excluded.hash",
	           "sis", upto->device, upto->last, upto->hash);

	if (r >= 0)
		r = db_run(s, "DELETE FROM events WHERE device = ? AND seq <= ?", "si", upto->device, upto->last);
	if (r < 0)
		return r;
	w->budget -= r;
	return json_array_append_new(w->chains,
	                             json_pack("[s,I,s]", upto->device, (json_int_t)upto->last, upto->hash)) != 0
	           ? -ENOMEM
	           : 0;
}

/* What is deleted was unbroken: a chain that somebody bent stays as it is, as evidence. */
static int sweep_chain(struct sk_store *s, struct sweep *w, const char *device)
{
	struct chain_walk walk = {.device = device};
	int64_t seq = 0;
	int r = base_of(s, &walk);

	if (r == 0)
		r = last_old(s, w, &walk, &seq);
	if (r < 0 || seq <= walk.last)
		return r;
	r = chain_walk(s, &walk, seq);
	if (r == 0 && (walk.state[0] != 'o' || walk.last != seq)) {
		sk_log(SK_LOG_WARNING,
		       "the records of terminal %s are broken after record %lld, so none of them is deleted; see "
		       "sekimori-server verify",
		       device, (long long)walk.last);
		return 0;
	}
	return r < 0 ? r : take_away(s, w, &walk);
}

/* Terminals after `mark`; leaves there the last one that is through. 1 = more, 0 = that was the last. */
static int sweep_events(struct sk_store *s, struct sweep *w, char *mark, size_t size)
{
	json_t *list = db_list(s,
	                       "SELECT t.id, CASE WHEN " HELD " THEN 1 ELSE 0 END AS \"held|b\" FROM terminals t WHERE "
	                       "t.id > ?1 ORDER BY t.id LIMIT ?2",
	                       "si", mark, (int64_t)TURN_TERMINALS);
	int r = list == NULL ? -EIO : 0;
	bool more = json_array_size(list) == TURN_TERMINALS;
	json_t *t;
	size_t i;

	json_array_foreach(list, i, t)
	{
		const char *device = json_string_value(json_object_get(t, "id"));

		if (!json_is_true(json_object_get(t, "held")))
			r = sweep_chain(s, w, device);
		if (r < 0)
			break;
		if (w->budget <= 0) { /* it may have more: it is looked at again */
			more = true;
			break;
		}
		sk_text_copy(mark, size, device);
	}
	json_decref(list);
	return r < 0 ? r : more;
}

/* --- the checks' history --- */

static int sweep_posture(struct sk_store *s, struct sweep *w)
{
	int r = db_run(
	    s,
	    "DELETE FROM posture_history WHERE id IN (SELECT p.id FROM posture_history p JOIN terminals t ON t.id "
	    "= p.device WHERE p.time < ?1 AND NOT " HELD " ORDER BY p.time LIMIT ?2)",
	    "ii", w->cutoff, w->budget);

	if (r < 0)
		return r;
	w->budget -= r;
	return w->budget <= 0;
}

/* --- the job --- */

static int record(struct sk_store *s, const struct sweep *w, const char *kind, sk_ms now)
{
	int64_t records = TURN_RECORDS - w->budget;
	struct sk_actor by;
	json_t *detail;

	if (records <= 0)
		return 0;
	actor_system(&by);
	detail = json_pack("{s:I,s:I}", "before", (json_int_t)w->cutoff, "records", (json_int_t)records);
	if (json_array_size(w->chains) > 0)
		json_object_set(detail, "chains", w->chains);
	return audit_add(s, &by, SK_RETENTION_DELETED, kind, detail, now);
}

/* One turn of one kind; mark is "" or what it left there. 1 = more of this kind. */
static int sweep(struct sk_store *s, const char *kind, int64_t days, struct sk_job_now *t, char *mark, size_t size)
{
	struct sweep w = {.cutoff = sk_retention_cutoff(t->now < t->due ? t->now : t->due, days),
	                  .budget = TURN_RECORDS,
	                  .chains = json_array()};
	int r = w.chains == NULL              ? -ENOMEM
	        : strcmp(kind, "events") == 0 ? sweep_events(s, &w, mark, size)
	                                      : sweep_posture(s, &w);

	if (r >= 0) {
		int c = record(s, &w, kind, t->now);

		t->done += TURN_RECORDS - w.budget;
		r = c < 0 ? c : r;
	}
	json_decref(w.chains);
	return r;
}

/* A period counts only while the clock can be believed: every run notes its time in each of them. */
static int period(struct sk_store *s, const char *kind, sk_ms now, bool begins, int64_t *days)
{
	int64_t seen = 0;
	int r = db_int(s, days, "SELECT days FROM retention WHERE kind = ?", "s", kind);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!begins)
		return 0;
	r = db_int(s, &seen, "SELECT seen FROM retention WHERE kind = ?", "s", kind);
	if (r == 0 && now - seen > SK_RETENTION_GAP)
		return -ETIME;
	if (r == 0)
		r = db_run(s, "UPDATE retention SET seen = ? WHERE kind = ?", "is", now, kind);
	return r < 0 ? r : 0;
}

/* Marks: "events:DEVICE" (":" at first), "posture:". */
int retention_job(struct sk_store *s, struct sk_job_now *t)
{
	bool begins = t->mark[0] == '\0', posture = strncmp(t->mark, "posture:", 8) == 0;
	const char *kind = posture ? "posture" : "events";
	char mark[SK_UUID_LEN] = "";
	int64_t days = 0, other = 0;
	int r = period(s, kind, t->now, begins, &days);

	if (r == 0 && begins) /* both at a run's beginning, before anything went */
		r = period(s, "posture", t->now, true, &other);
	if (r == -ETIME)
		sk_text_copy(
		    t->why, sizeof(t->why),
		    "the clock is far ahead of the last run: nothing is deleted; look at the clock, then set a period "
		    "again with sekimori-server retention set");
	if (r < 0)
		return r;
	if (!posture && !begins)
		sk_text_copy(mark, sizeof(mark), t->mark + strlen("events:"));
	r = days > 0 ? sweep(s, kind, days, t, mark, sizeof(mark)) : 0;
	if (r < 0)
		return r;
	if (r == 0 && posture)
		return 0;
	snprintf(t->mark, sizeof(t->mark), "%s:%s", r > 0 ? kind : "posture", r > 0 ? mark : "");
	return SK_JOB_MORE;
}

/* --- what the office sets --- */

int sk_store_retention_set(struct sk_store *s, const struct sk_actor *by, const char *kind, int64_t days, sk_ms now,
                           struct sk_err *err)
{
	int r;

	if (!sk_retention_is_kind(kind))
		return sk_err_set(err, -EINVAL, "\"%s\" is no kind of records; there are events and posture", kind);
	if (days != 0 && (days < SK_RETENTION_MIN || days > SK_RETENTION_MAX))
		return sk_err_set(err, -EINVAL, "records are kept for %d to %d days, or for ever", SK_RETENTION_MIN,
		                  SK_RETENTION_MAX);
	r = db_begin(s);
	if (r == 0) {
		r = days == 0 ? db_run(s, "DELETE FROM retention WHERE kind = ?", "s", kind)
		              : db_run(s,
		                       "INSERT INTO retention(kind, days, by, set_at, seen) VALUES(?1,?2,?3,?4,?4) ON "
		                       "CONFLICT(kind) DO UPDATE SET days = excluded.days, by = excluded.by, set_at = "
		                       "excluded.set_at, seen = excluded.seen",
		                       "sisi", kind, days, by->name, now);
		if (r >= 0)
			r = audit_add(s, by, "retention.set", kind, json_pack("{s:I}", "days", (json_int_t)days), now);
		r = db_finish(s, r < 0 ? r : 0);
	}
	return r < 0 ? db_fail(s, err, r, "the period is not set") : 0;
}

json_t *sk_store_retention(struct sk_store *s)
{
	return db_list(
	    s,
	    "SELECT k.kind, coalesce(r.days, 0) AS days, coalesce(r.by, '') AS by, coalesce(r.set_at, 0) AS "
	    "\"set\" FROM (SELECT 'events' AS kind UNION ALL SELECT 'posture' AS kind) k LEFT JOIN retention r "
	    "ON r.kind = k.kind ORDER BY k.kind",
	    "");
}

static int named(struct sk_store *s, const char *terminal, const char *unit, const char *reason, struct sk_err *err)
{
	int64_t n = 0;
	int r = 0;

	if (reason == NULL || reason[0] == '\0' || strlen(reason) > REASON_MAX)
		return sk_err_set(err, -EINVAL, "a reason is needed, of at most %d bytes", REASON_MAX);
	if (terminal != NULL)
		r = db_int(s, &n, "SELECT 1 FROM terminals WHERE id = ?", "s", terminal);
	if (r == 0 && unit != NULL)
		r = db_int(s, &n, "SELECT 1 FROM units WHERE key = ?", "s", unit);
	return r == -ENOENT ? sk_err_set(err, r, "no such %s", terminal != NULL && n == 0 ? "terminal" : "section")
	       : r < 0      ? db_fail(s, err, r, "the hold is not set")
	                    : 0;
}

int sk_store_hold_add(struct sk_store *s, const struct sk_actor *by, const char *terminal, const char *unit,
                      const char *reason, sk_ms now, int64_t *number, struct sk_err *err)
{
	char object[32];
	int r = named(s, terminal, unit, reason, err);

	if (r < 0)
		return r;
	r = db_begin(s);
	if (r == 0) {
		r = db_int(s, number,
		           "INSERT INTO holds(terminal, unit, reason, by, created) VALUES(?,?,?,?,?) RETURNING number",
		           "ssssi", terminal, unit, reason, by->name, now);
		snprintf(object, sizeof(object), "%lld", (long long)*number);
		if (r == 0)
			r = audit_add(
			    s, by, "hold.set", object,
			    json_pack("{s:s?,s:s?,s:s}", "terminal", terminal, "unit", unit, "reason", reason), now);
		r = db_finish(s, r);
	}
	return r < 0 ? db_fail(s, err, r, "the hold is not set") : 0;
}

int sk_store_hold_end(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *reason, sk_ms now,
                      struct sk_err *err)
{
	int64_t ended = 0;
	char object[32];
	int r;

	if (reason == NULL || reason[0] == '\0' || strlen(reason) > REASON_MAX)
		return sk_err_set(err, -EINVAL, "a reason is needed, of at most %d bytes", REASON_MAX);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "the hold is not ended");
	r = db_int(s, &ended, "SELECT coalesce(ended, 0) FROM holds WHERE number = ?", "i", number);
	if (r == 0 && ended != 0)
		r = -ESTALE;
	if (r == 0)
		r = db_run(s, "UPDATE holds SET ended = ? WHERE number = ?", "ii", now, number);
	snprintf(object, sizeof(object), "%lld", (long long)number);
	if (r >= 0)
		r = audit_add(s, by, "hold.end", object, json_pack("{s:s}", "reason", reason), now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT || r == -ESTALE)
		return sk_err_set(err, r, r == -ENOENT ? "there is no hold %lld" : "hold %lld has ended already",
		                  (long long)number);
	return r < 0 ? db_fail(s, err, r, "the hold is not ended") : 0;
}

json_t *sk_store_holds(struct sk_store *s)
{
	return db_list(
	    s,
	    "SELECT h.number, t.host AS terminal, h.unit, h.reason, h.by, h.created, h.ended FROM holds h LEFT "
	    "JOIN terminals t ON t.id = h.terminal ORDER BY h.number DESC",
	    "");
}
