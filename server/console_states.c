/*
 * Counts by verdict, as a line, as table cells and as a bar. The order is everywhere the same, worst first, and silent terminals are among them even
 * when there are none.
 */
#include "server/console.h"

#include <string.h>

/* A terminal as a whole is never "not applicable". */
static const enum sk_state line[] = {SK_STATE_NON_COMPLIANT, SK_STATE_ERROR,  SK_STATE_SILENT,   SK_STATE_UNKNOWN,
                                     SK_STATE_IN_GRACE,      SK_STATE_EXEMPT, SK_STATE_COMPLIANT};
#define N_LINE (sizeof(line) / sizeof(line[0]))

static long long count(const json_t *states, enum sk_state s)
{
	return sk_page_int(states, sk_state_name(s));
}

long long sk_states_total(const json_t *states)
{
	long long total = 0;

	for (size_t i = 0; i < N_LINE; i++)
		total += count(states, line[i]);
	return total;
}

long long sk_states_bad(const json_t *states)
{
	return count(states, SK_STATE_NON_COMPLIANT) + count(states, SK_STATE_ERROR) + count(states, SK_STATE_SILENT) +
	       count(states, SK_STATE_UNKNOWN);
}

double sk_state_badness(const json_t *row)
{
	const json_t *s = sk_page_get(row, "states");
	double n = (double)sk_page_int(row, "terminals");

	if (n <= 0)
		return -1;
	return ((double)count(s, SK_STATE_NON_COMPLIANT) + (double)count(s, SK_STATE_ERROR)) / n +
	       ((double)count(s, SK_STATE_SILENT) + (double)count(s, SK_STATE_UNKNOWN)) / n / 10 +
	       (double)count(s, SK_STATE_IN_GRACE) / n / 1000;
}

const char *sk_state_fill(enum sk_state s)
{
	static const char *const cls[] = {
	    [SK_STATE_NOT_APPLICABLE] = "plain", [SK_STATE_COMPLIANT] = "ok",    [SK_STATE_IN_GRACE] = "grace",
	    [SK_STATE_EXEMPT] = "exempt",        [SK_STATE_UNKNOWN] = "unknown", [SK_STATE_NON_COMPLIANT] = "bad",
	    [SK_STATE_ERROR] = "error",          [SK_STATE_SILENT] = "silent",
	};

	return cls[s];
}

bool sk_state_line(size_t i, enum sk_state *out)
{
	if (i >= N_LINE)
		return false;
	*out = line[i];
	return true;
}

void sk_part_state_bar(struct sk_page *p, const json_t *states, long long total)
{
	double x = 0;

	if (total <= 0)
		return;
	sk_page_lit(p, "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" "
	               "focusable=\"false\">");
	for (size_t i = 0; i < N_LINE; i++) {
		double w = 1000.0 * (double)count(states, line[i]) / (double)total;

		if (w <= 0)
			continue;
		(void)sk_buf_addf(&p->out, "<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"10\" class=\"fill-%s\"/>",
		                  x, w, sk_state_fill(line[i]));
		x += w;
	}
	sk_page_lit(p, "</svg>");
}

static void count_link(struct sk_page *p, const char *unit, enum sk_state s)
{
	sk_page_lit(p, "<a href=\"/terminals?");
	if (unit != NULL) {
		sk_page_lit(p, "unit=");
		sk_page_url(p, unit);
		sk_page_lit(p, "&amp;");
	}
	if (s != SK_STATE_NOT_APPLICABLE) {
		sk_page_lit(p, "state=");
		sk_page_raw(p, sk_state_name(s));
	}
	sk_page_lit(p, "\">");
}

void sk_part_state_counts(struct sk_page *p, long long terminals, const json_t *states, const char *unit)
{
	sk_page_lit(p, "<section class=\"counts\"");
	sk_page_attr_tr(p, "aria-label", N_("Terminals by state"));
	sk_page_lit(p, "><ul><li class=\"total\">");
	count_link(p, unit, SK_STATE_NOT_APPLICABLE);
	sk_page_lit(p, "<strong>");
	sk_page_num(p, terminals);
	sk_page_lit(p, "</strong><span>");
	sk_page_tr(p, N_("Terminals"));
	sk_page_lit(p, "</span></a></li>");
	for (size_t i = 0; i < N_LINE; i++) {
		long long n = count(states, line[i]);

		sk_page_raw(p, n == 0 ? "<li class=\"zero\">" : "<li>");
		count_link(p, unit, line[i]);
		sk_page_lit(p, "<strong>");
		sk_page_num(p, n);
		sk_page_lit(p, "</strong>");
		sk_page_badge(p, sk_page_state_tone(line[i]), sk_state_word(line[i]));
		sk_page_lit(p, "</a></li>");
	}
	sk_page_lit(p, "</ul>");
	sk_part_state_bar(p, states, terminals);
	sk_page_lit(p, "</section>\n");
}

void sk_part_state_cells(struct sk_page *p, const json_t *states)
{
	for (size_t i = 0; i < N_LINE; i++) {
		long long n = count(states, line[i]);

		sk_page_raw(p, n == 0 ? "<td class=\"num zero\">" : "<td class=\"num\">");
		sk_page_num(p, n);
		sk_page_lit(p, "</td>");
	}
}

void sk_part_state_table(struct sk_page *p, const char *cls, const char *caption, const char *first, const char *more)
{
	const char *head[N_LINE + 5] = {first, N_("Terminals")};
	size_t n = 2;

	for (size_t i = 0; i < N_LINE; i++)
		head[n++] = sk_state_word(line[i]);
	if (more != NULL)
		head[n++] = more;
	head[n++] = N_("Share");
	sk_page_table(p, cls, caption, head);
}

void sk_part_change(struct sk_page *p, long long change)
{
	/* the sign says it, the colour repeats it; more that needs attention is worse */
	sk_page_raw(p, change > 0   ? "<span class=\"worse\">+"
	               : change < 0 ? "<span class=\"better\">\xe2\x88\x92"
	                            : "<span class=\"none\">\xc2\xb1");
	sk_page_num(p, change < 0 ? -change : change);
	sk_page_lit(p, "</span>");
}
