/* Pieces that several pages show. */
#include "server/console.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

void sk_part_unit(struct sk_page *p, const json_t *row)
{
	const char *name = sk_page_str(row, p->lang == SK_LANG_JA ? "unit_ja" : "unit_en");

	if (*name == '\0')
		name = sk_page_str(row, p->lang == SK_LANG_JA ? "name_ja" : "name_en");
	if (*name == '\0')
		name = sk_page_str(row, "unit");
	if (*name != '\0')
		sk_page_text(p, name);
	else
		sk_page_el_tr(p, "span", "none", N_("no section"));
}

void sk_part_clause(struct sk_page *p, const char *clause)
{
	char wide[128];
	size_t o = 0;

	/* ASCII in data, full-width brackets and digits on Japanese pages. */
	for (const char *s = clause; *s != '\0' && o + 4 < sizeof(wide); s++) {
		unsigned char c = (unsigned char)*s;

		if (p->lang == SK_LANG_JA && (c == '(' || c == ')' || (c >= '0' && c <= '9') || c == '.')) {
			/* U+FF01.. are ASCII + 0xFEE0 */
			wide[o++] = '\xef';
			wide[o++] = '\xbc';
			wide[o++] = (char)(0x80 + (c - 0x20));
		} else {
			wide[o++] = (char)c;
		}
	}
	wide[o] = '\0';
	sk_page_lit(p, "<span class=\"clause\">");
	sk_page_say(p, N_("Countermeasure standard %1"), wide);
	sk_page_lit(p, "</span>");
}

void sk_part_device_name(struct sk_page *p, const json_t *device)
{
	const char *vendor = sk_page_str(device, "vendor"), *product = sk_page_str(device, "product");

	if (*vendor == '\0' && *product == '\0') {
		sk_page_text(p, sk_page_str(device, "vendor_id"));
		sk_page_lit(p, ":");
		sk_page_text(p, sk_page_str(device, "product_id"));
		return;
	}
	sk_page_text(p, vendor);
	if (*vendor != '\0' && *product != '\0')
		sk_page_lit(p, " ");
	sk_page_text(p, product);
}

void sk_part_request_state(struct sk_page *p, const char *state)
{
	enum sk_tone tone;
	const char *word = sk_word_request_state(state, &tone);

	sk_page_badge(p, tone, word);
}

static void request_row(struct sk_page *p, const json_t *row, bool with_terminal)
{
	sk_page_lit(p, "<tr><th scope=\"row\"><a class=\"number\" href=\"/requests/");
	(void)sk_buf_addf(&p->out, "%lld\">", sk_page_int(row, "number"));
	sk_page_text(p, sk_page_str(row, "label"));
	sk_page_lit(p, "</a></th><td>");
	sk_part_request_state(p, sk_page_str(row, "state"));
	sk_page_lit(p, "</td><td>");
	sk_page_text(p, sk_page_str(row, "person"));
	if (with_terminal) {
		sk_page_lit(p, "<br><span class=\"sub\">");
		sk_part_unit(p, row);
		sk_page_lit(p, "</span></td>");
		sk_page_el(p, "td", NULL, sk_page_str(row, "host"));
	} else {
		sk_page_lit(p, "</td>");
	}
	sk_page_lit(p, "<td class=\"free\">");
	sk_part_device_name(p, sk_page_get(row, "device"));
	sk_page_lit(p, "</td><td class=\"free wide-text\">");
	sk_page_text(p, sk_page_str(row, "purpose"));
	sk_page_lit(p, "<br><span class=\"sub\">");
	sk_page_tr(p, sk_word_class(sk_page_str(row, "class")));
	sk_page_lit(p, " \xc2\xb7 ");
	sk_page_tr(p, sk_word_access(sk_page_str(row, "access")));
	sk_page_lit(p, "</span></td><td>");
	sk_page_ago(p, sk_page_int(row, "created"));
	sk_page_lit(p, "</td></tr>\n");
}

void sk_part_requests(struct sk_page *p, const json_t *rows, const char *caption, bool with_terminal)
{
	static const char *const with[] = {N_("No."),      N_("State"),  N_("Who asks"),
	                                   N_("Terminal"), N_("Medium"), N_("Purpose and class"),
	                                   N_("Asked"),    NULL};
	static const char *const without[] = {
	    N_("No."), N_("State"), N_("Who asks"), N_("Medium"), N_("Purpose and class"), N_("Asked"), NULL};
	const json_t *row;
	size_t i;

	sk_page_table(p, with_terminal ? "requests" : "requests here", caption, with_terminal ? with : without);
	json_array_foreach(rows, i, row) request_row(p, row, with_terminal);
	sk_page_table_end(p);
}

long long sk_query_page(const struct sk_request *r)
{
	const char *s = sk_request_query(r, "page");
	unsigned long long n = 1;

	if (s == NULL || sk_text_u64(s, 1, 10000, &n) < 0)
		n = 1;
	return (long long)n;
}

static void pager_link(struct sk_page *p, const char *path, const char *query, long long page, const char *rel,
                       const char *word)
{
	sk_page_lit(p, "<a rel=\"");
	sk_page_raw(p, rel);
	sk_page_lit(p, "\" class=\"button\" href=\"");
	sk_page_raw(p, path);
	sk_page_lit(p, "?");
	sk_page_text(p, query);
	(void)sk_buf_addf(&p->out, "page=%lld\">", page);
	sk_page_tr(p, word);
	sk_page_lit(p, "</a>");
}

void sk_part_pager(struct sk_page *p, const char *path, const char *query, long long page, bool more)
{
	char num[24];

	if (page <= 1 && !more)
		return;
	snprintf(num, sizeof(num), "%lld", page);
	sk_page_lit(p, "<nav class=\"pager\"");
	sk_page_attr_tr(p, "aria-label", N_("Pages"));
	sk_page_lit(p, ">");
	if (page > 1)
		pager_link(p, path, query, page - 1, "prev", N_("Previous"));
	sk_page_lit(p, "<span>");
	sk_page_say(p, N_("Page %1"), num);
	sk_page_lit(p, "</span>");
	if (more)
		pager_link(p, path, query, page + 1, "next", N_("Next"));
	sk_page_lit(p, "</nav>\n");
}

void sk_part_empty(struct sk_page *p, const char *msgid)
{
	sk_page_el_tr(p, "p", "empty", msgid);
}

void sk_part_field(struct sk_console *c, const char *name, const char *label, const char *hint, const char *more)
{
	struct sk_page *p = &c->page;

	sk_page_lit(p, "<p class=\"field\"><label");
	sk_page_attr(p, "for", name);
	sk_page_lit(p, ">");
	sk_page_tr(p, label);
	sk_page_lit(p, "</label><input type=\"text\" autocomplete=\"off\"");
	sk_page_attr(p, "id", name);
	sk_page_attr(p, "name", name);
	sk_page_attr(p, "value", sk_form_get(&c->form, name));
	sk_page_raw(p, more);
	sk_page_lit(p, ">");
	if (hint != NULL)
		sk_page_el_tr(p, "span", "sub", hint);
	sk_page_lit(p, "</p>");
}

void sk_part_tabs(struct sk_page *p, const char *label)
{
	sk_page_lit(p, "<nav class=\"tabs\"");
	sk_page_attr_tr(p, "aria-label", label);
	sk_page_lit(p, "><ul>");
}

void sk_part_tab(struct sk_page *p, const char *path, const char *state, const char *chosen, const char *word)
{
	bool here = state == chosen || (state != NULL && chosen != NULL && strcmp(state, chosen) == 0);

	sk_page_lit(p, "<li><a href=\"");
	sk_page_raw(p, path);
	if (state != NULL) {
		sk_page_lit(p, "?state=");
		sk_page_url(p, state);
	}
	sk_page_raw(p, here ? "\" aria-current=\"true\">" : "\">");
	sk_page_tr(p, word);
	sk_page_lit(p, "</a></li>");
}

void sk_part_tabs_end(struct sk_page *p)
{
	sk_page_lit(p, "</ul></nav>\n");
}
