/* Applications in the store: routes with several steps, four eyes, two at once, what becomes of them. */
#include "tests/unit/store_help.h"

#include "server/store_applications.h"
#include "server/store_org.h"

#define DAY (24 * HOUR)

static struct sk_kinds *kinds;
static json_t *fields;
static int forms;
static struct sk_actor clerk, kacho, desk, exec_, sys;

static struct sk_store *begin(void)
{
	struct sk_store *s = help_store();
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_kinds_parse("k", sk_kinds_shipped, strlen(sk_kinds_shipped), &kinds, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "clerk", "主事", "zeimu", SK_ROLE_STAFF, HASH, &err), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "shikko", "執行責任者", "", SK_ROLE_EXEC, HASH, &err), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "joho", "情報課長", "", SK_ROLE_SYS, HASH, &err), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "twice", "兼務", "", SK_ROLE_SYS | SK_ROLE_EXEC, HASH, &err), 0);
	clerk = help_actor("clerk", "主事", "zeimu", SK_ROLE_STAFF);
	kacho = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	desk = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK);
	exec_ = help_actor("shikko", "執行責任者", "", SK_ROLE_EXEC);
	sys = help_actor("joho", "情報課長", "", SK_ROLE_SYS);
	fields =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "purpose", "');DROP TABLE applications;--", "what",
	              "<b>名簿</b>", "destination", "支所", "recipient", "県", "method", "SFTP", "encryption", "あり",
	              "hardware", "M-1", "software", "x", "carrier", "ケース", "reason", "r");
	return s;
}

static void end(struct sk_store *s)
{
	json_decref(fields);
	kinds = sk_kinds_free(kinds);
	help_close(s);
}

static struct sk_application of(const char *kind, const char *class)
{
	static char once[8][40];
	struct sk_application a = {
	    .n_kinds = 1, .person = "clerk", .class = class, .fields = fields, .from = T0, .until = T0 + 5 * DAY};
	char *o = once[forms % 8];

	snprintf(o, sizeof(once[0]), "%032d", ++forms);
	a.once = o;
	a.kinds[0] = sk_kind_find(kinds, kind);
	cr_assert_not_null(a.kinds[0]);
	return a;
}

static int64_t put(struct sk_store *s, const char *kind, const char *class)
{
	struct sk_application a = of(kind, class);
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	int64_t n = 0;
	int r = sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err);

	cr_assert_eq(r, 0, "%s %s", p.why == NULL ? "" : p.why, err.text);
	return n;
}

static int act(struct sk_store *s, const struct sk_actor *by, int64_t n, const char *action, const char *reason)
{
	const struct sk_return_check all = {.scan = true, .patches = true};
	struct sk_err err = SK_ERR_INIT;
	int64_t made;

	if (strcmp(action, "back") == 0)
		return sk_store_application_back(s, by, n, &all, reason, T0, &err);
	return sk_store_application_act(s, by, n, action, reason, 0, T0, &made, &err);
}

static void state_is(struct sk_store *s, int64_t n, const char *state)
{
	json_t *a = sk_store_application(s, n, T0);

	cr_expect_str_eq(help_text(a, "state"), state);
	json_decref(a);
}

Test(store_applications, one_form_several_permits_each_under_its_clause)
{
	struct sk_store *s = begin();
	struct sk_application a = of("takeout_info", "2");
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	int64_t n = 0, again = 0;
	json_t *row;

	a.n_kinds = 3;
	a.kinds[1] = sk_kind_find(kinds, "transport");
	a.kinds[2] = sk_kind_find(kinds, "copy_distribute");
	cr_assert_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_application_put(s, &clerk, &a, T0, &again, &p, &err), 0);
	cr_expect_eq(n, again, "sent twice it is stored once");
	row = sk_store_application(s, n, T0);
	cr_expect_eq(json_array_size(json_object_get(row, "permits")), 3);
	cr_expect_str_eq(help_text(json_array_get(json_object_get(row, "permits"), 0), "clause"), "2(2)オ(エ)");
	cr_expect_str_eq(help_text(row, "unit"), "zeimu");
	cr_expect_str_eq(help_text(json_object_get(row, "fields"), "what"), "<b>名簿</b>");
	json_decref(row);
	cr_assert_eq(act(s, &kacho, n, "permit", ""), 0, "one decision");
	state_is(s, n, "permitted");
	end(s);
}

Test(store_applications, what_is_not_accepted)
{
	struct sk_store *s = begin();
	struct sk_application_problem p = {0};
	struct sk_application a;
	struct sk_err err = SK_ERR_INIT;
	int64_t n;

#define REFUSED(change, where) \
	a = of("takeout_info", "2"); \
	change; \
	p.field = NULL; \
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), -EINVAL); \
	cr_expect_str_eq(p.field, where)
	REFUSED(a.class = "", "class");
	REFUSED(a.class = "9", "class");
	REFUSED(a.kinds[0] = sk_kind_find(kinds, "nonissued_use"), "class"); /* no important information there */
	REFUSED(a.until = T0 - 1, "term");
	REFUSED(a.until = T0 + 40 * DAY, "term");
	REFUSED(a.n_kinds = 0, "kinds");
	REFUSED((a.kinds[1] = sk_kind_find(kinds, "software"), a.n_kinds = 2), "kinds");
	REFUSED((a.kinds[1] = a.kinds[0], a.n_kinds = 2), "kinds");
	REFUSED(json_object_set_new(fields, "purpose", json_string("  ")), "purpose");
	REFUSED(json_object_set_new(fields, "purpose", json_string("\x1b[2J")), "purpose");
	json_object_set_new(fields, "purpose", json_string("x"));
	REFUSED(a.once = "", "");
	a = of("takeout_info", "2");
	a.person = "zkacho";
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), -EPERM, "for somebody else");
	a = of("exception", "");
	json_object_set_new(fields, "alternative", json_string("x"));
	json_object_set_new(fields, "measures", json_string("x"));
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), -EPERM,
	             "a clerk does not apply for an exception");
	a.person = "zkacho";
	cr_expect_eq(sk_store_application_put(s, &kacho, &a, T0, &n, &p, &err), 0, "%s", err.text);
	end(s);
}

Test(store_applications, all_of_a_step_and_one_person_once)
{
	struct sk_store *s = begin();
	struct sk_actor both = help_actor("twice", "兼務", "", SK_ROLE_SYS), shadow = exec_;
	int64_t n = put(s, "software", "");

	cr_expect_eq(act(s, &kacho, n, "permit", ""), -EPERM, "not their step");
	cr_assert_eq(act(s, &both, n, "permit", ""), 0);
	state_is(s, n, "examined");
	both.role = SK_ROLE_EXEC;
	cr_expect_eq(act(s, &both, n, "permit", ""), -EPERM, "one person, one vote");
	cr_expect_eq(act(s, &sys, n, "permit", ""), -EPERM, "that role has spoken");
	shadow.role = SK_ROLE_CISO;
	cr_expect_eq(act(s, &shadow, n, "permit", ""), -EPERM, "a role they do not hold");
	cr_assert_eq(act(s, &exec_, n, "permit", ""), 0);
	state_is(s, n, "permitted");
	cr_expect_eq(act(s, &exec_, n, "permit", ""), -ESTALE);
	end(s);
}

Test(store_applications, what_nobody_permits_is_recorded)
{
	struct sk_store *s = begin();
	struct sk_actor admin = help_admin(), aud = help_actor("kanri", "監査統括責任者", "zeimu", SK_ROLE_AUD);
	struct sk_application a = of("dispose_device", "");
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	int64_t n, made = 0;

	cr_assert_eq(sk_store_user_put(s, &admin, "haiki", "情報課", "zeimu", SK_ROLE_SYS, HASH, &err), 0);
	a.person = "haiki";
	sys = help_actor("haiki", "情報課", "zeimu", SK_ROLE_SYS);
	cr_assert_eq(sk_store_application_put(s, &sys, &a, T0, &n, &p, &err), 0, "%s", err.text);
	state_is(s, n, "done");
	cr_expect_eq(act(s, &exec_, n, "permit", ""), -ESTALE, "nobody permits it");
	cr_expect_eq(act(s, &exec_, n, "cancel", "x"), -ESTALE);
	cr_expect_eq(act(s, &sys, n, "withdraw", ""), -ESTALE, "what was recorded stays");
	cr_expect_eq(sk_store_application_act(s, &sys, n, "extend", "", T0 + 9 * DAY, T0, &made, &err), -ESTALE);
	cr_expect_eq(act(s, &sys, n, "comment", "証明書番号12"), 0);
	a = of("dispose_device", "");
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), -EPERM, "not a clerk's");
	/* The auditor's plan, and nothing else of theirs. */
	cr_assert_eq(sk_store_user_put(s, &admin, "kanri", "監査統括責任者", "zeimu", SK_ROLE_AUD, HASH, &err), 0);
	json_object_set_new(fields, "subject", json_string("税務課"));
	a = of("audit_plan", "");
	a.person = "kanri";
	cr_assert_eq(sk_store_application_put(s, &aud, &a, T0, &n, &p, &err), 0, "%s", err.text);
	state_is(s, n, "submitted");
	cr_expect_eq(act(s, &aud, n, "permit", ""), -EPERM);
	a = of("takeout_info", "none");
	a.person = "kanri";
	cr_expect_eq(sk_store_application_put(s, &aud, &a, T0, &n, &p, &err), -EPERM);
	end(s);
}

Test(store_applications, four_eyes)
{
	struct sk_store *s = begin();
	struct sk_application a = of("takeout_info", "none");
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor admin = help_admin(), other = help_actor("skacho", "市民課長", "shimin", SK_ROLE_SEC);
	int64_t n;
	char sql[512];

	a.person = "zkacho";
	cr_assert_eq(sk_store_application_put(s, &kacho, &a, T0, &n, &p, &err), 0, "%s", err.text);
	cr_expect_eq(act(s, &kacho, n, "permit", ""), -EPERM, "who asks does not permit");
	cr_expect_eq(act(s, &other, n, "permit", ""), -EPERM, "another section");
	/* Another account of the same person, by the login on terminals. */
	cr_assert_eq(sk_store_user_put(s, &admin, "kacho2", "別名", "zeimu", SK_ROLE_SEC, HASH, &err), 0);
	cr_assert_eq(sk_store_user_login(s, &admin, "kacho2", "CITY\\zkacho", &err), 0);
	other = help_actor("kacho2", "別名", "zeimu", SK_ROLE_SEC);
	cr_expect_eq(act(s, &other, n, "permit", ""), -EPERM);
	/* Not behind the program's back either. */
	snprintf(sql, sizeof(sql),
	         "INSERT INTO application_votes(application, round, step, role, user, name, unit, time, person, "
	         "entered_by) VALUES(%d, "
	         "1, 0, 'sec', 'zkacho', '', '', 1, 'zkacho', 'zkacho')",
	         (int)n);
	cr_expect_neq(behind_try(help_path, sql), 0);
	snprintf(sql, sizeof(sql),
	         "%sINSERT INTO application_votes(application, round, step, role, user, name, unit, time, person, "
	         "entered_by) "
	         "VALUES(%d, 1, 0, 'sec', 'zkacho', '', '', 1, 'clerk', 'clerk')",
	         behind_url() ? "" : "PRAGMA foreign_keys = ON; ", (int)n);
	cr_expect_neq(behind_try(help_path, sql), 0, "not by naming another who asked");
	end(s);
}

Test(store_applications, entered_for_a_caller)
{
	struct sk_store *s = begin();
	struct sk_application a = of("takeout_info", "none");
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor both = help_actor("both", "課長兼窓口", "zeimu", SK_ROLE_DESK);
	int64_t n;
	json_t *row;

	cr_assert_eq(sk_store_application_put(s, &both, &a, T0, &n, &p, &err), 0, "%s", err.text);
	row = sk_store_application(s, n, T0);
	cr_expect_str_eq(help_text(row, "person"), "clerk");
	cr_expect_str_eq(help_text(row, "entered_by"), "both");
	json_decref(row);
	both.role = SK_ROLE_SEC;
	cr_expect_eq(act(s, &both, n, "permit", ""), -EPERM, "who entered it does not permit it");
	cr_expect_eq(act(s, &kacho, n, "permit", ""), 0);
	end(s);
}

Test(store_applications, returned_mended_and_sent_again)
{
	struct sk_store *s = begin();
	struct sk_application a = of("takeout_info", "none");
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	int64_t n = put(s, "takeout_info", "1"), m;

	cr_expect_eq(act(s, &kacho, n, "return", ""), -EINVAL, "a reason is needed");
	cr_assert_eq(act(s, &kacho, n, "return", "分類を直す"), 0);
	state_is(s, n, "returned");
	cr_expect_eq(act(s, &kacho, n, "permit", ""), -ESTALE);
	a.again = n;
	cr_expect_eq(sk_store_application_put(s, &kacho, &a, T0, &m, &p, &err), -EPERM, "somebody else's");
	cr_assert_eq(sk_store_application_put(s, &clerk, &a, T0, &m, &p, &err), 0, "%s", err.text);
	cr_expect_eq(m, n);
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &m, &p, &err), -ESTALE);
	cr_assert_eq(act(s, &kacho, n, "permit", ""), 0, "a new round");
	a.again = 999;
	cr_expect_eq(sk_store_application_put(s, &clerk, &a, T0, &m, &p, &err), -ENOENT);
	end(s);
}

Test(store_applications, what_becomes_of_it)
{
	struct sk_store *s = begin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor aud = help_actor("kansa", "監査", "", SK_ROLE_AUD);
	int64_t n = put(s, "takeout_medium", "1"), made = 0;
	json_t *rows;

	cr_expect_eq(act(s, &kacho, n, "back", ""), -ESTALE, "nothing is out yet");
	cr_assert_eq(act(s, &kacho, n, "permit", ""), 0);
	rows = sk_store_applications(s, NULL, NULL, "overdue", NULL, T0 + 6 * DAY, 10, 0);
	cr_expect_eq(json_array_size(rows), 1);
	cr_expect(json_is_true(json_object_get(json_array_get(rows, 0), "overdue")));
	json_decref(rows);
	cr_assert_eq(sk_store_application_act(s, &clerk, n, "extend", "", T0 + 9 * DAY, T0, &made, &err), 0, "%s",
	             err.text);
	cr_expect_gt(made, n);
	cr_expect_eq(sk_store_application_act(s, &clerk, n, "extend", "", T0 + 10 * DAY, T0, &made, &err), -ESTALE,
	             "asked already");
	cr_expect_eq(act(s, &clerk, n, "back", ""), -EPERM, "who had it out does not confirm it");
	cr_expect_eq(act(s, &aud, n, "back", ""), -EPERM);
	cr_expect_eq(act(s, &aud, n, "comment", "x"), -EPERM);
	cr_expect_eq(act(s, &desk, n, "comment", "確認中"), 0);
	cr_assert_eq(act(s, &desk, n, "back", "検査済"), 0);
	state_is(s, n, "brought-back");
	n = put(s, "takeout_medium", "1");
	cr_assert_eq(act(s, &kacho, n, "permit", ""), 0);
	cr_expect_eq(act(s, &clerk, n, "lost", ""), -EINVAL);
	cr_assert_eq(act(s, &clerk, n, "lost", "電車内"), 0);
	state_is(s, n, "lost");
	n = put(s, "takeout_medium", "1");
	cr_expect_eq(act(s, &kacho, n, "withdraw", ""), -EPERM);
	cr_assert_eq(act(s, &clerk, n, "withdraw", ""), 0);
	cr_expect_eq(act(s, &kacho, n, "permit", ""), -ESTALE);
	n = put(s, "takeout_medium", "1");
	cr_assert_eq(act(s, &kacho, n, "permit", ""), 0);
	cr_expect_eq(act(s, &kacho, n, "cancel", ""), -EINVAL);
	cr_assert_eq(act(s, &kacho, n, "cancel", "事故"), 0);
	state_is(s, n, "cancelled");
	cr_expect_eq(act(s, &kacho, 999, "permit", ""), -ENOENT);
	cr_expect_eq(act(s, &kacho, n, "explode", ""), -EINVAL);
	end(s);
}

Test(store_applications, two_at_once)
{
	struct sk_store *s = begin(), *t = NULL;
	struct sk_err err = SK_ERR_INIT;
	int64_t n = put(s, "takeout_info", "1");

	cr_assert_eq(sk_store_open(help_path, false, &t, &err), 0, "%s", err.text);
	cr_expect_eq(act(s, &kacho, n, "permit", ""), 0);
	cr_expect_eq(act(t, &kacho, n, "refuse", "遅い"), -ESTALE);
	state_is(t, n, "permitted");
	sk_store_close(t);
	end(s);
}

Test(store_applications, numbers_lists_and_units)
{
	struct sk_store *s = begin();
	json_t *rows;

	put(s, "takeout_info", "1");
	put(s, "software", "");
	rows = sk_store_applications(s, "zeimu", NULL, "open", NULL, T0, 10, 0);
	cr_assert_eq(json_array_size(rows), 2);
	cr_expect_str_eq(help_text(json_array_get(rows, 1), "label"), "2025-0001");
	json_decref(rows);
	rows = sk_store_applications(s, "shimin", NULL, NULL, NULL, T0, 10, 0);
	cr_expect_eq(json_array_size(rows), 0);
	json_decref(rows);
	rows = sk_store_applications(s, NULL, "zkacho", NULL, NULL, T0, 10, 0);
	cr_expect_eq(json_array_size(rows), 0);
	json_decref(rows);
	rows = sk_store_applications(s, NULL, NULL, NULL, "2025-0002", T0, 10, 0);
	cr_expect_eq(json_array_size(rows), 1);
	json_decref(rows);
	end(s);
}

Test(store_applications, the_offices_own_kinds)
{
	struct sk_store *s = begin();
	struct sk_err err = SK_ERR_INIT;
	char *text = NULL;

	cr_expect_eq(sk_store_kinds_text(s, &text), -ENOENT);
	cr_expect_eq(sk_store_kinds_set(s, &desk, sk_kinds_shipped, T0, &err), -EPERM);
	cr_expect_eq(sk_store_kinds_set(s, &sys, "[kind x]\nroute = sec\n", T0, &err), -EINVAL);
	cr_assert_eq(sk_store_kinds_set(s, &sys, sk_kinds_shipped, T0, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_kinds_text(s, &text), 0);
	cr_expect_str_eq(text, sk_kinds_shipped);
	free(text);
	end(s);
}
