/*
 * An answer in pieces: the next piece is made when the one before has left for the peer, so that a file of any length takes the memory of one piece, and
 * other work comes between. What fails in the middle is cut off: with its last chunk missing, no client takes the half for the whole.
 */
#include "server/http_inside.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/batch.h"

#define PIECE_MAX ((size_t)32 * 1024 * 1024) /* a PDF leaves in one */

struct stream {
	struct request *q;
	struct event *again; /* after other work; NULL until it was needed */
	int (*next)(void *arg, struct sk_buf *out);
	void (*end)(void *arg, bool whole);
	void *arg;
};

static void finish(struct stream *st, bool whole)
{
	struct request *q = st->q;

	q->streaming = false;
	if (st->again != NULL)
		event_free(st->again);
	st->end(st->arg, whole);
	free(st);
	if (!q->in_handler)
		http_request_free(q);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
	struct stream *st = arg;
	struct evhttp_request *ev = st->q->pub.ev;

	(void)evcon;
	/* As in http.c: when the peer went away, evhttp has let go of the request; when evhttp is shut down, it still owns it. */
	if (evhttp_request_get_connection(ev) == NULL)
		evhttp_request_free(ev);
	finish(st, false);
}

static void step(struct evhttp_connection *evcon, void *arg);

/* The piece goes out; more: and the next is asked for then. 0 or -ENOMEM. */
static int send_piece(struct stream *st, const struct sk_buf *piece, bool more)
{
	struct evbuffer *out = evbuffer_new();
	int r = out == NULL || evbuffer_add(out, piece->data, piece->len) != 0 ? -ENOMEM : 0;

	if (r == 0) {
		sk_conn_writing(st->q->conn, st->q->pub.ev); /* each piece has its deadline */
		evhttp_send_reply_chunk_with_cb(st->q->pub.ev, out, more ? step : NULL, st);
	}
	if (out != NULL)
		evbuffer_free(out);
	return r;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	step(NULL, arg);
}

/* Nothing has come of this turn yet: the next one is after what else there is to do. 1 or -ENOMEM. */
static int step_again(struct stream *st)
{
	const struct timeval now = {0};

	if (st->again == NULL)
		st->again = event_new(st->q->pub.server->base, -1, 0, on_again, st);
	return st->again != NULL && event_add(st->again, &now) == 0 ? 1 : -ENOMEM;
}

static void step(struct evhttp_connection *evcon, void *arg)
{
	struct stream *st = arg;
	struct request *q = st->q;
	struct sk_buf piece;
	int r;

	(void)evcon;
	sk_buf_init(&piece, PIECE_MAX);
	sk_batch_flush(q->pub.server->batch);
	r = st->next(st->arg, &piece);
	if (r == 1 && piece.len == 0)
		r = step_again(st);
	if (r >= 0 && sk_buf_error(&piece) < 0)
		r = sk_buf_error(&piece);
	if (r >= 0 && piece.len > 0 && send_piece(st, &piece, r == 1) < 0)
		r = -ENOMEM;
	sk_buf_deinit(&piece);
	if (r < 0) {
		sk_log(SK_LOG_ERR, "%s: the file could not be made to its end; it was cut off", q->pub.path);
		sk_conn_cut(q->conn); /* on_close ends it */
		return;
	}
	if (r == 1)
		return;
	evhttp_connection_set_closecb(evhttp_request_get_connection(q->pub.ev), NULL, NULL);
	evhttp_send_reply_end(q->pub.ev);
	finish(st, true);
}

int sk_reply_stream(struct sk_request *r, const char *type, int (*next)(void *arg, struct sk_buf *out),
                    void (*end)(void *arg, bool whole), void *arg)
{
	struct request *q = (struct request *)(uintptr_t)r; /* pub is the first member */
	struct stream *st = q->replied ? NULL : calloc(1, sizeof(*st));

	if (st == NULL)
		return -ENOMEM;
	*st = (struct stream){.q = q, .next = next, .end = end, .arg = arg};
	if (q->head) {
		end(arg, false);
		free(st);
		sk_reply_bytes(r, 200, type, "", 0);
		return 0;
	}
	q->replied = q->streaming = true;
	http_begin_reply(q, 200, type);
	evhttp_connection_set_closecb(evhttp_request_get_connection(r->ev), on_close, st);
	evhttp_send_reply_start(r->ev, 200, NULL);
	step(NULL, st);
	return 0;
}
