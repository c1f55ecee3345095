/* Notices and who has read them. A terminal tells each acknowledgement as an event ("notice.acknowledged"); the same person counts once. */
#include "server/store_notice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store_inside.h"

#define DAY ((sk_ms)86400 * 1000)

static int check_actor(struct sk_store *s, const struct sk_actor *by, struct sk_err *err)
{
	struct sk_user me;
	int r = sk_store_user_get(s, by->user, &me);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || me.disabled || !(me.roles & by->role) || !(by->role & (SK_ROLE_DESK | SK_ROLE_SYS)))
		return sk_err_set(err, -EPERM, "%s may not send notices", by->user);
	return 0;
}

static int check_wish(struct sk_store *s, const struct sk_notice_wish *w, sk_ms now, struct sk_office_notice *n,
                      struct sk_err *err)
{
	int64_t one;

	if (strlen(w->title) > SK_NOTICE_TITLE || strlen(w->text) > SK_NOTICE_TEXT || strlen(w->officer) > 100)
		return sk_err_set(err, -EINVAL, "the title has at most %d bytes, the text %d", SK_NOTICE_TITLE,
		                  SK_NOTICE_TEXT);
	n->created = now;
	n->until = w->until > 0 ? w->until : now + 30 * DAY;
	sk_text_copy(n->from, sizeof(n->from), w->officer);
	sk_text_copy(n->title, sizeof(n->title), w->title);
	sk_text_copy(n->text, sizeof(n->text), w->text);
	if (n->until > now + 366 * DAY)
		return sk_err_set(err, -EINVAL, "a notice stands for at most 366 days");
	if (w->unit[0] != '\0' && db_int(s, &one, "SELECT 1 FROM units WHERE key = ?", "s", w->unit) != 0)
		return sk_err_set(err, -ENOENT, "section \"%s\" is not known", w->unit);
	if (sk_uuid(n->id) < 0)
		return -EIO;
	return sk_office_notice_check(n, err);
}

static int add(struct sk_store *s, const struct sk_actor *by, const struct sk_notice_wish *w,
               struct sk_office_notice *n, sk_ms now, struct sk_err *err)
{
	char object[48];
	int r = check_actor(s, by, err);

	if (r == 0)
		r = check_wish(s, w, now, n, err);
	if (r == 0)
		r = db_int(
		    s, &n->number,
		    "INSERT INTO notices(id, unit, title, text, officer, created, until, asked_user, asked_name) "
		    "VALUES(?,?,?,?,?,?,?,?,?) RETURNING number",
		    "sssssiiss", n->id, w->unit, n->title, n->text, n->from, n->created, n->until, by->user, by->name);
	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "notice:%lld", (long long)n->number);
	return audit_add(
	    s, by, "notice.sent", object,
	    json_pack("{s:s,s:s,s:s,s:I}", "unit", w->unit, "title", n->title, "officer", n->from, "until", n->until),
	    now);
}

int sk_store_notice_add(struct sk_store *s, const struct sk_actor *by, const struct sk_notice_wish *w, sk_ms now,
                        int64_t *number, struct sk_err *err)
{
	struct sk_office_notice *n = calloc(1, sizeof(*n));
	struct sk_err why = SK_ERR_INIT;
	int r = n == NULL ? -ENOMEM : db_begin(s);

	if (r == 0)
		r = db_finish(s, add(s, by, w, n, now, &why));
	if (r == 0)
		*number = n->number;
	free(n);
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "notice not stored");
	return 0;
}

json_t *sk_store_notices(struct sk_store *s, int limit)
{
	return db_list(
	    s,
	    "SELECT n.number, n.id, n.unit, n.title, n.text, n.officer, n.created, n.until,"
	    " (SELECT count(*) FROM terminals t WHERE t.revoked IS NULL AND (n.unit = '' OR t.unit = n.unit))"
	    " AS terminals,"
	    " (SELECT count(DISTINCT a.terminal) FROM notice_acks a WHERE a.notice = n.number) AS acknowledged,"
	    " (SELECT count(DISTINCT a.person) FROM notice_acks a WHERE a.notice = n.number) AS persons"
	    " FROM notices n WHERE n.terminal IS NULL ORDER BY n.number DESC LIMIT ?",
	    "i", (int64_t)limit);
}

json_t *notices_now(struct sk_store *s, const char *device, sk_ms now)
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT n.id, n.number, n.officer, n.title, n.text, n.created, n.until FROM notices n JOIN terminals t "
	    "ON t.id = ? WHERE ((n.terminal IS NULL AND (n.unit = '' OR n.unit = t.unit)) OR n.terminal = t.id) AND "
	    "n.until > ? "
	    "ORDER BY CASE WHEN n.terminal IS NULL THEN 0 ELSE 1 END, n.number DESC LIMIT ?",
	    "sii", device, now, (int64_t)SK_OFFICE_NOTICES_MAX);
	struct sk_office_notice *n = calloc(1, sizeof(*n));
	json_t *list = json_array();
	int r = n == NULL ? -ENOMEM : 0;

	while (r >= 0 && (r = db_next(st)) == 1) {
		db_copy(st, 0, n->id, sizeof(n->id));
		n->number = db_number(st, 1);
		db_copy(st, 2, n->from, sizeof(n->from));
		db_copy(st, 3, n->title, sizeof(n->title));
		db_copy(st, 4, n->text, sizeof(n->text));
		n->created = db_number(st, 5);
		n->until = db_number(st, 6);
		if (json_array_append_new(list, sk_office_notice_json(n)) != 0)
			r = -ENOMEM;
	}
	db_end(st);
	free(n);
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

int notice_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e)
{
	const char *id = NULL, *person = NULL;
	json_t *body = NULL;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL);

	if (r == 0)
		r = sk_json_str(body, "id", 36, 36, &id, NULL);
	if (r == 0)
		r = sk_json_str(body, "person", 1, 63, &person, NULL);
	if (r == 0) /* one that was never sent is nobody's: nothing is stored */
		r = db_run(
		    s,
		    "INSERT INTO notice_acks(notice, terminal, person, time) SELECT number, ?, ?, ? FROM notices WHERE "
		    "id = ? ON CONFLICT DO NOTHING",
		    "ssis", terminal, person, e->time, id);
	json_decref(body);
	return r == -EINVAL || r == -EBADMSG ? 0 : r < 0 ? r : 0;
}
