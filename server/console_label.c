/*
 * Labels to print and stick on media (4.4(1)): number, owner and a QR code of the number, which a hand scanner types into the search box or the
 * stock-taking. The page is the ledger's list, by the same filter, as a sheet.
 */
#include "server/console.h"

#include <errno.h>
#include <string.h>

#include "common/text.h"
#include "policy/ledger.h"
#include "server/page_qr.h"
#include "server/store_media.h"

#define LABELS_MAX 120 /* five sheets */

static int label(struct sk_console *c, const json_t *m)
{
	const struct sk_server_config *conf = c->r->server->config;
	const char *ledger = sk_page_str(m, "ledger");
	struct sk_page *p = &c->page;
	int r;

	sk_page_lit(p, "<li class=\"label\">");
	r = sk_page_qr(p, ledger, N_("The registration number as a QR code"));
	sk_page_lit(p, "<div><strong class=\"number\">");
	sk_page_text(p, ledger);
	sk_page_lit(p, "</strong><span>");
	sk_page_text(p, p->lang == SK_LANG_JA ? conf->office_ja : conf->office_en);
	sk_page_lit(p, "</span><span>");
	sk_part_medium_unit(p, m);
	sk_page_lit(p, "</span><span class=\"sub\">");
	sk_page_text(p, sk_page_str(m, "label"));
	sk_page_lit(p, "</span></div></li>\n");
	return r;
}

/* Gone from the office: no label. */
static bool is_here(const json_t *m)
{
	const char *state = sk_page_str(m, "state");

	return strcmp(state, "lost") != 0 && strcmp(state, "disposed") != 0;
}

static json_t *chosen(struct sk_console *c, const char *unit)
{
	const char *ledger = sk_request_query(c->r, "ledger"), *find = sk_request_query(c->r, "find");
	json_t *one, *rows;

	if (ledger == NULL)
		return sk_store_media(c->r->server->store, unit, find != NULL && *find != '\0' ? find : NULL, NULL,
		                      LABELS_MAX, (int)(sk_query_page(c->r) - 1) * LABELS_MAX);
	one = sk_ledger_is_number(ledger) ? sk_store_medium(c->r->server->store, ledger) : NULL;
	rows = json_array();
	if (one != NULL && (*sk_page_str(one, "unit") == '\0' || sk_console_sees(c, sk_page_str(one, "unit"))))
		(void)json_array_append(rows, one);
	json_decref(one);
	return rows;
}

int sk_page_labels(struct sk_console *c)
{
	const char *unit = NULL, *find = sk_request_query(c->r, "find");
	struct sk_page *p = &c->page;
	json_t *rows;
	const json_t *m;
	size_t i;
	int e = sk_console_scope(c, &unit);

	if (e < 0 || (find != NULL && strlen(find) > 64))
		return e < 0 ? e : -EINVAL;
	rows = chosen(c, unit);
	if (rows == NULL)
		return -EIO;
	if (sk_request_query(c->r, "ledger") != NULL && json_array_size(rows) == 0)
		e = -ENOENT;
	if (e == 0) {
		sk_console_audit_view(c, "labels");
		sk_console_begin(c, N_("Labels"), NULL);
		sk_page_el_tr(p, "h1", "screen", N_("Labels"));
		sk_page_el_tr(p, "p", "screen",
		              N_("Print this page. The code holds the ledger number; a scanner types it."));
		sk_page_lit(p, "<ul class=\"labels\">");
		json_array_foreach(rows, i, m)
		{
			if (e == 0 && is_here(m))
				e = label(c, m);
		}
		sk_page_lit(p, "</ul>");
		sk_console_end(c);
	}
	json_decref(rows);
	return e < 0 ? e : 200;
}
