/* Verdicts counted day by day: once a day, rolled up over the tree, silent terminals never hidden; change, trend, what falls due. */
#include <criterion/criterion.h>

#include "policy/check.h"
#include "server/job.h"
#include "server/store_compliance.h"
#include "tests/unit/store_help.h"

#define DAY    (24 * HOUR)
#define SILENT (3 * DAY)

static void report(struct sk_store *s, const struct chain *c, const char *state, const char *until, sk_ms now)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *r = json_pack("{s:s,s:s,s:[{s:s,s:s},{s:s,s:s,s:[{s:s,s:[s,s]}]}],s:[]}", "version", "1", "os", "X",
	                      "posture", "id", "antivirus", "state", state, "id", "support", "state", "compliant",
	                      "detail", "text", "%1 is supported until %2.", "args", "Debian\n12", until, "devices");

	cr_assert_not_null(r);
	cr_assert_eq(sk_store_report_put(s, c->id, r, now, &err), 0, "%s", err.text);
	json_decref(r);
}

static long long count(const json_t *row, const char *states, const char *state)
{
	return help_number(json_object_get(row, states), state);
}

static const json_t *of(const json_t *page, const char *list, const char *name, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(page, list), i, row)
	{
		if (strcmp(help_text(row, name), key) == 0)
			return row;
	}
	cr_assert_fail("no %s in %s", key, list);
	return NULL;
}

/* zeimu lies under zaisei from now on; two terminals there, one in shimin that says nothing. */
static struct sk_store *office(struct chain c[3], sk_ms now)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_unit_put(s, &by, "zaisei", "財政局", "Finance", &err), 0);
	behind(help_path,
	       "INSERT INTO unit_places(unit, parent, kind, \"from\") VALUES('zeimu', 'zaisei', 'section', 0);"
	       "UPDATE org_state SET version = version + 1, within_at = 0;");
	cr_assert_geq(sk_store_tend(s, now), 0);
	for (int i = 0; i < 3; i++)
		c[i] = help_terminal(s, i + 1, i < 2 ? "zeimu" : "shimin");
	report(s, &c[0], "compliant", "2028-06-30", now);
	report(s, &c[1], "non-compliant", "2025-12-01", now);
	return s;
}

Test(compliance, days)
{
	cr_expect_eq(sk_day_before(20260301, 1), 20260228);
	cr_expect_eq(sk_day_before(20240301, 1), 20240229);
	cr_expect_eq(sk_day_before(20260101, 1), 20251231);
	cr_expect_eq(sk_day_before(20251231, -1), 20260101);
	cr_expect_eq(sk_day_before(20261125, 365), 20251125);
	cr_expect_eq(sk_day_of(T0) / 10000, 2025);
}

Test(compliance, a_day_is_counted_once_and_rolled_up)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0);
	int day = sk_day_of(T0);
	json_t *t;

	cr_assert_eq(sk_store_compliance_count(s, T0, SILENT), 1);
	cr_assert_eq(sk_store_compliance_count(s, T0 + 60000, SILENT), 0);
	report(s, &c[1], "compliant", "2028-06-30", T0 + 60000);
	cr_assert_eq(sk_store_compliance_count(s, T0 + 60000, SILENT), 0, "the day stays as it was counted");
	t = sk_store_trend(s, NULL, "", day);
	cr_assert_eq(json_array_size(t), 1);
	cr_expect_eq(help_number(json_array_get(t, 0), "terminals"), 3);
	cr_expect_eq(count(json_array_get(t, 0), "states", "non-compliant"), 1);
	cr_expect_eq(count(json_array_get(t, 0), "states", "unknown"), 1, "it never reported");
	json_decref(t);
	t = sk_store_trend(s, "zaisei", "", day);
	cr_expect_eq(help_number(json_array_get(t, 0), "terminals"), 2, "with what lies below");
	json_decref(t);
	t = sk_store_trend(s, "zeimu", "antivirus", day);
	cr_expect_eq(count(json_array_get(t, 0), "states", "non-compliant"), 1);
	json_decref(t);
	t = sk_store_trend(s, NULL, "", sk_day_before(day, -1));
	cr_expect_eq(json_array_size(t), 0);
	json_decref(t);
	help_close(s);
}

Test(compliance, two_nodes_count_a_day_once)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0), *other = NULL;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_open(help_path, false, &other, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_compliance_count(s, T0, SILENT), 1);
	cr_assert_eq(sk_store_compliance_count(other, T0, SILENT), 0);
	sk_store_close(other);
	help_close(s);
}

Test(compliance, by_the_clock)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0);
	struct sk_job_now t = {.now = T0 + 4 * DAY};
	json_t *rows;

	sk_store_set_silent(s, SILENT);
	cr_assert_eq(compliance_job(s, &t), 0);
	cr_assert_eq(compliance_job(s, &t), 0);
	cr_expect_eq(t.done, 1);
	rows = sk_store_trend(s, NULL, "", sk_day_of(t.now));
	cr_expect_eq(count(json_array_get(rows, 0), "states", "silent"), 3);
	json_decref(rows);
	help_close(s);
}

Test(compliance, an_empty_office_has_a_day_too)
{
	struct sk_store *s = help_store();
	json_t *page;

	cr_assert_eq(sk_store_compliance_count(s, T0, SILENT), 1);
	page = sk_store_compliance(s, NULL, T0 + 8 * DAY, SILENT);
	cr_assert_not_null(page);
	cr_expect_eq(help_number(page, "terminals"), 0);
	cr_expect_eq(help_number(json_object_get(page, "week"), "terminals"), 0);
	cr_expect_eq(help_number(json_object_get(page, "week"), "day"), sk_day_of(T0));
	json_decref(page);
	help_close(s);
}

Test(compliance, now_against_a_week_ago)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0);
	sk_ms later = T0 + 7 * DAY;
	const json_t *row;
	json_t *page;

	page = sk_store_compliance(s, NULL, T0, SILENT);
	cr_assert(json_is_null(json_object_get(page, "week")), "nothing to compare with is said, not made up");
	json_decref(page);
	cr_assert_eq(sk_store_compliance_count(s, T0, SILENT), 1);
	report(s, &c[0], "error", "2028-06-30", later); /* the second one is silent by now, and the third ever was */
	page = sk_store_compliance(s, NULL, later, SILENT);
	cr_expect_eq(help_number(page, "terminals"), 3);
	cr_expect_eq(count(page, "states", "error"), 1);
	cr_expect_eq(count(page, "states", "silent"), 2);
	cr_expect_eq(count(json_object_get(page, "week"), "states", "non-compliant"), 1);
	row = of(page, "units", "key", "zaisei");
	cr_expect_eq(help_number(row, "terminals"), 2);
	cr_expect_eq(count(row, "states", "silent"), 1);
	cr_expect_eq(count(row, "week", "compliant"), 1);
	cr_expect_str_eq(help_text(of(page, "units", "key", "zeimu"), "parent"), "zaisei");
	row = of(page, "checks", "id", "antivirus");
	cr_expect_eq(count(row, "states", "silent"), 1);
	cr_expect_eq(count(row, "week", "non-compliant"), 1);
	json_decref(page);
	page = sk_store_compliance(s, "zaisei", later, SILENT);
	cr_expect_eq(help_number(page, "terminals"), 2);
	cr_expect_eq(json_array_size(json_object_get(page, "units")), 2);
	cr_expect_eq(help_number(json_object_get(page, "week"), "terminals"), 2);
	json_decref(page);
	page = sk_store_compliance(s, NULL, T0 + 14 * DAY, SILENT);
	cr_expect(json_is_null(json_object_get(page, "week")), "a day two weeks back is not last week");
	json_decref(page);
	help_close(s);
}

Test(compliance, terminals_of_a_check)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0);
	json_t *rows = sk_store_check_terminals(s, "antivirus", NULL, NULL, T0, SILENT, 10, 0);

	cr_assert_eq(json_array_size(rows), 2);
	cr_expect_str_eq(help_text(json_array_get(rows, 0), "host"), "pc-2", "worst first");
	json_decref(rows);
	rows = sk_store_check_terminals(s, "antivirus", "zaisei", "compliant", T0, SILENT, 10, 0);
	cr_expect_eq(json_array_size(rows), 1);
	json_decref(rows);
	rows = sk_store_check_terminals(s, "antivirus", "shimin", NULL, T0, SILENT, 10, 0);
	cr_expect_eq(json_array_size(rows), 0);
	json_decref(rows);
	rows = sk_store_check_terminals(s, "antivirus", NULL, "silent", T0 + 4 * DAY, SILENT, 10, 0);
	cr_expect_eq(json_array_size(rows), 2);
	json_decref(rows);
	help_close(s);
}

Test(compliance, what_falls_due)
{
	struct chain c[3];
	struct sk_store *s = office(c, T0);
	sk_ms until = T0 + 30 * DAY;
	json_t *rows = sk_store_due(s, NULL, T0, until, 50);
	const json_t *row;

	cr_assert_eq(json_array_size(rows), 1, "the certificates end in 90 days");
	row = json_array_get(rows, 0);
	cr_expect_str_eq(help_text(row, "what"), "support");
	cr_expect_str_eq(help_text(row, "unit"), "zeimu");
	cr_expect_eq(help_number(row, "n"), 1);
	cr_expect_null(strchr(help_text(row, "label"), '\n'), "what a terminal calls its system is made printable");
	json_decref(rows);
	rows = sk_store_due(s, NULL, T0, T0 + 100 * DAY, 50);
	cr_assert_eq(json_array_size(rows), 4);
	cr_expect_str_eq(help_text(json_array_get(rows, 1), "what"), "certificate");
	json_decref(rows);
	rows = sk_store_due(s, "shimin", T0, T0 + 100 * DAY, 50);
	cr_expect_eq(json_array_size(rows), 1);
	json_decref(rows);
	rows = sk_store_due(s, NULL, T0, T0 + 100 * DAY, 2);
	cr_expect_eq(json_array_size(rows), 2);
	json_decref(rows);
	report(s, &c[1], "compliant", "soon; DROP", T0 + 60000);
	rows = sk_store_due(s, NULL, T0, until, 50);
	cr_expect_eq(json_array_size(rows), 0, "what is no day is no end of support");
	json_decref(rows);
	help_close(s);
}

/* What the store takes from the sentences of the check is what the check says. */
Test(compliance, the_check_names_its_day)
{
	const struct sk_check *check = sk_check_find("support");
	struct sk_check_params params;
	json_t *facts = json_pack("{s:s,s:s,s:s}", "id", "debian", "version", "12", "name", "Debian 12"), *r;
	struct chain c;
	struct sk_store *s = help_store();
	struct sk_err err = SK_ERR_INIT;
	long long since = 0;
	json_t *rows, *whole;

	c = help_terminal(s, 1, "zeimu");
	cr_assert_eq(sk_check_params_default(&params), 0);
	r = sk_check_evaluate(check, sk_check_set_of(&params, check), facts, T0, &since);
	whole = json_pack("{s:s,s:[o],s:[]}", "version", "1", "posture", r, "devices");
	cr_assert_eq(sk_store_report_put(s, c.id, whole, T0, &err), 0, "%s", err.text);
	rows = sk_store_due(s, NULL, T0, T0 + 2000 * DAY, 50);
	cr_assert_eq(json_array_size(rows), 2);
	cr_expect_str_eq(help_text(json_array_get(rows, 1), "label"), "Debian 12");
	json_decref(rows);
	json_decref(whole);
	json_decref(facts);
	sk_check_params_clear(&params);
	help_close(s);
}
