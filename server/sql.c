/* What is the same over both databases: parameters, rows as JSON, transactions inside transactions. */
#include "server/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "server/store_inside.h"

#define TRIES 4

int db_fail(struct sk_store *s, struct sk_err *err, int code, const char *what)
{
	return sk_err_set(err, code, "%s: %s: %s; see that %s", s->path, what, s->driver->problem(s),
	                  s->driver->server ? "the database runs and takes connections"
	                                    : "the disk has room and the file is the server's own");
}

/* The number of parameters, or -EINVAL. */
static int collect(struct db_param params[DB_PARAMS], const char *fmt, va_list ap)
{
	int n = 0;

	for (; *fmt != '\0'; fmt++, n++) {
		struct db_param *p = &params[n];

		if (n == DB_PARAMS)
			return -EINVAL;
		*p = (struct db_param){.text = NULL};
		switch (*fmt) {
		case 'i':
			p->integer = true;
			p->number = va_arg(ap, int64_t);
			break;
		case 's':
			p->text = va_arg(ap, const char *);
			p->len = p->text == NULL ? 0 : strlen(p->text);
			break;
		case 't':
			p->text = va_arg(ap, const char *);
			p->len = va_arg(ap, size_t);
			p->counted = true;
			break;
		default:
			return -EINVAL;
		}
	}
	return n;
}

static struct db_rows *query(struct sk_store *s, const char *sql, bool scan, const char *fmt, va_list ap)
{
	struct db_param params[DB_PARAMS];
	int n = collect(params, fmt, ap);

	return n < 0 ? NULL : s->driver->query(s, sql, params, (size_t)n, scan);
}

struct db_rows *db_query(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_rows *r;
	va_list ap;

	va_start(ap, fmt);
	r = query(s, sql, false, fmt, ap);
	va_end(ap);
	return r;
}

struct db_rows *db_scan(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_rows *r;
	va_list ap;

	va_start(ap, fmt);
	r = query(s, sql, true, fmt, ap);
	va_end(ap);
	return r;
}

int db_next(struct db_rows *r)
{
	return r == NULL ? -EIO : r->driver->next(r);
}

void db_end(struct db_rows *r)
{
	if (r != NULL)
		r->driver->end(r);
}

int db_columns(const struct db_rows *r)
{
	return r->driver->columns(r);
}

enum db_type db_type(const struct db_rows *r, int col)
{
	return r->driver->type(r, col);
}

int64_t db_number(const struct db_rows *r, int col)
{
	return r->driver->integer(r, col);
}

const char *db_text(struct db_rows *r, int col)
{
	size_t len;

	return r->driver->text(r, col, &len);
}

size_t db_length(struct db_rows *r, int col)
{
	size_t len;

	(void)r->driver->text(r, col, &len);
	return len;
}

void db_copy(struct db_rows *r, int col, char *dst, size_t size)
{
	sk_text_copy(dst, size, db_text(r, col));
}

static json_t *cell(struct db_rows *r, int col, char type)
{
	const char *text;
	size_t len;

	switch (db_type(r, col)) {
	case DB_NULL:
		return type == 'b' ? json_false() : json_null();
	case DB_INTEGER:
		if (type == 'b')
			return json_boolean(db_number(r, col) != 0);
		return json_integer(db_number(r, col));
	default:
		text = r->driver->text(r, col, &len);
		if (type == 'j') {
			json_t *j = json_loadb(text, len, JSON_DECODE_ANY, NULL);

			return j == NULL ? json_null() : j;
		}
		return json_string(text);
	}
}

json_t *db_row(struct db_rows *r)
{
	json_t *o = json_object();
	int n = db_columns(r);

	for (int i = 0; o != NULL && i < n; i++) {
		const char *name = r->driver->name_of(r, i);
		const char *bar = strchr(name, '|');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)(bar == NULL ? strlen(name) : (size_t)(bar - name)), name);
		if (json_object_set_new(o, key, cell(r, i, bar == NULL ? 0 : bar[1])) != 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

int db_run(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_rows *rows;
	va_list ap;
	int r;

	va_start(ap, fmt);
	rows = query(s, sql, false, fmt, ap);
	va_end(ap);
	if (rows == NULL)
		return -EIO;
	r = db_next(rows);
	if (r >= 0)
		r = s->driver->changes(rows);
	db_end(rows);
	return r;
}

int db_post(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_param params[DB_PARAMS];
	struct db_rows *rows;
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = collect(params, fmt, ap);
	va_end(ap);
	if (n < 0)
		return n;
	if (s->driver->post != NULL && s->depth > 0)
		return s->driver->post(s, sql, params, (size_t)n);
	rows = s->driver->query(s, sql, params, (size_t)n, false);
	r = db_next(rows);
	db_end(rows);
	return r < 0 ? r : 0;
}

int db_int(struct sk_store *s, int64_t *out, const char *sql, const char *fmt, ...)
{
	struct db_rows *rows;
	va_list ap;
	int r;

	va_start(ap, fmt);
	rows = query(s, sql, false, fmt, ap);
	va_end(ap);
	r = db_next(rows);
	if (r == 1)
		*out = db_number(rows, 0);
	db_end(rows);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

static json_t *all(struct db_rows *rows, bool one)
{
	json_t *a = json_array();
	int r;

	while (a != NULL && (r = db_next(rows)) != 0) {
		if (r < 0 || json_array_append_new(a, db_row(rows)) != 0) {
			json_decref(a);
			a = NULL;
		} else if (one) {
			break;
		}
	}
	db_end(rows);
	return a;
}

json_t *db_list(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_rows *rows;
	va_list ap;

	va_start(ap, fmt);
	rows = query(s, sql, false, fmt, ap);
	va_end(ap);
	return all(rows, false);
}

json_t *db_object(struct sk_store *s, const char *sql, const char *fmt, ...)
{
	struct db_rows *rows;
	json_t *a, *o;
	va_list ap;

	va_start(ap, fmt);
	rows = query(s, sql, false, fmt, ap);
	va_end(ap);
	a = all(rows, true);
	o = json_incref(json_array_get(a, 0));
	json_decref(a);
	return o;
}

const char *db_keep(struct sk_store *s, char *text)
{
	char **more = text == NULL ? NULL : realloc(s->kept, (s->n_kept + 1) * sizeof(*more));

	if (more == NULL) {
		free(text);
		return NULL;
	}
	s->kept = more;
	s->kept[s->n_kept++] = text;
	return text;
}

static int begin(struct sk_store *s, bool write)
{
	int r = s->depth == 0 ? s->driver->begin(s, write) : db_post(s, "SAVEPOINT sk_inner", "");

	if (r < 0)
		return r;
	s->depth++;
	return 0;
}

int db_begin(struct sk_store *s)
{
	return begin(s, true);
}

int db_begin_read(struct sk_store *s)
{
	return begin(s, false);
}

bool db_again(const struct sk_store *s, int r, int *tries)
{
	return (r == -ECONNRESET || r == -EAGAIN) && s->depth == 0 && ++*tries < TRIES;
}

int db_finish(struct sk_store *s, int r)
{
	int c;

	s->depth--;
	if (s->depth > 0) {
		if (r < 0)
			db_run(s, "ROLLBACK TO sk_inner", "");
		c = db_run(s, "RELEASE sk_inner", "");
		if (c < 0 &&
		    r >= 0) { /* of what was posted in it something failed; the outer one may go on without it */
			db_run(s, "ROLLBACK TO sk_inner", "");
			db_run(s, "RELEASE sk_inner", "");
		}
		return r < 0 || c >= 0 ? r : c;
	}
	if (r < 0) {
		s->driver->rollback(s);
		return r;
	}
	c = s->driver->commit(s);
	return c < 0 ? c : r;
}
