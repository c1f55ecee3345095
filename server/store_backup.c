/*
 * A backup is one file: the ledger as SQLite copies it while it is in use (or, from PostgreSQL, its rows of one moment), and the installation's
 * keys in a table beside it. Restoring
 * checks all of it before anything is written.
 */
#include "server/sql_sqlite.h"
#include "server/store_copy.h"
#include "server/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX  32
#define BUSY_TRIES 500
#define LEAP       ((int64_t)1000000) /* more versions than are issued between two backups */
#define FILE_BYTES ((sqlite3_int64)65536)

static int copy_pages(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc = SQLITE_BUSY;

	if (b == NULL)
		return lite_errno(sqlite3_errcode(to));
	/* In one step: between steps another process's write would begin the copy anew, and a busy ledger's backup would never end. Under WAL the
	 * step holds one snapshot and keeps nobody from writing. */
	for (int i = 0; i < BUSY_TRIES; i++) {
		rc = sqlite3_backup_step(b, -1);
		if (rc != SQLITE_BUSY && rc != SQLITE_LOCKED)
			break;
		sqlite3_sleep(20);
	}
	if (rc != SQLITE_DONE) {
		sqlite3_backup_finish(b);
		return rc == SQLITE_OK ? -EIO : lite_errno(rc);
	}
	rc = sqlite3_backup_finish(b);
	return lite_errno(rc);
}

static int put_files(sqlite3 *db, const struct sk_store_file *files, size_t n)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_exec(db,
	                      "PRAGMA journal_mode = DELETE; BEGIN; CREATE TABLE backup_files(name TEXT PRIMARY KEY, "
	                      "data BLOB NOT NULL) STRICT;",
	                      NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(db, "INSERT INTO backup_files(name, data) VALUES(?,?)", -1, &st, NULL);
	for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
		sqlite3_bind_text(st, 1, files[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_blob64(st, 2, files[i].data, files[i].len, SQLITE_STATIC);
		rc = sqlite3_step(st) == SQLITE_DONE ? sqlite3_reset(st) : sqlite3_errcode(db);
	}
	sqlite3_finalize(st);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return lite_errno(rc);
}

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) != 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int sync_folder(const char *path)
{
	char dir[512];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return sync_path(slash == NULL ? "." : "/");
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	return sync_path(dir);
}

static int open_new(const char *path, sqlite3 **db)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	close(fd);
	rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
	return lite_errno(rc);
}

static void unlink_db(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[600];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* A ledger in another database: its rows, into a file of the same tables. */
static int copy_rows(struct sk_store *s, const char *path, struct sk_err *err)
{
	struct sk_store *to = NULL;
	int r = sk_store_open(path, true, &to, err);

	if (r == 0)
		r = sk_store_copy(s, to, NULL, 0, NULL, err);
	sk_store_close(to);
	return r;
}

static int write_backup(struct sk_store *s, const char *path, sqlite3 **to, const struct sk_store_file *files, size_t n,
                        struct sk_err *err)
{
	int r;

	if (s->driver->server) {
		sqlite3_close(*to);
		*to = NULL;
		r = copy_rows(s, path, err);
		if (r == 0)
			r = lite_errno(sqlite3_open_v2(path, to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL));
	} else {
		r = copy_pages(lite_handle(s), *to);
	}
	return r < 0 ? r : put_files(*to, files, n);
}

int sk_store_backup(struct sk_store *s, const char *path, const struct sk_store_file *files, size_t n,
                    struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	sqlite3 *to = NULL;
	int r = contacts_flush(s);

	if (r < 0)
		return db_fail(s, err, r, "cannot be read for the backup");
	r = open_new(path, &to);
	if (r == -EEXIST) {
		sqlite3_close(to);
		return sk_err_set(err, r, "%s: exists already; backups are not overwritten, give another name", path);
	}
	if (r == 0)
		r = write_backup(s, path, &to, files, n, &why);
	sqlite3_close(to);
	if (r == 0)
		r = sync_path(path);
	if (r == 0)
		r = sync_folder(path);
	if (r == 0)
		return 0;
	unlink_db(path);
	return sk_err_set(err, r, "%s: backup not written: %s; see that the folder exists and has room", path,
	                  why.text[0] != '\0' ? why.text : strerror(-r));
}

void sk_store_files_free(struct sk_store_file *files, size_t n)
{
	for (size_t i = 0; files != NULL && i < n; i++) {
		if (files[i].data != NULL)
			explicit_bzero(files[i].data, files[i].len);
		free(files[i].data);
	}
	free(files);
}

static int get_files(sqlite3 *db, struct sk_store_file **out, size_t *n)
{
	struct sk_store_file *files = calloc(FILES_MAX, sizeof(*files));
	sqlite3_stmt *st = NULL;
	size_t count = 0;
	int rc = sqlite3_prepare_v2(db, "SELECT name, data FROM backup_files ORDER BY name", -1, &st, NULL);
	int r = files == NULL ? -ENOMEM : lite_errno(rc);

	while (r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		sqlite3_int64 len = sqlite3_column_bytes(st, 1);

		/* A name from a file of unknown origin becomes a path: names only, no folders. */
		if (count == FILES_MAX || name == NULL || !sk_text_is_name(name, sizeof(files->name) - 1) ||
		    len > FILE_BYTES) {
			r = -EBADMSG;
			break;
		}
		sk_text_copy(files[count].name, sizeof(files->name), name);
		files[count].len = (size_t)len;
		files[count].data = malloc((size_t)len + 1);
		if (files[count].data == NULL) {
			r = -ENOMEM;
			break;
		}
		if (len > 0)
			memcpy(files[count].data, sqlite3_column_blob(st, 1), (size_t)len);
		count++;
	}
	sqlite3_finalize(st);
	if (r == 0 && rc != SQLITE_DONE)
		r = -EBADMSG;
	if (r < 0) {
		sk_store_files_free(files, count);
		return r;
	}
	*out = files;
	*n = count;
	return 0;
}

static int integrity(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st, NULL);
	bool ok = rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW &&
	          strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;

	sqlite3_finalize(st);
	return ok ? 0 : -EBADMSG;
}

/* The copy is opened as a ledger (schema, migrations) and its chains are walked. */
static int check_copy(const char *path, struct sk_err *err)
{
	struct sk_store *s = NULL;
	json_t *findings = NULL;
	int r = sk_store_open(path, false, &s, err);

	if (r < 0)
		return r;
	r = sk_store_verify(s, &findings, err);
	if (r > 0)
		r = sk_err_set(err, -EBADMSG,
		               "%d hash chains in the backup are broken; it was changed or damaged, take another one",
		               r);
	json_decref(findings);
	sk_store_close(s);
	return r;
}

int sk_store_restore(const char *backup, const char *db_path, struct sk_store_file **files, size_t *n,
                     struct sk_err *err)
{
	sqlite3 *from = NULL, *to = NULL;
	int rc = sqlite3_open_v2(backup, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, NULL);
	int r = lite_errno(rc);

	if (r == 0)
		r = integrity(from);
	if (r == 0)
		r = get_files(from, files, n);
	if (r < 0) {
		sqlite3_close(from);
		return sk_err_set(err, r, "%s: not a whole backup of sekimori-server", backup);
	}
	r = open_new(db_path, &to);
	if (r == -EEXIST) {
		sk_err_set(err, r, "%s: exists already", db_path);
	} else {
		if (r == 0)
			r = copy_pages(from, to);
		if (r == 0)
			r = lite_errno(sqlite3_exec(to, "DROP TABLE backup_files", NULL, NULL, NULL));
		if (r < 0)
			sk_err_set(err, r, "%s: not written: %s", db_path, strerror(-r));
	}
	sqlite3_close(to);
	sqlite3_close(from);
	if (r == 0 && (r = check_copy(db_path, err)) < 0)
		unlink_db(db_path);
	if (r == 0)
		return 0;
	sk_store_files_free(*files, *n);
	*files = NULL;
	*n = 0;
	return r;
}

static int restored(struct sk_store *s, const struct sk_actor *by, const char *backup, sk_ms now, sk_ms *until)
{
	int tokens = 0, sessions = 0;
	int r = db_int(
	    s, until,
	    "SELECT max((SELECT coalesce(max(time), 0) FROM audit), (SELECT coalesce(max(received), 0) FROM events))",
	    "");

	/* What the lost ledger issued under a number may have been something else: every number it can have used is skipped, and
	 * the forgotten hashes make the next look issue everything anew. */
	if (r == 0)
		r = db_run(s,
		           "UPDATE terminals SET policy_version = min(policy_version + ?1, ?2), policy_sha = '',"
		           " grants_version = min(grants_version + ?1, ?2), grants_sha = ''",
		           "ii", LEAP, (int64_t)SK_VERSION_MAX - LEAP);
	/* A use that the lost ledger knew may have raised an epoch: it does not come again. Terminals find the older ones by their last digits. */
	if (r >= 0)
		r = db_run(s,
		           "INSERT INTO phone_terminals(terminal, epoch) SELECT id, 1 FROM terminals WHERE 1 = 1 ON "
		           "CONFLICT DO NOTHING",
		           "");
	if (r >= 0)
		r = db_run(s, "UPDATE phone_terminals SET epoch = epoch + 10", "");
	if (r >= 0)
		r = tokens =
		    db_run(s, "UPDATE tokens SET revoked = ? WHERE used IS NULL AND revoked IS NULL", "i", now);
	if (r >= 0)
		r = sessions = db_run(s, "DELETE FROM sessions", "");
	if (r >= 0)
		r = audit_add(s, by, "restore", backup,
		              json_pack("{s:I,s:i,s:i,s:I}", "newest_record", (json_int_t)*until, "tokens_revoked",
		                        tokens, "sessions_ended", sessions, "versions_raised_by", (json_int_t)LEAP),
		              now);
	return r < 0 ? r : 0;
}

int sk_store_restored(struct sk_store *s, const struct sk_actor *by, const char *backup, sk_ms now, sk_ms *until,
                      struct sk_err *err)
{
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, restored(s, by, backup, now, until));
	return r < 0 ? db_fail(s, err, r, "cannot be made ready after the restore") : 0;
}
