/*
 * The part of the journal that the server has not acknowledged yet: read in batches, acknowledged, bounded in size. Over the bound,
 * informational events are left out and counted; when it is under nine tenths again a "journal.gap" says how many and for how
 * long. Refusals, permits, media and alarms are never left out. What is acknowledged may be pruned after the time the office keeps it.
 */
#ifndef SK_AGENT_JOURNAL_SPOOL_H
#define SK_AGENT_JOURNAL_SPOOL_H

#include "agent/journal.h"

/* Events of the current chain with seq > after, at most max_bytes (but one at least): [{seq,time,kind,body,prev,hash}]. 0 and a new
 * reference, or negative. */
int sk_spool_read(struct sk_journal *j, int64_t after, size_t max_bytes, json_t **out, struct sk_err *err);

/* The server has everything up to seq. 0 (also when it was acknowledged before); -ERANGE: more than there is. */
int sk_spool_ack(struct sk_journal *j, int64_t seq, sk_ms now, struct sk_err *err);

/* Deletes up to `limit` acknowledged events older than `before`, and those of chains that ended; the chain's anchor moves along.
 * Returns how many, or negative. */
int sk_spool_prune(struct sk_journal *j, sk_ms before, int limit);

/* May this event be left out when the spool is over its bound? */
bool sk_spool_informational(const char *kind, const json_t *body);

#endif
