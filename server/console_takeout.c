/*
 * On a request's page: what left beside what was approved. Names of files may be names of residents (class 1): they are masked but for their
 * ending until the reader asks for them, which the audit trail keeps.
 */
#include "server/console.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 200

static void name(struct sk_page *p, const char *path, bool reveal)
{
	const char *dot = strrchr(path, '.');

	if (reveal) {
		sk_page_text(p, path);
		return;
	}
	sk_page_lit(p, "\xe2\x97\x8f\xe2\x97\x8f\xe2\x97\x8f");
	if (dot != NULL && strlen(dot) <= 6 && strchr(dot, '/') == NULL)
		sk_page_text(p, dot);
}

static void names(struct sk_page *p, const char *title, const json_t *list, bool reveal)
{
	const json_t *v;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	sk_page_el_tr(p, "h3", NULL, title);
	sk_page_lit(p, "<ul class=\"names\">");
	json_array_foreach(list, i, v)
	{
		if (i == SHOWN)
			break;
		sk_page_lit(p, "<li>");
		name(p, json_string_value(v) != NULL ? json_string_value(v) : "", reveal);
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul>");
}

static void number(struct sk_page *p, const char *word, const json_t *t, const char *member)
{
	sk_page_dt(p, word);
	sk_page_num(p, sk_page_int(t, member));
	sk_page_dd_end(p);
}

static void verdicts(struct sk_page *p, const json_t *t)
{
	if (sk_page_int(t, "gaps") > 0)
		sk_page_notice(p, SK_TONE_UNKNOWN,
		               N_("The record has gaps: more may have been written than is shown."));
	if (json_array_size(sk_page_get(t, "unlisted")) > 0)
		sk_page_notice(p, SK_TONE_BAD, N_("Files were written that the request does not list."));
	if (json_array_size(sk_page_get(t, "above")) > 0)
		sk_page_notice(p, SK_TONE_BAD, N_("Files of a class above the approved one were written."));
	if (sk_page_int(t, "not_hashed") > 0)
		sk_page_notice(p, SK_TONE_UNKNOWN, N_("Some files could not be hashed."));
	if (!json_is_true(sk_page_get(t, "complete")))
		sk_page_notice(p, SK_TONE_PLAIN, N_("The medium may still be in use: the record is not complete yet."));
}

void sk_part_takeout(struct sk_page *p, const json_t *t, long long request, bool reveal)
{
	const json_t *written = sk_page_get(t, "written"), *v;
	json_t *all;
	size_t i;

	if (!json_is_true(sk_page_get(t, "recorded")))
		return;
	sk_page_lit(p, "<section id=\"takeout\">");
	sk_page_el_tr(p, "h2", NULL, N_("What was written to the medium"));
	verdicts(p, t);
	sk_page_lit(p, "<dl class=\"facts\">");
	number(p, N_("Files listed in the request"), t, "listed");
	number(p, N_("Files written"), t, "files");
	number(p, N_("Bytes written"), t, "bytes");
	if (sk_page_str(t, "approved_class")[0] != '\0') {
		sk_page_dt(p, N_("Approved class"));
		sk_page_tr(p, sk_word_class(sk_page_str(t, "approved_class")));
		sk_page_dd_end(p);
	}
	sk_page_lit(p, "</dl>");
	names(p, N_("Written, of a class above the approved one"), sk_page_get(t, "above"), reveal);
	names(p, N_("Written, not listed"), sk_page_get(t, "unlisted"), reveal);
	names(p, N_("Listed, not written"), sk_page_get(t, "missing"), reveal);
	all = json_array();
	json_array_foreach(written, i, v)
	{
		(void)json_array_append(all, (json_t *)sk_page_get(v, "path"));
	}
	names(p, N_("All that was written"), all, reveal);
	json_decref(all);
	if (!reveal) {
		sk_page_lit(p, "<p><a href=\"/requests/");
		(void)sk_buf_addf(&p->out, "%lld", request);
		sk_page_lit(p, "?names=1#takeout\">");
		sk_page_tr(p, N_("Show the names (this is recorded)"));
		sk_page_lit(p, "</a></p>");
	}
	sk_page_lit(p, "</section>\n");
}
