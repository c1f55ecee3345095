/* Policies: what is read, and that every mistake is refused whole with file and line. */
#include <errno.h>

#include "common/buf.h"
#include "tests/unit/policy_help.h"

#define RULE_OK "[rule a]\nkind = hub\naction = allow\n"

Test(policy, reads_everything)
{
	struct sk_policy *p = help_policy("[rule a]\n"
	                                  "kind = storage image\n"
	                                  "interface = 08/06/50 06/../.. 0E/ff/..\n"
	                                  "only = storage input\n"
	                                  "with = input\n"
	                                  "device = 1d6b:0002 0781:* ABCD:ef01\n"
	                                  "serial = ABC 123\n"
	                                  "port = 1-2 1-3.* usb1\n"
	                                  "action = grant\n"
	                                  "reason_ja = 理由\n"
	                                  "reason_en = a reason\n"
	                                  "[rule b]\nkind = hub\naction = deny\n"
	                                  "[grants]\ngrade_c = none\ngrade_b = ro\ngrade_a = rw\nwarn = 90s\n");
	const struct sk_rule *r = &p->rules[0];

	cr_assert_str_eq(p->name, "test");
	cr_assert_str_eq(p->file, "test.ini");
	cr_assert_eq(p->version, 7);
	cr_assert_eq(p->zone, SK_ZONE_INTERNET);
	cr_assert_eq(p->mode, SK_MODE_ENFORCE);
	cr_assert_str_eq(p->contact_ja, "窓口");
	cr_assert_str_eq(p->contact_en, "the desk");
	cr_assert_eq(p->n_rules, 2);
	cr_assert_str_eq(r->name, "a");
	cr_assert_eq(r->line, 9);
	cr_assert_eq(r->kinds, (unsigned)SK_USB_STORING);
	cr_assert_eq(r->only, (unsigned)(SK_USB_STORAGE | SK_USB_INPUT));
	cr_assert_eq(r->with, (unsigned)SK_USB_INPUT);
	cr_assert_eq(r->n_classes, 3);
	cr_assert(r->classes[0].cls == 8 && r->classes[0].sub == 6 && r->classes[0].proto == 0x50);
	cr_assert(r->classes[1].cls == 6 && r->classes[1].sub == -1 && r->classes[1].proto == -1);
	cr_assert(r->classes[2].cls == 0x0e && r->classes[2].sub == 0xff && r->classes[2].proto == -1);
	cr_assert_eq(r->n_models, 3);
	cr_assert(r->models[1].vid == 0x0781 && r->models[1].pid == -1);
	cr_assert(r->models[2].vid == 0xabcd && r->models[2].pid == 0xef01);
	cr_assert_str_eq(r->serial, "ABC 123");
	cr_assert_eq(r->n_ports, 3);
	cr_assert_str_eq(r->ports[1], "1-3.*");
	cr_assert_eq(r->action, SK_ACTION_GRANT);
	cr_assert_str_eq(r->reason_ja, "理由");
	cr_assert_str_eq(r->reason_en, "a reason");
	cr_assert_eq(p->grade_max[SK_GRADE_C], SK_ACCESS_NONE);
	cr_assert_eq(p->grade_max[SK_GRADE_B], SK_ACCESS_RO);
	cr_assert_eq(p->grade_max[SK_GRADE_A], SK_ACCESS_RW);
	cr_assert_eq(p->warn_s, 90);
	cr_assert(strstr(p->text, "[rule b]"));
	cr_assert_null(sk_policy_free(p));
	cr_assert_null(sk_policy_free(NULL));
}

Test(policy, defaults)
{
	struct sk_policy *p = help_policy(RULE_OK);

	cr_assert_eq(p->grade_max[SK_GRADE_C], SK_ACCESS_RO);
	cr_assert_eq(p->grade_max[SK_GRADE_B], SK_ACCESS_RW);
	cr_assert_eq(p->grade_max[SK_GRADE_A], SK_ACCESS_RW);
	cr_assert_eq(p->warn_s, 300);
	cr_assert_null(p->rules[0].serial);
	cr_assert_null(p->rules[0].reason_en);
	sk_policy_free(p);
}

/* text is refused at this line with a message that holds says; nothing is handed out. */
static void refused_text(const char *text, int line, const char *says)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	char where[32];

	snprintf(where, sizeof(where), "bad.ini:%d: ", line);
	cr_expect_eq(sk_policy_parse("bad.ini", text, strlen(text), &p, &err), -EINVAL, "taken: %s", text);
	cr_expect_null(p);
	cr_expect(strncmp(err.text, where, strlen(where)) == 0, "not at line %d: %s", line, err.text);
	cr_expect(strstr(err.text, says), "says not \"%s\": %s", says, err.text);
}

/* After a sound head of 8 lines. */
static void refused(const char *rules, int line, const char *says)
{
	char text[4096];

	snprintf(text, sizeof(text), "%s%s", HELP_HEAD, rules);
	refused_text(text, line, says);
}

Test(policy, refuses_bad_heads)
{
#define HEAD(name, version, zone, mode, dflt) \
	"[policy]\nname = " name "\nversion = " version "\nzone = " zone "\nmode = " mode "\ndefault = " dflt \
	"\n" RULE_OK
	refused_text(HEAD("t", "1", "internet", "enforce", "allow"), 6, "only \"deny\" is possible");
	refused_text(HEAD("t", "1", "internet", "enforce", "Deny"), 6, "only \"deny\" is possible");
	refused_text(HEAD("t", "0", "internet", "enforce", "deny"), 3, "version");
	refused_text(HEAD("t", "-1", "internet", "enforce", "deny"), 3, "version");
	refused_text(HEAD("t", "1.5", "internet", "enforce", "deny"), 3, "version");
	refused_text(HEAD("t", "99999999999999999999", "internet", "enforce", "deny"), 3, "version");
	refused_text(HEAD("t", "1", "intranet", "enforce", "deny"), 4, "internet lgwan my-number");
	refused_text(HEAD("t", "1", "internet", "off", "deny"), 5, "enforce audit learn");
	refused_text(HEAD("A b", "1", "internet", "enforce", "deny"), 2, "name");
	refused_text("[policy]\nversion = 1\nzone = lgwan\nmode = audit\ndefault = deny\n" RULE_OK, 1, "\"name\"");
	refused_text("[policy]\nname = t\nzone = lgwan\nmode = audit\ndefault = deny\n" RULE_OK, 1, "\"version\"");
	refused_text("[policy]\nname = t\nversion = 1\nmode = audit\ndefault = deny\n" RULE_OK, 1, "\"zone\"");
	refused_text("[policy]\nname = t\nversion = 1\nzone = lgwan\ndefault = deny\n" RULE_OK, 1, "\"mode\"");
	refused_text("[policy]\nname = t\nversion = 1\nzone = lgwan\nmode = audit\n" RULE_OK, 1, "\"default\"");
	refused_text(RULE_OK, 1, "\"name\"");
	refused_text(
	    "[policy]\nname = t\nversion = 1\nzone = lgwan\nmode = audit\ndefault = deny\nallow = all\n" RULE_OK, 7,
	    "no key of [policy]");
	refused_text("[policy]\nname = t\nname = u\nversion = 1\nzone = lgwan\nmode = audit\ndefault = deny\n" RULE_OK,
	             3, "");
#undef HEAD
}

Test(policy, new_keyboards)
{
	static const struct {
		const char *lines, *problem; /* NULL = good */
		bool confirm;
		int64_t seconds;
	} CASES[] = {{"", NULL, false, 120},
	             {"new_keyboard = allow\n", NULL, false, 120},
	             {"new_keyboard = confirm\n", NULL, true, 120},
	             {"new_keyboard = confirm\nnew_keyboard_wait = 10s\n", NULL, true, 10},
	             {"new_keyboard = confirm\nnew_keyboard_wait = 1h\n", NULL, true, 3600},
	             {"new_keyboard = ask\n", "p:7", false, 0},
	             {"new_keyboard =\n", "p:7", false, 0},
	             {"new_keyboard_wait = 9s\n", "p:7", false, 0},
	             {"new_keyboard_wait = 61m\n", "p:7", false, 0},
	             {"new_keyboard_wait = soon\n", "p:7", false, 0},
	             {"new_keyboard = allow\nnew_keyboard = confirm\n", "p:8", false, 0}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sk_err err = SK_ERR_INIT;
		struct sk_policy *p = NULL;
		char text[512];
		int r;

		(void)snprintf(text, sizeof(text),
		               "[policy]\nname = n\nversion = 1\nzone = lgwan\nmode = enforce\ndefault = deny\n%s[rule "
		               "a]\nkind = hub\n"
		               "action = allow\n",
		               CASES[i].lines);
		r = sk_policy_parse("p", text, strlen(text), &p, &err);
		cr_assert_eq(r == 0, CASES[i].problem == NULL, "%s: %s", CASES[i].lines, err.text);
		if (r == 0) {
			cr_expect_eq(p->confirm_keyboard, CASES[i].confirm);
			cr_expect_eq(p->confirm_s, CASES[i].seconds);
		} else {
			cr_expect_not_null(strstr(err.text, CASES[i].problem), "%s", err.text);
		}
		sk_policy_free(p);
	}
}

Test(policy, refuses_bad_rules)
{
	refused("", 1, "no rule");
	refused("[rule a]\nkind = hub\n", 9, "has no action");
	refused("[rule a]\naction = allow\n", 9, "would allow every device");
	refused("[rule a]\nkind = hub\naction = permit\n", 11, "not allow, deny or grant");
	refused("[rule a]\nkind = hub stick\naction = allow\n", 10, "\"stick\" is no kind");
	refused("[rule a]\nonly = Hub\naction = allow\n", 10, "\"Hub\" is no kind");
	refused("[rule a]\nwith = keyboards\naction = allow\n", 10, "is no kind");
	refused("[rule a]\ninterface = 8/6/50\naction = allow\n", 10, "not like 08/06/50");
	refused("[rule a]\ninterface = 08-06-50\naction = allow\n", 10, "not like 08/06/50");
	refused("[rule a]\ninterface = 08/06/5g\naction = allow\n", 10, "not like 08/06/50");
	refused("[rule a]\ninterface = 08/06/50/00\naction = allow\n", 10, "not like 08/06/50");
	refused("[rule a]\ninterface = **/**/**\naction = allow\n", 10, "not like 08/06/50");
	refused("[rule a]\ndevice = 46d:c31c\naction = allow\n", 10, "not like 1d6b:0002");
	refused("[rule a]\ndevice = 046d:c31\naction = allow\n", 10, "not like 1d6b:0002");
	refused("[rule a]\ndevice = 046d\naction = allow\n", 10, "not like 1d6b:0002");
	refused("[rule a]\ndevice = 046d:c31c0\naction = allow\n", 10, "not like 1d6b:0002");
	refused("[rule a]\ndevice = 0x46d:*\naction = allow\n", 10, "not like 1d6b:0002");
	refused("[rule a]\nport = front\naction = allow\n", 10, "not like 1-2.3");
	refused("[rule a]\nport = *1-2\naction = allow\n", 10, "not like 1-2.3");
	refused("[rule a]\nport = *\naction = allow\n", 10, "not like 1-2.3");
	refused("[rule a]\nport = 1-*.2\naction = allow\n", 10, "not like 1-2.3");
	refused("[rule a]\nkinds = hub\naction = allow\n", 10, "no key of a rule");
	refused("[rule A]\nkind = hub\naction = allow\n", 9, "rule name");
	refused("[rule a b]\nkind = hub\naction = allow\n", 9, "rule name");
	refused(RULE_OK RULE_OK, 12, "");
	refused("[rule a]\nkind = hub\nkind = input\naction = allow\n", 11, "");
	refused("[rules]\nkind = hub\naction = allow\n", 9, "is not known");
	refused("[rule a]\nkind =\naction = allow\n", 10, "");
	refused("[rule a]\n kind = hub\naction = allow\n", 10, "");
}

Test(policy, refuses_bad_grants_and_checks)
{
	refused(RULE_OK "[grants]\ngrade_c = write\n", 13, "none ro rw encrypted");
	refused(RULE_OK "[grants]\ngrade_d = ro\n", 13, "no key of [grants]");
	refused(RULE_OK "[grants]\nwarn = 5\n", 13, "no duration");
	refused(RULE_OK "[grants]\nwarn = 5 m\n", 13, "no duration");
	refused(RULE_OK "[grants]\nwarn = -5m\n", 13, "no duration");
	refused(RULE_OK "[grants]\nwarn = 2d\n", 13, "no duration");
	refused(RULE_OK "[grants]\nwarn = 99999999999999999999s\n", 13, "no duration");
	refused(RULE_OK "[check screen-lock]\nidle_limit = soon\n", 13, "");
	refused(RULE_OK "[check screen-lock]\nidle = 10m\n", 13, "");
	refused(RULE_OK "[check screens]\nidle_limit = 10m\n", 12, "");
}

Test(policy, bounds)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf b;

	sk_buf_init(&b, 1 << 20);
	sk_buf_adds(&b, HELP_HEAD);
	for (int i = 0; i < SK_RULES_MAX; i++)
		sk_buf_addf(&b, "[rule r%d]\nkind = hub\naction = allow\n", i);
	cr_assert_eq(sk_policy_parse("big.ini", b.data, b.len, &p, &err), 0, "%s", err.text);
	cr_assert_eq(p->n_rules, SK_RULES_MAX);
	p = sk_policy_free(p);
	sk_buf_adds(&b, "[rule last]\nkind = hub\naction = allow\n");
	cr_assert_eq(sk_policy_parse("big.ini", b.data, b.len, &p, &err), -EINVAL);
	cr_assert(strstr(err.text, "big.ini:6009: more than 2000 rules"), "%s", err.text);
	cr_assert_null(p);
	sk_buf_reset(&b);
	sk_buf_adds(&b, HELP_HEAD "[rule a]\naction = deny\ndevice =");
	for (int i = 0; i < SK_RULE_LIST; i++)
		sk_buf_addf(&b, " %04x:*", i);
	cr_assert_eq(sk_policy_parse("a.ini", b.data, b.len, &p, &err), 0, "%s", err.text);
	p = sk_policy_free(p);
	sk_buf_adds(&b, " ffff:*");
	cr_assert_eq(sk_policy_parse("a.ini", b.data, b.len, &p, &err), -EINVAL);
	cr_assert(strstr(err.text, "more than 16"), "%s", err.text);
	sk_buf_deinit(&b);
}

/* The trap of the parser underneath: a tail cut off a long line must not become a key. */
Test(policy, long_line_makes_no_key)
{
	char text[1024], filler[256];

	memset(filler, 'x', sizeof(filler));
	snprintf(text, sizeof(text), "%s%s[rule b]\naction = deny\nreason_en = %.192saction = allow\n", HELP_HEAD,
	         RULE_OK, filler);
	refused_text(text, 14, "180");
}

Test(policy, load_says_which_file)
{
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;

	cr_assert_lt(sk_policy_load("/nonexistent/policy.ini", &p, &err), 0);
	cr_assert(strstr(err.text, "/nonexistent/policy.ini"), "%s", err.text);
	cr_assert_lt(sk_policy_load("/dev/null", &p, &err), 0);
	cr_assert_null(p);
}

Test(policy, failsafe_admits_hubs_and_input_alone)
{
	struct sk_policy *p = sk_policy_failsafe();
	struct sk_context c = help_context();
	static const struct {
		const char *dump;
		bool allow;
	} t[] = {{"hub-root-2.0", true},
	         {"keyboard-dell-kb216", true},
	         {"mouse-logitech-b100", true},
	         {"hostile-keyboard-storage", false},
	         {"hostile-keyboard-config-storage", false},
	         {"headset-jabra", false},
	         {"stick-kingston-dt100", false},
	         {"printer-brother-laser", false}};

	cr_assert_not_null(p);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sk_device d;
		struct sk_grants *g;
		struct sk_verdict v;

		help_device(t[i].dump, "S", &d);
		g = help_grant(&d, SK_ACCESS_RW);
		sk_decide(p, g, &d, &c, &v);
		cr_assert_eq(v.allow, t[i].allow, "%s", t[i].dump);
		sk_grants_free(g);
	}
	sk_policy_free(p);
}

Test(policy, profiles_are_sound_and_quiet)
{
	static const struct {
		const char *path;
		enum sk_zone zone;
		bool video;
	} t[] = {{"policy/profiles/internet.ini", SK_ZONE_INTERNET, true},
	         {"policy/profiles/lgwan.ini", SK_ZONE_LGWAN, false},
	         {"policy/profiles/my-number.ini", SK_ZONE_MY_NUMBER, false},
	         {"policy/profiles/default.ini", SK_ZONE_INTERNET, false}};
	struct sk_context c = help_context();

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct sk_policy *p = NULL;
		struct sk_err err = SK_ERR_INIT;
		struct sk_device stick, keyboard, camera, modem;
		struct sk_verdict v;
		struct sk_buf b;

		sk_buf_init(&b, 4096);
		cr_assert_eq(sk_policy_load(t[i].path, &p, &err), 0, "%s", err.text);
		cr_assert_eq(p->zone, t[i].zone);
		cr_assert_eq(p->mode, SK_MODE_ENFORCE);
		cr_assert_eq(sk_policy_warnings(p, &b), 0, "%s", b.data);
		for (size_t k = 0; k < p->n_rules; k++)
			cr_assert(p->rules[k].reason_ja && p->rules[k].reason_en, "%s: %s", t[i].path,
			          p->rules[k].name);
		help_device("stick-kingston-dt100", "S", &stick);
		help_device("keyboard-dell-kb216", "", &keyboard);
		help_device("webcam-logitech-c270", "", &camera);
		help_device("phone-android-tether", "", &modem);
		sk_decide(p, NULL, &stick, &c, &v);
		cr_assert(!v.allow && v.reason == SK_REASON_NO_GRANT, "%s", t[i].path);
		sk_decide(p, NULL, &keyboard, &c, &v);
		cr_assert(v.allow, "%s", t[i].path);
		sk_decide(p, NULL, &camera, &c, &v);
		cr_assert_eq(v.ifaces[0].allow, t[i].video, "%s", t[i].path);
		sk_decide(p, NULL, &modem, &c, &v);
		cr_assert_not(v.allow, "%s", t[i].path);
		sk_buf_deinit(&b);
		sk_policy_free(p);
	}
}

static void warns(const char *rules, int count, const char *says)
{
	struct sk_policy *p = help_policy(rules);
	struct sk_buf b;

	sk_buf_init(&b, 65536);
	cr_expect_eq(sk_policy_warnings(p, &b), count, "%s -> %s", rules, b.data);
	cr_expect(strstr(b.data, says), "%s -> %s", rules, b.data);
	sk_buf_deinit(&b);
	sk_policy_free(p);
}

Test(policy, warns_of_shadowed_rules)
{
	warns("[rule a]\nkind = hub input\naction = allow\n[rule b]\nkind = input\naction = deny\n", 1,
	      "test.ini:12: rule \"b\" is never reached: rule \"a\" (line 9)");
	warns("[rule a]\nkind = input\naction = allow\n[rule b]\nkind = hub input\naction = deny\n", 0, "");
	warns("[rule a]\naction = deny\n[rule b]\nkind = hub\naction = allow\n", 1, "never reached");
	warns("[rule a]\ndevice = 046d:*\naction = deny\n[rule b]\ndevice = 046d:c31c\naction = allow\n", 1,
	      "never reached");
	warns("[rule a]\ndevice = 046d:c31c\naction = deny\n[rule b]\ndevice = 046d:*\naction = allow\n", 0, "");
	warns("[rule a]\ninterface = 03/../..\naction = deny\n[rule b]\ninterface = 03/01/01\naction = allow\n", 1,
	      "never reached");
	warns("[rule a]\nport = 1-2*\naction = deny\n[rule b]\nport = 1-2.* 1-2.4\naction = allow\n", 1,
	      "never reached");
	warns("[rule a]\nport = 1-2.*\naction = deny\n[rule b]\nport = 1-2\naction = allow\n", 0, "");
	warns("[rule a]\nkind = hub\nserial = 1\naction = deny\n[rule b]\nkind = hub\naction = allow\n", 0, "");
	warns("[rule a]\nkind = hub\naction = deny\n[rule b]\nkind = hub\nserial = 1\naction = allow\n", 1,
	      "never reached");
	warns("[rule a]\nkind = input\nonly = input\naction = allow\n[rule b]\nkind = input\naction = deny\n", 0, "");
	warns("[rule a]\nkind = input\nwith = storage audio\naction = deny\n[rule b]\nkind = input\nwith = "
	      "storage\naction = allow\n",
	      1, "never reached");
	/* What the first rule asks and the second does not, leaves something over. */
	warns("[rule a]\ninterface = 03/01/..\naction = deny\n[rule b]\nkind = input\naction = allow\n", 0, "");
	warns("[rule a]\nkind = input\ndevice = 046d:*\naction = deny\n[rule b]\nkind = input\naction = allow\n", 0,
	      "");
	warns("[rule a]\nkind = input\nport = 1-2\naction = deny\n[rule b]\nkind = input\naction = allow\n", 0, "");
	warns("[rule a]\nkind = input\nwith = storage\naction = deny\n[rule b]\nkind = input\naction = allow\n", 0, "");
	/* An allow rule without a kind does not reach media, so a later rule for media is not shadowed by it. */
	warns("[rule a]\ndevice = 0781:*\naction = allow\n[rule b]\nkind = storage\ndevice = 0781:*\naction = grant\n",
	      0, "");
}

Test(policy, warns_of_openings)
{
	warns("[rule a]\nkind = storage\ndevice = 0781:5581\naction = allow\n", 1, "without a permit");
	warns("[rule a]\ninterface = 08/06/50\naction = allow\n", 1, "does not allow storage");
	warns("[rule a]\nkind = hub\nonly = input\naction = allow\n", 1, "can never match");
	warns("[rule a]\nkind = input\nonly = input\nwith = storage\naction = allow\n", 1, "can never match");
	warns(RULE_OK "[grants]\ngrade_c = rw\n", 1, "grade_c = rw");
}

Test(policy, warns_of_rules_that_never_match)
{
	warns("[rule a]\nkind = hub\nzone = lgwan\naction = allow\n", 1, "other zones");
	warns("[rule a]\nkind = hub\ndays = mon\nfrom = 2026-04-01\nuntil = 2026-04-03\naction = allow\n", 1,
	      "none of its days");
	warns("[rule a]\nkind = input\nencryption = luks\naction = allow\n", 1, "none of its kinds has one");
	warns("[rule a]\nkind = storage input\nencryption = luks\naction = grant\n", 0, "");
	warns("[rule a]\nkind = input\ninterface = 07/01/..\naction = allow\n", 1, "no interface of the classes");
	warns("[rule a]\nkind = storage\ninterface = 03/../..\naction = deny\n", 0, "");
	warns("[rule a]\nkind = input\ninterfaces_only = 03/../..\ninterfaces_all = 08/../..\naction = allow\n", 1,
	      "interfaces_only");
	warns(
	    "[rule a]\nkind = input\ninterfaces_only = 03/../..\ninterfaces_all = 03/01/01 03/01/02\naction = allow\n",
	    0, "");
	warns("[rule a]\nkind = hub\nsection = zeimu\naction = allow\n", 0, "");
	warns("[rule a]\nkind = storage\nencryption = hardware\naction = grant\n", 1, "encrypts by itself");
	warns("[rule a]\nkind = ptp\naccess = ro\naction = grant\n", 1, "cannot be held");
	warns("[rule a]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = none\ngrade_a = none\n", 1,
	      "gives nothing");
	warns("[rule a]\nkind = tether\nonly = network\naction = allow\n", 0, "");
	warns("[rule a]\nkind = tether\nonly = input\naction = allow\n", 1, "\"only\" leaves out");
	/* Shadowed, in the new conditions. */
	warns("[rule a]\nkind = storage\naction = deny\n[rule b]\nkind = optical\nledger = M-*\naction = grant\n", 1,
	      "never reached");
	warns("[rule a]\nkind = optical\naction = deny\n[rule b]\nkind = storage\naction = grant\n", 0, "");
	warns("[rule a]\nkind = hub\nperson = a* b\naction = deny\n[rule b]\nkind = hub\nperson = abc b\naction = "
	      "allow\n",
	      1, "never reached");
	warns("[rule a]\nkind = hub\nperson = a*\naction = deny\n[rule b]\nkind = hub\naction = allow\n", 0, "");
	warns("[rule a]\nkind = hub\nhours = 08:00-18:00\naction = deny\n[rule b]\nkind = hub\nhours = "
	      "09:00-12:00\ndays = mon\naction = allow\n",
	      1, "never reached");
	warns("[rule a]\nkind = hub\nhours = 08:00-18:00\ndays = tue\naction = deny\n[rule b]\nkind = hub\nhours = "
	      "09:00-12:00\naction = allow\n",
	      0, "");
	warns("[rule a]\ndevice = 046d:c*\naction = deny\n[rule b]\ndevice = 046d:c53* 046d:c31c\naction = allow\n", 1,
	      "never reached");
	warns(
	    "[rule a]\nkind = storage\ngrade = B\naction = deny\n[rule b]\nkind = storage\ngrade = A\naction = grant\n",
	    1, "never reached");
	warns("[rule a]\nkind = storage\nsize = -8G\naction = deny\n[rule b]\nkind = storage\nsize = 1G-16G\naction = "
	      "grant\n",
	      0, "");
}

Test(policy, warns_of_rules_that_are_over)
{
	struct sk_policy *p =
	    help_policy("[rule a]\nkind = hub\nfrom = 2025-04-01\nuntil = fiscal-year-end\naction = allow\n"
	                "[rule b]\nkind = hub\naction = allow\n");
	struct sk_buf b;
	int dead = -1;

	sk_buf_init(&b, 4096);
	cr_assert_eq(sk_policy_review(p, HELP_NOW, 32400, &b, &dead), 1, "%s", b.data);
	cr_assert(dead == 1 && strstr(b.data, "test.ini:9: rule \"a\" can never match: its last day is past"), "%s",
	          b.data);
	sk_buf_reset(&b);
	cr_assert_eq(sk_policy_review(p, HELP_NOW - 30 * 86400000ll, 0, &b, &dead), 0, "%s", b.data);
	cr_assert_eq(dead, 0);
	sk_buf_deinit(&b);
	sk_policy_free(p);
}

Test(policy, warns_of_head)
{
	static const char text[] =
	    "[policy]\nname = t\nversion = 1\nzone = lgwan\nmode = audit\ndefault = deny\n" RULE_OK;
	struct sk_policy *p = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	cr_assert_eq(sk_policy_parse("t.ini", text, strlen(text), &p, NULL), 0);
	cr_assert_eq(sk_policy_warnings(p, &b), 2);
	cr_assert(strstr(b.data, "mode = audit") && strstr(b.data, "contact_ja"), "%s", b.data);
	sk_buf_deinit(&b);
	sk_policy_free(p);
}

Test(policy, names)
{
	cr_assert_str_eq(sk_zone_name(SK_ZONE_MY_NUMBER), "my-number");
	cr_assert_str_eq(sk_zone_word(SK_ZONE_LGWAN), "LGWAN zone");
	cr_assert_str_eq(sk_mode_name(SK_MODE_LEARN), "learn");
	cr_assert_str_not_empty(sk_mode_word(SK_MODE_AUDIT));
	cr_assert_str_eq(sk_action_name(SK_ACTION_GRANT), "grant");
	cr_assert_str_eq(sk_zone_name((enum sk_zone)77), "");
	cr_assert_str_eq(sk_mode_name((enum sk_mode)77), "");
	cr_assert_str_eq(sk_action_name((enum sk_action)77), "");
}
