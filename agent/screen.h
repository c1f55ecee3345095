/*
 * The screen that locks, in effect (5.1(1)キ): what sessions do (platform/sessions.h) against what the policy asks of the check "screen-lock", decided by
 * policy/idle.h. A session left unlocked past the limit is locked by logind's order; what does not lock is recorded and, where the policy says so,
 * ended. A setting permit (5.1(1)カ) stays the lock for its person until its end. A person who may not be logged in (an order) is logged out.
 * Events: session.locked, session.not-locked, session.left (a text console), session.ended; each with its cause.
 */
#ifndef SK_AGENT_SCREEN_H
#define SK_AGENT_SCREEN_H

#include <jansson.h>
#include <systemd/sd-event.h>
#include "platform/sessions.h"
#include "policy/check.h"
#include "policy/setting_permit.h"

struct sk_screen;

struct sk_screen_hooks {
	void *ctx;
	const struct sk_check_params *(*params)(void *ctx);
	sk_ms (*now)(void *ctx); /* the trusted clock, for permits */
	void (*record)(void *ctx, const char *kind, json_t *body /* stolen */);
	void (*permits_changed)(void *ctx); /* one began or ended: mandatory settings and verdicts follow */
	bool (*suspended)(void *ctx, const char *person); /* NULL = nobody is */
	void (*arrived)(void *ctx, const char *person); /* a session of a person at this terminal is new. May be NULL */
};

int sk_screen_new(sd_event *loop, const struct sk_screen_hooks *hooks, struct sk_screen **out);
struct sk_screen *sk_screen_free(struct sk_screen *s); /* NULL ok */

void sk_screen_changed(struct sk_screen *s); /* the policy, or who is suspended; NULL ok */
/* The grants bundle's body, NULL = none. What cannot be read permits nothing. */
void sk_screen_permits(struct sk_screen *s, const json_t *body);
/* The permit in force for a check, of whichever person; NULL = none. */
const struct sk_setting_permit *sk_screen_permit(const struct sk_screen *s, const char *check);
/* Locks every session of a person at this terminal. How many were asked. */
int sk_screen_lock_all(struct sk_screen *s, const char *cause /* static */);
/* A device was drawn: is it one of the policy's keys? Then everything locks. */
void sk_screen_device_removed(struct sk_screen *s, const json_t *body);

#endif
