/*
 * Notices for desktops. sekimori-session asks `watch` and gets an answer as soon as there is something for its person; meanwhile the question
 * stands and costs nothing. One bounded ring holds the notices of everybody, a subscriber is only a place in it: who does not read loses the
 * oldest and is told so, and nobody can make sekimorid keep more. A notice has one person; only that person's questions see it.
 */
#ifndef SK_AGENT_WATCH_H
#define SK_AGENT_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "common/clock.h"

#define SK_WATCH_RING    64 /* notices held */
#define SK_WATCH_CLIENTS 32 /* subscribers in all */
#define SK_WATCH_PER_UID 2
#define SK_WATCH_BATCH   16 /* notices of one answer */

struct sk_watch;

struct sk_watch_hooks {
	void *ctx;
	void (*answer)(void *ctx, uint64_t client, json_t *answer /* stolen */);
	bool (*connected)(void *ctx, uint64_t client);
};

struct sk_watch_question {
	uint64_t client;
	uid_t uid;
	const char *person; /* the subscriber's login name */
	bool active; /* that person sits at the terminal: what came while nobody sat there is theirs to know too */
	const char *stream; /* of the answer before; NULL or another one = the first question */
	int64_t after; /* "next" of the answer before */
};

int sk_watch_new(const struct sk_watch_hooks *hooks, struct sk_watch **out); /* 0, -ENOMEM, -EIO */
struct sk_watch *sk_watch_free(struct sk_watch *w);

/* person: "" = nobody sat there. notice: stolen. told: the person has read it elsewhere, it is kept for who is connected only. */
void sk_watch_put(struct sk_watch *w, const char *person, json_t *notice, bool told, sk_ms now);
/* {"ok":true,"stream","next","lost":bool,"notices":[..]}, an error, or NULL: the answer comes through the hook. */
json_t *sk_watch_ask(struct sk_watch *w, const struct sk_watch_question *q, sk_ms now);
/* A desktop of this person listens, or did a moment ago and will again (its connection stands). */
bool sk_watch_listens(struct sk_watch *w, const char *person);

#endif
