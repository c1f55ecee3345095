/* Scan before use behind the gate: only a clean scan opens, and every other end keeps the medium shut. */
#include "tests/unit/medium_help.h"

#define CLEAN \
	"{\"result\":\"clean\",\"files\":3,\"bytes\":10,\"special\":0,\"found\":[],\"found_total\":0,\"unscanned\":[]" \
	"," \
	"\"unscanned_total\":0,\"seconds\":1}"
#define PARTLY \
	"{\"result\":\"partly\",\"reason\":\"file-limit\",\"files\":3,\"bytes\":10,\"special\":0,\"found\":[]," \
	"\"found_total\":0," \
	"\"unscanned\":[{\"file\":\"a\",\"reason\":\"file-limit\"}],\"unscanned_total\":1,\"seconds\":1}"
#define INFECTED \
	"{\"result\":\"infected\",\"files\":3,\"bytes\":10,\"special\":0,\"found\":[{\"file\":\"x.exe\"," \
	"\"signature\":\"Eicar\"}]," \
	"\"found_total\":1,\"unscanned\":[],\"unscanned_total\":0,\"seconds\":1}"

static const char SCAN[] =
    "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
    "[rule media]\nkind = storage\naction = grant\n"
    "[grants]\nwarn = 5m\ngrade_c = rw\n[media]\nwrite = plain\n"
    "[scan]\nbefore_use = yes\nsocket = /run/c\ntime_limit = 60s\nfile_limit = 1M\ntotal_limit = 2M\n";

static void plugged(const char *access, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s%s", SCAN, more);
	set_policy(text);
	grant(stick, "", access, F.now + HOUR);
	add(stick);
	appear();
}

TestSuite(medium_scan, .init = up, .fini = fake_down);

Test(medium_scan, clean_is_mounted_and_was_read_only_until_then)
{
	plugged("rw", "");
	cr_assert(runs("sekimori-scan /dev/sda1 8:1 /run/c 60 1048576 2097152"));
	cr_assert(!runs("mount /dev/sda1"));
	cr_assert(part->ro);
	cr_assert_eq(F.last_ms, 75000);
	cr_assert_geq(find("record medium.scanning"), 0);
	end_job("sekimori-scan", 0, CLEAN);
	cr_assert(!part->ro);
	cr_assert(runs("mount /dev/sda1 8:1 clerk rw"));
	cr_assert(before("record medium.scanned", "start /usr/lib/sekimori/sekimori-mount"));
	mounted(false);
	cr_assert_geq(find("record medium.mounted"), 0);
}

Test(medium_scan, infected_is_closed_for_good_and_told_with_file_and_signature)
{
	plugged("ro", "");
	end_job("sekimori-scan", 0, INFECTED);
	cr_assert(!runs("mount /dev/sda1"));
	cr_assert(!stick->authorized);
	cr_assert_str_eq(last_text("medium.infected", "file"), "x.exe");
	cr_assert_str_eq(last_text("medium.infected", "signature"), "Eicar");
	cr_assert_geq(find("record device.refused-infected 1-1"), 0);
	cr_assert_geq(find("notify medium.infected"), 0);
	forget_log();
	sk_gate_reconsider(F.gate);
	cr_assert_eq(find("authorise 1-1"), -1);
	cr_assert(!runs("sekimori-scan"));
}

static void not_opened(int status, const char *output, const char *reason)
{
	plugged("ro", "");
	end_job("sekimori-scan", status, output);
	cr_assert(!runs("mount /dev/sda1"));
	cr_assert(!runs("sekimori-scan"));
	cr_assert_str_eq(last_text("medium.not-scanned", "reason"), reason);
	cr_assert_geq(find("notify medium.not-scanned"), 0);
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("mount /dev/sda1"));
}

Test(medium_scan, no_answer)
{
	not_opened(139, "", "helper");
}
Test(medium_scan, killed_at_the_limit)
{
	not_opened(-ETIMEDOUT, "", "time-limit");
}
Test(medium_scan, nonsense)
{
	not_opened(0, "clean", "helper");
}
Test(medium_scan, clean_without_counts)
{
	not_opened(0, "{\"result\":\"clean\"}", "helper");
}
Test(medium_scan, unknown_result)
{
	not_opened(0, "{\"result\":\"fine\"}", "helper");
}
Test(medium_scan, unknown_reason)
{
	not_opened(0, "{\"result\":\"not-scanned\",\"reason\":\"x\"}", "helper");
}
Test(medium_scan, clean_by_a_helper_that_failed)
{
	not_opened(1, CLEAN, "helper");
}
Test(medium_scan, absent)
{
	not_opened(0, "{\"result\":\"not-scanned\",\"reason\":\"absent\"}", "absent");
}
Test(medium_scan, partly_is_not_scanned_by_default)
{
	not_opened(0, PARTLY, "file-limit");
}

Test(medium_scan, partly_may_be_read_where_the_policy_says_so)
{
	plugged("rw", "unscannable = allow-read-only\n");
	end_job("sekimori-scan", 0, PARTLY);
	cr_assert(part->ro);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	mounted(true);
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("unmount 8:1"));
}

Test(medium_scan, no_process_is_no_pass)
{
	F.no_process = true;
	plugged("ro", "");
	cr_assert_str_eq(last_text("medium.not-scanned", "reason"), "helper");
	F.no_process = false;
	cr_assert(!runs("mount"));
}

Test(medium_scan, the_end_of_the_permit_does_not_wait_for_the_scan)
{
	plugged("ro", "");
	F.grants = sk_grants_free(F.grants);
	sk_gate_reconsider(F.gate);
	cr_assert_geq(find("cancel /usr/lib/sekimori/sekimori-scan"), 0);
	cr_assert_str_eq(last_text("medium.not-scanned", "reason"), "closed");
	cr_assert(!stick->authorized);
}

Test(medium_scan, unplugged_in_the_middle)
{
	plugged("ro", "");
	unplug(stick);
	cr_assert_geq(find("cancel /usr/lib/sekimori/sekimori-scan"), 0);
	cr_assert_str_eq(last_text("medium.not-scanned", "reason"), "removed");
}

Test(medium_scan, another_person_means_another_scan)
{
	plugged("ro", "");
	end_job("sekimori-scan", 0, CLEAN);
	mounted(true);
	sk_gate_person(F.gate, "clerk2");
	unmounted();
	appear();
	cr_assert(runs("sekimori-scan /dev/sda1"));
	cr_assert(!runs("mount /dev/sda1"));
}

Test(medium_scan, what_lies_on_a_medium_is_not_handed_to_the_desktop)
{
	json_t *answer = NULL;
	struct sk_err err;

	plugged("ro", "");
	F.slave = part->b.devpath;
	cr_assert_eq(sk_gate_block_verdict(F.gate, "/devices/virtual/block/dm-0", &answer, &err), 0);
	cr_assert_str_eq(json_string_value(json_object_get(answer, "verdict")), "deny");
	json_decref(answer);
}

Test(medium_scan, devices_show_it)
{
	json_t *list, *scan;

	plugged("ro", "");
	list = sk_gate_devices(F.gate);
	scan = NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *media = json_object_get(json_array_get(list, i), "media");

		for (size_t k = 0; k < json_array_size(media); k++)
			if (json_object_get(json_array_get(media, k), "scan"))
				scan = json_object_get(json_array_get(media, k), "scan");
	}
	cr_assert_not_null(scan);
	cr_assert_str_eq(json_string_value(json_object_get(scan, "state")), "running");
	json_decref(list);
}
