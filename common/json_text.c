/*
 * JSON to text. What jansson's own dump does with JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY, byte for byte (the test holds it to that), at a
 * quarter of the instructions: every event is written this way. Keys are sorted by insertion, which costs nothing where they were
 * put in in order. What is out of the ordinary (fractions, very many keys, very deep) is left to jansson. Strings are valid UTF-8 here because
 * jansson took no other when they were made.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

#define KEYS_MAX  64 /* in one object */
#define DEPTH_MAX 64
#define FIRST     2048 /* nearly every record */

struct member {
	const char *key;
	const json_t *value;
};

/* What is written so far; at NULL = no memory, and nothing more is written. Apart from sk_buf: a record is a hundred small pieces. */
struct text {
	char *at;
	size_t len, cap;
};

static int put(struct text *t, const json_t *j, int depth);

/* Room for n more bytes, or NULL. */
static char *room(struct text *t, size_t n)
{
	char *more;

	if (n <= t->cap - t->len)
		return t->at == NULL ? NULL : t->at + t->len;
	while (t->at != NULL && n > t->cap - t->len) {
		more = t->cap > SIZE_MAX / 4 ? NULL : realloc(t->at, 2 * t->cap);
		if (more == NULL)
			free(t->at);
		else
			t->cap *= 2;
		t->at = more;
	}
	return t->at == NULL ? NULL : t->at + t->len;
}

static int add(struct text *t, const char *s, size_t n)
{
	char *to = room(t, n);

	if (to == NULL)
		return -ENOMEM;
	memcpy(to, s, n);
	t->len += n;
	return 0;
}

/* How many bytes stand for themselves. */
static size_t plain(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

static char *escaped(char *out, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF", *const names = "\"\"\\\\\bb\ff\nn\rr\tt";

	*out++ = '\\';
	for (const char *p = names; *p != '\0'; p += 2) {
		if ((unsigned char)*p == c) {
			*out++ = p[1];
			return out;
		}
	}
	out[0] = 'u';
	out[1] = out[2] = '0';
	out[3] = digits[c >> 4];
	out[4] = digits[c & 15];
	return out + 5;
}

static int put_string(struct text *t, const char *s, size_t len)
{
	char *to = room(t, 6 * len + 2), *begin = to; /* every byte escaped, and the quotation marks */

	if (to == NULL)
		return -ENOMEM;
	*to++ = '"';
	while (len > 0) {
		size_t n = plain(s, len);

		memcpy(to, s, n);
		to += n;
		if (n < len)
			to = escaped(to, (unsigned char)s[n++]);
		s += n;
		len -= n;
	}
	*to++ = '"';
	t->len += (size_t)(to - begin);
	return 0;
}

static int put_integer(struct text *t, json_int_t v)
{
	unsigned long long u = v < 0 ? 0ULL - (unsigned long long)v : (unsigned long long)v;
	char digits[24], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (v < 0)
		*--p = '-';
	return add(t, p, (size_t)(digits + sizeof(digits) - p));
}

static int put_array(struct text *t, const json_t *j, int depth)
{
	size_t n = json_array_size(j);
	int r = add(t, "[", 1);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			r = add(t, ",", 1);
		if (r == 0)
			r = put(t, json_array_get(j, i), depth + 1);
	}
	return r == 0 ? add(t, "]", 1) : r;
}

static size_t sorted(const json_t *j, struct member members[KEYS_MAX])
{
	json_t *o = (json_t *)(uintptr_t)j; /* jansson's iterators only read */
	size_t n = 0;

	for (void *at = json_object_iter(o); at != NULL; at = json_object_iter_next(o, at)) {
		struct member m = {json_object_iter_key(at), json_object_iter_value(at)};
		size_t i = n++;

		for (; i > 0 && strcmp(members[i - 1].key, m.key) > 0; i--)
			members[i] = members[i - 1];
		members[i] = m;
	}
	return n;
}

static int put_object(struct text *t, const json_t *j, int depth)
{
	struct member members[KEYS_MAX];
	size_t n;
	int r = add(t, "{", 1);

	if (json_object_size(j) > KEYS_MAX)
		return -EOPNOTSUPP;
	n = sorted(j, members);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			r = add(t, ",", 1);
		if (r == 0)
			r = put_string(t, members[i].key, strlen(members[i].key));
		if (r == 0)
			r = add(t, ":", 1);
		if (r == 0)
			r = put(t, members[i].value, depth + 1);
	}
	return r == 0 ? add(t, "}", 1) : r;
}

static int put(struct text *t, const json_t *j, int depth)
{
	if (depth > DEPTH_MAX)
		return -EOPNOTSUPP;
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return put_object(t, j, depth);
	case JSON_ARRAY:
		return put_array(t, j, depth);
	case JSON_STRING:
		return put_string(t, json_string_value(j), json_string_length(j));
	case JSON_INTEGER:
		return put_integer(t, json_integer_value(j));
	case JSON_TRUE:
		return add(t, "true", 4);
	case JSON_FALSE:
		return add(t, "false", 5);
	case JSON_NULL:
		return add(t, "null", 4);
	case JSON_REAL:
		break;
	}
	return -EOPNOTSUPP;
}

char *sk_json_text(const json_t *j)
{
	struct text t = {.at = malloc(FIRST), .cap = FIRST};

	if (j != NULL && put(&t, j, 0) == 0 && add(&t, "", 1) == 0)
		return t.at;
	free(t.at);
	return j == NULL ? NULL : json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

void sk_json_put(json_t *obj, const char *name, const char *value)
{
	/* The name is ours; the value may be anybody's and is checked. */
	(void)json_object_set_new_nocheck(obj, name, value != NULL ? json_string(value) : json_null());
}

void sk_json_put_own(json_t *obj, const char *name, const char *value)
{
	(void)json_object_set_new_nocheck(obj, name, value != NULL ? json_string_nocheck(value) : json_null());
}
