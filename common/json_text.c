/*
 * JSON to text. What jansson's own dump does with JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY, byte for byte (the test holds it to that), at a
 * quarter of the instructions: every event is written this way. Keys are sorted by insertion, which costs nothing where they were
 * put in in order. What is out of the ordinary (fractions, very many keys, very deep) is left to jansson. Strings are valid UTF-8 here because
 * jansson took no other when they were made.
 */
#include <errno.h>
#include <string.h>

#include "common/json.h"

#define KEYS_MAX  64 /* in one object */
#define DEPTH_MAX 64

struct member {
	const char *key;
	const json_t *value;
};

static int put(struct sk_buf *b, const json_t *j, int depth);

/* How many bytes stand for themselves. */
static size_t plain(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && (unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

static size_t escaped(char out[6], unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF", *const names = "\"\"\\\\\bb\ff\nn\rr\tt";

	out[0] = '\\';
	for (const char *p = names; *p != '\0'; p += 2) {
		if ((unsigned char)*p == c) {
			out[1] = p[1];
			return 2;
		}
	}
	memcpy(out + 1, "u00", 3);
	out[4] = digits[c >> 4];
	out[5] = digits[c & 15];
	return 6;
}

static void put_string(struct sk_buf *b, const char *s, size_t len)
{
	char unit[6];

	(void)sk_buf_addc(b, '"');
	while (len > 0) {
		size_t n = plain(s, len);

		(void)sk_buf_add(b, s, n);
		if (n < len) {
			(void)sk_buf_add(b, unit, escaped(unit, (unsigned char)s[n]));
			n++;
		}
		s += n;
		len -= n;
	}
	(void)sk_buf_addc(b, '"');
}

static void put_integer(struct sk_buf *b, json_int_t v)
{
	unsigned long long u = v < 0 ? 0ULL - (unsigned long long)v : (unsigned long long)v;
	char digits[24], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (v < 0)
		*--p = '-';
	(void)sk_buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

static int put_array(struct sk_buf *b, const json_t *j, int depth)
{
	size_t n = json_array_size(j);
	int r = 0;

	(void)sk_buf_addc(b, '[');
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			(void)sk_buf_addc(b, ',');
		r = put(b, json_array_get(j, i), depth + 1);
	}
	(void)sk_buf_addc(b, ']');
	return r;
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

static int put_object(struct sk_buf *b, const json_t *j, int depth)
{
	struct member members[KEYS_MAX];
	size_t n;
	int r = 0;

	if (json_object_size(j) > KEYS_MAX)
		return -EOPNOTSUPP;
	n = sorted(j, members);
	(void)sk_buf_addc(b, '{');
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i > 0)
			(void)sk_buf_addc(b, ',');
		put_string(b, members[i].key, strlen(members[i].key));
		(void)sk_buf_addc(b, ':');
		r = put(b, members[i].value, depth + 1);
	}
	(void)sk_buf_addc(b, '}');
	return r;
}

static int put(struct sk_buf *b, const json_t *j, int depth)
{
	if (depth > DEPTH_MAX)
		return -EOPNOTSUPP;
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return put_object(b, j, depth);
	case JSON_ARRAY:
		return put_array(b, j, depth);
	case JSON_STRING:
		put_string(b, json_string_value(j), json_string_length(j));
		return 0;
	case JSON_INTEGER:
		put_integer(b, json_integer_value(j));
		return 0;
	case JSON_TRUE:
		return sk_buf_adds(b, "true");
	case JSON_FALSE:
		return sk_buf_adds(b, "false");
	case JSON_NULL:
		return sk_buf_adds(b, "null");
	case JSON_REAL:
		break;
	}
	return -EOPNOTSUPP;
}

char *sk_json_text(const json_t *j)
{
	char *text = NULL;
	struct sk_buf b;

	if (j == NULL)
		return NULL;
	sk_buf_init(&b, SIZE_MAX / 4);
	if (put(&b, j, 0) == 0)
		text = sk_buf_steal(&b);
	sk_buf_deinit(&b);
	return text != NULL ? text : json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

void sk_json_put(json_t *obj, const char *name, const char *value)
{
	/* The name is ours; the value may be anybody's and is checked. */
	(void)json_object_set_new_nocheck(obj, name, value != NULL ? json_string(value) : json_null());
}
