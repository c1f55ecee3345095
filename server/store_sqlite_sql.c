/*
 * Statements, parameters, rows, transactions: the only code that handles sqlite3_stmt memory. Prepared statements live as long as the
 * store; a transaction inside a transaction is a savepoint.
 */
#include "server/store_sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int db_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_TOOBIG:
		return -E2BIG;
	default:
		return -EIO;
	}
}

int db_fail(struct sk_store *s, struct sk_err *err, int code, const char *what)
{
	return sk_err_set(err, code, "%s: %s: %s; see that the disk has room and the file is the server's own", s->path,
	                  what, sqlite3_errmsg(s->db));
}

static sqlite3_stmt *prepared(struct sk_store *s, const char *sql)
{
	size_t i = ((uintptr_t)sql * 0x9e3779b97f4a7c15u >> 32) & (DB_STMTS - 1);

	for (size_t n = 0; n < DB_STMTS; n++, i = (i + 1) & (DB_STMTS - 1)) {
		if (s->stmts[i].sql == sql)
			return s->stmts[i].st;
		if (s->stmts[i].sql == NULL)
			break;
	}
	if (s->stmts[i].sql != NULL)
		return NULL; /* more statements than slots: a mistake the tests would show */
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[i].st, NULL) != SQLITE_OK)
		return NULL;
	s->stmts[i].sql = sql;
	return s->stmts[i].st;
}

static int bind_text(sqlite3_stmt *st, int i, const char *text, size_t len)
{
	if (text == NULL)
		return sqlite3_bind_null(st, i);
	return sqlite3_bind_text64(st, i, text, len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int bind(sqlite3_stmt *st, const char *fmt, va_list ap)
{
	int rc = SQLITE_OK;

	for (int i = 1; *fmt != '\0' && rc == SQLITE_OK; fmt++, i++) {
		const char *text;

		switch (*fmt) {
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 's':
			text = va_arg(ap, const char *);
			rc = bind_text(st, i, text, text == NULL ? 0 : strlen(text));
			break;
		case 't':
			text = va_arg(ap, const char *);
			rc = bind_text(st, i, text, va_arg(ap, size_t));
			break;
		default:
			rc = SQLITE_MISUSE;
		}
	}
	return rc;
}

static sqlite3_stmt *query(struct sk_store *s, const char *sql, const char *fmt, va_list ap)
{
	sqlite3_stmt *st = prepared(s, sql);

	if (st == NULL || sqlite3_stmt_busy(st))
		return NULL;
	if (bind(st, fmt, ap) != SQLITE_OK) {
		db_end(st);
		return NULL;
	}
	return st;
}

sqlite3_stmt *db_query(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, fmt);
	st = query(s, sql, fmt, ap);
	va_end(ap);
	return st;
}

int db_next(sqlite3_stmt *st)
{
	int rc;

	if (st == NULL)
		return -EIO;
	rc = sqlite3_step(st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_errno(rc);
}

void db_end(sqlite3_stmt *st)
{
	if (st == NULL)
		return;
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

const char *db_text(sqlite3_stmt *st, int col)
{
	const char *t = (const char *)sqlite3_column_text(st, col);

	return t == NULL ? "" : t;
}

void db_copy(sqlite3_stmt *st, int col, char *dst, size_t size)
{
	sk_text_copy(dst, size, db_text(st, col));
}

static json_t *cell(sqlite3_stmt *st, int i, char type)
{
	const char *text;

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		return type == 'b' ? json_false() : json_null();
	case SQLITE_INTEGER:
		if (type == 'b')
			return json_boolean(sqlite3_column_int64(st, i) != 0);
		return json_integer(sqlite3_column_int64(st, i));
	default:
		text = db_text(st, i);
		if (type == 'j') {
			json_t *j = json_loadb(text, (size_t)sqlite3_column_bytes(st, i), JSON_DECODE_ANY, NULL);

			return j == NULL ? json_null() : j;
		}
		return json_string(text);
	}
}

json_t *db_row(sqlite3_stmt *st)
{
	json_t *o = json_object();
	int n = sqlite3_column_count(st);

	for (int i = 0; o != NULL && i < n; i++) {
		const char *name = sqlite3_column_name(st, i);
		const char *bar = strchr(name, '|');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(bar == NULL ? strlen(name) : (size_t)(bar - name)), name);
		if (json_object_set_new(o, key, cell(st, i, bar == NULL ? 0 : bar[1])) != 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

int db_run(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int r;

	va_start(ap, fmt);
	st = query(s, sql, fmt, ap);
	va_end(ap);
	if (st == NULL)
		return -EIO;
	r = db_next(st);
	if (r >= 0)
		r = sqlite3_stmt_readonly(st) ? 0 : sqlite3_changes(s->db);
	db_end(st);
	return r;
}

int db_int(struct sk_store *s, int64_t *out, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int r;

	va_start(ap, fmt);
	st = query(s, sql, fmt, ap);
	va_end(ap);
	r = db_next(st);
	if (r == 1)
		*out = sqlite3_column_int64(st, 0);
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

static json_t *rows(sqlite3_stmt *st, bool one)
{
	json_t *a = json_array();
	int r;

	while (a != NULL && (r = db_next(st)) != 0) {
		if (r < 0 || json_array_append_new(a, db_row(st)) != 0) {
			json_decref(a);
			a = NULL;
		} else if (one) {
			break;
		}
	}
	db_end(st);
	return a;
}

json_t *db_list(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, fmt);
	st = query(s, sql, fmt, ap);
	va_end(ap);
	return rows(st, false);
}

json_t *db_object(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	json_t *a, *o;
	va_list ap;

	va_start(ap, fmt);
	st = query(s, sql, fmt, ap);
	va_end(ap);
	a = rows(st, true);
	o = json_incref(json_array_get(a, 0));
	json_decref(a);
	return o;
}

int db_begin(struct sk_store *s)
{
	int r = s->depth == 0 ? db_run(s, "BEGIN IMMEDIATE", "") : db_run(s, "SAVEPOINT inner", "");

	if (r < 0)
		return r;
	s->depth++;
	return 0;
}

int db_finish(struct sk_store *s, int r)
{
	int c;

	s->depth--;
	if (s->depth > 0) {
		if (r < 0)
			db_run(s, "ROLLBACK TO inner", "");
		c = db_run(s, "RELEASE inner", "");
		return r < 0 || c >= 0 ? r : c;
	}
	if (r >= 0) {
		c = db_run(s, "COMMIT", "");
		if (c >= 0)
			return r;
		r = c;
	}
	if (!sqlite3_get_autocommit(s->db)) /* a failed COMMIT may have ended the transaction by itself */
		db_run(s, "ROLLBACK", "");
	return r;
}
