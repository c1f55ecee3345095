/*
 * The hash chain of a device's event record (6.1(4)イ, 6.3(5)イ). hash(n) = SHA-256 over the length-prefixed parts
 *   "sekimori-event-1", device id, seq (decimal), time (decimal ms UTC), kind, body (the exact bytes), hash(n-1)
 * The first record's previous hash is 64 zeros. What is hashed is the body's bytes as stored and sent: nobody re-serialises.
 * seq begins at 1 and has no gaps. Before enrolment the device id is "local"; enrolment starts a new chain whose
 * first record ("chain-start") names the last hash of the old one, so nothing recorded before is lost.
 */
#ifndef SK_COMMON_CHAIN_H
#define SK_COMMON_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include "common/clock.h"
#include "common/hash.h"

#define SK_EVENT_KIND_MAX 40
#define SK_EVENT_BODY_MAX (16 * 1024)

struct sk_event {
	int64_t seq;
	sk_ms time;                        /* UTC, trusted clock of the terminal */
	char kind[SK_EVENT_KIND_MAX];      /* see docs/protocol.md for the list */
	char *body;                        /* JSON object, compact; owned by whoever holds the event */
	size_t body_len;
	char hash[SK_SHA256_HEX];
	char prev[SK_SHA256_HEX];
};

extern const char SK_CHAIN_ZERO[SK_SHA256_HEX];

void sk_chain_hash(const char *device, const struct sk_event *e, char out[SK_SHA256_HEX]);

enum sk_chain_result { SK_CHAIN_OK = 0, SK_CHAIN_GAP = 1, SK_CHAIN_FORK = 2, SK_CHAIN_FORGED = 3 };
/* Does e follow (last_seq, last_hash)? GAP: seq is not last+1. FORK: prev differs. FORGED: hash is not that of the contents. */
enum sk_chain_result sk_chain_follows(const char *device, int64_t last_seq, const char *last_hash, const struct sk_event *e);
const char *sk_chain_result_name(enum sk_chain_result r);

void sk_event_clear(struct sk_event *e); /* frees body */

#endif
