/*
 * The media ledger: what waits to be registered, and what is in it. The section's manager sees the section's media and the whole office's; the
 * information system manager registers. The store decides again in the transaction.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "policy/ledger.h"
#include "server/store_media.h"

#define PER_PAGE   50
#define FIND_MAX   64
#define REASON_MAX 1000

/* ---- what waits to be registered ---- */

static void registration_form(struct sk_console *c, const json_t *q)
{
	struct sk_page *p = &c->page;
	long long id = sk_page_int(q, "id"), sent = 0;
	/* What was typed stays when it was refused. */
	bool again = sk_text_i64(sk_request_tail(c->r), 1, INT64_MAX, &sent) == 0 && sent == id;
	const char *ledger = again ? sk_form_get(&c->form, "ledger") : NULL,
	           *reason = again ? sk_form_get(&c->form, "reason") : NULL;

	(void)sk_buf_addf(&p->out, "<form class=\"inline\" method=\"post\" action=\"/registrations/%lld\">", id);
	sk_console_csrf(c);
	(void)sk_buf_addf(&p->out, "<p class=\"field\"><label for=\"ledger-%lld\">", id);
	sk_page_tr(p, N_("Ledger number"));
	(void)sk_buf_addf(&p->out, "</label><input id=\"ledger-%lld\" name=\"ledger\" maxlength=\"32\" required", id);
	sk_page_attr(p, "value", ledger != NULL ? ledger : sk_page_str(q, "ledger"));
	(void)sk_buf_addf(&p->out, "></p><p class=\"field\"><label for=\"reason-%lld\">", id);
	sk_page_tr(p, N_("Reason, if it is not registered"));
	(void)sk_buf_addf(&p->out, "</label><input id=\"reason-%lld\" name=\"reason\" maxlength=\"330\"", id);
	sk_page_attr(p, "value", reason == NULL ? "" : reason);
	sk_page_lit(p, "></p>");
	sk_page_lit(p, "<p class=\"buttons\"><button class=\"primary\" name=\"action\" value=\"approve\">");
	sk_page_tr(p, N_("Register"));
	sk_page_lit(p, "</button><button class=\"danger\" name=\"action\" value=\"refuse\">");
	sk_page_tr(p, N_("Do not register"));
	sk_page_lit(p, "</button></p></form>");
}

static void registration(struct sk_console *c, const json_t *q)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<tr><th scope=\"row\" class=\"free\">");
	sk_part_device_name(p, q);
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_text(p, sk_page_str(q, "serial"));
	sk_page_lit(p, " ");
	sk_page_bytes(p, sk_page_int(q, "size"));
	sk_page_lit(p, "</span></th><td class=\"free\">");
	sk_page_text(p, sk_page_str(q, "label"));
	if (*sk_page_str(q, "known") != '\0') {
		sk_page_lit(p, "<br><span class=\"sub\">");
		sk_page_say(p, N_("In the ledger as %1"), sk_page_str(q, "known"));
		sk_page_lit(p, "</span>");
	}
	sk_page_lit(p, "</td><td>");
	sk_page_text(p, sk_page_str(q, "host"));
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_ago(p, sk_page_int(q, "created"));
	sk_page_lit(p, "</span></td><td>");
	if (c->session.acting == SK_ROLE_SYS)
		registration_form(c, q);
	else
		sk_page_text(p, sk_page_str(q, "ledger"));
	sk_page_lit(p, "</td></tr>\n");
}

static int registrations(struct sk_console *c, const char *unit)
{
	static const char *const head[] = {N_("Medium"), N_("Label"), N_("Terminal"), N_("Registration"), NULL};
	json_t *rows = sk_store_media_requests(c->r->server->store, unit, true, 200);
	const json_t *q;
	size_t i;

	if (rows == NULL)
		return -EIO;
	if (json_array_size(rows) > 0) {
		sk_page_el_tr(&c->page, "h2", NULL, N_("Waiting to be registered"));
		sk_page_table(&c->page, "registrations", N_("Waiting to be registered"), head);
		json_array_foreach(rows, i, q) registration(c, q);
		sk_page_table_end(&c->page);
	}
	json_decref(rows);
	return 0;
}

/* ---- the ledger ---- */

struct filter {
	const char *unit, *state;
	char find[FIND_MAX + 1];
	long long page;
};

static int read_filter(struct sk_console *c, struct filter *f)
{
	const char *state = sk_request_query(c->r, "state"), *find = sk_request_query(c->r, "find");
	enum sk_medium_state s;
	int e;

	memset(f, 0, sizeof(*f));
	e = sk_console_scope(c, &f->unit);
	if (e < 0)
		return e;
	if (state != NULL && *state != '\0') {
		if (sk_medium_state_parse(state, &s) < 0)
			return -EINVAL;
		f->state = state;
	}
	if (find != NULL) {
		if (strlen(find) > FIND_MAX)
			return -EINVAL;
		sk_text_copy(f->find, sizeof(f->find), find);
		sk_text_trim(f->find);
	}
	f->page = sk_query_page(c->r);
	return 0;
}

static void filter_form(struct sk_page *p, const struct filter *f)
{
	sk_page_lit(p,
	            "<form class=\"filter\" role=\"search\" method=\"get\" action=\"/media\"><p class=\"field\"><label "
	            "for=\"state\">");
	sk_page_tr(p, N_("State"));
	sk_page_lit(p, "</label><select id=\"state\" name=\"state\"><option value=\"\">");
	sk_page_tr(p, N_("all"));
	sk_page_lit(p, "</option>");
	sk_part_medium_states(p, f->state);
	sk_page_lit(p, "</select></p><p class=\"field grow\"><label for=\"find\">");
	sk_page_tr(p, N_("Ledger number, serial number, product or label contains"));
	sk_page_lit(p, "</label><input id=\"find\" name=\"find\" type=\"search\" maxlength=\"64\"");
	sk_page_attr(p, "value", f->find);
	sk_page_lit(p, "></p><p><button>");
	sk_page_tr(p, N_("Show"));
	sk_page_lit(p, "</button></p></form>\n");
}

static void row(struct sk_page *p, const json_t *m)
{
	sk_page_lit(p, "<tr><th scope=\"row\"><a class=\"number\" href=\"/media/");
	sk_page_url(p, sk_page_str(m, "ledger"));
	sk_page_lit(p, "\">");
	sk_page_text(p, sk_page_str(m, "ledger"));
	sk_page_lit(p, "</a></th><td>");
	sk_part_medium_state(p, sk_page_str(m, "state"));
	sk_page_lit(p, "</td><td class=\"free\">");
	sk_page_text(p, sk_page_str(m, "label"));
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_part_device_name(p, m);
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(m, "serial"));
	sk_page_lit(p, "</span></td><td>");
	sk_page_bytes(p, sk_page_int(m, "size"));
	sk_page_lit(p, "</td><td>");
	sk_part_medium_unit(p, m);
	sk_page_lit(p, "</td><td>");
	sk_page_text(p, sk_page_str(m, "grade"));
	sk_page_lit(p, "</td><td>");
	if (sk_page_int(m, "seen") > 0)
		sk_page_ago(p, sk_page_int(m, "seen"));
	else
		sk_page_el_tr(p, "span", "none", N_("never"));
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_text(p, sk_page_str(m, "seen_host"));
	sk_page_lit(p, "</span></td></tr>\n");
}

static void query_of(const struct filter *f, struct sk_page *out)
{
	if (f->state != NULL) {
		sk_page_lit(out, "state=");
		sk_page_url(out, f->state);
		sk_page_lit(out, "&");
	}
	if (f->find[0] != '\0') {
		sk_page_lit(out, "find=");
		sk_page_url(out, f->find);
		sk_page_lit(out, "&");
	}
}

static void list(struct sk_console *c, const struct filter *f, const json_t *rows)
{
	static const char *const head[] = {N_("Ledger number"), N_("State"), N_("Medium"),    N_("Size"),
	                                   N_("Section"),       N_("Grade"), N_("Last used"), NULL};
	struct sk_page query;
	const json_t *m;
	size_t i;

	if (json_array_size(rows) == 0) {
		sk_part_empty(&c->page, N_("No medium matches."));
		return;
	}
	sk_page_table(&c->page, "media", N_("Media ledger"), head);
	json_array_foreach(rows, i, m)
	{
		if (i < PER_PAGE)
			row(&c->page, m);
	}
	sk_page_table_end(&c->page);
	sk_page_init(&query, c->page.lang, c->now);
	query_of(f, &query);
	sk_part_pager(&c->page, "/media", query.out.data, f->page, json_array_size(rows) > PER_PAGE);
	sk_page_lit(&c->page, "<p><a href=\"/labels?find=");
	sk_page_url(&c->page, f->find);
	sk_page_lit(&c->page, "\">");
	sk_page_tr(&c->page, N_("Print labels"));
	sk_page_lit(&c->page, "</a></p>\n");
	sk_page_deinit(&query);
}

static int list_page(struct sk_console *c, int code)
{
	struct filter f;
	json_t *rows;
	int e = read_filter(c, &f);

	if (e < 0)
		return e;
	rows = sk_store_media(c->r->server->store, f.unit, f.find[0] != '\0' ? f.find : NULL, f.state, PER_PAGE + 1,
	                      (int)(f.page - 1) * PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Media ledger"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Media ledger"));
	e = registrations(c, f.unit);
	filter_form(&c->page, &f);
	list(c, &f, rows);
	sk_console_end(c);
	json_decref(rows);
	return e < 0 ? e : code;
}

int sk_page_media(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");

	if (done != NULL && strcmp(done, "approve") == 0)
		c->done = N_("Registered. Terminals know it within a minute.");
	else if (done != NULL && strcmp(done, "refuse") == 0)
		c->done = N_("Not registered.");
	return list_page(c, 200);
}

int sk_page_registration_post(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action"), *ledger, *reason, *tail = sk_request_tail(c->r);
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	long long id;
	int r = sk_session_actor(&c->session, c->session.acting, &by);

	if (tail == NULL || sk_text_i64(tail, 1, INT64_MAX, &id) < 0)
		return -ENOENT;
	if (r == 0 && (action == NULL || sk_form_text(&c->form, "ledger", SK_LEDGER_LEN - 1, &ledger) < 0 ||
	               sk_form_text(&c->form, "reason", REASON_MAX, &reason) < 0))
		r = -EINVAL;
	if (r == 0 && strcmp(action, "approve") == 0)
		r = sk_ledger_is_number(ledger)
		        ? sk_store_media_approve(c->r->server->store, &by, id, ledger, NULL, c->now, &err)
		        : -EINVAL;
	else if (r == 0)
		r = strcmp(action, "refuse") == 0 && *reason != '\0'
		        ? sk_store_media_refuse(c->r->server->store, &by, id, reason, c->now, &err)
		        : -EINVAL;
	if (r < 0) {
		r = r == -ENOENT ? r : sk_console_media_refused(c, r, &err);
		return r < 0 ? r : list_page(c, r);
	}
	snprintf(c->location, sizeof(c->location), "/media?done=%s", action);
	return 303;
}
