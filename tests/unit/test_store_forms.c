/* Rows of forms and tokens for programs over either database: portions that neither double nor hide a row, scope, ends. */
#include <criterion/criterion.h>

#include "server/store_api_tokens.h"
#include "server/store_forms.h"
#include "server/store_incidents.h"
#include "tests/unit/store_help.h"

#define DAY (24 * HOUR)

static struct sk_form_range all_of(const char *unit, int limit)
{
	return (struct sk_form_range){.unit = unit, .until = INT64_MAX, .limit = limit};
}

static size_t size(json_t *rows)
{
	size_t n = json_array_size(rows);

	cr_assert_not_null(rows);
	json_decref(rows);
	return n;
}

Test(store_forms, requests_in_portions)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	struct sk_actor by = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	struct sk_decision d = {.what = SK_DO_REFUSE, .reason = "不要"};
	struct sk_form_range r = all_of(NULL, 2);
	struct sk_err err = SK_ERR_INIT;
	int64_t seen = 0;
	json_t *rows;

	for (int i = 0; i < 3; i++) {
		d.request = help_request(s, &a, "clerk", "ro", 1);
		cr_assert_eq(sk_store_decide(s, &by, &d, T0, &err), 0, "%s", err.text);
	}
	help_request(s, &b, "clerk", "ro", 1); /* not decided: not in the register */
	do {
		rows = sk_store_form_requests(s, &r);
		cr_assert_not_null(rows);
		for (size_t i = 0; i < json_array_size(rows); i++) {
			r.after = help_number(json_array_get(rows, i), "key");
			cr_expect_gt(r.after, seen);
			seen = r.after;
		}
		cr_expect_str_eq(help_text(json_array_get(rows, 0), "state"), "refused");
		json_decref(rows);
	} while (seen < 3);
	r = all_of("shimin", 10);
	cr_expect_eq(size(sk_store_form_requests(s, &r)), 0);
	r = all_of(NULL, 10);
	r.until = T0;
	cr_expect_eq(size(sk_store_form_requests(s, &r)), 0, "of another year");
	help_close(s);
}

Test(store_forms, the_others_can_be_read)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	struct sk_incident_new n = {
	    .kind = "loss", .title = "紛失", .text = "", .unit = "zeimu", .terminal = a.id, .informant = ""};
	struct sk_form_range r = all_of(NULL, 10);
	struct sk_err err = SK_ERR_INIT;
	int64_t number;
	json_t *rows, *report;

	cr_assert_eq(sk_store_incident_open(s, &by, &n, T0, &number, &err), 0, "%s", err.text);
	rows = sk_store_form_incidents(s, &r, 0);
	cr_assert_eq(json_array_size(rows), 1);
	cr_expect_str_eq(help_text(json_array_get(rows, 0), "host"), "pc-1");
	json_decref(rows);
	cr_expect_eq(size(sk_store_form_incidents(s, &r, number + 1)), 0);
	cr_expect_eq(size(sk_store_form_disposals(s, &r)), 0);
	cr_expect_eq(size(sk_store_form_plan(s, &r)), 0);
	cr_expect_eq(size(sk_store_form_applications(s, &r, "[\"lend\"]")), 0);
	report = json_pack("{s:s,s:[{s:s,s:s}],s:[]}", "version", "1", "posture", "id", "antivirus", "state",
	                   "compliant", "devices");
	cr_assert_eq(sk_store_report_put(s, a.id, report, T0, &err), 0);
	json_decref(report);
	rows = sk_store_form_inspection(s, NULL, T0 + 9 * DAY, 3 * DAY);
	cr_assert_eq(json_array_size(rows), 1);
	cr_expect_eq(help_number(json_object_get(json_array_get(rows, 0), "states"), "silent"), 1);
	json_decref(rows);
	help_close(s);
}

Test(store_forms, tokens)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK),
	                other = help_actor("kansa", "監査", "", SK_ROLE_AUD);
	struct sk_err err = SK_ERR_INIT;
	struct sk_api_token t;
	char sha[SK_SHA256_HEX];

	snprintf(sha, sizeof(sha), "%064d", 1);
	cr_assert_eq(sk_store_api_token_put(s, &by, sha, "集計", "desk", T0 + DAY, T0, &err), 0, "%s", err.text);
	cr_expect_eq(sk_store_api_token_put(s, &by, sha, "集計", "desk", T0 + 400 * DAY, T0, &err), -EINVAL);
	cr_assert_eq(sk_store_api_token_use(s, sha, T0 + HOUR, &t), 0);
	cr_expect_str_eq(t.user, "madoguchi");
	cr_expect_str_eq(t.capacity, "desk");
	cr_expect_eq(sk_store_api_token_use(s, sha, T0 + DAY, &t), -ENOENT, "it ended");
	cr_expect_eq(sk_store_api_token_revoke(s, &other, t.id, T0), -ENOENT);
	cr_expect_eq(sk_store_api_token_revoke(s, &by, t.id, T0), 0);
	cr_expect_eq(sk_store_api_token_use(s, sha, T0 + HOUR, &t), -ENOENT);
	cr_expect_eq(size(sk_store_api_tokens(s, "madoguchi", T0)), 1);
	help_close(s);
}
