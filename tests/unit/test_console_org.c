/* The organisation's page: what each role may do on it, the import's two steps, and people who act for others. */
#include "tests/unit/console_help.h"

#include "server/store_org.h"

TestSuite(console_org, .init = console_begin, .fini = console_end);

static const char *version_of(const struct fake *f)
{
	static char field[64];
	const char *at = f->body == NULL ? NULL : strstr(f->body, "name=\"version\" value=\"");

	field[0] = '\0';
	if (at != NULL)
		snprintf(field, sizeof(field), "&version=%.*s", (int)strcspn(at + 22, "\""), at + 22);
	return field;
}

#define TABLE "&table=unit%2Cparent%2Cname_ja%0Akakari%2Csoumu%2C%3Cscript%3E"

Test(console_org, import_shows_first_and_stores_then)
{
	struct person sys = login("sys"), desk = login("desk");
	char fields[512];
	struct fake *f;

	cr_expect_eq(code_of(post(&desk, "/organisation", "action=check" TABLE)), 403);
	f = post(&sys, "/organisation", "action=check" TABLE);
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "new unit &lt;script&gt; under soumu") && !shows(f, "<script>"));
	cr_expect(shows(f, "value=\"import\""));
	snprintf(fields, sizeof(fields), "action=import%s%s", version_of(f), TABLE);
	fake_free(f);
	f = get(&sys, "/organisation");
	cr_expect_not(shows(f, "kakari"), "nothing was stored");
	fake_free(f);
	cr_expect_eq(code_of(post(&sys, "/organisation", "action=import&version=1" TABLE)), 409);
	cr_expect_eq(code_of(post(&sys, "/organisation", fields)), 303);
	f = get(&sys, "/organisation");
	cr_expect(shows(f, "kakari") && shows(f, "&lt;script&gt;") && !shows(f, "<script>"));
	fake_free(f);
	cr_expect_eq(code_of(post(&sys, "/organisation", fields)), 409, "sent twice it does one thing");
}

Test(console_org, errors_keep_what_was_pasted)
{
	struct person sys = login("sys");
	struct fake *f = post(&sys, "/organisation", "action=import&table=unit%0ANo%20such%0A");

	cr_expect_eq(f->code, 400);
	cr_expect(shows(f, "use 1 to 63") && shows(f, "No such") && !shows(f, "value=\"import\""));
	fake_free(f);
	f = post(&sys, "/organisation", "action=check&table=nonsense%0A");
	cr_expect_eq(f->code, 400);
	cr_expect(shows(f, "is not known") && shows(f, "nonsense"));
	fake_free(f);
}

Test(console_org, absence_and_delegation)
{
	struct person sec = login("sec"), sec2 = login("sec2"), sys = login("sys"), aud = login("aud");
	long long number = add_request(0, "clerk", "none"), own = add_request(0, "sec", "none");
	char fields[160], day[16];
	time_t tomorrow = time(NULL) + 86400;
	struct tm tm;
	struct fake *f;

	cr_expect_eq(code_of(post(&sec, "/organisation", "action=absent&absence_reason=trip")), 303);
	f = get(&sys, "/organisation");
	cr_expect(shows(f, "trip") && shows(f, "absence-end"));
	fake_free(f);
	f = get(&aud, "/organisation");
	cr_expect(shows(f, "trip") && !shows(f, "absence-end") && !shows(f, "value=\"absent\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&sec2, "/organisation", "action=absence-end&id=1")), 403);
	cr_expect_eq(code_of(post(&sec, "/organisation", "action=absence-end&id=1")), 303);
	cr_expect_eq(code_of(post(&sec, "/organisation", "action=absence-end&id=1")), 409);
	cr_expect_eq(code_of(post(&sec, "/organisation", "action=absent&absent_until=2020-01-01")), 400);
	cr_expect_eq(
	    code_of(post(&sec, "/organisation", "action=delegate&what=sys&taker=sec2&delegated_until=2099-01-01")),
	    403);
	cr_expect_eq(code_of(post(&sec, "/organisation",
	                          "action=delegate&what=sec%3Asoumu&taker=sec2&delegated_until=2099-01-01")),
	             400);
	cr_expect_eq(code_of(get(&sec2, decide_url(number))), 404);
	localtime_r(&tomorrow, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	snprintf(fields, sizeof(fields), "action=delegate&what=sec%%3Asoumu&taker=sec2&delegated_until=%s", day);
	cr_expect_eq(code_of(post(&sec, "/organisation", fields)), 303);
	/* sec2 has two capacities now and decides in the lent one. */
	cr_expect_eq(code_of(post(&sec2, decide_url(number), "action=permit&role=sec:zeimu")), 404);
	cr_expect_eq(code_of(post(&sec2, decide_url(number), "action=permit&role=sec:soumu")), 303);
	cr_expect_str_eq(state_of(number), "permitted");
	cr_expect_eq(code_of(post(&sec2, decide_url(own), "action=permit&role=sec:soumu")), 403,
	             "not for who asks and lends");
	cr_expect_str_eq(state_of(own), "submitted");
	f = get(&aud, decide_url(number));
	cr_expect(shows(f, "（委任）"));
	fake_free(f);
}
