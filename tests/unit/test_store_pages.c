/* Reports and what pages show of them. */
#include "tests/unit/store_help.h"

#define SILENT (72 * HOUR)

static void report(struct sk_store *s, struct chain *c, const char *posture, sk_ms now)
{
	char text[2048];
	struct sk_err err = SK_ERR_INIT;
	json_t *j;

	snprintf(text, sizeof(text),
	         "{\"version\":\"0.1.0\",\"os\":\"Debian\",\"host\":\"pc\",\"policy\":{\"name\":\"p\",\"version\":2},"
	         "\"grants_version\":1,"
	         "\"journal\":{\"last_seq\":%lld},\"clock\":{\"now\":%lld},\"posture\":%s,\"devices\":[{\"device\":\"1-"
	         "2\"}],\"enforcement\":{}}",
	         (long long)c->seq, (long long)now, posture);
	j = json_loads(text, 0, NULL);
	cr_assert_not_null(j);
	cr_assert_eq(sk_store_report_put(s, c->id, j, now, &err), 0, "%s", err.text);
	json_decref(j);
}

static const char *state_of(struct sk_store *s, const struct chain *c, sk_ms now)
{
	static char state[32];
	json_t *p = sk_store_terminal_page(s, c->id, now, SILENT);

	cr_assert_not_null(p);
	sk_text_copy(state, sizeof(state), help_text(json_object_get(p, "terminal"), "state"));
	json_decref(p);
	return state;
}

#define ONE(state) "[{\"id\":\"screen-lock\",\"state\":\"" state "\",\"at\":1}]"
#define TWO(a, b) \
	"[{\"id\":\"screen-lock\",\"state\":\"" a "\",\"at\":1},{\"id\":\"antivirus\",\"state\":\"" b "\",\"at\":1}]"

Test(store_pages, worst_state_wins_and_nothing_known_is_never_compliant)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");

	cr_assert_str_eq(state_of(s, &a, T0), "unknown", "enrolled, not reported");
	report(s, &a, "[]", T0);
	cr_assert_str_eq(state_of(s, &a, T0), "unknown", "reported, nothing checked");
	report(s, &a, ONE("compliant"), T0);
	cr_assert_str_eq(state_of(s, &a, T0), "compliant");
	report(s, &a, TWO("compliant", "unknown"), T0);
	cr_assert_str_eq(state_of(s, &a, T0), "unknown");
	report(s, &a, TWO("non-compliant", "unknown"), T0);
	cr_assert_str_eq(state_of(s, &a, T0), "non-compliant");
	report(s, &a, TWO("non-compliant", "error"), T0);
	cr_assert_str_eq(state_of(s, &a, T0), "error");
	help_close(s);
}

Test(store_pages, a_silent_terminal_is_silent_whatever_it_said)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");

	report(s, &a, ONE("compliant"), T0);
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT), "compliant");
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT + 1), "silent");
	sk_store_contact(s, a.id, T0 + HOUR);
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT + 1), "silent", "asking for orders says nothing of its state");
	cr_assert_eq(sk_store_tend(s, T0 + HOUR), 0);
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT + 1), "silent");
	report(s, &a, ONE("compliant"), T0 + HOUR);
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT + 1), "compliant");
	cr_assert_eq(sk_store_tend(s, T0 + 2 * HOUR), 0);
	cr_assert_str_eq(state_of(s, &a, T0 + SILENT + 1), "compliant", "also when it is kept");
	cr_assert_str_eq(state_of(s, &b, T0 + SILENT), "unknown");
	cr_assert_str_eq(state_of(s, &b, T0 + SILENT + 1), "silent", "one that never came, from its enrolment on");
	help_close(s);
}

Test(store_pages, history_on_change_only)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	json_t *p;

	for (int i = 0; i < 5; i++)
		report(s, &a, ONE("compliant"), T0 + i);
	report(s, &a, TWO("non-compliant", "compliant"), T0 + 10);
	report(s, &a, ONE("compliant"), T0 + 20);
	p = sk_store_terminal_page(s, a.id, T0 + 30, SILENT);
	cr_assert_eq(json_array_size(json_object_get(p, "history")), 4);
	cr_assert_str_eq(help_text(json_array_get(json_object_get(p, "history"), 0), "state"), "compliant");
	cr_assert_eq(json_array_size(json_object_get(p, "posture")), 1, "the check that is asked for no more is gone");
	json_decref(p);
	help_close(s);
}

Test(store_pages, terminal_page_has_all_parts)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	static const char *const lists[] = {"posture", "devices", "events", "requests", "grants", "history"};
	json_t *p = sk_store_terminal_page(s, a.id, T0, SILENT);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		cr_assert(json_is_array(json_object_get(p, lists[i])), "%s", lists[i]);
	cr_assert(json_is_object(json_object_get(p, "status")));
	json_decref(p);
	report(s, &a, ONE("compliant"), T0 + 5);
	report(s, &a, ONE("compliant"), T0 + 6); /* stable: only in memory */
	help_request(s, &a, "shokuin1", "ro", 8);
	p = sk_store_terminal_page(s, a.id, T0, SILENT);
	cr_assert_eq(help_number(json_object_get(json_object_get(p, "status"), "clock"), "now"), T0 + 6);
	cr_assert_eq(help_number(json_object_get(p, "status"), "received"), T0 + 6);
	cr_assert_null(json_object_get(json_object_get(p, "status"), "posture"));
	cr_assert_eq(json_array_size(json_object_get(p, "devices")), 1);
	cr_assert_eq(json_array_size(json_object_get(p, "events")), 1);
	cr_assert_eq(help_number(json_object_get(p, "terminal"), "requests"), 1);
	cr_assert_eq(help_number(json_object_get(json_object_get(p, "terminal"), "policy"), "version"), 2);
	json_decref(p);
	cr_assert_null(sk_store_terminal_page(s, "nobody", T0, SILENT));
	help_close(s);
}

Test(store_pages, status_survives_a_restart)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;
	json_t *p;

	report(s, &a, ONE("compliant"), T0);
	report(s, &a, ONE("compliant"), T0 + 9);
	s = sk_store_close(s);
	cr_assert_eq(sk_store_open(help_path, false, &s, &err), 0);
	p = sk_store_terminal_page(s, a.id, T0, SILENT);
	cr_assert_eq(help_number(json_object_get(p, "status"), "received"), T0 + 9);
	json_decref(p);
	help_close(s);
}

static size_t found(struct sk_store *s, const char *unit, const char *find, const char *state)
{
	json_t *list = sk_store_terminals(s, unit, find, state, T0, SILENT, 100, 0);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

Test(store_pages, terminals_are_found_and_ordered)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin"),
	             c = help_terminal(s, 3, "zeimu");
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	json_t *list;

	report(s, &a, ONE("compliant"), T0);
	report(s, &b, ONE("non-compliant"), T0);
	cr_assert_eq(sk_store_terminal_revoke(s, &by, c.id, "lost", &err), 0);
	list = sk_store_terminals(s, NULL, NULL, NULL, T0, SILENT, 100, 0);
	cr_assert_eq(json_array_size(list), 3);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "host"), "pc-2", "worst first");
	cr_assert_str_eq(help_text(json_array_get(list, 1), "host"), "pc-1");
	cr_assert(json_is_true(json_object_get(json_array_get(list, 2), "revoked")), "revoked last");
	cr_assert(json_is_false(json_object_get(json_array_get(list, 0), "revoked")));
	cr_assert_str_eq(help_text(json_array_get(list, 0), "unit_ja"), "市民課");
	json_decref(list);
	cr_assert_eq(found(s, "zeimu", NULL, NULL), 2);
	cr_assert_eq(found(s, NULL, "PC-1", NULL), 1);
	cr_assert_eq(found(s, NULL, "", NULL), 3);
	cr_assert_eq(found(s, NULL, "%", NULL), 0, "no wildcard");
	cr_assert_eq(found(s, NULL, "' OR 1=1 --", NULL), 0);
	cr_assert_eq(found(s, NULL, NULL, "compliant"), 1);
	cr_assert_eq(found(s, NULL, NULL, "unknown"), 0, "the revoked one counts no more");
	cr_assert_eq(found(s, "shimin", NULL, "compliant"), 0);
	help_close(s);
}

Test(store_pages, overview_counts)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	json_t *o;

	report(s, &a, TWO("compliant", "non-compliant"), T0);
	help_request(s, &a, "shokuin1", "ro", 8);
	o = sk_store_overview(s, NULL, T0, SILENT);
	cr_assert_eq(help_number(o, "terminals"), 2);
	cr_assert_eq(help_number(json_object_get(o, "states"), "non-compliant"), 1);
	cr_assert_eq(help_number(json_object_get(o, "states"), "unknown"), 1);
	cr_assert_eq(help_number(json_object_get(o, "requests"), "submitted"), 1);
	cr_assert_eq(json_array_size(json_object_get(o, "checks")), 2);
	cr_assert_eq(json_array_size(json_object_get(o, "units")), 2);
	json_decref(o);
	o = sk_store_overview(s, "shimin", T0, SILENT);
	cr_assert_eq(help_number(o, "terminals"), 1);
	cr_assert_eq(help_number(json_object_get(o, "requests"), "submitted"), 0);
	cr_assert_eq(json_array_size(json_object_get(o, "checks")), 0);
	cr_assert_eq(json_array_size(json_object_get(o, "units")), 1);
	json_decref(o);
	o = sk_store_overview(s, NULL, T0 + SILENT + 1, SILENT);
	cr_assert_eq(help_number(json_object_get(o, "states"), "silent"), 2);
	json_decref(o);
	o = sk_store_counts(s, T0, SILENT);
	cr_assert_eq(help_number(json_object_get(o, "totals"), "events"), 1);
	json_decref(o);
	(void)b;
	help_close(s);
}
