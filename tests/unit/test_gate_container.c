/* The organisation's containers (grade A): the key comes with the grant, opens what was proved to be that medium, and is gone at the end. */
#include "common/json.h"
#include "policy/media_key.h"
#include "tests/unit/medium_help.h"

#define LOOK(uuid) \
	"{\"bytes\":16777216,\"volumes\":[{\"start\":0,\"bytes\":16777216,\"type\":\"crypto_LUKS\",\"uuid\":\"" uuid \
	"\"}]}"
#define MINE  LOOK("11111111-2222-3333-4444-555555555555")
#define OTHER LOOK("99999999-2222-3333-4444-555555555555")
#define OPENED(cipher, ro) \
	"{\"node\":\"/dev/dm-0\",\"dev\":\"253:0\",\"dm_uuid\":\"CRYPT-LUKS2-1-sekimori-sda\",\"cipher\":\"" cipher \
	"\",\"read_only\":" ro "}"

#define HEAD "[policy]\nname = test\nversion = 1\nzone = internet\nmode = enforce\ndefault = deny\n"

static void key_of(const char *facts, char out[SK_SHA256_HEX])
{
	struct sk_volumes v;
	json_t *j = NULL;

	cr_assert_eq(sk_json_parse(facts, strlen(facts), 4096, &j, NULL), 0);
	cr_assert_eq(sk_volumes_parse(j, &v, NULL), 0);
	cr_assert_eq(sk_media_key(&v, out), 0);
	json_decref(j);
}

/* The stick is container M-1 of the organisation. with_key: the grant brings its key. */
static void container(const char *access, bool with_key)
{
	struct sk_ledger *l = NULL;
	char key[SK_SHA256_HEX];
	json_t *body;

	grant(stick, "clerk", access, F.now + HOUR);
	if (with_key)
		(void)memset(F.grants->items[0].container_key, 'a', SK_SEALED_KEY_HEX - 1);
	key_of(MINE, key);
	body = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:b}]}", "media", "ledger", "M-1", "device_key",
	                 F.grants->items[0].device_key, "serial", "S1", "media_key", key, "state", "stored",
	                 "container", 1);
	cr_assert_eq(sk_ledger_parse(body, &l, NULL), 0);
	json_decref(body);
	sk_ledger_free(F.grants->ledger);
	F.grants->ledger = l;
	set_policy(HEAD "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = none\n");
}

/* One container over the whole stick. */
static void plugged(const char *facts)
{
	add(stick);
	disk = part = plug_block(stick, 0, NULL);
	block_add(disk);
	end_job("look /dev/sda", 0, facts);
}

static void opened(void)
{
	end_job("sekimori-crypt open", 0, OPENED("aes-xts-plain64", "false"));
	fake_mount(253, 0, PATH, false);
	end_job("mount /dev/dm-0", 0,
	        "{\"mount\":\"" PATH "\",\"fstype\":\"exfat\",\"label\":\"DATA\",\"uuid\":\"1\"}");
}

static void unmounted_all(void)
{
	F.n_mounts = 0;
	end_job("unmount 8:0", 0, "{\"mounts\":1,\"detached\":false,\"busy\":[]}");
}

static void down(void)
{
	fake_down();
}
TestSuite(gate_container, .init = up, .fini = down);

Test(gate_container, opens_by_itself_with_the_key_of_the_grant)
{
	container("rw", true);
	plugged(MINE);
	cr_assert(runs("sekimori-crypt open /dev/sda 8:0 sekimori-sda rw"));
	cr_assert_eq(F.input_len, 32);
	cr_assert_str_eq(F.input, "KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK");
	cr_assert_eq(strncmp(F.unsealed, "M-1:aaaa", 8), 0);
	cr_assert(before("record device.decided", "unseal"), "opened before it was recorded");
	opened();
	cr_assert(disk->ro, "beside the mapping nothing is written");
	cr_assert_str_eq(last_text("device.decided", "grade"), "A");
	cr_assert_str_eq(last_text("medium.mounted", "encryption"), "luks");
	cr_assert_eq(find("mount /dev/sda"), -1);
}

Test(gate_container, reading_alone_it_is_opened_read_only)
{
	container("ro", true);
	plugged(MINE);
	cr_assert(runs("sekimori-crypt open /dev/sda 8:0 sekimori-sda ro"));
	cr_assert(disk->ro);
}

Test(gate_container, at_the_end_it_is_closed_and_no_key_is_asked_for_again)
{
	container("rw", true);
	plugged(MINE);
	opened();
	forget_log();
	F.now += HOUR;
	sk_gate_reconsider(F.gate);
	unmounted_all();
	cr_assert(runs("sekimori-crypt close sekimori-sda"));
	end_job("sekimori-crypt close", 0, "{}");
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("unseal"), -1);
}

Test(gate_container, without_a_grant_it_is_not_even_looked_at)
{
	container("rw", true);
	F.grants->items[0].until = F.now - 1;
	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("unseal"), -1);
}

Test(gate_container, another_ones_grant_brings_nothing)
{
	container("rw", true);
	sk_text_copy(F.grants->items[0].person, sizeof(F.grants->items[0].person), "somebody");
	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("unseal"), -1);
}

Test(gate_container, what_is_not_that_container_gets_no_key)
{
	container("rw", true);
	plugged(OTHER);
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("unseal"), -1);
	cr_assert_str_eq(last_text("device.decided", "reason"), "media-key");
}

Test(gate_container, without_a_key_nothing_of_it_is_mounted)
{
	container("rw", false);
	plugged(MINE);
	cr_assert_eq(find("unseal"), -1);
	cr_assert(disk->ro);
	cr_assert(runs("mount /dev/sda 8:0 clerk encrypted"), "which tells that it is closed");
	end_job("mount /dev/sda", 1, "{\"error\":\"it is encrypted\",\"fstype\":\"crypto_LUKS\"}");
	cr_assert_not(runs("sekimori-crypt open"));
}

Test(gate_container, a_key_that_is_for_another_terminal_opens_nothing)
{
	container("rw", true);
	F.unseal = -EBADMSG;
	plugged(MINE);
	cr_assert_not(runs("sekimori-crypt open"));
	cr_assert_geq(find("record medium.open-failed 1-1"), 0);
	cr_assert_geq(find("notify medium.open-failed"), 0);
	cr_assert(disk->ro);
	forget_log();
	sk_gate_reconsider(F.gate);
	cr_assert_eq(find("unseal"), -1, "asked again and again");
}

Test(gate_container, a_key_that_does_not_fit_is_tried_once_and_told)
{
	container("rw", true);
	plugged(MINE);
	end_job("sekimori-crypt open", 1, "{\"error\":\"the key does not open it\",\"code\":129}");
	cr_assert_geq(find("record medium.open-failed 1-1"), 0);
	cr_assert_str_eq(last_text("medium.open-failed", "why"), "the key of the permit does not open it");
	cr_assert_not(runs("sekimori-crypt open"));
	cr_assert(disk->ro);
}

Test(gate_container, one_that_encrypts_nothing_is_closed_again)
{
	container("rw", true);
	plugged(MINE);
	end_job("sekimori-crypt open", 0, OPENED("cipher_null-ecb", "false"));
	cr_assert(runs("sekimori-crypt close sekimori-sda"));
	cr_assert_not(runs("mount /dev/dm-0"));
	cr_assert_geq(find("record medium.open-failed 1-1"), 0);
}

Test(gate_container, nobody_opens_it_with_a_passphrase_beside_the_key)
{
	struct sk_unlock u = {.person = "clerk", .key = "x", .len = 1};
	struct sk_err err = SK_ERR_INIT;

	container("rw", true);
	F.unseal = -EBADMSG;
	plugged(MINE);
	cr_assert_eq(sk_gate_open_medium(F.gate, "1-1", "", &u, &err), -EACCES);
}

Test(gate_container, the_key_withdrawn_from_the_grant_closes_it)
{
	container("rw", true);
	plugged(MINE);
	opened();
	F.grants->items[0].container_key[0] = '\0';
	sk_gate_reconsider(F.gate);
	unmounted_all();
	cr_assert(runs("sekimori-crypt close sekimori-sda"));
}

Test(gate_container, locked_it_is_closed_and_unlocked_it_opens_by_itself)
{
	container("rw", true);
	set_policy("[policy]\nname = test\nversion = 1\nzone = lgwan\nmode = enforce\ndefault = deny\n"
	           "[rule media]\nkind = storage\naction = grant\n");
	plugged(MINE);
	opened();
	sk_gate_locked(F.gate, true);
	unmounted_all();
	end_job("sekimori-crypt close", 0, "{}");
	cr_assert_not(stick->authorized);
	disk->there = false;
	sk_gate_locked(F.gate, false);
	cr_assert(stick->authorized);
}

Test(gate_container, nobody_at_the_terminal_nothing_is_opened)
{
	container("rw", true);
	F.grants->items[0].person[0] = '\0';
	F.gate->person[0] = '\0';
	plugged(MINE);
	cr_assert_eq(find("unseal"), -1);
}

Test(gate_container, lost_it_is_refused_whatever_key_there_is)
{
	container("rw", true);
	F.grants->ledger->items[0].state = SK_MEDIUM_LOST;
	add(stick);
	cr_assert_not(stick->authorized);
	cr_assert_eq(find("unseal"), -1);
}

/* ---- making one ---- */

static struct sk_gate_prepare with = {.label = "M-9"};
static int ended;

static void prepare_end(void *arg, int result, const char *media_key, const json_t *facts)
{
	(void)arg;
	(void)facts;
	note("prepared %d %.8s", result, media_key);
	ended = result;
}

static int prepare(void)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int r;

	ended = 1;
	(void)memset(with.key, 'P', sizeof(with.key));
	r = sk_gate_prepare(F.gate, "1-1", &with, prepare_end, NULL, &ident, &err);
	json_decref(ident);
	return r;
}

#define PLAIN_STICK \
	"{\"bytes\":16777216,\"volumes\":[{\"start\":0,\"bytes\":16777216,\"type\":\"vfat\",\"uuid\":\"1234-5678\"}]}"

/* Granted for writing inside encryption, plain on it, nothing mounted. */
static void granted(const char *access)
{
	grant(stick, "clerk", access, F.now + HOUR);
	set_policy(HEAD "[rule media]\nkind = storage\naction = grant\n[grants]\ngrade_c = rw\n");
	add(stick);
	disk = part = plug_block(stick, 0, NULL);
	block_add(disk);
}

/* Shut and opened anew: its node comes again. */
static void comes_again(void)
{
	disk->there = false;
	uevent("remove", "block", "disk", disk->b.devpath);
	disk = part = plug_block(stick, 0, NULL);
	block_add(disk);
}

Test(gate_container, a_medium_is_made_a_container_and_looked_at)
{
	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"not encrypted\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	comes_again();
	cr_assert(disk->ro);
	end_job("look /dev/sda", 0, PLAIN_STICK);
	cr_assert(runs("sekimori-crypt prepare /dev/sda 8:0 sekimori-new-sda M-9"));
	cr_assert_eq(F.input_len, 32);
	cr_assert_not(disk->ro, "the helper could not write");
	cr_assert_null(sk_gate_find(F.gate, "1-1")->prepare, "the key is kept");
	end_job("sekimori-crypt prepare", 0, "{\"uuid\":\"11111111-2222-3333-4444-555555555555\"}");
	cr_assert(disk->ro);
	cr_assert_eq(ended, 1, "not before it was looked at");
	end_job("look /dev/sda", 0, MINE);
	cr_assert_eq(ended, 0);
}

Test(gate_container, without_a_permit_to_write_nothing_is_made)
{
	granted("ro");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), -EACCES);
	F.grants->items[0].until = F.now - 1;
	sk_gate_reconsider(F.gate);
	cr_assert_eq(prepare(), -EACCES);
	cr_assert_not(runs("sekimori-crypt"));
}

Test(gate_container, what_is_only_open_to_be_looked_at_is_not_written_to)
{
	container("rw", true);
	add(stick);
	cr_assert(stick->authorized);
	cr_assert_eq(prepare(), -EACCES);
}

Test(gate_container, unreadable_it_is_not_made)
{
	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	comes_again();
	end_job("look /dev/sda", 1, "");
	cr_assert_eq(ended, -EIO);
	cr_assert_not(runs("sekimori-crypt"));
}

Test(gate_container, two_media_in_one_device_are_not_made)
{
	struct fake_block *second;

	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	comes_again();
	second = plug_block(stick, 0, NULL);
	sk_text_copy(second->b.name, sizeof(second->b.name), "sdb");
	second->b.devpath[strlen(second->b.devpath) - 1] = 'b';
	block_add(second);
	end_job("look /dev/sda", 0, PLAIN_STICK);
	cr_assert_not(runs("sekimori-crypt"));
	cr_assert_eq(ended, -EIO);
}

Test(gate_container, the_helper_failed_its_mapping_goes_and_it_is_told)
{
	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	comes_again();
	end_job("look /dev/sda", 0, PLAIN_STICK);
	end_job("sekimori-crypt prepare", -ETIMEDOUT, "");
	cr_assert_eq(ended, -EIO);
	cr_assert(runs("sekimori-crypt close sekimori-new-sda"));
	cr_assert(disk->ro);
	cr_assert_geq(find("record enforcement.failed 1-1"), 0);
	end_job("sekimori-crypt close", 0, "{}");
}

Test(gate_container, unplugged_while_it_is_made)
{
	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	comes_again();
	end_job("look /dev/sda", 0, PLAIN_STICK);
	unplug(stick);
	cr_assert_eq(ended, -ENODEV);
}

Test(gate_container, twice_at_once_is_refused)
{
	granted("rw");
	end_job("mount /dev/sda", 1, "{\"error\":\"x\",\"fstype\":\"vfat\"}");
	cr_assert_eq(prepare(), 0);
	cr_assert_eq(prepare(), -EBUSY);
	ended = 1;
}

/* ---- a passphrase for a recipient ---- */

static struct {
	int called, result;
	char why[128];
} told;

static void on_released(void *arg, int result, const char *why)
{
	(void)arg;
	told.called++;
	told.result = result;
	(void)snprintf(told.why, sizeof(told.why), "%s", why != NULL ? why : "");
}

static bool before_now;

static bool was_before(void *arg, const char *grant)
{
	(void)arg;
	cr_assert_str_eq(grant, F.grants->items[0].id);
	return before_now;
}

static int may_release(const char *person, const char *recipient)
{
	struct sk_gate_release e = {
	    .device = "1-1", .person = person, .recipient = recipient, .before = was_before, .arg = NULL};
	struct sk_err err = SK_ERR_INIT;
	json_t *ident = NULL;
	int r = sk_gate_may_release(F.gate, &e, &ident, &err);

	cr_assert_eq(r == 0, ident != NULL);
	if (r == 0)
		cr_expect_str_eq(json_string_value(json_object_get(ident, "ledger")), "M-1");
	json_decref(ident);
	return r;
}

static int release(void)
{
	struct sk_err err = SK_ERR_INIT;

	memset(&told, 0, sizeof(told));
	return sk_gate_release(F.gate, "1-1", "AAAA-BBBB", on_released, NULL, &err);
}

static void open_for_release(const char *access)
{
	container(access, true);
	F.grants->items[0].release = true;
	plugged(MINE);
	opened();
}

Test(gate_container, a_recipients_passphrase_is_added_beside_the_mapping)
{
	open_for_release("rw");
	cr_assert_eq(may_release("clerk", "県"), 0);
	cr_assert_eq(release(), 0);
	cr_assert(runs("sekimori-crypt add /dev/sda 8:0"));
	cr_expect_eq(F.input_len, 32 + 9);
	cr_expect_str_eq(F.input, "KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKAAAA-BBBB");
	cr_expect_not(disk->ro, "the helper writes to the header");
	cr_expect_eq(release(), -EBUSY, "one at a time");
	cr_expect_eq(told.called, 0);
	memset(&told, 0, sizeof(told));
	end_job("sekimori-crypt add", 0, "{}");
	cr_expect(told.called == 1 && told.result == 0);
	cr_expect(disk->ro, "and nothing else does");
	cr_expect_not(runs("unmount"));
}

Test(gate_container, no_passphrase_without_a_grant_that_says_so)
{
	open_for_release("rw");
	cr_expect_eq(may_release("", "県"), -EPERM, "root");
	cr_expect_eq(may_release("somebody", "県"), -EPERM);
	cr_expect_eq(may_release("clerk", ""), -EPERM);
	before_now = true;
	cr_expect_eq(may_release("clerk", "県"), -EPERM, "once");
	before_now = false;
	F.grants->items[0].release = false;
	cr_expect_eq(may_release("clerk", "県"), -EPERM);
}

Test(gate_container, no_passphrase_where_it_may_only_be_read)
{
	container("ro", true);
	F.grants->items[0].release = true;
	plugged(MINE);
	end_job("sekimori-crypt open", 0, OPENED("aes-xts-plain64", "true"));
	cr_expect_eq(may_release("clerk", "県"), -EPERM);
	cr_expect_eq(release(), -ENODEV, "nor if nobody had asked first");
}

Test(gate_container, a_helper_that_fails_or_dies_is_told_with_the_mark_back)
{
	open_for_release("rw");
	cr_assert_eq(release(), 0);
	end_job("sekimori-crypt add", 1, "{\"error\":\"the key does not open it\",\"code\":1}");
	cr_expect(told.called == 1 && told.result == -EIO);
	cr_expect_str_eq(told.why, "the key does not open it");
	cr_expect(disk->ro);
	cr_assert_eq(release(), 0);
	end_job("sekimori-crypt add", 139, "");
	cr_expect(told.called == 1 && told.result == -EIO && told.why[0] != '\0');
}

Test(gate_container, unplugged_or_ended_while_the_passphrase_is_added)
{
	open_for_release("rw");
	cr_assert_eq(release(), 0);
	F.grants->items[0].until = F.now - 1;
	sk_gate_reconsider(F.gate);
	cr_expect_eq(told.called, 0);
	cr_expect_not(runs("unmount"), "it waits for the helper");
	end_job("sekimori-crypt add", 0, "{}");
	cr_expect_eq(told.called, 1);
	cr_expect(runs("unmount"));
}
