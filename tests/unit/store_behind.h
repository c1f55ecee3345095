/*
 * Behind the program's back, as somebody with the file (or the database's account) could: statements over a connection of the test's own.
 * With SEKIMORI_TEST_POSTGRES=URL the tests of the store run over that PostgreSQL, each in a schema of its own; else over SQLite.
 */
#ifndef SK_TESTS_STORE_BEHIND_H
#define SK_TESTS_STORE_BEHIND_H

#include <criterion/criterion.h>
#include <errno.h>
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "server/sql_dialect.h"

static inline const char *behind_url(void)
{
	const char *url = getenv("SEKIMORI_TEST_POSTGRES");

	return url == NULL || url[0] == '\0' ? NULL : url;
}

#define SQLITE_ONLY(why) \
	do { \
		if (behind_url()) \
			cr_skip_test(why); \
	} while (0)

static inline int behind_postgres(const char *path, const char *sql, char why[256])
{
	PGconn *c = PQconnectdb(path);
	struct sk_buf b;
	PGresult *res;
	int r = 0;

	sk_buf_init(&b, 65536);
	cr_assert_eq(sk_dialect_postgres(sql, &b, NULL), 0);
	PQclear(PQexec(c, "SET client_min_messages = error"));
	res = PQexec(c, b.data);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

		snprintf(why, 256, "%s", PQerrorMessage(c));
		r = state != NULL && strncmp(state, "23", 2) == 0 ? -EEXIST : -EIO;
	}
	PQclear(res);
	PQfinish(c);
	sk_buf_deinit(&b);
	return r;
}

static inline int behind_sqlite(const char *path, const char *sql, char why[256])
{
	sqlite3 *db;
	int rc;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	sqlite3_exec(db, "PRAGMA recursive_triggers = ON", NULL, NULL, NULL);
	rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	snprintf(why, 256, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return rc == SQLITE_OK ? 0 : rc == SQLITE_CONSTRAINT ? -EEXIST : -EIO;
}

/* 0, -EEXIST (a constraint or a refusing trigger), -EIO. */
static inline int behind_try(const char *path, const char *sql)
{
	char why[256] = "";

	return behind_url() ? behind_postgres(path, sql, why) : behind_sqlite(path, sql, why);
}

static inline void behind(const char *path, const char *sql)
{
	char why[256] = "";
	int r = behind_url() ? behind_postgres(path, sql, why) : behind_sqlite(path, sql, why);

	cr_assert_eq(r, 0, "%s: %s", sql, why);
}

/* Takes the triggers away that refuse changes of a table's evidence. */
static inline void behind_disarm(const char *path, const char *table)
{
	char sql[256];

	if (behind_url())
		snprintf(sql, sizeof(sql),
		         "DROP TRIGGER IF EXISTS %s_no_update ON %s; DROP TRIGGER IF EXISTS %s_no_delete ON %s", table,
		         table, table, table);
	else
		snprintf(sql, sizeof(sql), "DROP TRIGGER IF EXISTS %s_no_update; DROP TRIGGER IF EXISTS %s_no_delete",
		         table, table);
	behind(path, sql);
}

/* A place for a ledger: dir/name, or a new schema. */
static inline void behind_place(const char *dir, const char *name, char *path, size_t size)
{
	static int count;
	char schema[64], sql[256];

	if (!behind_url()) {
		snprintf(path, size, "%s/%s", dir, name);
		return;
	}
	snprintf(schema, sizeof(schema), "t%d_%d", (int)getpid(), ++count);
	snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", schema, schema);
	behind(behind_url(), sql);
	snprintf(path, size, "%s&options=-csearch_path%%3D%s", behind_url(), schema);
}

static inline void behind_gone(const char *path)
{
	const char *schema = strstr(path, "search_path%3D");
	char sql[128];

	if (!behind_url() || schema == NULL)
		return;
	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", schema + strlen("search_path%3D"));
	/* What a connection that was just closed still clears away can stand in the way. */
	for (int i = 0; i < 20 && behind_try(behind_url(), sql) < 0; i++)
		usleep(50000);
}

#endif
