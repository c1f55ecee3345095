/* Sections and console users, their login attempts and sessions. */
#include "server/job.h"
#include "server/store_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROLES_ALL         (2u * SK_ROLE_LAST - 1u)
#define ATTEMPT_NAMES_MAX 10000 /* invented names in login_attempts; the oldest go */
#define SESSION_LONGEST   ((sk_ms)7 * 86400 * 1000) /* swept after this, whatever the setting */
#define SESSION_TOUCH_MIN ((sk_ms)1000)

int sk_store_unit_put(struct sk_store *s, const struct sk_actor *by, const char *key, const char *name_ja,
                      const char *name_en, struct sk_err *err)
{
	int r;

	if (!sk_text_is_name(key, 63) || strpbrk(key, "._") != NULL)
		return sk_err_set(err, -EINVAL, "section key \"%s\": use 1 to 63 of a-z, 0-9 and -", key);
	if (name_ja[0] == '\0' || strlen(name_ja) > 127 || name_en[0] == '\0' || strlen(name_en) > 127)
		return sk_err_set(err, -EINVAL, "section %s: both names are needed, at most 127 bytes each", key);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "section not stored");
	r = db_run(s,
	           "INSERT INTO units(key, name_ja, name_en) VALUES(?,?,?) ON CONFLICT(key) DO UPDATE SET name_ja = "
	           "excluded.name_ja,"
	           " name_en = excluded.name_en",
	           "sss", key, name_ja, name_en);
	if (r >= 0)
		r = db_run(s, "INSERT INTO unit_within(above, unit) VALUES(?1, ?1) ON CONFLICT DO NOTHING", "s", key);
	if (r >= 0)
		r = audit_add(s, by, "unit.put", key, json_pack("{s:s,s:s}", "name_ja", name_ja, "name_en", name_en),
		              sk_clock_wall());
	r = db_finish(s, r < 0 ? r : 0);
	return r < 0 ? db_fail(s, err, r, "section not stored") : 0;
}

json_t *sk_store_units(struct sk_store *s)
{
	return db_list(s,
	               "SELECT key, name_ja, name_en, (SELECT count(*) FROM terminals t WHERE t.unit = u.key AND "
	               "t.revoked IS NULL) AS terminals"
	               " FROM units u ORDER BY key",
	               "");
}

static int user_check(struct sk_store *s, const char *user, const char *name, const char *unit, unsigned roles,
                      struct sk_err *err)
{
	int64_t one;

	if (!sk_text_is_name(user, 63))
		return sk_err_set(err, -EINVAL, "user \"%s\": use 1 to 63 of a-z, 0-9, '_', '.' and '-'", user);
	if (strcmp(user, "system") == 0)
		return sk_err_set(err, -EINVAL, "user \"system\" is the server's own name; choose another");
	if (name[0] == '\0' || strlen(name) > 127)
		return sk_err_set(err, -EINVAL, "user %s: post and name are needed, at most 127 bytes", user);
	if (roles == 0 || (roles & ~ROLES_ALL) != 0)
		return sk_err_set(err, -EINVAL,
		                  "user %s: at least one role of staff, sec, desk, sys, aud, ciso, exec, bur", user);
	if ((roles & (SK_ROLE_SEC | SK_ROLE_BUR)) != 0 && unit[0] == '\0')
		return sk_err_set(err, -EINVAL, "user %s: the roles sec and bur need the section they are for", user);
	if (unit[0] != '\0' && db_int(s, &one, "SELECT 1 FROM units WHERE key = ?", "s", unit) != 0)
		return sk_err_set(err, -ENOENT, "section \"%s\" is not known; add it with: sekimori-server unit add",
		                  unit);
	return 0;
}

static json_t *role_names(unsigned roles)
{
	json_t *names = json_array();

	for (unsigned bit = SK_ROLE_STAFF; bit <= SK_ROLE_LAST; bit <<= 1) {
		if ((roles & bit) != 0)
			json_array_append_new(names, json_string(sk_role_name((enum sk_role)bit)));
	}
	return names;
}

int sk_store_user_put(struct sk_store *s, const struct sk_actor *by, const char *user, const char *name,
                      const char *unit, unsigned roles, const char *password_hash, struct sk_err *err)
{
	int r = user_check(s, user, name, unit, roles, err);

	if (r < 0)
		return r;
	if (strncmp(password_hash, "$argon2id$", 10) != 0)
		return sk_err_set(err, -EINVAL, "user %s: not an Argon2id password hash", user);
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "user not stored");
	r = db_run(s,
	           "INSERT INTO users(user, name, unit, roles, password_hash) VALUES(?1,?2,nullif(?3,''),?4,?5) ON "
	           "CONFLICT(user) DO UPDATE SET"
	           " name = excluded.name, unit = excluded.unit, roles = excluded.roles, password_hash = "
	           "excluded.password_hash",
	           "sssis", user, name, unit, (int64_t)roles, password_hash);
	if (r >= 0)
		r = db_run(s, "DELETE FROM sessions WHERE user = ?", "s", user); /* rights changed: log in again */
	if (r >= 0)
		r = org_changed(s);
	if (r >= 0)
		r = audit_add(s, by, "user.put", user,
		              json_pack("{s:s,s:s,s:o}", "name", name, "unit", unit, "roles", role_names(roles)),
		              sk_clock_wall());
	r = db_finish(s, r < 0 ? r : 0);
	return r < 0 ? db_fail(s, err, r, "user not stored") : 0;
}

/* One change to one existing user, its audit line, and the end of the user's sessions. */
static int user_change(struct sk_store *s, const struct sk_actor *by, const char *user, const char *action,
                       const char *sql, const char *text, int64_t number, json_t *detail, struct sk_err *err)
{
	int r = db_begin(s);

	if (r < 0) {
		json_decref(detail);
		return db_fail(s, err, r, "user not changed");
	}
	r = text != NULL ? db_run(s, sql, "ss", text, user) : db_run(s, sql, "is", number, user);
	if (r == 0)
		r = -ENOENT;
	if (r > 0)
		r = db_run(s, "DELETE FROM sessions WHERE user = ?", "s", user);
	if (r >= 0)
		r = db_run(s, "DELETE FROM login_attempts WHERE user = ?", "s", user);
	if (r >= 0)
		r = org_changed(s);
	if (r >= 0)
		r = audit_add(s, by, action, user, json_incref(detail), sk_clock_wall());
	json_decref(detail);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT)
		return sk_err_set(err, r, "user \"%s\" is not known; see: sekimori-server user list", user);
	return r < 0 ? db_fail(s, err, r, "user not changed") : 0;
}

int sk_store_user_password(struct sk_store *s, const struct sk_actor *by, const char *user, const char *password_hash,
                           struct sk_err *err)
{
	if (strncmp(password_hash, "$argon2id$", 10) != 0)
		return sk_err_set(err, -EINVAL, "user %s: not an Argon2id password hash", user);
	return user_change(s, by, user, "user.password", "UPDATE users SET password_hash = ? WHERE user = ?",
	                   password_hash, 0, NULL, err);
}

int sk_store_user_login(struct sk_store *s, const struct sk_actor *by, const char *user, const char *login,
                        struct sk_err *err)
{
	char shown[128];

	sk_text_printable(shown, sizeof(shown), login, strlen(login));
	if (strlen(login) > 63 || strcmp(shown, login) != 0 || strchr(login, ' ') != NULL)
		return sk_err_set(err, -EINVAL, "login name \"%s\": at most 63 bytes, no blanks or control characters",
		                  shown);
	return user_change(s, by, user, "user.login", "UPDATE users SET login = ? WHERE user = ?", login, 0,
	                   json_pack("{s:s}", "login", login), err);
}

int sk_store_user_disable(struct sk_store *s, const struct sk_actor *by, const char *user, bool disabled,
                          struct sk_err *err)
{
	return user_change(s, by, user, disabled ? "user.disable" : "user.enable",
	                   "UPDATE users SET disabled = ? WHERE user = ?", NULL, disabled, NULL, err);
}

int sk_store_user_get(struct sk_store *s, const char *user, struct sk_user *out)
{
	struct db_rows *st =
	    db_query(s,
	             "SELECT u.user, name, coalesce(unit, ''), roles, password_hash, coalesce(failures, 0), "
	             "coalesce(locked_until, 0),"
	             " last_login, disabled, coalesce(nullif(login, ''), u.user), CASE WHEN totp <> '' THEN 1 ELSE 0 "
	             "END FROM users u LEFT JOIN "
	             "login_attempts "
	             "a ON a.user = u.user WHERE u.user = ?",
	             "s", user);
	int r = db_next(st);

	if (r == 1) {
		memset(out, 0, sizeof(*out));
		db_copy(st, 0, out->user, sizeof(out->user));
		db_copy(st, 1, out->name, sizeof(out->name));
		db_copy(st, 2, out->unit, sizeof(out->unit));
		out->roles = (unsigned)db_number(st, 3);
		db_copy(st, 4, out->password_hash, sizeof(out->password_hash));
		out->failures = (int)db_number(st, 5);
		out->locked_until = db_number(st, 6);
		out->last_login = db_number(st, 7);
		out->disabled = db_number(st, 8) != 0;
		db_copy(st, 9, out->login, sizeof(out->login));
		out->second_factor = db_number(st, 10) != 0;
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

json_t *sk_store_users(struct sk_store *s)
{
	json_t *list = db_list(s,
	                       "SELECT u.user, coalesce(nullif(login, ''), u.user) AS login, name, coalesce(unit, '') "
	                       "AS unit, roles, disabled AS \"disabled|b\", "
	                       "coalesce(locked_until, 0)"
	                       " AS locked_until, this_login AS last_login FROM users u LEFT JOIN login_attempts a ON "
	                       "a.user = u.user ORDER BY u.user",
	                       "");
	json_t *u;
	size_t i;

	json_array_foreach(list, i, u)
	{
		json_object_set_new(u, "roles", role_names((unsigned)json_integer_value(json_object_get(u, "roles"))));
	}
	return list;
}

static int attempt(struct sk_store *s, const char *user, sk_ms now, int limit, sk_ms lock_ms, sk_ms *until)
{
	struct db_rows *st = db_query(s, "SELECT failures, locked_until FROM login_attempts WHERE user = ?", "s", user);
	int64_t failures = 0, locked = 0, names = 0;
	int r = db_next(st);

	if (r == 1) {
		failures = db_number(st, 0);
		locked = db_number(st, 1);
	}
	db_end(st);
	if (r < 0)
		return r;
	*until = locked;
	if (locked > now)
		return -EAGAIN;
	failures = locked != 0 ? 1 : failures + 1; /* a lock that ended starts the count anew */
	locked = failures >= limit ? now + lock_ms : 0;
	if (r == 0)
		r = db_int(s, &names, "SELECT count(*) FROM login_attempts", "");
	else
		r = 0;
	if (r == 0 && names >= ATTEMPT_NAMES_MAX) {
		r = db_run(s,
		           "DELETE FROM login_attempts WHERE user IN (SELECT user FROM login_attempts WHERE user NOT "
		           "IN (SELECT user FROM users) ORDER BY at DESC "
		           "LIMIT 1000000 OFFSET ?)",
		           "i", (int64_t)ATTEMPT_NAMES_MAX - 1);
		if (r < 0)
			return r;
	}
	r = db_run(s,
	           "INSERT INTO login_attempts(user, failures, locked_until, at) VALUES(?,?,?,?) ON CONFLICT(user) DO "
	           "UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until, at = excluded.at",
	           "siii", user, failures, locked, now);
	*until = 0;
	return r < 0 ? r : 0;
}

int sk_store_login_attempt(struct sk_store *s, const char *user, sk_ms now, int limit, sk_ms lock_ms, sk_ms *until)
{
	int r;

	*until = 0;
	if (strlen(user) > 63)
		return 0; /* no such name; the password is compared with a dummy all the same */
	r = db_begin(s);
	if (r < 0)
		return r;
	return db_finish(s, attempt(s, user, now, limit, lock_ms, until));
}

int sk_store_login_forgive(struct sk_store *s, const char *user)
{
	int r = db_run(
	    s, "UPDATE login_attempts SET failures = failures - 1, locked_until = 0 WHERE user = ? AND failures > 0",
	    "s", user);

	return r < 0 ? r : 0;
}

int sk_store_login_ok(struct sk_store *s, const char *user, sk_ms now)
{
	struct sk_user u = {0};
	struct sk_actor by = {.role = SK_ROLE_STAFF};
	int r = sk_store_user_get(s, user, &u);

	if (r < 0)
		return r;
	if (u.disabled)
		return -EACCES;
	sk_text_copy(by.user, sizeof(by.user), u.user);
	sk_text_copy(by.name, sizeof(by.name), u.name);
	sk_text_copy(by.unit, sizeof(by.unit), u.unit);
	r = db_begin(s);
	if (r < 0)
		return r;
	r = db_run(s, "DELETE FROM login_attempts WHERE user = ?", "s", user);
	if (r >= 0)
		r = db_run(s, "UPDATE users SET last_login = this_login, this_login = ? WHERE user = ?", "is", now,
		           user);
	if (r >= 0)
		r = audit_add(s, &by, "login", user, NULL, now);
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_session_put(struct sk_store *s, const char *token_sha256, const char *user, const char *csrf, sk_ms now)
{
	int r = db_run(s, "INSERT INTO sessions(token, user, csrf, created, seen) VALUES(?,?,?,?,?)", "sssii",
	               token_sha256, user, csrf, now, now);

	return r < 0 ? r : 0;
}

int sk_store_session_get(struct sk_store *s, const char *token_sha256, sk_ms now, sk_ms idle_ms, sk_ms max_ms,
                         char user[64], char csrf[65])
{
	struct db_rows *st = db_query(s,
	                              "SELECT s.user, csrf, created, seen, disabled FROM sessions s JOIN users u ON "
	                              "u.user = s.user WHERE token = ?",
	                              "s", token_sha256);
	int r = db_next(st);
	sk_ms created = 0, seen = 0;
	bool dead = false;

	if (r == 1) {
		created = db_number(st, 2);
		seen = db_number(st, 3);
		/* A clock set back must not make a session live longer: a time before its own creation ends it. */
		dead = db_number(st, 4) != 0 || now < created || now - created >= max_ms || now - seen >= idle_ms;
		if (!dead) {
			db_copy(st, 0, user, 64);
			db_copy(st, 1, csrf, 65);
		}
	}
	db_end(st);
	if (r <= 0)
		return r == 0 ? -ENOENT : r;
	if (dead) {
		r = sk_store_session_end(s, token_sha256);
		return r < 0 ? r : -ENOENT;
	}
	if (now - seen < SESSION_TOUCH_MIN || now - seen < idle_ms / 60)
		return 0; /* a page makes many requests; one write for all of them */
	r = db_run(s, "UPDATE sessions SET seen = ? WHERE token = ?", "is", now, token_sha256);
	return r < 0 ? r : 0;
}

int sk_store_session_end(struct sk_store *s, const char *token_sha256)
{
	int r = db_run(s, "DELETE FROM sessions WHERE token = ?", "s", token_sha256);

	return r < 0 ? r : 0;
}

int sessions_job(struct sk_store *s, struct sk_job_now *t)
{
	int r = db_run(s, "DELETE FROM sessions WHERE created < ?", "i", t->now - SESSION_LONGEST);

	if (r > 0)
		t->done += r;
	return r < 0 ? r : 0;
}
