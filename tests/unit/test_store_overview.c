/* The overview counted beforehand says what counting now says: sections, checks, silence, those shut out; and small ledgers count now. */
#include "server/job.h"
#include "server/store_compliance.h"
#include "tests/unit/store_help.h"

#define SILENT (24 * HOUR)

static const struct sk_job job = {.name = "overview", .every = 1, .turn = overview_job};

static void report(struct sk_store *s, const struct chain *c, const char *state, sk_ms now)
{
	json_t *r = json_pack("{s:s,s:{s:s},s:[],s:[{s:s,s:s},{s:s,s:s}]}", "version", "0.1.0", "policy", "name", "p",
	                      "devices", "posture", "id", "screen-lock", "state", state, "id", "antivirus", "state",
	                      "compliant");

	cr_assert_eq(sk_store_report_put(s, c->id, r, now, NULL), 0);
	json_decref(r);
}

static void run(struct sk_store *s, sk_ms now)
{
	int r, turns = 0;

	while ((r = sk_job_turn(s, &job, now)) == SK_JOB_MORE)
		cr_assert_lt(turns++, 100);
	cr_assert_eq(r, 0);
}

/* What pages show of it, without when it was counted; *counted is that. */
static char *seen(struct sk_store *s, const char *unit, sk_ms now, int64_t *counted)
{
	json_t *o = sk_store_overview(s, unit, now, SILENT);
	char *text;

	cr_assert_not_null(o);
	*counted = help_number(o, "counted");
	json_object_del(o, "counted");
	text = json_dumps(o, JSON_SORT_KEYS);
	json_decref(o);
	return text;
}

static void same(struct sk_store *s, sk_ms now)
{
	static const char *const units[] = {NULL, "zeimu", "shimin", "nobody"};
	int64_t counted;

	for (size_t i = 0; i < 4; i++) {
		char *beforehand, *direct;

		sk_store_set_silent(s, SILENT);
		sk_store_set_overview(s, 0);
		run(s, now + 10 * (sk_ms)i);
		beforehand = seen(s, units[i], now, &counted);
		cr_assert_eq(counted, now + 10 * (sk_ms)i);
		sk_store_set_silent(s, SILENT);
		sk_store_set_overview(s, 100);
		run(s, now + 10 * (sk_ms)i + 5);
		direct = seen(s, units[i], now, &counted);
		cr_assert_eq(counted, 0, "few: counted when asked");
		cr_assert_str_eq(beforehand, direct);
		free(beforehand);
		free(direct);
	}
}

Test(store_overview, beforehand_is_as_now)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu"),
	             c = help_terminal(s, 3, "shimin"), d = help_terminal(s, 4, "shimin");

	same(s, T0);
	report(s, &a, "compliant", T0);
	report(s, &b, "non-compliant", T0);
	report(s, &c, "in-grace", T0);
	same(s, T0 + HOUR);
	report(s, &c, "compliant", T0 + 20 * HOUR);
	same(s, T0 + 30 * HOUR); /* a and b are silent, d never said anything */
	cr_assert_eq(sk_store_terminal_revoke(s, &by, a.id, "lost", NULL), 0);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, d.id, "lost", NULL), 0);
	same(s, T0 + 31 * HOUR);
	help_close(s);
}

Test(store_overview, it_is_as_old_as_its_run)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t counted;
	char *before, *after;

	sk_store_set_silent(s, SILENT);
	sk_store_set_overview(s, 0);
	before = seen(s, NULL, T0, &counted);
	cr_assert_eq(counted, 0, "until the first run has ended it is counted when asked");
	free(before);
	run(s, T0);
	before = seen(s, NULL, T0, &counted);
	report(s, &a, "non-compliant", T0);
	after = seen(s, NULL, T0 + 10, &counted);
	cr_assert_str_eq(before, after);
	cr_assert_eq(counted, T0);
	free(after);
	run(s, T0 + 10);
	after = seen(s, NULL, T0 + 10, &counted);
	cr_assert_str_neq(before, after);
	cr_assert_eq(counted, T0 + 10);
	free(before);
	free(after);
	help_close(s);
}

Test(store_overview, many_sections_go_in_turns)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct chain a = help_terminal(s, 1, "zeimu");
	int64_t counted;
	char key[32];
	int turns = 1;

	(void)a;
	for (int i = 0; i < 250; i++) {
		snprintf(key, sizeof(key), "u%d", i);
		cr_assert_eq(sk_store_unit_put(s, &by, key, "課", "s", NULL), 0);
	}
	sk_store_set_silent(s, SILENT);
	sk_store_set_overview(s, 0);
	while (sk_job_turn(s, &job, T0) == SK_JOB_MORE) {
		free(seen(s, NULL, T0, &counted));
		cr_assert_eq(counted, 0, "half counts are not shown");
		turns++;
	}
	cr_assert_eq(turns, 3);
	free(seen(s, NULL, T0, &counted));
	cr_assert_eq(counted, T0);
	help_close(s);
}
