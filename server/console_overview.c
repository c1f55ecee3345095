/*
 * The overview: one line of counts that never leaves silent terminals out, what waits for the reader to decide, sections worst
 * first, states by check. A section manager sees their own section, the others the whole office.
 */
#include "server/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 20

/* What the acting role decides next: managers what was applied for, the helpdesk what managers permitted. */
static const char *my_queue(enum sk_role role)
{
	return role == SK_ROLE_SEC ? "submitted" : role == SK_ROLE_DESK ? "permitted" : NULL;
}

static int waiting(struct sk_console *c, const char *unit)
{
	const char *state = my_queue(c->session.acting);
	struct sk_page *p = &c->page;
	json_t *rows;

	if (state == NULL)
		return 0;
	rows = sk_store_requests(c->r->server->store, unit, NULL, state, WAITING_MAX, 0);
	if (rows == NULL)
		return -EIO;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Waiting for your decision"));
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("Nothing waits for you."));
	else
		sk_part_requests(p, rows, N_("Waiting for your decision"), true);
	sk_page_lit(p, "</section>\n");
	json_decref(rows);
	return 0;
}

static void today(struct sk_console *c, const json_t *overview)
{
	struct sk_page *p = &c->page;
	const json_t *requests = sk_page_get(overview, "requests");
	const struct {
		const char *word, *href;
		long long n;
	} facts[] = {
	    {N_("Media refused today"), NULL, sk_page_int(overview, "refused_today")},
	    {N_("Applied for, section manager decides"), "/requests?state=submitted",
	     sk_page_int(requests, "submitted")},
	    {N_("Permitted, helpdesk approves"), "/requests?state=permitted", sk_page_int(requests, "permitted")},
	    {N_("Incidents open"), "/incidents", sk_page_int(overview, "incidents_open")},
	    {N_("Breaks in terminals' records"), NULL, sk_page_int(overview, "incidents")},
	};

	sk_page_lit(p, "<dl class=\"figures\">");
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		sk_page_dt(p, facts[i].word);
		if (facts[i].href != NULL) {
			sk_page_lit(p, "<a");
			sk_page_attr(p, "href", facts[i].href);
			sk_page_lit(p, ">");
		}
		sk_page_num(p, facts[i].n);
		if (facts[i].href != NULL)
			sk_page_lit(p, "</a>");
		sk_page_dd_end(p);
	}
	sk_page_lit(p, "</dl>\n");
}

static int worse_first(const void *a, const void *b)
{
	double x = sk_state_badness(*(const json_t *const *)a), y = sk_state_badness(*(const json_t *const *)b);

	return x < y   ? 1
	       : x > y ? -1
	               : strcmp(sk_page_str(*(const json_t *const *)a, "key"),
	                        sk_page_str(*(const json_t *const *)b, "key"));
}

static int sections(struct sk_page *p, const json_t *overview)
{
	const json_t *units = sk_page_get(overview, "units");
	size_t n = json_array_size(units);
	const json_t **sorted = calloc(n + 1, sizeof(*sorted));

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_array_get(units, i);
	qsort(sorted, n, sizeof(*sorted), worse_first);
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Sections, worst first"));
	sk_part_state_table(p, "states", N_("Sections, worst first"), N_("Section"), NULL);
	for (size_t i = 0; i < n; i++) {
		sk_page_lit(p, "<tr><th scope=\"row\"><a href=\"/terminals?unit=");
		sk_page_url(p, sk_page_str(sorted[i], "key"));
		sk_page_lit(p, "\">");
		sk_part_unit(p, sorted[i]);
		sk_page_lit(p, "</a></th><td class=\"num\">");
		sk_page_num(p, sk_page_int(sorted[i], "terminals"));
		sk_page_lit(p, "</td>");
		sk_part_state_cells(p, sk_page_get(sorted[i], "states"));
		sk_page_lit(p, "<td class=\"share\">");
		sk_part_state_bar(p, sk_page_get(sorted[i], "states"), sk_page_int(sorted[i], "terminals"));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
	free(sorted);
	return 0;
}

static void checks(struct sk_page *p, const json_t *overview)
{
	const json_t *row;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Checks"));
	sk_part_state_table(p, "states", N_("Checks by state"), N_("Check"), NULL);
	json_array_foreach(sk_page_get(overview, "checks"), i, row)
	{
		const struct sk_check *check = sk_check_find(sk_page_str(row, "id"));
		const json_t *states = sk_page_get(row, "states");
		long long total = sk_states_total(states);

		sk_page_lit(p, "<tr><th scope=\"row\">");
		if (check != NULL) {
			sk_page_tr(p, check->title);
			sk_page_lit(p, "<br>");
			sk_part_clause(p, check->clause);
		} else {
			sk_page_text(p, sk_page_str(row, "id"));
		}
		sk_page_lit(p, "</th><td class=\"num\">");
		sk_page_num(p, total);
		sk_page_lit(p, "</td>");
		sk_part_state_cells(p, states);
		sk_page_lit(p, "<td class=\"share\">");
		sk_part_state_bar(p, states, total);
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static void heading(struct sk_console *c, const json_t *overview, const char *unit)
{
	struct sk_page *p = &c->page;
	const json_t *row;
	size_t i;

	sk_page_el_tr(p, "h1", NULL, N_("Overview"));
	sk_page_lit(p, "<p class=\"lead\">");
	if (unit == NULL) {
		sk_page_tr(p, N_("The whole office"));
	} else {
		json_array_foreach(sk_page_get(overview, "units"), i, row)
		{
			if (strcmp(sk_page_str(row, "key"), unit) == 0)
				sk_part_unit(p, row);
		}
	}
	if (sk_page_int(overview, "counted") > 0) { /* of very many terminals */
		sk_page_lit(p, " · ");
		sk_page_tr(p, N_("Terminals and checks counted at:"));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(overview, "counted"));
	}
	sk_page_lit(p, "</p>\n");
}

int sk_page_overview(struct sk_console *c)
{
	const char *unit;
	json_t *overview;
	int e;

	if (c->session.acting == SK_ROLE_STAFF)
		return sk_console_redirect(c, "/requests");
	e = sk_console_scope(c, &unit);
	if (e < 0)
		return e;
	overview = sk_store_overview(c->r->server->store, unit, c->now, c->silent_ms);
	if (overview == NULL)
		return -EIO;
	sk_console_begin(c, N_("Overview"), NULL);
	heading(c, overview, unit);
	sk_part_state_counts(&c->page, sk_page_int(overview, "terminals"), sk_page_get(overview, "states"), NULL);
	today(c, overview);
	e = waiting(c, unit);
	if (e == 0 && unit == NULL)
		e = sections(&c->page, overview);
	checks(&c->page, overview);
	sk_console_end(c);
	json_decref(overview);
	return e < 0 ? e : 200;
}
