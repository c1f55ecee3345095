/*
 * A message onto the text consoles of the people who sit at the terminal: logind's active, local sessions of type tty. Never waits for
 * a console and never becomes its owner. Desktops are not reached here.
 */
#ifndef SK_PLATFORM_TTY_H
#define SK_PLATFORM_TTY_H

/* plain: for consoles of the kernel (tty1, ...), which show no Japanese; full: for all others. Both printable lines without control
 * characters but newline. Returns how many consoles took it. */
int sk_tty_tell(const char *plain, const char *full);

#endif
