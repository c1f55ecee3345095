/* What waits for the server: batches, acknowledgement, the bound and what it never leaves out, pruning. */
#include "agent/journal_spool.h"
#include "agent/journal_verify.h"
#include "tests/unit/agent_help.h"

static struct sk_journal *j;

static void open_with(int64_t spool_max)
{
	struct sk_journal_options o = {.dir = dir, .device = DEVICE, .spool_max = spool_max};

	cr_assert_eq(sk_journal_new(&o, &j), 0);
	cr_assert_eq(sk_journal_open(j, 1000, NULL), 0);
}

static void setup(void)
{
	make_dir();
	open_with(20000);
}

static void teardown(void)
{
	j = sk_journal_free(j);
	remove_dir();
}

static int append(const char *kind, const char *verdict, const char *reason, sk_ms time)
{
	static char pad[1001];
	json_t *b;
	int r;

	memset(pad, 'p', 1000);
	b = json_pack("{s:s, s:s, s:s}", "verdict", verdict, "reason", reason, "pad", pad);
	r = sk_journal_append(j, kind, b, time);
	json_decref(b);
	return r;
}

static struct sk_journal_info info(void)
{
	struct sk_journal_info i;

	sk_journal_info(j, &i);
	return i;
}

static int64_t broken(void)
{
	struct sk_journal_verify v;

	sk_journal_verify_begin(j, &v);
	while (sk_journal_verify_step(j, &v, 100) > 0)
		;
	sk_journal_verify_end(j, &v);
	return v.broken;
}

static json_t *read_after(int64_t after, size_t max)
{
	json_t *l = NULL;

	cr_assert_eq(sk_spool_read(j, after, max, &l, NULL), 0);
	return l;
}

Test(spool, read_gives_whole_events_that_follow_each_other, .init = setup, .fini = teardown)
{
	json_t *l, *e;
	size_t i;
	char prev[SK_SHA256_HEX];
	int64_t seq = 0;

	for (int n = 0; n < 10; n++)
		append("device.decided", "deny", "no-grant", 2000 + n);
	l = read_after(0, 1 << 20);
	cr_assert_eq(json_array_size(l), 11);
	memcpy(prev, SK_CHAIN_ZERO, sizeof prev);
	json_array_foreach(l, i, e)
	{
		struct sk_event ev = {.seq = json_integer_value(json_object_get(e, "seq")),
		                      .time = json_integer_value(json_object_get(e, "time"))};

		snprintf(ev.kind, sizeof ev.kind, "%s", json_string_value(json_object_get(e, "kind")));
		ev.body = (char *)json_string_value(json_object_get(e, "body"));
		ev.body_len = json_string_length(json_object_get(e, "body"));
		snprintf(ev.hash, sizeof ev.hash, "%s", json_string_value(json_object_get(e, "hash")));
		snprintf(ev.prev, sizeof ev.prev, "%s", json_string_value(json_object_get(e, "prev")));
		cr_assert_eq(sk_chain_follows(DEVICE, seq, prev, &ev), SK_CHAIN_OK);
		seq = ev.seq;
		memcpy(prev, ev.hash, sizeof prev);
	}
	json_decref(l);
	l = read_after(0, 3000);
	cr_assert_leq(json_array_size(l), 3, "bounded");
	json_decref(l);
	l = read_after(5, 1);
	cr_assert_eq(json_array_size(l), 1, "but one at least");
	json_decref(l);
	l = read_after(11, 1000);
	cr_assert_eq(json_array_size(l), 0);
	json_decref(l);
	cr_assert_eq(sk_spool_read(j, 12, 1000, &l, NULL), -ERANGE);
}

Test(spool, acknowledging, .init = setup, .fini = teardown)
{
	append("device.decided", "deny", "no-grant", 2000);
	cr_assert_eq(sk_spool_ack(j, 3, 2000, NULL), -ERANGE, "more than there is");
	cr_assert_eq(sk_spool_ack(j, -1, 2000, NULL), -ERANGE);
	cr_assert_eq(sk_spool_ack(j, 2, 2000, NULL), 0);
	cr_assert_eq(sk_spool_ack(j, 1, 2000, NULL), 0, "an old acknowledgement again");
	cr_assert_eq(info().acked_seq, 2);
	cr_assert_eq(info().unacked_bytes, 0);
	j = sk_journal_free(j);
	open_with(20000);
	cr_assert_eq(info().acked_seq, 2);
	cr_assert_eq(info().unacked_bytes, 0);
}

Test(spool, what_may_be_left_out)
{
	json_t *keyboard = json_pack("{s:s, s:s}", "verdict", "allow", "reason", "rule");
	json_t *medium = json_pack("{s:s, s:s}", "verdict", "allow", "reason", "grant");
	json_t *refused = json_pack("{s:s, s:s}", "verdict", "deny", "reason", "rule");
	json_t *odd = json_pack("{s:i}", "verdict", 1);

	cr_assert(sk_spool_informational("device.decided", keyboard));
	cr_assert(!sk_spool_informational("device.decided", medium));
	cr_assert(!sk_spool_informational("device.decided", refused));
	cr_assert(!sk_spool_informational("device.decided", odd));
	cr_assert(sk_spool_informational("device.removed", odd));
	for (const char *const *k = (const char *const[]){"grant.admitted", "grant.ended", "medium.mounted",
	                                                  "request.created", "journal.gap", "clock.turned-back",
	                                                  "policy.applied", "bundle.refused", "unheard.of", NULL};
	     *k; k++)
		cr_assert(!sk_spool_informational(*k, odd), "%s", *k);
	json_decref(keyboard);
	json_decref(medium);
	json_decref(refused);
	json_decref(odd);
}

static json_t *last_of(const char *kind)
{
	json_t *l = sk_journal_list(j, -1, 200, 1 << 20, NULL, NULL), *found = NULL, *e;
	size_t i;

	json_array_foreach(l, i, e) if (!strcmp(json_string_value(json_object_get(e, "kind")), kind))
	{
		json_decref(found);
		found = json_incref(json_object_get(e, "body"));
	}
	json_decref(l);
	return found;
}

Test(spool, over_the_bound_informational_events_are_left_out_and_counted, .init = setup, .fini = teardown)
{
	json_t *b;
	int64_t before;

	for (int n = 0; info().state == SK_JOURNAL_OK && n < 100; n++)
		append("device.decided", "deny", "no-grant", 2000 + n);
	cr_assert_eq(info().state, SK_JOURNAL_SPOOL);
	b = last_of("journal.full");
	cr_assert_str_eq(json_string_value(json_object_get(b, "state")), "spool");
	json_decref(b);
	before = info().last_seq;
	for (int n = 0; n < 5; n++)
		cr_assert_eq(append("device.decided", "allow", "rule", 3000 + n), 0,
		             "a keyboard is admitted all the same");
	cr_assert_eq(info().last_seq, before);
	cr_assert_eq(info().suppressed, 5);
	cr_assert_eq(append("device.decided", "deny", "no-grant", 3100), 0);
	cr_assert_eq(append("grant.admitted", "allow", "grant", 3100), 0);
	cr_assert_eq(info().last_seq, before + 2, "refusals and permits are never left out");
	/* The count outlives a restart. */
	j = sk_journal_free(j);
	open_with(20000);
	cr_assert_eq(info().state, SK_JOURNAL_SPOOL);
	cr_assert_eq(info().suppressed, 5);
	cr_assert_eq(sk_spool_ack(j, before + 2, 4000, NULL), 0);
	cr_assert_eq(info().state, SK_JOURNAL_OK);
	b = last_of("journal.gap");
	cr_assert_eq(json_integer_value(json_object_get(b, "dropped")), 5);
	cr_assert_str_eq(json_string_value(json_object_get(b, "reason")), "spool");
	json_decref(b);
	cr_assert_eq(append("device.decided", "allow", "rule", 5000), 0);
	cr_assert_eq(info().last_seq, before + 4);
	cr_assert_eq(info().suppressed, 0);
	cr_assert_eq(broken(), 0);
}

Test(spool, pruning_takes_old_acknowledged_events_and_moves_the_anchor, .init = setup, .fini = teardown)
{
	json_t *l;

	for (int n = 0; n < 10; n++)
		append("device.decided", "deny", "no-grant", 2000 + n);
	cr_assert_eq(sk_spool_prune(j, 99999, 100), 0, "nothing is acknowledged");
	sk_spool_ack(j, 6, 3000, NULL);
	cr_assert_eq(sk_spool_prune(j, 2003, 100), 4, "not younger than asked");
	cr_assert_eq(sk_spool_prune(j, 99999, 1), 1, "not more than asked");
	cr_assert_eq(sk_spool_prune(j, 99999, 100), 1, "not what waits");
	cr_assert_eq(info().first_seq, 7);
	cr_assert_eq(broken(), 0);
	l = read_after(0, 1 << 20);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(l, 0), "seq")), 7);
	json_decref(l);
	j = sk_journal_free(j);
	open_with(20000);
	cr_assert_eq(info().first_seq, 7);
	cr_assert_eq(append("device.decided", "deny", "no-grant", 9000), 0);
	cr_assert_eq(broken(), 0);
	sk_spool_ack(j, info().last_seq, 9000, NULL);
	cr_assert_gt(sk_spool_prune(j, 99999, 100), 0);
	cr_assert_eq(info().first_seq, info().last_seq, "the last one stays");
	cr_assert_eq(info().unacked_bytes, 0);
	cr_assert_eq(broken(), 0);
}

Test(spool, nothing_is_pruned_under_a_verification, .init = setup, .fini = teardown)
{
	struct sk_journal_verify v;

	for (int n = 0; n < 10; n++)
		append("device.decided", "deny", "no-grant", 2000 + n);
	sk_spool_ack(j, 6, 3000, NULL);
	sk_journal_verify_begin(j, &v);
	cr_assert_eq(sk_journal_verify_step(j, &v, 2), 1);
	cr_assert_eq(sk_spool_prune(j, 99999, 100), 0);
	while (sk_journal_verify_step(j, &v, 2) > 0)
		;
	sk_journal_verify_end(j, &v);
	cr_assert_eq(v.broken, 0);
	cr_assert_eq(sk_spool_prune(j, 99999, 100), 6);
}

Test(spool, a_chain_that_ended_is_pruned_by_age, .init = setup, .fini = teardown)
{
	append("device.decided", "deny", "no-grant", 2000);
	cr_assert_eq(sk_journal_rechain(j, OTHER, 3000), 0);
	append("device.decided", "deny", "no-grant", 3000);
	cr_assert_eq(sk_spool_prune(j, 2500, 100), 2);
	cr_assert_eq(broken(), 0);
	cr_assert_eq(info().last_seq, 2);
}
