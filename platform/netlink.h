/* One question to the kernel by netlink and all of its answer, bounded in time and size. For probes: it waits. */
#ifndef SK_PLATFORM_NETLINK_H
#define SK_PLATFORM_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*sk_netlink_fn)(void *ctx, const struct nlmsghdr *m); /* the message lies whole in memory */

/* protocol: NETLINK_ROUTE, NETLINK_GENERIC. flags beside NLM_F_REQUEST: NLM_F_DUMP or NLM_F_ACK. 0, -ETIMEDOUT, the kernel's -errno. */
int sk_netlink_ask(int protocol, uint16_t type, uint16_t flags, const void *body, size_t len, sk_netlink_fn fn, void *ctx);

/* The attribute of this type in a row of attributes, its length in *len; NULL when it is not there or the row is cut. Nested flags are ignored. */
const void *sk_netlink_attr(const void *attrs, size_t size, uint16_t type, size_t *len);
/* The messages of a buffer, whole ones only. True: the answer ends with them; *error then is 0 or -errno. */
bool sk_netlink_each(const void *buffer, size_t size, sk_netlink_fn fn, void *ctx, int *error);

#endif
