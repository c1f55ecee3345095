/*
 * Audits (監査, 9.1) and self-inspections (自己点検, 9.2): items by clause that units answer, findings that stay until they are mended and confirmed, what other sections
 * found when they looked at the same (横展開, 9.1(7)), and the report. An audit is the auditor's: only audit officers write it, and they change nothing
 * else (9.1(2)). A self-inspection is a responsible person's (BUR) or an information system manager's. Who answers and mends is the section's manager.
 */
#ifndef SK_SERVER_STORE_INSPECTIONS_H
#define SK_SERVER_STORE_INSPECTIONS_H

#include "server/store.h"

#define SK_INSPECTION_TEXT  4000 /* bytes of one text */
#define SK_INSPECTION_ITEMS 200

struct sk_inspection_new {
	bool audit; /* else a self-inspection */
	const char *title; /* 1 to 200 bytes */
	const char *text; /* purpose, method, who audits, independence */
	const char *unit; /* with all below it; "" = the office */
	const char *items; /* one a line: "5.1(1)キ What is asked"; the clause is the first word */
	sk_ms from, until;
};
/* Role AUD for an audit, BUR (own unit) or SYS for a self-inspection. 0 and *number; -EPERM; -EINVAL with what, -ENOENT unit. */
int sk_store_inspection_add(struct sk_store *s, const struct sk_actor *by, const struct sk_inspection_new *n, sk_ms now,
                            int64_t *number, struct sk_err *err);

struct sk_inspection_act {
	const char *action; /* answer find spread improve confirm return report */
	int64_t item; /* answer; find: of which item, 0 = none */
	int64_t finding; /* spread improve confirm return */
	const char *unit; /* answer, find: whose */
	const char *answer; /* "met" "not-met" "not-applicable" */
	const char *clause, *evidence; /* find */
	int degree; /* find: 1 observation, 2 minor, 3 major */
	sk_ms due; /* find: until when it is mended; 0 = not set */
	const char *text; /* needed for all but confirm and spread */
};
/* answer: section's manager of the unit; again until the report. find, confirm, return, report: whose inspection it is (AUD; BUR and SYS). improve: section's manager of the finding's unit. spread: EXEC
 * orders every other section in the inspection's scope to look at the same. 0; -EPERM; -ENOENT; -ESTALE (state); -EINVAL with what is missing. */
int sk_store_inspection_act(struct sk_store *s, const struct sk_actor *by, int64_t number,
                            const struct sk_inspection_act *a, sk_ms now, struct sk_err *err);

/* [{"number","label","audit|b","title","unit","unit_ja","unit_en","from","until","state":"running"|"reported","items","answers","expected","open":findings not confirmed,"findings"}] newest first. unit: those
 * that concern it. */
json_t *sk_store_inspections(struct sk_store *s, const char *unit, int limit, int offset);
/* As a row, with "text","by","report","reported","items":[{"id","clause","text"}],"answers":[{"item","unit","unit_ja","unit_en","answer","text","name","time"}],"findings":[as
 * below],"units":[{"key","name_ja","name_en"}: those that answer]. unit: answers and findings of it and below alone; NULL = all. NULL if unknown. */
json_t *sk_store_inspection(struct sk_store *s, int64_t number, const char *unit);
/* [{"key","number","inspection","label","unit","unit_ja","unit_en","clause","text","degree","evidence","created","due","spread_of","state":"open"|"answered"|"mended","improvement","improved","improved_by",
 * "confirmed","confirmed_by","others":sections it was spread to,"others_done"}] by number; inspection 0 = all. */
json_t *sk_store_findings(struct sk_store *s, int64_t inspection, const char *unit, int64_t after, int limit);

#endif
