/*
 * The four jobs of the uplink: renew, report, events, orders. Each has a row in SK_JOBS; the state machine (uplink.c) knows only the
 * table. A job starts a request from what sekimorid gives it and, when the answer is there, says how it went.
 */
#ifndef SK_AGENT_UPLINK_JOBS_H
#define SK_AGENT_UPLINK_JOBS_H

#include "agent/backoff.h"
#include "agent/uplink.h"

enum sk_job_result {
	SK_JOB_DONE = 0, /* as it should be */
	SK_JOB_NOTHING, /* start: there was nothing to do */
	SK_JOB_HOLD, /* try again later, by the job's own back-off; err says why */
	SK_JOB_BROKEN, /* the answer was malformed: dropped, counted, held */
	SK_JOB_LOST, /* sekimorid is gone */
};

struct sk_job_row {
	const char *name;
	enum sk_uplink_lane lane;
	const struct sk_backoff_rule *rule; /* for HOLD and BROKEN */
	bool (*wanted)(const struct sk_uplink *u);
	enum sk_job_result (*start)(struct sk_uplink *u, struct sk_err *err);
	/* outcome is OK, CONFLICT, TOO_LARGE or MALFORMED; err may hold the outcome's words already. */
	enum sk_job_result (*finish)(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
	                             struct sk_err *err);
};

extern const struct sk_job_row SK_JOBS[SK_JOB_COUNT];

/* What the jobs share: a call's result as a job's (refused = HOLD, lost = LOST), and a request on a lane (body NULL = GET). */
enum sk_job_result sk_job_from_call(int r);
enum sk_job_result sk_job_request(struct sk_uplink *u, enum sk_uplink_lane lane, const char *path, const char *body,
                                  sk_ms deadline, struct sk_err *err);

/* Rows of the table that live in uplink_events.c. */
bool sk_events_wanted(const struct sk_uplink *u);
enum sk_job_result sk_events_start(struct sk_uplink *u, struct sk_err *err);
enum sk_job_result sk_events_finish(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
                                    struct sk_err *err);

/* hello: reads versions and positions anew. 0, or a job result (HOLD: not enrolled as we are). */
enum sk_job_result sk_uplink_hello(struct sk_uplink *u, struct sk_err *err);
/* Fetches the report from sekimorid, to be sent when it may be. */
enum sk_job_result sk_uplink_fetch_report(struct sk_uplink *u, struct sk_err *err);
/* {"op":op} plus fields (stolen, may be NULL), asked of sekimorid. As ops->call; the answer is optional. */
int sk_uplink_call(struct sk_uplink *u, const char *op, json_t *fields, json_t **answer, struct sk_err *err);

#endif
