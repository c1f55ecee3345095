/* Second factors and the list of sessions. */
#include "server/store_login.h"

#include <errno.h>
#include <string.h>

#include "server/store_inside.h"

int sk_store_factor_get(struct sk_store *s, const char *user, struct sk_second_factor *out)
{
	struct db_rows *st = db_query(s, "SELECT totp, totp_pending, totp_used FROM users WHERE user = ?", "s", user);
	int r = db_next(st);

	if (r == 1) {
		db_copy(st, 0, out->secret, sizeof(out->secret));
		db_copy(st, 1, out->pending, sizeof(out->pending));
		out->used = db_number(st, 2);
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int sk_store_factor_begin(struct sk_store *s, const char *user, const char *secret, sk_ms now)
{
	int r = db_run(s, "UPDATE users SET totp_pending = ? WHERE user = ?", "ss", secret, user);

	(void)now;
	return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

int sk_store_factor_confirm(struct sk_store *s, const struct sk_actor *by, const char *secret, int64_t step, sk_ms now,
                            struct sk_err *err)
{
	int r = db_begin(s);

	if (r < 0)
		return db_fail(s, err, r, "second factor not stored");
	r = db_run(s,
	           "UPDATE users SET totp = totp_pending, totp_pending = '', totp_used = ?1 WHERE user = ?2 AND "
	           "totp_pending = ?3 AND totp_pending <> ''",
	           "iss", step, by->user, secret);
	if (r == 0)
		r = -ESTALE;
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
