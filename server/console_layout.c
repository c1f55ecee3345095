/*
 * The frame around every page: head, who acts in which role, where one can go, language, logout; and the error pages, which say what
 * happened and what to do next in the same design.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define LOGO \
	"<svg class=\"logo\" viewBox=\"0 0 32 32\" width=\"28\" height=\"28\" aria-hidden=\"true\" " \
	"focusable=\"false\">" \
	"<path d=\"M4 9h24M6.5 14h19M9 9v19M23 9v19M16 9v5\" fill=\"none\" stroke=\"currentColor\" " \
	"stroke-width=\"2.6\" " \
	"stroke-linecap=\"round\"/></svg>"

static const struct {
	const char *path, *word;
	unsigned may;
} places[] = {
    {"/", N_("Overview"), SK_MAY_READ},
    {"/search", N_("Search"), SK_MAY_READ},
    {"/compliance", N_("Compliance"), SK_MAY_READ},
    {"/terminals", N_("Terminals"), SK_MAY_READ},
    {"/notices", N_("Notices"), SK_MAY_READ},
    {"/requests", N_("Requests"), SK_MAY_ANY},
    {"/media", N_("Media"), SK_MAY_READ},
    {"/incidents", N_("Incidents"), SK_MAY_ANY},
    {"/applications", N_("Applications"), SK_MAY_ANY},
    {"/phone", N_("By telephone"), SK_ROLE_DESK | SK_ROLE_SYS | SK_ROLE_AUD},
    {"/inspections", N_("Audits and self-inspections"), SK_MAY_READ},
    {"/forms", N_("Forms"), SK_MAY_READ},
    {"/organisation", N_("Organisation"), SK_MAY_READ},
    {"/audit", N_("Audit trail"), SK_ROLE_SYS | SK_ROLE_AUD},
    {"/help", N_("Guide"), SK_MAY_ANY},
};

/* /terminals/x lies under /terminals; only / is itself alone. */
static bool is_here(const char *here, const char *place)
{
	size_t n = strlen(place);

	return strcmp(here, place) == 0 || (n > 1 && strncmp(here, place, n) == 0 && here[n] == '/');
}

static void navigation(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<nav class=\"places\"");
	sk_page_attr_tr(p, "aria-label", N_("Main pages"));
	sk_page_lit(p, "><ul>");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!(places[i].may & c->session.acting))
			continue;
		sk_page_lit(p, "<li><a");
		sk_page_attr(p, "href", places[i].path);
		if (is_here(c->r->path, places[i].path))
			sk_page_lit(p, " aria-current=\"page\"");
		sk_page_lit(p, ">");
		sk_page_tr(p, places[i].word);
		sk_page_lit(p, "</a></li>");
	}
	sk_page_lit(p, "</ul></nav>");
}

void sk_console_csrf(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	char key[80];

	sk_page_lit(p, "<input type=\"hidden\" name=\"csrf\"");
	sk_page_attr(p, "value", c->session.csrf);
	sk_page_lit(p, "><input type=\"hidden\" name=\"role\"");
	sk_capacity_key(&c->session.as, key);
	sk_page_attr(p, "value", key);
	sk_page_lit(p, ">");
}

/* "Section security manager, Tax section (deputy)" */
static void capacity(struct sk_console *c, const struct sk_capacity *as)
{
	struct sk_page *p = &c->page;

	sk_page_tr(p, sk_word_role(as->role));
	if (as->unit[0] != '\0' && c->session.n_may > 1) {
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_text(p, as->unit);
	}
	if (as->how != SK_HOW_POST) {
		sk_page_lit(p, " ");
		sk_page_tr(p, as->how == SK_HOW_DEPUTY ? N_("(as deputy)") : N_("(delegated)"));
	}
}

/* One capacity: said. Several: a selector, because whoever decides visibly acts in a role. */
static void acting_role(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	char key[80], now[80];

	if (c->session.n_may <= 1) {
		sk_page_lit(p, "<span class=\"role\">");
		capacity(c, &c->session.as);
		sk_page_lit(p, "</span>");
		return;
	}
	sk_capacity_key(&c->session.as, now);
	sk_page_lit(p,
	            "<form class=\"rolepick\" method=\"post\" action=\"/role\"><input type=\"hidden\" name=\"csrf\"");
	sk_page_attr(p, "value", c->session.csrf);
	sk_page_lit(p, "><input type=\"hidden\" name=\"back\"");
	sk_page_attr(p, "value", c->r->path);
	sk_page_lit(p, "><label for=\"role\">");
	sk_page_tr(p, N_("Acting as"));
	sk_page_lit(p, "</label><select id=\"role\" name=\"role\">");
	for (size_t i = 0; i < c->session.n_may; i++) {
		sk_capacity_key(&c->session.may[i], key);
		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", key);
		sk_page_raw(p, strcmp(key, now) == 0 ? " selected>" : ">");
		capacity(c, &c->session.may[i]);
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select><button>");
	sk_page_tr(p, N_("Change role"));
	sk_page_lit(p, "</button></form>");
}

static void language_link(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	bool ja = p->lang == SK_LANG_JA;
	const struct evkeyval *kv;

	sk_page_raw(p, ja ? "<a class=\"lang\" lang=\"en\" hreflang=\"en\" href=\"?"
	                  : "<a class=\"lang\" lang=\"ja\" hreflang=\"ja\" href=\"?");
	for (kv = c->r->query.tqh_first; kv != NULL; kv = kv->next.tqe_next) {
		if (strcmp(kv->key, "lang") == 0)
			continue;
		sk_page_url(p, kv->key);
		sk_page_lit(p, "=");
		sk_page_url(p, kv->value);
		sk_page_lit(p, "&amp;");
	}
	sk_page_raw(p, ja ? "lang=en\">English</a>" : "lang=ja\">日本語</a>");
}

static void person(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<div class=\"person\">");
	if (c->logged_in) {
		sk_page_lit(p, "<a class=\"name\" href=\"/account\">");
		sk_page_text(p, c->session.name);
		sk_page_lit(p, "</a>");
		acting_role(c);
	}
	language_link(c);
	if (c->logged_in) {
		sk_page_lit(p, "<form method=\"post\" action=\"/logout\">");
		sk_console_csrf(c);
		sk_page_lit(p, "<button class=\"quiet\">");
		sk_page_tr(p, N_("Log out"));
		sk_page_lit(p, "</button></form>");
	}
	sk_page_lit(p, "</div>");
}

static void head(struct sk_console *c, const char *title_msgid, const char *title_more)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<!DOCTYPE html>\n<html");
	sk_page_attr(p, "lang", sk_lang_tag(p->lang));
	sk_page_lit(
	    p, "><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	       "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><title>");
	sk_page_tr(p, title_msgid);
	if (title_more != NULL) {
		sk_page_lit(p, " ");
		sk_page_text(p, title_more);
	}
	sk_page_lit(p, " \xe2\x80\x94 ");
	sk_page_tr(p, N_("Sekimori"));
	sk_page_lit(p, "</title><link rel=\"stylesheet\" href=\"/assets/console.css\">"
	               "<link rel=\"icon\" type=\"image/svg+xml\" href=\"/assets/icon.svg\"></head>\n<body>");
}

void sk_console_begin(struct sk_console *c, const char *title_msgid, const char *title_more)
{
	struct sk_page *p = &c->page;
	const struct sk_server_config *conf = c->r->server->config;

	head(c, title_msgid, title_more);
	sk_page_lit(p, "<a class=\"skip\" href=\"#main\">");
	sk_page_tr(p, N_("Skip to the content"));
	sk_page_lit(p, "</a><header class=\"top\"><div class=\"wide\"><a class=\"brand\" href=\"/\">" LOGO "<span>");
	sk_page_tr(p, N_("Sekimori"));
	sk_page_lit(p, "</span></a>");
	sk_page_el(p, "span", "office", p->lang == SK_LANG_JA ? conf->office_ja : conf->office_en);
	person(c);
	if (c->logged_in)
		navigation(c);
	sk_page_lit(p, "</div></header>\n<main id=\"main\" class=\"wide\">");
	if (c->done != NULL) {
		sk_page_lit(p, "<div role=\"status\">");
		sk_page_notice(p, SK_TONE_OK, c->done);
		sk_page_lit(p, "</div>");
	}
	if (c->problem != NULL) {
		sk_page_lit(p, "<div role=\"alert\">");
		sk_page_notice(p, SK_TONE_ERROR, c->problem);
		sk_page_lit(p, "</div>");
	}
}

void sk_console_end(struct sk_console *c)
{
	struct sk_page *p = &c->page;
	char local[32];

	sk_clock_format_local(c->now, local, sizeof(local));
	sk_page_lit(p, "</main>\n<footer class=\"wide\"><p>");
	sk_page_say(p, N_("Shown at %1"), local);
	if (c->logged_in && c->session.last_login > 0) {
		sk_clock_format_local(c->session.last_login, local, sizeof(local));
		sk_page_lit(p, " \xc2\xb7 ");
		sk_page_say(p, N_("Your last login before this one: %1"), local);
	}
	sk_page_lit(p, "</p></footer></body></html>\n");
}

static const struct {
	int code;
	const char *title, *what;
} errors[] = {
    {400, N_("This could not be read"),
     N_("Something in the address or in the form is not as it should be. Nothing was changed. Go back, check what you "
        "entered "
        "and try again.")},
    {403, N_("Not open to you in this role"),
     N_("This page or step belongs to another role or section. Nothing was changed. If you hold several roles, choose "
        "the "
        "right one above; otherwise ask the helpdesk.")},
    {404, N_("Nothing was found here"),
     N_("The terminal, request or page does not exist, or is not one of your section. Check the number, or look for it "
        "in "
        "the list.")},
    {500, N_("The server could not do this"),
     N_("The fault is the server's, not yours. It was recorded. Try again in a moment; if it stays, tell the "
        "information "
        "system manager what you did and when.")},
    {503, N_("The server is busy"), N_("Nothing was changed. Try again in a moment.")},
};

void sk_console_error(struct sk_console *c, int code)
{
	struct sk_page *p = &c->page;
	size_t i = 0;
	char num[16];

	while (errors[i].code != code && errors[i].code != 500)
		i++;
	sk_buf_reset(&p->out);
	snprintf(num, sizeof(num), "%d", code);
	sk_console_begin(c, errors[i].title, NULL);
	sk_page_lit(p, "<article class=\"plate\"><p class=\"code\">");
	sk_page_text(p, num);
	sk_page_lit(p, "</p>");
	sk_page_el_tr(p, "h1", NULL, errors[i].title);
	sk_page_el_tr(p, "p", NULL, errors[i].what);
	sk_page_lit(p, "<p><a class=\"button\" href=\"/\">");
	sk_page_tr(p, c->logged_in ? N_("To the overview") : N_("To the login"));
	sk_page_lit(p, "</a></p></article>");
	sk_console_end(c);
}
