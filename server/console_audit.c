/* The audit trail, newest first; for auditors and the system manager. Reading it is itself recorded for auditors. */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

#define PER_PAGE 100

/* "request:7" and a terminal's id lead to their pages. */
static void object(struct sk_console *c, const char *name)
{
	struct sk_page *p = &c->page;
	unsigned long long number;
	char text[32];

	if (strncmp(name, "request:", 8) == 0 && sk_text_u64(name + 8, 1, INT64_MAX, &number) == 0) {
		if (sk_store_request_label(c->r->server->store, (int64_t)number, text) < 0)
			snprintf(text, sizeof(text), "%llu", number);
		(void)sk_buf_addf(&p->out, "<a href=\"/requests/%llu\">", number);
		sk_page_say(p, N_("Request %1"), text);
		sk_page_lit(p, "</a>");
	} else if (sk_text_is_id(name)) {
		sk_page_lit(p, "<a class=\"key\" href=\"/terminals/");
		sk_page_url(p, name);
		sk_page_lit(p, "\">");
		sk_page_text(p, name);
		sk_page_lit(p, "</a>");
	} else {
		sk_page_text(p, name);
	}
}

/* What a line does not say (no reason, no end) is left out of it. */
static void details(struct sk_page *p, const json_t *detail)
{
	json_t *said = json_object(), *value;
	const char *key;

	json_object_foreach((json_t *)detail, key, value)
	{
		bool empty = json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
		             (json_is_integer(value) && json_integer_value(value) == 0 && strcmp(key, "until") == 0);

		if (!empty)
			(void)json_object_set(said, key, value);
	}
	if (json_object_size(said) > 0)
		sk_page_evidence(p, said, sk_word_evidence);
	json_decref(said);
}

static void row(struct sk_console *c, const json_t *a)
{
	struct sk_page *p = &c->page;
	const char *name = sk_page_str(a, "name"), *user = sk_page_str(a, "user");
	enum sk_role role;

	sk_page_lit(p, "<tr><td class=\"num\">");
	(void)sk_buf_addf(&p->out, "%lld", sk_page_int(a, "id"));
	sk_page_lit(p, "</td><td class=\"when\">");
	sk_page_time(p, sk_page_int(a, "time"));
	sk_page_lit(p, "</td><th scope=\"row\">");
	sk_page_text(p, *name != '\0' ? name : user);
	sk_page_lit(p, "<br><span class=\"sub\">");
	if (*name != '\0') {
		sk_page_text(p, user);
		sk_page_lit(p, " ");
	}
	/* Terminals and the server itself, and people who only log in, act in no role. */
	if (sk_role_parse(sk_page_str(a, "role"), &role) == 0 && role != SK_ROLE_STAFF)
		sk_page_tr(p, sk_word_role(role));
	sk_page_lit(p, "</span></th><td>");
	sk_page_tr(p, sk_word_action(sk_page_str(a, "action")));
	sk_page_lit(p, "</td>");
	sk_page_lit(p, "<td class=\"free\">");
	object(c, sk_page_str(a, "object"));
	sk_page_lit(p, "</td><td class=\"free\">");
	details(p, sk_page_get(a, "detail"));
	sk_page_lit(p, "<span class=\"sub key\">");
	sk_page_textn(p, sk_page_str(a, "hash"), strnlen(sk_page_str(a, "hash"), 12));
	sk_page_lit(p, "</span></td></tr>\n");
}

static void older(struct sk_page *p, const json_t *rows)
{
	size_t n = json_array_size(rows);

	if (n < PER_PAGE)
		return;
	sk_page_lit(p, "<nav class=\"pager\"");
	sk_page_attr_tr(p, "aria-label", N_("Pages"));
	(void)sk_buf_addf(&p->out, "><a class=\"button\" rel=\"next\" href=\"/audit?before=%lld\">",
	                  sk_page_int(json_array_get(rows, n - 1), "id"));
	sk_page_tr(p, N_("Older"));
	sk_page_lit(p, "</a></nav>");
}

int sk_page_audit(struct sk_console *c)
{
	static const char *const head[] = {
	    N_("No."), N_("Time"), N_("Who, in which role"), N_("What"), N_("On what"), N_("Details"), NULL};
	const char *asked = sk_request_query(c->r, "before");
	unsigned long long before = 0;
	struct sk_page *p = &c->page;
	const json_t *a;
	json_t *rows;
	size_t i;

	if (asked != NULL && sk_text_u64(asked, 1, INT64_MAX, &before) < 0)
		return -EINVAL;
	rows = sk_store_audit_list(c->r->server->store, (int64_t)before, PER_PAGE);
	if (rows == NULL)
		return -EIO;
	sk_console_audit_view(c, "audit");
	sk_console_begin(c, N_("Audit trail"), NULL);
	sk_page_el_tr(p, "h1", NULL, N_("Audit trail"));
	sk_page_el_tr(p, "p", "lead",
	              N_("Every change made through the server, each line chained to the one before. `sekimori-server "
	                 "verify` proves that none was altered or left out."));
	sk_page_table(p, "audit", N_("Audit trail"), head);
	json_array_foreach(rows, i, a) row(c, a);
	sk_page_table_end(p);
	older(p, rows);
	sk_console_end(c);
	json_decref(rows);
	return 200;
}
