/*
 * Settings that the agent owns: the mandatory ones of the screen lock and its own start with the system. Whoever changes or removes one is noticed by
 * inotify and it is put back at once, not at the next run of the checks. Putting back is the same work as at an interval: it writes what is wrong
 * and nothing else, so its own writing leads to one more look and no further.
 */
#ifndef SK_AGENT_OWNED_H
#define SK_AGENT_OWNED_H

#include <systemd/sd-event.h>

struct sk_owned;

struct sk_owned_options {
	const char *root; /* "" or a folder in tests; kept */
	unsigned gather_ms; /* from the first change to the putting back; 0 = 500 */
	unsigned pause_ms; /* from one putting back to the next of the same; 0 = 5 s: two that fight cost little */
	void *ctx;
	void (*screen)(void *ctx);
	void (*start)(void *ctx);
};

int sk_owned_new(sd_event *loop, const struct sk_owned_options *o, struct sk_owned **out); /* 0 or -errno */
void sk_owned_renew(struct sk_owned *w); /* NULL ok; folders that have come are watched too */
struct sk_owned *sk_owned_free(struct sk_owned *w); /* NULL ok */

#endif
