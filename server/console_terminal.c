/* One terminal on one page: how it stands, why, what is attached, what is permitted, what happened, and the state of its record. */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

static void contact(struct sk_page *p, const json_t *t)
{
	sk_page_dt(p, N_("Last contact"));
	sk_page_ago(p, sk_page_int(t, "last_contact"));
	if (sk_page_int(t, "last_contact") > 0) {
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_time(p, sk_page_int(t, "last_contact"));
		sk_page_lit(p, "</span>");
	}
	sk_page_dd_end(p);
}

static void policy(struct sk_page *p, const json_t *t)
{
	const json_t *policy = sk_page_get(t, "policy");
	char version[24];

	snprintf(version, sizeof(version), "%lld", sk_page_int(policy, "version"));
	sk_page_dt(p, N_("Policy"));
	if (*sk_page_str(policy, "name") == '\0') {
		sk_page_el_tr(p, "span", "none", N_("not reported"));
	} else {
		sk_page_text(p, sk_page_str(policy, "name"));
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_say(p, N_("version %1"), version);
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_tr(p, sk_word_mode(sk_page_str(policy, "mode")));
		sk_page_lit(p, "</span>");
	}
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Zone"), sk_tr(p->lang, sk_word_zone(sk_page_str(policy, "zone"))));
}

static void summary(struct sk_page *p, const json_t *t, const json_t *status)
{
	const json_t *clock = sk_page_get(status, "clock");

	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_dt(p, N_("Section"));
	sk_part_unit(p, t);
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Asset number"), sk_page_str(t, "asset"));
	sk_page_fact(p, N_("Person"), sk_page_str(t, "person"));
	contact(p, t);
	policy(p, t);
	sk_page_fact(p, N_("Operating system"), sk_page_str(t, "os"));
	sk_page_fact(p, N_("Agent version"), sk_page_str(t, "version"));
	sk_page_dt(p, N_("Certificate valid until"));
	sk_page_time(p, sk_page_int(t, "cert_until"));
	sk_page_dd_end(p);
	if (clock != NULL) {
		sk_page_dt(p, N_("Clock"));
		if (sk_page_int(clock, "turned_back_ms") > 0)
			sk_page_badge(p, SK_TONE_BAD, N_("turned back"));
		else if (json_is_true(sk_page_get(clock, "synchronised")))
			sk_page_badge(p, SK_TONE_OK, N_("synchronised"));
		else
			sk_page_badge(p, SK_TONE_UNKNOWN, N_("not synchronised"));
		sk_page_dd_end(p);
	}
	sk_page_lit(p, "</dl>\n");
}

/* What it was before it was enrolled again: each has its page, with its own record. */
static void identities(struct sk_page *p, const json_t *rows)
{
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Earlier identities"));
	sk_page_lit(p, "<ul>");
	json_array_foreach(rows, i, row)
	{
		sk_page_lit(p, "<li><a href=\"/terminals/");
		sk_page_text(p, sk_page_str(row, "id"));
		sk_page_lit(p, "\">");
		sk_page_text(p, sk_page_str(row, "host"));
		sk_page_lit(p, "</a> <span class=\"sub\">");
		sk_page_time(p, sk_page_int(row, "enrolled"));
		sk_page_lit(p, " \xe2\x80\x93 ");
		sk_page_time(p, sk_page_int(row, "revoked"));
		sk_page_lit(p, "</span></li>");
	}
	sk_page_lit(p, "</ul></section>\n");
}

/* The terminal's own count against what the server holds. Every event was verified against the chain before it was stored. */
static void journal(struct sk_page *p, const json_t *t, const json_t *status)
{
	const json_t *j = sk_page_get(status, "journal");
	long long here = sk_page_int(t, "last_seq"), there = sk_page_int(j, "last_seq");
	const char *state = sk_page_str(j, "state");

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Record"));
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_dt(p, N_("Events held here, chain verified"));
	sk_page_num(p, here);
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Events on the terminal at its last report"));
	if (j != NULL)
		sk_page_num(p, there);
	else
		sk_page_el_tr(p, "span", "none", N_("not reported"));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("State of the terminal's record"));
	if (strcmp(state, "ok") == 0)
		sk_page_badge(p, SK_TONE_OK, N_("in order"));
	else if (strcmp(state, "spool") == 0)
		sk_page_badge(p, SK_TONE_GRACE,
		              N_("too much waits for the server; lesser events are left out and counted"));
	else if (strcmp(state, "full") == 0)
		sk_page_badge(p, SK_TONE_ERROR, N_("the terminal's disk is full; events wait in memory"));
	else if (strcmp(state, "failed") == 0)
		sk_page_badge(p, SK_TONE_ERROR, N_("cannot be written; events wait in memory"));
	else
		sk_page_badge(p, SK_TONE_UNKNOWN, sk_state_word(SK_STATE_UNKNOWN));
	sk_page_dd_end(p);
	sk_page_lit(p, "</dl></section>\n");
}

static void grants(struct sk_page *p, const json_t *rows)
{
	static const char *const head[] = {N_("State"),
	                                   N_("Request"),
	                                   N_("Person"),
	                                   N_("Medium"),
	                                   N_("Access"),
	                                   N_("Valid"),
	                                   N_("Permitted and approved by"),
	                                   NULL};
	const json_t *g;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	sk_page_el_tr(p, "h3", NULL, N_("Permits issued to this terminal"));
	sk_page_table(p, "grants", N_("Permits issued to this terminal"), head);
	json_array_foreach(rows, i, g)
	{
		const char *state = sk_page_str(g, "state");

		sk_page_lit(p, "<tr><td>");
		if (strcmp(state, "valid") == 0)
			sk_page_badge(p, SK_TONE_OK, N_("valid"));
		else
			sk_page_badge(p, SK_TONE_PLAIN,
			              strcmp(state, "cancelled") == 0 ? N_("Cancelled") : N_("ended"));
		(void)sk_buf_addf(&p->out, "</td><th scope=\"row\"><a class=\"number\" href=\"/requests/%lld\">",
		                  sk_page_int(g, "request"));
		sk_page_text(p, sk_page_str(g, "label"));
		sk_page_lit(p, "</a></th>");
		sk_page_el(p, "td", NULL, sk_page_str(g, "person"));
		sk_page_el(p, "td", NULL, sk_page_str(g, "serial"));
		sk_page_el_tr(p, "td", NULL, sk_word_access(sk_page_str(g, "access")));
		sk_page_lit(p, "<td>");
		sk_page_time(p, sk_page_int(g, "from"));
		sk_page_lit(p, " \xe2\x80\x93<br>");
		sk_page_time(p, sk_page_int(g, "until"));
		sk_page_lit(p, "</td><td>");
		sk_page_text(p, sk_page_str(g, "permitted_by"));
		sk_page_lit(p, "<br>");
		sk_page_text(p, sk_page_str(g, "approved_by"));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
}

static void requests(struct sk_page *p, const json_t *page)
{
	const json_t *rows = sk_page_get(page, "requests");

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Requests and permits"));
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("Nothing was asked for on this terminal."));
	else
		sk_part_requests(p, rows, N_("Requests from this terminal"), false);
	grants(p, sk_page_get(page, "grants"));
	sk_page_lit(p, "</section>\n");
}

static void history(struct sk_page *p, const json_t *rows)
{
	const json_t *h;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	sk_page_lit(p, "<details class=\"history\"><summary>");
	sk_page_tr(p, N_("How the checks changed"));
	sk_page_lit(p, "</summary><ol>");
	json_array_foreach(rows, i, h)
	{
		const struct sk_check *check = sk_check_find(sk_page_str(h, "check"));

		sk_page_lit(p, "<li>");
		sk_page_time(p, sk_page_int(h, "time"));
		sk_page_lit(p, " ");
		if (check != NULL)
			sk_page_tr(p, check->title);
		else
			sk_page_text(p, sk_page_str(h, "check"));
		sk_page_lit(p, " ");
		sk_page_state(p, sk_page_str(h, "state"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ol></details>");
}

static void heading(struct sk_page *p, const json_t *t)
{
	sk_page_lit(p, "<header class=\"subject\">");
	sk_page_el(p, "h1", NULL, sk_page_str(t, "host"));
	sk_page_state(p, sk_page_str(t, "state"));
	sk_page_lit(p, "</header>\n");
	if (json_is_true(sk_page_get(t, "revoked")))
		sk_page_notice(p, SK_TONE_ERROR, N_("This terminal's certificate is revoked: it is shut out."));
	if (strcmp(sk_page_str(t, "state"), "silent") == 0)
		sk_page_notice(
		    p, SK_TONE_SILENT,
		    N_("This terminal does not answer. What stands below is old and proves nothing about now."));
}

static void devices(struct sk_page *p, const json_t *page)
{
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Attached devices and media"));
	sk_part_devices(p, sk_page_get(page, "devices"));
	sk_page_lit(p, "</section>\n<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Events"));
	sk_part_events(p, sk_page_get(page, "events"));
	sk_page_lit(p, "</section>\n");
}

int sk_page_terminal_show(struct sk_console *c, int code)
{
	const char *id = sk_request_tail(c->r);
	struct sk_page *p = &c->page;
	const json_t *t;
	json_t *page;

	if (id == NULL || !sk_text_is_id(id))
		return -ENOENT;
	page = sk_store_terminal_page(c->r->server->store, id, c->now, c->silent_ms);
	t = sk_page_get(page, "terminal");
	if (page == NULL || !sk_console_sees(c, sk_page_str(t, "unit"))) {
		json_decref(page);
		return -ENOENT;
	}
	sk_console_audit_view(c, id);
	sk_console_begin(c, N_("Terminal"), sk_page_str(t, "host"));
	heading(p, t);
	summary(p, t, sk_page_get(page, "status"));
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Checks"));
	sk_part_recheck(c, id);
	sk_part_checks(p, sk_page_get(page, "posture"));
	history(p, sk_page_get(page, "history"));
	sk_page_lit(p, "</section>\n");
	sk_part_orders(c, id);
	requests(p, page);
	devices(p, page);
	journal(p, t, sk_page_get(page, "status"));
	identities(p, sk_page_get(page, "identities"));
	sk_console_end(c);
	json_decref(page);
	return code;
}

int sk_page_terminal(struct sk_console *c)
{
	return sk_page_terminal_show(c, 200);
}
