/* One step over all sessions, after each change and at the moment the steps name. */
#include "agent/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"

#define CHECK    "screen-lock"
#define FRESH_MS 3000 /* a text console's last input is asked for right before anything is done about it */

struct sk_screen {
	sd_event *loop;
	struct sk_screen_hooks hooks;
	struct sk_sessions *sessions;
	struct sk_setting_permits permits;
	struct sk_idle_rules rules; /* as they were at the last step */
	sd_event_source *timer, *permit_timer;
};

static long long param(const struct sk_screen *s, const char *name)
{
	return sk_check_param(s->hooks.params(s->hooks.ctx), CHECK, name)->n;
}

/* Without enforcement nobody is locked for being away; an order and a drawn key lock all the same. */
static struct sk_idle_rules rules_of(const struct sk_screen *s)
{
	const struct sk_check *c = sk_check_find(CHECK);
	const struct sk_check_set *set = c == NULL ? NULL : sk_check_set_of(s->hooks.params(s->hooks.ctx), c);
	bool on = param(s, "enforce") != 0 && set != NULL && set->applies;

	return (struct sk_idle_rules){.limit = on ? param(s, "idle_limit") * 1000 : INT64_MAX / 4,
	                              .wait = param(s, "lock_wait") * 1000,
	                              .end_session = param(s, "end_session") != 0,
	                              .end_text = param(s, "end_text") != 0};
}

const struct sk_setting_permit *sk_screen_permit(const struct sk_screen *s, const char *check)
{
	return s == NULL ? NULL : sk_setting_permit_find(&s->permits, check, NULL, s->hooks.now(s->hooks.ctx));
}

static void record(struct sk_screen *s, const struct sk_session *one, const char *kind, sk_ms now)
{
	sk_ms away = one->since > 0 && now > one->since ? now - one->since : 0;
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "session", one->id, "person", one->person,
	                         "type", one->type, "desktop", one->desktop, "tty", one->tty, "idle_s",
	                         (json_int_t)(away / 1000), "cause", one->cause != NULL ? one->cause : "idle");

	s->hooks.record(s->hooks.ctx, kind, body);
}

static void end(struct sk_screen *s, const struct sk_session *one, sk_ms now)
{
	record(s, one, "session.ended", now); /* first: what could not be recorded is known at least */
	if (sk_sessions_end(s->sessions, one->id) < 0)
		sk_log(SK_LOG_WARNING, "session %s of %s cannot be ended: logind does not answer", one->id,
		       one->person);
}

static void act(struct sk_screen *s, struct sk_session *one, enum sk_idle_do what, sk_ms now)
{
	switch (what) {
	case SK_IDLE_LOCK:
		one->cause = "idle";
		if (sk_sessions_lock(s->sessions, one->id) < 0)
			sk_log(SK_LOG_WARNING, "session %s cannot be locked: logind does not answer", one->id);
		break;
	case SK_IDLE_LOCKED:
		record(s, one, "session.locked", now);
		one->cause = NULL;
		break;
	case SK_IDLE_TELL:
		record(s, one, sk_session_kind(one) == SK_SESSION_TEXT ? "session.left" : "session.not-locked", now);
		break;
	case SK_IDLE_END:
		if (sk_session_kind(one) != SK_SESSION_TEXT)
			record(s, one, "session.not-locked", now);
		end(s, one, now);
		break;
	default:
		break;
	}
}

static bool suspended(struct sk_screen *s, struct sk_session *one, sk_ms now)
{
	if (s->hooks.suspended == NULL || !one->known || !one->user || one->closing ||
	    !s->hooks.suspended(s->hooks.ctx, one->person))
		return false;
	if (one->track.stage != SK_IDLE_TOLD) { /* once; logind says when it is gone */
		one->track = (struct sk_idle_track){.stage = SK_IDLE_TOLD, .at = now};
		one->cause = "suspended";
		end(s, one, now);
	}
	return true;
}

/* When this session is to be looked at again; 0 = not before it changes. */
static sk_ms step(struct sk_screen *s, const struct sk_idle_rules *rules, struct sk_session *one, sk_ms now)
{
	const struct sk_setting_permit *p =
	    sk_setting_permit_find(&s->permits, CHECK, one->person, s->hooks.now(s->hooks.ctx));
	struct sk_idle_session facts = {.kind = sk_session_kind(one),
	                                .locked = one->locked,
	                                .idle = one->idle,
	                                .since = one->since,
	                                .hint_at_limit = sk_idle_hint_at_limit(one->desktop) &&
	                                                 rules->limit < INT64_MAX / 4 &&
	                                                 sk_screen_permit(s, CHECK) == NULL,
	                                .exempt = p != NULL};
	sk_ms next = 0;

	if (suspended(s, one, now))
		return 0;
	if (facts.kind == SK_SESSION_TEXT && one->since == 0)
		return 0; /* logind does not know its terminal device */
	if (facts.kind == SK_SESSION_TEXT && !facts.exempt && now >= one->since + rules->limit &&
	    now - one->read > FRESH_MS) {
		sk_sessions_look(s->sessions, one->id);
		return now + rules->limit;
	}
	act(s, one, sk_idle_step(rules, &facts, now, &one->track, &next), now);
	return next;
}

static void arm(struct sk_screen *s, sk_ms at);

/* By other rules what was told of may be ended, or be in order. */
static void take_rules(struct sk_screen *s, struct sk_session *list, size_t n)
{
	struct sk_idle_rules rules = rules_of(s), *old = &s->rules;
	bool same = rules.limit == old->limit && rules.wait == old->wait && rules.end_session == old->end_session &&
	            rules.end_text == old->end_text;

	*old = rules;
	for (size_t i = 0; !same && i < n; i++)
		if (list[i].track.stage == SK_IDLE_TOLD)
			list[i].track = (struct sk_idle_track){0};
}

static void greet(struct sk_screen *s, struct sk_session *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].seen || sk_session_kind(&list[i]) == SK_SESSION_OTHER)
			continue;
		list[i].seen = true;
		if (s->hooks.arrived != NULL)
			s->hooks.arrived(s->hooks.ctx, list[i].person);
	}
}

static void step_all(struct sk_screen *s)
{
	sk_ms now = sk_sessions_now(), first = 0;
	struct sk_session *list;
	size_t n;

	list = sk_sessions_list(s->sessions, &n);
	take_rules(s, list, n);
	greet(s, list, n);
	for (size_t i = 0; i < n; i++) {
		sk_ms next = step(s, &s->rules, &list[i], now);

		if (next > 0 && next < INT64_MAX / 8 && (first == 0 || next < first))
			first = next;
	}
	arm(s, first);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)source;
	(void)usec;
	step_all(arg);
	return 0;
}

static void arm(struct sk_screen *s, sk_ms at)
{
	s->timer = sd_event_source_disable_unref(s->timer);
	if (at > 0)
		(void)sd_event_add_time(s->loop, &s->timer, CLOCK_MONOTONIC, (uint64_t)at * 1000, 500000, on_timer, s);
}

static void on_sessions(void *ctx)
{
	struct sk_screen *s = ctx;

	if (s->sessions != NULL)
		step_all(s);
}

static void on_failed(void *ctx, const char *id, const char *call, const char *why)
{
	(void)ctx;
	sk_log(SK_LOG_WARNING, "session %s: logind refused %s: %s", id, call, why);
}

/* --- permits --- */

static void arm_permits(struct sk_screen *s);

static int on_permit(sd_event_source *source, uint64_t usec, void *arg)
{
	struct sk_screen *s = arg;

	(void)source;
	(void)usec;
	arm_permits(s);
	s->hooks.permits_changed(s->hooks.ctx);
	step_all(s);
	return 0;
}

static void arm_permits(struct sk_screen *s)
{
	sk_ms now = s->hooks.now(s->hooks.ctx), at = sk_setting_permits_next(&s->permits, now);

	s->permit_timer = sd_event_source_disable_unref(s->permit_timer);
	if (at > 0)
		(void)sd_event_add_time_relative(s->loop, &s->permit_timer, CLOCK_BOOTTIME, (uint64_t)(at - now) * 1000,
		                                 1000000, on_permit, s);
}

void sk_screen_permits(struct sk_screen *s, const json_t *body)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_setting_permits before;

	if (s == NULL)
		return;
	before = s->permits;
	if (sk_setting_permits_parse(body, &s->permits, &err) < 0) {
		sk_log(SK_LOG_ERR, "permits for settings are not taken: %s", err.text);
		s->permits.n = 0;
	}
	arm_permits(s);
	if (before.n != s->permits.n || memcmp(before.items, s->permits.items, before.n * sizeof(before.items[0])) != 0)
		s->hooks.permits_changed(s->hooks.ctx);
	step_all(s);
}

/* --- orders --- */

int sk_screen_lock_all(struct sk_screen *s, const char *cause)
{
	sk_ms now = sk_sessions_now();
	struct sk_session *list;
	int asked = 0;
	size_t n;

	if (s == NULL)
		return 0;
	list = sk_sessions_list(s->sessions, &n);
	for (size_t i = 0; i < n; i++) {
		enum sk_session_kind kind = sk_session_kind(&list[i]);

		if (kind == SK_SESSION_OTHER || list[i].locked)
			continue;
		if (kind == SK_SESSION_DESKTOP && sk_sessions_lock(s->sessions, list[i].id) < 0)
			continue;
		sk_idle_ordered(&list[i].track, now);
		list[i].cause = cause;
		asked++;
	}
	step_all(s);
	return asked;
}

/* VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, as the policy lists them. */
void sk_screen_device_removed(struct sk_screen *s, const json_t *body)
{
	const char *vendor = json_string_value(json_object_get(body, "vendor_id")),
	           *product = json_string_value(json_object_get(body, "product_id")),
	           *serial = json_string_value(json_object_get(body, "serial"));
	const struct sk_param_value *keys;
	char model[32], full[320];

	if (s == NULL || vendor == NULL || product == NULL)
		return;
	keys = sk_check_param(s->hooks.params(s->hooks.ctx), CHECK, "keys");
	if (keys->text == NULL || keys->text[0] == '\0')
		return;
	snprintf(model, sizeof(model), "%.8s:%.8s", vendor, product);
	snprintf(full, sizeof(full), "%s:%.256s", model, serial != NULL ? serial : "");
	if (sk_param_has(keys, model) || sk_param_has(keys, full))
		(void)sk_screen_lock_all(s, "key-removed");
}

void sk_screen_changed(struct sk_screen *s)
{
	if (s != NULL)
		step_all(s);
}

int sk_screen_new(sd_event *loop, const struct sk_screen_hooks *hooks, struct sk_screen **out)
{
	struct sk_screen *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return -ENOMEM;
	s->loop = sd_event_ref(loop);
	s->hooks = *hooks;
	r = sk_sessions_new(loop, &(struct sk_sessions_hooks){.ctx = s, .changed = on_sessions, .failed = on_failed},
	                    &s->sessions);
	if (r < 0) {
		sk_screen_free(s);
		return r;
	}
	*out = s;
	return 0;
}

struct sk_screen *sk_screen_free(struct sk_screen *s)
{
	if (s == NULL)
		return NULL;
	s->sessions = sk_sessions_free(s->sessions);
	s->timer = sd_event_source_disable_unref(s->timer);
	s->permit_timer = sd_event_source_disable_unref(s->permit_timer);
	(void)sd_event_unref(s->loop);
	free(s);
	return NULL;
}
