/*
 * The thin layer between the store and its database: statements are written once, for both SQLite (server/sql_sqlite.c) and PostgreSQL
 * (server/sql_postgres.c), in the common part of their languages; what still differs is rewritten in one place (server/sql_dialect.h).
 * One connection, one thread. Statements are prepared once and kept by the address of their text; parameters and rows go through the
 * helpers here, so that no value ever becomes part of a statement.
 *
 * Formats of parameters, one letter each: s text (NULL = SQL NULL), i int64_t, t text and its size_t length. "?" or "?N" in the text.
 * Result columns become JSON members by their names; a name ending in "|j" holds JSON, in "|b" a boolean.
 *
 * What a statement must keep to so that both databases take it: a truth is compared (x <> 0), never an integer standing alone; ON CONFLICT, not
 * INSERT OR; a derived table has a name; no rowid; what was inserted is asked for with RETURNING.
 */
#ifndef SK_SERVER_SQL_H
#define SK_SERVER_SQL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DB_STMTS  512 /* slots; a power of two, well above the number of statements */
#define DB_PARAMS 64

struct sk_store;
struct db_driver;

enum db_type { DB_NULL, DB_INTEGER, DB_TEXT };

struct db_param {
	const char *text; /* NULL and not integer: SQL NULL */
	size_t len;
	int64_t number;
	bool untyped; /* of the type of the column it goes into */
	bool integer, counted; /* counted: the text need not end in NUL at len */
};

/* A statement being read. The driver's own follows. */
struct db_rows {
	const struct db_driver *driver;
};

/* What a database must do. Failures are -errno: -EEXIST a constraint, -EBUSY a lock not got in time, -ECONNRESET the connection went and nothing
 * of the transaction is stored. */
struct db_driver {
	const char *name;
	const char *sql_tables; /* the ledger's tables, none before one it refers to */
	const char *sql_columns; /* of the table ?1, in their order */
	bool server; /* a database server: other nodes write too */
	/* Starts a statement; NULL = failed (db->problem tells). scan: many rows, within a transaction, taken in portions. */
	struct db_rows *(*query)(struct sk_store *s, const char *sql, const struct db_param *params, size_t n,
	                         bool scan);
	/* Within a transaction: a statement that is not waited for (db_post); NULL: there is no gain in that. */
	int (*post)(struct sk_store *s, const char *sql, const struct db_param *params, size_t n);
	int (*next)(struct db_rows *r); /* 1 = a row, 0 = no more, or -errno */
	void (*end)(struct db_rows *r);
	int (*changes)(
	    const struct db_rows *r); /* rows a statement that is through has written; 0 for one that reads */
	int (*columns)(const struct db_rows *r);
	const char *(*name_of)(const struct db_rows *r, int col);
	enum db_type (*type)(const struct db_rows *r, int col);
	int64_t (*integer)(const struct db_rows *r, int col); /* 0 for NULL */
	const char *(*text)(struct db_rows *r, int col, size_t *len); /* "" for NULL; until the next step */

	int (*begin)(struct sk_store *s, bool write); /* write: alone, until it ends; else one moment to read */
	int (*commit)(struct sk_store *s); /* 0: it is on the disk. Failed: nothing of it is stored, and it is over */
	void (*rollback)(struct sk_store *s);
	int (*script)(struct sk_store *s, const char *sql); /* several statements without parameters */
	/* Many rows are written in any order: references are looked at when it ends, and numbering goes on above what was written. */
	int (*bulk)(struct sk_store *s, bool begins);
	int (*version)(struct sk_store *s, int64_t *version); /* of the schema; 0 = empty. -EBADMSG: not a ledger */
	int (*set_version)(struct sk_store *s, int version);
	const char *(*problem)(struct sk_store *s); /* the database's own words */
	void (*news)(struct sk_store *s); /* the transaction changes what other nodes have to know; NULL ok */
	bool (*changed)(struct sk_store *s); /* by another connection, since the last call */
	int (*news_fd)(struct sk_store *s); /* readable when changed may tell something; NULL: there is none */
	int (*ready)(struct sk_store *s);
	void (*close)(struct sk_store *s); /* conn; NULL ok */
};

int db_fail(struct sk_store *s, struct sk_err *err, int code,
            const char *what); /* what, and the database's own words; returns code */

struct db_rows *db_query(struct sk_store *s, const char *sql, const char *fmt, ...); /* NULL = failed */
struct db_rows *db_scan(struct sk_store *s, const char *sql, const char *fmt,
                        ...); /* as db_query, for very many rows, between db_begin_read and db_finish */
int db_next(struct db_rows *r); /* 1 = a row, 0 = no more, or -errno; -EIO for NULL */
void db_end(struct db_rows *r); /* always, after db_query; NULL ok */
int db_columns(const struct db_rows *r);
enum db_type db_type(const struct db_rows *r, int col);
int64_t db_number(const struct db_rows *r, int col);
const char *db_text(struct db_rows *r, int col); /* "" for NULL; until the next step */
size_t db_length(struct db_rows *r, int col); /* bytes of db_text */
void db_copy(struct db_rows *r, int col, char *dst, size_t size);
json_t *db_row(struct db_rows *r);

int db_run(struct sk_store *s, const char *sql, const char *fmt, ...); /* rows changed, or -errno */
/* As db_run, for what writes and whose count of rows does not matter: 0 or -errno. A failure may show with a later statement of the transaction, at the
 * latest when that, or the inner one it stands in, ends; nothing of it is stored then. */
int db_post(struct sk_store *s, const char *sql, const char *fmt, ...);
int db_int(struct sk_store *s, int64_t *out, const char *sql, const char *fmt,
           ...); /* first column of the first row; -ENOENT */
json_t *db_list(struct sk_store *s, const char *sql, const char *fmt, ...); /* array of objects; NULL = failed */
json_t *db_object(struct sk_store *s, const char *sql, const char *fmt, ...); /* first row; NULL = none or failed */

/* A statement's text that is made while running: kept until s is closed. Steals; NULL stays NULL. */
const char *db_keep(struct sk_store *s, char *text);

int db_begin(struct sk_store *s); /* nests */
int db_begin_read(struct sk_store *s); /* one moment of the ledger, while others go on writing */
int db_finish(struct sk_store *s,
              int r); /* commits when r >= 0 and returns r or the commit's failure; else rolls back, returns r */

/* Whether what failed with r is to be done again from its beginning: the connection went, or it could not be put in order with others. Nothing of
 * it is stored. Never within a transaction of the caller's (a batch is sent again by the terminals). tries: 0 at first. */
bool db_again(const struct sk_store *s, int r, int *tries);

#endif
