/*
 * The helpdesk at the telephone: a challenge is typed in with who permitted it and who was called back, and the answer is shown, once, to be read out.
 * Below, what was answered and what became of it (7.4(2) for the urgent ones).
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "server/store_phone.h"

#define FIELD_MAX 255

static void profiles(struct sk_console *c)
{
	const char *chosen = sk_form_get(&c->form, "profile");
	struct sk_page *p = &c->page;
	char code[8];

	sk_page_lit(p, "<fieldset><legend>");
	sk_page_tr(p, N_("What the code gives"));
	sk_page_lit(p, "</legend>");
	for (const struct sk_phone_profile *f = sk_phone_profiles; f->code != 0; f++) {
		snprintf(code, sizeof(code), "%02u", f->code);
		sk_page_lit(p, "<label class=\"radio\"><input type=\"radio\" name=\"profile\" required");
		sk_page_attr(p, "value", code);
		if (chosen != NULL ? strcmp(chosen, code) == 0 : f == sk_phone_profiles)
			sk_page_lit(p, " checked");
		sk_page_lit(p, "> ");
		sk_page_text(p, code);
		sk_page_lit(p, " ");
		sk_page_tr(p, f->word);
		sk_page_lit(p, "</label>");
	}
	sk_page_lit(p, "</fieldset>");
}

static void form(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form class=\"sheet\" method=\"post\" action=\"/phone\">");
	sk_console_csrf(c);
	sk_part_field(c, "terminal", N_("Terminal (host name)"), NULL, "");
	sk_part_field(c, "challenge", N_("Number the person reads out"),
	              N_("32 digits. The last one checks the others: a slip is noticed."), " inputmode=\"numeric\"");
	sk_part_field(c, "person", N_("Login name at the terminal"), NULL, "");
	sk_part_field(c, "callback", N_("Number called back"),
	              N_("From the office's directory, never one the caller gives."), "tel");
	sk_part_field(c, "permitted_by", N_("Permitted by (account of the section's manager)"),
	              N_("Left empty with the box below ticked: an urgent exception."), "");
	sk_page_lit(p,
	            "<p class=\"field\"><label class=\"radio\"><input type=\"checkbox\" name=\"urgent\" value=\"1\"");
	if (sk_form_get(&c->form, "urgent") != NULL)
		sk_page_lit(p, " checked");
	sk_page_lit(p, "> ");
	sk_page_tr(p,
	           N_("Urgent exception (Countermeasure standard 7.4(2)): to be reported to the CISO without delay"));
	sk_page_lit(p, "</label></p>");
	sk_part_field(c, "reason", N_("Reason"), NULL, "");
	profiles(c);
	sk_page_lit(p, "<p><button class=\"primary\">");
	sk_page_tr(p, N_("Show the answer"));
	sk_page_lit(p, "</button></p></form>\n");
}

static void table(struct sk_page *p, const json_t *rows)
{
	static const char *const heads[] = {
	    N_("Time"),   N_("Terminal"), N_("Person"), N_("What the code gives"), N_("Permitted by"), N_("Issued by"),
	    N_("Reason"), N_("State"),    NULL};
	const json_t *r;
	size_t i;

	sk_page_table(p, "list", N_("Answers given by telephone"), heads);
	json_array_foreach(rows, i, r)
	{
		const struct sk_phone_profile *f = sk_phone_profile((unsigned)sk_page_int(r, "profile"));
		const char *state = sk_page_str(r, "state");

		sk_page_lit(p, "<tr><td>");
		sk_page_time(p, sk_page_int(r, "created"));
		sk_page_lit(p, "</td>");
		sk_page_el(p, "td", NULL, sk_page_str(r, "host"));
		sk_page_el(p, "td", NULL, sk_page_str(r, "person"));
		sk_page_el_tr(p, "td", NULL, f != NULL ? f->word : "-");
		if (*sk_page_str(r, "permitted_by") != '\0')
			sk_page_el(p, "td", NULL, sk_page_str(r, "permitted_by"));
		else
			sk_page_el_tr(p, "td", NULL, N_("Urgent exception"));
		sk_page_el(p, "td", NULL, sk_page_str(r, "name"));
		sk_page_el(p, "td", NULL, sk_page_str(r, "reason"));
		sk_page_lit(p, "<td>");
		sk_page_badge(p,
		              *state == 'r'   ? SK_TONE_OK
		              : *state == 'u' ? SK_TONE_BAD
		                              : SK_TONE_GRACE,
		              *state == 'r'   ? N_("Used")
		              : *state == 'u' ? N_("Never used")
		                              : N_("Given, use not reported yet"));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
}

static int page(struct sk_console *c, int code, const char *answer)
{
	struct sk_page *p = &c->page;
	json_t *rows = sk_store_phone_list(c->r->server->store, 100);

	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Permits by telephone"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Permits by telephone"));
	if (answer != NULL) {
		sk_page_lit(p, "<section><p class=\"notice\" role=\"status\">");
		sk_page_tr(p, N_("Read this out, group by group. It is shown this once:"));
		sk_page_lit(p, "</p><p class=\"number\"><strong id=\"answer\">");
		sk_page_text(p, answer);
		sk_page_lit(p, "</strong></p></section>\n");
	} else if (c->session.acting == SK_ROLE_DESK) {
		form(c);
	}
	if (json_array_size(rows) == 0)
		sk_part_empty(p, N_("No answer was given by telephone yet."));
	else
		table(p, rows);
	sk_console_end(c);
	json_decref(rows);
	return code;
}

int sk_page_phone(struct sk_console *c)
{
	sk_console_audit_view(c, "/phone");
	return page(c, 200, NULL);
}

/* The form, bounded. 0, or -EINVAL with c->problem said. */
static int read_form(struct sk_console *c, struct sk_phone_issue *i, char id[SK_UUID_LEN])
{
	const char *terminal, *profile;
	unsigned long long number = 0;
	struct sk_terminal t;

	if (sk_form_text(&c->form, "terminal", FIELD_MAX, &terminal) < 0 ||
	    sk_form_text(&c->form, "challenge", FIELD_MAX, &i->challenge) < 0 ||
	    sk_form_text(&c->form, "person", 63, &i->person) < 0 ||
	    sk_form_text(&c->form, "reason", FIELD_MAX, &i->reason) < 0 ||
	    sk_form_text(&c->form, "callback", FIELD_MAX, &i->callback) < 0 ||
	    sk_form_text(&c->form, "permitted_by", 63, &i->permitted_by) < 0 ||
	    sk_form_text(&c->form, "profile", 2, &profile) < 0 || sk_text_u64(profile, 1, 99, &number) < 0) {
		c->problem = N_("A field is too long, or the profile was not chosen.");
		return -EINVAL;
	}
	i->profile = (unsigned)number;
	if ((sk_form_get(&c->form, "urgent") != NULL) == (*i->permitted_by != '\0')) {
		c->problem = N_("Write who permitted it, or tick that it is an urgent exception; one of the two.");
		return -EINVAL;
	}
	if (*i->person == '\0' || *i->reason == '\0' || *i->callback == '\0') {
		c->problem = N_("Login name, number called back and reason are needed.");
		return -EINVAL;
	}
	if (sk_store_terminal_named(c->r->server->store, terminal, &t) < 0) {
		c->problem = N_("No terminal of that name is enrolled.");
		return -EINVAL;
	}
	sk_text_copy(id, SK_UUID_LEN, t.id);
	i->terminal = id;
	return 0;
}

static int not_issued(struct sk_console *c, int r, const struct sk_err *err)
{
	switch (r) {
	case SK_PHONE_TYPO:
		c->problem =
		    N_("The number has a typing mistake: its check digit does not fit. Have it read out again.");
		return 400;
	case -EINVAL:
		c->problem = N_("This number cannot be answered: it is not 32 digits, or not of a key of this server.");
		return 400;
	case -EXDEV:
		c->problem = N_("The number was made on another terminal.");
		return 409;
	case -EEXIST:
		c->problem = N_("This number was answered before. An answer is shown once: have a new number made.");
		return 409;
	case -EPERM:
		c->problem = N_("Not possible: the manager must be one of this terminal's section, and nobody may ask, "
		                "permit and issue at once.");
		return 403;
	default:
		sk_log(SK_LOG_ERR, "console: telephone: %s", err->text);
		return r == -ENOENT ? 404 : r;
	}
}

int sk_page_phone_post(struct sk_console *c)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_phone_issue i = {0};
	char id[SK_UUID_LEN], answer[SK_PHONE_TEXT];
	struct sk_actor by;
	int r = read_form(c, &i, id);

	if (r < 0)
		return page(c, 400, NULL);
	r = sk_session_actor(&c->session, c->session.acting, &by);
	if (r == 0)
		r = sk_store_phone_issue(c->r->server->store, &by, &i, c->now, answer, &err);
	if (r != 0) {
		r = not_issued(c, r, &err);
		return r < 0 ? r : page(c, r, NULL);
	}
	r = page(c, 200, answer);
	explicit_bzero(answer, sizeof(answer));
	return r;
}
