/*
 * The journal's file: opening, schema, errors, moving a damaged one aside, and the anchor (the last acknowledged event's number and
 * hash, kept beside the database so that a new one can go on from there).
 */
#include "agent/journal_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"

static const char SCHEMA[] =
    "CREATE TABLE IF NOT EXISTS chain(id INTEGER PRIMARY KEY, device TEXT NOT NULL, base INTEGER NOT NULL,"
    " base_hash TEXT NOT NULL, base_bytes INTEGER NOT NULL DEFAULT 0, acked INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT "
    "NULL,"
    " hash TEXT NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS request(id TEXT PRIMARY KEY, created INTEGER NOT NULL, uid INTEGER NOT NULL, person "
    "TEXT NOT NULL,"
    " device TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, number INTEGER, reason TEXT, answered INTEGER) "
    "WITHOUT ROWID;"
    "PRAGMA user_version=1;";

void sk_journal_small_sqlite(void)
{
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 128, 32);
}

/* The errno of the last failed write into the log: SQLite itself tells only ENOSPC apart. */
static int log_errno(sqlite3 *db)
{
	sqlite3_file *f = NULL;
	int e = 0;

	if (db && sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f) == SQLITE_OK && f && f->pMethods)
		(void)f->pMethods->xFileControl(f, SQLITE_FCNTL_LAST_ERRNO, &e);
	return e;
}

static bool is_no_space(int e)
{
	return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

int sk_journal_errno(struct sk_journal *j, int rc)
{
	int code = rc & 0xff;

	if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	snprintf(j->problem, sizeof j->problem, "%s", j->db ? sqlite3_errmsg(j->db) : sqlite3_errstr(rc));
	switch (code) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		return is_no_space(log_errno(j->db)) ? -ENOSPC : -EIO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return j->db && is_no_space(sqlite3_system_errno(j->db)) ? -ENOSPC : -EIO;
	case SQLITE_ERROR: /* a table or column is not there: not a file of ours */
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

int sk_journal_exec(struct sk_journal *j, const char *sql)
{
	return sk_journal_errno(j, sqlite3_exec(j->db, sql, NULL, NULL, NULL));
}

int sk_journal_prepare(struct sk_journal *j, const char *sql, sqlite3_stmt **out)
{
	if (!j->db)
		return -EIO;
	return sk_journal_errno(j, sqlite3_prepare_v2(j->db, sql, -1, out, NULL));
}

struct sqlite3 *sk_journal_db(struct sk_journal *j)
{
	return j->db;
}

void sk_journal_db_close(struct sk_journal *j)
{
	sqlite3_finalize(j->insert);
	j->insert = NULL;
	sqlite3_close(j->db);
	j->db = NULL;
	memset(&j->head, 0, sizeof j->head);
}

static void copy_column(char *dst, size_t size, sqlite3_stmt *st, int col)
{
	sk_text_copy(dst, size, (const char *)sqlite3_column_text(st, col));
}

/* bytes counted up to and including seq: of its row, or of the base when nothing after it is held. */
static int64_t bytes_at(struct sk_journal *j, int64_t seq, int64_t base_bytes)
{
	sqlite3_stmt *st = NULL;
	int64_t v = base_bytes;

	if (seq > j->head.base_seq && !sk_journal_prepare(j, "SELECT bytes FROM event WHERE id=?", &st)) {
		sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(j->head.chain, seq));
		if (sqlite3_step(st) == SQLITE_ROW)
			v = sqlite3_column_int64(st, 0);
	}
	sqlite3_finalize(st);
	return v;
}

/* The newest chain and its newest event. No chain yet: head stays zero. */
static int load_head(struct sk_journal *j)
{
	struct sk_chain_head *h = &j->head;
	sqlite3_stmt *st = NULL;
	int64_t base_bytes = 0;
	int r, rc;

	memset(h, 0, sizeof *h);
	r = sk_journal_prepare(
	    j, "SELECT id,device,base,base_hash,acked,base_bytes FROM chain ORDER BY id DESC LIMIT 1", &st);
	if (r < 0)
		return r;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		h->chain = sqlite3_column_int64(st, 0);
		copy_column(h->device, sizeof h->device, st, 1);
		h->base_seq = h->last_seq = sqlite3_column_int64(st, 2);
		copy_column(h->last_hash, sizeof h->last_hash, st, 3);
		h->acked_seq = sqlite3_column_int64(st, 4);
		h->bytes = base_bytes = sqlite3_column_int64(st, 5);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return sk_journal_errno(j, rc);

	r = sk_journal_prepare(
	    j, "SELECT id,hash,bytes FROM event WHERE id>?1 AND id<=(?1|1099511627775) ORDER BY id DESC LIMIT 1", &st);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, SK_JOURNAL_ID(h->chain, 0));
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		h->last_seq = SK_JOURNAL_SEQ(sqlite3_column_int64(st, 0));
		copy_column(h->last_hash, sizeof h->last_hash, st, 1);
		h->bytes = sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return sk_journal_errno(j, rc);
	h->acked_bytes = bytes_at(j, h->acked_seq, base_bytes);
	/* Records cut off the end: what the server acknowledged must still be here. */
	if (h->acked_seq > h->last_seq || strlen(h->last_hash) != SK_SHA256_HEX - 1) {
		snprintf(j->problem, sizeof j->problem, "records after %lld are missing", (long long)h->last_seq);
		return -EUCLEAN;
	}
	return 0;
}

static int read_user_version(struct sk_journal *j, int *out)
{
	sqlite3_stmt *st = NULL;
	int r = sk_journal_prepare(j, "PRAGMA user_version", &st), rc;

	if (r < 0)
		return r;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int(st, 0);
	r = rc == SQLITE_ROW ? 0 : sk_journal_errno(j, rc);
	sqlite3_finalize(st);
	return r;
}

#define WAL_BYTES (512 * 1024)

/* The log as large as it gets: an append then overwrites blocks that the file system has already, and making it durable needs no
 * transaction of ext4. Zeros after the last frame end the log like the end of the file. Not having the
 * room costs speed only. */
static void grow_log(struct sk_journal *j)
{
	static const char zeros[4096];
	int fd;
	char path[340];
	struct stat st;

	snprintf(path, sizeof path, "%s/journal.db-wal", j->dir);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		for (off_t at = st.st_size; at < WAL_BYTES;) {
			size_t n = sizeof zeros - (size_t)(at % (off_t)sizeof zeros);
			ssize_t w = pwrite(fd, zeros, n, at);

			if (w <= 0) {
				(void)!ftruncate(fd, st.st_size); /* the rest of the disk is for others */
				break;
			}
			at += w;
		}
		(void)fdatasync(fd);
	}
	close(fd);
}

static int open_schema(struct sk_journal *j)
{
	int version = 0, r;

	/* EXCLUSIVE before WAL: the WAL index lives in this process, no shared memory file and no lock calls per append. */
	r = sk_journal_exec(
	    j, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-96;"
	       "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA wal_autocheckpoint=64;"
	       "PRAGMA journal_size_limit=524288; PRAGMA trusted_schema=OFF;");
	if (r == 0)
		r = read_user_version(j, &version);
	if (r == 0 && version > 1) {
		snprintf(j->problem, sizeof j->problem, "made by a newer version (%d)", version);
		return -EUCLEAN;
	}
	if (r == 0 && version == 0)
		r = sk_journal_exec(j, SCHEMA);
	if (r == 0)
		grow_log(j);
	if (r == 0)
		r = load_head(j);
	if (r == 0)
		r = sk_journal_prepare(j, "INSERT INTO event(id,time,kind,body,hash,bytes) VALUES(?,?,?,?,?,?)",
		                       &j->insert);
	return r;
}

int sk_journal_db_open(struct sk_journal *j)
{
	char path[320];
	int fd, r;

	snprintf(path, sizeof path, "%s/journal.db", j->dir);
	/* Made here so that nobody else can read it from its first moment on; SQLite gives -wal the same mode. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0) {
		r = -errno;
		snprintf(j->problem, sizeof j->problem, "%.180s: %s", path, strerror(-r));
		return r == -EISDIR || r == -ELOOP ? -EUCLEAN : r;
	}
	close(fd);
	r = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	r = sk_journal_errno(j, r);
	if (r == 0) {
		sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		r = open_schema(j);
	}
	if (r < 0)
		sk_journal_db_close(j);
	return r;
}

static int move_one(struct sk_journal *j, const char *suffix, const char *to)
{
	char a[320], b[384];

	snprintf(a, sizeof a, "%s/journal.db%s", j->dir, suffix);
	snprintf(b, sizeof b, "%s/%s%s", j->dir, to, suffix);
	return rename(a, b) < 0 && errno != ENOENT ? -errno : 0;
}

int sk_journal_move_aside(struct sk_journal *j, sk_ms now, char *name, size_t size)
{
	int r;

	sk_journal_db_close(j);
	snprintf(name, size, "journal.db.damaged-%lld", (long long)now);
	/* The log first: left alone beside a new database it would be replayed into it. */
	r = move_one(j, "-wal", name);
	if (r == 0)
		r = move_one(j, "", name);
	return r;
}

int sk_journal_anchor_write(struct sk_journal *j, int64_t seq, const char *hash)
{
	json_t *a = json_pack("{s:s, s:I, s:s}", "device", j->head.device, "seq", (json_int_t)seq, "hash", hash);
	char *text = a ? sk_json_text(a) : NULL, path[320];
	int r = -ENOMEM;

	snprintf(path, sizeof path, "%s/journal.anchor", j->dir);
	if (text)
		r = sk_file_write(path, text, strlen(text), 0600, NULL);
	free(text);
	json_decref(a);
	return r;
}

int sk_journal_anchor_read(struct sk_journal *j, int64_t *seq, char hash[SK_SHA256_HEX])
{
	const char *device, *h;
	uint8_t raw[SK_SHA256_LEN];
	struct sk_buf text;
	json_t *a = NULL;
	char path[320];
	long long n;
	int r;

	snprintf(path, sizeof path, "%s/journal.anchor", j->dir);
	sk_buf_init(&text, 4096);
	r = sk_file_read(path, &text, NULL);
	if (r == 0)
		r = sk_json_parse(text.data, text.len, 4096, &a, NULL);
	if (r == 0)
		r = sk_json_str(a, "device", 1, SK_UUID_LEN - 1, &device, NULL);
	if (r == 0)
		r = sk_json_str(a, "hash", 64, 64, &h, NULL);
	if (r == 0)
		r = sk_json_int(a, "seq", 1, (1LL << SK_JOURNAL_SHIFT) - 1, &n, NULL);
	if (r == 0 && (strcmp(device, j->device) != 0 || sk_unhex(h, raw, sizeof raw) < 0))
		r = -EINVAL;
	if (r == 0) {
		*seq = n;
		memcpy(hash, h, SK_SHA256_HEX);
	}
	json_decref(a);
	sk_buf_deinit(&text);
	return r;
}
