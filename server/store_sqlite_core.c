/*
 * Opening, closing, readiness. WAL with synchronous=FULL: a commit that returned survives the machine's power failing; readers (the
 * CLI) do not stop the server.
 */
#include "server/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define GRANT_MAX_DEFAULT ((sk_ms)14 * 86400 * 1000)
#define FREE_MIN          ((unsigned long long)16 * 1024 * 1024)

static int configure(struct sk_store *s)
{
	static const char sql[] =
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = "
	    "MEMORY;"
	    "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192; PRAGMA recursive_triggers = ON;";
	int64_t on = 0;
	int r;

	sqlite3_busy_timeout(s->db,
	                     2000); /* the CLI holds the lock for milliseconds; nobody may hold up the loop for long */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 8 * 1024 * 1024);
	r = db_errno(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
	if (r == 0)
		r = db_int(s, &on, "PRAGMA foreign_keys", "");
	return r == 0 && on != 1 ? -ENOTSUP : r;
}

int sk_store_open(const char *path, bool create, struct sk_store **out, struct sk_err *err)
{
	struct sk_store *s;
	mode_t mask;
	int rc, r;

	if (strlen(path) >= sizeof(s->path))
		return sk_err_set(err, -ENAMETOOLONG, "store: path longer than %zu bytes", sizeof(s->path) - 1);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return sk_err_set(err, -ENOMEM, "%s: out of memory", path);
	sk_text_copy(s->path, sizeof(s->path), path);
	s->grant_max = GRANT_MAX_DEFAULT;
	mask = umask(0077); /* the ledger, its WAL and SHM are nobody else's */
	rc = sqlite3_open_v2(path, &s->db,
	                     SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX |
	                         SQLITE_OPEN_NOFOLLOW,
	                     NULL);
	r = rc == SQLITE_OK ? configure(s) : db_errno(rc);
	umask(mask);
	if (r == -ENOENT)
		r = sk_err_set(err, r, "%s: no store there; run sekimori-server init", path);
	else if (r < 0)
		r = s->db == NULL ? sk_err_set(err, r, "%s: out of memory", path)
		                  : db_fail(s, err, r, "cannot be opened");
	if (r == 0)
		r = db_migrate(s, err);
	if (r == 0 && (r = db_temp(s)) < 0)
		db_fail(s, err, r, "temporary tables");
	if (r < 0) {
		sk_store_close(s);
		return r;
	}
	sk_store_changed(s);
	*out = s;
	return 0;
}

struct sk_store *sk_store_close(struct sk_store *s)
{
	if (s == NULL)
		return NULL;
	if (s->depth > 0) {
		s->depth = 1;
		db_finish(s, -ECANCELED);
	}
	if (s->db != NULL)
		contacts_flush(s);
	for (size_t i = 0; i < DB_STMTS; i++)
		sqlite3_finalize(s->stmts[i].st);
	explicit_bzero(s->phone, sizeof(s->phone));
	sqlite3_close(s->db);
	free(s);
	return NULL;
}

void sk_store_set_grant_max(struct sk_store *s, sk_ms longest)
{
	s->grant_max = longest;
}

bool sk_store_changed(struct sk_store *s)
{
	int64_t v = 0;

	if (db_int(s, &v, "PRAGMA data_version", "") < 0 || v == s->data_version)
		return false;
	s->data_version = v;
	return true;
}

int sk_store_batch_begin(struct sk_store *s)
{
	return s->depth > 0 ? -EALREADY : db_begin(s);
}

int sk_store_batch_end(struct sk_store *s)
{
	return s->depth != 1 ? -EINVAL : db_finish(s, 0);
}

int sk_store_tend(struct sk_store *s, sk_ms now)
{
	int r = contacts_flush(s);

	if (r >= 0)
		r = sessions_sweep(s, now);
	if (r >= 0)
		r = phone_tend(s, now);
	return r < 0 ? r : requests_expire(s, NULL, now);
}

/* A real write, rolled back: a store that became read-only or lost its tables shows; a full disk shows in the free space. */
int sk_store_ready(struct sk_store *s)
{
	struct statvfs v;
	int64_t n;
	int r;

	if (statvfs(s->path, &v) != 0)
		return -errno;
	if ((unsigned long long)v.f_bavail * v.f_frsize < FREE_MIN)
		return -ENOSPC;
	r = db_int(s, &n, "SELECT count(*) FROM units", "");
	if (r == 0 && s->depth == 0 && (r = db_begin(s)) == 0) {
		r = db_run(s, "UPDATE users SET disabled = disabled WHERE rowid = (SELECT min(rowid) FROM users)", "");
		db_finish(s, -ECANCELED);
	}
	return r < 0 ? r : 0;
}
