/*
 * The state machine against a fake sekimorid and a fake server: a clock that is moved by hand, a spool in memory, and requests that
 * the test answers. What is looked at: nothing is acknowledged before the server has it, nothing is dropped, nothing loops hot.
 */
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
	bool waiting, report_flag, refuse_bundle, same_bundle;
	int opens, waits, calls, contacts, reports, puts, hellos;
	char contact[300];
	/* server */
	struct {
		bool busy;
		char path[128], *body;
	} lane[SK_LANE_COUNT];
	int requests, closes, renewals;
	bool renew_fails;
};

static struct fake F;
static struct sk_uplink U;

static json_t *events_after(int64_t after)
{
	json_t *list = json_array();

	for (int64_t s = after + 1; s <= F.last && json_array_size(list) < 400; s++)
		cr_assert_eq(
		    json_array_append_new(list, json_pack("{s:I,s:I,s:s,s:s,s:s,s:s,s:i}", "seq", (json_int_t)s, "time",
		                                          (json_int_t)5, "kind", "device.decided", "body", "{}", "prev",
		                                          "p", "hash", "h", "secret", 1)),
		    0);
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
		if (F.refuse_bundle)
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
	*from = f_wall(NULL);
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

Test(uplink, comes_up_with_one_request_at_first, .init = setup, .fini = teardown)
{
	sk_uplink_start(&U);
	cr_assert_eq(F.requests, 1, "a probe is one request");
	cr_assert_eq(U.line, SK_LINE_PROBE);
	reply(SK_LANE_SEND, 200, REPORTED);
	cr_assert_eq(U.line, SK_LINE_UP);
	cr_assert(F.lane[SK_LANE_ORDERS].busy);
}

Test(uplink, idle_is_silent, .init = setup, .fini = teardown)
{
	int calls, requests;

	online();
	calls = F.calls;
	requests = F.requests;
	cr_assert_eq(F.timer, -1, "no timer");
	for (int i = 0; i < 6; i++) {
		F.now += 50000;
		reply(SK_LANE_ORDERS, 204, "");
	}
	cr_assert_eq(F.requests, requests + 6);
	cr_assert_leq(F.calls, calls + 6, "one contact for each poll and no more");
}

Test(uplink, events_are_acked_only_after_the_server_has_them, .init = setup, .fini = teardown)
{
	online();
	F.last = 3;
	wait_says(true, false);
	cr_assert(asked(SK_LANE_SEND, "/v1/events"));
	cr_assert_eq(F.acked, 0);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":3"));
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "secret"), "only the protocol's fields go out");
	reply(SK_LANE_SEND, 200, "{\"acked\":3}");
	cr_assert_eq(F.acked, 3);
	cr_assert(F.waiting);
	cr_assert_not(F.lane[SK_LANE_SEND].busy);
}

Test(uplink, batches_are_bounded_and_partial_acks_go_on_from_there, .init = setup, .fini = teardown)
{
	online();
	F.last = 600;
	wait_says(true, false);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":256,"));
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":257,"));
	reply(SK_LANE_SEND, 200, "{\"acked\":100}");
	cr_assert_eq(F.acked, 100);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":101,"));
	reply(SK_LANE_SEND, 200, "{\"acked\":356}");
	reply(SK_LANE_SEND, 200, "{\"acked\":600}");
	cr_assert_eq(F.acked, 600);
	cr_assert_not(F.lane[SK_LANE_SEND].busy);
}

Test(uplink, a_dead_server_costs_few_tries_and_loses_nothing, .init = setup, .fini = teardown)
{
	int tries;

	online();
	F.last = 5;
	wait_says(true, false);
	reply(SK_LANE_SEND, 0, "");
	cr_assert_eq(U.line, SK_LINE_BACKOFF);
	cr_assert_not(F.lane[SK_LANE_ORDERS].busy, "the long poll is closed too");
	cr_assert_str_eq(F.contact, "offline no route to the server");
	tries = F.requests;
	for (sk_ms end = F.now + 3600000; F.now < end;) {
		sk_ms waited = tick();

		cr_assert(waited >= 1000 && waited <= 300000);
		cr_assert(F.lane[SK_LANE_SEND].busy, "events, or the heartbeat's report");
		cr_assert_not(F.lane[SK_LANE_ORDERS].busy);
		reply(SK_LANE_SEND, 0, "");
	}
	cr_assert_lt(F.requests - tries, 60, "%d tries in an hour", F.requests - tries);
	cr_assert_eq(F.acked, 0);
	tick();
	if (asked(SK_LANE_SEND, "/v1/report"))
		reply(SK_LANE_SEND, 200, REPORTED);
	reply(SK_LANE_SEND, 200, "{\"acked\":5}");
	cr_assert_eq(F.acked, 5);
	cr_assert_str_eq(F.contact, "online");
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders"));
	cr_assert_eq(U.line_failures, 0);
}

Test(uplink, retry_after_is_honoured, .init = setup, .fini = teardown)
{
	struct sk_http_answer a = {.status = 503, .body = "", .retry_after = 120000};

	online();
	F.lane[SK_LANE_ORDERS].busy = false;
	sk_uplink_on_answer(&U, SK_LANE_ORDERS, &a);
	cr_assert_geq(F.timer - F.now, 120000);
}

Test(uplink, a_refused_terminal_waits_long_and_says_so, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 403, "{\"error\":\"revoked\",\"text\":\"this terminal was removed\"}");
	cr_assert_eq(strncmp(F.contact, "refused ", 8), 0, "%s", F.contact);
	cr_assert_not_null(strstr(F.contact, "this terminal was removed"));
	cr_assert_geq(F.timer - F.now, 30000);
}

Test(uplink, malformed_answers_are_dropped_counted_and_retried, .init = setup, .fini = teardown)
{
	static const char *const BAD[] = {
	    "{}", "[]", "{\"acked\":0}", "{\"acked\":99}", "{\"acked\":-1}", "{\"acked\":\"5\"}", "{\"acked\":5}x"};
	sk_ms last = 0;

	online();
	F.last = 5;
	wait_says(true, false);
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		reply(SK_LANE_SEND, 200, BAD[i]);
		cr_assert_eq(F.acked, 0, "%s", BAD[i]);
		cr_assert_eq(U.counts.malformed, i + 1);
		cr_assert_eq(U.line, SK_LINE_UP, "the other lane goes on");
		cr_assert(F.lane[SK_LANE_ORDERS].busy);
		cr_assert_eq(strncmp(F.contact, "online ", 7), 0, "%s", F.contact);
		last = F.now;
		while (!asked(SK_LANE_SEND, "/v1/events"))
			tick();
		cr_assert_geq(F.now - last, 10000);
	}
	reply(SK_LANE_SEND, 200, "{\"acked\":5}");
	cr_assert_eq(F.acked, 5);
	cr_assert_str_eq(F.contact, "online");
}

Test(uplink, a_refused_chain_is_told_and_the_events_are_kept, .init = setup, .fini = teardown)
{
	online();
	F.last = 5;
	wait_says(true, false);
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-fork\",\"acked\":0}");
	cr_assert_eq(strncmp(F.contact, "refused ", 8), 0, "%s", F.contact);
	cr_assert_not_null(strstr(F.contact, "chain-fork"));
	cr_assert_eq(F.acked, 0);
	cr_assert(F.lane[SK_LANE_ORDERS].busy, "orders still arrive");
	cr_assert_not(F.waiting, "wait would come back at once");
	F.now += 5000;
	reply(SK_LANE_ORDERS, 204, "");
	cr_assert_eq(strncmp(F.contact, "refused ", 8), 0);
	while (!asked(SK_LANE_SEND, "/v1/events"))
		tick();
	reply(SK_LANE_SEND, 200, "{\"acked\":5}");
	cr_assert_str_eq(F.contact, "online");
}

Test(uplink, an_acknowledgement_that_got_lost_is_made_up_for, .init = setup, .fini = teardown)
{
	online();
	F.last = 9;
	wait_says(true, false);
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-gap\",\"acked\":7}");
	cr_assert_eq(F.acked, 7);
	cr_assert(asked(SK_LANE_SEND, "/v1/events"));
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":8,"));
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":7,"));
}

Test(uplink, a_server_ahead_of_the_journal_is_a_refusal, .init = setup, .fini = teardown)
{
	online();
	F.last = 9;
	wait_says(true, false);
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-fork\",\"acked\":70}");
	cr_assert_eq(F.acked, 0);
	cr_assert_not_null(strstr(F.contact, "journal"));
}

Test(uplink, a_restored_server_gets_the_old_events_again, .init = setup, .fini = teardown)
{
	F.last = F.acked = 20;
	online();
	F.last = 22;
	wait_says(true, false);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":21,"));
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-gap\",\"acked\":10}");
	cr_assert(asked(SK_LANE_SEND, "/v1/events"));
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":11,"));
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-gap\",\"acked\":10}");
	cr_assert_not(F.lane[SK_LANE_SEND].busy, "but not for ever");
	cr_assert_eq(strncmp(F.contact, "refused ", 8), 0);
}

Test(uplink, too_large_halves_the_batch, .init = setup, .fini = teardown)
{
	online();
	F.last = 300;
	wait_says(true, false);
	reply(SK_LANE_SEND, 413, "");
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":129,"));
	for (int i = 0; i < 7; i++)
		reply(SK_LANE_SEND, 413, "");
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":2,"));
	reply(SK_LANE_SEND, 413, "");
	cr_assert_not(F.lane[SK_LANE_SEND].busy, "one event and still too large: hold");
}

Test(uplink, bundles_are_handed_over_and_the_next_poll_names_the_new_version, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{1}\"]}");
	cr_assert_eq(F.puts, 1);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=5&wait=50"));
}

Test(uplink, refused_or_useless_bundles_do_not_loop, .init = setup, .fini = teardown)
{
	for (int same = 0; same < 2; same++) {
		int puts;

		if (same) {
			teardown();
			setup();
		}
		F.refuse_bundle = !same;
		F.same_bundle = same;
		online();
		puts = F.puts;
		for (sk_ms end = F.now + 3600000; F.now < end;) {
			if (asked(SK_LANE_ORDERS, "/v1/orders"))
				reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{old}\"]}");
			else if (asked(SK_LANE_SEND, "/v1/report"))
				reply(SK_LANE_SEND, 200, REPORTED);
			else
				tick();
		}
		cr_assert_lt(F.puts - puts, 80, "%d in an hour", F.puts - puts);
		if (!same) {
			cr_assert_eq(U.counts.bundles_refused, (uint64_t)F.puts);
			cr_assert_not_null(strstr(F.contact, "version 3 is not above 4"), "%s", F.contact);
		}
		F.refuse_bundle = F.same_bundle = false; /* put right: taken at the next poll */
		while (!asked(SK_LANE_ORDERS, "/v1/orders"))
			tick();
		reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{new}\"]}");
		cr_assert_str_eq(F.contact, "online");
	}
}

Test(uplink, a_long_poll_that_is_none_does_not_loop, .init = setup, .fini = teardown)
{
	int before;

	online();
	before = F.requests;
	for (sk_ms end = F.now + 3600000; F.now < end;) {
		if (asked(SK_LANE_ORDERS, "/v1/orders"))
			reply(SK_LANE_ORDERS, 204, "");
		else if (asked(SK_LANE_SEND, "/v1/report"))
			reply(SK_LANE_SEND, 200, REPORTED);
		else
			tick();
	}
	cr_assert_lt(F.requests - before, 100, "%d", F.requests - before);
}

Test(uplink, reports_at_most_each_minute_and_at_least_each_half_hour, .init = setup, .fini = teardown)
{
	sk_ms start;

	online();
	wait_says(false, true);
	cr_assert_eq(F.reports, 2, "taken from sekimorid at once");
	cr_assert_not(F.lane[SK_LANE_SEND].busy, "and kept");
	cr_assert(F.waiting, "events are heard meanwhile");
	start = F.now;
	F.last = 1;
	wait_says(true, false);
	reply(SK_LANE_SEND, 200, "{\"acked\":1}");
	while (!asked(SK_LANE_SEND, "/v1/report"))
		tick();
	cr_assert_geq(F.now - start, 50000);
	cr_assert_leq(F.now - start, 60000);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"n\":2"));
	reply(SK_LANE_SEND, 200, REPORTED);
	start = F.now;
	while (!asked(SK_LANE_SEND, "/v1/report")) {
		F.now += 50000;
		reply(SK_LANE_ORDERS, 204, "");
	}
	cr_assert_leq(F.now - start, 30 * 60000);
	cr_assert_geq(F.now - start, 20 * 60000);
}

Test(uplink, a_wait_that_always_returns_does_not_loop, .init = setup, .fini = teardown)
{
	int waits;

	online();
	waits = F.waits;
	for (sk_ms end = F.now + 600000; F.now < end;) {
		if (F.waiting)
			wait_says(false, true);
		else if (asked(SK_LANE_SEND, "/v1/report"))
			reply(SK_LANE_SEND, 200, REPORTED);
		else
			tick();
	}
	cr_assert_lt(F.waits - waits, 600, "%d", F.waits - waits);
}

Test(uplink, sekimorid_dies_and_returns, .init = setup, .fini = teardown)
{
	online();
	F.down = true;
	F.waiting = false;
	sk_uplink_on_wait(&U, NULL);
	cr_assert_eq(U.line, SK_LINE_NO_DAEMON);
	cr_assert_not(F.lane[SK_LANE_ORDERS].busy);
	for (int i = 0; i < 5; i++)
		cr_assert_leq(tick(), 30000);
	F.down = false;
	F.last = 4;
	tick();
	cr_assert_eq(U.line, SK_LINE_PROBE);
	cr_assert(asked(SK_LANE_SEND, "/v1/events"));
	reply(SK_LANE_SEND, 200, "{\"acked\":4}");
	cr_assert_str_eq(F.contact, "online", "a new sekimorid is told");
}

Test(uplink, sekimorid_dies_between_answer_and_ack, .init = setup, .fini = teardown)
{
	online();
	F.last = 4;
	wait_says(true, false);
	F.down = true;
	reply(SK_LANE_SEND, 200, "{\"acked\":4}");
	cr_assert_eq(U.line, SK_LINE_NO_DAEMON);
	F.down = false;
	while (!asked(SK_LANE_SEND, "/v1/events"))
		tick();
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":1,"),
	                   "sent again; the server knows them by seq and hash");
	reply(SK_LANE_SEND, 200, "{\"acked\":4}");
	cr_assert_eq(F.acked, 4);
}

Test(uplink, another_identity_sends_nothing, .init = setup, .fini = teardown)
{
	(void)snprintf(F.device, sizeof(F.device), "local");
	F.last = 3;
	sk_uplink_start(&U);
	for (int i = 0; i < 20; i++)
		tick();
	cr_assert_eq(F.requests, 0);
	(void)snprintf(F.device, sizeof(F.device), "%s", DEVICE);
	tick();
	cr_assert_eq(F.requests, 1);
}

#define CERT "{\"certificate\":\"-----BEGIN CERTIFICATE-----xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"

Test(uplink, renews_once_after_two_thirds_of_the_life, .init = setup, .fini = teardown)
{
	online();
	F.wall += LIFE * 2 / 3 - 3600000;
	F.now += 50000;
	reply(SK_LANE_ORDERS, 204, "");
	cr_assert_eq(F.renewals, 0);
	F.wall += LIFE / 12 + 3600000;
	F.now += 50000;
	reply(SK_LANE_ORDERS, 204, "");
	if (asked(SK_LANE_SEND, "/v1/report")) /* the heartbeat may come first */
		reply(SK_LANE_SEND, 200, REPORTED);
	cr_assert(asked(SK_LANE_SEND, "/v1/renew"));
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "{\"csr\":\"CSR\"}"));
	reply(SK_LANE_SEND, 200, CERT);
	cr_assert_eq(F.renewals, 1);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders"), "on a new connection");
	cr_assert_not(asked(SK_LANE_SEND, "/v1/renew"));
}

Test(uplink, a_certificate_that_ended_is_told_as_such, .init = setup, .fini = teardown)
{
	online();
	F.wall += LIFE;
	reply(SK_LANE_ORDERS, 0, "");
	cr_assert_eq(strncmp(F.contact, "refused this terminal's certificate ended on ", 45), 0, "%s", F.contact);
	cr_assert_geq(F.timer - F.now, 30000);
}

Test(uplink, a_bad_certificate_is_not_taken_and_asked_for_again_later, .init = setup, .fini = teardown)
{
	int asks = 0;

	online();
	F.renew_fails = true;
	F.wall += LIFE * 9 / 10;
	F.now += 50000;
	reply(SK_LANE_ORDERS, 204, "");
	for (sk_ms end = F.now + 3600000; F.now < end;) {
		if (asked(SK_LANE_SEND, "/v1/renew")) {
			asks++;
			reply(SK_LANE_SEND, 200, CERT);
		} else if (asked(SK_LANE_SEND, "/v1/report")) {
			reply(SK_LANE_SEND, 200, REPORTED);
		} else {
			tick();
		}
	}
	cr_assert(asks > 1 && asks < 30, "%d", asks);
	cr_assert_eq(U.counts.malformed, (uint64_t)asks);
	cr_assert_eq(F.renewals, 0);
	cr_assert(F.lane[SK_LANE_ORDERS].busy, "the old certificate works on");
}

Test(uplink, a_hint_ends_the_waiting, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 0, "");
	cr_assert_eq(U.line, SK_LINE_BACKOFF);
	sk_uplink_on_hint(&U);
	cr_assert_eq(U.line, SK_LINE_PROBE);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=4&wait=0"));
}

/* Any order of anything: bounded work, never two requests on a lane, never an ack the server did not give (the fakes look). */
Test(uplink, random_walk, .init = setup, .fini = teardown)
{
	int64_t server = 0;
	uint32_t s = 12345;

	sk_uplink_start(&U);
	for (int i = 0; i < 20000; i++) {
		enum sk_uplink_lane lane;
		char text[80];

		s = s * 1664525U + 1013904223U;
		lane = (s >> 8) & 1;
		F.down = (s >> 24) % 16 == 0;
		if ((s >> 12) % 5 == 0)
			F.last++;
		if (F.lane[lane].busy) {
			const char *p = F.lane[lane].path;
			unsigned dice = (s >> 16) % 8;

			(void)snprintf(text, sizeof(text), "{\"acked\":%lld}", (long long)F.last);
			if (dice == 0)
				reply(lane, 0, "");
			else if (dice == 1)
				reply(lane, 503, "");
			else if (dice == 2)
				reply(lane, 200, "{\"acked\":-5}");
			else if (strcmp(p, "/v1/events") == 0) {
				server = F.last;
				reply(lane, 200, text);
			} else if (strcmp(p, "/v1/report") == 0)
				reply(lane, 200, REPORTED);
			else
				reply(lane, dice > 5 ? 200 : 204, dice > 5 ? "{\"bundles\":[\"x\"]}" : "");
		} else if (F.waiting) {
			wait_says(F.last > F.acked, (s & 7) == 0);
		} else if (F.timer >= 0) {
			tick();
		}
		cr_assert_leq(F.acked, server);
	}
	F.down = false;
	for (int i = 0; i < 2000 && F.acked < F.last; i++) {
		(void)snprintf(F.contact, sizeof(F.contact), "{\"acked\":%lld}", (long long)F.last);
		if (asked(SK_LANE_SEND, "/v1/events"))
			reply(SK_LANE_SEND, 200, F.contact);
		else if (asked(SK_LANE_SEND, "/v1/report"))
			reply(SK_LANE_SEND, 200, REPORTED);
		else if (asked(SK_LANE_ORDERS, "/v1/orders"))
			reply(SK_LANE_ORDERS, 204, "");
		else if (F.waiting)
			wait_says(F.last > F.acked, false);
		else
			tick();
	}
	cr_assert_eq(F.acked, F.last, "everything arrived in the end");
}
