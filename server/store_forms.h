/*
 * Rows of the office's forms (STANDARD's records, server/form.h) that no other list of the store gives. Each is read in portions by a key that only
 * grows, so that what is added meanwhile neither doubles nor hides a row. unit NULL = the office, else it and what lies below; from and until: ms, of the row's day.
 */
#ifndef SK_SERVER_STORE_FORMS_H
#define SK_SERVER_STORE_FORMS_H

#include "server/store.h"

struct sk_form_range {
	const char *unit;
	sk_ms from, until;
	int64_t after; /* the key of the last row that was read; 0 = from the beginning */
	int limit;
};

/* Applications of these kinds (a JSON array of keys), oldest first: [{"key","label","kind","state","person_name","unit_ja","unit_en","class","fields":{..},"from","until","created","reason","route",
 * "permits":[kind..],"permitted_by","permitted_at","back_at","back_by"}]. */
json_t *sk_store_form_applications(struct sk_store *s, const struct sk_form_range *r, const char *kinds);
/* Requests for media that were decided: [{"key","label","state","person","unit_ja","unit_en","device":{..},"purpose","class","destination","created","from","until","permitted_by",
 * "permitted_at","approved_by","approved_at","granted_access","ended"}]. */
json_t *sk_store_form_requests(struct sk_store *s, const struct sk_form_range *r);
/* Media that were erased or disposed of: [{"key","ledger","vendor","product","serial","unit_ja","unit_en","time","state","reason","name","role"}]. */
json_t *sk_store_form_disposals(struct sk_store *s, const struct sk_form_range *r);
/* Incidents with what was written of each: [{"key","label","kind","title","sign","text","state","severity","unit_ja","unit_en","host","happened","opened","name","informant","cause","prevention",
 * "evidence","recovered","closed","closed_by","told":[{"target","time"}]}]. only: one number, 0 = all. */
json_t *sk_store_form_incidents(struct sk_store *s, const struct sk_form_range *r, int64_t only);
/* What audits ask: [{"key","clause","text","method","name","from","until","title","unit_ja","unit_en"}]. */
json_t *sk_store_form_plan(struct sk_store *s, const struct sk_form_range *r);
/* Verdicts by unit and check now: [{"unit_ja","unit_en","parent_ja","parent_en","check","states":{..}}] by unit and check; not in portions. */
json_t *sk_store_form_inspection(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms);

#endif
