/* What was written under a request's grant, as the terminal recorded it, beside what the request listed. */
#include "server/store_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/chain.h"
#include "common/json.h"
#include "policy/takeout.h"

#define BATCHES_MAX 4000 /* of one grant; some 250,000 files */

static json_t *listed_of(struct sk_store *s, const char *terminal, const char *id)
{
	struct db_rows *st = db_query(s,
	                              "SELECT body FROM events WHERE device = ? AND kind = 'request.created' AND "
	                              "instr(body, ?) > 0 ORDER BY seq LIMIT 1",
	                              "ss", terminal, id);
	json_t *body = NULL, *files = NULL;

	if (st != NULL && db_next(st) == 1 &&
	    sk_json_parse(db_text(st, 0), strlen(db_text(st, 0)), SK_EVENT_BODY_MAX, &body, NULL) == 0 &&
	    sk_takeout_list_check(json_object_get(body, "files"), NULL) == 0)
		files = json_incref(json_object_get(body, "files"));
	db_end(st);
	json_decref(body);
	return files;
}

struct told {
	json_t *files;
	json_int_t gaps, batches;
	bool complete; /* the last use was told to its end */
};

static void take(struct told *t, const char *kind, const char *grant, const json_t *body)
{
	const char *of = json_string_value(json_object_get(body, "grant"));

	if (of == NULL || strcmp(of, grant) != 0)
		return;
	if (strcmp(kind, "medium.record-gap") == 0)
		t->gaps++;
	t->complete = strcmp(kind, "medium.recorded") == 0;
	if (strcmp(kind, "file.written") == 0 && json_is_array(json_object_get(body, "files")))
		(void)json_array_extend(t->files, json_object_get(body, "files"));
	t->batches++;
}

static void read_written(struct sk_store *s, const char *terminal, const char *grant, struct told *t)
{
	struct db_rows *st =
	    db_query(s,
	             "SELECT kind, body FROM events WHERE device = ? AND kind IN ('file.written', 'medium.recorded', "
	             "'medium.record-gap') AND instr(body, ?) > 0 ORDER BY seq LIMIT ?",
	             "ssi", terminal, grant, (int64_t)BATCHES_MAX);
	json_t *body;

	while (st != NULL && db_next(st) == 1) {
		body = NULL;
		if (sk_json_parse(db_text(st, 1), strlen(db_text(st, 1)), SK_EVENT_BODY_MAX, &body, NULL) == 0)
			take(t, db_text(st, 0), grant, body);
		json_decref(body);
	}
	db_end(st);
}

json_t *sk_store_takeout(struct sk_store *s, int64_t number)
{
	json_t *request =
	    db_object(s,
	              "SELECT q.id, q.terminal, g.class, g.id AS grant_id FROM requests q JOIN grants g ON g.request = "
	              "q.number WHERE q.number = ?",
	              "i", number);
	const char *terminal = json_string_value(json_object_get(request, "terminal"));
	const char *id = json_string_value(json_object_get(request, "id"));
	const char *grant = json_string_value(json_object_get(request, "grant_id"));
	const char *approved = json_string_value(json_object_get(request, "class"));
	struct told t = {.files = json_array()};
	json_t *listed = NULL, *out = NULL;

	if (terminal != NULL && id != NULL && grant != NULL && t.files != NULL) {
		listed = listed_of(s, terminal, id);
		read_written(s, terminal, grant, &t);
		out = sk_takeout_compare(listed, t.files, approved);
	}
	if (out != NULL) {
		(void)json_object_set(out, "written", t.files);
		(void)json_object_set_new(out, "approved_class", json_string(approved != NULL ? approved : ""));
		(void)json_object_set_new(out, "gaps", json_integer(t.gaps));
		(void)json_object_set_new(out, "complete", json_boolean(t.complete));
		(void)json_object_set_new(out, "recorded", json_boolean(t.batches > 0));
	}
	json_decref(listed);
	json_decref(t.files);
	json_decref(request);
	return out;
}

static json_int_t count_of(const json_t *t, const char *list)
{
	return (json_int_t)json_array_size(json_object_get(t, list));
}

/* The comparison, in the audit trail; and what left that was not approved, as incidents. */
static int put_down(struct sk_store *s, const char *device, int64_t seq, int64_t number, const json_t *t, sk_ms now)
{
	struct sk_actor by;
	char object[48];
	int r;

	actor_device(&by, device);
	(void)snprintf(object, sizeof(object), "request:%lld", (long long)number);
	r = audit_add(s, &by, "takeout.compared", object,
	              json_pack("{s:O,s:O,s:O,s:I,s:I,s:I}", "listed", json_object_get(t, "listed"), "files",
	                        json_object_get(t, "files"), "gaps", json_object_get(t, "gaps"), "missing",
	                        count_of(t, "missing"), "unlisted", count_of(t, "unlisted"), "above",
	                        count_of(t, "above")),
	              now);
	if (r >= 0 && count_of(t, "unlisted") > 0)
		r = incident_add(s, device, "takeout-unlisted", seq,
		                 "files were written to a medium that its request does not list", now);
	if (r >= 0 && count_of(t, "above") > 0)
		r = incident_add(s, device, "takeout-class", seq,
		                 "files of a class above the approved one were written to a medium", now);
	return r;
}

/* A use was told to its end: what was written is set against what was approved. Where nothing was listed and no file is of a class above the
 * approval there is nothing to tell. */
int takeout_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	json_t *body = NULL, *t = NULL;
	int64_t number = 0;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL);
	const char *grant = r < 0 ? NULL : json_string_value(json_object_get(body, "grant"));

	r = grant == NULL
	        ? 0
	        : db_int(s, &number, "SELECT coalesce(max(request), 0) FROM grants WHERE id = ? AND terminal = ?", "ss",
	                 grant, device);
	if (r == 0 && number > 0)
		t = sk_store_takeout(s, number);
	if (json_integer_value(json_object_get(t, "listed")) > 0 || count_of(t, "above") > 0)
		r = put_down(s, device, e->seq, number, t, now);
	json_decref(t);
	json_decref(body);
	return r < 0 ? r : 0;
}
