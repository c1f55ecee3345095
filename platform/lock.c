#include "platform/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>

#define SEAT     "seat0"
#define LOGIND   "org.freedesktop.login1"
#define SESSION  LOGIND ".Session"
#define SESSIONS "/org/freedesktop/login1/session"

struct sk_lock {
	sd_event *loop;
	sd_bus *bus;
	void (*changed)(void *ctx, bool locked);
	void *ctx;
	bool locked;
};

static void set(struct sk_lock *l, bool locked)
{
	if (l->locked == locked)
		return;
	l->locked = locked;
	l->changed(l->ctx, locked);
}

/* A session of a person at this terminal: not a greeter, not one from elsewhere. */
static bool at_seat(sd_bus_message *m)
{
	char *id = NULL, *seat = NULL, *class = NULL;
	const char *path = sd_bus_message_get_path(m);
	bool is = path != NULL && sd_bus_path_decode(path, SESSIONS, &id) > 0 && sd_session_get_seat(id, &seat) >= 0 &&
	          strcmp(seat, SEAT) == 0 && sd_session_get_class(id, &class) >= 0 && strcmp(class, "user") == 0;

	free(id);
	free(seat);
	free(class);
	return is;
}

static int on_signal(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_lock *l = arg;

	(void)e;
	if (at_seat(m))
		set(l, strcmp(sd_bus_message_get_member(m), "Lock") == 0);
	return 0;
}

/* The value of LockedHint in a{sv}; -1 when it is not among them or the message is none that logind sends. */
static int hint_of(sd_bus_message *m)
{
	const char *name;
	int hint = -1, value, r;

	if (sd_bus_message_enter_container(m, 'a', "{sv}") <= 0)
		return -1;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		if (sd_bus_message_read(m, "s", &name) <= 0)
			return -1;
		if (strcmp(name, "LockedHint") == 0) {
			if (sd_bus_message_read(m, "v", "b", &value) <= 0)
				return -1;
			hint = value != 0;
		} else if (sd_bus_message_skip(m, "v") < 0) {
			return -1;
		}
		if (sd_bus_message_exit_container(m) < 0)
			return -1;
	}
	return r < 0 ? -1 : hint;
}

static int on_properties(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_lock *l = arg;
	const char *interface;
	int hint;

	(void)e;
	if (!at_seat(m) || sd_bus_message_read(m, "s", &interface) <= 0 || strcmp(interface, SESSION) != 0)
		return 0;
	hint = hint_of(m);
	if (hint >= 0)
		set(l, hint == 1);
	return 0;
}

static int on_hint(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_lock *l = arg;
	int value;

	(void)e;
	if (sd_bus_message_get_error(m) == NULL && sd_bus_message_read(m, "v", "b", &value) > 0)
		set(l, value != 0);
	return 0;
}

static int listen_on(struct sk_lock *l)
{
	static const char properties[] =
	    "type='signal',sender='" LOGIND "',interface='org.freedesktop.DBus.Properties',"
	    "member='PropertiesChanged',path_namespace='" SESSIONS "'";
	int r = sd_bus_open_system(&l->bus);

	if (r >= 0)
		r = sd_bus_attach_event(l->bus, l->loop, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_add_match_async(l->bus, NULL, properties, on_properties, NULL, l);
	if (r >= 0)
		r = sd_bus_add_match_async(l->bus, NULL,
		                           "type='signal',sender='" LOGIND "',interface='" SESSION "',member='Lock'",
		                           on_signal, NULL, l);
	if (r >= 0)
		r = sd_bus_add_match_async(l->bus, NULL,
		                           "type='signal',sender='" LOGIND "',interface='" SESSION "',member='Unlock'",
		                           on_signal, NULL, l);
	if (r < 0)
		l->bus = sd_bus_close_unref(l->bus);
	return r;
}

void sk_lock_look(struct sk_lock *l)
{
	char *id = NULL, *path = NULL, *class = NULL;

	if (l == NULL)
		return;
	if (l->bus != NULL && sd_bus_is_open(l->bus) <= 0)
		l->bus = sd_bus_close_unref(l->bus);
	if (l->bus == NULL && listen_on(l) < 0)
		return;
	/* A greeter in front of the person's session says nothing about that session. */
	if (sd_seat_get_active(SEAT, &id, NULL) >= 0 && sd_session_get_class(id, &class) >= 0 &&
	    strcmp(class, "user") == 0 && sd_bus_path_encode(SESSIONS, id, &path) >= 0)
		(void)sd_bus_call_method_async(l->bus, NULL, LOGIND, path, "org.freedesktop.DBus.Properties", "Get",
		                               on_hint, l, "ss", SESSION, "LockedHint");
	free(id);
	free(class);
	free(path);
}

int sk_lock_new(sd_event *loop, void (*changed)(void *ctx, bool locked), void *ctx, struct sk_lock **out)
{
	struct sk_lock *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	*l = (struct sk_lock){.loop = sd_event_ref(loop), .changed = changed, .ctx = ctx};
	*out = l;
	sk_lock_look(l);
	return 0;
}

struct sk_lock *sk_lock_free(struct sk_lock *l)
{
	if (l == NULL)
		return NULL;
	l->bus = sd_bus_close_unref(l->bus);
	(void)sd_event_unref(l->loop);
	free(l);
	return NULL;
}
