/*
 * Inside the SQLite store, for server/store_sqlite_*.c only. One connection, one thread. Statements are prepared once and kept by the
 * address of their text; parameters and rows go through the helpers here, so that no value ever becomes part of a statement.
 *
 * Formats of parameters, one letter each: s text (NULL = SQL NULL), i int64_t, t text and its size_t length.
 * Result columns become JSON members by their names; a name ending in "|j" holds JSON, in "|b" a boolean.
 */
#ifndef SK_SERVER_STORE_SQLITE_H
#define SK_SERVER_STORE_SQLITE_H

#include <sqlite3.h>
#include "common/json.h"
#include "common/text.h"
#include "server/store.h"

#define DB_STMTS 256 /* slots; a power of two, well above the number of statements */

struct sk_store {
	sqlite3 *db;
	char path[512];
	int depth; /* 0 = no transaction, 1 = BEGIN, above = savepoints */
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} stmts[DB_STMTS];
	sk_ms grant_max;
	bool has_phone;
	uint8_t phone[32]; /* master key of permits by telephone */
	int64_t data_version;
};

int db_errno(int sqlite_rc); /* as -errno */
int db_fail(struct sk_store *s, struct sk_err *err, int code,
            const char *what); /* what, and SQLite's own words; returns code */

sqlite3_stmt *db_query(struct sk_store *s, const char *sql, const char *fmt, ...); /* NULL = failed */
int db_next(sqlite3_stmt *st); /* 1 = a row, 0 = no more, or -errno */
void db_end(sqlite3_stmt *st); /* always, after db_query; NULL ok */
const char *db_text(sqlite3_stmt *st, int col); /* "" for NULL; until the next step */
void db_copy(sqlite3_stmt *st, int col, char *dst, size_t size);
json_t *db_row(sqlite3_stmt *st);

int db_run(struct sk_store *s, const char *sql, const char *fmt, ...); /* rows changed, or -errno */
int db_int(struct sk_store *s, int64_t *out, const char *sql, const char *fmt,
           ...); /* first column of the first row; -ENOENT */
json_t *db_list(struct sk_store *s, const char *sql, const char *fmt, ...); /* array of objects; NULL = failed */
json_t *db_object(struct sk_store *s, const char *sql, const char *fmt, ...); /* first row; NULL = none or failed */

int db_begin(struct sk_store *s);
int db_finish(struct sk_store *s,
              int r); /* commits when r >= 0 and returns r or the commit's failure; else rolls back, returns r */

int db_migrate(struct sk_store *s, struct sk_err *err); /* store_sqlite_schema.c */
int db_temp(struct sk_store *s); /* the connection's own tables and views */

/* Within the caller's transaction. detail is stolen, may be NULL. */
int audit_add(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object, json_t *detail,
              sk_ms now);
int incident_add(struct sk_store *s, const char *device, const char *kind, int64_t seq, const char *detail, sk_ms now);
void actor_system(struct sk_actor *a);
void actor_device(struct sk_actor *a, const char *device);

int request_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
int media_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now);
json_t *media_now(struct sk_store *s, const char *device); /* the list in its grants bundle */
int request_history(struct sk_store *s, int64_t number, const char *action, const struct sk_actor *by,
                    const char *reason, const char *access, sk_ms until, sk_ms now);
int requests_expire(struct sk_store *s, const char *device /* NULL = all */, sk_ms now); /* how many changed */
bool user_is_person(const struct sk_user *u, const char *person); /* by account or login, however written */
json_t *phone_body(struct sk_store *s,
                   const char *terminal); /* the terminal's key for its grants bundle; NULL = none */
int phone_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e, sk_ms now);
int phone_tend(struct sk_store *s, sk_ms now);
int contacts_flush(struct sk_store *s);
int sessions_sweep(struct sk_store *s, sk_ms now);
int audit_verify(struct sk_store *s, json_t *findings); /* 1 broken, 0, -errno */

#endif
