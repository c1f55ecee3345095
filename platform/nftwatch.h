/* The kernel tells when somebody changes its nftables: one socket, no polling. What they are then is the caller's to ask. */
#ifndef SK_PLATFORM_NFTWATCH_H
#define SK_PLATFORM_NFTWATCH_H

#include <systemd/sd-event.h>

struct sk_nftwatch;

/* changed is called from the loop 100 ms after the first of some changes, at most once a second while they go on; also when the kernel had more to
 * tell than fits. 0, -EPERM (CAP_NET_ADMIN) or -errno. */
int sk_nftwatch_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_nftwatch **out);
struct sk_nftwatch *sk_nftwatch_free(struct sk_nftwatch *w); /* NULL ok */

#endif
