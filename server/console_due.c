/* What falls due: a part of the compliance page. What is over and still open stands first. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/console_application.h"
#include "server/store_compliance.h"

#define DUE_MAX  100
#define DUE_DAYS 30

static void due_what(struct sk_page *p, const json_t *row)
{
	static const struct {
		const char *what, *word;
	} words[] = {{"grant", N_("Permit for a medium")},
	             {"setting", N_("Permit for a setting (exemption)")},
	             {"application", N_("Application")},
	             {"certificate", N_("Certificate of the terminal")},
	             {"support", N_("End of support")}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].what, sk_page_str(row, "what")) == 0)
			sk_page_tr(p, words[i].word);
	}
}

static void due_object(struct sk_page *p, const struct sk_kinds *kinds, const json_t *row)
{
	const char *what = sk_page_str(row, "what"), *kind = sk_page_str(row, "kind");
	char n[24];

	snprintf(n, sizeof(n), "%lld", sk_page_int(row, "n"));
	if (strcmp(what, "grant") == 0 || strcmp(what, "application") == 0) {
		(void)sk_buf_addf(&p->out, "<a href=\"/%s/%lld\">", what[0] == 'g' ? "requests" : "applications",
		                  sk_page_int(row, "number"));
		sk_page_text(p, sk_page_str(row, "label"));
		sk_page_lit(p, "</a> ");
	}
	if (strcmp(what, "application") == 0) {
		sk_part_kind(p, kinds, kind);
	} else if (strcmp(what, "support") == 0) {
		sk_page_text(p, sk_page_str(row, "label"));
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_say(p, N_("%1 terminals"), n);
		sk_page_lit(p, "</span>");
	} else if (*kind != '\0') {
		const struct sk_check *check = strcmp(what, "setting") == 0 ? sk_check_find(kind) : NULL;

		sk_page_text(p, check != NULL ? sk_tr(p->lang, check->title) : kind);
	}
	if (*sk_page_str(row, "terminal") != '\0') {
		sk_page_lit(p, " <a href=\"/terminals/");
		sk_page_url(p, sk_page_str(row, "terminal"));
		sk_page_lit(p, "\">");
		sk_page_text(p, sk_page_str(row, "host"));
		sk_page_lit(p, "</a>");
	}
}

int sk_part_due(struct sk_console *c, const char *unit)
{
	static const char *const head[] = {N_("Until"), N_("Kind"), N_("Object"), N_("Section"), NULL};
	json_t *rows = sk_store_due(c->r->server->store, unit, c->now, c->now + (sk_ms)DUE_DAYS * 86400000, DUE_MAX),
	       *row;
	struct sk_kinds *kinds = sk_console_kinds(c);
	struct sk_page *p = &c->page;
	size_t i;

	if (rows == NULL || kinds == NULL) {
		json_decref(rows);
		sk_kinds_free(kinds);
		return -EIO;
	}
	sk_page_lit(p, "<section id=\"due\">");
	sk_page_el_tr(p, "h2", NULL, N_("Falls due within 30 days"));
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("Nothing falls due."));
	else
		sk_page_table(p, "due", N_("Falls due within 30 days"), head);
	json_array_foreach(rows, i, row)
	{
		sk_page_lit(p, "<tr><td>");
		sk_page_time(p, sk_page_int(row, "until"));
		if (sk_page_int(row, "until") <= c->now) {
			sk_page_lit(p, "<br>");
			sk_page_badge(p, SK_TONE_BAD, N_("overdue"));
		}
		sk_page_lit(p, "</td><td>");
		due_what(p, row);
		sk_page_lit(p, "</td><td class=\"free\">");
		due_object(p, kinds, row);
		sk_page_lit(p, "</td><td>");
		sk_part_unit(p, row);
		sk_page_lit(p, "</td></tr>\n");
	}
	if (i > 0)
		sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
	sk_kinds_free(kinds);
	json_decref(rows);
	return 0;
}
