/* What can be told of a container without a kernel that has device-mapper; opening and closing is proved in the VM. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "platform/crypt.h"

Test(crypt, names)
{
	cr_assert(sk_crypt_is_name("sekimori-8-1-0af3"));
	cr_assert_not(sk_crypt_is_name("sekimori-"));
	cr_assert_not(sk_crypt_is_name("luks-1234"));
	cr_assert_not(sk_crypt_is_name("sekimori-../../x"));
	cr_assert_not(sk_crypt_is_name("sekimori-A"));
	cr_assert_not(sk_crypt_is_name("sekimori-01234567890123456789012345678901234567890"));
}

Test(crypt, the_kernels_table_is_read)
{
	char cipher[64] = "";
	unsigned ma = 0, mi = 0;

	cr_assert_eq(
	    sk_crypt_table("aes-xts-plain64 :64:logon:cryptsetup:5f-d0 0 8:17 32768", cipher, sizeof(cipher), &ma, &mi),
	    0);
	cr_assert_str_eq(cipher, "aes-xts-plain64");
	cr_assert_eq(ma, 8);
	cr_assert_eq(mi, 17);
}

Test(crypt, a_cipher_that_encrypts_nothing_is_none)
{
	char cipher[64] = "before";
	unsigned ma, mi;

	cr_assert_eq(sk_crypt_table("cipher_null-ecb - 0 8:1 0", cipher, sizeof(cipher), &ma, &mi), -EUCLEAN);
	cr_assert_eq(sk_crypt_table("aes-xts-plain64 - 0 8:1 0", cipher, sizeof(cipher), &ma, &mi), -EUCLEAN);
	cr_assert_eq(sk_crypt_table("capi:ecb(cipher_null)-plain :0: 0 8:1 0", cipher, sizeof(cipher), &ma, &mi),
	             -EUCLEAN);
	cr_assert_str_eq(cipher, "before");
}

Test(crypt, a_table_of_another_kind_is_refused)
{
	char cipher[64];
	unsigned ma, mi;
	static const char *const BAD[] = {"", "aes", "8:1 0", "aes-xts-plain64 k 0 sda 0",
	                                  "aes-xts-plain64 k 0 8:1x 0"};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_eq(sk_crypt_table(BAD[i], cipher, sizeof(cipher), &ma, &mi), -EINVAL, "%s", BAD[i]);
}

Test(crypt, only_a_block_device_of_that_number_is_touched)
{
	const struct sk_crypt_node zero = {"/dev/null", 8, 1}, away = {"/etc/passwd", 8, 1},
	                           up = {"/dev/../etc/x", 8, 1}, none = {"/dev/sekimori-none", 8, 1};
	uint8_t key[32] = {1};
	struct sk_crypt_mapping m;
	char uuid[37] = "";

	cr_assert_eq(sk_crypt_open(&zero, "sekimori-x", true, key, 32, &m), -ENODEV);
	cr_assert_eq(sk_crypt_open(&away, "sekimori-x", true, key, 32, &m), -EINVAL);
	cr_assert_eq(sk_crypt_format(&zero, "x", key, 32, uuid), -ENODEV);
	cr_assert_eq(sk_crypt_format(&up, "x", key, 32, uuid), -EINVAL);
	cr_assert_eq(sk_crypt_add(&none, key, 32, "p", 1), -ENOENT);
	cr_assert_str_eq(uuid, "");
}

Test(crypt, keys_have_bounds)
{
	const struct sk_crypt_node at = {"/dev/null", 1, 3};
	static uint8_t key[SK_CRYPT_KEY_MAX + 1];
	struct sk_crypt_mapping m;
	char uuid[37];

	cr_assert_eq(sk_crypt_open(&at, "sekimori-x", true, key, 0, &m), -EINVAL);
	cr_assert_eq(sk_crypt_open(&at, "sekimori-x", true, key, sizeof(key), &m), -EINVAL);
	cr_assert_eq(sk_crypt_open(&at, "other", true, key, 32, &m), -EINVAL);
	cr_assert_eq(sk_crypt_format(&at, "x", key, 31, uuid), -EINVAL, "a key that can be guessed");
	cr_assert_eq(sk_crypt_close("other"), -EINVAL);
	cr_assert_eq(sk_crypt_look("other", NULL, &m), -EINVAL);
}
