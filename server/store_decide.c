/*
 * Decisions: the section manager permits, the helpdesk approves and issues (5.1(1)ウ, STANDARD 1.1). Everything is judged inside the transaction
 * on what the store itself knows: the actor's account, roles and section as they are now, the request's state, and that nobody
 * decides on what they asked for.
 */
#include "server/store_inside.h"
#include "server/store_org.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/grant.h"
#include "server/kinds.h"

#define HOURS_SLACK ((sk_ms)60 * 1000) /* between showing the form and sending it */

struct asked {
	char state[16], person[64], unit[64], terminal[SK_UUID_LEN], access[8], class[8], purpose[256];
	char device_key[SK_SHA256_HEX], serial[192], permitted_by[128], permitted_user[64];
	char ledger[33];
	struct sk_step steps[SK_STEPS_MAX];
	size_t n_steps;
	int64_t hours, application, step;
	sk_ms until, starts;
};

static int asked_read(struct sk_store *s, int64_t number, struct asked *q)
{
	struct db_rows *st = db_query(
	    s,
	    "SELECT q.state, q.person, t.unit, q.terminal, q.access, q.class, q.purpose, q.device_key, q.serial,"
	    " q.permitted_by, q.hours, q.until, q.permitted_user, q.application, q.ledger, q.starts, q.route, q.step "
	    "FROM requests q "
	    "JOIN terminals t ON t.id = q.terminal "
	    "WHERE q.number = "
	    "?",
	    "i", number);
	int r = db_next(st);

	if (r == 1) {
		db_copy(st, 0, q->state, sizeof(q->state));
		db_copy(st, 1, q->person, sizeof(q->person));
		db_copy(st, 2, q->unit, sizeof(q->unit));
		db_copy(st, 3, q->terminal, sizeof(q->terminal));
		db_copy(st, 4, q->access, sizeof(q->access));
		db_copy(st, 5, q->class, sizeof(q->class));
		db_copy(st, 6, q->purpose, sizeof(q->purpose));
		db_copy(st, 7, q->device_key, sizeof(q->device_key));
		db_copy(st, 8, q->serial, sizeof(q->serial));
		db_copy(st, 9, q->permitted_by, sizeof(q->permitted_by));
		q->hours = db_number(st, 10);
		q->until = db_number(st, 11);
		db_copy(st, 12, q->permitted_user, sizeof(q->permitted_user));
		q->application = db_number(st, 13);
		db_copy(st, 14, q->ledger, sizeof(q->ledger));
		q->starts = db_number(st, 15);
		q->step = db_number(st, 17);
		if (sk_route_parse(db_text(st, 16), q->steps, &q->n_steps) < 0 || q->step < 0)
			r = -EIO;
	}
	db_end(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/* DOMAIN\\name and name@domain are name: a terminal and the console write the same person differently. */
static size_t bare(const char **name)
{
	const char *slash = strrchr(*name, '\\');
	size_t n;

	if (slash != NULL && slash[1] != '\0')
		*name = slash + 1;
	n = strcspn(*name, "@");
	return n > 0 ? n : strlen(*name);
}

static bool same_person(const char *a, const char *b)
{
	size_t n = bare(&a), m = bare(&b);

	return n == m && strncasecmp(a, b, n) == 0;
}

bool user_is_person(const struct sk_user *u, const char *person)
{
	return same_person(person, u->user) || same_person(person, u->login);
}

/* Who permitted does not approve, not under another account of the same person either. */
static int other_than_permitter(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d,
                                const struct asked *q, struct sk_err *err)
{
	struct sk_user me, other;
	int r = sk_store_user_get(s, by->user, &me);

	if (r == 0)
		r = produce_may_issue(s, by, d->request, q->application, err);
	if (r == 0 && user_is_person(&me, q->permitted_user))
		return sk_err_set(err, -EPERM, "who permits does not approve: %s permitted it", by->user);
	if (r == 0 && sk_store_user_get(s, q->permitted_user, &other) == 0 && same_person(me.login, other.login))
		return sk_err_set(err, -EPERM, "who permits does not approve: %s and %s are one person", by->user,
		                  other.user);
	return r;
}

/* May this account act in this role on a request of this section now: by a post, as a deputy, by delegation (server/org.h)? */
static int may_act(struct sk_store *s, const struct sk_actor *by, const struct asked *q, unsigned needed, sk_ms now,
                   struct sk_err *err)
{
	const struct sk_org *org;
	struct sk_capacity as;
	struct sk_user u, principal;
	int r = sk_store_user_get(s, by->user, &u);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT || u.disabled)
		return sk_err_set(err, -EPERM, "user \"%s\" is not known or disabled", by->user);
	if (user_is_person(&u, q->person))
		return sk_err_set(err, -EPERM, "who asks does not decide: %s asked for it", by->user);
	r = sk_store_org(s, &org);
	if (r < 0)
		return r;
	if (((unsigned)by->role & needed) == 0 || sk_org_may(org, by->user, by->role, q->unit, now, &as) < 0)
		return sk_err_set(err, -EPERM, "user %s cannot do this as %s for section %s", by->user,
		                  sk_role_name(by->role), q->unit);
	if (by->role == SK_ROLE_SEC && (by->unit[0] == '\0' || !sk_org_within(org, by->unit, q->unit, now)))
		return sk_err_set(err, -EPERM, "user %s does not act for section %s", by->user, q->unit);
	/* Nor by the hand of somebody to whom they delegated. */
	if (as.how == SK_HOW_DELEGATED && sk_store_user_get(s, as.principal, &principal) == 0 &&
	    user_is_person(&principal, q->person))
		return sk_err_set(err, -EPERM, "who asks does not decide: %s asked for it and delegated to %s",
		                  principal.user, by->user);
	return 0;
}

static int need_state(const struct asked *q, const char *a, const char *b, struct sk_err *err)
{
	if (strcmp(q->state, a) == 0 || (b != NULL && strcmp(q->state, b) == 0))
		return 0;
	return sk_err_set(err, -ESTALE, "the request is %s now; look at it again", q->state);
}

static int need_reason(const struct sk_decision *d, struct sk_err *err)
{
	if (d->reason == NULL || d->reason[0] == '\0')
		return sk_err_set(err, -EINVAL, "a reason is needed");
	return 0;
}

/* Whose turn it is: of the step it is at, or of the last when all have permitted. */
static unsigned turn_of(const struct asked *q)
{
	return q->steps[(size_t)q->step < q->n_steps ? (size_t)q->step : q->n_steps - 1].roles;
}

/* The vote of one; *step: where it is then. -EPERM: they had theirs. */
static int vote(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, const struct asked *q,
                sk_ms now, int64_t *step, struct sk_err *err)
{
	int64_t votes = 0;
	int wanted = __builtin_popcount(turn_of(q)), r;

	r = db_run(
	    s, "INSERT INTO request_votes(request, step, role, user, name, unit, time, person) VALUES(?,?,?,?,?,?,?,?)",
	    "iissssis", d->request, q->step, sk_role_name(by->role), by->user, by->name, by->unit, now, q->person);
	if (r == -EEXIST)
		return sk_err_set(err, -EPERM, "%s or another %s has permitted it already", by->user,
		                  sk_role_name(by->role));
	if (r >= 0)
		r = db_int(s, &votes, "SELECT count(*) FROM request_votes WHERE request = ? AND step = ?", "ii",
		           d->request, q->step);
	*step = q->step + (!q->steps[q->step].all || votes >= wanted);
	return r < 0 ? r : 0;
}

static int permit(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, const struct asked *q,
                  sk_ms now, struct sk_err *err)
{
	int r = may_act(s, by, q, turn_of(q), now, err);
	sk_ms limit = q->until != 0 ? q->until : now + q->hours * 3600000 + HOURS_SLACK;
	int64_t step = 0;

	if (r < 0 || (r = need_state(q, "submitted", NULL, err)) < 0)
		return r;
	if (d->until != 0 && (d->until <= now || d->until > limit))
		return sk_err_set(err, -EINVAL, "the end must lie ahead and within the %lld hours asked for",
		                  (long long)q->hours);
	r = vote(s, by, d, q, now, &step, err);
	if (r == 0)
		r = db_run(
		    s,
		    "UPDATE requests SET state = ?7, step = ?8, updated = ?1, until = nullif(?2, 0), reason = ?3, "
		    "permitted_by = ?4, permitted_user = ?5, permitted_at = ?1 WHERE number = ?6",
		    "iisssisi", now, d->until != 0 ? d->until : q->until, d->reason == NULL ? "" : d->reason, by->name,
		    by->user, d->request, (size_t)step >= q->n_steps ? "permitted" : "submitted", step);
	return r < 0 ? r
	             : request_history(s, d->request, "permit", by, d->reason == NULL ? "" : d->reason, NULL, d->until,
	                               now);
}

static int approve_check(struct sk_store *s, const struct sk_decision *d, const struct asked *q, sk_ms now,
                         struct sk_err *err)
{
	sk_ms limit = q->until != 0 ? q->until : now + q->hours * 3600000 + HOURS_SLACK;

	if (d->access == NULL || (strcmp(d->access, "ro") != 0 && strcmp(d->access, "rw") != 0))
		return sk_err_set(err, -EINVAL, "access must be ro or rw");
	if (strcmp(d->access, "rw") == 0 && strcmp(q->access, "ro") == 0)
		return sk_err_set(err, -EINVAL, "only reading was asked for and permitted");
	if (d->uses < 0 || d->uses > SK_GRANT_USES_MAX)
		return sk_err_set(err, -EINVAL, "the number of uses must be at most %d", SK_GRANT_USES_MAX);
	if (d->erase && strcmp(d->access, "rw") != 0)
		return sk_err_set(err, -EINVAL, "erasing needs the right to write");
	if (d->release && strcmp(d->access, "rw") != 0)
		return sk_err_set(err, -EINVAL, "giving a recipient a passphrase needs the right to write");
	if (d->until <= now)
		return sk_err_set(err, -EINVAL, "the end must lie ahead");
	if (d->until > limit)
		return sk_err_set(err, -EINVAL, "the end lies after what was permitted");
	if (d->until <= q->starts)
		return sk_err_set(err, -EINVAL, "the end lies before the term that was permitted");
	if (d->until > (q->starts > now ? q->starts : now) + s->grant_max)
		return sk_err_set(err, -EINVAL, "longer than the longest grant the office allows (%lld hours)",
		                  (long long)(s->grant_max / 3600000));
	return 0;
}

/* Which registered medium a grant is for, by what its device says; "" = none of them is registered. */
static int which_medium(struct sk_store *s, const struct sk_decision *d, const struct asked *q, char out[33],
                        struct sk_err *err)
{
	struct db_rows *st =
	    db_query(s,
	             "SELECT ledger FROM media WHERE device_key = ? AND serial = ? AND state NOT IN ('lost', "
	             "'erased', 'disposed') ORDER BY ledger LIMIT 20",
	             "ss", q->device_key, q->serial);
	/* What the application named is what was permitted. */
	const char *name = q->ledger[0] != '\0' ? q->ledger : d->ledger;
	bool named = name != NULL && name[0] != '\0', found = false;
	char list[256] = "", number[33];
	size_t n = 0, at;
	int r;

	out[0] = '\0';
	while ((r = db_next(st)) == 1) {
		db_copy(st, 0, number, sizeof(number));
		at = strlen(list);
		if (at + strlen(number) + 2 < sizeof(list))
			(void)snprintf(list + at, sizeof(list) - at, "%s%s", n > 0 ? " " : "", number);
		if (n++ == 0 || (named && strcmp(number, name) == 0))
			sk_text_copy(out, 33, number);
		found = found || (named && strcmp(number, name) == 0);
	}
	db_end(st);
	if (r < 0)
		return r;
	if (named && (!found || (d->ledger != NULL && d->ledger[0] != '\0' && strcmp(d->ledger, name) != 0)))
		return sk_err_set(err, -EINVAL, "%.40s is not a registered medium that looks like the one asked for",
		                  d->ledger != NULL ? d->ledger : name);
	if (!named && n > 1)
		return sk_err_set(err, -EINVAL, "several registered media look like it; say which: %s", list);
	return 0;
}

static int check_release(struct sk_store *s, const char *ledger, struct sk_err *err)
{
	int64_t n = 0;
	int r = db_int(s, &n, "SELECT count(*) FROM media WHERE ledger = ? AND container_key <> ''", "s", ledger);

	return r == 0 && n == 0
	           ? sk_err_set(err, -EINVAL,
	                        "only a container of the organisation opens with a passphrase that is given")
	           : r;
}

static int approve(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, const struct asked *q,
                   sk_ms now, struct sk_err *err)
{
	const char *reason = d->reason == NULL ? "" : d->reason;
	char id[SK_UUID_LEN], ledger[33];
	int r = may_act(s, by, q, SK_ROLE_DESK, now, err);

	if (r < 0 || (r = need_state(q, "permitted", NULL, err)) < 0 ||
	    (r = other_than_permitter(s, by, d, q, err)) < 0 || (r = approve_check(s, d, q, now, err)) < 0 ||
	    (r = which_medium(s, d, q, ledger, err)) < 0 || (d->release && (r = check_release(s, ledger, err)) < 0) ||
	    (r = sk_uuid(id)) < 0)
		return r;
	r = db_run(s,
	           "INSERT INTO grants(id, request, terminal, device_key, serial, person, access, class, purpose, "
	           "\"from\", until, permitted_by,"
	           " approved_by, uses, ledger, erase, passphrase) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	           "sisssssssiissisii", id, d->request, q->terminal, q->device_key, q->serial, q->person, d->access,
	           q->class, q->purpose, q->starts > now ? q->starts : now, d->until, q->permitted_by, by->name,
	           (int64_t)d->uses, ledger, (int64_t)d->erase, (int64_t)d->release);
	if (r >= 0)
		r = db_run(s,
		           "UPDATE requests SET state = 'approved', updated = ?1, until = ?2, reason = ?3, approved_by "
		           "= ?4, approved_user = ?5,"
		           " approved_at = ?1, granted_access = ?6, \"grant\" = ?7 WHERE number = ?8",
		           "iisssssi", now, d->until, reason, by->name, by->user, d->access, id, d->request);
	if (r >= 0)
		r = request_history(s, d->request, "approve", by, reason, d->access, d->until, now);
	return r < 0 || q->application == 0 ? r : produce_answered(s, by, q->application, true, reason, now);
}

/* Refuse and return: by the one whose turn it is. */
static int turn_down(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, const struct asked *q,
                     sk_ms now, struct sk_err *err)
{
	bool refuse = d->what == SK_DO_REFUSE;
	int r = need_state(q, "submitted", "permitted", err);

	if (r == 0)
		r = may_act(s, by, q, q->state[0] == 's' ? turn_of(q) : SK_ROLE_DESK, now, err);
	if (r < 0 || (r = need_reason(d, err)) < 0)
		return r;
	r = db_run(s, "UPDATE requests SET state = ?, updated = ?, reason = ? WHERE number = ?", "sisi",
	           refuse ? "refused" : "returned", now, d->reason, d->request);
	if (r >= 0)
		r = request_history(s, d->request, refuse ? "refuse" : "return", by, d->reason, NULL, 0, now);
	return r < 0 || q->application == 0 ? r : produce_answered(s, by, q->application, false, d->reason, now);
}

int request_cancel(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *reason, sk_ms now)
{
	int r = db_run(s, "UPDATE requests SET state = 'cancelled', updated = ?, reason = ? WHERE number = ?", "isi",
	               now, reason, number);

	if (r >= 0)
		r = db_run(s, "UPDATE grants SET ended = ?, cancelled = 1 WHERE request = ? AND ended IS NULL", "ii",
		           now, number);
	return r < 0 ? r : request_history(s, number, "cancel", by, reason, NULL, 0, now);
}

static int cancel(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, const struct asked *q,
                  sk_ms now, struct sk_err *err)
{
	int r = may_act(s, by, q, SK_ROLE_SEC | SK_ROLE_DESK | turn_of(q), now, err);

	if (r < 0 || (r = need_state(q, "permitted", "approved", err)) < 0 || (r = need_reason(d, err)) < 0)
		return r;
	return request_cancel(s, by, d->request, d->reason, now);
}

static int decide(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, sk_ms now,
                  struct sk_err *err)
{
	struct asked q = {0};
	int r = asked_read(s, d->request, &q);

	if (r == -ENOENT)
		return sk_err_set(err, r, "request %lld is not known", (long long)d->request);
	if (r < 0)
		return r;
	if (d->reason != NULL && strlen(d->reason) > 1000)
		return sk_err_set(err, -EINVAL, "the reason is too long; at most 1000 bytes");
	switch (d->what) {
	case SK_DO_PERMIT:
		return permit(s, by, d, &q, now, err);
	case SK_DO_APPROVE:
		return approve(s, by, d, &q, now, err);
	case SK_DO_REFUSE:
	case SK_DO_RETURN:
		return turn_down(s, by, d, &q, now, err);
	case SK_DO_CANCEL:
		return cancel(s, by, d, &q, now, err);
	}
	return sk_err_set(err, -EINVAL, "no such decision");
}

int sk_store_decide(struct sk_store *s, const struct sk_actor *by, const struct sk_decision *d, sk_ms now,
                    struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	int tries = 0, r;

	do {
		r = db_begin(s);
		if (r == 0)
			r = db_finish(s, decide(s, by, d, now, &why));
	} while (db_again(s, r, &tries));
	if (r >= 0)
		return 0;
	return why.text[0] != '\0' ? sk_err_set(err, r, "%s", why.text) : db_fail(s, err, r, "decision not stored");
}
