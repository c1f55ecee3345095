/* Incidents in the store: what opens one, what is refused, and that their course only grows. */
#include "server/store_incidents.h"
#include "tests/unit/store_help.h"

static struct sk_store *s;
static struct chain pc;
static struct sk_actor desk, sec, other, aud;
static struct sk_err err;

static void up(void)
{
	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	desk = help_actor("madoguchi", "窓口担当", "", SK_ROLE_DESK);
	sec = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	other = help_actor("skacho", "市民課長", "shimin", SK_ROLE_SEC);
	aud = help_actor("kansa", "監査", "", SK_ROLE_AUD);
}

static void down(void)
{
	help_close(s);
}
TestSuite(store_incidents, .init = up, .fini = down);

static struct sk_incident_new report(const char *title)
{
	return (struct sk_incident_new){
	    .kind = "loss", .title = title, .text = "電車の網棚", .unit = "zeimu", .terminal = "", .informant = ""};
}

static int64_t opened(const char *title)
{
	struct sk_incident_new n = report(title);
	int64_t number = 0;

	cr_assert_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), 0, "%s", err.text);
	return number;
}

static int act(const struct sk_actor *by, int64_t number, const char *action, const char *state, int severity,
               const char *text)
{
	struct sk_incident_act a = {
	    .action = action, .state = state, .severity = severity, .target = "ciso", .text = text};

	err = (struct sk_err)SK_ERR_INIT;
	return sk_store_incident_act(s, by, number, &a, T0 + 1000, &err);
}

static size_t count(const char *unit, const char *reporter, const char *state)
{
	json_t *list = sk_store_incidents(s, unit, reporter, state, 100, 0);
	size_t n = json_array_size(list);

	cr_assert_not_null(list);
	json_decref(list);
	return n;
}

Test(store_incidents, from_the_report_to_its_end)
{
	int64_t n = opened("USBメモリの紛失");
	json_t *o;

	cr_expect_eq(act(&desk, n, "step", "confirmed", 0, "個人情報あり"), -EINVAL, "without a severity");
	cr_expect_eq(act(&desk, n, "step", "confirmed", 2, "個人情報あり"), 0, "%s", err.text);
	cr_expect_eq(act(&sec, n, "told", NULL, 0, ""), 0, "%s", err.text);
	cr_expect_eq(act(&sec, n, "step", "responding", 0, ""), 0);
	cr_expect_eq(act(&sec, n, "step", "recovered", 0, ""), 0);
	cr_expect_eq(act(&desk, n, "step", "closed", 0, ""), -EINVAL);
	cr_expect_eq(act(&sec, n, "cause", NULL, 0, "鞄に入れなかった"), 0);
	cr_expect_eq(act(&sec, n, "prevention", NULL, 0, ""), -EINVAL, "a text is needed");
	cr_expect_eq(act(&sec, n, "prevention", NULL, 0, "運搬用の鞄を使う"), 0);
	cr_expect_eq(act(&desk, n, "step", "closed", 0, ""), 0, "%s", err.text);
	cr_expect_eq(act(&desk, n, "note", NULL, 0, "more"), -EPERM, "closed");
	o = sk_store_incident(s, n);
	cr_expect_eq(json_array_size(json_object_get(o, "course")), 8);
	cr_expect_str_eq(json_string_value(json_object_get(o, "state")), "closed");
	cr_expect_eq(json_integer_value(json_object_get(o, "severity")), 2);
	cr_expect_str_eq(json_string_value(json_object_get(o, "label")), "2025-0001");
	json_decref(o);
	cr_expect_eq(count(NULL, NULL, NULL), 0);
	cr_expect_eq(count(NULL, NULL, "all"), 1);
	cr_expect_eq(count(NULL, NULL, "closed"), 1);
}

Test(store_incidents, who_may)
{
	int64_t n = opened("誤送付");

	cr_expect_eq(act(&other, n, "note", NULL, 0, "x"), -EPERM, "another section's manager");
	cr_expect_eq(act(&aud, n, "note", NULL, 0, "x"), -EPERM);
	cr_expect_eq(act(&sec, n, "step", "confirmed", 1, "x"), -EPERM);
	cr_expect_eq(act(&desk, n + 1, "note", NULL, 0, "x"), -ENOENT);
	cr_expect_eq(act(&desk, n, "erase", NULL, 0, "x"), -EINVAL);
	cr_expect_eq(act(&desk, n, "step", "nothing", 0, ""), -EINVAL, "the reason is needed");
	cr_expect_eq(act(&desk, n, "step", "melted", 0, ""), -EINVAL);
	cr_expect_eq(count("zeimu", NULL, NULL), 1);
	cr_expect_eq(count("shimin", NULL, NULL), 0);
	cr_expect_eq(count(NULL, "zkacho", NULL), 1);
	cr_expect_eq(count(NULL, "nobody", NULL), 0);
}

Test(store_incidents, two_at_once)
{
	int64_t n = opened("紛失");
	struct sk_incident_act a = {
	    .action = "step", .from = "received", .state = "checking", .target = "", .text = ""};

	cr_expect_eq(sk_store_incident_act(s, &desk, n, &a, T0, &err), 0);
	a.state = "nothing";
	a.text = "同じ";
	cr_expect_eq(sk_store_incident_act(s, &desk, n, &a, T0, &err), -ESTALE);
}

Test(store_incidents, what_is_wrong_is_refused)
{
	struct sk_incident_new n = report("x");
	char big[4100];
	int64_t number;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	n.kind = "rumour";
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -EINVAL);
	n = report("");
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -EINVAL);
	n = report(big);
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -EINVAL);
	n = report("x");
	n.text = big;
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -EINVAL);
	n = report("x");
	n.unit = "'; DROP TABLE units;--";
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -ENOENT);
	n = report("x");
	n.terminal = "nowhere";
	cr_expect_eq(sk_store_incident_open(s, &sec, &n, T0, &number, &err), -ENOENT);
	cr_expect_eq(count(NULL, NULL, "all"), 0);
	number = opened("y");
	cr_expect_eq(act(&desk, number, "note", NULL, 0, big), -EINVAL);
}

static void sign(const char *kind, const char *body)
{
	struct sk_event e = help_event(&pc, kind, body);
	enum sk_chain_result chain;
	int64_t acked;

	cr_assert_eq(sk_store_events_put(s, pc.id, &e, 1, T0, &acked, &chain, &err), 0, "%s", err.text);
	sk_event_clear(&e);
}

Test(store_incidents, signs_of_a_terminal_open_one_and_add_to_it)
{
	json_t *list, *o;
	int64_t n;

	sign("medium.infected", "{}");
	sign("medium.infected", "{}");
	cr_expect_eq(count("zeimu", NULL, NULL), 1, "one, of the terminal's section");
	list = sk_store_incidents(s, NULL, NULL, NULL, 10, 0);
	n = json_integer_value(json_object_get(json_array_get(list, 0), "number"));
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "kind")), "malware");
	json_decref(list);
	o = sk_store_incident(s, n);
	cr_expect_eq(json_array_size(json_object_get(o, "course")), 2);
	json_decref(o);
	cr_assert_eq(act(&desk, n, "step", "nothing", 0, "検査用ファイル"), 0);
	cr_assert_eq(act(&desk, n, "step", "closed", 0, ""), 0, "%s", err.text);
	sign("medium.infected", "{}");
	cr_expect_eq(count(NULL, NULL, "all"), 2, "after the end of one a new one begins");
}

Test(store_incidents, what_is_sent_twice_is_one)
{
	int64_t a = opened("USBメモリの紛失"), b = opened("USBメモリの紛失"), c = opened("別の紛失");
	json_t *o;

	cr_expect_eq(a, b);
	cr_expect_neq(a, c);
	cr_assert_eq(act(&desk, a, "note", NULL, 0, "連絡済み"), 0);
	cr_assert_eq(act(&desk, a, "note", NULL, 0, "連絡済み"), 0);
	cr_assert_eq(act(&sec, a, "note", NULL, 0, "連絡済み"), 0);
	o = sk_store_incident(s, a);
	cr_expect_eq(json_array_size(json_object_get(o, "course")), 3, "opened, one note of each");
	json_decref(o);
	cr_assert_eq(act(&desk, a, "step", "checking", 0, ""), 0);
	cr_expect_neq(opened("USBメモリの紛失"), a, "once somebody looks into it, the same words are another report");
}

Test(store_incidents, a_terminal_that_repeats_itself_does_not_fill_the_page)
{
	json_t *list, *o;

	for (int i = 0; i < 80; i++)
		sign("medium.infected", "{}");
	list = sk_store_incidents(s, NULL, NULL, "all", 10, 0);
	cr_assert_eq(json_array_size(list), 1);
	o = sk_store_incident(s, json_integer_value(json_object_get(json_array_get(list, 0), "number")));
	cr_expect_eq(json_array_size(json_object_get(o, "course")), 51);
	json_decref(o);
	json_decref(list);
}
