/* The media ledger's tables: what is asked for comes from a terminal and is checked whole; what is registered changes by people only. */
#include "server/store_media.h"
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ledger.h"
#include "policy/media_key.h"

#define OPEN_MAX_PER_TERMINAL 200
#define BUNDLE_BYTES \
	((size_t)120 * \
	 1024) /* of the list in a bundle, beside the grants: about 400 media; those with grants come first */

/* ---- what a terminal asks for ---- */

struct medium {
	const char *ledger, *label, *device_key, *serial, *media_key, *vendor_id, *product_id, *vendor, *product;
	long long size;
	const char *container_key; /* "" = it is none */
	const char *zone; /* of the terminal; "" = it does not say */
};

static int plain(const json_t *o, const char *name, size_t max, const char **out, struct sk_err *err)
{
	char shown[1024];
	int r;

	*out = "";
	if (json_object_get(o, name) == NULL || json_is_null(json_object_get(o, name)))
		return 0;
	r = sk_json_str(o, name, 0, max, out, err);
	if (r < 0)
		return r;
	sk_text_printable(shown, sizeof(shown), *out, strlen(*out));
	return strcmp(shown, *out) == 0
	           ? 0
	           : sk_err_set(err, -EINVAL, "field %s: holds characters that cannot be shown", name);
}

static int hash_of(const json_t *o, const char *name, const char **out, struct sk_err *err)
{
	uint8_t raw[SK_SHA256_LEN];
	int r = sk_json_str(o, name, SK_SHA256_HEX - 1, SK_SHA256_HEX - 1, out, err);

	if (r == 0 && sk_unhex(*out, raw, sizeof(raw)) < 0)
		r = sk_err_set(err, -EINVAL, "field %s: not 64 hexadecimal digits", name);
	return r;
}

/* The media key must be that of the volumes told: what is shown to who approves is what is signed. */
static int volumes_of(const json_t *o, struct medium *m, struct sk_err *err)
{
	json_t *facts =
	    json_pack("{s:O?, s:O?}", "bytes", json_object_get(o, "size"), "volumes", json_object_get(o, "volumes"));
	char key[SK_SHA256_HEX];
	struct sk_volumes v;
	int r = facts == NULL ? -ENOMEM : sk_volumes_parse(facts, &v, err);

	json_decref(facts);
	if (r == 0)
		r = sk_media_key(&v, key);
	if (r == 0 && strcmp(key, m->media_key) != 0)
		r = sk_err_set(err, -EINVAL, "field media_key: not that of the volumes");
	return r;
}

/* It was made a container: the whole of it, and the key can be opened. */
static int container_read(const struct sk_store *s, const char *terminal, const json_t *o, struct medium *m,
                          struct sk_err *err)
{
	const json_t *volumes = json_object_get(o, "volumes"), *one = json_array_get(volumes, 0);
	const char *type = json_string_value(json_object_get(one, "type"));
	int r = sk_json_str_opt(o, "container_key", SK_SEALED_KEY_HEX - 1, &m->container_key, err);

	if (r < 0 || m->container_key[0] == '\0')
		return r;
	if (json_array_size(volumes) != 1 || type == NULL || strcmp(type, "crypto_LUKS") != 0)
		return sk_err_set(err, -EINVAL, "field container_key: the medium is no container");
	if (container_check(s, m->container_key, terminal, m->ledger) < 0)
		return sk_err_set(err, -EINVAL, "field container_key: not sealed to this server, by this terminal");
	return 0;
}

static int medium_read(const json_t *o, struct medium *m, struct sk_err *err)
{
	enum sk_zone z;
	int r;

	if ((r = hash_of(o, "device_key", &m->device_key, err)) < 0 ||
	    (r = hash_of(o, "media_key", &m->media_key, err)) < 0 ||
	    (r = plain(o, "ledger", 32, &m->ledger, err)) < 0 || (r = plain(o, "label", 120, &m->label, err)) < 0 ||
	    (r = plain(o, "serial", 191, &m->serial, err)) < 0 ||
	    (r = plain(o, "vendor_id", 8, &m->vendor_id, err)) < 0 ||
	    (r = plain(o, "product_id", 8, &m->product_id, err)) < 0 ||
	    (r = plain(o, "vendor", 191, &m->vendor, err)) < 0 ||
	    (r = plain(o, "product", 191, &m->product, err)) < 0 ||
	    (r = sk_json_int(o, "size", 1, INT64_MAX, &m->size, err)) < 0)
		return r;
	if (!sk_ledger_is_number(m->ledger))
		return sk_err_set(err, -EINVAL, "field ledger: not a ledger number");
	if ((r = sk_json_str_opt(o, "zone", 16, &m->zone, err)) < 0)
		return r;
	if (m->zone[0] != '\0' && sk_zone_parse(m->zone, &z) < 0)
		return sk_err_set(err, -EINVAL, "field zone: not a known value");
	return volumes_of(o, m, err);
}

static int request_insert(struct sk_store *s, const char *terminal, const struct medium *m, const json_t *volumes,
                          const struct sk_event *e, sk_ms now)
{
	char *text = sk_json_text(volumes);
	struct sk_actor by;
	int64_t open = 0;
	char object[64];
	int r = text == NULL
	            ? -ENOMEM
	            : db_int(s, &open, "SELECT count(*) FROM media_requests WHERE terminal = ? AND state = 'open'", "s",
	                     terminal);

	if (r == 0 && open >= OPEN_MAX_PER_TERMINAL) {
		free(text);
		return incident_add(s, terminal, "media-too-many", e->seq,
		                    "too many undecided registrations of one terminal", now);
	}
	if (r == 0)
		r = db_run(
		    s,
		    "INSERT INTO media_requests(terminal, ledger, label, device_key, serial, media_key, vendor_id, "
		    "product_id, vendor, product, size, volumes, created, container_key, zone, state) "
		    "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'open')",
		    "ssssssssssisiss", terminal, m->ledger, m->label, m->device_key, m->serial, m->media_key,
		    m->vendor_id, m->product_id, m->vendor, m->product, (int64_t)m->size, text, now, m->container_key,
		    m->zone);
	free(text);
	if (r < 0)
		return r;
	actor_device(&by, terminal);
	snprintf(object, sizeof(object), "medium:%s", m->ledger);
	return audit_add(s, &by, "medium.asked", object, json_pack("{s:s}", "media_key", m->media_key), now);
}

int media_from_event(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	struct medium m = {.container_key = "", .zone = ""};
	struct sk_err err = SK_ERR_INIT;
	json_t *body = NULL;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, &err);

	if (r == 0)
		r = medium_read(body, &m, &err);
	if (r == 0)
		r = container_read(s, device, body, &m, &err);
	if (r == 0)
		r = request_insert(s, device, &m, json_object_get(body, "volumes"), e, now);
	else if (r != -ENOMEM)
		r = incident_add(s, device, "media-malformed", e->seq, err.text, now);
	json_decref(body);
	return r;
}

/* Only a registered medium's event names a ledger number. The terminal's own time, but never one that has not come: it would stay the last. */
int media_was_opened(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	sk_ms at = e->time < now ? e->time : now;
	struct sk_err err = SK_ERR_INIT;
	json_t *body = NULL;
	const char *ledger;
	int r = 0;

	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, &err) < 0)
		return 0;
	ledger = json_string_value(json_object_get(body, "ledger"));
	if (ledger != NULL && sk_ledger_is_number(ledger))
		r = db_run(s, "UPDATE media SET seen = ?1, seen_terminal = ?2 WHERE ledger = ?3 AND seen < ?1", "iss",
		           at, device, ledger);
	json_decref(body);
	return r < 0 ? r : 0;
}

/* ---- lists ---- */

#define MEDIUM \
	"SELECT m.ledger, m.device_key, m.serial, m.media_key, m.vendor_id, m.product_id, m.vendor, m.product, " \
	"m.size, m.unit," \
	" coalesce(u.name_ja, '') AS unit_ja, coalesce(u.name_en, '') AS unit_en, m.label, m.state," \
	" CASE WHEN m.container_key <> '' THEN 'A' WHEN m.serial = '' OR EXISTS(SELECT 1 FROM media o WHERE " \
	"o.device_key = m.device_key AND o.serial = " \
	"m.serial" \
	" AND o.ledger <> m.ledger) THEN 'C' ELSE 'B' END AS grade, m.registered, m.registered_by, m.updated, " \
	"m.seen, coalesce(t.host, '') AS seen_host, m.written, m.written_zone, CASE WHEN m.cleaned > m.written THEN " \
	"m.cleaned_how ELSE '' END AS clean, m.cleaned, m.cleaned_by" \
	" FROM media m LEFT JOIN units u ON u.key = m.unit LEFT JOIN terminals t ON t.id = m.seen_terminal"

json_t *sk_store_media(struct sk_store *s, const char *unit, const char *find, const char *state, int limit, int offset)
{
	return db_list(
	    s,
	    MEDIUM " WHERE (m.unit IS NULL OR " WITHIN(
	        1, "m.unit") ") AND (?2 IS NULL OR instr(lower(m.ledger "
	                     "|| ' ' || m.serial || ' ' || m.product || ' ' || m.label), lower(?2)) > 0) AND (?3 IS "
	                     "NULL OR m.state = ?3) ORDER BY m.ledger LIMIT ?4 OFFSET ?5",
	    "sssii", unit, find, state, (int64_t)limit, (int64_t)offset);
}

json_t *sk_store_medium(struct sk_store *s, const char *ledger)
{
	json_t *o = db_object(s, MEDIUM " WHERE m.ledger = ?", "s", ledger), *history;

	if (o == NULL)
		return NULL;
	history = db_list(s,
	                  "SELECT time, action, user, name, role, reason, state FROM media_history WHERE ledger = ? "
	                  "ORDER BY id",
	                  "s", ledger);
	if (history == NULL || json_object_set_new(o, "history", history) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *sk_store_media_requests(struct sk_store *s, const char *unit, bool open_only, int limit)
{
	return db_list(
	    s,
	    "SELECT q.id, q.terminal, t.host, t.unit, q.ledger, q.label, q.device_key, q.serial, q.media_key, "
	    "q.vendor_id, q.product_id, q.vendor, q.product, q.size, q.volumes AS \"volumes|j\", q.created, "
	    "q.state, q.container_key <> '' AS \"container|b\", (SELECT min(m.ledger) FROM media m WHERE m.device_key "
	    "= q.device_key AND m.serial = "
	    "q.serial) AS known FROM media_requests q JOIN terminals t ON t.id = q.terminal WHERE " WITHIN(
	        1, "t.unit") " AND (?2 = 0 OR q.state = 'open') ORDER BY q.id DESC LIMIT ?3",
	    "sii", unit, (int64_t)open_only, (int64_t)limit);
}

/* What a terminal has to know, the most needed first: what looks like a medium it has a grant for; its section's and the office's; what must
 * be opened nowhere. NULL = failed. */
json_t *media_now(struct sk_store *s, const char *device)
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT ledger, device_key, serial, media_key, state, container_key, written_zone, clean FROM (SELECT "
	    "m.ledger, m.device_key, m.serial, m.media_key, m.state, m.updated, m.container_key, m.written_zone,"
	    " CASE WHEN m.cleaned > m.written THEN m.cleaned_how ELSE '' END AS clean,"
	    " CASE WHEN EXISTS(SELECT 1 FROM grants g WHERE g.terminal = t.id AND g.ended IS NULL AND g.device_key = "
	    "m.device_key AND (g.serial = m.serial OR g.serial = '')) THEN 1 ELSE 0 END AS granted,"
	    " CASE WHEN m.unit IS NULL OR m.unit = t.unit THEN 1 ELSE 0 END AS own FROM terminals t, media m WHERE "
	    "t.id "
	    "= ?) AS n WHERE granted = 1 OR own = 1 OR state IN ('lost', 'erased', 'disposed')"
	    " ORDER BY granted DESC, own DESC, updated DESC, ledger LIMIT 4096",
	    "s", device);
	json_t *list = json_array(), *one;
	size_t bytes = 0;
	int r;

	while ((r = db_next(st)) == 1) {
		struct sk_ledger_entry e = {.state = SK_MEDIUM_STORED};

		db_copy(st, 0, e.ledger, sizeof(e.ledger));
		db_copy(st, 1, e.device_key, sizeof(e.device_key));
		db_copy(st, 2, e.serial, sizeof(e.serial));
		db_copy(st, 3, e.media_key, sizeof(e.media_key));
		(void)sk_medium_state_parse(db_text(st, 4), &e.state);
		e.container = db_text(st, 5)[0] != '\0';
		e.has_zone = sk_zone_parse(db_text(st, 6), &e.zone) == 0;
		(void)sk_clean_parse(db_text(st, 7), &e.clean);
		one = sk_ledger_entry_json(&e);
		bytes += one == NULL ? 0 : json_dumpb(one, NULL, 0, JSON_COMPACT);
		if (bytes > BUNDLE_BYTES) {
			json_decref(one);
			r = 0;
			break;
		}
		if (json_array_append_new(list, one) != 0) {
			r = -ENOMEM;
			break;
		}
	}
	db_end(st);
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* ---- decisions ---- */

int media_note(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *action,
               const char *reason, const char *state, sk_ms now)
{
	char object[64], name[32];
	int r = db_run(s,
	               "INSERT INTO media_history(ledger, time, action, user, name, role, reason, state) "
	               "VALUES(?,?,?,?,?,?,?,?)",
	               "sissssss", ledger, now, action, by->user, by->name, sk_role_name(by->role), reason, state);

	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "medium:%s", ledger);
	snprintf(name, sizeof(name), "medium.%s", action);
	return audit_add(s, by, name, object, json_pack("{s:s, s:s}", "state", state, "reason", reason), now);
}

static int may(const struct sk_actor *by, unsigned roles, struct sk_err *err)
{
	return ((unsigned)by->role & roles) != 0
	           ? 0
	           : sk_err_set(err, -EPERM, "user %s cannot do this as %s", by->user, sk_role_name(by->role));
}

static int undecided(struct sk_store *s, int64_t id, struct sk_err *err)
{
	int64_t open = 0;
	int r = db_int(s, &open, "SELECT state = 'open' FROM media_requests WHERE id = ?", "i", id);

	if (r == -ENOENT)
		return sk_err_set(err, r, "registration %lld is not known", (long long)id);
	if (r == 0 && !open)
		r = sk_err_set(err, -ESTALE, "registration %lld was decided already", (long long)id);
	return r;
}

static int register_one(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *ledger, const char *unit,
                        sk_ms now, struct sk_err *err)
{
	int64_t other = 0, again = 0;
	int r = db_int(
	    s, &other,
	    "SELECT count(*) FROM media m JOIN media_requests q ON q.id = ?1 WHERE (m.ledger = ?2 AND (m.device_key "
	    "<> q.device_key OR m.serial <> q.serial)) OR (m.ledger <> ?2 AND m.device_key = q.device_key AND "
	    "m.serial = q.serial AND m.media_key = q.media_key)",
	    "is", id, ledger);

	if (r == 0 && other > 0)
		return sk_err_set(err, -EEXIST, "%s is another medium, or this medium has another number", ledger);
	if (r == 0)
		r = db_int(s, &again, "SELECT count(*) FROM media WHERE ledger = ?", "s", ledger);
	if (r == 0)
		r = media_zone_forget(s, id, ledger);
	if (r >= 0)
		r = db_run(
		    s,
		    "INSERT INTO media(ledger, device_key, serial, media_key, vendor_id, product_id, vendor, product, "
		    "size, unit, "
		    "label, state, container_key, container_from, container_as, registered, registered_by, updated) "
		    "SELECT "
		    "?2, q.device_key, q.serial, q.media_key, "
		    "q.vendor_id, q.product_id, q.vendor, q.product, q.size, CASE WHEN ?3 IS NULL THEN t.unit ELSE "
		    "nullif(?3, "
		    "'') END, q.label, 'stored', q.container_key, CASE WHEN q.container_key = '' THEN '' ELSE "
		    "q.terminal END, "
		    "CASE WHEN q.container_key = '' THEN '' ELSE q.ledger END, ?4, ?5, ?4 FROM media_requests q JOIN "
		    "terminals t ON t.id = "
		    "q.terminal WHERE "
		    /* Told of again without a key, the very same container keeps the one it has. */
		    "q.id = ?1 ON CONFLICT(ledger) DO UPDATE SET "
		    "container_key = CASE WHEN excluded.container_key = '' AND excluded.media_key = media.media_key "
		    "THEN "
		    "media.container_key ELSE excluded.container_key END, "
		    "container_from = CASE WHEN excluded.container_key = '' AND excluded.media_key = media.media_key "
		    "THEN "
		    "media.container_from ELSE excluded.container_from END, "
		    "container_as = CASE WHEN excluded.container_key = '' AND excluded.media_key = media.media_key "
		    "THEN "
		    "media.container_as ELSE excluded.container_as END, "
		    "media_key = excluded.media_key, size = excluded.size, "
		    /* Erased, and registered anew, it is in use again. */
		    "state = CASE WHEN media.state = 'erased' THEN 'stored' ELSE media.state END, "
		    "label = "
		    "excluded.label, unit = excluded.unit, registered = excluded.registered, registered_by = "
		    "excluded.registered_by, updated = excluded.updated",
		    "issis", id, ledger, unit, now, by->name);
	if (r >= 0)
		r = media_zone_registered(s, id, ledger);
	return r < 0 ? r : media_note(s, by, ledger, again ? "registered-anew" : "registered", "", "stored", now);
}

static int unit_known(struct sk_store *s, const char *unit, struct sk_err *err)
{
	int64_t n = 1;
	int r =
	    unit == NULL || unit[0] == '\0' ? 0 : db_int(s, &n, "SELECT count(*) FROM units WHERE key = ?", "s", unit);

	return r == 0 && n == 0 ? sk_err_set(err, -ENOENT, "section \"%s\" is not known", unit) : r;
}

static int approve(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *ledger, const char *unit,
                   sk_ms now, struct sk_err *err)
{
	char number[SK_LEDGER_LEN] = "";
	int r;

	if ((r = may(by, SK_ROLE_SYS, err)) < 0 || (r = undecided(s, id, err)) < 0 ||
	    (r = unit_known(s, unit, err)) < 0)
		return r;
	if (ledger == NULL) {
		struct db_rows *st = db_query(s, "SELECT ledger FROM media_requests WHERE id = ?", "i", id);

		if (db_next(st) == 1)
			db_copy(st, 0, number, sizeof(number));
		db_end(st);
		ledger = number;
	}
	if (!sk_ledger_is_number(ledger))
		return sk_err_set(
		    err, -EINVAL,
		    "a ledger number has letters, digits, \".\", \"_\" and \"-\", and at most 32 of them");
	r = register_one(s, by, id, ledger, unit, now, err);
	if (r >= 0)
		r = db_run(s, "UPDATE media_requests SET state = 'approved', decided = ?, decided_by = ? WHERE id = ?",
		           "isi", now, by->name, id);
	return r < 0 ? r : 0;
}

static int refuse(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *reason, sk_ms now,
                  struct sk_err *err)
{
	char object[32];
	int r;

	if ((r = may(by, SK_ROLE_SYS, err)) < 0 || (r = undecided(s, id, err)) < 0)
		return r;
	if (reason == NULL || reason[0] == '\0' || strlen(reason) > 1000)
		return sk_err_set(err, -EINVAL, "a reason is needed, of at most 1000 bytes");
	r = db_run(s, "UPDATE media_requests SET state = 'refused', decided = ?, decided_by = ? WHERE id = ?", "isi",
	           now, by->name, id);
	snprintf(object, sizeof(object), "registration:%lld", (long long)id);
	return r < 0 ? r : audit_add(s, by, "medium.refused", object, json_pack("{s:s}", "reason", reason), now);
}

int media_state(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *state,
                const char *reason, sk_ms now)
{
	int r = db_run(s, "UPDATE media SET state = ?, updated = ? WHERE ledger = ?", "sis", state, now, ledger);

	return r < 0 ? r : media_note(s, by, ledger, "state", reason, state, now);
}

static int set_state(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *state,
                     const char *reason, sk_ms now, struct sk_err *err)
{
	enum sk_medium_state to;
	int64_t gone = 0;
	int r;

	if ((r = may(by, SK_ROLE_SYS | SK_ROLE_DESK, err)) < 0)
		return r;
	if (sk_medium_state_parse(state, &to) < 0)
		return sk_err_set(err, -EINVAL,
		                  "\"%s\" is no state; known: stored lent out long-term repair lost erased disposed",
		                  state);
	if (reason == NULL)
		reason = "";
	if (strlen(reason) > 1000 ||
	    (reason[0] == '\0' && (to == SK_MEDIUM_LOST || to == SK_MEDIUM_ERASED || to == SK_MEDIUM_DISPOSED)))
		return sk_err_set(err, -EINVAL, "a reason is needed, of at most 1000 bytes");
	r = db_int(s, &gone, "SELECT state = 'disposed' FROM media WHERE ledger = ?", "s", ledger);
	if (r == -ENOENT)
		return sk_err_set(err, r, "%s is not in the ledger", ledger);
	if (r == 0 && gone)
		return sk_err_set(err, -ESTALE, "%s is disposed of; that is final", ledger);
	return r < 0 ? r : media_state(s, by, ledger, state, reason, now);
}

static int done(struct sk_store *s, int r, const struct sk_err *why, struct sk_err *err)
{
	r = db_finish(s, r);
	if (r >= 0)
		return 0;
	return why->text[0] != '\0' ? sk_err_set(err, r, "%s", why->text) : db_fail(s, err, r, "not stored");
}

int sk_store_media_approve(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *ledger,
                           const char *unit, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	return r < 0 ? db_fail(s, err, r, "not stored")
	             : done(s, approve(s, by, id, ledger, unit, now, &why), &why, err);
}

int sk_store_media_refuse(struct sk_store *s, const struct sk_actor *by, int64_t id, const char *reason, sk_ms now,
                          struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	return r < 0 ? db_fail(s, err, r, "not stored") : done(s, refuse(s, by, id, reason, now, &why), &why, err);
}

int sk_store_media_state(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *state,
                         const char *reason, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	return r < 0 ? db_fail(s, err, r, "not stored")
	             : done(s, set_state(s, by, ledger, state, reason, now, &why), &why, err);
}
