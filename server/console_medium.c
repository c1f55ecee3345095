/*
 * One medium of the ledger: what is known of it, its state and who changed it. Helpdesk and information system manager change it. The store
 * decides again in the transaction. Also the pieces that this page and the list share.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "policy/ledger.h"
#include "server/store_media.h"

#define REASON_MAX 1000

static const enum sk_medium_state states[] = {SK_MEDIUM_STORED, SK_MEDIUM_LENT, SK_MEDIUM_OUT,    SK_MEDIUM_LONG_TERM,
                                              SK_MEDIUM_REPAIR, SK_MEDIUM_LOST, SK_MEDIUM_ERASED, SK_MEDIUM_DISPOSED};
#define N_STATES (sizeof(states) / sizeof(states[0]))

void sk_part_medium_state(struct sk_page *p, const char *name)
{
	enum sk_medium_state s;
	enum sk_tone tone = SK_TONE_PLAIN;

	if (sk_medium_state_parse(name, &s) < 0) {
		sk_page_text(p, name);
		return;
	}
	if (s == SK_MEDIUM_STORED)
		tone = SK_TONE_OK;
	else if (s == SK_MEDIUM_LENT || s == SK_MEDIUM_OUT)
		tone = SK_TONE_GRACE;
	else if (s == SK_MEDIUM_LOST)
		tone = SK_TONE_BAD;
	sk_page_badge(p, tone, sk_medium_state_word(s));
}

void sk_part_medium_states(struct sk_page *p, const char *chosen)
{
	for (size_t i = 0; i < N_STATES; i++) {
		const char *name = sk_medium_state_name(states[i]);

		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", name);
		sk_page_raw(p, chosen != NULL && strcmp(chosen, name) == 0 ? " selected>" : ">");
		sk_page_tr(p, sk_medium_state_word(states[i]));
		sk_page_lit(p, "</option>");
	}
}

void sk_part_medium_unit(struct sk_page *p, const json_t *m)
{
	if (*sk_page_str(m, "unit") == '\0')
		sk_page_tr(p, N_("Whole office"));
	else
		sk_part_unit(p, m);
}

static void hidden(struct sk_page *p, const char *name, const char *value)
{
	sk_page_lit(p, "<input type=\"hidden\"");
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", value);
	sk_page_lit(p, ">");
}

/* Where it was last written, and what was done with it since, which decides on other zones (3(2)ア, 6.4(3)オ). */
static void zone_facts(struct sk_page *p, const json_t *m)
{
	enum sk_zone zone;
	enum sk_clean clean;

	if (sk_zone_parse(sk_page_str(m, "written_zone"), &zone) < 0)
		return;
	sk_page_dt(p, N_("Last written in"));
	sk_page_tr(p, sk_zone_word(zone));
	sk_page_lit(p, " ");
	sk_page_time(p, sk_page_int(m, "written"));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Sanitising record since then"));
	if (sk_clean_parse(sk_page_str(m, "clean"), &clean) < 0) {
		sk_page_tr(p, N_("none"));
	} else {
		sk_page_tr(p, sk_clean_word(clean));
		sk_page_lit(p, " ");
		sk_page_time(p, sk_page_int(m, "cleaned"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(m, "cleaned_by"));
	}
	sk_page_dd_end(p);
}

static void facts(struct sk_page *p, const json_t *m)
{
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_fact(p, N_("Label"), sk_page_str(m, "label"));
	sk_page_dt(p, N_("What the medium says it is"));
	sk_part_device_name(p, m);
	sk_page_dd_end(p);
	sk_page_fact(p, N_("Serial number"), sk_page_str(m, "serial"));
	sk_page_dt(p, N_("Size"));
	sk_page_bytes(p, sk_page_int(m, "size"));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Section"));
	sk_part_medium_unit(p, m);
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Grade"));
	sk_page_el_tr(p, "strong", NULL, sk_word_grade(sk_page_str(m, "grade")));
	sk_page_lit(p, " ");
	sk_page_tr(p, sk_word_grade_meaning(sk_page_str(m, "grade")));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Registered"));
	sk_page_time(p, sk_page_int(m, "registered"));
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(m, "registered_by"));
	sk_page_dd_end(p);
	sk_page_dt(p, N_("Last used"));
	sk_page_time(p, sk_page_int(m, "seen"));
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(m, "seen_host"));
	sk_page_dd_end(p);
	zone_facts(p, m);
	sk_page_lit(p, "</dl>\n");
}

static void history(struct sk_page *p, const json_t *m)
{
	const json_t *list = sk_page_get(m, "history"), *h;
	size_t i;

	sk_page_el_tr(p, "h2", NULL, N_("History"));
	sk_page_lit(p, "<ol class=\"course\">");
	json_array_foreach(list, i, h)
	{
		char action[40];

		snprintf(action, sizeof(action), "medium.%s", sk_page_str(h, "action"));
		sk_page_lit(p, "<li>");
		sk_page_time(p, sk_page_int(h, "time"));
		sk_page_lit(p, " ");
		sk_page_el_tr(p, "strong", NULL, sk_word_action(action));
		sk_page_lit(p, " ");
		sk_part_medium_state(p, sk_page_str(h, "state"));
		sk_page_lit(p, " ");
		sk_page_text(p, sk_page_str(h, "name"));
		if (*sk_page_str(h, "reason") != '\0')
			sk_page_el(p, "p", "reason", sk_page_str(h, "reason"));
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ol>\n");
}

static void state_form(struct sk_console *c, const json_t *m)
{
	struct sk_page *p = &c->page;
	const char *entered = sk_form_get(&c->form, "reason"), *chosen = sk_form_get(&c->form, "state");

	if ((c->session.acting & (SK_ROLE_DESK | SK_ROLE_SYS)) == 0 ||
	    strcmp(sk_page_str(m, "state"), sk_medium_state_name(SK_MEDIUM_DISPOSED)) == 0)
		return;
	sk_page_lit(p, "<form class=\"sheet\" method=\"post\" action=\"/media/");
	sk_page_url(p, sk_page_str(m, "ledger"));
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	hidden(p, "from", sk_page_str(m, "state"));
	sk_page_lit(p, "<p class=\"field\"><label for=\"new-state\">");
	sk_page_tr(p, N_("New state"));
	sk_page_lit(p, "</label><select id=\"new-state\" name=\"state\">");
	sk_part_medium_states(p, chosen != NULL ? chosen : sk_page_str(m, "state"));
	sk_page_lit(p, "</select></p><p class=\"field\"><label for=\"state-reason\">");
	sk_page_tr(p, N_("Reason (needed for lost, erased and disposed of)"));
	sk_page_lit(p, "</label><textarea id=\"state-reason\" name=\"reason\" rows=\"2\" maxlength=\"330\">");
	sk_page_text(p, entered);
	sk_page_lit(p, "</textarea></p><p><button class=\"primary\">");
	sk_page_tr(p, N_("Change the state"));
	sk_page_lit(p, "</button></p></form>\n");
}

static void clean_form(struct sk_console *c, const json_t *m)
{
	struct sk_page *p = &c->page;
	const char *how = sk_form_get(&c->form, "how");

	if ((c->session.acting & (SK_ROLE_DESK | SK_ROLE_SYS)) == 0 ||
	    strcmp(sk_page_str(m, "state"), sk_medium_state_name(SK_MEDIUM_DISPOSED)) == 0)
		return;
	sk_page_lit(p, "<form class=\"sheet\" method=\"post\" action=\"/media/");
	sk_page_url(p, sk_page_str(m, "ledger"));
	sk_page_lit(p, "\">");
	sk_console_csrf(c);
	hidden(p, "from", sk_page_str(m, "state"));
	sk_page_lit(p, "<p class=\"field\"><label for=\"how\">");
	sk_page_tr(p, N_("Done before it goes into another zone"));
	sk_page_lit(p, "</label><select id=\"how\" name=\"how\">");
	for (int i = SK_CLEAN_SANITISED; i >= SK_CLEAN_SCANNED; i--) {
		const char *name = sk_clean_name((enum sk_clean)i);

		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", name);
		sk_page_raw(p, how != NULL && strcmp(how, name) == 0 ? " selected>" : ">");
		sk_page_tr(p, sk_clean_word((enum sk_clean)i));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p><p class=\"field\"><label for=\"with\">");
	sk_page_tr(p, N_("With what, and what came of it"));
	sk_page_lit(p, "</label><textarea id=\"with\" name=\"with\" rows=\"2\" maxlength=\"330\" required>");
	sk_page_text(p, sk_form_get(&c->form, "with"));
	sk_page_lit(p, "</textarea></p><p><button>");
	sk_page_tr(p, N_("Put on record"));
	sk_page_lit(p, "</button></p></form>\n");
}

/* What can be printed of it. */
static void papers(struct sk_page *p, const json_t *m)
{
	sk_page_lit(p, "<p class=\"buttons\"><a class=\"button\" href=\"/labels?ledger=");
	sk_page_url(p, sk_page_str(m, "ledger"));
	sk_page_lit(p, "\">");
	sk_page_tr(p, N_("Label"));
	sk_page_lit(p, "</a>");
	if (sk_medium_has_certificate(m)) {
		sk_page_lit(p, " <a class=\"button\" href=\"/certificates/");
		sk_page_url(p, sk_page_str(m, "ledger"));
		sk_page_lit(p, "\">");
		sk_page_tr(p, N_("Certificate"));
		sk_page_lit(p, "</a>");
	}
	sk_page_lit(p, "</p>\n");
}

static bool visible(const struct sk_console *c, const json_t *m)
{
	return *sk_page_str(m, "unit") == '\0' || sk_console_sees(c, sk_page_str(m, "unit"));
}

static int one_page(struct sk_console *c, int code)
{
	const char *ledger = sk_request_tail(c->r), *unit;
	json_t *erasures;
	json_t *m = ledger != NULL && sk_ledger_is_number(ledger) ? sk_store_medium(c->r->server->store, ledger) : NULL;
	int e = sk_console_scope(c, &unit);

	if (m == NULL || e < 0 || !visible(c, m)) {
		json_decref(m);
		return e < 0 ? e : -ENOENT;
	}
	sk_console_begin(c, N_("Medium"), ledger);
	sk_page_lit(&c->page, "<h1>");
	sk_page_tr(&c->page, N_("Medium"));
	sk_page_lit(&c->page, " ");
	sk_page_text(&c->page, ledger);
	sk_page_lit(&c->page, " ");
	sk_part_medium_state(&c->page, sk_page_str(m, "state"));
	sk_page_lit(&c->page, "</h1>\n");
	facts(&c->page, m);
	papers(&c->page, m);
	state_form(c, m);
	clean_form(c, m);
	erasures = sk_store_medium_erasures(c->r->server->store, ledger);
	sk_part_erasures(&c->page, erasures);
	json_decref(erasures);
	history(&c->page, m);
	sk_console_end(c);
	json_decref(m);
	return code;
}

int sk_page_medium(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");
	char object[64];

	snprintf(object, sizeof(object), "medium:%.40s", sk_request_tail(c->r) == NULL ? "" : sk_request_tail(c->r));
	sk_console_audit_view(c, object);
	if (done != NULL)
		c->done = strcmp(done, "clean") == 0 ? N_("It is on record.") : N_("The state was changed.");
	return one_page(c, 200);
}

/* A status for the page, with c->problem said; or negative: an error page. */
int sk_console_media_refused(struct sk_console *c, int r, const struct sk_err *err)
{
	switch (r) {
	case -EINVAL:
		c->problem =
		    N_("A ledger number of letters, digits, dot, dash and underline is needed; for lost, erased "
		       "and disposed of, when it is not registered, and for a sanitising record, a text too.");
		return 400;
	case -EEXIST:
		c->problem =
		    N_("This number is another medium's, or this medium is in the ledger under another number.");
		return 409;
	case -ESTALE:
		c->problem = N_("Somebody was faster, or the medium is disposed of. This is how it stands now.");
		return 409;
	case -EPERM:
		return -EACCES;
	default:
		sk_log(SK_LOG_ERR, "console: media: %s", err->text);
		return r;
	}
}

static int change(struct sk_console *c, const struct sk_actor *by, const char *ledger, struct sk_err *err)
{
	const char *state = sk_form_get(&c->form, "state"), *how = sk_form_get(&c->form, "how"), *text;

	if (how != NULL)
		return sk_form_text(&c->form, "with", REASON_MAX, &text) < 0
		           ? -EINVAL
		           : sk_store_media_cleaned(c->r->server->store, by, ledger, how, text, c->now, err);
	if (sk_form_text(&c->form, "reason", REASON_MAX, &text) < 0 || state == NULL)
		return -EINVAL;
	return sk_store_media_state(c->r->server->store, by, ledger, state, text, c->now, err);
}

int sk_page_medium_post(struct sk_console *c)
{
	const char *ledger = sk_request_tail(c->r), *from = sk_form_get(&c->form, "from");
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	json_t *m = ledger != NULL && sk_ledger_is_number(ledger) ? sk_store_medium(c->r->server->store, ledger) : NULL;
	int r = m == NULL ? -ENOENT : sk_session_actor(&c->session, c->session.acting, &by);

	/* The form was made for one state: two who change it at once do not undo each other unseen. */
	if (r == 0 && from != NULL && strcmp(from, sk_page_str(m, "state")) != 0)
		r = -ESTALE;
	json_decref(m);
	if (r == 0)
		r = change(c, &by, ledger, &err);
	if (r < 0) {
		r = r == -ENOENT ? r : sk_console_media_refused(c, r, &err);
		return r < 0 ? r : one_page(c, r);
	}
	snprintf(c->location, sizeof(c->location), "/media/%s?done=%s", ledger,
	         sk_form_get(&c->form, "how") != NULL ? "clean" : "state");
	return 303;
}
