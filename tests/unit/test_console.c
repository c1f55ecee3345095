/*
 * The console over a real store, with HTTP played by the test: the permission table route x role, what each role sees and may do, and
 * every way a form can be wrong.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "common/chain.h"
#include "server/console.h"
#include "tests/unit/fake_http.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct sk_server server;
static struct sk_server_config config;
static char folder[] = "/tmp/sekimori-console-XXXXXX", path[64];
static char terminal[2][SK_UUID_LEN];
static const struct sk_actor root = {.user = "system", .name = "system", .unit = "", .role = SK_ROLE_SYS};

static void ok(int r, const struct sk_err *err)
{
	cr_assert_geq(r, 0, "%d: %s", r, err->text);
}

static void add_terminal(int i, const char *host, const char *unit)
{
	struct sk_err err = SK_ERR_INIT;
	char token[SK_SHA256_HEX], fp[SK_SHA256_HEX];
	sk_ms now = sk_clock_wall();

	sk_sha256_hex(host, strlen(host), token);
	sk_sha256_hex(unit, strlen(unit), fp);
	ok(sk_store_token_put(server.store, &root, token, host, "A-1", unit, now + 3600000, &err), &err);
	ok(sk_uuid(terminal[i]), &err);
	ok(sk_store_enrol(server.store, token, host, "A-1", terminal[i], fp, now + 86400000, now, &err), &err);
}

static void add_report(int i, const char *av)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *r = json_pack(
	    "{s:s, s:s, s:{s:s,s:i,s:s,s:s}, s:{s:i,s:s}, s:[{s:s,s:s,s:s,s:s,s:s,s:[],s:{s:s},s:I}], "
	    "s:[{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[s],s:s}]}",
	    "version", "0.1", "os", "<i>Debian</i>", "policy", "name", "internet-zone", "version", 3, "mode", "enforce",
	    "zone", "internet", "journal", "last_seq", 1, "state", "ok", "posture", "id", "antivirus", "row", "P7",
	    "clause", "6.4(2)", "duty", "must", "state", av, "detail", "evidence", "product",
	    "<script>alert(1)</script>", "at", (json_int_t)sk_clock_wall(), "devices", "device", "1-2", "vendor_id",
	    "46f4", "product_id", "0001", "vendor", "\"><script>x</script>", "product", "Stick", "serial",
	    "\xe2\x80\xae"
	    "123",
	    "device_key", KEY, "grade", "C", "verdict", "deny", "kinds", "storage", "reason", "no-grant");

	cr_assert(r != NULL);
	ok(sk_store_report_put(server.store, terminal[i], r, sk_clock_wall(), &err), &err);
	json_decref(r);
}

/* A request by person from terminal i; returns its number. */
static long long add_request(int i, const char *person, const char *class)
{
	static struct sk_event e[2]; /* the last event of each terminal */
	struct sk_event *last = &e[i];
	enum sk_chain_result chain;
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN], body[1024], prev[SK_SHA256_HEX];
	int64_t acked;
	json_t *rows;
	long long n;

	ok(sk_uuid(id), &err);
	snprintf(
	    body, sizeof(body),
	    "{\"access\":\"rw\",\"class\":\"%s\",\"destination\":\"<b>branch</b>\",\"device\":{\"device_key\":\"" KEY
	    "\",\"grade\":\"C\",\"port\":\"1-2\","
	    "\"product\":\"Stick\",\"product_id\":\"0001\",\"serial\":\"S<1>\",\"vendor\":\"Acme & "
	    "Sons\",\"vendor_id\":\"46f4\"},\"hours\":8,"
	    "\"id\":\"%s\",\"kind\":\"media\",\"person\":\"%s\",\"purpose\":\"<script>alert(2)</script> 会議資料\"}",
	    class, id, person);
	snprintf(prev, sizeof(prev), "%s", last->seq == 0 ? SK_CHAIN_ZERO : last->hash);
	memcpy(last->prev, prev, sizeof(prev));
	last->seq++;
	last->time = sk_clock_wall();
	snprintf(last->kind, sizeof(last->kind), "request.created");
	last->body = body;
	last->body_len = strlen(body);
	sk_chain_hash(terminal[i], last, last->hash);
	ok(sk_store_events_put(server.store, terminal[i], last, 1, last->time, &acked, &chain, &err), &err);
	cr_assert_eq(chain, SK_CHAIN_OK);
	rows = sk_store_requests(server.store, NULL, NULL, "all", 1, 0);
	cr_assert_eq(json_array_size(rows), 1);
	n = sk_page_int(json_array_get(rows, 0), "number");
	json_decref(rows);
	return n;
}

static void add_user(const char *user, const char *unit, unsigned roles)
{
	struct sk_err err = SK_ERR_INIT;
	char hash[64];

	snprintf(hash, sizeof(hash), FAKE_HASH "pw-%s", user);
	ok(sk_store_user_put(server.store, &root, user, user, unit, roles, hash, &err), &err);
}

static void begin(void)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/store.db", folder);
	config = (struct sk_server_config){.session_idle_s = 900,
	                                   .session_max_s = 28800,
	                                   .login_limit = 3,
	                                   .login_lock_s = 900,
	                                   .silent_s = 259200,
	                                   .grant_max_s = 14 * 86400,
	                                   .office_ja = "市役所",
	                                   .office_en = "City Hall"};
	server.config = &config;
	server.base = event_base_new();
	ok(sk_store_open(path, true, &server.store, &err), &err);
	ok(sk_store_unit_put(server.store, &root, "soumu", "総務課", "General Affairs", &err), &err);
	ok(sk_store_unit_put(server.store, &root, "zeimu", "税務課", "Tax <b>", &err), &err);
	add_user("sec", "soumu", SK_ROLE_SEC);
	add_user("sec2", "zeimu", SK_ROLE_SEC);
	add_user("desk", "", SK_ROLE_DESK);
	add_user("sys", "", SK_ROLE_SYS);
	add_user("aud", "", SK_ROLE_AUD);
	add_user("clerk", "soumu", SK_ROLE_STAFF);
	add_user("both", "soumu", SK_ROLE_SEC | SK_ROLE_DESK);
	add_terminal(0, "pc-soumu", "soumu");
	add_terminal(1, "pc-zeimu", "zeimu");
}

static void end(void)
{
	static const char *const more[] = {"", "-wal", "-shm"};
	char file[96];

	sk_store_close(server.store);
	event_base_free(server.base);
	for (size_t i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s%s", path, more[i]);
		unlink(file);
	}
	rmdir(folder);
}

TestSuite(console, .init = begin, .fini = end);

/* --- a person at a browser --- */

struct person {
	char cookie[256], csrf[65];
};

static struct person login(const char *user)
{
	struct person p;
	struct sk_session s;
	struct fake *f = fake_new(&server, "/", NULL);

	cr_assert_eq(sk_session_start(&f->r, user, sk_clock_wall()), 0);
	snprintf(p.cookie, sizeof(p.cookie), SK_SESSION_COOKIE "=%s; " SK_LANG_COOKIE "=en",
	         fake_cookie(f, SK_SESSION_COOKIE));
	fake_free(f);
	f = fake_new(&server, "/", NULL);
	fake_set(f, "Cookie", p.cookie);
	cr_assert_eq(sk_session_load(&f->r, sk_clock_wall(), &s), 0);
	memcpy(p.csrf, s.csrf, sizeof(p.csrf));
	fake_free(f);
	return p;
}

static struct fake *get(const struct person *p, const char *url)
{
	struct fake *f = fake_new(&server, url, NULL);

	if (p != NULL)
		fake_set(f, "Cookie", p->cookie);
	fake_run(f, sk_console_routes);
	return f;
}

/* fields: more of the form; the CSRF token is added. */
static struct fake *post(const struct person *p, const char *url, const char *fields)
{
	char body[4096];
	struct fake *f;

	snprintf(body, sizeof(body), "csrf=%s%s%s", p->csrf, *fields != '\0' ? "&" : "", fields);
	f = fake_new(&server, url, body);
	fake_set(f, "Cookie", p->cookie);
	fake_run(f, sk_console_routes);
	return f;
}

static int code_of(struct fake *f)
{
	int code = f->code;

	fake_free(f);
	return code;
}

static bool shows(const struct fake *f, const char *text)
{
	return f->body != NULL && strstr(f->body, text) != NULL;
}

static char *state_of(long long number)
{
	static char state[32];
	json_t *r = sk_store_request(server.store, number);

	snprintf(state, sizeof(state), "%s", sk_page_str(r, "state"));
	json_decref(r);
	return state;
}

static const char *decide_url(long long number)
{
	static char url[64];

	snprintf(url, sizeof(url), "/requests/%lld", number);
	return url;
}

/* "&until=..." hours from now, local time. */
static const char *until(int hours)
{
	static char text[64];
	time_t t = time(NULL) + hours * 3600;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "&until=%Y-%m-%dT%H%%3A%M", &tm);
	return text;
}

/* --- the permission table --- */

/* What docs/console.md says, written down again: a slip in the one table shows here. r = reads (200 or 303 to a page), - = 403. */
static const struct {
	const char *method, *url;
	const char *sec, *desk, *sys, *aud, *staff, *none;
} matrix[] = {
    {"GET", "/", "200", "200", "200", "200", "303", "303"},
    {"GET", "/terminals", "200", "200", "200", "200", "403", "303"},
    {"GET", "/terminals/T", "200", "200", "200", "200", "403", "303"},
    {"GET", "/requests", "200", "200", "200", "200", "200", "303"},
    {"GET", "/requests/R", "200", "200", "200", "200", "200", "303"},
    {"POST", "/requests/R", "400", "400", "403", "403", "403", "303"},
    {"GET", "/audit", "403", "403", "200", "200", "403", "303"},
    {"GET", "/help", "200", "200", "200", "200", "200", "200"},
    {"GET", "/assets/console.css", "200", "200", "200", "200", "200", "200"},
    {"GET", "/login", "303", "303", "303", "303", "303", "200"},
    {"POST", "/role", "400", "400", "400", "400", "400", "303"},
    {"GET", "/nowhere", "404", "404", "404", "404", "404", "404"},
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
	const char *users[] = {"sec", "desk", "sys", "aud", "clerk"};
	struct person people[5];

	add_report(0, "compliant");
	for (size_t i = 0; i < 5; i++)
		people[i] = login(users[i]);
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		const char *expected[] = {matrix[i].sec, matrix[i].desk,  matrix[i].sys,
		                          matrix[i].aud, matrix[i].staff, matrix[i].none};

		for (size_t j = 0; j < 6; j++) {
			int code = ask(matrix[i].method, matrix[i].url, j < 5 ? &people[j] : NULL, number);

			cr_expect_eq(code, atoi(expected[j]), "%s %s as %s: %d, not %s", matrix[i].method,
			             matrix[i].url, j < 5 ? users[j] : "nobody", code, expected[j]);
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
	struct sk_console c = {.logged_in = true, .session = {.acting = SK_ROLE_SEC}};
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

/* --- deciding --- */

Test(console, two_steps)
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

Test(console, who_asks_never_decides)
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

Test(console, steps_belong_to_their_roles)
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

Test(console, somebody_was_faster)
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

Test(console, acting_role_of_a_person_with_two)
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

Test(console, redirects_stay_here)
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

Test(console, decision_forms_that_are_wrong)
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
	memset(big + strlen(big), 'x', 1501);
	{
		struct fake *f = post(&p, decide_url(n), big);

		cr_expect_eq(f->code, 400);
		cr_expect(shows(f, "too long"));
		fake_free(f);
	}
	cr_expect_str_eq(state_of(n), "submitted");
}

Test(console, what_was_entered_comes_back)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	struct fake *f = post(&p, decide_url(n), "action=permit&until=x&reason=%3C%2Ftextarea%3E%3Cscript%3E");

	cr_expect(shows(f, "&lt;/textarea&gt;&lt;script&gt;"));
	cr_expect(!shows(f, "</textarea><script>"));
	fake_free(f);
}

Test(console, a_permit_cannot_be_longer_than_asked)
{
	long long n = add_request(0, "clerk", "none");
	struct person p = login("sec");
	char fields[96];

	snprintf(fields, sizeof(fields), "action=permit%s", until(9));
	cr_expect_eq(code_of(post(&p, decide_url(n), fields)), 400);
	snprintf(fields, sizeof(fields), "action=permit%s", until(2));
	cr_expect_eq(code_of(post(&p, decide_url(n), fields)), 303);
}

Test(console, numbers_that_are_none)
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

Test(console, audit_paging_and_traces_of_reading)
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

Test(console, csrf_and_origin)
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

Test(console, a_body_that_is_too_large)
{
	struct person p = login("sec");
	char *body = malloc(20000);

	memset(body, 'a', 19999);
	body[19999] = '\0';
	cr_expect_eq(post_raw(&p, "/logout", body, NULL, NULL), 413);
	free(body);
}

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

Test(console, login)
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

Test(console, login_says_the_same_to_all_failures)
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

Test(console, login_locks_after_the_limit)
{
	for (int i = 0; i < 3; i++)
		cr_expect_eq(code_of(try_login("sec", "wrong", "")), 401);
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 401, "locked, though the password is right");
	cr_expect_eq(code_of(try_login("desk", "pw-desk", "")), 303, "another name is not");
}

Test(console, login_of_a_disabled_user)
{
	struct sk_err err = SK_ERR_INIT;

	ok(sk_store_user_disable(server.store, &root, "sec", true, &err), &err);
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 401);
}

Test(console, login_from_elsewhere)
{
	struct fake *f = fake_new(&server, "/login", "user=sec&password=pw-sec");

	fake_set(f, "Origin", "https://evil.example");
	fake_run(f, sk_console_routes);
	cr_expect_eq(f->code, 403);
	cr_expect_null(fake_cookie(f, SK_SESSION_COOKIE));
	fake_free(f);
}

Test(console, login_when_the_pool_is_full)
{
	fake_password_full = true;
	cr_expect_eq(code_of(try_login("sec", "pw-sec", "")), 503);
	fake_password_full = false;
}

Test(console, login_fields_that_are_too_long)
{
	char longname[200];

	memset(longname, 'a', sizeof(longname) - 1);
	longname[sizeof(longname) - 1] = '\0';
	cr_expect_eq(code_of(try_login(longname, "x", "")), 400);
}

Test(console, a_browser_that_goes_away_during_login)
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

Test(console, logout)
{
	struct person p = login("sec");

	cr_expect_eq(code_of(post(&p, "/logout", "")), 303);
	cr_expect_eq(code_of(get(&p, "/")), 303);
}

/* --- what is shown --- */

Test(console, hostile_text_is_shown_as_text)
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

Test(console, warnings_beside_a_request)
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

Test(console, silent_terminals_are_never_left_out)
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

Test(console, nothing_of_the_office_before_the_login)
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

Test(console, language)
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

Test(console, paging)
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

Test(console, assets)
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

Test(console, parse_time)
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
