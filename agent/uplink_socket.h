/*
 * What sekimori-uplink may ask (docs/protocol.md 1): events to send, a report, and to hand in a bundle, which is verified like anything
 * from outside. A taken-over uplink can delay, and nothing else.
 */
#ifndef SK_AGENT_UPLINK_SOCKET_H
#define SK_AGENT_UPLINK_SOCKET_H

#include "agent/daemon.h"

struct sk_uplink_face;

struct sk_uplink_line { /* what the uplink last said of its line */
	char state[16]; /* "online" "offline" "refused" "" = nothing yet */
	char error[256];
	sk_ms last_contact; /* 0 = never since the start */
};

int sk_uplink_face_new(struct sk_daemon *d, struct sk_uplink_face **out);
int sk_uplink_face_listen(struct sk_uplink_face *f, const char *path, struct sk_err *err);
struct sk_uplink_face *sk_uplink_face_free(struct sk_uplink_face *f);

void sk_uplink_face_wake(struct sk_uplink_face *f,
                         bool report); /* an event was recorded / the report changed; NULL ok */
void sk_uplink_face_line(const struct sk_uplink_face *f, struct sk_uplink_line *out);

/* One request; the answer, or NULL when it comes later (op wait). For tests too. */
json_t *sk_uplink_face_answer(struct sk_uplink_face *f, uint64_t client, const json_t *request);

#endif
