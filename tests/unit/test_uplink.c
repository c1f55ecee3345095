/* The uplink's state machine: how the line comes up, goes down and rests, and that nothing loops hot. */
#include "tests/unit/uplink_fake.h"

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

Test(uplink, while_probing_there_is_one_request_whatever_happens, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 0, "");
	tick();
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders"));
	F.last = 1;
	wait_says(true, false);
	cr_assert_not(F.lane[SK_LANE_SEND].busy);
	reply(SK_LANE_ORDERS, 204, "");
	cr_assert(asked(SK_LANE_SEND, "/v1/events"));
}

Test(uplink, a_new_sekimorid_is_told_that_the_server_is_away, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 0, "");
	cr_assert_eq(strncmp(F.contact, "offline ", 8), 0);
	F.waiting = false;
	F.contact[0] = '\0';
	sk_uplink_on_wait(&U, NULL);
	while (U.line == SK_LINE_NO_DAEMON)
		tick();
	cr_assert_eq(strncmp(F.contact, "offline ", 8), 0, "%s", F.contact);
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

Test(uplink, a_hint_ends_the_waiting, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 0, "");
	cr_assert_eq(U.line, SK_LINE_BACKOFF);
	sk_uplink_on_hint(&U);
	cr_assert_eq(U.line, SK_LINE_PROBE);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=4&wait=0"));
}

Test(uplink, a_hint_makes_the_connections_anew_and_a_flood_of_them_does_not, .init = setup, .fini = teardown)
{
	int closes, requests;

	online();
	closes = F.closes;
	requests = F.requests;
	sk_uplink_on_hint(&U);
	cr_assert_gt(F.closes, closes);
	cr_assert_eq(F.requests, requests + 1);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=4&wait=0"));
	for (int i = 0; i < 1000; i++) {
		F.now += 5;
		sk_uplink_on_hint(&U);
	}
	cr_assert_eq(F.requests, requests + 1);
	reply(SK_LANE_ORDERS, 204, "");
	cr_assert_eq(U.line, SK_LINE_UP);
	cr_assert_str_eq(F.contact, "online");
	F.down = true;
	F.waiting = false;
	sk_uplink_on_wait(&U, NULL);
	F.now += 60000;
	sk_uplink_on_hint(&U);
	cr_assert_eq(U.line, SK_LINE_NO_DAEMON, "without sekimorid a hint changes nothing");
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
