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

/* The same of a medium that is made the organisation's container first (grade A); everything on it is lost. Only where it is open for writing at
 * this moment. request also: "erase": true. */
int sk_media_prepare(struct sk_daemon *d, uint64_t client, const json_t *request, struct sk_err *err);

#endif
