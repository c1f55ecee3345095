/* Orders. Who may is looked up in the store again (store_order_who.c), whatever the console showed; the database holds the second officer to another account. */
#include "server/store_order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/org.h"
#include "server/store_inside.h"

#define BUNDLE_MAX 16 /* orders in one bundle; the rest follows when these are done */

static bool plain(const char *text, size_t min, size_t max)
{
	char shown[1100];

	if (text == NULL || strlen(text) < min || strlen(text) > max)
		return false;
	sk_text_printable(shown, sizeof(shown), text, strlen(text));
	return strcmp(shown, text) == 0;
}

static int check_wish(const struct sk_order_wish *w, const struct sk_actor *by, sk_ms now, struct sk_order *o,
                      struct sk_err *err)
{
	if (!plain(w->reason, 1, sizeof(o->reason) - 1))
		return sk_err_set(err, -EINVAL, "the reason is missing, or too long");
	if (!plain(w->person, 0, sizeof(o->person) - 1))
		return sk_err_set(err, -EINVAL, "the login name cannot be used");
	*o = (struct sk_order){.kind = w->kind, .issued = now, .management = w->management, .poweroff = w->poweroff};
	o->until = w->until > 0 ? w->until : now + sk_order_default_life(w->kind);
	sk_text_copy(o->reason, sizeof(o->reason), w->reason);
	sk_text_copy(o->person, sizeof(o->person), w->person);
	sk_text_copy(o->by, sizeof(o->by), by->name);
	/* The second officer is still to come; everything else is judged now. */
	sk_text_copy(o->approved_by, sizeof(o->approved_by), sk_order_needs_two(w->kind) ? "-" : "");
	if (sk_uuid(o->id) < 0)
		return -EIO;
	return sk_order_check(o, err);
}

/* decided: who decided it, where that is the one who gives it; else "" */
static int insert(struct sk_store *s, const struct sk_actor *by, const struct sk_order_wish *w,
                  const struct sk_order *o, const char *decided, int64_t *number)
{
	int64_t open = 0;
	char object[48];
	int r = db_int(s, &open, "SELECT count(*) FROM orders WHERE terminal = ? AND state IN ('open', 'waiting')", "s",
	               w->terminal);

	if (r == 0 && open >= SK_ORDERS_MAX)
		return -ENOSPC;
	if (r == 0)
		r = db_int(s, number,
		           "INSERT INTO orders(id, terminal, kind, mode, person, poweroff, reason, decided_by, issued, "
		           "until, state, asked_user, asked_name, asked_role) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
		           "RETURNING number",
		           "sssssissiissss", o->id, w->terminal, sk_order_name(o->kind),
		           o->kind != SK_ORDER_ISOLATE ? ""
		           : o->management             ? "management"
		                                       : "full",
		           o->person, (int64_t)o->poweroff, o->reason, decided, o->issued, o->until,
		           sk_order_waits(o->kind, by->role) ? "waiting" : "open", by->user, by->name,
		           sk_role_name(by->role));
	if (r < 0)
		return r;
	snprintf(object, sizeof(object), "order:%lld", (long long)*number);
	return audit_add(s, by, "order.given", object,
	                 json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "terminal", w->terminal, "kind", sk_order_name(o->kind),
	                           "person", o->person, "reason", o->reason, "decided_by", decided, "until",
	                           (json_int_t)o->until),
	                 o->issued);
}

static int add(struct sk_store *s, const struct sk_actor *by, const struct sk_order_wish *w, sk_ms now, int64_t *number,
               struct sk_err *err)
{
	bool decides = (sk_order_confirm_roles(w->kind) & by->role) && !sk_order_waits(w->kind, by->role);
	struct sk_terminal t;
	struct sk_order o = {0};
	struct sk_capacity as;
	char decided[101] = "";
	int r = sk_store_terminal_get(s, w->terminal, &t);

	if (r == -ENOENT || (r == 0 && t.revoked))
		return sk_err_set(err, -ENOENT, "terminal %s is not known, or shut out", w->terminal);
	if (r < 0 ||
	    (r = order_may(s, by, sk_order_roles(w->kind), sk_order_name(w->kind), t.unit, now, &as, err)) < 0 ||
	    (r = check_wish(w, by, now, &o, err)) < 0)
		return r;
	if (decides && (r = order_decider(s, by, &as, decided, sizeof(decided))) < 0)
		return r;
	r = insert(s, by, w, &o, decided, number);
	return r == -ENOSPC ? sk_err_set(err, r, "%d orders to this terminal are open; cancel some", SK_ORDERS_MAX) : r;
}

int sk_store_order_add(struct sk_store *s, const struct sk_actor *by, const struct sk_order_wish *w, sk_ms now,
                       int64_t *number, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, add(s, by, w, now, number, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "order not stored");
	return 0;
}

/* --- the second officer, and taking back --- */

struct row {
	char terminal[SK_UUID_LEN], unit[64], asked[64], state[16];
	enum sk_order_kind kind;
	sk_ms until;
	bool taken;
};

static int row_of(struct sk_store *s, int64_t number, struct row *o)
{
	struct db_rows *st = db_query(s,
	                              "SELECT o.terminal, t.unit, o.asked_user, o.state, o.kind, o.until, o.taken FROM "
	                              "orders o JOIN terminals t ON t.id = o.terminal WHERE o.number = ?",
	                              "i", number);
	int r = db_next(st);

	if (r == 1) {
		db_copy(st, 0, o->terminal, sizeof(o->terminal));
		db_copy(st, 1, o->unit, sizeof(o->unit));
		db_copy(st, 2, o->asked, sizeof(o->asked));
		db_copy(st, 3, o->state, sizeof(o->state));
		r = sk_order_parse_kind(db_text(st, 4), &o->kind) < 0 ? -EBADMSG : 1;
		o->until = db_number(st, 5);
		o->taken = db_type(st, 6) != DB_NULL;
	}
	db_end(st);
	return r == 0 ? -ENOENT : r < 0 ? r : 0;
}

/* confirms: by is to be one who confirms such an order; else who gives it is enough. */
static int load(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, bool confirms, struct row *o,
                struct sk_capacity *as, struct sk_err *err)
{
	int r = row_of(s, number, o);
	unsigned roles;

	if (r == -ENOENT)
		return sk_err_set(err, r, "there is no order %lld", (long long)number);
	if (r < 0)
		return r;
	roles = sk_order_confirm_roles(o->kind) | (confirms ? 0 : sk_order_roles(o->kind));
	return order_may(s, by, roles, sk_order_name(o->kind), o->unit, now, as, err);
}

static int audit(struct sk_store *s, const struct sk_actor *by, const char *action, int64_t number, const struct row *o,
                 sk_ms now)
{
	char object[48];

	snprintf(object, sizeof(object), "order:%lld", (long long)number);
	return audit_add(s, by, action, object,
	                 json_pack("{s:s,s:s}", "terminal", o->terminal, "kind", sk_order_name(o->kind)), now);
}

static int approve(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	struct sk_capacity as;
	struct row o = {0};
	char decider[101];
	int r = row_of(s, number, &o);

	/* What waits for nobody is told as that, whoever asks. */
	if (r == 0 && (strcmp(o.state, "waiting") != 0 || o.until <= now))
		return sk_err_set(err, -EALREADY, "order %lld does not wait for an approval", (long long)number);
	r = load(s, by, number, now, true, &o, &as, err);
	if (r < 0 || (r = order_other_person(s, by, &as, o.asked, err)) < 0 ||
	    (r = order_decider(s, by, &as, decider, sizeof(decider))) < 0)
		return r;
	r = db_run(
	    s,
	    "UPDATE orders SET state = 'open', approved_user = ?1, approved_name = ?2, approved = ?3, decided_by "
	    "= ?4 WHERE number = ?5 AND state = 'waiting'",
	    "ssisi", by->user, decider, now, sk_order_needs_two(o.kind) ? "" : decider, number);
	return r < 0 ? r : audit(s, by, "order.approved", number, &o, now);
}

static int cancel(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	struct sk_capacity as;
	struct row o = {0};
	int r = load(s, by, number, now, false, &o, &as, err);

	if (r < 0)
		return r;
	if (o.taken || (strcmp(o.state, "waiting") != 0 && strcmp(o.state, "open") != 0))
		return sk_err_set(err, -EALREADY, "order %lld was taken by the terminal, or is over",
		                  (long long)number);
	r = db_run(s, "UPDATE orders SET state = 'cancelled', finished = ? WHERE number = ?", "ii", now, number);
	return r < 0 ? r : audit(s, by, "order.cancelled", number, &o, now);
}

static int in_transaction(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err,
                          int (*step)(struct sk_store *, const struct sk_actor *, int64_t, sk_ms, struct sk_err *))
{
	struct sk_err why = SK_ERR_INIT;
	int r = db_begin(s);

	if (r == 0)
		r = db_finish(s, step(s, by, number, now, &why));
	if (r < 0)
		return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text)
		                           : db_fail(s, err, r, "order not changed");
	return 0;
}

int sk_store_order_approve(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	return in_transaction(s, by, number, now, err, approve);
}

int sk_store_order_cancel(struct sk_store *s, const struct sk_actor *by, int64_t number, sk_ms now, struct sk_err *err)
{
	return in_transaction(s, by, number, now, err, cancel);
}

/* --- lists --- */

json_t *sk_store_order_list(struct sk_store *s, const char *terminal, const char *unit, int limit)
{
	return db_list(s,
	               "SELECT o.number, o.id, o.terminal, t.host, t.unit, o.kind, o.mode, o.person, o.poweroff AS "
	               "\"poweroff|b\", o.reason, o.decided_by, o.issued, o.until, o.state, o.asked_user, "
	               "o.asked_name, o.approved_user, o.approved_name, o.taken, o.finished, o.detail FROM orders o "
	               "JOIN terminals t ON t.id = o.terminal WHERE (?1 IS NULL OR o.terminal = ?1) AND (?2 IS NULL OR "
	               "t.unit = ?2) ORDER BY o.number DESC LIMIT ?3",
	               "ssi", terminal, unit, (int64_t)limit);
}

int sk_store_order_terminal(struct sk_store *s, int64_t number, char terminal[SK_UUID_LEN])
{
	struct row o = {0};
	int r = row_of(s, number, &o);

	if (r == 0)
		sk_text_copy(terminal, SK_UUID_LEN, o.terminal);
	return r;
}

/* Who decided stands first: the order is theirs. The account makes two officers of one post tell apart. */
static void signed_by(char out[128], const char *decided, const char *name, const char *user)
{
	if (decided[0] != '\0')
		snprintf(out, 128, "%s", decided);
	else
		snprintf(out, 128, "%.80s (%.40s)", name, user);
}

json_t *orders_now(struct sk_store *s, const char *device, sk_ms now)
{
	struct db_rows *st = db_query(s,
	                              "SELECT id, number, kind, mode, person, poweroff, reason, decided_by, issued, "
	                              "until, asked_name, asked_user, approved_name, approved_user FROM orders WHERE "
	                              "terminal = ? AND state = 'open' AND until > ? ORDER BY number LIMIT ?",
	                              "sii", device, now, (int64_t)BUNDLE_MAX);
	json_t *list = json_array();
	int r;

	while ((r = db_next(st)) == 1) {
		struct sk_order o = {.number = db_number(st, 1), .issued = db_number(st, 8), .until = db_number(st, 9)};
		char decided[128], name[128], user[64];

		db_copy(st, 0, o.id, sizeof(o.id));
		o.management = strcmp(db_text(st, 3), "management") == 0;
		db_copy(st, 4, o.person, sizeof(o.person));
		o.poweroff = db_number(st, 5) != 0;
		db_copy(st, 6, o.reason, sizeof(o.reason));
		db_copy(st, 7, decided, sizeof(decided));
		db_copy(st, 10, name, sizeof(name));
		db_copy(st, 11, user, sizeof(user));
		signed_by(o.by, decided, name, user);
		db_copy(st, 12, name, sizeof(name));
		db_copy(st, 13, user, sizeof(user));
		if (user[0] != '\0')
			signed_by(o.approved_by, "", name, user);
		if (sk_order_parse_kind(db_text(st, 2), &o.kind) < 0 || sk_order_check(&o, NULL) < 0)
			continue; /* no terminal would take it, nor anything beside it */
		if (json_array_append_new(list, sk_order_json(&o)) != 0) {
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

/* --- what terminals report --- */

static int finish(struct sk_store *s, const char *terminal, const json_t *body, const char *id,
                  const struct sk_event *e)
{
	static const char *const results[] = {"done", "failed", "expired"};
	const char *result = json_string_value(json_object_get(body, "result")),
	           *detail = json_string_value(json_object_get(body, "detail"));
	char shown[300];
	size_t i = 0;

	while (result != NULL && i < 3 && strcmp(results[i], result) != 0)
		i++;
	if (result == NULL || i == 3)
		return -EINVAL;
	sk_text_printable(shown, sizeof(shown), detail != NULL ? detail : "", detail != NULL ? strlen(detail) : 0);
	return db_run(s,
	              "UPDATE orders SET state = ?, finished = ?, detail = ? WHERE id = ? AND terminal = ? AND "
	              "finished IS NULL",
	              "sisss", result, e->time, shown, id, terminal);
}

int order_from_event(struct sk_store *s, const char *terminal, const struct sk_event *e, sk_ms now)
{
	const char *id = NULL;
	json_t *body = NULL;
	int64_t known = 0;
	int r = sk_json_parse(e->body, e->body_len, SK_EVENT_BODY_MAX, &body, NULL);

	if (r == 0)
		r = sk_json_str(body, "id", 36, 36, &id, NULL);
	if (r == 0)
		r = db_int(s, &known, "SELECT count(*) FROM orders WHERE id = ? AND terminal = ?", "ss", id, terminal);
	if (r == 0 && known > 0)
		r = strcmp(e->kind, "order.taken") == 0
		        ? db_run(s, "UPDATE orders SET taken = ? WHERE id = ? AND terminal = ? AND taken IS NULL",
		                 "iss", e->time, id, terminal)
		        : finish(s, terminal, body, id, e);
	json_decref(body);
	if (r == -EINVAL || r == -EBADMSG || (r == 0 && known == 0))
		return incident_add(s, terminal, "order-never-given", e->seq,
		                    "an order is reported that was never given to this terminal", now);
	return r < 0 ? r : 0;
}

int orders_tend(struct sk_store *s, sk_ms now)
{
	int r =
	    db_run(s,
	           "UPDATE orders SET state = 'expired', finished = ?1 WHERE state IN ('open', 'waiting') AND taken "
	           "IS NULL AND until <= ?1",
	           "i", now);

	return r < 0 ? r : 0;
}
