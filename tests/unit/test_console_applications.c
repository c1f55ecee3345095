/* Applications on the console: the form with several permits, what is kept when it is refused, who sees and does what, the kinds' text. */
#include "tests/unit/console_help.h"

#include "server/console_application.h"

TestSuite(console_applications, .init = console_begin, .fini = console_end);

#define TERM "&from=2020-01-01&until="

static const char *in_days(int days)
{
	static char text[4][16];
	static int next;
	time_t t = time(NULL) + days * 86400;
	struct tm tm;
	char *out = text[next++ % 4];

	localtime_r(&t, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
	return out;
}

static const char *form(const char *kind, const char *more)
{
	static char text[1024];
	static int count;

	snprintf(text, sizeof(text),
	         "action=apply&kind=%s&once=%032d&class=2&purpose=%%3Cscript%%3E1%%3C/"
	         "script%%3E&what=list&destination=branch&recipient=pref&from=%s&until=%s%s",
	         kind, ++count, in_days(0), in_days(3), more);
	return text;
}

static long long apply(const struct person *p, const char *kind, const char *more)
{
	struct fake *f = post(p, "/applications", form(kind, more));
	long long n = 0;

	cr_assert_eq(f->code, 303, "%s", f->body);
	cr_assert_eq(sscanf(fake_out(f, "Location"), "/applications/%lld", &n), 1);
	fake_free(f);
	return n;
}

static const char *url(long long n)
{
	static char text[48];

	snprintf(text, sizeof(text), "/applications/%lld", n);
	return text;
}

Test(console_applications, one_form_through_two_people)
{
	struct person clerk = login("clerk"), sec = login("sec"), sec2 = login("sec2"), aud = login("aud"),
	              desk = login("desk");
	struct fake *f = get(&clerk, "/applications/new?kind=takeout_info");
	long long n;

	cr_expect(shows(f, "permit.transport") && shows(f, "Permitted by:") && shows(f, "2(2)"));
	fake_free(f);
	n = apply(&clerk, "takeout_info", "&permit.copy_distribute=1");
	f = get(&sec, url(n));
	cr_expect(shows(f, "Copying and distributing") && shows(f, "value=\"permit\"") && !shows(f, "<script>"));
	fake_free(f);
	f = get(&clerk, url(n));
	cr_expect(!shows(f, "value=\"permit\"") && shows(f, "value=\"withdraw\""));
	fake_free(f);
	f = get(&aud, url(n));
	cr_expect(f->code == 200 && !shows(f, "name=\"action\""));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec2, url(n))), 404);
	cr_expect_eq(code_of(post(&sec2, url(n), "action=permit")), 404);
	cr_expect_eq(code_of(post(&clerk, url(n), "action=permit")), 403);
	cr_expect_eq(code_of(post(&aud, url(n), "action=comment&reason=x")), 403);
	cr_expect_eq(code_of(post(&sec, url(n), "action=refuse")), 400, "a reason is needed");
	cr_expect_eq(code_of(post(&sec, url(n), "action=nonsense")), 400);
	cr_expect_eq(code_of(post(&sec, url(n), "action=permit")), 303);
	cr_expect_eq(code_of(post(&sec, url(n), "action=permit")), 409);
	cr_expect_eq(code_of(post(&desk, url(n), "action=back&scan=1&reason=checked")), 303);
	f = get(&clerk, "/applications?state=all");
	cr_expect(shows(f, "Brought back"));
	fake_free(f);
	cr_expect_eq(code_of(get(&clerk, "/applications?state=wat")), 400);
}

Test(console_applications, what_is_refused_keeps_what_was_typed)
{
	struct person clerk = login("clerk");
	struct fake *f = post(&clerk, "/applications", form("send_external", "&method=SFTP"));

	cr_expect_eq(f->code, 400, "encryption is missing");
	cr_expect(shows(f, "This has to be filled in.") && shows(f, "SFTP") && shows(f, "&lt;script&gt;") &&
	          !shows(f, "<script>"));
	fake_free(f);
	cr_expect_eq(code_of(post(&clerk, "/applications", "action=apply&kind=nothing")), 400);
	cr_expect_eq(code_of(post(&clerk, "/applications", "action=apply&kind=takeout_info")), 400);
	cr_expect_eq(code_of(get(&clerk, "/applications/new?kind=nothing")), 404);
	cr_expect_eq(code_of(get(&clerk, "/applications/new")), 404);
	cr_expect_eq(code_of(get(&clerk, "/applications/99")), 404);
	cr_expect_eq(code_of(get(&clerk, "/applications/1%3B")), 404);
	f = post(&clerk, "/applications", "action=refresh&kind=takeout_info&permit.send_external=1");
	cr_expect(f->code == 200 && shows(f, "name=\"method\""), "the fields of what is ticked");
	fake_free(f);
}

Test(console_applications, the_helpdesk_enters_for_a_caller)
{
	struct person desk = login("desk"), clerk = login("clerk"), sec = login("sec");
	long long n = apply(&desk, "takeout_info", "&person=clerk");
	struct fake *f = get(&clerk, url(n));

	cr_expect(f->code == 200 && shows(f, "(entered by desk)"));
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, "/applications", form("takeout_info", "&person=nobody"))), 400);
	cr_expect_eq(code_of(post(&sec, url(n), "action=return&reason=which+list")), 303);
	f = get(&clerk, url(n));
	cr_expect(shows(f, "which list") && shows(f, "again="));
	fake_free(f);
	f = get(&clerk, "/applications/new?again=1");
	cr_expect(f->code == 200 && shows(f, "value=\"list\""));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec, "/applications/new?again=1")), 404);
	cr_expect_eq(code_of(post(&clerk, "/applications", form("takeout_info", "&again=1"))), 303);
	cr_expect_eq(code_of(post(&sec, url(n), "action=permit")), 303);
}

Test(console_applications, kinds_are_edited_whole)
{
	struct person sys = login("sys"), sec = login("sec");
	struct fake *f = get(&sys, "/kinds");

	cr_expect(f->code == 200 && shows(f, "[kind takeout_info]"));
	fake_free(f);
	f = get(&sec, "/kinds");
	cr_expect(f->code == 200 && !shows(f, "[kind takeout_info]"));
	fake_free(f);
	cr_expect_eq(code_of(post(&sec, "/kinds", "text=x")), 403);
	f = post(&sys, "/kinds", "text=%5Bkind+x%5D%0Aroute+%3D+king%0A");
	cr_expect(f->code == 400 && shows(f, "kinds:2: route must be") && shows(f, "[kind x]"));
	fake_free(f);
	cr_expect_eq(
	    code_of(post(&sys, "/kinds",
	                 "text=%5Bkind+own%5D%0Aword_ja+%3D+x%0Aword_en+%3D+Our+own%0Afields+%3D+purpose!%0Aroute+%3D+"
	                 "sec%0A")),
	    303);
	f = get(&sec, "/applications/new?kind=own");
	cr_expect(f->code == 200 && shows(f, "Our own"));
	fake_free(f);
	cr_expect_eq(code_of(get(&sec, "/applications/new?kind=takeout_info")), 404, "the office's text holds");
}
