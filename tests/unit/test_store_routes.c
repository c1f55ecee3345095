/* A terminal's request follows its kind: the route in steps, one vote a person, the classes, the destination and the longest term. */
#include "tests/unit/store_help.h"

#include "server/store_applications.h"

static struct sk_store *s;
static struct chain pc;
static struct sk_actor kacho, desk, exec_, joho, ciso;

static void up(void)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	cr_assert_eq(sk_store_user_put(s, &by, "shikko", "執行責任者", "", SK_ROLE_EXEC, HASH, &err), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "joho", "情報課長", "", SK_ROLE_SYS, HASH, &err), 0);
	cr_assert_eq(sk_store_user_put(s, &by, "tokatsu", "統括責任者", "", SK_ROLE_CISO | SK_ROLE_DESK, HASH, &err),
	             0);
	kacho = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	desk = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK);
	exec_ = help_actor("shikko", "執行責任者", "", SK_ROLE_EXEC);
	joho = help_actor("joho", "情報課長", "", SK_ROLE_SYS);
	ciso = help_actor("tokatsu", "統括責任者", "", SK_ROLE_CISO);
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_routes, .init = up, .fini = down);

static void office(const char *rest)
{
	char text[512];
	struct sk_err err = SK_ERR_INIT;

	snprintf(text, sizeof(text), "[kind media_use]\nword_ja = 媒体\nword_en = M\ngrant = medium\n%s", rest);
	cr_assert_eq(sk_store_kinds_set(s, &joho, text, T0, &err), 0, "%s", err.text);
}

#define FIELDS "fields = purpose! medium terminal access destination\n"

static int decide(const struct sk_actor *by, int64_t n, int what, sk_ms until)
{
	struct sk_decision d = {.request = n, .what = what, .reason = "r", .access = "ro", .until = until};
	struct sk_err err = SK_ERR_INIT;

	return sk_store_decide(s, by, &d, T0, &err);
}

static int permit(const struct sk_actor *by, int64_t n)
{
	return decide(by, n, SK_DO_PERMIT, 0);
}

Test(store_routes, steps_one_after_the_other)
{
	int64_t n;
	json_t *q;

	office(FIELDS "route = sec > exec & sys > ciso\n");
	n = help_request(s, &pc, "shokuin", "ro", 8);
	office(FIELDS "route = sec\n"); /* what was asked before keeps the route of its day */
	cr_expect_eq(permit(&exec_, n), -EPERM, "not their turn");
	cr_assert_eq(permit(&kacho, n), 0);
	help_state(s, n, "submitted");
	cr_expect_eq(permit(&kacho, n), -EPERM, "once");
	cr_assert_eq(decide(&exec_, n, SK_DO_PERMIT, T0 + 4 * HOUR), 0);
	cr_expect_eq(permit(&exec_, n), -EPERM);
	help_state(s, n, "submitted");
	cr_expect_eq(decide(&joho, n, SK_DO_PERMIT, T0 + 5 * HOUR), -EINVAL, "a later step does not lengthen it");
	cr_assert_eq(permit(&joho, n), 0);
	cr_expect_eq(decide(&desk, n, SK_DO_APPROVE, T0 + HOUR), -ESTALE, "not before its route is through");
	cr_assert_eq(permit(&ciso, n), 0);
	help_state(s, n, "permitted");
	q = sk_store_request(s, n, NULL);
	cr_expect_eq(json_array_size(json_object_get(q, "votes")), 4);
	cr_expect_eq(help_number(q, "until"), T0 + 4 * HOUR, "as the one that shortened it said");
	cr_expect_str_eq(help_text(q, "route"), "sec > sys & exec > ciso");
	json_decref(q);
	ciso.role = SK_ROLE_DESK;
	cr_expect_eq(decide(&ciso, n, SK_DO_APPROVE, T0 + HOUR), -EPERM, "who permitted does not issue");
	cr_expect_eq(decide(&desk, n, SK_DO_APPROVE, T0 + 5 * HOUR), -EINVAL);
	cr_assert_eq(decide(&desk, n, SK_DO_APPROVE, T0 + 3 * HOUR), 0);
	help_state(s, n, "approved");
	n = help_request(s, &pc, "shokuin", "ro", 8);
	cr_assert_eq(permit(&kacho, n), 0);
	help_state(s, n, "permitted");
}

Test(store_routes, one_vote_behind_the_programs_back_either)
{
	int64_t n;
	char sql[512];

	office(FIELDS "route = sec > exec\n");
	n = help_request(s, &pc, "shokuin", "ro", 8);
	cr_assert_eq(permit(&kacho, n), 0);
	snprintf(sql, sizeof(sql),
	         "INSERT INTO request_votes(request, step, role, user, name, unit, time, person) VALUES(%d, 1, 'exec', "
	         "'zkacho', '', '', 1, 'shokuin')",
	         (int)n);
	cr_expect_neq(behind_try(help_path, sql), 0);
	cr_expect_neq(behind_try(help_path, "DELETE FROM request_votes"), 0);
	cr_expect_eq(decide(&exec_, n, SK_DO_REFUSE, 0), 0, "refused by whose turn it is");
	help_state(s, n, "refused");
}

static void comes_back(int hours, const char *why)
{
	json_t *list, *q, *h;

	(void)help_request(s, &pc, "shokuin", "ro", hours);
	list = sk_store_requests(s, NULL, NULL, "all", 1, 0);
	q = sk_store_request(s, help_number(json_array_get(list, 0), "number"), NULL);
	h = json_object_get(q, "history");
	json_decref(list);

	cr_expect_str_eq(help_text(q, "state"), "returned");
	cr_expect_str_eq(help_text(q, "reason"), why);
	cr_expect_str_eq(help_text(json_array_get(h, json_array_size(h) - 1), "user"), "system");
	json_decref(q);
}

Test(store_routes, what_does_not_keep_to_the_kind_comes_back)
{
	int64_t n;

	office(FIELDS "route = sec\nlongest = 1\n");
	n = help_request(s, &pc, "shokuin", "ro", 24);
	help_state(s, n, "submitted");
	comes_back(25, "This is longer than the kind allows.");
	office(FIELDS "route = sec\nclasses = 1 2\n");
	comes_back(8, "This class is not possible here.");
	office("fields = purpose! medium terminal access recipient!\nroute = sec\n");
	comes_back(8, "The office asks for more than a terminal tells: apply on the console.");
	office("fields = purpose! medium! terminal! access! count\nroute = sec\n");
	n = help_request(s, &pc, "shokuin", "ro", 8);
	help_state(s, n, "submitted");
	cr_expect_eq(permit(&kacho, n), 0);
}

Test(store_routes, a_text_without_the_kind_leaves_the_shipped_one)
{
	struct sk_err err = SK_ERR_INIT;
	const char *own = "[kind own]\nword_ja = 他\nword_en = Other\nfields = purpose!\nroute = ciso\n";
	int64_t n;
	json_t *q;

	cr_assert_eq(sk_store_kinds_set(s, &joho, own, T0, &err), 0, "%s", err.text);
	n = help_request(s, &pc, "shokuin", "ro", 8);
	q = sk_store_request(s, n, NULL);
	cr_expect_str_eq(help_text(q, "route"), "sec");
	json_decref(q);
}
