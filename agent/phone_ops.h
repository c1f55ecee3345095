/* The ops phone.start and phone.answer, and how the telephone permits hang in sekimorid. */
#ifndef SK_AGENT_PHONE_OPS_H
#define SK_AGENT_PHONE_OPS_H

#include "agent/daemon.h"

int sk_phone_attach(struct sk_daemon *d); /* makes d->phone; the journal is there */
/* The grants in force: the server's and those given by telephone. */
const struct sk_grants *sk_phone_in_force(struct sk_daemon *d);
void sk_phone_bundle(struct sk_daemon *d,
                     const json_t *body); /* a grants bundle came into force; NULL = none holds any more */

json_t *sk_phone_op_start(struct sk_daemon *d, const struct sk_peer *peer, const json_t *q);
json_t *sk_phone_op_answer(struct sk_daemon *d, const struct sk_peer *peer, const json_t *q);

#endif
