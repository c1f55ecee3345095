/* Reading the journal: listings for people, the last time, small values. */
#include "agent/journal_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"

int sk_journal_meta_get(struct sk_journal *j, const char *key, struct sk_buf *out)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "SELECT value FROM meta WHERE key=?", &st), rc;

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		r = sk_buf_add(out, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	else
		r = rc == SQLITE_DONE ? -ENOENT : sk_journal_errno(j, rc);
	sqlite3_finalize(st);
	return r;
}

int sk_journal_meta_set(struct sk_journal *j, const char *key, const char *value)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(
	    j, "INSERT INTO meta(key,value) VALUES(?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, value, -1, SQLITE_STATIC);
	sqlite3_step(st);
	return sk_journal_errno(j, sqlite3_finalize(st));
}

static sk_ms one_number(struct sk_journal *j, const char *sql)
{
	sqlite3_stmt *st = NULL;
	sk_ms v = 0;

	if (sk_journal_prepare(j, sql, &st) == 0 && sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return v;
}

sk_ms sk_journal_last_time(struct sk_journal *j)
{
	sk_ms event, meta;

	if (!j->db)
		return 0;
	event = one_number(j, "SELECT time FROM event ORDER BY id DESC LIMIT 1");
	meta = one_number(j, "SELECT CAST(value AS INTEGER) FROM meta WHERE key='last_time'");
	return event > meta ? event : meta;
}

int sk_journal_touch(struct sk_journal *j, sk_ms now)
{
	char text[24];

	snprintf(text, sizeof text, "%lld", (long long)now);
	return sk_journal_meta_set(j, "last_time", text);
}

static json_t *event_json(sqlite3_stmt *st)
{
	int64_t id = sqlite3_column_int64(st, 0);
	json_t *body = NULL;

	if (sk_json_parse((const char *)sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3),
	                  SK_EVENT_BODY_MAX, &body, NULL) < 0)
		body = json_object();
	return json_pack("{s:I, s:I, s:I, s:s, s:o}", "chain", (json_int_t)SK_JOURNAL_CHAIN(id), "seq",
	                 (json_int_t)SK_JOURNAL_SEQ(id), "time", (json_int_t)sqlite3_column_int64(st, 1), "kind",
	                 (const char *)sqlite3_column_text(st, 2), "body", body);
}

json_t *sk_journal_list(struct sk_journal *j, int64_t after, int limit, size_t max_bytes, sk_journal_want *want,
                        void *ctx)
{
	bool newest = after < 0;
	sqlite3_stmt *st = NULL;
	json_t *list = json_array();
	size_t used = 0;
	/* What the caller may not see is looked over, but not without end. */
	int looked = 0;

	if (sk_journal_prepare(j,
	                       newest ? "SELECT id,time,kind,body FROM event WHERE id>? ORDER BY id DESC"
	                              : "SELECT id,time,kind,body FROM event WHERE id>? ORDER BY id",
	                       &st) < 0) {
		json_decref(list);
		return NULL;
	}
	sqlite3_bind_int64(st, 1, newest ? 0 : SK_JOURNAL_ID(j->head.chain, after));
	while ((int)json_array_size(list) < limit && looked++ < 4096 && sqlite3_step(st) == SQLITE_ROW) {
		const char *body = sqlite3_column_blob(st, 3);
		size_t len = (size_t)sqlite3_column_bytes(st, 3);
		const char *kind = (const char *)sqlite3_column_text(st, 2);
		int r;

		if (!kind || (want && !want(ctx, kind, body, len)))
			continue;
		used += len + 160;
		if (used > max_bytes)
			break;
		r = newest ? json_array_insert_new(list, 0, event_json(st))
		           : json_array_append_new(list, event_json(st));
		if (r < 0)
			break;
	}
	sqlite3_finalize(st);
	return list;
}

json_t *sk_journal_find(struct sk_journal *j, const char *kind, int depth, int (*match)(void *ctx, const json_t *body),
                        void *ctx)
{
	sqlite3_stmt *st = NULL;
	json_t *found = NULL;

	if (sk_journal_prepare(j, "SELECT body,kind FROM event ORDER BY id DESC LIMIT ?", &st) < 0)
		return NULL;
	sqlite3_bind_int(st, 1, depth);
	while (!found && sqlite3_step(st) == SQLITE_ROW) {
		json_t *body = NULL;

		if (!sk_text_eq((const char *)sqlite3_column_text(st, 1), kind))
			continue;
		if (sk_json_parse((const char *)sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0),
		                  SK_EVENT_BODY_MAX, &body, NULL) < 0)
			continue;
		if (match(ctx, body))
			found = json_incref(body);
		json_decref(body);
	}
	sqlite3_finalize(st);
	return found;
}
