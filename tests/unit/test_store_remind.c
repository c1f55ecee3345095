/* What is due back: who is reminded when and where, when it ends, and what is checked on return. */
#include "server/job.h"
#include "server/store_applications.h"
#include "server/store_notice.h"
#include "tests/unit/store_help.h"

#define DAY (24 * HOUR)

static struct sk_store *s;
static struct chain pc, other, third;
static struct sk_actor clerk, kacho, desk;
static struct sk_kinds *kinds;
static int forms;

static void up(void)
{
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	json_t *report = json_pack("{s:[],s:[],s:s}", "posture", "devices", "person", "shuji");

	s = help_store();
	pc = help_terminal(s, 1, "zeimu");
	other = help_terminal(s, 2, "zeimu");
	third = help_terminal(s, 3, "zeimu");
	cr_assert_eq(sk_kinds_parse("k", sk_kinds_shipped, strlen(sk_kinds_shipped), &kinds, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_user_put(s, &by, "clerk", "主事", "zeimu", SK_ROLE_STAFF, HASH, &err), 0);
	cr_assert_eq(sk_store_user_login(s, &by, "clerk", "shuji", &err), 0);
	clerk = help_actor("clerk", "主事", "zeimu", SK_ROLE_STAFF);
	kacho = help_actor("zkacho", "税務課長", "zeimu", SK_ROLE_SEC);
	desk = help_actor("madoguchi", "窓口", "", SK_ROLE_DESK);
	cr_assert_eq(sk_store_report_put(s, other.id, report, T0, &err), 0, "%s", err.text);
	json_decref(report);
}

static void down(void)
{
	kinds = sk_kinds_free(kinds);
	help_close(s);
}
TestSuite(store_remind, .init = up, .fini = down);

static int64_t out(const char *kind, sk_ms until)
{
	json_t *fields = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "purpose", "説明会", "hardware", "PC", "what", "名簿",
	                           "destination", "支所", "encryption", "あり", "carrier", "車");
	struct sk_application a = {
	    .n_kinds = 1, .person = "clerk", .class = "2", .fields = fields, .from = T0 - HOUR, .until = until};
	struct sk_application_problem p = {0};
	struct sk_err err = SK_ERR_INIT;
	char once[40];
	int64_t n = 0, made;

	snprintf(once, sizeof(once), "%032d", ++forms);
	a.once = once;
	a.kinds[0] = sk_kind_find(kinds, kind);
	cr_assert_eq(sk_store_application_put(s, &clerk, &a, T0, &n, &p, &err), 0, "%s %s", p.field, err.text);
	cr_assert_eq(sk_store_application_act(s, &kacho, n, "permit", "", 0, T0, &made, &err), 0, "%s", err.text);
	json_decref(fields);
	return n;
}

static int64_t run(sk_ms now)
{
	struct sk_job_now t = {.now = now, .due = now};
	int64_t done = 0;
	int r;

	do {
		t.done = 0;
		cr_assert_eq(sk_store_batch_begin(s), 0);
		r = reminders_job(s, &t);
		cr_assert_geq(r, 0);
		cr_assert_eq(sk_store_batch_end(s), 0);
		done += t.done;
	} while (r == SK_JOB_MORE);
	return done;
}

/* Titles of the notices in a terminal's bundle. */
static const char *told(const struct chain *c, sk_ms now)
{
	static char text[512];
	int64_t version;
	json_t *body = sk_store_grants_body(s, c->id, now, &version), *n;
	size_t i, o = 0;

	text[0] = '\0';
	json_array_foreach(json_object_get(body, "notices"), i, n) o +=
	    (size_t)snprintf(text + o, sizeof(text) - o, "%s|", help_text(n, "title"));
	json_decref(body);
	return text;
}

static int64_t reminders(int64_t n)
{
	json_t *a = sk_store_application(s, n, T0);
	int64_t count = help_number(a, "reminders");

	json_decref(a);
	return count;
}

static int back(const struct sk_actor *by, int64_t n, struct sk_return_check check)
{
	struct sk_err err = SK_ERR_INIT;

	return sk_store_application_back(s, by, n, &check, "検査済", T0, &err);
}

Test(store_remind, the_day_before_and_as_long_as_it_is_late)
{
	int64_t n = out("takeout_device", T0 + 5 * DAY), info = out("takeout_info", T0 + 5 * DAY);
	sk_ms at = T0 + 5 * DAY;

	cr_expect_eq(run(at - 3 * DAY), 0, "not yet");
	cr_expect_eq(run(at - 20 * HOUR), 1, "what does not come back is not reminded of");
	cr_expect_eq(run(at - 19 * HOUR), 0, "once");
	cr_expect_str_eq(told(&other, at - 19 * HOUR), "Due back: application 2025-0001|", "where the person was seen");
	cr_expect_str_eq(told(&third, at - 19 * HOUR), "", "and nowhere else");
	cr_expect_eq(run(at + HOUR), 1);
	cr_expect_eq(run(at + 2 * HOUR), 0, "once a day");
	cr_expect_str_eq(told(&other, at + 2 * HOUR), "Return overdue: application 2025-0001|",
	                 "one takes the other's place");
	for (int day = 1; day < 40; day++)
		(void)run(at + HOUR + day * DAY);
	cr_expect_eq(reminders(n), 12, "daily for a week, then weekly: %d", (int)reminders(n));
	cr_expect_eq(reminders(info), 0);
	cr_assert_eq(back(&desk, n, (struct sk_return_check){.scan = true, .patches = true}), 0);
	cr_expect_eq(run(at + 60 * DAY), 0, "it is back");
}

Test(store_remind, a_notice_goes_when_it_is_back)
{
	int64_t n = out("takeout_device", T0 + DAY);
	json_t *list;

	cr_expect_eq(run(T0 + HOUR), 1);
	cr_expect_str_neq(told(&other, T0), "");
	list = sk_store_notices(s, 10);
	cr_expect_eq(json_array_size(list), 0, "the office's notices are another list");
	json_decref(list);
	cr_assert_eq(back(&desk, n, (struct sk_return_check){.scan = true, .patches = true}), 0);
	cr_expect_str_eq(told(&other, T0), "");
}

Test(store_remind, many_at_once_in_turns)
{
	for (int i = 0; i < 25; i++)
		(void)out("takeout_medium", T0 + HOUR);
	cr_expect_eq(run(T0 + 2 * HOUR), 25);
	cr_expect_eq(run(T0 + 3 * HOUR), 0);
}

Test(store_remind, what_is_checked_on_return)
{
	struct sk_actor aud = help_actor("kansa", "監査", "", SK_ROLE_AUD);
	struct sk_err err = SK_ERR_INIT;
	int64_t n = out("takeout_device", T0 + DAY), made;
	json_t *a, *c;

	cr_expect_eq(back(&desk, n, (struct sk_return_check){0}), -EINVAL, "not without a search for malware");
	cr_expect_eq(back(&desk, n, (struct sk_return_check){.scan = true}), -EINVAL,
	             "nor a device without its updates");
	cr_expect_eq(back(&clerk, n, (struct sk_return_check){.scan = true, .patches = true}), -EPERM);
	cr_expect_eq(back(&aud, n, (struct sk_return_check){.scan = true, .patches = true}), -EPERM);
	cr_expect_eq(sk_store_application_act(s, &desk, n, "back", "x", 0, T0, &made, &err), -EINVAL,
	             "nor by another way");
	a = sk_store_application(s, n, T0);
	cr_expect_str_eq(help_text(a, "state"), "permitted", "a check that is missing changes nothing");
	cr_expect(!json_is_object(json_object_get(a, "check")));
	json_decref(a);
	cr_assert_eq(back(&desk, n, (struct sk_return_check){.scan = true, .patches = true, .files = true}), 0);
	a = sk_store_application(s, n, T0);
	c = json_object_get(a, "check");
	cr_expect_str_eq(help_text(a, "state"), "brought-back");
	cr_expect(json_is_true(json_object_get(c, "files")) && json_is_false(json_object_get(c, "contents")));
	cr_expect_str_eq(help_text(c, "name"), "窓口");
	json_decref(a);
	cr_expect_neq(behind_try(help_path, "UPDATE application_checks SET contents = 1"), 0, "what was checked stays");
	n = out("takeout_medium", T0 + DAY);
	cr_expect_eq(back(&desk, n, (struct sk_return_check){.scan = true}), 0, "a medium has no updates");
	cr_expect_eq(back(&desk, n, (struct sk_return_check){.scan = true}), -ESTALE);
	cr_expect_eq(back(&desk, 999, (struct sk_return_check){.scan = true}), -ENOENT);
}
