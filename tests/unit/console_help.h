/*
 * A console for tests: two sections with a terminal each, an account of every role, and people at browsers. Over a real store in a
 * temporary folder; HTTP is played (fake_http.h). Include it in one file of a test only, and begin and end each test with console_begin, console_end.
 */
#ifndef SK_TESTS_CONSOLE_HELP_H
#define SK_TESTS_CONSOLE_HELP_H

#include <criterion/criterion.h>
#include <errno.h>
#include <time.h>
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

__attribute__((unused)) static void ok(int r, const struct sk_err *err)
{
	cr_assert_geq(r, 0, "%d: %s", r, err->text);
}

__attribute__((unused)) static void add_terminal(int i, const char *host, const char *unit)
{
	struct sk_err err = SK_ERR_INIT;
	char token[SK_SHA256_HEX], fp[SK_SHA256_HEX];
	const char *asset = i == 0 ? "A-1" : "A-2";
	sk_ms now = sk_clock_wall();

	sk_sha256_hex(host, strlen(host), token);
	sk_sha256_hex(unit, strlen(unit), fp);
	ok(sk_store_token_put(server.store, &root, token, host, asset, unit, now + 3600000, &err), &err);
	ok(sk_uuid(terminal[i]), &err);
	ok(sk_store_enrol(server.store, token, host, asset, terminal[i], fp, now + 86400000, now, &err), &err);
}

__attribute__((unused)) static void add_report(int i, const char *av)
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

__attribute__((unused)) static void add_event(int i, const char *kind, char *body)
{
	static struct sk_event e[2]; /* the last event of each terminal */
	struct sk_event *last = &e[i];
	enum sk_chain_result chain;
	struct sk_err err = SK_ERR_INIT;
	char prev[SK_SHA256_HEX];
	int64_t acked;

	snprintf(prev, sizeof(prev), "%s", last->seq == 0 ? SK_CHAIN_ZERO : last->hash);
	memcpy(last->prev, prev, sizeof(prev));
	last->seq++;
	last->time = sk_clock_wall();
	snprintf(last->kind, sizeof(last->kind), "%s", kind);
	last->body = body;
	last->body_len = strlen(body);
	sk_chain_hash(terminal[i], last, last->hash);
	ok(sk_store_events_put(server.store, terminal[i], last, 1, last->time, &acked, &chain, &err), &err);
	cr_assert_eq(chain, SK_CHAIN_OK);
}

/* A request by person from terminal i; returns its number. */
__attribute__((unused)) static long long add_request(int i, const char *person, const char *class)
{
	struct sk_err err = SK_ERR_INIT;
	char id[SK_UUID_LEN], body[1024];
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
	add_event(i, "request.created", body);
	rows = sk_store_requests(server.store, NULL, NULL, "all", 1, 0);
	cr_assert_eq(json_array_size(rows), 1);
	n = sk_page_int(json_array_get(rows, 0), "number");
	json_decref(rows);
	return n;
}

__attribute__((unused)) static void add_user(const char *user, const char *unit, unsigned roles)
{
	struct sk_err err = SK_ERR_INIT;
	char hash[64];

	snprintf(hash, sizeof(hash), FAKE_HASH "pw-%s", user);
	ok(sk_store_user_put(server.store, &root, user, user, unit, roles, hash, &err), &err);
}

__attribute__((unused)) static void console_begin(void)
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
	add_user("ciso", "", SK_ROLE_CISO);
	add_user("exec", "", SK_ROLE_EXEC);
	add_user("bur", "soumu", SK_ROLE_BUR);
	add_user("clerk", "soumu", SK_ROLE_STAFF);
	add_user("both", "soumu", SK_ROLE_SEC | SK_ROLE_DESK);
	add_terminal(0, "pc-soumu", "soumu");
	add_terminal(1, "pc-zeimu", "zeimu");
}

__attribute__((unused)) static void console_end(void)
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

/* --- a person at a browser --- */

struct person {
	char cookie[384], csrf[65];
};

__attribute__((unused)) static struct person login(const char *user)
{
	struct person p;
	struct sk_session s;
	struct fake *f = fake_new(&server, "/", NULL);

	cr_assert_eq(sk_session_start(&f->r, user, NULL, sk_clock_wall()), 0);
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

__attribute__((unused)) static struct fake *get(const struct person *p, const char *url)
{
	struct fake *f = fake_new(&server, url, NULL);

	if (p != NULL)
		fake_set(f, "Cookie", p->cookie);
	fake_run(f, sk_console_routes);
	return f;
}

/* fields: more of the form; the CSRF token is added. */
__attribute__((unused)) static struct fake *post(const struct person *p, const char *url, const char *fields)
{
	char body[4096];
	struct fake *f;

	snprintf(body, sizeof(body), "csrf=%s%s%s", p->csrf, *fields != '\0' ? "&" : "", fields);
	f = fake_new(&server, url, body);
	fake_set(f, "Cookie", p->cookie);
	fake_run(f, sk_console_routes);
	return f;
}

__attribute__((unused)) static int code_of(struct fake *f)
{
	int code = f->code;

	fake_free(f);
	return code;
}

__attribute__((unused)) static bool shows(const struct fake *f, const char *text)
{
	return f->body != NULL && strstr(f->body, text) != NULL;
}

__attribute__((unused)) static char *state_of(long long number)
{
	static char state[32];
	json_t *r = sk_store_request(server.store, number, NULL);

	snprintf(state, sizeof(state), "%s", sk_page_str(r, "state"));
	json_decref(r);
	return state;
}

__attribute__((unused)) static const char *decide_url(long long number)
{
	static char url[64];

	snprintf(url, sizeof(url), "/requests/%lld", number);
	return url;
}

/* "&until=..." hours from now, local time. */
__attribute__((unused)) static const char *until(int hours)
{
	static char text[64];
	time_t t = time(NULL) + hours * 3600;
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "&until=%Y-%m-%dT%H%%3A%M", &tm);
	return text;
}

#endif
