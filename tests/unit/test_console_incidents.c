/* The incidents' pages: who reports, sees and carries on, and what wrong forms do. */
#include "server/store_incidents.h"
#include "tests/unit/console_help.h"

TestSuite(console_incidents, .init = console_begin, .fini = console_end);

static int sent(struct person *p, const char *url, const char *body)
{
	return code_of(post(p, url, body));
}

Test(console_incidents, from_the_report_to_its_end)
{
	struct person clerk = login("clerk"), sec = login("sec"), sec2 = login("sec2"), desk = login("desk"),
	              aud = login("aud");
	struct fake *f;

	cr_expect_eq(
	    sent(&clerk, "/incidents", "kind=loss&title=%3Cb%3Elost%3C%2Fb%3E&text=in+the+train&terminal=pc-soumu"),
	    303);
	f = get(&sec, "/incidents");
	cr_expect(shows(f, "&lt;b&gt;lost") && !shows(f, "<b>lost"));
	fake_free(f);
	f = get(&sec2, "/incidents");
	cr_expect_not(shows(f, "lost"), "another section's");
	fake_free(f);
	cr_expect_eq(code_of(get(&sec2, "/incidents/1")), 404);
	cr_expect_eq(code_of(get(&clerk, "/incidents/1")), 200, "who reported it sees it");
	cr_expect_eq(code_of(get(&aud, "/incidents/1")), 200);
	f = get(&clerk, "/incidents/1");
	cr_expect_not(shows(f, "name=\"action\""));
	fake_free(f);
	cr_expect_eq(sent(&clerk, "/incidents/1", "action=note&text=x"), 403);
	f = post(&desk, "/incidents/1", "action=step&state=confirmed&severity=0&text=kept+text&from=received");
	cr_expect(f->code == 400 && shows(f, "role=\"alert\"") && shows(f, "kept text"));
	fake_free(f);
	cr_expect_eq(sent(&desk, "/incidents/1", "action=step&state=confirmed&severity=2&text=yes&from=received"), 303);
	cr_expect_eq(sent(&desk, "/incidents/1", "action=step&state=nothing&text=no&from=received"), 409, "late");
	cr_expect_eq(sent(&sec, "/incidents/1", "action=step&state=closed&from=confirmed"), 400);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=told&target=ciso"), 303);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=told&target=neighbour"), 400);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=step&state=recovered&from=confirmed"), 303);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=cause&text=bag"), 303);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=prevention&text=better+bag"), 303);
	cr_expect_eq(sent(&sec, "/incidents/1", "action=step&state=closed&from=recovered"), 403, "the helpdesk closes");
	cr_expect_eq(sent(&desk, "/incidents/1", "action=step&state=closed&from=recovered"), 303);
	f = get(&desk, "/incidents");
	cr_expect_not(shows(f, "/incidents/1\""));
	fake_free(f);
	f = get(&desk, "/incidents?state=closed");
	cr_expect(shows(f, "/incidents/1\""));
	fake_free(f);
}

Test(console_incidents, forms_that_are_wrong)
{
	struct person clerk = login("clerk"), desk = login("desk");
	struct fake *f = post(&clerk, "/incidents", "kind=rumour&title=kept");

	cr_expect(f->code == 400 && shows(f, "value=\"kept\""));
	fake_free(f);
	cr_expect_eq(sent(&clerk, "/incidents", "kind=loss&title="), 400);
	cr_expect_eq(sent(&clerk, "/incidents", "kind=loss&title=x&terminal=nowhere"), 400);
	cr_expect_eq(sent(&desk, "/incidents/1", "action=note&text=x"), 404);
	cr_expect_eq(sent(&desk, "/incidents/0", "action=note&text=x"), 404);
	cr_expect_eq(code_of(get(&desk, "/incidents/..")), 404);
	cr_expect_eq(code_of(get(&desk, "/incidents?state=melted")), 400);
}

Test(console_incidents, who_reported_about_another_section_sees_it)
{
	struct person sec = login("sec"), sec2 = login("sec2");

	cr_expect_eq(sent(&sec, "/incidents", "kind=other&title=x&terminal=pc-zeimu"), 303);
	cr_expect_eq(code_of(get(&sec, "/incidents/1")), 200);
	cr_expect_eq(code_of(get(&sec2, "/incidents/1")), 200, "that section's manager");
	cr_expect_eq(sent(&sec, "/incidents", "kind=other&title=y&terminal=pc-zei"), 400, "a part of a name is none");
}

/* However much was written, each page stays within its size. */
Test(console_incidents, the_course_has_pages)
{
	struct person desk = login("desk");
	struct sk_actor by = {.user = "desk", .name = "desk", .unit = "", .role = SK_ROLE_DESK};
	struct sk_incident_act note = {.action = "note", .from = "received", .state = "", .target = ""};
	struct sk_err err = SK_ERR_INIT;
	static char text[4001];
	struct fake *f;

	cr_assert_eq(sent(&desk, "/incidents", "kind=other&title=x"), 303);
	memset(text, '<', sizeof(text) - 1); /* four bytes each on the page */
	note.text = text;
	for (int i = 0; i < 500; i++) {
		snprintf(text, 8, "n%05d", i);
		text[6] = '<';
		ok(sk_store_incident_act(server.store, &by, 1, &note, sk_clock_wall(), &err), &err);
	}
	f = get(&desk, "/incidents/1");
	cr_expect(f->code == 200 && shows(f, "n00499") && !shows(f, "n00449") && shows(f, "/incidents/1?page=2"));
	fake_free(f);
	f = get(&desk, "/incidents/1?page=10");
	cr_expect(f->code == 200 && shows(f, "n00000") && shows(f, "page=11"), "the line of its opening comes before");
	fake_free(f);
	f = get(&desk, "/incidents/1?page=9999");
	cr_expect_eq(f->code, 200);
	fake_free(f);
}
