/* The reader of server answers: one table for what a status means, one small function for each kind of body. */
#include "agent/uplink_answer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/text.h"

static const struct {
	int from, to;
	enum sk_outcome outcome;
} STATUS[] = {
    {200, 200, SK_OUT_OK},        {204, 204, SK_OUT_OK},   {401, 401, SK_OUT_REFUSED},
    {403, 403, SK_OUT_REFUSED},   {408, 408, SK_OUT_BUSY}, {409, 409, SK_OUT_CONFLICT},
    {413, 413, SK_OUT_TOO_LARGE}, {429, 429, SK_OUT_BUSY}, {500, 599, SK_OUT_BUSY},
};

static bool is_json(const char *type)
{
	size_t n = strlen("application/json");

	if (!type || strncasecmp(type, "application/json", n) != 0)
		return false;
	return type[n] == '\0' || type[n] == ';' || type[n] == ' ';
}

static enum sk_outcome by_status(int status)
{
	for (size_t i = 0; i < sizeof(STATUS) / sizeof(STATUS[0]); i++)
		if (status >= STATUS[i].from && status <= STATUS[i].to)
			return STATUS[i].outcome;
	return SK_OUT_MALFORMED;
}

static void describe(const struct sk_http_answer *a, struct sk_err *err)
{
	char code[48], text[200];

	if (sk_answer_words(a, code, sizeof(code), text, sizeof(text)) == 0)
		(void)sk_err_set(err, 0, "the server answered %d %s: %s", a->status, code, text);
	else
		(void)sk_err_set(err, 0, "the server answered %d", a->status);
}

enum sk_outcome sk_answer_outcome(const struct sk_http_answer *a, struct sk_err *err)
{
	enum sk_outcome out;

	if (a->status == 0) {
		(void)sk_err_set(err, 0, "%s", a->problem ? a->problem : "no answer from the server");
		return SK_OUT_NO_LINE;
	}
	out = by_status(a->status);
	if (a->status == 204 && a->len > 0) {
		(void)sk_err_set(err, 0, "the server answered 204 with a body");
		return SK_OUT_MALFORMED;
	}
	if ((a->status == 200 || out == SK_OUT_CONFLICT) && !is_json(a->type)) {
		char type[80];

		sk_text_escape(type, sizeof(type), a->type ? a->type : "none", a->type ? strlen(a->type) : 4);
		(void)sk_err_set(err, 0, "the server answered %d with content type %s, not JSON", a->status, type);
		return SK_OUT_MALFORMED;
	}
	if (out != SK_OUT_OK)
		describe(a, err);
	return out;
}

static int parse(const struct sk_http_answer *a, json_t **doc, struct sk_err *err)
{
	json_t *j = NULL;
	int r = sk_json_parse(a->body, a->len, SK_ANSWER_MAX, &j, err);

	if (r < 0)
		return sk_err_prefix(err, -EINVAL, "the server's answer");
	if (!json_is_object(j)) {
		json_decref(j);
		return sk_err_set(err, -EINVAL, "the server's answer is not an object");
	}
	*doc = j;
	return 0;
}

int sk_answer_acked(const struct sk_http_answer *a, int64_t *acked, struct sk_err *err)
{
	json_t *doc = NULL;
	long long n = 0;
	int r = parse(a, &doc, err);

	if (r < 0)
		return r;
	r = sk_json_int(doc, "acked", 0, INT64_MAX, &n, err);
	json_decref(doc);
	if (r < 0)
		return sk_err_prefix(err, -EINVAL, "the server's answer to events");
	*acked = n;
	return 0;
}

int sk_answer_refusal(const struct sk_http_answer *a, const char **code, int64_t *acked, struct sk_err *err)
{
	static const char *const CODES[] = {"chain-gap", "chain-fork", "chain-forged"};
	json_t *doc = NULL;
	const char *s = NULL, *found = NULL;
	long long n = 0;
	int r = parse(a, &doc, err);

	if (r < 0)
		return r;
	r = sk_json_str(doc, "error", 1, 40, &s, err);
	if (r == 0)
		r = sk_json_int(doc, "acked", 0, INT64_MAX, &n, err);
	for (size_t i = 0; r == 0 && i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (strcmp(s, CODES[i]) == 0)
			found = CODES[i];
	json_decref(doc);
	if (r == 0 && !found)
		r = sk_err_set(err, -EINVAL, "unknown refusal");
	if (r < 0)
		return sk_err_prefix(err, -EINVAL, "the server's refusal of events");
	*code = found;
	*acked = n;
	return 0;
}

int sk_answer_orders(const struct sk_http_answer *a, json_t **bundles, struct sk_err *err)
{
	json_t *doc = NULL, *arr = NULL;
	int r;

	if (a->status == 204) {
		*bundles = json_array();
		return *bundles ? 0 : -ENOMEM;
	}
	r = parse(a, &doc, err);
	if (r < 0)
		return r;
	r = sk_json_arr(doc, "bundles", SK_ANSWER_BUNDLES, &arr, err);
	for (size_t i = 0; r == 0 && i < json_array_size(arr); i++) {
		size_t len = json_string_length(json_array_get(arr, i)); /* 0 for anything but a string */

		if (len == 0 || len > SK_BUNDLE_MAX)
			r = sk_err_set(err, -EINVAL, "bundle %zu is no envelope of at most %d bytes", i + 1,
			               SK_BUNDLE_MAX);
	}
	if (r == 0)
		*bundles = json_incref(arr);
	json_decref(doc);
	return r == 0 ? 0 : sk_err_prefix(err, -EINVAL, "the server's orders");
}

int sk_answer_report(const struct sk_http_answer *a, sk_ms *server_time, struct sk_err *err)
{
	json_t *doc = NULL;
	long long t = 0;
	int r = parse(a, &doc, err);

	if (r < 0)
		return r;
	r = sk_json_int(doc, "server_time", 0, 253402300799999LL, &t, err);
	json_decref(doc);
	if (r < 0)
		return sk_err_prefix(err, -EINVAL, "the server's answer to the report");
	*server_time = t;
	return 0;
}

int sk_answer_renewed(const struct sk_http_answer *a, json_t **doc, const char **certificate, struct sk_err *err)
{
	json_t *j = NULL;
	const char *pem = NULL;
	int r = parse(a, &j, err);

	if (r < 0)
		return r;
	r = sk_json_str(j, "certificate", 64, 16 * 1024, &pem, err);
	if (r < 0) {
		json_decref(j);
		return sk_err_prefix(err, -EINVAL, "the server's answer to the renewal");
	}
	*doc = j;
	*certificate = pem;
	return 0;
}

static bool is_code(const char *s)
{
	return s[0] && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

int sk_answer_words(const struct sk_http_answer *a, char *code, size_t code_size, char *text, size_t text_size)
{
	json_t *doc = NULL;
	const char *c = NULL, *t = "";
	int r = -EINVAL;

	if (!is_json(a->type) || parse(a, &doc, NULL) < 0)
		return -EINVAL;
	if (sk_json_str(doc, "error", 1, code_size - 1, &c, NULL) == 0 && is_code(c) &&
	    sk_json_str_opt(doc, "text", 1024, &t, NULL) == 0) {
		sk_text_copy(code, code_size, c);
		sk_text_escape(text, text_size, t, strlen(t));
		r = 0;
	}
	json_decref(doc);
	return r;
}

sk_ms sk_answer_retry_after(const char *value)
{
	unsigned long long s = 0;

	if (!value || sk_text_u64(value, 0, 24 * 3600, &s) < 0)
		return 0;
	return (sk_ms)s * 1000;
}
