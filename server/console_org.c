/*
 * The organisation: the tree with its posts, who is absent, what is delegated; absences and delegations are entered here by the people
 * themselves. Below, for information system managers, the import: a table is pasted, every line's effect is shown, and only then it is taken over.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "server/store_org.h"

struct org_page {
	json_t *units, *posts, *absences, *delegations;
	const struct sk_org_plan *plan; /* NULL = none was asked for */
	char file_problem[256]; /* why the pasted table could not be read */
};

static void kind_and_name(struct sk_page *p, const json_t *unit, int depth)
{
	static const struct {
		const char *kind, *word;
	} kinds[] = {{"office", N_("Office")},         {"bureau", N_("Bureau")},
	             {"department", N_("Department")}, {"section", N_("Section (kind of unit)")},
	             {"subsection", N_("Subsection")}, {"facility", N_("Facility")}};

	for (int i = 0; i < depth; i++)
		sk_page_lit(p, "<span class=\"deeper\"></span>");
	sk_part_unit(p, unit);
	sk_page_lit(p, " <span class=\"sub\">");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, sk_page_str(unit, "kind")) == 0)
			sk_page_tr(p, kinds[i].word);
	}
	sk_page_lit(p, " <code>");
	sk_page_text(p, sk_page_str(unit, "key"));
	sk_page_lit(p, "</code></span>");
}

const char *sk_word_post(const char *key)
{
	enum sk_role role;
	bool deputy;

	if (sk_org_post_parse(key, &role, &deputy) < 0)
		return key;
	if (!deputy)
		return sk_word_role(role);
	return role == SK_ROLE_CISO   ? N_("Deputy CISO")
	       : role == SK_ROLE_EXEC ? N_("Deputy executive security officer")
	                              : N_("Deputy bureau security officer");
}

static bool is_absent(const struct org_page *o, const char *user, sk_ms now)
{
	const json_t *a;
	size_t i;

	json_array_foreach(o->absences, i, a)
	{
		if (strcmp(sk_page_str(a, "user"), user) == 0 && sk_page_int(a, "from") <= now)
			return true;
	}
	return false;
}

static void post(struct sk_page *p, const struct org_page *o, const json_t *row)
{
	sk_page_lit(p, "<li>");
	if (strncmp(sk_page_str(row, "name"), sk_page_str(row, "title"), strlen(sk_page_str(row, "title"))) != 0) {
		sk_page_text(p, sk_page_str(row, "title"));
		sk_page_lit(p, " ");
	}
	sk_page_text(p, sk_page_str(row, "name"));
	sk_page_lit(p, " <span class=\"sub\">");
	sk_page_tr(p, sk_word_post(sk_page_str(row, "role")));
	if (sk_page_int(row, "from") > p->now) {
		sk_page_lit(p, " ");
		sk_page_tr(p, N_("from"));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(row, "from"));
	}
	if (sk_page_int(row, "until") > 0) {
		sk_page_lit(p, " ");
		sk_page_tr(p, N_("until"));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(row, "until"));
	}
	sk_page_lit(p, "</span>");
	if (is_absent(o, sk_page_str(row, "user"), p->now)) {
		sk_page_lit(p, " ");
		sk_page_badge(p, SK_TONE_UNKNOWN, N_("absent"));
	}
	sk_page_lit(p, "</li>");
}

static void posts_of(struct sk_page *p, const struct org_page *o, const char *unit)
{
	const json_t *row;
	size_t i, n = 0, staff = 0;

	json_array_foreach(o->posts, i, row)
	{
		if (strcmp(sk_page_str(row, "unit"), unit) != 0)
			continue;
		if (strcmp(sk_page_str(row, "role"), "staff") == 0) {
			staff++;
			continue;
		}
		if (n++ == 0)
			sk_page_lit(p, "<ul class=\"plainlist\">");
		post(p, o, row);
	}
	if (n > 0)
		sk_page_lit(p, "</ul>");
	if (staff > 0) {
		char num[24];

		snprintf(num, sizeof(num), "%zu", staff);
		sk_page_lit(p, "<span class=\"sub\">");
		sk_page_say(p, N_("%1 staff members"), num);
		sk_page_lit(p, "</span>");
	}
}

static void branch(struct sk_page *p, const struct org_page *o, const char *parent, int depth)
{
	const json_t *u;
	size_t i;

	if (depth > SK_ORG_DEPTH_MAX)
		return;
	json_array_foreach(o->units, i, u)
	{
		if (strcmp(sk_page_str(u, "parent"), parent) != 0)
			continue;
		sk_page_lit(p, "<tr><th scope=\"row\">");
		kind_and_name(p, u, depth);
		sk_page_lit(p, "</th><td>");
		posts_of(p, o, sk_page_str(u, "key"));
		sk_page_lit(p, "</td><td class=\"num\">");
		sk_page_num(p, sk_page_int(u, "terminals"));
		sk_page_lit(p, "</td></tr>\n");
		branch(p, o, sk_page_str(u, "key"), depth + 1);
	}
}

static void tree(struct sk_page *p, const struct org_page *o)
{
	static const char *const heads[] = {N_("Unit"), N_("Posts"), N_("Terminals"), NULL};

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Units and posts"));
	sk_page_table(p, "organisation", N_("Units and posts"), heads);
	sk_page_lit(p, "<tr><th scope=\"row\">");
	sk_page_tr(p, N_("The whole office"));
	sk_page_lit(p, "</th><td>");
	posts_of(p, o, "");
	sk_page_lit(p, "</td><td></td></tr>\n");
	branch(p, o, "", 0);
	sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static void end_button(struct sk_console *c, const char *action, long long id)
{
	struct sk_page *p = &c->page;
	char num[24];

	snprintf(num, sizeof(num), "%lld", id);
	sk_page_lit(p, "<form method=\"post\" action=\"/organisation\">");
	sk_console_csrf(c);
	sk_page_lit(p, "<input type=\"hidden\" name=\"id\"");
	sk_page_attr(p, "value", num);
	sk_page_lit(p, "><button name=\"action\"");
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, N_("End it"));
	sk_page_lit(p, "</button></form>");
}

static bool may_end(const struct sk_console *c, const char *owner)
{
	return c->session.acting != SK_ROLE_AUD &&
	       (c->session.acting == SK_ROLE_SYS || strcmp(owner, c->session.user) == 0);
}

static void term(struct sk_page *p, const json_t *row)
{
	sk_page_lit(p, "<td>");
	sk_page_time(p, sk_page_int(row, "from"));
	sk_page_lit(p, "</td><td>");
	if (sk_page_int(row, "until") > 0)
		sk_page_time(p, sk_page_int(row, "until"));
	else
		sk_page_tr(p, N_("until it is ended"));
	sk_page_lit(p, "</td>");
}

static void absences(struct sk_console *c, const struct org_page *o)
{
	static const char *const heads[] = {N_("Person"), N_("From"), N_("Until"), N_("Reason"), N_("Action"), NULL};
	struct sk_page *p = &c->page;
	const json_t *a;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Absent"));
	if (json_array_size(o->absences) == 0)
		sk_part_empty(p, N_("Nobody is marked absent."));
	else
		sk_page_table(p, "list", N_("Absent"), heads);
	json_array_foreach(o->absences, i, a)
	{
		sk_page_lit(p, "<tr>");
		sk_page_el(p, "th", NULL, sk_page_str(a, "name"));
		term(p, a);
		sk_page_el(p, "td", NULL, sk_page_str(a, "reason"));
		sk_page_lit(p, "<td>");
		if (may_end(c, sk_page_str(a, "user")))
			end_button(c, "absence-end", sk_page_int(a, "id"));
		sk_page_lit(p, "</td></tr>\n");
	}
	if (json_array_size(o->absences) > 0)
		sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static void delegations(struct sk_console *c, const struct org_page *o)
{
	static const char *const heads[] = {N_("Delegated by"), N_("To"),     N_("Role and unit"), N_("From"),
	                                    N_("Until"),        N_("Reason"), N_("Action"),        NULL};
	struct sk_page *p = &c->page;
	const json_t *d;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Delegations"));
	if (json_array_size(o->delegations) == 0)
		sk_part_empty(p, N_("Nothing is delegated."));
	else
		sk_page_table(p, "list", N_("Delegations"), heads);
	json_array_foreach(o->delegations, i, d)
	{
		sk_page_lit(p, "<tr>");
		sk_page_el(p, "th", NULL, sk_page_str(d, "giver_name"));
		sk_page_el(p, "td", NULL, sk_page_str(d, "taker_name"));
		sk_page_lit(p, "<td>");
		sk_page_tr(p, sk_word_post(sk_page_str(d, "role")));
		if (*sk_page_str(d, "unit") != '\0') {
			sk_page_lit(p, "<br><span class=\"sub\">");
			sk_part_unit(p, d);
			sk_page_lit(p, "</span>");
		}
		sk_page_lit(p, "</td>");
		term(p, d);
		sk_page_el(p, "td", NULL, sk_page_str(d, "reason"));
		sk_page_lit(p, "<td>");
		if (may_end(c, sk_page_str(d, "giver")))
			end_button(c, "delegation-end", sk_page_int(d, "id"));
		sk_page_lit(p, "</td></tr>\n");
	}
	if (json_array_size(o->delegations) > 0)
		sk_page_table_end(p);
	sk_page_lit(p, "</section>\n");
}

static void field(struct sk_console *c, const char *id, const char *name, const char *label, const char *type,
                  const char *value)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", id);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input");
	sk_page_attr(p, "id", id);
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "type", type);
	sk_page_attr(p, "value", sk_form_get(&c->form, name) != NULL ? sk_form_get(&c->form, name) : value);
	sk_page_lit(p, "></p>");
}

static void open_form(struct sk_console *c, const char *title)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form class=\"filter\" method=\"post\" action=\"/organisation\">");
	sk_page_el_tr(p, "h3", NULL, title);
	sk_console_csrf(c);
}

static void close_form(struct sk_page *p, const char *action, const char *word)
{
	sk_page_lit(p, "<p><button name=\"action\"");
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</button></p></form>\n");
}

/* What one holds in an own post can be lent; audit officers lend nothing. */
static void delegation_form(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	char key[80];

	open_form(c, N_("Delegate a post of yours"));
	sk_page_lit(p, "<p class=\"field\"><label for=\"d-what\">");
	sk_page_tr(p, N_("Role and unit"));
	sk_page_lit(p, "</label><select id=\"d-what\" name=\"what\">");
	for (size_t i = 0; i < c->session.n_may; i++) {
		const struct sk_capacity *m = &c->session.may[i];

		if (m->how != SK_HOW_POST || m->role == SK_ROLE_AUD)
			continue;
		sk_capacity_key(m, key);
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", key);
		sk_page_lit(p, ">");
		sk_page_tr(p, sk_word_role(m->role));
		sk_page_lit(p, " ");
		sk_page_text(p, m->unit);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
	field(c, "d-taker", "taker", N_("To (account)"), "text", "");
	field(c, "d-until", "delegated_until", N_("Last day"), "date", "");
	field(c, "d-reason", "delegation_reason", N_("Reason"), "text", "");
	close_form(p, "delegate", N_("Delegate"));
}

static void forms(struct sk_console *c)
{
	bool delegates = false;

	if (c->session.acting == SK_ROLE_AUD)
		return;
	for (size_t i = 0; i < c->session.n_may; i++)
		delegates =
		    delegates || (c->session.may[i].how == SK_HOW_POST && c->session.may[i].role != SK_ROLE_AUD);
	sk_page_lit(&c->page, "<section>");
	open_form(c, N_("Mark somebody absent"));
	if (c->session.acting == SK_ROLE_SYS)
		field(c, "a-user", "user", N_("Account"), "text", c->session.user);
	field(c, "a-until", "absent_until", N_("Last day (empty: until it is ended)"), "date", "");
	field(c, "a-reason", "absence_reason", N_("Reason"), "text", "");
	close_form(&c->page, "absent", N_("Mark absent"));
	if (delegates)
		delegation_form(c);
	sk_page_lit(&c->page, "</section>\n");
}

static enum sk_tone tone_of(enum sk_org_effect e)
{
	return e == SK_ORG_ERROR  ? SK_TONE_ERROR
	       : e == SK_ORG_SAME ? SK_TONE_PLAIN
	       : e == SK_ORG_END  ? SK_TONE_GRACE
	                          : SK_TONE_OK;
}

static void plan_table(struct sk_page *p, const struct sk_org_plan *plan)
{
	static const char *const heads[] = {N_("Line"), N_("Effect"), N_("What it does"), NULL};
	char text[512], num[24];

	sk_page_lit(p, "<p class=\"lead\">");
	for (int e = SK_ORG_SAME; e <= SK_ORG_ERROR; e++) {
		sk_page_badge(p, tone_of((enum sk_org_effect)e), sk_org_effect_word((enum sk_org_effect)e));
		sk_page_lit(p, " ");
		sk_page_num(p, (long long)plan->counts[e]);
		sk_page_lit(p, " ");
	}
	sk_page_lit(p, "</p>");
	sk_page_table(p, "list plan", N_("Effect of each line"), heads);
	for (size_t i = 0; i < plan->n; i++) {
		const struct sk_org_line *l = &plan->lines[i];

		snprintf(num, sizeof(num), "%d", l->line);
		sk_page_lit(p, "<tr>");
		sk_page_el(p, "td", "num", num);
		sk_page_lit(p, "<td>");
		sk_page_badge(p, tone_of(l->effect), sk_org_effect_word(l->effect));
		sk_page_lit(p, "</td>");
		sk_org_line_text(l, p->lang, text, sizeof(text));
		sk_page_el(p, "td", NULL, text);
		sk_page_lit(p, "</tr>\n");
	}
	sk_page_table_end(p);
}

static void import_part(struct sk_console *c, const struct org_page *o)
{
	const char *table = sk_form_get(&c->form, "table");
	struct sk_page *p = &c->page;
	char num[24];

	sk_page_lit(p, "<section id=\"import\">");
	sk_page_el_tr(p, "h2", NULL, N_("Import from a table"));
	sk_page_el_tr(
	    p, "p", NULL,
	    N_("Paste units or people as CSV, with the columns' names in the first row. Every line's effect is "
	       "shown first; nothing is stored before you take it over. Files (also Shift_JIS): "
	       "sekimori-server org import FILE --dry-run"));
	if (o->file_problem[0] != '\0') {
		sk_page_lit(p, "<p class=\"notice error\" role=\"alert\">");
		sk_page_tr(p, N_("The table could not be read as a whole:"));
		sk_page_lit(p, " ");
		sk_page_text(p, o->file_problem);
		sk_page_lit(p, "</p>");
	}
	if (o->plan != NULL)
		plan_table(p, o->plan);
	sk_page_lit(p, "<form method=\"post\" action=\"/organisation#import\">");
	sk_console_csrf(c);
	sk_page_lit(p, "<p class=\"field\"><label for=\"table\">");
	sk_page_tr(p, N_("Table"));
	sk_page_lit(p, "</label><textarea id=\"table\" name=\"table\" rows=\"8\" spellcheck=\"false\">");
	sk_page_text(p, "");
	if (table != NULL)
		(void)sk_text_html(&p->out, table); /* whole, however long: it is sent again */
	sk_page_lit(p, "</textarea></p><p class=\"buttons\"><button name=\"action\" value=\"check\">");
	sk_page_tr(p, N_("Show what it would do"));
	sk_page_lit(p, "</button>");
	if (o->plan != NULL && o->plan->counts[SK_ORG_ERROR] == 0) {
		snprintf(num, sizeof(num), "%lld", (long long)o->plan->version);
		sk_page_lit(p, "<input type=\"hidden\" name=\"version\"");
		sk_page_attr(p, "value", num);
		sk_page_lit(p, "><button class=\"primary\" name=\"action\" value=\"import\">");
		sk_page_tr(p, N_("Take it over"));
		sk_page_lit(p, "</button>");
	}
	sk_page_lit(p, "</p></form></section>\n");
}

static int show(struct sk_console *c, struct org_page *o, int code)
{
	struct sk_store *s = c->r->server->store;
	int e = 0;

	o->units = sk_store_org_units(s, c->now);
	o->posts = sk_store_org_posts(s, NULL, NULL, c->now);
	o->absences = sk_store_absences(s, NULL, c->now);
	o->delegations = sk_store_delegations(s, NULL, c->now);
	if (o->units == NULL || o->posts == NULL || o->absences == NULL || o->delegations == NULL)
		e = -EIO;
	if (e == 0) {
		sk_console_begin(c, N_("Organisation"), NULL);
		sk_page_el_tr(&c->page, "h1", NULL, N_("Organisation"));
		if (o->plan != NULL || o->file_problem[0] != '\0') {
			import_part(c, o);
		} else {
			tree(&c->page, o);
			absences(c, o);
			delegations(c, o);
			forms(c);
			if (c->session.acting == SK_ROLE_SYS)
				import_part(c, o);
		}
		sk_console_end(c);
	}
	json_decref(o->units);
	json_decref(o->posts);
	json_decref(o->absences);
	json_decref(o->delegations);
	return e < 0 ? e : code;
}

int sk_page_org(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");
	struct org_page o = {.plan = NULL};

	if (done != NULL && strcmp(done, "1") == 0)
		c->done = N_("Stored.");
	sk_console_audit_view(c, "organisation");
	return show(c, &o, 200);
}

int sk_console_org_show(struct sk_console *c, const struct sk_org_plan *plan, const char *file_problem, int code)
{
	struct org_page o = {.plan = plan};

	sk_text_copy(o.file_problem, sizeof(o.file_problem), file_problem);
	return show(c, &o, code);
}
