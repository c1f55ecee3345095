/* The ring of notices, and who waits for which. */
#include "agent/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/socket.h"
#include "common/hash.h"
#include "common/text.h"

#define WEEK_MS (7 * 86400000LL) /* an answer to a request is news until it is read */
#define OLD_MS  (15 * 60 * 1000LL) /* what came while nobody listened is told afterwards, unless it is stale by then */

struct notice {
	int64_t id;
	sk_ms at;
	char person[64];
	bool told;
	json_t *body; /* NULL = free */
};

struct subscriber {
	uint64_t client; /* 0 = free */
	uid_t uid;
	bool waits, active;
	int64_t after;
	char person[64];
};

struct sk_watch {
	struct sk_watch_hooks hooks;
	char stream[17]; /* a restart begins a new one, so that no place in an old one is taken for ours */
	int64_t last;
	struct notice ring[SK_WATCH_RING];
	struct subscriber subs[SK_WATCH_CLIENTS];
};

int sk_watch_new(const struct sk_watch_hooks *hooks, struct sk_watch **out)
{
	struct sk_watch *w = calloc(1, sizeof *w);
	uint8_t random[8];

	if (!w)
		return -ENOMEM;
	if (sk_random(random, sizeof random) < 0) {
		free(w);
		return -EIO;
	}
	sk_hex(random, sizeof random, w->stream);
	w->hooks = *hooks;
	*out = w;
	return 0;
}

struct sk_watch *sk_watch_free(struct sk_watch *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < SK_WATCH_RING; i++)
		json_decref(w->ring[i].body);
	free(w);
	return NULL;
}

static struct notice *at(struct sk_watch *w, int64_t id)
{
	return &w->ring[id % SK_WATCH_RING];
}

static bool is_for(const struct notice *n, const struct subscriber *s)
{
	return n->body && (n->person[0] ? !strcmp(n->person, s->person) : s->active);
}

/* The notices after the subscriber's place, at most a batch; the place moves on. */
static json_t *collect(struct sk_watch *w, struct subscriber *s)
{
	json_t *list = json_array();

	for (; list && s->after < w->last && json_array_size(list) < SK_WATCH_BATCH; s->after++) {
		struct notice *n = at(w, s->after + 1);

		if (!is_for(n, s))
			continue;
		n->told = true;
		json_array_append(list, n->body);
	}
	return list;
}

static json_t *answer(struct sk_watch *w, struct subscriber *s, bool lost)
{
	json_t *list = collect(w, s);

	return json_pack("{s:b, s:s, s:I, s:b, s:o}", "ok", 1, "stream", w->stream, "next", (json_int_t)s->after,
	                 "lost", lost, "notices", list);
}

static bool anything(struct sk_watch *w, const struct subscriber *s)
{
	for (int64_t i = s->after + 1; i <= w->last; i++)
		if (is_for(at(w, i), s))
			return true;
	return false;
}

void sk_watch_put(struct sk_watch *w, const char *person, json_t *body, bool told, sk_ms now)
{
	struct notice *n;

	if (!body)
		return;
	n = at(w, ++w->last);
	json_decref(n->body);
	*n = (struct notice){.id = w->last, .at = now, .told = told, .body = body};
	sk_text_copy(n->person, sizeof n->person, person);
	for (size_t i = 0; i < SK_WATCH_CLIENTS; i++) {
		struct subscriber *s = &w->subs[i];

		if (!s->client || !s->waits || !is_for(n, s))
			continue;
		s->waits = false;
		w->hooks.answer(w->hooks.ctx, s->client, answer(w, s, false));
	}
}

/* The place of this connection, a free one, or NULL: too many. Places of connections that ended are free. */
static struct subscriber *place(struct sk_watch *w, const struct sk_watch_question *q)
{
	struct subscriber *s, *spare = NULL;
	int same = 0;

	for (s = w->subs; s < w->subs + SK_WATCH_CLIENTS; s++) {
		if (s->client == q->client)
			return s;
		if (s->client && !w->hooks.connected(w->hooks.ctx, s->client))
			*s = (struct subscriber){0};
		if (!s->client)
			spare = spare ? spare : s;
		else
			same += s->uid == q->uid;
	}
	return same < SK_WATCH_PER_UID ? spare : NULL;
}

/* The first question begins after what was told already or is too old to be news. */
static int64_t beginning(struct sk_watch *w, const struct subscriber *s, sk_ms now)
{
	int64_t i = w->last >= SK_WATCH_RING ? w->last - SK_WATCH_RING : 0;

	for (; i < w->last; i++) {
		const struct notice *n = at(w, i + 1);

		sk_ms old = n->body && json_object_get(n->body, "state") ? WEEK_MS : OLD_MS;

		if (is_for(n, s) && !n->told && now - n->at < old)
			break;
	}
	return i;
}

json_t *sk_watch_ask(struct sk_watch *w, const struct sk_watch_question *q, sk_ms now)
{
	struct subscriber *s = place(w, q);
	bool lost = false;

	if (!s)
		return sk_answer_error("busy", "too many subscribers");
	if (s->client == q->client && s->waits)
		return sk_answer_error("invalid", "one question at a time");
	s->client = q->client;
	s->uid = q->uid;
	s->active = q->active;
	sk_text_copy(s->person, sizeof s->person, q->person);
	if (!q->stream || strcmp(q->stream, w->stream) != 0 || q->after < 0 || q->after > w->last) {
		s->after = beginning(w, s, now);
	} else {
		lost = w->last - q->after > SK_WATCH_RING;
		s->after = lost ? w->last - SK_WATCH_RING : q->after;
	}
	if (lost || anything(w, s))
		return answer(w, s, lost);
	s->after = w->last;
	s->waits = true;
	return NULL;
}

bool sk_watch_listens(struct sk_watch *w, const char *person)
{
	for (struct subscriber *s = w ? w->subs : NULL; s && s < w->subs + SK_WATCH_CLIENTS; s++)
		if (s->client && *person && !strcmp(s->person, person) && w->hooks.connected(w->hooks.ctx, s->client))
			return true;
	return false;
}
