/*
 * The trend: one column for each day that was counted, its verdicts stacked in shares of that day's terminals. Days that were not counted stay
 * empty. The picture is hidden from screen readers; the table beside it says the same in numbers.
 */
#include "server/console.h"

#include <stdio.h>

#include "server/store_compliance.h"

#define WIDTH  1000.0
#define HEIGHT 200.0

void sk_part_day(struct sk_page *p, int day)
{
	char text[24];

	snprintf(text, sizeof(text), "%04d-%02d-%02d", day / 10000, day / 100 % 100, day % 100);
	sk_page_lit(p, "<time");
	sk_page_attr(p, "datetime", text);
	sk_page_lit(p, ">");
	sk_page_text(p, text);
	sk_page_lit(p, "</time>");
}

static void column(struct sk_page *p, const json_t *row, double x, double w)
{
	const json_t *states = sk_page_get(row, "states");
	double total = (double)sk_states_total(states), y = 0;
	enum sk_state state;

	for (size_t i = 0; total > 0 && sk_state_line(i, &state); i++) {
		double h = HEIGHT * (double)sk_page_int(states, sk_state_name(state)) / total;

		if (h > 0)
			(void)sk_buf_addf(
			    &p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"fill-%s\"/>",
			    x, y, w, h, sk_state_fill(state));
		y += h;
	}
}

static void legend(struct sk_page *p)
{
	enum sk_state s;

	sk_page_lit(p, "<p class=\"legend\">");
	for (size_t i = 0; sk_state_line(i, &s); i++)
		sk_page_badge(p, sk_page_state_tone(s), sk_state_word(s));
	sk_page_lit(p, "</p>");
}

static void picture(struct sk_page *p, const json_t *trend, int today, int days)
{
	double step = WIDTH / (days + 1);
	int day = sk_day_before(today, days);
	size_t i = 0;

	sk_page_lit(p, "<figure class=\"trend\" aria-hidden=\"true\"><svg viewBox=\"0 0 1000 200\" "
	               "preserveAspectRatio=\"none\" focusable=\"false\">");
	for (int d = 0; d <= days && i < json_array_size(trend); d++) {
		const json_t *row = json_array_get(trend, i);

		if (sk_page_int(row, "day") == day) {
			column(p, row, d * step, step * (days > 100 ? 1.0 : 0.8));
			i++;
		}
		day = sk_day_before(day, -1);
	}
	sk_page_lit(p, "</svg><figcaption><span>");
	sk_part_day(p, sk_day_before(today, days));
	sk_page_lit(p, "</span><span>");
	sk_part_day(p, today);
	sk_page_lit(p, "</span></figcaption></figure>\n");
}

void sk_part_trend(struct sk_page *p, const json_t *trend, int today, int days)
{
	size_t n = json_array_size(trend), every = days <= 30 ? 1 : days <= 90 ? 3 : 14;

	if (n == 0) {
		sk_part_empty(p, N_("No day was counted yet. The verdicts are counted once a day, from the day on "
		                    "which this version began to run."));
		return;
	}
	legend(p);
	picture(p, trend, today, days);
	sk_page_lit(p, "<details class=\"numbers\"");
	sk_page_raw(p, n <= 31 ? " open><summary>" : "><summary>");
	sk_page_tr(p, N_("The same in numbers"));
	sk_page_lit(p, "</summary>");
	sk_part_state_table(p, "states", N_("Verdicts by day"), N_("Day"), NULL);
	for (size_t i = n; i-- > 0;) {
		const json_t *row = json_array_get(trend, i), *states = sk_page_get(row, "states");

		if ((n - 1 - i) % every != 0)
			continue;
		sk_page_lit(p, "<tr><th scope=\"row\">");
		sk_part_day(p, (int)sk_page_int(row, "day"));
		sk_page_lit(p, "</th><td class=\"num\">");
		sk_page_num(p, sk_states_total(states));
		sk_page_lit(p, "</td>");
		sk_part_state_cells(p, states);
		sk_page_lit(p, "<td class=\"share\">");
		sk_part_state_bar(p, states, sk_states_total(states));
		sk_page_lit(p, "</td></tr>\n");
	}
	sk_page_table_end(p);
	sk_page_lit(p, "</details>\n");
}
