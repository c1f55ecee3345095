/*
 * Lists as files: the rows a list page shows under the same filter and scope, all of them, as CSV that a spreadsheet opens without running anything (common/csv.h), or as JSON. Rows are read
 * and sent in portions: a file of any length takes the memory of one (sk_reply_stream). Each export is in the audit trail.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "server/store_applications.h"
#include "server/store_media.h"

#define PORTION  250
#define FIND_MAX 64

struct filter {
	const char *unit, *state, *find; /* NULL = all */
};

enum as { TEXT, NUMBER, TIME };
struct column {
	const char *name, *word; /* member of a row; msgid */
	enum as as;
};

static json_t *terminals(struct sk_console *c, const struct filter *f, int offset)
{
	return sk_store_terminals(c->r->server->store, f->unit, f->find, f->state, c->now, c->silent_ms, PORTION,
	                          offset);
}

static json_t *requests(struct sk_console *c, const struct filter *f, int offset)
{
	return sk_store_requests(c->r->server->store, f->unit, NULL, f->state == NULL ? "all" : f->state, PORTION,
	                         offset);
}

static json_t *applications(struct sk_console *c, const struct filter *f, int offset)
{
	return sk_store_applications(c->r->server->store, f->unit, NULL, f->state, f->find, c->now, PORTION, offset);
}

static json_t *media(struct sk_console *c, const struct filter *f, int offset)
{
	return sk_store_media(c->r->server->store, f->unit, f->find, f->state, PORTION, offset);
}

static const struct column terminal_columns[] = {{"host", N_("Terminal"), TEXT},
                                                 {"asset", N_("Asset number"), TEXT},
                                                 {"unit", N_("Unit"), TEXT},
                                                 {"unit_ja", N_("Section"), TEXT},
                                                 {"state", N_("State"), TEXT},
                                                 {"person", N_("Person"), TEXT},
                                                 {"last_contact", N_("Last contact"), TIME},
                                                 {"os", N_("Operating system"), TEXT},
                                                 {"version", N_("Version of the agent"), TEXT},
                                                 {"requests", N_("Open requests"), NUMBER},
                                                 {"id", N_("ID"), TEXT},
                                                 {NULL, NULL, TEXT}};
static const struct column request_columns[] = {{"label", N_("No."), TEXT},
                                                {"state", N_("State"), TEXT},
                                                {"person", N_("Who asks"), TEXT},
                                                {"unit_ja", N_("Section"), TEXT},
                                                {"host", N_("Terminal"), TEXT},
                                                {"purpose", N_("Purpose"), TEXT},
                                                {"class", N_("Class of information"), TEXT},
                                                {"destination", N_("Destination"), TEXT},
                                                {"access", N_("Access"), TEXT},
                                                {"created", N_("Asked"), TIME},
                                                {"until", N_("Until"), TIME},
                                                {"permitted_by", N_("Permitted by"), TEXT},
                                                {"permitted_at", N_("Permitted at"), TIME},
                                                {"approved_by", N_("Issued by"), TEXT},
                                                {"approved_at", N_("Issued at"), TIME},
                                                {"reason", N_("Reason"), TEXT},
                                                {NULL, NULL, TEXT}};
static const struct column application_columns[] = {{"label", N_("No."), TEXT},
                                                    {"kind", N_("Kind"), TEXT},
                                                    {"state", N_("State"), TEXT},
                                                    {"person", N_("User name"), TEXT},
                                                    {"person_name", N_("Who asks"), TEXT},
                                                    {"unit_ja", N_("Section"), TEXT},
                                                    {"class", N_("Class of information"), TEXT},
                                                    {"from", N_("From"), TIME},
                                                    {"until", N_("Until"), TIME},
                                                    {"route", N_("Permitted by"), TEXT},
                                                    {"created", N_("Asked"), TIME},
                                                    {"reason", N_("Reason"), TEXT},
                                                    {NULL, NULL, TEXT}};
static const struct column media_columns[] = {{"ledger", N_("Ledger number"), TEXT},
                                              {"label", N_("Label"), TEXT},
                                              {"state", N_("State"), TEXT},
                                              {"unit_ja", N_("Section"), TEXT},
                                              {"vendor", N_("Vendor"), TEXT},
                                              {"product", N_("Product"), TEXT},
                                              {"serial", N_("Serial number"), TEXT},
                                              {"size", N_("Size in bytes"), NUMBER},
                                              {"registered", N_("Registered"), TIME},
                                              {"registered_by", N_("Registered by"), TEXT},
                                              {NULL, NULL, TEXT}};

static const struct list {
	const char *name;
	json_t *(*rows)(struct sk_console *c, const struct filter *f, int offset);
	const struct column *columns;
	const char *
	    number; /* newest first by this one: what is added meanwhile moves rows on, and none is sent twice; NULL = by name */
} lists[] = {{"terminals", terminals, terminal_columns, NULL},
             {"requests", requests, request_columns, "number"},
             {"applications", applications, application_columns, "number"},
             {"media", media, media_columns, NULL}};

/* One file on its way. It holds the console, whose session and request the filter points into. */
struct sent_list {
	struct sk_console *c;
	const struct list *list;
	struct filter f;
	bool csv, begun, any;
	int offset;
	long long last; /* number of the last row */
};

static void csv_head(const struct sk_page *p, const struct column *col, struct sk_buf *out)
{
	(void)sk_buf_adds(out, SK_CSV_BOM);
	for (; col->name != NULL; col++)
		(void)sk_csv_cell(out, sk_tr(p->lang, col->word));
	(void)sk_csv_end(out);
}

static void csv_row(const json_t *row, const struct column *col, struct sk_buf *out)
{
	char text[32];

	for (; col->name != NULL; col++) {
		long long n = sk_page_int(row, col->name);

		text[0] = '\0';
		if (col->as == TIME && n > 0)
			sk_clock_format_local(n, text, sizeof(text));
		else if (col->as == NUMBER)
			snprintf(text, sizeof(text), "%lld", n);
		(void)sk_csv_cell(out, col->as == TEXT ? sk_page_str(row, col->name) : text);
	}
	(void)sk_csv_end(out);
}

static int json_row(const json_t *row, bool first, struct sk_buf *out)
{
	char *text = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		return -ENOMEM;
	(void)sk_buf_adds(out, first ? "[\n" : ",\n");
	(void)sk_buf_adds(out, text);
	free(text);
	return 0;
}

/* The next portion. 1 = there may be more, 0 = that was the last, or -errno. */
static int next(void *arg, struct sk_buf *out)
{
	struct sent_list *x = arg;
	json_t *rows = x->list->rows(x->c, &x->f, x->offset), *row;
	size_t i, n = json_array_size(rows);
	int r = rows == NULL ? -EIO : 0;

	if (x->csv && !x->begun)
		csv_head(&x->c->page, x->list->columns, out);
	x->begun = true;
	json_array_foreach(rows, i, row)
	{
		long long number = x->list->number == NULL ? 0 : sk_page_int(row, x->list->number);

		if (number > 0 && x->last > 0 && number >= x->last)
			continue;
		x->last = number;
		if (x->csv)
			csv_row(row, x->list->columns, out);
		else if (r == 0)
			r = json_row(row, !x->any, out);
		x->any = true;
	}
	x->offset += (int)n;
	json_decref(rows);
	if (r == 0 && n < PORTION && !x->csv)
		(void)sk_buf_adds(out, x->any ? "\n]\n" : "[]\n");
	return r < 0 ? r : n == PORTION;
}

static void end(void *arg, bool whole)
{
	struct sent_list *x = arg;

	(void)whole;
	sk_console_free(x->c);
	free(x);
}

/* "terminals.csv": which list, and how. */
static const struct list *list_of(const char *tail, bool *csv)
{
	for (size_t i = 0; tail != NULL && i < sizeof(lists) / sizeof(lists[0]); i++) {
		size_t n = strlen(lists[i].name);

		if (strncmp(tail, lists[i].name, n) == 0 &&
		    (strcmp(tail + n, ".csv") == 0 || strcmp(tail + n, ".json") == 0)) {
			*csv = tail[n + 1] == 'c';
			return &lists[i];
		}
	}
	return NULL;
}

/* A name or nothing; the store compares it with what it knows. */
static int word(struct sk_console *c, const char *name, const char **out)
{
	const char *v = sk_request_query(c->r, name);

	*out = v == NULL || *v == '\0' ? NULL : v;
	return *out != NULL && !sk_text_is_name(*out, 63) ? -EINVAL : 0;
}

static int read_filter(struct sk_console *c, struct filter *f)
{
	const char *unit, *find = sk_request_query(c->r, "find");
	int e = sk_console_scope(c, &f->unit);

	if (e < 0 || (e = word(c, "unit", &unit)) < 0 || (e = word(c, "state", &f->state)) < 0)
		return e;
	if (unit != NULL && f->unit != NULL && !sk_console_sees(c, unit))
		return -EACCES;
	if (unit != NULL)
		f->unit = unit;
	if (find != NULL && strlen(find) > FIND_MAX)
		return -EINVAL;
	f->find = find != NULL && *find != '\0' ? find : NULL;
	return 0;
}

static int recorded(struct sk_console *c, const char *object)
{
	struct sk_actor by;
	int e = sk_session_actor(&c->session, c->session.acting, &by);

	return e < 0 ? e : sk_store_audit(c->r->server->store, &by, "list.exported", object, NULL, c->now);
}

int sk_console_list(struct sk_console *c, const char *name, bool record)
{
	struct sent_list *x = calloc(1, sizeof(*x));
	char disposition[96];
	int e = x == NULL ? -ENOMEM : 0;

	if (e == 0) {
		x->c = c;
		x->list = list_of(name, &x->csv);
		e = x->list == NULL ? -ENOENT : read_filter(c, &x->f);
	}
	if (e == 0 && record)
		e = recorded(c, name);
	if (e < 0) {
		free(x);
		return e;
	}
	if (record) {
		snprintf(disposition, sizeof(disposition), "attachment; filename=\"%s.%s\"", x->list->name,
		         x->csv ? "csv" : "json");
		sk_reply_header(c->r, "Content-Disposition", disposition);
	}
	e = sk_console_stream(c, x->csv ? "text/csv; charset=utf-8" : "application/json", next, end, x);
	if (e < 0)
		free(x);
	return e;
}

int sk_page_export(struct sk_console *c)
{
	return sk_console_list(c, sk_request_tail(c->r), true);
}

void sk_part_export(struct sk_page *p, const char *list, const char *query)
{
	static const char *const ends[] = {"csv", "json"};

	sk_page_lit(p, "<p class=\"buttons exports\">");
	for (size_t i = 0; i < 2; i++) {
		sk_page_lit(p, "<a class=\"button\" href=\"/export/");
		sk_page_raw(p, list);
		sk_page_lit(p, ".");
		sk_page_raw(p, ends[i]);
		sk_page_lit(p, "?");
		sk_page_text(p, query);
		sk_page_lit(p, "\">");
		sk_page_tr(p, i == 0 ? N_("Save as CSV") : N_("Save as JSON"));
		sk_page_lit(p, "</a> ");
	}
	sk_page_lit(p, "</p>\n");
}
