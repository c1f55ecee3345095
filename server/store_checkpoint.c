/* Checkpoints of the audit trail, and the ledger's evidence line by line for an export. */
#include "server/store_inside.h"

#include <errno.h>
#include <string.h>

int sk_store_audit_head(struct sk_store *s, int64_t *records, char head[SK_SHA256_HEX])
{
	struct db_rows *st = db_query(s, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", "");
	int r = db_next(st);

	if (r == 1) {
		*records = db_number(st, 0);
		db_copy(st, 1, head, SK_SHA256_HEX);
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int sk_store_audit_at(struct sk_store *s, int64_t record, char hash[SK_SHA256_HEX])
{
	struct db_rows *st = db_query(s, "SELECT hash FROM audit WHERE id = ?", "i", record);
	int r = db_next(st);

	if (r == 1)
		db_copy(st, 0, hash, SK_SHA256_HEX);
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int sk_store_checkpoint_put(struct sk_store *s, int64_t records, const char *head, sk_ms time, const char *envelope)
{
	int r = db_begin(s);

	if (r == 0)
		r = db_run(
		    s, "INSERT INTO checkpoints(records, head, time, envelope) VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
		    "isis", records, head, time, envelope);
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_checkpoint_last(struct sk_store *s, int64_t *records, sk_ms *time)
{
	struct db_rows *st = db_query(s, "SELECT records, time FROM checkpoints ORDER BY records DESC LIMIT 1", "");
	int r = db_next(st);

	if (r == 1) {
		*records = db_number(st, 0);
		*time = db_number(st, 1);
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

static const struct {
	const char *name, *sql;
} tables[] = {
    {"checkpoint", "SELECT envelope FROM checkpoints ORDER BY records"},
    {"audit", "SELECT id, time, user, name, unit, role, action, object, detail, prev, hash FROM audit ORDER BY id"},
    {"base", "SELECT device, seq, hash FROM chain_bases ORDER BY device"},
    {"event", "SELECT device, seq, time, kind, body, prev, hash FROM events ORDER BY device, seq"},
};

static json_t *values(struct db_rows *st)
{
	json_t *row = json_array();

	for (int i = 0; row != NULL && i < db_columns(st); i++)
		json_array_append_new(row, db_type(st, i) == DB_INTEGER ? json_integer(db_number(st, i))
		                                                        : json_string(db_text(st, i)));
	return row;
}

static int each(struct sk_store *s, const char *only, int (*line)(void *arg, const char *table, const json_t *row),
                void *arg)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && r >= 0; i++) {
		struct db_rows *st;

		if (only != NULL && strcmp(only, tables[i].name) != 0)
			continue;
		st = db_scan(s, tables[i].sql, "");
		while ((r = db_next(st)) == 1) {
			json_t *row = values(st);

			r = row == NULL ? -ENOMEM : line(arg, tables[i].name, row);
			json_decref(row);
			if (r < 0)
				break;
		}
		db_end(st);
	}
	return r < 0 ? r : 0;
}

int sk_store_evidence(struct sk_store *s, const char *only,
                      int (*line)(void *arg, const char *table, const json_t *row), void *arg)
{
	int r = db_begin_read(s);

	return r < 0 ? r : db_finish(s, each(s, only, line, arg));
}
