/*
 * Waiters in a table by device. Waking marks them and looks at them from the loop, a slice at a time, so that a new policy for ten thousand
 * terminals does not stop everything else.
 */
#include "server/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bundle.h"
#include "common/log.h"
#include "common/text.h"
#include "server/batch.h"
#include "server/ca.h"
#include "server/http.h"
#include "server/limiter.h"

#define BUCKETS 4096
#define SLICE   32
/* What one answer may carry: terminals read 1 MiB at most (agent/uplink_answer.h). */
#define ANSWER_MAX ((size_t)900 * 1024)

struct waiter {
	struct sk_orders *o;
	struct sk_request *r;
	struct event *timer;
	struct waiter *next, **prev; /* bucket */
	struct waiter *due_next, **due_prev; /* to be looked at; due_prev NULL = not */
	int64_t policy, grants;
	char device[SK_UUID_LEN];
};

struct sk_orders {
	struct sk_server *server;
	struct event *look, *poll;
	struct event *news; /* NULL: another node tells nothing */
	int news_fd;
	size_t n;
	bool stopped;
	struct waiter *buckets[BUCKETS];
	struct waiter *due;
};

static struct waiter **bucket(struct sk_orders *o, const char *device)
{
	uint32_t h = 2166136261u;

	for (; *device != '\0'; device++)
		h = (h ^ (unsigned char)*device) * 16777619u;
	return &o->buckets[h & (BUCKETS - 1)];
}

static struct waiter *find(struct sk_orders *o, const char *device)
{
	struct waiter *w = *bucket(o, device);

	while (w != NULL && strcmp(w->device, device) != 0)
		w = w->next;
	return w;
}

static void undue(struct waiter *w)
{
	if (w->due_prev == NULL)
		return;
	*w->due_prev = w->due_next;
	if (w->due_next != NULL)
		w->due_next->due_prev = w->due_prev;
	w->due_prev = NULL;
}

static void set_due(struct waiter *w)
{
	if (w->due_prev != NULL)
		return;
	w->due_next = w->o->due;
	w->due_prev = &w->o->due;
	if (w->due_next != NULL)
		w->due_next->due_prev = &w->due_next;
	w->o->due = w;
}

static void on_poll(evutil_socket_t fd, short what, void *arg);

/* Looks each second while somebody waits; and at once when another node says so. The descriptor is a copy of its own: the store closes the other one
 * when it likes, and its number may become a terminal's. */
static void follow(struct sk_orders *o, bool on)
{
	const struct timeval second = {1, 0};
	int fd;

	if (o->news != NULL) {
		event_free(o->news);
		close(o->news_fd);
		o->news = NULL;
	}
	if (!on) {
		event_del(o->poll);
		return;
	}
	event_add(o->poll, &second);
	fd = sk_store_news_fd(o->server->store);
	o->news_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (o->news_fd < 0)
		return;
	o->news = event_new(o->server->base, o->news_fd, EV_READ, on_poll, o);
	if (o->news == NULL || event_add(o->news, NULL) != 0) {
		if (o->news != NULL)
			event_free(o->news);
		o->news = NULL;
		close(o->news_fd);
	}
}

static struct sk_request *waiter_free(struct waiter *w)
{
	struct sk_request *r = w->r;

	undue(w);
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	if (w->timer != NULL)
		event_free(w->timer);
	w->o->n--;
	if (w->o->n == 0)
		follow(w->o, false);
	free(w);
	return r;
}

static void on_gone(struct sk_request *r, void *arg)
{
	(void)r;
	waiter_free(arg);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sk_reply_json(waiter_free(arg), 204, NULL);
}

/* One kind of bundle into list when it is newer than what the terminal holds. body is stolen. One that cannot be signed, or that makes the
 * answer too long for a terminal, is left out: what else there is still goes, and the next look takes it up again. */
static int add_bundle(const struct sk_server *s, const char *kind, const char *device, int64_t version, int64_t held,
                      json_t *body, json_t *list)
{
	char *envelope = NULL;
	int r = 0;

	if (version > held) {
		envelope = sk_bundle_sign(sk_ca_sign_key(s->ca), kind, device, version, sk_clock_wall(), 0, body);
		if (envelope == NULL)
			sk_log(SK_LOG_ERR, "%s version %lld of %s cannot be signed: too large, or no memory", kind,
			       (long long)version, device);
		else if (json_string_length(json_array_get(list, 0)) + strlen(envelope) <= ANSWER_MAX)
			r = json_array_append_new(list, json_string(envelope)) != 0 ? -ENOMEM : 0;
	}
	free(envelope);
	json_decref(body);
	return r;
}

/* The terminal holds more than this store knows of. */
static int raise_version(const struct sk_server *s, const char *device, bool policy, int64_t held)
{
	if (!sk_limiter_attempt(s->raise_limiter, device, sk_clock_boot()))
		return -EDQUOT;
	return sk_store_version_raise(s->store, device, policy, held);
}

static int add_policy(const struct sk_server *s, const char *device, int64_t held, json_t *list)
{
	int64_t version = 0;
	char *text = NULL;
	json_t *body;
	int r = sk_store_policy(s->store, device, &text, &version);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && held > version) { /* this store is older than the terminal: restored from a backup */
		free(text);
		text = NULL;
		r = raise_version(s, device, true, held);
		if (r == 0)
			r = sk_store_policy(s->store, device, &text, &version);
	}
	if (r < 0)
		return r;
	body = json_pack("{s:s}", "text", text);
	free(text);
	return body == NULL ? -ENOMEM : add_bundle(s, "policy", device, version, held, body, list);
}

static int add_grants(const struct sk_server *s, const char *device, int64_t held, json_t *list)
{
	int64_t version = 0;
	json_t *body = sk_store_grants_body(s->store, device, sk_clock_wall(), &version);

	if (body != NULL && held > version) {
		int r = raise_version(s, device, false, held);

		json_decref(body);
		if (r < 0)
			return r;
		body = sk_store_grants_body(s->store, device, sk_clock_wall(), &version);
	}
	return body == NULL ? -EIO : add_bundle(s, "grants", device, version, held, body, list);
}

/* 1 = *list holds something newer, 0 = nothing, -EACCES = the terminal is not welcome any more, other negative = the store failed. */
static int news(const struct sk_server *s, const char *device, int64_t policy, int64_t grants, json_t **list)
{
	struct sk_terminal t;
	int r;

	sk_batch_flush(s->batch);
	r = sk_store_terminal_get(s->store, device, &t);
	if (r == -ENOENT || (r == 0 && t.revoked))
		return -EACCES;
	*list = json_array();
	if (r == 0)
		r = add_policy(s, device, policy, *list);
	if (r == 0)
		r = add_grants(s, device, grants, *list);
	if (r == 0 && json_array_size(*list) > 0)
		return 1;
	json_decref(*list);
	*list = NULL;
	return r;
}

/* True when r was answered. */
static bool answer(struct sk_request *r, int found, json_t *list)
{
	if (found == 0)
		return false;
	if (found == 1)
		sk_reply_json(r, 200, json_pack("{s:o}", "bundles", list));
	else if (found == -EACCES)
		sk_reply_error(r, 403, "refused", "this terminal is not admitted");
	else if (found == -ERANGE)
		sk_reply_error(r, 400, "invalid", "policy or grants: no version that was ever issued");
	else if (found == -EDQUOT) {
		sk_reply_header(r, "Retry-After", "3600");
		sk_reply_error(r, 429, "too-many", "versions were raised too often; wait an hour");
	} else
		sk_reply_error(r, 503, "busy", "the store cannot be read; try again later");
	return true;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = {0};
	struct sk_orders *o = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < SLICE && o->due != NULL; i++) {
		struct waiter *w = o->due;
		json_t *list = NULL;
		int found;

		undue(w);
		found = news(o->server, w->device, w->policy, w->grants, &list);
		if (found != 0)
			answer(waiter_free(w), found, list);
	}
	if (o->due != NULL)
		event_add(o->look, &now);
}

/* The CLI writes to the same store; while somebody waits it is looked at every second. */
static void on_poll(evutil_socket_t fd, short what, void *arg)
{
	struct sk_orders *o = arg;

	(void)fd;
	(void)what;
	if (sk_store_changed(o->server->store))
		sk_orders_wake(o, NULL);
	if (event_pending(o->poll, EV_TIMEOUT, NULL))
		follow(o, true); /* over whatever connection it is now */
}

int sk_orders_new(struct sk_server *server, struct sk_orders **out)
{
	struct sk_orders *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return -ENOMEM;
	o->server = server;
	o->look = event_new(server->base, -1, 0, on_look, o);
	o->poll = event_new(server->base, -1, EV_PERSIST, on_poll, o);
	if (o->look == NULL || o->poll == NULL) {
		sk_orders_free(o);
		return -ENOMEM;
	}
	*out = o;
	return 0;
}

void sk_orders_stop(struct sk_orders *o)
{
	if (o == NULL)
		return;
	o->stopped = true;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (o->buckets[i] != NULL)
			sk_reply_json(waiter_free(o->buckets[i]), 204, NULL);
	}
}

struct sk_orders *sk_orders_free(struct sk_orders *o)
{
	if (o == NULL)
		return NULL;
	sk_orders_stop(o);
	if (o->look != NULL)
		event_free(o->look);
	if (o->poll != NULL) {
		follow(o, false);
		event_free(o->poll);
	}
	free(o);
	return NULL;
}

void sk_orders_wake(struct sk_orders *o, const char *device)
{
	const struct timeval now = {0};
	struct waiter *w;

	if (o == NULL)
		return;
	if (device != NULL) {
		w = find(o, device);
		if (w != NULL)
			set_due(w);
	}
	for (size_t i = 0; device == NULL && i < BUCKETS; i++) {
		for (w = o->buckets[i]; w != NULL; w = w->next)
			set_due(w);
	}
	if (o->due != NULL)
		event_add(o->look, &now);
}

static void keep(struct sk_orders *o, struct sk_request *r, const char *device, int64_t policy, int64_t grants,
                 int wait_s)
{
	const struct timeval tv = {.tv_sec = wait_s};
	struct waiter *w = calloc(1, sizeof(*w)), **head = bucket(o, device);

	if (w != NULL)
		w->timer = event_new(o->server->base, -1, 0, on_timeout, w);
	if (w == NULL || w->timer == NULL) {
		free(w);
		sk_reply_error(r, 503, "busy", "out of memory; try again later");
		return;
	}
	w->o = o;
	w->r = r;
	w->policy = policy;
	w->grants = grants;
	sk_text_copy(w->device, sizeof(w->device), device);
	w->next = *head;
	w->prev = head;
	if (*head != NULL)
		(*head)->prev = &w->next;
	*head = w;
	if (o->n++ == 0)
		follow(o, true);
	sk_request_defer(r, on_gone, w);
	event_add(w->timer, &tv);
}

void sk_orders_wait(struct sk_orders *o, struct sk_request *r, const char *device, int64_t policy, int64_t grants,
                    int wait_s)
{
	struct waiter *older = find(o, device);
	json_t *list = NULL;
	int found;

	if (o->stopped) {
		sk_reply_error(r, 503, "busy", "the server is stopping; try again");
		return;
	}
	if (older != NULL)
		sk_reply_json(waiter_free(older), 204, NULL);
	if (o->n == 0)
		sk_store_changed(o->server->store); /* what was written before this look needs no waking */
	found = news(o->server, device, policy, grants, &list);
	if (answer(r, found, list))
		return;
	if (wait_s <= 0)
		sk_reply_json(r, 204, NULL);
	else
		keep(o, r, device, policy, grants, wait_s);
}

size_t sk_orders_waiting(const struct sk_orders *o)
{
	return o->n;
}
