/*
 * Who sits at the terminal: the login name of the active session on seat0. A greeter or a bare console is nobody new: the last person
 * stays the person while logged in on the seat, so that a look at another console does not close a medium. Works without logind
 * (then nobody is there).
 */
#ifndef SK_PLATFORM_LOGIN_H
#define SK_PLATFORM_LOGIN_H

#include <systemd/sd-event.h>

#define SK_PERSON_MAX 64

struct sk_login;

/* changed(ctx) when the person may be another. 0 or -errno (no memory; a missing logind is no failure). */
int sk_login_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_login **out);
struct sk_login *sk_login_free(struct sk_login *l); /* NULL ok */
const char *sk_login_person(const struct sk_login *l); /* "" = nobody; valid until the next change */

#endif
