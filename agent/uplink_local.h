/*
 * The line to sekimorid: two connections to its uplink socket, because answers come in order and `wait` may take minutes. Commands are
 * asked and waited for in place (sekimorid answers in milliseconds, and without it there is nothing to do); `wait` is event-driven.
 */
#ifndef SK_AGENT_UPLINK_LOCAL_H
#define SK_AGENT_UPLINK_LOCAL_H

#include <event2/event.h>
#include <jansson.h>
#include "common/err.h"

struct sk_local;

/* answer: to `wait`, borrowed; NULL when the connection is lost (also while no `wait` is out). Never called from inside a call. */
typedef void (*sk_local_done)(void *arg, const json_t *answer);

int sk_local_new(struct event_base *base, const char *path, sk_local_done done, void *arg, struct sk_local **out);
struct sk_local *sk_local_free(struct sk_local *l);

int sk_local_open(struct sk_local *l, struct sk_err *err); /* closes what was open */
void sk_local_close(struct sk_local *l);
/* 0 and *answer (new reference), 1 = refused (err "code: why"), negative = lost and closed. */
int sk_local_call(struct sk_local *l, const json_t *request, json_t **answer, struct sk_err *err);
int sk_local_wait(struct sk_local *l, int timeout_ms, struct sk_err *err);

#endif
