/* Jobs and when they ran (server/job.h). A turn and its row are one transaction. */
#include "server/job.h"
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

struct row {
	sk_ms next, due, began;
	int64_t done, failures;
	char mark[SK_JOB_MARK];
};

/* The row as it stands; a job that was never seen gets one. */
static int read_row(struct sk_store *s, const struct sk_job *j, sk_ms now, struct row *row)
{
	struct db_rows *q =
	    db_query(s, "SELECT next, due, began, done, failures, mark FROM jobs WHERE name = ?", "s", j->name);
	int r = db_next(q);

	*row = (struct row){.next = j->every > 0 ? now : sk_job_next(j, now)};
	if (r == 1) {
		row->next = db_number(q, 0);
		row->due = db_number(q, 1);
		row->began = db_number(q, 2);
		row->done = db_number(q, 3);
		row->failures = db_number(q, 4);
		db_copy(q, 5, row->mark, sizeof(row->mark));
	}
	db_end(q);
	if (r != 0)
		return r < 0 ? r : 0;
	r = db_run(s, "INSERT INTO jobs(name, next) VALUES(?,?)", "si", j->name, row->next);
	return r < 0 ? r : 0;
}

static int turned(struct sk_store *s, const struct sk_job *j, const struct sk_job_now *t, const struct row *row,
                  bool more)
{
	int r;

	if (more)
		r = db_run(
		    s,
		    "UPDATE jobs SET due = ?2, began = ?3, done = ?4, mark = ?5, failures = 0, problem = '' WHERE "
		    "name = ?1",
		    "siiis", j->name, t->due, row->began, t->done, t->mark);
	else
		r = db_run(s,
		           "UPDATE jobs SET next = ?2, due = ?3, began = ?4, ended = ?5, done = ?6, mark = '', "
		           "runs = runs + 1, failures = 0, problem = '' WHERE name = ?1",
		           "siiiii", j->name, sk_job_next(j, t->now), t->due, row->began, t->now, t->done);
	return r < 0 ? r : more ? SK_JOB_MORE : 0;
}

/* Within the transaction: *ran is set once the job itself was called; why is what it says of its failure. */
static int turn(struct sk_store *s, const struct sk_job *j, sk_ms now, bool *ran, char why[256])
{
	struct sk_job_now t = {.now = now};
	struct row row;
	int r = read_row(s, j, now, &row);
	bool begins;

	if (r < 0 || !sk_job_due(j, row.next, now)) /* another node was quicker */
		return r;
	begins = row.mark[0] == '\0';
	sk_text_copy(t.mark, sizeof(t.mark), row.mark);
	t.due = !begins ? row.due : row.next <= now ? row.next : now;
	t.done = begins ? 0 : row.done;
	if (begins)
		row.began = now;
	*ran = true;
	r = j->turn(s, &t);
	sk_text_copy(why, 256, t.why);
	if (r == SK_JOB_MORE && t.mark[0] == '\0')
		r = -EPROTO; /* it would begin anew for ever */
	return r < 0 ? r : turned(s, j, &t, &row, r == SK_JOB_MORE);
}

static void failed(struct sk_store *s, const struct sk_job *j, sk_ms now, const char *why)
{
	int64_t failures = 0;
	struct row row;
	int r = db_begin(s);

	if (r == 0) {
		r = read_row(s, j, now, &row);
		if (r == 0)
			r = db_run(s,
			           "UPDATE jobs SET next = ?2, failures = failures + 1, problem = ?3 WHERE name = ?1",
			           "sis", j->name, now + SK_JOB_AGAIN, why);
		failures = r < 0 ? 0 : row.failures + 1;
		r = db_finish(s, r);
	}
	sk_log(SK_LOG_ERR, "job %s failed (%lld in a row): %s; it is tried again in %lld minutes%s", j->name,
	       (long long)failures, why, (long long)(SK_JOB_AGAIN / 60000), r < 0 ? " (not recorded)" : "");
}

int sk_job_turn(struct sk_store *s, const struct sk_job *j, sk_ms now)
{
	char why[256] = "", words[160];
	int64_t next = 0;
	bool ran = false;
	int r = db_int(s, &next, "SELECT next FROM jobs WHERE name = ?", "s", j->name);

	if (r == 0 && !sk_job_due(j, next, now)) /* mostly so: nobody is kept waiting for the lock */
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	r = db_begin(s);
	if (r < 0)
		return r;
	r = turn(s, j, now, &ran, why);
	if (r < 0)
		sk_text_printable(words, sizeof(words), s->driver->problem(s), strlen(s->driver->problem(s)));
	r = db_finish(s, r);
	if (r >= 0 || !ran || r == -ECONNRESET)
		return r;
	if (why[0] == '\0')
		snprintf(why, sizeof(why), "%s%s%s", strerror(-r), r == -EIO ? ": " : "", r == -EIO ? words : "");
	failed(s, j, now, why);
	return -ECANCELED;
}

json_t *sk_store_jobs(struct sk_store *s)
{
	return db_list(
	    s,
	    "SELECT name, next, due, began, ended, done, runs, failures, problem, CASE WHEN mark <> '' THEN 1 "
	    "ELSE 0 END AS \"running|b\" FROM jobs ORDER BY name",
	    "");
}
