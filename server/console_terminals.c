/* The list of terminals: by section, state and part of a name; worst first as the store sorts it; 50 a page. */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define PER_PAGE 50
#define FIND_MAX 64

struct filter {
	const char *unit; /* NULL = all the role sees */
	const char *state; /* NULL = all */
	char find[FIND_MAX + 1];
	bool fixed_unit; /* a section manager does not choose */
	long long page;
};

static int read_filter(struct sk_console *c, struct filter *f)
{
	const char *unit = sk_request_query(c->r, "unit"), *state = sk_request_query(c->r, "state");
	const char *find = sk_request_query(c->r, "find");
	enum sk_state s;
	int e;

	memset(f, 0, sizeof(*f));
	e = sk_console_scope(c, &f->unit);
	if (e < 0)
		return e;
	f->fixed_unit = f->unit != NULL;
	if (unit != NULL && *unit != '\0') {
		if (!sk_text_is_name(unit, 63))
			return -EINVAL;
		if (f->fixed_unit && strcmp(unit, f->unit) != 0)
			return -EACCES;
		f->unit = unit;
	}
	if (state != NULL && *state != '\0') {
		if (sk_state_parse(state, &s) < 0)
			return -EINVAL;
		f->state = state;
	}
	if (find != NULL) {
		if (strlen(find) > FIND_MAX)
			return -EINVAL;
		sk_text_copy(f->find, sizeof(f->find), find);
		sk_text_trim(f->find);
	}
	f->page = sk_query_page(c->r);
	return 0;
}

static void unit_choice(struct sk_page *p, const json_t *units, const struct filter *f)
{
	const json_t *row;
	size_t i;

	sk_page_lit(p, "<p class=\"field\"><label for=\"unit\">");
	sk_page_tr(p, N_("Section"));
	sk_page_lit(p, "</label><select id=\"unit\" name=\"unit\"><option value=\"\">");
	sk_page_tr(p, N_("all"));
	sk_page_lit(p, "</option>");
	json_array_foreach(units, i, row)
	{
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_page_str(row, "key"));
		sk_page_raw(p, f->unit != NULL && strcmp(f->unit, sk_page_str(row, "key")) == 0 ? " selected>" : ">");
		sk_part_unit(p, row);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
}

static void state_choice(struct sk_page *p, const struct filter *f)
{
	sk_page_lit(p, "<p class=\"field\"><label for=\"state\">");
	sk_page_tr(p, N_("State"));
	sk_page_lit(p, "</label><select id=\"state\" name=\"state\"><option value=\"\">");
	sk_page_tr(p, N_("all"));
	sk_page_lit(p, "</option>");
	for (int s = SK_STATE_SILENT; s >= SK_STATE_COMPLIANT; s--) {
		const char *name = sk_state_name((enum sk_state)s);

		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", name);
		sk_page_raw(p, f->state != NULL && strcmp(f->state, name) == 0 ? " selected>" : ">");
		sk_page_tr(p, sk_state_word((enum sk_state)s));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
}

static int filter_form(struct sk_console *c, const struct filter *f)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form class=\"filter\" role=\"search\" method=\"get\" action=\"/terminals\">");
	if (!f->fixed_unit) {
		json_t *units = sk_store_units(c->r->server->store);

		if (units == NULL)
			return -EIO;
		unit_choice(p, units, f);
		json_decref(units);
	}
	state_choice(p, f);
	sk_page_lit(p, "<p class=\"field grow\"><label for=\"find\">");
	sk_page_tr(p, N_("Name, asset number or ID contains"));
	sk_page_lit(p, "</label><input id=\"find\" name=\"find\" type=\"search\" maxlength=\"64\"");
	sk_page_attr(p, "value", f->find);
	sk_page_lit(p, "></p><p><button>");
	sk_page_tr(p, N_("Show"));
	sk_page_lit(p, "</button></p></form>\n");
	return 0;
}

static void row(struct sk_page *p, const json_t *t)
{
	long long open = sk_page_int(t, "requests");

	sk_page_lit(p, "<tr><td>");
	sk_page_state(p, sk_page_str(t, "state"));
	sk_page_lit(p, "</td><th scope=\"row\"><a href=\"/terminals/");
	sk_page_url(p, sk_page_str(t, "id"));
	sk_page_lit(p, "\">");
	sk_page_text(p, sk_page_str(t, "host"));
	sk_page_lit(p, "</a>");
	if (*sk_page_str(t, "asset") != '\0') {
		sk_page_lit(p, "<br>");
		sk_page_el(p, "span", "sub", sk_page_str(t, "asset"));
	}
	sk_page_lit(p, "</th><td>");
	sk_part_unit(p, t);
	sk_page_lit(p, "</td>");
	sk_page_el(p, "td", NULL, sk_page_str(t, "person"));
	sk_page_lit(p, "<td>");
	sk_page_ago(p, sk_page_int(t, "last_contact"));
	sk_page_lit(p, "</td>");
	sk_page_raw(p, open > 0 ? "<td class=\"num\"" : "<td class=\"num zero\"");
	sk_page_attr_tr(p, "data-label", N_("Open requests"));
	sk_page_lit(p, ">");
	sk_page_num(p, open);
	sk_page_lit(p, "</td></tr>\n");
}

static void list(struct sk_page *p, const json_t *rows)
{
	static const char *const head[] = {N_("State"),        N_("Terminal"),      N_("Section"), N_("Person"),
	                                   N_("Last contact"), N_("Open requests"), NULL};
	const json_t *t;
	size_t i;

	sk_page_table(p, "terminals", N_("Terminals"), head);
	json_array_foreach(rows, i, t)
	{
		if (i < PER_PAGE)
			row(p, t);
	}
	sk_page_table_end(p);
}

static void filter_query(const struct filter *f, struct sk_page *out)
{
	if (f->unit != NULL && !f->fixed_unit) {
		sk_page_lit(out, "unit=");
		sk_page_url(out, f->unit);
		sk_page_lit(out, "&");
	}
	if (f->state != NULL) {
		sk_page_lit(out, "state=");
		sk_page_url(out, f->state);
		sk_page_lit(out, "&");
	}
	if (f->find[0] != '\0') {
		sk_page_lit(out, "find=");
		sk_page_url(out, f->find);
		sk_page_lit(out, "&");
	}
}

int sk_page_terminals(struct sk_console *c)
{
	struct sk_page query;
	struct filter f;
	json_t *rows;
	int e = read_filter(c, &f);

	if (e < 0)
		return e;
	rows = sk_store_terminals(c->r->server->store, f.unit, f.find[0] != '\0' ? f.find : NULL, f.state, c->now,
	                          c->silent_ms, PER_PAGE + 1, (int)(f.page - 1) * PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Terminals"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Terminals"));
	e = filter_form(c, &f);
	if (json_array_size(rows) == 0)
		sk_part_empty(&c->page, N_("No terminal matches."));
	else
		list(&c->page, rows);
	sk_page_init(&query, c->page.lang, c->now);
	filter_query(&f, &query);
	sk_part_export(&c->page, "terminals", query.out.data);
	sk_part_pager(&c->page, "/terminals", query.out.data, f.page, json_array_size(rows) > PER_PAGE);
	sk_page_deinit(&query);
	sk_console_end(c);
	json_decref(rows);
	return e < 0 ? e : 200;
}
