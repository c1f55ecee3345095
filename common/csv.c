/* Decoded whole, then cut in place: cells are never longer than what they were read from. */
#include "common/csv.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static int line_at(const char *bytes, size_t at)
{
	int line = 1;

	for (size_t i = 0; i < at; i++)
		line += bytes[i] == '\n';
	return line;
}

static int from_shift_jis(const char *file, const char *bytes, size_t len, char **out, size_t *out_len,
                          struct sk_err *err)
{
	iconv_t cd = iconv_open("UTF-8", "CP932");
	size_t left = len, room = 3 * len + 1; /* a byte of a half-width letter becomes three */
	char *in = (char *)bytes, *text, *to;
	int r = 0;

	if (cd == (iconv_t)-1)
		return sk_err_set(err, -ENOTSUP, "%s: Shift_JIS cannot be read on this machine; save it as UTF-8",
		                  file);
	text = to = malloc(room);
	if (text == NULL)
		r = -ENOMEM;
	else if (iconv(cd, &in, &left, &to, &room) == (size_t)-1 || iconv(cd, NULL, NULL, &to, &room) == (size_t)-1)
		r = sk_err_set(err, -EILSEQ, "%s:%d: neither UTF-8 nor Shift_JIS; save it as CSV UTF-8", file,
		               line_at(bytes, len - left));
	iconv_close(cd);
	if (r < 0) {
		free(text);
		return r;
	}
	*to = '\0';
	*out_len = (size_t)(to - text);
	*out = text;
	return 0;
}

int sk_csv_decode(const char *file, const char *bytes, size_t len, char **out, size_t *out_len, struct sk_err *err)
{
	char *text;

	if (len > SK_CSV_BYTES_MAX)
		return sk_err_set(err, -E2BIG, "%s: larger than %d bytes; divide it", file, SK_CSV_BYTES_MAX);
	if (len >= 3 && memcmp(bytes, SK_CSV_BOM, 3) == 0) {
		bytes += 3;
		len -= 3;
		if (!sk_text_is_utf8(bytes, len))
			return sk_err_set(err, -EILSEQ, "%s: says it is UTF-8 and is not; save it anew", file);
	} else if (!sk_text_is_utf8(bytes, len)) {
		return from_shift_jis(file, bytes, len, out, out_len, err);
	}
	text = malloc(len + 1);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, bytes, len);
	text[len] = '\0';
	*out = text;
	*out_len = len;
	return 0;
}

struct reader {
	const char *file;
	struct sk_csv *csv;
	char *at, *end;
	int line;
	size_t rows_room, cells_room, cells;
	struct sk_err *err;
};

static int refuse(const struct reader *r, int code, const char *what)
{
	return sk_err_set(r->err, code, "%s:%d: %s", r->file, r->line, what);
}

/* In quotes, in place: "" is one. Ends behind the closing one. */
static int quoted(struct reader *r, char **cell)
{
	char *to = ++r->at;
	int opened = r->line;

	*cell = to;
	for (; r->at < r->end; r->at++) {
		if (*r->at == '"') {
			if (r->at + 1 == r->end || r->at[1] != '"') {
				r->at++;
				*to = '\0'; /* at the latest over the closing mark */
				if (r->at < r->end && *r->at != ',' && *r->at != '\r' && *r->at != '\n')
					return refuse(r, -EINVAL, "text after a closing quotation mark");
				return 0;
			}
			r->at++;
		}
		r->line += *r->at == '\n';
		*to++ = *r->at;
	}
	r->line = opened;
	return refuse(r, -EINVAL, "a quotation mark is not closed");
}

static int check_cell(const struct reader *r, char *cell)
{
	char shown[SK_CSV_CELL_MAX + 64];

	sk_text_trim(cell);
	if (strlen(cell) > SK_CSV_CELL_MAX)
		return refuse(r, -E2BIG, "a cell is too long; at most 1000 bytes");
	sk_text_printable(shown, sizeof(shown), cell, strlen(cell));
	if (strcmp(shown, cell) != 0)
		return refuse(r, -EINVAL, "a cell holds a line end or characters that cannot be shown; remove them");
	return 0;
}

static int add_cell(struct reader *r, char *cell)
{
	int e = check_cell(r, cell);

	if (e < 0)
		return e;
	if (r->cells == r->cells_room) {
		size_t room = r->cells_room * 2 + 256;
		const char **more = realloc(r->csv->cells, room * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		r->csv->cells = more;
		r->cells_room = room;
	}
	r->csv->cells[r->cells++] = cell;
	return 0;
}

/* One cell and what ends it: ',' = more follow in this row, else the row is over. */
static int cell(struct reader *r, char *ended)
{
	char *from = r->at;
	int e = 0;

	if (r->at < r->end && *r->at == '"') {
		e = quoted(r, &from);
	} else {
		while (r->at < r->end && *r->at != ',' && *r->at != '\r' && *r->at != '\n' && *r->at != '"')
			r->at++;
		if (r->at < r->end && *r->at == '"')
			return refuse(r, -EINVAL, "a quotation mark inside a cell that does not begin with one");
	}
	if (e < 0)
		return e;
	*ended = r->at < r->end ? *r->at : '\n';
	*r->at = '\0'; /* text has one byte more than its length */
	e = add_cell(r, from);
	if (r->at < r->end)
		r->at++;
	if (*ended == '\r' && r->at < r->end && *r->at == '\n')
		r->at++;
	return e;
}

static int add_row(struct reader *r, int line, size_t n)
{
	struct sk_csv *c = r->csv;

	size_t empty = 0;

	while (empty < n && c->cells[r->cells - 1 - empty][0] == '\0')
		empty++;
	if (empty == n) {
		r->cells -= n; /* an empty line */
		return 0;
	}
	if (c->n == SK_CSV_ROWS_MAX)
		return refuse(r, -E2BIG, "more than 20000 rows; divide the file");
	if (c->n == r->rows_room) {
		size_t room = r->rows_room * 2 + 64;
		struct sk_csv_row *more = realloc(c->rows, room * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		c->rows = more;
		r->rows_room = room;
	}
	c->rows[c->n++] = (struct sk_csv_row){.line = line, .n = n};
	return 0;
}

static int row(struct reader *r)
{
	int line = r->line, e = 0;
	char ended = ',';
	size_t n = 0;

	while (e == 0 && ended == ',') {
		if (n == SK_CSV_CELLS_MAX)
			return refuse(r, -E2BIG, "more than 64 cells in a row");
		e = cell(r, &ended);
		n++;
	}
	if (e == 0)
		e = add_row(r, line, n);
	r->line++;
	return e;
}

int sk_csv_parse(const char *file, const char *bytes, size_t len, struct sk_csv **out, struct sk_err *err)
{
	struct sk_csv *csv = calloc(1, sizeof(*csv));
	struct reader r = {.file = file, .csv = csv, .line = 1, .err = err};
	size_t n = 0, at = 0;
	int e = csv == NULL ? -ENOMEM : sk_csv_decode(file, bytes, len, &csv->text, &n, err);

	if (e == 0 && csv->text != NULL && memchr(csv->text, '\0', n) != NULL)
		e = sk_err_set(err, -EINVAL, "%s: holds a zero byte; this is no CSV", file);
	if (e == 0) {
		r.at = csv->text;
		r.end = csv->text + n;
	}
	while (e == 0 && r.at < r.end)
		e = row(&r);
	if (e < 0 || csv == NULL) {
		sk_csv_free(csv);
		return e;
	}
	for (size_t i = 0; i < csv->n; i++) { /* the list of cells has come to rest */
		csv->rows[i].cells = csv->cells + at;
		at += csv->rows[i].n;
	}
	*out = csv;
	return 0;
}

struct sk_csv *sk_csv_free(struct sk_csv *csv)
{
	if (csv != NULL) {
		free(csv->rows);
		free(csv->cells);
		free(csv->text);
		free(csv);
	}
	return NULL;
}

static bool is_number(const char *s)
{
	size_t digits = strspn(s + (*s == '-'), "0123456789");
	const char *rest = s + (*s == '-') + digits;

	if (digits == 0)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	return *rest == '\0';
}

/* Would a spreadsheet run it? Blanks before the sign do not help, nor does its full-width form. */
static bool is_formula(const char *s)
{
	static const char *const signs[] = {
	    "=", "+", "-", "@", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0", "\t", "\r", "\n"};

	if (is_number(s))
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		const char *at =
		    *signs[i] == '\t' || *signs[i] == '\r' || *signs[i] == '\n' ? s : s + strspn(s, " \"'");

		if (strncmp(at, signs[i], strlen(signs[i])) == 0)
			return true;
	}
	return false;
}

int sk_csv_cell(struct sk_buf *out, const char *text)
{
	bool first = out->len == 0 || out->data[out->len - 1] == '\n' ||
	             (out->len == 3 && memcmp(out->data, SK_CSV_BOM, 3) == 0);
	bool quote, formula;

	if (text == NULL)
		text = "";
	formula = is_formula(text);
	quote = formula || (first && *text == '\0') || strpbrk(text, ",\"\r\n\t ;") != NULL;
	if (!first)
		(void)sk_buf_addc(out, ',');
	if (quote)
		(void)sk_buf_addc(out, '"');
	if (formula)
		(void)sk_buf_addc(out, '\'');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)sk_buf_addc(out, '"');
		(void)sk_buf_addc(out, *text);
	}
	if (quote)
		(void)sk_buf_addc(out, '"');
	return sk_buf_error(out);
}

int sk_csv_end(struct sk_buf *out)
{
	return sk_buf_add(out, "\r\n", 2);
}

int sk_csv_to_sjis(struct sk_buf *out, const char *text, size_t len)
{
	iconv_t cd = iconv_open("CP932", "UTF-8");
	char *in = (char *)(uintptr_t)text, room[4096];

	if (cd == (iconv_t)-1)
		return -ENOTSUP;
	while (len > 0) {
		char *to = room;
		size_t left = sizeof(room);
		size_t r = iconv(cd, &in, &len, &to, &left);

		(void)sk_buf_add(out, room, (size_t)(to - room));
		if (r == (size_t)-1 && errno != E2BIG && len > 0) {
			/* one letter is passed over, with what belongs to it */
			do {
				in++;
				len--;
			} while (len > 0 && ((unsigned char)*in & 0xc0) == 0x80);
			(void)sk_buf_add(out, "\x81\xac", 2);
		}
	}
	iconv_close(cd);
	return sk_buf_error(out);
}
