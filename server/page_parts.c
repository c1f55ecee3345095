/*
 * Parts that every page is made of: tables, facts, badges, notices. A verdict is always a symbol AND a word; its colour only
 * repeats what these say. Symbols are inline SVG in the colour of the text, so they print and follow light and dark.
 */
#include "server/page.h"

#include <string.h>

#define SVG \
	"<svg class=\"icon\" viewBox=\"0 0 16 16\" width=\"16\" height=\"16\" aria-hidden=\"true\" " \
	"focusable=\"false\">"
#define RING "<circle cx=\"8\" cy=\"8\" r=\"6.75\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>"
#define LINE(d) \
	"<path d=\"" d "\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.75\" stroke-linecap=\"round\" " \
	"stroke-linejoin=\"round\"/>"

static const struct {
	const char *cls, *svg;
} tones[] = {
    [SK_TONE_PLAIN] = {"plain", SVG RING LINE("M5 8h6") "</svg>"},
    [SK_TONE_OK] = {"ok", SVG RING LINE("M4.8 8.3l2.2 2.2 4.2-4.6") "</svg>"},
    [SK_TONE_GRACE] = {"grace", SVG RING LINE("M8 4.6V8l2.4 1.6") "</svg>"},
    [SK_TONE_EXEMPT] = {"exempt", SVG LINE("M8 1.4l5.6 2v4.2c0 3.4-2.3 5.6-5.6 7-3.3-1.4-5.6-3.6-5.6-7V3.4z")
                                      LINE("M5.6 8h4.8") "</svg>"},
    [SK_TONE_UNKNOWN] = {"unknown",
                         SVG RING LINE("M6.2 6.2a1.9 1.9 0 1 1 2.6 1.8c-.6.3-.8.6-.8 1.2M8 11.6v.1") "</svg>"},
    [SK_TONE_BAD] = {"bad", SVG LINE("M5.2 1.3h5.6l3.9 3.9v5.6l-3.9 3.9H5.2l-3.9-3.9V5.2z")
                                LINE("M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8") "</svg>"},
    [SK_TONE_ERROR] = {"error", SVG LINE("M8 1.6l6.9 12.3H1.1z") LINE("M8 6v3.6M8 11.7v.1") "</svg>"},
    [SK_TONE_SILENT] = {"silent", SVG LINE("M2 14L14 2M3.2 9.2a6.8 6.8 0 0 1 4-2.4M5.6 11.4a3.6 3.6 0 0 1 .9-.8M11.2 "
                                           "8a7 7 0 0 1 1.6 1.2M8 13.4v.1") "</svg>"},
};

void sk_page_icon(struct sk_page *p, enum sk_tone tone)
{
	sk_page_raw(p, tones[tone].svg);
}

void sk_page_badge(struct sk_page *p, enum sk_tone tone, const char *msgid)
{
	sk_page_lit(p, "<span class=\"badge ");
	sk_page_raw(p, tones[tone].cls);
	sk_page_lit(p, "\">");
	sk_page_icon(p, tone);
	sk_page_lit(p, "<span>");
	sk_page_tr(p, msgid);
	sk_page_lit(p, "</span></span>");
}

enum sk_tone sk_page_state_tone(enum sk_state s)
{
	switch (s) {
	case SK_STATE_NOT_APPLICABLE:
		return SK_TONE_PLAIN;
	case SK_STATE_COMPLIANT:
		return SK_TONE_OK;
	case SK_STATE_IN_GRACE:
		return SK_TONE_GRACE;
	case SK_STATE_EXEMPT:
		return SK_TONE_EXEMPT;
	case SK_STATE_UNKNOWN:
		return SK_TONE_UNKNOWN;
	case SK_STATE_NON_COMPLIANT:
		return SK_TONE_BAD;
	case SK_STATE_ERROR:
		return SK_TONE_ERROR;
	case SK_STATE_SILENT:
		return SK_TONE_SILENT;
	}
	return SK_TONE_UNKNOWN;
}

void sk_page_state(struct sk_page *p, const char *state_name)
{
	enum sk_state s;

	if (sk_state_parse(state_name, &s) < 0)
		s = SK_STATE_UNKNOWN;
	sk_page_badge(p, sk_page_state_tone(s), sk_state_word(s));
}

void sk_page_notice(struct sk_page *p, enum sk_tone tone, const char *msgid)
{
	sk_page_lit(p, "<p class=\"notice ");
	sk_page_raw(p, tones[tone].cls);
	sk_page_lit(p, "\">");
	sk_page_icon(p, tone);
	sk_page_lit(p, "<span>");
	sk_page_tr(p, msgid);
	sk_page_lit(p, "</span></p>\n");
}

void sk_page_table(struct sk_page *p, const char *cls, const char *caption_msgid, const char *const *head_msgids)
{
	/* tabindex: a region that scrolls must be reachable by keyboard. */
	sk_page_lit(p, "<div class=\"scroll\" role=\"region\" tabindex=\"0\"");
	sk_page_attr_tr(p, "aria-label", caption_msgid);
	sk_page_lit(p, "><table");
	if (cls != NULL)
		sk_page_attr(p, "class", cls);
	sk_page_lit(p, "><caption>");
	sk_page_tr(p, caption_msgid);
	sk_page_lit(p, "</caption><thead><tr>");
	for (; *head_msgids != NULL; head_msgids++) {
		sk_page_lit(p, "<th scope=\"col\">");
		sk_page_tr(p, *head_msgids);
		sk_page_lit(p, "</th>");
	}
	sk_page_lit(p, "</tr></thead><tbody>\n");
}

void sk_page_table_end(struct sk_page *p)
{
	sk_page_lit(p, "</tbody></table></div>\n");
}

void sk_page_dt(struct sk_page *p, const char *label_msgid)
{
	sk_page_lit(p, "<div><dt>");
	sk_page_tr(p, label_msgid);
	sk_page_lit(p, "</dt><dd>");
}

void sk_page_fact(struct sk_page *p, const char *label_msgid, const char *value)
{
	sk_page_dt(p, label_msgid);
	if (value != NULL && *value != '\0')
		sk_page_text(p, value);
	else
		sk_page_lit(p, "<span class=\"none\">\xe2\x80\x94</span>");
	sk_page_dd_end(p);
}
