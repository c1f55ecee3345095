/* What is sent from the organisation's page: absences, delegations, and the import's two steps. The store decides again who may. */
#include "server/console.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/text.h"
#include "server/store_org.h"

#define REASON_MAX 400

/* Local midnight days after the one t is in. */
static sk_ms midnight(sk_ms t, int days)
{
	time_t s = (time_t)(t / 1000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL)
		return t;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return (sk_ms)mktime(&tm) * 1000;
}

/* "2026-04-01" as the end of that day; "" = 0. 0 or -EINVAL. */
static int last_day(const char *text, sk_ms *out)
{
	char full[32];
	sk_ms t;

	*out = 0;
	if (*text == '\0')
		return 0;
	if (strlen(text) != 10)
		return -EINVAL;
	snprintf(full, sizeof(full), "%sT12:00", text);
	if (sk_console_parse_time(full, &t) < 0)
		return -EINVAL;
	*out = midnight(t, 1);
	return 0;
}

static int absent(struct sk_console *c, const struct sk_actor *by, struct sk_err *err)
{
	const char *user, *until, *reason;
	sk_ms end;

	if (sk_form_text(&c->form, "user", 63, &user) < 0 || sk_form_text(&c->form, "absent_until", 32, &until) < 0 ||
	    sk_form_text(&c->form, "absence_reason", REASON_MAX, &reason) < 0)
		return sk_err_set(err, -EINVAL, "a field is too long");
	if (*user == '\0')
		user = c->session.user;
	if (last_day(until, &end) < 0)
		return sk_err_set(err, -EINVAL, "the last day is not a day; choose one");
	return sk_store_absence_put(c->r->server->store, by, user, c->now, end, reason, c->now, err);
}

static int delegate(struct sk_console *c, const struct sk_actor *by, struct sk_err *err)
{
	const char *what, *taker, *until, *reason;
	sk_ms end;
	int i;

	if (sk_form_text(&c->form, "what", 79, &what) < 0 || sk_form_text(&c->form, "taker", 63, &taker) < 0 ||
	    sk_form_text(&c->form, "delegated_until", 32, &until) < 0 ||
	    sk_form_text(&c->form, "delegation_reason", REASON_MAX, &reason) < 0)
		return sk_err_set(err, -EINVAL, "a field is too long");
	i = sk_capacity_find(c->session.may, c->session.n_may, what);
	if (i < 0)
		return sk_err_set(err, -EPERM, "you do not hold that post");
	if (*until == '\0' || last_day(until, &end) < 0)
		return sk_err_set(err, -EINVAL, "a delegation needs its last day");
	return sk_store_delegation_put(c->r->server->store, by, taker, c->session.may[i].role, c->session.may[i].unit,
	                               c->now, end, reason, c->now, err);
}

static int end_one(struct sk_console *c, const struct sk_actor *by, bool absence, struct sk_err *err)
{
	const char *id = sk_form_get(&c->form, "id");
	long long n;

	if (id == NULL || sk_text_i64(id, 1, INT64_MAX, &n) < 0)
		return sk_err_set(err, -EINVAL, "there is no such entry");
	return absence ? sk_store_absence_end(c->r->server->store, by, n, c->now, err)
	               : sk_store_delegation_end(c->r->server->store, by, n, c->now, err);
}

static int make_plan(struct sk_console *c, struct sk_org_plan **plan, struct sk_err *err)
{
	struct sk_store *s = c->r->server->store;
	const char *table = sk_form_get(&c->form, "table");
	json_t *units = sk_store_units(s), *users = sk_store_users(s);
	struct sk_org_names names = {units, users};
	const struct sk_org *org;
	int e = units == NULL || users == NULL ? -EIO : sk_store_org(s, &org);

	if (table == NULL)
		table = "";
	if (e == 0)
		e = sk_org_plan(org, &names, sk_tr(c->page.lang, N_("table")), table, strlen(table),
		                midnight(c->now, 0), plan, err);
	json_decref(units);
	json_decref(users);
	return e;
}

static int import(struct sk_console *c, const struct sk_actor *by, bool store)
{
	const char *version = sk_form_get(&c->form, "version");
	struct sk_org_plan *plan = NULL;
	struct sk_err err = SK_ERR_INIT;
	unsigned long long seen = 0;
	int e, code = 200;

	if (c->session.acting != SK_ROLE_SYS)
		return -EACCES;
	e = make_plan(c, &plan, &err);
	if (e < 0 && err.text[0] == '\0')
		return e;
	if (e < 0)
		return sk_console_org_show(c, NULL, err.text, 400);
	if (plan->counts[SK_ORG_ERROR] > 0) {
		c->problem = N_("Some lines have errors. Mend them below; nothing was stored.");
		code = 400;
	} else if (store && (version == NULL || sk_text_u64(version, 1, INT64_MAX, &seen) < 0 ||
	                     (int64_t)seen != plan->version)) {
		c->problem =
		    N_("The organisation was changed meanwhile. Look at the effects again before you take them over.");
		code = 409;
	} else if (store) {
		e = sk_store_org_apply(c->r->server->store, by, plan, "console", c->now, &err);
		code = e < 0 ? e : sk_console_redirect(c, "/organisation?done=1");
	}
	if (code > 0 && code != 303)
		code = sk_console_org_show(c, plan, "", code);
	sk_org_plan_free(plan);
	return code;
}

int sk_page_org_post(struct sk_console *c)
{
	const char *action = sk_form_get(&c->form, "action");
	struct sk_err err = SK_ERR_INIT;
	struct sk_actor by;
	int e;

	if (action == NULL)
		return -EINVAL;
	if (sk_session_actor(&c->session, c->session.acting, &by) < 0)
		return -EACCES;
	if (strcmp(action, "check") == 0 || strcmp(action, "import") == 0)
		return import(c, &by, action[0] == 'i');
	if (strcmp(action, "absent") == 0)
		e = absent(c, &by, &err);
	else if (strcmp(action, "delegate") == 0)
		e = delegate(c, &by, &err);
	else if (strcmp(action, "absence-end") == 0 || strcmp(action, "delegation-end") == 0)
		e = end_one(c, &by, action[0] == 'a', &err);
	else
		return -EINVAL;
	if (e == 0)
		return sk_console_redirect(c, "/organisation?done=1");
	if (e == -EPERM)
		return -EACCES;
	if (e != -EINVAL && e != -ENOENT && e != -ESTALE) {
		sk_log(SK_LOG_ERR, "console: %s: %s", action, err.text);
		return e;
	}
	c->problem = e == -ENOENT ? N_("That account or entry does not exist. Nothing was changed.")
	             : e == -ESTALE
	                 ? N_("It is over already.")
	                 : N_("A date or text is missing or cannot be used: the last day must lie ahead, and a "
	                      "delegation ends within a year and goes to somebody else. Nothing was changed.");
	return sk_console_org_show(c, NULL, "", e == -ESTALE ? 409 : 400);
}
