/* Media behind the gate: modules, read-only marks, mounting, the end of a grant, people who change, helpers that fail. */
#include <unistd.h>

#include "tests/unit/medium_help.h"

TestSuite(medium, .init = up, .fini = fake_down);

/* ---- opening ---- */

Test(medium, modules_come_after_authorisation_and_before_the_interface)
{
	F.modules_loaded = false;
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	cr_assert(before("authorise 1-1", "start /sbin/modprobe -q -a usb-storage uas"));
	cr_assert(!stick->iface_auth[0]);
	end_job("modprobe", 0, "");
	cr_assert(stick->iface_auth[0]);
	cr_assert(before("record device.decided 1-1", "authorise 1-1"));
	cr_assert_geq(find("record grant.admitted 1-1"), 0);
}

Test(medium, a_modprobe_that_fails_shuts_the_device)
{
	F.modules_loaded = false;
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	end_job("modprobe", 1, "");
	cr_assert(!stick->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
}

Test(medium, unplugging_during_modprobe_ends_it)
{
	F.modules_loaded = false;
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	unplug(stick);
	cr_assert_geq(find("cancel /sbin/modprobe"), 0);
	cr_assert(!runs("modprobe"));
}

Test(medium, a_driver_only_the_alias_names_is_asked_for)
{
	stick->binds = NULL;
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	cr_assert_geq(find("start /sbin/modprobe -q -C /dev/null usb:v0951p1666"), 0);
	stick->binds = "ums-realtek";
	end_job("modprobe", 0, "");
	cr_assert_str_eq(stick->driver[0], "ums-realtek");
}

Test(medium, nodes_are_read_only_before_the_mount_and_only_the_partition_is_mounted)
{
	open_stick("", F.now + HOUR);
	cr_assert(before("ro sda", "start /usr/lib/sekimori/sekimori-mount mount /dev/sda1 8:1 clerk ro"));
	cr_assert(before("ro sda1", "start /usr/lib/sekimori/sekimori-mount mount"));
	cr_assert_eq(find("start /usr/lib/sekimori/sekimori-mount mount /dev/sda "), -1);
	cr_assert_geq(find("record medium.mounted 1-1"), 0);
	cr_assert_str_eq(last_text("medium.mounted", "mount"), PATH);
	cr_assert_str_eq(last_text("medium.mounted", "uuid"), "1234-5678");
	cr_assert(json_is_true(json_object_get(last_body("medium.mounted"), "read_only")));
}

Test(medium, a_grant_that_arrives_opens_the_waiting_stick)
{
	add(stick);
	cr_assert(!stick->authorized);
	grant(stick, "clerk", "ro", F.now + HOUR);
	sk_gate_reconsider(F.gate);
	cr_assert(stick->iface_auth[0]);
	appear();
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium, writing_is_opened_only_by_a_grant_for_writing)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	appear();
	cr_assert_geq(find("rw sda1"), 0);
	cr_assert(runs("mount /dev/sda1 8:1 clerk rw"));
	mounted(false);
	cr_assert_geq(find("record medium.mounted"), 0);
}

Test(medium, nobody_at_the_terminal_means_not_mounted_until_somebody_is)
{
	F.gate->person[0] = '\0';
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(!runs("mount /dev/sda1"));
	cr_assert(part->ro);
	sk_gate_person(F.gate, "clerk");
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium, an_empty_card_slot_waits_for_a_card)
{
	struct sk_uevent e;

	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	disk = plug_block(stick, 0, NULL);
	disk->b.bytes = 0;
	block_add(disk);
	cr_assert(!runs("mount"));
	disk->b.bytes = 1 << 24;
	e = (struct sk_uevent){"change", "block", "disk", disk->b.devpath, "sda", true};
	sk_gate_uevent(F.gate, &e);
	cr_assert(runs("mount /dev/sda 8:0 clerk ro"));
}

/* ---- what does not work ---- */

Test(medium, a_mount_that_failed_is_told_in_words_and_not_repeated)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	end_job("mount /dev/sda1", 1, "{\"error\":\"there is no file system on it\"}");
	cr_assert_str_eq(last_text("medium.mount-failed", "why"), "there is no file system on it");
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("mount"));
}

Test(medium, a_helper_that_dies_or_babbles_is_a_failed_mount)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	end_job("mount /dev/sda1", 139, "{\"mount\":");
	cr_assert_geq(find("record medium.mount-failed"), 0);
	cr_assert(!runs("mount"));
}

Test(medium, a_helper_that_names_another_place_is_not_believed)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	end_job("mount /dev/sda1", 0, "{\"mount\":\"/etc\"}");
	cr_assert_geq(find("record medium.mount-failed"), 0);
}

Test(medium, a_mount_that_is_writable_in_truth_is_taken_away)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	fake_mount(8, 1, PATH, false);
	end_job("mount /dev/sda1", 0, "{\"mount\":\"" PATH "\",\"fstype\":\"vfat\"}");
	cr_assert_geq(find("record enforcement.failed"), 0);
	cr_assert_eq(find("record medium.mounted"), -1);
	cr_assert(runs("unmount 8:1"));
}

Test(medium, a_mount_without_noexec_is_taken_away)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	fake_mount(8, 1, PATH, true)->noexec = false;
	end_job("mount /dev/sda1", 0, "{\"mount\":\"" PATH "\",\"fstype\":\"vfat\"}");
	cr_assert(runs("unmount 8:1"));
}

Test(medium, a_disk_that_cannot_be_made_read_only_is_closed)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	disk = plug_block(stick, 0, NULL);
	disk->stuck_rw = true;
	block_add(disk);
	cr_assert(!stick->authorized);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	cr_assert(!runs("mount"));
	sk_gate_reconsider(F.gate);
	cr_assert(!stick->authorized, "it is out until it is plugged again");
}

Test(medium, no_process_to_be_had_is_a_failed_mount_and_the_end_still_comes)
{
	F.no_process = true;
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	cr_assert_geq(find("record medium.mount-failed"), 0);
	F.now += 2 * HOUR;
	sk_gate_reconsider(F.gate);
	cr_assert(!stick->authorized);
}

Test(medium, a_block_device_behind_what_may_not_store_ends_the_device)
{
	struct fake_device *d = plug_one("1-2", KEYBOARD, "");
	struct fake_block *b;

	d->binds = "usbhid";
	add(d);
	b = plug_block(d, 0, NULL);
	block_add(b);
	cr_assert(!d->authorized);
	cr_assert_geq(find("record enforcement.failed 1-2"), 0);
}

/* ---- the end ---- */

Test(medium, before_its_end_a_grant_is_warned_of_once)
{
	int n = 0;

	open_stick("", F.now + HOUR);
	cr_assert_eq(find("record grant.warned"), -1);
	F.now += HOUR - 200000;
	sk_gate_reconsider(F.gate);
	F.now += 1000;
	sk_gate_reconsider(F.gate);
	for (size_t i = 0; i < F.n_log; i++)
		n += strncmp(F.log[i], "record grant.warned", 19) == 0;
	cr_assert_eq(n, 1);
	cr_assert_geq(find("notify grant.warned"), 0);
	cr_assert(stick->iface_auth[0]);
}

Test(medium, at_its_end_it_is_unmounted_then_closed)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	cr_assert(stick->authorized, "closed before it was unmounted");
	cr_assert_geq(find("record device.decided 1-1"), 0);
	unmounted();
	cr_assert(!stick->authorized);
	cr_assert(before("record medium.unmounted 1-1", "deauthorise 1-1"));
	cr_assert(before("deauthorise 1-1", "record grant.ended 1-1"));
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "grant-expired");
	cr_assert_str_eq(last_text("grant.ended", "cause"), "grant-expired");
	cr_assert(json_is_true(json_object_get(last_body("medium.unmounted"), "clean")));
}

Test(medium, the_timer_ends_a_grant_without_being_asked)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR - 20;
	sk_gate_arm(F.gate);
	F.now += 20;
	for (int i = 0; i < 20 && !runs("unmount"); i++)
		cr_assert_geq(sd_event_run(F.loop, 100000), 0);
	cr_assert(runs("unmount 8:1"));
}

Test(medium, without_grants_no_timer_runs)
{
	int on = -1;

	add(plug_one("1-2", KEYBOARD, ""));
	cr_assert(F.gate->timer == NULL);
	open_stick("", F.now + HOUR);
	cr_assert_not_null(F.gate->timer);
	unplug(stick);
	cr_assert_geq(sd_event_source_get_enabled(F.gate->timer, &on), 0);
	cr_assert_eq(on, SD_EVENT_OFF);
}

Test(medium, who_holds_on_is_recorded)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	F.n_mounts = 0;
	end_job("unmount", 0, "{\"mounts\":1,\"detached\":true,\"busy\":[{\"pid\":77,\"program\":\"cat\"}]}");
	cr_assert(json_is_false(json_object_get(last_body("medium.unmounted"), "clean")));
	cr_assert_eq(json_array_size(json_object_get(last_body("medium.unmounted"), "busy")), 1);
	cr_assert(!stick->authorized);
}

Test(medium, an_unmount_that_hangs_does_not_keep_it_open)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	end_job("unmount", -ETIMEDOUT, "");
	cr_assert(!stick->authorized);
	cr_assert_geq(find("record grant.ended"), 0);
}

Test(medium, a_grant_that_is_renewed_while_unmounting_opens_it_again)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount"));
	grant(stick, "", "ro", F.now + HOUR);
	sk_gate_reconsider(F.gate);
	unmounted();
	cr_assert(stick->authorized);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium, a_clock_turned_back_by_the_caller_does_not_reopen_it)
{
	/* The trusted clock never goes back; here only: the same instant again decides the same. */
	open_stick("", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	unmounted();
	forget_log();
	sk_gate_reconsider(F.gate);
	cr_assert_eq(F.n_log, 0);
}

Test(medium, pulled_out_while_mounted_the_mount_is_undone)
{
	open_stick("", F.now + HOUR);
	unplug(stick);
	cr_assert(runs("unmount 8:1"));
	cr_assert_geq(find("record device.removed 1-1"), 0);
	unmounted();
	cr_assert_geq(find("record medium.unmounted 1-1"), 0);
	cr_assert_null(F.gate->orphans[0]);
}

Test(medium, pulled_out_while_a_mount_is_under_way)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(runs("mount /dev/sda1"));
	unplug(stick);
	mounted(true);
	cr_assert(runs("unmount 8:1"), "a mount that came too late must go too");
	unmounted();
	cr_assert_null(F.gate->orphans[0]);
}

/* ---- people ---- */

Test(medium, another_person_gets_it_mounted_anew)
{
	open_stick("", F.now + HOUR);
	forget_log();
	sk_gate_person(F.gate, "clerk2");
	cr_assert(runs("unmount 8:1"));
	unmounted();
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "person-changed");
	/* Closed and opened anew: what the first person has open, seen or not, does not live on. */
	cr_assert(before("record medium.unmounted", "deauthorise 1-1"));
	cr_assert(before("deauthorise 1-1", "authorise 1-1"));
	cr_assert(stick->authorized && stick->iface_auth[0]);
	cr_assert_eq(find("record grant.ended"), -1);
	cr_assert(!runs("mount"));
	appear();
	cr_assert(runs("mount /dev/sda1 8:1 clerk2 ro"));
}

Test(medium, a_grant_for_one_person_is_none_for_another)
{
	open_stick("clerk", F.now + HOUR);
	sk_gate_person(F.gate, "clerk2");
	unmounted();
	cr_assert(!stick->authorized);
	cr_assert_str_eq(last_text("device.decided", "reason"), "grant-other-person");
	sk_gate_person(F.gate, "clerk");
	cr_assert(stick->iface_auth[0]);
}

/* ---- restart ---- */

Test(medium, after_a_restart_a_mounted_medium_goes_on_as_it_is)
{
	stick->authorized = stick->iface_auth[0] = true;
	stick->config = 1;
	sk_text_copy(stick->driver[0], 32, "usb-storage");
	disk = plug_block(stick, 0, NULL);
	disk->b.partitions = 1;
	part = plug_block(stick, 0, "sda1");
	part->ro = disk->ro = true;
	fake_mount(8, 1, PATH, true);
	grant(stick, "clerk", "ro", F.now + HOUR);
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	cr_assert_eq(find("authorise"), -1);
	cr_assert_eq(find("deauthorise"), -1);
	cr_assert_eq(find("start"), -1, "%s", F.log[find("start")]);
	cr_assert_geq(find("record medium.mounted"), 0, "the record since the restart says that it is open");
	cr_assert_str_eq(last_text("medium.mounted", "mount"), PATH);
	cr_assert_eq(find("notify medium.mounted"), -1, "the person knows");
	forget_log();
	sk_gate_reconsider(F.gate);
	cr_assert_eq(find("record medium.mounted"), -1, "once");
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	unmounted();
	cr_assert(!stick->authorized);
}

Test(medium, after_a_restart_without_the_grant_it_is_unmounted_and_closed)
{
	stick->authorized = stick->iface_auth[0] = true;
	stick->config = 1;
	part = plug_block(stick, 0, "sda1");
	part->b.minor = 1;
	fake_mount(8, 1, PATH, true);
	cr_assert_eq(sk_gate_scan(F.gate, true), 0);
	cr_assert(runs("unmount 8:1"));
	cr_assert(stick->authorized);
	unmounted();
	cr_assert(!stick->authorized);
}

/* ---- udev's question ---- */

static const char *verdict(const char *devpath)
{
	static char word[16];
	struct sk_err err = SK_ERR_INIT;
	json_t *out = NULL;

	if (sk_gate_block_verdict(F.gate, devpath, &out, &err) < 0)
		return "error";
	sk_text_copy(word, sizeof(word), json_string_value(json_object_get(out, "verdict")));
	json_decref(out);
	return word;
}

Test(medium, the_verdict_sets_read_only_before_it_answers)
{
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	disk = plug_block(stick, 0, NULL);
	cr_assert_str_eq(verdict(disk->b.devpath), "ro");
	cr_assert(disk->ro);
}

Test(medium, the_verdict_on_a_grant_for_writing_is_rw)
{
	grant(stick, "", "rw", F.now + HOUR);
	add(stick);
	disk = plug_block(stick, 0, NULL);
	cr_assert_str_eq(verdict(disk->b.devpath), "rw");
	cr_assert(!disk->ro);
}

Test(medium, unknown_usb_storage_is_denied_and_set_read_only)
{
	disk = plug_block(stick, 0, NULL);
	cr_assert_str_eq(verdict(disk->b.devpath), "deny");
	cr_assert(disk->ro);
}

Test(medium, internal_disks_are_left_alone)
{
	cr_assert_str_eq(verdict("/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sdb"),
	                 "internal");
	cr_assert_str_eq(verdict("/devices/pci0000:00/0000:00:04.0/virtio0/block/vda/vda1"), "internal");
	cr_assert_eq(find("ro"), -1);
}

Test(medium, what_lies_on_a_medium_gets_its_verdict)
{
	cr_assert_str_eq(verdict("/devices/virtual/block/dm-0"), "internal");
	grant(stick, "", "ro", F.now + HOUR);
	add(stick);
	disk = plug_block(stick, 0, NULL);
	F.slave = disk->b.devpath;
	cr_assert_str_eq(verdict("/devices/virtual/block/dm-0"), "ro");
	F.slave = "/devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sdb";
	cr_assert_str_eq(verdict("/devices/virtual/block/dm-0"), "internal");
	F.slave = "/devices/virtual/block/dm-0";
	cr_assert_str_eq(verdict("/devices/virtual/block/dm-0"), "deny", "a circle is refused");
}

Test(medium, cards_and_firewire_disks_are_denied)
{
	cr_assert_str_eq(verdict("/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0"), "deny");
	cr_assert_str_eq(verdict("/devices/pci0000:00/0000:00:06.0/fw1/fw1.0/host3/block/sdc"), "deny");
}

Test(medium, paths_from_outside_are_checked)
{
	static const char *const BAD[] = {
	    "", "/sys/devices/x", "/devices/../../etc", "/devices/a/..", "/devices/a\n", "devices/x"};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_str_eq(verdict(BAD[i]), "error", "%s", BAD[i]);
}

Test(medium, a_medium_is_shown_with_its_mounts)
{
	json_t *list, *media;

	open_stick("", F.now + HOUR);
	list = sk_gate_devices(F.gate);
	media = json_object_get(json_array_get(list, json_array_size(list) - 1), "media");
	cr_assert_eq(json_array_size(media), 2);
	cr_assert_eq(json_array_size(json_object_get(json_array_get(media, 1), "mounts")), 1);
	cr_assert(json_is_true(json_object_get(json_array_get(media, 1), "read_only")));
	json_decref(list);
}
