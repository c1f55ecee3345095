/* Group commit: replies wait for the disk, and say so when it fails. */

#include "tests/unit/server_help.h"

static struct event_base *base;
static struct sk_store *s;
static struct sk_batch *b;

static void setup(void)
{
	base = event_base_new();
	s = help_store();
	cr_assert_eq(sk_batch_new(base, s, &b), 0);
}

static void teardown(void)
{
	sk_batch_free(b);
	help_close(s);
	event_base_free(base);
}

Test(batch, replies_come_with_the_commit, .init = setup, .fini = teardown)
{
	struct chain a = help_terminal(s, 1, "zeimu");
	struct reply one = {0}, two = {0};

	cr_assert_eq(sk_batch_join(b), 0);
	help_send(s, &a, "x", "{}");
	sk_batch_reply(b, &one.r, 200, json_pack("{s:i}", "acked", 1));
	cr_assert_eq(sk_batch_join(b), 0);
	help_send(s, &a, "y", "{}");
	sk_batch_reply(b, &two.r, 409, NULL);
	cr_assert_eq(one.code, 0);
	loop_for(base, 20);
	cr_assert_eq(one.code, 200);
	cr_assert_eq(two.code, 409);
	cr_assert_eq(help_number(one.body, "acked"), 1);
	reply_clear(&one);
	sk_batch_flush(b);
	sk_batch_flush(NULL);
}

Test(batch, flush_is_at_once, .init = setup, .fini = teardown)
{
	struct reply one = {0};

	cr_assert_eq(sk_batch_join(b), 0);
	sk_batch_reply(b, &one.r, 200, NULL);
	sk_batch_flush(b);
	cr_assert_eq(one.code, 200);
	loop_for(base, 20);
}

Test(batch, who_went_away_is_not_answered, .init = setup, .fini = teardown)
{
	struct chain a = help_terminal(s, 1, "zeimu");
	struct reply one = {0}, two = {0};
	struct sk_terminal t;

	cr_assert_eq(sk_batch_join(b), 0);
	help_send(s, &a, "x", "{}");
	sk_batch_reply(b, &one.r, 200, json_object());
	sk_batch_reply(b, &two.r, 200, NULL);
	one.on_gone(&one.r, one.arg);
	loop_for(base, 20);
	cr_assert_eq(one.code, 0);
	cr_assert_eq(two.code, 200);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
	cr_assert_eq(t.last_seq, 1, "what it sent is stored all the same");
}

Test(batch, a_commit_that_fails_acknowledges_nothing, .init = setup, .fini = teardown)
{
	struct chain a = help_terminal(s, 1, "zeimu");
	struct reply one = {0};
	struct sk_terminal t;

	cr_assert_eq(sk_batch_join(b), 0);
	help_send(s, &a, "x", "{}");
	sk_batch_reply(b, &one.r, 200, json_object());
	cr_assert_eq(sk_store_batch_end(s), 0); /* the transaction is gone from under the batch ... */
	cr_assert_eq(sk_store_batch_begin(s), 0);
	cr_assert_eq(sk_store_batch_end(s), 0);
	sk_batch_flush(b); /* ... so this commit fails */
	cr_assert_eq(one.code, 503);
	reply_clear(&one);
	cr_assert_eq(sk_store_terminal_get(s, a.id, &t), 0);
}

Test(batch, full_ones_are_committed_on_the_way, .init = setup, .fini = teardown)
{
	static struct reply many[300];
	int answered = 0;

	for (int i = 0; i < 300; i++) {
		cr_assert_eq(sk_batch_join(b), 0);
		sk_batch_reply(b, &many[i].r, 200, NULL);
	}
	for (int i = 0; i < 300; i++)
		answered += many[i].code == 200;
	cr_assert_eq(answered, 256);
	loop_for(base, 20);
	cr_assert_eq(many[299].code, 200);
}

Test(batch, no_transaction_no_batch, .init = setup, .fini = teardown)
{
	struct reply one = {0};
	struct sk_store *other = NULL;

	cr_assert_eq(sk_store_open(help_path, false, &other, NULL), 0);
	cr_assert_eq(sk_store_batch_begin(other), 0);
	cr_assert_eq(sk_batch_join(b), -EBUSY, "somebody else is writing and does not end");
	sk_batch_reply(b, &one.r, 503, NULL);
	cr_assert_eq(one.code, 503, "answered at once, there is nothing to wait for");
	sk_store_close(other);
	cr_assert_eq(sk_batch_join(b), 0);
}
