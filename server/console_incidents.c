/*
 * The list of incidents and the form that reports one. Everybody with an account may report; staff see what they reported, a section's
 * manager the section's.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "server/store_incidents.h"

#define PER_PAGE  50
#define TITLE_MAX 200
#define TEXT_MAX  4000

void sk_part_incident_state(struct sk_page *p, const char *name)
{
	enum sk_incident_state s = SK_INCIDENT_RECEIVED;
	enum sk_tone tone = SK_TONE_GRACE;

	(void)sk_incident_state_parse(name, &s);
	if (s == SK_INCIDENT_CONFIRMED || s == SK_INCIDENT_RESPONDING)
		tone = SK_TONE_BAD;
	else if (s == SK_INCIDENT_CLOSED || s == SK_INCIDENT_NOTHING)
		tone = SK_TONE_PLAIN;
	else if (s == SK_INCIDENT_RECOVERED || s == SK_INCIDENT_PREVENTING)
		tone = SK_TONE_EXEMPT;
	sk_page_badge(p, tone, sk_incident_state_word(s));
}

const char *sk_word_severity(int severity)
{
	static const char *const words[] = {N_("not assessed"), N_("minor"), N_("serious"), N_("severe")};

	return words[severity >= 0 && severity <= 3 ? severity : 0];
}

void sk_part_incident_title(struct sk_page *p, const json_t *incident)
{
	static const struct {
		const char *sign, *word;
	} words[] = {
	    {"malware", N_("A malicious file was found on a medium")},
	    {"gap", N_("Records are missing in a terminal's record")},
	    {"fork", N_("A terminal's record has two versions")},
	    {"forged", N_("A terminal's record was rewritten")},
	    {"medium-key", N_("A registered medium was reformatted or exchanged")},
	    {"seal-key", N_("A terminal told another sealing key")},
	    {"phone-never-issued", N_("A telephone code was used that nobody issued")},
	    {"phone-not-used", N_("A telephone code was issued and its use never reported")},
	};
	const char *sign = sk_page_str(incident, "sign");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].sign, sign) == 0) {
			sk_page_tr(p, words[i].word);
			return;
		}
	}
	sk_page_text(p, sk_page_str(incident, "title"));
}

static void tabs(struct sk_page *p, const char *chosen)
{
	sk_part_tabs(p, N_("Incidents by state"));
	sk_part_tab(p, "/incidents", NULL, chosen, N_("Open"));
	for (int s = 0; s < SK_INCIDENT_STATES; s++)
		sk_part_tab(p, "/incidents", sk_incident_state_name((enum sk_incident_state)s), chosen,
		            sk_incident_state_word((enum sk_incident_state)s));
	sk_part_tab(p, "/incidents", "all", chosen, N_("all"));
	sk_part_tabs_end(p);
}

static void row(struct sk_page *p, const json_t *i)
{
	sk_page_lit(p, "<tr><th scope=\"row\"><a class=\"number\" href=\"/incidents/");
	(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(i, "number"));
	sk_page_text(p, sk_page_str(i, "label"));
	sk_page_lit(p, "</a></th><td>");
	sk_part_incident_state(p, sk_page_str(i, "state"));
	sk_page_lit(p, "</td><td class=\"free wide-text\">");
	sk_part_incident_title(p, i);
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_tr(p, sk_incident_kind_word(sk_page_str(i, "kind")));
	sk_page_lit(p, "</span></td><td>");
	sk_page_tr(p, sk_word_severity((int)sk_page_int(i, "severity")));
	sk_page_lit(p, "</td><td>");
	sk_part_unit(p, i);
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_text(p, sk_page_str(i, "host"));
	sk_page_lit(p, "</span></td><td>");
	sk_page_ago(p, sk_page_int(i, "opened"));
	sk_page_lit(p, "</td><td>");
	sk_page_ago(p, sk_page_int(i, "updated"));
	sk_page_lit(p, "</td></tr>\n");
}

static int read_state(struct sk_console *c, const char **out)
{
	const char *state = sk_request_query(c->r, "state");
	enum sk_incident_state s;

	*out = state == NULL || *state == '\0' ? NULL : state;
	return *out == NULL || strcmp(state, "all") == 0 ? 0 : sk_incident_state_parse(state, &s);
}

int sk_page_incidents(struct sk_console *c)
{
	static const char *const head[] = {N_("No."),     N_("State"),    N_("What happened"), N_("Severity"),
	                                   N_("Section"), N_("Reported"), N_("Last change"),   NULL};
	bool own = c->session.acting == SK_ROLE_STAFF;
	const char *unit = NULL, *state = NULL;
	long long page = sk_query_page(c->r);
	char query[32] = "";
	const json_t *i;
	json_t *rows;
	size_t n;
	int e = own ? 0 : sk_console_scope(c, &unit);

	if (e < 0 || (e = read_state(c, &state)) < 0)
		return e;
	rows = sk_store_incidents(c->r->server->store, unit, own ? c->session.user : NULL, state, PER_PAGE + 1,
	                          (int)(page - 1) * PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Incidents"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Incidents"));
	if (c->session.acting != SK_ROLE_AUD) {
		sk_page_lit(&c->page, "<p><a class=\"button\" href=\"/incidents/new\">");
		sk_page_tr(&c->page, N_("Report one"));
		sk_page_lit(&c->page, "</a></p>");
	}
	tabs(&c->page, state);
	if (json_array_size(rows) == 0) {
		sk_part_empty(&c->page, N_("There is no incident here."));
	} else {
		sk_page_table(&c->page, "incidents", N_("Incidents"), head);
		json_array_foreach(rows, n, i)
		{
			if (n < PER_PAGE)
				row(&c->page, i);
		}
		sk_page_table_end(&c->page);
	}
	if (state != NULL)
		snprintf(query, sizeof(query), "state=%s&", state);
	sk_part_pager(&c->page, "/incidents", query, page, json_array_size(rows) > PER_PAGE);
	sk_console_end(c);
	json_decref(rows);
	return 200;
}

/* ---- reporting one ---- */

static void kind_choice(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	const char *chosen = sk_form_get(&c->form, "kind");

	sk_page_lit(p, "<p class=\"field\"><label for=\"kind\">");
	sk_page_tr(p, N_("Kind"));
	sk_page_lit(p, "</label><select id=\"kind\" name=\"kind\" required><option value=\"\"></option>");
	for (size_t i = 0; i < SK_INCIDENT_KINDS; i++) {
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_incident_kinds[i].name);
		sk_page_raw(p, chosen != NULL && strcmp(chosen, sk_incident_kinds[i].name) == 0 ? " selected>" : ">");
		sk_page_tr(p, sk_incident_kinds[i].word);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
}

static int new_page(struct sk_console *c, int code)
{
	struct sk_page *p = &c->page;

	sk_console_begin(c, N_("Report an incident"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Report an incident"));
	sk_page_notice(
	    p, SK_TONE_GRACE,
	    N_("Malware, or a fear of it: pull out the network cable first (Countermeasure standard 6.4(3)). "
	       "The section's manager and the helpdesk see the report at once."));
	sk_page_lit(p, "<form class=\"sheet\" method=\"post\" action=\"/incidents\">");
	sk_console_csrf(c);
	kind_choice(c);
	sk_part_field(c, "title", N_("What happened"), N_("One line. No names of residents."),
	              " maxlength=\"66\" required");
	sk_page_lit(p, "<p class=\"field\"><label for=\"text\">");
	sk_page_tr(p, N_("When, where, what, how much"));
	sk_page_lit(p, "</label><textarea id=\"text\" name=\"text\" rows=\"6\" maxlength=\"1300\">");
	sk_page_text(p, sk_form_get(&c->form, "text"));
	sk_page_lit(p, "</textarea></p>");
	sk_part_field(c, "terminal", N_("Terminal (host name), if one is concerned"), NULL, " maxlength=\"64\"");
	sk_part_field(c, "informant", N_("Who told it, when somebody from outside did"), NULL, " maxlength=\"66\"");
	sk_page_lit(p, "<p><button class=\"primary\">");
	sk_page_tr(p, N_("Report"));
	sk_page_lit(p, "</button></p></form>\n");
	sk_console_end(c);
	return code;
}

int sk_page_incident_new(struct sk_console *c)
{
	return new_page(c, 200);
}

int sk_page_incidents_post(struct sk_console *c)
{
	struct sk_incident_new n = {.terminal = ""};
	struct sk_terminal t;
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	const char *host = "";
	int64_t number = 0;
	int r = sk_session_actor(&c->session, c->session.acting, &by);

	n.unit = c->session.unit;
	n.kind = sk_form_get(&c->form, "kind") == NULL ? "" : sk_form_get(&c->form, "kind");
	if (r == 0 && (sk_form_text(&c->form, "title", TITLE_MAX, &n.title) < 0 ||
	               sk_form_text(&c->form, "text", TEXT_MAX, &n.text) < 0 ||
	               sk_form_text(&c->form, "informant", TITLE_MAX, &n.informant) < 0 ||
	               sk_form_text(&c->form, "terminal", 64, &host) < 0))
		r = -EINVAL;
	if (r == 0 && *host != '\0') {
		if (sk_store_terminal_named(c->r->server->store, host, &t) < 0) {
			c->problem = N_("No terminal of that name is enrolled.");
			return new_page(c, 400);
		}
		n.terminal = t.id;
		n.unit = t.unit;
	}
	if (r == 0)
		r = sk_store_incident_open(c->r->server->store, &by, &n, c->now, &number, &err);
	if (r == -EINVAL) {
		c->problem = N_("Choose the kind and say in one line what happened.");
		return new_page(c, 400);
	}
	if (r < 0)
		return r;
	snprintf(c->location, sizeof(c->location), "/incidents/%lld?done=report", (long long)number);
	return 303;
}
