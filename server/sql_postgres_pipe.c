/*
 * Statements that are not waited for, by libpq's pipeline mode. What is posted goes out at once; its outcome is read with the next statement
 * that is waited for, which therefore fails when a posted one before it did. Only within a transaction, so that nothing counts before all of it
 * was heard. The connection is in pipeline mode only while something is pending.
 */
#include "server/sql_postgres_inside.h"

#include <errno.h>

#define PENDING_MAX \
	256 /* their answers, some 20 bytes each, fit into the socket's buffer: neither side waits for the other */

/* One statement's result, whole: the first failure so far stays. */
static void take(struct pg *pg, int *r, PGresult **out)
{
	PGresult *res, *more;

	pg_wait(pg);
	res = PQgetResult(pg->conn);
	if (res == NULL || PQresultStatus(res) == PGRES_PIPELINE_ABORTED) {
		if (*r == 0)
			*r = PQstatus(pg->conn) == CONNECTION_OK ? -ECANCELED : -ECONNRESET;
	} else if (!pg_good(res) && *r == 0) {
		*r = pg_error(pg, res);
	}
	if (out != NULL)
		*out = res;
	else
		PQclear(res);
	while (res != NULL && PQstatus(pg->conn) == CONNECTION_OK && (more = PQgetResult(pg->conn)) != NULL)
		PQclear(more);
}

int pg_drain(struct pg *pg, PGresult **out)
{
	int r = 0;

	if (PQpipelineSync(pg->conn) != 1)
		r = pg_error(pg, NULL);
	for (; pg->pending > 0 && r != -ECONNRESET; pg->pending--)
		take(pg, &r, NULL);
	if (out != NULL && r != -ECONNRESET)
		take(pg, &r, out);
	pg->pending = 0;
	if (r != -ECONNRESET) {
		PGresult *sync;

		pg_wait(pg);
		sync = PQgetResult(pg->conn);
		if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(pg->conn) != 1)
			r = r < 0 ? r : pg_error(pg, sync);
		PQclear(sync);
	}
	if (r == -ECONNRESET) {
		pg->lost = true;
		pg->whole = false; /* it stays in pipeline mode: made anew in any case */
	}
	if (r < 0 && out != NULL) {
		PQclear(*out);
		*out = NULL;
	}
	return r;
}

int pg_settle(struct pg *pg)
{
	return pg->pending == 0 ? 0 : pg_drain(pg, NULL);
}

int pg_send(struct pg *pg, const char *name, const char *const *values, size_t n)
{
	if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF && PQenterPipelineMode(pg->conn) != 1)
		return pg_error(pg, NULL);
	return PQsendQueryPrepared(pg->conn, name, (int)n, values, NULL, NULL, 0) == 1 ? 0 : pg_error(pg, NULL);
}

int pg_post(struct sk_store *s, const char *sql, const struct db_param *params, size_t n)
{
	struct pg *pg = pg_of(s);
	int r = pg->lost ? -ECONNRESET : pg->pending == PENDING_MAX ? pg_settle(pg) : 0;

	if (r == 0)
		r = pg_put(s, sql, params, n);
	if (r == 0)
		pg->pending++;
	else if (r == -ECONNRESET)
		pg->lost = true;
	return r;
}
