/* Erasing through the gate: only under a grant that says so, nothing of the medium in use, and an end that is told exactly once. */
#include "tests/unit/medium_help.h"

TestSuite(gate_erase, .init = up, .fini = fake_down);

static int told;
static char why[128];
static json_t *said;

static void on_over(void *arg, const json_t *answer, const char *reason)
{
	(void)arg;
	told++;
	json_decref(said);
	said = answer != NULL ? json_deep_copy(answer) : NULL;
	sk_text_copy(why, sizeof(why), reason != NULL ? reason : "");
}

static int erase(const char *typed, const char *label)
{
	struct sk_gate_erase e = {.device = "1-1", .person = "clerk", .typed = typed, .label = label, .fn = on_over};
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int r = sk_gate_erase(F.gate, &e, &ident, &err);

	if (r == 0) {
		cr_assert_eq(json_integer_value(json_object_get(ident, "request")), 7);
		cr_assert_eq(json_integer_value(json_object_get(ident, "size")), 1 << 24);
		cr_assert_str_eq(json_string_value(json_object_get(ident, "person")), "clerk");
		sk_gate_erase_begin(F.gate, "1-1");
	}
	json_decref(ident);
	return r;
}

static void open_rw(bool may)
{
	told = 0;
	why[0] = '\0';
	grant(stick, "clerk", "rw", F.now + HOUR);
	F.grants->items[0].erase = may;
	add(stick);
	appear();
	mounted(false);
}

#define DONE "{\"method\":\"overwrite\",\"bytes\":16777216,\"written\":16777216,\"verified\":16777216}"

static struct sk_attached *attached(void)
{
	return sk_gate_find(F.gate, "1-1");
}

Test(gate_erase, what_is_mounted_is_closed_first_and_then_all_of_it_is_erased)
{
	open_rw(true);
	cr_assert_eq(erase("S1", ""), 0);
	cr_assert(runs("unmount 8:1"));
	cr_assert(!runs("sekimori-erase"), "while it is mounted");
	unmounted();
	cr_assert(runs("sekimori-erase /dev/sda 8:0 overwrite"));
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "erase");
	cr_assert(!disk->ro);
	cr_assert_eq(erase("S1", ""), -EBUSY, "once at a time");
	end_job("sekimori-erase", 0, DONE);
	cr_assert_eq(told, 1);
	cr_assert_eq(json_integer_value(json_object_get(said, "verified")), 1 << 24);
	cr_assert(attached()->outcome.allow, "the permit goes on");
	cr_assert(!attached()->erasing);
	cr_assert_eq(erase("S1", ""), 0, "once more");
}

Test(gate_erase, not_without_the_grant_or_the_name)
{
	open_rw(false);
	cr_assert_eq(erase("S1", ""), -EPERM);
	F.grants->items[0].erase = true;
	cr_assert_eq(erase("", ""), -EACCES);
	cr_assert_eq(erase("S2", ""), -EACCES);
	cr_assert_eq(erase("S1", "lower"), -EPERM);
	cr_assert(!runs("unmount"));
	F.grants->items[0].access = SK_ACCESS_RO;
	cr_assert_eq(erase("S1", ""), -EPERM);
	cr_assert_eq(told, 0);
}

Test(gate_erase, what_is_shut_is_not_erased)
{
	struct sk_gate_erase e = {.device = "1-1", .person = "", .typed = "S1", .label = "", .fn = on_over};
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;

	add(stick);
	cr_assert_eq(sk_gate_erase(F.gate, &e, &ident, &err), -ENOENT);
	e.device = "9-9";
	cr_assert_eq(sk_gate_erase(F.gate, &e, &ident, &err), -ENOENT);
	cr_assert_null(ident);
}

Test(gate_erase, the_end_of_the_permit_ends_it)
{
	open_rw(true);
	cr_assert_eq(erase("S1", ""), 0);
	unmounted();
	F.grants = sk_grants_free(F.grants);
	(void)sk_gate_reconsider(F.gate);
	cr_assert_geq(find("cancel /usr/lib/sekimori/sekimori-erase"), 0);
	cr_assert_eq(told, 1);
	cr_assert_neq(strlen(why), 0);
	cr_assert_null(said);
	cr_assert(!stick->iface_auth[0]);
}

Test(gate_erase, pulled_out_in_the_middle)
{
	open_rw(true);
	cr_assert_eq(erase("S1", ""), 0);
	unmounted();
	unplug(stick);
	cr_assert_eq(told, 1);
	cr_assert_str_eq(why, "it was unplugged");
	cr_assert(!runs("sekimori-erase"));
}

Test(gate_erase, a_helper_that_dies_is_told)
{
	open_rw(true);
	cr_assert_eq(erase("S1", ""), 0);
	unmounted();
	end_job("sekimori-erase", 137, "");
	cr_assert_eq(told, 1);
	cr_assert_null(said);
	cr_assert_neq(strlen(why), 0);
	cr_assert(disk->ro || attached()->outcome.allow);
}

Test(gate_erase, it_gets_its_label_when_it_is_erased)
{
	open_rw(true);
	cr_assert_eq(erase("S1", "M-7"), 0);
	unmounted();
	end_job("sekimori-erase", 0, DONE);
	cr_assert_eq(told, 0, "before it has its label");
	cr_assert(runs("/usr/sbin/mkfs.fat -I -n M-7 /dev/sda"));
	end_job("mkfs.fat", 1, "");
	cr_assert_eq(told, 1);
	cr_assert(json_is_false(json_object_get(said, "labelled")));
}

Test(gate_erase, none_of_a_label_where_it_failed)
{
	open_rw(true);
	cr_assert_eq(erase("S1", "M-7"), 0);
	unmounted();
	end_job("sekimori-erase", 0,
	        "{\"method\":\"overwrite\",\"bytes\":16777216,\"written\":4096,\"verified\":0,\"error\":\"x\"}");
	cr_assert(!runs("mkfs.fat"));
	cr_assert_eq(told, 1);
	cr_assert_not_null(json_object_get(said, "error"));
}

Test(gate_erase, udev_leaves_it_writable_meanwhile)
{
	char text[2048];
	json_t *list;

	(void)snprintf(text, sizeof(text), "%.*s", (int)(strstr(POLICY, "[media]") - POLICY), POLICY);
	set_policy(text);
	told = 0;
	grant(stick, "clerk", "rw", F.now + HOUR);
	F.grants->items[0].erase = true;
	add(stick);
	appear();
	end_job("mount /dev/sda1", 1, "{\"error\":\"it is not encrypted\",\"fstype\":\"vfat\"}");
	cr_assert_eq(erase("S1", ""), 0);
	cr_assert(runs("sekimori-erase"));
	{
		struct sk_err err = SK_ERR_INIT;
		json_t *out = NULL;

		cr_assert_eq(sk_gate_block_verdict(F.gate, disk->b.devpath, &out, &err), 0);
		cr_assert_str_eq(json_string_value(json_object_get(out, "verdict")), "deny");
		json_decref(out);
	}
	cr_assert(!disk->ro, "set read-only while it is overwritten");
	list = sk_gate_devices(F.gate);
	cr_assert_not_null(
	    json_object_get(json_array_get(json_object_get(json_array_get(list, 0), "media"), 0), "erase"));
	json_decref(list);
	end_job("sekimori-erase", 0, DONE);
	cr_assert(disk->ro);
}
