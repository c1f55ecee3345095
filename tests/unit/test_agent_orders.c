/* Orders on the terminal: once each, on record before anything happens, never after their time, at most twice when the agent dies. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/orders.h"
#include "common/text.h"

#define T0 ((sk_ms)1764000000000)

static sd_event *loop;
static struct sk_order_queue *q;
static sk_ms now;
static char done_value[16384], begun_value[64], record_of[2048];
static int carried, record_fails;
static bool finishes;

static sk_ms h_now(void *c)
{
	(void)c;
	return now;
}

static char *slot(const char *name)
{
	return strcmp(name, "orders.done") == 0 ? done_value : begun_value;
}

static int h_get(void *c, const char *name, struct sk_buf *out)
{
	(void)c;
	return slot(name)[0] ? sk_buf_adds(out, slot(name)) : -ENOENT;
}

static int h_set(void *c, const char *name, const char *value)
{
	(void)c;
	strcpy(slot(name), value);
	return 0;
}

static int h_record(void *c, const char *kind, const json_t *body)
{
	const char *result = json_string_value(json_object_get(body, "result"));
	size_t at = strlen(record_of);

	(void)c;
	if (record_fails)
		return -ENOSPC;
	snprintf(record_of + at, sizeof record_of - at, "%s:%lld:%s ", kind + 6,
	         (long long)json_integer_value(json_object_get(body, "number")), result ? result : "-");
	return 0;
}

static void h_carry(void *c, const struct sk_order *o)
{
	(void)c;
	(void)o;
	carried++;
	if (finishes)
		sk_order_finished(q, true, "fine");
}

static void open_queue(void)
{
	const struct sk_order_hooks hooks = {
	    .now = h_now, .get = h_get, .set = h_set, .record = h_record, .carry_out = h_carry};

	cr_assert_eq(sk_order_queue_new(loop, &hooks, &q), 0);
}

static void setup(void)
{
	cr_assert_geq(sd_event_new(&loop), 0);
	now = T0;
	finishes = true;
	open_queue();
}

static void teardown(void)
{
	sk_order_queue_free(q);
	sd_event_unref(loop);
}

TestSuite(agent_orders, .init = setup, .fini = teardown);

static json_t *order(int64_t number)
{
	struct sk_order o = {.number = number, .kind = SK_ORDER_CHECK, .issued = T0, .until = T0 + 60000};

	snprintf(o.id, sizeof o.id, "11111111-2222-4333-8444-%012d", (int)number);
	sk_text_copy(o.by, sizeof o.by, "desk");
	sk_text_copy(o.reason, sizeof o.reason, "why");
	return sk_order_json(&o);
}

static int take(json_t *list)
{
	json_t *body = json_pack("{s:o}", "orders", list);
	int r = sk_order_queue_take(q, body, NULL);

	json_decref(body);
	for (int i = 0; i < 20; i++)
		sd_event_run(loop, 0);
	return r;
}

Test(agent_orders, each_once_in_order_of_its_number)
{
	cr_assert_eq(take(json_pack("[o, o]", order(2), order(1))), 0);
	cr_expect_str_eq(record_of, "taken:1:- done:1:done taken:2:- done:2:done ");
	cr_assert_eq(take(json_pack("[o, o]", order(2), order(1))), 0);
	cr_expect_eq(carried, 2, "the same bundle again does nothing");
	sk_order_queue_free(q);
	open_queue();
	cr_assert_eq(take(json_pack("[o, o]", order(2), order(1))), 0);
	cr_expect_eq(carried, 2, "nor after a restart");
}

Test(agent_orders, one_runs_at_a_time)
{
	finishes = false;
	cr_assert_eq(take(json_pack("[o, o]", order(1), order(2))), 0);
	cr_expect_eq(carried, 1);
	cr_assert_not_null(sk_order_running(q));
	sk_order_finished(q, false, "no");
	for (int i = 0; i < 5; i++)
		sd_event_run(loop, 0);
	cr_expect_eq(carried, 2);
	cr_expect_str_eq(record_of, "taken:1:- done:1:failed taken:2:- ");
	sk_order_finished(q, true, "");
	sk_order_finished(q, true, "nothing runs: says nothing");
	cr_expect_not_null(strstr(record_of, "done:2:done"));
}

Test(agent_orders, never_after_its_time)
{
	now = T0 + 60000;
	cr_assert_eq(take(json_pack("[o]", order(1))), 0);
	cr_expect_eq(carried, 0);
	cr_expect_str_eq(record_of, "done:1:expired ");
}

Test(agent_orders, begun_and_cut_off_is_begun_once_more)
{
	finishes = false;
	for (int i = 0; i < 4; i++) {
		take(json_pack("[o]", order(1)));
		sk_order_queue_free(q);
		open_queue();
	}
	cr_expect_eq(carried, 2);
	cr_expect_not_null(strstr(record_of, "done:1:failed"));
}

Test(agent_orders, nothing_happens_off_the_record)
{
	record_fails = 1;
	take(json_pack("[o]", order(1)));
	cr_expect_eq(carried, 0);
	record_fails = 0;
	sk_order_queue_retry(q);
	for (int i = 0; i < 5; i++)
		sd_event_run(loop, 0);
	cr_expect_eq(carried, 1);
}

Test(agent_orders, a_bad_list_and_bad_memory)
{
	cr_expect_lt(take(json_pack("[o, i]", order(1), 3)), 0);
	cr_expect_eq(carried, 0, "whole or nothing");
	sk_order_queue_free(q);
	strcpy(done_value, "{\"not\":\"a list\"");
	strcpy(begun_value, "rubbish");
	open_queue();
	cr_assert_eq(take(json_pack("[o]", order(1))), 0);
	cr_expect_eq(carried, 1);
	cr_assert_eq(sk_order_queue_take(q, NULL, NULL), 0);
}
