#include "policy/takeout.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "policy/classes.h"

#define LIST_BYTES 8192

int sk_takeout_list_check(const json_t *list, struct sk_err *err)
{
	size_t total = 0, i;
	json_t *v, *seen = json_object();
	char shown[4 * SK_TAKEOUT_NAME + 1];
	int r = 0;

	if (seen == NULL)
		return -ENOMEM;
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > SK_TAKEOUT_LISTED)
		r = sk_err_set(err, -EINVAL, "field files: a list of 1 to %d names", SK_TAKEOUT_LISTED);
	json_array_foreach(list, i, v)
	{
		const char *s = json_is_string(v) ? json_string_value(v) : "";
		size_t n = strlen(s);

		total += n;
		if (r == 0 && (n == 0 || n > SK_TAKEOUT_NAME))
			r = sk_err_set(err, -EINVAL, "field files, name %zu: 1 to %d bytes", i + 1, SK_TAKEOUT_NAME);
		if (r == 0)
			(void)sk_text_printable(shown, sizeof(shown), s, n);
		if (r == 0 && strcmp(shown, s) != 0)
			r = sk_err_set(err, -EINVAL, "field files, name %zu: characters that cannot be shown", i + 1);
		if (r == 0 && (json_object_get(seen, s) != NULL || json_object_set_new(seen, s, json_true()) < 0))
			r = sk_err_set(err, -EINVAL, "field files, name %zu: it is listed twice", i + 1);
	}
	if (r == 0 && total > LIST_BYTES)
		r = sk_err_set(err, -EINVAL, "field files: more than %d bytes of names; list folders or ask twice",
		               LIST_BYTES);
	json_decref(seen);
	return r;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The files as they are at the end, by path. */
static json_t *at_the_end(const json_t *written)
{
	json_t *files = json_object(), *e;
	size_t i;

	json_array_foreach(written, i, e)
	{
		const char *path = json_string_value(json_object_get(e, "path"));
		const char *op = json_string_value(json_object_get(e, "op"));

		if (path == NULL || op == NULL)
			continue;
		if (strcmp(op, "removed") == 0)
			(void)json_object_del(files, path);
		else
			(void)json_object_set(files, path, e);
	}
	return files;
}

/* name -> whether it was written. */
static json_t *names_of(const json_t *listed)
{
	json_t *names = json_object(), *v;
	size_t i;

	json_array_foreach(listed, i, v) if (json_is_string(v))(void)
	    json_object_set_new(names, json_string_value(v), json_false());
	return names;
}

static bool mark(json_t *names, const char *path)
{
	const char *key = json_object_get(names, path) != NULL ? path : last_part(path);

	return json_object_get(names, key) != NULL && json_object_set_new(names, key, json_true()) == 0;
}

json_t *sk_takeout_compare(const json_t *listed, const json_t *written, const char *approved)
{
	json_t *files = at_the_end(written), *names = names_of(listed), *missing = json_array(),
	       *unlisted = json_array(), *above = json_array();
	json_t *v;
	const char *key;
	json_int_t bytes = 0, not_hashed = 0, matched = 0;

	json_object_foreach(files, key, v)
	{
		bytes += json_integer_value(json_object_get(v, "size"));
		not_hashed += !json_is_string(json_object_get(v, "sha256"));
		if (mark(names, key))
			matched++;
		else if (listed != NULL)
			(void)json_array_append_new(unlisted, json_string(key));
		if (sk_class_above(json_string_value(json_object_get(v, "class")), approved))
			(void)json_array_append_new(above, json_string(key));
	}
	json_object_foreach(names, key, v) if (!json_is_true(v))(void) json_array_append_new(missing, json_string(key));
	v = json_pack("{s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "listed", (json_int_t)json_object_size(names), "files",
	              (json_int_t)json_object_size(files), "bytes", bytes, "not_hashed", not_hashed, "matched", matched,
	              "missing", missing, "unlisted", unlisted, "above", above);
	json_decref(files);
	json_decref(names);
	return v;
}
