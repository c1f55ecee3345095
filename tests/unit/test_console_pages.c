/* What pages show: hostile text as text, warnings, silent terminals, nothing before the login, languages. */
#include "tests/unit/console_help.h"

TestSuite(console_pages, .init = console_begin, .fini = console_end);

/* --- what is shown --- */

Test(console_pages, hostile_text_is_shown_as_text)
{
	long long n = add_request(0, "clerk", "1");
	struct person p = login("desk");
	char url[128];
	struct fake *f;

	add_report(0, "non-compliant");
	snprintf(url, sizeof(url), "/terminals/%s", terminal[0]);
	const char *const pages[] = {"/",         "/terminals",  url,
	                             "/requests", decide_url(n), "/terminals?find=%3Cscript%3E%22"};

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		f = get(&p, pages[i]);
		cr_expect_eq(f->code, 200, "%s", pages[i]);
		cr_expect(!shows(f, "<script") && !shows(f, "<i>Debian") && !shows(f, "<b>branch") &&
		              !shows(f, "Tax <b>") && !shows(f, "\xe2\x80\xae") && !shows(f, "style=\"") &&
		              !shows(f, " on"
		                        "click"),
		          "%s", pages[i]);
		cr_expect(strstr(fake_out(f, "Content-Security-Policy"), "default-src 'none'") != NULL);
		cr_expect_str_eq(fake_out(f, "Cache-Control"), "no-store");
		fake_free(f);
	}
}

Test(console_pages, warnings_beside_a_request)
{
	long long important = add_request(0, "clerk", "1"), plain = add_request(0, "clerk", "none");
	struct person p = login("sec");
	struct fake *f = get(&p, decide_url(important));

	cr_expect(shows(f, "nothing shows that the medium is encrypted"));
	cr_expect(shows(f, "not known whether the terminal"), "no report: unknown is not compliant");
	fake_free(f);
	add_report(0, "compliant");
	f = get(&p, decide_url(plain));
	cr_expect(!shows(f, "nothing shows that the medium is encrypted") &&
	          !shows(f, "not known whether the terminal"));
	fake_free(f);
	add_report(0, "non-compliant");
	f = get(&p, decide_url(plain));
	cr_expect(shows(f, "antivirus is not in order"));
	fake_free(f);
}

Test(console_pages, silent_terminals_are_never_left_out)
{
	struct person p = login("desk");
	struct fake *f;

	config.silent_s = 0;
	(void)usleep(2000);
	f = get(&p, "/");
	cr_expect(shows(f, "/terminals?state=silent\"><strong>2</strong>"));
	fake_free(f);
	f = get(&p, "/terminals?state=silent");
	cr_expect(shows(f, "pc-soumu") && shows(f, "pc-zeimu"));
	fake_free(f);
	f = get(&p, "/terminals?state=compliant");
	cr_expect(!shows(f, "pc-soumu"));
	fake_free(f);
}

Test(console_pages, nothing_of_the_office_before_the_login)
{
	static const char *const pages[] = {"/login", "/help"};

	add_report(0, "compliant");
	for (size_t i = 0; i < 2; i++) {
		struct fake *f = get(NULL, pages[i]);

		cr_expect_eq(f->code, 200);
		cr_expect(!shows(f, "soumu") && !shows(f, "pc-") && !shows(f, "internet-zone"));
		fake_free(f);
	}
}

Test(console_pages, language)
{
	struct fake *f = get(NULL, "/login?lang=en");

	cr_expect(shows(f, "<html lang=\"en\">"));
	cr_expect_str_eq(fake_cookie(f, SK_LANG_COOKIE), "en");
	fake_free(f);
	f = get(NULL, "/login");
	cr_expect(shows(f, "<html lang=\"ja\">"), "Japanese unless somebody chose");
	cr_expect_null(fake_cookie(f, SK_LANG_COOKIE));
	fake_free(f);
	f = get(NULL, "/login?lang=xx");
	cr_expect(shows(f, "<html lang=\"ja\">"));
	fake_free(f);
}

Test(console_pages, paging)
{
	struct person p = login("desk");
	struct fake *f;

	for (int i = 0; i < 51; i++)
		(void)add_request(0, "clerk", "none");
	f = get(&p, "/requests");
	cr_expect(shows(f, "page=2"));
	fake_free(f);
	f = get(&p, "/requests?state=submitted&page=2");
	cr_expect(shows(f, "href=\"/requests?state=submitted&amp;page=1\"") && !shows(f, "page=3"));
	fake_free(f);
}

Test(console_pages, assets)
{
	struct fake *f = get(NULL, "/assets/console.css"), *g;

	cr_expect_eq(f->code, 200);
	cr_expect_str_eq(fake_out(f, "Content-Type"), "text/css; charset=utf-8");
	g = fake_new(&server, "/assets/console.css", NULL);
	fake_set(g, "If-None-Match", fake_out(f, "ETag"));
	fake_run(g, sk_console_routes);
	cr_expect_eq(g->code, 304);
	fake_free(f);
	fake_free(g);
	cr_expect_eq(code_of(get(NULL, "/assets/..")), 404);
	cr_expect_eq(code_of(get(NULL, "/assets/secret")), 404);
}
