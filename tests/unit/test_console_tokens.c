/* Tokens for programs: shown once, one person's reach in one role, nothing but reading, an end. */
#include "server/store_api_tokens.h"
#include "tests/unit/console_help.h"

TestSuite(console_tokens, .init = console_begin, .fini = console_end);

static const struct sk_route api[] = {{EVHTTP_REQ_GET, "/v1/lists/*", 0, sk_api_lists}, {0, NULL, 0, NULL}};

/* The token as the page shows it. */
static const char *make(const struct person *p, const char *name)
{
	static char token[128];
	char fields[160];
	struct fake *f;
	const char *at;
	time_t t = time(NULL) + 30 * 86400;
	struct tm tm;

	localtime_r(&t, &tm);
	snprintf(fields, sizeof(fields), "action=create&name=%s&until=%04d-%02d-%02d", name, tm.tm_year + 1900,
	         tm.tm_mon + 1, tm.tm_mday);
	f = post(p, "/tokens", fields);
	cr_assert_eq(f->code, 200);
	at = strstr(f->body, SK_API_TOKEN_PREFIX);
	cr_assert_not_null(at);
	snprintf(token, sizeof(token), "%.69s", at);
	fake_free(f);
	return token;
}

static struct fake *ask(const char *token, const char *url)
{
	struct fake *f = fake_new(&server, url, NULL);
	char header[256];

	snprintf(header, sizeof(header), "Bearer %s", token == NULL ? "" : token);
	if (token != NULL)
		fake_set(f, "Authorization", header);
	fake_run(f, api);
	return f;
}

Test(console_tokens, reads_what_its_person_sees)
{
	struct person sec = login("sec"), desk = login("desk");
	char mine[128], desks[128];
	struct fake *f;
	json_t *rows;

	snprintf(mine, sizeof(mine), "%s", make(&sec, "a"));
	snprintf(desks, sizeof(desks), "%s", make(&desk, "b"));
	f = get(&sec, "/tokens");
	cr_expect(!shows(f, "SKA1-"), "shown once");
	fake_free(f);
	f = ask(desks, "/v1/lists/terminals");
	cr_assert_eq(f->code, 200);
	rows = json_loads(f->body, 0, NULL);
	cr_expect_eq(json_array_size(rows), 2);
	json_decref(rows);
	fake_free(f);
	f = ask(mine, "/v1/lists/terminals");
	cr_expect(f->code == 200 && shows(f, "pc-soumu") && !shows(f, "pc-zeimu"));
	fake_free(f);
	cr_expect_eq(code_of(ask(mine, "/v1/lists/terminals?unit=zeimu")), 400);
	cr_expect_eq(code_of(ask(mine, "/v1/lists/terminals?state=%3Cb")), 400);
	cr_expect_eq(code_of(ask(mine, "/v1/lists/nothing")), 404);
	cr_expect_eq(code_of(ask(mine, "/v1/lists/terminals.csv")), 404);
	cr_expect_eq(code_of(ask(NULL, "/v1/lists/terminals")), 401);
	cr_expect_eq(code_of(ask("SKA1-00", "/v1/lists/terminals")), 401);
	mine[10] = mine[10] == 'a' ? 'b' : 'a';
	cr_expect_eq(code_of(ask(mine, "/v1/lists/terminals")), 401);
}

Test(console_tokens, ends)
{
	struct person sec = login("sec"), desk = login("desk");
	struct sk_err err = SK_ERR_INIT;
	char token[128];

	snprintf(token, sizeof(token), "%s", make(&sec, "a"));
	cr_expect_eq(code_of(post(&desk, "/tokens", "action=revoke&id=1")), 404, "somebody else's");
	cr_expect_eq(code_of(ask(token, "/v1/lists/media")), 200);
	ok(sk_store_user_put(server.store, &root, "sec", "sec", "soumu", SK_ROLE_STAFF, FAKE_HASH "x", &err), &err);
	cr_expect_eq(code_of(ask(token, "/v1/lists/media")), 403, "the role is gone");
	ok(sk_store_user_put(server.store, &root, "sec", "sec", "soumu", SK_ROLE_SEC, FAKE_HASH "x", &err), &err);
	cr_expect_eq(code_of(ask(token, "/v1/lists/media")), 200);
	ok(sk_store_user_disable(server.store, &root, "sec", true, &err), &err);
	cr_expect_eq(code_of(ask(token, "/v1/lists/media")), 401, "the account is disabled");
	ok(sk_store_user_disable(server.store, &root, "sec", false, &err), &err);
	sec = login("sec");
	cr_expect_eq(code_of(post(&sec, "/tokens", "action=revoke&id=1")), 303);
	cr_expect_eq(code_of(post(&sec, "/tokens", "action=revoke&id=1")), 404);
	cr_expect_eq(code_of(ask(token, "/v1/lists/media")), 401);
}

Test(console_tokens, what_is_not_made)
{
	struct person desk = login("desk"), clerk = login("clerk");
	struct sk_actor by = {.user = "desk", .name = "desk", .unit = "", .role = SK_ROLE_DESK};
	char hash[SK_SHA256_HEX];
	struct sk_api_token t;
	sk_ms now = sk_clock_wall();

	cr_expect_eq(code_of(get(&clerk, "/tokens")), 403);
	cr_expect_eq(code_of(post(&desk, "/tokens", "action=create&name=&until=2099-01-01")), 400);
	cr_expect_eq(code_of(post(&desk, "/tokens", "action=create&name=x&until=2020-01-01")), 400);
	cr_expect_eq(code_of(post(&desk, "/tokens", "action=create&name=x&until=soon")), 400);
	cr_expect_eq(code_of(post(&desk, "/tokens", "action=other")), 400);
	for (int i = 0; i < SK_API_TOKENS_MAX; i++)
		make(&desk, "x");
	snprintf(hash, sizeof(hash), "%064d", 7);
	cr_expect_eq(sk_store_api_token_put(server.store, &by, hash, "x", "desk", now + 86400000, now, NULL), -ENOSPC);
	cr_expect_eq(sk_store_api_token_use(server.store, hash, now, &t), -ENOENT);
	cr_expect_eq(sk_store_api_token_put(server.store, &by, hash, "a\x1b", "desk", now + 86400000, now, NULL),
	             -EINVAL);
}
