/* Telephone permits: the known answers come from tests/tools/phone_vectors.py, which computes them without this program. */
#include "common/phone.h"
#include "tests/unit/agent_help.h"

static const uint8_t master[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static void key_is(int64_t epoch, const char *hex)
{
	char have[65];
	uint8_t key[32];

	sk_phone_key(master, DEVICE, epoch, key);
	sk_hex(key, 32, have);
	cr_assert_str_eq(have, hex);
}

Test(phone, known_keys)
{
	key_is(1, "ac5a28b31bf736ff1a7c93024cedbff368972f7db6dca613ac5be5a50b0c5e28");
	key_is(2, "456a231c41646f074c0ebafafbdb86de5afc7551c54698a19862ee0ea5590520");
}

static struct sk_phone_permit permit(void)
{
	return (struct sk_phone_permit){.purpose = SK_PHONE_MEDIUM,
	                                .device = DEVICE,
	                                .person = "clerk",
	                                .epoch = 1,
	                                .nonce = 0x01020304,
	                                .media = 0xa1b2c3d4e5,
	                                .profile = 1,
	                                .seconds = 3600};
}

static uint64_t code(const struct sk_phone_permit *p)
{
	uint8_t key[32];

	sk_phone_key(master, DEVICE, 1, key);
	return sk_phone_code(key, p);
}

Test(phone, known_answers)
{
	struct sk_phone_permit p = permit();
	char text[SK_PHONE_TEXT];

	cr_assert_eq(code(&p), 575435013838u);
	sk_phone_answer_write(1, code(&p), text);
	cr_assert_str_eq(text, "01 5754 3501 3838 4");
	p = (struct sk_phone_permit){SK_PHONE_MEDIUM,         DEVICE, "佐藤", 1, 7, 0xffffffff,
	                             ((uint64_t)1 << 40) - 1, 13,     28800};
	cr_assert_eq(code(&p), 210053208975u);
	p = (struct sk_phone_permit){SK_PHONE_ISOLATION, DEVICE, "", 1, 0, 0, 0, 1, 3600};
	cr_assert_eq(code(&p), 919359858117u);
	struct sk_phone_challenge c = {
	    .device = sk_phone_short(DEVICE), .epoch = 1, .nonce = 0x01020304, .media = 0xa1b2c3d4e5};
	sk_phone_challenge_write(&c, text);
	cr_assert_str_eq(text, "2674 0100 0016 9090 6006 9448 8913 1255");
}

Test(phone, everything_that_matters_is_covered)
{
	struct sk_phone_permit p = permit();
	uint64_t good = code(&p);
	uint8_t other[32];

#define DIFFERS(field, value) \
	do { \
		p = permit(); \
		p.field = (value); \
		cr_assert_neq(code(&p), good, #field); \
	} while (0)
	DIFFERS(purpose, SK_PHONE_ISOLATION);
	DIFFERS(device, OTHER);
	DIFFERS(person, "clerk2");
	DIFFERS(epoch, 2);
	DIFFERS(counter, 1);
	DIFFERS(nonce, 1);
	DIFFERS(media, 1);
	DIFFERS(profile, 2);
	DIFFERS(seconds, 7200);
	p = permit();
	sk_phone_key(master, OTHER, 1, other);
	cr_assert_neq(sk_phone_code(other, &p), good, "another terminal's key");
}

Test(phone, both_texts_are_read_as_they_are_written)
{
	struct sk_phone_challenge c = {9999, 99, 98, 0xffffffff, ((uint64_t)1 << 40) - 1}, d;
	char text[SK_PHONE_TEXT];
	unsigned profile;
	uint64_t v;

	sk_phone_challenge_write(&c, text);
	cr_assert_eq(sk_phone_challenge_read(text, &d), 0);
	cr_assert(c.device == d.device && c.epoch == d.epoch && c.counter == d.counter && c.nonce == d.nonce &&
	          c.media == d.media);
	cr_assert_eq(sk_phone_answer_read("01 5754 3501 3838 4", &profile, &v), 0);
	cr_assert_eq(profile, 1);
	cr_assert_eq(v, 575435013838u);
	cr_assert_eq(sk_phone_answer_read("  ０１-5754３５０１　3838-4 ", &profile, &v), 0, "as people type it");
}

Test(phone, each_wrong_digit_and_each_swap_is_noticed)
{
	char text[] = "015754350138384";
	unsigned profile;
	uint64_t v;

	for (int i = 0; i < 15; i++) {
		char keep = text[i];

		for (text[i] = '0'; text[i] <= '9'; text[i]++)
			cr_assert_eq(sk_phone_answer_read(text, &profile, &v), text[i] == keep ? 0 : SK_PHONE_TYPO);
		text[i] = keep;
		if (i == 14 || text[i] == text[i + 1])
			continue;
		text[i] = text[i + 1];
		text[i + 1] = keep;
		cr_assert_eq(sk_phone_answer_read(text, &profile, &v), SK_PHONE_TYPO);
		text[i + 1] = text[i];
		text[i] = keep;
	}
}

Test(phone, what_is_no_code)
{
	unsigned profile;
	uint64_t v;
	struct sk_phone_challenge c;
	char large[2000];

	memset(large, '1', sizeof large);
	large[1999] = '\0';
	cr_assert_eq(sk_phone_answer_read("", &profile, &v), SK_PHONE_TYPO);
	cr_assert_eq(sk_phone_answer_read("01 5754 3501 3838", &profile, &v), SK_PHONE_TYPO);
	cr_assert_eq(sk_phone_answer_read("01 5754 3501 3838 4 0", &profile, &v), SK_PHONE_TYPO);
	cr_assert_eq(sk_phone_answer_read("01 5754 3501 383x 4", &profile, &v), -EINVAL);
	cr_assert_eq(sk_phone_answer_read("\xef\xbc", &profile, &v), -EINVAL);
	cr_assert_eq(sk_phone_answer_read("\xff", &profile, &v), -EINVAL);
	cr_assert_eq(sk_phone_answer_read(large, &profile, &v), -EINVAL);
	sk_phone_answer_write(99, 575435013838u, large);
	cr_assert_eq(sk_phone_answer_read(large, &profile, &v), -EINVAL, "no such profile");
	cr_assert_eq(sk_phone_challenge_read("2674 0100 0016 9090 6006 9448 8913 1256", &c), SK_PHONE_TYPO);
	cr_assert_eq(sk_phone_challenge_read("2674", &c), SK_PHONE_TYPO);
}

Test(phone, profiles_end_within_eight_hours)
{
	for (const struct sk_phone_profile *p = sk_phone_profiles; p->code; p++) {
		cr_assert_leq(p->seconds, SK_PHONE_LONGEST_S);
		cr_assert_eq(sk_phone_profile(p->code), p);
	}
	cr_assert_str_eq(sk_phone_profiles[0].access, "ro");
	cr_assert_null(sk_phone_profile(0));
	cr_assert_null(sk_phone_profile(99));
}

Test(phone, names_in_digits)
{
	uint64_t m;

	cr_assert_eq(sk_phone_media("a1b2c3d4e5000000000000000000000000000000000000000000000000000000", &m), 0);
	cr_assert_eq(m, 0xa1b2c3d4e5);
	cr_assert_eq(sk_phone_media("a1b2", &m), -EINVAL);
	cr_assert_eq(sk_phone_media("A1b2c3d4e5000000000000000000000000000000000000000000000000000000", &m), -EINVAL);
}
