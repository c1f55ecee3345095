/* The sentence for the clerk: says what, why and what to do, for every reason, in both languages. */
#include "common/buf.h"
#include "common/i18n.h"
#include "tests/unit/policy_help.h"

#define RULES \
	"[rule keys]\nkind = input\naction = allow\n[rule media]\nkind = storage image\naction = grant\n" \
	"[rule no]\nkind = printer\naction = deny\nreason_ja = 印刷は集中印刷機で。\nreason_en = Print on the shared " \
	"printers.\n"

static char said[4096];

static const char *say(const struct sk_policy *p, const struct sk_device *d, const struct sk_verdict *v, int lang)
{
	struct sk_buf b;

	sk_buf_init(&b, sizeof(said) - 1);
	sk_verdict_sentence(p, d, v, lang, &b);
	cr_assert_eq(sk_buf_error(&b), 0);
	cr_assert(sk_text_is_utf8(b.data, b.len));
	sk_text_copy(said, sizeof(said), b.data);
	sk_buf_deinit(&b);
	cr_assert_null(strchr(said, '%'), "a place was not filled in: %s", said);
	return said;
}

static const char *about(const char *dump, enum sk_access access, sk_ms shift)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_context c = help_context();
	struct sk_grants *g = NULL;
	struct sk_device d;
	struct sk_verdict v;

	help_device(dump, "S1", &d);
	if (access != SK_ACCESS_NONE)
		g = help_grant(&d, access);
	c.now += shift;
	sk_decide(p, g, &d, &c, &v);
	say(p, &d, &v, SK_LANG_EN);
	sk_grants_free(g);
	sk_policy_free(p);
	return said;
}

static void has(const char *text, const char *part)
{
	cr_expect(strstr(text, part), "\"%s\" is not in: %s", part, text);
}

Test(sentence, refused_medium_says_how_to_ask)
{
	const char *t = about("stick-kingston-dt100", SK_ACCESS_NONE, 0);

	has(t, "The medium \"Maker Model\" was not opened.");
	has(t, "There is no permit for it.");
	has(t, "sekimori request media --device 1-2");
	has(t, "the desk");
}

Test(sentence, permit_ended_or_not_begun)
{
	char local[32];

	sk_clock_format_local(HELP_NOW + 1800000, local, sizeof(local));
	has(about("stick-kingston-dt100", SK_ACCESS_RO, 3600000), local);
	has(said, "ended at");
	has(said, "sekimori request media --device 1-2");
	sk_clock_format_local(HELP_NOW - 1800000, local, sizeof(local));
	has(about("stick-kingston-dt100", SK_ACCESS_RO, -3600000), local);
	has(said, "begins at");
}

Test(sentence, permitted_says_until_when)
{
	char local[32];

	sk_clock_format_local(HELP_NOW + 1800000, local, sizeof(local));
	has(about("stick-kingston-dt100", SK_ACCESS_RW, 0), "open for reading only");
	has(said, local);
}

Test(sentence, partly_refused)
{
	const char *t = about("hostile-keyboard-storage", SK_ACCESS_NONE, 0);

	has(t, "works as: keyboard, mouse or other input device");
	has(t, "Refused is its part: storage medium");
	has(t, "sekimori request media");
}

Test(sentence, a_rule_speaks_for_itself)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_context c = help_context();
	struct sk_device d;
	struct sk_verdict v;

	help_device("printer-brother-laser", "", &d);
	sk_decide(p, NULL, &d, &c, &v);
	has(say(p, &d, &v, SK_LANG_EN), "Print on the shared printers.");
	cr_assert_null(strstr(said, "This kind of device"));
	has(said, "ask the desk");
	has(say(p, &d, &v, SK_LANG_JA), "印刷は集中印刷機で。");
	has(said, "窓口");
	sk_policy_free(p);
}

/* A rule's own reason stands for a refusal by the rule and for a missing permit; what happened to a permit is said in its own words. */
Test(sentence, what_happened_to_the_permit_is_said)
{
	struct sk_policy *p =
	    help_policy("[rule media]\nkind = storage\naction = grant\nreason_en = Ask first.\nreason_ja = 申請。\n");
	struct sk_context c = help_context();
	struct sk_device d;
	struct sk_grants *g;
	struct sk_verdict v;

	help_device("stick-kingston-dt100", "", &d);
	g = help_grant(&d, SK_ACCESS_RO);
	sk_decide(p, NULL, &d, &c, &v);
	has(say(p, &d, &v, SK_LANG_EN), "Ask first.");
	c.now += 3600000;
	sk_decide(p, g, &d, &c, &v);
	has(say(p, &d, &v, SK_LANG_EN), "ended at");
	cr_assert_null(strstr(said, "Ask first."));
	sk_grants_free(g);
	sk_policy_free(p);
}

Test(sentence, hostile_devices_are_handed_in)
{
	has(about("hostile-keyboard-alt-storage", SK_ACCESS_NONE, 0), "hides storage");
	has(said, "hand it to the desk");
	has(about("bad-length-zero", SK_ACCESS_NONE, 0), "no working device");
	has(said, "was refused");
	has(about("camera-canon-ptp", SK_ACCESS_RO, 0), "card reader");
	has(about("keyboard-dell-kb216", SK_ACCESS_NONE, 0), "may be used.");
}

/* Set by the agent after the decision. */
Test(sentence, changed_device)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_device d;
	struct sk_verdict v = {.reason = SK_REASON_CHANGED};

	help_device("stick-kingston-dt100", "", &d);
	has(say(p, &d, &v, SK_LANG_EN), "changed what it says");
	has(say(NULL, &d, &v, SK_LANG_EN), "the helpdesk");
	sk_policy_free(p);
}

Test(sentence, nameless_device)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_context c = help_context();
	struct sk_device d;
	struct sk_verdict v;

	help_device("stick-kingston-dt100", "", &d);
	d.vendor[0] = d.product[0] = '\0';
	sk_decide(p, NULL, &d, &c, &v);
	has(say(p, &d, &v, SK_LANG_EN), "\"storage medium 0951:1666\"");
	sk_policy_free(p);
}

/* A device's name is not a text to be filled in, nor is its length a problem. */
Test(sentence, hostile_name)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_context c = help_context();
	struct sk_device d;
	struct sk_verdict v;
	struct sk_buf b;

	help_device("stick-kingston-dt100", "", &d);
	memset(d.product, 'x', sizeof(d.product) - 1);
	sk_text_copy(d.vendor, sizeof(d.vendor), "%2%s%n%1");
	sk_decide(p, NULL, &d, &c, &v);
	sk_buf_init(&b, 4096);
	sk_verdict_sentence(p, &d, &v, SK_LANG_EN, &b);
	has(b.data, "\"%2%s%n%1 xxxx");
	sk_buf_deinit(&b);
	sk_buf_init(&b, 20); /* no room: cut, not broken */
	sk_verdict_sentence(p, &d, &v, SK_LANG_EN, &b);
	cr_assert_leq(b.len, 20);
	sk_buf_deinit(&b);
	sk_policy_free(p);
}

Test(sentence, every_reason_says_something)
{
	struct sk_policy *p = help_policy(RULES);
	struct sk_device d;

	help_device("stick-kingston-dt100", "", &d);
	for (unsigned r = 0; r <= SK_REASON_NO_READ_ONLY + 1u; r++) {
		struct sk_verdict v = {.reason = r, .n_ifaces = 1, .ifaces = {{.kind = SK_USB_STORAGE, .reason = r}}};

		cr_assert_gt(strlen(say(p, &d, &v, SK_LANG_EN)), 20);
		cr_assert_gt(strlen(say(p, &d, &v, SK_LANG_JA)), 20);
		cr_assert_gt(strlen(say(p, &d, &v, 99)), 20);
	}
	sk_policy_free(p);
}
