/*
 * Audits and self-inspections: their list, one with its items, what the sections answered, and its findings until they are confirmed as mended. Buttons are shown to
 * whom they are for; the store decides again.
 */
#include "server/console_inspection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"

#define PER_PAGE 50

bool inspection_runs(const struct sk_console *c, bool audit)
{
	return audit ? c->session.acting == SK_ROLE_AUD : (c->session.acting & (SK_ROLE_BUR | SK_ROLE_SYS)) != 0;
}

const char *inspection_kind(const json_t *row)
{
	return json_is_true(sk_page_get(row, "audit")) ? N_("Audit") : N_("Self-inspection");
}

void inspection_unit(struct sk_page *p, const json_t *row)
{
	if (*sk_page_str(row, "unit") != '\0')
		sk_part_unit(p, row);
	else
		sk_page_tr(p, N_("The whole office"));
}

void inspection_state(struct sk_page *p, const json_t *row)
{
	bool over = strcmp(sk_page_str(row, "state"), "reported") == 0;

	sk_page_badge(p, over ? SK_TONE_OK : SK_TONE_GRACE, over ? N_("reported") : N_("under way"));
}

/* --- forms --- */

void inspection_form(struct sk_console *c, const char *cls, const char *action)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form method=\"post\"");
	sk_page_attr(p, "class", cls);
	sk_page_attr(p, "action", action);
	sk_page_lit(p, ">");
	sk_console_csrf(c);
}

void inspection_hidden(struct sk_page *p, const char *name, long long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", n);
	sk_page_lit(p, "<input type=\"hidden\"");
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", text);
	sk_page_lit(p, ">");
}

/* id: of the element, its own on the page. */
void inspection_area(struct sk_console *c, const char *id, const char *name, const char *label, const char *hint,
                     int rows)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", id);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><textarea");
	sk_page_attr(p, "id", id);
	sk_page_attr(p, "name", name);
	(void)sk_buf_addf(&p->out, " rows=\"%d\">\n", rows);
	sk_page_text(p, sk_form_get(&c->form, name));
	sk_page_lit(p, "</textarea>");
	if (hint != NULL)
		sk_page_el_tr(p, "span", "sub", hint);
	sk_page_lit(p, "</p>");
}

void inspection_units(struct sk_console *c, const char *id, const json_t *units, const char *label, bool all)
{
	struct sk_page *p = &c->page;
	const json_t *row;
	size_t i;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", id);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><select name=\"unit\"");
	sk_page_attr(p, "id", id);
	sk_page_lit(p, ">");
	if (all) {
		sk_page_lit(p, "<option value=\"\">");
		sk_page_tr(p, N_("The whole office"));
		sk_page_lit(p, "</option>");
	}
	json_array_foreach(units, i, row)
	{
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_page_str(row, "key"));
		sk_page_lit(p, ">");
		sk_part_unit(p, row);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
}

void inspection_day(struct sk_console *c, const char *name, const char *label)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", name);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input type=\"date\"");
	sk_page_attr(p, "id", name);
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", sk_form_get(&c->form, name));
	sk_page_lit(p, "></p>");
}

void inspection_submit(struct sk_page *p, const char *action, const char *cls, const char *word)
{
	sk_page_lit(p, "<button name=\"action\"");
	sk_page_attr(p, "value", action);
	sk_page_attr(p, "class", cls);
	sk_page_lit(p, ">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</button>");
}

static void new_form(struct sk_console *c)
{
	bool audit = c->session.acting == SK_ROLE_AUD;
	struct sk_page *p = &c->page;
	json_t *units;

	if (!inspection_runs(c, true) && !inspection_runs(c, false))
		return;
	sk_page_lit(p, "<details");
	sk_page_raw(p, c->problem != NULL ? " open><summary>" : "><summary>");
	sk_page_tr(p, audit ? N_("Begin an audit") : N_("Begin a self-inspection"));
	sk_page_lit(p, "</summary>");
	inspection_form(c, "sheet", "/inspections");
	sk_part_field(c, "title", N_("Title"), NULL, " required maxlength=\"200\"");
	units = sk_store_units(c->r->server->store);
	inspection_units(c, "unit", units, N_("Section, with all below it"), c->session.acting != SK_ROLE_BUR);
	json_decref(units);
	inspection_day(c, "from", N_("From"));
	inspection_day(c, "until", N_("Until"));
	inspection_area(c, "text", "text", N_("Purpose, method, who audits, independence"), NULL, 4);
	inspection_area(
	    c, "items", "items", N_("Items"),
	    N_("One a line: the clause, a blank, what is asked. Example: 5.1(1)キ Is the screen locked when the desk "
	       "is left?"),
	    8);
	sk_page_lit(p, "<p>");
	inspection_submit(p, "add", "primary", N_("Begin"));
	sk_page_lit(p, "</p></form></details>\n");
}

/* --- the list --- */

static int list(struct sk_console *c, int code)
{
	static const char *const head[] = {N_("No."),   N_("Kind"),    N_("Title"),         N_("Section"), N_("Until"),
	                                   N_("State"), N_("Answers"), N_("Findings open"), NULL};
	long long page = sk_query_page(c->r);
	struct sk_page *p = &c->page;
	const char *unit;
	json_t *rows, *i;
	int e = sk_console_scope(c, &unit);
	size_t n;

	if (e < 0)
		return e;
	rows = sk_store_inspections(c->r->server->store, unit, PER_PAGE + 1, (int)(page - 1) * PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Audits and self-inspections"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Audits and self-inspections"));
	new_form(c);
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("None was begun yet."));
	else
		sk_page_table(p, "list", N_("Audits and self-inspections"), head);
	json_array_foreach(rows, n, i)
	{
		if (n >= PER_PAGE)
			break;
		(void)sk_buf_addf(&p->out, "<tr><th scope=\"row\"><a class=\"number\" href=\"/inspections/%lld\">",
		                  sk_page_int(i, "number"));
		sk_page_text(p, sk_page_str(i, "label"));
		sk_page_lit(p, "</a></th>");
		sk_page_el_tr(p, "td", NULL, inspection_kind(i));
		sk_page_el(p, "td", "free", sk_page_str(i, "title"));
		sk_page_lit(p, "<td>");
		inspection_unit(p, i);
		sk_page_lit(p, "</td><td>");
		sk_page_time(p, sk_page_int(i, "until"));
		sk_page_lit(p, "</td><td>");
		inspection_state(p, i);
		sk_page_lit(p, "</td><td class=\"num\">");
		sk_page_num(p, sk_page_int(i, "answers"));
		sk_page_lit(p, "</td><td class=\"num\">");
		sk_page_num(p, sk_page_int(i, "open"));
		sk_page_lit(p, " / ");
		sk_page_num(p, sk_page_int(i, "findings"));
		sk_page_lit(p, "</td></tr>\n");
	}
	if (json_array_size(rows) > 0)
		sk_page_table_end(p);
	sk_part_pager(p, "/inspections", "", page, json_array_size(rows) > PER_PAGE);
	sk_console_end(c);
	json_decref(rows);
	return code;
}

int sk_page_inspections(struct sk_console *c)
{
	return list(c, 200);
}

int inspection_number(const struct sk_console *c, int64_t *number)
{
	const char *tail = sk_request_tail(c->r);
	unsigned long long n;

	if (tail == NULL || sk_text_u64(tail, 1, INT64_MAX, &n) < 0)
		return -ENOENT;
	*number = (int64_t)n;
	return 0;
}

/* --- what was sent --- */

/* A day as a date field gives it; end: its last moment. 0 when the field is empty. */
static int day_of(struct sk_console *c, const char *name, bool end, sk_ms *out)
{
	const char *text = sk_form_get(&c->form, name);
	char whole[32];

	*out = 0;
	if (text == NULL || *text == '\0')
		return 0;
	if (strlen(text) != 10)
		return -EINVAL;
	snprintf(whole, sizeof(whole), "%sT%s", text, end ? "23:59:59" : "00:00");
	return sk_console_parse_time(whole, out);
}

/* Browsers send line ends as CR LF. malloc'd. */
static char *unix_lines(const char *s)
{
	char *out = malloc(strlen(s == NULL ? "" : s) + 1);
	size_t n = 0;

	for (; out != NULL && s != NULL && *s != '\0'; s++) {
		if (*s != '\r')
			out[n++] = *s;
	}
	if (out != NULL)
		out[n] = '\0';
	return out;
}

static const char *text_of(struct sk_console *c, const char *name)
{
	const char *v = sk_form_get(&c->form, name);

	return v == NULL ? "" : v;
}

static int refused(struct sk_console *c, int e, const struct sk_err *err)
{
	switch (e) {
	case -EPERM:
		return -EACCES;
	case -EINVAL:
		c->problem =
		    N_("Something that is needed is missing, too long, or does not fit together. Nothing was stored.");
		return 400;
	case -ESTALE:
		c->problem = N_("This changed meanwhile, or is over. Look at it again.");
		return 409;
	case -ENOENT:
		return e;
	default:
		sk_log(SK_LOG_ERR, "console: inspection: %s", err->text);
		return e;
	}
}

int sk_page_inspections_post(struct sk_console *c)
{
	struct sk_inspection_new n = {
	    .audit = c->session.acting == SK_ROLE_AUD, .title = text_of(c, "title"), .unit = text_of(c, "unit")};
	char *text = unix_lines(text_of(c, "text")), *items_text = unix_lines(text_of(c, "items")), path[48];
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	int64_t number = 0;
	int e = text == NULL || items_text == NULL ? -ENOMEM : 0;

	if (e == 0 && (day_of(c, "from", false, &n.from) < 0 || day_of(c, "until", true, &n.until) < 0 || n.until == 0))
		e = -EINVAL;
	if (e == 0)
		e = sk_session_actor(&c->session, c->session.acting, &by);
	if (e == 0) {
		n.text = text;
		n.items = items_text;
		n.from = n.from == 0 ? c->now : n.from;
		e = sk_store_inspection_add(c->r->server->store, &by, &n, c->now, &number, &err);
	}
	free(text);
	free(items_text);
	if (e < 0) {
		e = refused(c, e == -ENOENT ? -EINVAL : e, &err);
		return e < 0 ? e : list(c, e);
	}
	snprintf(path, sizeof(path), "/inspections/%lld", (long long)number);
	return sk_console_redirect(c, path);
}

static int64_t id_of(struct sk_console *c, const char *name)
{
	unsigned long long n;

	return sk_text_u64(text_of(c, name), 1, INT64_MAX, &n) == 0 ? (int64_t)n : 0;
}

int sk_page_inspection_post(struct sk_console *c)
{
	struct sk_inspection_act a = {.action = text_of(c, "action"),
	                              .item = id_of(c, "item"),
	                              .finding = id_of(c, "finding"),
	                              .unit = text_of(c, "unit"),
	                              .answer = text_of(c, "answer"),
	                              .clause = text_of(c, "clause"),
	                              .evidence = text_of(c, "evidence"),
	                              .degree = (int)(id_of(c, "degree") & 7)};
	char *text = unix_lines(text_of(c, "text")), path[48];
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	int64_t number = 0;
	int e = text == NULL ? -ENOMEM : inspection_number(c, &number);

	if (e == 0 && day_of(c, "due", true, &a.due) < 0)
		e = -EINVAL;
	if (e == 0)
		e = sk_session_actor(&c->session, c->session.acting, &by);
	if (e == 0) {
		a.text = text;
		e = sk_store_inspection_act(c->r->server->store, &by, number, &a, c->now, &err);
	}
	free(text);
	if (e < 0) {
		e = refused(c, e, &err);
		return e < 0 ? e : inspection_show(c, e);
	}
	snprintf(path, sizeof(path), "/inspections/%lld", (long long)number);
	return sk_console_redirect(c, path);
}
