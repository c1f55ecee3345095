/*
 * What anybody on this terminal may ask (docs/protocol.md 1). Who asks is the peer's uid; a table says what needs root. Events of others
 * are not shown to a person: only devices, media, grants and what that person asked for.
 */
#ifndef SK_AGENT_CONTROL_H
#define SK_AGENT_CONTROL_H

#include "agent/daemon.h"

int sk_control_listen(struct sk_daemon *d, const char *path, struct sk_err *err);

/* One request; the answer (new reference), or NULL when it comes later through sk_socket_answer. For tests too. */
json_t *sk_control_answer(struct sk_daemon *d, const struct sk_peer *peer, uint64_t client, const json_t *request);

void sk_control_stop(struct sk_daemon *d); /* ends verifications under way */

#endif
