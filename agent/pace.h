/*
 * Who asks too often at control.sock (agent/rate.h) is answered a second late, with a refusal; until then its connection waits, and the bound
 * of connections per uid bounds the rest. Who goes on in spite of that is not connected for a while. Root and our own uid are not counted:
 * udev asks for every block device.
 */
#ifndef SK_AGENT_PACE_H
#define SK_AGENT_PACE_H

#include "agent/daemon.h"

int sk_pace_new(sd_event *loop, struct sk_pace **out);
struct sk_pace *sk_pace_free(struct sk_pace *p); /* answers that were to come late do not come any more */
bool sk_pace_admits(struct sk_pace *p, const struct sk_peer *peer);
/* True: refused; the answer goes to client through s, now or later. */
bool sk_pace_refuses(struct sk_pace *p, struct sk_socket *s, uint64_t client, const struct sk_peer *peer);

#endif
