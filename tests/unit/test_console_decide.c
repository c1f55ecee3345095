/* Deciding: two steps, four eyes, and every way a form can be wrong or come from somewhere else. */
#include "tests/unit/console_help.h"

TestSuite(console_decide, .init = console_begin, .fini = console_end);

/* --- deciding --- */

Test(console_decide, two_steps)
{
	long long n = add_request(0, "clerk", "none");
	struct person sec = login("sec"), desk = login("desk");
	struct fake *f;
	char fields[128];

	f = get(&sec, decide_url(n));
	cr_expect(shows(f, "value=\"permit\"") && shows(f, "value=\"refuse\"") && shows(f, "value=\"return\""));
	cr_expect(!shows(f, "value=\"approve\"") && !shows(f, "value=\"cancel\""));
	fake_free(f);
	f = get(&desk, decide_url(n));
	cr_expect(!shows(f, "name=\"action\""), "the helpdesk waits for the manager");
	fake_free(f);

	f = post(&sec, decide_url(n), "action=permit");
	cr_expect_eq(f->code, 303);
	cr_expect(strstr(fake_out(f, "Location"), "?done=permit") != NULL);
	fake_free(f);
	cr_expect_str_eq(state_of(n), "permitted");

	f = get(&desk, decide_url(n));
	cr_expect(shows(f, "value=\"approve\"") && !shows(f, "value=\"permit\""));
	fake_free(f);
	fake_wakes = 0;
	snprintf(fields, sizeof(fields), "action=approve&access=ro%s", until(4));
	cr_expect_eq(code_of(post(&desk, decide_url(n), fields)), 303);
	cr_expect_str_eq(state_of(n), "approved");
	cr_expect_eq(fake_wakes, 1, "the terminal is woken");

	f = get(&desk, decide_url(n));
	cr_expect(shows(f, "value=\"cancel\"") && !shows(f, "value=\"approve\""));
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, decide_url(n), "action=cancel&reason=lost")), 303);
	cr_expect_str_eq(state_of(n), "cancelled");
	f = get(&desk, decide_url(n));
	cr_expect(!shows(f, "name=\"action\""));
	fake_free(f);
}

Test(console_decide, who_asks_never_decides)
{
	long long n = add_request(0, "sec", "none");
	struct person p = login("sec");
	struct fake *f = get(&p, decide_url(n));

	cr_expect(!shows(f, "name=\"action\""));
	cr_expect(shows(f, "You asked for this yourself"));
	fake_free(f);
	f = post(&p, decide_url(n), "action=permit");
	cr_expect_eq(f->code, 403);
	cr_expect(shows(f, "role=\"alert\""));
	fake_free(f);
	cr_expect_str_eq(state_of(n), "submitted");
}

Test(console_decide, steps_belong_to_their_roles)
{
	long long n = add_request(0, "clerk", "none");
	struct person sec = login("sec"), sec2 = login("sec2"), desk = login("desk");
	char fields[128];

	snprintf(fields, sizeof(fields), "action=approve&access=ro%s", until(4));
	cr_expect_eq(code_of(post(&desk, decide_url(n), "action=permit")), 403);
	cr_expect_eq(code_of(post(&sec, decide_url(n), fields)), 403);
	cr_expect_neq(code_of(post(&sec2, decide_url(n), "action=permit")), 303);
	cr_expect_neq(code_of(post(&desk, decide_url(n), fields)), 303, "not before the manager's permit");
	cr_expect_str_eq(state_of(n), "submitted");
}

Test(console_decide, somebody_was_faster)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	struct fake *f;

	cr_expect_eq(code_of(post(&p, decide_url(n), "action=return&reason=class")), 303);
	f = post(&p, decide_url(n), "action=permit");
	cr_expect_eq(f->code, 409);
	cr_expect(shows(f, "Somebody decided it in the meantime"));
	fake_free(f);
	cr_expect_str_eq(state_of(n), "returned");
}

Test(console_decide, acting_role_of_a_person_with_two)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("both");
	struct fake *f = get(&p, decide_url(n));

	cr_expect(shows(f, "action=\"/role\"") && shows(f, "value=\"permit\""));
	fake_free(f);
	f = post(&p, "/role", "role=desk&back=/requests");
	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_cookie(f, SK_ROLE_COOKIE), "desk");
	cr_expect_str_eq(fake_out(f, "Location"), "/requests");
	fake_free(f);
	cr_expect_eq(code_of(post(&p, "/role", "role=aud")), 403);
	cr_expect_eq(code_of(post(&p, "/role", "role=nonsense")), 400);
	/* The form says in which role it acts, whatever the cookie says by now. */
	cr_expect_eq(code_of(post(&p, decide_url(n), "role=desk&action=permit")), 403);
	cr_expect_eq(code_of(post(&p, decide_url(n), "role=sys&action=permit")), 403);
	cr_expect_eq(code_of(post(&p, decide_url(n), "role=sec&action=permit")), 303);
}

Test(console_decide, redirects_stay_here)
{
	static const char *const bad[] = {"https://evil.example/",     "//evil.example",
	                                  "/\\evil.example",           "javascript:x",
	                                  "/a%0d%0aSet-Cookie:%20x=1", ""};
	struct person p = login("both");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char fields[128];
		struct fake *f;

		snprintf(fields, sizeof(fields), "role=sec&back=%s", bad[i]);
		f = post(&p, "/role", fields);
		if (f->code == 303)
			cr_expect_str_eq(fake_out(f, "Location"), "/", "%s", bad[i]);
		else
			cr_expect_eq(f->code, 400);
		fake_free(f);
	}
}

Test(console_decide, decision_forms_that_are_wrong)
{
	static const struct {
		const char *fields, *says;
	} wrong[] = {
	    {"", "does not say what to do"},
	    {"action=delete", "does not say what to do"},
	    {"action=refuse", "Write the reason"},
	    {"action=refuse&reason=+++", "Write the reason"},
	    {"action=return&reason=", "Write the reason"},
	    {"action=permit&until=tomorrow", "not a date and time"},
	    {"action=permit&until=2026-13-01T00%3A00", "not a date and time"},
	    {"action=permit&until=2026-04-01", "not a date and time"},
	    {"action=permit&until=2001-01-01T00%3A00", "must lie in the future"},
	    {"action=approve&access=all&until=2099-01-01T00%3A00", "Choose the access"},
	    {"action=approve&until=2099-01-01T00%3A00", "Choose the access"},
	    {"action=approve&access=ro", "must lie in the future"},
	    {"action=approve&access=ro&uses=0&until=2099-01-01T00%3A00", "number from 1 to 1000"},
	    {"action=approve&access=ro&uses=1001&until=2099-01-01T00%3A00", "number from 1 to 1000"},
	    {"action=approve&access=ro&uses=-1&until=2099-01-01T00%3A00", "number from 1 to 1000"},
	};
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	char big[4096] = "action=refuse&reason=";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct fake *f = post(&p, decide_url(n), wrong[i].fields);

		cr_expect_eq(f->code, 400, "%s: %d", wrong[i].fields, f->code);
		cr_expect(shows(f, wrong[i].says), "%s", wrong[i].fields);
		fake_free(f);
	}
	memset(big + strlen(big), 'x', 1001);
	{
		struct fake *f = post(&p, decide_url(n), big);

		cr_expect_eq(f->code, 400);
		cr_expect(shows(f, "too long"));
		fake_free(f);
	}
	cr_expect_str_eq(state_of(n), "submitted");
}

Test(console_decide, what_was_entered_comes_back)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	struct fake *f = post(&p, decide_url(n), "action=permit&until=x&reason=%3C%2Ftextarea%3E%3Cscript%3E");

	cr_expect(shows(f, "&lt;/textarea&gt;&lt;script&gt;"));
	cr_expect(!shows(f, "</textarea><script>"));
	fake_free(f);
}

Test(console_decide, a_permit_cannot_be_longer_than_asked)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	char fields[96];

	snprintf(fields, sizeof(fields), "action=permit%s", until(9));
	cr_expect_eq(code_of(post(&p, decide_url(n), fields)), 400);
	snprintf(fields, sizeof(fields), "action=permit%s", until(2));
	cr_expect_eq(code_of(post(&p, decide_url(n), fields)), 303);
}

Test(console_decide, numbers_that_are_none)
{
	static const char *const bad[] = {"0", "-1", "999999", "1x", "99999999999999999999", "%3Cscript%3E", "1.0"};
	struct person p = login("sec");

	(void)add_request(0, "clerk", "none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char url[64];

		snprintf(url, sizeof(url), "/requests/%s", bad[i]);
		cr_expect_eq(code_of(get(&p, url)), 404, "%s", url);
		cr_expect_eq(code_of(post(&p, url, "action=permit")), 404, "%s", url);
		snprintf(url, sizeof(url), "/terminals/%s", bad[i]);
		cr_expect_eq(code_of(get(&p, url)), 404, "%s", url);
	}
	cr_expect_eq(code_of(get(&p, "/terminals?page=0")), 200);
	cr_expect_eq(code_of(get(&p, "/terminals?page=99999999999")), 200);
	cr_expect_eq(code_of(get(&p, "/terminals?state=wonderful")), 400);
	cr_expect_eq(code_of(get(&p, "/terminals?unit=%27%3B--")), 400);
	cr_expect_eq(code_of(get(&p, "/requests?state=wonderful")), 400);
}

Test(console_decide, audit_paging_and_traces_of_reading)
{
	struct person p = login("aud");
	char url[128];
	struct fake *f;

	cr_expect_eq(code_of(get(&p, "/audit?before=x")), 400);
	snprintf(url, sizeof(url), "/terminals/%s", terminal[0]);
	cr_expect_eq(code_of(get(&p, url)), 200);
	f = get(&p, "/audit?before=1000000");
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "Page viewed") && shows(f, terminal[0]), "an auditor's reading is recorded");
	fake_free(f);
}

/* --- CSRF, origin, form --- */

static int post_raw(const struct person *p, const char *url, const char *body, const char *header, const char *value)
{
	struct fake *f = fake_new(&server, url, body);

	fake_set(f, "Cookie", p->cookie);
	if (header != NULL)
		fake_set(f, header, value);
	fake_run(f, sk_console_routes);
	return code_of(f);
}

Test(console_decide, csrf_and_origin)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec"), other = login("sec");
	char good[256], body[512];

	snprintf(good, sizeof(good), "csrf=%s&action=permit", p.csrf);
	cr_expect_eq(post_raw(&p, decide_url(n), "action=permit", NULL, NULL), 403, "no token");
	cr_expect_eq(post_raw(&p, decide_url(n), "csrf=&action=permit", NULL, NULL), 403, "empty token");
	snprintf(body, sizeof(body), "csrf=%s&action=permit", other.csrf);
	cr_expect_eq(post_raw(&p, decide_url(n), body, NULL, NULL), 403, "another session's token");
	cr_expect_eq(post_raw(&p, decide_url(n), good, "Origin", "https://evil.example"), 403);
	cr_expect_eq(post_raw(&p, decide_url(n), good, "Origin", "null"), 403);
	cr_expect_eq(post_raw(&p, decide_url(n), good, "Sec-Fetch-Site", "cross-site"), 403);
	snprintf(body, sizeof(body), "%s&csrf=%s", good, p.csrf);
	cr_expect_eq(post_raw(&p, decide_url(n), body, NULL, NULL), 400, "a field twice");
	snprintf(body, sizeof(body), "%s&x=%%00", good);
	cr_expect_eq(post_raw(&p, decide_url(n), body, NULL, NULL), 400, "a NUL");
	cr_expect_str_eq(state_of(n), "submitted");
	cr_expect_eq(post_raw(&p, decide_url(n), good, "Origin", "https://console.example:8444"), 303);
	cr_expect_eq(post_raw(&p, "/logout", "", NULL, NULL), 403);
}

Test(console_decide, a_body_that_is_too_large)
{
	struct person p = login("sec");
	char *body = malloc(20000);

	memset(body, 'a', 19999);
	body[19999] = '\0';
	cr_expect_eq(post_raw(&p, "/logout", body, NULL, NULL), 413);
	free(body);
}

Test(console_decide, parse_time)
{
	sk_ms t;

	setenv("TZ", "Asia/Tokyo", 1);
	tzset();
	cr_expect_eq(sk_console_parse_time("2026-04-01T09:00", &t), 0);
	cr_expect_eq(t, 1775001600000);
	cr_expect_eq(sk_console_parse_time("2026-04-01T09:00:30", &t), 0);
	cr_expect_eq(t, 1775001630000);
	cr_expect_eq(sk_console_parse_time("2026-04-01T00:00:00Z", &t), 0);
	cr_expect_eq(t, 1775001600000);
	cr_expect_eq(sk_console_parse_time("", &t), -EINVAL);
	cr_expect_eq(sk_console_parse_time("2026-04-01 09:00", &t), -EINVAL);
	cr_expect_eq(sk_console_parse_time("2026-04-01T09:00:", &t), -EINVAL);
	cr_expect_eq(sk_console_parse_time("1969-01-01T09:00", &t), -EINVAL);
	cr_expect_eq(sk_console_parse_time("2026-02-30T25:00", &t), -EINVAL);
}
