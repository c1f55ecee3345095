/*
 * The terminals of one check, worst first, and "recheck now" for those that are shown: an order to each, unless one to check is on its way to it. Who may
 * order a check is the store's (sk_order_roles).
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "server/orders.h"
#include "server/store_compliance.h"
#include "server/store_order.h"

#define PER_PAGE 100

struct view {
	const struct sk_check *check;
	const char *unit, *state; /* NULL = all in reach */
	long long page;
};

/* unit and state: as given with the address, or in the form. */
static int read_view(struct sk_console *c, const char *unit, const char *state, struct view *v)
{
	const char *tail = sk_request_tail(c->r);
	enum sk_state known;
	int e = sk_console_scope(c, &v->unit);

	if (e < 0)
		return e;
	v->check = tail == NULL ? NULL : sk_check_find(tail);
	if (v->check == NULL)
		return -ENOENT;
	if (unit != NULL && *unit != '\0') {
		if (!sk_text_is_name(unit, 63))
			return -EINVAL;
		if (!sk_console_sees(c, unit))
			return -ENOENT;
		v->unit = unit;
	}
	if (state != NULL && *state != '\0') {
		if (sk_state_parse(state, &known) < 0)
			return -EINVAL;
		v->state = sk_state_name(known);
	}
	return 0;
}

static json_t *rows_of(struct sk_console *c, const struct view *v, int more)
{
	return sk_store_check_terminals(c->r->server->store, v->check->id, v->unit, v->state, c->now, c->silent_ms,
	                                PER_PAGE + more, (int)(v->page - 1) * PER_PAGE);
}

static void query_of(const struct view *v, const char *state, struct sk_page *out)
{
	if (v->unit != NULL) {
		sk_page_lit(out, "unit=");
		sk_page_url(out, v->unit);
		sk_page_lit(out, "&");
	}
	if (state != NULL) {
		sk_page_lit(out, "state=");
		sk_page_raw(out, state);
		sk_page_lit(out, "&");
	}
}

static void tab(struct sk_console *c, const struct view *v, const char *state, const char *word)
{
	struct sk_page *p = &c->page, query;

	sk_page_init(&query, p->lang, c->now);
	query_of(v, state, &query);
	sk_page_lit(p, "<li><a href=\"/compliance/");
	sk_page_url(p, v->check->id);
	sk_page_lit(p, "?");
	sk_page_text(p, query.out.data);
	sk_page_raw(p, v->state == state ? "\" aria-current=\"true\">" : "\">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</a></li>");
	sk_page_deinit(&query);
}

static void hidden(struct sk_page *p, const char *name, const char *value)
{
	sk_page_lit(p, "<input type=\"hidden\"");
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", value == NULL ? "" : value);
	sk_page_lit(p, ">");
}

static void recheck(struct sk_console *c, const struct view *v)
{
	struct sk_page *p = &c->page;
	char page[24];

	snprintf(page, sizeof(page), "%lld", v->page);
	sk_page_lit(p, "<form method=\"post\" class=\"filter\" action=\"/compliance/");
	sk_page_url(p, v->check->id);
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	hidden(p, "unit", v->unit);
	hidden(p, "state", v->state);
	hidden(p, "page", page);
	sk_page_lit(p, "<button class=\"primary\" name=\"action\" value=\"recheck\">");
	sk_page_tr(p, N_("Recheck these terminals now"));
	sk_page_lit(p, "</button></form>\n");
}

static void row(struct sk_page *p, const json_t *t)
{
	sk_page_lit(p, "<tr><td>");
	sk_page_state(p, sk_page_str(t, "state"));
	sk_page_lit(p, "</td><th scope=\"row\"><a href=\"/terminals/");
	sk_page_url(p, sk_page_str(t, "id"));
	sk_page_lit(p, "\">");
	sk_page_text(p, sk_page_str(t, "host"));
	sk_page_lit(p, "</a><br>");
	sk_page_el(p, "span", "sub", sk_page_str(t, "asset"));
	sk_page_lit(p, "</th><td>");
	sk_part_unit(p, t);
	sk_page_lit(p, "</td><td>");
	sk_page_time(p, sk_page_int(t, "since"));
	sk_page_lit(p, "</td><td>");
	sk_page_ago(p, sk_page_int(t, "last_contact"));
	sk_page_lit(p, "</td></tr>\n");
}

static void list(struct sk_console *c, const struct view *v, const json_t *rows)
{
	static const char *const head[] = {
	    N_("State"), N_("Terminal"), N_("Section"), N_("In this state since"), N_("Last contact"), NULL};
	struct sk_page *p = &c->page, query;
	char path[80];
	const json_t *t;
	size_t i;

	if ((sk_order_roles(SK_ORDER_CHECK) & c->session.acting) != 0)
		recheck(c, v);
	sk_page_table(p, "checked", v->check->title, head);
	json_array_foreach(rows, i, t)
	{
		if (i < PER_PAGE)
			row(p, t);
	}
	sk_page_table_end(p);
	sk_page_init(&query, p->lang, c->now);
	query_of(v, v->state, &query);
	snprintf(path, sizeof(path), "/compliance/%s", v->check->id);
	sk_part_pager(p, path, query.out.data, v->page, json_array_size(rows) > PER_PAGE);
	sk_page_deinit(&query);
}

static int show(struct sk_console *c, const struct view *v, int code)
{
	struct sk_page *p = &c->page;
	json_t *rows = rows_of(c, v, 1);
	enum sk_state s;

	if (rows == NULL)
		return -EIO;
	sk_console_audit_view(c, v->check->id);
	sk_console_begin(c, v->check->title, NULL);
	sk_page_el_tr(p, "h1", NULL, v->check->title);
	sk_page_lit(p, "<p>");
	sk_part_clause(p, v->check->clause);
	sk_page_lit(p, " ");
	sk_page_tr(p, v->check->explanation);
	sk_page_lit(p, "</p><p><strong>");
	sk_page_tr(p, N_("What to do:"));
	sk_page_lit(p, "</strong> ");
	sk_page_tr(p, v->check->remediation);
	sk_page_lit(p, "</p>");
	sk_part_tabs(p, N_("State"));
	tab(c, v, NULL, N_("all"));
	for (size_t i = 0; sk_state_line(i, &s); i++)
		tab(c, v, sk_state_name(s), sk_state_word(s));
	sk_part_tabs_end(p);
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("No terminal matches."));
	else
		list(c, v, rows);
	sk_console_end(c);
	json_decref(rows);
	return code;
}

int sk_page_compliance_check(struct sk_console *c)
{
	struct view v = {.page = sk_query_page(c->r)};
	const char *done = sk_request_query(c->r, "done");
	int e = read_view(c, sk_request_query(c->r, "unit"), sk_request_query(c->r, "state"), &v);

	if (e == 0 && done != NULL && strcmp(done, "recheck") == 0)
		c->done = N_("The order to check was given. Terminals that answer carry it out within a minute; the "
		             "others when they are back.");
	return e < 0 ? e : show(c, &v, 200);
}

/* Is a check on its way to it already? */
static bool ordered(struct sk_store *s, const char *terminal)
{
	json_t *rows = sk_store_order_list(s, terminal, NULL, 50), *o;
	bool found = false;
	size_t i;

	json_array_foreach(rows, i, o) found =
	    found || (strcmp(sk_page_str(o, "kind"), sk_order_name(SK_ORDER_CHECK)) == 0 &&
	              strcmp(sk_page_str(o, "state"), "open") == 0);
	json_decref(rows);
	return found;
}

/* All of them in one commit; a terminal with too many orders open is left out, it will check anyway. */
static int order_all(struct sk_console *c, const struct sk_actor *by, const json_t *rows)
{
	struct sk_store *s = c->r->server->store;
	struct sk_err err = SK_ERR_INIT;
	const json_t *t;
	int64_t number;
	size_t i;
	int e = sk_store_batch_begin(s), end;

	if (e < 0)
		return e;
	json_array_foreach(rows, i, t)
	{
		struct sk_order_wish w = {.terminal = sk_page_str(t, "id"),
		                          .kind = SK_ORDER_CHECK,
		                          .person = "",

		                          .reason = sk_tr(SK_LANG_JA, N_("Recheck from the compliance page"))};

		if (i >= PER_PAGE || e < 0 || ordered(s, w.terminal))
			continue;
		e = sk_store_order_add(s, by, &w, c->now, &number, &err);
		if (e == -ENOSPC)
			e = 0;
	}
	end = sk_store_batch_end(s);
	return e < 0 ? e : end;
}

int sk_page_recheck_post(struct sk_console *c)
{
	struct sk_page target;
	struct view v = {0};
	const char *page = sk_form_get(&c->form, "page"), *action = sk_form_get(&c->form, "action");
	unsigned long long n = 1;
	struct sk_actor by;
	json_t *rows;
	int e = action == NULL || strcmp(action, "recheck") != 0 || page == NULL || sk_text_u64(page, 1, 10000, &n) < 0
	            ? -EINVAL
	            : 0;

	if (e == 0)
		e = read_view(c, sk_form_get(&c->form, "unit"), sk_form_get(&c->form, "state"), &v);
	if (e == 0)
		e = sk_session_actor(&c->session, c->session.acting, &by);
	if (e < 0)
		return e;
	v.page = (long long)n;
	rows = rows_of(c, &v, 0);
	e = rows == NULL ? -EIO : order_all(c, &by, rows);
	json_decref(rows);
	if (e < 0)
		return e;
	sk_orders_wake(c->r->server->orders, NULL);
	sk_page_init(&target, c->page.lang, c->now);
	sk_page_lit(&target, "/compliance/");
	sk_page_url(&target, v.check->id);
	sk_page_lit(&target, "?");
	query_of(&v, v.state, &target);
	sk_page_lit(&target, "done=recheck");
	e = sk_console_redirect(c, target.out.data);
	sk_page_deinit(&target);
	return e;
}
