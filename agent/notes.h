/*
 * What a person's desktop shows, and what not: one notification for one event. The same again within a minute counts up in the one that stands;
 * what belongs to one medium or one request replaces what was said of it before; above a burst the rest is one line. Pure but for its table.
 * Identifiers that a notification daemon gives are only looked up here; unknown ones mean nothing.
 */
#ifndef SK_AGENT_NOTES_H
#define SK_AGENT_NOTES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/clock.h"
#include "common/i18n.h"

#define SK_NOTES 32

struct sk_note {
	char key[160];
	char title[160], body[1536];
	char device[72], product[256]; /* what the button asks for */
	char id_of[40]; /* a notice of the office: what "read" acknowledges */
	bool ask, read, urgent, shown; /* ask, read: which button it has */
	bool in_flight, dirty; /* the daemon has not answered yet; it changed meanwhile */
	uint32_t id; /* the daemon's; 0 = not on the screen */
	int64_t count;
	sk_ms first, last; /* last = 0: free */
};

struct sk_notes {
	struct sk_note items[SK_NOTES];
	enum sk_lang lang;
	int64_t left; /* of the burst, in thousandths */
	sk_ms filled;
	int64_t unsaid; /* since the burst was used up */
};

/* A notice of `watch` (hostile to the same degree as anything: bounded here). Returns the note to be shown (again), or NULL: nothing to show. */
struct sk_note *sk_notes_take(struct sk_notes *n, const json_t *notice, sk_ms now);
/* A sentence of our own under a key, e.g. what became of the request just sent. */
struct sk_note *sk_notes_say(struct sk_notes *n, const char *key, const char *title, const char *body, sk_ms now);
unsigned sk_notes_tag(const struct sk_notes *n, const struct sk_note *note);
void sk_notes_shown(struct sk_notes *n, unsigned tag, uint32_t id); /* 0: it could not be */
void sk_notes_closed(struct sk_notes *n, uint32_t id);
struct sk_note *sk_notes_by_id(struct sk_notes *n, uint32_t id); /* NULL: none of ours */

#endif
