/*
 * The overview: one line of counts that never leaves silent terminals out, what waits for the reader to decide, sections worst
 * first, states by check. A section manager sees their own section, the others the whole office.
 */
#include "server/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 20

/* Left to right on the line; a terminal as a whole is never "not applicable". */
static const enum sk_state line[] = {SK_STATE_NON_COMPLIANT, SK_STATE_ERROR,  SK_STATE_SILENT,   SK_STATE_UNKNOWN,
                                     SK_STATE_IN_GRACE,      SK_STATE_EXEMPT, SK_STATE_COMPLIANT};
#define N_LINE (sizeof(line) / sizeof(line[0]))

static long long count(const json_t *states, enum sk_state s)
{
	return sk_page_int(states, sk_state_name(s));
}

/* A bar of shares; decoration beside the numbers, so hidden from screen readers. */
static void bar(struct sk_page *p, const json_t *states, long long total)
{
	static const char *const cls[] = {
	    [SK_STATE_NOT_APPLICABLE] = "plain", [SK_STATE_COMPLIANT] = "ok",    [SK_STATE_IN_GRACE] = "grace",
	    [SK_STATE_EXEMPT] = "exempt",        [SK_STATE_UNKNOWN] = "unknown", [SK_STATE_NON_COMPLIANT] = "bad",
	    [SK_STATE_ERROR] = "error",          [SK_STATE_SILENT] = "silent",
	};
	double x = 0;

	if (total <= 0)
		return;
	sk_page_lit(p, "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" "
	               "focusable=\"false\">");
	for (size_t i = 0; i < N_LINE; i++) {
		double w = 1000.0 * (double)count(states, line[i]) / (double)total;

		if (w <= 0)
			continue;
		(void)sk_buf_addf(&p->out, "<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"10\" class=\"fill-%s\"/>",
		                  x, w, cls[line[i]]);
		x += w;
	}
	sk_page_lit(p, "</svg>");
}

static void counts(struct sk_page *p, const json_t *overview)
{
	const json_t *states = sk_page_get(overview, "states");

	sk_page_lit(p, "<section class=\"counts\"");
	sk_page_attr_tr(p, "aria-label", N_("Terminals by state"));
	sk_page_lit(p, "><ul><li class=\"total\"><a href=\"/terminals\"><strong>");
	sk_page_num(p, sk_page_int(overview, "terminals"));
	sk_page_lit(p, "</strong><span>");
	sk_page_tr(p, N_("Terminals"));
	sk_page_lit(p, "</span></a></li>");
	for (size_t i = 0; i < N_LINE; i++) {
		long long n = count(states, line[i]);

		sk_page_raw(p, n == 0 ? "<li class=\"zero\"><a href=\"/terminals?state="
		                      : "<li><a href=\"/terminals?state=");
		sk_page_raw(p, sk_state_name(line[i]));
		sk_page_lit(p, "\"><strong>");
		sk_page_num(p, n);
		sk_page_lit(p, "</strong>");
		sk_page_badge(p, sk_page_state_tone(line[i]), sk_state_word(line[i]));
		sk_page_lit(p, "</a></li>");
	}
	sk_page_lit(p, "</ul>");
	bar(p, states, sk_page_int(overview, "terminals"));
	sk_page_lit(p, "</section>\n");
}

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

static double badness(const json_t *unit)
{
	const json_t *s = sk_page_get(unit, "states");
	double n = (double)sk_page_int(unit, "terminals");

	if (n <= 0)
		return -1;
	return ((double)count(s, SK_STATE_NON_COMPLIANT) + (double)count(s, SK_STATE_ERROR)) / n +
	       ((double)count(s, SK_STATE_SILENT) + (double)count(s, SK_STATE_UNKNOWN)) / n / 10 +
	       (double)count(s, SK_STATE_IN_GRACE) / n / 1000;
}

static int worse_first(const void *a, const void *b)
{
	double x = badness(*(const json_t *const *)a), y = badness(*(const json_t *const *)b);

	return x < y   ? 1
	       : x > y ? -1
	               : strcmp(sk_page_str(*(const json_t *const *)a, "key"),
	                        sk_page_str(*(const json_t *const *)b, "key"));
}

static void state_cells(struct sk_page *p, const json_t *states)
{
	for (size_t i = 0; i < N_LINE; i++) {
		long long n = count(states, line[i]);

		sk_page_raw(p, n == 0 ? "<td class=\"num zero\">" : "<td class=\"num\">");
		sk_page_num(p, n);
		sk_page_lit(p, "</td>");
	}
}

static void state_table(struct sk_page *p, const char *cls, const char *caption, const char *first)
{
	const char *head[N_LINE + 4] = {first, N_("Terminals")};
	size_t n = 2;

	for (size_t i = 0; i < N_LINE; i++)
		head[n++] = sk_state_word(line[i]);
	head[n++] = N_("Share");
	sk_page_table(p, cls, caption, head);
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
	state_table(p, "states", N_("Sections, worst first"), N_("Section"));
	for (size_t i = 0; i < n; i++) {
		sk_page_lit(p, "<tr><th scope=\"row\"><a href=\"/terminals?unit=");
		sk_page_url(p, sk_page_str(sorted[i], "key"));
		sk_page_lit(p, "\">");
		sk_part_unit(p, sorted[i]);
		sk_page_lit(p, "</a></th><td class=\"num\">");
		sk_page_num(p, sk_page_int(sorted[i], "terminals"));
		sk_page_lit(p, "</td>");
		state_cells(p, sk_page_get(sorted[i], "states"));
		sk_page_lit(p, "<td class=\"share\">");
		bar(p, sk_page_get(sorted[i], "states"), sk_page_int(sorted[i], "terminals"));
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
	state_table(p, "states", N_("Checks by state"), N_("Check"));
	json_array_foreach(sk_page_get(overview, "checks"), i, row)
	{
		const struct sk_check *check = sk_check_find(sk_page_str(row, "id"));
		const json_t *states = sk_page_get(row, "states");
		long long total = 0;

		for (size_t j = 0; j < N_LINE; j++)
			total += count(states, line[j]);
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
		state_cells(p, states);
		sk_page_lit(p, "<td class=\"share\">");
		bar(p, states, total);
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
	counts(&c->page, overview);
	today(c, overview);
	e = waiting(c, unit);
	if (e == 0 && unit == NULL)
		e = sections(&c->page, overview);
	checks(&c->page, overview);
	sk_console_end(c);
	json_decref(overview);
	return e < 0 ? e : 200;
}
