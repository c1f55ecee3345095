/*
 * Walking the chains. A terminal's begins at record 1, or above the last record that was deleted when its time had come: the audit trail
 * says how far that was (server/retention.h).
 */
#include "server/store_inside.h"

#include <errno.h>
#include <string.h>

#include "server/retention.h"

static void walk_record(struct chain_walk *w, struct db_rows *st)
{
	struct sk_event e = {.seq = db_number(st, 0), .time = db_number(st, 1)};
	enum sk_chain_result res;

	db_copy(st, 2, e.kind, sizeof(e.kind));
	e.body = (char *)(uintptr_t)db_text(st, 3); /* read only, until the next step */
	e.body_len = db_length(st, 3);
	db_copy(st, 4, e.prev, sizeof(e.prev));
	db_copy(st, 5, e.hash, sizeof(e.hash));
	res = sk_chain_follows(w->device, w->last, w->hash, &e);
	if (res != SK_CHAIN_OK) {
		w->state = res == SK_CHAIN_GAP ? "gap" : res == SK_CHAIN_FORK ? "fork" : "forged";
		w->at = e.seq;
		return;
	}
	w->last = e.seq;
	sk_text_copy(w->hash, sizeof(w->hash), e.hash);
	w->records++;
}

int chain_walk(struct sk_store *s, struct chain_walk *w, int64_t to)
{
	struct db_rows *st = db_query(s,
	                              "SELECT seq, time, kind, body, prev, hash FROM events WHERE device = ?1 AND seq "
	                              "> ?2 AND seq <= ?3 ORDER BY "
	                              "seq",
	                              "sii", w->device, w->last, to);
	int r = 0;

	w->state = "ok";
	while (w->state[0] == 'o' && (r = db_next(st)) == 1)
		walk_record(w, st);
	db_end(st);
	return r < 0 ? r : 0;
}

/* One terminal's chain, from where it begins to the head that its row names: records cut off at either end show too. */
static int walk_terminal(struct sk_store *s, struct chain_walk *w, const json_t *t, const json_t *deleted)
{
	int64_t head = json_integer_value(json_object_get(t, "last_seq"));
	int r;

	w->last = json_integer_value(json_object_get(t, "base"));
	sk_text_copy(w->hash, sizeof(w->hash),
	             w->last > 0 ? json_string_value(json_object_get(t, "base_hash")) : SK_CHAIN_ZERO);
	if (w->last > 0 && !sk_retention_told(deleted, w->device, w->last, w->hash)) {
		w->state = "cut";
		w->at = w->last;
		return 0;
	}
	r = chain_walk(s, w, INT64_MAX);
	if (r == 0 && w->state[0] == 'o' &&
	    (w->last != head || strcmp(w->hash, json_string_value(json_object_get(t, "last_hash"))) != 0)) {
		w->state = "cut";
		w->at = head;
	}
	return r;
}

static int verify_terminals(struct sk_store *s, const json_t *deleted, json_t *findings)
{
	json_t *list =
	    db_list(s,
	            "SELECT t.id, t.host, t.last_seq, t.last_hash, coalesce(b.seq, 0) AS base, coalesce(b.hash, "
	            "'') AS base_hash FROM terminals t LEFT JOIN chain_bases b ON b.device = t.id ORDER BY t.host, "
	            "t.id",
	            "");
	int broken = 0, r = list == NULL ? -EIO : 0;
	json_t *t;
	size_t i;

	json_array_foreach(list, i, t)
	{
		struct chain_walk w = {.device = json_string_value(json_object_get(t, "id"))};

		r = walk_terminal(s, &w, t, deleted);
		if (r < 0)
			break;
		broken += w.state[0] != 'o';
		json_array_append_new(findings,
		                      json_pack("{s:s,s:s,s:I,s:s,s:I}", "chain", w.device, "host",
		                                json_string_value(json_object_get(t, "host")), "records",
		                                (json_int_t)w.records, "state", w.state, "at", (json_int_t)w.at));
	}
	json_decref(list);
	return r < 0 ? r : broken;
}

int sk_store_verify(struct sk_store *s, json_t **out, struct sk_err *err)
{
	json_t *findings = json_array(), *deleted = json_object();
	int r, audit = 0;

	if (findings == NULL || deleted == NULL) {
		json_decref(findings);
		json_decref(deleted);
		return sk_err_set(err, -ENOMEM, "%s: out of memory", s->path);
	}
	r = db_begin_read(s);
	if (r >= 0) {
		r = audit = audit_verify(s, deleted, findings);
		if (r >= 0)
			r = verify_terminals(s, deleted, findings);
		r = db_finish(s, r);
	}
	json_decref(deleted);
	if (r < 0) {
		json_decref(findings);
		return db_fail(s, err, r, "chains cannot be read");
	}
	*out = findings;
	return r + audit;
}
