/*
 * Messages between the agent's own programs on a Unix stream socket: 4 bytes length, big endian, then that many bytes of JSON
 * (an object), at most SK_FRAME_MAX. A reader keeps one growing buffer and takes whole frames out of it; anything else is an
 * error and the connection ends.
 */
#ifndef SK_COMMON_FRAME_H
#define SK_COMMON_FRAME_H

#include <jansson.h>
#include <stddef.h>
#include "common/buf.h"
#include "common/err.h"

#define SK_FRAME_MAX (1024 * 1024)

int sk_frame_put(struct sk_buf *out, const json_t *msg);              /* appends one frame */
/* Takes the first whole frame out of in: 0 and *msg (new reference), 1 = not yet whole, negative = broken for good. */
int sk_frame_take(struct sk_buf *in, json_t **msg, struct sk_err *err);

/* Blocking client side, for the CLI and small helpers: connects, sends, waits at most timeout_ms for the answer. */
int sk_frame_call(const char *socket_path, const json_t *request, int timeout_ms, json_t **answer, struct sk_err *err);

/* Split form, for a client that keeps its connection. fd is blocking with a deadline by poll(2). */
int sk_frame_connect(const char *socket_path, struct sk_err *err);  /* fd >= 0 or -errno */
int sk_frame_exchange(int fd, const json_t *request, int timeout_ms, json_t **answer, struct sk_err *err);

#endif
