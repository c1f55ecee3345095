/* The record of erasing on the page of its request: method, how much, whether it was read back, when, which medium (2(2)コ(イ)). */
#include "server/console.h"

#include <stdio.h>
#include <string.h>

static void row(struct sk_page *p, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	sk_page_lit(p, "<dt>");
	sk_page_tr(p, name);
	sk_page_lit(p, "</dt><dd>");
	sk_page_text(p, value);
	sk_page_lit(p, "</dd>");
}

static void count(struct sk_page *p, const char *name, const json_t *o, const char *member)
{
	char text[24];

	if (!json_is_integer(sk_page_get(o, member)))
		return;
	(void)snprintf(text, sizeof(text), "%lld", sk_page_int(o, member));
	row(p, name, text);
}

static const char *method(struct sk_page *p, const json_t *body)
{
	const char *name = sk_page_str(body, "method");

	return strcmp(name, "overwrite") == 0 ? sk_tr(p->lang, N_("overwritten with random bytes"))
	       : strcmp(name, "discard") == 0 ? sk_tr(p->lang, N_("discarded, read as zeros"))
	                                      : "";
}

static void one(struct sk_page *p, const json_t *e)
{
	const json_t *body = sk_page_get(e, "body");
	const char *kind = sk_page_str(e, "kind");
	bool erased = strcmp(kind, "medium.erased") == 0, begun = strcmp(kind, "medium.erasing") == 0;

	if (erased)
		sk_page_notice(p, SK_TONE_OK, N_("The medium is erased; all of it was read back."));
	else if (begun)
		sk_page_notice(p, SK_TONE_UNKNOWN, N_("Erasing has begun; nothing is known of its end yet."));
	else
		sk_page_notice(p, SK_TONE_BAD, N_("The medium is not erased completely."));
	sk_page_lit(p, "<dl class=\"facts\">");
	row(p, N_("Ledger number"), sk_page_str(body, "ledger"));
	row(p, N_("Product"), sk_page_str(body, "product"));
	row(p, N_("Serial number"), sk_page_str(body, "serial"));
	row(p, N_("Method"), method(p, body));
	count(p, N_("Size in bytes"), body, "size");
	count(p, N_("Bytes overwritten"), body, "written");
	count(p, N_("Bytes read back"), body, "verified");
	row(p, N_("Begun"), sk_page_str(body, "started"));
	row(p, N_("Ended"), sk_page_str(body, "ended"));
	row(p, N_("Person"), sk_page_str(body, "person"));
	row(p, N_("Request"), sk_page_str(sk_page_get(e, "permit"), "label"));
	row(p, N_("Permitted by"), sk_page_str(sk_page_get(e, "permit"), "permitted_by"));
	row(p, N_("Approved by"), sk_page_str(sk_page_get(e, "permit"), "approved_by"));
	row(p, N_("Terminal"), sk_page_str(sk_page_get(e, "permit"), "host"));
	row(p, N_("New label"), json_is_true(sk_page_get(body, "labelled")) ? sk_page_str(body, "label") : "");
	if (*sk_page_str(body, "why") != '\0')
		row(p, N_("Reason"), sk_tr(p->lang, sk_page_str(body, "why")));
	sk_page_lit(p, "</dl>");
}

/* The beginning of what has an end as well says nothing more. */
static bool superseded(const json_t *list, size_t i)
{
	const json_t *e = json_array_get(list, i), *later;
	const char *started = sk_page_str(sk_page_get(e, "body"), "started");

	if (strcmp(sk_page_str(e, "kind"), "medium.erasing") != 0)
		return false;
	for (size_t k = i + 1; k < json_array_size(list); k++) {
		later = json_array_get(list, k);
		if (strcmp(sk_page_str(later, "kind"), "medium.erasing") != 0 &&
		    strcmp(sk_page_str(sk_page_get(later, "body"), "started"), started) == 0)
			return true;
	}
	return false;
}

void sk_part_erasures(struct sk_page *p, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	sk_page_lit(p, "<section id=\"erasures\">");
	sk_page_el_tr(p, "h2", NULL, N_("Record of erasing"));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!superseded(list, i))
			one(p, json_array_get(list, i));
	sk_page_lit(p, "</section>\n");
}
