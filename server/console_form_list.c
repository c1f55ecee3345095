/* The list of the forms, and what an address asks of one. */
#include "server/form.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

int sk_form_wish_read(struct sk_console *c, struct sk_form_wish *w)
{
	const char *unit = sk_request_query(c->r, "unit"), *year = sk_request_query(c->r, "year"),
	           *number = sk_request_query(c->r, "number"), *charset = sk_request_query(c->r, "charset");
	int e = sk_console_scope(c, &w->unit);

	if (e < 0)
		return e;
	if (unit != NULL && *unit != '\0') {
		if (!sk_text_is_name(unit, 63))
			return -EINVAL;
		if (!sk_console_sees(c, unit))
			return -ENOENT;
		w->unit = unit;
	}
	w->year = (unsigned long long)sk_clock_fiscal_year(c->now);
	if (year != NULL && *year != '\0' && sk_text_u64(year, 2000, 2200, &w->year) < 0)
		return -EINVAL;
	if (number != NULL && sk_text_u64(number, 1, INT64_MAX, &w->number) < 0)
		return -EINVAL;
	w->blank = sk_request_query(c->r, "blank") != NULL;
	w->sjis = charset != NULL && strcmp(charset, "sjis") == 0;
	return charset != NULL && !w->sjis && strcmp(charset, "utf-8") != 0 ? -EINVAL : 0;
}

static void output_link(struct sk_page *p, const char *key, const char *ending, const char *query, const char *more,
                        const char *word)
{
	sk_page_lit(p, "<a class=\"button\" href=\"/forms/");
	sk_page_raw(p, key);
	sk_page_raw(p, ending);
	sk_page_lit(p, "?");
	sk_page_text(p, query);
	sk_page_raw(p, more);
	sk_page_lit(p, "\">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</a> ");
}

static int filter(struct sk_console *c, const struct sk_form_wish *w)
{
	struct sk_page *p = &c->page;
	json_t *units = sk_store_units(c->r->server->store), *row;
	char year[24];
	size_t i;

	if (units == NULL)
		return -EIO;
	snprintf(year, sizeof(year), "%llu", w->year);
	sk_page_lit(p,
	            "<form class=\"filter\" method=\"get\" action=\"/forms\"><p class=\"field\"><label for=\"unit\">");
	sk_page_tr(p, N_("Section"));
	sk_page_lit(p, "</label><select id=\"unit\" name=\"unit\"><option value=\"\">");
	sk_page_tr(p, N_("all in my reach"));
	sk_page_lit(p, "</option>");
	json_array_foreach(units, i, row)
	{
		if (!sk_console_sees(c, sk_page_str(row, "key")))
			continue;
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_page_str(row, "key"));
		sk_page_raw(p, w->unit != NULL && strcmp(w->unit, sk_page_str(row, "key")) == 0 ? " selected>" : ">");
		sk_part_unit(p, row);
		sk_page_lit(p, "</option>");
	}
	json_decref(units);
	sk_page_lit(p, "</select></p><p class=\"field\"><label for=\"year\">");
	sk_page_tr(p, N_("Fiscal year"));
	sk_page_lit(p, "</label><input id=\"year\" name=\"year\" type=\"number\" min=\"2000\" max=\"2200\"");
	sk_page_attr(p, "value", year);
	sk_page_lit(p, "></p><p><button>");
	sk_page_tr(p, N_("Show"));
	sk_page_lit(p, "</button></p></form>\n");
	return 0;
}

int sk_page_forms(struct sk_console *c)
{
	static const char *const head[] = {N_("Form"), N_("Clause"), N_("As"), NULL};
	struct sk_page *p = &c->page, query;
	struct sk_form_wish w = {0};
	int e = sk_form_wish_read(c, &w);

	if (e < 0)
		return e;
	sk_console_begin(c, N_("Forms"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Forms"));
	e = filter(c, &w);
	sk_page_init(&query, p->lang, c->now);
	if (w.unit != NULL) {
		sk_page_lit(&query, "unit=");
		sk_page_url(&query, w.unit);
		sk_page_lit(&query, "&");
	}
	(void)sk_buf_addf(&query.out, "year=%llu", w.year);
	sk_page_table(p, "formlist", N_("Forms"), head);
	for (const struct sk_form_sheet *f = sk_form_sheets; f->key != NULL; f++) {
		sk_page_lit(p, "<tr><th scope=\"row\">");
		sk_page_tr(p, f->title);
		sk_page_lit(p, "</th><td>");
		sk_part_clause(p, f->clause);
		sk_page_lit(p, "</td><td class=\"buttons\">");
		output_link(p, f->key, "", query.out.data, "", N_("To print"));
		output_link(p, f->key, ".pdf", query.out.data, "", N_("PDF"));
		output_link(p, f->key, ".csv", query.out.data, "", N_("CSV"));
		output_link(p, f->key, ".csv", query.out.data, "&amp;charset=sjis", N_("CSV (Shift_JIS)"));
		output_link(p, f->key, "", query.out.data, "&amp;blank=1", N_("Empty, to fill in by hand"));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_deinit(&query);
	sk_console_end(c);
	return e < 0 ? e : 200;
}
