/* Records whose time has come go, the trail says so, and every chain still verifies; held, bent and younger ones stay. */
#include <criterion/criterion.h>
#include <time.h>

#include "common/bundle.h"
#include "server/checkpoint.h"
#include "server/job.h"
#include "server/retention.h"
#include "tests/unit/store_help.h"

#define DAY (24 * HOUR)

static const struct sk_job job = {.name = "retention", .every = 1, .turn = retention_job};
static struct sk_actor admin_;

static sk_ms local(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_isdst = -1};

	return (sk_ms)mktime(&tm) * 1000;
}

static void put_at(struct sk_store *s, struct chain *c, int n, sk_ms when)
{
	for (int i = 0; i < n; i++) {
		struct sk_event e = help_event(c, "device.decided", "{\"verdict\":\"deny\"}");
		enum sk_chain_result chain;
		int64_t acked;

		cr_assert_eq(sk_store_events_put(s, c->id, &e, 1, when, &acked, &chain, NULL), 0);
		cr_assert_eq(chain, SK_CHAIN_OK);
		sk_event_clear(&e);
	}
}

/* A whole run; how many records went, or the failure. */
static int64_t run(struct sk_store *s, sk_ms now)
{
	json_t *list, *j;
	int64_t done = -1;
	size_t i;
	int r;

	for (int turns = 0; (r = sk_job_turn(s, &job, now)) == SK_JOB_MORE; turns++)
		cr_assert_lt(turns, 1000, "it ends");
	if (r < 0)
		return r;
	list = sk_store_jobs(s);
	json_array_foreach(list, i, j) if (strcmp(help_text(j, "name"), "retention") == 0) done =
	    help_number(j, "done");
	json_decref(list);
	return done;
}

static int64_t events_of(struct sk_store *s, const char *device)
{
	json_t *list = sk_store_events(s, device, NULL, 0, 10000);
	int64_t n = (int64_t)json_array_size(list);

	json_decref(list);
	return n;
}

static const char *state_of(struct sk_store *s, const char *chain)
{
	static char state[16];
	json_t *findings = NULL, *f;
	size_t i;

	state[0] = '\0';
	cr_assert_geq(sk_store_verify(s, &findings, NULL), 0);
	json_array_foreach(findings, i, f) if (strcmp(help_text(f, "chain"), chain) == 0)
	    snprintf(state, sizeof(state), "%s", help_text(f, "state"));
	json_decref(findings);
	return state;
}

static void keep(struct sk_store *s, const char *kind, int days, sk_ms now)
{
	struct sk_err err = SK_ERR_INIT;

	admin_ = help_admin();
	cr_assert_eq(sk_store_retention_set(s, &admin_, kind, days, now, &err), 0, "%s", err.text);
}

Test(retention, whole_months_are_kept)
{
	cr_assert_eq(sk_retention_cutoff(local(2026, 5, 20) + 7 * HOUR, 30), local(2026, 4, 1));
	cr_assert_eq(sk_retention_cutoff(local(2026, 5, 31), 30), local(2026, 5, 1));
	cr_assert_eq(sk_retention_cutoff(local(2026, 1, 1), 31), local(2025, 12, 1));
	cr_assert_eq(sk_retention_cutoff(local(2026, 3, 31), 365), local(2025, 3, 1));
}

Test(retention, without_a_period_nothing_goes)
{
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;
	json_t *list;

	put_at(s, &c, 5, T0);
	cr_assert_eq(run(s, T0 + 3650 * DAY), 0);
	cr_assert_eq(events_of(s, c.id), 5);
	list = sk_store_retention(s);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_eq(help_number(json_array_get(list, 0), "days"), 0);
	json_decref(list);
	admin_ = help_admin();
	cr_assert_eq(sk_store_retention_set(s, &admin_, "audit", 400, T0, &err), -EINVAL);
	cr_assert_eq(sk_store_retention_set(s, &admin_, "events", 29, T0, &err), -EINVAL);
	cr_assert_eq(sk_store_retention_set(s, &admin_, "events", -1, T0, &err), -EINVAL);
	keep(s, "events", 60, T0);
	keep(s, "events", 0, T0); /* for ever again */
	cr_assert_eq(run(s, T0 + 3650 * DAY), 0);
	help_close(s);
}

Test(retention, the_old_go_the_chain_stays)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin"), first;
	struct sk_event e;
	enum sk_chain_result chain;
	int64_t acked;
	sk_ms now = T0 + 200 * DAY;

	put_at(s, &a, 3, T0);
	first = a;
	put_at(s, &a, 4, now - 10 * DAY);
	put_at(s, &b, 2, T0); /* all of it goes */
	keep(s, "events", 90, now);
	cr_assert_eq(run(s, now), 5);
	cr_assert_eq(events_of(s, a.id), 4);
	cr_assert_eq(events_of(s, b.id), 0);
	cr_assert_str_eq(state_of(s, a.id), "ok");
	cr_assert_str_eq(state_of(s, b.id), "ok");
	cr_assert_str_eq(state_of(s, "audit"), "ok");
	cr_assert_eq(run(s, now + DAY), 0, "once");
	/* Both go on, and what was acknowledged and deleted is no fork when it comes again. */
	put_at(s, &a, 1, now);
	put_at(s, &b, 1, now);
	first.seq = 0;
	sk_text_copy(first.last, sizeof(first.last), SK_CHAIN_ZERO);
	e = help_event(&first, "device.decided", "{\"verdict\":\"deny\"}");
	cr_assert_eq(sk_store_events_put(s, a.id, &e, 1, now, &acked, &chain, NULL), 0);
	cr_assert_eq(chain, SK_CHAIN_OK);
	cr_assert_eq(acked, 8);
	sk_event_clear(&e);
	cr_assert_eq(events_of(s, a.id), 5);
	cr_assert_str_eq(state_of(s, a.id), "ok");
	cr_assert_str_eq(state_of(s, b.id), "ok");
	help_close(s);
}

Test(retention, long_chains_go_in_turns)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	sk_ms now = T0 + 200 * DAY;

	cr_assert_eq(sk_store_batch_begin(s), 0);
	put_at(s, &a, 1203, T0);
	put_at(s, &b, 7, T0);
	cr_assert_eq(sk_store_batch_end(s), 0);
	keep(s, "events", 90, now);
	cr_assert_eq(sk_job_turn(s, &job, now), SK_JOB_MORE);
	cr_assert_eq(events_of(s, a.id), 703);
	cr_assert_str_eq(state_of(s, a.id), "ok", "between turns too");
	cr_assert_eq(run(s, now), 1210);
	cr_assert_str_eq(state_of(s, a.id), "ok");
	help_close(s);
}

Test(retention, a_hold_keeps)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	struct sk_err err = SK_ERR_INIT;
	sk_ms now = T0 + 200 * DAY;
	int64_t terminal, unit, all;
	json_t *list;

	admin_ = help_admin();
	put_at(s, &a, 2, T0);
	put_at(s, &b, 2, T0);
	keep(s, "events", 90, now);
	cr_assert_eq(sk_store_hold_add(s, &admin_, a.id, NULL, "", now, &terminal, &err), -EINVAL);
	cr_assert_eq(sk_store_hold_add(s, &admin_, "nobody", NULL, "x", now, &terminal, &err), -ENOENT);
	cr_assert_eq(sk_store_hold_add(s, &admin_, NULL, "nobody", "x", now, &terminal, &err), -ENOENT);
	cr_assert_eq(sk_store_hold_add(s, &admin_, a.id, NULL, "照会中", now, &terminal, &err), 0);
	cr_assert_eq(sk_store_hold_add(s, &admin_, NULL, "shimin", "監査", now, &unit, &err), 0);
	cr_assert_eq(run(s, now), 0);
	cr_assert_eq(sk_store_hold_end(s, &admin_, unit, "終結", now, &err), 0);
	cr_assert_eq(sk_store_hold_end(s, &admin_, unit, "終結", now, &err), -ESTALE);
	cr_assert_eq(sk_store_hold_end(s, &admin_, 99, "終結", now, &err), -ENOENT);
	cr_assert_eq(sk_store_hold_add(s, &admin_, NULL, NULL, "全庁", now, &all, &err), 0);
	cr_assert_eq(run(s, now + DAY), 0);
	cr_assert_eq(sk_store_hold_end(s, &admin_, all, "終結", now, &err), 0);
	cr_assert_eq(run(s, now + 2 * DAY), 2);
	cr_assert_eq(events_of(s, a.id), 2);
	cr_assert_eq(events_of(s, b.id), 0);
	list = sk_store_holds(s);
	cr_assert_eq(json_array_size(list), 3);
	cr_assert_str_eq(help_text(json_array_get(list, 2), "terminal"), "pc-1");
	json_decref(list);
	help_close(s);
}

/* A malicious file opens an incident; while that is not closed the terminal's records stay. */
Test(retention, an_open_incident_keeps)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	sk_ms now = T0 + 200 * DAY;

	help_send(s, &a, "medium.infected", "{\"file\":\"x\"}");
	keep(s, "events", 90, now);
	cr_assert_eq(run(s, now), 0);
	behind(help_path, "UPDATE incident_cases SET state = 'closed'");
	cr_assert_eq(run(s, now + DAY), 1);
	help_close(s);
}

Test(retention, a_bent_chain_is_evidence)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	sk_ms now = T0 + 200 * DAY;

	put_at(s, &a, 3, T0);
	put_at(s, &b, 3, T0);
	behind_disarm(help_path, "events");
	behind(help_path, "UPDATE events SET body = '{\"verdict\":\"allow\"}' WHERE device LIKE '%1' AND seq = 2");
	keep(s, "events", 90, now);
	cr_assert_eq(run(s, now), 3);
	cr_assert_eq(events_of(s, a.id), 3);
	cr_assert_eq(events_of(s, b.id), 0);
	cr_assert_str_eq(state_of(s, a.id), "forged");
	help_close(s);
}

Test(retention, nobody_else_takes_records_away)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	sk_ms now = T0 + 200 * DAY;

	put_at(s, &a, 3, T0);
	put_at(s, &b, 3, T0);
	cr_assert_lt(behind_try(help_path, "DELETE FROM events WHERE seq = 1"), 0);
	/* With the base moved by hand they go, and it shows: the trail does not say so. */
	behind(help_path, "INSERT INTO chain_bases(device, seq, hash) SELECT device, seq, hash FROM events WHERE "
	                  "device LIKE '%1' AND seq = 2;"
	                  "DELETE FROM events WHERE device LIKE '%1' AND seq <= 2");
	cr_assert_str_eq(state_of(s, a.id), "cut");
	cr_assert_str_eq(state_of(s, b.id), "ok");
	keep(s, "events", 90, now);
	cr_assert_eq(run(s, now), 4);
	cr_assert_lt(behind_try(help_path, "UPDATE chain_bases SET seq = 1"), 0);
	cr_assert_lt(behind_try(help_path, "DELETE FROM chain_bases"), 0);
	help_close(s);
}

Test(retention, a_clock_that_runs_ahead_deletes_nothing)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	json_t *list;

	put_at(s, &a, 3, T0);
	keep(s, "events", 90, T0);
	cr_assert_eq(run(s, T0 + DAY), 0);
	cr_assert_eq(run(s, T0 + 3650 * DAY), -ECANCELED);
	cr_assert_eq(run(s, T0 + 3651 * DAY), -ECANCELED);
	list = sk_store_jobs(s);
	cr_assert_not_null(strstr(help_text(json_array_get(list, 0), "problem"), "look at the clock"));
	json_decref(list);
	cr_assert_eq(events_of(s, a.id), 3);
	keep(s, "events", 90, T0 + 3651 * DAY); /* it was the right time after all */
	cr_assert_eq(run(s, T0 + 3652 * DAY), 3);
	help_close(s);
}

Test(retention, the_history_of_checks)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	sk_ms now = T0 + 200 * DAY;
	json_t *page;

	(void)a;
	behind(help_path,
	       "INSERT INTO posture_history(device, \"check\", state, time, result) SELECT id, 'screen-lock', "
	       "'compliant', enrolled, '{}' FROM terminals;"
	       "INSERT INTO posture_history(device, \"check\", state, time, result) SELECT id, 'screen-lock', "
	       "'non-compliant', enrolled + 17000000000, '{}' FROM terminals;");
	keep(s, "posture", 90, now);
	cr_assert_eq(run(s, now), 1);
	page = sk_store_terminal_page(s, a.id, now, HOUR);
	cr_assert_eq(json_array_size(json_object_get(page, "history")), 1);
	json_decref(page);
	cr_assert_str_eq(state_of(s, "audit"), "ok");
	help_close(s);
}

/* --- exports, read with the public key alone --- */

static const char *exported(struct sk_store *s, const char *chain, const char *spoil)
{
	static char state[24];
	static struct sk_sign_key *key;
	struct sk_verify_key *pub = NULL;
	json_t *findings = NULL, *f;
	struct sk_buf pem;
	FILE *io = tmpfile();
	size_t i;

	sk_buf_init(&pem, 4096);
	if (key == NULL)
		cr_assert_eq(sk_sign_key_generate(&key), 0);
	cr_assert_eq(sk_sign_key_public_pem(key, &pem), 0);
	cr_assert_eq(sk_verify_key_load(pem.data, pem.len, &pub, NULL), 0);
	if (spoil != NULL)
		behind(help_path, spoil);
	cr_assert_eq(sk_export_write(s, key, T0, io, NULL), 0);
	rewind(io);
	cr_assert_geq(sk_export_verify(io, pub, NULL, &findings, NULL), 0);
	snprintf(state, sizeof(state), "(none)");
	json_array_foreach(findings, i, f) if (strcmp(help_text(f, "chain"), chain) == 0)
	    snprintf(state, sizeof(state), "%s %lld", help_text(f, "state"), help_number(f, "records"));
	json_decref(findings);
	fclose(io);
	sk_buf_deinit(&pem);
	sk_verify_key_free(pub);
	return state;
}

Test(retention, an_export_says_where_chains_begin)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu"),
	             c = help_terminal(s, 3, "zeimu");
	sk_ms now = T0 + 200 * DAY;

	put_at(s, &a, 3, T0);
	put_at(s, &a, 2, now);
	put_at(s, &b, 3, T0);
	put_at(s, &c, 2, now);
	keep(s, "events", 90, now);
	cr_assert_eq(run(s, now), 6);
	cr_assert_str_eq(exported(s, a.id, NULL), "ok 2");
	cr_assert_str_eq(exported(s, b.id, NULL), "ok 0");
	cr_assert_str_eq(exported(s, c.id, NULL), "ok 2");
	cr_assert_str_eq(exported(s, "checkpoints", NULL), "ok 1");
	cr_assert_str_eq(
	    exported(
	        s, c.id,
	        "INSERT INTO chain_bases(device, seq, hash) SELECT device, seq, hash FROM events WHERE device LIKE "
	        "'%3' AND seq = 1; DELETE FROM events WHERE device LIKE '%3' AND seq = 1"),
	    "cut 0");
	help_close(s);
}
