/* The hash chain of events: one hash over length-prefixed parts, and the three ways in which a record does not follow. */
#include "common/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char SK_CHAIN_ZERO[SK_SHA256_HEX] = "0000000000000000000000000000000000000000000000000000000000000000";

void sk_chain_hash(const char *device, const struct sk_event *e, char out[SK_SHA256_HEX])
{
	static const char format[] = "sekimori-event-1";
	uint8_t digest[SK_SHA256_LEN];
	char seq[24], time[24];
	struct sk_part parts[] = {
	    {format, sizeof(format) - 1},
	    {device, strlen(device)},
	    {seq, 0},
	    {time, 0},
	    {e->kind, strnlen(e->kind, sizeof(e->kind))},
	    {e->body, e->body != NULL ? e->body_len : 0},
	    {e->prev, strnlen(e->prev, sizeof(e->prev))},
	};

	(void)snprintf(seq, sizeof(seq), "%" PRId64, e->seq);
	(void)snprintf(time, sizeof(time), "%" PRId64, e->time);
	parts[2].len = strlen(seq);
	parts[3].len = strlen(time);
	sk_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), digest);
	sk_hex(digest, sizeof(digest), out);
}

enum sk_chain_result sk_chain_follows(const char *device, int64_t last_seq, const char *last_hash,
                                      const struct sk_event *e)
{
	char hash[SK_SHA256_HEX];

	if (e->seq < 1 || e->seq - 1 != last_seq)
		return SK_CHAIN_GAP;
	if (strncmp(e->prev, last_hash, sizeof(e->prev)) != 0)
		return SK_CHAIN_FORK;
	sk_chain_hash(device, e, hash);
	return strncmp(e->hash, hash, sizeof(e->hash)) == 0 ? SK_CHAIN_OK : SK_CHAIN_FORGED;
}

const char *sk_chain_result_name(enum sk_chain_result r)
{
	switch (r) {
	case SK_CHAIN_OK:
		return "ok";
	case SK_CHAIN_GAP:
		return "gap";
	case SK_CHAIN_FORK:
		return "fork";
	case SK_CHAIN_FORGED:
		return "forged";
	}
	return "unknown";
}

void sk_event_clear(struct sk_event *e)
{
	free(e->body);
	*e = (struct sk_event){0};
}
