/*
 * Tells when what this machine is connected to has changed: links that come and go, addresses, default routes. The kernel's messages are only the
 * occasion; what counts is whether its own list is another than before, so that renewals wake nobody.
 */
#ifndef SK_PLATFORM_NETWATCH_H
#define SK_PLATFORM_NETWATCH_H

#include <stddef.h>
#include <systemd/sd-event.h>
#include "common/hash.h"

struct sk_netwatch;
struct sk_net;

/* changed(ctx) some seconds after the last change. 0 or -errno. */
int sk_netwatch_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_netwatch **out);
struct sk_netwatch *sk_netwatch_free(struct sk_netwatch *w); /* NULL ok */

/* For its test: what two lists must differ in to be another. */
void sk_netwatch_sum(const struct sk_net *n, char out[SK_SHA256_HEX]);

#endif
