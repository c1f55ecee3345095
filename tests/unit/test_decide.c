/* The decision: each reason, the strictest alternate setting, hidden storage, the safe path and modes. Properties over random input: test_decide_property.c. */
#include <libusb.h>

#include "common/buf.h"
#include "policy/rule.h"
#include "tests/unit/policy_help.h"

#define PLAIN "[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = input\naction = allow\n"
#define MEDIA "[rule media]\nkind = storage image\naction = grant\n[media]\nwrite = plain\n"

/* What one policy says of one dump, with a grant of this access (NONE = no grant at all). */
struct ask {
	struct sk_policy *policy;
	struct sk_device device;
	struct sk_grants *grants;
	struct sk_context context;
	struct sk_verdict v;
};

static void ask_init(struct ask *a, const char *rules, const char *dump, enum sk_access access)
{
	memset(a, 0, sizeof(*a));
	a->policy = help_policy(rules);
	help_device(dump, "S1", &a->device);
	a->grants = access == SK_ACCESS_NONE ? NULL : help_grant(&a->device, access);
	a->context = help_context();
	sk_decide(a->policy, a->grants, &a->device, &a->context, &a->v);
}

static void ask_again(struct ask *a)
{
	memset(&a->v, 0xa5, sizeof(a->v)); /* nothing of an earlier verdict may stay */
	sk_decide(a->policy, a->grants, &a->device, &a->context, &a->v);
}

static void ask_done(struct ask *a)
{
	sk_policy_free(a->policy);
	sk_grants_free(a->grants);
}

static void check(struct ask *a, bool allow, enum sk_reason reason, const char *rule)
{
	const struct sk_iface_verdict *main = sk_verdict_main(&a->v);

	cr_assert_eq(a->v.allow, allow, "%s", sk_reason_name(a->v.reason));
	cr_assert_eq(a->v.reason, reason, "%s", sk_reason_name(a->v.reason));
	cr_assert_not_null(main);
	if (rule)
		cr_assert(main->rule && strcmp(main->rule->name, rule) == 0, "%s",
		          main->rule ? main->rule->name : "none");
	else
		cr_assert_null(main->rule);
}

static void one(const char *rules, const char *dump, enum sk_access access, bool allow, enum sk_reason reason,
                const char *rule)
{
	struct ask a;

	ask_init(&a, rules, dump, access);
	check(&a, allow, reason, rule);
	ask_done(&a);
}

Test(decide, rules)
{
	one(PLAIN, "keyboard-dell-kb216", 0, true, SK_REASON_RULE_ALLOW, "input");
	one(PLAIN, "hub-genesys-multi-tt", 0, true, SK_REASON_RULE_ALLOW, "hubs");
	one(PLAIN, "printer-brother-laser", 0, false, SK_REASON_DEFAULT, NULL);
	one(PLAIN, "stick-kingston-dt100", SK_ACCESS_RW, false, SK_REASON_DEFAULT, NULL);
	one("[rule no]\nkind = printer\naction = deny\n" PLAIN, "printer-brother-laser", 0, false, SK_REASON_RULE_DENY,
	    "no");
	/* First match wins, in both orders. */
	one("[rule a]\ndevice = 413c:2113\naction = deny\n" PLAIN, "keyboard-dell-kb216", 0, false, SK_REASON_RULE_DENY,
	    "a");
	one(PLAIN "[rule a]\ndevice = 413c:2113\naction = deny\n", "keyboard-dell-kb216", 0, true, SK_REASON_RULE_ALLOW,
	    "input");
}

Test(decide, no_policy_denies)
{
	struct ask a;

	ask_init(&a, PLAIN, "keyboard-dell-kb216", SK_ACCESS_NONE);
	sk_decide(NULL, NULL, &a.device, &a.context, &a.v);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_DEFAULT);
	ask_done(&a);
}

Test(decide, conditions)
{
#define ALLOW "\naction = allow\n"
	one("[rule r]\ninterface = 03/01/..\nkind = input" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW,
	    "r");
	one("[rule r]\ninterface = 03/01/01" ALLOW, "mouse-logitech-b100", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nkind = input\nonly = input" ALLOW, "headset-jabra", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nkind = input\nonly = input audio" ALLOW, "headset-jabra", 0, true, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nkind = input\nwith = audio" ALLOW, "headset-jabra", 0, true, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nkind = input\nwith = storage" ALLOW, "keyboard-dell-kb216", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\ndevice = 413c:* 046d:c077" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\ndevice = *:c077" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\ndevice = 046d:c31c" ALLOW, "mouse-logitech-b100", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nserial = S1" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\nserial = S" ALLOW, "mouse-logitech-b100", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\nport = 1-2" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\nport = 1-*" ALLOW, "mouse-logitech-b100", 0, true, SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\nport = 1-2.1 1-3" ALLOW, "mouse-logitech-b100", 0, false, SK_REASON_DEFAULT, NULL);
#undef ALLOW
}

/* A rule without a kind allows a maker's mice, never its sticks; denials and grants reach all. */
Test(decide, allow_reaches_media_by_kind_alone)
{
	one("[rule r]\ndevice = 0951:*\naction = allow\n", "stick-kingston-dt100", 0, false, SK_REASON_DEFAULT, NULL);
	one("[rule r]\ninterface = 08/../..\naction = allow\n", "stick-kingston-dt100", 0, false, SK_REASON_DEFAULT,
	    NULL);
	one("[rule r]\nkind = storage\ndevice = 0951:*\naction = allow\n", "stick-kingston-dt100", 0, true,
	    SK_REASON_RULE_ALLOW, "r");
	one("[rule r]\ndevice = 0951:*\naction = deny\n", "stick-kingston-dt100", 0, false, SK_REASON_RULE_DENY, "r");
	one("[rule r]\naction = grant\n", "stick-kingston-dt100", SK_ACCESS_RO, true, SK_REASON_GRANT, "r");
}

Test(decide, grants)
{
	struct ask a;

	ask_init(&a, PLAIN MEDIA, "stick-kingston-dt100", SK_ACCESS_RW);
	check(&a, true, SK_REASON_GRANT, "media");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RO, "grade C: reading at most");
	cr_assert_eq(a.v.ifaces[0].grant, &a.grants->items[0]);
	a.device.grade = SK_GRADE_B;
	ask_again(&a);
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RW);
	a.grants->items[0].access = SK_ACCESS_RO;
	ask_again(&a);
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RO);
	a.context.now = a.grants->items[0].until;
	ask_again(&a);
	check(&a, false, SK_REASON_GRANT_EXPIRED, "media");
	cr_assert_eq(a.v.ifaces[0].grant, &a.grants->items[0], "which one ended");
	a.context.now = a.grants->items[0].from - 1;
	ask_again(&a);
	check(&a, false, SK_REASON_GRANT_NOT_YET, "media");
	a.context = help_context();
	sk_text_copy(a.grants->items[0].person, sizeof(a.grants->items[0].person), "shokuin3");
	ask_again(&a);
	check(&a, false, SK_REASON_GRANT_PERSON, "media");
	a.context.person = "shokuin3";
	ask_again(&a);
	check(&a, true, SK_REASON_GRANT, "media");
	a.context.person = "";
	ask_again(&a);
	check(&a, false, SK_REASON_GRANT_PERSON, "media");
	sk_text_copy(a.grants->items[0].serial, sizeof(a.grants->items[0].serial), "S2");
	ask_again(&a);
	check(&a, false, SK_REASON_NO_GRANT, "media");
	ask_done(&a);
}

Test(decide, grade_limits)
{
	struct ask a;

	ask_init(&a, MEDIA "[rule all]\nkind = storage\naction = allow\n[grants]\ngrade_c = none\ngrade_b = ro\n",
	         "stick-kingston-dt100", SK_ACCESS_RW);
	check(&a, false, SK_REASON_GRADE, "media");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_NONE);
	a.device.grade = SK_GRADE_B;
	ask_again(&a);
	check(&a, true, SK_REASON_GRANT, "media");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RO);
	a.device.grade = (enum sk_grade)9;
	ask_again(&a);
	check(&a, false, SK_REASON_GRADE, "media");
	ask_done(&a);
	/* Also what a rule allows is limited by the grade. */
	ask_init(&a, "[rule all]\nkind = storage\naction = allow\n", "stick-kingston-dt100", SK_ACCESS_NONE);
	cr_assert(a.v.allow && a.v.ifaces[0].access == SK_ACCESS_RO);
	ask_done(&a);
	one("[rule all]\nkind = storage\naction = allow\n[grants]\ngrade_c = none\n", "stick-kingston-dt100", 0, false,
	    SK_REASON_GRADE, "all");
}

/* Read-only cannot be held on a camera or phone: what would be read-only is a refusal. */
Test(decide, cameras_are_never_read_only)
{
	struct ask a;

	ask_init(&a, MEDIA, "camera-canon-ptp", SK_ACCESS_RW);
	check(&a, false, SK_REASON_NO_READ_ONLY, "media");
	a.device.grade = SK_GRADE_B;
	ask_again(&a);
	check(&a, true, SK_REASON_GRANT, "media");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RW);
	a.grants->items[0].access = SK_ACCESS_RO;
	ask_again(&a);
	check(&a, false, SK_REASON_NO_READ_ONLY, "media");
	ask_done(&a);
}

/* A grant for what does not store admits it whole. */
Test(decide, grant_for_another_kind)
{
	struct ask a;

	ask_init(&a, "[rule net]\nkind = vendor\naction = grant\n[grants]\ngrade_c = none\n", "network-asix-ax88179",
	         SK_ACCESS_RO);
	check(&a, true, SK_REASON_GRANT, "net");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RW);
	ask_done(&a);
}

Test(decide, composite_keeps_keys_and_loses_storage)
{
	struct ask a;

	ask_init(&a, PLAIN MEDIA, "hostile-keyboard-storage", SK_ACCESS_NONE);
	check(&a, true, SK_REASON_NO_GRANT, "media");
	cr_assert_eq(a.v.n_ifaces, 2);
	cr_assert(a.v.ifaces[0].allow && !a.v.ifaces[1].allow);
	cr_assert_eq(a.v.hidden_kinds, 0);
	ask_done(&a);
	ask_init(&a, PLAIN MEDIA, "printer-epson-multi", SK_ACCESS_NONE);
	cr_assert(!a.v.allow);
	check(&a, false, SK_REASON_NO_GRANT, "media");
	ask_done(&a);
}

Test(decide, storage_behind_an_alternate_setting)
{
	struct ask a;

	ask_init(&a, PLAIN MEDIA, "hostile-keyboard-alt-storage", SK_ACCESS_NONE);
	cr_assert_eq(a.v.n_ifaces, 1);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_HIDDEN_STORAGE);
	cr_assert_eq(a.v.ifaces[0].kind, (unsigned)SK_USB_STORAGE);
	cr_assert_eq(a.v.hidden_kinds, (unsigned)SK_USB_STORAGE);
	ask_done(&a);
	/* A grant opens it as the medium it is, with the grade's limit. */
	ask_init(&a, PLAIN MEDIA, "hostile-keyboard-alt-storage", SK_ACCESS_RW);
	check(&a, true, SK_REASON_GRANT, "media");
	cr_assert_eq(a.v.ifaces[0].access, SK_ACCESS_RO);
	ask_done(&a);
	/* A rule that allows storage does not: hiding is no honest design. */
	ask_init(&a, PLAIN "[rule s]\nkind = storage\naction = allow\n", "hostile-keyboard-alt-storage",
	         SK_ACCESS_NONE);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_HIDDEN_STORAGE);
	ask_done(&a);
}

Test(decide, further_configurations_are_recorded_not_opened)
{
	struct ask a;

	ask_init(&a, PLAIN MEDIA, "hostile-keyboard-config-storage", SK_ACCESS_RW);
	check(&a, true, SK_REASON_RULE_ALLOW, "input");
	cr_assert_eq(a.v.n_ifaces, 1);
	cr_assert_eq(a.v.config, 1);
	cr_assert_eq(a.v.hidden_kinds, (unsigned)SK_USB_STORAGE);
	ask_done(&a);
	/* A kind that only a further configuration has is not in the verdict, allowed or not. */
	ask_init(&a, "[rule n]\nkind = network\naction = allow\n", "network-realtek-8153", SK_ACCESS_NONE);
	for (size_t i = 0; i < a.device.desc.n_alts; i++)
		a.device.desc.alts[i].named = 0; /* a model that nobody knows */
	ask_again(&a);
	check(&a, false, SK_REASON_DEFAULT, NULL);
	ask_done(&a);
}

/* The alternate settings of an interface may match different rules; the strictest verdict stands, wherever it is. */
Test(decide, strictest_alternate_setting)
{
	struct ask a;

	ask_init(&a, "[rule a]\ninterface = 07/01/01\naction = allow\n[rule b]\ninterface = 07/01/02\naction = deny\n",
	         "printer-brother-laser", SK_ACCESS_NONE);
	check(&a, false, SK_REASON_RULE_DENY, "b");
	ask_done(&a);
	ask_init(&a, "[rule a]\ninterface = 07/01/01\naction = deny\n[rule b]\ninterface = 07/01/02\naction = allow\n",
	         "printer-brother-laser", SK_ACCESS_NONE);
	check(&a, false, SK_REASON_RULE_DENY, "a");
	ask_done(&a);
	/* UAS: both settings store, nothing is hidden. */
	ask_init(&a, MEDIA, "disk-samsung-t5", SK_ACCESS_RO);
	check(&a, true, SK_REASON_GRANT, "media");
	cr_assert_eq(a.v.hidden_kinds, 0);
	ask_done(&a);
}

Test(decide, malformed_is_denied_whole)
{
	struct ask a;

	ask_init(&a, PLAIN MEDIA, "bad-duplicate-interface", SK_ACCESS_NONE);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_MALFORMED);
	cr_assert(a.v.n_ifaces == 1 && !a.v.ifaces[0].allow && a.v.ifaces[0].reason == SK_REASON_MALFORMED);
	a.context.other_keyboards = 0; /* no safe path for it either */
	a.policy->mode = SK_MODE_LEARN;
	ask_again(&a);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_MALFORMED);
	ask_done(&a);
}

Test(decide, safe_path)
{
#define DENY "[rule no]\naction = deny\n"
	static const struct {
		const char *dump;
		int keyboards, mice;
		bool allow;
	} t[] = {
	    {"keyboard-dell-kb216", 0, 1, true},
	    {"keyboard-dell-kb216", 1, 0, false},
	    {"mouse-logitech-b100", 1, 0, true},
	    {"mouse-logitech-b100", 0, 1, false},
	    {"receiver-logitech-unifying", 1, 0, true},
	    {"receiver-logitech-unifying", 0, 1, true},
	    {"receiver-logitech-unifying", 1, 1, false},
	    {"hub-genesys-gl850", 0, 0, true},
	    {"hub-genesys-gl850", 1, 0, true},
	    {"hub-genesys-gl850", 1, 1, false},
	    {"stick-kingston-dt100", 0, 0, false},
	    {"hostile-keyboard-storage", 0, 0, false},
	    {"hostile-keyboard-alt-storage", 0, 0, false},
	    {"hostile-keyboard-config-storage", 0, 0, false},
	    {"hostile-input-bulk", 0, 0, false},
	    {"hostile-hub-storage", 0, 0, false},
	    {"hostile-hub-class-keyboard", 0, 0, false},
	    {"headset-jabra", 0, 0, false},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct ask a;

		ask_init(&a, DENY, t[i].dump, SK_ACCESS_RW);
		a.context.other_keyboards = t[i].keyboards;
		a.context.other_mice = t[i].mice;
		ask_again(&a);
		cr_assert_eq(a.v.allow, t[i].allow, "%s with %d keyboards, %d mice", t[i].dump, t[i].keyboards,
		             t[i].mice);
		if (t[i].allow)
			check(&a, true, SK_REASON_SAFE_PATH, NULL);
		ask_done(&a);
	}
#undef DENY
}

Test(decide, root_hub_is_always_admitted)
{
	struct ask a;

	ask_init(&a, "[rule no]\naction = deny\n", "hub-root-3.0", SK_ACCESS_NONE);
	cr_assert_not(a.v.allow);
	a.device.is_root_hub = true;
	ask_again(&a);
	check(&a, true, SK_REASON_SAFE_PATH, NULL);
	ask_done(&a);
}

Test(decide, audit_and_learn_loosen_all_but_media)
{
	static const enum sk_mode modes[] = {SK_MODE_AUDIT, SK_MODE_LEARN};

	for (size_t i = 0; i < 2; i++) {
		struct ask a;

		ask_init(&a, PLAIN MEDIA "[rule no]\nkind = printer\naction = deny\n", "printer-brother-laser",
		         SK_ACCESS_NONE);
		a.policy->mode = modes[i];
		ask_again(&a);
		check(&a, true, SK_REASON_AUDIT, "no");
		help_device("stick-kingston-dt100", "S1", &a.device);
		ask_again(&a);
		check(&a, false, SK_REASON_NO_GRANT, "media");
		help_device("camera-canon-ptp", "S1", &a.device);
		ask_again(&a);
		check(&a, false, SK_REASON_NO_GRANT, "media");
		help_device("hostile-keyboard-alt-storage", "S1", &a.device);
		ask_again(&a);
		cr_assert_not(a.v.allow);
		help_device("hostile-input-bulk", "S1", &a.device);
		ask_again(&a);
		cr_assert_not(a.v.allow);
		help_device("webcam-logitech-c270", "S1", &a.device); /* no rule names it */
		ask_again(&a);
		check(&a, true, SK_REASON_AUDIT, NULL);
		ask_done(&a);
		/* A rule of kind storage that decides on another kind too is not loosened for it. */
		ask_init(&a, "[rule no]\nkind = storage vendor\naction = deny\n", "serial-ftdi-ft232", SK_ACCESS_NONE);
		a.policy->mode = modes[i];
		ask_again(&a);
		check(&a, false, SK_REASON_RULE_DENY, "no");
		ask_done(&a);
	}
}

Test(decide, names)
{
	for (unsigned i = 0; i <= SK_REASON_NO_READ_ONLY; i++) {
		cr_assert_str_not_empty(sk_reason_name(i));
		cr_assert_str_not_empty(sk_reason_word(i));
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(sk_reason_name(i), sk_reason_name(k));
	}
	cr_assert_str_eq(sk_reason_name(SK_REASON_DEFAULT), "default-deny");
	cr_assert_str_eq(sk_reason_name((enum sk_reason)99), "");
	cr_assert_str_eq(sk_reason_word((enum sk_reason)99), "");
}

static const char *str(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "(none)";
}

Test(decide, event_body)
{
	struct ask a;
	json_t *j, *i1;

	ask_init(&a, PLAIN MEDIA, "hostile-keyboard-storage", SK_ACCESS_RW);
	j = sk_verdict_json(&a.device, &a.v);
	cr_assert_not_null(j);
	cr_assert_str_eq(str(j, "device"), "1-2");
	cr_assert_str_eq(str(j, "vendor_id"), "1209");
	cr_assert_str_eq(str(j, "product_id"), "0001");
	cr_assert_str_eq(str(j, "serial"), "S1");
	cr_assert_str_eq(str(j, "device_key"), a.device.desc.device_key);
	cr_assert_str_eq(str(j, "grade"), "C");
	cr_assert_str_eq(str(j, "verdict"), "allow");
	cr_assert_str_eq(str(j, "reason"), "rule");
	cr_assert_eq(json_array_size(json_object_get(j, "kinds")), 2);
	cr_assert_eq(json_array_size(json_object_get(j, "hidden")), 0);
	i1 = json_array_get(json_object_get(j, "interfaces"), 1);
	cr_assert_str_eq(str(i1, "class"), "08/06/50");
	cr_assert_str_eq(str(i1, "kind"), "storage");
	cr_assert_str_eq(str(i1, "verdict"), "allow");
	cr_assert_str_eq(str(i1, "access"), "ro");
	cr_assert_str_eq(str(i1, "reason"), "grant");
	cr_assert_str_eq(str(i1, "rule"), "media");
	cr_assert_str_eq(str(i1, "grant"), a.grants->items[0].id);
	json_decref(j);
	ask_done(&a);
	ask_init(&a, PLAIN, "bad-length-zero", SK_ACCESS_NONE);
	a.device.has_serial = false;
	j = sk_verdict_json(&a.device, &a.v);
	cr_assert(json_is_null(json_object_get(j, "serial")) && json_is_null(json_object_get(j, "rule")));
	cr_assert(strstr(str(j, "problem"), "length below 2"));
	cr_assert_str_eq(str(j, "verdict"), "deny");
	json_decref(j);
	ask_done(&a);
}

/* The record of the largest device there can be fits into an event. */
Test(decide, event_body_is_bounded)
{
	struct ask a;
	char *text;
	json_t *j;

	ask_init(&a, "[rule rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr]\naction = grant\n", "keyboard-dell-kb216",
	         SK_ACCESS_RW);
	memset(a.device.vendor, '\\', sizeof(a.device.vendor) - 1);
	memset(a.device.product, '\\', sizeof(a.device.product) - 1);
	memset(a.device.serial, '\\', sizeof(a.device.serial) - 1);
	a.device.desc.n_alts = SK_IFACES_MAX;
	for (size_t i = 0; i < SK_IFACES_MAX; i++)
		a.device.desc.alts[i] =
		    (struct sk_usb_alt){.number = (uint8_t)(200 + i), .cls = 0xff, .config = 1, .first_config = true};
	ask_again(&a);
	cr_assert_eq(a.v.n_ifaces, SK_IFACES_MAX);
	j = sk_verdict_json(&a.device, &a.v);
	text = json_dumps(j, JSON_COMPACT);
	cr_assert_lt(strlen(text), 16384 - 2048, "%zu bytes", strlen(text));
	free(text);
	json_decref(j);
	/* One interface more than can be: the parser refuses it; here it is denied whole. */
	a.device.desc.alts[a.device.desc.n_alts++] = (struct sk_usb_alt){.number = 1, .cls = 3, .first_config = true};
	ask_again(&a);
	cr_assert(!a.v.allow && a.v.reason == SK_REASON_MALFORMED);
	ask_done(&a);
}

Test(decide, a_new_keyboard_beside_another_waits_where_the_policy_asks)
{
	struct ask a;

	ask_init(&a, PLAIN, "keyboard-dell-kb216", SK_ACCESS_NONE);
	a.policy->confirm_keyboard = true;
	a.context.other_keyboards = 1;
	ask_again(&a);
	check(&a, false, SK_REASON_CONFIRM, "input");
	a.context.keyboard_known = true;
	ask_again(&a);
	cr_assert(a.v.allow);
	a.context.keyboard_known = false;
	a.context.other_keyboards = 0;
	ask_again(&a);
	cr_assert(a.v.allow, "the only keyboard waited");
	a.context.built_in_keyboards = 1;
	ask_again(&a);
	cr_assert(!a.v.allow);
	a.policy->mode = SK_MODE_AUDIT;
	ask_again(&a);
	cr_assert(a.v.allow, "audit refuses media only");
	ask_done(&a);
}
