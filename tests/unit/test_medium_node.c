/* One node closed for another use, containers that the desktop opens on it, and what is written back before the end. */
#include "tests/unit/medium_help.h"

TestSuite(medium_node, .init = up, .fini = fake_down);

/* ---- another use ---- */

Test(medium_node, from_writing_to_reading_it_is_closed_and_opened_anew)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	add(stick);
	appear();
	mounted(false);
	forget_log();
	grant(stick, "clerk", "ro", F.now + HOUR);
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	cr_assert_eq(find("ro sda"), -1, "not before it is unmounted");
	sk_gate_reconsider(F.gate);
	unmounted();
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "access-changed");
	cr_assert(before("record medium.unmounted", "deauthorise 1-1"));
	cr_assert(before("deauthorise 1-1", "authorise 1-1"));
	cr_assert(stick->iface_auth[0]);
	appear();
	cr_assert(disk->ro && part->ro);
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium_node, closed_first_and_withdrawn_meanwhile_it_stays_closed)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	add(stick);
	appear();
	mounted(false);
	grant(stick, "clerk", "ro", F.now + HOUR);
	sk_gate_reconsider(F.gate);
	F.grants = sk_grants_free(F.grants);
	sk_gate_reconsider(F.gate);
	forget_log();
	unmounted();
	cr_assert(!stick->authorized);
	cr_assert_eq(find("authorise"), -1);
	cr_assert_geq(find("record grant.ended"), 0);
}

Test(medium_node, pulled_out_while_it_is_closed_for_another_use)
{
	open_stick("", F.now + HOUR);
	sk_gate_person(F.gate, "clerk2");
	unplug(stick);
	unmounted();
	cr_assert_null(F.gate->orphans[0]);
	cr_assert_null(sk_gate_find(F.gate, "1-1"));
}

/* ---- an encrypted container, opened by the desktop ---- */

/* A container that the desktop opens after its node came. */
static void open_container(const char *access, sk_ms until)
{
	grant(stick, "clerk", access, until);
	add(stick);
	appear();
	end_job("mount /dev/sda1", 1,
	        "{\"error\":\"it is encrypted and must be unlocked first\",\"fstype\":\"crypto_LUKS\"}");
	part->b.held = true;
	forget_log();
}

Test(medium_node, a_container_opened_later_is_warned_of_and_written_back)
{
	open_container("rw", F.now + HOUR);
	F.now += HOUR - 60000;
	sk_gate_arm(F.gate);
	cr_assert_geq(find("record grant.warned 1-1"), 0);
	cr_assert(runs("sync 8:1"));
	end_job("sync 8:1", 0, "{}");
	cr_assert_eq(find("start /usr/lib/sekimori/sekimori-mount unmount"), -1);
}

Test(medium_node, a_container_opened_later_is_unmounted_before_it_is_closed)
{
	open_container("rw", F.now + HOUR);
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	cr_assert_eq(find("ro sda1"), -1, "not before it is unmounted");
	cr_assert(stick->authorized);
	end_job("unmount 8:1", 0, "{\"mounts\":1,\"detached\":false,\"busy\":[]}");
	cr_assert_geq(find("record medium.unmounted 1-1"), 0);
	cr_assert_str_eq(last_text("medium.unmounted", "cause"), "grant-expired");
	cr_assert(before("record medium.unmounted 1-1", "deauthorise 1-1"));
	cr_assert(!stick->authorized);
}

Test(medium_node, a_container_is_closed_before_it_may_only_be_read)
{
	open_container("rw", F.now + HOUR);
	grant(stick, "clerk", "ro", F.now + HOUR);
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	cr_assert_eq(find("ro sda1"), -1);
	end_job("unmount 8:1", 0, "{\"mounts\":0,\"detached\":false,\"busy\":[]}");
	cr_assert_eq(find("record medium.unmounted 1-1"), -1, "nothing was mounted");
	cr_assert(before("deauthorise 1-1", "authorise 1-1"));
}

/* ---- writing back ---- */

Test(medium_node, before_its_end_what_is_written_to_is_written_back)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	add(stick);
	appear();
	mounted(false);
	F.now += HOUR - 60000;
	sk_gate_arm(F.gate);
	cr_assert(runs("sync 8:1"));
	sk_gate_arm(F.gate);
	F.now += 60000;
	sk_gate_reconsider(F.gate);
	cr_assert(!runs("unmount"), "one helper at a time");
	end_job("sync 8:1", 0, "{}");
	cr_assert(runs("unmount 8:1"));
	cr_assert_geq(F.last_ms, 180000);
	unmounted();
	cr_assert(!stick->authorized);
}

Test(medium_node, what_is_only_read_is_not_written_back_and_waited_for_less)
{
	open_stick("", F.now + HOUR);
	F.now += HOUR - 60000;
	sk_gate_arm(F.gate);
	cr_assert(!runs("sync"));
	F.now += 60000;
	sk_gate_reconsider(F.gate);
	cr_assert(runs("unmount 8:1"));
	cr_assert_leq(F.last_ms, 20000);
}

/* ---- what udev judged without us ---- */

static void plug_card(const char *devpath)
{
	struct fake_block *f = plug_block(stick, 0, NULL);

	sk_text_copy(f->b.devpath, sizeof(f->b.devpath), devpath);
	sk_text_copy(f->b.name, sizeof(f->b.name), strrchr(devpath, '/') + 1);
}

Test(medium_node, only_what_can_be_plugged_in_is_asked_about_again)
{
	plug_card("/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0");
	plug_card("/devices/pci0000:00/0000:00:1f.2/ata1/host0/block/sdb");
	plug_card("/devices/virtual/block/dm-0");
	sk_gate_look_again(F.gate);
	cr_assert_geq(find("look-again mmcblk0"), 0);
	cr_assert_eq(find("look-again sdb"), -1);
	cr_assert_eq(find("look-again dm-0"), -1);
}

Test(medium_node, a_card_on_which_the_system_opened_something_is_left_alone)
{
	const char *card = "/devices/pci0000:00/0000:00:05.0/mmc_host/mmc0/mmc0:4567/block/mmcblk0";
	struct sk_err err = SK_ERR_INIT;
	json_t *answer = NULL;

	plug_card(card);
	F.blocks[0].b.held = true;
	cr_assert_eq(sk_gate_block_verdict(F.gate, card, &answer, &err), 0);
	cr_assert_str_eq(json_string_value(json_object_get(answer, "verdict")), "internal");
	cr_assert(!F.blocks[0].ro);
	json_decref(answer);
}
