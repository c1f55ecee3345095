/* What the person is told: the right events, in both languages, without a control character of anybody's. */
#include "agent/notify.h"
#include "tests/unit/agent_help.h"

static char plain_seen[3000], full_seen[3000];
static int told;

static void tell(void *ctx, const char *plain, const char *full)
{
	(void)ctx;
	told++;
	snprintf(plain_seen, sizeof plain_seen, "%s", plain);
	snprintf(full_seen, sizeof full_seen, "%s", full);
}

static struct sk_notices n;

static void setup(void)
{
	cr_assert_eq(sk_notices_init(&n, SK_LANG_JA), 0);
	n.tell = tell;
}

static void teardown(void)
{
	sk_notices_deinit(&n);
}

static void notify(const char *kind, json_t *body)
{
	json_t *notice = sk_notice(kind, body);

	cr_assert_not_null(body);
	sk_notify(&n, notice, 1000);
	json_decref(notice);
	json_decref(body);
}

Test(notify, a_refusal_in_the_words_of_the_decision, .init = setup, .fini = teardown)
{
	notify("device.decided", json_pack("{s:s, s:s, s:s}", "verdict", "deny", "sentence_ja", "開きませんでした。",
	                                   "sentence_en", "It was not opened."));
	cr_assert_eq(told, 1);
	cr_assert_neq(strstr(full_seen, "開きませんでした。"), NULL);
	cr_assert_neq(strstr(plain_seen, "It was not opened."), NULL, "a console without Japanese gets English");
	cr_assert_null(strstr(plain_seen, "関守"));
	cr_assert_eq(json_array_size(n.ring), 1);
}

Test(notify, a_keyboard_that_works_is_nothing_to_read_about, .init = setup, .fini = teardown)
{
	notify("device.decided", json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "verdict", "allow", "sentence_ja", "x",
	                                   "sentence_en", "x", "interfaces", "verdict", "allow"));
	cr_assert_eq(told, 0);
	notify("device.decided",
	       json_pack("{s:s, s:s, s:s, s:[{s:s},{s:s}]}", "verdict", "allow", "sentence_ja", "x", "sentence_en",
	                 "its storage is refused", "interfaces", "verdict", "allow", "verdict", "deny"));
	cr_assert_eq(told, 1, "but a part that is refused is");
	for (const char *const *k = (const char *const[]){"device.removed", "policy.applied", "daemon.started",
	                                                  "check.changed", "unheard.of", NULL};
	     *k; k++)
		notify(*k, json_object());
	cr_assert_eq(told, 1);
}

Test(notify, hostile_names_reach_no_console, .init = setup, .fini = teardown)
{
	notify("grant.ended", json_pack("{s:s, s:s, s:s}", "device", "1-2", "vendor", "\x1b]0;pwned\x07", "product",
	                                "a\r\nroot:x:\xe2\x80\xae"));
	cr_assert_eq(told, 1);
	for (const char *p = full_seen; *p; p++)
		cr_assert((unsigned char)*p >= 0x20 || *p == '\r' || *p == '\n');
	cr_assert_null(strstr(full_seen, "\r\nroot"));
	cr_assert_null(strstr(full_seen, "\xe2\x80\xae"));
}

Test(notify, a_text_without_end_is_cut, .init = setup, .fini = teardown)
{
	char *large = calloc(1, 100001);

	memset(large, 'x', 100000);
	notify("device.decided",
	       json_pack("{s:s, s:s, s:s}", "verdict", "deny", "sentence_ja", large, "sentence_en", large));
	notify("grant.ended", json_pack("{s:s, s:s}", "device", "1-2", "product", large));
	notify("request.answered", json_pack("{s:s, s:s, s:i}", "state", "refused", "reason", large, "number", 1));
	cr_assert_lt(strlen(full_seen), sizeof full_seen - 1);
	free(large);
}

Test(notify, the_ring_is_bounded, .init = setup, .fini = teardown)
{
	for (int i = 0; i < SK_NOTICES + 5; i++)
		notify("grant.ended", json_pack("{s:s}", "device", "1-2"));
	cr_assert_eq(json_array_size(n.ring), SK_NOTICES);
}

Test(notify, answers_to_requests, .init = setup, .fini = teardown)
{
	notify("request.answered",
	       json_pack("{s:s, s:s, s:i}", "state", "refused", "reason", "no need shown", "number", 12));
	cr_assert_neq(strstr(plain_seen, "12"), NULL);
	cr_assert_neq(strstr(plain_seen, "no need shown"), NULL);
	notify("request.answered", json_pack("{s:s}", "state", "no such state"));
	cr_assert_eq(told, 1);
}
