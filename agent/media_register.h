/*
 * Registration of a medium, the terminal's part: root asks, the medium is opened for looking alone, and what identifies it goes up as an
 * event of the chain ("media.registered-request"). It counts when somebody on the server has approved it; the signed list comes back
 * with the grants.
 */
#ifndef SK_AGENT_MEDIA_REGISTER_H
#define SK_AGENT_MEDIA_REGISTER_H

#include <jansson.h>
#include <stdint.h>
#include "common/err.h"

struct sk_daemon;

/* request: {"device","ledger","label"?}. 0: the answer goes to `client` later; or negative with err. */
int sk_media_register(struct sk_daemon *d, uint64_t client, const json_t *request, struct sk_err *err);

#endif
