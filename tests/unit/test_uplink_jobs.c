/* The uplink's jobs: nothing is acknowledged before the server has it, nothing is dropped, nothing malformed has an effect. */
#include "tests/unit/uplink_fake.h"

Test(uplink_jobs, events_are_acked_only_after_the_server_has_them, .init = setup, .fini = teardown)
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

Test(uplink_jobs, batches_are_bounded_and_partial_acks_go_on_from_there, .init = setup, .fini = teardown)
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

Test(uplink_jobs, malformed_answers_are_dropped_counted_and_retried, .init = setup, .fini = teardown)
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
	F.last = 6;
	wait_says(true, false);
	reply(SK_LANE_SEND, 200, "[]");
	cr_assert_leq(F.timer - F.now, 60000, "after a success the waits begin short again");
}

Test(uplink_jobs, a_refused_chain_is_told_and_the_events_are_kept, .init = setup, .fini = teardown)
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

Test(uplink_jobs, an_acknowledgement_that_got_lost_is_made_up_for, .init = setup, .fini = teardown)
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

Test(uplink_jobs, a_fork_acknowledges_nothing, .init = setup, .fini = teardown)
{
	online();
	F.last = 9;
	wait_says(true, false);
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-fork\",\"acked\":7}");
	cr_assert_eq(F.acked, 0, "the server has other records under these numbers");
	cr_assert_not_null(strstr(F.contact, "chain-fork"));
}

Test(uplink_jobs, a_server_ahead_of_the_journal_is_a_refusal, .init = setup, .fini = teardown)
{
	online();
	F.last = 9;
	wait_says(true, false);
	reply(SK_LANE_SEND, 409, "{\"error\":\"chain-fork\",\"acked\":70}");
	cr_assert_eq(F.acked, 0);
	cr_assert_not_null(strstr(F.contact, "journal"));
}

Test(uplink_jobs, a_restored_server_gets_the_old_events_again, .init = setup, .fini = teardown)
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

Test(uplink_jobs, too_large_halves_the_batch, .init = setup, .fini = teardown)
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

Test(uplink_jobs, a_batch_too_long_as_json_is_halved_at_once, .init = setup, .fini = teardown)
{
	online();
	F.last = 200;
	F.body = 20000;
	wait_says(true, false);
	cr_assert(F.lane[SK_LANE_SEND].busy, "no waiting");
	cr_assert_leq(strlen(F.lane[SK_LANE_SEND].body), 1024 * 1024);
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":25,"));
	cr_assert_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":26,"));
	reply(SK_LANE_SEND, 200, "{\"acked\":25}");
	cr_assert(F.lane[SK_LANE_SEND].busy, "and the next follows");
	cr_assert_not_null(strstr(F.lane[SK_LANE_SEND].body, "\"seq\":26,"));
}

Test(uplink_jobs, one_event_too_long_is_kept_and_told, .init = setup, .fini = teardown)
{
	online();
	F.last = 1;
	F.body = 600000;
	wait_says(true, false);
	cr_assert_not(F.lane[SK_LANE_SEND].busy);
	cr_assert_eq(F.acked, 0);
	cr_assert_not_null(strstr(U.problem[SK_JOB_EVENTS].text, "event 1 is larger"), "%s",
	                   U.problem[SK_JOB_EVENTS].text);
}

Test(uplink_jobs, bundles_are_handed_over_and_the_next_poll_names_the_new_version, .init = setup, .fini = teardown)
{
	online();
	reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{1}\"]}");
	cr_assert_eq(F.puts, 1);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=2&grants=5&wait=50"));
}

Test(uplink_jobs, refused_or_useless_bundles_do_not_loop, .init = setup, .fini = teardown)
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

/* {"kind":"policy","version":7} */
#define POLICY_7      "{\"payload\": \"eyJraW5kIjogInBvbGljeSIsICJ2ZXJzaW9uIjogN30=\"}"
#define POLICY_7_BODY "{\"bundles\": [\"{\\\"payload\\\": \\\"eyJraW5kIjogInBvbGljeSIsICJ2ZXJzaW9uIjogN30=\\\"}\"]}"

Test(uplink_jobs, a_refused_policy_does_not_hold_up_grants, .init = setup, .fini = teardown)
{
	int puts, again = 0;

	online();
	F.refuse_only = POLICY_7;
	reply(SK_LANE_ORDERS, 200, POLICY_7_BODY);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=7&grants=4&wait=50"), "at once, beyond the refused one");
	cr_assert_eq(strncmp(F.contact, "online sekimorid", 16), 0, "%s", F.contact);
	F.now += 1000;
	reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{a grant}\"]}");
	cr_assert_eq(F.grants, 5);
	cr_assert(asked(SK_LANE_ORDERS, "/v1/orders?policy=7&grants=5&wait=50"));
	cr_assert_not_null(strstr(F.contact, "not above"), "still told: %s", F.contact);
	puts = F.puts;
	for (sk_ms end = F.now + 4 * 3600000; F.now < end;) {
		if (asked(SK_LANE_SEND, "/v1/report"))
			reply(SK_LANE_SEND, 200, REPORTED);
		F.now += 50000;
		if (asked(SK_LANE_ORDERS, "/v1/orders?policy=2&")) {
			again++;
			reply(SK_LANE_ORDERS, 200, POLICY_7_BODY);
		} else {
			reply(SK_LANE_ORDERS, 204, "");
		}
	}
	cr_assert(again > 2 && again < 40, "%d", again);
	cr_assert_eq(F.puts - puts, again);
	F.policy = 7;
	F.refuse_only = NULL;
	reply(SK_LANE_ORDERS, 200, "{\"bundles\":[\"{a grant}\"]}");
	cr_assert_str_eq(F.contact, "online", "held now: no problem any more");
}

Test(uplink_jobs, a_long_poll_that_is_none_does_not_loop, .init = setup, .fini = teardown)
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

Test(uplink_jobs, reports_at_most_each_minute_and_at_least_each_half_hour, .init = setup, .fini = teardown)
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

Test(uplink_jobs, sekimorid_dies_between_answer_and_ack, .init = setup, .fini = teardown)
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

#define CERT "{\"certificate\":\"-----BEGIN CERTIFICATE-----xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"

Test(uplink_jobs, renews_once_after_two_thirds_of_the_life, .init = setup, .fini = teardown)
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

Test(uplink_jobs, a_certificate_that_ended_is_told_as_such, .init = setup, .fini = teardown)
{
	online();
	F.wall += LIFE;
	reply(SK_LANE_ORDERS, 0, "");
	cr_assert_eq(strncmp(F.contact, "refused this terminal's certificate ended on ", 45), 0, "%s", F.contact);
	cr_assert_geq(F.timer - F.now, 30000);
}

Test(uplink_jobs, a_certificate_that_is_due_at_once_is_not_renewed_without_end, .init = setup, .fini = teardown)
{
	int before;

	online();
	F.wall += LIFE * 9 / 10;
	F.old_from = LIFE; /* what the server gives is as old as its life is long */
	F.now += 50000;
	reply(SK_LANE_ORDERS, 204, "");
	before = F.requests;
	for (sk_ms end = F.now + 3600000; F.now < end;) {
		if (asked(SK_LANE_SEND, "/v1/renew"))
			reply(SK_LANE_SEND, 200, CERT);
		else if (asked(SK_LANE_SEND, "/v1/report"))
			reply(SK_LANE_SEND, 200, REPORTED);
		else if (F.timer >= 0)
			tick();
		else {
			F.now += 50000;
			reply(SK_LANE_ORDERS, 204, "");
		}
	}
	cr_assert(F.renewals > 1 && F.renewals < 8, "%d", F.renewals);
	cr_assert_lt(F.requests - before, 120);
}

Test(uplink_jobs, a_bad_certificate_is_not_taken_and_asked_for_again_later, .init = setup, .fini = teardown)
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
