/*
 * The audit trail: who did what to what, each line hashed over its contents and the hash of the line before. A line is written in
 * the transaction of the act it records.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit_chain.h"
#include "server/retention.h"

void actor_system(struct sk_actor *a)
{
	*a = (struct sk_actor){.user = "system", .name = "sekimori-server", .role = SK_ROLE_SYS};
}

void actor_device(struct sk_actor *a, const char *device)
{
	*a = (struct sk_actor){.role = SK_ROLE_STAFF};
	snprintf(a->user, sizeof(a->user), "device:%s", device);
}

static int last_line(struct sk_store *s, int64_t *id, char prev[SK_SHA256_HEX])
{
	struct db_rows *st = db_query(s, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", "");
	int r = db_next(st);

	*id = 0;
	sk_text_copy(prev, SK_SHA256_HEX, SK_CHAIN_ZERO);
	if (r == 1) {
		*id = db_number(st, 0);
		db_copy(st, 1, prev, SK_SHA256_HEX);
	}
	db_end(st);
	return r < 0 ? r : 0;
}

int audit_add(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object, json_t *detail,
              sk_ms now)
{
	char prev[SK_SHA256_HEX], hash[SK_SHA256_HEX];
	char *text = detail == NULL ? NULL : sk_json_text(detail);
	struct sk_audit_line l = {.time = now,
	                          .user = by->user,
	                          .name = by->name,
	                          .unit = by->unit,
	                          .role = sk_role_name(by->role),
	                          .action = action,
	                          .object = object,
	                          .prev = prev};
	int64_t last;
	int r;

	if (detail != NULL && text == NULL) {
		json_decref(detail);
		return -ENOMEM;
	}
	l.detail = text == NULL ? "" : text;
	r = last_line(s, &last, prev);
	if (r == 0) {
		l.id = last + 1;
		sk_audit_hash(&l, hash);
		r = db_run(s,
		           "INSERT INTO audit(id, time, user, name, unit, role, action, object, detail, prev, hash) "
		           "VALUES(?,?,?,?,?,?,?,?,?,?,?)",
		           "iisssssssss", l.id, l.time, l.user, l.name, l.unit, l.role, l.action, l.object, l.detail,
		           l.prev, hash);
	}
	if (r >= 0 && s->driver->news != NULL)
		s->driver->news(s);
	free(text);
	json_decref(detail);
	return r < 0 ? r : 0;
}

int sk_store_audit(struct sk_store *s, const struct sk_actor *by, const char *action, const char *object,
                   const json_t *detail, sk_ms now)
{
	int r = db_begin(s);

	if (r < 0)
		return r;
	return db_finish(s, audit_add(s, by, action, object, detail == NULL ? NULL : json_deep_copy(detail), now));
}

json_t *sk_store_audit_list(struct sk_store *s, int64_t before, int limit)
{
	return db_list(s,
	               "SELECT id, time, user, name, unit, role, action, object, nullif(detail, '') AS \"detail|j\", "
	               "hash FROM audit"
	               " WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2",
	               "ii", before, (int64_t)limit);
}

int audit_verify(struct sk_store *s, json_t *deleted, json_t *findings)
{
	struct db_rows *st = db_scan(
	    s, "SELECT id, time, user, name, unit, role, action, object, detail, prev, hash FROM audit ORDER BY id",
	    "");
	char prev[SK_SHA256_HEX];
	const char *state = "ok";
	int64_t n = 0, at = 0;
	int r, c = 0;

	sk_text_copy(prev, sizeof(prev), SK_CHAIN_ZERO);
	while (c == 0 && (r = db_next(st)) == 1) {
		struct sk_audit_line l = {db_number(st, 0), db_number(st, 1), db_text(st, 2), db_text(st, 3),
		                          db_text(st, 4),   db_text(st, 5),   db_text(st, 6), db_text(st, 7),
		                          db_text(st, 8),   db_text(st, 9)};

		state = sk_audit_follows(&l, db_text(st, 10), n, prev);
		at = l.id;
		if (state[0] != 'o')
			break;
		n++;
		db_copy(st, 10, prev, sizeof(prev));
		c = sk_retention_note(deleted, l.action, l.detail);
	}
	db_end(st);
	if (r < 0 || c < 0)
		return r < 0 ? r : c;
	r = state[0] != 'o';
	if (json_array_append_new(findings, json_pack("{s:s,s:s,s:I,s:s,s:I}", "chain", "audit", "host", "", "records",
	                                              (json_int_t)n, "state", state, "at", (json_int_t)(r ? at : 0))) !=
	    0)
		return -ENOMEM;
	return r;
}
