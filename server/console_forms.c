/*
 * The forms: a page that lists them, each as a page to print (head, boxes for signatures, table), as CSV and as PDF. All are read in portions; a PDF leaves when it is whole, and
 * has an end (PDF_ROWS). Making one is in the audit trail.
 */
#include "server/form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/csv.h"
#include "common/log.h"
#include "common/text.h"
#include "server/pdf.h"

#define BLANK_LINES 15
#define PDF_ROWS    1000

static sk_ms begin_of_year(int year)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = 3, .tm_mday = 1, .tm_isdst = -1};

	return (sk_ms)mktime(&tm) * 1000;
}

/* The name of the unit in *name; "" = the office. */
static void unit_name(struct sk_console *c, const char *unit, char *name, size_t size)
{
	json_t *units = sk_store_units(c->r->server->store), *row;
	size_t i;

	name[0] = '\0';
	json_array_foreach(units, i, row)
	{
		if (unit != NULL && strcmp(sk_page_str(row, "key"), unit) == 0)
			sk_text_copy(name, size, sk_page_str(row, c->page.lang == SK_LANG_JA ? "name_ja" : "name_en"));
	}
	json_decref(units);
}

/* --- one form on its way --- */

enum as { PAGE, CSV, PDF };

struct sheet {
	struct sk_console *c;
	const struct sk_form_sheet *form;
	struct sk_form_wish w;
	struct sk_form_read x;
	struct sk_kinds *kinds;
	struct sk_pdf *pdf;
	enum as as;
	bool begun;
	size_t rows;
};

/* What stands above the table, the same on the page and in the PDF. */
struct facts {
	char year[48], number[160], unit[128], when[64], who[200];
};

static void facts_of(struct sheet *s, struct facts *f)
{
	struct sk_page *p = &s->c->page;

	unit_name(s->c, s->w.unit, f->unit, sizeof(f->unit));
	if (f->unit[0] == '\0')
		sk_text_copy(f->unit, sizeof(f->unit), sk_tr(p->lang, N_("The whole office")));
	sk_page_year_text(p, (int)s->w.year, f->year, sizeof(f->year));
	snprintf(f->number, sizeof(f->number), "%llu-%s-%s", s->w.year, s->form->key,
	         s->w.unit == NULL ? "all" : s->w.unit);
	sk_page_time_text(p, s->c->now, f->when, sizeof(f->when));
	sk_capacity_name(&s->c->session.as, s->c->session.name, f->who, sizeof(f->who));
}

static void boxes(struct sk_page *p)
{
	static const enum sk_role roles[] = {SK_ROLE_CISO, SK_ROLE_EXEC, SK_ROLE_BUR, SK_ROLE_SEC};

	sk_page_lit(p, "<table class=\"boxes\"><caption>");
	sk_page_tr(p, N_("Boxes for signatures"));
	sk_page_lit(p, "</caption><tr>");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		sk_page_lit(p, "<th scope=\"col\">");
		sk_page_tr(p, sk_word_role(roles[i]));
		sk_page_lit(p, "</th>");
	}
	sk_page_lit(p, "<th scope=\"col\">");
	sk_page_tr(p, N_("In charge"));
	sk_page_lit(p, "</th></tr><tr><td></td><td></td><td></td><td></td><td></td></tr></table>\n");
}

static void sheet_head(struct sheet *s)
{
	struct sk_page *p = &s->c->page;
	struct facts f;

	facts_of(s, &f);
	sk_console_begin(s->c, s->form->title, NULL);
	sk_page_lit(p, "<div class=\"paper\"><header class=\"formhead\"><h1>");
	sk_page_tr(p, s->form->title);
	sk_page_lit(p, "</h1>");
	boxes(p);
	sk_page_lit(p, "</header><dl class=\"formfacts\">");
	sk_page_fact(p, N_("Fiscal year"), f.year);
	sk_page_fact(p, N_("File number"), f.number);
	sk_page_fact(p, N_("Section"), f.unit);
	sk_page_fact(p, N_("Made on"), f.when);
	sk_page_fact(p, N_("Made by"), f.who);
	sk_page_dt(p, N_("Clause"));
	sk_part_clause(p, s->form->clause);
	sk_page_dd_end(p);
	sk_page_lit(p, "</dl>\n");
	if (!s->form->upright)
		sk_page_table(p, "form", s->form->title, s->form->heads);
}

static void lines(struct sk_page *p, const char *text)
{
	const char *end;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		sk_page_textn(p, text, (size_t)(end - text));
		sk_page_lit(p, "<br>");
	}
	sk_page_text(p, text);
}

static void sheet_row(struct sheet *s, const json_t *row)
{
	struct sk_page *p = &s->c->page;

	sk_page_raw(p, s->form->upright ? "<table class=\"form upright\">" : "<tr>");
	for (size_t i = 0; s->form->heads[i] != NULL; i++) {
		const char *text = json_string_value(json_array_get(row, i));

		if (s->form->upright) {
			sk_page_lit(p, "<tr><th scope=\"row\">");
			sk_page_tr(p, s->form->heads[i]);
			sk_page_lit(p, "</th>");
		}
		sk_page_lit(p, "<td>");
		lines(p, text == NULL ? "" : text);
		sk_page_raw(p, s->form->upright ? "</td></tr>" : "</td>");
	}
	sk_page_raw(p, s->form->upright ? "</table>\n" : "</tr>\n");
}

static void sheet_foot(struct sheet *s)
{
	struct sk_page *p = &s->c->page;

	if (!s->form->upright)
		sk_page_table_end(p);
	sk_page_lit(p, "</div>\n");
	sk_console_end(s->c);
}

/* A cell is one line: many programs that read CSV take no other. */
static void csv_cell(struct sk_buf *out, const char *text)
{
	char *one = strdup(text == NULL ? "" : text);

	for (char *at = one; at != NULL && (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	(void)sk_csv_cell(out, one);
	free(one);
}

static void csv_line(struct sheet *s, const json_t *row)
{
	struct sk_buf *out = &s->c->page.out;

	for (size_t i = 0; s->form->heads[i] != NULL; i++)
		csv_cell(out, row == NULL ? sk_tr(s->c->page.lang, s->form->heads[i])
		                          : json_string_value(json_array_get(row, i)));
	(void)sk_csv_end(out);
}

static int next_rows(struct sheet *s, json_t *rows)
{
	if (!s->w.blank)
		return s->form->rows(&s->x, rows);
	for (int i = 0; i < (s->form->upright ? 1 : BLANK_LINES); i++)
		json_array_append_new(rows, json_array());
	return 0;
}

/* --- as PDF --- */

static const char *head_of(const struct sheet *s, size_t i)
{
	return sk_tr(s->c->page.lang, s->form->heads[i]);
}

/* How wide a column is: by the longest text of the first portion, within bounds, so that a long purpose gets more of the line than a number. */
static double width_of(const struct sheet *s, const json_t *rows, size_t col)
{
	size_t most = strlen(head_of(s, col)) / 2, i;
	const json_t *row;

	json_array_foreach(rows, i, row)
	{
		const char *text = json_string_value(json_array_get(row, col));
		size_t n = text == NULL ? 0 : strlen(text);

		most = n > most ? n : most;
	}
	return most < 6 ? 6 : most > 30 ? 30 : (double)most;
}

static void pdf_columns(struct sheet *s, const json_t *rows)
{
	static const double upright[] = {1, 4};
	const char *heads[SK_FORM_COLUMNS];
	double widths[SK_FORM_COLUMNS];
	size_t n = 0;

	if (s->form->upright) {
		heads[0] = sk_tr(s->c->page.lang, N_("Item"));
		heads[1] = sk_tr(s->c->page.lang, N_("Contents"));
		sk_pdf_columns(s->pdf, heads, upright, 2);
		return;
	}
	for (; s->form->heads[n] != NULL; n++) {
		heads[n] = head_of(s, n);
		widths[n] = width_of(s, rows, n);
	}
	sk_pdf_columns(s->pdf, heads, widths, n);
}

static void pdf_head(struct sheet *s, const json_t *rows)
{
	enum sk_lang lang = s->c->page.lang;
	char clause[128];
	struct sk_page said;
	struct facts f;
	const char *facts[] = {sk_tr(lang, N_("Fiscal year")),
	                       f.year,
	                       sk_tr(lang, N_("File number")),
	                       f.number,
	                       sk_tr(lang, N_("Section")),
	                       f.unit,
	                       sk_tr(lang, N_("Made on")),
	                       f.when,
	                       sk_tr(lang, N_("Made by")),
	                       f.who,
	                       sk_tr(lang, N_("Clause")),
	                       clause,
	                       NULL};
	const char *boxes[] = {sk_tr(lang, sk_word_role(SK_ROLE_CISO)),
	                       sk_tr(lang, sk_word_role(SK_ROLE_EXEC)),
	                       sk_tr(lang, sk_word_role(SK_ROLE_BUR)),
	                       sk_tr(lang, sk_word_role(SK_ROLE_SEC)),
	                       sk_tr(lang, N_("In charge")),
	                       NULL};
	const char *args[] = {s->form->clause, NULL};

	facts_of(s, &f);
	sk_page_init(&said, lang, s->c->now);
	sk_page_sayv(&said, N_("Countermeasure standard %1"), args);
	sk_text_copy(clause, sizeof(clause), said.out.len > 0 ? said.out.data : "");
	sk_page_deinit(&said);
	sk_pdf_head(s->pdf, sk_tr(lang, s->form->title), facts, boxes);
	pdf_columns(s, rows);
}

static void pdf_row(struct sheet *s, const json_t *row)
{
	const char *cells[SK_FORM_COLUMNS];
	size_t n = 0;

	if (s->form->upright && s->rows > 0) {
		sk_pdf_page(s->pdf);
		pdf_columns(s, NULL);
	}
	for (; s->form->heads[n] != NULL; n++) {
		const char *pair[] = {head_of(s, n), json_string_value(json_array_get(row, n))};

		cells[n] = pair[1];
		if (s->form->upright)
			sk_pdf_row(s->pdf, pair, 2);
	}
	if (!s->form->upright)
		sk_pdf_row(s->pdf, cells, n);
	s->rows++;
}

/* Rows go into the file; it leaves with the last ones. r: as of next_rows. */
static int pdf_next(struct sheet *s, const json_t *rows, int r, struct sk_buf *out)
{
	struct sk_err err = SK_ERR_INIT;
	const json_t *row;
	size_t i;

	if (r < 0)
		return r;
	if (!s->begun)
		pdf_head(s, rows);
	s->begun = true;
	json_array_foreach(rows, i, row)
	{
		if (s->rows < PDF_ROWS)
			pdf_row(s, row);
		else
			r = 2;
	}
	if (r == 2)
		sk_pdf_note(s->pdf, sk_tr(s->c->page.lang, N_("A PDF ends after 1,000 rows. Narrow it to a section, or "
		                                              "take the CSV, which has them all.")));
	if (r == 1)
		return 1;
	r = sk_pdf_finish(s->pdf, out, &err);
	if (r < 0)
		sk_log(SK_LOG_ERR, "console: form %s: %s", s->form->key, err.text);
	return r;
}

/* --- as a page, as CSV --- */

static void begin(struct sheet *s)
{
	struct sk_buf *page = &s->c->page.out;

	if (s->as == PAGE) {
		sheet_head(s);
		return;
	}
	if (!s->w.sjis)
		(void)sk_buf_adds(page, SK_CSV_BOM);
	csv_line(s, NULL);
}

static int text_next(struct sheet *s, const json_t *rows, int r, struct sk_buf *out)
{
	struct sk_buf *page = &s->c->page.out;
	const json_t *row;
	size_t i;

	sk_buf_reset(page);
	if (!s->begun)
		begin(s);
	s->begun = true;
	json_array_foreach(rows, i, row)
	{
		if (s->as == CSV)
			csv_line(s, row);
		else
			sheet_row(s, row);
	}
	if (r == 0 && s->as == PAGE)
		sheet_foot(s);
	if (r >= 0 && sk_buf_error(page) < 0)
		r = sk_buf_error(page);
	if (r >= 0 && s->w.sjis && s->as == CSV)
		(void)sk_csv_to_sjis(out, page->data, page->len);
	else if (r >= 0)
		(void)sk_buf_add(out, page->data, page->len);
	return r;
}

static int next(void *arg, struct sk_buf *out)
{
	struct sheet *s = arg;
	json_t *rows = json_array();
	int r = next_rows(s, rows);

	r = s->as == PDF ? pdf_next(s, rows, r, out) : text_next(s, rows, r, out);
	json_decref(rows);
	return r;
}

static void end(void *arg, bool whole)
{
	struct sheet *s = arg;

	(void)whole;
	sk_kinds_free(s->kinds);
	sk_pdf_free(s->pdf);
	sk_console_free(s->c);
	free(s);
}

static int recorded(struct sk_console *c, const char *object)
{
	struct sk_actor by;
	int e = sk_session_actor(&c->session, c->session.acting, &by);

	return e < 0 ? e : sk_store_audit(c->r->server->store, &by, "form.made", object, NULL, c->now);
}

/* "takeouts", "takeouts.csv" or "takeouts.pdf". */
static const struct sk_form_sheet *form_of(const char *tail, enum as *as)
{
	static const char *const ends[] = {"", ".csv", ".pdf"};
	char key[32];
	size_t n = tail == NULL ? 0 : strcspn(tail, ".");

	if (n == 0 || n >= sizeof(key))
		return NULL;
	memcpy(key, tail, n);
	key[n] = '\0';
	for (size_t i = 0; i < 3; i++) {
		*as = (enum as)i;
		if (strcmp(tail + n, ends[i]) == 0)
			return sk_form_find(key);
	}
	return NULL;
}

static void fill(struct sheet *s)
{
	bool all = !s->form->by_year || s->w.number != 0;
	int year = (int)s->w.year;

	s->x = (struct sk_form_read){.c = s->c,
	                             .store = s->c->r->server->store,
	                             .kinds = s->kinds,
	                             .only = (int64_t)s->w.number,
	                             .range = {.unit = s->w.unit,
	                                       .from = all ? 0 : begin_of_year(year),
	                                       .until = all ? INT64_MAX : begin_of_year(year + 1),
	                                       .limit = s->form->upright ? SK_FORM_PORTION / 3 : SK_FORM_PORTION}};
}

/* A PDF needs its font: without it nothing is begun. */
static int open_pdf(struct sheet *s)
{
	struct sk_err err = SK_ERR_INIT;
	int r = s->as == PDF ? sk_pdf_new(NULL, &s->pdf, &err) : 0;

	if (r < 0)
		sk_log(SK_LOG_ERR, "console: form %s: %s", s->form->key, err.text);
	return r == -ENOENT ? -EIO : r;
}

static int send_sheet(struct sheet *s)
{
	static const char *const types[] = {"text/html; charset=utf-8", "text/csv; charset=utf-8", "application/pdf"};
	struct sk_console *c = s->c;
	char disposition[96];

	if (s->as != PAGE) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s-%llu.%s\"", s->form->key,
		         s->w.year, s->as == CSV ? "csv" : "pdf");
		sk_reply_header(c->r, "Content-Disposition", disposition);
	}
	return sk_console_stream(c, s->as == CSV && s->w.sjis ? "text/csv; charset=Shift_JIS" : types[s->as], next, end,
	                         s);
}

int sk_page_form(struct sk_console *c)
{
	const char *tail = sk_request_tail(c->r);
	struct sheet *s = calloc(1, sizeof(*s));
	int e = s == NULL ? -ENOMEM : sk_form_wish_read(c, &s->w);

	if (e == 0)
		e = (s->form = form_of(tail, &s->as)) == NULL ? -ENOENT : 0;
	if (e == 0)
		e = (s->kinds = sk_console_kinds(c)) == NULL ? -EIO : recorded(c, tail);
	if (e == 0)
		e = open_pdf(s);
	if (e == 0) {
		s->c = c;
		fill(s);
		e = send_sheet(s);
	}
	if (e < 0 && s != NULL) {
		sk_kinds_free(s->kinds);
		sk_pdf_free(s->pdf);
		free(s);
	}
	return e;
}
