/*
 * Requests: born from a terminal's event, listed, and ended by time. Everything in the event was typed or asserted by somebody; it is
 * checked whole here, and a request that fails is an incident on record, never an error of the batch that carried it.
 */
#include "server/store_applications.h"
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX_PER_TERMINAL 100
#define UNDECIDED_MS          ((sk_ms)31 * 86400 * 1000) /* a request nobody decided ends after this */

struct wish {
	const char *id, *kind, *person, *purpose, *access, *class, *destination, *device_key, *serial;
	long long hours;
};

/* No control characters and nothing that acts on a screen: what it is shown as is what it is. */
static int plain(const json_t *o, const char *name, size_t min, size_t max, const char **out, struct sk_err *err)
{
	char shown[1024];
	int r = sk_json_str(o, name, min, max, out, err);

	if (r < 0)
		return r;
	sk_text_printable(shown, sizeof(shown), *out, strlen(*out));
	if (strcmp(shown, *out) != 0)
		return sk_err_set(err, -EINVAL, "field %s: holds characters that cannot be shown", name);
	return 0;
}

static bool one_of(const char *value, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(value, *list) == 0)
			return true;
	}
	return false;
}

static int device_read(const json_t *o, struct wish *w, json_t **out, struct sk_err *err)
{
	static const char *const names[] = {"vendor_id",  "product_id", "vendor", "product", "serial",
	                                    "device_key", "grade",      "port",   NULL};
	json_t *d = json_object();
	int r = d == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && names[i] != NULL; i++) {
		const char *v = "";

		if (json_object_get(o, names[i]) != NULL && !json_is_null(json_object_get(o, names[i])))
			r = plain(o, names[i], 0, 255, &v, err);
		if (r == 0 && json_object_set_new(d, names[i], json_string(v)) != 0)
			r = -ENOMEM;
	}
	if (r == 0) {
		uint8_t raw[SK_SHA256_LEN];

		w->serial = json_string_value(json_object_get(d, "serial"));
		w->device_key = json_string_value(json_object_get(d, "device_key"));
		if (strlen(w->device_key) != 2 * SK_SHA256_LEN || sk_unhex(w->device_key, raw, sizeof(raw)) < 0)
			r = sk_err_set(err, -EINVAL, "field device_key: not 64 hexadecimal digits");
		else if (strlen(w->serial) > 191)
			r = sk_err_set(err, -EINVAL, "field serial: too long");
	}
	if (r < 0) {
		json_decref(d);
		return r;
	}
	*out = d;
	return 0;
}

static int wish_read(const json_t *o, struct wish *w, json_t **device, struct sk_err *err)
{
	static const char *const kinds[] = {"media", NULL}, *const accesses[] = {"ro", "rw", NULL},
	                         *const classes[] = {"1", "2", "3", "4", "none", NULL};
	json_t *d;
	int r;

	w->destination = "";
	if ((r = plain(o, "id", 36, 36, &w->id, err)) < 0 || (r = plain(o, "kind", 1, 20, &w->kind, err)) < 0 ||
	    (r = plain(o, "person", 1, 63, &w->person, err)) < 0 ||
	    (r = plain(o, "purpose", 1, 255, &w->purpose, err)) < 0 ||
	    (r = plain(o, "access", 2, 2, &w->access, err)) < 0 || (r = plain(o, "class", 1, 4, &w->class, err)) < 0 ||
	    (r = sk_json_int(o, "hours", 1, 366 * 24, &w->hours, err)) < 0 ||
	    (r = sk_json_obj(o, "device", &d, err)) < 0)
		return r;
	if (json_object_get(o, "destination") != NULL &&
	    (r = plain(o, "destination", 0, 255, &w->destination, err)) < 0)
		return r;
	if (!sk_text_is_id(w->id))
		return sk_err_set(err, -EINVAL, "field id: not a UUID");
	if (!one_of(w->kind, kinds) || !one_of(w->access, accesses) || !one_of(w->class, classes))
		return sk_err_set(err, -EINVAL, "field kind, access or class: not a known value");
	return device_read(d, w, device, err);
}

/* The kind a terminal's request is of: the office's, or the shipped one where its text has none. */
static int kind_of_terminals(struct sk_store *s, struct sk_kinds **all, const struct sk_kind **out)
{
	char *text = NULL;
	int r = sk_store_kinds_text(s, &text);

	*all = NULL;
	*out = NULL;
	if (r == 0 && sk_kinds_parse("kinds", text, strlen(text), all, NULL) == 0)
		*out = sk_kind_find(*all, SK_KIND_OF_TERMINALS);
	free(text);
	if (r < 0 && r != -ENOENT)
		return r;
	if (*out == NULL) {
		*all = sk_kinds_free(*all);
		r = sk_kinds_parse("kinds.ini", sk_kinds_shipped, strlen(sk_kinds_shipped), all, NULL);
		*out = r == 0 ? sk_kind_find(*all, SK_KIND_OF_TERMINALS) : NULL;
	}
	return *out == NULL || (*out)->record ? -EIO : 0;
}

/* NULL, or why it is not accepted (msgid): it comes back at once, and nobody's time is taken. */
static const char *against_the_kind(const struct sk_kind *k, const struct wish *w)
{
	static const char *const known[] = {"purpose", "destination", "medium", "terminal", "access", NULL};
	unsigned bit = 0;

	for (size_t i = 0; sk_class_names[i] != NULL; i++)
		bit |= strcmp(sk_class_names[i], w->class) == 0 ? 1u << i : 0;
	if (k->classes != 0 && (k->classes & bit) == 0)
		return N_("This class is not possible here.");
	if (w->hours > (long long)k->longest * 24)
		return N_("This is longer than the kind allows.");
	for (size_t i = 0; i < k->n_fields; i++) {
		if (!k->fields[i].needed)
			continue;
		if (strcmp(k->fields[i].name, "destination") == 0 && w->destination[0] == '\0')
			return N_("The destination has to be told.");
		if (!one_of(k->fields[i].name, known))
			return N_("The office asks for more than a terminal tells: apply on the console.");
	}
	return NULL;
}

static int send_back(struct sk_store *s, int64_t number, const char *why, sk_ms now)
{
	struct sk_actor by;
	int r = db_run(s, "UPDATE requests SET state = 'returned', reason = ? WHERE number = ?", "si",
	               sk_tr(SK_LANG_JA, why), number);

	actor_system(&by);
	return r < 0 ? r : request_history(s, number, "return", &by, sk_tr(SK_LANG_JA, why), NULL, 0, now);
}

static int request_insert(struct sk_store *s, const char *terminal, const struct wish *w, const json_t *device,
                          const struct sk_event *e, const struct sk_kind *kind, sk_ms now)
{
	char route[128];
	const char *why;
	struct sk_actor by;
	char *text = sk_json_text(device);
	int64_t open = 0, number = 0;
	int r;

	if (text == NULL)
		return -ENOMEM;
	sk_route_text(kind->steps, kind->n_steps, route);
	r = db_int(s, &open, "SELECT count(*) FROM requests WHERE terminal = ? AND state IN ('submitted', 'permitted')",
	           "s", terminal);
	if (r == 0 && open >= OPEN_MAX_PER_TERMINAL) {
		free(text);
		return incident_add(s, terminal, "request-too-many", e->seq,
		                    "too many undecided requests of one terminal", now);
	}
	if (r == 0)
		r = db_int(s, &number,
		           "INSERT INTO requests(id, terminal, kind, person, device, device_key, serial, "
		           "purpose, access, hours, class,"
		           " destination, state, created, updated, fiscal_year, fiscal_serial, route) "
		           "VALUES(?1,?2,?3,?4,?5,?6,?7,"
		           "?8,?9,?10,?11,?12,'submitted',?13,?14,?15,"
		           " (SELECT coalesce(max(fiscal_serial), 0) + 1 FROM requests WHERE fiscal_year = ?15), ?16) "
		           "ON CONFLICT "
		           "DO NOTHING RETURNING number",
		           "sssssssssissiiis", w->id, terminal, w->kind, w->person, text, w->device_key, w->serial,
		           w->purpose, w->access, (int64_t)w->hours, w->class, w->destination,
		           e->time < now ? e->time : now, now, (int64_t)sk_clock_fiscal_year(now), route);
	free(text);
	if (r == -ENOENT)
		return 0; /* known before */
	if (r < 0)
		return r;
	actor_device(&by, terminal);
	sk_text_copy(by.name, sizeof(by.name), w->person);
	r = request_history(s, number, "created", &by, "", w->access, 0, now);
	why = r < 0 ? NULL : against_the_kind(kind, w);
	return why == NULL ? r : send_back(s, number, why, now);
}

int request_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	struct wish w = {0};
	struct sk_err err = SK_ERR_INIT;
	json_t *body = NULL, *dev = NULL;
	const struct sk_kind *kind = NULL;
	struct sk_kinds *kinds = NULL;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, &err);

	if (r == 0)
		r = wish_read(body, &w, &dev, &err);
	if (r == 0 && (r = kind_of_terminals(s, &kinds, &kind)) == 0)
		r = request_insert(s, device, &w, dev, e, kind, now);
	else if (r != -ENOMEM)
		r = incident_add(s, device, "request-malformed", e->seq, err.text, now);
	sk_kinds_free(kinds);
	json_decref(dev);
	json_decref(body);
	return r;
}

int request_history(struct sk_store *s, int64_t number, const char *action, const struct sk_actor *by,
                    const char *reason, const char *access, sk_ms until, sk_ms now)
{
	char object[32];
	int r =
	    db_run(s,
	           "INSERT INTO request_history(request, time, action, user, name, role, unit, reason, access, until)"
	           " VALUES(?,?,?,?,?,?,?,?,?,nullif(?, 0))",
	           "iisssssssi", number, now, action, by->user, by->name, sk_role_name(by->role), by->unit, reason,
	           access, until);
	json_t *detail;

	if (r < 0)
		return r;
	detail = json_pack("{s:s,s:s?,s:I}", "reason", reason, "access", access, "until", (json_int_t)until);
	if (detail == NULL)
		return -ENOMEM;
	snprintf(object, sizeof(object), "request:%lld", (long long)number);
	return audit_add(s, by, action, object, detail, now);
}

#define REQUEST \
	"SELECT q.number, printf('%d-%04d', q.fiscal_year, q.fiscal_serial) AS label, q.id, q.kind, q.state, " \
	"q.terminal, " \
	"t.host, t.unit, u.name_ja AS unit_ja, u.name_en AS " \
	"unit_en, q.person," \
	" q.device AS \"device|j\", q.purpose, q.access, q.hours, q.class, q.destination, q.created, q.updated, " \
	"q.until, q.reason," \
	" q.permitted_by, q.permitted_at, q.approved_by, q.approved_at, q.granted_access, q.\"grant\", " \
	"coalesce(q.application, 0) AS application, q.ledger, q.starts, q.route, q.step," \
	" EXISTS(SELECT 1 FROM grants g WHERE g.request = q.number AND g.passphrase = 1) AS \"release|b\"" \
	" FROM requests q JOIN terminals t ON t.id = q.terminal JOIN units u ON u.key = t.unit"

json_t *sk_store_requests(struct sk_store *s, const char *unit, const char *person, const char *state, int limit,
                          int offset)
{
	if (state != NULL && strcmp(state, "all") != 0)
		return db_list(
		    s,
		    REQUEST " WHERE q.state = ?1 AND " WITHIN(2, "t.unit") " AND (?3 IS NULL OR q.person = ?3)"
		                                                           " ORDER BY q.number DESC LIMIT ?4 OFFSET ?5",
		    "sssii", state, unit, person, (int64_t)limit, (int64_t)offset);
	return db_list(s,
	               REQUEST " WHERE (?1 <> 0 OR q.state IN ('submitted', 'permitted')) AND " WITHIN(
	                   2, "t.unit") " AND (?3 IS NULL OR q.person = ?3) ORDER BY q.number DESC LIMIT ?4 OFFSET ?5",
	               "issii", (int64_t)(state != NULL), unit, person, (int64_t)limit, (int64_t)offset);
}

static json_t *earlier(struct sk_store *s, int64_t number, const char *unit)
{
	return db_list(
	    s,
	    REQUEST " JOIN requests o ON o.number = ?1 WHERE q.number <> o.number AND " WITHIN(
	        2, "t.unit") " AND "
	                     "(q.device_key = o.device_key OR q.person "
	                     "= o.person"
	                     " OR (o.serial <> '' AND q.serial = o.serial AND json_extract(q.device, '$.vendor_id', "
	                     "'$.product_id') ="
	                     " json_extract(o.device, '$.vendor_id', '$.product_id'))) ORDER BY q.number DESC LIMIT 20",
	    "is", number, unit);
}

int sk_store_request_label(struct sk_store *s, int64_t number, char label[32])
{
	struct db_rows *st = db_query(
	    s, "SELECT printf('%d-%04d', fiscal_year, fiscal_serial) FROM requests WHERE number = ?", "i", number);
	int r = db_next(st);

	if (r == 1)
		db_copy(st, 0, label, 32);
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

json_t *sk_store_request(struct sk_store *s, int64_t number, const char *unit)
{
	json_t *q = db_object(s, REQUEST " WHERE q.number = ?", "i", number);
	json_t *history, *others, *media, *votes;

	if (q == NULL)
		return NULL;
	votes =
	    db_list(s, "SELECT step, role, user, name, time FROM request_votes WHERE request = ? ORDER BY time, role",
	            "i", number);
	history = db_list(s,
	                  "SELECT time, action, user, name, role, unit, reason, access, until FROM request_history "
	                  "WHERE request = ? ORDER BY id",
	                  "i", number);
	others = earlier(s, number, unit);
	media =
	    db_list(s,
	            "SELECT m.ledger, m.label, m.state FROM media m JOIN requests q ON q.device_key = m.device_key AND "
	            "q.serial = m.serial WHERE q.number = ? AND m.state NOT IN ('lost', 'erased', 'disposed') ORDER BY "
	            "m.ledger LIMIT 20",
	            "i", number);
	if (history == NULL || others == NULL || media == NULL || votes == NULL ||
	    json_object_set(q, "votes", votes) != 0 || json_object_set(q, "media", media) != 0 ||
	    json_object_set(q, "history", history) != 0 || json_object_set(q, "earlier", others) != 0) {
		json_decref(q);
		q = NULL;
	}
	json_decref(history);
	json_decref(others);
	json_decref(media);
	json_decref(votes);
	return q;
}

/* One ended request: its state, its grant, its line of history. */
static int expire_one(struct sk_store *s, int64_t number, sk_ms now)
{
	struct sk_actor by;
	int r = db_run(s, "UPDATE requests SET state = 'expired', updated = ? WHERE number = ?", "ii", now, number);

	if (r > 0)
		r = db_run(s, "UPDATE grants SET ended = ? WHERE request = ? AND ended IS NULL", "ii", now, number);
	actor_system(&by);
	return r < 0 ? r : request_history(s, number, "expire", &by, "", NULL, 0, now);
}

int requests_expire(struct sk_store *s, const char *device, sk_ms now)
{
	/* Not decided in time; permitted, but the permit's limit passed; granted, and the grant ended. */
	json_t *due = db_list(
	    s,
	    "SELECT number FROM requests WHERE (?1 IS NULL OR terminal = ?1) AND ((state IN ('submitted', 'permitted')"
	    " AND (updated <= ?2 OR until <= ?3)) OR (state = 'approved' AND until <= ?3)) LIMIT 500",
	    "sii", device, now - UNDECIDED_MS, now);
	int r = due == NULL ? -EIO : 0, n = (int)json_array_size(due);
	json_t *q;
	size_t i;

	if (n > 0 && (r = db_begin(s)) == 0) {
		json_array_foreach(due, i, q)
		{
			if (r >= 0)
				r = expire_one(s, json_integer_value(json_object_get(q, "number")), now);
		}
		r = db_finish(s, r < 0 ? r : 0);
	}
	json_decref(due);
	return r < 0 ? r : n;
}
