/* An incident that is reported on the terminal: what is recorded, what is refused, how often. */
#include "agent/control.h"
#include "agent/incident_report.h"
#include "agent/requests.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;
static const struct sk_peer clerk = {.uid = 65534, .pid = 2};

static void setup(void)
{
	d = start_daemon();
}

static void teardown(void)
{
	stop_daemon();
}

static const char *report(const char *kind, const char *title, const char *text)
{
	static char code[40];
	json_t *q = json_pack("{s:s, s:s, s:s, s:s}", "op", "incident.report", "kind", kind, "title", title, "text",
	                      text),
	       *a;

	cr_assert_not_null(q);
	a = sk_control_answer(d, &clerk, 1, q);
	snprintf(code, sizeof code, "%s",
	         json_is_true(json_object_get(a, "ok")) ? "ok" : json_string_value(json_object_get(a, "code")));
	json_decref(a);
	json_decref(q);
	return code;
}

Test(incident_report, what_is_taken, .init = setup, .fini = teardown)
{
	char name[64], longest[2200];

	if (sk_login_name(clerk.uid, name, sizeof name) < 0)
		cr_skip_test("needs a user with uid 65534");
	cr_expect_str_eq(report("loss", "USBメモリを紛失", "本日9時\n庁舎間"), "ok");
	cr_expect_str_eq(report("loss", "", ""), "invalid");
	cr_expect_str_eq(report("fire", "x", ""), "invalid");
	cr_expect_str_eq(report("record", "x", ""), "invalid", "that is the agent's own");
	cr_expect_str_eq(report("loss", "a\nb", ""), "invalid");
	cr_expect_str_eq(report("loss", "a\x1b[2J", ""), "invalid");
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	cr_expect_str_eq(report("loss", longest, ""), "invalid");
	cr_expect_str_eq(report("loss", "x", longest), "invalid");
}

Test(incident_report, ten_an_hour, .init = setup, .fini = teardown)
{
	char name[64];

	if (sk_login_name(clerk.uid, name, sizeof name) < 0)
		cr_skip_test("needs a user with uid 65534");
	for (int i = 0; i < SK_INCIDENTS_AN_HOUR; i++)
		cr_expect_str_eq(report("other", "x", ""), "ok");
	cr_expect_str_eq(report("other", "x", ""), "busy");
	for (int i = 0; i < SK_INCIDENTS_AN_HOUR; i++)
		d->incident_at[i] -= (sk_ms)3600 * 1000;
	cr_expect_str_eq(report("other", "x", ""), "ok");
}
