/* The PostgreSQL connection: its URL, its settings, what its failures mean, and how it is made anew. */
#include "server/sql_postgres_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "server/sql_postgres.h"

#define AGAIN_SHARE 4
#define AGAIN_MS    1000 /* an unreachable database is not asked more often: the loop has other things to do */

struct pg *pg_of(const struct sk_store *s)
{
	return s->conn;
}

/* The server's one line, without its end. */
static void note_problem(struct pg *pg, const PGresult *res)
{
	const char *why = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	if (why == NULL)
		why = PQerrorMessage(pg->conn);
	sk_text_printable(pg->problem, sizeof(pg->problem), why, strcspn(why, "\n"));
}

static const struct {
	const char *state; /* its beginning */
	int error;
} states[] = {
    {"23", -EEXIST},      {"55P03", -EBUSY},   {"57014", -EBUSY},      {"40", -EAGAIN},   {"53100", -ENOSPC},
    {"53200", -ENOMEM},   {"25006", -EROFS},   {"25P02", -ECANCELED},  {"42501", -EROFS}, {"54", -E2BIG},
    {"57P", -ECONNRESET}, {"08", -ECONNRESET}, {"53300", -ECONNRESET},
};

int pg_error(struct pg *pg, const PGresult *res)
{
	const char *state = res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_SQLSTATE);

	note_problem(pg, res);
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return -ECONNRESET;
	for (size_t i = 0; state != NULL && i < sizeof(states) / sizeof(states[0]); i++) {
		if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
			return states[i].error;
	}
	return -EIO;
}

bool pg_good(const PGresult *res)
{
	ExecStatusType t = PQresultStatus(res);

	return t == PGRES_COMMAND_OK || t == PGRES_TUPLES_OK;
}

void pg_wait(struct pg *pg)
{
	sk_ms until = sk_clock_boot() + *pg->patience;
	int flush, n;

	while ((flush = PQflush(pg->conn)) == 1 || (flush == 0 && PQisBusy(pg->conn))) {
		struct pollfd p = {.fd = PQsocket(pg->conn), .events = (short)(flush == 1 ? POLLIN | POLLOUT : POLLIN)};
		sk_ms left = *pg->patience == 0 ? -1 : until - sk_clock_boot();

		if (p.fd < 0)
			return;
		if (*pg->patience != 0 && left < 0)
			left = 0;
		n = poll(&p, 1, (int)left);
		if (n == 0) {
			sk_log(SK_LOG_ERR, "store: the database does not answer; its connection is given up");
			shutdown(p.fd, SHUT_RDWR);
			return;
		}
		if (n > 0 && (p.revents & ~POLLOUT) != 0 && PQconsumeInput(pg->conn) != 1)
			return;
	}
}

PGresult *pg_answer(struct pg *pg, int sent)
{
	PGresult *last = NULL, *res;

	if (sent != 1)
		return NULL;
	for (;;) {
		pg_wait(pg);
		res = PQgetResult(pg->conn);
		if (res == NULL)
			return last;
		PQclear(last);
		last = res;
	}
}

/* One or more statements; the last one's result. */
int pg_plain(struct pg *pg, const char *sql, PGresult **out)
{
	int r = pg_settle(pg);
	PGresult *res = r == 0 ? pg_answer(pg, PQsendQuery(pg->conn, sql)) : NULL;

	if (r < 0)
		return r;
	if (!pg_good(res)) {
		r = pg_error(pg, res);

		PQclear(res);
		return r;
	}
	if (out != NULL)
		*out = res;
	else
		PQclear(res);
	return 0;
}

static void silent(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static int session_begin(struct sk_store *s)
{
	/* A commit is durable whatever the server's default is; waiting is bounded, because the loop waits too. */
	static const char sql[] =
	    "SET lock_timeout = 2000; SET statement_timeout = 60000; SET idle_in_transaction_session_timeout = 60000;"
	    "SET standard_conforming_strings = on; SET timezone = 'UTC'; SET client_min_messages = warning;"
	    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
	    "SELECT hashtext(current_schema()), current_setting('server_encoding'), "
	    "current_setting('server_version_num')::int >= 150000, current_schema() IS NOT NULL";
	struct pg *pg = pg_of(s);
	PGresult *res = NULL;
	char listen[64];
	int r;

	PQsetNoticeReceiver(pg->conn, silent, NULL);
	PQsetnonblocking(pg->conn, 1); /* sending must not wait either */
	r = pg_plain(pg, sql, &res);
	if (r < 0)
		return r;
	pg->lock = strtol(PQgetvalue(res, 0, 0), NULL, 10);
	if (strcmp(PQgetvalue(res, 0, 1), "UTF8") != 0 || PQgetvalue(res, 0, 2)[0] != 't' ||
	    PQgetvalue(res, 0, 3)[0] != 't') {
		snprintf(pg->problem, sizeof(pg->problem),
		         "PostgreSQL 15 or later, a database in UTF8 and a schema to use are needed");
		r = -ENOTSUP;
	}
	PQclear(res);
	pg->session++;
	snprintf(listen, sizeof(listen), "LISTEN sekimori_%08lx", (unsigned long)pg->lock & 0xffffffffUL);
	if (r == 0)
		r = pg_plain(pg, listen, NULL);
	if (r == 0 && s->open)
		r = db_temp(s);
	pg->whole = r == 0;
	return r;
}

/* Only between transactions. */
int pg_connected(struct sk_store *s)
{
	struct pg *pg = pg_of(s);
	sk_ms began = sk_clock_boot(), now;
	int r;

	if (PQstatus(pg->conn) == CONNECTION_OK && pg->whole)
		return 0;
	if (began < pg->again_at)
		return -ECONNREFUSED;
	PQreset(pg->conn);
	pg->pending = 0;
	if (PQstatus(pg->conn) == CONNECTION_OK)
		r = session_begin(s);
	else {
		note_problem(pg, NULL);
		r = -ECONNREFUSED;
	}
	/* An attempt that hangs must not fill the loop's time. */
	now = sk_clock_boot();
	pg->again_at = r < 0 ? now + AGAIN_MS + AGAIN_SHARE * (now - began) : 0;
	return r;
}

bool pg_is_url(const char *path)
{
	return strncmp(path, "postgresql://", 13) == 0 || strncmp(path, "postgres://", 11) == 0;
}

/* The URL's parts with our defaults; keys and values live as long as parts. -EINVAL: why is in err. */
static int parts_of(const char *url, PQconninfoOption **parts, const char *keys[64], const char *values[64],
                    struct sk_err *err)
{
	static const char *const defaults[][2] = {{"connect_timeout", "3"},
	                                          {"tcp_user_timeout", "5000"},
	                                          {"client_encoding", "UTF8"},
	                                          {"fallback_application_name", "sekimori-server"},
	                                          {"target_session_attrs", "read-write"}};
	char *why = NULL;
	size_t n = 0;

	*parts = PQconninfoParse(url, &why);
	if (*parts == NULL) {
		sk_err_set(err, -EINVAL, "store: not a PostgreSQL URL: %.*s", why == NULL ? 0 : (int)strcspn(why, "\n"),
		           why == NULL ? "" : why);
		PQfreemem(why);
		return -EINVAL;
	}
	for (PQconninfoOption *o = *parts; o->keyword != NULL && n < 50; o++) {
		if (o->val == NULL)
			continue;
		if (strcmp(o->keyword, "password") == 0)
			return sk_err_set(
			    err, -EINVAL,
			    "store: a password does not belong into the URL; put it into a file of mode 0600 and "
			    "name that with passfile=");
		keys[n] = o->keyword;
		values[n++] = o->val;
	}
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		bool given = false;

		for (size_t k = 0; k < n; k++)
			given |= strcmp(keys[k], defaults[i][0]) == 0;
		if (!given) {
			keys[n] = defaults[i][0];
			values[n++] = defaults[i][1];
		}
	}
	keys[n] = values[n] = NULL;
	return 0;
}

int pg_connect(struct sk_store *s, struct sk_err *err)
{
	const char *keys[64], *values[64];
	PQconninfoOption *parts = NULL;
	struct pg *pg = pg_of(s);
	int r = parts_of(s->path, &parts, keys, values, err);

	if (r == 0) {
		pg->conn = PQconnectdbParams(keys, values, 0);
		snprintf(s->path, sizeof(s->path), "database %s at %s", PQdb(pg->conn) == NULL ? "?" : PQdb(pg->conn),
		         PQhost(pg->conn) == NULL ? "?" : PQhost(pg->conn));
		r = PQstatus(pg->conn) == CONNECTION_OK ? session_begin(s) : -ECONNREFUSED;
		if (r == -ECONNREFUSED)
			note_problem(pg, NULL);
		if (r < 0)
			db_fail(s, err, r, "cannot be used");
	}
	PQconninfoFree(parts);
	return r;
}
