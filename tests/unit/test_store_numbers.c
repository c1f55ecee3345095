/* Numbers of requests as people read them: from 1 again on 1 April, the key never; and a ledger from before has them too. */
#include <criterion/criterion.h>
#include <time.h>

#include "tests/unit/store_help.h"

static void evil(const char *sql)
{
	behind(help_path, sql);
}

/* A request that arrives at now; its key. */
static int64_t ask(struct sk_store *s, struct chain *c, int n, sk_ms now)
{
	enum sk_chain_result chain;
	struct sk_event e;
	char body[1024];
	int64_t acked;
	json_t *list;

	snprintf(
	    body, sizeof(body),
	    "{\"id\":\"20000000-0000-4000-8000-%012d\",\"kind\":\"media\",\"person\":\"p\",\"device\":{\"vendor_id\":"
	    "\"46f4\",\"product_id\":\"0001\",\"vendor\":\"QEMU\",\"product\":\"X\",\"serial\":\"S1\",\"device_key\":"
	    "\"%064d\",\"grade\":\"C\",\"port\":\"1-2\"},\"purpose\":\"窓口\",\"access\":\"ro\",\"hours\":8,\"class\":"
	    "\"none\",\"destination\":\"市民課\"}",
	    n, 7);
	e = help_event(c, "request.created", body);
	cr_assert_eq(sk_store_events_put(s, c->id, &e, 1, now, &acked, &chain, NULL), 0);
	sk_event_clear(&e);
	list = sk_store_requests(s, NULL, NULL, "all", 1, 0);
	acked = json_integer_value(json_object_get(json_array_get(list, 0), "number"));
	json_decref(list);
	return acked;
}

static void is(struct sk_store *s, int64_t number, const char *label)
{
	char found[32];

	cr_assert_eq(sk_store_request_label(s, number, found), 0);
	cr_assert_str_eq(found, label);
}

static sk_ms on(int year, int month, int day)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12, .tm_isdst = -1};

	return (sk_ms)mktime(&tm) * 1000;
}

Test(numbers, begin_anew_on_the_first_of_april)
{
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	char label[32];
	json_t *q;

	cr_assert_eq(ask(s, &c, 1, on(2027, 3, 30)), 1);
	cr_assert_eq(ask(s, &c, 2, on(2027, 3, 31)), 2);
	cr_assert_eq(ask(s, &c, 3, on(2027, 4, 1)), 3);
	cr_assert_eq(ask(s, &c, 4, on(2027, 3, 31)), 4, "a clock that stepped back numbers on in the old year");
	cr_assert_eq(ask(s, &c, 5, on(2028, 1, 4)), 5);
	is(s, 1, "2026-0001");
	is(s, 2, "2026-0002");
	is(s, 3, "2027-0001");
	is(s, 4, "2026-0003");
	is(s, 5, "2027-0002");
	cr_assert_eq(sk_store_request_label(s, 6, label), -ENOENT);
	q = sk_store_request(s, 3, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(q, "label")), "2027-0001");
	json_decref(q);
	help_close(s);
}

Test(numbers, a_ledger_from_before_is_numbered)
{
	SQLITE_ONLY("no PostgreSQL ledger is so old");
	struct sk_store *s = help_store();
	struct chain c = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;

	for (int i = 1; i <= 4; i++)
		ask(s, &c, i, T0);
	sk_store_close(s);
	evil("DROP TABLE application_checks; DROP INDEX applications_due; ALTER TABLE applications DROP COLUMN "
	     "reminded; ALTER TABLE "
	     "applications DROP COLUMN reminders;");
	evil(
	    "DROP TABLE request_votes; ALTER TABLE requests DROP COLUMN route; ALTER TABLE requests DROP COLUMN step;");
	evil("DROP INDEX requests_application; ALTER TABLE requests DROP COLUMN application; ALTER TABLE requests DROP "
	     "COLUMN "
	     "ledger; ALTER TABLE requests DROP COLUMN starts; ALTER TABLE setting_permits DROP COLUMN application;");
	evil("DROP TABLE api_tokens;");
	evil("DROP TABLE container_sent; DROP TABLE seal_keys; DROP TABLE incident_course; DROP TABLE incident_cases; "
	     "ALTER TABLE grants DROP COLUMN erase; ALTER TABLE grants DROP COLUMN passphrase; "
	     "DROP TABLE application_votes; DROP TABLE "
	     "application_history; DROP TABLE application_permits; DROP TABLE "
	     "applications; DROP TABLE kinds_texts; "
	     "ALTER TABLE users DROP COLUMN totp; ALTER TABLE users DROP COLUMN totp_pending; ALTER TABLE users DROP "
	     "COLUMN totp_used; ALTER TABLE sessions DROP COLUMN remote;"
	     "DROP TABLE unit_within; DROP TABLE org_state; DROP TABLE delegations; DROP TABLE absences; DROP TABLE "
	     "posts; "
	     "DROP TABLE unit_places; ALTER TABLE grants DROP COLUMN uses; DROP TABLE phone_codes; DROP TABLE "
	     "phone_terminals; DROP TABLE "
	     "media_history; DROP TABLE media_requests; "
	     "DROP TABLE media; ALTER "
	     "TABLE grants DROP COLUMN ledger;" /* what came later */
	     "DROP INDEX requests_serial; ALTER TABLE requests DROP COLUMN fiscal_year; ALTER TABLE requests DROP "
	     "COLUMN "
	     "fiscal_serial; PRAGMA user_version = 4;"
	     "UPDATE requests SET created = unixepoch('2026-03-31 03:00:00') * 1000 WHERE number < 3;"
	     "UPDATE requests SET created = unixepoch('2026-04-02 03:00:00') * 1000 WHERE number >= 3;");
	evil("DROP TABLE cards; ALTER TABLE sessions DROP COLUMN card;");
	evil("DROP TABLE overview_counts; DROP TABLE overview_made; DROP TRIGGER events_no_delete; DROP TABLE "
	     "chain_bases; DROP TABLE holds; DROP TABLE retention; DROP "
	     "INDEX posture_history_time; "
	     "DROP TABLE jobs; DROP TABLE agent_programs; DROP TABLE agent_runs; DROP TABLE notice_acks; DROP TABLE "
	     "notices; DROP TABLE "
	     "setting_permits; DROP TABLE orders;");
	evil(
	    "DROP TABLE findings; DROP TABLE inspection_answers; DROP TABLE inspection_items; DROP TABLE inspections;");
	evil("DROP TABLE compliance_days; ALTER TABLE terminals DROP COLUMN support_name; ALTER TABLE terminals DROP "
	     "COLUMN "
	     "support_until;");
	cr_assert_eq(sk_store_open(help_path, false, &s, &err), 0, "%s", err.text);
	is(s, 1, "2025-0001");
	is(s, 2, "2025-0002");
	is(s, 3, "2026-0001");
	is(s, 4, "2026-0002");
	cr_assert_eq(ask(s, &c, 5, on(2026, 5, 1)), 5);
	is(s, 5, "2026-0003");
	help_close(s);
}
