/* The inside of the journal, shared by agent/journal*.c only. */
#ifndef SK_AGENT_JOURNAL_IMPL_H
#define SK_AGENT_JOURNAL_IMPL_H

#include <sqlite3.h>
#include "agent/event_queue.h"
#include "agent/journal.h"

#define SK_JOURNAL_SHIFT     40
#define SK_JOURNAL_ID(c, s)  (((int64_t)(c) << SK_JOURNAL_SHIFT) | (int64_t)(s))
#define SK_JOURNAL_SEQ(id)   ((int64_t)(id) & ((1LL << SK_JOURNAL_SHIFT) - 1))
#define SK_JOURNAL_CHAIN(id) ((int64_t)(id) >> SK_JOURNAL_SHIFT)
#define SK_EVENT_OVERHEAD    160 /* what a row costs besides its body, for the size bound */

struct sk_chain_head {
	int64_t chain; /* number; 0 = none yet */
	char device[SK_UUID_LEN];
	int64_t base_seq, last_seq, acked_seq;
	char last_hash[SK_SHA256_HEX];
	int64_t bytes, acked_bytes;
};

struct sk_journal {
	char dir[256], device[SK_UUID_LEN];
	int64_t spool_max;
	sqlite3 *db; /* NULL while it cannot be opened */
	sqlite3_stmt *insert;
	struct sk_chain_head head;
	struct sk_event_queue queue;
	sk_ms waiting_since; /* time of the first event that had to wait */
	enum sk_journal_state state;
	bool busy; /* another process holds the file: not tried again */
	int64_t suppressed;
	sk_ms suppressed_since;
	int verifying; /* no pruning meanwhile */
	char problem[256];
};

/* journal_db.c */
int sk_journal_errno(struct sk_journal *j, int rc); /* SQLite's result as -errno; notes the problem */
int sk_journal_exec(struct sk_journal *j, const char *sql);
int sk_journal_prepare(struct sk_journal *j, const char *sql, sqlite3_stmt **out);
int sk_journal_db_open(struct sk_journal *j); /* 0, -EUCLEAN: damaged, other negative */
void sk_journal_db_close(struct sk_journal *j);
int sk_journal_move_aside(struct sk_journal *j, sk_ms now, char *name, size_t size);
int sk_journal_anchor_write(struct sk_journal *j, int64_t seq, const char *hash);
int sk_journal_anchor_read(struct sk_journal *j, int64_t *seq, char hash[SK_SHA256_HEX]);

/* journal.c */
int sk_journal_insert(struct sk_journal *j, sk_ms time, const char *kind, const char *body, size_t len);
int sk_journal_insert_json(struct sk_journal *j, sk_ms time, const char *kind, json_t *body /* stolen */);
int sk_journal_replace(struct sk_journal *j, sk_ms now); /* damaged: moved aside, a new one begun */

/* journal_spool.c */
bool sk_spool_leaves_out(struct sk_journal *j, const char *kind, const json_t *body, sk_ms time);
int sk_spool_bound(struct sk_journal *j, sk_ms time); /* after an insert: over the bound? */
int sk_spool_restore(struct sk_journal *j); /* at open: what was left out before */

#endif
