/*
 * A message onto the text consoles of the people who sit at the terminal: logind's active, local sessions of type tty. Never waits for
 * a console and never becomes its owner. Desktops are not reached here. Who sits where is looked up again only after logind changed
 * something (an inotify watch): telling costs one write.
 */
#ifndef SK_PLATFORM_TTY_H
#define SK_PLATFORM_TTY_H

#include <systemd/sd-event.h>

struct sk_tty;

/* 0, or -ENOMEM. A missing logind is no failure: then nobody is told. */
int sk_tty_new(sd_event *loop, struct sk_tty **out);
struct sk_tty *sk_tty_free(struct sk_tty *t); /* NULL ok */

/* plain: for consoles of the kernel (tty1, ...), which show no Japanese; full: for all others. Both printable but for CR and LF.
 * Returns how many consoles took it. */
int sk_tty_tell(struct sk_tty *t, const char *plain, const char *full);

#endif
