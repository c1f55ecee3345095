/* Sealed to one key: opened by that one alone, in that context alone, unchanged alone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "common/hash.h"
#include "common/seal.h"

static uint8_t secret[32], public[32], plain[32], sealed[32 + SK_SEAL_MORE], out[32];

static void up(void)
{
	for (size_t i = 0; i < 32; i++) {
		secret[i] = (uint8_t)(i * 7 + 1);
		plain[i] = (uint8_t)(i + 200);
		out[i] = 0x5a;
	}
	sk_seal_public(secret, public);
}
TestSuite(seal, .init = up);

static void untouched(void)
{
	for (size_t i = 0; i < sizeof out; i++)
		cr_assert_eq(out[i], 0x5a, "written to although it failed");
}

/* RFC 7748, 6.1: Alice's public key. */
Test(seal, the_public_half_is_x25519)
{
	char hex[65];

	cr_assert_eq(sk_unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", secret, 32), 0);
	sk_seal_public(secret, public);
	sk_hex(public, 32, hex);
	cr_assert_str_eq(hex, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

Test(seal, is_opened_by_the_key_it_is_for)
{
	cr_assert_eq(sk_seal(public, "a|b", NULL, plain, 32, sealed), 0);
	cr_assert_eq(sk_unseal(secret, "a|b", sealed, sizeof sealed, out), 0);
	cr_assert_eq(memcmp(out, plain, 32), 0);
	for (size_t i = 0; i + 8 <= sizeof sealed; i++)
		cr_assert_neq(memcmp(sealed + i, plain, 8), 0, "the secret stands in it");
}

Test(seal, is_not_opened_by_another_key_or_in_another_context)
{
	uint8_t other[32];

	cr_assert_eq(sk_seal(public, "a|b", NULL, plain, 32, sealed), 0);
	memcpy(other, secret, 32);
	other[5] ^= 0x10;
	cr_assert_eq(sk_unseal(other, "a|b", sealed, sizeof sealed, out), -EBADMSG);
	cr_assert_eq(sk_unseal(secret, "a|c", sealed, sizeof sealed, out), -EBADMSG);
	cr_assert_eq(sk_unseal(secret, "", sealed, sizeof sealed, out), -EBADMSG);
	untouched();
}

Test(seal, each_changed_bit_is_seen)
{
	cr_assert_eq(sk_seal(public, "a|b", NULL, plain, 32, sealed), 0);
	for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* Also the one that X25519 leaves out: both halves are part of the derivation. */
		cr_assert_eq(sk_unseal(secret, "a|b", sealed, sizeof sealed, out), -EBADMSG, "bit %zu", bit);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	untouched();
}

Test(seal, cut_off_or_too_long_it_is_refused)
{
	uint8_t big[SK_SEAL_MAX + SK_SEAL_MORE + 1] = {0};

	cr_assert_eq(sk_seal(public, "a", NULL, plain, 32, sealed), 0);
	for (size_t n = 0; n < sizeof sealed; n++)
		cr_assert_eq(sk_unseal(secret, "a", sealed, n, out), -EBADMSG, "%zu", n);
	cr_assert_eq(sk_unseal(secret, "a", big, sizeof big, big), -EBADMSG);
	cr_assert_eq(sk_seal(public, "a", NULL, big, SK_SEAL_MAX + 1, sealed), -E2BIG);
	cr_assert_eq(sk_seal(public, "a", NULL, big, 0, sealed), -E2BIG);
	untouched();
}

Test(seal, a_key_that_everybody_shares_is_refused)
{
	uint8_t zero[32] = {0};

	cr_assert_eq(sk_seal(zero, "a", NULL, plain, 32, sealed), -EINVAL);
	memset(sealed, 0, sizeof sealed);
	cr_assert_eq(sk_unseal(secret, "a", sealed, sizeof sealed, out), -EBADMSG);
}

Test(seal, with_a_seed_it_is_the_same_each_time_and_for_the_same_thing_only)
{
	uint8_t seed[32] = {9}, again[sizeof sealed], other[sizeof sealed];

	cr_assert_eq(sk_seal(public, "a", seed, plain, 32, sealed), 0);
	cr_assert_eq(sk_seal(public, "a", seed, plain, 32, again), 0);
	cr_assert_eq(memcmp(sealed, again, sizeof sealed), 0);
	cr_assert_eq(sk_unseal(secret, "a", again, sizeof again, out), 0);
	plain[0] ^= 1;
	cr_assert_eq(sk_seal(public, "a", seed, plain, 32, other), 0);
	cr_assert_neq(memcmp(sealed, other, 32), 0, "one key for two secrets");
	cr_assert_eq(sk_seal(public, "a", NULL, plain, 32, again), 0);
	cr_assert_neq(memcmp(other, again, 32), 0);
}

Test(seal, purposes_have_keys_of_their_own)
{
	uint8_t a[32], b[32];

	sk_derive(secret, "a", a);
	sk_derive(secret, "b", b);
	cr_assert_neq(memcmp(a, b, 32), 0);
	cr_assert_neq(memcmp(a, secret, 32), 0);
}
