/* The recorder behind the gate: there before anything can be written, there until all is told, and every gap is one in the record. */
#include <sys/stat.h>

#include "tests/unit/medium_help.h"

static char root[64];

static void set_up(void)
{
	up();
	snprintf(root, sizeof(root), "/tmp/sk-record-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	F.gate->sys.record_root = root;
}

static void take_down(void)
{
	char cmd[128];

	fake_down();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", root);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(medium_record, .init = set_up, .fini = take_down);

/* As the recorder: whole, then under its name. */
static void tell_file(const char *name, const char *text)
{
	char tmp[128], path[128];
	FILE *f;

	snprintf(tmp, sizeof(tmp), "%s/8:1/tmp", root);
	snprintf(path, sizeof(path), "%s/8:1/%s", root, name);
	f = fopen(tmp, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
	cr_assert_eq(rename(tmp, path), 0);
	while (sd_event_run(F.loop, 0) > 0)
		;
}

static void opened(void)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(runs("sekimori-recorder /dev/sda1 8:1 clerk"));
	cr_assert(!runs("mount /dev/sda1"));
	tell_file("ready", "{}");
	cr_assert(runs("mount /dev/sda1 8:1 clerk rw"));
	mounted(false);
}

Test(medium_record, reading_needs_no_recorder)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(!runs("sekimori-recorder"));
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium_record, written_files_become_events_with_medium_person_and_grant)
{
	const json_t *body;

	opened();
	tell_file("00000000.json", "{\"files\":[{\"path\":\"a.txt\",\"op\":\"written\",\"size\":5}]}");
	body = last_body("file.written");
	cr_assert_not_null(body);
	cr_expect_str_eq(last_text("file.written", "person"), "clerk");
	cr_expect_str_eq(last_text("file.written", "node"), "sda1");
	cr_expect_gt(strlen(last_text("file.written", "grant")), 0);
	cr_expect_eq(json_array_size(json_object_get(body, "files")), 1);
}

Test(medium_record, the_policy_says_which_class_a_name_stands_for)
{
	const json_t *files;

	set_policy("[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
	           "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = rw\n[media]\nwrite = plain\n"
	           "[classes]\nclass_2 = *resident*\n");
	opened();
	tell_file("00000000.json", "{\"files\":[{\"path\":\"x/Residents/a.txt\",\"op\":\"written\"},"
	                           "{\"path\":\"b.txt\",\"op\":\"written\",\"class\":\"1\"},{\"op\":\"written\"},7]}");
	files = json_object_get(last_body("file.written"), "files");
	cr_assert_eq(json_array_size(files), 4);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(files, 0), "class")), "2");
	cr_expect_null(json_object_get(json_array_get(files, 1), "class"), "the recorder has no say in it");
}

Test(medium_record, the_end_waits_until_the_last_files_are_told)
{
	opened();
	F.grants = sk_grants_free(F.grants);
	sk_gate_reconsider(F.gate);
	unmounted();
	cr_assert(stick->authorized, "still being hashed");
	tell_file("00000000.json", "{\"files\":[{\"path\":\"a.txt\",\"op\":\"written\",\"size\":5}]}");
	tell_file("00000001.json", "{\"end\":true,\"files\":1,\"bytes\":5,\"not_hashed\":0}");
	end_job("sekimori-recorder", 0, "");
	cr_assert(!stick->authorized);
	cr_assert(before("record file.written", "record medium.recorded"));
	cr_assert(before("record medium.recorded", "deauthorise 1-1"));
	cr_assert_null(last_body("medium.record-gap"));
}

Test(medium_record, one_that_dies_is_a_gap_and_what_it_told_counts)
{
	opened();
	tell_file("00000000.json", "{\"files\":[{\"path\":\"a.txt\",\"op\":\"written\",\"size\":5}]}");
	end_job("sekimori-recorder", 139, "");
	cr_assert_not_null(last_body("file.written"));
	cr_assert_str_eq(last_text("medium.record-gap", "reason"), "died");
}

Test(medium_record, told_gaps_and_nonsense_are_gaps)
{
	opened();
	tell_file("00000000.json", "{\"gap\":\"overflow\",\"count\":3}");
	cr_assert_str_eq(last_text("medium.record-gap", "reason"), "overflow");
	tell_file("00000001.json", "{\"files\":");
	cr_assert_str_eq(last_text("medium.record-gap", "reason"), "malformed");
	tell_file("00000002.json", "{\"gap\":\"\\u001b\"}");
	tell_file("00000003.json", "{\"files\":[]}");
	cr_assert_not_null(last_body("file.written"));
}

Test(medium_record, what_cannot_be_watched_is_only_read)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	appear();
	end_job("sekimori-recorder", 1, "{\"error\":\"x\"}");
	cr_assert_str_eq(last_text("medium.record-gap", "reason"), "not-started");
	cr_assert(part->ro);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
	mounted(true);
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("unmount 8:1"));
}

Test(medium_record, no_process_means_only_read)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	F.no_process = true;
	appear();
	cr_assert_str_eq(last_text("medium.record-gap", "reason"), "not-started");
}

Test(medium_record, unplugged_before_it_is_ready)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	appear();
	unplug(stick);
	cr_assert(!runs("sekimori-recorder"));
}

Test(medium_record, unplugged_while_mounted_the_rest_is_told)
{
	opened();
	unplug(stick);
	unmounted();
	cr_assert(runs("sekimori-recorder"));
	tell_file("00000000.json", "{\"gap\":\"unreadable\",\"count\":1}");
	end_job("sekimori-recorder", 0, "");
	cr_assert_geq(find("record medium.record-gap"), 0);
}

Test(medium_record, another_person_before_it_is_ready)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	appear();
	sk_gate_person(F.gate, "clerk2");
	cr_assert(runs("sekimori-recorder /dev/sda1 8:1 clerk2"));
	cr_assert(!runs("sekimori-recorder /dev/sda1 8:1 clerk "));
}
