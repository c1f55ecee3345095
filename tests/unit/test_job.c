/* Jobs: when they are due, once over all nodes, in turns, failing whole, and over a clock that jumps. */
#include <criterion/criterion.h>
#include <time.h>

#include "server/job.h"
#include "tests/unit/store_help.h"

#define MINUTE ((sk_ms)60000)
#define DAY    (24 * HOUR)

static int turns, breaks;
static struct sk_job_now seen;

static int three_turns(struct sk_store *s, struct sk_job_now *t)
{
	struct sk_actor by = help_admin();

	turns++;
	seen = *t;
	cr_assert_eq(sk_store_audit(s, &by, "job.turn", t->mark, NULL, t->now), 0);
	if (breaks > 0 && turns == breaks)
		return -ENOSPC;
	t->done += 10;
	if (strcmp(t->mark, "b") == 0)
		return 0;
	snprintf(t->mark, sizeof(t->mark), "%s", t->mark[0] == '\0' ? "a" : "b");
	return SK_JOB_MORE;
}

static int no_mark(struct sk_store *s, struct sk_job_now *t)
{
	(void)s;
	(void)t;
	turns++;
	return SK_JOB_MORE;
}

static const struct sk_job job = {.name = "test", .every = HOUR, .turn = three_turns};
static const struct sk_job daily = {.name = "daily", .minute = 8 * 60 + 30, .turn = three_turns};

static int64_t audit_lines(struct sk_store *s)
{
	char head[SK_SHA256_HEX];
	int64_t n = 0;

	sk_store_audit_head(s, &n, head);
	return n;
}

static json_t *row(struct sk_store *s)
{
	static json_t *list;

	json_decref(list);
	list = sk_store_jobs(s);
	cr_assert_eq(json_array_size(list), 1);
	return json_array_get(list, 0);
}

static sk_ms local(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
	                .tm_mon = month - 1,
	                .tm_mday = day,
	                .tm_hour = hour,
	                .tm_min = minute,
	                .tm_isdst = -1};

	return (sk_ms)mktime(&tm) * 1000;
}

Test(job, a_run_is_several_turns_then_it_rests)
{
	struct sk_store *s = help_store();
	int64_t before = audit_lines(s);

	cr_assert_eq(sk_job_turn(s, &job, T0), SK_JOB_MORE);
	cr_assert_eq(seen.due, T0);
	cr_assert(json_is_true(json_object_get(row(s), "running")));
	cr_assert_eq(sk_job_turn(s, &job, T0 + MINUTE), SK_JOB_MORE);
	cr_assert_eq(seen.due, T0, "the same in all turns of a run");
	cr_assert_eq(sk_job_turn(s, &job, T0 + 2 * MINUTE), 0);
	cr_assert_eq(audit_lines(s), before + 3);
	cr_assert_eq(help_number(row(s), "done"), 30);
	cr_assert_eq(help_number(row(s), "runs"), 1);
	cr_assert_eq(help_number(row(s), "began"), T0);
	cr_assert_eq(help_number(row(s), "ended"), T0 + 2 * MINUTE);
	cr_assert_eq(help_number(row(s), "next"), T0 + 2 * MINUTE + HOUR);
	cr_assert_eq(sk_job_turn(s, &job, T0 + HOUR), 0);
	cr_assert_eq(turns, 3);
	cr_assert_eq(sk_job_turn(s, &job, T0 + 2 * MINUTE + HOUR), SK_JOB_MORE);
	cr_assert_eq(seen.done, 0);
	cr_assert_str_eq(seen.mark, "");
	help_close(s);
}

Test(job, two_nodes_run_it_once)
{
	struct sk_store *s = help_store(), *other = NULL;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_open(help_path, false, &other, &err), 0, "%s", err.text);
	cr_assert_eq(sk_job_turn(s, &job, T0), SK_JOB_MORE);
	cr_assert_eq(sk_job_turn(other, &job, T0), SK_JOB_MORE);
	cr_assert_str_eq(seen.mark, "a", "it goes on where the other stopped");
	cr_assert_eq(sk_job_turn(s, &job, T0), 0);
	cr_assert_eq(sk_job_turn(other, &job, T0), 0);
	cr_assert_eq(sk_job_turn(s, &job, T0), 0);
	cr_assert_eq(turns, 3);
	sk_store_close(other);
	help_close(s);
}

Test(job, a_turn_that_fails_leaves_nothing)
{
	struct sk_store *s = help_store();
	int64_t before = audit_lines(s);

	breaks = 2;
	cr_assert_eq(sk_job_turn(s, &job, T0), SK_JOB_MORE);
	cr_assert_eq(sk_job_turn(s, &job, T0), -ECANCELED);
	cr_assert_eq(audit_lines(s), before + 1, "rolled back");
	cr_assert_eq(help_number(row(s), "failures"), 1);
	cr_assert_str_eq(help_text(row(s), "problem"), strerror(ENOSPC));
	cr_assert_eq(sk_job_turn(s, &job, T0 + SK_JOB_AGAIN - 1), 0);
	cr_assert_eq(turns, 2);
	breaks = 3;
	cr_assert_eq(sk_job_turn(s, &job, T0 + SK_JOB_AGAIN), -ECANCELED);
	cr_assert_eq(help_number(row(s), "failures"), 2);
	cr_assert_str_eq(seen.mark, "a");
	breaks = 0;
	cr_assert_eq(sk_job_turn(s, &job, T0 + 2 * SK_JOB_AGAIN), SK_JOB_MORE);
	cr_assert_eq(sk_job_turn(s, &job, T0 + 2 * SK_JOB_AGAIN), 0);
	cr_assert_eq(seen.due, T0);
	cr_assert_eq(help_number(row(s), "failures"), 0);
	cr_assert_str_eq(help_text(row(s), "problem"), "");
	cr_assert_eq(help_number(row(s), "done"), 30);
	help_close(s);
}

Test(job, more_without_a_mark_is_a_failure)
{
	const struct sk_job endless = {.name = "endless", .every = 1, .turn = no_mark};
	struct sk_store *s = help_store();

	cr_assert_eq(sk_job_turn(s, &endless, T0), -ECANCELED);
	cr_assert_eq(help_number(row(s), "failures"), 1);
	help_close(s);
}

Test(job, daily_at_its_minute)
{
	struct sk_store *s = help_store();
	sk_ms first = local(2026, 5, 1, 8, 30);

	cr_assert_eq(sk_job_next(&daily, first - 1), first);
	cr_assert_eq(sk_job_next(&daily, first), local(2026, 5, 2, 8, 30));
	cr_assert_eq(sk_job_next(&daily, local(2026, 12, 31, 23, 59)), local(2027, 1, 1, 8, 30));
	cr_assert_eq(sk_job_next(&daily, local(2028, 2, 28, 9, 0)), local(2028, 2, 29, 8, 30));
	cr_assert_eq(sk_job_turn(s, &daily, first - HOUR), 0, "the first time it waits for its minute");
	cr_assert_eq(turns, 0);
	cr_assert_eq(help_number(row(s), "next"), first);
	/* Off for three days: once, for the oldest, then the next morning. */
	for (int i = 0; i < 3; i++)
		cr_assert_geq(sk_job_turn(s, &daily, first + 3 * DAY + HOUR), 0);
	cr_assert_eq(turns, 3);
	cr_assert_eq(seen.due, first);
	cr_assert_eq(help_number(row(s), "next"), first + 4 * DAY);
	cr_assert_eq(sk_job_turn(s, &daily, first + 3 * DAY + 2 * HOUR), 0);
	cr_assert_eq(turns, 3);
	help_close(s);
}

Test(job, a_clock_set_back_does_not_stop_it)
{
	struct sk_store *s = help_store();

	for (int i = 0; i < 3; i++)
		cr_assert_geq(sk_job_turn(s, &job, T0 + 3650 * DAY), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_geq(sk_job_turn(s, &job, T0), 0);
	cr_assert_eq(turns, 6);
	cr_assert_eq(seen.due, T0);
	cr_assert_eq(help_number(row(s), "next"), T0 + HOUR);
	cr_assert(!sk_job_due(&daily, T0 + DAY, T0));
	cr_assert(sk_job_due(&daily, T0 + 2 * DAY, T0));
	cr_assert(!sk_job_due(&job, T0 + HOUR, T0));
	cr_assert(sk_job_due(&job, T0 + HOUR + 1, T0));
	help_close(s);
}

Test(job, tending_runs_what_is_due_and_says_when_there_is_more)
{
	const struct sk_job jobs[] = {job, {.name = NULL}};
	struct sk_store *s = help_store();

	cr_assert(!sk_jobs_tend(s, jobs, T0));
	cr_assert_eq(turns, 3);
	breaks = 4;
	cr_assert(!sk_jobs_tend(s, jobs, T0 + 2 * HOUR));
	cr_assert_eq(turns, 4);
	help_close(s);
}

Test(job, the_servers_own_have_names_of_their_own)
{
	for (const struct sk_job *j = sk_jobs; j->name != NULL; j++) {
		cr_assert(sk_text_is_name(j->name, 32), "%s", j->name);
		cr_assert_not_null(j->turn);
		cr_assert(j->every > 0 || (j->minute >= 0 && j->minute < 24 * 60));
		for (const struct sk_job *k = sk_jobs; k != j; k++)
			cr_assert_str_neq(k->name, j->name);
	}
}
