/* Sessions: the cookie's form, rotation, ends, origin, CSRF, roles. Over a real store, with HTTP played by the test. */
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "tests/unit/fake_http.h"
#include "server/session.h"

static struct sk_server server;
static struct sk_server_config config;
static char folder[] = "/tmp/sekimori-session-XXXXXX", path[64];
static const struct sk_actor root = {.user = "system", .name = "system", .unit = "", .role = SK_ROLE_SYS};

static void begin(void)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/store.db", folder);
	config.session_idle_s = 900;
	config.session_max_s = 28800;
	server.config = &config;
	cr_assert_eq(sk_store_open(path, true, &server.store, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_unit_put(server.store, &root, "soumu", "総務課", "General Affairs", &err), 0, "%s",
	             err.text);
	cr_assert_eq(sk_store_user_put(server.store, &root, "manager", "総務課長", "soumu", SK_ROLE_SEC | SK_ROLE_DESK,
	                               FAKE_HASH "secret", &err),
	             0, "%s", err.text);
}

static void end(void)
{
	char command[160];

	sk_store_close(server.store);
	snprintf(command, sizeof(command), "%s-wal", path);
	unlink(command);
	snprintf(command, sizeof(command), "%s-shm", path);
	unlink(command);
	unlink(path);
	rmdir(folder);
}

TestSuite(session, .init = begin, .fini = end);

static struct fake *request(const char *cookie)
{
	struct fake *f = fake_new(&server, "/", NULL);

	if (cookie != NULL)
		fake_set(f, "Cookie", cookie);
	return f;
}

/* A session of the manager's; its Cookie header. */
static const char *login(sk_ms now)
{
	static char cookie[128];
	struct fake *f = request(NULL);

	cr_assert_eq(sk_session_start(&f->r, "manager", NULL, now), 0);
	snprintf(cookie, sizeof(cookie), SK_SESSION_COOKIE "=%s", fake_cookie(f, SK_SESSION_COOKIE));
	fake_free(f);
	return cookie;
}

static int load(const char *cookie, sk_ms now, struct sk_session *s)
{
	struct fake *f = request(cookie);
	int r = sk_session_load(&f->r, now, s);

	fake_free(f);
	return r;
}

Test(session, cookie_get)
{
	char v[8];

	cr_expect_eq(sk_cookie_get("a=1; b=2", "b", v, sizeof(v)), 0);
	cr_expect_str_eq(v, "2");
	cr_expect_eq(sk_cookie_get("a=1;b=2", "a", v, sizeof(v)), 0);
	cr_expect_eq(sk_cookie_get("xb=1", "b", v, sizeof(v)), -ENOENT);
	cr_expect_eq(sk_cookie_get("b", "b", v, sizeof(v)), -ENOENT);
	cr_expect_eq(sk_cookie_get("b=1; b=2", "b", v, sizeof(v)), -ENOENT, "two of a name: one is somebody else's");
	cr_expect_eq(sk_cookie_get("b=12345678", "b", v, sizeof(v)), -ENOENT, "too long");
	cr_expect_eq(sk_cookie_get(NULL, "b", v, sizeof(v)), -ENOENT);
	cr_expect_eq(sk_cookie_get("", "b", v, sizeof(v)), -ENOENT);
	cr_expect_eq(sk_cookie_get(";;; ;", "b", v, sizeof(v)), -ENOENT);
}

Test(session, cookie_is_strict)
{
	struct fake *f = request(NULL);
	const char *line;

	cr_assert_eq(sk_session_start(&f->r, "manager", NULL, 1000000), 0);
	line = fake_out(f, "Set-Cookie");
	cr_expect(strncmp(line, "__Host-sekimori=", 16) == 0);
	cr_expect(strstr(line, "; Path=/; Secure; HttpOnly; SameSite=Strict") != NULL, "%s", line);
	cr_expect(strstr(line, "Domain") == NULL);
	cr_expect_eq(strlen(fake_cookie(f, SK_SESSION_COOKIE)), 64);
	fake_free(f);
}

Test(session, load)
{
	struct sk_session s;

	cr_assert_eq(load(login(1000000), 1001000, &s), 0);
	cr_expect_str_eq(s.user, "manager");
	cr_expect_str_eq(s.name, "総務課長");
	cr_expect_str_eq(s.unit, "soumu");
	cr_expect_eq(s.acting, SK_ROLE_SEC);
	cr_expect_eq(strlen(s.csrf), 64);
}

Test(session, what_is_no_session)
{
	static const char *const bad[] = {
	    NULL,
	    "",
	    SK_SESSION_COOKIE "=",
	    SK_SESSION_COOKIE "=short",
	    SK_SESSION_COOKIE "=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	    SK_SESSION_COOKIE "=0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
	    SK_SESSION_COOKIE "=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde'",
	    "sekimori=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	};
	struct sk_session s;

	(void)login(1000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(load(bad[i], 1001000, &s), -ENOENT, "%s", bad[i]);
}

Test(session, idle_and_absolute_ends)
{
	struct sk_session s;
	const char *cookie = login(1000000);
	sk_ms t = 1000000;

	cr_expect_eq(load(cookie, t + 899000, &s), 0);
	cr_expect_eq(load(cookie, t + 899000 + 901000, &s), -ENOENT, "idle");
	cookie = login(t);
	for (sk_ms at = t; at < t + 28800000; at += 600000)
		cr_assert_eq(load(cookie, at, &s), 0, "kept alive");
	cr_expect_eq(load(cookie, t + 28801000, &s), -ENOENT, "absolute end in spite of use");
}

Test(session, a_login_ends_the_session_it_came_with)
{
	struct sk_session s;
	char old[128];
	struct fake *f;

	snprintf(old, sizeof(old), "%s", login(1000000));
	f = request(old);
	cr_assert_eq(sk_session_start(&f->r, "manager", NULL, 1001000), 0);
	cr_expect(strstr(old, fake_cookie(f, SK_SESSION_COOKIE)) == NULL, "a new token");
	fake_free(f);
	cr_expect_eq(load(old, 1002000, &s), -ENOENT);
}

Test(session, a_planted_token_never_logs_in)
{
	static const char planted[] =
	    SK_SESSION_COOKIE "=00000000000000000000000000000000000000000000000000000000000000aa";
	struct fake *f = request(planted);
	struct sk_session s;

	cr_assert_eq(sk_session_start(&f->r, "manager", NULL, 1000000), 0);
	cr_expect(strstr(planted, fake_cookie(f, SK_SESSION_COOKIE)) == NULL);
	fake_free(f);
	cr_expect_eq(load(planted, 1001000, &s), -ENOENT);
}

Test(session, logout)
{
	const char *cookie = login(1000000);
	struct fake *f = request(cookie);
	struct sk_session s;

	cr_assert_eq(sk_session_load(&f->r, 1001000, &s), 0);
	sk_session_end(&f->r, &s);
	cr_expect_str_eq(fake_cookie(f, SK_SESSION_COOKIE), "");
	fake_free(f);
	cr_expect_eq(load(cookie, 1001001, &s), -ENOENT);
}

Test(session, a_disabled_user_is_out_at_once)
{
	const char *cookie = login(1000000);
	struct sk_err err = SK_ERR_INIT;
	struct sk_session s;

	cr_assert_eq(load(cookie, 1001000, &s), 0);
	cr_assert_eq(sk_store_user_disable(server.store, &root, "manager", true, &err), 0, "%s", err.text);
	cr_expect_eq(load(cookie, 1002000, &s), -ENOENT);
}

Test(session, acting_role_is_checked_against_the_account)
{
	char cookie[256];
	struct sk_session s;
	const char *base = login(1000000);

	snprintf(cookie, sizeof(cookie), "%s; " SK_ROLE_COOKIE "=desk", base);
	cr_assert_eq(load(cookie, 1001000, &s), 0);
	cr_expect_eq(s.acting, SK_ROLE_DESK);
	snprintf(cookie, sizeof(cookie), "%s; " SK_ROLE_COOKIE "=sys", base);
	cr_assert_eq(load(cookie, 1001000, &s), 0);
	cr_expect_eq(s.acting, SK_ROLE_SEC, "a role that is not theirs is not taken");
	snprintf(cookie, sizeof(cookie), "%s; " SK_ROLE_COOKIE "=emperor", base);
	cr_assert_eq(load(cookie, 1001000, &s), 0);
	cr_expect_eq(s.acting, SK_ROLE_SEC);
}

Test(session, actor)
{
	struct sk_session s;
	struct sk_actor a;

	cr_assert_eq(load(login(1000000), 1001000, &s), 0);
	cr_expect_eq(sk_session_actor(&s, SK_ROLE_DESK, &a), 0);
	cr_expect_eq(a.role, SK_ROLE_DESK);
	cr_expect_str_eq(a.unit, "soumu");
	cr_expect_eq(sk_session_actor(&s, SK_ROLE_AUD, &a), -EPERM);
}

Test(session, what_is_offered_first)
{
	struct sk_session s = {.n_may = 2, .may = {{.role = SK_ROLE_AUD}, {.role = SK_ROLE_SEC, .unit = "zeimu"}}};

	cr_expect_eq(sk_session_act(&s, "sec:zeimu"), 0);
	cr_expect_eq(s.acting, SK_ROLE_SEC);
	cr_expect_str_eq(s.unit, "zeimu");
	cr_expect_eq(sk_session_act(&s, "sec:soumu"), -EACCES);
	cr_expect_eq(sk_session_act(&s, "sys"), -EACCES);
	cr_expect_eq(s.acting, SK_ROLE_SEC, "a refusal changes nothing");
	cr_expect_eq(sk_session_act(&s, "staff"), 0);
	cr_expect_eq(s.acting, SK_ROLE_STAFF);
}

static bool own(const char *site, const char *origin)
{
	struct fake *f = request(NULL);
	bool r;

	if (site != NULL)
		fake_set(f, "Sec-Fetch-Site", site);
	if (origin != NULL)
		fake_set(f, "Origin", origin);
	r = sk_session_own_origin(&f->r);
	fake_free(f);
	return r;
}

Test(session, own_origin)
{
	cr_expect(own(NULL, NULL));
	cr_expect(own("same-origin", "https://console.example:8444"));
	cr_expect(own(NULL, "https://Console.Example:8444"));
	cr_expect_not(own("cross-site", NULL));
	cr_expect_not(own("same-site", "https://console.example:8444"));
	cr_expect_not(own("none", "https://console.example:8444"));
	cr_expect_not(own(NULL, "null"));
	cr_expect_not(own(NULL, "http://console.example:8444"));
	cr_expect_not(own(NULL, "https://console.example"));
	cr_expect_not(own(NULL, "https://console.example:8444.evil.example"));
	cr_expect_not(own("same-origin", "https://evil.example"));
}

Test(session, csrf)
{
	struct sk_session s;

	cr_assert_eq(load(login(1000000), 1001000, &s), 0);
	cr_expect(sk_session_csrf_ok(&s, s.csrf));
	cr_expect_not(sk_session_csrf_ok(&s, NULL));
	cr_expect_not(sk_session_csrf_ok(&s, ""));
	cr_expect_not(sk_session_csrf_ok(&s, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
	s.csrf[0] = '\0';
	cr_expect_not(sk_session_csrf_ok(&s, ""), "no token never matches no token");
}
