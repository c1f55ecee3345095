/*
 * What terminals tell of a registered medium's end or of its way out: erased (2(2)コ, 4.1(7)), or a passphrase given to a recipient (2(2)ケ). It stands in the
 * medium's history. A medium that was erased under a grant for it, all of it read back, is 消去済 in the ledger from then on.
 */
#include "server/store_inside.h"
#include "server/store_media.h"

#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "policy/ledger.h"

#define GRANTS_MAX 20 /* under which one medium was erased, the newest */

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

/* The registered medium that an event names, as it stands now, with the host that tells; NULL = none. */
static json_t *named(struct sk_store *s, const char *device, const json_t *body)
{
	const char *ledger = text_of(body, "ledger");

	if (!sk_ledger_is_number(ledger))
		return NULL;
	return db_object(
	    s,
	    "SELECT m.ledger, m.state, t.host FROM media m, terminals t WHERE m.ledger = ? AND m.device_key = ? "
	    "AND t.id = ?",
	    "sss", ledger, text_of(body, "device_key"), device);
}

static int put(struct sk_store *s, const char *device, const json_t *row, const char *action, const char *reason,
               const char *state, sk_ms now)
{
	struct sk_actor by;

	actor_device(&by, device);
	sk_text_copy(by.name, sizeof(by.name), text_of(row, "host"));
	return media_note(s, &by, text_of(row, "ledger"), action, reason, state, now);
}

/* Under a grant for it, which this server gave that terminal, and to the last byte? What a terminal says beyond that is its word alone. */
static bool wholly_erased(struct sk_store *s, const char *device, const json_t *row, const json_t *body)
{
	json_int_t size = json_integer_value(json_object_get(body, "size"));
	int64_t n = 0;

	if (size <= 0 || json_integer_value(json_object_get(body, "verified")) != size)
		return false;
	return db_int(s, &n, "SELECT count(*) FROM grants WHERE id = ? AND terminal = ? AND ledger = ? AND erase = 1",
	              "sss", text_of(body, "grant"), device, text_of(row, "ledger")) == 0 &&
	       n == 1;
}

int media_was_erased(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	bool erased = strcmp(e->kind, "medium.erased") == 0;
	json_t *body = NULL, *row;
	const char *state;
	char reason[160];
	int r = 0;

	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0)
		return 0;
	row = named(s, device, body);
	if (row != NULL) {
		state = text_of(row, "state");
		(void)snprintf(reason, sizeof(reason), "%.16s %lld/%lld",
		               text_of(body, "method")[0] != '\0' ? text_of(body, "method") : "-",
		               (long long)json_integer_value(json_object_get(body, "verified")),
		               (long long)json_integer_value(json_object_get(body, "size")));
		/* Lost stays lost until a person says that it was found; disposed of is final. */
		if (erased && strcmp(state, "lost") != 0 && strcmp(state, "disposed") != 0 &&
		    wholly_erased(s, device, row, body)) {
			state = "erased";
			r = db_run(s, "UPDATE media SET state = 'erased', updated = ? WHERE ledger = ?", "is", now,
			           text_of(row, "ledger"));
		}
		if (r >= 0)
			r = put(s, device, row, erased ? "erased" : "not-erased", reason, state, now);
	}
	json_decref(row);
	json_decref(body);
	return r < 0 ? r : 0;
}

/* Only what a grant of this server allowed is believed; anything else is an incident. */
int media_was_released(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	json_t *body = NULL, *row = NULL;
	char reason[400];
	int64_t n = 0;
	int r = 0;

	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0)
		return 0;
	row = named(s, device, body);
	r = db_int(s, &n, "SELECT count(*) FROM grants WHERE id = ? AND terminal = ? AND ledger = ? AND passphrase = 1",
	           "sss", text_of(body, "grant"), device, text_of(body, "ledger"));
	if (r == 0 && (row == NULL || n != 1))
		r = incident_add(s, device, "medium-released", e->seq,
		                 "a passphrase of a container was given without a permit for it", now);
	if (r >= 0 && row != NULL) {
		(void)sk_text_printable(reason, sizeof(reason), text_of(body, "recipient"),
		                        strnlen(text_of(body, "recipient"), 120));
		r = put(s, device, row, "released", reason, text_of(row, "state"), now);
	}
	json_decref(row);
	json_decref(body);
	return r < 0 ? r : 0;
}

json_t *sk_store_medium_erasures(struct sk_store *s, const char *ledger)
{
	json_t *grants =
	    db_list(s,
	            "SELECT g.request, printf('%d-%04d', q.fiscal_year, q.fiscal_serial) AS label, "
	            "g.permitted_by, g.approved_by, t.host, g.class FROM grants g JOIN requests q ON q.number = "
	            "g.request JOIN terminals t ON t.id = g.terminal WHERE g.ledger = ? AND g.erase = 1 ORDER BY "
	            "g.\"from\" DESC LIMIT ?",
	            "si", ledger, (int64_t)GRANTS_MAX);
	json_t *out = json_array(), *one, *e;
	size_t k;

	for (size_t i = json_array_size(grants); out != NULL && i-- > 0;) {
		json_t *g = json_array_get(grants, i);

		one = sk_store_erasures(s, json_integer_value(json_object_get(g, "request")));
		json_array_foreach(one, k, e)
		{
			if (strcmp(text_of(json_object_get(e, "body"), "ledger"), ledger) != 0)
				continue;
			(void)json_object_set(e, "permit", g);
			(void)json_array_append(out, e);
		}
		json_decref(one);
	}
	json_decref(grants);
	return out;
}
