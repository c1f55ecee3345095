/*
 * Interfaces closed by one table of nftables of our own (6.1(19)): nothing in, out or through, but for what sekimori-uplink itself sends and what
 * answers it, its name lookups, and what keeps the address. So a wrong list never takes the way to the server, by which a better policy comes.
 */
#ifndef SK_PLATFORM_NETWORK_RULES_H
#define SK_PLATFORM_NETWORK_RULES_H

#include <jansson.h>
#include <sys/types.h>
#include "common/buf.h"

#define SK_NETWORK_TABLE "sekimori_networks"

/* The file for `nft -f`: replaces the table in one step; names empty: takes it away. uplink: (uid_t)-1 = there is no such user. Names that nftables
 * could read as something else (patterns, quotes) are left out and counted in *skipped. 0 or -ENOMEM. */
int sk_network_rules(const json_t *names, uid_t uplink, struct sk_buf *out, int *skipped);

#endif
