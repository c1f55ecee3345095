/*
 * When a session is left alone (5.1(1)キ): pure. A session idle past the limit and not locked is asked to lock; one that has not locked within
 * the set time is told of, or ended where the policy says so. A text console has no lock: it is told of, or ended, at the limit. Times are ms of one
 * clock that does not jump (CLOCK_MONOTONIC).
 */
#ifndef SK_POLICY_IDLE_H
#define SK_POLICY_IDLE_H

#include <stdbool.h>
#include "common/clock.h"

enum sk_session_kind {
	SK_SESSION_OTHER, /* a greeter, a job, one from another machine: none that somebody leaves at this terminal */
	SK_SESSION_DESKTOP,
	SK_SESSION_TEXT,
};

struct sk_idle_rules {
	sk_ms limit, wait; /* ms; wait: from the order to lock to "it does not lock" */
	bool end_session, end_text; /* what does not lock, a text console that is left: ended */
};

struct sk_idle_session {
	enum sk_session_kind kind;
	bool locked;
	bool idle; /* a desktop's own word; of a text console not asked */
	sk_ms since; /* of the last input, as logind knows it */
	bool hint_at_limit; /* this desktop calls itself idle only after the limit (its mandatory settings say so) */
	bool exempt; /* a setting permit is in force for this person (5.1(1)カ) */
};

enum sk_idle_stage { SK_IDLE_WATCHED, SK_IDLE_ASKED, SK_IDLE_TOLD };
struct sk_idle_track { /* zeroed for a new session */
	enum sk_idle_stage stage;
	sk_ms at; /* asked, or the input after which it was told of */
	bool ordered; /* to lock now, whether somebody is there or not */
};

enum sk_idle_do {
	SK_IDLE_NOTHING,
	SK_IDLE_LOCK,
	SK_IDLE_TELL,
	SK_IDLE_END,
	SK_IDLE_LOCKED /* it did what was asked */
};

/* What to do now. *next: when to ask again without a change, 0 = not before the session changes. */
enum sk_idle_do sk_idle_step(const struct sk_idle_rules *r, const struct sk_idle_session *s, sk_ms now,
                             struct sk_idle_track *t, sk_ms *next);

/* It is to lock now: an order, a card that was drawn. The caller has asked it; the next step looks whether it obeyed. */
void sk_idle_ordered(struct sk_idle_track *t, sk_ms now);

/* "GNOME", "ubuntu:GNOME", "sway": its mandatory settings make it tell logind at the limit (platform/screen_enforce.c). */
bool sk_idle_hint_at_limit(const char *desktop);

#endif
