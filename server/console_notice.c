/* Notices (I7): what the executive officer wrote to sections, how many have read it, and the form for whoever enters one for them. */
#include "server/console.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "server/orders.h"
#include "server/store_notice.h"

static void units(struct sk_console *c)
{
	const char *chosen = sk_form_get(&c->form, "unit");
	json_t *list = sk_store_units(c->r->server->store);
	struct sk_page *p = &c->page;
	const json_t *u;
	size_t i;

	sk_page_lit(p, "<p class=\"field\"><label for=\"unit\">");
	sk_page_tr(p, N_("Addressed to"));
	sk_page_lit(p, "</label><select id=\"unit\" name=\"unit\"><option value=\"\">");
	sk_page_tr(p, N_("the whole office"));
	sk_page_lit(p, "</option>");
	json_array_foreach(list, i, u)
	{
		const char *key = sk_page_str(u, "key");

		sk_page_lit(p, "<option");
		sk_page_attr(p, "value", key);
		if (chosen != NULL && strcmp(chosen, key) == 0)
			sk_page_lit(p, " selected");
		sk_page_lit(p, ">");
		sk_page_text(p, sk_page_str(u, p->lang == SK_LANG_JA ? "name_ja" : "name_en"));
		sk_page_lit(p, "</option>");
	}
	sk_page_lit(p, "</select></p>");
	json_decref(list);
}

static void form(struct sk_console *c)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<form class=\"sheet\" method=\"post\" action=\"/notices\">");
	sk_console_csrf(c);
	units(c);
	sk_part_field(c, "officer", N_("Executive officer (post and name)"), NULL, " required");
	sk_part_field(c, "title", N_("Title"), NULL, " required");
	sk_page_lit(p, "<p class=\"field\"><label for=\"text\">");
	sk_page_tr(p, N_("Text"));
	sk_page_lit(p, "</label><textarea id=\"text\" name=\"text\" rows=\"6\" required>");
	sk_page_text(p, sk_form_get(&c->form, "text"));
	sk_page_lit(p, "</textarea></p><p><button class=\"primary\">");
	sk_page_tr(p, N_("Send the notice"));
	sk_page_lit(p, "</button></p></form>\n");
}

static void row(struct sk_page *p, const json_t *n)
{
	const char *unit = sk_page_str(n, "unit");

	sk_page_lit(p, "<tr><td>");
	sk_page_time(p, sk_page_int(n, "created"));
	sk_page_lit(p, "</td><td class=\"num\">");
	sk_page_num(p, sk_page_int(n, "number"));
	sk_page_lit(p, "</td><td>");
	if (*unit != '\0')
		sk_page_text(p, unit);
	else
		sk_page_tr(p, N_("the whole office"));
	sk_page_lit(p, "</td><th scope=\"row\">");
	sk_page_text(p, sk_page_str(n, "title"));
	sk_page_lit(p, "<details><summary>");
	sk_page_tr(p, N_("Text"));
	sk_page_lit(p, "</summary><p>");
	sk_page_text(p, sk_page_str(n, "text"));
	sk_page_lit(p, "</p></details></th>");
	sk_page_el(p, "td", NULL, sk_page_str(n, "officer"));
	sk_page_lit(p, "<td class=\"num\">");
	sk_page_num(p, sk_page_int(n, "acknowledged"));
	sk_page_lit(p, " / ");
	sk_page_num(p, sk_page_int(n, "terminals"));
	sk_page_lit(p, "</td><td class=\"num\">");
	sk_page_num(p, sk_page_int(n, "persons"));
	sk_page_lit(p, "</td><td>");
	sk_page_time(p, sk_page_int(n, "until"));
	sk_page_lit(p, "</td></tr>\n");
}

static int page(struct sk_console *c, int code)
{
	static const char *const heads[] = {N_("Time"),
	                                    N_("No."),
	                                    N_("Addressed to"),
	                                    N_("Title"),
	                                    N_("Executive officer"),
	                                    N_("Terminals acknowledged"),
	                                    N_("Persons"),
	                                    N_("Until"),
	                                    NULL};
	json_t *rows = sk_store_notices(c->r->server->store, 100);
	struct sk_page *p = &c->page;
	const json_t *n;
	size_t i;

	if (rows == NULL)
		return -EIO;
	sk_console_begin(c, N_("Notices"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Notices"));
	if (c->session.acting & (SK_ROLE_DESK | SK_ROLE_SYS))
		form(c);
	if (json_array_size(rows) == 0) {
		sk_part_empty(p, N_("No notice was sent yet."));
	} else {
		sk_page_table(p, "list", N_("Notices, newest first"), heads);
		json_array_foreach(rows, i, n) row(p, n);
		sk_page_table_end(p);
	}
	sk_console_end(c);
	json_decref(rows);
	return code;
}

int sk_page_notices(struct sk_console *c)
{
	return page(c, 200);
}

/* Browsers send line ends as CR LF. */
static void unix_lines(char *out, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s != '\0' && n + 1 < size; s++)
		if (*s != '\r')
			out[n++] = *s;
	out[n] = '\0';
}

int sk_page_notices_post(struct sk_console *c)
{
	char text[SK_NOTICE_TEXT * 2];
	struct sk_notice_wish w = {.text = text};
	struct sk_err err = SK_ERR_INIT;
	const char *raw = "";
	struct sk_actor by;
	int64_t number;
	int r = 0;

	if (sk_form_text(&c->form, "unit", 63, &w.unit) < 0 || sk_form_text(&c->form, "officer", 100, &w.officer) < 0 ||
	    sk_form_text(&c->form, "title", SK_NOTICE_TITLE, &w.title) < 0 ||
	    sk_form_text(&c->form, "text", sizeof(text) - 1, &raw) < 0)
		r = -EINVAL;
	unix_lines(text, sizeof(text), raw);
	if (r == 0)
		r = sk_session_actor(&c->session, c->session.acting, &by);
	if (r == 0)
		r = sk_store_notice_add(c->r->server->store, &by, &w, c->now, &number, &err);
	if (r == -EINVAL || r == -ENOENT) {
		c->problem = N_("Officer, title and text are needed; the text has at most 2000 bytes (about 650 "
		                "Japanese characters).");
		return page(c, 400);
	}
	if (r < 0) {
		sk_log(SK_LOG_ERR, "console: notice: %s", err.text);
		return r == -EPERM ? -EACCES : r;
	}
	sk_orders_wake(c->r->server->orders, NULL);
	return sk_console_redirect(c, "/notices");
}
