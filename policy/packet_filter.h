/*
 * The packet filter's rules, pure: what becomes of a packet that comes in, belongs to no connection yet and is named by no rule. From nft's own
 * listing (JSON), every family's input chains, jumps followed. A chain's policy alone says nothing: a first rule may accept everything, a last one
 * may refuse it, and a chain of another family never sees the packet.
 */
#ifndef SK_POLICY_PACKET_FILTER_H
#define SK_POLICY_PACKET_FILTER_H

#include <jansson.h>
#include <stddef.h>

enum sk_filter_fate { SK_FILTER_OPEN, SK_FILTER_REFUSED, SK_FILTER_UNSURE };

/* family: "ip" or "ip6". where: the chain that refuses, "inet filter input"; "" when none. UNSURE: it hangs on a rule of the old iptables
 * format that nft cannot show, or on too many jumps. */
enum sk_filter_fate sk_packet_filter(const json_t *ruleset, const char *family, char *where, size_t size);

#endif
