/*
 * Persons who may not use this terminal (5.3(3)イ), by an order and until another one. A local account expires (usermod), so that no way of logging in
 * is left; of accounts that are not local every session is ended as it appears (agent/screen.h). Who is suspended survives a reboot.
 */
#ifndef SK_AGENT_SUSPEND_H
#define SK_AGENT_SUSPEND_H

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>
#include "common/buf.h"

struct sk_suspend;

struct sk_suspend_hooks {
	void *ctx;
	int (*get)(void *ctx, const char *name, struct sk_buf *out);
	int (*set)(void *ctx, const char *name, const char *value);
	/* The account's expiry as usermod takes it ("" = none) for a local one; -ENOENT: not local; -EPERM: the system's own, never suspended. */
	int (*expiry)(void *ctx, const char *login, char out[16]);
	const char *usermod; /* path */
};

int sk_suspend_new(sd_event *loop, const struct sk_suspend_hooks *hooks, struct sk_suspend **out);
struct sk_suspend *sk_suspend_free(struct sk_suspend *s); /* NULL ok */
bool sk_suspend_is(const struct sk_suspend *s, const char *person);

typedef void sk_suspend_done(void *arg, bool ok, const char *why);
/* on: suspended, else not any more. 0: done follows; -EBUSY; -EPERM an account of the system; -ENOSPC; other: not written down. */
int sk_suspend_set(struct sk_suspend *s, const char *login, bool on, sk_suspend_done *done, void *arg);
/* For hooks.expiry: the machine's own accounts. */
int sk_suspend_expiry(void *ctx, const char *login, char out[16]);

#endif
