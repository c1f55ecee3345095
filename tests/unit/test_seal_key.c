/* The terminal's sealing key: made once, kept, told once per enrolment; opens what is for this terminal and medium alone. */
#include "agent/seal_key.h"
#include "common/hash.h"
#include "tests/unit/agent_help.h"

static void up(void)
{
	make_dir();
}

static void down(void)
{
	remove_dir();
}
TestSuite(seal_key, .init = up, .fini = down);

static void sealed_for(const char *device, const char *ledger, char hex[SK_SEALED_KEY_HEX])
{
	uint8_t public[SK_SEAL_KEY], key[SK_SEAL_KEY], sealed[SK_SEAL_KEY + SK_SEAL_MORE];
	char context[SK_SEAL_CONTEXT];

	memset(key, 'k', sizeof key);
	cr_assert_eq(sk_seal_key_public(dir, public, NULL), 0);
	sk_seal_context_grant(context, device, ledger);
	cr_assert_eq(sk_seal(public, context, NULL, key, sizeof key, sealed), 0);
	sk_hex(sealed, sizeof sealed, hex);
}

Test(seal_key, is_made_once_and_is_roots_alone)
{
	uint8_t a[SK_SEAL_KEY], b[SK_SEAL_KEY];
	struct stat st;

	cr_assert_eq(sk_seal_key_public(dir, a, NULL), 0);
	cr_assert_eq(sk_seal_key_public(dir, b, NULL), 0);
	cr_assert_eq(memcmp(a, b, sizeof a), 0);
	cr_assert_eq(stat(in_dir("seal.key"), &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(st.st_size, 32);
}

Test(seal_key, opens_what_is_for_it)
{
	char hex[SK_SEALED_KEY_HEX];
	uint8_t out[SK_SEAL_KEY] = {0};

	sealed_for(DEVICE, "M-1", hex);
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", hex, out), 0);
	cr_assert_eq(out[0], 'k');
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-2", hex, out), -EBADMSG, "another medium's");
	cr_assert_eq(sk_seal_key_open(dir, OTHER, "M-1", hex, out), -EBADMSG, "another terminal's");
	hex[100] = hex[100] == '0' ? '1' : '0';
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", hex, out), -EBADMSG);
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", "00", out), -EBADMSG);
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", "", out), -EBADMSG);
}

Test(seal_key, a_damaged_or_missing_file_opens_nothing_and_is_not_replaced)
{
	char hex[SK_SEALED_KEY_HEX];
	uint8_t out[SK_SEAL_KEY];
	struct sk_err err = SK_ERR_INIT;

	sealed_for(DEVICE, "M-1", hex);
	put_file("seal.key", "short");
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", hex, out), -EBADMSG);
	cr_assert_eq(sk_seal_key_public(dir, out, &err), -EBADMSG);
	cr_assert(strstr(err.text, "seal.key") != NULL);
	put_file("seal.key", "longer than a key can be, by far and more");
	cr_assert_lt(sk_seal_key_public(dir, out, NULL), 0);
	cr_assert_eq(unlink(in_dir("seal.key")), 0);
	cr_assert_eq(sk_seal_key_open(dir, DEVICE, "M-1", hex, out), -ENOENT);
	cr_assert_eq(symlink("/dev/zero", in_dir("seal.key")), 0);
	cr_assert_lt(sk_seal_key_public(dir, out, NULL), 0);
}
