/*
 * server/http.h, server/password.h and server/orders.h played by the test: requests are made by hand, replies are kept to be looked at. The
 * console runs unchanged over a real store. Include it in one file of a test only.
 */
#ifndef SK_TESTS_FAKE_HTTP_H
#define SK_TESTS_FAKE_HTTP_H

#include <criterion/criterion.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <string.h>

#include "common/text.h"
#include "server/http.h"
#include "server/orders.h"
#include "server/password.h"

struct fake {
	struct sk_request r; /* first: handlers get its address */
	char path[512];
	const char *tail;
	struct evkeyvalq in, out;
	int code; /* 0 = not answered */
	char *body;
	size_t len;
	bool deferred;
	void (*on_gone)(struct sk_request *r, void *arg);
	void *gone_arg;
};

__attribute__((unused)) static int fake_wakes; /* how often terminals were woken */
static bool fake_password_full;

const char *sk_request_tail(const struct sk_request *r)
{
	return ((const struct fake *)r)->tail;
}

const char *sk_request_query(const struct sk_request *r, const char *name)
{
	return evhttp_find_header(&r->query, name);
}

const char *sk_request_header(const struct sk_request *r, const char *name)
{
	return evhttp_find_header(&((const struct fake *)r)->in, name);
}

void sk_reply_header(struct sk_request *r, const char *name, const char *value)
{
	/* libevent refuses line ends in headers: nothing that came from outside may get that far. */
	cr_assert_eq(evhttp_add_header(&((struct fake *)r)->out, name, value), 0, "header %s: %s", name, value);
}

void sk_reply_bytes(struct sk_request *r, int code, const char *type, const void *data, size_t len)
{
	struct fake *f = (struct fake *)r;

	cr_assert_eq(f->code, 0, "answered twice");
	f->code = code;
	f->len = len;
	f->body = calloc(1, len + 1);
	cr_assert(f->body != NULL);
	memcpy(f->body, data, len);
	sk_reply_header(r, "Content-Type", type);
}

void sk_reply_json(struct sk_request *r, int code, json_t *body)
{
	json_decref(body);
	sk_reply_bytes(r, code, "application/json", "{}", 2);
}

void sk_reply_error(struct sk_request *r, int code, const char *error_code, const char *text)
{
	(void)text;
	sk_reply_bytes(r, code, "application/json", error_code, strlen(error_code));
}

/* All pieces joined; a failure is 599. */
int sk_reply_stream(struct sk_request *r, const char *type, int (*next)(void *arg, struct sk_buf *out),
                    void (*end)(void *arg, bool whole), void *arg)
{
	struct sk_buf all;
	int e;

	sk_buf_init(&all, (size_t)64 * 1024 * 1024);
	do {
		e = next(arg, &all);
	} while (e == 1);
	cr_assert_eq(sk_buf_error(&all), 0);
	sk_reply_bytes(r, e < 0 ? 599 : 200, type, all.data, all.len);
	sk_buf_deinit(&all);
	end(arg, e == 0);
	return 0;
}

void sk_request_defer(struct sk_request *r, void (*on_gone)(struct sk_request *, void *), void *arg)
{
	struct fake *f = (struct fake *)r;

	f->deferred = true;
	f->on_gone = on_gone;
	f->gone_arg = arg;
}

void sk_orders_wake(struct sk_orders *o, const char *device)
{
	(void)o;
	(void)device;
	fake_wakes++;
}

#define FAKE_HASH "$argon2id$" /* and the password itself */

struct sk_password_job {
	struct event *ev;
	bool right;
	void (*done)(int ok, void *arg);
	void *arg;
};

static void fake_password_done(evutil_socket_t fd, short what, void *arg)
{
	struct sk_password_job *j = arg;
	void (*done)(int, void *) = j->done;
	void *done_arg = j->arg;
	bool right = j->right;

	(void)fd;
	(void)what;
	event_free(j->ev);
	free(j);
	done(right, done_arg);
}

struct sk_password_job *sk_password_verify_async(struct event_base *base, const char *encoded, const char *pw,
                                                 void (*done)(int ok, void *arg), void *arg)
{
	struct sk_password_job *j = fake_password_full ? NULL : calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->right = encoded != NULL && strncmp(encoded, FAKE_HASH, strlen(FAKE_HASH)) == 0 &&
	           strcmp(encoded + strlen(FAKE_HASH), pw) == 0;
	j->done = done;
	j->arg = arg;
	j->ev = event_new(base, -1, 0, fake_password_done, j);
	event_active(j->ev, 0, 0);
	return j;
}

/* No directory is asked: there a person's password is their name. */
struct sk_password_job *sk_password_ask_async(struct event_base *base, const struct sk_password_asker *who,
                                              const char *pw, void (*done)(int ok, void *arg), void *arg)
{
	char encoded[SK_PASSWORD_HASH];

	snprintf(encoded, sizeof(encoded), FAKE_HASH "%s", who->name);
	return sk_password_verify_async(base, encoded, pw, done, arg);
}

bool sk_password_room(const char *from)
{
	(void)from;
	return !fake_password_full;
}

void sk_password_from(struct sk_password_job *job, const char *from)
{
	(void)job;
	(void)from;
}

void sk_password_cancel(struct sk_password_job *job)
{
	if (job != NULL) {
		event_free(job->ev);
		free(job);
	}
}

/* url: path and query. body NULL = GET. */
__attribute__((unused)) static struct fake *fake_new(struct sk_server *server, const char *url, const char *body)
{
	struct fake *f = calloc(1, sizeof(*f));
	size_t n = strcspn(url, "?");

	cr_assert(f != NULL && n < sizeof(f->path));
	memcpy(f->path, url, n);
	TAILQ_INIT(&f->in);
	TAILQ_INIT(&f->out);
	TAILQ_INIT(&f->r.query);
	if (url[n] == '?')
		cr_assert_eq(evhttp_parse_query_str(url + n + 1, &f->r.query), 0);
	f->r.server = server;
	f->r.method = body != NULL ? EVHTTP_REQ_POST : EVHTTP_REQ_GET;
	f->r.path = f->path;
	f->r.body = body != NULL ? body : "";
	f->r.body_len = strlen(f->r.body);
	f->r.remote = "127.0.0.1";
	evhttp_add_header(&f->in, "Host", "console.example:8444");
	return f;
}

__attribute__((unused)) static void fake_set(struct fake *f, const char *name, const char *value)
{
	evhttp_add_header(&f->in, name, value);
}

__attribute__((unused)) static void fake_free(struct fake *f)
{
	evhttp_clear_headers(&f->in);
	evhttp_clear_headers(&f->out);
	evhttp_clear_headers(&f->r.query);
	free(f->body);
	free(f);
}

/* As server/http.c finds routes: exact, or "*" for one more segment. 404 and 413 are its own answers. */
__attribute__((unused)) static void fake_run(struct fake *f, const struct sk_route *routes)
{
	for (const struct sk_route *t = routes; t->pattern != NULL; t++) {
		size_t n = strlen(t->pattern);
		bool star = t->pattern[n - 1] == '*';

		if (t->method != f->r.method ||
		    (star ? strncmp(f->path, t->pattern, n - 1) != 0 || f->path[n - 1] == '\0' ||
		                strchr(f->path + n - 1, '/') != NULL
		          : strcmp(f->path, t->pattern) != 0))
			continue;
		f->tail = star ? f->path + n - 1 : NULL;
		if (f->r.body_len > t->body_max) {
			f->code = 413;
			return;
		}
		t->handler(&f->r);
		while (f->code == 0 && f->deferred)
			event_base_loop(f->r.server->base, EVLOOP_ONCE);
		return;
	}
	f->code = 404;
}

/* The value of the n-th Set-Cookie of that name, "" when deleted, NULL when there is none. Valid until fake_free. */
__attribute__((unused)) static const char *fake_cookie(const struct fake *f, const char *name)
{
	static char value[256];
	const struct evkeyval *kv;

	for (kv = f->out.tqh_first; kv != NULL; kv = kv->next.tqe_next) {
		size_t n = strlen(name);

		if (strcmp(kv->key, "Set-Cookie") == 0 && strncmp(kv->value, name, n) == 0 && kv->value[n] == '=') {
			size_t len = strcspn(kv->value + n + 1, ";");

			cr_assert_lt(len, sizeof(value));
			memcpy(value, kv->value + n + 1, len);
			value[len] = '\0';
			return value;
		}
	}
	return NULL;
}

__attribute__((unused)) static const char *fake_out(const struct fake *f, const char *name)
{
	return evhttp_find_header(&f->out, name);
}

#endif
