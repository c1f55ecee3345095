/*
 * The certificate that a medium was erased or disposed of (2(2)コ(イ), 4.1(7)): from the ledger's history, what the terminal verified beside what people
 * entered; what only paper knows (witness, contractor) is left blank to be filled in. To print and to sign.
 */
#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "policy/ledger.h"
#include "server/store_media.h"

struct found {
	const json_t *erased, *decided; /* by a terminal; by a person who set the state */
};

static bool is_gone(const json_t *h)
{
	const char *state = sk_page_str(h, "state");

	return strcmp(sk_page_str(h, "action"), "state") == 0 &&
	       (strcmp(state, "erased") == 0 || strcmp(state, "disposed") == 0);
}

/* The newest of each; a medium that was registered anew since begins again. */
static void look(const json_t *m, struct found *f)
{
	const json_t *h;
	size_t i;

	memset(f, 0, sizeof(*f));
	json_array_foreach(sk_page_get(m, "history"), i, h)
	{
		if (strcmp(sk_page_str(h, "action"), "erased") == 0)
			f->erased = h;
		else if (is_gone(h))
			f->decided = h;
		else if (strncmp(sk_page_str(h, "action"), "registered", 10) == 0)
			memset(f, 0, sizeof(*f));
	}
}

static void blank(struct sk_page *p, const char *word)
{
	sk_page_dt(p, word);
	sk_page_lit(p, "<span class=\"blank\">&nbsp;</span>");
	sk_page_dd_end(p);
}

static void who_when(struct sk_page *p, const char *word, const json_t *h)
{
	sk_page_dt(p, word);
	sk_page_time(p, sk_page_int(h, "time"));
	sk_page_lit(p, " ");
	sk_page_text(p, sk_page_str(h, "name"));
	sk_page_dd_end(p);
}

static void facts(struct sk_page *p, const json_t *m, const struct found *f)
{
	sk_page_lit(p, "<dl class=\"facts\">");
	sk_page_fact(p, N_("Ledger number"), sk_page_str(m, "ledger"));
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
	if (f->erased != NULL) {
		who_when(p, N_("Erased by the terminal"), f->erased);
		sk_page_fact(p, N_("Method, and bytes verified of all"), sk_page_str(f->erased, "reason"));
	}
	if (f->decided != NULL) {
		who_when(p,
		         strcmp(sk_page_str(f->decided, "state"), "disposed") == 0 ? N_("Disposed of") : N_("Erased"),
		         f->decided);
		sk_page_fact(p, N_("What was done"), sk_page_str(f->decided, "reason"));
	}
	blank(p, N_("Permit (number, who, day)"));
	blank(p, N_("Witness"));
	blank(p, N_("Contractor and term of contract"));
	sk_page_lit(p, "</dl>\n");
}

static void boxes(struct sk_page *p)
{
	static const char *const roles[] = {N_("Section security manager"), N_("Information system manager"),
	                                    N_("Person in charge")};

	sk_page_lit(p, "<table class=\"boxes\"><tr>");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		sk_page_el_tr(p, "th", NULL, roles[i]);
	sk_page_lit(p, "</tr><tr>");
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		sk_page_lit(p, "<td>&nbsp;</td>");
	sk_page_lit(p, "</tr></table>\n");
}

static void certificate(struct sk_console *c, const json_t *m, const struct found *f)
{
	const json_t *last = f->decided != NULL ? f->decided : f->erased;
	bool disposed = f->decided != NULL && strcmp(sk_page_str(f->decided, "state"), "disposed") == 0;
	const char *title = disposed ? N_("Certificate of disposal") : N_("Certificate of erasure");
	const struct sk_server_config *conf = c->r->server->config;
	char day[32], number[80];
	struct sk_page *p = &c->page;

	sk_clock_format_local(sk_page_int(last, "time"), day, sizeof(day));
	snprintf(number, sizeof(number), "%s-%.4s%.2s%.2s", sk_page_str(m, "ledger"), day, day + 5, day + 8);
	sk_console_begin(c, title, number);
	sk_page_lit(p, "<article class=\"certificate\"><h1>");
	sk_page_tr(p, title);
	sk_page_lit(p, "</h1><p class=\"sub\">");
	sk_page_say(p, N_("No. %1"), number);
	sk_page_lit(p, " ");
	sk_page_text(p, p->lang == SK_LANG_JA ? conf->office_ja : conf->office_en);
	sk_page_lit(p, "</p>");
	facts(p, m, f);
	sk_page_lit(p, "<p>");
	sk_part_clause(p, disposed ? "4.1(7)" : "2(2)コ(イ)");
	sk_page_lit(p, "</p>");
	boxes(p);
	sk_page_lit(p, "</article>");
	sk_console_end(c);
}

int sk_page_certificate(struct sk_console *c)
{
	const char *ledger = sk_request_tail(c->r), *unit;
	json_t *m = ledger != NULL && sk_ledger_is_number(ledger) ? sk_store_medium(c->r->server->store, ledger) : NULL;
	struct found f;
	char object[64];
	int e = sk_console_scope(c, &unit);

	if (e == 0 && (m == NULL || (*sk_page_str(m, "unit") != '\0' && !sk_console_sees(c, sk_page_str(m, "unit")))))
		e = -ENOENT;
	if (e == 0)
		look(m, &f);
	if (e == 0 && f.erased == NULL && f.decided == NULL)
		e = -ENOENT; /* nothing to certify */
	if (e == 0) {
		snprintf(object, sizeof(object), "certificate:%.40s", ledger);
		sk_console_audit_view(c, object);
		certificate(c, m, &f);
	}
	json_decref(m);
	return e < 0 ? e : 200;
}

bool sk_medium_has_certificate(const json_t *m)
{
	struct found f;

	look(m, &f);
	return f.erased != NULL || f.decided != NULL;
}
