/*
 * Group commit: what arrives in one turn of the loop is stored in one transaction, and its replies go out when that transaction is on
 * disk. One fsync for many terminals.
 */
#ifndef SK_SERVER_BATCH_H
#define SK_SERVER_BATCH_H

#include <event2/event.h>
#include <jansson.h>
#include "server/store.h"

struct sk_batch;
struct sk_request;

int sk_batch_new(struct event_base *base, struct sk_store *store, struct sk_batch **out);
struct sk_batch *sk_batch_free(struct sk_batch *b); /* commits and replies first */

int sk_batch_join(struct sk_batch *b); /* before storing: opens the transaction if there is none. 0 or -errno */
/* The reply to r once what was stored is committed; 503 instead when that fails. body is stolen. */
void sk_batch_reply(struct sk_batch *b, struct sk_request *r, int code, json_t *body);
/* Commits and replies now. Everything that stores outside a batch calls this first (http does, for every other handler). */
void sk_batch_flush(struct sk_batch *b);

#endif
