/* Reports: incidents, self-inspection, audits (form.h). */
#include "server/form_inside.h"

#include <stdio.h>
#include <string.h>

#include "policy/check.h"
#include "server/incident.h"
#include "server/store_inspections.h"

static const char *told_word(const char *target)
{
	int i = sk_incident_told_index(target);

	return i < 0 ? target : sk_incident_told[i].word;
}

static void put_told(const struct sk_form_read *x, json_t *row, const json_t *told)
{
	const json_t *t;
	struct sk_buf b;
	char when[64];
	size_t i;

	sk_buf_init(&b, 4096);
	json_array_foreach(told, i, t)
	{
		sk_page_time_text(&x->c->page, sk_page_int(t, "time"), when, sizeof(when));
		(void)sk_buf_addf(&b, "%s%s %s", i == 0 ? "" : "\n",
		                  sk_tr(cell_lang(x), told_word(sk_page_str(t, "target"))), when);
	}
	cell_put(row, b.data);
	sk_buf_deinit(&b);
}

static void incident_cells(const struct sk_form_read *x, const json_t *i, json_t *row)
{
	enum sk_incident_state state;

	cell_put(row, sk_page_str(i, "label"));
	cell_put_time(x, row, sk_page_int(i, "happened"));
	cell_put_time(x, row, sk_page_int(i, "opened"));
	JOIN(row, " ", sk_page_str(i, "name"), sk_page_str(i, "informant"));
	cell_put(row, cell_unit_of(x, i));
	cell_put_tr(x, row, sk_incident_kind_word(sk_page_str(i, "kind")));
	JOIN(row, "\n", sk_page_str(i, "title"), sk_page_str(i, "text"));
	cell_put(row, sk_page_str(i, "host"));
	cell_blank(row, 2);
	cell_put_tr(x, row, sk_word_severity((int)sk_page_int(i, "severity")));
	cell_blank(row, 1);
	put_told(x, row, sk_page_get(i, "told"));
	cell_put_tr(x, row,
	            sk_incident_state_parse(sk_page_str(i, "state"), &state) == 0 ? sk_incident_state_word(state) : "");
	cell_put(row, sk_page_str(i, "cause"));
	cell_put(row, sk_page_str(i, "evidence"));
	cell_put_time(x, row, sk_page_int(i, "recovered"));
	cell_put(row, sk_page_str(i, "prevention"));
	cell_blank(row, 1);
	cell_put_who_when(x, row, sk_page_str(i, "closed_by"), sk_page_int(i, "closed"));
}

int form_incidents(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_form_incidents(x->store, &x->range, x->only), incident_cells, out);
}

/* --- self-inspection --- */

static void inspection_cells(const struct sk_form_read *x, const json_t *s, json_t *row)
{
	static const enum sk_state order[] = {SK_STATE_COMPLIANT, SK_STATE_IN_GRACE, SK_STATE_NON_COMPLIANT,
	                                      SK_STATE_UNKNOWN,   SK_STATE_EXEMPT,   SK_STATE_SILENT};
	const struct sk_check *check = sk_check_find(sk_page_str(s, "check"));
	const json_t *states = sk_page_get(s, "states");
	enum sk_state worst = SK_STATE_NOT_APPLICABLE;

	for (int k = SK_STATE_SILENT; k > SK_STATE_NOT_APPLICABLE && worst == SK_STATE_NOT_APPLICABLE; k--) {
		if (sk_page_int(states, sk_state_name((enum sk_state)k)) > 0)
			worst = (enum sk_state)k;
	}
	cell_put_number(row, sk_clock_fiscal_year(x->c->now));
	cell_put(row, sk_page_str(s, cell_lang(x) == SK_LANG_JA ? "parent_ja" : "parent_en"));
	cell_put(row, cell_unit_of(x, s));
	cell_put(row, check != NULL ? check->clause : "");
	cell_put_tr(x, row, check != NULL ? check->title : sk_page_str(s, "check"));
	cell_put_tr(x, row, sk_state_word(worst));
	cell_put_number(row, sk_states_total(states));
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		cell_put_number(
		    row, sk_page_int(states, sk_state_name(order[k])) +
		             (order[k] == SK_STATE_UNKNOWN ? sk_page_int(states, sk_state_name(SK_STATE_ERROR)) : 0));
	cell_blank(row, 7);
}

int form_inspection(struct sk_form_read *x, json_t *out)
{
	int r = form_each(x, sk_store_form_inspection(x->store, x->range.unit, x->c->now, x->c->silent_ms),
	                  inspection_cells, out);

	return r < 0 ? r : 0; /* not in portions: units times checks */
}

/* --- audits --- */

static void plan_cells(const struct sk_form_read *x, const json_t *i, json_t *row)
{
	cell_put(row, *cell_unit_of(x, i) != '\0' ? cell_unit_of(x, i) : sk_tr(cell_lang(x), N_("The whole office")));
	cell_put(row, sk_page_str(i, "clause"));
	cell_put(row, sk_page_str(i, "text"));
	cell_put(row, sk_page_str(i, "method"));
	cell_put(row, sk_page_str(i, "name"));
	cell_put_term(x, row, i);
	cell_blank(row, 1);
	cell_put(row, sk_page_str(i, "title"));
}

int form_plan(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_form_plan(x->store, &x->range), plan_cells, out);
}

static void finding_cells(const struct sk_form_read *x, const json_t *f, json_t *row)
{
	char spread[64] = "";

	if (sk_page_int(f, "others") > 0)
		snprintf(spread, sizeof(spread), "%lld / %lld", sk_page_int(f, "others_done"),
		         sk_page_int(f, "others"));
	else if (sk_page_int(f, "spread_of") > 0)
		snprintf(spread, sizeof(spread), "\xe2\x86\x90 %lld", sk_page_int(f, "spread_of"));
	cell_put(row, sk_page_str(f, "clause"));
	cell_put(row, cell_unit_of(x, f));
	cell_put(row, sk_page_str(f, "text"));
	cell_put_tr(x, row, sk_word_degree(sk_page_int(f, "degree")));
	cell_put(row, sk_page_str(f, "evidence"));
	cell_put_time(x, row, sk_page_int(f, "created"));
	cell_put(row, spread);
	cell_put_who_when(x, row, sk_page_str(f, "improvement"), sk_page_int(f, "improved"));
	cell_put_who_when(x, row, sk_page_str(f, "confirmed_by"), sk_page_int(f, "confirmed"));
}

int form_findings(struct sk_form_read *x, json_t *out)
{
	return form_each(x, sk_store_findings(x->store, x->only, x->range.unit, x->range.after, x->range.limit),
	                 finding_cells, out);
}
