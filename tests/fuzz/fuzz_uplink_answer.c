/* A server's answer of any status, content type and body, through every reader: what is taken is within its bounds. */
// sources: agent/uplink_answer.c agent/uplink_identity.c agent/uplink_url.c agent/enrol.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol.h"
#include "agent/uplink_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int STATUS[] = {200, 204, 409, 403, 503, 0, 413, 302};
static const char *const TYPE[] = {"application/json", "application/json; charset=utf-8", "text/html", NULL};

static void bundles_are_strings(const struct sk_http_answer *a)
{
	json_t *list = NULL;

	if (sk_answer_orders(a, &list, NULL) < 0)
		return;
	if (json_array_size(list) > SK_ANSWER_BUNDLES)
		abort();
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_string_length(json_array_get(list, i)) == 0)
			abort();
	json_decref(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_http_answer a = {.problem = "none"};
	struct sk_enrolment e = {.verify_key = NULL};
	struct sk_token token = {.text = ""};
	struct sk_err err = SK_ERR_INIT;
	const char *word = NULL;
	char code[48], text[64], *body;
	int64_t acked = 0;
	json_t *doc = NULL;
	sk_ms t = 0;

	if (size < 2 || size > 65536)
		return 0;
	body = malloc(size);
	if (!body)
		return 0;
	a.status = STATUS[data[0] % 8];
	a.type = TYPE[data[1] % 4];
	a.len = size - 2;
	memcpy(body, data + 2, a.len);
	body[a.len] = '\0';
	a.body = body;
	(void)sk_answer_outcome(&a, &err);
	if ((sk_answer_acked(&a, &acked, &err) == 0 || sk_answer_refusal(&a, &word, &acked, &err) == 0) && acked < 0)
		abort();
	if (sk_answer_report(&a, &t, &err) == 0 && t < 0)
		abort();
	bundles_are_strings(&a);
	if (sk_answer_renewed(&a, &doc, &word, &err) == 0 && strlen(word) < 64)
		abort();
	json_decref(doc);
	if (sk_answer_words(&a, code, sizeof(code), text, sizeof(text)) == 0 && (code[0] == '\0' || strchr(text, '\n')))
		abort();
	if (sk_enrol_read(&a, &token, "", 0, &e, &err) == SK_ENROL_OK)
		abort(); /* no key: nothing may pass */
	(void)sk_token_parse(body, &token);
	(void)sk_answer_retry_after(body);
	free(body);
	return 0;
}
