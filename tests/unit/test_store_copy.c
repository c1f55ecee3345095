/* A whole ledger into another store: equal, unbroken, and work goes on there. Over SQLite, and over PostgreSQL both ways. */
#include "tests/unit/store_help.h"

#include "server/store_copy.h"

static void fill(struct sk_store *s, struct chain *c)
{
	struct sk_actor sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	struct sk_actor desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	struct sk_decision d = {.what = SK_DO_PERMIT, .access = "rw", .until = T0 + 4 * HOUR};
	struct sk_err err = SK_ERR_INIT;

	d.request = help_request(s, c, "shokuin1", "rw", 4);
	cr_assert_eq(sk_store_decide(s, &sec, &d, T0, &err), 0, "%s", err.text);
	d.what = SK_DO_APPROVE;
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), 0, "%s", err.text);
	help_request(s, c, "shokuin2", "ro", 8);
	for (int i = 0; i < 700; i++) /* more than one portion of a cursor */
		help_send(s, c, "x", "{\"text\":\"税務課 \\\\ ' \\\" ?\"}");
	cr_assert_eq(sk_store_session_put(s, "token", "zkacho", "csrf", T0), 0);
}

static int64_t rows_of(const json_t *tables, const char *name)
{
	const json_t *t;
	size_t i;

	json_array_foreach(tables, i, t)
	{
		if (strcmp(help_text(t, "table"), name) == 0)
			return help_number(t, "rows");
	}
	return -1;
}

/* Copies s to path, checks, and goes on there. */
static struct sk_store *moved(struct sk_store *s, const char *path, struct chain *c, json_t **tables)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_store *to = NULL;
	json_t *before, *after, *findings = NULL;

	cr_assert_eq(sk_store_open(path, true, &to, &err), 0, "%s", err.text);
	before = sk_store_requests(s, NULL, NULL, "all", 10, 0);
	cr_assert_eq(sk_store_copy(s, to, &by, T0, tables, &err), 0, "%s", err.text);
	after = sk_store_requests(to, NULL, NULL, "all", 10, 0);
	cr_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	before = sk_store_events(s, c->id, NULL, 0, 1000);
	after = sk_store_events(to, c->id, NULL, 0, 1000);
	cr_assert_eq(json_array_size(after), (size_t)c->seq);
	cr_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	help_send(to, c, "x", "{}");
	help_request(to, c, "shokuin3", "ro", 8);
	cr_assert_eq(sk_store_verify(to, &findings, &err), 0);
	json_decref(findings);
	return to;
}

Test(store_copy, equal_and_work_goes_on, .timeout = 60)
{
	struct sk_store *s = help_store(), *b, *c2;
	struct chain c = help_terminal(s, 1, "zeimu");
	char there[512], back[512];
	json_t *tables = NULL, *again = NULL;

	fill(s, &c);
	snprintf(there, sizeof(there), "%s/there.db", help_dir); /* SQLite, whatever s is */
	b = moved(s, there, &c, &tables);
	cr_assert_eq(rows_of(tables, "events"), 702);
	cr_assert_eq(rows_of(tables, "requests"), 2);
	cr_assert_eq(rows_of(tables, "grants"), 1);
	cr_assert_eq(rows_of(tables, "sessions"), 1);
	behind_place(help_dir, "back.db", back, sizeof(back));
	c2 = moved(b, back, &c, &again);
	cr_assert_eq(rows_of(again, "events"), 704);
	cr_assert_eq(rows_of(again, "requests"), 3);
	json_decref(tables);
	json_decref(again);
	sk_store_close(b);
	sk_store_close(c2);
	unlink(there);
	unlink(back);
	behind_gone(back);
	help_close(s);
}

Test(store_copy, only_into_an_empty_one_and_only_whole)
{
	struct sk_store *s = help_store(), *to = NULL;
	struct chain c = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	char there[512];
	json_t *list;

	help_send(s, &c, "x", "{}");
	behind_place(help_dir, "there.db", there, sizeof(there));
	cr_assert_eq(sk_store_open(there, true, &to, &err), 0, "%s", err.text);
	behind_disarm(help_path, "events");
	behind(help_path, "UPDATE events SET kind = 'z'");
	cr_assert_eq(sk_store_copy(s, to, &by, T0, NULL, &err), -EBADMSG);
	cr_assert_not_null(strstr(err.text, "verify"), "%s", err.text);
	list = sk_store_units(to);
	cr_assert_eq(json_array_size(list), 0, "nothing of it is there");
	json_decref(list);
	cr_assert_eq(sk_store_copy(s, to, NULL, T0, NULL, &err), 0, "as a backup it is copied as it is: %s", err.text);
	cr_assert_eq(sk_store_copy(s, to, NULL, T0, NULL, &err), -EEXIST);
	cr_assert_not_null(strstr(err.text, "not empty"));
	sk_store_close(to);
	unlink(there);
	behind_gone(there);
	help_close(s);
}

/* A foreign key that leads nowhere, a row that is refused: nothing is left behind. */
Test(store_copy, a_row_that_is_refused_leaves_nothing)
{
	struct sk_store *s = help_store(), *to = NULL;
	struct chain c = help_terminal(s, 1, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	char there[512];
	json_t *list;

	SQLITE_ONLY("PostgreSQL holds the references of the source");
	help_send(s, &c, "x", "{}");
	behind(help_path, "PRAGMA foreign_keys = OFF; INSERT INTO sessions(token, user, csrf, created, seen) "
	                  "VALUES('t', 'nobody', 'c', 1, 1)");
	snprintf(there, sizeof(there), "%s/there.db", help_dir);
	cr_assert_eq(sk_store_open(there, true, &to, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_copy(s, to, &by, T0, NULL, &err), -EEXIST, "%s", err.text);
	list = sk_store_units(to);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	sk_store_close(to);
	unlink(there);
	help_close(s);
}
