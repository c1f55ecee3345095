/* What waits for the server: reading, acknowledging, bounding and pruning. */
#include "agent/journal_spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/journal_impl.h"
#include "common/text.h"

bool sk_spool_informational(const char *kind, const json_t *body)
{
	static const char *const kinds[] = {"device.removed", "daemon.started", "daemon.stopped",   "check.changed",
	                                    "grant.warned",   "uevents.lost",   "controller.opened"};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	if (!strcmp(kind, "device.decided")) { /* an ordinary keyboard or hub; never a refusal, never by a grant */
		const char *verdict = json_string_value(json_object_get(body, "verdict"));
		const char *reason = json_string_value(json_object_get(body, "reason"));

		return sk_text_eq(verdict, "allow") && (sk_text_eq(reason, "rule") || sk_text_eq(reason, "safe-path"));
	}
	return false;
}

static int64_t unacked(const struct sk_journal *j)
{
	return j->head.bytes - j->head.acked_bytes;
}

static void save_suppressed(struct sk_journal *j)
{
	char n[24], since[24];

	snprintf(n, sizeof n, "%lld", (long long)j->suppressed);
	snprintf(since, sizeof since, "%lld", (long long)j->suppressed_since);
	/* A count that could not be stored is still in memory and in the gap event at the end. */
	if (sk_journal_meta_set(j, "suppressed", n) == 0)
		sk_journal_meta_set(j, "suppressed_since", since);
}

static long long meta_number(struct sk_journal *j, const char *key)
{
	struct sk_buf b;
	long long v = 0;

	sk_buf_init(&b, 64);
	if (sk_journal_meta_get(j, key, &b) < 0 || sk_text_i64(b.data, 0, INT64_MAX, &v) < 0)
		v = 0;
	sk_buf_deinit(&b);
	return v;
}

int sk_spool_restore(struct sk_journal *j)
{
	j->suppressed = meta_number(j, "suppressed");
	j->suppressed_since = meta_number(j, "suppressed_since");
	return 0;
}

bool sk_spool_leaves_out(struct sk_journal *j, const char *kind, const json_t *body, sk_ms time)
{
	(void)time;
	if (!j->suppressed_since || !sk_spool_informational(kind, body))
		return false;
	j->suppressed++;
	save_suppressed(j);
	return true;
}

int sk_spool_bound(struct sk_journal *j, sk_ms time)
{
	if (!j->spool_max || j->suppressed_since || unacked(j) <= j->spool_max)
		return 0;
	j->suppressed_since = time ? time : 1;
	j->suppressed = 0;
	j->state = SK_JOURNAL_SPOOL;
	save_suppressed(j);
	return sk_journal_insert_json(j, time, "journal.full",
	                              json_pack("{s:s, s:I, s:I, s:I}", "state", "spool", "since", (json_int_t)time,
	                                        "unacked_bytes", (json_int_t)unacked(j), "limit",
	                                        (json_int_t)j->spool_max));
}

static int unbound(struct sk_journal *j, sk_ms now)
{
	int r;

	if (!j->suppressed_since || unacked(j) > j->spool_max / 10 * 9)
		return 0;
	r = sk_journal_insert_json(j, now, "journal.gap",
	                           json_pack("{s:s, s:I, s:I, s:I}", "reason", "spool", "dropped",
	                                     (json_int_t)j->suppressed, "since", (json_int_t)j->suppressed_since,
	                                     "until", (json_int_t)now));
	if (r < 0)
		return r;
	j->suppressed = 0;
	j->suppressed_since = 0;
	save_suppressed(j);
	if (j->state == SK_JOURNAL_SPOOL)
		j->state = SK_JOURNAL_OK;
	return 0;
}

/* Hash of record seq of the current chain; its running bytes in *bytes. */
static int row_of(struct sk_journal *j, int64_t seq, char hash[SK_SHA256_HEX], int64_t *bytes)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "SELECT hash,bytes FROM event WHERE id=?", &st);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(j->head.chain, seq));
	r = -ENOENT;
	if (sqlite3_step(st) == SQLITE_ROW) {
		sk_text_copy(hash, SK_SHA256_HEX, (const char *)sqlite3_column_text(st, 0));
		*bytes = sqlite3_column_int64(st, 1);
		r = 0;
	}
	sqlite3_finalize(st);
	return r;
}

/* Hash before the record after `after`: that of record `after`, or the anchor of the chain. */
static int prev_hash(struct sk_journal *j, int64_t after, char hash[SK_SHA256_HEX])
{
	sqlite3_stmt *st = NULL;
	int64_t bytes;
	int r;

	if (after > j->head.base_seq)
		return row_of(j, after, hash, &bytes);
	r = sk_journal_prepare(j, "SELECT base_hash FROM chain WHERE id=?", &st);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, j->head.chain);
	r = -ENOENT;
	if (sqlite3_step(st) == SQLITE_ROW) {
		sk_text_copy(hash, SK_SHA256_HEX, (const char *)sqlite3_column_text(st, 0));
		r = 0;
	}
	sqlite3_finalize(st);
	return r;
}

static json_t *row_json(sqlite3_stmt *st, const char *prev)
{
	return json_pack("{s:I, s:I, s:s, s:s%, s:s, s:s}", "seq",
	                 (json_int_t)SK_JOURNAL_SEQ(sqlite3_column_int64(st, 0)), "time",
	                 (json_int_t)sqlite3_column_int64(st, 1), "kind", (const char *)sqlite3_column_text(st, 2),
	                 "body", (const char *)sqlite3_column_text(st, 3), (size_t)sqlite3_column_bytes(st, 3), "prev",
	                 prev, "hash", (const char *)sqlite3_column_text(st, 4));
}

static int read_rows(sqlite3_stmt *st, char prev[SK_SHA256_HEX], size_t max_bytes, json_t *list)
{
	size_t used = 0;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		size_t size = (size_t)sqlite3_column_bytes(st, 3) + 256;

		if (json_array_size(list) && (used + size > max_bytes || json_array_size(list) >= 256))
			return 0;
		if (json_array_append_new(list, row_json(st, prev)) < 0)
			return -ENOMEM;
		sk_text_copy(prev, SK_SHA256_HEX, (const char *)sqlite3_column_text(st, 4));
		used += size;
	}
	return rc == SQLITE_DONE ? 0 : -EIO;
}

int sk_spool_read(struct sk_journal *j, int64_t after, size_t max_bytes, json_t **out, struct sk_err *err)
{
	sqlite3_stmt *st = NULL;
	char prev[SK_SHA256_HEX];
	json_t *list;
	int r;

	if (!j->db)
		return sk_err_set(err, -EIO, "journal: %s", j->problem);
	if (after < j->head.base_seq)
		after = j->head.base_seq; /* what is before was acknowledged and pruned */
	if (after > j->head.last_seq)
		return sk_err_set(err, -ERANGE, "after: the last record is %lld", (long long)j->head.last_seq);
	r = prev_hash(j, after, prev);
	if (r == 0)
		r = sk_journal_prepare(j, "SELECT id,time,kind,body,hash FROM event WHERE id>? AND id<=? ORDER BY id",
		                       &st);
	list = json_array();
	if (r == 0 && list) {
		sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(j->head.chain, after));
		sqlite3_bind_int64(st, 2, SK_JOURNAL_ID(j->head.chain, j->head.last_seq));
		r = read_rows(st, prev, max_bytes, list);
	}
	sqlite3_finalize(st);
	if (r < 0 || !list) {
		json_decref(list);
		return sk_err_set(err, r < 0 ? r : -ENOMEM, "journal: records after %lld cannot be read: %s",
		                  (long long)after, j->problem);
	}
	*out = list;
	return 0;
}

int sk_spool_ack(struct sk_journal *j, int64_t seq, sk_ms now, struct sk_err *err)
{
	char hash[SK_SHA256_HEX];
	sqlite3_stmt *st = NULL;
	int64_t bytes;
	int r;

	if (!j->db)
		return sk_err_set(err, -EIO, "journal: %s", j->problem);
	if (seq > j->head.last_seq || seq < 0)
		return sk_err_set(err, -ERANGE, "seq: the last record is %lld", (long long)j->head.last_seq);
	if (seq <= j->head.acked_seq)
		return 0;
	r = row_of(j, seq, hash, &bytes);
	if (r == 0)
		r = sk_journal_prepare(j, "UPDATE chain SET acked=? WHERE id=?", &st);
	if (r < 0)
		return sk_err_set(err, r, "journal: %s", j->problem);
	sqlite3_bind_int64(st, 1, seq);
	sqlite3_bind_int64(st, 2, j->head.chain);
	sqlite3_step(st);
	r = sk_journal_errno(j, sqlite3_finalize(st));
	if (r < 0)
		return sk_err_set(err, r, "journal: %s", j->problem);
	j->head.acked_seq = seq;
	j->head.acked_bytes = bytes;
	/* Only of use should the database be lost; without it the next chain begins at 1 and the server reports a fork. */
	sk_journal_anchor_write(j, seq, hash);
	return unbound(j, now);
}

/* The last of at most `limit` records of one chain that may go, with what the anchor needs of it. */
struct prune_end {
	int64_t id, bytes;
	char hash[SK_SHA256_HEX];
	int n;
};

static int prune_find(struct sk_journal *j, int64_t chain, int64_t last, sk_ms before, int limit, struct prune_end *end)
{
	sqlite3_stmt *st = NULL;
	int r =
	    sk_journal_prepare(j, "SELECT id,time,hash,bytes FROM event WHERE id>? AND id<=? ORDER BY id LIMIT ?", &st);

	memset(end, 0, sizeof *end);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(chain, 0));
	sqlite3_bind_int64(st, 2, SK_JOURNAL_ID(chain, last));
	sqlite3_bind_int(st, 3, limit);
	while (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 1) < before) {
		end->id = sqlite3_column_int64(st, 0);
		sk_text_copy(end->hash, sizeof end->hash, (const char *)sqlite3_column_text(st, 2));
		end->bytes = sqlite3_column_int64(st, 3);
		end->n++;
	}
	return sk_journal_errno(j, sqlite3_finalize(st));
}

static int prune_do(struct sk_journal *j, int64_t chain, const struct prune_end *end)
{
	sqlite3_stmt *del = NULL, *up = NULL;
	int r = sk_journal_exec(j, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = sk_journal_prepare(j, "DELETE FROM event WHERE id>? AND id<=?", &del);
	if (r == 0)
		r = sk_journal_prepare(j, "UPDATE chain SET base=?,base_hash=?,base_bytes=? WHERE id=?", &up);
	if (r == 0) {
		sqlite3_bind_int64(del, 1, SK_JOURNAL_ID(chain, 0));
		sqlite3_bind_int64(del, 2, end->id);
		sqlite3_bind_int64(up, 1, SK_JOURNAL_SEQ(end->id));
		sqlite3_bind_text(up, 2, end->hash, -1, SQLITE_STATIC);
		sqlite3_bind_int64(up, 3, end->bytes);
		sqlite3_bind_int64(up, 4, chain);
		sqlite3_step(del);
		sqlite3_step(up);
	}
	r = sk_journal_errno(j, sqlite3_finalize(del));
	if (r == 0)
		r = sk_journal_errno(j, sqlite3_finalize(up));
	else
		sqlite3_finalize(up);
	if (r == 0)
		r = sk_journal_exec(j, "COMMIT");
	if (r < 0)
		sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int sk_spool_prune(struct sk_journal *j, sk_ms before, int limit)
{
	int done = 0;

	if (!j->db || j->verifying || !j->head.chain)
		return 0;
	for (int64_t chain = 1; chain <= j->head.chain && done < limit; chain++) {
		bool current = chain == j->head.chain;
		struct prune_end end;
		/* Nobody acknowledges a chain that ended or was never enrolled: age alone decides. */
		int64_t last = current && strcmp(j->head.device, SK_CHAIN_LOCAL) != 0 ? j->head.acked_seq
		                                                                      : (1LL << SK_JOURNAL_SHIFT) - 1;
		int r;

		if (current && last >= j->head.last_seq)
			last = j->head.last_seq - 1; /* the head stays readable */
		r = prune_find(j, chain, last, before, limit - done, &end);
		if (r == 0 && end.n)
			r = prune_do(j, chain, &end);
		if (r < 0)
			return r;
		if (current && end.n)
			j->head.base_seq = SK_JOURNAL_SEQ(end.id);
		done += end.n;
	}
	return done;
}
