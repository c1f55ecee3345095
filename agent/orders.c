/* One order at a time, from the loop. What was done is kept by id. */
#include "agent/orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"

#define DONE     "orders.done"
#define BEGUN    "orders.begun"
#define DONE_MAX 256 /* ids kept; more than all orders that can be open, many times over */
#define TRIES    2

struct sk_order_queue {
	struct sk_order_hooks hooks;
	sd_event_source *kick;
	struct sk_orders_list open;
	json_t *done; /* ids, oldest first */
	struct sk_order running;
	bool runs;
};

/* --- what was done --- */

static void load(struct sk_order_queue *q)
{
	struct sk_buf text;
	json_t *list = NULL;

	sk_buf_init(&text, DONE_MAX * 64);
	if (q->hooks.get(q->hooks.ctx, DONE, &text) == 0)
		(void)sk_json_parse(text.data, text.len, DONE_MAX * 64, &list, NULL);
	sk_buf_deinit(&text);
	q->done = json_is_array(list) ? list : json_array();
	if (q->done != list)
		json_decref(list);
}

static bool is_done(const struct sk_order_queue *q, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach(q->done, i, one)
	{
		const char *s = json_string_value(one);

		if (s && strcmp(s, id) == 0)
			return true;
	}
	return false;
}

static void mark_done(struct sk_order_queue *q, const char *id)
{
	char *text;

	if (is_done(q, id))
		return;
	json_array_append_new(q->done, json_string(id));
	while (json_array_size(q->done) > DONE_MAX)
		json_array_remove(q->done, 0);
	text = sk_json_text(q->done);
	if (!text || q->hooks.set(q->hooks.ctx, DONE, text) < 0)
		sk_log(SK_LOG_WARNING, "order: what was done cannot be written down; it may be done once more");
	free(text);
}

/* How often this one was begun before. */
static int tries_of(struct sk_order_queue *q, const char *id)
{
	struct sk_buf text;
	char found[SK_UUID_LEN];
	int tries = 0;

	sk_buf_init(&text, 128);
	if (q->hooks.get(q->hooks.ctx, BEGUN, &text) < 0 || sscanf(text.data, "%36s %9d", found, &tries) != 2 ||
	    strcmp(found, id) != 0 || tries < 0)
		tries = 0;
	sk_buf_deinit(&text);
	return tries;
}

static int begin(struct sk_order_queue *q, const char *id, int tries)
{
	char text[64];

	snprintf(text, sizeof text, "%s %d", id, tries);
	return q->hooks.set(q->hooks.ctx, BEGUN, text);
}

/* --- one order --- */

static json_t *body_of(const struct sk_order *o)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "id", o->id, "number", (json_int_t)o->number, "kind",
	                 sk_order_name(o->kind), "by", o->by, "approved_by", o->approved_by, "reason", o->reason,
	                 "person", o->person);
}

static int record(struct sk_order_queue *q, const char *kind, const struct sk_order *o, const char *result,
                  const char *detail)
{
	json_t *body = body_of(o);
	int r = body ? 0 : -ENOMEM;

	if (body && result) {
		json_object_set_new(body, "result", json_string(result));
		json_object_set_new(body, "detail", json_string(detail));
	}
	if (r == 0)
		r = q->hooks.record(q->hooks.ctx, kind, body);
	json_decref(body);
	return r;
}

static void over(struct sk_order_queue *q, const struct sk_order *o, const char *result, const char *detail)
{
	sk_log(SK_LOG_NOTICE, "order %lld (%s) by %s: %s %s", (long long)o->number, sk_order_name(o->kind), o->by,
	       result, detail);
	(void)record(q, "order.done", o, result, detail); /* what cannot be written waits in memory */
	mark_done(q, o->id);
}

/* True: it runs now, or the record does not work and everything waits. */
static bool start(struct sk_order_queue *q, const struct sk_order *o)
{
	int tries = tries_of(q, o->id);

	if (o->until <= q->hooks.now(q->hooks.ctx)) {
		over(q, o, "expired", "");
		return false;
	}
	if (tries >= TRIES) {
		over(q, o, "failed", "interrupted twice");
		return false;
	}
	/* Taken is on record before anything happens: an order that leaves no trace is none. */
	if (begin(q, o->id, tries + 1) < 0 || record(q, "order.taken", o, NULL, NULL) < 0) {
		sk_log(SK_LOG_ERR, "order %lld waits: the record cannot be written", (long long)o->number);
		return true;
	}
	q->running = *o;
	q->runs = true;
	q->hooks.carry_out(q->hooks.ctx, &q->running);
	return true;
}

static int on_kick(sd_event_source *s, void *arg)
{
	struct sk_order_queue *q = arg;

	(void)s;
	for (size_t i = 0; i < q->open.n && !q->runs; i++)
		if (!is_done(q, q->open.items[i].id) && start(q, &q->open.items[i]))
			break;
	return 0;
}

void sk_order_queue_retry(struct sk_order_queue *q)
{
	if (q && !q->runs && q->open.n)
		sd_event_source_set_enabled(q->kick, SD_EVENT_ONESHOT);
}

void sk_order_finished(struct sk_order_queue *q, bool done, const char *detail)
{
	if (!q->runs)
		return;
	q->runs = false;
	over(q, &q->running, done ? "done" : "failed", detail);
	sk_order_queue_retry(q);
}

const struct sk_order *sk_order_running(const struct sk_order_queue *q)
{
	return q->runs ? &q->running : NULL;
}

int sk_order_queue_take(struct sk_order_queue *q, const json_t *body, struct sk_err *err)
{
	int r = sk_orders_parse(body, &q->open, err);

	if (r == 0)
		sk_order_queue_retry(q);
	return r;
}

int sk_order_queue_new(sd_event *loop, const struct sk_order_hooks *hooks, struct sk_order_queue **out)
{
	struct sk_order_queue *q = calloc(1, sizeof *q);
	int r;

	if (!q)
		return -ENOMEM;
	q->hooks = *hooks;
	load(q);
	r = q->done ? sd_event_add_defer(loop, &q->kick, on_kick, q) : -ENOMEM;
	if (r >= 0)
		r = sd_event_source_set_enabled(q->kick, SD_EVENT_OFF);
	if (r < 0) {
		sk_order_queue_free(q);
		return r;
	}
	*out = q;
	return 0;
}

struct sk_order_queue *sk_order_queue_free(struct sk_order_queue *q)
{
	if (!q)
		return NULL;
	q->kick = sd_event_source_disable_unref(q->kick);
	json_decref(q->done);
	free(q);
	return NULL;
}
