/*
 * How the office, a unit and all below it stand: now, against a week ago, unit by unit with the worst first, check by check, over the last days, and what falls
 * due. A manager sees the own unit and below. Silent terminals are counted on every line.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "server/org.h"
#include "server/store_compliance.h"

struct view {
	const char *unit; /* that is shown; NULL = the office */
	int days;
};

static int read_view(struct sk_console *c, struct view *v)
{
	const char *unit = sk_request_query(c->r, "unit"), *days = sk_request_query(c->r, "days");
	unsigned long long n = 30;
	int e = sk_console_scope(c, &v->unit);

	if (e < 0)
		return e;
	if (unit != NULL && *unit != '\0') {
		if (!sk_text_is_name(unit, 63))
			return -EINVAL;
		if (!sk_console_sees(c, unit))
			return -ENOENT;
		v->unit = unit;
	}
	if (days != NULL && (sk_text_u64(days, 1, 365, &n) < 0 || (n != 30 && n != 90 && n != 365)))
		return -EINVAL;
	v->days = (int)n;
	return 0;
}

static const json_t *find_unit(const json_t *page, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(sk_page_get(page, "units"), i, row)
	{
		if (strcmp(sk_page_str(row, "key"), key) == 0)
			return row;
	}
	return NULL;
}

static void unit_link(struct sk_page *p, const json_t *row)
{
	sk_page_lit(p, "<a href=\"/compliance?unit=");
	sk_page_url(p, sk_page_str(row, "key"));
	sk_page_lit(p, "\">");
	sk_part_unit(p, row);
	sk_page_lit(p, "</a>");
}

static void heading(struct sk_console *c, const json_t *page, const struct view *v)
{
	const json_t *row = v->unit == NULL ? NULL : find_unit(page, v->unit);
	struct sk_page *p = &c->page;
	const char *scope;

	sk_page_el_tr(p, "h1", NULL, N_("Compliance"));
	sk_page_lit(p, "<p class=\"lead\">");
	if (row != NULL)
		sk_part_unit(p, row);
	else
		sk_page_tr(p, N_("The whole office"));
	if (v->unit != NULL && sk_console_scope(c, &scope) == 0 && (scope == NULL || strcmp(scope, v->unit) != 0)) {
		sk_page_lit(p, " <a href=\"/compliance\">");
		sk_page_tr(p, N_("all in my reach"));
		sk_page_lit(p, "</a>");
	}
	sk_page_lit(p, "</p>\n");
}

static void week(struct sk_page *p, const json_t *page)
{
	const json_t *now = sk_page_get(page, "states"), *week = sk_page_get(page, "week"),
	             *was = sk_page_get(week, "states");
	static const char *const head[] = {N_("State"), N_("Now"), N_("A week ago"), N_("Change"), NULL};
	enum sk_state s;

	sk_page_lit(p, "<section id=\"week\">");
	sk_page_el_tr(p, "h2", NULL, N_("Change since last week"));
	if (!json_is_object(week)) {
		sk_part_empty(p, N_("Nothing was counted a week ago, so there is nothing to compare with yet."));
		sk_page_lit(p, "</section>\n");
		return;
	}
	sk_page_lit(p, "<p class=\"sub\">");
	sk_page_tr(p, N_("Compared with the count of"));
	sk_page_lit(p, " ");
	sk_part_day(p, (int)sk_page_int(week, "day"));
	sk_page_lit(p, "</p>");
	sk_page_table(p, "change", N_("Change since last week"), head);
	for (size_t i = 0; sk_state_line(i, &s); i++) {
		long long n = sk_page_int(now, sk_state_name(s)), then = sk_page_int(was, sk_state_name(s));

		sk_page_lit(p, "<tr><th scope=\"row\">");
		sk_page_badge(p, sk_page_state_tone(s), sk_state_word(s));
		sk_page_lit(p, "</th><td class=\"num\">");
		sk_page_num(p, n);
		sk_page_lit(p, "</td><td class=\"num\">");
		sk_page_num(p, then);
		sk_page_lit(p, "</td><td class=\"num\">");
		(void)sk_buf_addf(&p->out,
		                  n > then   ? "+%lld"
		                  : n < then ? "\xe2\x88\x92%lld"
		                             : "\xc2\xb1%lld",
		                  llabs(n - then));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

/* --- the tree of units: siblings worst first --- */

struct tree {
	struct sk_page *p;
	const json_t **rows;
	size_t n;
	bool week;
};

static int worse_first(const void *a, const void *b)
{
	const json_t *x = *(const json_t *const *)a, *y = *(const json_t *const *)b;
	double dx = sk_state_badness(x), dy = sk_state_badness(y);

	return dx < dy ? 1 : dx > dy ? -1 : strcmp(sk_page_str(x, "key"), sk_page_str(y, "key"));
}

static bool is_root(const struct tree *t, const json_t *row)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(sk_page_str(t->rows[i], "key"), sk_page_str(row, "parent")) == 0)
			return false;
	}
	return true;
}

static void change_cell(struct sk_page *p, const json_t *row, bool known)
{
	sk_page_lit(p, "<td class=\"num\">");
	if (known)
		sk_part_change(p, sk_states_bad(sk_page_get(row, "states")) - sk_states_bad(sk_page_get(row, "week")));
	else
		sk_page_lit(p, "<span class=\"none\">\xe2\x80\x94</span>");
	sk_page_lit(p, "</td>");
}

static void branch(struct tree *t, const json_t *row, int depth)
{
	struct sk_page *p = t->p;

	sk_page_lit(p, "<tr><th scope=\"row\">");
	for (int i = 0; i < depth; i++)
		sk_page_lit(p, "<span class=\"deeper\"></span>");
	unit_link(p, row);
	sk_page_lit(p, "</th><td class=\"num\">");
	sk_page_num(p, sk_page_int(row, "terminals"));
	sk_page_lit(p, "</td>");
	sk_part_state_cells(p, sk_page_get(row, "states"));
	change_cell(p, row, t->week);
	sk_page_lit(p, "<td class=\"share\">");
	sk_part_state_bar(p, sk_page_get(row, "states"), sk_page_int(row, "terminals"));
	sk_page_lit(p, "</td></tr>\n");
	for (size_t i = 0; i < t->n && depth < SK_ORG_DEPTH_MAX; i++) {
		if (strcmp(sk_page_str(t->rows[i], "parent"), sk_page_str(row, "key")) == 0)
			branch(t, t->rows[i], depth + 1);
	}
}

static int units(struct sk_page *p, const json_t *page)
{
	const json_t *list = sk_page_get(page, "units");
	struct tree t = {.p = p, .n = json_array_size(list), .week = json_is_object(sk_page_get(page, "week"))};

	t.rows = calloc(t.n + 1, sizeof(*t.rows));
	if (t.rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t.n; i++)
		t.rows[i] = json_array_get(list, i);
	qsort(t.rows, t.n, sizeof(*t.rows), worse_first);
	sk_page_lit(p, "<section id=\"units\">");
	sk_page_el_tr(p, "h2", NULL, N_("By unit, worst first"));
	sk_page_el_tr(p, "p", "sub",
	              N_("Each line counts the unit with all below it. The change is of what needs attention: "
	                 "non-compliant, error, no answer, unknown."));
	sk_part_state_table(p, "states", N_("By unit, worst first"), N_("Unit"), N_("Change in a week"));
	for (size_t i = 0; i < t.n; i++) {
		if (is_root(&t, t.rows[i]))
			branch(&t, t.rows[i], 0);
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
	free(t.rows);
	return 0;
}

static void checks(struct sk_page *p, const json_t *page, const char *unit)
{
	bool known = json_is_object(sk_page_get(page, "week"));
	const json_t *row;
	size_t i;

	sk_page_lit(p, "<section id=\"checks\">");
	sk_page_el_tr(p, "h2", NULL, N_("By check"));
	sk_part_state_table(p, "states", N_("By check"), N_("Check"), N_("Change in a week"));
	json_array_foreach(sk_page_get(page, "checks"), i, row)
	{
		const struct sk_check *check = sk_check_find(sk_page_str(row, "id"));
		const json_t *states = sk_page_get(row, "states");

		if (check == NULL)
			continue; /* of another version of this program: it has no words here */
		sk_page_lit(p, "<tr><th scope=\"row\"><a href=\"/compliance/");
		sk_page_url(p, check->id);
		if (unit != NULL) {
			sk_page_lit(p, "?unit=");
			sk_page_url(p, unit);
		}
		sk_page_lit(p, "\">");
		sk_page_tr(p, check->title);
		sk_page_lit(p, "</a><br>");
		sk_part_clause(p, check->clause);
		sk_page_lit(p, "</th><td class=\"num\">");
		sk_page_num(p, sk_states_total(states));
		sk_page_lit(p, "</td>");
		sk_part_state_cells(p, states);
		change_cell(p, row, known);
		sk_page_lit(p, "<td class=\"share\">");
		sk_part_state_bar(p, states, sk_states_total(states));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static int trend(struct sk_console *c, const struct view *v)
{
	static const struct {
		int days;
		const char *word;
	} spans[] = {{30, N_("30 days")}, {90, N_("90 days")}, {365, N_("365 days")}};
	struct sk_page *p = &c->page;
	int today = sk_day_of(c->now);
	json_t *rows = sk_store_trend(c->r->server->store, v->unit, "", sk_day_before(today, v->days));

	if (rows == NULL)
		return -EIO;
	sk_page_lit(p, "<section id=\"trend\">");
	sk_page_el_tr(p, "h2", NULL, N_("Trend"));
	sk_part_tabs(p, N_("How far back"));
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		(void)sk_buf_addf(&p->out, "<li><a href=\"/compliance?days=%d", spans[i].days);
		if (v->unit != NULL) {
			sk_page_lit(p, "&amp;unit=");
			sk_page_url(p, v->unit);
		}
		sk_page_raw(p, spans[i].days == v->days ? "#trend\" aria-current=\"true\">" : "#trend\">");
		sk_page_tr(p, spans[i].word);
		sk_page_lit(p, "</a></li>");
	}
	sk_part_tabs_end(p);
	sk_part_trend(p, rows, today, v->days);
	sk_page_lit(p, "</section>\n");
	json_decref(rows);
	return 0;
}

int sk_page_compliance(struct sk_console *c)
{
	struct view v = {0};
	json_t *page;
	int e = read_view(c, &v);

	if (e < 0)
		return e;
	page = sk_store_compliance(c->r->server->store, v.unit, c->now, c->silent_ms);
	if (page == NULL)
		return -EIO;
	sk_console_audit_view(c, "compliance");
	sk_console_begin(c, N_("Compliance"), NULL);
	heading(c, page, &v);
	sk_part_state_counts(&c->page, sk_page_int(page, "terminals"), sk_page_get(page, "states"), v.unit);
	week(&c->page, page);
	e = units(&c->page, page);
	checks(&c->page, page, v.unit);
	if (e == 0)
		e = sk_part_due(c, v.unit);
	if (e == 0)
		e = trend(c, &v);
	sk_console_end(c);
	json_decref(page);
	return e < 0 ? e : 200;
}
