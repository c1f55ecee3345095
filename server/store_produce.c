/*
 * What a permitted application produces (server/kinds.h: grant). The use of a registered medium on a terminal becomes a request for that medium
 * which its section has permitted already, so that it is issued, bounded, signed, sent and ended by the one way there is: the helpdesk approves it
 * (5.1(1)ウ, STANDARD 1.1). A setting becomes a setting permit at once: its approver is the section's manager alone (5.1(1)カ).
 * All within the caller's transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store_applications_inside.h"
#include "server/store_setting.h"

#include "policy/ledger.h"
#include "policy/setting_permit.h"

#define HOUR ((sk_ms)3600000)

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

static int64_t int_of(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static int problem(struct sk_application_problem *out, const char *field, const char *why)
{
	out->field = field;
	out->why = why;
	return -EINVAL;
}

enum sk_kind_grant produced_by(const struct sk_application *a)
{
	const char *medium = json_string_value(json_object_get(a->fields, "medium"));
	const char *terminal = json_string_value(json_object_get(a->fields, "terminal"));
	const char *setting = json_string_value(json_object_get(a->fields, "setting"));

	for (size_t i = 0; i < a->n_kinds; i++) {
		if (a->kinds[i]->grant == SK_KIND_MEDIUM &&
		    ((medium != NULL && *medium != '\0') || (terminal != NULL && *terminal != '\0')))
			return SK_KIND_MEDIUM;
		if (a->kinds[i]->grant == SK_KIND_SETTING && setting != NULL && *setting != '\0')
			return SK_KIND_SETTING;
	}
	return SK_KIND_NOTHING;
}

/* Is a unit the applicant's own, or below or above it? */
static bool near_unit(struct sk_store *s, const char *unit, const char *other, sk_ms now)
{
	const struct sk_org *org;

	return strcmp(unit, other) == 0 || (sk_store_org(s, &org) == 0 && (sk_org_within(org, unit, other, now) ||
	                                                                   sk_org_within(org, other, unit, now)));
}

static int check_terminal(struct sk_store *s, const char *name, const char *unit, sk_ms now,
                          struct sk_application_problem *p)
{
	struct sk_terminal t;
	int r;

	if (*name == '\0')
		return problem(p, "terminal", N_("This has to be filled in."));
	r = sk_store_terminal_named(s, name, &t);
	if (r == -ENOENT || (r == 0 && t.revoked))
		return problem(p, "terminal", N_("There is no such terminal."));
	if (r == 0 && !near_unit(s, unit, t.unit, now))
		return problem(p, "terminal", N_("This terminal belongs to another section."));
	return r;
}

static int check_medium(struct sk_store *s, const char *ledger, const char *access, const char *unit, sk_ms now,
                        struct sk_application_problem *p)
{
	json_t *m;
	const char *state;
	int r = 0;

	if (*ledger == '\0')
		return problem(p, "medium", N_("This has to be filled in."));
	m = sk_ledger_is_number(ledger) ? db_object(s, "SELECT unit, state FROM media WHERE ledger = ?", "s", ledger)
	                                : NULL;
	state = text_of(m, "state");
	if (m == NULL)
		r = problem(p, "medium", N_("This number is not in the media ledger."));
	else if (*text_of(m, "unit") != '\0' && !near_unit(s, unit, text_of(m, "unit"), now))
		r = problem(p, "medium", N_("This medium belongs to another section."));
	else if (strcmp(state, "lost") == 0 || strcmp(state, "erased") == 0 || strcmp(state, "disposed") == 0 ||
	         strcmp(state, "repair") == 0)
		r = problem(p, "medium", N_("This medium cannot be used; see its state in the media ledger."));
	else if (strcmp(state, "long-term") == 0 && strcmp(access, "rw") == 0)
		r = problem(p, "access",
		            N_("This medium is in long-term storage: nothing is written to it (Countermeasure standard "
		               "2(2))."));
	json_decref(m);
	return r;
}

int produce_check(struct sk_store *s, const struct sk_application *a, const char *unit, sk_ms now,
                  struct sk_application_problem *p)
{
	const char *access = text_of(a->fields, "access");

	switch (produced_by(a)) {
	case SK_KIND_MEDIUM:
		if (strcmp(access, "ro") != 0 && strcmp(access, "rw") != 0)
			return problem(p, "access", N_("Choose the access: read only, or read and write."));
		if (strcmp(a->class, "unknown") == 0)
			return problem(p, "class", N_("The class has to be known before a medium is used."));
		if (check_medium(s, text_of(a->fields, "medium"), access, unit, now, p) < 0)
			return -EINVAL;
		return check_terminal(s, text_of(a->fields, "terminal"), unit, now, p);
	case SK_KIND_SETTING:
		if (strcmp(text_of(a->fields, "setting"), SK_SETTING_SCREEN_LOCK) != 0)
			return problem(p, "setting", N_("This setting cannot be permitted here."));
		if (a->until - a->from > SK_SETTING_LONGEST_MS)
			return problem(p, "term",
			               N_("A setting is changed for at most 31 days; for longer it is an exception."));
		return check_terminal(s, text_of(a->fields, "terminal"), unit, now, p);
	default:
		for (size_t i = 0; i < a->n_kinds; i++) {
			if (strcmp(a->kinds[i]->key, SK_KIND_LEND) == 0 && *text_of(a->fields, "medium") != '\0')
				return check_medium(s, text_of(a->fields, "medium"), "ro", unit, now, p);
		}
		return 0;
	}
}

/* As the terminal would have told it; grade: what the ledger lets a terminal prove. */
static json_t *device_of(struct sk_store *s, const char *ledger)
{
	json_t *d =
	    db_object(s,
	              "SELECT vendor_id, product_id, vendor, product, serial, device_key, '' AS port, CASE WHEN "
	              "container_key <> '' THEN 'A' WHEN serial = '' THEN 'C' ELSE 'B' END AS grade FROM media "
	              "WHERE ledger = ? AND state NOT IN ('lost', 'erased', 'disposed')",
	              "s", ledger);

	return d;
}

static int request_insert(struct sk_store *s, const struct sk_actor *by, const json_t *row,
                          const struct sk_user *person, const struct sk_terminal *t, const char *device, sk_ms now,
                          int64_t *number)
{
	const json_t *f = json_object_get(row, "fields");
	char id[SK_UUID_LEN], purpose[256], destination[256];
	sk_ms from = int_of(row, "from"), until = int_of(row, "until");
	const char *class = text_of(row, "class");
	int r = sk_uuid(id);

	if (r < 0)
		return r;
	sk_text_copy(purpose, sizeof(purpose), text_of(f, "purpose"));
	sk_text_copy(destination, sizeof(destination), text_of(f, "destination"));
	from = from > now ? from : now;
	return db_int(
	    s, number,
	    "INSERT INTO requests(id, terminal, kind, person, device, device_key, serial, purpose, access, hours, "
	    "class, "
	    "destination, state, created, updated, until, starts, permitted_by, permitted_user, permitted_at, "
	    "fiscal_year, fiscal_serial, application, ledger) SELECT ?1, ?2, 'media', ?3, ?4, m.device_key, m.serial, "
	    "?5, ?6, ?7, ?8, ?9, 'permitted', ?10, ?10, ?11, ?12, ?13, ?14, ?10, ?15, (SELECT "
	    "coalesce(max(fiscal_serial), 0) + 1 FROM requests WHERE fiscal_year = ?15), ?16, m.ledger FROM media m "
	    "WHERE m.ledger = ?17 RETURNING number",
	    "ssssssissiiissiis", id, t->id, person->login, device, purpose, text_of(f, "access"),
	    (until - from + HOUR - 1) / HOUR, *class == '\0' ? "none" : class, destination, now, until,
	    int_of(row, "from"), by->name, by->user, (int64_t)sk_clock_fiscal_year(now), int_of(row, "number"),
	    text_of(f, "medium"));
}

static int begin_medium(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now)
{
	const json_t *f = json_object_get(row, "fields");
	struct sk_actor asked = {.role = SK_ROLE_STAFF};
	struct sk_user person = {0};
	struct sk_terminal t = {0};
	json_t *device = device_of(s, text_of(f, "medium"));
	char *text = device == NULL ? NULL : sk_json_text(device);
	int64_t number = 0;
	int r = text == NULL ? -ENOENT : sk_store_user_get(s, text_of(row, "person"), &person);

	if (r == 0)
		r = sk_store_terminal_named(s, text_of(f, "terminal"), &t);
	if (r == 0)
		r = request_insert(s, by, row, &person, &t, text, now, &number);
	free(text);
	json_decref(device);
	if (r == -EEXIST)
		return -ESTALE; /* one of it is open */
	if (r < 0)
		return r == -ENOENT ? -ENXIO : r;
	sk_text_copy(asked.user, sizeof(asked.user), text_of(row, "person"));
	sk_text_copy(asked.name, sizeof(asked.name), text_of(row, "person_name"));
	sk_text_copy(asked.unit, sizeof(asked.unit), text_of(row, "unit"));
	r = request_history(s, number, "created", &asked, text_of(row, "label"), text_of(f, "access"), 0, now);
	return r < 0 ? r : request_history(s, number, "permit", by, "", NULL, int_of(row, "until"), now);
}

static bool is_loan(const json_t *row)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(row, "permits"), i, p)
	{
		if (strcmp(text_of(p, "kind"), SK_KIND_LEND) == 0)
			return *text_of(json_object_get(row, "fields"), "medium") != '\0';
	}
	return false;
}

int produce_begin(struct sk_store *s, const struct sk_actor *by, const json_t *row, sk_ms now)
{
	const char *what = text_of(row, "produces");

	if (strcmp(what, "medium") == 0)
		return begin_medium(s, by, row, now);
	if (strcmp(what, "setting") == 0)
		return setting_from_application(s, by, row, now);
	return is_loan(row) ? produce_medium_state(s, by, row, "lent", text_of(row, "label"), now) : 0;
}

int produce_end(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *reason, sk_ms now)
{
	const json_t *q;
	size_t i;
	int r = 0;

	json_array_foreach(json_object_get(row, "requests"), i, q)
	{
		const char *state = text_of(q, "state");

		if (r >= 0 && (strcmp(state, "permitted") == 0 || strcmp(state, "approved") == 0))
			r = request_cancel(s, by, int_of(q, "number"), reason, now);
	}
	if (r >= 0 && strcmp(text_of(row, "produces"), "setting") == 0)
		r = setting_application_ended(s, by, int_of(row, "number"), now);
	return r < 0 ? r : 0;
}

int produce_medium_state(struct sk_store *s, const struct sk_actor *by, const json_t *row, const char *state,
                         const char *reason, sk_ms now)
{
	const char *ledger = text_of(json_object_get(row, "fields"), "medium");
	int64_t gone = 0;
	int r;

	if ((strcmp(text_of(row, "produces"), "medium") != 0 && !is_loan(row)) ||
	    !json_is_true(json_object_get(row, "back")))
		return 0;
	/* What was lost or disposed of meanwhile does not come back by itself. */
	r = db_int(s, &gone, "SELECT count(*) FROM media WHERE ledger = ? AND state IN ('lost', 'erased', 'disposed')",
	           "s", ledger);
	return r < 0 || gone > 0 ? r : media_state(s, by, ledger, state, reason, now);
}

int produce_may_issue(struct sk_store *s, const struct sk_actor *by, int64_t request, int64_t application,
                      struct sk_err *err)
{
	json_t *people = db_list(
	    s,
	    "SELECT user FROM application_votes WHERE application = ?1 UNION SELECT person FROM applications WHERE "
	    "number = ?1 UNION SELECT entered_by FROM applications WHERE number = ?1 UNION SELECT user FROM "
	    "request_votes WHERE request = ?2",
	    "ii", application, request);
	struct sk_user me, other;
	const json_t *one;
	size_t i;
	int r = people == NULL ? -EIO : sk_store_user_get(s, by->user, &me);

	json_array_foreach(people, i, one)
	{
		const char *name = text_of(one, "user");

		if (r == 0 && (user_is_person(&me, name) ||
		               (sk_store_user_get(s, name, &other) == 0 &&
		                (user_is_person(&me, other.login) || user_is_person(&other, me.login)))))
			r = sk_err_set(err, -EPERM, "%s asked for it, entered it or permitted it", by->user);
	}
	json_decref(people);
	return r;
}

int produce_answered(struct sk_store *s, const struct sk_actor *by, int64_t application, bool issued,
                     const char *reason, sk_ms now)
{
	json_t *row = sk_store_application(s, application, now);
	int r = row == NULL ? -EIO : 0;

	if (r == 0 && issued)
		r = produce_medium_state(s, by, row, "out", text_of(row, "label"), now);
	json_decref(row);
	return r < 0 ? r : application_history(s, application, issued ? "issued" : "not-issued", by, reason, now);
}
