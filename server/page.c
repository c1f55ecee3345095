/*
 * The writer: text, attributes, numbers, times. Structures made of these (tables, badges, evidence) are in page_parts.c and
 * page_evidence.c. Every text goes through print(): printable first (no control or bidirectional characters reach a browser, even
 * if whoever stored them forgot), then escaped.
 */
#include "server/page.h"

#include <stdio.h>
#include <string.h>

#include "common/era.h"
#include "common/text.h"

void sk_page_init(struct sk_page *p, enum sk_lang lang, sk_ms now)
{
	sk_buf_init(&p->out, SK_PAGE_MAX);
	p->lang = lang;
	p->now = now;
	p->era = false;
}

void sk_page_deinit(struct sk_page *p)
{
	sk_buf_deinit(&p->out);
}

/* Failures stay in out.failed, which is looked at once, when the page is sent. */
void sk_page_raw(struct sk_page *p, const char *markup)
{
	(void)sk_buf_adds(&p->out, markup);
}

void sk_page_textn(struct sk_page *p, const char *s, size_t len)
{
	char shown[SK_PAGE_TEXT_MAX];

	sk_text_printable(shown, sizeof(shown), s, len);
	(void)sk_text_html(&p->out, shown);
}

void sk_page_text(struct sk_page *p, const char *s)
{
	if (s != NULL)
		sk_page_textn(p, s, strlen(s));
}

void sk_page_tr(struct sk_page *p, const char *msgid)
{
	sk_page_text(p, sk_tr(p->lang, msgid));
}

void sk_page_sayv(struct sk_page *p, const char *msgid, const char *const *args)
{
	const char *s = sk_tr(p->lang, msgid);
	size_t n = 0;

	while (args[n] != NULL)
		n++;
	for (;;) {
		const char *next = strchr(s, '%');

		if (next == NULL)
			break;
		sk_page_textn(p, s, (size_t)(next - s));
		if (next[1] >= '1' && next[1] <= '9') {
			if ((size_t)(next[1] - '1') < n)
				sk_page_text(p, args[next[1] - '1']);
			s = next + 2;
		} else {
			sk_page_lit(p, "%");
			s = next + 1;
		}
	}
	sk_page_text(p, s);
}

void sk_page_num(struct sk_page *p, long long n)
{
	char plain[24], out[32];
	size_t len, o = 0;

	snprintf(plain, sizeof(plain), "%lld", n);
	len = strlen(plain);
	for (size_t i = 0; i < len; i++) {
		out[o++] = plain[i];
		if (plain[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
			out[o++] = ',';
	}
	out[o] = '\0';
	sk_page_raw(p, out);
}

void sk_page_attr(struct sk_page *p, const char *name, const char *value)
{
	sk_page_lit(p, " ");
	sk_page_raw(p, name);
	sk_page_lit(p, "=\"");
	sk_page_text(p, value);
	sk_page_lit(p, "\"");
}

void sk_page_attr_tr(struct sk_page *p, const char *name, const char *msgid)
{
	sk_page_attr(p, name, sk_tr(p->lang, msgid));
}

void sk_page_url(struct sk_page *p, const char *s)
{
	static const char keep[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *s != '\0'; s++) {
		if (strchr(keep, *s) != NULL)
			(void)sk_buf_addc(&p->out, *s);
		else
			(void)sk_buf_addf(&p->out, "%%%02X", (unsigned char)*s);
	}
}

static void open_tag(struct sk_page *p, const char *tag, const char *cls)
{
	sk_page_lit(p, "<");
	sk_page_raw(p, tag);
	if (cls != NULL)
		sk_page_attr(p, "class", cls);
	sk_page_lit(p, ">");
}

void sk_page_el(struct sk_page *p, const char *tag, const char *cls, const char *text)
{
	open_tag(p, tag, cls);
	sk_page_text(p, text);
	sk_page_lit(p, "</");
	sk_page_raw(p, tag);
	sk_page_lit(p, ">");
}

void sk_page_el_tr(struct sk_page *p, const char *tag, const char *cls, const char *msgid)
{
	sk_page_el(p, tag, cls, sk_tr(p->lang, msgid));
}

void sk_page_time_text(const struct sk_page *p, sk_ms t, char *out, size_t size)
{
	if (p->era && p->lang == SK_LANG_JA)
		sk_era_format(t, false, out, size);
	else
		sk_clock_format_local(t, out, size);
}

void sk_page_year_text(const struct sk_page *p, int year, char *out, size_t size)
{
	char text[32];
	struct sk_page said;
	const char *args[] = {text, NULL};

	if (p->era && p->lang == SK_LANG_JA)
		sk_era_fiscal_year(year, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%d", year);
	sk_page_init(&said, p->lang, p->now);
	sk_page_sayv(&said, N_("FY %1"), args);
	sk_text_copy(out, size, said.out.len > 0 ? said.out.data : "");
	sk_page_deinit(&said);
}

void sk_page_time(struct sk_page *p, sk_ms t)
{
	char utc[SK_RFC3339_LEN], local[64];

	if (t <= 0) {
		sk_page_lit(p, "<span class=\"none\">\xe2\x80\x94</span>");
		return;
	}
	sk_clock_format_utc(t, utc);
	sk_page_time_text(p, t, local, sizeof(local));
	sk_page_lit(p, "<time");
	sk_page_attr(p, "datetime", utc);
	sk_page_lit(p, ">");
	sk_page_text(p, local);
	sk_page_lit(p, "</time>");
}

struct unit {
	long long size; /* in seconds */
	const char *one, *many;
};

/* The largest unit that fits at least twice, so that "90 minutes" does not become "1 hour". */
static const char *in_units(long long seconds, const struct unit *units, size_t n, char num[24])
{
	size_t i = 0;

	while (i + 1 < n && seconds < 2 * units[i].size && !(seconds >= units[i].size && seconds % units[i].size == 0))
		i++;
	snprintf(num, 24, "%lld", seconds / units[i].size);
	return seconds / units[i].size == 1 ? units[i].one : units[i].many;
}

void sk_page_span(struct sk_page *p, long long seconds)
{
	static const struct unit units[] = {
	    {86400, N_("%1 day"), N_("%1 days")},
	    {3600, N_("%1 hour"), N_("%1 hours")},
	    {60, N_("%1 minute"), N_("%1 minutes")},
	    {1, N_("%1 second"), N_("%1 seconds")},
	};
	char num[24];
	const char *msgid = in_units(seconds < 0 ? 0 : seconds, units, 4, num);

	sk_page_say(p, msgid, num);
}

void sk_page_ago(struct sk_page *p, sk_ms t)
{
	static const struct unit units[] = {
	    {86400, N_("%1 day ago"), N_("%1 days ago")},
	    {3600, N_("%1 hour ago"), N_("%1 hours ago")},
	    {60, N_("%1 minute ago"), N_("%1 minutes ago")},
	};
	char utc[SK_RFC3339_LEN], local[32], num[24];

	if (t <= 0) {
		sk_page_el_tr(p, "span", "none", N_("never"));
		return;
	}
	sk_clock_format_utc(t, utc);
	sk_clock_format_local(t, local, sizeof(local));
	sk_page_lit(p, "<time");
	sk_page_attr(p, "datetime", utc);
	sk_page_attr(p, "title", local);
	sk_page_lit(p, ">");
	if (p->now - t < 60000) {
		sk_page_tr(p, N_("just now"));
	} else {
		const char *msgid = in_units((p->now - t) / 1000, units, 3, num);

		sk_page_say(p, msgid, num);
	}
	sk_page_lit(p, "</time>");
}

void sk_page_bytes(struct sk_page *p, long long bytes)
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = bytes < 0 ? 0 : (double)bytes;
	size_t i = 0;

	while (v >= 1000 && i < 5) {
		v /= 1000;
		i++;
	}
	(void)sk_buf_addf(&p->out, v >= 10 || i == 0 ? "%.0f %s" : "%.1f %s", v, names[i]);
}

const char *sk_page_str(const json_t *obj, const char *name)
{
	const char *s = json_string_value(json_object_get(obj, name));

	return s != NULL ? s : "";
}

long long sk_page_int(const json_t *obj, const char *name)
{
	return json_integer_value(json_object_get(obj, name));
}

const json_t *sk_page_get(const json_t *obj, const char *name)
{
	return json_object_get(obj, name);
}
