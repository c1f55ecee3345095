/* See job.h: the table of jobs, and when they are due. */
#include "server/job.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/log.h"

#define MINUTE ((sk_ms)60 * 1000)
#define DAY    ((sk_ms)24 * 60 * MINUTE)
#define FOR_MS 100 /* how long the event loop is kept from other work */

const struct sk_job sk_jobs[] = {
    {.name = "compliance",
     .every = 10 * MINUTE,
     .turn = compliance_job}, /* once a day; at once when the server was off */
    {.name = "sessions", .every = 10 * MINUTE, .turn = sessions_job},
    {.name = "reminders", .minute = 8 * 60 + 30, .turn = reminders_job},
    {.name = "overview", .every = MINUTE, .turn = overview_job},
    {.name = "retention", .minute = 2 * 60 + 10, .turn = retention_job},
    {.name = NULL},
};

/* That minute of the local day `days` after now's; a minute that summer time leaves out becomes the one an hour on. */
static sk_ms at_minute(const struct sk_job *j, sk_ms now, int days)
{
	time_t t = (time_t)(now / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		return now + DAY;
	tm.tm_mday += days;
	tm.tm_hour = j->minute / 60;
	tm.tm_min = j->minute % 60;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	return t == (time_t)-1 ? now + DAY : (sk_ms)t * 1000;
}

sk_ms sk_job_next(const struct sk_job *j, sk_ms now)
{
	sk_ms next;

	if (j->every > 0)
		return now + j->every;
	next = at_minute(j, now, 0);
	return next > now ? next : at_minute(j, now, 1);
}

bool sk_job_due(const struct sk_job *j, sk_ms next, sk_ms now)
{
	sk_ms longest = j->every > 0 ? j->every : DAY + 60 * MINUTE; /* an hour: summer time */

	if (longest < SK_JOB_AGAIN)
		longest = SK_JOB_AGAIN;
	return next <= now || next - now > longest;
}

bool sk_jobs_tend(struct sk_store *s, const struct sk_job *jobs, sk_ms now)
{
	sk_ms until = sk_clock_boot() + FOR_MS;
	bool more = false;

	for (; jobs->name != NULL; jobs++) {
		int r = SK_JOB_MORE;

		while (r == SK_JOB_MORE && sk_clock_boot() < until)
			r = sk_job_turn(s, jobs, now);
		more |= r == SK_JOB_MORE;
		if (r < 0 && r != -ECANCELED) {
			sk_log(SK_LOG_WARNING, "jobs wait: the ledger cannot be written (%s)", strerror(-r));
			return false;
		}
	}
	return more;
}
