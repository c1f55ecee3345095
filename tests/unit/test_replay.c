/* Records tried again and turned into proposals: what was decided comes out of its own record; what changes is found; media are never allowed. */
#include <errno.h>

#include "common/buf.h"
#include "policy/propose.h"
#include "policy/replay.h"
#include "tests/unit/policy_help.h"

#define OLD \
	"[rule hubs]\nkind = hub\naction = allow\n[rule input]\nkind = input\naction = allow\n[rule media]\nkind = " \
	"storage image\naction = grant\n"

static const char *const dumps[] = {
    "keyboard-dell-kb216", "hub-genesys-gl850",   "stick-kingston-dt100", "webcam-logitech-c270",
    "printer-epson-multi", "disk-jmicron-uas-hs", "phone-iphone",         "hostile-keyboard-alt-storage",
    "hostile-input-bulk",  "headset-jabra",       "network-realtek-8153", "camera-canon-ptp",
    "bad-length-zero"};
#define N_DUMPS (sizeof(dumps) / sizeof(dumps[0]))

static json_t *record(const struct sk_policy *p, const struct sk_grants *g, const char *dump, struct sk_device *d)
{
	struct sk_context c = help_context();
	struct sk_verdict v;

	c.holds_encrypted = true;
	help_device(dump, "S1", d);
	sk_decide(p, g, d, &c, &v);
	return sk_verdict_json(d, &v);
}

/* The record holds all that the decision was made of. */
Test(replay, the_same_policy_changes_nothing)
{
	static const enum sk_mode modes[] = {SK_MODE_ENFORCE, SK_MODE_AUDIT};
	struct sk_replay_place where = {"pc-1", NULL, 0};
	static struct sk_device d;
	static struct sk_seen seen;

	for (size_t m = 0; m < 2; m++) {
		struct sk_policy *p =
		    help_policy(OLD "[rule printers]\nkind = printer\nonly = printer\naction = allow\n");
		struct sk_replay *r = sk_replay_new(p);

		p->mode = modes[m];
		for (size_t i = 0; i < N_DUMPS; i++) {
			json_t *body = record(p, NULL, dumps[i], &d);

			cr_assert_eq(sk_seen_read(body, &seen, NULL), 0, "%s", dumps[i]);
			cr_assert(seen.whole);
			cr_assert_eq(seen.device.desc.n_alts, d.desc.n_alts, "%s", dumps[i]);
			for (size_t k = 0; k < d.desc.n_alts; k++)
				cr_assert_eq(memcmp(&seen.device.desc.alts[k].named, &d.desc.alts[k].named, 4) == 0 &&
				                 sk_usb_alt_kinds(&seen.device.desc.alts[k]) ==
				                     sk_usb_alt_kinds(&d.desc.alts[k]) &&
				                 seen.device.desc.alts[k].first_config == d.desc.alts[k].first_config,
				             true, "%s %zu", dumps[i], k);
			cr_assert_eq(sk_replay_event(r, body, HELP_NOW, &where), 0);
			cr_expect_eq(sk_replay_changes(r), 0, "%s changes under its own policy", dumps[i]);
			json_decref(body);
		}
		sk_replay_free(r);
		sk_policy_free(p);
	}
}

Test(replay, what_would_change)
{
	struct sk_policy *old = help_policy(OLD "[rule cameras]\nkind = video audio\naction = allow\n");
	struct sk_policy *new =
	    help_policy("[rule input]\nkind = input\naction = allow\n"
	                "[rule media]\nkind = storage\naccess = ro\naction = grant\n"
	                "[rule printers]\nkind = printer\nhost = pc-*\naction = allow\n[grants]\ngrade_c = rw\n");
	struct sk_replay *r = sk_replay_new(new);
	struct sk_replay_place where = {"pc-1", NULL, 0}, other = {"pc-2", NULL, 0};
	static struct sk_device d;
	struct sk_grants *g;
	json_t *body, *result, *list;

	old->grade_max[SK_GRADE_C] = SK_ACCESS_RW;
	old->media.write_plain = true;
	body = record(old, NULL, "webcam-logitech-c270", &d); /* allowed, then no rule */
	sk_replay_event(r, body, 2000, &where);
	json_object_set_new(body, "count", json_integer(7));
	sk_replay_event(r, body, 1000, &other);
	json_decref(body);
	help_device("stick-kingston-dt100", "S1", &d);
	g = help_grant(&d, SK_ACCESS_RW);
	body = record(old, g, "stick-kingston-dt100", &d); /* rw by a grant, then ro */
	cr_assert(
	    strstr(json_string_value(json_object_get(json_array_get(json_object_get(body, "interfaces"), 0), "access")),
	           "rw"));
	sk_replay_event(r, body, 3000, &where);
	json_decref(body);
	body = record(old, NULL, "keyboard-dell-kb216", &d); /* unchanged */
	sk_replay_event(r, body, 3000, &where);
	json_decref(body);
	result = sk_replay_result(r);
	list = json_object_get(result, "changes");
	cr_assert_eq(json_integer_value(json_object_get(result, "events")), 4);
	cr_assert_eq(json_integer_value(json_object_get(result, "decisions")), 10);
	cr_assert_geq(json_array_size(list), 2);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "count")), 8);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "first")), 1000);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(list, 0), "last")), 2000);
	cr_assert_eq(json_array_size(json_object_get(json_array_get(list, 0), "hosts")), 2);
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "was")), "allow");
	cr_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "now")), "deny");
	list = json_array_get(list, json_array_size(list) - 1);
	cr_assert_str_eq(json_string_value(json_object_get(list, "was")), "rw");
	cr_assert_str_eq(json_string_value(json_object_get(list, "now")), "ro");
	cr_assert_str_eq(json_string_value(json_object_get(list, "rule")), "media");
	json_decref(result);
	sk_replay_free(r);
	sk_grants_free(g);
	sk_policy_free(old);
	sk_policy_free(new);
}

Test(replay, records_of_before_and_unreadable_ones)
{
	static const char *const bad[] = {
	    "{}",
	    "{\"device\":\"1-2\",\"vendor_id\":\"xyz1\",\"product_id\":\"0001\",\"interfaces\":[]}",
	    "{\"device\":\"1-2\",\"vendor_id\":\"0001\",\"product_id\":\"0001\",\"interfaces\":{}}",
	    "{\"device\":\"1-2\",\"vendor_id\":\"0001\",\"product_id\":\"0001\",\"interfaces\":[],\"alts\":\"1.0.0:08/"
	    "06/50\"}",
	    "{\"device\":\"1-2\",\"vendor_id\":\"0001\",\"product_id\":\"0001\",\"interfaces\":[],\"alts\":\"1.999.0:"
	    "08/06/50:4\"}",
	    "{\"device\":\"1-2\",\"vendor_id\":\"0001\",\"product_id\":\"0001\",\"interfaces\":[],\"alts\":\"1.0.0:08/"
	    "06/50:4;1.1.0:03/00/00:0\"}"};
	struct sk_policy *p = help_policy(OLD);
	struct sk_replay *r = sk_replay_new(p);
	struct sk_replay_place where = {NULL, NULL, 0};
	static struct sk_seen seen;
	static struct sk_device d;
	json_t *body;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		body = json_loads(bad[i], 0, NULL);
		cr_assert_not_null(body, "%s", bad[i]);
		cr_expect_eq(sk_replay_event(r, body, 1, &where), -EINVAL, "%s", bad[i]);
		json_decref(body);
	}
	body = record(p, NULL, "hostile-input-bulk", &d);
	json_object_del(body, "alts");
	cr_assert_eq(sk_seen_read(body, &seen, NULL), 0);
	cr_assert(!seen.whole);
	cr_assert_eq(sk_replay_event(r, body, 1, &where), 0);
	cr_assert_eq(sk_replay_changes(r), 0, "storage by its pipes stays storage");
	json_decref(body);
	body = json_array();
	cr_assert_eq(sk_replay_event(r, body, 1, &where), -EINVAL);
	json_decref(body);
	sk_replay_free(r);
	sk_policy_free(p);
}

Test(replay, proposal)
{
	struct sk_policy *base = help_policy("[rule hubs]\nkind = hub\naction = allow\n[grants]\ngrade_c = none\nwarn "
	                                     "= 7m\n[check screen-lock]\nidle_limit = 5m\n"),
	                 *p = NULL;
	struct sk_propose *x = sk_propose_new();
	struct sk_err err = SK_ERR_INIT;
	static struct sk_device d;
	struct sk_context c = help_context();
	struct sk_verdict v;
	struct sk_buf out;

	sk_buf_init(&out, 1 << 20);
	cr_assert_eq(sk_propose_text(x, base, 0, &out, &err), -ENOENT);
	base->mode = SK_MODE_LEARN;
	for (size_t i = 0; i < N_DUMPS; i++) {
		json_t *body = record(base, NULL, dumps[i], &d);

		sk_propose_event(x, body, HELP_NOW);
		sk_propose_event(x, body, HELP_NOW + 86400000);
		json_decref(body);
	}
	for (int i = 0; i < 40; i++) { /* many models of one kind, with names that try to be policy */
		json_t *body = record(base, NULL, "headset-jabra", &d);

		json_object_set_new(body, "vendor_id", json_sprintf("%04x", 0x1000 + i));
		json_object_set_new(body, "product",
		                    json_string("x\n[rule evil]\nkind = storage\naction = allow\n \x1b[2J "
		                                "関関関関関関関関関関関関関関関関関関関関"));
		sk_propose_event(x, body, HELP_NOW);
		json_decref(body);
	}
	cr_assert_eq(sk_propose_text(x, base, 32400, &out, &err), 0, "%s", err.text);
	cr_assert_eq(sk_policy_parse("proposal", out.data, out.len, &p, &err), 0, "%s", err.text);
	cr_assert_eq(p->version, base->version + 1);
	cr_assert_eq(p->mode, SK_MODE_ENFORCE);
	cr_assert_eq(p->grade_max[SK_GRADE_C], SK_ACCESS_NONE);
	cr_assert_eq(p->warn_s, 420);
	cr_assert(strstr(out.data, "idle_limit = 5m") && strstr(out.data, "contact_ja"));
	cr_assert(strstr(out.data, ": 2, 2026-04-01 .. 2026-04-02"), "%s", out.data);
	for (size_t i = 0; i < p->n_rules; i++) {
		cr_assert(p->rules[i].action != SK_ACTION_ALLOW || !(p->rules[i].kinds & SK_USB_NAMES_STORING));
		cr_assert_str_neq(p->rules[i].name, "evil");
	}
	/* What was let in while learning is let in by the proposal, and nothing that stores. */
	for (size_t i = 0; i < N_DUMPS; i++) {
		help_device(dumps[i], "S1", &d);
		sk_decide(p, NULL, &d, &c, &v);
		for (size_t k = 0; k < v.n_ifaces; k++)
			cr_assert(!v.ifaces[k].allow || !(v.ifaces[k].kind & SK_USB_STORING));
	}
	help_device("webcam-logitech-c270", "S1", &d);
	sk_decide(p, NULL, &d, &c, &v);
	cr_assert(v.allow && v.reason == SK_REASON_RULE_ALLOW);
	sk_buf_deinit(&out);
	sk_propose_free(x);
	sk_policy_free(base);
	sk_policy_free(p);
}
