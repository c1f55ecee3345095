/* The server's parts on one store, with an HTTP layer made of memory: what a handler replies is kept in struct reply. */
#ifndef SK_TESTS_SERVER_HELP_H
#define SK_TESTS_SERVER_HELP_H

#include "server/batch.h"
#include "server/ca.h"
#include "server/http.h"
#include "server/orders.h"
#include "tests/unit/store_help.h"

struct reply {
	struct sk_request r; /* first: handlers are given &reply.r */
	int code; /* 0 = not yet */
	json_t *body;
	void (*on_gone)(struct sk_request *r, void *arg);
	void *arg;
};

static struct reply *of(struct sk_request *r)
{
	return (struct reply *)(void *)r;
}

void sk_reply_json(struct sk_request *r, int code, json_t *body)
{
	cr_assert_eq(of(r)->code, 0, "answered twice");
	of(r)->code = code;
	of(r)->body = body;
}

void sk_reply_error(struct sk_request *r, int code, const char *error_code, const char *text)
{
	(void)text;
	sk_reply_json(r, code, json_pack("{s:s}", "error", error_code));
}

void sk_reply_header(struct sk_request *r, const char *name, const char *value)
{
	(void)r;
	(void)name;
	(void)value;
}

void sk_request_defer(struct sk_request *r, void (*on_gone)(struct sk_request *r, void *arg), void *arg)
{
	of(r)->on_gone = on_gone;
	of(r)->arg = arg;
}

static inline void reply_clear(struct reply *p)
{
	json_decref(p->body);
	memset(p, 0, sizeof(*p));
}

static inline void loop_for(struct event_base *base, int ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

#endif
