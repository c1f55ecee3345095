/*
 * The desktop's notifications (org.freedesktop.Notifications on the session bus) for one program of a logged-in person. Everything is
 * asynchronous; what comes back is a number and names from another program of that person and is believed no further than that. Without a
 * notification daemon nothing is shown; when one appears, appeared() says so.
 */
#ifndef SK_PLATFORM_DESKTOP_H
#define SK_PLATFORM_DESKTOP_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct sk_desktop;

struct sk_desktop_handler {
	void *ctx;
	void (*shown)(void *ctx, unsigned tag, uint32_t id); /* id 0: it was not shown */
	void (*action)(void *ctx, uint32_t id, const char *key);
	void (*closed)(void *ctx, uint32_t id);
	void (*appeared)(void *ctx); /* a notification daemon is there (again) and its abilities are known */
};

struct sk_desktop_note {
	const char *app, *icon, *title, *body; /* plain text; made safe for daemons that take markup */
	uint32_t replaces; /* 0 = a new one */
	bool urgent; /* stays until it is read */
	const char *action, *label; /* NULL = no button */
};

/* name: owned on the bus, so that there is one of us for each session. 0, -EEXIST: there is one already, other negative: no bus. The loop ends
 * when the bus does. */
int sk_desktop_new(sd_event *loop, const char *name, const struct sk_desktop_handler *h, struct sk_desktop **out);
struct sk_desktop *sk_desktop_free(struct sk_desktop *d);
bool sk_desktop_has_actions(const struct sk_desktop *d);
/* shown(tag) follows, later, when 0. tag is the caller's. */
int sk_desktop_show(struct sk_desktop *d, const struct sk_desktop_note *n, unsigned tag);

#endif
