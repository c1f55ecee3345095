/* See changes.h. One sd-event source a path; sd-event shares one inotify descriptor among them. */
#include "platform/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PATHS_MAX 48
#define MASK \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
	 IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW)

struct watched {
	struct sk_changes *c;
	const struct sk_change_path *path;
	sd_event_source *source;
	int fd; /* of /proc */
};

struct sk_changes {
	sd_event *loop;
	char root[128];
	void (*fn)(void *ctx, uint32_t what);
	void *ctx;
	struct watched w[PATHS_MAX];
	size_t n;
};

static int is_named(const char *names, const char *name)
{
	size_t len = strlen(name);

	if (!names) /* what editors and package tools write beside the file they replace */
		return len == 0 || (name[0] != '.' && name[len - 1] != '~' && !strstr(name, ".dpkg-"));
	for (const char *s = names; *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (strcspn(s, " ") == len && strncmp(s, name, len) == 0)
			return 1;
	return 0;
}

static int on_event(sd_event_source *s, const struct inotify_event *e, void *arg)
{
	struct watched *w = arg;

	(void)s;
	if (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) /* the folder went: watched again when it is back */
		w->source = sd_event_source_disable_unref(w->source);
	else if (!(e->mask & IN_Q_OVERFLOW) && !is_named(w->path->names, e->len ? e->name : ""))
		return 0;
	w->c->fn(w->c->ctx, w->path->what);
	return 0;
}

static int on_proc(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct watched *w = arg;

	(void)s;
	(void)fd;
	(void)revents;
	w->c->fn(w->c->ctx, w->path->what);
	return 0;
}

static void watch(struct watched *w)
{
	char path[400];

	snprintf(path, sizeof(path), "%s%s", w->c->root, w->path->path);
	if (strncmp(w->path->path, "/proc/", 6) != 0) {
		if (sd_event_add_inotify(w->c->loop, &w->source, path, MASK, on_event, w) < 0)
			w->source = NULL;
		return;
	}
	w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (w->fd < 0)
		return;
	if (sd_event_add_io(w->c->loop, &w->source, w->fd, EPOLLPRI, on_proc, w) < 0) {
		close(w->fd);
		w->fd = -1;
	}
}

void sk_changes_renew(struct sk_changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->w[i].source)
			watch(&c->w[i]);
}

int sk_changes_new(sd_event *loop, const char *root, const struct sk_change_path *paths, size_t n,
                   void (*fn)(void *ctx, uint32_t what), void *ctx, struct sk_changes **out)
{
	struct sk_changes *c;

	if (n > PATHS_MAX || strlen(root) >= sizeof(c->root))
		return -E2BIG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->fn = fn;
	c->ctx = ctx;
	c->n = n;
	snprintf(c->root, sizeof(c->root), "%s", root);
	for (size_t i = 0; i < n; i++)
		c->w[i] = (struct watched){.c = c, .path = &paths[i], .fd = -1};
	sk_changes_renew(c);
	*out = c;
	return 0;
}

struct sk_changes *sk_changes_free(struct sk_changes *c)
{
	for (size_t i = 0; c && i < c->n; i++) {
		sd_event_source_disable_unref(c->w[i].source);
		if (c->w[i].fd >= 0)
			close(c->w[i].fd);
	}
	free(c);
	return NULL;
}
