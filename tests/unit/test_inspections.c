/* Audits and self-inspections: who may do what, findings until they are confirmed, other sections, hostile texts. */
#include <criterion/criterion.h>

#include "server/store_inspections.h"
#include "tests/unit/store_help.h"

#define DAY (24 * HOUR)

static struct sk_actor kansa(void)
{
	return help_actor("kansa", "監査担当", "", SK_ROLE_AUD);
}

static struct sk_actor sec(const char *user, const char *unit)
{
	return help_actor(user, user, unit, SK_ROLE_SEC);
}

static int64_t begin(struct sk_store *s)
{
	struct sk_actor by = kansa();
	struct sk_inspection_new n = {.audit = true,
	                              .title = "定期監査",
	                              .text = "目的",
	                              .unit = "",
	                              .items = "5.1(1)キ 画面ロック\n\n4.4(4) 暗号化\n",
	                              .from = T0,
	                              .until = T0 + 30 * DAY};
	struct sk_err err = SK_ERR_INIT;
	int64_t number = 0;

	cr_assert_eq(sk_store_inspection_add(s, &by, &n, T0, &number, &err), 0, "%s", err.text);
	return number;
}

static int act(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct sk_inspection_act *a)
{
	struct sk_inspection_act whole = *a;
	struct sk_err err = SK_ERR_INIT;

	whole.unit = a->unit == NULL ? "" : a->unit;
	whole.answer = a->answer == NULL ? "" : a->answer;
	whole.clause = a->clause == NULL ? "" : a->clause;
	whole.evidence = a->evidence == NULL ? "" : a->evidence;
	whole.text = a->text == NULL ? "" : a->text;
	return sk_store_inspection_act(s, by, number, &whole, T0 + HOUR, &err);
}
#define ACT(s, by, number, ...) act((s), (by), (number), &(struct sk_inspection_act){__VA_ARGS__})

static json_t *see(struct sk_store *s, int64_t number, const char *unit)
{
	json_t *i = sk_store_inspection(s, number, unit);

	cr_assert_not_null(i);
	return i;
}

static int64_t item(struct sk_store *s, int64_t number, size_t n)
{
	json_t *i = see(s, number, NULL);
	int64_t id = help_number(json_array_get(json_object_get(i, "items"), n), "id");

	json_decref(i);
	return id;
}

Test(inspections, who_begins)
{
	struct sk_store *s = help_store();
	struct sk_actor manager = sec("zkacho", "zeimu"), desk = help_actor("madoguchi", "m", "", SK_ROLE_DESK),
	                lied = help_actor("zkacho", "z", "", SK_ROLE_AUD);
	struct sk_inspection_new n = {
	    .audit = true, .title = "x", .text = "", .unit = "", .items = "1 a", .from = T0, .until = T0 + DAY};
	struct sk_actor by = kansa();
	int64_t number;

	cr_expect_eq(sk_store_inspection_add(s, &manager, &n, T0, &number, NULL), -EPERM);
	cr_expect_eq(sk_store_inspection_add(s, &desk, &n, T0, &number, NULL), -EPERM);
	cr_expect_eq(sk_store_inspection_add(s, &lied, &n, T0, &number, NULL), -EPERM, "the role is not theirs");
	n.audit = false;
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -EPERM,
	             "auditors do not inspect themselves");
	n.audit = true;
	n.items = "";
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -EINVAL);
	n.items = "only-a-clause";
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -EINVAL);
	n.items = "1 a";
	n.title = "a\x1b[31m";
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -EINVAL);
	n.title = "x";
	n.unit = "none";
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -ENOENT);
	n.unit = "";
	n.until = T0;
	cr_expect_eq(sk_store_inspection_add(s, &by, &n, T0, &number, NULL), -EINVAL);
	help_close(s);
}

Test(inspections, units_answer)
{
	struct sk_store *s = help_store();
	struct sk_actor z = sec("zkacho", "zeimu"), k = kansa();
	int64_t number = begin(s), first = item(s, number, 0);
	json_t *i;

	cr_expect_eq(ACT(s, &k, number, .action = "answer", .item = first, .unit = "zeimu", .answer = "met"), -EPERM);
	cr_expect_eq(ACT(s, &z, number, .action = "answer", .item = first, .unit = "shimin", .answer = "met"), -EPERM);
	cr_expect_eq(ACT(s, &z, number, .action = "answer", .item = first, .unit = "zeimu", .answer = "perhaps"),
	             -EINVAL);
	cr_expect_eq(ACT(s, &z, number, .action = "answer", .item = first, .unit = "zeimu", .answer = "not-met"),
	             -EINVAL, "why?");
	cr_expect_eq(ACT(s, &z, number, .action = "answer", .item = first + 100, .unit = "zeimu", .answer = "met"),
	             -ENOENT);
	cr_expect_eq(ACT(s, &z, number + 1, .action = "answer", .item = first, .unit = "zeimu", .answer = "met"),
	             -ENOENT);
	cr_expect_eq(ACT(s, &z, number, .action = "answer", .item = first, .unit = "zeimu", .answer = "not-met",
	                 .text = "未設定'; DROP TABLE findings;--"),
	             0);
	cr_expect_eq(
	    ACT(s, &z, number, .action = "answer", .item = first, .unit = "zeimu", .answer = "met", .text = "設定した"),
	    0, "again");
	i = see(s, number, NULL);
	cr_assert_eq(json_array_size(json_object_get(i, "answers")), 1);
	cr_expect_str_eq(help_text(json_array_get(json_object_get(i, "answers"), 0), "answer"), "met");
	cr_expect_str_eq(help_text(i, "label"), "2025-0001");
	json_decref(i);
	i = see(s, number, "shimin");
	cr_expect_eq(json_array_size(json_object_get(i, "answers")), 0, "another section's answers");
	json_decref(i);
	help_close(s);
}

Test(inspections, findings_until_they_are_mended)
{
	struct sk_store *s = help_store();
	struct sk_actor z = sec("zkacho", "zeimu"), m = sec("skacho", "shimin"), k = kansa(),
	                exec = help_actor("shikko", "執行", "", SK_ROLE_EXEC), admin = help_admin();
	struct sk_err err = SK_ERR_INIT;
	int64_t number = begin(s);
	json_t *rows;

	cr_assert_eq(sk_store_user_put(s, &admin, "shikko", "執行責任者", "", SK_ROLE_EXEC, HASH, &err), 0);
	help_terminal(s, 1, "zeimu");
	help_terminal(s, 2, "shimin");
	cr_expect_eq(
	    ACT(s, &z, number, .action = "find", .unit = "zeimu", .clause = "4.4(4)", .text = "x", .degree = 2),
	    -EPERM);
	cr_expect_eq(
	    ACT(s, &k, number, .action = "find", .unit = "zeimu", .clause = "4.4(4)", .text = "x", .degree = 4),
	    -EINVAL);
	cr_expect_eq(ACT(s, &k, number, .action = "find", .unit = "none", .clause = "4.4(4)", .text = "x", .degree = 2),
	             -EINVAL);
	cr_assert_eq(ACT(s, &k, number, .action = "find", .unit = "zeimu", .clause = "4.4(4)",
	                 .text = "暗号化していない", .degree = 2, .due = T0 + DAY),
	             0);
	cr_expect_eq(ACT(s, &k, number, .action = "confirm", .finding = 1), -ESTALE, "nobody mended it");
	cr_expect_eq(ACT(s, &m, number, .action = "improve", .finding = 1, .text = "x"), -EPERM);
	cr_expect_eq(ACT(s, &z, number, .action = "improve", .finding = 1), -EINVAL);
	cr_expect_eq(ACT(s, &z, number, .action = "improve", .finding = 1, .text = "暗号化した"), 0);
	cr_expect_eq(ACT(s, &z, number, .action = "confirm", .finding = 1), -EPERM);
	cr_expect_eq(ACT(s, &k, number, .action = "return", .finding = 1), -EINVAL);
	cr_expect_eq(ACT(s, &k, number, .action = "return", .finding = 1, .text = "証跡がない"), 0);
	cr_expect_eq(ACT(s, &z, number, .action = "improve", .finding = 1, .text = "証跡を付けた"), 0);
	cr_expect_eq(ACT(s, &k, number, .action = "spread", .finding = 1), -EPERM, "the executive officer orders it");
	cr_expect_eq(ACT(s, &exec, number, .action = "spread", .finding = 1), 0);
	cr_expect_eq(ACT(s, &exec, number, .action = "spread", .finding = 1), -ESTALE, "once");
	cr_expect_eq(ACT(s, &k, number, .action = "confirm", .finding = 1), 0);
	cr_expect_eq(ACT(s, &z, number, .action = "improve", .finding = 1, .text = "x"), -ESTALE, "it is over");
	rows = sk_store_findings(s, number, NULL, 0, 10);
	cr_assert_eq(json_array_size(rows), 2);
	cr_expect_str_eq(help_text(json_array_get(rows, 0), "state"), "mended");
	cr_expect_eq(help_number(json_array_get(rows, 0), "others"), 1);
	cr_expect_str_eq(help_text(json_array_get(rows, 1), "unit"), "shimin");
	cr_expect_eq(help_number(json_array_get(rows, 1), "spread_of"), 1);
	json_decref(rows);
	cr_expect_eq(ACT(s, &exec, number, .action = "spread", .finding = 2), -ESTALE,
	             "what was spread is not spread on");
	cr_expect_eq(ACT(s, &m, number, .action = "improve", .finding = 2, .text = "同様の端末はない"), 0);
	rows = sk_store_findings(s, 0, "shimin", 0, 10);
	cr_expect_eq(json_array_size(rows), 1);
	json_decref(rows);
	cr_expect_eq(ACT(s, &k, number, .action = "report"), -EINVAL);
	cr_expect_eq(ACT(s, &k, number, .action = "report", .text = "指摘1件、改善済。"), 0);
	cr_expect_eq(ACT(s, &k, number, .action = "report", .text = "x"), -ESTALE);
	cr_expect_eq(ACT(s, &k, number, .action = "find", .unit = "zeimu", .clause = "1", .text = "x", .degree = 1),
	             -ESTALE);
	cr_expect_eq(ACT(s, &k, number, .action = "confirm", .finding = 2), 0,
	             "what is open stays until it is confirmed, after the report too");
	cr_expect_eq(ACT(s, &k, number, .action = "nothing"), -EINVAL);
	rows = sk_store_inspections(s, "zeimu", 10, 0);
	cr_assert_eq(json_array_size(rows), 1);
	cr_expect_eq(help_number(json_array_get(rows, 0), "open"), 0);
	json_decref(rows);
	help_close(s);
}
