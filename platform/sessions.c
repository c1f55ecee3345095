/* A table of sessions that follows ListSessions, SessionNew, SessionRemoved and PropertiesChanged. */
#include "platform/sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <time.h>

#include "common/text.h"

#define LOGIND     "org.freedesktop.login1"
#define MANAGER    LOGIND ".Manager"
#define SESSION    LOGIND ".Session"
#define ROOT       "/org/freedesktop/login1"
#define PATHS      ROOT "/session"
#define PROPERTIES "org.freedesktop.DBus.Properties"

struct sk_sessions {
	sd_event *loop;
	sd_bus *bus;
	sd_login_monitor *monitor; /* a login is the occasion to try the bus again */
	sd_event_source *login;
	struct sk_sessions_hooks hooks;
	struct sk_session items[SK_SESSIONS_MAX];
	size_t n;
};

sk_ms sk_sessions_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (sk_ms)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

enum sk_session_kind sk_session_kind(const struct sk_session *s)
{
	if (!s->known || !s->user || s->remote || s->closing)
		return SK_SESSION_OTHER;
	if (strcmp(s->type, "x11") == 0 || strcmp(s->type, "wayland") == 0 || strcmp(s->type, "mir") == 0)
		return SK_SESSION_DESKTOP;
	return strcmp(s->type, "tty") == 0 ? SK_SESSION_TEXT : SK_SESSION_OTHER;
}

static struct sk_session *find(struct sk_sessions *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].id, id) == 0)
			return &s->items[i];
	return NULL;
}

static void drop(struct sk_sessions *s, struct sk_session *one)
{
	size_t after = (size_t)(s->items + s->n - (one + 1));

	memmove(one, one + 1, after * sizeof(*one));
	s->n--;
}

/* --- one session's values --- */

static void take_text(char *dst, size_t size, const char *value)
{
	if (strlen(value) < size)
		sk_text_printable(dst, size, value, strlen(value));
}

static int read_text(sd_bus_message *m, struct sk_session *one, const char *name)
{
	const char *v;
	int r = sd_bus_message_read(m, "v", "s", &v);

	if (r <= 0)
		return -EBADMSG;
	if (strcmp(name, "Name") == 0)
		take_text(one->person, sizeof(one->person), v);
	else if (strcmp(name, "Type") == 0)
		take_text(one->type, sizeof(one->type), v);
	else if (strcmp(name, "Desktop") == 0)
		take_text(one->desktop, sizeof(one->desktop), v);
	else if (strcmp(name, "TTY") == 0)
		take_text(one->tty, sizeof(one->tty), v);
	else if (strcmp(name, "Class") == 0)
		one->user = strcmp(v, "user") == 0;
	else
		one->closing = strcmp(v, "closing") == 0;
	return 0;
}

static int read_bool(sd_bus_message *m, struct sk_session *one, const char *name)
{
	int v;

	if (sd_bus_message_read(m, "v", "b", &v) <= 0)
		return -EBADMSG;
	if (strcmp(name, "Remote") == 0)
		one->remote = v;
	else if (strcmp(name, "IdleHint") == 0)
		one->idle = v;
	else if (strcmp(name, "Active") == 0)
		one->active = v;
	else
		one->locked = v;
	return 0;
}

static int read_since(sd_bus_message *m, struct sk_session *one, const char *name)
{
	uint64_t usec;

	if (sd_bus_message_read(m, "v", "t", &usec) <= 0)
		return -EBADMSG;
	/* Left alone since before this boot, or the clock was set: logind gives 0 on the clock that does not jump. */
	if (strcmp(name, "IdleSinceHint") == 0)
		one->since = one->since == 0 && usec > 0 ? 1 : one->since;
	else if (usec > 0 || one->since != 1)
		one->since = usec / 1000 > INT64_MAX / 4 ? 0 : (sk_ms)(usec / 1000);
	return 0;
}

static int read_began(sd_bus_message *m, struct sk_session *one, const char *name)
{
	uint64_t usec;

	(void)name;
	if (sd_bus_message_read(m, "v", "t", &usec) <= 0)
		return -EBADMSG;
	one->began = usec / 1000 > INT64_MAX / 4 ? 0 : (sk_ms)(usec / 1000);
	return 0;
}

static int read_user(sd_bus_message *m, struct sk_session *one, const char *name)
{
	const char *path;
	uint32_t uid;

	(void)name;
	if (sd_bus_message_read(m, "v", "(uo)", &uid, &path) <= 0)
		return -EBADMSG;
	one->uid = uid;
	return 0;
}

static int read_one(sd_bus_message *m, struct sk_session *one, const char *name)
{
	static const struct {
		const char *name;
		int (*read)(sd_bus_message *m, struct sk_session *one, const char *name);
	} known[] = {
	    {"Name", read_text},           {"Type", read_text},
	    {"Desktop", read_text},        {"TTY", read_text},
	    {"Class", read_text},          {"State", read_text},
	    {"Remote", read_bool},         {"IdleHint", read_bool},
	    {"LockedHint", read_bool},     {"Active", read_bool},
	    {"User", read_user},           {"IdleSinceHintMonotonic", read_since},
	    {"IdleSinceHint", read_since}, {"TimestampMonotonic", read_began},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].read(m, one, name);
	return sd_bus_message_skip(m, "v") < 0 ? -EBADMSG : 0;
}

/* a{sv}; what was read before a wrong value stays out: one is a copy of the caller's. */
static int read_values(sd_bus_message *m, struct sk_session *one)
{
	const char *name;
	int r;

	if (sd_bus_message_enter_container(m, 'a', "{sv}") <= 0)
		return -EBADMSG;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		if (sd_bus_message_read(m, "s", &name) <= 0 || read_one(m, one, name) < 0 ||
		    sd_bus_message_exit_container(m) < 0)
			return -EBADMSG;
	}
	return r < 0 || sd_bus_message_exit_container(m) < 0 ? -EBADMSG : 0;
}

static struct sk_session *of_message(struct sk_sessions *s, sd_bus_message *m)
{
	const char *path = sd_bus_message_get_path(m);
	char *id = NULL;
	struct sk_session *one = path != NULL && sd_bus_path_decode(path, PATHS, &id) > 0 ? find(s, id) : NULL;

	free(id);
	return one;
}

/* --- asking --- */

struct ask { /* whose answer comes; the session may be gone by then */
	struct sk_sessions *s;
	char id[64], call[16];
};

static int on_values(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct ask *a = arg;
	struct sk_session *one = find(a->s, a->id), copy;

	(void)e;
	if (one == NULL || sd_bus_message_get_error(m) != NULL)
		return 0;
	copy = *one;
	copy.since = 0;
	if (read_values(m, &copy) < 0)
		return 0;
	/* A console that somebody left carries its last input over to the next login: nobody is ended for who was there before. */
	if (copy.since > 0 && copy.since < copy.began)
		copy.since = copy.began;
	copy.known = true;
	copy.read = sk_sessions_now();
	*one = copy;
	a->s->hooks.changed(a->s->hooks.ctx);
	return 0;
}

static int on_done(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	struct ask *a = arg;

	(void)e;
	if (error != NULL && a->s->hooks.failed != NULL)
		a->s->hooks.failed(a->s->hooks.ctx, a->id, a->call, error->name);
	return 0;
}

/* The answer's slot lives with the bus; the question is freed with it. */
static int call(struct sk_sessions *s, const char *id, const char *interface, const char *member,
                sd_bus_message_handler_t handler)
{
	struct ask *a = calloc(1, sizeof(*a));
	sd_bus_message *m = NULL;
	sd_bus_slot *slot = NULL;
	char *path = NULL;
	bool manager = strcmp(interface, MANAGER) == 0;
	int r = a == NULL ? -ENOMEM : s->bus == NULL ? -ENOTCONN : 0;

	if (r == 0)
		r = sd_bus_path_encode(PATHS, id, &path);
	if (r >= 0) {
		*a = (struct ask){.s = s};
		sk_text_copy(a->id, sizeof(a->id), id);
		sk_text_copy(a->call, sizeof(a->call), member);
		r = sd_bus_message_new_method_call(s->bus, &m, LOGIND, manager ? ROOT : path, interface, member);
	}
	if (r >= 0 && manager)
		r = sd_bus_message_append(m, "s", id);
	else if (r >= 0 && strcmp(interface, PROPERTIES) == 0)
		r = sd_bus_message_append(m, "s", SESSION);
	if (r >= 0)
		r = sd_bus_call_async(s->bus, &slot, m, handler, a, 0);
	if (r >= 0) {
		(void)sd_bus_slot_set_destroy_callback(slot, free);
		(void)sd_bus_slot_set_floating(slot, 1);
		sd_bus_slot_unref(slot);
		a = NULL;
	}
	sd_bus_message_unref(m);
	free(path);
	free(a);
	return r < 0 ? r : 0;
}

void sk_sessions_look(struct sk_sessions *s, const char *id)
{
	(void)call(s, id, PROPERTIES, "GetAll", on_values);
}

int sk_sessions_lock(struct sk_sessions *s, const char *id)
{
	return call(s, id, SESSION, "Lock", on_done);
}

int sk_sessions_end(struct sk_sessions *s, const char *id)
{
	return call(s, id, MANAGER, "TerminateSession", on_done);
}

/* --- the table --- */

static void add(struct sk_sessions *s, const char *id)
{
	if (find(s, id) != NULL || s->n == SK_SESSIONS_MAX || strlen(id) >= sizeof(s->items[0].id) || id[0] == '\0')
		return;
	s->items[s->n] = (struct sk_session){0};
	sk_text_copy(s->items[s->n].id, sizeof(s->items[0].id), id);
	s->n++;
	sk_sessions_look(s, id);
}

static int on_list(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	const char *id, *name, *seat, *path;
	struct sk_sessions *s = arg;
	uint32_t uid;

	(void)e;
	if (sd_bus_message_get_error(m) != NULL || sd_bus_message_enter_container(m, 'a', "(susso)") <= 0)
		return 0;
	while (sd_bus_message_read(m, "(susso)", &id, &uid, &name, &seat, &path) > 0)
		add(s, id);
	return 0;
}

static int on_new(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	const char *id, *path;

	(void)e;
	if (sd_bus_message_read(m, "so", &id, &path) > 0)
		add(arg, id);
	return 0;
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_sessions *s = arg;
	const char *id, *path;
	struct sk_session *one;

	(void)e;
	if (sd_bus_message_read(m, "so", &id, &path) <= 0 || (one = find(s, id)) == NULL)
		return 0;
	drop(s, one);
	s->hooks.changed(s->hooks.ctx);
	return 0;
}

/* Which values changed is told, those that logind only invalidates are not: all are read again. */
static int on_properties(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_sessions *s = arg;
	struct sk_session *one = of_message(s, m);
	const char *interface;

	(void)e;
	if (one != NULL && sd_bus_message_read(m, "s", &interface) > 0 && strcmp(interface, SESSION) == 0)
		sk_sessions_look(s, one->id);
	return 0;
}

static int on_bus_gone(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct sk_sessions *s = arg;

	(void)m;
	(void)e;
	s->n = 0; /* read anew with the next login */
	s->hooks.changed(s->hooks.ctx);
	return 0;
}

static int match(struct sk_sessions *s, const char *rule, sd_bus_message_handler_t handler)
{
	return sd_bus_add_match_async(s->bus, NULL, rule, handler, NULL, s);
}

static void listen_on(struct sk_sessions *s)
{
	int r = sd_bus_open_system(&s->bus);

	if (r >= 0)
		r = sd_bus_attach_event(s->bus, s->loop, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = match(s, "type='signal',sender='" LOGIND "',interface='" MANAGER "',member='SessionNew'", on_new);
	if (r >= 0)
		r = match(s, "type='signal',sender='" LOGIND "',interface='" MANAGER "',member='SessionRemoved'",
		          on_removed);
	if (r >= 0)
		r = match(s,
		          "type='signal',sender='" LOGIND "',interface='" PROPERTIES
		          "',member='PropertiesChanged',path_namespace='" PATHS "'",
		          on_properties);
	if (r >= 0)
		r = match(s,
		          "type='signal',path='/org/freedesktop/DBus/Local',"
		          "interface='org.freedesktop.DBus.Local',member='Disconnected'",
		          on_bus_gone);
	if (r >= 0)
		r = sd_bus_call_method_async(s->bus, NULL, LOGIND, ROOT, MANAGER, "ListSessions", on_list, s, NULL);
	if (r < 0)
		s->bus = sd_bus_close_unref(s->bus);
}

static void attach(struct sk_sessions *s)
{
	if (s->bus != NULL && sd_bus_is_open(s->bus) <= 0) {
		s->bus = sd_bus_close_unref(s->bus);
		s->n = 0;
	}
	if (s->bus == NULL)
		listen_on(s);
}

static int on_login(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	struct sk_sessions *s = arg;

	(void)source;
	(void)fd;
	(void)revents;
	(void)sd_login_monitor_flush(s->monitor);
	attach(s);
	return 0;
}

/* sekimorid starts before logind: the folder may not be there yet. systemd-tmpfiles makes the same one. */
static int watch_logins(struct sk_sessions *s)
{
	int r = sd_login_monitor_new("session", &s->monitor);

	if (r == -ENOENT) {
		if (mkdir("/run/systemd/sessions", 0755) < 0 && errno != EEXIST)
			return -errno;
		r = sd_login_monitor_new("session", &s->monitor);
	}
	if (r >= 0)
		r = sd_event_add_io(s->loop, &s->login, sd_login_monitor_get_fd(s->monitor), EPOLLIN, on_login, s);
	return r;
}

int sk_sessions_new(sd_event *loop, const struct sk_sessions_hooks *hooks, struct sk_sessions **out)
{
	struct sk_sessions *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->loop = sd_event_ref(loop);
	s->hooks = *hooks;
	if (watch_logins(s) == -ENOMEM) {
		sk_sessions_free(s);
		return -ENOMEM;
	}
	attach(s);
	*out = s;
	return 0;
}

struct sk_sessions *sk_sessions_free(struct sk_sessions *s)
{
	if (s == NULL)
		return NULL;
	s->bus = sd_bus_close_unref(s->bus);
	s->login = sd_event_source_disable_unref(s->login);
	(void)sd_login_monitor_unref(s->monitor);
	(void)sd_event_unref(s->loop);
	free(s);
	return NULL;
}

struct sk_session *sk_sessions_list(struct sk_sessions *s, size_t *n)
{
	*n = s == NULL ? 0 : s->n;
	return s == NULL ? NULL : s->items;
}
