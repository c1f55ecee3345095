/*
 * One HTTPS connection to the server, used again and again: one request at a time, each with an absolute deadline from connecting to
 * the last byte (evhttp's own timeouts start anew with every byte). The answer is always delivered from the event loop, never from
 * inside a call, so its receiver may start the next request or close the line. Names are resolved when connecting, by the system's
 * resolver and in place: this program has nothing else to do then.
 */
#ifndef SK_AGENT_UPLINK_LINE_H
#define SK_AGENT_UPLINK_LINE_H

#include <event2/event.h>
#include "agent/uplink.h"
#include "agent/uplink_answer.h"
#include "agent/uplink_url.h"
#include "common/tls.h"

struct sk_line;

typedef void (*sk_line_done)(void *arg, const struct sk_http_answer *a);

/* idle: ms after which an unused connection is closed, 0 = kept. url and tls are borrowed and must outlive the line (see set_tls). */
int sk_line_new(struct event_base *base, const struct sk_url *url, struct sk_tls *tls, sk_ms idle, sk_line_done done,
                void *arg, struct sk_line **out);
struct sk_line *sk_line_free(struct sk_line *l);

/* 0, -EBUSY when a request is under way, -ENOMEM. What fails later comes as an answer with status 0. */
int sk_line_request(struct sk_line *l, const struct sk_uplink_request *r, struct sk_err *err);
void sk_line_close(struct sk_line *l); /* no answer comes after it */
void sk_line_set_tls(struct sk_line *l, struct sk_tls *tls); /* closes; for a new certificate */

#endif
