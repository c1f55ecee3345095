/*
 * An incident's course, pure: which state follows which, who may act, who has to be told in which order (5.3(1)(3), 1(9)). An
 * incident begins as a report by a person or as a sign from a terminal (a broken record, an infection, a use nobody issued); the helpdesk assesses
 * it; it ends with its cause and what prevents it written down, or as no incident with its reason.
 */
#ifndef SK_SERVER_INCIDENT_H
#define SK_SERVER_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "server/store.h"

enum sk_incident_state {
	SK_INCIDENT_RECEIVED, /* "received" 受付 */
	SK_INCIDENT_CHECKING, /* "checking" 確認中 */
	SK_INCIDENT_CONFIRMED, /* "confirmed" インシデントと評価 */
	SK_INCIDENT_VIOLATION, /* "violation" 非該当（違反あり） */
	SK_INCIDENT_NOTHING, /* "nothing" 非該当（違反なし） */
	SK_INCIDENT_RESPONDING, /* "responding" 対応中 */
	SK_INCIDENT_RECOVERED, /* "recovered" 復旧済 */
	SK_INCIDENT_PREVENTING, /* "preventing" 再発防止策実施中 */
	SK_INCIDENT_CLOSED, /* "closed" 終結 */
	SK_INCIDENT_STATES
};
const char *sk_incident_state_name(enum sk_incident_state s);
const char *sk_incident_state_word(enum sk_incident_state s); /* msgid */
int sk_incident_state_parse(const char *name, enum sk_incident_state *out); /* 0 or -EINVAL */

/* What it is. */
#define SK_INCIDENT_KINDS 8
extern const struct sk_incident_kind {
	const char *name, *word; /* word: msgid */
} sk_incident_kinds[SK_INCIDENT_KINDS]; /* malware loss leak misdirected intrusion violation record other */
const char *sk_incident_kind_word(const char *name); /* msgid; the name itself when it is not known */

/* Who is told, in the order of 5.3(1)(3). */
struct sk_incident_told {
	const char *name, *word; /* word: msgid */
	bool always; /* else by severity or as needed */
};
#define SK_INCIDENT_TOLD 12
extern const struct sk_incident_told sk_incident_told[SK_INCIDENT_TOLD];
int sk_incident_told_index(const char *name); /* or -EINVAL */

/* What an incident is made to follow: as the store has it. */
struct sk_incident_facts {
	enum sk_incident_state state;
	int severity; /* 0 = not assessed, 1 minor, 2 serious, 3 severe */
	bool has_cause, has_prevention; /* written down in its course */
};

/* May role (of the incident's section when it is a section's) take it from facts->state to next? 0; -EPERM the role; -EINVAL not from this state, or
 * something that has to be written down first is missing: *err says what. */
int sk_incident_step(const struct sk_incident_facts *facts, enum sk_role role, enum sk_incident_state next,
                     struct sk_err *err);
/* Notes, who was told, cause and prevention: not by auditors and staff, and not once it is closed. */
bool sk_incident_may_add(const struct sk_incident_facts *facts, enum sk_role role);

#endif
