/*
 * Terminals' events: taken in batches, each record checked against the chain, stored once. What comes again is recognised by its hash;
 * what does not fit the chain stops the batch and is recorded as an incident, once.
 */
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int incident_add(struct sk_store *s, const char *device, const char *kind, int64_t seq, const char *detail, sk_ms now)
{
	struct sk_actor by;
	int r =
	    db_run(s, "INSERT INTO incidents(time, device, kind, seq, detail) VALUES(?,?,?,?,?) ON CONFLICT DO NOTHING",
	           "issis", now, device, kind, seq, detail);

	if (r <= 0)
		return r; /* known already: a terminal that keeps sending the same does not fill the trail */
	actor_device(&by, device);
	r = audit_add(s, &by, "incident", device,
	              json_pack("{s:s,s:I,s:s}", "kind", kind, "seq", (json_int_t)seq, "detail", detail), now);
	return r < 0 ? r : incident_from_sign(s, device, kind, detail, now);
}

/* Something of a device was kept shut: the whole of it, or one of its interfaces. */
static bool tells_refusal(const struct sk_event *e)
{
	json_t *body, *list, *item;
	const char *verdict;
	bool refused;
	size_t i;

	if (strcmp(e->kind, "device.decided") != 0)
		return false;
	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0)
		return false;
	verdict = json_string_value(json_object_get(body, "verdict"));
	refused = verdict != NULL && strcmp(verdict, "deny") == 0;
	list = json_object_get(body, "interfaces");
	json_array_foreach(list, i, item)
	{
		verdict = json_string_value(json_object_get(item, "verdict"));
		refused |= verdict != NULL && strcmp(verdict, "deny") == 0;
	}
	json_decref(body);
	return refused;
}

/* A record that should be stored already: 1 = it is, byte for byte, or was and need not be kept any longer; 0 = another one stands there. */
static int same_as_stored(struct sk_store *s, const char *device, const struct sk_event *e)
{
	struct db_rows *st = db_query(s, "SELECT hash FROM events WHERE device = ? AND seq = ?", "si", device, e->seq);
	int r = db_next(st);
	bool same = r == 1 && strcmp(db_text(st, 0), e->hash) == 0;
	int64_t deleted = 0;

	db_end(st);
	if (r == 0) {
		r = db_int(s, &deleted, "SELECT 1 FROM chain_bases WHERE device = ? AND seq >= ?", "si", device,
		           e->seq);
		same = r == 0;
		r = r == -ENOENT ? 0 : r;
	}
	return r < 0 ? r : same;
}

static int mounted(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	int r = media_was_opened(s, device, e, now);

	return r < 0 ? r : media_was_written(s, device, e, now);
}

static int recorded(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	int r = takeout_from_event(s, device, e, now);

	return r < 0 ? r : media_was_written(s, device, e, now);
}

static int insert(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	int r = db_post(s,
	                "INSERT INTO events(device, seq, time, received, kind, body, prev, hash, refused) "
	                "VALUES(?,?,?,?,?,?,?,?,?)",
	                "siiistssi", device, e->seq, e->time, now, e->kind, e->body, e->body_len, e->prev, e->hash,
	                (int64_t)tells_refusal(e));

	if (r >= 0 && strcmp(e->kind, "request.created") == 0)
		r = request_from_event(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "media.registered-request") == 0)
		r = media_from_event(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "medium.mounted") == 0)
		r = mounted(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "terminal.seal-key") == 0)
		r = seal_key_from_event(s, device, e, now);
	else if (r >= 0 && (strcmp(e->kind, "medium.erased") == 0 || strcmp(e->kind, "medium.not-erased") == 0))
		r = media_was_erased(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "medium.released") == 0)
		r = media_was_released(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "medium.key-mismatch") == 0)
		r = incident_add(s, device, "medium-key", e->seq,
		                 "what is on a registered medium is not what was registered", now);
	else if (r >= 0 && strcmp(e->kind, "medium.infected") == 0)
		r = incident_add(s, device, "malware", e->seq, "a malicious file was found on a medium", now);
	else if (r >= 0 && strcmp(e->kind, "medium.recorded") == 0)
		r = recorded(s, device, e, now);
	if (r >= 0 && strcmp(e->kind, "grant.phone") == 0)
		r = phone_from_event(s, device, e, now);
	else if (r >= 0 && (strcmp(e->kind, "order.taken") == 0 || strcmp(e->kind, "order.done") == 0))
		r = order_from_event(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "incident.reported") == 0)
		r = incident_from_report(s, device, e, now);
	else if (r >= 0 && strcmp(e->kind, "notice.acknowledged") == 0)
		r = notice_from_event(s, device, e);
	else if (r >= 0 && (strncmp(e->kind, "agent.", 6) == 0 || strcmp(e->kind, "daemon.started") == 0))
		r = agent_from_event(s, device, e, now);
	return r;
}

/* *good: the last record that is stored as the terminal has it. On a fork below the end that is the one before the fork. */
static int put(struct sk_store *s, struct sk_terminal *t, const struct sk_event *events, size_t n, sk_ms now,
               int64_t *good, enum sk_chain_result *chain)
{
	char detail[128];
	int r;

	*good = t->last_seq;
	for (size_t i = 0; i < n; i++) {
		const struct sk_event *e = &events[i];

		if (e->seq <= t->last_seq) {
			r = same_as_stored(s, t->id, e);
			if (r < 0)
				return r;
			*chain = r == 1 ? SK_CHAIN_OK : SK_CHAIN_FORK;
		} else {
			*chain = sk_chain_follows(t->id, t->last_seq, t->last_hash, e);
			r = 0;
		}
		if (*chain != SK_CHAIN_OK) {
			*good = *chain == SK_CHAIN_FORK && e->seq <= t->last_seq ? e->seq - 1 : t->last_seq;
			snprintf(detail, sizeof(detail), "record %lld does not follow record %lld", (long long)e->seq,
			         (long long)t->last_seq);
			/* Keyed by what is stored: one line however many wrong records are sent after it. */
			return incident_add(s, t->id, sk_chain_result_name(*chain), t->last_seq, detail, now);
		}
		if (r == 1)
			continue;
		r = insert(s, t->id, e, now);
		if (r < 0)
			return r;
		*good = t->last_seq = e->seq;
		sk_text_copy(t->last_hash, sizeof(t->last_hash), e->hash);
	}
	return 0;
}

static int put_all(struct sk_store *s, const char *device, const struct sk_event *events, size_t n, sk_ms now,
                   int64_t *good, enum sk_chain_result *result)
{
	struct sk_terminal t;
	int64_t before = 0;
	int r = db_begin(s);

	if (r < 0)
		return r;
	r = sk_store_terminal_get(s, device, &t);
	if (r == 0) {
		before = t.last_seq;
		r = put(s, &t, events, n, now, good, result);
	}
	if (r >= 0 && t.last_seq != before)
		r = db_post(s, "UPDATE terminals SET last_seq = ?, last_hash = ? WHERE id = ?", "iss", t.last_seq,
		            t.last_hash, device);
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_events_put(struct sk_store *s, const char *device, const struct sk_event *events, size_t n, sk_ms now,
                        int64_t *acked, enum sk_chain_result *chain, struct sk_err *err)
{
	enum sk_chain_result result;
	int64_t good = 0;
	int tries = 0, r;

	do {
		result = SK_CHAIN_OK;
		r = put_all(s, device, events, n, now, &good, &result);
	} while (db_again(s, r, &tries));
	if (r < 0)
		return r == -ENOENT ? sk_err_set(err, r, "terminal %s is not known", device)
		                    : db_fail(s, err, r, "events not stored");
	*acked = good;
	*chain = result;
	return 0;
}

#define EVENT \
	"SELECT e.id, e.device, t.host, t.unit, e.seq, e.time, e.received, e.kind, e.body AS \"body|j\", e.hash" \
	" FROM events e JOIN terminals t ON t.id = e.device"

json_t *sk_store_events(struct sk_store *s, const char *device, const char *unit, int64_t before, int limit)
{
	int64_t top = before > 0 ? before : INT64_MAX;

	if (device != NULL) /* by the index over (device, seq): a terminal's seq and id rise together */
		return db_list(
		    s,
		    EVENT " WHERE e.device = ?1 AND e.id < ?2 AND " WITHIN(3, "t.unit") " ORDER BY e.seq DESC LIMIT ?4",
		    "sisi", device, top, unit, (int64_t)limit);
	return db_list(s, EVENT " WHERE e.id < ?1 AND " WITHIN(2, "t.unit") " ORDER BY e.id DESC LIMIT ?3", "isi", top,
	               unit, (int64_t)limit);
}
