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

/* The groups of a person, primary one included, by what getgrouplist(3) and the group database know. */
#define SK_GROUPS_MAX 256
struct sk_groups {
	char *names[SK_GROUPS_MAX]; /* owned */
	size_t n;
};
/* Replaces what *g holds; "" = nobody: none. More than SK_GROUPS_MAX, or a name of 128 bytes and more: left out. */
void sk_login_groups(const char *person, struct sk_groups *g);
void sk_groups_clear(struct sk_groups *g);

#endif
