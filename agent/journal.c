/*
 * Appending. One INSERT is one transaction; SQLite's WAL with synchronous=FULL has it on the disk when the statement ends. Everything
 * that fails leads into the queue, and everything that works empties the queue first, so that the order of events is kept.
 */
#include "agent/journal_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

const char *sk_journal_state_name(enum sk_journal_state s)
{
	static const char *const names[] = {"ok", "spool", "full", "failed"};

	return s <= SK_JOURNAL_FAILED ? names[s] : "failed";
}

int sk_journal_new(const struct sk_journal_options *o, struct sk_journal **out)
{
	struct sk_journal *j = calloc(1, sizeof *j);

	if (!j)
		return -ENOMEM;
	sk_text_copy(j->dir, sizeof j->dir, o->dir);
	sk_text_copy(j->device, sizeof j->device, o->device);
	j->spool_max = o->spool_max;
	j->state = SK_JOURNAL_FAILED;
	sk_text_copy(j->problem, sizeof j->problem, "not open yet");
	*out = j;
	return 0;
}

struct sk_journal *sk_journal_free(struct sk_journal *j)
{
	if (!j)
		return NULL;
	if (j->queue.n)
		sk_journal_retry(j, j->queue.first->time);
	sk_event_queue_clear(&j->queue);
	sk_journal_db_close(j);
	free(j);
	return NULL;
}

int sk_journal_insert(struct sk_journal *j, sk_ms time, const char *kind, const char *body, size_t len)
{
	struct sk_chain_head *h = &j->head;
	struct sk_event e = {.seq = h->last_seq + 1, .time = time, .body = (char *)body, .body_len = len};
	int64_t bytes = h->bytes + (int64_t)len + SK_EVENT_OVERHEAD;
	int rc;

	sk_text_copy(e.kind, sizeof e.kind, kind);
	memcpy(e.prev, h->last_hash, sizeof e.prev);
	sk_chain_hash(h->device, &e, e.hash);
	sqlite3_bind_int64(j->insert, 1, SK_JOURNAL_ID(h->chain, e.seq));
	sqlite3_bind_int64(j->insert, 2, time);
	sqlite3_bind_text(j->insert, 3, e.kind, -1, SQLITE_STATIC);
	sqlite3_bind_blob(j->insert, 4, body, (int)len, SQLITE_STATIC);
	sqlite3_bind_text(j->insert, 5, e.hash, -1, SQLITE_STATIC);
	sqlite3_bind_int64(j->insert, 6, bytes);
	sqlite3_step(j->insert);
	rc = sqlite3_reset(j->insert);
	sqlite3_clear_bindings(j->insert);
	if (rc != SQLITE_OK)
		return sk_journal_errno(j, rc);
	h->last_seq = e.seq;
	h->bytes = bytes;
	memcpy(h->last_hash, e.hash, sizeof h->last_hash);
	return 0;
}

int sk_journal_insert_json(struct sk_journal *j, sk_ms time, const char *kind, json_t *body)
{
	char *text = body ? sk_json_text(body) : NULL;
	int r = text ? sk_journal_insert(j, time, kind, text, strlen(text)) : -ENOMEM;

	free(text);
	json_decref(body);
	return r;
}

/* A transaction around what changes the head: rolled back, the head is what it was. */
static int commit_or_undo(struct sk_journal *j, int r, const struct sk_chain_head *before)
{
	if (r == 0)
		r = sk_journal_exec(j, "COMMIT");
	if (r < 0) {
		char problem[sizeof j->problem];

		memcpy(problem, j->problem, sizeof problem);
		if (j->db && !sqlite3_get_autocommit(j->db))
			sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
		memcpy(j->problem, problem, sizeof problem);
		j->head = *before;
	}
	return r;
}

static int insert_chain(struct sk_journal *j, const struct sk_chain_head *h)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "INSERT INTO chain(id,device,base,base_hash,acked) VALUES(?,?,?,?,?)", &st);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, h->chain);
	sqlite3_bind_text(st, 2, h->device, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, h->base_seq);
	sqlite3_bind_text(st, 4, h->last_hash, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, h->acked_seq);
	sqlite3_step(st);
	return sk_journal_errno(j, sqlite3_finalize(st));
}

/* moved: name of a database moved aside, or NULL. */
static int start_chain(struct sk_journal *j, sk_ms now, const char *reason, const char *moved)
{
	struct sk_chain_head before = j->head, *h = &j->head;
	json_t *body = json_pack("{s:s}", "reason", reason);
	int r;

	if (body && before.chain)
		json_object_set_new(body, "previous",
		                    json_pack("{s:s, s:I, s:s}", "device", before.device, "seq",
		                              (json_int_t)before.last_seq, "hash", before.last_hash));
	if (body && moved)
		json_object_set_new(body, "moved_to", json_string(moved));
	memset(h, 0, sizeof *h);
	h->chain = before.chain + 1;
	memcpy(h->device, j->device, sizeof h->device);
	memcpy(h->last_hash, SK_CHAIN_ZERO, sizeof h->last_hash);
	if (!before.chain && sk_journal_anchor_read(j, &h->base_seq, h->last_hash) == 0)
		h->last_seq = h->acked_seq = h->base_seq; /* goes on after what the server has */
	r = sk_journal_exec(j, "BEGIN IMMEDIATE");
	if (r == 0)
		r = insert_chain(j, h);
	if (r == 0)
		r = sk_journal_insert_json(j, now, "chain-start", body);
	else
		json_decref(body);
	return commit_or_undo(j, r, &before);
}

int sk_journal_replace(struct sk_journal *j, sk_ms now)
{
	char why[sizeof j->problem], name[64];
	int r;

	memcpy(why, j->problem, sizeof why);
	r = sk_journal_move_aside(j, now, name, sizeof name);
	if (r == 0)
		r = sk_journal_db_open(j);
	if (r == 0)
		r = start_chain(j, now, "damaged", name);
	if (r == 0)
		r = sk_journal_insert_json(j, now, "journal.gap",
		                           json_pack("{s:s, s:n, s:s, s:s}", "reason", "damaged", "dropped", "moved_to",
		                                     name, "problem", why));
	snprintf(j->problem, sizeof j->problem, "%.120s: moved to %s", why, name);
	return r;
}

/* The database open and on the chain of our device; damaged ones replaced. */
static int ready(struct sk_journal *j, sk_ms now)
{
	int r = 0;

	if (j->busy)
		return -EBUSY;
	if (!j->db) {
		r = sk_journal_db_open(j);
		if (r == -EUCLEAN)
			r = sk_journal_replace(j, now);
		if (r == 0)
			r = sk_spool_restore(j);
	}
	if (r == 0 && strcmp(j->head.device, j->device) != 0)
		r = start_chain(j, now, j->head.chain ? "enrolled" : "new", NULL);
	return r;
}

static int flush_queue(struct sk_journal *j, sk_ms now)
{
	struct sk_chain_head before = j->head;
	struct sk_event_queue *q = &j->queue;
	int r = sk_journal_exec(j, "BEGIN IMMEDIATE");

	if (r == 0)
		r = sk_journal_insert_json(j, j->waiting_since, "journal.full",
		                           json_pack("{s:s, s:I, s:I, s:I}", "state", "disk", "since",
		                                     (json_int_t)j->waiting_since, "until", (json_int_t)now, "queued",
		                                     (json_int_t)q->n));
	for (struct sk_queued *e = q->first; r == 0 && e; e = e->next)
		r = sk_journal_insert(j, e->time, e->kind, e->body, e->body_len);
	if (r == 0 && q->dropped)
		r = sk_journal_insert_json(j, now, "journal.gap",
		                           json_pack("{s:s, s:I, s:I, s:I}", "reason", "memory", "dropped",
		                                     (json_int_t)q->dropped, "since", (json_int_t)q->dropped_first,
		                                     "until", (json_int_t)q->dropped_last));
	r = commit_or_undo(j, r, &before);
	if (r == 0) {
		sk_event_queue_clear(q);
		j->problem[0] = '\0';
	}
	return r;
}

/* What is wrong decides the state; nothing wrong: ok, or spool while informational events are left out. */
static int settle(struct sk_journal *j, int r)
{
	if (r == 0)
		j->state = j->suppressed_since ? SK_JOURNAL_SPOOL : SK_JOURNAL_OK;
	else
		j->state = r == -ENOSPC ? SK_JOURNAL_FULL : SK_JOURNAL_FAILED;
	if (r == -EBUSY && !j->db)
		j->busy = true;
	return r;
}

int sk_journal_retry(struct sk_journal *j, sk_ms now)
{
	int r = ready(j, now);

	if (r == 0 && j->queue.n)
		r = flush_queue(j, now);
	if (r == -EUCLEAN) {
		r = sk_journal_replace(j, now);
		if (r == 0 && j->queue.n)
			r = flush_queue(j, now);
	}
	return settle(j, r);
}

int sk_journal_open(struct sk_journal *j, sk_ms now, struct sk_err *err)
{
	int r;

	j->problem[0] = '\0';
	r = sk_journal_retry(j, now);
	return r < 0 ? sk_err_set(err, r, "journal in %s: %s", j->dir, j->problem) : 0;
}

static int store(struct sk_journal *j, sk_ms time, const char *kind, const char *body, size_t len)
{
	int r = ready(j, time);

	if (r == 0)
		r = sk_journal_insert(j, time, kind, body, len);
	if (r == -EUCLEAN) {
		r = sk_journal_replace(j, time);
		if (r == 0)
			r = sk_journal_insert(j, time, kind, body, len);
	}
	if (r == 0)
		sk_spool_bound(j, time); /* its own event failing takes nothing from this one */
	return r;
}

static int append_text(struct sk_journal *j, sk_ms time, const char *kind, const char *body, size_t len)
{
	int r, q;

	if (j->queue.n == 0) {
		r = settle(j, store(j, time, kind, body, len));
		if (r == 0)
			return 0;
		j->waiting_since = time;
	}
	q = sk_event_queue_push(&j->queue, time, kind, body, len);
	r = sk_journal_retry(j, time);
	return r < 0 ? r : q;
}

int sk_journal_append(struct sk_journal *j, const char *kind, const json_t *body, sk_ms time)
{
	char *text;
	size_t len;
	int r;

	if (!json_is_object(body) || strlen(kind) == 0 || strlen(kind) >= SK_EVENT_KIND_MAX)
		return -EINVAL;
	if (sk_spool_leaves_out(j, kind, body, time))
		return 0;
	text = sk_json_text(body);
	if (!text)
		return -ENOMEM;
	len = strlen(text);
	if (len > SK_EVENT_BODY_MAX) { /* that it happened is kept, and a hash of what it was */
		char hash[SK_SHA256_HEX];

		sk_sha256_hex(text, len, hash);
		free(text);
		if (asprintf(&text, "{\"oversize\":%zu,\"sha256\":\"%s\"}", len, hash) < 0)
			return -ENOMEM;
		len = strlen(text);
	}
	r = append_text(j, time, kind, text, len);
	free(text);
	return r;
}

int sk_journal_rechain(struct sk_journal *j, const char *device, sk_ms now)
{
	sk_text_copy(j->device, sizeof j->device, device);
	return sk_journal_retry(j, now);
}

void sk_journal_info(const struct sk_journal *j, struct sk_journal_info *out)
{
	const struct sk_chain_head *h = &j->head;

	memset(out, 0, sizeof *out);
	out->state = j->state;
	memcpy(out->device, j->device, sizeof out->device);
	out->first_seq = h->last_seq > h->base_seq ? h->base_seq + 1 : 0;
	out->last_seq = h->last_seq;
	out->acked_seq = h->acked_seq;
	out->unacked_bytes = h->bytes - h->acked_bytes;
	out->queued = (int64_t)j->queue.n;
	out->dropped = j->queue.dropped;
	out->suppressed = j->suppressed;
	memcpy(out->problem, j->problem, sizeof out->problem);
}
