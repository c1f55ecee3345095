/*
 * One box for what the helpdesk is told on the telephone: a terminal's name, asset number or id, a person, a number of a request or application, a ledger or serial number. It finds
 * terminals, requests, applications and media of the reader's scope; what a person did is not searched (7.2).
 */
#include "server/console_application.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "server/store_media.h"

#define FIND_MAX 64
#define HITS     20

static void head(struct sk_page *p, const char *title)
{
	sk_page_lit(p, "<section>");
	sk_page_el_tr(p, "h2", NULL, title);
	sk_page_lit(p, "<ul class=\"plainlist\">");
}

static void hit(struct sk_page *p, const char *path, const char *key, const char *text, const char *more)
{
	sk_page_lit(p, "<li><a href=\"");
	sk_page_raw(p, path);
	sk_page_url(p, key);
	sk_page_lit(p, "\">");
	sk_page_text(p, text);
	sk_page_lit(p, "</a> <span class=\"sub\">");
	sk_page_text(p, more);
	sk_page_lit(p, "</span></li>");
}

static size_t found_terminals(struct sk_console *c, const char *unit, const char *find)
{
	json_t *rows = sk_store_terminals(c->r->server->store, unit, find, NULL, c->now, c->silent_ms, HITS, 0), *t;
	size_t i, n = json_array_size(rows);

	if (n > 0)
		head(&c->page, N_("Terminals"));
	json_array_foreach(rows, i, t)
	    hit(&c->page, "/terminals/", sk_page_str(t, "id"), sk_page_str(t, "host"), sk_page_str(t, "asset"));
	if (n > 0)
		sk_page_lit(&c->page, "</ul></section>\n");
	json_decref(rows);
	return n;
}

static size_t found_media(struct sk_console *c, const char *unit, const char *find)
{
	json_t *rows = sk_store_media(c->r->server->store, unit, find, NULL, HITS, 0), *m;
	size_t i, n = json_array_size(rows);

	if (n > 0)
		head(&c->page, N_("Media"));
	json_array_foreach(rows, i, m)
	    hit(&c->page, "/media/", sk_page_str(m, "ledger"), sk_page_str(m, "ledger"), sk_page_str(m, "serial"));
	if (n > 0)
		sk_page_lit(&c->page, "</ul></section>\n");
	json_decref(rows);
	return n;
}

static size_t found_applications(struct sk_console *c, const char *unit, const char *find)
{
	json_t *rows = sk_store_applications(c->r->server->store, unit, NULL, NULL, find, c->now, HITS, 0), *a;
	size_t i, n = json_array_size(rows);
	char key[24];

	if (n > 0)
		head(&c->page, N_("Applications"));
	json_array_foreach(rows, i, a)
	{
		snprintf(key, sizeof(key), "%lld", sk_page_int(a, "number"));
		hit(&c->page, "/applications/", key, sk_page_str(a, "label"), sk_page_str(a, "person_name"));
	}
	if (n > 0)
		sk_page_lit(&c->page, "</ul></section>\n");
	json_decref(rows);
	return n;
}

/* Requests for media by the person's login name. */
static size_t found_requests(struct sk_console *c, const char *unit, const char *find)
{
	json_t *rows = sk_store_requests(c->r->server->store, unit, find, "all", HITS, 0);
	size_t n = json_array_size(rows);

	if (n > 0) {
		sk_page_lit(&c->page, "<section>");
		sk_page_el_tr(&c->page, "h2", NULL, N_("Requests"));
		sk_part_requests(&c->page, rows, N_("Requests"), true);
		sk_page_lit(&c->page, "</section>\n");
	}
	json_decref(rows);
	return n;
}

int sk_page_search(struct sk_console *c)
{
	const char *asked = sk_request_query(c->r, "find"), *unit;
	struct sk_page *p = &c->page;
	char find[FIND_MAX + 1];
	int e = sk_console_scope(c, &unit);

	if (e < 0)
		return e;
	if (asked != NULL && strlen(asked) > FIND_MAX)
		return -EINVAL;
	sk_text_copy(find, sizeof(find), asked);
	sk_text_trim(find);
	sk_console_audit_view(c, "search");
	sk_console_begin(c, N_("Search"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Search"));
	sk_page_lit(p, "<form class=\"filter\" role=\"search\" method=\"get\" action=\"/search\"><p class=\"field "
	               "grow\"><label for=\"find\">");
	sk_page_tr(p, N_("Terminal, asset number, person, request, ledger or serial number"));
	sk_page_lit(p, "</label><input id=\"find\" name=\"find\" type=\"search\" maxlength=\"64\"");
	sk_page_attr(p, "value", find);
	sk_page_lit(p, "></p><p><button class=\"primary\">");
	sk_page_tr(p, N_("Search"));
	sk_page_lit(p, "</button></p></form>\n");
	if (find[0] != '\0' && found_terminals(c, unit, find) + found_media(c, unit, find) +
	                               found_applications(c, unit, find) + found_requests(c, unit, find) ==
	                           0)
		sk_part_empty(p, N_("Nothing was found."));
	sk_console_end(c);
	return 200;
}
