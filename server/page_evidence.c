/*
 * Evidence as people can read it: whatever JSON a check, an event or the audit trail holds, as nested definition lists. What it
 * holds came from terminals: depth, number of members and lengths are bounded, and a cut is said. Members whose name
 * ends in _s or _ms and hold numbers are shown as spans and times where their size says they are.
 */
#include "server/page.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX   6
#define MEMBERS_MAX 64

typedef const char *(*label_fn)(const char *name);

static void value(struct sk_page *p, label_fn label, const char *name, const json_t *v, int depth);

static void cut_note(struct sk_page *p, size_t left)
{
	char num[24];

	snprintf(num, sizeof(num), "%zu", left);
	sk_page_say(p, N_("… %1 more not shown"), num);
}

static void object(struct sk_page *p, label_fn label, const json_t *v, int depth)
{
	const char *key;
	json_t *member;
	size_t shown = 0, n = json_object_size(v);

	sk_page_lit(p, "<dl class=\"evidence\">");
	json_object_foreach((json_t *)v, key, member)
	{
		if (shown == MEMBERS_MAX)
			break;
		sk_page_lit(p, "<div><dt>");
		sk_page_tr(p, label(key));
		sk_page_lit(p, "</dt><dd>");
		value(p, label, key, member, depth + 1);
		sk_page_dd_end(p);
		shown++;
	}
	if (shown < n) {
		sk_page_lit(p, "<div><dt>\xe2\x80\xa6</dt><dd>");
		cut_note(p, n - shown);
		sk_page_dd_end(p);
	}
	sk_page_lit(p, "</dl>");
}

static void array(struct sk_page *p, label_fn label, const char *name, const json_t *v, int depth)
{
	size_t n = json_array_size(v);

	sk_page_lit(p, "<ul class=\"evidence\">");
	for (size_t i = 0; i < n && i < MEMBERS_MAX; i++) {
		sk_page_lit(p, "<li>");
		value(p, label, name, json_array_get(v, i), depth + 1);
		sk_page_lit(p, "</li>");
	}
	if (n > MEMBERS_MAX) {
		sk_page_lit(p, "<li>");
		cut_note(p, n - MEMBERS_MAX);
		sk_page_lit(p, "</li>");
	}
	sk_page_lit(p, "</ul>");
}

static bool ends_in(const char *name, const char *suffix)
{
	size_t a = strlen(name), b = strlen(suffix);

	return a >= b && strcmp(name + a - b, suffix) == 0;
}

/* 2001-09-09 .. 2286-11-20 in milliseconds: large enough that no count or size of ours falls into it by accident of name. */
static bool looks_like_time(const char *name, json_int_t n)
{
	return n >= 1000000000000 && n < 10000000000000 &&
	       (ends_in(name, "_ms") || ends_in(name, "at") || ends_in(name, "until") || ends_in(name, "since") ||
	        ends_in(name, "time") || ends_in(name, "from") || ends_in(name, "now"));
}

static void scalar(struct sk_page *p, const char *name, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (json_is_string(v)) {
		if (json_string_length(v) == 0)
			sk_page_el_tr(p, "span", "none", N_("(empty)"));
		else
			sk_page_textn(p, json_string_value(v), json_string_length(v));
	} else if (json_is_boolean(v)) {
		sk_page_tr(p, json_is_true(v) ? N_("yes") : N_("no"));
	} else if (json_is_integer(v) && looks_like_time(name, n)) {
		sk_page_time(p, n);
	} else if (json_is_integer(v) && n >= 0 && (ends_in(name, "_s") || ends_in(name, "_seconds"))) {
		sk_page_span(p, n);
	} else if (json_is_integer(v)) {
		(void)sk_buf_addf(&p->out, "%lld", (long long)n);
	} else if (json_is_real(v)) {
		(void)sk_buf_addf(&p->out, "%.6g", json_real_value(v));
	} else {
		sk_page_el_tr(p, "span", "none", N_("(none)"));
	}
}

static void value(struct sk_page *p, label_fn label, const char *name, const json_t *v, int depth)
{
	bool nested = (json_is_object(v) && json_object_size(v) > 0) || (json_is_array(v) && json_array_size(v) > 0);

	if (nested && depth > DEPTH_MAX)
		sk_page_tr(p, N_("(more levels than are shown)"));
	else if (nested && json_is_object(v))
		object(p, label, v, depth);
	else if (nested)
		array(p, label, name, v, depth);
	else
		scalar(p, name, v);
}

void sk_page_evidence(struct sk_page *p, const json_t *v, const char *(*label)(const char *name))
{
	value(p, label, "", v, 1);
}
