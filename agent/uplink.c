/*
 * The state machine of uplink.h. NEXT is the table of line states; REACTIONS says what each kind of answer means for the line;
 * step() looks at all facts and starts what is due.
 */
#include "agent/uplink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/backoff.h"
#include "agent/uplink_jobs.h"
#include "common/json.h"
#include "common/text.h"

#define HINT_LEAST  10000 /* ms between two hints that are listened to */
#define WAIT_QUICK  1000 /* ms: a `wait` that ends sooner than this ... */
#define WAITS_QUICK 8 /* ... so many times in a row means that sekimorid and we disagree: ask more slowly */

enum line_event { EV_HELLO, EV_LOST, EV_DUE, EV_GOOD, EV_BAD, EV_HINT, EV_COUNT };

#define NONE  SK_LINE_NO_DAEMON
#define BACK  SK_LINE_BACKOFF
#define PROBE SK_LINE_PROBE
#define UP    SK_LINE_UP
static const enum sk_line_state NEXT[SK_LINE_COUNT][EV_COUNT] = {
    /*                     HELLO  LOST  DUE    GOOD  BAD   HINT */
    [SK_LINE_NO_DAEMON] = {BACK, NONE, NONE, NONE, NONE, NONE},
    [SK_LINE_BACKOFF] = {BACK, NONE, PROBE, BACK, BACK, PROBE},
    [SK_LINE_PROBE] = {PROBE, NONE, PROBE, UP, BACK, PROBE},
    [SK_LINE_UP] = {UP, NONE, UP, UP, BACK, PROBE},
};
#undef NONE
#undef BACK
#undef PROBE
#undef UP

static const struct sk_backoff_rule DAEMON_RULE = {200, 1000, 30 * 1000};
static const struct sk_backoff_rule LINE_RULE = {1000, 4000, 5 * 60 * 1000};
static const struct sk_backoff_rule REFUSED_RULE = {30 * 1000, 2 * 60 * 1000, 30 * 60 * 1000};

static const struct {
	const struct sk_backoff_rule *rule; /* of the line, when BAD */
	enum line_event event;
	bool refused;
} REACTIONS[SK_OUT_COUNT] = {
    [SK_OUT_OK] = {NULL, EV_GOOD, false},        [SK_OUT_NO_LINE] = {&LINE_RULE, EV_BAD, false},
    [SK_OUT_BUSY] = {&LINE_RULE, EV_BAD, false}, [SK_OUT_REFUSED] = {&REFUSED_RULE, EV_BAD, true},
    [SK_OUT_CONFLICT] = {NULL, EV_GOOD, false},  [SK_OUT_TOO_LARGE] = {NULL, EV_GOOD, false},
    [SK_OUT_MALFORMED] = {NULL, EV_GOOD, false}, /* the server is there; only this answer was nonsense */
};

static void note(struct sk_uplink *u, enum sk_log_level level, const char *text)
{
	if (u->ops->note && text[0])
		u->ops->note(u->ctx, level, text);
}

static void close_lanes(struct sk_uplink *u)
{
	for (int l = 0; l < SK_LANE_COUNT; l++) {
		u->ops->close(u->ctx, l);
		u->busy[l] = SK_JOB_NONE;
	}
}

static void line_event(struct sk_uplink *u, enum line_event ev)
{
	enum sk_line_state before = u->line, after = NEXT[before][ev];

	if (after == before)
		return;
	u->line = after;
	switch (after) {
	case SK_LINE_NO_DAEMON:
		u->waiting = false;
		u->contact[0] = '\0'; /* a new sekimorid knows nothing */
		close_lanes(u);
		break;
	case SK_LINE_BACKOFF:
		u->polled = false;
		if (before != SK_LINE_NO_DAEMON)
			close_lanes(u);
		break;
	case SK_LINE_UP:
		u->line_failures = 0;
		u->line_refused = false;
		u->line_problem.text[0] = '\0';
		note(u, SK_LOG_INFO, "the server answers");
		break;
	default:
		break;
	}
}

/* sekimorid is gone or does not know us yet: try again soon; systemd brings it back within seconds. */
static void lost(struct sk_uplink *u, const struct sk_err *err)
{
	if (u->line != SK_LINE_NO_DAEMON || u->daemon_failures == 0)
		note(u, SK_LOG_NOTICE, err->text);
	line_event(u, EV_LOST);
	u->daemon_failures++;
	u->daemon_at =
	    u->ops->now(u->ctx) + sk_backoff_delay(&DAEMON_RULE, u->daemon_failures, 0, u->ops->random(u->ctx));
}

static void connect_daemon(struct sk_uplink *u)
{
	struct sk_err err = SK_ERR_INIT;

	if (u->ops->open(u->ctx, &err) < 0 || sk_uplink_hello(u, &err) != SK_JOB_DONE) {
		lost(u, &err);
		return;
	}
	u->daemon_failures = 0;
	u->waiting = false;
	line_event(u, EV_HELLO);
}

static void hold(struct sk_uplink *u, enum sk_uplink_job job, sk_ms retry_after, const struct sk_err *err)
{
	u->failures[job]++;
	u->not_before[job] = u->ops->now(u->ctx) +
	                     sk_backoff_delay(SK_JOBS[job].rule, u->failures[job], retry_after, u->ops->random(u->ctx));
	u->problem[job] = *err;
	note(u, SK_LOG_WARNING, err->text);
}

/* What a job's start or finish said. */
static void settle(struct sk_uplink *u, enum sk_uplink_job job, enum sk_job_result r, sk_ms retry_after,
                   const struct sk_err *err)
{
	switch (r) {
	case SK_JOB_DONE:
		u->failures[job] = 0;
		u->problem[job].text[0] = '\0';
		break;
	case SK_JOB_NOTHING:
		break;
	case SK_JOB_BROKEN:
		u->counts.malformed++;
		hold(u, job, retry_after, err);
		break;
	case SK_JOB_HOLD:
		hold(u, job, retry_after, err);
		break;
	case SK_JOB_LOST:
		lost(u, err);
		break;
	}
}

static bool due(const struct sk_uplink *u, enum sk_uplink_job job, sk_ms now)
{
	return SK_JOBS[job].wanted(u) && u->not_before[job] <= now;
}

/* Starts the first job of this lane that has something to do. */
static bool start_lane(struct sk_uplink *u, enum sk_uplink_lane lane)
{
	for (enum sk_uplink_job job = 0; job < SK_JOB_COUNT; job++) {
		struct sk_err err = SK_ERR_INIT;
		enum sk_job_result r;

		if (SK_JOBS[job].lane != lane || !due(u, job, u->ops->now(u->ctx)))
			continue;
		u->started[lane] = u->ops->now(u->ctx);
		r = SK_JOBS[job].start(u, &err);
		if (r == SK_JOB_DONE) {
			u->busy[lane] = job;
			return true;
		}
		settle(u, job, r, 0, &err);
		if (u->line == SK_LINE_NO_DAEMON)
			return false;
	}
	return false;
}

static void start_jobs(struct sk_uplink *u)
{
	bool busy = false;

	for (int l = 0; l < SK_LANE_COUNT; l++)
		busy = busy || u->busy[l] != SK_JOB_NONE;
	if (u->line == SK_LINE_PROBE && busy)
		return;
	for (int l = 0; l < SK_LANE_COUNT && u->line >= SK_LINE_PROBE; l++) {
		if (u->busy[l] != SK_JOB_NONE)
			continue;
		if (start_lane(u, l) && u->line == SK_LINE_PROBE)
			return;
	}
}

static bool wait_wanted(const struct sk_uplink *u)
{
	return u->line != SK_LINE_NO_DAEMON && !u->waiting && !u->want_events && u->busy[SK_LANE_SEND] != SK_JOB_EVENTS;
}

/* While there is something that cannot be sent yet, `wait` would come back at once: so it is asked only when nothing is left. */
static void start_wait(struct sk_uplink *u)
{
	struct sk_err err = SK_ERR_INIT;

	if (!wait_wanted(u) || u->ops->now(u->ctx) < u->wait_at)
		return;
	if (u->ops->wait(u->ctx, SK_UPLINK_WAIT_MS, &err) < 0)
		lost(u, &err);
	u->waiting = u->line != SK_LINE_NO_DAEMON;
	u->waited_from = u->ops->now(u->ctx);
}

/* A `wait` that always comes back at once must not become a hot loop, and must not stop the events either. */
static void pace_wait(struct sk_uplink *u)
{
	static const struct sk_backoff_rule RULE = {200, 400, 5000};
	sk_ms now = u->ops->now(u->ctx);

	u->quick_waits = now - u->waited_from < WAIT_QUICK ? u->quick_waits + 1 : 0;
	if (u->quick_waits > WAITS_QUICK)
		u->wait_at = now + sk_backoff_delay(&RULE, u->quick_waits - WAITS_QUICK, 0, u->ops->random(u->ctx));
}

static const char *first_problem(const struct sk_uplink *u)
{
	static const enum sk_uplink_job ORDER[] = {SK_JOB_EVENTS, SK_JOB_RENEW, SK_JOB_ORDERS, SK_JOB_REPORT};

	if (u->line != SK_LINE_UP)
		return u->line_problem.text;
	for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++)
		if (u->problem[ORDER[i]].text[0])
			return u->problem[ORDER[i]].text;
	return u->refusal.text;
}

/* Tells sekimorid how the line is, when that changed or a poll came home. */
static void tell_contact(struct sk_uplink *u)
{
	const char *state = "offline", *problem = first_problem(u);
	struct sk_err err = SK_ERR_INIT;
	char text[sizeof(u->contact_error)];
	json_t *fields;

	if (u->line == SK_LINE_NO_DAEMON)
		return;
	if (u->line == SK_LINE_UP)
		state = u->chain_refused ? "refused" : "online";
	else if (u->line_refused)
		state = "refused";
	else if (u->line_failures == 0)
		return; /* nothing is known yet */
	sk_text_printable(text, sizeof(text), problem, strlen(problem));
	if (!u->contact_fresh && strcmp(state, u->contact) == 0 && strcmp(text, u->contact_error) == 0)
		return;
	u->contact_fresh = false;
	fields = text[0] ? json_pack("{s:s,s:s}", "state", state, "error", text) : json_pack("{s:s}", "state", state);
	if (!fields || sk_uplink_call(u, "contact", fields, NULL, &err) < 0) {
		lost(u, &err);
		return;
	}
	sk_text_copy(u->contact, sizeof(u->contact), state);
	sk_text_copy(u->contact_error, sizeof(u->contact_error), text);
}

static void arm(struct sk_uplink *u)
{
	sk_ms now = u->ops->now(u->ctx), at = INT64_MAX;

	if (u->line == SK_LINE_NO_DAEMON)
		at = u->daemon_at;
	else if (u->line == SK_LINE_BACKOFF)
		at = u->line_at;
	for (enum sk_uplink_job job = 0; u->line >= SK_LINE_PROBE && job < SK_JOB_COUNT; job++)
		if (u->busy[SK_JOBS[job].lane] == SK_JOB_NONE && SK_JOBS[job].wanted(u) && u->not_before[job] < at)
			at = u->not_before[job];
	if (wait_wanted(u) && u->wait_at < at)
		at = u->wait_at;
	u->ops->timer(u->ctx, at == INT64_MAX ? -1 : at > now ? at - now : 0);
}

static void step(struct sk_uplink *u)
{
	sk_ms now = u->ops->now(u->ctx);

	if (u->line == SK_LINE_NO_DAEMON && now >= u->daemon_at)
		connect_daemon(u);
	if (u->line == SK_LINE_BACKOFF && now >= u->line_at)
		line_event(u, EV_DUE);
	if (u->line >= SK_LINE_PROBE)
		start_jobs(u);
	start_wait(u);
	tell_contact(u);
	arm(u);
}

/* Of a certificate that has run out the other side says little: the handshake just ends. Said here, where it is known. */
static enum sk_outcome explain_expiry(struct sk_uplink *u, enum sk_outcome outcome, struct sk_err *err)
{
	char day[32];

	if (outcome != SK_OUT_NO_LINE || u->ops->wall(u->ctx) <= u->until)
		return outcome;
	sk_clock_format_local(u->until, day, sizeof(day));
	return sk_err_set(err, SK_OUT_REFUSED, "this terminal's certificate ended on %s; run: sekimori enroll --again",
	                  day);
}

static void line_bad(struct sk_uplink *u, enum sk_outcome outcome, sk_ms retry_after, const struct sk_err *err)
{
	if (u->line_failures == 0 || strcmp(err->text, u->line_problem.text) != 0)
		note(u, SK_LOG_WARNING, err->text);
	u->line_failures++;
	u->line_refused = REACTIONS[outcome].refused;
	u->line_problem = *err;
	u->line_at = u->ops->now(u->ctx) +
	             sk_backoff_delay(REACTIONS[outcome].rule, u->line_failures, retry_after, u->ops->random(u->ctx));
	if (u->line_refused)
		u->counts.refused++;
	else
		u->counts.no_line++;
	line_event(u, EV_BAD);
}

void sk_uplink_on_answer(struct sk_uplink *u, enum sk_uplink_lane lane, const struct sk_http_answer *a)
{
	enum sk_uplink_job job = u->busy[lane];
	struct sk_err err = SK_ERR_INIT;
	enum sk_outcome outcome;

	if (job == SK_JOB_NONE)
		return;
	u->busy[lane] = SK_JOB_NONE;
	outcome = sk_answer_outcome(a, &err);
	if (REACTIONS[outcome].event == EV_BAD) {
		outcome = explain_expiry(u, outcome, &err);
		line_bad(u, outcome, a->retry_after, &err);
	} else {
		line_event(u, EV_GOOD);
		settle(u, job, SK_JOBS[job].finish(u, outcome, a, &err), a->retry_after, &err);
	}
	step(u);
}

void sk_uplink_on_wait(struct sk_uplink *u, const json_t *answer)
{
	struct sk_err err = SK_ERR_INIT;
	bool events = false, report = false;

	u->waiting = false;
	pace_wait(u);
	if (!answer || sk_json_bool_opt(answer, "events", &events, &err) < 0 ||
	    sk_json_bool_opt(answer, "report", &report, &err) < 0) {
		(void)sk_err_set(&err, 0, "the connection to sekimorid is lost");
		lost(u, &err);
	} else {
		u->want_events = u->want_events || events;
		if (report)
			settle(u, SK_JOB_REPORT, sk_uplink_fetch_report(u, &err), 0, &err);
	}
	step(u);
}

void sk_uplink_on_timer(struct sk_uplink *u)
{
	step(u);
}

void sk_uplink_on_hint(struct sk_uplink *u)
{
	sk_ms now = u->ops->now(u->ctx);

	if (u->hinted_at > 0 && now - u->hinted_at < HINT_LEAST)
		return;
	u->hinted_at = now;
	u->line_at = u->daemon_at = u->wait_at = 0;
	for (int job = 0; job < SK_JOB_COUNT; job++)
		if (job != SK_JOB_REPORT && job != SK_JOB_RENEW)
			u->not_before[job] = 0;
	if (u->line != SK_LINE_NO_DAEMON)
		close_lanes(u); /* what was open before the sleep may be dead without a sign */
	u->polled = false;
	line_event(u, EV_HINT);
	step(u);
}

void sk_uplink_init(struct sk_uplink *u, const struct sk_uplink_ops *ops, void *ctx, const char *device, sk_ms from,
                    sk_ms until)
{
	memset(u, 0, sizeof(*u));
	u->ops = ops;
	u->ctx = ctx;
	sk_text_copy(u->device, sizeof(u->device), device);
	u->deadline = SK_UPLINK_DEADLINE;
	for (int l = 0; l < SK_LANE_COUNT; l++)
		u->busy[l] = SK_JOB_NONE;
	u->batch_events = SK_UPLINK_BATCH_EVENTS;
	u->batch_bytes = SK_UPLINK_BATCH_BYTES;
	u->report_due = true;
	u->renew_at = sk_backoff_renew_at(from, until, ops->random(ctx));
	u->until = until;
}

void sk_uplink_start(struct sk_uplink *u)
{
	step(u);
}

void sk_uplink_deinit(struct sk_uplink *u)
{
	free(u->report);
	u->report = NULL;
}
