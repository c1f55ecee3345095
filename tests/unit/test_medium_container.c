/* Encrypted-only media: nothing is writable in clear, the container is opened with a passphrase, judged, mounted, closed at the end. */
#include <errno.h>

#include "tests/unit/medium_help.h"

static const char ENCRYPTED[] = "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"
                                "[rule hubs]\nkind = hub\naction = allow\n"
                                "[rule media]\nkind = storage\naction = grant\n"
                                "[grants]\nwarn = 5m\ngrade_c = rw\n";

#define OPENED(dm_uuid, cipher) \
	"{\"node\":\"/dev/dm-0\",\"dev\":\"253:0\",\"dm_uuid\":\"" dm_uuid "\",\"cipher\":\"" cipher \
	"\",\"read_only\":%s}"

static int code, told;
static const char *why;

static void start(void)
{
	up();
	set_policy(ENCRYPTED);
	code = told = 0;
	why = NULL;
}

TestSuite(medium_container, .init = start, .fini = fake_down);

static void done(void *ctx, uint64_t client, int c, const char *w)
{
	(void)ctx;
	cr_assert_eq(client, 5);
	told++;
	code = c;
	why = w;
}

static int unlock(const char *person, const char *pass)
{
	struct sk_unlock u = {person, pass, strlen(pass), done, NULL, 5};
	struct sk_err err = SK_ERR_INIT;

	return sk_gate_open_medium(F.gate, "1-1", "", &u, &err);
}

static void container(const char *access)
{
	grant(stick, "clerk", access, F.now + HOUR);
	add(stick);
	appear();
	end_job("mount /dev/sda1", 1,
	        "{\"error\":\"it is encrypted and must be unlocked first\",\"fstype\":\"crypto_LUKS\"}");
	forget_log();
}

static void opened(const char *answer)
{
	char text[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(text, sizeof(text), answer, "false");
#pragma GCC diagnostic pop
	end_job("sekimori-crypt open", 0, text);
}

static void whole(void)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	fake_mount(253, 0, PATH, false);
	end_job("mount /dev/dm-0", 0, "{\"mount\":\"" PATH "\",\"fstype\":\"ext4\",\"label\":\"DATA\",\"uuid\":\"1\"}");
}

Test(medium_container, a_plain_medium_is_not_mounted_and_not_writable)
{
	grant(stick, "clerk", "rw", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(runs("mount /dev/sda1 8:1 clerk encrypted"));
	cr_assert(disk->ro && part->ro);
	end_job("mount /dev/sda1", 1,
	        "{\"error\":\"it is not encrypted, and only encrypted media are opened here\",\"fstype\":\"vfat\"}");
	cr_assert_geq(find("record medium.mount-failed"), 0);
	cr_assert_eq(unlock("clerk", "secret"), -ENOENT, "no container on it");
}

Test(medium_container, reading_alone_is_as_ever)
{
	grant(stick, "clerk", "ro", F.now + HOUR);
	add(stick);
	appear();
	cr_assert(runs("mount /dev/sda1 8:1 clerk ro"));
}

Test(medium_container, opened_mounted_and_the_node_read_only_again)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	cr_assert_str_eq(F.input, "secret");
	cr_assert(runs("sekimori-crypt open /dev/sda1 8:1 sekimori-sda1 rw"));
	cr_assert(!disk->ro && !part->ro, "libcryptsetup follows the mark");
	cr_assert_eq(unlock("clerk", "secret"), -EBUSY);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	cr_assert(disk->ro && part->ro);
	cr_assert_eq(told, 1);
	cr_assert_eq(code, 0);
	cr_assert(runs("mount /dev/dm-0 253:0 clerk rw"));
	fake_mount(253, 0, PATH, false);
	end_job("mount /dev/dm-0", 0, "{\"mount\":\"" PATH "\",\"fstype\":\"ext4\",\"label\":\"DATA\",\"uuid\":\"1\"}");
	cr_assert_str_eq(last_text("medium.mounted", "encryption"), "luks");
	cr_assert_str_eq(last_text("medium.mounted", "cipher"), "aes-xts-plain64");
	cr_assert_eq(unlock("clerk", "secret"), -ENOENT, "none is closed");
}

Test(medium_container, at_the_end_it_is_unmounted_closed_and_then_shut)
{
	whole();
	forget_log();
	F.now += HOUR - 60000;
	sk_gate_arm(F.gate);
	cr_assert(runs("sync 8:1"), "what is written goes through the mapping although the node is read-only");
	end_job("sync 8:1", 0, "{}");
	F.now += 60000;
	sk_gate_reconsider(F.gate);
	cr_assert_geq(F.last_ms, 180000);
	unmounted();
	cr_assert(runs("sekimori-crypt close sekimori-sda1"));
	cr_assert(stick->authorized, "not before the mapping is gone");
	end_job("sekimori-crypt close", 0, "{}");
	cr_assert(!stick->authorized);
	cr_assert_geq(find("record grant.ended"), 0);
}

Test(medium_container, pulled_out_while_open)
{
	whole();
	unplug(stick);
	unmounted();
	end_job("sekimori-crypt close", 1, "{}");
	cr_assert_null(F.gate->orphans[0]);
}

Test(medium_container, only_five_wrong_passphrases)
{
	container("rw");
	for (int i = 1; i <= 5; i++) {
		cr_assert_eq(unlock("clerk", "wrong"), 0, "%d", i);
		end_job("sekimori-crypt open", 1, "{\"error\":\"the key does not open it\",\"code\":129}");
		cr_assert_eq(code, -EKEYREJECTED);
		cr_assert_eq(told, i);
		cr_assert(disk->ro && part->ro);
	}
	cr_assert_eq(unlock("clerk", "secret"), -EACCES);
	unplug(stick);
	stick = plug_one("1-1", STICK, "S1");
	stick->binds = "usb-storage";
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0, "plugged in again");
}

Test(medium_container, another_person_does_not_open_it)
{
	container("rw");
	cr_assert_eq(unlock("clerk2", "secret"), -EACCES);
	cr_assert_eq(unlock("", "secret"), 0, "root may");
}

Test(medium_container, no_cipher_no_mount)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "cipher_null-ecb"));
	cr_assert_eq(code, -EPERM);
	cr_assert(runs("sekimori-crypt close sekimori-sda1"));
	cr_assert(!runs("mount /dev/dm-0"));
}

Test(medium_container, a_kind_that_does_not_count_is_closed_again)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s[media]\nencryption = bitlocker\n", ENCRYPTED);
	set_policy(text);
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	cr_assert_eq(code, -EPERM);
	cr_assert(runs("sekimori-crypt close sekimori-sda1"));
}

Test(medium_container, what_the_helper_says_is_not_believed_when_it_is_odd)
{
	static const char *const odd[] = {
	    "", "{}", "[1]",
	    "{\"node\":\"/dev/sda\",\"dev\":\"253:0\",\"dm_uuid\":\"CRYPT-LUKS2-1\",\"cipher\":\"aes-xts\"}",
	    "{\"node\":\"/dev/dm-0\",\"dev\":\"253:0x\",\"dm_uuid\":\"CRYPT-LUKS2-1\",\"cipher\":\"aes-xts\"}"};

	container("rw");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		cr_assert_eq(unlock("clerk", "secret"), 0);
		end_job("sekimori-crypt open", 0, odd[i]);
		cr_assert_eq(code, -EIO, "%s", odd[i]);
		cr_assert(disk->ro && part->ro);
	}
}

Test(medium_container, permit_withdrawn_while_it_is_being_opened)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	F.grants = sk_grants_free(F.grants);
	sk_gate_reconsider(F.gate);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	cr_assert_eq(code, -EPERM);
	end_job("unmount 8:1", 0, "{\"mounts\":0,\"detached\":false,\"busy\":[]}");
	end_job("sekimori-crypt close", 0, "{}");
	cr_assert(!stick->authorized);
}

Test(medium_container, what_is_inside_is_scanned_first)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s[scan]\nbefore_use = yes\n", ENCRYPTED);
	set_policy(text);
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	cr_assert(runs("sekimori-scan /dev/dm-0 253:0"));
	cr_assert(!runs("mount /dev/dm-0"));
	end_job("sekimori-scan", 0, "{\"result\":\"not-scanned\",\"reason\":\"no-scanner\"}");
	cr_assert(!runs("mount /dev/dm-0"));
	cr_assert(runs("sekimori-crypt close sekimori-sda1"), "what did not pass is not left open");
}

Test(medium_container, nothing_inside_that_can_be_mounted)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	end_job("mount /dev/dm-0", 1, "{\"error\":\"there is no file system on it\"}");
	cr_assert(runs("sekimori-crypt close sekimori-sda1"));
	end_job("sekimori-crypt close", 0, "{}");
	cr_assert_eq(unlock("clerk", "secret"), 0, "it may be tried again");
}

/* ---- what udev is told ---- */

static const char *verdict(const char *devpath)
{
	static char word[16];
	struct sk_err err = SK_ERR_INIT;
	json_t *answer = NULL;

	cr_assert_eq(sk_gate_block_verdict(F.gate, devpath, &answer, &err), 0);
	sk_text_copy(word, sizeof(word), json_string_value(json_object_get(answer, "verdict")));
	json_decref(answer);
	return word;
}

static struct fake_block *mapping(unsigned minor)
{
	struct fake_block *f = plug_block(stick, 0, NULL);

	(void)snprintf(f->b.devpath, sizeof(f->b.devpath), "/devices/virtual/block/dm-%u", minor);
	(void)snprintf(f->b.name, sizeof(f->b.name), "dm-%u", minor);
	f->b.major = 253;
	f->b.minor = minor;
	F.slave = part->b.devpath;
	return f;
}

Test(medium_container, our_mapping_stays_writable_and_somebody_elses_does_not)
{
	struct fake_block *ours, *theirs;

	whole();
	cr_assert_str_eq(verdict(part->b.devpath), "deny", "hidden from the desktop");
	cr_assert(part->ro);
	ours = mapping(0);
	cr_assert_str_eq(verdict(ours->b.devpath), "deny");
	cr_assert(!ours->ro);
	theirs = mapping(1);
	cr_assert_str_eq(verdict(theirs->b.devpath), "deny");
	cr_assert(theirs->ro);
}

Test(medium_container, udev_does_not_set_the_mark_while_the_mapping_is_made)
{
	container("rw");
	cr_assert_eq(unlock("clerk", "secret"), 0);
	cr_assert_str_eq(verdict(part->b.devpath), "deny");
	cr_assert_str_eq(verdict(disk->b.devpath), "deny");
	cr_assert(!part->ro && !disk->ro);
	opened(OPENED("CRYPT-LUKS2-1-sekimori-sda1", "aes-xts-plain64"));
	cr_assert(part->ro && disk->ro);
}
