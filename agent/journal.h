/*
 * The record of events (6.1(4)イ, 6.1(6), 6.3(5)イ): SQLite in WAL mode with synchronous=FULL, one hash chain per device id (common/chain.h).
 * An append is on the disk when it returns 0. When the disk is full or broken the event waits in a bounded queue in memory, the
 * state says so, and it is stored with its own time once that works again: nothing here ever refuses to run. A damaged file is
 * moved aside, not repaired; the new one continues after the last event the server acknowledged, so that the chain the server
 * holds stays whole.
 *
 * Rows: event.id = chain * 2^40 + seq, so that one key orders everything; event.bytes counts up within the chain, so that the
 * size of what the server has not taken is one subtraction.
 */
#ifndef SK_AGENT_JOURNAL_H
#define SK_AGENT_JOURNAL_H

#include <jansson.h>
#include "common/buf.h"
#include "common/chain.h"
#include "common/err.h"

#define SK_CHAIN_LOCAL "local" /* device id before enrolment */

struct sk_journal;
struct sqlite3;

enum sk_journal_state {
	SK_JOURNAL_OK,
	SK_JOURNAL_SPOOL, /* "spool": too much waits for the server; informational events are left out and counted */
	SK_JOURNAL_FULL, /* "full": no space; events wait in memory */
	SK_JOURNAL_FAILED, /* "failed": cannot be opened or written for another reason; events wait in memory */
};
const char *sk_journal_state_name(enum sk_journal_state s);

struct sk_journal_options {
	const char *dir; /* state folder; journal.db and journal.anchor are in it */
	const char *device; /* device id, or SK_CHAIN_LOCAL */
	int64_t spool_max; /* bytes not acknowledged before informational events are left out; 0 = no bound */
};

/* The whole process: SQLite small and without threads. Before any other use of it; a program that does not call it works too. */
void sk_journal_small_sqlite(void);

/* Nothing is opened yet: appends wait in memory until sk_journal_open. */
int sk_journal_new(const struct sk_journal_options *o, struct sk_journal **out);
struct sk_journal *sk_journal_free(struct sk_journal *j); /* tries the queue once more */

/* Opens or makes the database; moves a damaged one aside. Negative: it could not; events wait in memory and every append and
 * retry tries again. The only way to fail for good is -EBUSY: another process holds it. */
int sk_journal_open(struct sk_journal *j, sk_ms now, struct sk_err *err);

/* body: an object; borrowed. 0 = durable (or left out and counted, state spool). Negative = not durable now: queued (or counted as
 * dropped when the queue is full); -EINVAL: kind or body unusable, nothing kept. */
int sk_journal_append(struct sk_journal *j, const char *kind, const json_t *body, sk_ms time);
int sk_journal_retry(struct sk_journal *j, sk_ms now); /* stores what waits; 0 when nothing waits any more */

/* Enrolment: from here on the chain of another device id, which names the last hash of this one. */
int sk_journal_rechain(struct sk_journal *j, const char *device, sk_ms now);

struct sk_journal_info {
	enum sk_journal_state state;
	char device[SK_UUID_LEN];
	int64_t first_seq; /* oldest record held of the current chain; 0 = none */
	int64_t last_seq, acked_seq;
	int64_t unacked_bytes;
	int64_t queued, dropped; /* in memory; lost from memory */
	int64_t suppressed; /* left out since the spool was over its bound */
	char problem[256]; /* last error, or why the last database was moved aside; "" = none */
};
void sk_journal_info(const struct sk_journal *j, struct sk_journal_info *out);

/* Highest trusted time stored; 0 = none. touch stores it without an event. */
sk_ms sk_journal_last_time(struct sk_journal *j);
int sk_journal_touch(struct sk_journal *j, sk_ms now);

/* Small values kept in the same file. get: 0 appended to out, -ENOENT, other negative. */
int sk_journal_meta_get(struct sk_journal *j, const char *key, struct sk_buf *out);
int sk_journal_meta_set(struct sk_journal *j, const char *key, const char *value);

/* The newest events for people, oldest first. after < 0: the last `limit` over all chains; else those of the current chain with
 * seq > after. want (may be NULL) chooses. At most max_bytes of bodies. New reference or NULL (memory, database). */
typedef int sk_journal_want(void *ctx, const char *kind, const char *body, size_t len);
json_t *sk_journal_list(struct sk_journal *j, int64_t after, int limit, size_t max_bytes, sk_journal_want *want,
                        void *ctx);
/* The newest event of a kind that `match` says 1 to, among the last `depth` events: its body, new reference; NULL if none. */
json_t *sk_journal_find(struct sk_journal *j, const char *kind, int depth, int (*match)(void *ctx, const json_t *body),
                        void *ctx);

struct sqlite3 *sk_journal_db(struct sk_journal *j); /* for agent/journal_*.c; NULL while not open */

#endif
