/* sd-bus on the session's own bus. */
#include "platform/desktop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "common/buf.h"
#include "common/text.h"

#define NAME     "org.freedesktop.Notifications"
#define PATH     "/org/freedesktop/Notifications"
#define BODY_MAX 8192
#define RETRIES  5 /* a daemon takes its name before it answers */

struct sk_desktop {
	sd_bus *bus;
	struct sk_desktop_handler handler;
	sd_event *loop;
	sd_event_source *again;
	int retries;
	sd_bus_slot *abilities, *slots[3];
	bool actions, markup;
};

struct pending {
	struct sk_desktop *d;
	unsigned tag;
};

static void ask_capabilities(struct sk_desktop *d);

static int on_again(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_desktop *d = arg;

	(void)s;
	(void)usec;
	d->again = sd_event_source_disable_unref(d->again);
	ask_capabilities(d);
	return 0;
}

static int on_capabilities(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_desktop *d = arg;
	const char *word;

	(void)e;
	if (sd_bus_message_is_method_error(m, NULL) && d->retries++ < RETRIES && d->again == NULL)
		(void)sd_event_add_time_relative(d->loop, &d->again, CLOCK_MONOTONIC, 1000000, 100000, on_again, d);
	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_enter_container(m, 'a', "s") < 0)
		return 0;
	d->actions = d->markup = false;
	for (int i = 0; i < 64 && sd_bus_message_read(m, "s", &word) > 0; i++) {
		d->actions |= strcmp(word, "actions") == 0;
		d->markup |= strcmp(word, "body-markup") == 0;
	}
	d->handler.appeared(d->handler.ctx);
	return 0;
}

static void ask_capabilities(struct sk_desktop *d)
{
	d->abilities = sd_bus_slot_unref(d->abilities);
	(void)sd_bus_call_method_async(d->bus, &d->abilities, NAME, PATH, NAME, "GetCapabilities", on_capabilities, d,
	                               "");
}

static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_desktop *d = arg;
	const char *name, *before, *now;

	(void)e;
	if (sd_bus_message_read(m, "sss", &name, &before, &now) < 0 || strcmp(name, NAME) != 0 || now[0] == '\0')
		return 0;
	d->retries = 0;
	ask_capabilities(d);
	return 0;
}

static int on_action(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_desktop *d = arg;
	const char *key;
	uint32_t id;

	(void)e;
	if (sd_bus_message_read(m, "us", &id, &key) >= 0)
		d->handler.action(d->handler.ctx, id, key);
	return 0;
}

static int on_closed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_desktop *d = arg;
	uint32_t id, reason;

	(void)e;
	if (sd_bus_message_read(m, "uu", &id, &reason) >= 0)
		d->handler.closed(d->handler.ctx, id);
	return 0;
}

static int on_shown(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	const struct pending *p = arg;
	uint32_t id = 0;

	(void)e;
	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "u", &id) < 0)
		id = 0;
	p->d->handler.shown(p->d->handler.ctx, p->tag, id);
	return 0;
}

static int connect_bus(struct sk_desktop *d, sd_event *loop, const char *name)
{
	int r = sd_bus_open_user(&d->bus);

	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(d->bus, true);
	if (r >= 0)
		r = sd_bus_request_name(d->bus, name, 0);
	if (r >= 0)
		r = sd_bus_match_signal(d->bus, &d->slots[0], NAME, PATH, NAME, "ActionInvoked", on_action, d);
	if (r >= 0)
		r = sd_bus_match_signal(d->bus, &d->slots[1], NAME, PATH, NAME, "NotificationClosed", on_closed, d);
	if (r >= 0)
		r = sd_bus_match_signal(d->bus, &d->slots[2], "org.freedesktop.DBus", "/org/freedesktop/DBus",
		                        "org.freedesktop.DBus", "NameOwnerChanged", on_owner, d);
	if (r >= 0)
		r = sd_bus_attach_event(d->bus, loop, SD_EVENT_PRIORITY_NORMAL);
	return r < 0 ? r : 0;
}

int sk_desktop_new(sd_event *loop, const char *name, const struct sk_desktop_handler *h, struct sk_desktop **out)
{
	struct sk_desktop *d = calloc(1, sizeof(*d));
	int r;

	if (d == NULL)
		return -ENOMEM;
	d->handler = *h;
	d->loop = sd_event_ref(loop);
	r = connect_bus(d, loop, name);
	if (r < 0) {
		(void)sk_desktop_free(d);
		return r;
	}
	ask_capabilities(d);
	*out = d;
	return 0;
}

struct sk_desktop *sk_desktop_free(struct sk_desktop *d)
{
	size_t i;

	if (d == NULL)
		return NULL;
	d->again = sd_event_source_disable_unref(d->again);
	d->abilities = sd_bus_slot_unref(d->abilities);
	for (i = 0; i < sizeof(d->slots) / sizeof(d->slots[0]); i++)
		d->slots[i] = sd_bus_slot_unref(d->slots[i]);
	(void)sd_bus_set_exit_on_disconnect(d->bus, false);
	d->bus = sd_bus_flush_close_unref(d->bus);
	(void)sd_event_unref(d->loop);
	free(d);
	return NULL;
}

bool sk_desktop_has_actions(const struct sk_desktop *d)
{
	return d->actions;
}

static int append(sd_bus_message *m, const struct sk_desktop *d, const struct sk_desktop_note *n, const char *body)
{
	bool button = n->action != NULL && d->actions;
	int r = sd_bus_message_append(m, "susss", n->app, n->replaces, n->icon, n->title, body);

	if (r >= 0)
		r = button ? sd_bus_message_append(m, "as", 2, n->action, n->label) : sd_bus_message_append(m, "as", 0);
	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 2, "urgency", "y", n->urgent ? 2 : 1, "category", "s", "device");
	return r < 0 ? r : sd_bus_message_append(m, "i", -1);
}

int sk_desktop_show(struct sk_desktop *d, const struct sk_desktop_note *n, unsigned tag)
{
	struct pending *p = malloc(sizeof(*p));
	sd_bus_message *m = NULL;
	sd_bus_slot *slot = NULL;
	struct sk_buf body;
	int r;

	sk_buf_init(&body, BODY_MAX);
	r = p == NULL ? -ENOMEM : d->markup ? sk_text_html(&body, n->body) : sk_buf_adds(&body, n->body);
	if (r >= 0)
		r = sd_bus_message_new_method_call(d->bus, &m, NAME, PATH, NAME, "Notify");
	if (r >= 0)
		r = append(m, d, n, body.data);
	if (r >= 0)
		r = sd_bus_call_async(d->bus, &slot, m, on_shown, p, 0);
	if (r >= 0) { /* the bus keeps the slot until the answer, the slot keeps p */
		*p = (struct pending){.d = d, .tag = tag};
		(void)sd_bus_slot_set_destroy_callback(slot, free);
		(void)sd_bus_slot_set_floating(slot, 1);
		p = NULL;
	}
	sd_bus_slot_unref(slot);
	sd_bus_message_unref(m);
	sk_buf_deinit(&body);
	free(p);
	return r < 0 ? r : 0;
}
