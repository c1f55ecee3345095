/* Events waiting in memory: order, bounds, and what is counted when there is no room. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/event_queue.h"

Test(event_queue, keeps_order_and_contents)
{
	struct sk_event_queue q = {0};

	cr_assert_eq(sk_event_queue_push(&q, 1, "a", "{\"x\":1}", 7), 0);
	cr_assert_eq(sk_event_queue_push(&q, 2, "b", "", 0), 0);
	cr_assert_eq(q.n, 2);
	cr_assert_str_eq(q.first->kind, "a");
	cr_assert_str_eq(q.first->body, "{\"x\":1}");
	cr_assert_eq(q.first->body_len, 7);
	cr_assert_eq(q.first->next->time, 2);
	sk_event_queue_clear(&q);
	cr_assert_null(q.first);
	cr_assert_eq(sk_event_queue_push(&q, 3, "c", "{}", 2), 0, "usable again");
	cr_assert_str_eq(q.first->kind, "c");
	sk_event_queue_clear(&q);
}

Test(event_queue, the_oldest_stay_and_the_rest_is_counted)
{
	struct sk_event_queue q = {0};

	for (int i = 0; i < SK_QUEUE_EVENTS; i++)
		cr_assert_eq(sk_event_queue_push(&q, i, "k", "{}", 2), 0);
	cr_assert_eq(sk_event_queue_push(&q, 5000, "k", "{}", 2), -ENOBUFS);
	cr_assert_eq(sk_event_queue_push(&q, 6000, "k", "{}", 2), -ENOBUFS);
	cr_assert_eq(q.dropped, 2);
	cr_assert_eq(q.dropped_first, 5000);
	cr_assert_eq(q.dropped_last, 6000);
	cr_assert_eq(q.first->time, 0);
	sk_event_queue_clear(&q);
	cr_assert_eq(q.dropped, 0);
}

Test(event_queue, is_bounded_in_bytes)
{
	struct sk_event_queue q = {0};
	char *large = calloc(1, SK_EVENT_BODY_MAX);
	int r = 0, n = 0;

	memset(large, 'x', SK_EVENT_BODY_MAX);
	for (; n < SK_QUEUE_EVENTS && r == 0; n++)
		r = sk_event_queue_push(&q, n, "k", large, SK_EVENT_BODY_MAX);
	cr_assert_eq(r, -ENOBUFS);
	cr_assert_leq(q.bytes, SK_QUEUE_BYTES);
	sk_event_queue_clear(&q);
	free(large);
}
