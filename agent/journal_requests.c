/* The table of requests. */
#include "agent/journal_requests.h"

#include <errno.h>

#include "agent/journal_impl.h"
#include "common/json.h"
#include "common/text.h"

int sk_journal_request_put(struct sk_journal *j, const char *id, sk_ms now, uid_t uid, const char *person,
                           const char *device, const char *body)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(
	    j,
	    "INSERT INTO request(id,created,uid,person,device,body,state) VALUES(?,?,?,?,?,?,'submitted')"
	    " ON CONFLICT(id) DO NOTHING",
	    &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, now);
	sqlite3_bind_int64(st, 3, uid);
	sqlite3_bind_text(st, 4, person, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 5, device, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 6, body, -1, SQLITE_STATIC);
	sqlite3_step(st);
	return sk_journal_errno(j, sqlite3_finalize(st));
}

/* 1 = the row says so already, 0 = it says something else, -ENOENT. */
static int stands(struct sk_journal *j, const char *id, const char *state, int64_t number, const char *reason)
{
	sqlite3_stmt *st = NULL;
	int r =
	    sk_journal_prepare(j, "SELECT state,COALESCE(number,0),COALESCE(reason,'') FROM request WHERE id=?", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	r = -ENOENT;
	if (sqlite3_step(st) == SQLITE_ROW)
		r = sk_text_eq((const char *)sqlite3_column_text(st, 0), state) &&
		    sqlite3_column_int64(st, 1) == number &&
		    sk_text_eq((const char *)sqlite3_column_text(st, 2), reason);
	sqlite3_finalize(st);
	return r;
}

int sk_journal_request_answer(struct sk_journal *j, const char *id, const char *state, int64_t number,
                              const char *label, const char *reason, sk_ms now)
{
	sqlite3_stmt *st = NULL;
	int r = stands(j, id, state, number, reason);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sk_journal_prepare(j,
	                       "UPDATE request SET state=?1,number=?2,reason=?3,answered=?4,"
	                       "body=CASE WHEN ?6='' THEN body ELSE json_set(body,'$.label',?6) END WHERE id=?5",
	                       &st);
	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, state, -1, SQLITE_STATIC);
	if (number)
		sqlite3_bind_int64(st, 2, number);
	sqlite3_bind_text(st, 3, reason, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, now);
	sqlite3_bind_text(st, 5, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 6, label, -1, SQLITE_STATIC);
	sqlite3_step(st);
	r = sk_journal_errno(j, sqlite3_finalize(st));
	return r < 0 ? r : 1;
}

static json_t *number_or_null(sqlite3_stmt *st, int col)
{
	return sqlite3_column_type(st, col) == SQLITE_NULL ? json_null() : json_integer(sqlite3_column_int64(st, col));
}

static json_t *row_json(sqlite3_stmt *st)
{
	json_t *body = NULL;

	if (sk_json_parse((const char *)sqlite3_column_text(st, 5), (size_t)sqlite3_column_bytes(st, 5),
	                  SK_EVENT_BODY_MAX, &body, NULL) < 0)
		body = json_object();
	return json_pack(
	    "{s:s, s:I, s:I, s:s, s:s, s:o, s:s, s:o, s:s?, s:o}", "id", (const char *)sqlite3_column_text(st, 0),
	    "created", (json_int_t)sqlite3_column_int64(st, 1), "uid", (json_int_t)sqlite3_column_int64(st, 2),
	    "person", (const char *)sqlite3_column_text(st, 3), "device", (const char *)sqlite3_column_text(st, 4),
	    "body", body, "state", (const char *)sqlite3_column_text(st, 6), "number", number_or_null(st, 7), "reason",
	    (const char *)sqlite3_column_text(st, 8), "answered", number_or_null(st, 9));
}

json_t *sk_journal_request_list(struct sk_journal *j, int64_t uid, int limit)
{
	sqlite3_stmt *st = NULL;
	json_t *list;

	if (sk_journal_prepare(j,
	                       "SELECT id,created,uid,person,device,body,state,number,reason,answered FROM request"
	                       " WHERE ?1<0 OR uid=?1 ORDER BY created DESC LIMIT ?2",
	                       &st) < 0)
		return NULL;
	list = json_array();
	sqlite3_bind_int64(st, 1, uid);
	sqlite3_bind_int(st, 2, limit);
	while (list && sqlite3_step(st) == SQLITE_ROW)
		if (json_array_append_new(list, row_json(st)) < 0)
			break;
	sqlite3_finalize(st);
	return list;
}

int sk_journal_request_person(struct sk_journal *j, const char *id, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "SELECT person FROM request WHERE id=?", &st);

	if (r < 0)
		return r;
	sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	r = sqlite3_step(st) == SQLITE_ROW ? 0 : -ENOENT;
	if (r == 0)
		sk_text_copy(out, size, (const char *)sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	return r;
}

int sk_journal_request_count(struct sk_journal *j, uid_t uid, sk_ms since)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "SELECT count(*) FROM request WHERE uid=? AND created>=?", &st), n = 0;

	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, uid);
	sqlite3_bind_int64(st, 2, since);
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	r = sk_journal_errno(j, sqlite3_finalize(st));
	return r < 0 ? r : n;
}
