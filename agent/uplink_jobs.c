/* The jobs but events (uplink_events.c), and what they share. Every value from the server passed uplink_answer.c; every position it names is compared with what sekimorid has. */
#include "agent/uplink_jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

#define RENEW_LEAST (10 * 60 * 1000LL) /* ms between two renewals, whatever life the server gives a certificate */
#define QUICK_POLL  1000 /* ms: a long poll that comes back empty sooner than this was none */

static const struct sk_backoff_rule HOLD_RULE = {10 * 1000, 60 * 1000, 30 * 60 * 1000};
static const struct sk_backoff_rule POLL_RULE = {1000, 2000, 5 * 60 * 1000};

int sk_uplink_call(struct sk_uplink *u, const char *op, json_t *fields, json_t **answer, struct sk_err *err)
{
	json_t *request = fields ? fields : json_object(), *a = NULL;
	int r;

	if (!request || json_object_set_new(request, "op", json_string(op)) < 0) {
		json_decref(request);
		return sk_err_set(err, -ENOMEM, "out of memory asking sekimorid (%s)", op);
	}
	r = u->ops->call(u->ctx, request, &a, err);
	json_decref(request);
	if (r != 0)
		return sk_err_prefix(err, r, "sekimorid, %s", op);
	if (answer)
		*answer = a;
	else
		json_decref(a);
	return 0;
}

/* As a job's result: refused by sekimorid means held, a broken connection means lost. */
enum sk_job_result sk_job_from_call(int r)
{
	return r == 0 ? SK_JOB_DONE : r > 0 ? SK_JOB_HOLD : SK_JOB_LOST;
}

/* What was refused and is held now, or superseded, is no problem any more. */
static void take_versions(struct sk_uplink *u, long long policy, long long grants)
{
	bool open = false;

	u->held[SK_BUNDLE_POLICY] = policy;
	u->held[SK_BUNDLE_GRANTS] = grants;
	for (int k = 0; k < SK_BUNDLE_KINDS; k++) {
		if (u->refused[k].version <= u->held[k])
			u->refused[k].version = u->refused[k].times = 0;
		open = open || u->refused[k].version > 0;
	}
	if (!open)
		u->refusal.text[0] = '\0';
}

enum sk_job_result sk_uplink_hello(struct sk_uplink *u, struct sk_err *err)
{
	json_t *a = NULL, *versions = NULL;
	const char *device = NULL;
	long long policy = 0, grants = 0, last = 0, acked = 0;
	int r = sk_uplink_call(u, "hello", NULL, &a, err);

	if (r != 0)
		return sk_job_from_call(r);
	if (sk_json_str_opt(a, "device_id", SK_UUID_LEN, &device, err) == 0 &&
	    sk_json_obj(a, "versions", &versions, err) == 0 &&
	    sk_json_int(versions, "policy", 0, INT64_MAX, &policy, err) == 0 &&
	    sk_json_int(versions, "grants", 0, INT64_MAX, &grants, err) == 0 &&
	    sk_json_int(a, "last_seq", 0, INT64_MAX, &last, err) == 0 &&
	    sk_json_int(a, "acked_seq", 0, last, &acked, err) == 0) {
		if (!sk_text_eq(device, u->device))
			r = sk_err_set(err, 1, "sekimorid is not enrolled as %s; run: sekimori enroll", u->device);
	} else {
		r = sk_err_prefix(err, 1, "sekimorid, hello");
	}
	json_decref(a);
	if (r != 0)
		return SK_JOB_HOLD;
	take_versions(u, policy, grants);
	u->known_last = last;
	if (u->line == SK_LINE_NO_DAEMON || acked > u->daemon_acked)
		u->cursor = acked;
	u->daemon_acked = acked;
	u->want_events = u->want_events || last > u->cursor;
	return SK_JOB_DONE;
}

enum sk_job_result sk_job_request(struct sk_uplink *u, enum sk_uplink_lane lane, const char *path, const char *body,
                                  sk_ms deadline, struct sk_err *err)
{
	struct sk_uplink_request r = {body ? "POST" : "GET", path, body, body ? strlen(body) : 0, deadline};

	return u->ops->request(u->ctx, lane, &r, err) < 0 ? SK_JOB_HOLD : SK_JOB_DONE;
}

/* ---- report ---- */

static bool report_wanted(const struct sk_uplink *u)
{
	return u->report || u->report_due || u->ops->now(u->ctx) >= u->heartbeat_at;
}

enum sk_job_result sk_uplink_fetch_report(struct sk_uplink *u, struct sk_err *err)
{
	json_t *a = NULL, *report = NULL;
	char *text;
	int r = sk_uplink_call(u, "report", NULL, &a, err);

	if (r != 0)
		return sk_job_from_call(r);
	text = sk_json_obj(a, "report", &report, err) == 0 ? sk_json_text(report) : NULL;
	json_decref(a);
	if (!text)
		return sk_err_prefix(err, SK_JOB_HOLD, "sekimorid, report");
	free(u->report);
	u->report = text;
	return SK_JOB_NOTHING;
}

static enum sk_job_result report_start(struct sk_uplink *u, struct sk_err *err)
{
	if (!u->report) {
		enum sk_job_result r = sk_uplink_fetch_report(u, err);

		if (r != SK_JOB_NOTHING)
			return r;
	}
	return sk_job_request(u, SK_LANE_SEND, "/v1/report", u->report, u->deadline, err);
}

static enum sk_job_result report_finish(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
                                        struct sk_err *err)
{
	sk_ms now = u->ops->now(u->ctx), t = 0;

	if (outcome != SK_OUT_OK || sk_answer_report(a, &t, err) < 0)
		return SK_JOB_BROKEN;
	free(u->report);
	u->report = NULL;
	u->report_due = false;
	u->not_before[SK_JOB_REPORT] = now + SK_UPLINK_REPORT_LEAST;
	u->heartbeat_at = now + SK_UPLINK_REPORT_MOST - (sk_ms)(u->ops->random(u->ctx) % (SK_UPLINK_REPORT_MOST / 5));
	u->counts.reports++;
	return SK_JOB_DONE;
}

/* ---- orders ---- */

static bool orders_wanted(const struct sk_uplink *u)
{
	(void)u;
	return true;
}

/* The version to ask beyond: what is held, or what was refused and need not be sent again yet. */
static long long beyond(const struct sk_uplink *u, enum sk_bundle_kind k)
{
	bool rest = u->refused[k].version > u->held[k] && u->ops->now(u->ctx) < u->refused[k].until;

	return rest ? u->refused[k].version : u->held[k];
}

static enum sk_job_result orders_start(struct sk_uplink *u, struct sk_err *err)
{
	char path[128];

	u->poll_wait = u->polled ? SK_UPLINK_POLL_S : 0;
	(void)snprintf(path, sizeof(path), "/v1/orders?policy=%lld&grants=%lld&wait=%d", beyond(u, SK_BUNDLE_POLICY),
	               beyond(u, SK_BUNDLE_GRANTS), u->poll_wait);
	return sk_job_request(u, SK_LANE_ORDERS, path, NULL, u->poll_wait * 1000LL + u->deadline, err);
}

/* Remembers a refused bundle by the kind and version it says it has: they only keep it from being sent again at once. False when it does not
 * even say that. */
static bool remember_refusal(struct sk_uplink *u, const char *envelope, const struct sk_err *why)
{
	json_t *e = NULL, *p = NULL;
	const char *payload = NULL, *kind = NULL;
	long long version = 0;
	struct sk_buf b;
	bool known;

	sk_buf_init(&b, SK_BUNDLE_MAX);
	known = sk_json_parse(envelope, strlen(envelope), SK_BUNDLE_MAX, &e, NULL) == 0 &&
	        sk_json_str(e, "payload", 1, SK_BUNDLE_MAX, &payload, NULL) == 0 &&
	        sk_b64_decode(&b, payload, strlen(payload)) == 0 &&
	        sk_json_parse(b.data, b.len, SK_BUNDLE_MAX, &p, NULL) == 0 &&
	        sk_json_str(p, "kind", 1, 15, &kind, NULL) == 0 &&
	        sk_json_int(p, "version", 1, INT64_MAX, &version, NULL) == 0;
	if (known) {
		int k = strcmp(kind, "policy") == 0 ? SK_BUNDLE_POLICY : SK_BUNDLE_GRANTS;

		known = (k == SK_BUNDLE_POLICY || strcmp(kind, "grants") == 0) && version > u->held[k];
		if (known) {
			u->refused[k].times = u->refused[k].version == version ? u->refused[k].times + 1 : 1;
			u->refused[k].version = version;
			u->refused[k].until = u->ops->now(u->ctx) + sk_backoff_delay(&HOLD_RULE, u->refused[k].times, 0,
			                                                             u->ops->random(u->ctx));
			u->refusal = *why;
		}
	}
	json_decref(e);
	json_decref(p);
	sk_buf_deinit(&b);
	return known;
}

/* Hands one envelope over. DONE, LOST, or HOLD: refused in a way that cannot be waited out by version. */
static enum sk_job_result put_bundle(struct sk_uplink *u, const json_t *envelope, size_t *taken, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	const char *result = "";
	json_t *a = NULL;
	int r = sk_uplink_call(u, "bundle.put", json_pack("{s:O}", "envelope", envelope), &a, &why);

	if (r < 0) {
		*err = why;
		return SK_JOB_LOST;
	}
	if (r > 0) {
		u->counts.bundles_refused++;
		if (u->ops->note)
			u->ops->note(u->ctx, SK_LOG_WARNING, why.text);
		if (remember_refusal(u, json_string_value(envelope), &why)) {
			(*taken)++;
			return SK_JOB_DONE;
		}
		*err = why;
		return SK_JOB_HOLD;
	}
	(void)sk_json_str_opt(a, "result", 16, &result, NULL);
	if (strcmp(result, "applied") == 0) {
		u->counts.bundles++;
		(*taken)++;
	}
	json_decref(a);
	return SK_JOB_DONE;
}

/* *taken: how many will not come again with the next poll. */
static enum sk_job_result put_bundles(struct sk_uplink *u, const json_t *bundles, size_t *taken, struct sk_err *err)
{
	enum sk_job_result worst = SK_JOB_DONE;
	const json_t *envelope;
	size_t i;

	json_array_foreach(bundles, i, envelope)
	{
		enum sk_job_result r = put_bundle(u, envelope, taken, err);

		if (r == SK_JOB_LOST)
			return r;
		if (r == SK_JOB_HOLD)
			worst = r;
	}
	return worst;
}

static enum sk_job_result orders_finish(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
                                        struct sk_err *err)
{
	sk_ms took = u->ops->now(u->ctx) - u->started[SK_LANE_ORDERS];
	enum sk_job_result r, h;
	json_t *bundles = NULL;
	size_t taken = 0, n;

	if (outcome != SK_OUT_OK || sk_answer_orders(a, &bundles, err) < 0)
		return SK_JOB_BROKEN;
	u->polled = true;
	u->contact_fresh = true;
	n = json_array_size(bundles);
	r = put_bundles(u, bundles, &taken, err);
	json_decref(bundles);
	if (r == SK_JOB_LOST)
		return r;
	if (n > 0) { /* versions as sekimorid has them now */
		struct sk_err lost = SK_ERR_INIT;

		h = sk_uplink_hello(u, &lost);
		if (h != SK_JOB_DONE) {
			*err = lost;
			return SK_JOB_LOST;
		}
	}
	if (r == SK_JOB_DONE && taken == 0 && n > 0)
		return sk_err_set(err, SK_JOB_HOLD, "the server sent %zu orders that sekimorid has already", n);
	if (n == 0 && u->poll_wait > 0 && took < QUICK_POLL)
		return sk_err_set(err, SK_JOB_HOLD, "the server ended a long poll after %lld ms", (long long)took);
	return r;
}

/* ---- renewal ---- */

static bool renew_wanted(const struct sk_uplink *u)
{
	return u->renew_at > 0 && u->ops->wall(u->ctx) >= u->renew_at;
}

static enum sk_job_result renew_start(struct sk_uplink *u, struct sk_err *err)
{
	enum sk_job_result r = SK_JOB_HOLD;
	json_t *doc = NULL;
	char *text = NULL;
	struct sk_buf csr;

	sk_buf_init(&csr, 16 * 1024);
	if (u->ops->renew_begin(u->ctx, &csr, err) == 0) {
		doc = json_pack("{s:s}", "csr", csr.data);
		text = doc ? sk_json_text(doc) : NULL;
		if (text)
			r = sk_job_request(u, SK_LANE_SEND, "/v1/renew", text, u->deadline, err);
	}
	free(text);
	json_decref(doc);
	sk_buf_deinit(&csr);
	return r;
}

static enum sk_job_result renew_finish(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
                                       struct sk_err *err)
{
	const char *pem = NULL;
	json_t *doc = NULL;
	sk_ms from = 0, until = 0;
	int r;

	if (outcome != SK_OUT_OK || sk_answer_renewed(a, &doc, &pem, err) < 0)
		return SK_JOB_BROKEN;
	r = u->ops->renew_finish(u->ctx, pem, &from, &until, err);
	json_decref(doc);
	if (r < 0)
		return SK_JOB_BROKEN;
	u->renew_at = sk_backoff_renew_at(from, until, u->ops->random(u->ctx));
	u->until = until;
	u->not_before[SK_JOB_RENEW] = u->ops->now(u->ctx) + RENEW_LEAST;
	u->counts.renewals++;
	for (int l = 0; l < SK_LANE_COUNT; l++) { /* the next connections show the new certificate */
		u->ops->close(u->ctx, l);
		u->busy[l] = SK_JOB_NONE;
	}
	return SK_JOB_DONE;
}

const struct sk_job_row SK_JOBS[SK_JOB_COUNT] = {
    [SK_JOB_RENEW] = {"renew", SK_LANE_SEND, &HOLD_RULE, renew_wanted, renew_start, renew_finish},
    [SK_JOB_REPORT] = {"report", SK_LANE_SEND, &HOLD_RULE, report_wanted, report_start, report_finish},
    [SK_JOB_EVENTS] = {"events", SK_LANE_SEND, &HOLD_RULE, sk_events_wanted, sk_events_start, sk_events_finish},
    [SK_JOB_ORDERS] = {"orders", SK_LANE_ORDERS, &POLL_RULE, orders_wanted, orders_start, orders_finish},
};
