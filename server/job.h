/*
 * Jobs: what the server does by the clock and not because somebody asks: reminders, rollups, retention. However many nodes there are, a job
 * runs once: a turn, and that it was done, are one transaction, and who writes to the ledger writes alone (server/sql.h; over PostgreSQL that is an
 * advisory lock over all nodes). A node that is killed in a turn has done nothing of it, and any node goes on.
 *
 * A run is one turn or several. A turn is short (some 50 ms, some hundred rows), because while it lasts nothing else is stored; what is left is
 * said with SK_JOB_MORE and a mark of where to go on, and other work comes between. A turn that fails is rolled back, recorded, and done again
 * after SK_JOB_AGAIN.
 *
 * To add one: write the turn in a server/store_*.c of its noun (it works within the runner's transaction, with server/store_inside.h), declare it
 * below, add a row to sk_jobs in job.c, and test it with sk_job_turn() at times of your own. Its name stays for ever: it is the key of its row in the
 * table "jobs", which `sekimori-server jobs` and /metrics show. The turn must not mind being late: a server that was off runs a job once, with `due` of the
 * oldest time that was missed, and then as its row says.
 */
#ifndef SK_SERVER_JOB_H
#define SK_SERVER_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/clock.h"

struct sk_store;

#define SK_JOB_AGAIN ((sk_ms)5 * 60 * 1000) /* from a failure to the next try */
#define SK_JOB_MARK  128
#define SK_JOB_MORE  1

struct sk_job_now { /* of one turn */
	sk_ms now; /* wall clock */
	sk_ms due; /* when this run should have begun; the same in all its turns */
	char mark[SK_JOB_MARK]; /* "" in a run's first turn, then what the turn before left here */
	int64_t done; /* how many things it did; is added up over the run */
	char why[200]; /* of a failure, in words and what to do; "" = the error's own name is shown */
};

struct sk_job {
	const char *name; /* [a-z-]+ */
	sk_ms every; /* from the end of a run to the next; 0 = once a day */
	int minute; /* of the day by local time, when every is 0: 8 * 60 + 30 is half past eight */
	/* 0 = the run is done, SK_JOB_MORE (with a mark), or -errno: nothing of the turn is kept. */
	int (*turn)(struct sk_store *s, struct sk_job_now *t);
};

extern const struct sk_job sk_jobs[]; /* ends with name NULL */

/* When the next run is due after one that ended (or, the first time, was never) at `now`. Pure but for the time zone. */
sk_ms sk_job_next(const struct sk_job *j, sk_ms now);
/* Is a run due at now, when the row says `next`? Also when next lies farther ahead than the job ever waits: a clock was set back. */
bool sk_job_due(const struct sk_job *j, sk_ms next, sk_ms now);

/* Every few seconds: turns of the jobs of the table that are due, for at most about 100 ms. true = there is more to do now. */
bool sk_jobs_tend(struct sk_store *s, const struct sk_job *jobs, sk_ms now);

/* server/store_jobs.c. One turn when one is due: SK_JOB_MORE, 0 = nothing is due or the run ended, -ECANCELED = the turn failed and that is recorded,
 * another -errno: the ledger could not be written, nothing is recorded. */
int sk_job_turn(struct sk_store *s, const struct sk_job *j, sk_ms now);
/* [{"name","next":ms,"due":ms,"began":ms,"ended":ms (0 = never),"done":n of the last run,"runs":n,"failures":in a row,"problem":of the last failure or "",
 * "running|b"}] by name: those that have run or are due to. NULL = failed. */
json_t *sk_store_jobs(struct sk_store *s);

/* The turns. */
int compliance_job(struct sk_store *s, struct sk_job_now *t); /* store_compliance.c: each day's verdicts are counted */
int sessions_job(struct sk_store *s, struct sk_job_now *t); /* store_users.c: sessions that ended long ago go */

int reminders_job(struct sk_store *s,
                  struct sk_job_now *t); /* store_remind.c: who has something that is due back is reminded */
int overview_job(struct sk_store *s,
                 struct sk_job_now *t); /* store_overview.c: the overview's counts of many terminals */
int retention_job(struct sk_store *s, struct sk_job_now *t); /* store_retention.c: what need not be kept longer goes */

#endif
