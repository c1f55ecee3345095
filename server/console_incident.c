/*
 * One incident: what is known, who has been told and who has not, its course, and what the acting role may do next. The store decides
 * again in the transaction.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"
#include "server/store_incidents.h"

#define TEXT_MAX 4000

#define COURSE_PAGE 50

static void facts(struct sk_page *p, const json_t *i)
{
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_dt(p, N_("Kind"));
	sk_page_tr(p, sk_incident_kind_word(sk_page_str(i, "kind")));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Severity"));
	sk_page_tr(p, sk_word_severity((int)sk_page_int(i, "severity")));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Section"));
	sk_part_unit(p, i);
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Terminal"));
	if (*sk_page_str(i, "terminal") != '\0') {
		sk_page_lit(p, "<a href=\"/terminals/");
		sk_page_url(p, sk_page_str(i, "terminal"));
		sk_page_lit(p, "\">");
		sk_page_text(p, sk_page_str(i, "host"));
		sk_page_lit(p, "</a>");
	} else {
		sk_page_lit(p, "\xe2\x80\x94");
	}
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Reported"));
	sk_page_time(p, sk_page_int(i, "opened"));
	sk_page_lit(p, " ");
	sk_page_text(p, *sk_page_str(i, "by") != '\0' ? sk_page_str(i, "by") : sk_page_str(i, "host"));
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Who told it"), sk_page_str(i, "informant"));
	sk_page_lit(p, "</dl>\n");
	if (*sk_page_str(i, "text") != '\0')
		sk_page_el(p, "p", "reason", sk_page_str(i, "text"));
}

static sk_ms told_at(const json_t *i, const char *who)
{
	const json_t *course = sk_page_get(i, "course"), *h;
	size_t n;

	json_array_foreach(course, n, h)
	{
		if (strcmp(sk_page_str(h, "action"), "told") == 0 && strcmp(sk_page_str(h, "target"), who) == 0)
			return sk_page_int(h, "time");
	}
	return 0;
}

static void told_list(struct sk_page *p, const json_t *i)
{
	static const char *const head[] = {N_("Who is told"), N_("Told at"), NULL};

	sk_page_lit(p, "<h2>");
	sk_page_tr(p, N_("Reports upwards"));
	sk_page_lit(p, " ");
	sk_part_clause(p, "5.3(1)");
	sk_page_lit(p, "</h2>\n");
	sk_page_table(p, "told", N_("Reports upwards"), head);
	for (size_t n = 0; n < SK_INCIDENT_TOLD; n++) {
		sk_ms at = told_at(i, sk_incident_told[n].name);

		sk_page_lit(p, "<tr><th scope=\"row\">");
		sk_page_tr(p, sk_incident_told[n].word);
		sk_page_lit(p, "</th><td>");
		if (at > 0)
			sk_page_time(p, at);
		else
			sk_page_el_tr(p, "span", "none",
			              sk_incident_told[n].always ? N_("not yet") : N_("not yet (by severity)"));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
}

static const char *action_word(const json_t *h)
{
	static const struct {
		const char *name, *word;
	} words[] = {{"opened", N_("Reported")},
	             {"sign", N_("Another sign")},
	             {"note", N_("Note")},
	             {"told", N_("Told")},
	             {"cause", N_("Cause")},
	             {"prevention", N_("Prevention")},
	             {"evidence", N_("Evidence kept")}};
	const char *action = sk_page_str(h, "action");
	enum sk_incident_state s;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, action) == 0)
			return words[i].word;
	}
	return sk_incident_state_parse(sk_page_str(h, "state"), &s) == 0 ? sk_incident_state_word(s) : action;
}

/* The last ones, oldest of them first; what was before is on further pages. */
static void course(struct sk_console *c, const json_t *i)
{
	const json_t *list = sk_page_get(i, "course"), *h;
	size_t all = json_array_size(list), page = (size_t)sk_query_page(c->r), end, n;
	struct sk_page *p = &c->page;
	char path[48];

	end = all > (page - 1) * COURSE_PAGE ? all - (page - 1) * COURSE_PAGE : 0;
	snprintf(path, sizeof(path), "/incidents/%lld", sk_page_int(i, "number"));
	sk_page_el_tr(p, "h2", NULL, N_("Course so far"));
	sk_page_lit(p, "<ol class=\"course\">");
	for (n = end > COURSE_PAGE ? end - COURSE_PAGE : 0; n < end; n++) {
		int who;

		h = json_array_get(list, n);
		who = sk_incident_told_index(sk_page_str(h, "target"));

		sk_page_lit(p, "<li>");
		sk_page_time(p, sk_page_int(h, "time"));
		sk_page_lit(p, " ");
		sk_page_el_tr(p, "strong", NULL, action_word(h));
		sk_page_lit(p, " ");
		if (who >= 0)
			sk_page_tr(p, sk_incident_told[who].word);
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_text(p, sk_page_str(h, "name"));
		sk_page_lit(p, "</span>");
		if (*sk_page_str(h, "text") != '\0' && strcmp(sk_page_str(h, "action"), "opened") != 0)
			sk_page_el(p, "p", "reason", sk_page_str(h, "text"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ol>\n");
	sk_part_pager(p, path, "", (long long)page, end > COURSE_PAGE);
}

/* ---- what may be done ---- */

static void begin(struct sk_console *c, const json_t *i, const char *action)
{
	struct sk_page *p = &c->page;

	(void)sk_buf_addf(&p->out, "<form method=\"post\" action=\"/incidents/%lld\">", sk_page_int(i, "number"));
	sk_console_csrf(c);
	sk_page_lit(p, "<input type=\"hidden\" name=\"from\"");
	sk_page_attr(p, "value", sk_page_str(i, "state"));
	sk_page_lit(p, ">");
	if (action != NULL) {
		sk_page_lit(p, "<input type=\"hidden\" name=\"action\"");
		sk_page_attr(p, "value", action);
		sk_page_lit(p, ">");
	}
}

static void text_field(struct sk_console *c, const char *id, const char *label)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", id);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><textarea name=\"text\" rows=\"3\" maxlength=\"1300\"");
	sk_page_attr(p, "id", id);
	sk_page_lit(p, ">");
	sk_page_text(p, sk_form_get(&c->form, "text"));
	sk_page_lit(p, "</textarea></p>");
}

static void severity_field(struct sk_page *p, int now)
{
	sk_page_lit(p, "<p class=\"field\"><label for=\"severity\">");
	sk_page_tr(p, N_("Severity"));
	sk_page_lit(p, "</label><select id=\"severity\" name=\"severity\">");
	for (int n = 0; n <= 3; n++) {
		(void)sk_buf_addf(&p->out, "<option value=\"%d\"%s>", n, n == now ? " selected" : "");
		sk_page_tr(p, sk_word_severity(n));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
}

static void step_form(struct sk_console *c, const json_t *i, const struct sk_incident_facts *f)
{
	struct sk_page *p = &c->page;
	struct sk_incident_facts whole = {f->state, 3, true, true};
	bool any = false;

	for (int s = 0; s < SK_INCIDENT_STATES; s++) {
		struct sk_err err = SK_ERR_INIT;
		enum sk_incident_state next = (enum sk_incident_state)s;

		/* Offered also when something has still to be written down: the answer says what. */
		if (sk_incident_step(&whole, c->session.acting, next, &err) < 0)
			continue;
		if (!any) {
			begin(c, i, "step");
			severity_field(p, f->severity);
			text_field(c, "step-text", N_("What was found, what was done"));
			sk_page_lit(p, "<p class=\"buttons\">");
		}
		any = true;
		sk_page_lit(p, "<button name=\"state\"");
		sk_page_attr(p, "value", sk_incident_state_name(next));
		sk_page_lit(p, ">");
		sk_page_tr(p, sk_incident_state_word(next));
		sk_page_lit(p, "</button>");
	}
	if (any)
		sk_page_lit(p, "</p></form>\n");
}

static void add_form(struct sk_console *c, const json_t *i)
{
	static const struct {
		const char *name, *word;
	} kinds[] = {{"note", N_("Add a note")},
	             {"cause", N_("Record the cause")},
	             {"prevention", N_("Record the prevention")},
	             {"evidence", N_("Record the evidence kept")}};
	struct sk_page *p = &c->page;

	begin(c, i, NULL);
	text_field(c, "add-text", N_("Text"));
	sk_page_lit(p, "<p class=\"buttons\">");
	for (size_t n = 0; n < sizeof(kinds) / sizeof(kinds[0]); n++) {
		sk_page_lit(p, "<button name=\"action\"");
		sk_page_attr(p, "value", kinds[n].name);
		sk_page_lit(p, ">");
		sk_page_tr(p, kinds[n].word);
		sk_page_lit(p, "</button>");
	}
	sk_page_lit(p, "</p></form>\n");
}

static void told_form(struct sk_console *c, const json_t *i)
{
	struct sk_page *p = &c->page;

	begin(c, i, "told");
	sk_page_lit(p, "<p class=\"field\"><label for=\"target\">");
	sk_page_tr(p, N_("Who was told just now"));
	sk_page_lit(p, "</label><select id=\"target\" name=\"target\">");
	for (size_t n = 0; n < SK_INCIDENT_TOLD; n++) {
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", sk_incident_told[n].name);
		sk_page_lit(p, ">");
		sk_page_tr(p, sk_incident_told[n].word);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p><p><button>");
	sk_page_tr(p, N_("Record that they were told"));
	sk_page_lit(p, "</button></p></form>\n");
}

static void actions(struct sk_console *c, const json_t *i, const struct sk_incident_facts *f)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<section class=\"decide\">");
	sk_page_el_tr(p, "h2", NULL, N_("What comes next"));
	step_form(c, i, f);
	if (sk_incident_may_add(f, c->session.acting)) {
		told_form(c, i);
		add_form(c, i);
	}
	sk_page_lit(p, "</section>\n");
}

static bool visible(const struct sk_console *c, const json_t *i)
{
	/* Who reported it sees it, also where it concerns another section. */
	return strcmp(sk_page_str(i, "user"), c->session.user) == 0 ||
	       (c->session.acting != SK_ROLE_STAFF && sk_console_sees(c, sk_page_str(i, "unit")));
}

static int one_page(struct sk_console *c, int code)
{
	long long number;
	struct sk_incident_facts f = {0};
	struct sk_page *p = &c->page;
	json_t *i = sk_text_i64(sk_request_tail(c->r), 1, INT64_MAX, &number) < 0
	                ? NULL
	                : sk_store_incident(c->r->server->store, number);
	int e = i == NULL || !visible(c, i) ? -ENOENT : sk_store_incident_facts(c->r->server->store, number, &f);

	if (e < 0) {
		json_decref(i);
		return e;
	}
	sk_console_begin(c, N_("Incident"), sk_page_str(i, "label"));
	sk_page_lit(p, "<h1>");
	sk_page_tr(p, N_("Incident"));
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(i, "label"));
	sk_page_lit(p, " ");
	sk_part_incident_state(p, sk_page_str(i, "state"));
	sk_page_lit(p, "</h1>\n<div class=\"beside\"><section>");
	sk_page_lit(p, "<h2>");
	sk_part_incident_title(p, i);
	sk_page_lit(p, "</h2>");
	facts(p, i);
	sk_page_lit(p, "</section>\n");
	if ((c->session.acting & (SK_ROLE_SEC | SK_ROLE_DESK | SK_ROLE_SYS)) != 0)
		actions(c, i, &f);
	sk_page_lit(p, "<section>");
	told_list(p, i);
	course(c, i);
	sk_page_lit(p, "</section></div>\n");
	sk_console_end(c);
	json_decref(i);
	return code;
}

int sk_page_incident(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");
	char object[48];

	snprintf(object, sizeof(object), "incident:%.24s", sk_request_tail(c->r) == NULL ? "" : sk_request_tail(c->r));
	sk_console_audit_view(c, object);
	if (done != NULL)
		c->done = strcmp(done, "report") == 0
		              ? N_("Reported. The section's manager and the helpdesk see it at once.")
		              : N_("Recorded.");
	return one_page(c, 200);
}

static int refused(struct sk_console *c, int r, const struct sk_err *err)
{
	switch (r) {
	case -EINVAL:
		c->problem =
		    N_("Not recorded: a text is needed; an incident needs its severity; and before it is closed, "
		       "cause and prevention have to be recorded.");
		return 400;
	case -ESTALE:
		c->problem = N_("Somebody was faster. This is how it stands now.");
		return 409;
	case -EPERM:
		return -EACCES;
	default:
		sk_log(SK_LOG_ERR, "console: incident: %s", err->text);
		return r;
	}
}

int sk_page_incident_post(struct sk_console *c)
{
	const char *severity = sk_form_get(&c->form, "severity"), *target = sk_form_get(&c->form, "target");
	struct sk_incident_act a = {.action = sk_form_get(&c->form, "action"),
	                            .from = sk_form_get(&c->form, "from"),
	                            .state = sk_form_get(&c->form, "state"),
	                            .target = target == NULL ? "" : target,
	                            .text = ""};
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	long long number = 0, n = 0;
	json_t *i;
	int r = sk_session_actor(&c->session, c->session.acting, &by);

	if (sk_text_i64(sk_request_tail(c->r), 1, INT64_MAX, &number) < 0)
		return -ENOENT;
	i = sk_store_incident(c->r->server->store, number);
	if (i == NULL || !visible(c, i))
		r = -ENOENT;
	json_decref(i);
	if (r == 0 && (a.action == NULL || sk_form_text(&c->form, "text", TEXT_MAX, &a.text) < 0 ||
	               (severity != NULL && sk_text_i64(severity, 0, 3, &n) < 0)))
		r = -EINVAL;
	a.severity = (int)n;
	if (r == 0)
		r = sk_store_incident_act(c->r->server->store, &by, number, &a, c->now, &err);
	if (r < 0) {
		r = r == -ENOENT ? r : refused(c, r, &err);
		return r < 0 ? r : one_page(c, r);
	}
	snprintf(c->location, sizeof(c->location), "/incidents/%lld?done=1", number);
	return 303;
}
