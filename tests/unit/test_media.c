/* [media]: its keys, what they refuse, and the words by which a mapping's encryption is judged. */
#include <errno.h>

#include "policy/media.h"
#include "tests/unit/policy_help.h"

static const struct sk_media_params *with(const char *section)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "[rule r]\nkind = hub\naction = allow\n%s", section);
	return &help_policy(text)->media;
}

static void refused(const char *section, const char *says)
{
	char text[1024];
	struct sk_policy *p = NULL;
	struct sk_err err = SK_ERR_INIT;

	(void)snprintf(
	    text, sizeof(text),
	    "[policy]\nname = t\nversion = 1\nzone = lgwan\nmode = enforce\ndefault = deny\n[rule r]\nkind = "
	    "hub\naction = allow\n[media]\n%s\n",
	    section);
	cr_assert_eq(sk_policy_parse("t.ini", text, strlen(text), &p, &err), -EINVAL, "%s", section);
	cr_expect(strstr(err.text, "t.ini:11"), "%s", err.text);
	cr_expect(strstr(err.text, says), "%s", err.text);
}

Test(media, without_a_word_writing_is_encrypted)
{
	const struct sk_media_params *m = with("");

	cr_assert_eq(sk_media_access(m, SK_ACCESS_RW), SK_ACCESS_ENCRYPTED);
	cr_assert_eq(sk_media_access(m, SK_ACCESS_RO), SK_ACCESS_RO);
	cr_assert_eq(sk_media_access(m, SK_ACCESS_NONE), SK_ACCESS_NONE);
	cr_assert_eq(m->encryption, SK_MEDIA_LUKS | SK_MEDIA_BITLOCKER);
	cr_assert_eq(m->on_lock, SK_LOCK_BY_ZONE);
	cr_assert(!m->antivirus);
}

Test(media, keys)
{
	const struct sk_media_params *m =
	    with("[media]\nwrite = plain\nencryption = hardware  luks\non_lock = close\nantivirus = required\n");

	cr_assert_eq(sk_media_access(m, SK_ACCESS_RW), SK_ACCESS_RW);
	cr_assert_eq(m->encryption, SK_MEDIA_LUKS | SK_MEDIA_HARDWARE);
	cr_assert_eq(m->on_lock, SK_LOCK_CLOSE);
	cr_assert(m->antivirus);
	cr_assert_eq(with("[media]\non_lock = keep\n")->on_lock, SK_LOCK_KEEP);
}

Test(media, refuses)
{
	refused("write = yes", "encrypted or plain");
	refused("encryption = luks veracrypt", "\"veracrypt\"");
	refused("encryption = LUKS", "\"LUKS\"");
	refused("encryption =", "encryption");
	refused("on_lock = maybe", "keep or close");
	refused("antivirus = yes", "no or required");
	refused("size = 3", "no key of [media]");
}

Test(media, kinds_by_the_kernels_name)
{
	cr_assert_eq(sk_media_encryption_of("CRYPT-LUKS1-abc-x"), SK_MEDIA_LUKS);
	cr_assert_eq(sk_media_encryption_of("CRYPT-LUKS2-abc-x"), SK_MEDIA_LUKS);
	cr_assert_eq(sk_media_encryption_of("CRYPT-BITLK-abc-x"), SK_MEDIA_BITLOCKER);
	const char *const others[] = {
	    "",        "CRYPT-",         "CRYPT-PLAIN-x", "CRYPT-TCRYPT-x", "CRYPT-VERITY-x", "CRYPT-INTEGRITY-x",
	    "LVM-abc", "XCRYPT-LUKS2-a", "CRYPT-LUKS2"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_eq(sk_media_encryption_of(others[i]), 0, "%s", others[i]);
}

Test(media, null_ciphers_encrypt_nothing)
{
	cr_assert(sk_media_cipher_encrypts("aes-xts-plain64"));
	cr_assert(sk_media_cipher_encrypts("capi:xts(aes)-plain64"));
	cr_assert(!sk_media_cipher_encrypts("cipher_null-ecb"));
	cr_assert(!sk_media_cipher_encrypts("capi:ecb(cipher_null)-plain"));
	cr_assert(!sk_media_cipher_encrypts(""));
	cr_assert(!sk_media_cipher_encrypts("-"));
}

Test(media, zones_from_which_only_what_was_sanitised_comes)
{
	const struct sk_media_params *m = with("[media]\nsanitise_from = internet my-number\nsanitise_by = scan\n");

	cr_expect(m->sanitise_set && m->scan_suffices);
	cr_expect_eq(m->sanitise_from, 1u << SK_ZONE_INTERNET | 1u << SK_ZONE_MY_NUMBER);
	m = with("[media]\nsanitise_from = none\n");
	cr_expect(m->sanitise_set && m->sanitise_from == 0 && !m->scan_suffices);
	refused("sanitise_from = moon", "\"moon\" is not one of");
	refused("sanitise_from = internet none", "\"none\" is not one of");
	refused("sanitise_from = aVeryLongWordThatIsNoZone", "is not one of");
	refused("sanitise_by = magic", "sanitising or scan");
}
