/* The checks of one terminal: verdict, clause and duty, what was found in plain words, evidence, and what to do about it. */
#include "server/console.h"

#include <string.h>

#include "common/buf.h"

static void sentences(struct sk_page *p, const json_t *details)
{
	const json_t *d;
	size_t i;

	if (json_array_size(details) == 0)
		return;
	sk_page_lit(p, "<ul class=\"findings\">");
	json_array_foreach(details, i, d)
	{
		struct sk_buf text;

		sk_buf_init(&text, SK_PAGE_TEXT_MAX);
		sk_check_sentence(d, p->lang, &text);
		sk_page_el(p, "li", NULL, text.data);
		sk_buf_deinit(&text);
	}
	sk_page_lit(p, "</ul>");
}

static void remedy(struct sk_page *p, const struct sk_check *check, const char *state)
{
	enum sk_state s;

	if (check == NULL || sk_state_parse(state, &s) < 0 || s == SK_STATE_COMPLIANT || s == SK_STATE_NOT_APPLICABLE)
		return;
	sk_page_lit(p, "<p class=\"remedy\">");
	sk_page_el_tr(p, "strong", NULL, N_("What to do:"));
	sk_page_lit(p, " ");
	sk_page_tr(p, check->remediation);
	sk_page_lit(p, "</p>");
}

static void one(struct sk_page *p, const json_t *result)
{
	const char *id = sk_page_str(result, "id"), *state = sk_page_str(result, "state");
	const struct sk_check *check = sk_check_find(id);
	const json_t *evidence = sk_page_get(result, "evidence");

	sk_page_lit(p, "<article class=\"check\"><header>");
	sk_page_state(p, state);
	if (check != NULL)
		sk_page_el_tr(p, "h3", NULL, check->title);
	else
		sk_page_el(p, "h3", NULL, id);
	sk_page_lit(p, "<p class=\"sub\">");
	sk_part_clause(p, sk_page_str(result, "clause"));
	sk_page_lit(p, " \xc2\xb7 ");
	sk_page_tr(p, sk_word_duty(sk_page_str(result, "duty")));
	sk_page_lit(p, " \xc2\xb7 ");
	sk_page_tr(p, N_("checked"));
	sk_page_lit(p, " ");
	sk_page_ago(p, sk_page_int(result, "at"));
	sk_page_lit(p, "</p></header>");
	if (check != NULL)
		sk_page_el_tr(p, "p", NULL, check->explanation);
	sentences(p, sk_page_get(result, "detail"));
	remedy(p, check, state);
	if (evidence != NULL) {
		sk_page_lit(p, "<details><summary>");
		sk_page_tr(p, N_("Evidence"));
		sk_page_lit(p, "</summary>");
		sk_page_evidence(p, evidence, sk_word_evidence);
		sk_page_lit(p, "</details>");
	}
	sk_page_lit(p, "</article>\n");
}

void sk_part_checks(struct sk_page *p, const json_t *posture)
{
	const json_t *result;
	size_t i;

	if (json_array_size(posture) == 0) {
		sk_part_empty(
		    p, N_("The terminal has not reported its checks yet. Until then it does not count as compliant."));
		return;
	}
	sk_page_lit(p, "<div class=\"checks\">");
	json_array_foreach(posture, i, result) one(p, result);
	sk_page_lit(p, "</div>");
}
