/*
 * A terminal cut off from the network (6.4(3)キ) by one table of nftables of our own, before every other one and with "drop" as its answer; the
 * loopback stays. Full: nothing else. Management: what sekimori-uplink itself sends and what answers it (by its uid, so that no other program
 * can use the way), its name lookups, and what keeps the address (DHCP, neighbour discovery).
 */
#ifndef SK_PLATFORM_ISOLATION_H
#define SK_PLATFORM_ISOLATION_H

#include <stdbool.h>
#include <sys/types.h>
#include "common/buf.h"

enum sk_isolation_mode { SK_ISOLATION_NONE, SK_ISOLATION_FULL, SK_ISOLATION_MANAGEMENT };
const char *sk_isolation_name(enum sk_isolation_mode m); /* "none" "full" "management" */

#define SK_ISOLATION_TABLE "sekimori_isolation"

/* The file for `nft -f`: replaces the table in one step. uplink: (uid_t)-1 = there is no such user, so full. 0 or -ENOMEM. */
int sk_isolation_rules(enum sk_isolation_mode m, uid_t uplink, struct sk_buf *out);
/* The mode that such a file says it is for; NONE: it is none of ours. */
enum sk_isolation_mode sk_isolation_of(const char *rules);
/* Does what `nft list table` printed drop in all three directions? */
bool sk_isolation_holds(const char *listing);

#endif
