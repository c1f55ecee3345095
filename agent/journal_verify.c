/* Verification: chain after chain, record after record, from the anchor to the end. */
#include "agent/journal_verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/journal_impl.h"
#include "common/json.h"
#include "common/text.h"

static void problem(struct sk_journal_verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct sk_journal_verify *v, const char *fmt, ...)
{
	va_list ap;

	v->broken++;
	if (v->problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(v->problem, sizeof v->problem, fmt, ap);
	va_end(ap);
}

void sk_journal_verify_begin(struct sk_journal *j, struct sk_journal_verify *v)
{
	memset(v, 0, sizeof *v);
	j->verifying++;
}

void sk_journal_verify_end(struct sk_journal *j, struct sk_journal_verify *v)
{
	(void)v;
	j->verifying--;
}

/* The next chain; 0 = there is one, 1 = none left. */
static int next_chain(struct sk_journal *j, struct sk_journal_verify *v)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "SELECT id,device,base,base_hash,acked FROM chain WHERE id>? ORDER BY id LIMIT 1",
	                           &st);

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, v->chain);
	if (sqlite3_step(st) == SQLITE_ROW) {
		memcpy(v->before_hash, v->hash, sizeof v->before_hash);
		v->chain = sqlite3_column_int64(st, 0);
		sk_text_copy(v->device, sizeof v->device, (const char *)sqlite3_column_text(st, 1));
		v->base = v->seq = sqlite3_column_int64(st, 2);
		sk_text_copy(v->hash, sizeof v->hash, (const char *)sqlite3_column_text(st, 3));
		v->acked = sqlite3_column_int64(st, 4);
		v->first = 0;
		v->last = 0;
	} else {
		v->done = true;
	}
	r = sk_journal_errno(j, sqlite3_finalize(st));
	return r < 0 ? r : v->done;
}

/* The first record of a later chain names the last hash of the one before, unless that one is not here. */
static void check_link(struct sk_journal_verify *v, const struct sk_event *e)
{
	const char *hash;
	json_t *body = NULL;

	if (v->before_hash[0] == '\0' || e->seq != 1 || strcmp(e->kind, "chain-start") != 0)
		return;
	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0)
		return;
	hash = json_string_value(json_object_get(json_object_get(body, "previous"), "hash"));
	if (!hash || strcmp(hash, v->before_hash) != 0)
		problem(v, "chain %s does not name the last record of the chain before it", v->device);
	json_decref(body);
}

static void check_record(struct sk_journal_verify *v, sqlite3_stmt *st)
{
	struct sk_event e = {.seq = SK_JOURNAL_SEQ(sqlite3_column_int64(st, 0)), .time = sqlite3_column_int64(st, 1)};
	enum sk_chain_result r;

	sk_text_copy(e.kind, sizeof e.kind, (const char *)sqlite3_column_text(st, 2));
	e.body = (char *)sqlite3_column_blob(st, 3);
	e.body_len = (size_t)sqlite3_column_bytes(st, 3);
	sk_text_copy(e.hash, sizeof e.hash, (const char *)sqlite3_column_text(st, 4));
	memcpy(e.prev, v->hash, sizeof e.prev);
	r = sk_chain_follows(v->device, v->seq, v->hash, &e);
	if (r != SK_CHAIN_OK)
		problem(v, "record %lld of chain %s: %s", (long long)e.seq, v->device, sk_chain_result_name(r));
	check_link(v, &e);
	v->records++;
	if (!v->first)
		v->first = e.seq;
	v->last = v->seq = e.seq;
	memcpy(v->hash, e.hash, sizeof v->hash); /* one broken record is counted once */
}

static void check_end(struct sk_journal *j, struct sk_journal_verify *v)
{
	char hash[SK_SHA256_HEX];
	int64_t seq;

	if (v->seq < v->acked)
		problem(v, "chain %s ends at record %lld, but record %lld was acknowledged", v->device,
		        (long long)v->seq, (long long)v->acked);
	if (v->chain == j->head.chain && v->seq != j->head.last_seq)
		problem(v, "chain %s ends at record %lld instead of %lld", v->device, (long long)v->seq,
		        (long long)j->head.last_seq);
	if (v->chain == j->head.chain && sk_journal_anchor_read(j, &seq, hash) == 0 && seq == v->seq &&
	    strcmp(hash, v->hash) != 0)
		problem(v, "record %lld of chain %s is not the one the server acknowledged", (long long)seq, v->device);
}

int sk_journal_verify_step(struct sk_journal *j, struct sk_journal_verify *v, int records)
{
	sqlite3_stmt *st = NULL;
	int r, rc, n = 0;

	if (v->done)
		return 0;
	if (v->chain == 0) {
		r = next_chain(j, v);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	r = sk_journal_prepare(j, "SELECT id,time,kind,body,hash FROM event WHERE id>? AND id<=? ORDER BY id LIMIT ?",
	                       &st);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(v->chain, v->seq));
	sqlite3_bind_int64(st, 2, SK_JOURNAL_ID(v->chain, (1LL << SK_JOURNAL_SHIFT) - 1));
	sqlite3_bind_int(st, 3, records);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		check_record(v, st);
		n++;
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_DONE)
		return sk_journal_errno(j, rc);
	if (n == records)
		return 1;
	check_end(j, v);
	r = next_chain(j, v);
	return r < 0 ? r : !r;
}
