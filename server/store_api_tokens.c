/* See store_api_tokens.h. */
#include "server/store_api_tokens.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store_compliance.h"
#include "server/store_inside.h"

static int put(struct sk_store *s, const struct sk_actor *by, const char *sha256, const char *name,
               const char *capacity, sk_ms until, sk_ms now)
{
	int64_t have = 0;
	int r = db_int(s, &have, "SELECT count(*) FROM api_tokens WHERE user = ? AND revoked = 0 AND until > ?", "si",
	               by->user, now);

	if (r == 0 && have >= SK_API_TOKENS_MAX)
		return -ENOSPC;
	if (r == 0)
		r = db_run(s,
		           "INSERT INTO api_tokens(sha256, user, name, capacity, created, until) VALUES(?,?,?,?,?,?)",
		           "ssssii", sha256, by->user, name, capacity, now, until);
	if (r >= 0)
		r = audit_add(s, by, "api-token.create", name,
		              json_pack("{s:s,s:I}", "capacity", capacity, "until", (json_int_t)until), now);
	return r < 0 ? r : 0;
}

int sk_store_api_token_put(struct sk_store *s, const struct sk_actor *by, const char *sha256, const char *name,
                           const char *capacity, sk_ms until, sk_ms now, struct sk_err *err)
{
	char shown[512];
	int r;

	sk_text_printable(shown, sizeof(shown), name, strlen(name));
	if (name[0] == '\0' || strlen(name) > 80 || strcmp(shown, name) != 0)
		return sk_err_set(err, -EINVAL, "a name of at most 80 bytes is needed");
	if (until <= now || until > now + SK_API_TOKEN_LONGEST)
		return sk_err_set(err, -EINVAL, "a token ends within 366 days");
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, put(s, by, sha256, name, capacity, until, now));
	if (r == -ENOSPC)
		return sk_err_set(err, r, "at most %d tokens are in force", SK_API_TOKENS_MAX);
	return r < 0 ? db_fail(s, err, r, "token not stored") : 0;
}

/* A line of the audit trail for the first use of a day: one for each call would say less. */
static int used(struct sk_store *s, const struct sk_api_token *t, sk_ms before, sk_ms now)
{
	struct sk_actor by = {.role = SK_ROLE_STAFF};
	char object[48];
	int r;

	if (now - before < 60000 && now >= before)
		return 0;
	r = db_begin(s);
	if (r < 0)
		return r;
	r = db_run(s, "UPDATE api_tokens SET used = ? WHERE id = ?", "ii", now, t->id);
	if (r >= 0 && sk_day_of(before) != sk_day_of(now)) {
		sk_text_copy(by.user, sizeof(by.user), t->user);
		sk_text_copy(by.name, sizeof(by.name), t->user);
		snprintf(object, sizeof(object), "api-token:%lld", (long long)t->id);
		r = audit_add(s, &by, "api-token.used", object, json_pack("{s:s}", "capacity", t->capacity), now);
	}
	return db_finish(s, r < 0 ? r : 0);
}

int sk_store_api_token_use(struct sk_store *s, const char *sha256, sk_ms now, struct sk_api_token *out)
{
	struct db_rows *st = db_query(
	    s, "SELECT id, user, capacity, used FROM api_tokens WHERE sha256 = ? AND revoked = 0 AND until > ?", "si",
	    sha256, now);
	sk_ms before = 0;
	int r = db_next(st);

	if (r == 1) {
		out->id = db_number(st, 0);
		db_copy(st, 1, out->user, sizeof(out->user));
		db_copy(st, 2, out->capacity, sizeof(out->capacity));
		before = db_number(st, 3);
	}
	db_end(st);
	return r == 1 ? used(s, out, before, now) : r == 0 ? -ENOENT : r;
}

json_t *sk_store_api_tokens(struct sk_store *s, const char *user, sk_ms now)
{
	return db_list(s,
	               "SELECT id, name, capacity, created, until, used, CASE WHEN revoked <> 0 THEN 'revoked' WHEN "
	               "until <= ?2 THEN "
	               "'ended' ELSE 'valid' END AS state FROM api_tokens WHERE user = ?1 ORDER BY id DESC LIMIT 50",
	               "si", user, now);
}

int sk_store_api_token_revoke(struct sk_store *s, const struct sk_actor *by, int64_t id, sk_ms now)
{
	char object[48];
	int r = db_begin(s);

	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "api-token:%lld", (long long)id);
	r = db_run(s, "UPDATE api_tokens SET revoked = ? WHERE id = ? AND user = ? AND revoked = 0", "iis", now, id,
	           by->user);
	if (r == 0)
		r = -ENOENT;
	if (r > 0)
		r = audit_add(s, by, "api-token.revoke", object, NULL, now);
	return db_finish(s, r < 0 ? r : 0);
}
