/*
 * In which zone a registered medium was last written, as the terminals tell it, and that it was sanitised since, as a person puts it on record
 * (3(2)ア, 6.4(3)オ; STANDARD: zone-crossing media). A record is worth something until the medium is written again anywhere.
 */
#include "server/store_inside.h"
#include "server/store_media.h"

#include <errno.h>
#include <string.h>

#include "common/json.h"
#include "policy/ledger.h"

#define NOTE_MAX 1000

/* Registered anew with other contents: what was known of the old ones says nothing of these. */
int media_zone_forget(struct sk_store *s, int64_t registration, const char *ledger)
{
	return db_run(s,
	              "UPDATE media SET written = 0, written_zone = '', cleaned = 0, cleaned_how = '', cleaned_by = '' "
	              "WHERE ledger = ?1 AND media_key <> (SELECT media_key FROM media_requests WHERE id = ?2)",
	              "si", ledger, registration);
}

/* Of a medium that is new here: it was made or filled in the zone in which it was registered, as far as anybody knows. */
int media_zone_registered(struct sk_store *s, int64_t registration, const char *ledger)
{
	return db_run(s,
	              "UPDATE media SET written = (SELECT created FROM media_requests WHERE id = ?2), written_zone = "
	              "(SELECT zone FROM media_requests WHERE id = ?2) WHERE ledger = ?1 AND written_zone = ''",
	              "si", ledger, registration);
}

/* The terminal's own time, but never one that has not come. Events that come late change nothing that is newer. */
int media_was_written(struct sk_store *s, const char *device, const struct sk_event *e, sk_ms now)
{
	const char *ledger, *zone, *key;
	sk_ms at = e->time < now ? e->time : now;
	enum sk_zone z;
	json_t *body = NULL;
	int r = 0;

	(void)device;
	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0)
		return 0;
	ledger = json_string_value(json_object_get(body, "ledger"));
	key = json_string_value(json_object_get(body, "device_key"));
	zone = json_string_value(json_object_get(body, "zone"));
	if (ledger != NULL && key != NULL && zone != NULL && sk_ledger_is_number(ledger) &&
	    sk_zone_parse(zone, &z) == 0 && !json_is_true(json_object_get(body, "read_only")))
		r = db_run(s,
		           "UPDATE media SET written = ?1, written_zone = ?2 WHERE ledger = ?3 AND device_key = ?4 AND "
		           "written <= ?1",
		           "isss", at, zone, ledger, key);
	json_decref(body);
	return r < 0 ? r : 0;
}

static int put(struct sk_store *s, const struct sk_actor *by, const char *ledger, enum sk_clean how, const char *text,
               sk_ms now, struct sk_err *err)
{
	char state[16] = "";
	struct db_rows *st;
	int r;

	if ((by->role & (SK_ROLE_SYS | SK_ROLE_DESK)) == 0)
		return sk_err_set(err, -EPERM, "user %s cannot do this as %s", by->user, sk_role_name(by->role));
	st = db_query(s, "SELECT state FROM media WHERE ledger = ?", "s", ledger);
	r = db_next(st);
	if (r == 1)
		db_copy(st, 0, state, sizeof(state));
	db_end(st);
	if (r <= 0)
		return r < 0 ? r : sk_err_set(err, -ENOENT, "%s is not in the ledger", ledger);
	if (strcmp(state, "disposed") == 0)
		return sk_err_set(err, -ESTALE, "%s is disposed of; that is final", ledger);
	/* A scan beside a sanitising that still holds takes nothing away from it. */
	r = db_run(
	    s,
	    "UPDATE media SET cleaned = ?1, cleaned_how = ?2, cleaned_by = ?3, updated = ?1 WHERE ledger = ?4 AND "
	    "(?2 = 'sanitised' OR cleaned_how <> 'sanitised' OR cleaned <= written)",
	    "isss", now, sk_clean_name(how), by->name, ledger);
	return r < 0 ? r
	             : media_note(s, by, ledger, how == SK_CLEAN_SANITISED ? "sanitised" : "scan-recorded", text, state,
	                          now);
}

int sk_store_media_cleaned(struct sk_store *s, const struct sk_actor *by, const char *ledger, const char *how,
                           const char *text, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	enum sk_clean clean;
	int r;

	if (sk_clean_parse(how, &clean) < 0)
		return sk_err_set(err, -EINVAL, "\"%s\" is not how a medium is cleaned; known: sanitised scanned", how);
	if (text == NULL || text[0] == '\0' || strlen(text) > NOTE_MAX)
		return sk_err_set(err, -EINVAL, "say with what it was done, in at most %d bytes", NOTE_MAX);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "not stored");
	r = db_finish(s, put(s, by, ledger, clean, text, now, &why));
	if (r >= 0)
		return 0;
	return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text) : db_fail(s, err, r, "not stored");
}
