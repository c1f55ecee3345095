/*
 * Incidents as people handle them: one row each with a number of its fiscal year, and a course that only grows. What terminals' records show
 * (table incidents, incident_add) opens one by itself; the same sign of the same terminal is added to the one that is open.
 */
#ifndef SK_SERVER_STORE_INCIDENTS_H
#define SK_SERVER_STORE_INCIDENTS_H

#include "server/incident.h"
#include "server/store.h"

struct sk_incident_new {
	const char *kind; /* of sk_incident_kinds */
	const char *title; /* what happened, 1 to 200 bytes */
	const char *text; /* more of it, at most 4000 bytes */
	const char *unit; /* section it concerns; "" = none in particular */
	const char *terminal; /* id, or "" */
	sk_ms happened; /* 0 = not known */
	const char *informant; /* who told, when somebody outside did (5.3(2)); "" */
};
/* Anybody with an account may report (5.3(1)); by is recorded. -EINVAL with the field, -ENOENT unit or terminal. */
int sk_store_incident_open(struct sk_store *s, const struct sk_actor *by, const struct sk_incident_new *n, sk_ms now,
                           int64_t *number, struct sk_err *err);

/* [{"number","label","kind","title","sign" ("" = a person reported it),"state","severity","unit","unit_ja","unit_en","terminal","host","opened":ms,"updated":ms,"by"}] open ones first, newest
 * first. unit: of this section; reporter: opened by this user; NULL = all. state NULL = those not closed; "all". */
json_t *sk_store_incidents(struct sk_store *s, const char *unit, const char *reporter, const char *state, int limit,
                           int offset);
/* As above, with "text","happened","informant","user" and "course":[{"time","action","user","name","role","target","text","state","severity"}] oldest first; NULL if
 * unknown. actions: opened sign step note told cause prevention evidence. */
json_t *sk_store_incident(struct sk_store *s, int64_t number);
/* What decides about the next step. 0 or -ENOENT. */
int sk_store_incident_facts(struct sk_store *s, int64_t number, struct sk_incident_facts *out);

struct sk_incident_act {
	const char *action; /* step note told cause prevention evidence */
	const char *from; /* the state the form was shown for; -ESTALE when it changed */
	const char *state; /* step: the next one */
	int severity; /* step: 1..3, 0 = as it is */
	const char *target; /* told: of sk_incident_told */
	const char *text; /* at most 4000 bytes; needed for all but step and told */
	sk_ms when; /* told: when it was; 0 = now */
};
/* 0; -ENOENT; -EPERM; -ESTALE; -EINVAL with what is missing. A section's manager acts on the section's own only: -EPERM. */
int sk_store_incident_act(struct sk_store *s, const struct sk_actor *by, int64_t number,
                          const struct sk_incident_act *act, sk_ms now, struct sk_err *err);

#endif
