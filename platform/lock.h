/*
 * Whether the session at the terminal is locked, as logind tells it: the property LockedHint, which a screen locker sets, and the signals Lock
 * and Unlock (`loginctl lock-session`). Only signals of logind's own name on the system bus are heard, of sessions of a person on
 * seat0; nothing is ever asked that waits. Without a bus, or before it is there, nobody is locked out and nothing is known: not locked.
 */
#ifndef SK_PLATFORM_LOCK_H
#define SK_PLATFORM_LOCK_H

#include <stdbool.h>
#include <systemd/sd-event.h>

struct sk_lock;

/* changed(ctx, locked) when it changes. 0 or -ENOMEM; a bus that is not there yet is tried again by sk_lock_look. */
int sk_lock_new(sd_event *loop, void (*changed)(void *ctx, bool locked), void *ctx, struct sk_lock **out);
struct sk_lock *sk_lock_free(struct sk_lock *l); /* NULL ok */
void sk_lock_look(struct sk_lock *l); /* another session may be the active one: asks logind about it; NULL ok */

#endif
