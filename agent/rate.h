/*
 * How often a person's programs may ask: a bucket of tokens for each uid. sekimorid runs before everything else on the machine, so
 * whoever asks without end must not keep it busy. Pure: no clock of its own.
 */
#ifndef SK_AGENT_RATE_H
#define SK_AGENT_RATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "common/clock.h"

#define SK_RATE_UIDS  32
#define SK_RATE_BURST 60 /* a script that asks a few dozen things in a row is no flood */
#define SK_RATE_PER_S 20

enum sk_rate_result {
	SK_RATE_OK,
	SK_RATE_OVER, /* answered late, and with a refusal */
	SK_RATE_FAR_OVER, /* goes on in spite of that: not even connected */
};

struct sk_rate { /* all zero = nobody has asked yet */
	struct sk_rate_uid {
		bool used;
		uid_t uid;
		sk_ms at;
		int64_t level; /* thousandths of a token */
	} uids[SK_RATE_UIDS];
};

/* One token for uid at this moment of a clock that never goes back (CLOCK_BOOTTIME). With more uids than places the one that asked longest ago
 * is forgotten. */
enum sk_rate_result sk_rate_take(struct sk_rate *r, uid_t uid, sk_ms now);
/* The same without taking one. */
enum sk_rate_result sk_rate_look(struct sk_rate *r, uid_t uid, sk_ms now);

#endif
