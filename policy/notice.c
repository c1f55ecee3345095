/* Notices: text of people, checked line by line. */
#include "policy/notice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

/* Every line as it would be shown; a line break is the only control character. */
static bool showable(const char *text)
{
	char shown[SK_NOTICE_TEXT * 4 + 8];

	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (sk_text_printable(shown, sizeof(shown), text, n) != n || memcmp(shown, text, n) != 0)
			return false;
		text += n + (text[n] != '\0');
	}
	return true;
}

int sk_office_notice_check(const struct sk_office_notice *n, struct sk_err *err)
{
	if (!sk_text_is_id(n->id))
		return sk_err_set(err, -EINVAL, "field id: not a UUID");
	if (n->title[0] == '\0' || n->text[0] == '\0' || n->from[0] == '\0')
		return sk_err_set(err, -EINVAL, "a notice has an officer, a title and a text");
	if (!showable(n->title) || strchr(n->title, '\n') != NULL || !showable(n->from) || !showable(n->text))
		return sk_err_set(err, -EINVAL, "the notice holds characters that cannot be shown");
	if (n->until <= n->created)
		return sk_err_set(err, -EINVAL, "the notice ends before it begins");
	return 0;
}

static int take_text(const json_t *j, const char *name, char *dst, size_t size, struct sk_err *err)
{
	const char *s;
	int r = sk_json_str(j, name, 1, size - 1, &s, err);

	if (r == 0)
		sk_text_copy(dst, size, s);
	return r;
}

static int parse_one(const json_t *j, struct sk_office_notice *n, struct sk_err *err)
{
	long long number;
	int r;

	if ((r = take_text(j, "id", n->id, sizeof(n->id), err)) < 0 ||
	    (r = sk_json_int(j, "number", 1, INT64_MAX, &number, err)) < 0 ||
	    (r = take_text(j, "from", n->from, sizeof(n->from), err)) < 0 ||
	    (r = take_text(j, "title", n->title, sizeof(n->title), err)) < 0 ||
	    (r = take_text(j, "text", n->text, sizeof(n->text), err)) < 0 ||
	    (r = sk_json_utc(j, "created", &n->created, err)) < 0 || (r = sk_json_utc(j, "until", &n->until, err)) < 0)
		return r;
	n->number = number;
	return sk_office_notice_check(n, err);
}

int sk_office_notices_parse(const json_t *body, struct sk_office_notices *out, struct sk_err *err)
{
	struct sk_office_notices *read;
	json_t *list = NULL, *one;
	size_t i;
	int r = 0;

	if (json_object_get(body, "notices") != NULL)
		r = sk_json_arr(body, "notices", SK_OFFICE_NOTICES_MAX, &list, err);
	read = r == 0 ? calloc(1, sizeof(*read)) : NULL;
	if (read == NULL)
		return r < 0 ? r : sk_err_set(err, -ENOMEM, "no memory for notices");
	json_array_foreach(list, i, one)
	{
		r = parse_one(one, &read->items[i], err);
		if (r < 0)
			break;
		read->n = i + 1;
	}
	if (r == 0)
		*out = *read;
	free(read);
	return r < 0 ? sk_err_prefix(err, r, "notice %zu", i + 1) : 0;
}

json_t *sk_office_notice_json(const struct sk_office_notice *n)
{
	char created[SK_RFC3339_LEN], until[SK_RFC3339_LEN];

	sk_clock_format_utc(n->created, created);
	sk_clock_format_utc(n->until, until);
	return json_pack("{s:s,s:I,s:s,s:s,s:s,s:s,s:s}", "id", n->id, "number", (json_int_t)n->number, "from", n->from,
	                 "title", n->title, "text", n->text, "created", created, "until", until);
}
