/*
 * Verifying the whole journal, a piece at a time so that the daemon's loop goes on: every chain held, every record's hash, every
 * number without a gap, the acknowledged end, and that each chain names the last hash of the one before.
 */
#ifndef SK_AGENT_JOURNAL_VERIFY_H
#define SK_AGENT_JOURNAL_VERIFY_H

#include "agent/journal.h"

struct sk_journal_verify {
	int64_t records, broken; /* so far */
	int64_t first, last; /* numbers held of the current chain */
	char problem[256]; /* the first one; "" = none */
	/* Private: */
	int64_t chain, seq, base, acked;
	char device[SK_UUID_LEN], hash[SK_SHA256_HEX];
	char before_hash[SK_SHA256_HEX]; /* last hash of the chain before */
	bool done;
};

/* begin pins the journal against pruning until end. */
void sk_journal_verify_begin(struct sk_journal *j, struct sk_journal_verify *v);
int sk_journal_verify_step(struct sk_journal *j, struct sk_journal_verify *v,
                           int records); /* 1 = go on, 0 = done, negative */
void sk_journal_verify_end(struct sk_journal *j, struct sk_journal_verify *v);

#endif
