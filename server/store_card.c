#include "server/store_card.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "server/store_inside.h"

int sk_card_fingerprint(const char *text, char out[SK_SHA256_HEX])
{
	char hex[SK_SHA256_HEX];
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == SK_SHA256_HEX - 1)
			return -EINVAL;
		hex[n++] = (char)tolower((unsigned char)*text);
	}
	if (n != SK_SHA256_HEX - 1)
		return -EINVAL;
	hex[n] = '\0';
	memcpy(out, hex, sizeof(hex));
	return 0;
}

static int put(struct sk_store *s, const struct sk_actor *by, const char *user, const char *fingerprint, sk_ms now)
{
	int64_t n = 0;
	int r = db_int(s, &n, "SELECT 1 FROM users WHERE user = ?", "s", user);

	if (r < 0)
		return r;
	r = db_int(s, &n, "SELECT count(*) FROM cards WHERE user = ?", "s", user);
	if (r < 0)
		return r;
	if (n >= SK_CARDS_MAX)
		return -E2BIG;
	r = db_run(s, "INSERT INTO cards(fingerprint, user, registered, by) VALUES(?,?,?,?) ON CONFLICT DO NOTHING",
	           "ssis", fingerprint, user, now, by->user);
	if (r <= 0)
		return r < 0 ? r : -EEXIST;
	return audit_add(s, by, "user.card", user, json_pack("{s:s}", "fingerprint", fingerprint), now);
}

int sk_store_card_put(struct sk_store *s, const struct sk_actor *by, const char *user, const char *fingerprint,
                      sk_ms now, struct sk_err *err)
{
	char hex[SK_SHA256_HEX];
	int r;

	if (sk_card_fingerprint(fingerprint, hex) < 0)
		return sk_err_set(err, -EINVAL, "a fingerprint is the SHA-256 of the certificate: 64 hex digits");
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "card not registered");
	r = db_finish(s, put(s, by, user, hex, now));
	if (r == -ENOENT)
		return sk_err_set(err, r, "user \"%s\" is not known; see: sekimori-server user list", user);
	if (r == -EEXIST)
		return sk_err_set(err, r, "this card is registered already; see: sekimori-server card list");
	if (r == -E2BIG)
		return sk_err_set(err, r, "user \"%s\" has %d cards; remove one first", user, SK_CARDS_MAX);
	return r < 0 ? db_fail(s, err, r, "card not registered") : 0;
}

int sk_store_card_remove(struct sk_store *s, const struct sk_actor *by, const char *fingerprint, const char *reason,
                         sk_ms now, struct sk_err *err)
{
	char hex[SK_SHA256_HEX], user[64] = "", shown[512];
	int r;

	sk_text_printable(shown, sizeof(shown), reason, strlen(reason));
	if (reason[0] == '\0' || strlen(reason) > 400 || strcmp(shown, reason) != 0)
		return sk_err_set(err, -EINVAL, "a reason is needed, at most 400 bytes of plain text");
	if (sk_card_fingerprint(fingerprint, hex) < 0)
		return sk_err_set(err, -EINVAL, "a fingerprint is the SHA-256 of the certificate: 64 hex digits");
	r = db_begin(s);
	if (r < 0)
		return db_fail(s, err, r, "card not removed");
	r = sk_store_card_user(s, hex, user);
	if (r == 0)
		r = db_run(s, "DELETE FROM cards WHERE fingerprint = ?", "s", hex);
	if (r >= 0)
		r = db_run(s, "DELETE FROM sessions WHERE user = ?", "s", user);
	if (r >= 0)
		r = audit_add(s, by, "user.card-removed", user,
		              json_pack("{s:s,s:s}", "fingerprint", hex, "reason", reason), now);
	r = db_finish(s, r < 0 ? r : 0);
	if (r == -ENOENT)
		return sk_err_set(err, r, "this card is not registered; see: sekimori-server card list");
	return r < 0 ? db_fail(s, err, r, "card not removed") : 0;
}

json_t *sk_store_cards(struct sk_store *s, const char *user)
{
	return db_list(
	    s,
	    "SELECT fingerprint, user, registered, by FROM cards WHERE ?1 = '' OR user = ?1 ORDER BY user, registered",
	    "s", user == NULL ? "" : user);
}

int sk_store_card_user(struct sk_store *s, const char *fingerprint, char user[64])
{
	struct db_rows *st = db_query(s, "SELECT user FROM cards WHERE fingerprint = ?", "s", fingerprint);
	int r = db_next(st);

	if (r == 1)
		db_copy(st, 0, user, 64);
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int sk_store_session_card(struct sk_store *s, const char *token_sha256, const char *fingerprint)
{
	int r = db_run(s, "UPDATE sessions SET card = ? WHERE token = ?", "ss", fingerprint, token_sha256);

	return r < 0 ? r : 0;
}

bool sk_store_session_by_card(struct sk_store *s, const char *token_sha256)
{
	int64_t one;

	return db_int(s, &one, "SELECT 1 FROM sessions WHERE token = ? AND card <> ''", "s", token_sha256) == 0;
}
