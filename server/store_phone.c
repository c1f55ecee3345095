/*
 * Answers by telephone. An answer belongs to (terminal, epoch, counter, nonce); the terminal's own record of its use ("grant.phone") is set against
 * what was issued. A use that was never issued is an incident at once, an answer that nobody used after a week is one too.
 */
#include "server/store_phone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/store_inside.h"

#define UNUSED_MS  ((sk_ms)7 * 86400 * 1000)
#define CALLER_MAX 255

void sk_store_set_phone(struct sk_store *s, const uint8_t master[SK_PHONE_KEY])
{
	memcpy(s->phone, master, SK_PHONE_KEY);
	s->has_phone = true;
}

static int epoch_of(struct sk_store *s, const char *terminal, int64_t *epoch)
{
	return db_int(s, epoch, "SELECT coalesce((SELECT epoch FROM phone_terminals WHERE terminal = ?), 1)", "s",
	              terminal);
}

json_t *phone_body(struct sk_store *s, const char *terminal)
{
	uint8_t key[SK_PHONE_KEY];
	char hex[2 * SK_PHONE_KEY + 1];
	int64_t epoch;
	json_t *o;

	if (!s->has_phone || epoch_of(s, terminal, &epoch) < 0)
		return NULL;
	sk_phone_key(s->phone, terminal, epoch, key);
	sk_hex(key, sizeof(key), hex);
	o = json_pack("{s:I,s:s}", "epoch", (json_int_t)epoch, "key", hex);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(hex, sizeof(hex));
	return o;
}

/* --- issuing --- */

static bool plain(const char *text, size_t min)
{
	char shown[1100];

	if (text == NULL || strlen(text) < min || strlen(text) > CALLER_MAX)
		return false;
	sk_text_printable(shown, sizeof(shown), text, strlen(text));
	return strcmp(shown, text) == 0;
}

static int check_actor(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i,
                       struct sk_err *err)
{
	struct sk_user me;
	int r = sk_store_user_get(s, by->user, &me);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || me.disabled || by->role != SK_ROLE_DESK || !(me.roles & SK_ROLE_DESK))
		return sk_err_set(err, -EPERM, "user %s does not act for the helpdesk", by->user);
	if (user_is_person(&me, i->person))
		return sk_err_set(err, -EPERM, "who asks does not issue: %s asked for it", by->user);
	return 0;
}

/* Who permitted it is a manager of the terminal's section, and neither the one who asked nor the one who issues. */
static int check_permitter(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i,
                           const struct sk_terminal *t, struct sk_err *err)
{
	struct sk_user sec;
	int r;

	if (i->permitted_by[0] == '\0')
		return 0; /* an urgent exception: reported to the CISO afterwards (7.4(2)) */
	r = sk_store_user_get(s, i->permitted_by, &sec);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || sec.disabled || !(sec.roles & SK_ROLE_SEC) ||
	    (sec.unit[0] != '\0' && strcmp(sec.unit, t->unit) != 0))
		return sk_err_set(err, -EPERM, "%s is no manager of section %s", i->permitted_by, t->unit);
	if (user_is_person(&sec, i->person) || user_is_person(&sec, by->user))
		return sk_err_set(err, -EPERM, "who asks or issues does not permit: %s", i->permitted_by);
	return 0;
}

static int check_fields(const struct sk_phone_issue *i, struct sk_err *err)
{
	if (!plain(i->person, 1) || strlen(i->person) > 63)
		return sk_err_set(err, -EINVAL, "the login name of the person is missing or cannot be used");
	if (!plain(i->reason, 1))
		return sk_err_set(err, -EINVAL, "the reason is missing, or too long");
	if (!plain(i->callback, 1))
		return sk_err_set(err, -EINVAL, "the number that was called back is missing, or too long");
	if (sk_phone_profile(i->profile) == NULL)
		return sk_err_set(err, -EINVAL, "profile %u does not exist", i->profile);
	return 0;
}

/* The challenge has the last two digits; the newest number not above the known one is meant. 0 = none. */
static int64_t in_full(int64_t known, unsigned digits)
{
	int64_t v = known - known % 100 + digits;

	return v > known ? v - 100 : v;
}

static int resolve(struct sk_store *s, const struct sk_phone_issue *i, const struct sk_phone_challenge *c,
                   struct sk_phone_permit *m, struct sk_err *err)
{
	const struct sk_phone_profile *profile = sk_phone_profile(i->profile);
	int64_t epoch, issued;
	int r;

	if (c->device != sk_phone_short(i->terminal))
		return sk_err_set(err, -EXDEV, "the challenge is of another terminal");
	r = epoch_of(s, i->terminal, &epoch);
	if (r < 0)
		return r;
	epoch = in_full(epoch, c->epoch);
	if (epoch < 1)
		return sk_err_set(err, -EINVAL, "the challenge is of a key that this server never gave out");
	r = db_int(s, &issued, "SELECT count(*) FROM phone_codes WHERE terminal = ? AND epoch = ?", "si", i->terminal,
	           epoch);
	if (r < 0)
		return r;
	/* Each use needs an answer of ours, so the terminal's counter is never above what was issued. */
	*m =
	    (struct sk_phone_permit){.purpose = profile->purpose,
	                             .device = i->terminal,
	                             .person = i->person,
	                             .epoch = epoch,
	                             .counter = issued < c->counter ? (int64_t)c->counter : in_full(issued, c->counter),
	                             .nonce = c->nonce,
	                             .media = c->media,
	                             .profile = profile->code,
	                             .seconds = profile->seconds};
	return 0;
}

static int insert(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i,
                  const struct sk_phone_permit *m, sk_ms now)
{
	char media[16];
	int r;

	snprintf(media, sizeof(media), "%010llx", (unsigned long long)m->media);
	r = db_run(s,
	           "INSERT INTO phone_codes(created, terminal, epoch, counter, nonce, media, person, "
	           "profile, permitted_by, reason, "
	           "callback, user, name) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	           "isiiississsss", now, i->terminal, m->epoch, m->counter, (int64_t)m->nonce, media, i->person,
	           (int64_t)m->profile, i->permitted_by, i->reason, i->callback, by->user, by->name);
	if (r <= 0)
		return r == 0 ? -EEXIST : r;
	return audit_add(s, by, i->permitted_by[0] != '\0' ? "phone.issue" : "phone.issue-urgent", i->terminal,
	                 json_pack("{s:s,s:i,s:s,s:s,s:s,s:s}", "person", i->person, "profile", (int)m->profile,
	                           "media", media, "permitted_by", i->permitted_by, "reason", i->reason, "callback",
	                           i->callback),
	                 now);
}

static int issue(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i,
                 const struct sk_phone_challenge *c, sk_ms now, struct sk_phone_permit *m, struct sk_err *err)
{
	struct sk_terminal t;
	int r = check_fields(i, err);

	if (r < 0)
		return r;
	r = sk_store_terminal_get(s, i->terminal, &t);
	if (r == -ENOENT || (r == 0 && t.revoked))
		return sk_err_set(err, -ENOENT, "terminal %s is not known, or shut out", i->terminal);
	if (r < 0 || (r = check_actor(s, by, i, err)) < 0 || (r = check_permitter(s, by, i, &t, err)) < 0 ||
	    (r = resolve(s, i, c, m, err)) < 0)
		return r;
	r = insert(s, by, i, m, now);
	if (r == -EEXIST)
		return sk_err_set(
		    err, r,
		    "this challenge was answered before; an answer is shown once, so have a new challenge made");
	return r;
}

int sk_store_phone_issue(struct sk_store *s, const struct sk_actor *by, const struct sk_phone_issue *i, sk_ms now,
                         char answer[SK_PHONE_TEXT], struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	struct sk_phone_challenge c;
	struct sk_phone_permit m = {0};
	uint8_t key[SK_PHONE_KEY];
	int r = sk_phone_challenge_read(i->challenge, &c);

	if (r == SK_PHONE_TYPO)
		return sk_err_set(err, r, "the challenge has a typing mistake: its check digit does not fit");
	if (r < 0)
		return sk_err_set(err, r, "the challenge: 32 digits");
	if (!s->has_phone)
		return sk_err_set(err, -ENOKEY, "there is no master key; run: sekimori-server init");
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, issue(s, by, i, &c, now, &m, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "answer not stored");
	sk_phone_key(s->phone, i->terminal, m.epoch, key);
	sk_phone_answer_write(m.profile, sk_phone_code(key, &m), answer);
	explicit_bzero(key, sizeof(key));
	return 0;
}

json_t *sk_store_phone_list(struct sk_store *s, int limit)
{
	return db_list(
	    s,
	    "SELECT c.id, c.created, c.terminal, t.host, t.unit, c.person, c.profile, c.media, c.permitted_by, "
	    "c.reason, c.callback, "
	    "c.user, c.name, c.redeemed,"
	    " CASE WHEN c.redeemed IS NOT NULL THEN 'redeemed' WHEN c.alarmed <> 0 THEN 'unused' ELSE 'issued' END AS "
	    "state"
	    " FROM phone_codes c JOIN terminals t ON t.id = c.terminal ORDER BY c.id DESC LIMIT ?",
	    "i", (int64_t)limit);
}

/* --- what terminals report --- */

struct used {
	const char *person;
	long long epoch, counter, nonce, media, profile;
};

static int used_read(const json_t *o, struct used *u)
{
	int r = sk_json_str(o, "person", 1, 63, &u->person, NULL);

	if (r == 0)
		r = sk_json_int(o, "epoch", 1, INT32_MAX, &u->epoch, NULL);
	if (r == 0)
		r = sk_json_int(o, "counter", 0, INT32_MAX, &u->counter, NULL);
	if (r == 0)
		r = sk_json_int(o, "nonce", 0, UINT32_MAX, &u->nonce, NULL);
	if (r == 0)
		r = sk_json_int(o, "media", 0, ((long long)1 << 40) - 1, &u->media, NULL);
	return r < 0 ? r : sk_json_int(o, "profile", 1, 99, &u->profile, NULL);
}

/* 1 = it was issued and not reported before. */
static int mark_redeemed(struct sk_store *s, const char *terminal, const struct used *u, const struct sk_event *e)
{
	char media[16];

	snprintf(media, sizeof(media), "%010llx", (unsigned long long)u->media);
	return db_run(s,
	              "UPDATE phone_codes SET redeemed = ? WHERE terminal = ? AND epoch = ? AND counter = ? AND nonce "
	              "= ? AND media = ? AND person = ?"
	              " AND profile = ? AND redeemed IS NULL",
	              "isiiissi", e->time, terminal, (int64_t)u->epoch, (int64_t)u->counter, (int64_t)u->nonce, media,
	              u->person, (int64_t)u->profile);
}

int phone_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e, sk_ms now)
{
	json_t *body = NULL;
	struct used u = {0};
	int64_t epoch = 0;
	int r;

	if (sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL) < 0 || used_read(body, &u) < 0) {
		json_decref(body);
		return incident_add(s, terminal, "phone-malformed", e->seq,
		                    "a permit by telephone is reported that cannot be read", now);
	}
	r = mark_redeemed(s, terminal, &u, e);
	if (r == 0)
		r = incident_add(s, terminal, "phone-never-issued", e->seq,
		                 "a medium was opened by a telephone code that was never issued", now);
	if (r >= 0)
		r = epoch_of(s, terminal, &epoch);
	/* Used once: the next one needs another key. An older epoch was raised already. */
	if (r >= 0 && u.epoch == epoch)
		r = db_run(s,
		           "INSERT INTO phone_terminals(terminal, epoch) VALUES(?1, ?2) ON CONFLICT(terminal) DO "
		           "UPDATE SET epoch = excluded.epoch",
		           "si", terminal, epoch + 1);
	json_decref(body);
	return r < 0 ? r : 0;
}

int phone_tend(struct sk_store *s, sk_ms now)
{
	json_t
	    *list = db_list(
	        s,
	        "SELECT id, terminal FROM phone_codes WHERE redeemed IS NULL AND alarmed = 0 AND created < ? LIMIT 100",
	        "i", now - UNUSED_MS),
	    *row;
	size_t n;
	int r = list == NULL ? -EIO : 0;

	if (r == 0 && json_array_size(list) > 0)
		r = db_begin(s);
	else {
		json_decref(list);
		return r;
	}
	json_array_foreach(list, n, row)
	{
		int64_t id = json_integer_value(json_object_get(row, "id"));

		if (r >= 0)
			r = incident_add(s, json_string_value(json_object_get(row, "terminal")), "phone-not-used", id,
			                 "an answer was given by telephone and its use was never reported", now);
		if (r >= 0)
			r = db_run(s, "UPDATE phone_codes SET alarmed = 1 WHERE id = ?", "i", id);
	}
	json_decref(list);
	return db_finish(s, r < 0 ? r : 0);
}
