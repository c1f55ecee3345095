/* Erasing of media, as the terminals recorded it: each by the grant under which it was done. */
#include "server/store_inside.h"

#include <string.h>

#include "common/chain.h"
#include "common/json.h"

#define ERASURES_MAX 200 /* under one grant */

static void take(json_t *list, const char *kind, sk_ms at, const char *grant, json_t *body)
{
	const char *of = json_string_value(json_object_get(body, "grant"));
	json_t *one;

	if (of == NULL || strcmp(of, grant) != 0)
		return;
	one = json_pack("{s:s,s:I,s:O}", "kind", kind, "time", (json_int_t)at, "body", body);
	if (one != NULL)
		(void)json_array_append_new(list, one);
}

json_t *sk_store_erasures(struct sk_store *s, int64_t number)
{
	json_t *request =
	    db_object(s,
	              "SELECT q.terminal, g.id AS grant_id FROM requests q JOIN grants g ON g.request = q.number "
	              "WHERE q.number = ?",
	              "i", number);
	const char *terminal = json_string_value(json_object_get(request, "terminal"));
	const char *grant = json_string_value(json_object_get(request, "grant_id"));
	json_t *list = json_array(), *body;
	struct db_rows *st;

	if (terminal != NULL && grant != NULL && list != NULL) {
		st = db_query(s,
		              "SELECT kind, time, body FROM events WHERE device = ? AND kind IN ('medium.erasing', "
		              "'medium.erased', 'medium.not-erased') AND instr(body, ?) > 0 ORDER BY seq LIMIT ?",
		              "ssi", terminal, grant, (int64_t)ERASURES_MAX);
		while (st != NULL && db_next(st) == 1) {
			body = NULL;
			if (sk_json_parse(db_text(st, 2), strlen(db_text(st, 2)), SK_EVENT_BODY_MAX, &body, NULL) == 0)
				take(list, db_text(st, 0), db_number(st, 1), grant, body);
			json_decref(body);
		}
		db_end(st);
	}
	json_decref(request);
	return list;
}
