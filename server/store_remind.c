/*
 * What is due back (5.1(1)オ, ク): who has it is reminded, the day before and as long as it is late, by a notice to the terminal the application names and to
 * those where its person was seen last. A notice names the number and the day, nobody and nothing: others may stand before the screen.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/notice.h"
#include "server/job.h"
#include "server/store_applications_inside.h"

#define HOUR    ((sk_ms)3600000)
#define DAY     (24 * HOUR)
#define IN_TURN 10 /* applications of one turn: each looks through the terminals */
#define NOTICES 5 /* terminals that are told of one */
#define DAILY   7 /* times every day, then once a week */
#define STANDS  (8 * DAY) /* a notice, until the next one takes its place */

static const char *text_of(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s == NULL ? "" : s;
}

int reminders_end(struct sk_store *s, int64_t application, sk_ms now)
{
	int r =
	    db_run(s, "UPDATE notices SET until = ?1 WHERE application = ?2 AND until > ?1", "ii", now, application);

	return r < 0 ? r : 0;
}

static int write_notice(struct sk_store *s, const json_t *a, const char *terminal, sk_ms now)
{
	bool late = json_integer_value(json_object_get(a, "until")) <= now;
	struct sk_office_notice *n = calloc(1, sizeof(*n));
	char day[32];
	int r = n == NULL ? -ENOMEM : sk_uuid(n->id);

	if (r == 0) {
		sk_clock_format_local(json_integer_value(json_object_get(a, "until")), day, sizeof(day));
		day[10] = '\0';
		n->created = now;
		n->until = now + STANDS;
		sk_text_copy(n->from, sizeof(n->from), sk_tr(SK_LANG_JA, N_("Helpdesk (single point of contact)")));
		snprintf(
		    n->title, sizeof(n->title),
		    sk_tr(SK_LANG_JA, late ? N_("Return overdue: application %s") : N_("Due back: application %s")),
		    text_of(a, "label"));
		snprintf(
		    n->text, sizeof(n->text),
		    sk_tr(SK_LANG_JA,
		          N_("What was taken out or lent under application %s is due back on %s. Bring it back and "
		             "have it checked, or ask for a longer term on the console.")),
		    text_of(a, "label"), day);
		r = sk_office_notice_check(n, NULL);
	}
	if (r == 0)
		r = db_run(s,
		           "INSERT INTO notices(id, unit, title, text, officer, created, until, asked_user, "
		           "asked_name, terminal, "
		           "application) VALUES(?,?,?,?,?,?,?,'system','',?,?)",
		           "sssssiisi", n->id, text_of(a, "unit"), n->title, n->text, n->from, n->created, n->until,
		           terminal, json_integer_value(json_object_get(a, "number")));
	free(n);
	return r < 0 ? r : 0;
}

static int tell(struct sk_store *s, const json_t *a, sk_ms now, int64_t *told)
{
	json_t *list =
	    db_list(s,
	            "SELECT n.id FROM terminal_now n JOIN terminals t ON t.id = n.id WHERE t.revoked IS NULL AND "
	            "(t.host = ?1 OR "
	            "(?2 <> '' AND json_extract(n.status, '$.person') = ?2)) ORDER BY n.seen DESC LIMIT ?3",
	            "ssi", text_of(json_object_get(a, "fields"), "terminal"), text_of(a, "login"), (int64_t)NOTICES);
	const json_t *t;
	size_t i;
	int r = list == NULL ? -EIO : 0;

	*told = (int64_t)json_array_size(list);
	json_array_foreach(list, i, t)
	{
		if (r == 0)
			r = write_notice(s, a, text_of(t, "id"), now);
	}
	json_decref(list);
	return r;
}

static int remind(struct sk_store *s, const json_t *a, sk_ms now)
{
	int64_t number = json_integer_value(json_object_get(a, "number")), told = 0;
	struct sk_actor by;
	char how[64];
	int r = reminders_end(s, number, now);

	if (r == 0)
		r = tell(s, a, now, &told);
	if (r == 0)
		r = db_run(s, "UPDATE applications SET reminded = ?, reminders = reminders + 1 WHERE number = ?", "ii",
		           now, number);
	if (r < 0)
		return r;
	actor_system(&by);
	snprintf(how, sizeof(how), sk_tr(SK_LANG_JA, N_("notice on %lld terminals")), (long long)told);
	return application_history(s, number, "reminded", &by, how, now);
}

int reminders_job(struct sk_store *s, struct sk_job_now *t)
{
	json_t *list = db_list(
	    s,
	    "SELECT a.number, printf('%d-%04d', a.fiscal_year, a.fiscal_serial) AS label, a.unit, a.until, a.fields AS "
	    "\"fields|j\", CASE WHEN p.login <> '' THEN p.login ELSE p.user END AS login FROM applications a JOIN "
	    "users p ON "
	    "p.user = a.person WHERE a.state = 'permitted' AND a.back <> 0 AND ((a.until <= ?1 AND a.reminded <= ?1 - "
	    "CASE "
	    "WHEN a.reminders <= ?2 THEN ?3 ELSE ?4 END) OR (a.until > ?1 AND a.until <= ?1 + ?5 AND a.reminded = 0)) "
	    "ORDER "
	    "BY a.until, a.number LIMIT ?6",
	    "iiiiii", t->now, (int64_t)DAILY, 20 * HOUR, 7 * DAY - 4 * HOUR, DAY, (int64_t)IN_TURN);
	const json_t *a;
	size_t i;
	int r = list == NULL ? -EIO : 0;

	json_array_foreach(list, i, a)
	{
		if (r == 0)
			r = remind(s, a, t->now);
		t->done += r == 0;
	}
	if (r == 0 && json_array_size(list) == IN_TURN) {
		sk_text_copy(t->mark, sizeof(t->mark), "more");
		r = SK_JOB_MORE;
	}
	json_decref(list);
	return r;
}
