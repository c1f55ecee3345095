/*
 * A fake sekimorid and a fake server for the uplink's state machine: a clock that is moved by hand, a spool in memory, and requests that
 * the test answers. Each operation looks that it is allowed where it comes (no acknowledgement of what does not exist, one request to a lane).
 */
#ifndef SK_TESTS_UPLINK_FAKE_H
#define SK_TESTS_UPLINK_FAKE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/uplink.h"
#include "agent/uplink_jobs.h"

#define DEVICE "0e0f7a52-6a5c-4f3e-9a58-1a6f5a3d9b01"
#define LIFE   (90LL * 86400 * 1000)

struct fake {
	sk_ms now, wall, timer;
	/* sekimorid */
	bool down;
	char device[SK_UUID_LEN];
	int64_t last, acked;
	int policy, grants;
	size_t body; /* bytes of each event's body; 0 = "{}" */
	bool waiting, report_flag, refuse_bundle, same_bundle;
	const char *refuse_only; /* an envelope that is refused; others are taken */
	int opens, waits, calls, contacts, reports, puts, hellos;
	char contact[300];
	/* server */
	struct {
		bool busy;
		char path[128], *body;
	} lane[SK_LANE_COUNT];
	int requests, closes, renewals;
	bool renew_fails;
	sk_ms old_from;
};

static struct fake F;
static struct sk_uplink U;

static json_t *events_after(int64_t after)
{
	json_t *list = json_array();
	char *body = calloc(1, F.body + 3);

	cr_assert_not_null(body);
	memset(body, '"', F.body); /* each is two bytes in JSON */
	if (F.body == 0)
		strcpy(body, "{}");
	for (int64_t s = after + 1; s <= F.last && json_array_size(list) < 400; s++)
		cr_assert_eq(
		    json_array_append_new(list, json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:i}", "seq", (json_int_t)s, "time",
		                                          (json_int_t)5, "kind", "device.decided", "body", body, "prev",
		                                          "p", "hash", "h", "secret", 1)),
		    0);
	free(body);
	return list;
}

static int refuse(struct sk_err *err)
{
	return sk_err_set(err, 1, "invalid: version 3 is not above 4");
}

static int f_call(void *ctx, const json_t *q, json_t **answer, struct sk_err *err)
{
	const char *op = json_string_value(json_object_get(q, "op"));

	(void)ctx;
	F.calls++;
	if (F.down)
		return sk_err_set(err, -EPIPE, "gone");
	if (!strcmp(op, "hello")) {
		F.hellos++;
		*answer = json_pack("{s:b,s:s,s:{s:i,s:i},s:I,s:I}", "ok", 1, "device_id", F.device, "versions",
		                    "policy", F.policy, "grants", F.grants, "last_seq", (json_int_t)F.last, "acked_seq",
		                    (json_int_t)F.acked);
	} else if (!strcmp(op, "spool.read")) {
		*answer = json_pack("{s:b,s:o}", "ok", 1, "events",
		                    events_after(json_integer_value(json_object_get(q, "after"))));
	} else if (!strcmp(op, "spool.ack")) {
		int64_t n = json_integer_value(json_object_get(q, "seq"));

		cr_assert(n > F.acked && n <= F.last, "ack of %lld", (long long)n);
		F.acked = n;
		*answer = json_pack("{s:b}", "ok", 1);
	} else if (!strcmp(op, "report")) {
		F.reports++;
		F.report_flag = false;
		*answer = json_pack("{s:b,s:{s:i}}", "ok", 1, "report", "n", F.reports);
	} else if (!strcmp(op, "bundle.put")) {
		F.puts++;
		if (F.refuse_bundle ||
		    (F.refuse_only && strcmp(F.refuse_only, json_string_value(json_object_get(q, "envelope"))) == 0))
			return refuse(err);
		if (!F.same_bundle)
			F.grants++;
		*answer = json_pack("{s:b,s:s}", "ok", 1, "result", F.same_bundle ? "same" : "applied");
	} else if (!strcmp(op, "contact")) {
		const char *e = json_string_value(json_object_get(q, "error"));

		F.contacts++;
		(void)snprintf(F.contact, sizeof(F.contact), "%s%s%s", json_string_value(json_object_get(q, "state")),
		               e ? " " : "", e ? e : "");
		*answer = json_pack("{s:b}", "ok", 1);
	} else {
		cr_assert_fail("unknown op %s", op);
	}
	cr_assert_not_null(*answer);
	return 0;
}

static int f_open(void *ctx, struct sk_err *err)
{
	(void)ctx;
	F.opens++;
	F.waiting = false;
	return F.down ? sk_err_set(err, -ENOENT, "no sekimorid") : 0;
}

static int f_wait(void *ctx, int ms, struct sk_err *err)
{
	(void)ctx;
	cr_assert_gt(ms, 60000);
	cr_assert_not(F.waiting, "two waits at once");
	if (F.down)
		return sk_err_set(err, -EPIPE, "gone");
	F.waiting = true;
	F.waits++;
	return 0;
}

static int f_request(void *ctx, enum sk_uplink_lane lane, const struct sk_uplink_request *r, struct sk_err *err)
{
	(void)ctx;
	(void)err;
	cr_assert_not(F.lane[lane].busy, "two requests on one lane");
	F.requests++;
	F.lane[lane].busy = true;
	(void)snprintf(F.lane[lane].path, sizeof(F.lane[lane].path), "%s", r->path);
	free(F.lane[lane].body);
	F.lane[lane].body = strdup(r->body ? r->body : "");
	cr_assert_gt(r->deadline, 1000);
	return 0;
}

static void f_close(void *ctx, enum sk_uplink_lane lane)
{
	(void)ctx;
	F.closes++;
	F.lane[lane].busy = false;
}

static void f_timer(void *ctx, sk_ms delay)
{
	(void)ctx;
	F.timer = delay < 0 ? -1 : F.now + delay;
}

static sk_ms f_now(void *ctx)
{
	(void)ctx;
	return F.now;
}

static sk_ms f_wall(void *ctx)
{
	(void)ctx;
	return F.wall + F.now;
}

static uint32_t f_random(void *ctx)
{
	static uint32_t s = 5;

	(void)ctx;
	s = s * 1664525U + 1013904223U;
	return s;
}

static int f_renew_begin(void *ctx, struct sk_buf *csr, struct sk_err *err)
{
	(void)ctx;
	(void)err;
	return sk_buf_adds(csr, "CSR");
}

static int f_renew_finish(void *ctx, const char *cert, sk_ms *from, sk_ms *until, struct sk_err *err)
{
	(void)ctx;
	(void)cert;
	if (F.renew_fails)
		return sk_err_set(err, -EINVAL, "the certificate is for another key");
	F.renewals++;
	*from = f_wall(NULL) - F.old_from;
	*until = *from + LIFE;
	return 0;
}

static const struct sk_uplink_ops OPS = {f_call, f_open, f_wait,   f_request,     f_close,        f_timer,
                                         f_now,  f_wall, f_random, f_renew_begin, f_renew_finish, NULL};

static void setup(void)
{
	memset(&F, 0, sizeof(F));
	(void)snprintf(F.device, sizeof(F.device), "%s", DEVICE);
	F.now = 1000000;
	F.wall = 1700000000000LL;
	F.timer = -1;
	F.grants = 4;
	F.policy = 2;
	sk_uplink_init(&U, &OPS, NULL, DEVICE, F.wall, F.wall + LIFE);
}

static void teardown(void)
{
	sk_uplink_deinit(&U);
	for (int l = 0; l < SK_LANE_COUNT; l++)
		free(F.lane[l].body);
}

static void reply(enum sk_uplink_lane lane, int status, const char *body)
{
	struct sk_http_answer a = {.status = status,
	                           .type = body[0] ? "application/json" : NULL,
	                           .body = body,
	                           .len = strlen(body),
	                           .problem = "no route to the server"};

	cr_assert(F.lane[lane].busy, "nothing was asked");
	F.lane[lane].busy = false;
	sk_uplink_on_answer(&U, lane, &a);
}

static void wait_says(bool events, bool report)
{
	json_t *a = json_pack("{s:b,s:b,s:b}", "ok", 1, "events", events, "report", report);

	cr_assert(F.waiting);
	F.waiting = false;
	F.report_flag = report;
	sk_uplink_on_wait(&U, a);
	json_decref(a);
}

/* Lets time pass until the machine's own timer fires. */
static sk_ms tick(void)
{
	sk_ms waited = F.timer - F.now;

	cr_assert_geq(F.timer, F.now, "no timer is set");
	F.now = F.timer;
	F.timer = -1;
	sk_uplink_on_timer(&U);
	return waited;
}

static bool asked(enum sk_uplink_lane lane, const char *path)
{
	return F.lane[lane].busy && strncmp(F.lane[lane].path, path, strlen(path)) == 0;
}

#define REPORTED "{\"server_time\":1}"

/* Online, the first report sent, nothing to do, the long poll out. */
static void online(void)
{
	sk_uplink_start(&U);
	cr_assert(asked(SK_LANE_SEND, "/v1/report"));
	reply(SK_LANE_SEND, 200, REPORTED);
	while (asked(SK_LANE_SEND, "/v1/events")) {
		char ack[64];

		(void)snprintf(ack, sizeof(ack), "{\"acked\":%lld}", (long long)F.last);
		reply(SK_LANE_SEND, 200, ack);
	}
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=4&wait=0"));
	reply(SK_LANE_ORDERS, 204, "");
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=4&wait=50"));
	cr_assert_eq(U.line, SK_LINE_UP);
	cr_assert(F.waiting);
	cr_assert_str_eq(F.contact, "online");
}

#endif
