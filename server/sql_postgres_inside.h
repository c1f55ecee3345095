/*
 * Inside the PostgreSQL driver: the connection (sql_postgres_conn.c), statements and rows (sql_postgres_rows.c), transactions, schema and the
 * driver itself (sql_postgres.c). Statements are prepared by their slot's number.
 */
#ifndef SK_SERVER_SQL_POSTGRES_INSIDE_H
#define SK_SERVER_SQL_POSTGRES_INSIDE_H

#include <libpq-fe.h>

#include "server/store_inside.h"

#define PG_SQL_MAX ((size_t)64 * 1024)

struct pg_slot {
	struct db_rows rows; /* first: a struct db_rows is its slot */
	const char *sql;
	struct pg *pg;
	PGresult *res;
	unsigned session; /* in which it was prepared */
	int row, error;
	bool cursor, through;
};

struct pg {
	PGconn *conn;
	unsigned session; /* counts connections */
	bool lost; /* the connection went inside the transaction that is still open for the caller */
	bool whole; /* the session has its settings and temporary tables */
	sk_ms again_at; /* sk_clock_boot; no attempt to connect before it */
	long lock; /* second half of the advisory lock, and of the channel's name: of this schema */
	char xid[32]; /* of the writing transaction */
	bool writing, news;
	const sk_ms *patience; /* the store's: how long an answer may take; 0 = as long as it takes */
	int pending; /* statements posted whose outcome was not read; the connection is in pipeline mode then */
	char problem[512];
	struct pg_slot slots[DB_STMTS];
};

/* The connection of s. */
struct pg *pg_of(const struct sk_store *s);
/* 0, or -errno by the server's code with its words in pg->problem. */
int pg_error(struct pg *pg, const PGresult *res);
bool pg_good(const PGresult *res);
/* Until the next PQgetResult does not wait; when that takes too long the connection is given up, which PQgetResult then says. */
void pg_wait(struct pg *pg);
/* The last result of what was just sent (sent: what PQsend.. returned); NULL when it could not be sent. */
PGresult *pg_answer(struct pg *pg, int sent);
/* One or more statements; the last one's result (the caller's; PQclear) when out is not NULL. */
int pg_plain(struct pg *pg, const char *sql, PGresult **out);
/* sql_postgres_pipe.c. Reads the outcome of everything posted: 0, or the first failure. Whoever speaks with the server otherwise does it first. */
int pg_settle(struct pg *pg);
/* Sends a prepared statement in pipeline mode. */
int pg_send(struct pg *pg, const char *name, const char *const *values, size_t n);
/* As pg_settle, with one more statement that was sent last; its result in *out (NULL on failure). out NULL: there is none. */
int pg_drain(struct pg *pg, PGresult **out);
/* sql_postgres_rows.c: prepares the statement where need be, and sends it. */
int pg_put(struct sk_store *s, const char *sql, const struct db_param *params, size_t n);
/* Only between transactions: makes the connection anew when it went. */
int pg_connected(struct sk_store *s);
/* The first connection, by the URL in s->path, which becomes the name for people. */
int pg_connect(struct sk_store *s, struct sk_err *err);

/* Of struct db_driver. */
struct db_rows *pg_query(struct sk_store *s, const char *sql, const struct db_param *params, size_t n, bool scan);
int pg_post(struct sk_store *s, const char *sql, const struct db_param *params, size_t n);
int pg_next(struct db_rows *r);
void pg_end(struct db_rows *r);
int pg_changes(const struct db_rows *r);
int pg_columns(const struct db_rows *r);
const char *pg_name_of(const struct db_rows *r, int col);
enum db_type pg_type(const struct db_rows *r, int col);
int64_t pg_integer(const struct db_rows *r, int col);
const char *pg_text(struct db_rows *r, int col, size_t *len);

#endif
