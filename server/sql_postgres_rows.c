/* Statements and rows of the PostgreSQL driver. Results come whole; what is large is taken by a cursor (scan), in portions. */
#include "server/sql_postgres_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql_dialect.h"

#define PORTION     "500"
#define OID_BOOL    16
#define OID_INT8    20
#define OID_INT2    21
#define OID_INT4    23
#define OID_TEXT    25
#define OID_NUMERIC 1700

static struct pg_slot *slot_of(const struct db_rows *r)
{
	return (struct pg_slot *)(uintptr_t)r;
}

static int prepare(struct pg_slot *slot, const struct db_param *params, size_t n)
{
	Oid types[DB_PARAMS];
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf text;
	PGresult *res = NULL;
	char name[16];
	int r;

	for (size_t i = 0; i < n; i++)
		types[i] = params[i].untyped ? 0 : params[i].integer ? OID_INT8 : OID_TEXT;
	sk_buf_init(&text, PG_SQL_MAX);
	r = sk_dialect_postgres(slot->sql, &text, &err);
	if (r < 0)
		snprintf(slot->pg->problem, sizeof(slot->pg->problem), "%s", err.text);
	if (r == 0) {
		snprintf(name, sizeof(name), "s%d", (int)(slot - slot->pg->slots));
		res = pg_answer(slot->pg, PQsendPrepare(slot->pg->conn, name, text.data, (int)n, types));
		r = pg_good(res) ? 0 : pg_error(slot->pg, res);
		PQclear(res);
	}
	sk_buf_deinit(&text);
	if (r == 0)
		slot->session = slot->pg->session;
	return r;
}

struct values {
	const char *at[DB_PARAMS];
	char numbers[DB_PARAMS][24];
	char *copies[DB_PARAMS]; /* of texts that do not end where they are said to */
};

/* -EINVAL: a NUL byte in a text, which PostgreSQL cannot hold; the edge refuses it before. */
static int values_of(struct values *v, const struct db_param *params, size_t n)
{
	memset(v->copies, 0, sizeof(v->copies));
	for (size_t i = 0; i < n; i++) {
		const struct db_param *p = &params[i];

		v->at[i] = p->text;
		if (p->integer) {
			snprintf(v->numbers[i], sizeof(v->numbers[i]), "%lld", (long long)p->number);
			v->at[i] = v->numbers[i];
		} else if (p->text != NULL && p->counted) {
			if (memchr(p->text, '\0', p->len) != NULL)
				return -EINVAL;
			v->at[i] = v->copies[i] = strndup(p->text, p->len);
			if (v->at[i] == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}

static int declare(struct pg_slot *slot, const struct values *v, const struct db_param *params, size_t n,
                   PGresult **res)
{
	struct sk_err err = SK_ERR_INIT;
	Oid types[DB_PARAMS];
	struct sk_buf text;
	char fetch[64];
	int r;

	for (size_t i = 0; i < n; i++)
		types[i] = params[i].untyped ? 0 : params[i].integer ? OID_INT8 : OID_TEXT;
	sk_buf_init(&text, PG_SQL_MAX);
	sk_buf_addf(&text, "DECLARE c%d NO SCROLL CURSOR FOR ", (int)(slot - slot->pg->slots));
	r = sk_dialect_postgres(slot->sql, &text, &err);
	if (r == 0) {
		*res = pg_answer(slot->pg,
		                 PQsendQueryParams(slot->pg->conn, text.data, (int)n, types, v->at, NULL, NULL, 0));
		if (!pg_good(*res))
			r = pg_error(slot->pg, *res);
		PQclear(*res);
		*res = NULL;
	}
	sk_buf_deinit(&text);
	slot->cursor = r == 0;
	snprintf(fetch, sizeof(fetch), "FETCH " PORTION " FROM c%d", (int)(slot - slot->pg->slots));
	return r < 0 ? r : pg_plain(slot->pg, fetch, res);
}

/* Waited for: alone, or behind what was posted. */
static int ask(struct pg_slot *slot, const struct values *v, size_t n)
{
	struct pg *pg = slot->pg;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "s%d", (int)(slot - pg->slots));
	if (pg->pending > 0) {
		r = pg_send(pg, name, v->at, n);
		return r < 0 ? r : pg_drain(pg, &slot->res);
	}
	slot->res = pg_answer(pg, PQsendQueryPrepared(pg->conn, name, (int)n, v->at, NULL, NULL, 0));
	if (pg_good(slot->res))
		return 0;
	r = pg_error(pg, slot->res);
	PQclear(slot->res);
	slot->res = NULL;
	return r;
}

static int execute(struct pg_slot *slot, const struct db_param *params, size_t n, bool scan)
{
	bool fresh = slot->session != slot->pg->session;
	struct values v;
	int r = values_of(&v, params, n);

	if (r == 0 && (scan || fresh))
		r = pg_settle(slot->pg);
	if (r == 0 && scan)
		r = declare(slot, &v, params, n, &slot->res);
	else if (r == 0 && fresh)
		r = prepare(slot, params, n);
	if (r == 0 && !scan)
		r = ask(slot, &v, n);
	for (size_t i = 0; i < n; i++)
		free(v.copies[i]);
	return r;
}

static struct pg_slot *find(struct sk_store *s, const char *sql)
{
	size_t i = ((uintptr_t)sql * 0x9e3779b97f4a7c15u >> 32) & (DB_STMTS - 1);
	struct pg_slot *slots = pg_of(s)->slots;

	for (size_t n = 0; n < DB_STMTS; n++, i = (i + 1) & (DB_STMTS - 1)) {
		if (slots[i].sql == sql)
			return &slots[i];
		if (slots[i].sql == NULL)
			break;
	}
	if (slots[i].sql != NULL)
		return NULL; /* more statements than slots: a mistake the tests would show */
	slots[i] = (struct pg_slot){.rows = {s->driver}, .sql = sql, .pg = pg_of(s)};
	return &slots[i];
}

int pg_put(struct sk_store *s, const char *sql, const struct db_param *params, size_t n)
{
	struct pg_slot *slot = find(s, sql);
	struct values v;
	char name[16];
	int r;

	if (slot == NULL || slot->res != NULL)
		return -EIO;
	if (slot->session != slot->pg->session && ((r = pg_settle(slot->pg)) < 0 || (r = prepare(slot, params, n)) < 0))
		return r;
	snprintf(name, sizeof(name), "s%d", (int)(slot - slot->pg->slots));
	r = values_of(&v, params, n);
	if (r == 0)
		r = pg_send(slot->pg, name, v.at, n);
	for (size_t i = 0; i < n; i++)
		free(v.copies[i]);
	return r;
}

static bool only_reads(const char *sql)
{
	return strncmp(sql, "SELECT", 6) == 0 || strncmp(sql, "WITH", 4) == 0;
}

struct db_rows *pg_query(struct sk_store *s, const char *sql, const struct db_param *params, size_t n, bool scan)
{
	struct pg *pg = pg_of(s);
	struct pg_slot *slot = find(s, sql);
	int tries = s->depth == 0 && only_reads(sql) ? 2 : 1, r = -ECONNRESET;

	if (slot == NULL || slot->res != NULL)
		return NULL;
	if (strncmp(sql, "ROLLBACK", 8) == 0)
		(void)pg_settle(pg); /* it is for what failed, and must not be skipped with it */
	slot->row = -1;
	slot->cursor = slot->through = false;
	while (tries-- > 0 && r == -ECONNRESET) {
		if (s->depth > 0)
			r = pg->lost ? -ECONNRESET : 0;
		else
			r = pg_connected(s);
		if (r == 0)
			r = execute(slot, params, n, scan && s->depth > 0);
		if (r == -ECONNRESET && s->depth > 0)
			pg->lost = true;
	}
	slot->error = r;
	return &slot->rows;
}

static int next_portion(struct pg_slot *slot)
{
	char fetch[64];
	int r;

	snprintf(fetch, sizeof(fetch), "FETCH " PORTION " FROM c%d", (int)(slot - slot->pg->slots));
	PQclear(slot->res);
	slot->res = NULL;
	r = pg_plain(slot->pg, fetch, &slot->res);
	slot->row = 0;
	if (r == 0 && PQntuples(slot->res) > 0)
		return 1;
	slot->through = true;
	slot->pg->lost |= r == -ECONNRESET; /* a cursor stands in a transaction */
	return r;
}

int pg_next(struct db_rows *r)
{
	struct pg_slot *slot = slot_of(r);

	if (slot->error < 0)
		return slot->error;
	if (slot->res == NULL || slot->through)
		return 0;
	if (++slot->row < PQntuples(slot->res))
		return 1;
	if (slot->cursor)
		return next_portion(slot);
	slot->through = true;
	return 0;
}

void pg_end(struct db_rows *r)
{
	struct pg_slot *slot = slot_of(r);
	char sql[32];

	PQclear(slot->res);
	slot->res = NULL;
	if (slot->cursor && PQtransactionStatus(slot->pg->conn) == PQTRANS_INTRANS) {
		snprintf(sql, sizeof(sql), "CLOSE c%d", (int)(slot - slot->pg->slots));
		(void)pg_plain(slot->pg, sql, NULL);
	}
	slot->cursor = false;
}

int pg_changes(const struct db_rows *r)
{
	const struct pg_slot *slot = slot_of(r);

	if (slot->res == NULL || strncmp(PQcmdStatus(slot->res), "SELECT", 6) == 0)
		return 0;
	return (int)strtol(PQcmdTuples(slot->res), NULL, 10);
}

int pg_columns(const struct db_rows *r)
{
	return PQnfields(slot_of(r)->res);
}

const char *pg_name_of(const struct db_rows *r, int col)
{
	return PQfname(slot_of(r)->res, col);
}

enum db_type pg_type(const struct db_rows *r, int col)
{
	const struct pg_slot *slot = slot_of(r);

	if (PQgetisnull(slot->res, slot->row, col))
		return DB_NULL;
	switch (PQftype(slot->res, col)) {
	case OID_BOOL:
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_NUMERIC: /* sum() of bigint */
		return DB_INTEGER;
	default:
		return DB_TEXT;
	}
}

int64_t pg_integer(const struct db_rows *r, int col)
{
	const struct pg_slot *slot = slot_of(r);
	const char *v = PQgetvalue(slot->res, slot->row, col);

	return PQftype(slot->res, col) == OID_BOOL ? v[0] == 't' : strtoll(v, NULL, 10);
}

const char *pg_text(struct db_rows *r, int col, size_t *len)
{
	struct pg_slot *slot = slot_of(r);

	*len = (size_t)PQgetlength(slot->res, slot->row, col);
	return PQgetvalue(slot->res, slot->row, col);
}
