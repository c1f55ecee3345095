/*
 * JSON, strictly. Depth is counted on the text before jansson sees it, because its own limit is two thousand levels of
 * recursion; the rest is jansson with duplicates refused.
 */
#include "common/json.h"

#include <errno.h>
#include <string.h>

/* Greatest nesting of brackets outside strings. On text that is no JSON the number means nothing, and the parser refuses. */
static size_t depth_of(const char *text, size_t len)
{
	size_t depth = 0, most = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > most)
				most = depth;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return most;
}

int sk_json_parse(const char *text, size_t len, size_t max, json_t **out, struct sk_err *err)
{
	json_error_t where;
	json_t *j;

	if (len > max)
		return sk_err_set(err, -E2BIG, "JSON of %zu bytes; at most %zu are taken", len, max);
	if (depth_of(text, len) > SK_JSON_DEPTH)
		return sk_err_set(err, -EINVAL, "JSON nested deeper than %d levels", SK_JSON_DEPTH);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	if (j == NULL)
		return sk_err_set(err, -EINVAL, "JSON line %d column %d: %s", where.line, where.column, where.text);
	*out = j;
	return 0;
}

static int fail(struct sk_err *err, const char *name, const char *what)
{
	return sk_err_set(err, -EINVAL, "field %s: %s", name, what);
}

/* Absent and null are the same to an optional field. */
static const json_t *present(const json_t *obj, const char *name)
{
	const json_t *v = json_object_get(obj, name);

	return json_is_null(v) ? NULL : v;
}

int sk_json_str(const json_t *obj, const char *name, size_t min, size_t max, const char **out, struct sk_err *err)
{
	const json_t *v = json_object_get(obj, name);
	size_t len = json_string_length(v);

	if (v == NULL)
		return fail(err, name, "missing");
	if (!json_is_string(v))
		return fail(err, name, "must be a string");
	if (strlen(json_string_value(v)) != len)
		return fail(err, name, "holds a NUL");
	if (len < min || len > max)
		return sk_err_set(err, -EINVAL, "field %s: %zu bytes; %zu to %zu are taken", name, len, min, max);
	*out = json_string_value(v);
	return 0;
}

int sk_json_utc(const json_t *obj, const char *name, sk_ms *out, struct sk_err *err)
{
	const char *text = "";
	int r = sk_json_str(obj, name, 1, SK_RFC3339_LEN, &text, err);

	if (r < 0)
		return r;
	return sk_clock_parse_utc(text, out) < 0
	           ? sk_err_set(err, -EINVAL, "field %s: not a UTC time like 2026-04-01T08:30:00Z", name)
	           : 0;
}

int sk_json_str_opt(const json_t *obj, const char *name, size_t max, const char **out, struct sk_err *err)
{
	return present(obj, name) == NULL ? 0 : sk_json_str(obj, name, 0, max, out, err);
}

int sk_json_int(const json_t *obj, const char *name, long long min, long long max, long long *out, struct sk_err *err)
{
	const json_t *v = json_object_get(obj, name);
	long long n = json_integer_value(v);

	if (v == NULL)
		return fail(err, name, "missing");
	if (!json_is_integer(v))
		return fail(err, name, "must be a whole number");
	if (n < min || n > max)
		return sk_err_set(err, -EINVAL, "field %s: must be %lld to %lld", name, min, max);
	*out = n;
	return 0;
}

int sk_json_int_opt(const json_t *obj, const char *name, long long min, long long max, long long *out,
                    struct sk_err *err)
{
	return present(obj, name) == NULL ? 0 : sk_json_int(obj, name, min, max, out, err);
}

int sk_json_bool_opt(const json_t *obj, const char *name, bool *out, struct sk_err *err)
{
	const json_t *v = present(obj, name);

	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return fail(err, name, "must be true or false");
	*out = json_is_true(v);
	return 0;
}

int sk_json_arr(const json_t *obj, const char *name, size_t max, json_t **out, struct sk_err *err)
{
	json_t *v = json_object_get(obj, name);

	if (v == NULL)
		return fail(err, name, "missing");
	if (!json_is_array(v))
		return fail(err, name, "must be a list");
	if (json_array_size(v) > max)
		return sk_err_set(err, -EINVAL, "field %s: more than %zu entries", name, max);
	*out = v;
	return 0;
}

int sk_json_obj(const json_t *obj, const char *name, json_t **out, struct sk_err *err)
{
	json_t *v = json_object_get(obj, name);

	if (v == NULL)
		return fail(err, name, "missing");
	if (!json_is_object(v))
		return fail(err, name, "must be an object");
	*out = v;
	return 0;
}
