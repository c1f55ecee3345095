/* See form_inside.h. */
#include "server/form_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum sk_lang cell_lang(const struct sk_form_read *x)
{
	return x->c->page.lang;
}

void cell_put(json_t *row, const char *text)
{
	json_array_append_new(row, json_string(text == NULL ? "" : text));
}

void cell_put_tr(const struct sk_form_read *x, json_t *row, const char *msgid)
{
	cell_put(row, *msgid == '\0' ? "" : sk_tr(cell_lang(x), msgid));
}

void cell_blank(json_t *row, int n)
{
	while (n-- > 0)
		cell_put(row, "");
}

void cell_put_time(const struct sk_form_read *x, json_t *row, sk_ms t)
{
	char text[64] = "";

	if (t > 0)
		sk_page_time_text(&x->c->page, t, text, sizeof(text));
	cell_put(row, text);
}

void cell_put_number(json_t *row, long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", n);
	cell_put(row, text);
}

/* Several texts in one cell, the empty ones left out. */
void cell_put_joined(json_t *row, const char *between, const char *const *texts, size_t n)
{
	struct sk_buf b;

	sk_buf_init(&b, 16384);
	for (size_t i = 0; i < n; i++) {
		if (texts[i] == NULL || *texts[i] == '\0')
			continue;
		if (b.len > 0)
			(void)sk_buf_adds(&b, between);
		(void)sk_buf_adds(&b, texts[i]);
	}
	cell_put(row, b.data);
	sk_buf_deinit(&b);
}
const char *cell_unit_of(const struct sk_form_read *x, const json_t *row)
{
	const char *ja = sk_page_str(row, "unit_ja"), *en = sk_page_str(row, "unit_en");

	return cell_lang(x) == SK_LANG_JA ? ja : en;
}

const char *cell_field(const json_t *row, const char *name)
{
	return sk_page_str(sk_page_get(row, "fields"), name);
}

const char *cell_kind_word(const struct sk_form_read *x, const char *key)
{
	const struct sk_kind *k = sk_kind_find(x->kinds, key);

	return k != NULL ? sk_kind_word(&x->c->page, k) : key;
}

const char *cell_application_state(const struct sk_form_read *x, const json_t *row)
{
	enum sk_tone tone;
	bool over = strcmp(sk_page_str(row, "state"), "permitted") == 0 && sk_page_int(row, "until") <= x->c->now;

	return sk_tr(cell_lang(x), sk_word_application_state(sk_page_str(row, "state"), over, false, &tone));
}

void cell_put_term(const struct sk_form_read *x, json_t *row, const json_t *of)
{
	char from[64] = "", until[64] = "";

	if (sk_page_int(of, "from") > 0)
		sk_page_time_text(&x->c->page, sk_page_int(of, "from"), from, sizeof(from));
	if (sk_page_int(of, "until") > 0)
		sk_page_time_text(&x->c->page, sk_page_int(of, "until"), until, sizeof(until));
	JOIN(row, " \xe2\x80\x93 ", from, until);
}

void cell_put_who_when(const struct sk_form_read *x, json_t *row, const char *who, sk_ms when)
{
	char text[64] = "";

	if (when > 0)
		sk_page_time_text(&x->c->page, when, text, sizeof(text));
	JOIN(row, " ", who, text);
}

/* Rows of the store to rows of texts; where the next portion begins is kept. Steals rows. */
int form_each(struct sk_form_read *x, json_t *rows, cells_fn cells, json_t *out)
{
	size_t i, n = json_array_size(rows);
	const json_t *from;

	if (rows == NULL)
		return -EIO;
	json_array_foreach(rows, i, from)
	{
		json_t *row = json_array();

		cells(x, from, row);
		json_array_append_new(out, row);
		x->range.after = sk_page_int(from, "key");
	}
	x->offset += (int)n;
	json_decref(rows);
	return n == (size_t)x->range.limit;
}
