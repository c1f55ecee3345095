/* See batch.h. */
#include "server/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "server/http.h"

#define LIMIT 256

struct waiting {
	struct sk_request *r; /* NULL: its peer has gone */
	int code;
	json_t *body;
};

struct sk_batch {
	struct sk_store *store;
	struct event *soon;
	bool open;
	size_t n;
	struct waiting items[LIMIT];
};

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sk_batch_flush(arg);
}

int sk_batch_new(struct event_base *base, struct sk_store *store, struct sk_batch **out)
{
	struct sk_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	b->store = store;
	b->soon = event_new(base, -1, 0, on_soon, b);
	if (b->soon == NULL) {
		free(b);
		return -ENOMEM;
	}
	*out = b;
	return 0;
}

struct sk_batch *sk_batch_free(struct sk_batch *b)
{
	if (b == NULL)
		return NULL;
	sk_batch_flush(b);
	event_free(b->soon);
	free(b);
	return NULL;
}

int sk_batch_join(struct sk_batch *b)
{
	const struct timeval now = {0};
	int r;

	if (b->n == LIMIT)
		sk_batch_flush(b);
	if (b->open)
		return 0;
	r = sk_store_batch_begin(b->store);
	if (r < 0)
		return r;
	b->open = true;
	event_add(b->soon, &now); /* the loop's next turn: what else is ready in this one comes first */
	return 0;
}

static void on_gone(struct sk_request *r, void *arg)
{
	struct sk_batch *b = arg;

	for (size_t i = 0; i < b->n; i++) {
		if (b->items[i].r == r)
			b->items[i].r = NULL;
	}
}

void sk_batch_reply(struct sk_batch *b, struct sk_request *r, int code, json_t *body)
{
	if (!b->open || b->n == LIMIT) { /* the batch was committed meanwhile, or could not be opened */
		sk_reply_json(r, code, body);
		return;
	}
	sk_request_defer(r, on_gone, b);
	b->items[b->n++] = (struct waiting){r, code, body};
}

void sk_batch_flush(struct sk_batch *b)
{
	int rc = 0;

	if (b == NULL || !b->open)
		return;
	b->open = false;
	event_del(b->soon);
	rc = sk_store_batch_end(b->store);
	if (rc < 0)
		sk_log(SK_LOG_ERR,
		       "store: nothing of the last %zu messages could be kept: %s; terminals will send them again",
		       b->n, strerror(-rc));
	for (size_t i = 0; i < b->n; i++) {
		struct waiting *w = &b->items[i];

		if (w->r != NULL && rc == 0) {
			sk_reply_json(w->r, w->code, w->body);
			continue;
		}
		json_decref(w->body);
		if (w->r != NULL)
			sk_reply_error(w->r, 503, "busy", "the store cannot be written; try again later");
	}
	b->n = 0;
}
