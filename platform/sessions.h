/*
 * The sessions that logind knows, by its signals on the system bus: nothing is asked now and then. A session's values are read when it is new, when
 * logind says they changed, and when the caller asks (a text console's last input is told by nobody: logind reads it off the device when asked). All
 * calls are asynchronous; a bus that is not there yet is tried again at the next login. Answers are hostile until read: bounded, of their type, else left out.
 */
#ifndef SK_PLATFORM_SESSIONS_H
#define SK_PLATFORM_SESSIONS_H

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>
#include "policy/idle.h"

#define SK_SESSIONS_MAX 64 /* more than that are not watched */

struct sk_session {
	char id[64]; /* logind's */
	char person[64], desktop[64], type[16], tty[32];
	uid_t uid;
	bool remote, user; /* user: of a person, not a greeter */
	bool closing, locked, idle, active;
	sk_ms began; /* of the session, CLOCK_MONOTONIC; 0 = not told */
	sk_ms since; /* last input or the hint's beginning, never before the session's own, CLOCK_MONOTONIC; 0 = not told */
	bool known; /* its values have come */
	sk_ms read; /* when they came */
	struct sk_idle_track track; /* the caller's, and why it was asked to lock */
	const char *cause;
	bool seen;
};
enum sk_session_kind sk_session_kind(const struct sk_session *s);

struct sk_sessions;

struct sk_sessions_hooks {
	void *ctx;
	void (*changed)(void *ctx); /* some session is new, gone, or has other values */
	void (*failed)(void *ctx, const char *id, const char *call, const char *why); /* an order that logind refused */
};

int sk_sessions_new(sd_event *loop, const struct sk_sessions_hooks *hooks, struct sk_sessions **out); /* 0 or -ENOMEM */
struct sk_sessions *sk_sessions_free(struct sk_sessions *s); /* NULL ok */

/* Valid until the loop runs again. */
struct sk_session *sk_sessions_list(struct sk_sessions *s, size_t *n);
void sk_sessions_look(struct sk_sessions *s, const char *id); /* its values again; changed() follows */
/* 0, or negative: no bus. What logind says to it comes by failed(). */
int sk_sessions_lock(struct sk_sessions *s, const char *id);
int sk_sessions_end(struct sk_sessions *s, const char *id);

sk_ms sk_sessions_now(void); /* CLOCK_MONOTONIC, ms */

#endif
