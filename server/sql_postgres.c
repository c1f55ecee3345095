/*
 * PostgreSQL under server/sql.h. Any number of nodes may use one database.
 *
 * Who writes, writes alone: a transaction begins by taking an advisory lock of the ledger and gives it back when it ends, which is what SQLite
 * does. So the audit trail stays one chain and nothing fails to serialise; what can still fail so (a deadlock with a session that is not ours)
 * fails whole. A commit has been written to the disk (synchronous_commit is never off).
 *
 * A connection that goes takes its open transaction with it; nothing of it is stored and every further call until its end fails. Where it went
 * during COMMIT itself, the transaction's number is asked for over the next connection, so that the answer is true. Outside
 * transactions the connection is made anew and a reading statement is asked again.
 */
#include "server/sql_postgres.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/sql_dialect.h"
#include "server/sql_postgres_inside.h"

#define SETTLE_TRIES 20
#define SETTLE_US    50000
#define LOCK_CLASS   0x736b6d72 /* "skmr" */

static const char *problem(struct sk_store *s)
{
	return pg_of(s)->problem[0] != '\0' ? pg_of(s)->problem : "no further reason given";
}

static int begin_write(struct pg *pg)
{
	char sql[160];
	PGresult *res = NULL;
	int r;

	snprintf(sql, sizeof(sql), "BEGIN; SELECT pg_advisory_xact_lock(%d, %ld); SELECT pg_current_xact_id()",
	         LOCK_CLASS, pg->lock);
	r = pg_plain(pg, sql, &res);
	if (r == 0)
		snprintf(pg->xid, sizeof(pg->xid), "%s", PQgetvalue(res, 0, 0));
	PQclear(res);
	return r;
}

static int begin(struct sk_store *s, bool write)
{
	struct pg *pg = pg_of(s);
	int r = -ECONNRESET;

	for (int tries = 0; tries < 2 && r == -ECONNRESET; tries++) {
		r = pg_connected(s);
		if (r == 0)
			r = write ? begin_write(pg)
			          : pg_plain(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", NULL);
	}
	if (r < 0 && PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
		(void)pg_plain(pg, "ROLLBACK", NULL);
	pg->writing = write;
	pg->lost = pg->news = false;
	return r;
}

static void rollback(struct sk_store *s)
{
	struct pg *pg = pg_of(s);

	if (!pg->lost)
		(void)pg_settle(pg); /* whatever came of it */
	if (!pg->lost && PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
		(void)pg_plain(pg, "ROLLBACK", NULL);
	pg->lost = pg->news = false;
}

/* The connection went while COMMIT was under way: what became of it? 0: committed. */
static int settle(struct sk_store *s)
{
	struct pg *pg = pg_of(s);
	char sql[96];

	snprintf(sql, sizeof(sql), "SELECT pg_xact_status('%s'::xid8)", pg->xid);
	for (int i = 0; i < SETTLE_TRIES; i++) {
		PGresult *res = NULL;
		int r;

		pg->again_at = 0;
		r = pg_connected(s);
		if (r == 0)
			r = pg_plain(pg, sql, &res);
		if (r == 0 && strcmp(PQgetvalue(res, 0, 0), "in progress") != 0) {
			r = strcmp(PQgetvalue(res, 0, 0), "committed") == 0 ? 0 : -ECONNRESET;
			PQclear(res);
			return r;
		}
		PQclear(res);
		usleep(SETTLE_US);
	}
	return -ECONNRESET;
}

static int commit(struct sk_store *s)
{
	struct pg *pg = pg_of(s);
	PGresult *res = NULL;
	char sql[64] = "COMMIT";
	int r;

	if (pg->writing && pg->news)
		snprintf(sql, sizeof(sql), "NOTIFY sekimori_%08lx; COMMIT", (unsigned long)pg->lock & 0xffffffffUL);
	r = pg->lost ? -ECONNRESET : pg_plain(pg, sql, &res);

	/* A transaction that failed before is rolled back by COMMIT, which succeeds in that. */
	if (r == 0 && strcmp(PQcmdStatus(res), "COMMIT") != 0)
		r = -ECANCELED;
	else if (r == -ECONNRESET && !pg->lost && pg->writing)
		r = settle(s);
	PQclear(res);
	pg->lost = pg->news = false;
	if (r < 0 && PQstatus(pg->conn) == CONNECTION_OK && PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
		(void)pg_plain(pg, "ROLLBACK", NULL);
	return r;
}

static int script(struct sk_store *s, const char *sql)
{
	struct pg *pg = pg_of(s);
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf b;
	int r;

	if (strncmp(sql, SK_ONLY_SQLITE, strlen(SK_ONLY_SQLITE)) == 0)
		return 0;
	if (strncmp(sql, SK_ONLY_POSTGRES, strlen(SK_ONLY_POSTGRES)) == 0)
		return pg_plain(pg, sql, NULL);
	sk_buf_init(&b, PG_SQL_MAX);
	r = sk_dialect_postgres(sql, &b, &err);
	if (r < 0)
		snprintf(pg->problem, sizeof(pg->problem), "%s", err.text);
	else
		r = pg_plain(pg, b.data, NULL);
	sk_buf_deinit(&b);
	return r;
}

/* --- schema, news, opening --- */

static int bulk(struct sk_store *s, bool begins)
{
	static const char defer[] = "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname "
	                            "FROM pg_constraint WHERE contype = "
	                            "'f' AND connamespace = current_schema()::regnamespace LOOP EXECUTE format('ALTER "
	                            "TABLE %s ALTER CONSTRAINT %I "
	                            "DEFERRABLE INITIALLY DEFERRED', c.t, c.conname); END LOOP; END $$";
	static const char close[] =
	    "SET CONSTRAINTS ALL IMMEDIATE;"
	    "DO $$ DECLARE c record; BEGIN FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE "
	    "contype = "
	    "'f' AND connamespace = current_schema()::regnamespace LOOP EXECUTE format('ALTER TABLE %s ALTER "
	    "CONSTRAINT %I NOT "
	    "DEFERRABLE', c.t, c.conname); END LOOP;"
	    " FOR c IN SELECT attrelid::regclass AS t, attname FROM pg_attribute JOIN pg_class k ON k.oid = attrelid "
	    "WHERE "
	    "attidentity <> '' AND k.relnamespace = current_schema()::regnamespace LOOP EXECUTE format('SELECT "
	    "setval(pg_get_serial_sequence(%L, %L), (SELECT max(%I) FROM %s)) WHERE EXISTS(SELECT 1 FROM %s)', c.t, "
	    "c.attname, "
	    "c.attname, c.t, c.t); END LOOP; END $$";

	if (begins &&
	    pg_plain(pg_of(s), "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0",
	             NULL) < 0)
		return -EIO;
	return pg_plain(pg_of(s), begins ? defer : close, NULL);
}

static int version(struct sk_store *s, int64_t *out)
{
	int64_t tables = 0;
	int r = db_int(s, &tables, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()", "");

	if (r < 0 || tables == 0)
		return r;
	r = db_int(s, &tables,
	           "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
	           "'schema_version'",
	           "");
	if (r == 0 && tables == 0)
		return -EBADMSG;
	return r < 0 ? r : db_int(s, out, "SELECT version FROM schema_version", "");
}

/* Within the migration's transaction. */
static int set_version(struct sk_store *s, int to)
{
	char sql[192];
	int r = 0;

	if (to == 0)
		r = pg_plain(pg_of(s), "CREATE TABLE IF NOT EXISTS schema_version(version bigint NOT NULL)", NULL);
	if (r == 0)
		r = pg_plain(pg_of(s), sk_dialect_prelude, NULL);
	snprintf(sql, sizeof(sql), "DELETE FROM schema_version; INSERT INTO schema_version VALUES(%d)", to);
	return r < 0 ? r : pg_plain(pg_of(s), sql, NULL);
}

static void news(struct sk_store *s)
{
	pg_of(s)->news = true;
}

static bool changed(struct sk_store *s)
{
	struct pg *pg = pg_of(s);
	unsigned session = pg->session;
	bool any = false;
	PGnotify *n;

	if (s->depth == 0 && pg_connected(s) < 0)
		return false;
	(void)PQconsumeInput(pg->conn);
	while ((n = PQnotifies(pg->conn)) != NULL) {
		any |= n->be_pid != PQbackendPID(pg->conn);
		PQfreemem(n);
	}
	return any || session != pg->session; /* over a new connection anything may have happened */
}

static int news_fd(struct sk_store *s)
{
	return PQsocket(pg_of(s)->conn);
}

static int ready(struct sk_store *s)
{
	return s->depth > 0 ? 0 : pg_connected(s);
}

static void close_conn(struct sk_store *s)
{
	struct pg *pg = pg_of(s);

	if (pg == NULL)
		return;
	for (size_t i = 0; i < DB_STMTS; i++)
		PQclear(pg->slots[i].res);
	PQfinish(pg->conn);
	free(pg);
	s->conn = NULL;
}

static const struct db_driver driver = {
    .name = "PostgreSQL",
    .sql_tables =
        "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN "
        "('r', 'p') AND NOT relispartition AND relname <> 'schema_version' ORDER BY oid",
    .sql_columns =
        "SELECT attname::text FROM pg_attribute WHERE attrelid = (SELECT oid FROM pg_class WHERE relname = ?1 "
        "AND relnamespace = current_schema()::regnamespace) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    .server = true,
    .query = pg_query,
    .post = pg_post,
    .next = pg_next,
    .end = pg_end,
    .changes = pg_changes,
    .columns = pg_columns,
    .name_of = pg_name_of,
    .type = pg_type,
    .integer = pg_integer,
    .text = pg_text,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .script = script,
    .bulk = bulk,
    .version = version,
    .set_version = set_version,
    .problem = problem,
    .news = news,
    .changed = changed,
    .news_fd = news_fd,
    .ready = ready,
    .close = close_conn,
};

/* An empty schema becomes a ledger by init alone. */
static int begin_ledger(struct sk_store *s, bool create, struct sk_err *err)
{
	int64_t have = 0;
	int r = version(s, &have);

	if (r < 0 || have > 0)
		return r == -EBADMSG ? 0 : r; /* db_migrate tells */
	if (!create)
		return sk_err_set(err, -ENOENT, "%s: no store there; run sekimori-server init", s->path);
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, set_version(s, 0));
	return r < 0 ? db_fail(s, err, r, "cannot be made a store") : 0;
}

int pg_open(struct sk_store *s, bool create, struct sk_err *err)
{
	int r;

	s->driver = &driver;
	s->conn = calloc(1, sizeof(struct pg));
	if (s->conn == NULL)
		return sk_err_set(err, -ENOMEM, "store: out of memory");
	pg_of(s)->patience = &s->patience;
	r = pg_connect(s, err);
	return r < 0 ? r : begin_ledger(s, create, err);
}
