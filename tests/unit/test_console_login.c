/* Logging in and out. */
#include "server/limiter.h"
#include "tests/unit/console_help.h"

TestSuite(console_login, .init = console_begin, .fini = console_end);

/* --- login --- */

static struct fake *try_login(const char *user, const char *password, const char *more)
{
	char body[512];
	struct fake *f;

	snprintf(body, sizeof(body), "user=%s&password=%s%s", user, password, more);
	f = fake_new(&server, "/login", body);
	fake_set(f, "Cookie", SK_LANG_COOKIE "=en");
	fake_run(f, sk_console_routes);
	return f;
}

Test(console_login, login)
{
	struct fake *f = try_login("sec", "pw-sec", "&next=/requests/7");

	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_out(f, "Location"), "/requests/7");
	cr_expect_eq(strlen(fake_cookie(f, SK_SESSION_COOKIE)), 64);
	fake_free(f);
	f = try_login("sec", "pw-sec", "&next=//evil.example");
	cr_expect_str_eq(fake_out(f, "Location"), "/");
	fake_free(f);
}

Test(console_login, login_says_the_same_to_all_failures)
{
	static const char *const tries[][2] = {{"sec", "wrong"},   {"nobody-known", "wrong"},
	                                       {"UPPER", "wrong"}, {"%3Cscript%3E", "wrong"},
	                                       {"", "wrong"},      {"sec", ""}};
	char *first = NULL;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct fake *f = try_login(tries[i][0], tries[i][1], "");

		cr_expect_eq(f->code, 401, "%s", tries[i][0]);
		cr_expect_null(fake_cookie(f, SK_SESSION_COOKIE));
		if (first == NULL)
			first = strdup(f->body);
		else
			cr_expect_eq(strcspn(f->body, "0123456789") > 0 && strlen(f->body) == strlen(first), true,
			             "the same page for %s", tries[i][0]);
		fake_free(f);
	}
	free(first);
}

Test(console_login, login_locks_after_the_limit)
{
	for (int i = 0; i < 3; i++)
		cr_expect_eq(code_of(try_login("sec", "wrong", "")), 401);
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 401, "locked, though the password is right");
	cr_expect_eq(code_of(try_login("desk", "pw-desk", "")), 303, "another name is not");
}

Test(console_login, login_of_a_disabled_user)
{
	struct sk_err err = SK_ERR_INIT;

	ok(sk_store_user_disable(server.store, &root, "sec", true, &err), &err);
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 401);
}

Test(console_login, login_from_elsewhere)
{
	struct fake *f = fake_new(&server, "/login", "user=sec&password=pw-sec");

	fake_set(f, "Origin", "https://evil.example");
	fake_run(f, sk_console_routes);
	cr_expect_eq(f->code, 403);
	cr_expect_null(fake_cookie(f, SK_SESSION_COOKIE));
	fake_free(f);
}

Test(console_login, login_when_the_pool_is_full)
{
	fake_password_full = true;
	for (int i = 0; i < 5; i++)
		cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 503);
	fake_password_full = false;
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 303,
	             "what was not looked at did not count against the name");
}

static size_t failures(void)
{
	json_t *list = sk_store_audit_list(server.store, 0, 100), *line;
	size_t n = 0, i;

	json_array_foreach(list, i, line)
	{
		n += strcmp(json_string_value(json_object_get(line, "action")), "login.failed") == 0;
	}
	json_decref(list);
	return n;
}

Test(console_login, one_address_is_limited)
{
	server.login_limiter = sk_limiter_new(3, 600000);
	server.unknown_limiter = sk_limiter_new(1, 60000);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(code_of(try_login("desk", "pw-desk", "")), 303, "good ones do not count");
	cr_expect_eq(code_of(try_login("nobody-1", "x", "")), 401);
	cr_expect_eq(code_of(try_login("nobody-2", "x", "")), 401);
	cr_expect_eq(failures(), 1, "one line a minute about names nobody has");
	cr_expect_eq(code_of(try_login("sec", "wrong", "")), 401);
	cr_expect_eq(failures(), 2);
	for (int i = 0; i < 5; i++)
		cr_expect_eq(code_of(try_login("sec", "wrong", "")), 503);
	server.login_limiter = sk_limiter_free(server.login_limiter);
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 303, "the name was not locked by it");
	server.unknown_limiter = sk_limiter_free(server.unknown_limiter);
}

Test(console_login, login_fields_that_are_too_long)
{
	char longname[200];

	memset(longname, 'a', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	cr_expect_eq(code_of(try_login(longname, "x", "")), 400);
}

Test(console_login, a_browser_that_goes_away_during_login)
{
	struct fake *f = fake_new(&server, "/login", "user=sec&password=pw-sec");
	const struct sk_route *t = sk_console_routes;

	while (strcmp(t->pattern, "/login") != 0 || t->method != EVHTTP_REQ_POST)
		t++;
	t->handler(&f->r);
	cr_assert(f->deferred);
	f->on_gone(&f->r, f->gone_arg);
	fake_free(f);
	event_base_loop(server.base, EVLOOP_NONBLOCK); /* the job is gone with it: nothing is called */
}

Test(console_login, logout)
{
	struct person p = login("sec");

	cr_expect_eq(code_of(post(&p, "/logout", "")), 303);
	cr_expect_eq(code_of(get(&p, "/")), 303);
}

Test(console_login, a_link_from_a_mail_asks_once_more)
{
	struct fake *f = fake_new(&server, "/requests/7", NULL);

	fake_set(f, "Sec-Fetch-Site", "cross-site");
	fake_set(f, "Sec-Fetch-Mode", "navigate");
	fake_run(f, sk_console_routes);
	cr_expect_eq(f->code, 200);
	cr_expect(shows(f, "http-equiv=\"refresh\" content=\"0;url=/requests/7\""));
	fake_free(f);
	f = fake_new(&server, "/requests/7", NULL); /* the second time it comes from here */
	fake_set(f, "Sec-Fetch-Site", "same-origin");
	fake_set(f, "Sec-Fetch-Mode", "navigate");
	fake_run(f, sk_console_routes);
	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_out(f, "Location"), "/login?next=/requests/7");
	fake_free(f);
	f = fake_new(&server, "/requests/\"><b>", NULL); /* a path that cannot be put into a page or header */
	fake_set(f, "Sec-Fetch-Site", "cross-site");
	fake_set(f, "Sec-Fetch-Mode", "navigate");
	fake_run(f, sk_console_routes);
	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_out(f, "Location"), "/login");
	fake_free(f);
}
