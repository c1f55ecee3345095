/* One application: what is asked under which clauses, how far along its route it is, its course; and what the reader may do with it now. */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/orders.h"

#define REASON_MAX 1000

static void field(struct sk_page *p, const char *name, const char *value)
{
	const char *word = sk_word_field_value(name, value);

	sk_page_fact(p, sk_word_field(name), word == value ? value : sk_tr(p->lang, word));
}

static void facts(struct sk_page *p, const struct sk_kinds *kinds, const json_t *a)
{
	const json_t *permit, *fields = sk_page_get(a, "fields");
	const char *class = sk_page_str(a, "class");
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("What is applied for"));
	sk_page_lit(p, "<ul class=\"plainlist\">");
	json_array_foreach(sk_page_get(a, "permits"), i, permit)
	{
		sk_page_lit(p, "<li>");
		sk_part_kind(p, kinds, sk_page_str(permit, "kind"));
		sk_page_lit(p, " ");
		if (*sk_page_str(permit, "clause") != '\0')
			sk_part_clause(p, sk_page_str(permit, "clause"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul><dl class=\"facts\">");
	if (*class != '\0') {
		sk_page_dt(p, N_("Class of information"));
		sk_page_badge(p, *class >= '1' && *class <= '4' ? SK_TONE_GRACE : SK_TONE_PLAIN,
		              strcmp(class, "unknown") == 0 ? N_("not known: the manager decides")
		                                            : sk_word_class(class));
		sk_page_dd_end(p);
	}
	for (i = 0; sk_field_names[i] != NULL; i++) {
		if (*sk_page_str(fields, sk_field_names[i]) != '\0')
			field(p, sk_field_names[i], sk_page_str(fields, sk_field_names[i]));
	}
	sk_page_dt(p, N_("Term"));
	sk_page_time(p, sk_page_int(a, "from"));
	sk_page_lit(p, " \xe2\x80\x93 ");
	sk_page_time(p, sk_page_int(a, "until"));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Who asks"));
	sk_page_text(p, sk_page_str(a, "person_name"));
	sk_page_lit(p, " <span class=\"sub\">");
	sk_part_unit(p, a);
	if (strcmp(sk_page_str(a, "person"), sk_page_str(a, "entered_by")) != 0) {
		sk_page_lit(p, " ");
		sk_page_say(p, N_("(entered by %1)"), sk_page_str(a, "entered_by"));
	}
	sk_page_lit(p, "</span>");
	sk_page_dd_end(p);
	sk_page_lit(p, "</dl></section>\n");
}

static void route(struct sk_page *p, const json_t *a)
{
	struct sk_step steps[SK_STEPS_MAX];
	const json_t *v;
	size_t n = 0, i;

	if (*sk_page_str(a, "route") != '\0' && sk_route_parse(sk_page_str(a, "route"), steps, &n) < 0)
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Permitted by"));
	sk_page_lit(p, "<p>");
	sk_part_route(p, steps, n);
	sk_page_lit(p, "</p><ul class=\"plainlist\">");
	json_array_foreach(sk_page_get(a, "votes"), i, v)
	{
		enum sk_role role;

		sk_page_lit(p, "<li>");
		sk_page_badge(p, SK_TONE_OK, N_("Permitted"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(v, "name"));
		sk_page_lit(p, " <span class=\"sub\">");
		if (sk_role_parse(sk_page_str(v, "role"), &role) == 0)
			sk_page_tr(p, sk_word_role(role));
		sk_page_lit(p, "</span> ");
		sk_page_time(p, sk_page_int(v, "time"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul></section>\n");
}

/* What was or is to be issued under it. */
static void produced(struct sk_page *p, const json_t *a)
{
	const json_t *q;
	size_t i;

	if (json_array_size(sk_page_get(a, "requests")) == 0)
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Use of the medium"));
	sk_page_lit(p, "<ul class=\"plainlist\">");
	json_array_foreach(sk_page_get(a, "requests"), i, q)
	{
		sk_page_lit(p, "<li><a class=\"number\" href=\"/requests/");
		(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(q, "number"));
		sk_page_text(p, sk_page_str(q, "label"));
		sk_page_lit(p, "</a> ");
		sk_part_request_state(p, sk_page_str(q, "state"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(q, "ledger"));
		sk_page_lit(p, " <span class=\"sub\">");
		sk_page_text(p, sk_page_str(q, "host"));
		sk_page_lit(p, " ");
		if (strcmp(sk_page_str(q, "state"), "permitted") == 0)
			sk_page_tr(p, N_("the helpdesk issues it next"));
		else
			sk_page_time(p, sk_page_int(q, "until"));
		sk_page_lit(p, "</span></li>");
	}
	sk_page_lit(p, "</ul></section>\n");
}

static const struct {
	const char *action, *word, *done;
} actions[] = {
    {"created", N_("Applied"), NULL},
    {"apply", NULL, N_("Your application is on its way.")},
    {"permit", N_("Permitted"), N_("Permitted. It goes on along its route.")},
    {"refuse", N_("Not permitted"), N_("Not permitted.")},
    {"return", N_("Returned"), N_("Returned to who asked.")},
    {"cancel", N_("Cancelled"), N_("The permit is cancelled.")},
    {"withdraw", N_("Withdrawn"), N_("Withdrawn.")},
    {"resubmit", N_("Sent again"), NULL},
    {"comment", N_("Comment"), N_("Your comment is added.")},
    {"extend", N_("Longer term asked for"), N_("The longer term is asked for.")},
    {"back", N_("Brought back and checked"), N_("The return is recorded.")},
    {"lost", N_("Lost"), N_("The loss is recorded. Report it as an incident at once.")},
    {"erased", N_("Erased"), N_("The erasure is recorded.")},
    {"done", N_("Completed"), N_("Completed.")},
    {"issue", N_("To be issued once more"), N_("The helpdesk is asked to issue it.")},
    {"issued", N_("Issued by the helpdesk"), NULL},
    {"reminded", N_("Reminded"), NULL},
    {"not-issued", N_("Not issued by the helpdesk"), NULL},
};

static const char *action_word(const char *action)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (actions[i].word != NULL && strcmp(actions[i].action, action) == 0)
			return actions[i].word;
	}
	return action;
}

static void course(struct sk_page *p, const json_t *a)
{
	const json_t *h;
	size_t i;

	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Course so far"));
	sk_page_lit(p, "<ol class=\"course\">");
	json_array_foreach(sk_page_get(a, "history"), i, h)
	{
		sk_page_lit(p, "<li>");
		sk_page_time(p, sk_page_int(h, "time"));
		sk_page_lit(p, " ");
		sk_page_el_tr(p, "strong", NULL, action_word(sk_page_str(h, "action")));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(h, "name"));
		if (*sk_page_str(h, "reason") != '\0')
			sk_page_el(p, "p", "reason", sk_page_str(h, "reason"));
		sk_page_lit(p, "</li>\n");
	}
	sk_page_lit(p, "</ol></section>\n");
}

static void button(struct sk_page *p, const char *action, const char *cls, const char *word)
{
	sk_page_lit(p, "<button name=\"action\"");
	sk_page_attr(p, "class", cls);
	sk_page_attr(p, "value", action);
	sk_page_lit(p, ">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</button>");
}

struct may {
	bool vote, asker, close, cancel, comment, issue;
};

/* Permitted, its term is not over, and nothing of it is open. */
static bool may_issue(const struct sk_console *c, const json_t *a)
{
	const json_t *q;
	size_t i;
	bool open = false;

	json_array_foreach(sk_page_get(a, "requests"), i, q)
	{
		open = open || strcmp(sk_page_str(q, "state"), "permitted") == 0 ||
		       strcmp(sk_page_str(q, "state"), "approved") == 0;
	}
	return !open && strcmp(sk_page_str(a, "produces"), "medium") == 0 &&
	       strcmp(sk_page_str(a, "state"), "permitted") == 0 && sk_page_int(a, "until") > c->now;
}

static void may_of(struct sk_console *c, const json_t *a, struct may *m)
{
	const char *state = sk_page_str(a, "state");
	enum sk_role role = c->session.acting;
	struct sk_actor by;

	memset(m, 0, sizeof(*m));
	if (sk_session_actor(&c->session, role, &by) < 0)
		return;
	m->asker = strcmp(sk_page_str(a, "person"), c->session.user) == 0 ||
	           strcmp(sk_page_str(a, "entered_by"), c->session.user) == 0;
	m->vote = sk_store_application_may_vote(c->r->server->store, &by, a, c->now) == 0;
	m->close = !m->asker && (role == SK_ROLE_DESK || role == SK_ROLE_SEC) && strcmp(state, "permitted") == 0;
	m->cancel = !m->asker && strcmp(state, "permitted") == 0 && role != SK_ROLE_STAFF && role != SK_ROLE_DESK &&
	            role != SK_ROLE_AUD;
	m->issue = (m->asker || role == SK_ROLE_DESK) && may_issue(c, a);
	m->comment = m->asker || (role != SK_ROLE_STAFF && role != SK_ROLE_AUD);
}

static void buttons_of_state(struct sk_page *p, const json_t *a, const struct may *m)
{
	const char *state = sk_page_str(a, "state");
	bool permitted = strcmp(state, "permitted") == 0, back = json_is_true(sk_page_get(a, "back"));

	if (m->vote) {
		button(p, "permit", "primary", N_("Permit"));
		button(p, "return", "quiet", N_("Return"));
		button(p, "refuse", "danger", N_("Do not permit"));
	}
	if (m->close)
		button(p, "erased", "quiet", N_("Erased"));
	if (permitted && (m->close || m->asker))
		button(p, "lost", "danger", N_("Lost"));
	if (permitted && m->asker && !back)
		button(p, "done", "quiet", N_("Completed"));
	if (m->issue)
		button(p, "issue", "quiet", N_("Have it issued once more"));
	if (m->cancel)
		button(p, "cancel", "danger", N_("Cancel the permit"));
	if (m->asker &&
	    (strcmp(state, "submitted") == 0 || strcmp(state, "examined") == 0 || strcmp(state, "returned") == 0))
		button(p, "withdraw", "quiet", N_("Withdraw"));
	if (m->comment)
		button(p, "comment", "quiet", N_("Add the comment"));
}

/* What has to be in order before it counts as back (6.2(2)カ). */
static void return_form(struct sk_console *c, const json_t *a)
{
	static const struct {
		const char *name, *word;
	} checks[] = {{"scan", N_("Searched for malware: nothing found (needed)")},
	              {"patches", N_("Updates and virus definitions are current (needed of a device)")},
	              {"files", N_("What was written is what was listed")},
	              {"contents", N_("What is not needed any more was erased")}};
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form method=\"post\" action=\"/applications/");
	(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(a, "number"));
	sk_console_csrf(c);
	sk_page_lit(p, "<fieldset><legend>");
	sk_page_tr(p, N_("Return check"));
	sk_page_lit(p, "</legend>");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		sk_page_lit(p, "<label class=\"radio\"><input type=\"checkbox\" value=\"1\"");
		sk_page_attr(p, "name", checks[i].name);
		sk_page_lit(p, "> ");
		sk_page_tr(p, checks[i].word);
		sk_page_lit(p, "</label>");
	}
	sk_page_lit(p, "</fieldset><p class=\"field\"><label for=\"back-reason\">");
	sk_page_tr(p, N_("Remarks"));
	sk_page_lit(p, "</label><input type=\"text\" id=\"back-reason\" name=\"reason\" maxlength=\"330\"></p><p>");
	button(p, "back", "primary", N_("Brought back and checked"));
	sk_page_lit(p, "</p></form>\n");
}

static void checked(struct sk_page *p, const json_t *a)
{
	static const char *const checks[][2] = {{"scan", N_("Searched for malware: nothing found")},
	                                        {"patches", N_("Updates and virus definitions are current")},
	                                        {"files", N_("What was written is what was listed")},
	                                        {"contents", N_("What is not needed any more was erased")}};
	const json_t *check = sk_page_get(a, "check");

	if (!json_is_object(check))
		return;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Return check"));
	sk_page_lit(p, "<ul class=\"plainlist\">");
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (!json_is_true(sk_page_get(check, checks[i][0])))
			continue;
		sk_page_lit(p, "<li>");
		sk_page_badge(p, SK_TONE_OK, checks[i][1]);
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul><p class=\"sub\">");
	sk_page_time(p, sk_page_int(check, "time"));
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(check, "name"));
	sk_page_lit(p, "</p></section>\n");
}

static void decision(struct sk_console *c, const json_t *a)
{
	const char *typed = sk_form_get(&c->form, "reason");
	bool permitted = strcmp(sk_page_str(a, "state"), "permitted") == 0;
	struct sk_page *p = &c->page;
	struct may m;

	may_of(c, a, &m);
	sk_page_lit(p, "<section class=\"decide\">");
	sk_page_el_tr(p, "h2", NULL, N_("What can be done"));
	if (!m.vote && !m.asker && !m.close && !m.cancel && !m.comment) {
		sk_page_el_tr(p, "p", "sub", N_("Nothing in this role."));
		sk_page_lit(p, "</section>");
		return;
	}
	sk_page_lit(p, "<form method=\"post\" action=\"/applications/");
	(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(a, "number"));
	sk_console_csrf(c);
	sk_page_lit(p, "<p class=\"field\"><label for=\"reason\">");
	sk_page_tr(p, N_("Reason or comment"));
	sk_page_lit(p, "</label><textarea id=\"reason\" name=\"reason\" rows=\"3\" maxlength=\"330\">");
	sk_page_text(p, typed);
	sk_page_lit(p, "</textarea></p><p class=\"buttons\">");
	buttons_of_state(p, a, &m);
	sk_page_lit(p, "</p>");
	if (m.asker && permitted) {
		sk_page_lit(p, "<p class=\"field\"><label for=\"until\">");
		sk_page_tr(p, N_("Longer: new last day"));
		sk_page_lit(p, "</label><input id=\"until\" name=\"until\" type=\"date\"></p><p>");
		button(p, "extend", "quiet", N_("Ask for a longer term"));
		sk_page_lit(p, "</p>");
	}
	if (m.asker && strcmp(sk_page_str(a, "state"), "returned") == 0) {
		sk_page_lit(p, "<p><a class=\"button primary\" href=\"/applications/new?again=");
		(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(a, "number"));
		sk_page_tr(p, N_("Mend it and send it again"));
		sk_page_lit(p, "</a></p>");
	}
	sk_page_lit(p, "</form>");
	if (m.close && json_is_true(sk_page_get(a, "back")))
		return_form(c, a);
	sk_page_lit(p, "</section>\n");
}

static json_t *visible(struct sk_console *c, int *e)
{
	const char *tail = sk_request_tail(c->r);
	unsigned long long number;
	json_t *a = NULL;

	*e = -ENOENT;
	if (tail == NULL || sk_text_u64(tail, 1, INT64_MAX, &number) < 0)
		return NULL;
	a = sk_store_application(c->r->server->store, (int64_t)number, c->now);
	if (a != NULL && (strcmp(sk_page_str(a, "person"), c->session.user) == 0 ||
	                  strcmp(sk_page_str(a, "entered_by"), c->session.user) == 0 ||
	                  sk_console_sees(c, sk_page_str(a, "unit")))) {
		*e = 0;
		return a;
	}
	json_decref(a);
	return NULL;
}

static int show(struct sk_console *c, const json_t *a, int code)
{
	struct sk_kinds *kinds = sk_console_kinds(c);
	const char *label = sk_page_str(a, "label");
	struct sk_page *p = &c->page;
	char object[48];

	if (kinds == NULL)
		return -EIO;
	snprintf(object, sizeof(object), "application:%lld", sk_page_int(a, "number"));
	sk_console_audit_view(c, object);
	sk_console_begin(c, N_("Application"), label);
	sk_page_lit(p, "<header class=\"subject\"><h1>");
	sk_page_say(p, N_("Application %1"), label);
	sk_page_lit(p, "</h1>");
	sk_part_application_state(p, a);
	sk_page_lit(p, "</header>\n<div class=\"beside\"><div>");
	if (sk_page_int(a, "extends") > 0) {
		sk_page_lit(p, "<p class=\"lead\"><a href=\"/applications/");
		(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(a, "extends"));
		sk_page_tr(p, N_("Lengthens an earlier one"));
		sk_page_lit(p, "</a></p>");
	}
	facts(p, kinds, a);
	route(p, a);
	produced(p, a);
	checked(p, a);
	sk_page_lit(p, "</div>");
	decision(c, a);
	sk_page_lit(p, "<div>");
	course(p, a);
	sk_page_lit(p, "</div></div>");
	sk_console_end(c);
	sk_kinds_free(kinds);
	return code;
}

int sk_page_application(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");
	int e;
	json_t *a = visible(c, &e);

	for (size_t i = 0; done != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (actions[i].done != NULL && strcmp(actions[i].action, done) == 0)
			c->done = actions[i].done;
	}
	if (a != NULL)
		e = show(c, a, 200);
	json_decref(a);
	return e;
}

static int until_of(const char *text, sk_ms *out)
{
	char full[32];

	*out = 0;
	if (text == NULL || *text == '\0')
		return 0;
	if (strlen(text) != 10)
		return -EINVAL;
	snprintf(full, sizeof(full), "%sT23:59:59", text);
	return sk_console_parse_time(full, out);
}

/* What it produced began or ended: the terminals hear of it at once. */
static void wake(struct sk_console *c, int64_t number)
{
	json_t *a = sk_store_application(c->r->server->store, number, c->now);
	const json_t *q;
	struct sk_terminal t;
	size_t i;

	json_array_foreach(sk_page_get(a, "requests"), i, q)
	    sk_orders_wake(c->r->server->orders, sk_page_str(q, "terminal"));
	if (strcmp(sk_page_str(a, "produces"), "setting") == 0 &&
	    sk_store_terminal_named(c->r->server->store, sk_page_str(sk_page_get(a, "fields"), "terminal"), &t) == 0)
		sk_orders_wake(c->r->server->orders, t.id);
	json_decref(a);
}

static int back(struct sk_console *c, const struct sk_actor *by, int64_t number, const char *reason, struct sk_err *err)
{
	struct sk_return_check check = {.scan = sk_form_get(&c->form, "scan") != NULL,
	                                .patches = sk_form_get(&c->form, "patches") != NULL,
	                                .files = sk_form_get(&c->form, "files") != NULL,
	                                .contents = sk_form_get(&c->form, "contents") != NULL};

	return sk_store_application_back(c->r->server->store, by, number, &check, reason, c->now, err);
}

static int act(struct sk_console *c, const json_t *a, const char *action)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	const char *reason;
	int64_t made = 0;
	char to[96];
	sk_ms until;
	int e;

	if (sk_form_text(&c->form, "reason", REASON_MAX, &reason) < 0 ||
	    until_of(sk_form_get(&c->form, "until"), &until) < 0 ||
	    sk_session_actor(&c->session, c->session.acting, &by) < 0)
		return -EINVAL;
	if (strcmp(action, "back") == 0)
		e = back(c, &by, sk_page_int(a, "number"), reason, &err);
	else
		e = sk_store_application_act(c->r->server->store, &by, sk_page_int(a, "number"), action, reason, until,
		                             c->now, &made, &err);
	if (e == 0) {
		wake(c, sk_page_int(a, "number"));
		snprintf(to, sizeof(to), "/applications/%lld?done=%s",
		         made != 0 ? (long long)made : sk_page_int(a, "number"), action);
		return sk_console_redirect(c, to);
	}
	return e;
}

static const char *not_done(int e, const char *action)
{
	if (e == -EINVAL && strcmp(action, "back") == 0)
		return N_("A check that is needed is not ticked. What was found is an incident: report it. Nothing was "
		          "changed.");
	if (e == -EINVAL)
		return N_("A reason or a later last day is needed for this. Nothing was changed.");
	if (e == -ENXIO)
		return N_(
		    "The medium or the terminal it names cannot be used any more. Return it to be mended; nothing was "
		    "changed.");
	return N_("Somebody was faster, or it is in another state now. Nothing was changed.");
}

int sk_page_application_act(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action"), *known = NULL;
	json_t *a, *now;
	int e;

	for (size_t i = 2; action != NULL && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].action, action) == 0)
			known = actions[i].action;
	}
	if (known == NULL)
		return -EINVAL;
	a = visible(c, &e);
	if (a == NULL)
		return e;
	e = act(c, a, known);
	if (e == -EINVAL || e == -ESTALE || e == -ENXIO) {
		now = sk_store_application(c->r->server->store, sk_page_int(a, "number"), c->now);
		c->problem = not_done(e, known);
		e = now == NULL ? -EIO : show(c, now, e == -EINVAL ? 400 : 409);
		json_decref(now);
	}
	json_decref(a);
	return e;
}
