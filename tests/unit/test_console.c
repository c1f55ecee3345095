/* The permission table route x role, and what each role sees of which section. */
#include "tests/unit/console_help.h"

TestSuite(console, .init = console_begin, .fini = console_end);

/* --- the permission table --- */

/* What docs/console.md says, written down again: a slip in the one table shows here. r = reads (200 or 303 to a page), - = 403. */
static const struct {
	const char *method, *url;
	const char *sec, *desk, *sys, *aud, *ciso, *exec, *bur, *staff, *none;
} matrix[] = {
    {"GET", "/", "200", "200", "200", "200", "200", "200", "200", "303", "303"},
    {"GET", "/compliance", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/compliance/antivirus", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/compliance/antivirus", "400", "400", "400", "403", "403", "403", "403", "403", "303"},
    {"GET", "/terminals", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/terminals/T", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/terminals/T", "400", "400", "400", "403", "400", "400", "403", "403", "303"},
    {"GET", "/notices", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/notices", "403", "400", "400", "403", "403", "403", "403", "403", "303"},
    {"GET", "/requests", "200", "200", "200", "200", "200", "200", "200", "200", "303"},
    {"GET", "/requests/R", "200", "200", "200", "200", "200", "200", "200", "200", "303"},
    {"POST", "/requests/R", "400", "400", "400", "403", "400", "400", "400", "403", "303"},
    {"GET", "/phone", "403", "200", "200", "200", "403", "403", "403", "403", "303"},
    {"POST", "/phone", "403", "400", "403", "403", "403", "403", "403", "403", "303"},
    {"GET", "/media", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/media/M-none", "404", "404", "404", "404", "404", "404", "404", "403", "303"},
    {"POST", "/media/M-none", "403", "404", "404", "403", "403", "403", "403", "403", "303"},
    {"POST", "/registrations/1", "403", "403", "400", "403", "403", "403", "403", "403", "303"},
    {"GET", "/labels", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/certificates/M-none", "404", "404", "404", "404", "404", "404", "404", "403", "303"},
    {"GET", "/incidents", "200", "200", "200", "200", "200", "200", "200", "200", "303"},
    {"POST", "/incidents", "400", "400", "400", "403", "400", "400", "400", "400", "303"},
    {"GET", "/incidents/new", "200", "200", "200", "403", "200", "200", "200", "200", "303"},
    {"GET", "/incidents/99", "404", "404", "404", "404", "404", "404", "404", "404", "303"},
    {"POST", "/incidents/99", "404", "404", "404", "403", "403", "403", "403", "403", "303"},
    {"GET", "/applications", "200", "200", "200", "200", "200", "200", "200", "200", "303"},
    {"POST", "/applications", "400", "400", "400", "400", "400", "400", "400", "400", "303"},
    {"GET", "/applications/new", "404", "404", "404", "404", "404", "404", "404", "404", "303"},
    {"GET", "/applications/999", "404", "404", "404", "404", "404", "404", "404", "404", "303"},
    {"POST", "/applications/999", "400", "400", "400", "400", "400", "400", "400", "400", "303"},
    {"GET", "/kinds", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/kinds", "403", "403", "400", "403", "403", "403", "403", "403", "303"},
    {"GET", "/search", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/export/terminals.csv", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/inspections", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/inspections", "403", "403", "400", "400", "403", "403", "400", "403", "303"},
    {"GET", "/inspections/99", "404", "404", "404", "404", "404", "404", "404", "403", "303"},
    {"POST", "/inspections/99", "404", "403", "404", "404", "403", "404", "404", "403", "303"},
    {"GET", "/tokens", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/tokens", "400", "400", "400", "400", "400", "400", "400", "403", "303"},
    {"GET", "/forms", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/forms/takeouts", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"GET", "/account", "200", "200", "200", "200", "200", "200", "200", "200", "303"},
    {"POST", "/account", "400", "400", "400", "400", "400", "400", "400", "400", "303"},
    {"GET", "/organisation", "200", "200", "200", "200", "200", "200", "200", "403", "303"},
    {"POST", "/organisation", "400", "400", "400", "403", "400", "400", "400", "403", "303"},
    {"GET", "/audit", "403", "403", "200", "200", "403", "403", "403", "403", "303"},
    {"GET", "/help", "200", "200", "200", "200", "200", "200", "200", "200", "200"},
    {"GET", "/help/staff", "200", "200", "200", "200", "200", "200", "200", "200", "200"},
    {"GET", "/assets/console.css", "200", "200", "200", "200", "200", "200", "200", "200", "200"},
    {"GET", "/login", "303", "303", "303", "303", "303", "303", "303", "303", "200"},
    {"POST", "/login/card", "404", "404", "404", "404", "404", "404", "404", "404", "404"},
    {"POST", "/role", "400", "400", "400", "400", "400", "400", "400", "400", "303"},
    {"GET", "/nowhere", "404", "404", "404", "404", "404", "404", "404", "404", "404"},
};

static int ask(const char *method, const char *url, const struct person *p, long long number)
{
	char real[128];
	struct fake *f;

	if (strcmp(url, "/terminals/T") == 0)
		snprintf(real, sizeof(real), "/terminals/%s", terminal[0]);
	else if (strcmp(url, "/requests/R") == 0)
		snprintf(real, sizeof(real), "/requests/%lld", number);
	else
		snprintf(real, sizeof(real), "%s", url);
	if (strcmp(method, "GET") == 0)
		return code_of(get(p, real));
	if (p != NULL)
		return code_of(post(p, real, ""));
	f = fake_new(&server, real, "csrf=x");
	fake_run(f, sk_console_routes);
	return code_of(f);
}

Test(console, matrix_of_route_and_role)
{
	long long number = add_request(0, "clerk", "none");
	const char *users[] = {"sec", "desk", "sys", "aud", "ciso", "exec", "bur", "clerk"};
	struct person people[8];

	add_report(0, "compliant");
	for (size_t i = 0; i < 8; i++)
		people[i] = login(users[i]);
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		const char *expected[] = {matrix[i].sec, matrix[i].desk,  matrix[i].sys,
		                          matrix[i].aud, matrix[i].ciso,  matrix[i].exec,
		                          matrix[i].bur, matrix[i].staff, matrix[i].none};

		for (size_t j = 0; j < 9; j++) {
			int code = ask(matrix[i].method, matrix[i].url, j < 8 ? &people[j] : NULL, number);

			cr_expect_eq(code, atoi(expected[j]), "%s %s as %s: %d, not %s", matrix[i].method,
			             matrix[i].url, j < 8 ? users[j] : "nobody", code, expected[j]);
		}
	}
}

Test(console, every_route_is_in_the_matrix)
{
	for (const struct sk_console_route *t = sk_console_pages; t->pattern != NULL; t++) {
		bool found = strcmp(t->pattern, "/*") == 0 || strcmp(t->pattern, "/logout") == 0 ||
		             (strcmp(t->pattern, "/login") == 0 && t->method == EVHTTP_REQ_POST);

		for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]) && !found; i++) {
			size_t n = strcspn(t->pattern, "*");

			found = strncmp(t->pattern, matrix[i].url, n) == 0 &&
			        (t->pattern[n] == '*') == (strlen(matrix[i].url) > n) &&
			        (t->method == EVHTTP_REQ_GET) == (strcmp(matrix[i].method, "GET") == 0);
		}
		cr_expect(found, "%s is not tested", t->pattern);
	}
}

Test(console, only_decisions_and_logins_change_anything)
{
	for (const struct sk_console_route *t = sk_console_pages; t->pattern != NULL; t++) {
		if (t->method != EVHTTP_REQ_GET)
			cr_expect_eq(t->may & SK_ROLE_AUD & (strcmp(t->pattern, "/requests/*") == 0 ? ~0u : 0u), 0u,
			             "auditors change nothing");
		else
			cr_expect_eq(t->body_max, 0);
	}
}

/* --- sections --- */

Test(console, a_manager_sees_the_own_section_only)
{
	long long here = add_request(0, "clerk", "none"), there = add_request(1, "outsider", "none");
	struct person p = login("sec");
	char url[128];
	struct fake *f;

	f = get(&p, "/terminals");
	cr_expect(shows(f, "pc-soumu") && !shows(f, "pc-zeimu"));
	fake_free(f);
	f = get(&p, "/requests");
	cr_expect(shows(f, "clerk") && !shows(f, "outsider"));
	fake_free(f);
	f = get(&p, "/");
	cr_expect(!shows(f, "Tax"));
	fake_free(f);
	snprintf(url, sizeof(url), "/terminals/%s", terminal[1]);
	cr_expect_eq(code_of(get(&p, url)), 404);
	cr_expect_eq(code_of(get(&p, decide_url(there))), 404);
	cr_expect_eq(code_of(get(&p, decide_url(here))), 200);
	cr_expect_eq(code_of(get(&p, "/terminals?unit=zeimu")), 403);
	cr_expect_eq(code_of(get(&p, "/terminals?unit=soumu")), 200);
}

/* The store takes no such account; should one be there all the same, "" must not come to mean the whole office. */
Test(console, a_manager_without_a_section_sees_nothing)
{
	struct sk_request r = {.server = &server};
	struct sk_console c = {.r = &r, .logged_in = true, .session = {.acting = SK_ROLE_SEC}};
	const char *unit;

	cr_expect_eq(sk_console_scope(&c, &unit), -EACCES);
	cr_expect_not(sk_console_sees(&c, "soumu"));
	cr_expect_not(sk_console_sees(&c, ""));
	snprintf(c.session.unit, sizeof(c.session.unit), "soumu");
	cr_expect(sk_console_sees(&c, "soumu"));
	cr_expect_not(sk_console_sees(&c, "zeimu"));
	c.session.acting = SK_ROLE_STAFF;
	cr_expect_eq(sk_console_scope(&c, &unit), -EACCES);
	c.session.acting = SK_ROLE_DESK;
	cr_expect_eq(sk_console_scope(&c, &unit), 0);
	cr_expect_null(unit);
	c.logged_in = false;
	cr_expect_eq(sk_console_scope(&c, &unit), -EACCES);
}

Test(console, staff_see_their_own_requests_only)
{
	long long own = add_request(0, "clerk", "none"), other = add_request(0, "outsider", "none");
	struct person p = login("clerk");
	struct fake *f = get(&p, "/requests");

	cr_expect(shows(f, "clerk") && !shows(f, "outsider"));
	fake_free(f);
	cr_expect_eq(code_of(get(&p, decide_url(other))), 404);
	f = get(&p, decide_url(own));
	cr_expect_eq(f->code, 200);
	cr_expect(!shows(f, "/terminals/") && !shows(f, "name=\"action\""));
	fake_free(f);
}
