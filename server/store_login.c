/* Second factors and the list of sessions. */
#include "server/store_login.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "server/store_inside.h"

#define SEALED_MARK "sealed:"
#define SECRET_MAX  (sizeof(((struct sk_second_factor *)0)->secret) - 1)
#define STORED_MAX  (sizeof(SEALED_MARK) + 2 * (SECRET_MAX + SK_SEAL_MORE)) /* with NUL */

static void seal_key(const struct sk_store *s, const char *user, uint8_t secret[SK_SEAL_KEY], char context[128])
{
	sk_derive(s->container, "second factors", secret);
	snprintf(context, 128, "second-factor %s", user);
}

/* What stands in the table for a secret: "" stays so. Without the server's secret (tests, tools) it stays as it is. */
static int seal(const struct sk_store *s, const char *user, const char *plain, char out[STORED_MAX])
{
	uint8_t secret[SK_SEAL_KEY], public[SK_SEAL_KEY], raw[SECRET_MAX + SK_SEAL_MORE];
	size_t len = strlen(plain);
	char context[128];
	int r;

	if (len > SECRET_MAX)
		return -EINVAL;
	if (len == 0 || !s->has_container) {
		sk_text_copy(out, STORED_MAX, plain);
		return 0;
	}
	seal_key(s, user, secret, context);
	sk_seal_public(secret, public);
	explicit_bzero(secret, sizeof(secret));
	r = sk_seal(public, context, NULL, plain, len, raw);
	if (r < 0)
		return r;
	memcpy(out, SEALED_MARK, sizeof(SEALED_MARK));
	sk_hex(raw, len + SK_SEAL_MORE, out + sizeof(SEALED_MARK) - 1);
	return 0;
}

static int unseal(const struct sk_store *s, const char *user, const char *stored, char out[SECRET_MAX + 1])
{
	uint8_t secret[SK_SEAL_KEY], raw[SECRET_MAX + SK_SEAL_MORE];
	const char *hex = stored + sizeof(SEALED_MARK) - 1;
	size_t len = strlen(stored);
	char context[128];
	int r;

	if (strncmp(stored, SEALED_MARK, sizeof(SEALED_MARK) - 1) != 0) {
		if (len > SECRET_MAX)
			return -EBADMSG;
		memcpy(out, stored, len + 1);
		return 0;
	}
	len = strlen(hex) / 2;
	if (!s->has_container)
		return -ENOKEY;
	if (len <= SK_SEAL_MORE || len > sizeof(raw) || sk_unhex(hex, raw, len) < 0)
		return -EBADMSG;
	seal_key(s, user, secret, context);
	r = sk_unseal(secret, context, raw, len, out);
	explicit_bzero(secret, sizeof(secret));
	if (r == 0)
		out[len - SK_SEAL_MORE] = '\0';
	return r;
}

int sk_store_factor_get(struct sk_store *s, const char *user, struct sk_second_factor *out)
{
	struct sk_second_factor f = {0};
	char stored[2][STORED_MAX];
	struct db_rows *st = db_query(s, "SELECT totp, totp_pending, totp_used FROM users WHERE user = ?", "s", user);
	int r = db_next(st);

	if (r == 1) {
		db_copy(st, 0, stored[0], sizeof(stored[0]));
		db_copy(st, 1, stored[1], sizeof(stored[1]));
		f.used = db_number(st, 2);
	}
	db_end(st);
	if (r != 1)
		return r == 0 ? -ENOENT : r;
	r = unseal(s, user, stored[0], f.secret);
	if (r == 0)
		r = unseal(s, user, stored[1], f.pending);
	if (r == 0)
		*out = f;
	else
		sk_log(SK_LOG_ERR,
		       "the second factor of %s cannot be opened: was container.key replaced? See: user factor-reset",
		       user);
	explicit_bzero(&f, sizeof(f));
	return r;
}

int sk_store_factor_begin(struct sk_store *s, const char *user, const char *secret, sk_ms now)
{
	char stored[STORED_MAX];
	int r = seal(s, user, secret, stored);

	(void)now;
	if (r == 0)
		r = db_run(s, "UPDATE users SET totp_pending = ? WHERE user = ?", "ss", stored, user);
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int sk_store_factor_confirm(struct sk_store *s, const struct sk_actor *by, const char *secret, int64_t step, sk_ms now,
                            struct sk_err *err)
{
	struct sk_second_factor f;
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "second factor not stored");
	r = sk_store_factor_get(s, by->user, &f);
	if (r == 0 && (f.pending[0] == '\0' || strcmp(f.pending, secret) != 0))
		r = -ESTALE;
	explicit_bzero(&f, sizeof(f));
	if (r == 0)
		r = db_run(s, "UPDATE users SET totp = totp_pending, totp_pending = '', totp_used = ?1 WHERE user = ?2",
		           "is", step, by->user);
	if (r > 0)
		r = audit_add(s, by, "user.second-factor", by->user, NULL, now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ESTALE)
		return sk_err_set(err, r, "another secret was made meanwhile; begin again");
	return r < 0 ? db_fail(s, err, r, "second factor not stored") : 0;
}

int sk_store_factor_used(struct sk_store *s, const char *user, int64_t step)
{
	int r = db_run(s, "UPDATE users SET totp_used = ?1 WHERE user = ?2 AND totp_used < ?1", "is", step, user);

	return r < 0 ? r : r == 0 ? -ESTALE : 0;
}

int sk_store_factor_reset(struct sk_store *s, const struct sk_actor *by, const char *user, const char *reason,
                          sk_ms now, struct sk_err *err)
{
	char shown[512];
	int r;

	sk_text_printable(shown, sizeof(shown), reason, strlen(reason));
	if (by->role != SK_ROLE_SYS || strcmp(by->user, user) == 0)
		return sk_err_set(err, -EPERM,
		                  "a second factor is taken away by another person, an information system manager");
	if (reason[0] == '\0' || strlen(reason) > 400 || strcmp(shown, reason) != 0)
		return sk_err_set(err, -EINVAL, "a reason is needed, at most 400 bytes of plain text");
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "second factor not reset");
	r = db_run(s, "UPDATE users SET totp = '', totp_pending = '', totp_used = 0 WHERE user = ?", "s", user);
	if (r == 0)
		r = -ENOENT;
	if (r > 0)
		r = db_run(s, "DELETE FROM sessions WHERE user = ?", "s", user);
	if (r >= 0)
		r = audit_add(s, by, "user.second-factor-reset", user, json_pack("{s:s}", "reason", reason), now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT)
		return sk_err_set(err, r, "user \"%.63s\" is not known; see: sekimori-server user list", user);
	return r < 0 ? db_fail(s, err, r, "second factor not reset") : 0;
}

int sk_store_session_from(struct sk_store *s, const char *token_sha256, const char *remote)
{
	int r = db_run(s, "UPDATE sessions SET remote = ? WHERE token = ?", "ss", remote, token_sha256);

	return r < 0 ? r : 0;
}

json_t *sk_store_sessions(struct sk_store *s, const char *user, sk_ms now, sk_ms idle_ms, sk_ms max_ms)
{
	return db_list(
	    s,
	    "SELECT substr(token, 1, 16) AS id, token, created, seen, remote FROM sessions WHERE user = ?1 AND seen "
	    "> ?2 AND created > ?3 ORDER BY created DESC, token LIMIT 100",
	    "sii", user, now - idle_ms, now - max_ms);
}

int sk_store_session_close(struct sk_store *s, const struct sk_actor *by, const char *id, const char *keep, sk_ms now)
{
	int r = db_begin(s);

	if (r < 0)
		return r;
	if (id != NULL)
		r = db_run(s, "DELETE FROM sessions WHERE user = ? AND substr(token, 1, 16) = ?", "ss", by->user, id);
	else
		r = db_run(s, "DELETE FROM sessions WHERE user = ? AND token <> ?", "ss", by->user, keep);
	if (r == 0 && id != NULL)
		r = -ENOENT;
	if (r > 0)
		r = audit_add(s, by, "session.ended", by->user, json_pack("{s:I}", "sessions", (json_int_t)r), now);
	return db_finish(s, r < 0 ? r : 0);
}

static int seal_one(struct sk_store *s, const char *user)
{
	char stored[2][STORED_MAX];
	struct sk_second_factor f;
	int r = sk_store_factor_get(s, user, &f);

	if (r == 0)
		r = seal(s, user, f.secret, stored[0]);
	if (r == 0)
		r = seal(s, user, f.pending, stored[1]);
	explicit_bzero(&f, sizeof(f));
	if (r == -EBADMSG)
		return 0; /* one that is broken keeps nobody else out */
	return r < 0 ? r
	             : db_run(s, "UPDATE users SET totp = ?, totp_pending = ? WHERE user = ?", "sss", stored[0],
	                      stored[1], user);
}

int sk_store_factors_seal(struct sk_store *s)
{
	json_t *list, *row;
	int r, n = 0;
	size_t i;

	if (!s->has_container)
		return -ENOKEY;
	r = db_begin(s);
	if (r < 0)
		return r;
	list =
	    db_list(s,
	            "SELECT user FROM users WHERE (totp <> '' AND totp NOT LIKE 'sealed:%') OR (totp_pending <> '' AND "
	            "totp_pending NOT LIKE 'sealed:%')",
	            "");
	r = list == NULL ? -EIO : 0;
	json_array_foreach(list, i, row)
	{
		if (r >= 0)
			r = seal_one(s, json_string_value(json_object_get(row, "user")));
		n += r > 0;
	}
	json_decref(list);
	r = db_finish(s, r < 0 ? r : 0);
	return r < 0 ? r : n;
}
