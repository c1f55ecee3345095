/*
 * Applications (申請) of every kind that is data (server/kinds.h), beside the requests for a medium that terminals send. Each takes its route with it as
 * it was on the day it was made; each permit on it is recorded under its own clause. Four eyes are constraints of the tables: a vote cannot be stored for who asked, for who entered
 * it, or twice by one person.
 */
#ifndef SK_SERVER_STORE_APPLICATIONS_H
#define SK_SERVER_STORE_APPLICATIONS_H

#include "server/kinds.h"
#include "server/store.h"

#define SK_FIELD_MAX   500 /* bytes of one field */
#define SK_PERMITS_MAX 8

/* The office's own text of kinds, malloc'd; -ENOENT: the shipped one holds. set checks it whole: -EINVAL with "file:line: what". By an information system manager. */
int sk_store_kinds_text(struct sk_store *s, char **text);
int sk_store_kinds_set(struct sk_store *s, const struct sk_actor *by, const char *text, sk_ms now, struct sk_err *err);

struct sk_application {
	const struct sk_kind *kinds[SK_PERMITS_MAX]; /* of one group, the first gives the route */
	size_t n_kinds;
	const char *person; /* account: the actor's own, or for whom the helpdesk enters it */
	const char *class; /* of sk_class_names; "" where the kinds do not ask */
	const json_t *fields; /* {name of sk_field_names: text} */
	sk_ms from, until;
	const char *once; /* 16 to 64 hexadecimal digits of the form: sent twice it is stored once */
	int64_t again; /* a returned one, sent again; 0 = new */
};

/* What is wrong, for the form: field is a name of sk_field_names, "class", "term", "kinds", "person" or "". */
struct sk_application_problem {
	const char *field;
	const char *why; /* msgid */
};
/* Pure: 0, or -EINVAL with the first problem. now: for the term. */
int sk_application_check(const struct sk_application *a, sk_ms now, struct sk_application_problem *out);

/* 0 with its number; -EINVAL (*problem), -EPERM, -ENOENT (again), -ESTALE (again: it is not returned). The unit is the one the actor acts for, else the person's. */
int sk_store_application_put(struct sk_store *s, const struct sk_actor *by, const struct sk_application *a, sk_ms now,
                             int64_t *number, struct sk_application_problem *problem, struct sk_err *err);

/* action: "permit" "refuse" "return" (whoever's step it is), "withdraw" "extend" (who asked; until: the new end), "cancel" (of the last step), "comment", "lost", "erased", "done", "issue" (who asked, or the helpdesk: what it produces is to be issued once more). reason: needed for refuse, return, cancel, comment and lost. extend makes a new application: its number in *made.
 * 0, -ENOENT, -EPERM (four eyes, role, unit), -ESTALE (state, or somebody was faster), -EINVAL, -ENXIO: the medium or terminal it names is gone. */
int sk_store_application_act(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *action,
                             const char *reason, sk_ms until, sk_ms now, int64_t *made, struct sk_err *err);

/* Brought back and checked (6.2(2)カ), by the helpdesk or the section's manager, never by who had it out: what was looked at and found in order. */
struct sk_return_check {
	bool scan; /* searched for malware: needed */
	bool patches; /* updates and virus definitions are current: needed of a device */
	bool files; /* what was written is what was listed */
	bool contents; /* what is not needed any more was erased */
};
/* As act; -EINVAL: a check that is needed is missing. */
int sk_store_application_back(struct sk_store *s, const struct sk_actor *by, int64_t number,
                              const struct sk_return_check *check, const char *reason, sk_ms now, struct sk_err *err);

/* [{"number","label","kind","state","person","person_name","entered_by","unit","unit_ja","unit_en","class","from","until","route","step","created","updated","back":bool,"reason",
 * "overdue":bool,"reminders":n,"reminded":ms}] newest first. state: as stored, "open" (waits for somebody), "overdue", NULL = all. find: part of label, person or what is written in the fields. */
json_t *sk_store_applications(struct sk_store *s, const char *unit, const char *person, const char *state,
                              const char *find, sk_ms now, int limit, int offset);
/* As a row, with "fields":{..}, "extends", "permits":[{"kind","clause"}], "votes":[{"step","role","user","name","time"}] of this round, "history":[{"time","action","user","name","role",
 * "reason"}] oldest first, "produces":"medium"|"setting"|"","requests":[{"number","label","state","terminal","host","ledger","until","granted_access"}] what it
 * produced, "check":{"time","scan","patches","files","contents" (bool),"name","role"}|null. NULL if unknown. */
json_t *sk_store_application(struct sk_store *s, int64_t number, sk_ms now);
/* May they vote on it now? 0, or -EPERM, -ESTALE. row: as above. Asked again inside the transaction. */
int sk_store_application_may_vote(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now);

#endif
