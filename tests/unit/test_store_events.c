/* Ingest: idempotent, chained, per device; and verification of what is stored. */

#include "tests/unit/store_help.h"

static void clear(struct sk_event *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sk_event_clear(&e[i]);
}

static long long count(struct sk_store *s, const char *device)
{
	json_t *list = sk_store_events(s, device, NULL, 0, 10000);
	long long n = (long long)json_array_size(list);

	json_decref(list);
	return n;
}

Test(store_events, again_is_fine)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_event e[3] = {help_event(&a, "chain-start", "{}"), help_event(&a, "daemon.started", "{\"v\":1}"),
	                        help_event(&a, "x", "{}")};
	enum sk_chain_result chain;
	int64_t acked = 0;

	cr_assert_eq(help_put(s, a.id, e, 2, &acked, &chain), 0);
	cr_assert_eq(acked, 2);
	cr_assert_eq(help_put(s, a.id, e, 3, &acked, &chain), 0);
	cr_assert_eq(acked, 3);
	cr_assert_eq(chain, SK_CHAIN_OK);
	cr_assert_eq(help_put(s, a.id, e, 3, &acked, &chain), 0);
	cr_assert_eq(acked, 3);
	cr_assert_eq(count(s, a.id), 3);
	clear(e, 3);
	help_close(s);
}

Test(store_events, gap_fork_forged)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_event e[3] = {help_event(&a, "chain-start", "{}"), help_event(&a, "x", "{}"),
	                        help_event(&a, "y", "{}")},
	                bad;
	enum sk_chain_result chain;
	int64_t acked = 0;

	bad = e[2];
	struct sk_event gap[2] = {e[0], e[2]};
	cr_assert_eq(help_put(s, a.id, gap, 2, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_GAP);
	cr_assert_eq(acked, 1, "the good part is stored");
	cr_assert_eq(help_put(s, a.id, e, 2, &acked, &chain), 0);
	cr_assert_eq(acked, 2);

	memset(bad.prev, 'a', 64);
	sk_chain_hash(a.id, &bad, bad.hash);
	cr_assert_eq(help_put(s, a.id, &bad, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_FORK);
	cr_assert_eq(acked, 2);

	bad = e[2];
	bad.time++;
	cr_assert_eq(help_put(s, a.id, &bad, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_FORGED);

	bad = e[1]; /* what is stored is not replaced */
	sk_text_copy(bad.kind, sizeof(bad.kind), "other");
	sk_chain_hash(a.id, &bad, bad.hash);
	cr_assert_eq(help_put(s, a.id, &bad, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_FORK);
	cr_assert_eq(acked, 1, "what stands beside the fork is not acknowledged");
	cr_assert_eq(count(s, a.id), 2);
	clear(e, 3);
	help_close(s);
}

Test(store_events, incidents_are_counted_once)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_event first = help_event(&a, "chain-start", "{}"), second = help_event(&a, "x", "{}");
	enum sk_chain_result chain;
	int64_t acked;
	json_t *o;

	for (int i = 0; i < 5; i++)
		cr_assert_eq(help_put(s, a.id, &second, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_GAP);
	o = sk_store_overview(s, NULL, T0, 72 * HOUR);
	cr_assert_eq(help_number(o, "incidents"), 1);
	json_decref(o);
	o = sk_store_overview(s, "shimin", T0, 72 * HOUR);
	cr_assert_eq(help_number(o, "incidents"), 0);
	json_decref(o);
	sk_event_clear(&first);
	sk_event_clear(&second);
	help_close(s);
}

Test(store_events, a_finding_on_a_medium_is_an_incident)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	json_t *o;

	help_send(s, &a, "medium.infected", "{\"file\":\"a.exe\",\"signature\":\"Eicar\"}");
	o = sk_store_overview(s, NULL, T0, 72 * HOUR);
	cr_assert_eq(help_number(o, "incidents"), 1);
	json_decref(o);
	help_close(s);
}

Test(store_events, one_device_cannot_write_as_another)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");
	struct sk_event e = help_event(&a, "chain-start", "{}");
	enum sk_chain_result chain;
	int64_t acked = 9;

	cr_assert_eq(help_put(s, b.id, &e, 1, &acked, &chain), 0);
	cr_assert_eq(chain, SK_CHAIN_FORGED, "the hash covers the device");
	cr_assert_eq(acked, 0);
	cr_assert_eq(help_put(s, "nobody", &e, 1, &acked, &chain), -ENOENT);
	cr_assert_eq(count(s, NULL), 0);
	sk_event_clear(&e);
	help_close(s);
}

Test(store_events, listing_pages_and_scopes)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "shimin");
	json_t *list;
	long long before;

	for (int i = 0; i < 5; i++) {
		help_send(s, &a, "x", "{\"n\":1}");
		help_send(s, &b, "y", "{}");
	}
	list = sk_store_events(s, NULL, NULL, 0, 4);
	cr_assert_eq(json_array_size(list), 4);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "kind"), "y");
	before = help_number(json_array_get(list, 3), "id");
	json_decref(list);
	list = sk_store_events(s, NULL, NULL, before, 100);
	cr_assert_eq(json_array_size(list), 6);
	json_decref(list);
	list = sk_store_events(s, NULL, "shimin", 0, 100);
	cr_assert_eq(json_array_size(list), 5);
	cr_assert_str_eq(help_text(json_array_get(list, 0), "host"), "pc-2");
	json_decref(list);
	list = sk_store_events(s, a.id, "shimin", 0, 100);
	cr_assert_eq(json_array_size(list), 0, "a terminal of another section");
	json_decref(list);
	list = sk_store_events(s, a.id, NULL, 0, 2);
	cr_assert_eq(help_number(json_array_get(list, 0), "seq"), 5);
	cr_assert_eq(help_number(json_object_get(json_array_get(list, 0), "body"), "n"), 1);
	json_decref(list);
	help_close(s);
}

Test(store_events, refusals_of_today)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	json_t *o;

	help_send(s, &a, "device.decided", "{\"verdict\":\"deny\"}");
	help_send(s, &a, "device.decided",
	          "{\"verdict\":\"allow\",\"interfaces\":[{\"verdict\":\"allow\"},{\"verdict\":\"deny\"}]}");
	help_send(s, &a, "device.decided", "{\"verdict\":\"allow\",\"interfaces\":[{\"verdict\":\"allow\"}]}");
	help_send(s, &a, "device.decided", "{\"interfaces\":5,\"verdict\":[]}");
	help_send(s, &a, "other", "{\"verdict\":\"deny\"}");
	o = sk_store_overview(s, NULL, T0, 72 * HOUR);
	cr_assert_eq(help_number(o, "refused_today"), 2);
	json_decref(o);
	o = sk_store_overview(s, NULL, T0 + 48 * HOUR, 72 * HOUR);
	cr_assert_eq(help_number(o, "refused_today"), 0);
	json_decref(o);
	help_close(s);
}

static void tamper(const char *sql)
{
	behind(help_path, sql);
}

static const char *state_of(struct sk_store *s, const char *chain, int broken)
{
	static char state[16];
	struct sk_err err = SK_ERR_INIT;
	json_t *findings = NULL, *f;
	size_t i;

	state[0] = '\0';
	cr_assert_eq(sk_store_verify(s, &findings, &err), broken, "%s", err.text);
	json_array_foreach(findings, i, f)
	{
		if (strcmp(help_text(f, "chain"), chain) == 0)
			sk_text_copy(state, sizeof(state), help_text(f, "state"));
	}
	json_decref(findings);
	return state;
}

Test(store_events, verify_sees_what_was_done_to_the_file)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), b = help_terminal(s, 2, "zeimu");

	for (int i = 0; i < 6; i++) {
		help_send(s, &a, "x", "{}");
		help_send(s, &b, "x", "{}");
	}
	cr_assert_str_eq(state_of(s, a.id, 0), "ok");
	behind_disarm(help_path, "events");
	behind_disarm(help_path, "audit");
	tamper("UPDATE events SET kind = 'z' WHERE seq = 3 AND device LIKE '%1'");
	cr_assert_str_eq(state_of(s, a.id, 1), "forged");
	cr_assert_str_eq(state_of(s, b.id, 1), "ok");
	tamper("DELETE FROM events WHERE seq = 6 AND device LIKE '%2'");
	cr_assert_str_eq(state_of(s, b.id, 2), "cut");
	tamper("DELETE FROM events WHERE seq = 2 AND device LIKE '%2'");
	cr_assert_str_eq(state_of(s, b.id, 2), "gap");
	tamper("UPDATE audit SET detail = '' WHERE id = 1");
	cr_assert_str_eq(state_of(s, "audit", 3), "forged");
	help_close(s);
}

Test(store_events, evidence_cannot_be_changed_through_sql)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	static const char *const attempts[] = {"UPDATE events SET kind = 'z'",
	                                       "DELETE FROM events",
	                                       "UPDATE audit SET user = 'z'",
	                                       "DELETE FROM audit",
	                                       "DELETE FROM request_history",
	                                       "INSERT INTO events SELECT id, device, seq, 0, 0, '', '', '', '', 0 "
	                                       "FROM events WHERE 1 = 1 ON CONFLICT(id) DO UPDATE "
	                                       "SET kind = 'z'"};

	help_send(s, &a, "x", "{}");
	help_request(s, &a, "shokuin1", "ro", 1);
	if (!behind_url())
		cr_assert_eq(
		    behind_try(
		        help_path,
		        "INSERT OR REPLACE INTO events SELECT id, device, seq, 0, 0, '', '', '', '', 0 FROM events"),
		    -EEXIST);
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		cr_assert_eq(behind_try(help_path, attempts[i]), -EEXIST, "%s", attempts[i]);
	help_close(s);
}

/* One terminal's records cannot be stored; those of others in the same commit are, before it and after it. */
Test(store_events, one_that_fails_does_not_spoil_the_batch)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu"), bad = help_terminal(s, 2, "zeimu"),
	             c = help_terminal(s, 3, "zeimu");
	struct sk_event e[3];
	enum sk_chain_result chain;
	struct sk_err err = SK_ERR_INIT;
	int64_t acked = 0;
	json_t *list;

	behind(help_path, "INSERT INTO events(device, seq, time, received, kind, body, prev, hash, refused) SELECT id, "
	                  "2, 1, 1, 'x', '{}', "
	                  "'', 'other', 0 FROM terminals WHERE id LIKE '%2'");
	for (int round = 0; round < 2; round++) {
		struct chain was = bad;

		cr_assert_eq(sk_store_batch_begin(s), 0);
		help_send(s, &a, "x", "{}");
		for (int i = 0; i < 3; i++)
			e[i] = help_event(&bad, "x", "{}");
		cr_assert_eq(sk_store_events_put(s, bad.id, e, 3, T0, &acked, &chain, &err), -EEXIST);
		for (int i = 0; i < 3; i++)
			sk_event_clear(&e[i]);
		bad = was;
		help_send(s, &c, "x", "{}");
		cr_assert_eq(sk_store_batch_end(s), 0);
	}
	list = sk_store_events(s, NULL, NULL, 0, 100);
	cr_assert_eq(json_array_size(list), 5, "two of each, and the one that stood there");
	json_decref(list);
	help_close(s);
}
