/*
 * The job that matters most: events go up in batches and leave the spool only when the server says that it has committed them. What it
 * says is compared with what exists here: it cannot acknowledge what was never recorded.
 */
#include "agent/uplink_jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

bool sk_events_wanted(const struct sk_uplink *u)
{
	return u->want_events;
}

/* Takes over the fields of the protocol and no other; false when an event is not of the form or not the next one. */
static bool add_event(json_t *out, const json_t *e, int64_t *last)
{
	static const char *const FIELDS[] = {"seq", "time", "kind", "body", "prev", "hash"};
	json_t *copy = json_object();
	long long seq = 0;

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++) {
		json_t *v = json_object_get(e, FIELDS[i]);

		if (!v || json_object_set(copy, FIELDS[i], v) < 0) {
			json_decref(copy);
			return false;
		}
	}
	if (sk_json_int(copy, "seq", *last + 1, INT64_MAX, &seq, NULL) < 0 || json_array_append_new(out, copy) < 0) {
		json_decref(copy);
		return false;
	}
	*last = seq;
	return true;
}

/* The body for the first n of the events at most; NULL when one is not of the form. u->batch_last becomes the last one in it. */
static char *batch_text(struct sk_uplink *u, const json_t *events, size_t n)
{
	json_t *doc = json_object(), *list = json_array();
	char *text = NULL;
	bool good = doc && list && json_object_set_new(doc, "events", list) == 0;

	u->batch_last = u->cursor;
	for (size_t i = 0; good && i < n; i++)
		good = add_event(list, json_array_get(events, i), &u->batch_last);
	if (good)
		text = sk_json_text(doc);
	json_decref(doc);
	return text;
}

/* Written as JSON the events can be longer than they are in the spool: then fewer go, at once and not after a wait. */
static enum sk_job_result post_events(struct sk_uplink *u, const json_t *events, struct sk_err *err)
{
	size_t n = json_array_size(events) < u->batch_events ? json_array_size(events) : u->batch_events;
	enum sk_job_result r;
	char *text = batch_text(u, events, n);

	while (text && strlen(text) > SK_ANSWER_MAX && n > 1) {
		free(text);
		n = (n + 1) / 2;
		text = batch_text(u, events, n);
	}
	if (!text)
		return sk_err_set(err, SK_JOB_HOLD,
		                  "sekimorid, spool.read: an event after %lld is not of the known form",
		                  (long long)u->batch_last);
	if (strlen(text) > SK_ANSWER_MAX) {
		free(text);
		return sk_err_set(err, SK_JOB_HOLD, "event %lld is larger than a message may be; it is kept",
		                  (long long)u->batch_last);
	}
	if (u->batch_last > u->known_last)
		u->known_last = u->batch_last;
	r = sk_job_request(u, SK_LANE_SEND, "/v1/events", text, u->deadline, err);
	free(text);
	if (r == SK_JOB_DONE)
		u->counts.sent += n;
	return r;
}

enum sk_job_result sk_events_start(struct sk_uplink *u, struct sk_err *err)
{
	json_t *a = NULL, *events = NULL;
	enum sk_job_result r;
	int c = sk_uplink_call(
	    u, "spool.read",
	    json_pack("{s:I,s:I}", "after", (json_int_t)u->cursor, "max_bytes", (json_int_t)u->batch_bytes), &a, err);

	if (c != 0)
		return sk_job_from_call(c);
	if (sk_json_arr(a, "events", 100000, &events, err) < 0) {
		json_decref(a);
		return SK_JOB_HOLD;
	}
	if (json_array_size(events) == 0) {
		u->want_events = false;
		json_decref(a);
		return SK_JOB_NOTHING;
	}
	r = post_events(u, events, err);
	json_decref(a);
	return r;
}

/* The server holds everything up to n; n is above our cursor and not above what exists here. */
static enum sk_job_result take_ack(struct sk_uplink *u, int64_t n, struct sk_err *err)
{
	if (n > u->daemon_acked) {
		int r = sk_uplink_call(u, "spool.ack", json_pack("{s:I}", "seq", (json_int_t)n), NULL, err);

		if (r != 0)
			return sk_job_from_call(r);
		u->counts.acked += (uint64_t)(n - u->daemon_acked);
		u->daemon_acked = n;
	}
	u->cursor = n;
	u->chain_refused = false;
	u->batch_events = SK_UPLINK_BATCH_EVENTS;
	u->batch_bytes = SK_UPLINK_BATCH_BYTES;
	return SK_JOB_DONE;
}

static enum sk_job_result events_conflict(struct sk_uplink *u, const struct sk_http_answer *a, struct sk_err *err)
{
	const char *code = NULL;
	int64_t n = 0;

	if (sk_answer_refusal(a, &code, &n, err) < 0)
		return SK_JOB_BROKEN;
	/* Beside a fork its number says nothing of the records here: they stay until somebody has looked. */
	if (n > u->cursor && n <= u->known_last &&
	    strcmp(code, "chain-fork") != 0) { /* it holds more than was acked here: an answer got lost before */
		u->rewound = false;
		return take_ack(u, n, err);
	}
	if (n < u->cursor && !u->rewound &&
	    strcmp(code, "chain-gap") == 0) { /* it lost events (restored): they are sent once more */
		u->rewound = true;
		u->cursor = n;
		return SK_JOB_DONE;
	}
	u->chain_refused = true;
	if (n > u->known_last)
		return sk_err_set(
		    err, SK_JOB_HOLD,
		    "the server refuses the events (%s): it holds %lld of them, this terminal has only %lld; was "
		    "its journal replaced? Ask the helpdesk",
		    code, (long long)n, (long long)u->known_last);
	return sk_err_set(err, SK_JOB_HOLD,
	                  "the server refuses the events after %lld (%s); they are kept. Ask the helpdesk",
	                  (long long)n, code);
}

enum sk_job_result sk_events_finish(struct sk_uplink *u, enum sk_outcome outcome, const struct sk_http_answer *a,
                                    struct sk_err *err)
{
	int64_t n = 0;

	if (outcome == SK_OUT_CONFLICT)
		return events_conflict(u, a, err);
	if (outcome == SK_OUT_TOO_LARGE && u->batch_events > 1) {
		u->batch_events = (u->batch_events + 1) / 2;
		u->batch_bytes = u->batch_bytes / 2 > 64 * 1024 ? u->batch_bytes / 2 : 64 * 1024;
		return SK_JOB_DONE;
	}
	if (outcome != SK_OUT_OK || sk_answer_acked(a, &n, err) < 0)
		return SK_JOB_BROKEN;
	if (n <= u->cursor || n > u->known_last)
		return sk_err_set(err, SK_JOB_BROKEN,
		                  "the server acknowledged event %lld after a batch that ends at %lld; not believed",
		                  (long long)n, (long long)u->batch_last);
	u->rewound = false;
	return take_ack(u, n, err);
}
