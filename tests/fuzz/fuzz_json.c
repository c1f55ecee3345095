/* JSON: what parses is written the same way twice, and parses again to the same value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *j = NULL, *again = NULL, *sub = NULL;
	const char *s = "";
	long long n = 0;
	bool b = false;
	char *text;

	if (sk_json_parse((const char *)data, size, 65536, &j, &err) < 0)
		return 0;
	text = sk_json_text(j);
	/* An overlong spelling of numbers can grow, never by this much. */
	if (text == NULL || sk_json_parse(text, strlen(text), 1 << 24, &again, &err) < 0 || !json_equal(j, again))
		abort();
	(void)sk_json_str(j, "a", 0, 10, &s, &err);
	(void)sk_json_int(j, "a", -5, 5, &n, &err);
	(void)sk_json_bool_opt(j, "a", &b, &err);
	(void)sk_json_arr(j, "a", 3, &sub, &err);
	(void)sk_json_obj(j, "a", &sub, &err);
	free(text);
	json_decref(j);
	json_decref(again);
	return 0;
}
