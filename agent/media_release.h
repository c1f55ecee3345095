/*
 * Giving a recipient a passphrase, the terminal's part: the person it is open for asks, the passphrase is made here, added to the container under the grant
 * and shown that person, once; nobody keeps it. `medium.releasing` is recorded before, `medium.released` or `medium.not-released` afterwards; what could
 * not be recorded is not shown. A grant that was used for it is remembered before the work begins: one cut off in the middle counts.
 */
#ifndef SK_AGENT_MEDIA_RELEASE_H
#define SK_AGENT_MEDIA_RELEASE_H

#include <jansson.h>
#include <stdint.h>
#include "common/err.h"

struct sk_daemon;

/* request: {"device","recipient"}; person: login name, "" = root. 0: the answer goes to client later: {"ok":true,"passphrase":..,"recipient":..}, or an
 * error. Negative with err: -EPERM, -ENOENT, -EBUSY, -EINVAL. */
int sk_media_release(struct sk_daemon *d, uint64_t client, const char *person, const json_t *request,
                     struct sk_err *err);

#endif
