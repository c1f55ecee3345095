/* See store_copy.h. Statements are made of names from the databases' own catalogues, never of values. */
#include "server/store_copy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/store_inside.h"

#define ROW_MAX ((size_t)16 * 1024 * 1024)
#define SQL_MAX ((size_t)16 * 1024)

/* A table's contents: how many rows, and the sum of their hashes as four numbers (order does not matter, every byte does). */
struct sum {
	int64_t rows;
	uint64_t parts[4];
};

static void sum_add(struct sum *sum, const struct sk_buf *row)
{
	uint8_t hash[SK_SHA256_LEN];

	sk_sha256(row->data, row->len, hash);
	for (size_t i = 0; i < 4; i++) {
		uint64_t v = 0;

		for (size_t k = 0; k < 8; k++)
			v = v << 8 | hash[8 * i + k];
		sum->parts[i] += v;
	}
	sum->rows++;
}

/* Types, lengths and contents: no two rows look alike. */
static int row_text(struct db_rows *r, struct sk_buf *out)
{
	sk_buf_reset(out);
	for (int i = 0; i < db_columns(r); i++) {
		switch (db_type(r, i)) {
		case DB_NULL:
			sk_buf_adds(out, "n,");
			break;
		case DB_INTEGER:
			sk_buf_addf(out, "i%lld,", (long long)db_number(r, i));
			break;
		default:
			sk_buf_addf(out, "t%zu:", db_length(r, i));
			sk_buf_add(out, db_text(r, i), db_length(r, i));
		}
	}
	return sk_buf_error(out);
}

/* "SELECT .. FROM table" and, for insert, "INSERT INTO table(..) VALUES(?,..)"; lives as long as s. NULL = out of memory. */
static const char *statement(struct sk_store *s, const char *table, const json_t *columns, bool insert)
{
	const char *comma = "";
	struct sk_buf b;
	json_t *c;
	size_t i;

	sk_buf_init(&b, SQL_MAX);
	if (insert)
		sk_buf_addf(&b, "INSERT INTO \"%s\"(", table);
	else
		sk_buf_adds(&b, "SELECT ");
	json_array_foreach(columns, i, c)
	{
		sk_buf_addf(&b, "%s\"%s\"", comma, json_string_value(c));
		comma = ",";
	}
	if (insert) {
		sk_buf_adds(&b, ") VALUES(?");
		for (i = 1; i < json_array_size(columns); i++)
			sk_buf_adds(&b, ",?");
		sk_buf_adds(&b, ")");
	} else {
		sk_buf_addf(&b, " FROM \"%s\"", table);
	}
	return db_keep(s, sk_buf_steal(&b));
}

static int insert(struct sk_store *to, const char *sql, struct db_rows *r)
{
	struct db_param params[DB_PARAMS];
	struct db_rows *done;
	int n = db_columns(r), rc;

	if (n > DB_PARAMS)
		return -E2BIG;
	for (int i = 0; i < n; i++) {
		params[i] = (struct db_param){.untyped = true};
		if (db_type(r, i) == DB_INTEGER) {
			params[i].integer = true;
			params[i].number = db_number(r, i);
		} else if (db_type(r, i) == DB_TEXT) {
			params[i].text = db_text(r, i);
			params[i].len = db_length(r, i);
		}
	}
	done = to->driver->query(to, sql, params, (size_t)n, false);
	rc = db_next(done);
	db_end(done);
	return rc;
}

/* Reads a table whole; sql of the target's INSERT, or NULL. */
static int read_table(struct sk_store *from, const char *select, struct sk_store *to, const char *put, struct sum *sum)
{
	struct db_rows *r = db_scan(from, select, "");
	struct sk_buf row;
	int rc;

	*sum = (struct sum){.rows = 0};
	sk_buf_init(&row, ROW_MAX);
	while ((rc = db_next(r)) == 1) {
		rc = row_text(r, &row);
		if (rc == 0)
			sum_add(sum, &row);
		if (rc == 0 && put != NULL)
			rc = insert(to, put, r);
		if (rc < 0)
			break;
	}
	db_end(r);
	sk_buf_deinit(&row);
	return rc;
}

static json_t *names(struct sk_store *s, const char *sql, const char *table)
{
	struct db_rows *r = table == NULL ? db_query(s, sql, "") : db_query(s, sql, "s", table);
	json_t *list = json_array();
	int rc;

	while ((rc = db_next(r)) == 1)
		json_array_append_new(list, json_string(db_text(r, 0)));
	db_end(r);
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

struct copy {
	struct sk_store *from, *to;
	json_t *tables, *report;
	bool prove; /* that every chain is unbroken, on both sides */
	struct sk_err *err;
};

static int fail(const struct copy *c, struct sk_store *s, int r, const char *table, const char *what)
{
	return c->err->text[0] != '\0'
	           ? r
	           : sk_err_set(c->err, r, "%s: table %s: %s: %s", s->path, table, what, s->driver->problem(s));
}

static int copy_table(const struct copy *c, const char *table)
{
	json_t *columns = names(c->from, c->from->driver->sql_columns, table);
	json_t *theirs = names(c->to, c->to->driver->sql_columns, table);
	char text[SK_SHA256_HEX];
	const char *select, *again, *put;
	struct sum sum, found;
	int r = 0;

	if (columns == NULL || !json_equal(columns, theirs))
		r = sk_err_set(c->err, -EBADMSG, "table %s: not the same columns on both sides", table);
	select = r < 0 ? NULL : statement(c->from, table, columns, false);
	again = r < 0 ? NULL : statement(c->to, table, columns, false);
	put = r < 0 ? NULL : statement(c->to, table, columns, true);
	json_decref(columns);
	json_decref(theirs);
	if (r == 0 && (select == NULL || again == NULL || put == NULL))
		r = sk_err_set(c->err, -ENOMEM, "out of memory");
	if (r < 0)
		return r;
	r = read_table(c->to, again, NULL, NULL, &found);
	if (r == 0 && found.rows > 0)
		return sk_err_set(c->err, -EEXIST, "%s: not empty (table %s); a ledger is moved into an empty one only",
		                  c->to->path, table);
	if (r < 0 || (r = read_table(c->from, select, c->to, put, &sum)) < 0)
		return fail(c, c->to, r, table, "not copied");
	r = read_table(c->to, again, NULL, NULL, &found);
	if (r < 0)
		return fail(c, c->to, r, table, "not read again");
	if (memcmp(&sum, &found, sizeof(sum)) != 0)
		return sk_err_set(c->err, -EBADMSG, "table %s: %lld rows were read and %lld are there, or not the same",
		                  table, (long long)sum.rows, (long long)found.rows);
	snprintf(text, sizeof(text), "%016llx%016llx%016llx%016llx", (unsigned long long)sum.parts[0],
	         (unsigned long long)sum.parts[1], (unsigned long long)sum.parts[2], (unsigned long long)sum.parts[3]);
	json_array_append_new(c->report,
	                      json_pack("{s:s,s:I,s:s}", "table", table, "rows", (json_int_t)sum.rows, "sum", text));
	return 0;
}

static int unbroken(struct sk_store *s, struct sk_err *err)
{
	json_t *findings = NULL;
	int r = sk_store_verify(s, &findings, err);

	json_decref(findings);
	return r > 0
	           ? sk_err_set(err, -EBADMSG, "%s: %d hash chains are broken; see: sekimori-server verify", s->path, r)
	           : r;
}

/* Within both transactions. */
static int copy_all(const struct copy *c)
{
	json_t *theirs = names(c->to, c->to->driver->sql_tables, NULL), *t, *other;
	size_t i, k, same = 0;
	int r = c->prove ? unbroken(c->from, c->err) : 0;

	json_array_foreach(c->tables, i, t)
	{
		json_array_foreach(theirs, k, other)
		{
			same += json_equal(t, other);
		}
	}
	if (r == 0 && (same != json_array_size(c->tables) || same != json_array_size(theirs)))
		r = sk_err_set(c->err, -EBADMSG, "not the same tables on both sides");
	json_decref(theirs);
	if (r == 0 && (r = c->to->driver->bulk(c->to, true)) < 0)
		return fail(c, c->to, r, "(all)", "not prepared");
	json_array_foreach(c->tables, i, t)
	{
		if (r == 0)
			r = copy_table(c, json_string_value(t));
	}
	if (r == 0 && (r = c->to->driver->bulk(c->to, false)) < 0)
		return fail(c, c->to, r, "(all)", "references do not hold");
	return r;
}

static int copy_both(const struct copy *c, const struct sk_actor *by, sk_ms now)
{
	int r = db_begin(c->to);

	if (r < 0)
		return fail(c, c->to, r, "(all)", "not begun");
	r = copy_all(c);
	if (r == 0 && by != NULL)
		r = audit_add(c->to, by, "migrate", c->from->path, json_pack("{s:O}", "tables", c->report), now);
	if (r == 0 && c->prove)
		r = unbroken(c->to, c->err);
	r = db_finish(c->to, r);
	return r < 0 ? fail(c, c->to, r, "(all)", "not written") : 0;
}

int sk_store_copy(struct sk_store *from, struct sk_store *to, const struct sk_actor *by, sk_ms now, json_t **tables,
                  struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	struct copy c = {from, to, NULL, json_array(), by != NULL, &why};
	int r = contacts_flush(from);

	if (r >= 0)
		r = db_begin_read(from);
	if (r < 0) {
		json_decref(c.report);
		return db_fail(from, err, r, "cannot be read");
	}
	c.tables = names(from, from->driver->sql_tables, NULL);
	r = c.tables == NULL ? fail(&c, from, -EIO, "(all)", "cannot be listed") : copy_both(&c, by, now);
	db_finish(from, -ECANCELED); /* nothing was written */
	json_decref(c.tables);
	if (r < 0 || tables == NULL) {
		json_decref(c.report);
		return r < 0 ? sk_err_set(err, r, "%s", why.text) : 0;
	}
	*tables = c.report;
	return 0;
}
