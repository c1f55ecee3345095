/*
 * Telling the person whom an event concerns: on their desktop when their sekimori-session listens, else on their text console. What concerns
 * the terminal (devices, media, grants) is told to whoever sits there; what concerns a request, to who made it and nobody else.
 */
#ifndef SK_AGENT_TELL_H
#define SK_AGENT_TELL_H

#include "agent/daemon.h"

/* person: NULL = who sits at the terminal. body: borrowed. Kinds that people are not told of are left out. */
void sk_tell(struct sk_daemon *d, const char *person, const char *kind, const json_t *body);
/* The op `watch` (docs/protocol.md 1). NULL with *later: the answer comes through the socket. */
json_t *sk_tell_watch(struct sk_daemon *d, const struct sk_peer *peer, uint64_t client, const json_t *q, bool *later);

int sk_tell_start(struct sk_daemon *d); /* 0 or negative */
void sk_tell_stop(struct sk_daemon *d);

#endif
