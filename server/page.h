/*
 * A page being written: HTML into a bounded buffer, in one language, at one moment. Nothing reaches the page but by the functions below:
 * markup as a literal of the program (sk_page_lit compiles with nothing else), and text, which is always made printable and
 * escaped. A write past the limit marks the buffer as failed, and the console then answers with an error page instead of a page with a hole.
 */
#ifndef SK_SERVER_PAGE_H
#define SK_SERVER_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include "common/buf.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "policy/check.h"

#define SK_PAGE_MAX      (2 * 1024 * 1024)
#define SK_PAGE_TEXT_MAX 4096 /* bytes of one text as shown; longer ones end in "…" */

struct sk_page {
	struct sk_buf out;
	enum sk_lang lang;
	sk_ms now; /* what "3 hours ago" counts from */
	bool era; /* Japanese pages date by the era (common/era.h) */
};

void sk_page_init(struct sk_page *p, enum sk_lang lang, sk_ms now);
void sk_page_deinit(struct sk_page *p);

/* Markup, a string literal only. */
#define sk_page_lit(p, literal) sk_page_raw((p), "" literal "")
void sk_page_raw(struct sk_page *p, const char *markup);

void sk_page_text(struct sk_page *p, const char *s); /* NULL = nothing */
void sk_page_textn(struct sk_page *p, const char *s, size_t len);
void sk_page_tr(struct sk_page *p, const char *msgid); /* translated, then as text */
/* A translated sentence with %1 .. %9 replaced by args (strings, NULL = nothing), then as text. */
#define sk_page_say(p, msgid, ...) sk_page_sayv((p), (msgid), (const char *[]){__VA_ARGS__, NULL})
void sk_page_sayv(struct sk_page *p, const char *msgid, const char *const *args);
void sk_page_num(struct sk_page *p, long long n); /* 12,345 */
void sk_page_attr(struct sk_page *p, const char *name, const char *value); /* ' name="value"', value escaped */
void sk_page_attr_tr(struct sk_page *p, const char *name, const char *msgid);
void sk_page_url(struct sk_page *p, const char *s); /* percent-encoded, for use inside an attribute */
void sk_page_el(struct sk_page *p, const char *tag, const char *cls,
                const char *text); /* <tag class>text</tag>; cls NULL = none */
void sk_page_el_tr(struct sk_page *p, const char *tag, const char *cls, const char *msgid);

/* As the reader wants dates: "2026-11-25 12:34:00" or "令和8年11月25日 12:34"; "FY 2026", "2026年度", "令和8年度". */
void sk_page_time_text(const struct sk_page *p, sk_ms t, char *out, size_t size);
void sk_page_year_text(const struct sk_page *p, int year, char *out, size_t size);
void sk_page_time(struct sk_page *p, sk_ms t); /* local time with the UTC one in datetime=; 0 = a dash */
void sk_page_ago(struct sk_page *p, sk_ms t); /* "3 hours ago", with the exact time as title */
void sk_page_span(struct sk_page *p, long long seconds); /* "8 hours" */
void sk_page_bytes(struct sk_page *p, long long bytes); /* "3.7 GB" */

/* Tables: a scrollable region with a caption for screen readers; heads carry scope. */
void sk_page_table(struct sk_page *p, const char *cls, const char *caption_msgid,
                   const char *const *head_msgids /* NULL-ended */);
void sk_page_table_end(struct sk_page *p);

/* A fact in a definition list: <dt>label</dt><dd>; the caller writes the value and ends it. */
void sk_page_dt(struct sk_page *p, const char *label_msgid);
#define sk_page_dd_end(p) sk_page_lit((p), "</dd></div>\n")
void sk_page_fact(struct sk_page *p, const char *label_msgid, const char *value); /* NULL or "" = a dash */

enum sk_tone {
	SK_TONE_PLAIN,
	SK_TONE_OK,
	SK_TONE_GRACE,
	SK_TONE_EXEMPT,
	SK_TONE_UNKNOWN,
	SK_TONE_BAD,
	SK_TONE_ERROR,
	SK_TONE_SILENT
};
void sk_page_icon(struct sk_page *p, enum sk_tone tone); /* inline SVG, hidden from screen readers */
void sk_page_badge(struct sk_page *p, enum sk_tone tone, const char *msgid); /* symbol + word */
void sk_page_state(struct sk_page *p,
                   const char *state_name); /* of sk_state_name; unknown names are shown as 判定不能 */
enum sk_tone sk_page_state_tone(enum sk_state s);
void sk_page_notice(struct sk_page *p, enum sk_tone tone,
                    const char *msgid); /* a paragraph that stands out, with its symbol */

/* Evidence: any JSON as nested definition lists and lists; depth, members and lengths bounded. label: the word for a member's name
 * (a msgid, or the name itself). */
void sk_page_evidence(struct sk_page *p, const json_t *value, const char *(*label)(const char *name));

/* Members of what the store gives; absent or of another type = the empty value. */
const char *sk_page_str(const json_t *obj, const char *name); /* "" */
long long sk_page_int(const json_t *obj, const char *name); /* 0 */
const json_t *sk_page_get(const json_t *obj, const char *name); /* NULL */

#endif
