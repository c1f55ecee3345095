/* The decision: each reason, the strictest alternate setting, hidden storage, the safe path, modes, and properties over random input. */
#include <libusb.h>
#include <time.h>

#include "common/buf.h"
#include "policy/rule.h"
#include "tests/unit/policy_help.h"

#define PLAIN "[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = input\naction = allow\n"
#define MEDIA "[rule media]\nkind = storage image\naction = grant\n"

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
	sk_text_copy(a.grants->items[0].person, sizeof(a.grants->items[0].person), "sato");
	ask_again(&a);
	check(&a, false, SK_REASON_GRANT_PERSON, "media");
	a.context.person = "sato";
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
		ask_init(&a, "[rule no]\nkind = storage vendor\naction = deny\n", "phone-android-mtp-vendor",
		         SK_ACCESS_NONE);
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

/*
 * Properties. Random policies over few words, so that they often match; random devices, mostly of classes that matter.
 */
#define POLICIES 2500
#define DEVICES  40 /* per policy: 10^5 pairs */

static const char *pick(uint64_t *s, const char *const *words, uint32_t n)
{
	return words[help_random(s, n)];
}

static struct sk_policy *random_policy(uint64_t *s)
{
	static const char *const kinds[] = {"kind = storage", "kind = input hub",      "kind = storage image",
	                                    "kind = input",   "kind = vendor printer", "kind = hub input storage"};
	static const char *const more[] = {"interface = 03/../..",
	                                   "interface = 08/../.. 06/../..",
	                                   "only = input hub",
	                                   "with = storage",
	                                   "device = 1209:*",
	                                   "device = 1209:0001 1209:0002",
	                                   "serial = S1",
	                                   "port = 1-*",
	                                   "port = 1-2"};
	static const char *const actions[] = {"allow", "deny", "grant"};
	static const char *const access[] = {"none", "ro", "rw"};
	struct sk_policy *p;
	struct sk_buf b;
	uint32_t n = 1 + help_random(s, 6);

	sk_buf_init(&b, 8192);
	for (uint32_t i = 0; i < n; i++) {
		const char *kind = help_random(s, 3) ? pick(s, kinds, 6) : NULL;
		uint32_t extra = help_random(s, 3);

		sk_buf_addf(&b, "[rule r%u]\n", i);
		if (kind)
			sk_buf_addf(&b, "%s\n", kind);
		if (!kind || extra)
			sk_buf_addf(&b, "%s\n", pick(s, more, 9));
		sk_buf_addf(&b, "action = %s\n", pick(s, actions, 3));
	}
	sk_buf_addf(&b, "[grants]\ngrade_c = %s\ngrade_b = %s\n", pick(s, access, 3), pick(s, access, 3));
	p = help_policy(b.data);
	p->mode = (enum sk_mode)help_random(s, 3);
	sk_buf_deinit(&b);
	return p;
}

static void random_device(uint64_t *s, struct sk_device *d)
{
	static const uint8_t classes[] = {3, 3, 3, 8, 8, 6, 9, 9, 7, 255, 1, 0x0a, 0};

	memset(d, 0, sizeof(*d));
	sk_text_copy(d->name, sizeof(d->name), help_random(s, 2) ? "1-2" : "2-1.4");
	sk_text_copy(d->serial, sizeof(d->serial), help_random(s, 2) ? "S1" : "S2");
	d->has_serial = help_random(s, 4) != 0;
	d->desc_ok = help_random(s, 10) != 0;
	d->grade = (enum sk_grade)help_random(s, 3);
	d->desc.cls = help_random(s, 4) ? 0 : LIBUSB_CLASS_HUB;
	d->desc.vid = help_random(s, 3) ? 0x1209 : 0x0951;
	d->desc.pid = (uint16_t)help_random(s, 4);
	memset(d->desc.device_key, "0123456789abcdef"[help_random(s, 4)], SK_SHA256_HEX - 1);
	d->desc.n_alts = help_random(s, 6);
	for (size_t i = 0; i < d->desc.n_alts; i++)
		d->desc.alts[i] = (struct sk_usb_alt){
		    .config = 1,
		    .number = (uint8_t)help_random(s, 3),
		    .alt = (uint8_t)i,
		    .cls = classes[help_random(s, sizeof(classes))],
		    .sub = (uint8_t)help_random(s, 2),
		    .proto = (uint8_t)help_random(s, 3),
		    .transfers =
		        help_random(s, 5) ? 1u << LIBUSB_TRANSFER_TYPE_INTERRUPT : 1u << LIBUSB_TRANSFER_TYPE_BULK,
		    .first_config = help_random(s, 6) != 0,
		};
}

static void random_grants(uint64_t *s, struct sk_grants *g, struct sk_grant items[4])
{
	memset(items, 0, 4 * sizeof(items[0]));
	g->items = items;
	g->n = help_random(s, 5);
	for (size_t i = 0; i < g->n; i++) { /* keys in order: 0.. 1.. 2.. 3.. */
		memset(items[i].device_key, (char)('0' + i), SK_SHA256_HEX - 1);
		items[i].access = (enum sk_access)(1 + help_random(s, 2));
		items[i].from = HELP_NOW - 10 + (sk_ms)help_random(s, 15);
		items[i].until = items[i].from + 1 + (sk_ms)help_random(s, 20);
		if (help_random(s, 3) == 0)
			sk_text_copy(items[i].person, sizeof(items[i].person), "sato");
	}
}

static void explained_alike(const struct sk_policy *p, const struct sk_device *d, const struct sk_usb_alt *a)
{
	struct sk_rule_query q;
	const struct sk_rule *plain = NULL;

	sk_rule_query_init(&q, p, d);
	for (size_t i = 0; i < p->n_rules && !plain; i++)
		plain = sk_rule_match(&p->rules[i], d, sk_usb_desc_kinds(&d->desc), a) == SK_MATCH_YES ? &p->rules[i]
		                                                                                       : NULL;
	cr_assert_eq(sk_rule_first(&q, a), plain, "the index finds another rule than the walk");
}

static void holds(const struct sk_policy *p, const struct sk_grants *g, const struct sk_device *d,
                  const struct sk_context *c, const struct sk_verdict *v)
{
	bool any = false;

	for (size_t i = 0; i < v->n_ifaces; i++) {
		const struct sk_iface_verdict *f = &v->ifaces[i];
		enum sk_grant_state state;
		bool stores = f->kind & SK_USB_STORING;

		any = any || f->allow;
		cr_assert_eq(f->allow, f->access != SK_ACCESS_NONE);
		if (!f->allow)
			continue;
		/* No alternate setting of an allowed interface stores unless the verdict says so. */
		for (size_t k = 0; k < d->desc.n_alts; k++) {
			const struct sk_usb_alt *a = &d->desc.alts[k];

			cr_assert(!a->first_config || a->number != f->number ||
			          !(sk_usb_alt_kind(a) & SK_USB_STORING) || stores);
		}
		if (!stores)
			continue;
		cr_assert_not_null(f->rule);
		cr_assert_leq(f->access, p->grade_max[d->grade]);
		if (f->reason == SK_REASON_GRANT) {
			cr_assert_eq(f->rule->action, SK_ACTION_GRANT);
			cr_assert_eq(sk_grants_find(g, d, c->now, c->person, &state), f->grant);
			cr_assert_eq(state, SK_GRANT_VALID);
			cr_assert_leq(f->access, f->grant->access);
		} else {
			cr_assert_eq(f->reason, SK_REASON_RULE_ALLOW);
			cr_assert(f->rule->action == SK_ACTION_ALLOW && (f->rule->kinds & f->kind));
		}
	}
	cr_assert_eq(v->allow, any);
	cr_assert(d->desc_ok || !any, "malformed and allowed");
}

Test(decide, properties_over_random_input)
{
	uint64_t seed = 0x5ec1a0123456789ull, s = seed;
	unsigned long allowed = 0, granted = 0;
	static struct sk_device d;
	static struct sk_verdict v, again;

	for (int i = 0; i < POLICIES; i++) {
		struct sk_policy *p = random_policy(&s);

		for (int k = 0; k < DEVICES; k++) {
			struct sk_grant items[4];
			struct sk_grants g;
			struct sk_context c = {HELP_NOW, help_random(&s, 2) ? "tanaka" : "", (int)help_random(&s, 2),
			                       (int)help_random(&s, 2)};

			random_device(&s, &d);
			random_grants(&s, &g, items);
			memset(&v, 0xa5, sizeof(v));
			memset(&again, 0x5a, sizeof(again));
			sk_decide(p, &g, &d, &c, &v);
			sk_decide(p, &g, &d, &c, &again);
			holds(p, &g, &d, &c, &v);
			cr_assert(v.allow == again.allow && v.reason == again.reason && v.n_ifaces == again.n_ifaces);
			if (d.desc.n_alts)
				explained_alike(p, &d, &d.desc.alts[0]);
			allowed += v.allow;
			granted += v.reason == SK_REASON_GRANT;
		}
		sk_policy_free(p);
	}
	cr_log_info("seed %#llx: %d pairs, %lu allowed, %lu by grant\n", (unsigned long long)seed, POLICIES * DEVICES,
	            allowed, granted);
	cr_assert_gt(allowed, 10000, "seed %#llx: the random devices reach nothing", (unsigned long long)seed);
	cr_assert_gt(granted, 500, "seed %#llx: the random grants reach nothing", (unsigned long long)seed);
}

/* A composite of one input and one storage interface: keys stay, storage goes, whatever numbers and names it has. */
Test(decide, composite_property)
{
	struct sk_policy *p = help_policy(PLAIN MEDIA);
	struct sk_context c = help_context();
	uint64_t seed = 0xc0ffee, s = seed;
	static struct sk_device d;
	struct sk_verdict v;

	for (int i = 0; i < 10000; i++) {
		uint8_t keys = (uint8_t)help_random(&s, 32), storage = (uint8_t)((keys + 1 + help_random(&s, 31)) % 32);
		bool first = help_random(&s, 2);

		random_device(&s, &d);
		d.desc_ok = true;
		d.desc.n_alts = 2;
		d.desc.alts[first] =
		    (struct sk_usb_alt){.number = keys, .cls = LIBUSB_CLASS_HID, .config = 1, .first_config = true};
		d.desc.alts[!first] = (struct sk_usb_alt){
		    .number = storage, .cls = LIBUSB_CLASS_MASS_STORAGE, .config = 1, .first_config = true};
		sk_decide(p, NULL, &d, &c, &v);
		cr_assert(v.allow && v.n_ifaces == 2, "seed %#llx", (unsigned long long)seed);
		for (size_t k = 0; k < 2; k++)
			cr_assert_eq(v.ifaces[k].allow, v.ifaces[k].number == keys);
	}
	sk_policy_free(p);
}

/* Which rule decides does not depend on how it is found. */
Test(decide, index_and_walk_agree_on_many_rules)
{
	struct sk_buf b;
	struct sk_policy *p;
	struct sk_rule_index *index;
	static struct sk_device d;
	struct sk_verdict v, w;
	struct sk_context c = help_context();
	uint64_t s = 0xfeed;

	sk_buf_init(&b, 1 << 17);
	for (int i = 0; i < 600; i++)
		sk_buf_addf(&b, "[rule r%d]\n%s%s\naction = %s\n", i, i % 3 ? "" : "kind = storage\n",
		            i % 5 == 0   ? "serial = S1"
		            : i % 5 == 1 ? "device = 1209:0002 0951:*"
		            : i % 5 == 2 ? "device = 0781:5581 *:0001"
		            : i % 5 == 3 ? "port = 1-7"
		                         : "device = 1209:0003",
		            i % 2 ? "deny" : "grant");
	p = help_policy(b.data);
	index = p->index;
	for (int i = 0; i < 5000; i++) {
		random_device(&s, &d);
		p->index = index;
		sk_decide(p, NULL, &d, &c, &v);
		p->index = NULL;
		sk_decide(p, NULL, &d, &c, &w);
		cr_assert_eq(v.n_ifaces, w.n_ifaces);
		for (size_t k = 0; k < v.n_ifaces; k++)
			cr_assert_eq(v.ifaces[k].rule, w.ifaces[k].rule);
	}
	p->index = index;
	sk_policy_free(p);
	sk_buf_deinit(&b);
}

/* Least time of one decision, in nanoseconds, over many batches: what disturbs a batch does not count. */
static double least_ns(const struct ask *a)
{
	double least = 1e12;
	struct sk_verdict v;

	for (int batch = 0; batch < 30; batch++) {
		struct timespec t0, t1;
		double ns;

		clock_gettime(CLOCK_MONOTONIC, &t0);
		for (int i = 0; i < 500; i++)
			sk_decide(a->policy, a->grants, &a->device, &a->context, &v);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ns = ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / 500;
		least = ns < least ? ns : least;
	}
	return least;
}

/* 500 rules cost about what 5 do (a walk over all of them takes forty times as long). */
Test(decide, time_does_not_grow_with_rules)
{
	struct ask few, many;
	struct sk_buf b;
	double t_few, t_many;

	sk_buf_init(&b, 1 << 17);
	sk_buf_adds(&b, PLAIN);
	for (int i = 0; i < 496; i++)
		sk_buf_addf(&b, "[rule r%d]\nkind = storage\n%s = %s%04x\naction = deny\n", i,
		            i % 2 ? "device" : "serial", i % 2 ? "1d6b:" : "X", i);
	sk_buf_adds(&b, MEDIA);
	ask_init(&few, PLAIN MEDIA, "stick-kingston-dt100", SK_ACCESS_RW);
	ask_init(&many, b.data, "stick-kingston-dt100", SK_ACCESS_RW);
	check(&many, true, SK_REASON_GRANT, "media");
	t_few = least_ns(&few);
	t_many = least_ns(&many);
	cr_log_info("%.0f ns with %zu rules, %.0f ns with %zu\n", t_few, few.policy->n_rules, t_many,
	            many.policy->n_rules);
	cr_assert_lt(t_many, 3 * t_few, "%.0f ns with %zu rules, %.0f ns with %zu", t_few, few.policy->n_rules, t_many,
	             many.policy->n_rules);
	sk_buf_deinit(&b);
	ask_done(&few);
	ask_done(&many);
}
