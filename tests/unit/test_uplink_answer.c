/* Server answers: what each status and body means, and that nothing malformed gets through. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/uplink_answer.h"

static struct sk_http_answer answer(int status, const char *type, const char *body)
{
	return (struct sk_http_answer){
	    .status = status, .type = type, .body = body, .len = strlen(body), .problem = "no route"};
}

Test(uplink_answer, outcome_of_each_status)
{
	static const struct {
		int status;
		const char *type, *body;
		enum sk_outcome want;
	} CASES[] = {
	    {0, NULL, "", SK_OUT_NO_LINE},
	    {200, "application/json", "{}", SK_OUT_OK},
	    {200, "Application/JSON; charset=utf-8", "{}", SK_OUT_OK},
	    {200, "text/html", "<p>", SK_OUT_MALFORMED},
	    {200, "application/jsonx", "{}", SK_OUT_MALFORMED},
	    {200, NULL, "{}", SK_OUT_MALFORMED},
	    {204, NULL, "", SK_OUT_OK},
	    {204, NULL, "x", SK_OUT_MALFORMED},
	    {201, "application/json", "{}", SK_OUT_MALFORMED},
	    {302, "text/html", "", SK_OUT_MALFORMED},
	    {400, NULL, "", SK_OUT_MALFORMED},
	    {401, "application/json", "{\"error\":\"unknown-device\",\"text\":\"x\"}", SK_OUT_REFUSED},
	    {403, "text/html", "", SK_OUT_REFUSED},
	    {404, "application/json", "{}", SK_OUT_MALFORMED},
	    {408, NULL, "", SK_OUT_BUSY},
	    {409, "application/json", "{}", SK_OUT_CONFLICT},
	    {409, "text/plain", "{}", SK_OUT_MALFORMED},
	    {413, NULL, "", SK_OUT_TOO_LARGE},
	    {429, NULL, "", SK_OUT_BUSY},
	    {500, NULL, "", SK_OUT_BUSY},
	    {503, NULL, "", SK_OUT_BUSY},
	    {-1, NULL, "", SK_OUT_MALFORMED},
	    {999, NULL, "", SK_OUT_MALFORMED},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sk_http_answer a = answer(CASES[i].status, CASES[i].type, CASES[i].body);
		struct sk_err err = SK_ERR_INIT;

		cr_assert_eq(sk_answer_outcome(&a, &err), CASES[i].want, "case %zu", i);
		cr_assert_eq(err.text[0] == '\0', CASES[i].want == SK_OUT_OK, "case %zu: %s", i, err.text);
	}
}

static const char *const NOT_ACKED[] = {
    "",
    "x",
    "[]",
    "{}",
    "{\"acked\":\"5\"}",
    "{\"acked\":-1}",
    "{\"acked\":1.5}",
    "{\"acked\":null}",
    "{\"acked\":1}{}",
    "{\"acked\":1} x",
    "{\"acked\":1,\"acked\":2}",
    "{\"acked\":9223372036854775808}",
    "{\"acked\":NaN}",
    "{\"acked\":1",
    "\"acked\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]",
};

Test(uplink_answer, acked_strictly)
{
	struct sk_http_answer a = answer(200, "application/json", "{\"acked\":7,\"more\":1}");
	int64_t n = -3;

	cr_assert_eq(sk_answer_acked(&a, &n, NULL), 0);
	cr_assert_eq(n, 7);
	for (size_t i = 0; i < sizeof(NOT_ACKED) / sizeof(NOT_ACKED[0]); i++) {
		struct sk_err err = SK_ERR_INIT;

		a = answer(200, "application/json", NOT_ACKED[i]);
		cr_assert_lt(sk_answer_acked(&a, &n, &err), 0, "%s", NOT_ACKED[i]);
		cr_assert_eq(n, 7);
		cr_assert_neq(err.text[0], '\0');
	}
}

Test(uplink_answer, refusals_of_the_chain)
{
	struct sk_http_answer a =
	    answer(409, "application/json", "{\"error\":\"chain-fork\",\"acked\":4,\"text\":\"x\"}");
	const char *code = NULL;
	int64_t n = 0;

	cr_assert_eq(sk_answer_refusal(&a, &code, &n, NULL), 0);
	cr_assert_str_eq(code, "chain-fork");
	cr_assert_eq(n, 4);
	a = answer(409, "application/json", "{\"error\":\"chain-other\",\"acked\":4}");
	cr_assert_lt(sk_answer_refusal(&a, &code, &n, NULL), 0);
	a = answer(409, "application/json", "{\"error\":\"chain-gap\"}");
	cr_assert_lt(sk_answer_refusal(&a, &code, &n, NULL), 0);
	cr_assert_str_eq(code, "chain-fork");
}

Test(uplink_answer, orders)
{
	static const char *const BAD[] = {
	    "{}",
	    "{\"bundles\":{}}",
	    "{\"bundles\":[1]}",
	    "{\"bundles\":[\"\"]}",
	    "{\"bundles\":[{}]}",
	    "{\"bundles\":[\"a\",null]}",
	    "{\"bundles\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
	    "{\"bundles\":[\"a\\u0000b\"]}",
	};
	struct sk_http_answer a = answer(204, NULL, "");
	json_t *list = NULL;

	cr_assert_eq(sk_answer_orders(&a, &list, NULL), 0);
	cr_assert_eq(json_array_size(list), 0);
	json_decref(list);
	a = answer(200, "application/json", "{\"bundles\":[\"{}\",\"x\"]}");
	cr_assert_eq(sk_answer_orders(&a, &list, NULL), 0);
	cr_assert_eq(json_array_size(list), 2);
	cr_assert_str_eq(json_string_value(json_array_get(list, 1)), "x");
	json_decref(list);
	list = NULL;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		a = answer(200, "application/json", BAD[i]);
		cr_assert_lt(sk_answer_orders(&a, &list, NULL), 0, "%s", BAD[i]);
		cr_assert_null(list);
	}
}

Test(uplink_answer, an_envelope_over_the_limit_is_refused)
{
	size_t n = SK_BUNDLE_MAX + 1;
	char *body = malloc(n + 64);
	json_t *list = NULL;
	struct sk_http_answer a;

	cr_assert_not_null(body);
	memcpy(body, "{\"bundles\":[\"", 13);
	memset(body + 13, 'a', n);
	memcpy(body + 13 + n, "\"]}", 4);
	a = answer(200, "application/json", body);
	cr_assert_lt(sk_answer_orders(&a, &list, NULL), 0);
	body[13 + n - 1] = '"'; /* one less */
	memcpy(body + 13 + n, "]}", 3);
	a = answer(200, "application/json", body);
	cr_assert_eq(sk_answer_orders(&a, &list, NULL), 0);
	json_decref(list);
	free(body);
}

Test(uplink_answer, renewed_needs_a_certificate)
{
	struct sk_http_answer a = answer(200, "application/json", "{\"certificate\":\"short\"}");
	const char *pem = NULL;
	json_t *doc = NULL;

	cr_assert_lt(sk_answer_renewed(&a, &doc, &pem, NULL), 0);
	cr_assert_null(doc);
}

Test(uplink_answer, error_words_are_escaped_and_bounded)
{
	struct sk_http_answer a =
	    answer(403, "application/json", "{\"error\":\"token-used\",\"text\":\"a\\u001b[2Jb\\u202e\"}");
	char code[48], text[64];

	cr_assert_eq(sk_answer_words(&a, code, sizeof(code), text, sizeof(text)), 0);
	cr_assert_str_eq(code, "token-used");
	cr_assert_null(strchr(text, 0x1b));
	cr_assert_null(strstr(text, "\xe2\x80\xae"));
	a = answer(403, "application/json", "{\"error\":\"Not A Code\",\"text\":\"x\"}");
	cr_assert_lt(sk_answer_words(&a, code, sizeof(code), text, sizeof(text)), 0);
	a = answer(403, "application/json", "{\"error\":5}");
	cr_assert_lt(sk_answer_words(&a, code, sizeof(code), text, sizeof(text)), 0);
}

Test(uplink_answer, retry_after_is_whole_seconds)
{
	cr_assert_eq(sk_answer_retry_after("120"), 120000);
	cr_assert_eq(sk_answer_retry_after(NULL), 0);
	cr_assert_eq(sk_answer_retry_after("-1"), 0);
	cr_assert_eq(sk_answer_retry_after("1e9"), 0);
	cr_assert_eq(sk_answer_retry_after("99999999999999999999"), 0);
	cr_assert_eq(sk_answer_retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), 0);
}
