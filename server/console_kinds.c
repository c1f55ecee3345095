/* The kinds of applications: what holds, as a table; and for information system managers its text, checked whole before it takes the place of the one before. */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

static void table(struct sk_page *p, const struct sk_kinds *kinds)
{
	static const char *const heads[] = {N_("Kind"), N_("Clause"), N_("Permitted by"), N_("Longest"), NULL};

	sk_page_table(p, "list", N_("Kinds of applications"), heads);
	for (size_t i = 0; i < kinds->n; i++) {
		const struct sk_kind *k = &kinds->kinds[i];

		sk_page_lit(p, "<tr><th scope=\"row\" class=\"free\">");
		sk_page_text(p, sk_kind_word(p, k));
		sk_page_lit(p, "<br><span class=\"sub\"><code>");
		sk_page_text(p, k->key);
		sk_page_lit(p, "</code></span></th><td>");
		if (k->clause[0] != '\0')
			sk_part_clause(p, k->clause);
		sk_page_lit(p, "</td><td class=\"free\">");
		sk_part_route(p, k->steps, k->n_steps);
		sk_page_lit(p, "</td><td>");
		sk_page_span(p, (long long)k->longest * 86400);
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
}

static int editor(struct sk_console *c, const char *typed, const char *why)
{
	struct sk_page *p = &c->page;
	char *text = NULL;
	int r = typed != NULL ? 0 : sk_store_kinds_text(c->r->server->store, &text);

	if (r < 0 && r != -ENOENT)
		return r;
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, N_("Change them"));
	sk_page_el_tr(
	    p, "p", NULL,
	    N_("The whole text is checked before it holds. Applications made before keep the route of their day."));
	if (why != NULL) {
		sk_page_lit(p, "<p class=\"notice error\" role=\"alert\">");
		sk_page_text(p, why);
		sk_page_lit(p, "</p>");
	}
	sk_page_lit(p, "<form method=\"post\" action=\"/kinds\">");
	sk_console_csrf(c);
	sk_page_lit(p, "<p class=\"field\"><label for=\"text\">");
	sk_page_tr(p, N_("Text of the kinds"));
	sk_page_lit(p, "</label><textarea id=\"text\" name=\"text\" rows=\"24\" spellcheck=\"false\">\n");
	(void)sk_text_html(&p->out, typed != NULL ? typed : text != NULL ? text : sk_kinds_shipped);
	sk_page_lit(p, "</textarea></p><p><button class=\"primary\">");
	sk_page_tr(p, N_("Check and put into force"));
	sk_page_lit(p, "</button></p></form></section>\n");
	free(text);
	return 0;
}

static int show(struct sk_console *c, const char *typed, const char *why, int code)
{
	struct sk_kinds *kinds = sk_console_kinds(c);
	int e = 0;

	if (kinds == NULL)
		return -EIO;
	sk_console_begin(c, N_("Kinds of applications"), NULL);
	sk_page_el_tr(&c->page, "h1", NULL, N_("Kinds of applications"));
	if (why == NULL)
		table(&c->page, kinds);
	if (c->session.acting == SK_ROLE_SYS)
		e = editor(c, typed, why);
	sk_console_end(c);
	sk_kinds_free(kinds);
	return e < 0 ? e : code;
}

int sk_page_kinds(struct sk_console *c)
{
	const char *done = sk_request_query(c->r, "done");

	if (done != NULL && strcmp(done, "1") == 0)
		c->done = N_("In force.");
	sk_console_audit_view(c, "kinds");
	return show(c, NULL, NULL, 200);
}

int sk_page_kinds_post(struct sk_console *c)
{
	const char *text = sk_form_get(&c->form, "text");
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	int e;

	if (text == NULL || sk_session_actor(&c->session, c->session.acting, &by) < 0)
		return -EINVAL;
	e = sk_store_kinds_set(c->r->server->store, &by, text, c->now, &err);
	if (e == 0)
		return sk_console_redirect(c, "/kinds?done=1");
	if (e == -EINVAL || e == -E2BIG) {
		struct sk_kinds *kinds = NULL; /* once more, for the words in the reader's language */

		(void)sk_kinds_parse_in(c->page.lang, "kinds", text, strlen(text), &kinds, &err);
		sk_kinds_free(kinds);
		return show(c, text, err.text, 400);
	}
	return e;
}
