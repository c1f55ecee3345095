/* Three stages for each session: watched, asked to lock, told of. Input, the lock, or an exemption leads back to the first. */
#include "policy/idle.h"

#include <string.h>

#define SETTLE_MS 5000 /* for a desktop that has just called itself idle to lock by itself */

static void rest(struct sk_idle_track *t)
{
	*t = (struct sk_idle_track){0};
}

void sk_idle_ordered(struct sk_idle_track *t, sk_ms now)
{
	*t = (struct sk_idle_track){.stage = SK_IDLE_ASKED, .at = now, .ordered = true};
}

/* A device's time may lie a little ahead; one far ahead counts as now. */
static sk_ms last_input(const struct sk_idle_session *s, sk_ms now)
{
	return s->since > now ? now : s->since;
}

static enum sk_idle_do step_text(const struct sk_idle_rules *r, const struct sk_idle_session *s, sk_ms now,
                                 struct sk_idle_track *t, sk_ms *next)
{
	sk_ms since = last_input(s, now), due = since + r->limit;

	if (t->ordered) { /* it cannot lock */
		*t = (struct sk_idle_track){.stage = SK_IDLE_TOLD, .at = since};
		*next = due > now ? due : now + r->limit;
		return r->end_text ? SK_IDLE_END : SK_IDLE_TELL;
	}
	if (t->stage == SK_IDLE_TOLD && since > t->at)
		rest(t);
	if (now < due) {
		*next = due;
		return SK_IDLE_NOTHING;
	}
	if (t->stage == SK_IDLE_TOLD) { /* is somebody there again? a console gives no sign of its own */
		*next = now + r->limit;
		return SK_IDLE_NOTHING;
	}
	*t = (struct sk_idle_track){.stage = SK_IDLE_TOLD, .at = since};
	*next = now + r->limit;
	return r->end_text ? SK_IDLE_END : SK_IDLE_TELL;
}

static enum sk_idle_do ask(const struct sk_idle_rules *r, sk_ms now, struct sk_idle_track *t, sk_ms *next)
{
	*t = (struct sk_idle_track){.stage = SK_IDLE_ASKED, .at = now};
	*next = now + r->wait;
	return SK_IDLE_LOCK;
}

static enum sk_idle_do step_desktop(const struct sk_idle_rules *r, const struct sk_idle_session *s, sk_ms now,
                                    struct sk_idle_track *t, sk_ms *next)
{
	sk_ms due = last_input(s, now) + (s->hint_at_limit ? SETTLE_MS : r->limit);

	if (s->locked || (!s->idle && !t->ordered)) {
		bool obeyed = s->locked && t->stage != SK_IDLE_WATCHED;

		rest(t);
		return obeyed ? SK_IDLE_LOCKED : SK_IDLE_NOTHING;
	}
	switch (t->stage) {
	case SK_IDLE_WATCHED:
		if (now >= due)
			return ask(r, now, t, next);
		*next = due;
		return SK_IDLE_NOTHING;
	case SK_IDLE_ASKED:
		if (now < t->at + r->wait) {
			*next = t->at + r->wait;
			return SK_IDLE_NOTHING;
		}
		*t = (struct sk_idle_track){.stage = SK_IDLE_TOLD, .at = now};
		return r->end_session ? SK_IDLE_END : SK_IDLE_TELL;
	default:
		return SK_IDLE_NOTHING;
	}
}

enum sk_idle_do sk_idle_step(const struct sk_idle_rules *r, const struct sk_idle_session *s, sk_ms now,
                             struct sk_idle_track *t, sk_ms *next)
{
	*next = 0;
	if (s->kind == SK_SESSION_OTHER || (s->exempt && !t->ordered)) {
		rest(t);
		return SK_IDLE_NOTHING;
	}
	return s->kind == SK_SESSION_TEXT ? step_text(r, s, now, t, next) : step_desktop(r, s, now, t, next);
}

bool sk_idle_hint_at_limit(const char *desktop)
{
	return strstr(desktop, "GNOME") != NULL || strcmp(desktop, "sway") == 0;
}
