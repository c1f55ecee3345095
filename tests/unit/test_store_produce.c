/* What a permitted application produces: the use of a registered medium, issued and ended by the way of every request, and the permit of a setting. */
#include "common/json.h"
#include "policy/media_key.h"
#include "server/store_applications.h"
#include "server/store_media.h"
#include "server/store_setting.h"
#include "tests/unit/store_help.h"

#define DAY (24 * HOUR)

static struct sk_store *s;
static struct chain pc, other;
static struct sk_actor clerk, kacho, desk, sys;
static struct sk_kinds *kinds;
static int forms;

static void medium(const char *ledger, const char *serial, const char *unit)
{
	struct sk_volumes v = {.bytes = 8000000000ull, .n = 1, .of = {{1048576, 7000000000ull, "vfat", ""}}};
	char key[SK_SHA256_HEX], dk[SK_SHA256_HEX] = "", *text;
	struct sk_err err = SK_ERR_INIT;
	enum sk_chain_result chain;
	struct sk_event e;
	json_t *facts, *body, *list;
	int64_t acked = 0;

	memset(dk, 'd', 64);
	sk_text_copy(v.of[0].uuid, sizeof(v.of[0].uuid), ledger);
	cr_assert_eq(sk_media_key(&v, key), 0);
	facts = sk_volumes_json(&v);
	body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:O}", "device", "1-1", "ledger",
	                 ledger, "label", "運搬用", "device_key", dk, "serial", serial, "media_key", key, "vendor_id",
	                 "0951", "product_id", "1666", "vendor", "Maker", "product", "Stick", "size",
	                 (json_int_t)v.bytes, "volumes", json_object_get(facts, "volumes"));
	json_decref(facts);
	text = sk_json_text(body);
	e = help_event(&pc, "media.registered-request", text);
	cr_assert_eq(help_put(s, pc.id, &e, 1, &acked, &chain), 0);
	sk_event_clear(&e);
	free(text);
	json_decref(body);
	list = sk_store_media_requests(s, NULL, true, 1);
	cr_assert_eq(sk_store_media_approve(s, &sys, json_integer_value(json_object_get(json_array_get(list, 0), "id")),
	                                    NULL, unit, T0, &err),
	             0, "%s", err.text);
	json_decref(list);
}

static void up(void)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	s = help_store();
	sys = by;
	pc = help_terminal(s, 1, "zeimu");
	other = help_terminal(s, 2, "shimin");
	cr_assert_eq(sk_kinds_parse("k", sk_kinds_shipped, strlen(sk_kinds_shipped), &kinds, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "clerk", "主事", "zeimu", SK_ROLE_STAFF, HASH, &err), 0);
	cr_assert_eq(sk_store_user_login(s, &by, "clerk", "CITY\\shuji", &err), 0);
	clerk = help_actor("clerk", "主事", "zeimu", SK_ROLE_STAFF);
	kacho = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	desk = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK);
	medium("M-1", "S1", "zeimu");
	medium("M-2", "S1", "zeimu"); /* looks the same: only its number tells them apart */
	medium("M-9", "S9", "shimin");
}

static void down(void)
{
	kinds = sk_kinds_free(kinds);
	help_close(s);
}
TestSuite(store_produce, .init = up, .fini = down);

static int put(const char *kind, json_t *more, sk_ms from, sk_ms until, int64_t *n, const char **field)
{
	json_t *fields =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "purpose", "説明会", "hardware", "USB", "what", "名簿",
	              "destination", "支所", "encryption", "あり", "reason", "投影", "before_after", "15分 → なし");
	struct sk_application a = {.n_kinds = 1, .person = "clerk", .fields = fields, .from = from, .until = until};
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	char once[40];
	int r;

	snprintf(once, sizeof(once), "%032d", ++forms);
	a.once = once;
	a.kinds[0] = sk_kind_find(kinds, kind);
	a.class = a.kinds[0]->classes != 0 ? "2" : "";
	json_object_update(fields, more);
	json_decref(more);
	r = sk_store_application_put(s, &clerk, &a, T0, n, &p, &err);
	json_decref(fields);
	*field = p.field == NULL ? "" : p.field;
	return r;
}

static json_t *uses(const char *ledger, const char *host, const char *access)
{
	return json_pack("{s:s,s:s,s:s}", "medium", ledger, "terminal", host, "access", access);
}

static int act(const struct sk_actor *by, int64_t n, const char *action, const char *reason)
{
	const struct sk_return_check all = {.scan = true, .patches = true};
	struct sk_err err = SK_ERR_INIT;
	int64_t made;

	if (strcmp(action, "back") == 0)
		return sk_store_application_back(s, by, n, &all, reason, T0, &err);
	return sk_store_application_act(s, by, n, action, reason, 0, T0, &made, &err);
}

static int64_t permitted(const char *ledger, const char *access, sk_ms from, sk_ms until)
{
	const char *field;
	int64_t n = 0;

	cr_assert_eq(put("takeout_medium", uses(ledger, "pc-1", access), from, until, &n, &field), 0, "%s", field);
	cr_assert_eq(act(&kacho, n, "permit", ""), 0);
	return n;
}

/* The newest request that it produced; 0 = none. */
static int64_t request_of(int64_t n, const char *state)
{
	json_t *a = sk_store_application(s, n, T0), *list = json_object_get(a, "requests"),
	       *q = json_array_get(list, json_array_size(list) - 1);
	int64_t number = json_integer_value(json_object_get(q, "number"));

	if (state != NULL)
		cr_expect_str_eq(help_text(q, "state"), state);
	json_decref(a);
	return number;
}

static int issue(const struct sk_actor *by, int64_t request, const char *access, sk_ms until, struct sk_err *err)
{
	struct sk_decision d = {.request = request, .what = SK_DO_APPROVE, .access = access, .until = until};

	return sk_store_decide(s, by, &d, T0, err);
}

static json_t *grants(const struct chain *c, sk_ms now)
{
	int64_t version;
	json_t *body = sk_store_grants_body(s, c->id, now, &version);
	json_t *g = json_incref(json_object_get(body, "grants"));

	json_decref(body);
	return g;
}

static void medium_is(const char *ledger, const char *state)
{
	json_t *m = sk_store_medium(s, ledger);

	cr_expect_str_eq(help_text(m, "state"), state);
	json_decref(m);
}

Test(store_produce, a_take_out_is_issued_as_a_terminals_request_is)
{
	struct sk_err err = SK_ERR_INIT;
	int64_t n = permitted("M-2", "rw", T0 - DAY, T0 + 5 * DAY), q = request_of(n, "permitted");
	json_t *list = sk_store_requests(s, "zeimu", NULL, NULL, 10, 0), *row = json_array_get(list, 0), *g;

	cr_assert_eq(json_array_size(list), 1, "it waits for the helpdesk");
	cr_expect_str_eq(help_text(row, "person"), "CITY\\shuji", "as the person logs in to terminals");
	cr_expect_str_eq(help_text(row, "permitted_by"), "税務課長");
	cr_expect_str_eq(help_text(row, "purpose"), "説明会");
	cr_expect_eq(json_integer_value(json_object_get(row, "application")), n);
	json_decref(list);
	g = grants(&pc, T0);
	cr_expect_eq(json_array_size(g), 0, "nothing is open before it is issued");
	json_decref(g);
	cr_expect_eq(issue(&desk, q, "rw", T0 + 6 * DAY, &err), -EINVAL, "not beyond what was permitted");
	cr_assert_eq(issue(&desk, q, "rw", T0 + 4 * DAY, &err), 0, "%s", err.text);
	g = grants(&pc, T0);
	cr_assert_eq(json_array_size(g), 1);
	cr_expect_str_eq(help_text(json_array_get(g, 0), "ledger"), "M-2",
	                 "the one it names, not the one that looks so");
	cr_expect_str_eq(help_text(json_array_get(g, 0), "person"), "CITY\\shuji");
	cr_expect_str_eq(help_text(json_array_get(g, 0), "access"), "rw");
	cr_expect_str_eq(help_text(json_array_get(g, 0), "info_class"), "2");
	json_decref(g);
	medium_is("M-2", "out");
	medium_is("M-1", "stored");
	cr_expect_eq(act(&clerk, n, "done", ""), -EPERM, "that it is back is another's to say");
	cr_assert_eq(act(&desk, n, "back", "検査済"), 0);
	(void)request_of(n, "cancelled");
	g = grants(&pc, T0);
	cr_expect_eq(json_array_size(g), 0, "brought back, it ends");
	json_decref(g);
	medium_is("M-2", "stored");
	cr_expect_eq(act(&desk, n, "issue", ""), -ESTALE);
}

Test(store_produce, its_end_in_every_way)
{
	static const struct {
		const char *action, *reason, *medium;
		bool asker;
	} ends[] = {
	    {"lost", "電車内", "lost", true}, {"erased", "", "stored", false}, {"cancel", "事故", "out", false}};
	struct sk_err err = SK_ERR_INIT;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *ledger = i == 0 ? "M-2" : "M-1";
		int64_t n = permitted(ledger, "ro", T0, T0 + DAY);
		json_t *g;

		cr_assert_eq(issue(&desk, request_of(n, NULL), "ro", T0 + HOUR, &err), 0, "%s", err.text);
		cr_assert_eq(act(ends[i].asker ? &clerk : &kacho, n, ends[i].action, ends[i].reason), 0, "%s",
		             ends[i].action);
		(void)request_of(n, "cancelled");
		g = grants(&pc, T0);
		cr_expect_eq(json_array_size(g), 0, "%s", ends[i].action);
		json_decref(g);
		medium_is(ledger, ends[i].medium);
	}
}

Test(store_produce, what_it_names_is_checked)
{
	static const struct {
		const char *medium, *terminal, *access, *field;
	} wrong[] = {
	    {"M-3", "pc-1", "ro", "medium"},   {"M-9", "pc-1", "ro", "medium"},  {"M-1", "pc-2", "ro", "terminal"},
	    {"M-1", "pc-7", "ro", "terminal"}, {"M-1", "", "ro", "terminal"},    {"", "pc-1", "ro", "medium"},
	    {"M-1", "pc-1", "", "access"},     {"M-1", "pc-1", "all", "access"}, {"' OR 1=1", "pc-1", "ro", "medium"}};
	struct sk_err err = SK_ERR_INIT;
	const char *field;
	int64_t n = 0;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		cr_expect_eq(put("takeout_medium", uses(wrong[i].medium, wrong[i].terminal, wrong[i].access), T0,
		                 T0 + DAY, &n, &field),
		             -EINVAL);
		cr_expect_str_eq(field, wrong[i].field, "%zu", i);
	}
	cr_expect_eq(put("takeout_medium", json_object(), T0, T0 + DAY, &n, &field), 0,
	             "neither is named: a form as before");
	cr_assert_eq(act(&kacho, n, "permit", ""), 0);
	cr_expect_eq(request_of(n, NULL), 0);
	cr_assert_eq(sk_store_media_state(s, &desk, "M-1", "long-term", "", T0, &err), 0);
	cr_expect_eq(put("takeout_medium", uses("M-1", "pc-1", "rw"), T0, T0 + DAY, &n, &field), -EINVAL);
	cr_expect_str_eq(field, "access", "nothing is written to it");
	cr_expect_eq(put("takeout_medium", uses("M-1", "pc-1", "ro"), T0, T0 + DAY, &n, &field), 0);
	cr_assert_eq(sk_store_media_state(s, &desk, "M-1", "lost", "x", T0, &err), 0);
	cr_expect_eq(put("takeout_medium", uses("M-1", "pc-1", "ro"), T0, T0 + DAY, &n, &field), -EINVAL);
	/* It went while the application was under way: nothing is half permitted. */
	cr_assert_eq(put("takeout_medium", uses("M-2", "pc-1", "ro"), T0, T0 + DAY, &n, &field), 0);
	cr_assert_eq(sk_store_media_state(s, &desk, "M-2", "disposed", "x", T0, &err), 0);
	cr_expect_eq(act(&kacho, n, "permit", ""), -ENXIO);
	cr_expect_eq(request_of(n, NULL), 0);
	cr_expect_eq(act(&kacho, n, "return", "別の媒体を"), 0, "it still waits");
}

Test(store_produce, who_asked_entered_or_permitted_does_not_issue)
{
	struct sk_actor both = help_actor("both", "課長兼窓口", "zeimu", SK_ROLE_SEC);
	struct sk_err err = SK_ERR_INIT;
	int64_t n = 0;
	const char *field;

	cr_assert_eq(put("takeout_medium", uses("M-1", "pc-1", "ro"), T0, T0 + DAY, &n, &field), 0);
	cr_assert_eq(act(&both, n, "permit", ""), 0);
	both.role = SK_ROLE_DESK;
	cr_expect_eq(issue(&both, request_of(n, NULL), "ro", T0 + HOUR, &err), -EPERM);
	cr_expect_eq(issue(&kacho, request_of(n, NULL), "ro", T0 + HOUR, &err), -EPERM, "nor the manager");
	cr_expect_eq(issue(&desk, request_of(n, NULL), "rw", T0 + HOUR, &err), -EINVAL, "only reading was permitted");
	cr_expect_eq(issue(&desk, request_of(n, NULL), "ro", T0 + HOUR, &err), 0, "%s", err.text);
}

Test(store_produce, refused_by_the_helpdesk_and_asked_for_once_more)
{
	struct sk_err err = SK_ERR_INIT;
	int64_t n = permitted("M-1", "ro", T0, T0 + 20 * DAY), q = request_of(n, NULL);
	struct sk_decision d = {.request = q, .what = SK_DO_RETURN, .reason = "端末のAVが古い"};
	json_t *a, *h;

	cr_expect_eq(act(&clerk, n, "issue", ""), -ESTALE, "one is open");
	cr_assert_eq(sk_store_decide(s, &desk, &d, T0, &err), 0, "%s", err.text);
	a = sk_store_application(s, n, T0);
	cr_expect_str_eq(help_text(a, "state"), "permitted", "the manager's permit stands");
	h = json_object_get(a, "history");
	cr_expect_str_eq(help_text(json_array_get(h, json_array_size(h) - 1), "reason"), "端末のAVが古い");
	json_decref(a);
	cr_expect_eq(act(&kacho, n, "issue", ""), -EPERM);
	cr_assert_eq(act(&clerk, n, "issue", ""), 0);
	cr_assert_gt(request_of(n, "permitted"), q);
	cr_assert_eq(issue(&desk, request_of(n, NULL), "ro", T0 + 15 * DAY, &err), -EINVAL, "the office's longest");
	cr_assert_eq(issue(&desk, request_of(n, NULL), "ro", T0 + 14 * DAY, &err), 0, "%s", err.text);
}

Test(store_produce, a_term_that_has_not_begun)
{
	struct sk_err err = SK_ERR_INIT;
	int64_t n = permitted("M-1", "ro", T0 + 3 * DAY, T0 + 5 * DAY), q = request_of(n, NULL);
	char from[SK_RFC3339_LEN];
	json_t *g;

	cr_expect_eq(issue(&desk, q, "ro", T0 + 2 * DAY, &err), -EINVAL, "ends before it begins");
	cr_assert_eq(issue(&desk, q, "ro", T0 + 4 * DAY, &err), 0, "%s", err.text);
	g = grants(&pc, T0);
	sk_clock_format_utc(T0 + 3 * DAY, from);
	cr_expect_str_eq(help_text(json_array_get(g, 0), "from"), from);
	json_decref(g);
}

Test(store_produce, a_medium_is_lent_until_it_is_back)
{
	struct sk_actor admin = help_admin(), joho = help_actor("joho", "情報課長", "", SK_ROLE_SYS);
	const struct sk_return_check check = {.scan = true};
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	json_t *fields =
	    json_pack("{s:s,s:s,s:s,s:s}", "purpose", "窓口", "hardware", "USB", "medium", "M-7", "subject", "主事");
	struct sk_application a = {.n_kinds = 1,
	                           .person = "zkacho",
	                           .class = "",
	                           .fields = fields,
	                           .from = T0,
	                           .until = T0 + DAY,
	                           .once = "0123456789abcdef"};
	int64_t n = 0;

	cr_assert_eq(sk_store_user_put(s, &admin, "joho", "情報課長", "", SK_ROLE_SYS, HASH, &err), 0);
	a.kinds[0] = sk_kind_find(kinds, "lend");
	cr_expect_eq(sk_store_application_put(s, &kacho, &a, T0, &n, &p, &err), -EINVAL);
	cr_expect_str_eq(p.field, "medium", "no such medium");
	json_object_set_new(fields, "medium", json_string("M-1"));
	cr_assert_eq(sk_store_application_put(s, &kacho, &a, T0, &n, &p, &err), 0, "%s", err.text);
	cr_assert_eq(act(&joho, n, "permit", ""), 0);
	medium_is("M-1", "lent");
	cr_assert_eq(sk_store_application_back(s, &desk, n, &check, "", T0, &err), 0, "%s", err.text);
	medium_is("M-1", "stored");
	json_decref(fields);
}

Test(store_produce, a_setting_is_permitted_on_its_terminal)
{
	const char *field;
	int64_t n = 0;
	json_t *list;

	cr_expect_eq(put("sec_setting", json_pack("{s:s,s:s}", "setting", "firewall", "terminal", "pc-1"), T0, T0 + DAY,
	                 &n, &field),
	             -EINVAL);
	cr_expect_str_eq(field, "setting");
	cr_expect_eq(put("sec_setting", json_pack("{s:s,s:s}", "setting", "screen-lock", "terminal", "pc-2"), T0,
	                 T0 + DAY, &n, &field),
	             -EINVAL);
	cr_expect_str_eq(field, "terminal");
	cr_expect_eq(put("sec_setting", json_pack("{s:s,s:s}", "setting", "screen-lock", "terminal", "pc-1"), T0,
	                 T0 + 40 * DAY, &n, &field),
	             -EINVAL);
	cr_expect_str_eq(field, "term");
	cr_assert_eq(put("sec_setting", json_pack("{s:s,s:s}", "setting", "screen-lock", "terminal", "pc-1"), T0,
	                 T0 + DAY, &n, &field),
	             0);
	list = sk_store_settings(s, pc.id, 10);
	cr_expect_eq(json_array_size(list), 0);
	json_decref(list);
	cr_assert_eq(act(&kacho, n, "permit", ""), 0);
	list = sk_store_settings(s, pc.id, 10);
	cr_assert_eq(json_array_size(list), 1);
	cr_expect_str_eq(help_text(json_array_get(list, 0), "person"), "CITY\\shuji");
	cr_expect_str_eq(help_text(json_array_get(list, 0), "permitted_user"), "zkacho");
	cr_expect(json_is_null(json_object_get(json_array_get(list, 0), "ended")));
	json_decref(list);
	cr_assert_eq(act(&clerk, n, "done", ""), 0);
	list = sk_store_settings(s, pc.id, 10);
	cr_expect(json_is_integer(json_object_get(json_array_get(list, 0), "ended")), "done, it ends");
	json_decref(list);
}
