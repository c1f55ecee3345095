/* One audit or self-inspection: its items with what the sections answered, its findings, and the forms of whoever may take it on. */
#include "server/console_inspection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *answer_word(const char *answer)
{
	return strcmp(answer, "met") == 0       ? N_("met")
	       : strcmp(answer, "not-met") == 0 ? N_("not met")
	                                        : N_("does not apply to us");
}

static void answer_form(struct sk_console *c, const char *path, const json_t *item)
{
	static const char *const answers[] = {"met", "not-met", "not-applicable"};
	struct sk_page *p = &c->page;
	char id[48];

	inspection_form(c, "inline", path);
	inspection_hidden(p, "item", sk_page_int(item, "id"));
	sk_page_lit(p, "<input type=\"hidden\" name=\"unit\"");
	sk_page_attr(p, "value", c->session.unit);
	sk_page_lit(p, "><fieldset><legend>");
	sk_page_tr(p, N_("Answer of my section"));
	sk_page_lit(p, "</legend>");
	for (size_t i = 0; i < 3; i++) {
		sk_page_lit(p, "<label class=\"radio\"><input type=\"radio\" name=\"answer\" required");
		sk_page_attr(p, "value", answers[i]);
		sk_page_lit(p, "> ");
		sk_page_tr(p, answer_word(answers[i]));
		sk_page_lit(p, "</label>");
	}
	sk_page_lit(p, "</fieldset>");
	snprintf(id, sizeof(id), "text-item-%lld", sk_page_int(item, "id"));
	inspection_area(c, id, "text", N_("Evidence, or why not"), NULL, 2);
	inspection_submit(p, "answer", NULL, N_("Answer"));
	sk_page_lit(p, "</form>");
}

static void items(struct sk_console *c, const char *path, const json_t *i)
{
	bool mine = c->session.acting == SK_ROLE_SEC && strcmp(sk_page_str(i, "state"), "running") == 0;
	static const char *const head[] = {N_("Clause"), N_("Item"), N_("Answers"), NULL};
	struct sk_page *p = &c->page;
	const json_t *item, *a;
	size_t n, k;

	sk_page_lit(p, "<section id=\"items\">");
	sk_page_el_tr(p, "h2", NULL, N_("Items"));
	sk_page_table(p, "items", N_("Items"), head);
	json_array_foreach(sk_page_get(i, "items"), n, item)
	{
		sk_page_lit(p, "<tr><td>");
		sk_part_clause(p, sk_page_str(item, "clause"));
		sk_page_lit(p, "</td>");
		sk_page_el(p, "th", "free", sk_page_str(item, "text"));
		sk_page_lit(p, "<td class=\"wide-text\"><ul class=\"plainlist\">");
		json_array_foreach(sk_page_get(i, "answers"), k, a)
		{
			if (sk_page_int(a, "item") != sk_page_int(item, "id"))
				continue;
			sk_page_lit(p, "<li>");
			sk_part_unit(p, a);
			sk_page_lit(p, " ");
			sk_page_badge(p,
			              strcmp(sk_page_str(a, "answer"), "met") == 0       ? SK_TONE_OK
			              : strcmp(sk_page_str(a, "answer"), "not-met") == 0 ? SK_TONE_BAD
			                                                                 : SK_TONE_PLAIN,
			              answer_word(sk_page_str(a, "answer")));
			sk_page_lit(p, " <span class=\"sub\">");
			sk_page_text(p, sk_page_str(a, "text"));
			sk_page_lit(p, " \xc2\xb7 ");
			sk_page_text(p, sk_page_str(a, "name"));
			sk_page_lit(p, " \xc2\xb7 ");
			sk_page_time(p, sk_page_int(a, "time"));
			sk_page_lit(p, "</span></li>");
		}
		sk_page_lit(p, "</ul>");
		if (mine)
			answer_form(c, path, item);
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

const char *sk_word_degree(long long degree)
{
	return degree == 3 ? N_("major") : degree == 2 ? N_("minor finding") : N_("observation");
}

static void finding_badge(struct sk_console *c, const json_t *f)
{
	const char *state = sk_page_str(f, "state");
	struct sk_page *p = &c->page;

	if (strcmp(state, "mended") == 0)
		sk_page_badge(p, SK_TONE_OK, N_("mended, confirmed"));
	else if (strcmp(state, "answered") == 0)
		sk_page_badge(p, SK_TONE_GRACE, N_("reported as mended"));
	else
		sk_page_badge(p, SK_TONE_BAD, N_("open"));
	if (strcmp(state, "mended") != 0 && sk_page_int(f, "due") > 0 && sk_page_int(f, "due") < c->now) {
		sk_page_lit(p, " ");
		sk_page_badge(p, SK_TONE_BAD, N_("overdue"));
	}
}

static void finding_forms(struct sk_console *c, const char *path, const json_t *i, const json_t *f)
{
	bool audit = json_is_true(sk_page_get(i, "audit")), answered = strcmp(sk_page_str(f, "state"), "answered") == 0,
	     mended = strcmp(sk_page_str(f, "state"), "mended") == 0;
	struct sk_page *p = &c->page;
	char id[48];

	snprintf(id, sizeof(id), "text-finding-%lld", sk_page_int(f, "number"));
	if (c->session.acting == SK_ROLE_SEC && !mended && strcmp(sk_page_str(f, "unit"), c->session.unit) == 0) {
		inspection_form(c, "inline", path);
		inspection_hidden(p, "finding", sk_page_int(f, "number"));
		inspection_area(c, id, "text", N_("What was done about it"), NULL, 2);
		inspection_submit(p, "improve", NULL, N_("Report as mended"));
		sk_page_lit(p, "</form>");
	}
	if (inspection_runs(c, audit) && answered) {
		inspection_form(c, "inline", path);
		inspection_hidden(p, "finding", sk_page_int(f, "number"));
		inspection_area(c, id, "text", N_("What is missing (when it is returned)"), NULL, 2);
		sk_page_lit(p, "<span class=\"buttons\">");
		inspection_submit(p, "confirm", "primary", N_("Confirm that it is mended"));
		inspection_submit(p, "return", NULL, N_("Return"));
		sk_page_lit(p, "</span></form>");
	}
	if (c->session.acting == SK_ROLE_EXEC && sk_page_int(f, "spread_of") == 0 && sk_page_int(f, "others") == 0) {
		inspection_form(c, "inline", path);
		inspection_hidden(p, "finding", sk_page_int(f, "number"));
		inspection_submit(p, "spread", NULL, N_("Have the other sections look at the same"));
		sk_page_lit(p, "</form>");
	}
}

static void finding_row(struct sk_console *c, const char *path, const json_t *i, const json_t *f)
{
	struct sk_page *p = &c->page;
	char others[24], done[24];

	(void)sk_buf_addf(&p->out, "<tr id=\"f%lld\"><th scope=\"row\">%lld", sk_page_int(f, "number"),
	                  sk_page_int(f, "number"));
	if (sk_page_int(f, "spread_of") > 0)
		(void)sk_buf_addf(&p->out, "<br><a class=\"sub\" href=\"#f%lld\">\xe2\x86\x90 %lld</a>",
		                  sk_page_int(f, "spread_of"), sk_page_int(f, "spread_of"));
	sk_page_lit(p, "</th><td>");
	sk_part_unit(p, f);
	sk_page_lit(p, "</td><td>");
	sk_part_clause(p, sk_page_str(f, "clause"));
	sk_page_lit(p, "<br>");
	sk_page_tr(p, sk_word_degree(sk_page_int(f, "degree")));
	sk_page_lit(p, "</td>");
	sk_page_el(p, "td", "free wide-text", sk_page_str(f, "text"));
	sk_page_lit(p, "<td>");
	finding_badge(c, f);
	if (sk_page_int(f, "due") > 0) {
		sk_page_lit(p, "<br>");
		sk_page_time(p, sk_page_int(f, "due"));
	}
	sk_page_lit(p, "</td><td class=\"free wide-text\">");
	sk_page_text(p, sk_page_str(f, "improvement"));
	if (*sk_page_str(f, "returned") != '\0' && strcmp(sk_page_str(f, "state"), "open") == 0) {
		sk_page_lit(p, "<br>");
		sk_page_tr(p, N_("Returned:"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(f, "returned"));
	}
	if (sk_page_int(f, "others") > 0) {
		snprintf(others, sizeof(others), "%lld", sk_page_int(f, "others"));
		snprintf(done, sizeof(done), "%lld", sk_page_int(f, "others_done"));
		sk_page_lit(p, "<br><span class=\"sub\">");
		sk_page_say(p, N_("Spread to %1 sections, %2 have looked"), others, done);
		sk_page_lit(p, "</span>");
	}
	finding_forms(c, path, i, f);
	sk_page_lit(p, "</td></tr>\n");
}

static void findings(struct sk_console *c, const char *path, const json_t *i)
{
	static const char *const head[] = {
	    N_("No."), N_("Section"), N_("Clause and degree"), N_("Finding"), N_("State"), N_("Improvement"), NULL};
	struct sk_page *p = &c->page;
	const json_t *f;
	size_t n;

	sk_page_lit(p, "<section id=\"findings\">");
	sk_page_el_tr(p, "h2", NULL, N_("Audit findings"));
	if (json_array_size(sk_page_get(i, "findings")) == 0)
		sk_part_empty(p, N_("There are no findings."));
	else
		sk_page_table(p, "findings", N_("Audit findings"), head);
	json_array_foreach(sk_page_get(i, "findings"), n, f) finding_row(c, path, i, f);
	if (n > 0)
		sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static void run_forms(struct sk_console *c, const char *path, const json_t *i)
{
	struct sk_page *p = &c->page;

	if (!inspection_runs(c, json_is_true(sk_page_get(i, "audit"))) ||
	    strcmp(sk_page_str(i, "state"), "running") != 0)
		return;
	sk_page_lit(p, "<details><summary>");
	sk_page_tr(p, N_("Record a finding"));
	sk_page_lit(p, "</summary>");
	inspection_form(c, "sheet", path);
	inspection_units(c, "finding-unit", sk_page_get(i, "units"), N_("Section"), false);
	sk_part_field(c, "clause", N_("Clause"), NULL, " required maxlength=\"63\"");
	sk_page_lit(p, "<p class=\"field\"><label for=\"degree\">");
	sk_page_tr(p, N_("Degree"));
	sk_page_lit(p, "</label><select id=\"degree\" name=\"degree\">");
	for (int d = 1; d <= 3; d++) {
		(void)sk_buf_addf(&p->out, "<option value=\"%d\">", d);
		sk_page_tr(p, sk_word_degree(d));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
	inspection_area(c, "finding-text", "text", N_("What was found"), NULL, 4);
	sk_part_field(c, "evidence", N_("Evidence number"), NULL, " maxlength=\"200\"");
	inspection_day(c, "due", N_("To be mended by"));
	sk_page_lit(p, "<p>");
	inspection_submit(p, "find", "primary", N_("Record a finding"));
	sk_page_lit(p, "</p></form></details><details><summary>");
	sk_page_tr(p, N_("Report the result"));
	sk_page_lit(p, "</summary>");
	inspection_form(c, "sheet", path);
	inspection_area(c, "report", "text", N_("Result, for the executive officer and the committee"), NULL, 6);
	sk_page_lit(p, "<p>");
	inspection_submit(p, "report", "primary", N_("Report the result"));
	sk_page_lit(p, "</p></form></details>\n");
}

static void summary(struct sk_page *p, const json_t *i)
{
	sk_page_lit(p, "<header class=\"subject\">");
	sk_page_el(p, "h1", NULL, sk_page_str(i, "title"));
	inspection_state(p, i);
	sk_page_lit(p, "</header><dl class=\"facts\">");
	sk_page_fact(p, N_("No."), sk_page_str(i, "label"));
	sk_page_fact(p, N_("Kind"), sk_tr(p->lang, inspection_kind(i)));
	sk_page_dt(p, N_("Section, with all below it"));
	inspection_unit(p, i);
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Term"));
	sk_page_time(p, sk_page_int(i, "from"));
	sk_page_lit(p, " \xe2\x80\x93 ");
	sk_page_time(p, sk_page_int(i, "until"));
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Begun by"), sk_page_str(i, "by"));
	sk_page_fact(p, N_("Purpose, method, who audits, independence"), sk_page_str(i, "text"));
	if (sk_page_int(i, "reported") > 0) {
		sk_page_dt(p, N_("Report of the result"));
		sk_page_el(p, "p", "reason", sk_page_str(i, "report"));
		sk_page_text(p, sk_page_str(i, "reported_by"));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(i, "reported"));
		sk_page_dd_end(p);
	}
	sk_page_lit(p, "</dl>\n");
}

int inspection_show(struct sk_console *c, int code)
{
	const char *unit = NULL;
	int64_t number = 0;
	char path[48];
	json_t *i;
	int e = inspection_number(c, &number);

	if (e == 0)
		e = sk_console_scope(c, &unit);
	if (e < 0)
		return e;
	i = sk_store_inspection(c->r->server->store, number, unit);
	if (i == NULL || (unit != NULL && json_array_size(sk_page_get(i, "units")) == 0)) {
		json_decref(i);
		return -ENOENT;
	}
	snprintf(path, sizeof(path), "/inspections/%lld", (long long)number);
	sk_console_audit_view(c, path + 1);
	sk_console_begin(c, inspection_kind(i), sk_page_str(i, "label"));
	summary(&c->page, i);
	run_forms(c, path, i);
	findings(c, path, i);
	items(c, path, i);
	sk_console_end(c);
	json_decref(i);
	return code;
}

int sk_page_inspection(struct sk_console *c)
{
	return inspection_show(c, 200);
}
