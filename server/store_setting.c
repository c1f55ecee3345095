/* Setting permits: the store checks the same bounds that the terminal will (policy/setting_permit.h), so that no bundle is refused for them. */
#include "server/store_setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/setting_permit.h"
#include "server/store_inside.h"

static bool plain(const char *text, size_t max)
{
	char shown[1100];

	if (text == NULL || text[0] == '\0' || strlen(text) > max)
		return false;
	sk_text_printable(shown, sizeof(shown), text, strlen(text));
	return strcmp(shown, text) == 0;
}

static int check_manager(struct sk_store *s, const struct sk_actor *by, const char *unit, const char *person,
                         struct sk_err *err)
{
	struct sk_user me;
	int r = sk_store_user_get(s, by->user, &me);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || me.disabled || by->role != SK_ROLE_SEC || !(me.roles & SK_ROLE_SEC) || me.unit[0] == '\0' ||
	    strcmp(me.unit, unit) != 0)
		return sk_err_set(err, -EPERM, "%s is no manager of section %s", by->user, unit);
	if (user_is_person(&me, person))
		return sk_err_set(err, -EPERM, "nobody permits for themselves: %s", by->user);
	return 0;
}

/* Whoever has decided it. application 0: none. */
static int insert(struct sk_store *s, const struct sk_actor *by, const struct sk_setting_wish *w, int64_t application,
                  sk_ms now, int64_t *number, struct sk_err *err)
{
	sk_ms from = w->from > 0 ? w->from : now;
	char object[48];
	int64_t open = 0;
	int r;

	if (strcmp(w->setting, SK_SETTING_SCREEN_LOCK) != 0)
		return sk_err_set(err, -EINVAL, "\"%s\" is no setting that can be permitted; known: %s", w->setting,
		                  SK_SETTING_SCREEN_LOCK);
	if (!plain(w->person, 63) || !plain(w->reason, 255))
		return sk_err_set(err, -EINVAL, "the login name or the reason is missing, or cannot be used");
	if (w->until <= from || w->until <= now || w->until - from > SK_SETTING_LONGEST_MS)
		return sk_err_set(err, -EINVAL,
		                  "the end must come after the beginning, within 31 days; for longer it is an "
		                  "exception (7.4(1))");
	r = db_int(s, &open, "SELECT count(*) FROM setting_permits WHERE terminal = ? AND ended IS NULL AND until > ?",
	           "si", w->terminal, now);
	if (r == 0 && open >= SK_SETTING_PERMITS_MAX)
		return sk_err_set(err, -ENOSPC, "too many permits of this terminal are in force");
	if (r == 0)
		r = db_int(
		    s, number,
		    "INSERT INTO setting_permits(terminal, setting, person, reason, starts, until, created, "
		    "permitted_user, permitted_by, application) VALUES(?,?,?,?,?,?,?,?,?,nullif(?, 0)) RETURNING "
		    "number",
		    "ssssiiissi", w->terminal, w->setting, w->person, w->reason, from, w->until, now, by->user,
		    by->name, application);
	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "setting:%lld", (long long)*number);
	return audit_add(s, by, "setting.permitted", object,
	                 json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "terminal", w->terminal, "setting", w->setting,
	                           "person", w->person, "reason", w->reason, "from", (json_int_t)from, "until",
	                           (json_int_t)w->until),
	                 now);
}

static int permit(struct sk_store *s, const struct sk_actor *by, const struct sk_setting_wish *w, sk_ms now,
                  int64_t *number, struct sk_err *err)
{
	struct sk_terminal t;
	int r = sk_store_terminal_get(s, w->terminal, &t);

	if (r == -ENOENT || (r == 0 && t.revoked))
		return sk_err_set(err, -ENOENT, "terminal %s is not known, or shut out", w->terminal);
	if (r == 0)
		r = check_manager(s, by, t.unit, w->person, err);
	return r < 0 ? r : insert(s, by, w, 0, now, number, err);
}

/* Its route has permitted it: who it is for, and for how long, was checked when it was made. */
int setting_from_application(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now)
{
	const json_t *f = json_object_get(row, "fields");
	sk_ms from = json_integer_value(json_object_get(row, "from"));
	struct sk_setting_wish w = {.setting = json_string_value(json_object_get(f, "setting")),
	                            .from = from > now ? from : now,
	                            .until = json_integer_value(json_object_get(row, "until"))};
	const char *name = json_string_value(json_object_get(f, "terminal"));
	struct sk_user person = {0};
	struct sk_terminal t = {0};
	char reason[256];
	int64_t number = 0;
	int r = sk_store_user_get(s, json_string_value(json_object_get(row, "person")), &person);

	if (r == 0)
		r = name == NULL ? -ENOENT : sk_store_terminal_named(s, name, &t);
	if (r < 0)
		return r == -ENOENT ? -ENXIO : r;
	sk_text_copy(reason, sizeof(reason), json_string_value(json_object_get(f, "reason")));
	w.terminal = t.id;
	w.person = person.login;
	w.reason = reason;
	r = t.revoked || w.setting == NULL
	        ? -ENXIO
	        : insert(s, by, &w, json_integer_value(json_object_get(row, "number")), now, &number, NULL);
	return r == -EINVAL || r == -ENOSPC ? -ENXIO : r < 0 ? r : 0;
}

int setting_application_ended(struct sk_store *s, const struct sk_actor *by, int64_t application, sk_ms now)
{
	int64_t number = 0;
	char object[48];
	int r = db_int(s, &number,
	               "UPDATE setting_permits SET ended = ? WHERE application = ? AND ended IS NULL AND until > ? "
	               "RETURNING number",
	               "iii", now, application, now);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	snprintf(object, sizeof(object), "setting:%lld", (long long)number);
	return audit_add(s, by, "setting.ended", object, NULL, now);
}

int sk_store_setting_permit(struct sk_store *s, const struct sk_actor *by, const struct sk_setting_wish *w, sk_ms now,
                            int64_t *number, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, permit(s, by, w, now, number, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "permit not stored");
	return 0;
}

static int end(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT t.unit FROM setting_permits p JOIN terminals t ON t.id = p.terminal WHERE p.number = ? AND "
	    "p.ended IS NULL AND p.until > ?",
	    "ii", number, now);
	char unit[64] = "", object[48];
	struct sk_user me;
	int r = db_next(st);

	if (r == 1)
		db_copy(st, 0, unit, sizeof(unit));
	db_end(st);
	if (r <= 0)
		return r < 0 ? r : sk_err_set(err, -ENOENT, "permit %lld is not in force", (long long)number);
	r = sk_store_user_get(s, by->user, &me);
	if (r == -ENOENT ||
	    (r == 0 && (me.disabled || !(me.roles & by->role) ||
	                (by->role != SK_ROLE_DESK && (by->role != SK_ROLE_SEC || strcmp(me.unit, unit) != 0)))))
		return sk_err_set(err, -EPERM, "%s may not end permit %lld", by->user, (long long)number);
	if (r == 0)
		r = db_run(s, "UPDATE setting_permits SET ended = ? WHERE number = ?", "ii", now, number);
	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "setting:%lld", (long long)number);
	return audit_add(s, by, "setting.ended", object, NULL, now);
}

int sk_store_setting_end(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, end(s, by, number, now, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "permit not ended");
	return 0;
}

json_t *sk_store_settings(struct sk_store *s, const char *terminal, int limit)
{
	return db_list(s,
	               "SELECT p.number, p.terminal, t.host, p.setting, p.person, p.reason, p.starts AS \"from\", "
	               "p.until, p.ended, p.permitted_by, p.permitted_user FROM setting_permits p JOIN terminals t ON "
	               "t.id = p.terminal WHERE (?1 IS NULL OR p.terminal = ?1) ORDER BY p.number DESC LIMIT ?2",
	               "si", terminal, (int64_t)limit);
}

json_t *settings_now(struct sk_store *s, const char *device, sk_ms now)
{
	struct db_rows *st =
	    db_query(s,
	             "SELECT number, setting, person, starts, until, permitted_by FROM setting_permits "
	             "WHERE terminal = ? AND ended IS NULL AND until > ? ORDER BY number LIMIT ?",
	             "sii", device, now, (int64_t)SK_SETTING_PERMITS_MAX);
	char from[SK_RFC3339_LEN], until[SK_RFC3339_LEN], setting[40], person[64], by[128];
	json_t *list = json_array();
	int r;

	while ((r = db_next(st)) == 1) {
		sk_clock_format_utc(db_number(st, 3), from);
		sk_clock_format_utc(db_number(st, 4), until);
		db_copy(st, 1, setting, sizeof(setting));
		db_copy(st, 2, person, sizeof(person));
		db_copy(st, 5, by, sizeof(by));
		if (json_array_append_new(list, json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "number",
		                                          (json_int_t)db_number(st, 0), "setting", setting, "person",
		                                          person, "from", from, "until", until, "permitted_by", by)) !=
		    0) {
			r = -ENOMEM;
			break;
		}
	}
	db_end(st);
	if (r < 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}
