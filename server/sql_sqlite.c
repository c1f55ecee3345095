/*
 * SQLite under server/sql.h. WAL with synchronous=FULL: a commit that returned survives the machine's power failing; readers (the
 * CLI) do not stop the server. Prepared statements live as long as the store.
 */
#include "server/sql_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "server/sql_dialect.h"
#include "server/store_inside.h"

#define FREE_MIN       ((unsigned long long)16 * 1024 * 1024)
#define APPLICATION_ID 0x736b6d72 /* "skmr": a file of another program is not taken for a ledger */

struct slot {
	struct db_rows rows; /* first: a struct db_rows is its slot */
	const char *sql;
	sqlite3_stmt *st;
};

struct lite {
	sqlite3 *db;
	int64_t data_version;
	struct slot slots[DB_STMTS];
};

int lite_errno(int rc)
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

static struct lite *lite(const struct sk_store *s)
{
	return s->conn;
}

sqlite3 *lite_handle(struct sk_store *s)
{
	return lite(s)->db;
}

static const char *problem(struct sk_store *s)
{
	return sqlite3_errmsg(lite(s)->db);
}

static const struct slot *slot_of(const struct db_rows *r)
{
	return (const struct slot *)(const void *)r;
}

static struct slot *prepared(struct sk_store *s, const char *sql)
{
	size_t i = ((uintptr_t)sql * 0x9e3779b97f4a7c15u >> 32) & (DB_STMTS - 1);
	struct slot *slots = lite(s)->slots;

	for (size_t n = 0; n < DB_STMTS; n++, i = (i + 1) & (DB_STMTS - 1)) {
		if (slots[i].sql == sql)
			return &slots[i];
		if (slots[i].sql == NULL)
			break;
	}
	if (slots[i].sql != NULL)
		return NULL; /* more statements than slots: a mistake the tests would show */
	if (sqlite3_prepare_v3(lite(s)->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slots[i].st, NULL) != SQLITE_OK)
		return NULL;
	slots[i].sql = sql;
	slots[i].rows.driver = s->driver;
	return &slots[i];
}

static int bind(sqlite3_stmt *st, int i, const struct db_param *p)
{
	if (p->integer)
		return sqlite3_bind_int64(st, i, p->number);
	if (p->text == NULL)
		return sqlite3_bind_null(st, i);
	return sqlite3_bind_text64(st, i, p->text, p->len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void end(struct db_rows *r)
{
	sqlite3_reset(slot_of(r)->st);
	sqlite3_clear_bindings(slot_of(r)->st);
}

static struct db_rows *query(struct sk_store *s, const char *sql, const struct db_param *params, size_t n, bool scan)
{
	struct slot *slot = prepared(s, sql);
	int rc = SQLITE_OK;

	(void)scan; /* rows come one by one as it is */
	if (slot == NULL || sqlite3_stmt_busy(slot->st))
		return NULL;
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
		rc = bind(slot->st, (int)i + 1, &params[i]);
	if (rc != SQLITE_OK) {
		end(&slot->rows);
		return NULL;
	}
	return &slot->rows;
}

static int next(struct db_rows *r)
{
	int rc = sqlite3_step(slot_of(r)->st);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : lite_errno(rc);
}

static int changes(const struct db_rows *r)
{
	sqlite3_stmt *st = slot_of(r)->st;

	return sqlite3_stmt_readonly(st) ? 0 : sqlite3_changes(sqlite3_db_handle(st));
}

static int columns(const struct db_rows *r)
{
	return sqlite3_column_count(slot_of(r)->st);
}

static const char *name_of(const struct db_rows *r, int col)
{
	return sqlite3_column_name(slot_of(r)->st, col);
}

static enum db_type type(const struct db_rows *r, int col)
{
	switch (sqlite3_column_type(slot_of(r)->st, col)) {
	case SQLITE_NULL:
		return DB_NULL;
	case SQLITE_INTEGER:
		return DB_INTEGER;
	default:
		return DB_TEXT;
	}
}

static int64_t integer(const struct db_rows *r, int col)
{
	return sqlite3_column_int64(slot_of(r)->st, col);
}

static const char *text(struct db_rows *r, int col, size_t *len)
{
	const char *t = (const char *)sqlite3_column_text(slot_of(r)->st, col);

	*len = t == NULL ? 0 : (size_t)sqlite3_column_bytes(slot_of(r)->st, col);
	return t == NULL ? "" : t;
}

static int begin(struct sk_store *s, bool write)
{
	int r = write ? db_run(s, "BEGIN IMMEDIATE", "") : db_run(s, "BEGIN", "");

	return r < 0 ? r : 0;
}

static void rollback(struct sk_store *s)
{
	if (!sqlite3_get_autocommit(lite(s)->db)) /* a failed COMMIT may have ended the transaction by itself */
		db_run(s, "ROLLBACK", "");
}

static int commit(struct sk_store *s)
{
	int r = db_run(s, "COMMIT", "");

	if (r < 0)
		rollback(s);
	return r < 0 ? r : 0;
}

static int script(struct sk_store *s, const char *sql)
{
	if (strncmp(sql, SK_ONLY_POSTGRES, strlen(SK_ONLY_POSTGRES)) == 0)
		return 0;
	return lite_errno(sqlite3_exec(lite(s)->db, sql, NULL, NULL, NULL));
}

static int bulk(struct sk_store *s, bool begins)
{
	int64_t broken = 0;
	int r;

	if (begins)
		return script(s, "PRAGMA defer_foreign_keys = ON");
	r = db_int(s, &broken, "SELECT count(*) FROM pragma_foreign_key_check", "");
	return r == 0 && broken > 0 ? -EEXIST : r;
}

static int version(struct sk_store *s, int64_t *out)
{
	int64_t app = 0;
	int r = db_int(s, out, "PRAGMA user_version", "");

	if (r == 0)
		r = db_int(s, &app, "PRAGMA application_id", "");
	return r == 0 && app != 0 && app != APPLICATION_ID ? -EBADMSG : r;
}

static int set_version(struct sk_store *s, int to)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d; PRAGMA application_id = %d", to, APPLICATION_ID);
	return script(s, sql);
}

static bool changed(struct sk_store *s)
{
	int64_t v = 0;

	if (db_int(s, &v, "PRAGMA data_version", "") < 0 || v == lite(s)->data_version)
		return false;
	lite(s)->data_version = v;
	return true;
}

/* A full disk shows in the free space before it shows in a write. */
static int ready(struct sk_store *s)
{
	struct statvfs v;

	if (statvfs(s->path, &v) != 0)
		return -errno;
	return (unsigned long long)v.f_bavail * v.f_frsize < FREE_MIN ? -ENOSPC : 0;
}

static void close_conn(struct sk_store *s)
{
	if (s->conn == NULL)
		return;
	for (size_t i = 0; i < DB_STMTS; i++)
		sqlite3_finalize(lite(s)->slots[i].st);
	sqlite3_close(lite(s)->db);
	free(s->conn);
	s->conn = NULL;
}

static const struct db_driver driver = {
    .name = "SQLite",
    .sql_tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    .sql_columns = "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
    .query = query,
    .next = next,
    .end = end,
    .changes = changes,
    .columns = columns,
    .name_of = name_of,
    .type = type,
    .integer = integer,
    .text = text,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .script = script,
    .bulk = bulk,
    .version = version,
    .set_version = set_version,
    .problem = problem,
    .changed = changed,
    .ready = ready,
    .close = close_conn,
};

static int configure(struct sk_store *s)
{
	static const char sql[] =
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = "
	    "MEMORY;"
	    "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -65536; PRAGMA recursive_triggers = ON;";
	sqlite3 *db = lite(s)->db;
	int64_t on = 0;
	int r;

	sqlite3_busy_timeout(db,
	                     2000); /* the CLI holds the lock for milliseconds; nobody may hold up the loop for long */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 8 * 1024 * 1024);
	r = script(s, sql);
	if (r == 0)
		r = db_int(s, &on, "PRAGMA foreign_keys", "");
	return r == 0 && on != 1 ? -ENOTSUP : r;
}

int lite_open(struct sk_store *s, bool create, struct sk_err *err)
{
	struct lite *l = calloc(1, sizeof(*l));
	mode_t mask;
	int rc, r;

	if (l == NULL)
		return sk_err_set(err, -ENOMEM, "%s: out of memory", s->path);
	s->driver = &driver;
	s->conn = l;
	mask = umask(0077); /* the ledger, its WAL and SHM are nobody else's */
	rc = sqlite3_open_v2(s->path, &l->db,
	                     SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX |
	                         SQLITE_OPEN_NOFOLLOW,
	                     NULL);
	r = rc == SQLITE_OK ? configure(s) : lite_errno(rc);
	umask(mask);
	if (r == -ENOENT)
		return sk_err_set(err, r, "%s: no store there; run sekimori-server init", s->path);
	if (r < 0)
		return l->db == NULL ? sk_err_set(err, r, "%s: out of memory", s->path)
		                     : db_fail(s, err, r, "cannot be opened");
	return 0;
}
