/*
 * What becomes of an application: votes along its route, refusals, withdrawal, return. Everything is judged inside the transaction on what the store itself knows; what two people do at
 * once is told apart by the state that is changed, and by the tables' own constraints.
 */
#include <errno.h>
#include <string.h>

#include "server/store_applications_inside.h"

#define REASON_MAX 1000

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

static int64_t int_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static bool is_state(const json_t *row, const char *a, const char *b, const char *c)
{
	const char *state = text_of(row, "state");

	return strcmp(state, a) == 0 || (b != NULL && strcmp(state, b) == 0) || (c != NULL && strcmp(state, c) == 0);
}

/* Is this account the person who asked, or who entered it, under whatever name? */
static int is_asker(struct sk_store *s, const char *user, const json_t *row, bool *out)
{
	const char *names[] = {text_of(row, "person"), text_of(row, "entered_by")};
	struct sk_user me, other;
	int r = sk_store_user_get(s, user, &me);

	*out = false;
	if (r < 0)
		return r == -ENOENT ? -EPERM : r;
	for (size_t i = 0; i < 2; i++) {
		*out = *out || user_is_person(&me, names[i]);
		if (sk_store_user_get(s, names[i], &other) == 0)
			*out = *out || user_is_person(&me, other.login) || user_is_person(&other, me.login);
	}
	return 0;
}

static int route_of(const json_t *row, struct sk_step steps[SK_STEPS_MAX], size_t *n)
{
	return sk_route_parse(text_of(row, "route"), steps, n);
}

/* May they act in their role for its unit, and have they no part in it themselves? */
static int may_judge(struct sk_store *s, const struct sk_actor *by, const json_t *row, unsigned roles, sk_ms now)
{
	const struct sk_org *org;
	struct sk_capacity as;
	bool asker;
	int r = is_asker(s, by->user, row, &asker);

	if (r < 0 || asker)
		return r < 0 ? r : -EPERM;
	if ((r = sk_store_org(s, &org)) < 0)
		return r;
	if (((unsigned)by->role & roles) == 0 ||
	    sk_org_may(org, by->user, by->role, text_of(row, "unit"), now, &as) < 0)
		return -EPERM;
	if (as.how == SK_HOW_DELEGATED) { /* nor by the hand of somebody they delegated to */
		r = is_asker(s, as.principal, row, &asker);
		if (r < 0 || asker)
			return r < 0 ? r : -EPERM;
	}
	return 0;
}

static bool voted(const json_t *row, int64_t step, const char *role, const char *user)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(row, "votes"), i, v)
	{
		if (strcmp(text_of(v, "user"), user) == 0 ||
		    (int_of(v, "step") == step && strcmp(text_of(v, "role"), role) == 0))
			return true;
	}
	return false;
}

int sk_store_application_may_vote(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now)
{
	struct sk_step steps[SK_STEPS_MAX];
	size_t n, step = (size_t)int_of(row, "step");

	if (!is_state(row, "submitted", "examined", NULL))
		return -ESTALE;
	if (route_of(row, steps, &n) < 0 || step >= n)
		return -EPERM;
	if (voted(row, (int64_t)step, sk_role_name(by->role), by->user))
		return -EPERM;
	return may_judge(s, by, row, steps[step].roles, now);
}

static int set_state(struct sk_store *s, const json_t *row, const char *state, int64_t step, const char *reason,
                     sk_ms now)
{
	int r = db_run(
	    s,
	    "UPDATE applications SET state = ?1, step = ?2, reason = ?3, updated = ?4 WHERE number = ?5 AND state = "
	    "?6 AND step = ?7 AND round = ?8",
	    "sisiisii", state, step, reason, now, int_of(row, "number"), text_of(row, "state"), int_of(row, "step"),
	    int_of(row, "round"));

	return r < 0 ? r : r == 0 ? -ESTALE : 0;
}

static int permit(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason, sk_ms now)
{
	struct sk_step steps[SK_STEPS_MAX];
	int64_t step = int_of(row, "step"), votes = 0;
	unsigned wanted = 0;
	size_t n;
	int r = sk_store_application_may_vote(s, by, row, now);

	if (r < 0 || (r = route_of(row, steps, &n)) < 0)
		return r;
	r = db_run(
	    s,
	    "INSERT INTO application_votes(application, round, step, role, user, name, unit, time, person, entered_by) "
	    "VALUES(?,?,?,?,?,?,?,?,?,?)",
	    "iiissssiss", int_of(row, "number"), int_of(row, "round"), step, sk_role_name(by->role), by->user, by->name,
	    by->unit, now, text_of(row, "person"), text_of(row, "entered_by"));
	if (r < 0)
		return r == -EEXIST ? -ESTALE : r;
	r = db_int(s, &votes, "SELECT count(*) FROM application_votes WHERE application = ? AND round = ? AND step = ?",
	           "iii", int_of(row, "number"), int_of(row, "round"), step);
	for (unsigned bit = 1; bit <= SK_ROLE_LAST; bit <<= 1)
		wanted += (steps[step].roles & bit) != 0;
	if (r == 0 && (!steps[step].all || votes >= (int64_t)wanted))
		step++;
	if (r == 0)
		r = set_state(s, row, step == (int64_t)n ? "permitted" : "examined", step, reason, now);
	return r == 0 && step == (int64_t)n ? produce_begin(s, by, row, now) : r;
}

static int turn_down(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *state,
                     const char *reason, sk_ms now)
{
	int r = sk_store_application_may_vote(s, by, row, now);

	if (r == 0 && reason[0] == '\0')
		r = -EINVAL;
	return r < 0 ? r : set_state(s, row, state, int_of(row, "step"), reason, now);
}

static int cancel(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason, sk_ms now)
{
	struct sk_step steps[SK_STEPS_MAX];
	size_t n;
	int r;

	if (!is_state(row, "permitted", NULL, NULL))
		return -ESTALE;
	if ((r = route_of(row, steps, &n)) < 0)
		return r;
	r = may_judge(s, by, row, steps[n - 1].roles, now);
	if (r == 0 && reason[0] == '\0')
		r = -EINVAL;
	if (r == 0)
		r = set_state(s, row, "cancelled", int_of(row, "step"), reason, now);
	if (r == 0)
		r = reminders_end(s, int_of(row, "number"), now);
	return r < 0 ? r : produce_end(s, by, row, reason, now);
}

/* By who asked or entered it. */
static int by_asker(const struct sk_actor *by, const json_t *row)
{
	return strcmp(by->user, text_of(row, "person")) == 0 || strcmp(by->user, text_of(row, "entered_by")) == 0
	           ? 0
	           : -EPERM;
}

static int withdraw(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason, sk_ms now)
{
	int r = by_asker(by, row);

	if (r == 0 && !is_state(row, "submitted", "examined", "returned"))
		r = -ESTALE;
	return r < 0 ? r : set_state(s, row, "withdrawn", int_of(row, "step"), reason, now);
}

/* The end of what was permitted. Brought back and erased are confirmed by somebody else; a loss is told by anybody who knows of it. */
static int finish(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *action,
                  const char *reason, sk_ms now)
{
	bool lost = strcmp(action, "lost") == 0, done = strcmp(action, "done") == 0;
	const char *state = lost ? "lost" : done ? "done" : strcmp(action, "back") == 0 ? "brought-back" : "erased";
	int r = by_asker(by, row);

	if (!is_state(row, "permitted", NULL, NULL))
		return -ESTALE;
	if (done && json_is_true(json_object_get(row, "back")))
		return -EPERM; /* that it is back is confirmed by another */
	if (r < 0 || !(lost || done))
		r = may_judge(s, by, row, SK_ROLE_DESK | SK_ROLE_SEC, now);
	if (r == 0 && lost && reason[0] == '\0')
		r = -EINVAL;
	if (r == 0)
		r = set_state(s, row, state, int_of(row, "step"), reason, now);
	if (r == 0)
		r = produce_end(s, by, row, reason, now);
	if (r == 0)
		r = reminders_end(s, int_of(row, "number"), now);
	return r < 0 ? r : produce_medium_state(s, by, row, lost ? "lost" : "stored", reason, now);
}

static bool has_permit(const json_t *row, const char *kind)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(row, "permits"), i, p)
	{
		if (strcmp(text_of(p, "kind"), kind) == 0)
			return true;
	}
	return false;
}

static int brought_back(struct sk_store *s, const struct sk_actor *by, int64_t number, const struct sk_return_check *c,
                        const char *reason, sk_ms now)
{
	json_t *row = sk_store_application(s, number, now);
	int r = row == NULL ? -ENOENT : finish(s, by, row, "back", reason, now);

	if (r == 0 && (!c->scan || (has_permit(row, "takeout_device") && !c->patches)))
		r = -EINVAL;
	if (r == 0)
		r = db_run(s,
		           "INSERT INTO application_checks(application, time, scan, patches, files, contents, user, "
		           "name, role) "
		           "VALUES(?,?,?,?,?,?,?,?,?)",
		           "iiiiiisss", number, now, (int64_t)c->scan, (int64_t)c->patches, (int64_t)c->files,
		           (int64_t)c->contents, by->user, by->name, sk_role_name(by->role));
	json_decref(row);
	return r < 0 ? r : application_history(s, number, "back", by, reason, now);
}

/* Issued before, or refused by the helpdesk, and the term is not over: once more. */
static int issue(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now)
{
	const json_t *votes = json_object_get(row, "votes"), *last = json_array_get(votes, json_array_size(votes) - 1);
	struct sk_actor permitted = {.role = SK_ROLE_SEC};

	if (by_asker(by, row) < 0 && by->role != SK_ROLE_DESK)
		return -EPERM;
	if (!is_state(row, "permitted", NULL, NULL) || int_of(row, "until") <= now || last == NULL ||
	    strcmp(text_of(row, "produces"), "medium") != 0)
		return -ESTALE;
	(void)sk_role_parse(text_of(last, "role"), &permitted.role);
	sk_text_copy(permitted.user, sizeof(permitted.user), text_of(last, "user"));
	sk_text_copy(permitted.name, sizeof(permitted.name), text_of(last, "name"));
	sk_text_copy(permitted.unit, sizeof(permitted.unit), text_of(row, "unit"));
	return produce_begin(s, &permitted, row, now); /* its manager's permit holds */
}

/* A new application on the same matter: it takes the route again. */
static int extend(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms until, sk_ms now,
                  int64_t *made)
{
	sk_ms from = int_of(row, "until");
	struct sk_step steps[SK_STEPS_MAX];
	size_t n;
	int r = by_asker(by, row);

	if (r == 0 && !is_state(row, "permitted", NULL, NULL))
		r = -ESTALE;
	if (r == 0)
		r = route_of(row, steps, &n);
	if (r == 0 && (until <= from || until <= now || until - now > (sk_ms)366 * 86400000))
		r = -EINVAL;
	if (r < 0)
		return r;
	r = db_int(
	    s, made,
	    "INSERT INTO applications(fiscal_year, fiscal_serial, once, kind, person, entered_by, unit, class, fields, "
	    "\"from\", until, route, step, round, state, back, created, updated, extends, produces) SELECT ?1, (SELECT "
	    "coalesce(max(fiscal_serial), 0) + 1 FROM applications WHERE fiscal_year = ?1), 'extends ' || a.number || "
	    "' ' || "
	    "a.until, a.kind, a.person, ?2, a.unit, a.class, a.fields, a.until, ?3, a.route, 0, 1, 'submitted', "
	    "a.back, "
	    "?4, ?4, a.number, a.produces FROM applications a WHERE a.number = ?5 ON CONFLICT(once) DO NOTHING "
	    "RETURNING number",
	    "isiii", (int64_t)sk_clock_fiscal_year(now), by->user, until, now, int_of(row, "number"));
	if (r == -ENOENT)
		return -ESTALE; /* it was asked for already */
	if (r == 0)
		r = db_run(s,
		           "INSERT INTO application_permits(application, kind, clause) SELECT ?1, kind, clause FROM "
		           "application_permits WHERE application = ?2",
		           "ii", *made, int_of(row, "number"));
	return r < 0 ? r : application_history(s, *made, "created", by, "", now);
}

static int comment(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason)
{
	int r = by_asker(by, row);

	(void)s;
	if (r < 0 && by->role != SK_ROLE_STAFF && by->role != SK_ROLE_AUD)
		r = 0; /* whoever may see it: the caller has looked */
	return r == 0 && reason[0] == '\0' ? -EINVAL : r;
}

static int act(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *action, const char *reason,
               sk_ms until, sk_ms now, int64_t *made)
{
	json_t *row = sk_store_application(s, number, now);
	int r = -EINVAL;

	if (row == NULL)
		return -ENOENT;
	if (strcmp(action, "permit") == 0)
		r = permit(s, by, row, reason, now);
	else if (strcmp(action, "refuse") == 0)
		r = turn_down(s, by, row, "refused", reason, now);
	else if (strcmp(action, "return") == 0)
		r = turn_down(s, by, row, "returned", reason, now);
	else if (strcmp(action, "cancel") == 0)
		r = cancel(s, by, row, reason, now);
	else if (strcmp(action, "withdraw") == 0)
		r = withdraw(s, by, row, reason, now);
	else if (strcmp(action, "comment") == 0)
		r = comment(s, by, row, reason);
	else if (strcmp(action, "issue") == 0)
		r = issue(s, by, row, now);
	else if (strcmp(action, "extend") == 0)
		r = extend(s, by, row, until, now, made);
	else if (strcmp(action, "lost") == 0 || strcmp(action, "erased") == 0 || strcmp(action, "done") == 0)
		r = finish(s, by, row, action, reason, now);
	json_decref(row);
	return r < 0 ? r : application_history(s, number, action, by, reason, now);
}

/* 0 with the text as one line that can be shown, or -EINVAL. */
static int reason_of(const char *reason, char line[REASON_MAX + 1], struct sk_err *err)
{
	char shown[4 * REASON_MAX + 8];

	if (reason == NULL)
		reason = "";
	if (strlen(reason) > REASON_MAX)
		return sk_err_set(err, -EINVAL, "the text is too long; at most %d bytes", REASON_MAX);
	sk_text_copy(line, REASON_MAX + 1, reason);
	for (char *p = line; *p != '\0'; p++)
		*p = *p == '\n' || *p == '\t' ? ' ' : *p;
	sk_text_printable(shown, sizeof(shown), line, strlen(line));
	if (strcmp(shown, line) != 0)
		return sk_err_set(err, -EINVAL, "the text holds characters that cannot be shown");
	return 0;
}

int sk_store_application_act(struct sk_store *s, const struct sk_actor *by, int64_t number, const char *action,
                             const char *reason, sk_ms until, sk_ms now, int64_t *made, struct sk_err *err)
{
	char line[REASON_MAX + 1];
	int r = reason_of(reason, line, err);

	*made = 0;
	if (r < 0)
		return r;
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, act(s, by, number, action, line, until, now, made));
	return r < 0 ? sk_err_set(err, r, "%s: not done", action) : 0;
}

int sk_store_application_back(struct sk_store *s, const struct sk_actor *by, int64_t number,
                              const struct sk_return_check *check, const char *reason, sk_ms now, struct sk_err *err)
{
	char line[REASON_MAX + 1];
	int r = reason_of(reason, line, err);

	if (r < 0)
		return r;
	r = db_begin(s);
	if (r == 0)
		r = db_finish(s, brought_back(s, by, number, check, line, now));
	return r < 0 ? sk_err_set(err, r, "back: not done") : 0;
}
