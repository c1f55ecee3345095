/* Enrolment tokens and terminals: who may speak, by which certificate. */
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int sk_store_token_put(struct sk_store *s, const struct sk_actor *by, const char *token_sha256, const char *host,
                       const char *asset, const char *unit, sk_ms until, struct sk_err *err)
{
	sk_ms now = sk_clock_wall();
	int64_t one;
	int r;

	if (!sk_text_is_host(host))
		return sk_err_set(err, -EINVAL, "host name \"%s\": use letters, digits, '-' and '.'", host);
	if (strlen(asset) > 63)
		return sk_err_set(err, -EINVAL, "asset number: at most 63 bytes");
	if (until <= now)
		return sk_err_set(err, -EINVAL, "the token would end before it begins; give a longer --valid");
	if (db_int(s, &one, "SELECT 1 FROM units WHERE key = ?", "s", unit) != 0)
		return sk_err_set(err, -ENOENT, "section \"%s\" is not known; add it with: sekimori-server unit add",
		                  unit);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "token not stored");
	r = db_run(s, "INSERT INTO tokens(sha256, host, asset, unit, created, until, by) VALUES(?,?,?,?,?,?,?)",
	           "ssssiis", token_sha256, host, asset, unit, now, until, by->user);
	if (r >= 0)
		r = audit_add(s, by, "token.create", host,
		              json_pack("{s:s,s:s,s:I}", "asset", asset, "unit", unit, "until", (json_int_t)until),
		              now);
	r = db_finish(s, r < 0 ? r : 0);
	return r < 0 ? db_fail(s, err, r, "token not stored") : 0;
}

json_t *sk_store_tokens(struct sk_store *s, sk_ms now)
{
	return db_list(
	    s,
	    "SELECT id, host, asset, unit, created, until, CASE WHEN used IS NOT NULL THEN 'used' WHEN revoked IS NOT "
	    "NULL THEN 'revoked'"
	    " WHEN until <= ? THEN 'expired' ELSE 'open' END AS state, device, by FROM tokens ORDER BY id DESC",
	    "i", now);
}

int sk_store_token_revoke(struct sk_store *s, const struct sk_actor *by, int64_t id, struct sk_err *err)
{
	sk_ms now = sk_clock_wall();
	char object[32];
	int64_t one;
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "token not revoked");
	snprintf(object, sizeof(object), "token:%lld", (long long)id);
	r = db_run(s, "UPDATE tokens SET revoked = ? WHERE id = ? AND used IS NULL AND revoked IS NULL", "ii", now, id);
	if (r == 0)
		r = db_int(s, &one, "SELECT 1 FROM tokens WHERE id = ?", "i", id) == 0 ? -ESTALE : -ENOENT;
	if (r >= 0)
		r = audit_add(s, by, "token.revoke", object, NULL, now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT)
		return sk_err_set(err, r, "token %lld is not known; see: sekimori-server token list", (long long)id);
	if (r == -ESTALE)
		return sk_err_set(err, r, "token %lld was used or revoked before", (long long)id);
	return r < 0 ? db_fail(s, err, r, "token not revoked") : 0;
}

struct token {
	int64_t id;
	sk_ms until;
	bool used, revoked;
	char host[256], asset[64], unit[64];
};

static int token_find(struct sk_store *s, const char *sha256, struct token *t)
{
	struct db_rows *st =
	    db_query(s, "SELECT id, until, used, revoked, host, asset, unit FROM tokens WHERE sha256 = ?", "s", sha256);
	int r = db_next(st);

	if (r == 1) {
		t->id = db_number(st, 0);
		t->until = db_number(st, 1);
		t->used = db_type(st, 2) != DB_NULL;
		t->revoked = db_type(st, 3) != DB_NULL;
		db_copy(st, 4, t->host, sizeof(t->host));
		db_copy(st, 5, t->asset, sizeof(t->asset));
		db_copy(st, 6, t->unit, sizeof(t->unit));
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

static enum sk_token_result token_judge(const struct token *t, const char *host, const char *asset, sk_ms now)
{
	if (t->revoked)
		return SK_TOKEN_UNKNOWN; /* withdrawn: as if it had never been */
	if (t->used)
		return SK_TOKEN_USED;
	if (t->until <= now)
		return SK_TOKEN_EXPIRED;
	if (strcasecmp(t->host, host) != 0 || (t->asset[0] != '\0' && strcmp(t->asset, asset) != 0))
		return SK_TOKEN_OTHER_HOST;
	return SK_TOKEN_OK;
}

/*
 * A terminal that is enrolled again becomes a new identity with a chain of its own; the one it had is shut out in the same transaction, whoever
 * holds its key. The token is the approval: for its host, and for its asset number when it names one. *previous: the latest of those that were in force or are known.
 */
static int replace(struct sk_store *s, const char *host, const char *asset, const char *device_id,
                   char previous[SK_UUID_LEN], sk_ms now)
{
	struct sk_actor by;
	struct db_rows *st;
	char id[SK_UUID_LEN];
	int r = db_run(s,
	               "UPDATE terminals SET revoked = ?1, revoke_reason = 'enrolled again as ' || ?2, "
	               "next_fingerprint = NULL, next_until = NULL"
	               " WHERE revoked IS NULL AND id <> ?2 AND (lower(host) = lower(?3) OR (?4 <> '' AND asset = ?4))",
	               "isss", now, device_id, host, asset);

	actor_device(&by, device_id);
	previous[0] = '\0';
	while (r > 0) { /* one, unless a name was given to several by hand */
		st = db_query(s,
		              "SELECT id FROM terminals WHERE revoked = ?1 AND revoke_reason = 'enrolled again as ' || "
		              "?2 AND id > ?3 ORDER BY id LIMIT 1",
		              "iss", now, device_id, previous);
		r = db_next(st);
		if (r == 1)
			db_copy(st, 0, id, sizeof(id));
		db_end(st);
		if (r == 1) {
			sk_text_copy(previous, SK_UUID_LEN, id);
			r = audit_add(s, &by, "terminal.replaced", id,
			              json_pack("{s:s,s:s}", "host", host, "by", device_id), now);
			r = r < 0 ? r : 1;
		}
	}
	if (r < 0 || previous[0] != '\0')
		return r;
	st = db_query(
	    s,
	    "SELECT id FROM terminals t WHERE id <> ?1 AND (lower(host) = lower(?2) OR (?3 <> '' AND asset = "
	    "?3)) ORDER BY enrolled DESC, EXISTS(SELECT 1 FROM terminals n WHERE n.previous = t.id), id DESC LIMIT 1",
	    "sss", device_id, host, asset);
	r = db_next(st);
	if (r == 1)
		db_copy(st, 0, previous, SK_UUID_LEN);
	db_end(st);
	return r < 0 ? r : 0;
}

static int enrol(struct sk_store *s, const char *token_sha256, const char *host, const char *asset,
                 const char *device_id, const char *fingerprint, sk_ms cert_until, sk_ms now)
{
	static const char *const names[] = {"ok", "token-unknown", "token-used", "token-expired", "token-other-host"};
	struct token t = {0};
	struct sk_actor by;
	enum sk_token_result res;
	char previous[SK_UUID_LEN] = "";
	int r = token_find(s, token_sha256, &t);

	if (r < 0 && r != -ENOENT)
		return r;
	res = r == -ENOENT ? SK_TOKEN_UNKNOWN : token_judge(&t, host, asset, now);
	if (res != SK_TOKEN_OK) {
		actor_system(&by);
		r = audit_add(
		    s, &by, "enrol.refused", host,
		    json_pack("{s:s,s:s,s:I}", "result", names[res], "asset", asset, "token", (json_int_t)t.id), now);
		return r < 0 ? r : (int)res;
	}
	r = replace(s, host, t.asset, device_id, previous, now);
	if (r >= 0)
		r = db_run(s,
		           "INSERT INTO terminals(id, host, asset, unit, fingerprint, cert_until, enrolled, last_hash, "
		           "previous) VALUES(?,?,?,?,?,?,?,?,?)",
		           "sssssiiss", device_id, host, asset, t.unit, fingerprint, cert_until, now, SK_CHAIN_ZERO,
		           previous[0] == '\0' ? NULL : previous);
	if (r >= 0)
		r = db_run(s, "UPDATE tokens SET used = ?, device = ? WHERE id = ? AND used IS NULL", "isi", now,
		           device_id, t.id);
	if (r == 0)
		r = -ESTALE;
	if (r < 0)
		return r;
	actor_device(&by, device_id);
	r = audit_add(s, &by, "enrol", device_id,
	              json_pack("{s:s,s:s,s:s,s:I,s:s,s:s*}", "host", host, "asset", asset, "unit", t.unit, "token",
	                        (json_int_t)t.id, "fingerprint", fingerprint, "previous",
	                        previous[0] == '\0' ? NULL : previous),
	              now);
	return r < 0 ? r : SK_TOKEN_OK;
}

int sk_store_enrol(struct sk_store *s, const char *token_sha256, const char *host, const char *asset,
                   const char *device_id, const char *fingerprint, sk_ms cert_until, sk_ms now, struct sk_err *err)
{
	int tries = 0, r;

	do {
		r = db_begin(s);
		if (r == 0)
			r = db_finish(s, enrol(s, token_sha256, host, asset, device_id, fingerprint, cert_until, now));
	} while (db_again(s, r, &tries));
	return r < 0 ? db_fail(s, err, r, "enrolment not stored") : r;
}

#define TERMINAL \
	"SELECT t.id, host, asset, unit, fingerprint, revoked IS NOT NULL, last_seq, last_hash, policy_version, " \
	"grants_version," \
	" max(last_contact, coalesce(l.at, 0)) FROM terminals t LEFT JOIN live l ON l.device = t.id"

static int terminal_row(struct db_rows *st, struct sk_terminal *out)
{
	int r = db_next(st);

	if (r == 1) {
		memset(out, 0, sizeof(*out));
		db_copy(st, 0, out->id, sizeof(out->id));
		db_copy(st, 1, out->host, sizeof(out->host));
		db_copy(st, 2, out->asset, sizeof(out->asset));
		db_copy(st, 3, out->unit, sizeof(out->unit));
		db_copy(st, 4, out->fingerprint, sizeof(out->fingerprint));
		out->revoked = db_number(st, 5) != 0;
		out->last_seq = db_number(st, 6);
		db_copy(st, 7, out->last_hash, sizeof(out->last_hash));
		out->policy_version = db_number(st, 8);
		out->grants_version = db_number(st, 9);
		out->last_contact = db_number(st, 10);
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/* The first request under a renewed certificate puts it in force and ends the old one. */
static int promote(struct sk_store *s, struct sk_terminal *t, const char *fingerprint)
{
	struct sk_actor by;
	int r = db_begin(s);

	if (r < 0)
		return r;
	actor_device(&by, t->id);
	r = db_run(s,
	           "UPDATE terminals SET fingerprint = next_fingerprint, cert_until = next_until, next_fingerprint = "
	           "NULL, next_until = NULL"
	           " WHERE id = ? AND next_fingerprint = ?",
	           "ss", t->id, fingerprint);
	if (r >= 0)
		r = audit_add(s, &by, "certificate.in-force", t->id,
		              json_pack("{s:s,s:s}", "old", t->fingerprint, "new", fingerprint), sk_clock_wall());
	sk_text_copy(t->fingerprint, sizeof(t->fingerprint), fingerprint);
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_terminal_by_cert(struct sk_store *s, const char *fingerprint, struct sk_terminal *out)
{
	int r = terminal_row(db_query(s, TERMINAL " WHERE fingerprint = ?1 OR next_fingerprint = ?1", "s", fingerprint),
	                     out);

	if (r == 0 && out->revoked)
		return -EACCES;
	if (r == 0 && strcmp(out->fingerprint, fingerprint) != 0)
		r = promote(s, out, fingerprint);
	return r;
}

int sk_store_terminal_get(struct sk_store *s, const char *id, struct sk_terminal *out)
{
	return terminal_row(db_query(s, TERMINAL " WHERE t.id = ?", "s", id), out);
}

int sk_store_terminal_named(struct sk_store *s, const char *name, struct sk_terminal *out)
{
	int64_t n = 0;
	int r =
	    db_int(s, &n, "SELECT count(*) FROM terminals WHERE (host = ?1 OR id = ?1) AND revoked IS NULL", "s", name);

	if (r < 0 || n != 1)
		return r < 0 ? r : -ENOENT;
	return terminal_row(db_query(s, TERMINAL " WHERE (t.host = ?1 OR t.id = ?1) AND t.revoked IS NULL", "s", name),
	                    out);
}

int sk_store_terminal_renewed(struct sk_store *s, const char *id, const char *old_fp, const char *new_fp,
                              sk_ms cert_until, sk_ms now)
{
	struct sk_actor by;
	int r = db_begin(s);

	if (r < 0)
		return r;
	actor_device(&by, id);
	/* The old one stays good until the new one is seen: an answer can get lost on its way. The last renewal wins. */
	r = db_run(s,
	           "UPDATE terminals SET next_fingerprint = ?, next_until = ? WHERE id = ? AND fingerprint = ? AND "
	           "revoked IS NULL",
	           "siss", new_fp, cert_until, id, old_fp);
	if (r == 0)
		r = -ESTALE;
	if (r > 0)
		r = audit_add(s, &by, "certificate.renewed", id, json_pack("{s:s,s:s}", "old", old_fp, "new", new_fp),
		              now);
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_terminal_revoke(struct sk_store *s, const struct sk_actor *by, const char *id, const char *reason,
                             struct sk_err *err)
{
	sk_ms now = sk_clock_wall();
	struct sk_terminal t;
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "terminal not revoked");
	r = sk_store_terminal_get(s, id, &t);
	if (r == 0 && t.revoked)
		r = -ESTALE;
	if (r == 0)
		r = db_run(s, "UPDATE terminals SET revoked = ?, revoke_reason = ? WHERE id = ?", "iss", now, reason,
		           id);
	if (r >= 0)
		r = audit_add(s, by, "terminal.revoke", id, json_pack("{s:s,s:s}", "host", t.host, "reason", reason),
		              now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT)
		return sk_err_set(err, r, "terminal \"%s\" is not known; see: sekimori-server terminal list", id);
	if (r == -ESTALE)
		return sk_err_set(err, r, "terminal %s was revoked before", id);
	return r < 0 ? db_fail(s, err, r, "terminal not revoked") : 0;
}

void sk_store_contact(struct sk_store *s, const char *device, sk_ms now)
{
	db_run(s, "INSERT INTO live(device, at) VALUES(?,?) ON CONFLICT(device) DO UPDATE SET at = excluded.at", "si",
	       device, now);
}

static int flush(struct sk_store *s)
{
	int r = db_run(
	    s,
	    "UPDATE terminals SET last_contact = max(last_contact, l.at) FROM live l WHERE l.device = terminals.id"
	    " AND l.at > terminals.last_contact",
	    "");

	if (r >= 0)
		r = db_run(s,
		           "UPDATE reports SET status = l.status, received = l.received FROM live l WHERE "
		           "l.device = reports.device AND l.status IS NOT NULL",
		           "");
	if (r >= 0)
		r = db_run(s, "DELETE FROM live", "");
	return r;
}

int contacts_flush(struct sk_store *s)
{
	int64_t n = 0;
	int r = db_int(s, &n, "SELECT count(*) FROM live", "");

	if (r < 0 || n == 0)
		return r;
	r = db_begin(s);
	if (r < 0)
		return r;
	r = flush(s);
	return db_finish(s, r < 0 ? r : 0);
}
