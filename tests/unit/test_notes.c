/* One notification for one event, no storm, and nothing a notification daemon or sekimorid could say that does harm. */
#include "agent/notes.h"
#include "tests/unit/agent_help.h"

static struct sk_notes n;

static struct sk_note *take(json_t *notice, sk_ms now)
{
	struct sk_note *x;

	cr_assert_not_null(notice);
	x = sk_notes_take(&n, notice, now);
	json_decref(notice);
	return x;
}

static json_t *refused(const char *key)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "kind", "device.decided", "device", "1-2",
	                 "device_key", key, "reason", "no-grant", "rule", "media", "text_ja", "開きませんでした。",
	                 "text_en", "Not opened.", "ask", 1);
}

Test(notes, a_refusal_names_its_rule_and_can_be_asked_about)
{
	struct sk_note *x = take(refused("k"), 1000);

	cr_assert_not_null(x);
	cr_assert(x->ask);
	cr_assert_str_eq(x->device, "1-2");
	cr_assert_str_eq(x->body, "Not opened.\nRule: media");
}

Test(notes, the_same_within_a_minute_counts_up_in_the_one_that_stands)
{
	struct sk_note *x = take(refused("k"), 1000), *y;

	sk_notes_shown(&n, sk_notes_tag(&n, x), 7);
	y = take(refused("k"), 30000);
	cr_assert_eq(x, y);
	cr_assert_eq(y->id, 7);
	cr_assert_not_null(strstr(y->body, "2 times"));
	y = take(refused("k"), 200000);
	cr_assert_eq(y->id, 0, "later it is a new event");
	cr_assert_null(strstr(y->body, "times"));
}

Test(notes, another_device_is_another_notification)
{
	cr_assert_neq(take(refused("k"), 1000), take(refused("l"), 1000));
}

Test(notes, a_hundred_devices_are_no_storm)
{
	int shown = 0;
	char key[16];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "k%d", i);
		shown += take(refused(key), 1000 + i) != NULL;
	}
	cr_assert_leq(shown, 8 + 7, "a burst, then one line that is written at each doubling: %d", shown);
	cr_assert_not_null(take(refused("later"), 200000));
}

Test(notes, what_must_be_read_is_not_counted_away)
{
	char key[16];

	for (int i = 0; i < 50; i++) {
		snprintf(key, sizeof key, "k%d", i);
		take(refused(key), 1000);
	}
	struct sk_note *x = take(json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", "grant.warned", "device", "1-2",
	                                   "text_ja", "x", "text_en", "It ends.", "left_s", 290),
	                         1000);
	cr_assert_not_null(x);
	cr_assert(x->urgent);
	cr_assert_not_null(strstr(x->body, "5 minutes left"));
}

Test(notes, identifiers_are_looked_up_and_nothing_else)
{
	struct sk_note *x = take(refused("k"), 1000), *y = take(refused("l"), 1000);

	sk_notes_shown(&n, 4000000000u, 1);
	sk_notes_shown(&n, 31, 1);
	cr_assert_null(sk_notes_by_id(&n, 1));
	cr_assert_null(sk_notes_by_id(&n, 0));
	sk_notes_shown(&n, sk_notes_tag(&n, x), 5);
	sk_notes_shown(&n, sk_notes_tag(&n, y), 5);
	cr_assert_eq(sk_notes_by_id(&n, 5), y, "given twice it can only mean the newer one");
	cr_assert_eq(x->id, 0);
	sk_notes_closed(&n, 999);
	sk_notes_closed(&n, 5);
	cr_assert_null(sk_notes_by_id(&n, 5));
}

Test(notes, hostile_contents)
{
	char *large = calloc(1, 100001);
	struct sk_note *x;

	memset(large, 'x', 100000);
	cr_assert_null(take(json_object(), 1));
	cr_assert_null(take(json_array(), 1));
	cr_assert_null(take(json_pack("{s:i, s:i}", "kind", 5, "text_en", 7), 1));
	x = take(json_pack("{s:s, s:s, s:s, s:s, s:I}", "kind", large, "device", large, "text_en", large, "rule", large,
	                   "count", INT64_MAX),
	         1);
	cr_assert_not_null(x);
	cr_assert_lt(strlen(x->body), sizeof x->body);
	x = take(json_pack("{s:s, s:s, s:s}", "kind", "device.decided", "device", "1\n2\xe2\x80\xae", "text_en", "t"),
	         1);
	cr_assert_null(strchr(x->device, '\n'));
	free(large);
}

Test(notes, more_than_fit_take_the_place_of_the_oldest)
{
	char key[16];

	for (int i = 0; i < 300; i++) {
		snprintf(key, sizeof key, "k%d", i);
		cr_assert_not_null(take(refused(key), 20000LL * (i + 1)));
	}
}
