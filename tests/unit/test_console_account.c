/* The second factor from set-up to loss, and one's sessions. */
#include "server/limiter.h"
#include "server/store_login.h"
#include "server/totp.h"
#include "tests/unit/console_help.h"

TestSuite(console_account, .init = console_begin, .fini = console_end);

static struct fake *try_login(const char *user, const char *code)
{
	char body[256];
	struct fake *f;

	snprintf(body, sizeof(body), "user=%s&password=pw-%s&code=%s", user, user, code);
	f = fake_new(&server, "/login", body);
	fake_set(f, "Cookie", SK_LANG_COOKIE "=en");
	fake_run(f, sk_console_routes);
	return f;
}

/* Of the step offset from now's. */
static const char *code_now(const char *secret, int offset)
{
	static char text[32];
	uint32_t n;

	cr_assert_eq(sk_totp_code(secret, sk_clock_wall() / 30000 + offset, &n), 0);
	snprintf(text, sizeof(text), "%06u", n);
	return text;
}

static char *set_up(const struct person *p, const char *user)
{
	static struct sk_second_factor f;
	char fields[64];
	struct fake *page = post(p, "/account", "action=begin");

	cr_assert_eq(page->code, 200);
	cr_assert_eq(sk_store_factor_get(server.store, user, &f), 0);
	cr_assert_str_empty(f.secret, "not in force yet");
	cr_expect(shows(page, "otpauth://totp/City%20Hall%3A"));
	fake_free(page);
	cr_expect_eq(code_of(try_login(user, "")), 303, "what is not confirmed is not asked for");
	cr_expect_eq(code_of(post(p, "/account", "action=confirm&code=1")), 400);
	snprintf(fields, sizeof(fields), "action=confirm&code=%s", code_now(f.pending, -1));
	cr_assert_eq(code_of(post(p, "/account", fields)), 303);
	cr_assert_eq(sk_store_factor_get(server.store, user, &f), 0);
	return f.secret;
}

Test(console_account, set_up_asked_for_used_once_and_lost)
{
	struct person desk = login("desk"), sys = login("sys"), aud = login("aud");
	char secret[64];
	struct fake *f;

	snprintf(secret, sizeof(secret), "%s", set_up(&desk, "desk"));
	f = get(&desk, "/account");
	cr_expect_not(shows(f, secret), "shown once");
	fake_free(f);
	cr_expect_eq(code_of(try_login("desk", "")), 401);
	cr_expect_eq(code_of(try_login("desk", "000000")), 401);
	cr_expect_eq(code_of(try_login("desk", code_now(secret, 0))), 303);
	cr_expect_eq(code_of(try_login("desk", code_now(secret, 0))), 401, "used up");
	cr_expect_eq(code_of(post(&desk, "/account", "action=begin")), 400, "an open browser alone does not change it");
	cr_expect_eq(code_of(post(&desk, "/account", "action=reset&user=desk&reason=x")), 403);
	cr_expect_eq(code_of(post(&aud, "/account", "action=reset&user=desk&reason=x")), 403);
	cr_expect_eq(code_of(post(&sys, "/account", "action=reset&user=sys&reason=x")), 403, "not one's own");
	cr_expect_eq(code_of(post(&sys, "/account", "action=reset&user=desk")), 400);
	cr_expect_eq(code_of(post(&sys, "/account", "action=reset&user=nobody&reason=x")), 400);
	cr_expect_eq(code_of(post(&sys, "/account", "action=reset&user=desk&reason=lost")), 303);
	cr_expect_eq(code_of(get(&desk, "/")), 303, "their sessions ended");
	cr_expect_eq(code_of(try_login("desk", "")), 303, "the password alone again");
}

Test(console_account, nothing_opens_before_a_factor_that_is_required)
{
	struct person desk = login("desk");
	struct fake *f;

	config.second_factor = 1;
	f = get(&desk, "/");
	cr_expect_eq(f->code, 303);
	cr_expect_str_eq(fake_out(f, "Location"), "/account");
	fake_free(f);
	cr_expect_eq(code_of(post(&desk, "/phone", "")), 403);
	cr_expect_eq(code_of(get(&desk, "/account")), 200);
	set_up(&desk, "desk");
	cr_expect_eq(code_of(get(&desk, "/")), 200);
	config.second_factor = 0;
}

Test(console_account, sessions)
{
	struct person a = login("desk"), b = login("desk"), other = login("sys");
	char fields[64];
	json_t *rows = sk_store_sessions(server.store, "desk", sk_clock_wall(), 900000, 900000);

	cr_assert_eq(json_array_size(rows), 2);
	for (size_t i = 0; i < 2; i++) {
		snprintf(fields, sizeof(fields), "action=end&id=%s", sk_page_str(json_array_get(rows, i), "id"));
		cr_expect_eq(code_of(post(&other, "/account", fields)), 404, "somebody else's");
	}
	json_decref(rows);
	cr_expect_eq(code_of(post(&a, "/account", "action=end-others")), 303);
	cr_expect_eq(code_of(get(&b, "/")), 303);
	cr_expect_eq(code_of(get(&a, "/")), 200);
	cr_expect_eq(code_of(get(&other, "/")), 200);
	cr_expect_eq(code_of(post(&a, "/account", "action=nonsense")), 400);
}
