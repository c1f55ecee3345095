/* Who is given which notice, once, and how little a subscriber can make sekimorid keep. */
#include "agent/watch.h"
#include "tests/unit/agent_help.h"

static struct sk_watch *w;
static json_t *came[64];
static bool gone[64];

static void answer(void *ctx, uint64_t client, json_t *a)
{
	(void)ctx;
	json_decref(came[client]);
	came[client] = a;
}

static bool connected(void *ctx, uint64_t client)
{
	(void)ctx;
	return !gone[client];
}

static void setup(void)
{
	const struct sk_watch_hooks h = {.answer = answer, .connected = connected};

	cr_assert_eq(sk_watch_new(&h, &w), 0);
}

static void teardown(void)
{
	for (int i = 0; i < 64; i++)
		json_decref(came[i]);
	sk_watch_free(w);
}

static json_t *ask(uint64_t client, const char *person, bool active, const json_t *before)
{
	return sk_watch_ask(
	    w,
	    &(struct sk_watch_question){.client = client,
	                                .uid = 1000 + (uid_t)person[0],
	                                .person = person,
	                                .active = active,
	                                .stream = before ? json_string_value(json_object_get(before, "stream")) : NULL,
	                                .after = before ? json_integer_value(json_object_get(before, "next")) : 0},
	    1000);
}

static void put(const char *person, int number, sk_ms at)
{
	sk_watch_put(w, person, json_pack("{s:i}", "n", number), false, at);
}

static int count(const json_t *a)
{
	return (int)json_array_size(json_object_get(a, "notices"));
}

static int first(const json_t *a)
{
	return (int)json_integer_value(json_object_get(json_array_get(json_object_get(a, "notices"), 0), "n"));
}

Test(watch, a_question_stands_until_there_is_something, .init = setup, .fini = teardown)
{
	cr_assert_null(ask(1, "clerk", true, NULL));
	put("other", 1, 1000);
	cr_assert_null(came[1], "another person's is not theirs");
	put("clerk", 2, 1000);
	cr_assert_eq(count(came[1]), 1);
	cr_assert_eq(first(came[1]), 2);
	put("clerk", 3, 1000);
	cr_assert_eq(first(came[1]), 2, "one answer to one question");
	json_t *a = ask(1, "clerk", true, came[1]);
	cr_assert_eq(count(a), 1);
	cr_assert_eq(first(a), 3);
	cr_assert_null(ask(1, "clerk", true, a));
	json_decref(a);
}

Test(watch, what_came_before_is_told_once_and_not_when_stale, .init = setup, .fini = teardown)
{
	json_t *a;

	put("clerk", 1, -2000000);
	sk_watch_put(w, "away", json_pack("{s:i, s:s}", "n", 9, "state", "refused"), false, -2000000);
	put("clerk", 2, 900);
	put("", 3, 900);
	put("other", 4, 900);
	sk_watch_put(w, "clerk", json_pack("{s:i}", "n", 5), true, 900);
	a = ask(1, "clerk", true, NULL);
	cr_assert_eq(first(a), 2);
	json_decref(a);
	a = ask(7, "away", false, NULL);
	cr_assert_eq(first(a), 9, "an answer to a request waits longer");
	json_decref(a);
	cr_assert_null(ask(2, "clerk", true, NULL), "a second desktop does not hear it again");
}

Test(watch, a_slow_reader_loses_the_oldest_and_is_told, .init = setup, .fini = teardown)
{
	json_t *a, *b;

	put("clerk", 0, 1000);
	a = ask(1, "clerk", true, NULL);
	for (int i = 1; i <= 100; i++)
		put("clerk", i, 1000);
	b = ask(1, "clerk", true, a);
	cr_assert(json_is_true(json_object_get(b, "lost")));
	cr_assert_eq(count(b), SK_WATCH_BATCH);
	cr_assert_eq(first(b), 37);
	json_decref(a);
	a = ask(1, "clerk", true, b);
	cr_assert(json_is_false(json_object_get(a, "lost")));
	cr_assert_eq(first(a), 37 + SK_WATCH_BATCH);
	json_decref(a);
	json_decref(b);
}

Test(watch, lies_about_the_place_begin_anew, .init = setup, .fini = teardown)
{
	json_t *lie = json_pack("{s:s, s:I}", "stream", "0000", "next", (json_int_t)1 << 60), *a;

	put("clerk", 1, 1000);
	a = ask(1, "clerk", true, lie);
	cr_assert_eq(first(a), 1);
	json_object_set(lie, "stream", json_object_get(a, "stream"));
	json_decref(a);
	cr_assert_null(ask(1, "clerk", true, lie));
	json_decref(lie);
}

Test(watch, places_are_bounded_and_come_back, .init = setup, .fini = teardown)
{
	json_t *a;

	cr_assert_null(ask(1, "clerk", true, NULL));
	cr_assert_null(ask(2, "clerk", true, NULL));
	a = ask(3, "clerk", true, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(a, "code")), "busy");
	json_decref(a);
	a = ask(1, "clerk", true, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(a, "code")), "invalid", "one question at a time");
	json_decref(a);
	cr_assert(sk_watch_listens(w, "clerk"));
	cr_assert_not(sk_watch_listens(w, ""));
	gone[1] = gone[2] = true;
	cr_assert_not(sk_watch_listens(w, "clerk"));
	cr_assert_null(ask(3, "clerk", true, NULL));
	cr_assert(sk_watch_listens(w, "clerk"));
	cr_assert_not(sk_watch_listens(NULL, "clerk"));
}
