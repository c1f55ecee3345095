/*
 * How the office stands, now and day by day. Once a day the verdicts are counted, for the whole office and for each unit with what lies below it, and kept:
 * change and trend are read from these counts, not made up for days on which the server did not run. Silent terminals are a count of their own everywhere.
 */
#ifndef SK_SERVER_STORE_COMPLIANCE_H
#define SK_SERVER_STORE_COMPLIANCE_H

#include "server/store.h"

/* The day t falls in by local time, as YYYYMMDD; and the day n days before (n < 0: after) a day. */
int sk_day_of(sk_ms t);
int sk_day_before(int day, int n);

/* Counts the day of now, once: > 0 when it did, 0 when it was there, also when another node did. The job "compliance" (server/job.h) does it, with what
 * sk_store_set_silent said. */
int sk_store_compliance_count(struct sk_store *s, sk_ms now, sk_ms silent_ms);
void sk_store_set_silent(struct sk_store *s, sk_ms silent_ms);

/* {"terminals":n,"states":{"compliant":n,..,"silent":n},"checks":[{"id","states":{..},"week":{..}}],"units":[{"key","name_ja","name_en","parent" ("" = top),
 * "terminals":n,"states":{..} (with all below it),"week":{..}}] by key,"week":{"day":YYYYMMDD,"terminals":n,"states":{..}} | null}
 * week: as counted on the nearest day from seven to thirteen days back; of a unit or a check {} when it was not there. unit NULL = the office, else it and
 * what lies below it. NULL = failed. */
json_t *sk_store_compliance(struct sk_store *s, const char *unit, sk_ms now, sk_ms silent_ms);

/* The days from `from` on that were counted, oldest first: [{"day":YYYYMMDD,"terminals":n,"states":{..}}]. check: its id; "" = the terminals as a whole. */
json_t *sk_store_trend(struct sk_store *s, const char *unit, const char *check, int from);

/* Terminals by their state in one check, worst first: [{"id","host","asset","unit","unit_ja","unit_en","state","since":ms,"last_contact":ms}]. state: NULL = all. */
json_t *sk_store_check_terminals(struct sk_store *s, const char *check, const char *unit, const char *state, sk_ms now,
                                 sk_ms silent_ms, int limit, int offset);

/* What ends before `until`, soonest first, what is over and still open too: [{"what":"grant"|"setting"|"application"|"certificate"|"support","until":ms,"host","terminal":id or "",
 * "unit","unit_ja","unit_en","label","number":n,"kind","n":terminals (support: how many)}]. Ends of support are one row per unit and system. */
json_t *sk_store_due(struct sk_store *s, const char *unit, sk_ms now, sk_ms until, int limit);

#endif
