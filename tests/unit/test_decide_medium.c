/* The two stages: what a rule may still allow once the medium is known, and what is decided when it is. */
#include <libusb.h>

#include "tests/unit/policy_help.h"

static struct sk_device stick(void)
{
	struct sk_device d = {.name = "1-2", .bus = "usb", .serial = "S1", .has_serial = true, .desc_ok = true};

	memset(d.desc.device_key, 'a', SK_SHA256_HEX - 1);
	d.desc.n_alts = 1;
	d.desc.alts[0] = (struct sk_usb_alt){.config = 1, .cls = 8, .sub = 6, .proto = 0x50, .first_config = true};
	return d;
}

struct stages {
	bool pending;
	enum sk_access first, last;
	enum sk_reason why_first, why_last;
};

static struct stages run(const char *rules, enum sk_access grant, bool follow, const struct sk_media_facts *m)
{
	struct sk_policy *p = help_policy(rules);
	struct sk_device d = stick();
	struct sk_grants *g = grant ? help_grant(&d, grant) : NULL;
	struct sk_context c = help_context();
	struct sk_verdict v;
	struct sk_iface_verdict f;
	struct stages s;

	c.media_follow = follow;
	sk_decide(p, g, &d, &c, &v);
	sk_decide_medium(p, g, &d, m, &c, 0, &f);
	s = (struct stages){v.ifaces[0].pending, v.ifaces[0].access, f.access, v.ifaces[0].reason, f.reason};
	cr_assert_eq(v.ifaces[0].allow, v.ifaces[0].access != SK_ACCESS_NONE);
	cr_assert_eq(f.allow, f.access != SK_ACCESS_NONE);
	cr_assert(!f.pending);
	cr_assert(!f.allow || !follow || v.allow, "allowed in the end, but not looked at");
	sk_grants_free(g);
	sk_policy_free(p);
	return s;
}

#define PLAIN "[media]\nwrite = plain\n"
#define LOOSE "[grants]\ngrade_c = rw\n" PLAIN
static const struct sk_media_facts luks = {
    .encryption = SK_ENC_LUKS, .size = 8000000000ull, .ledger = "M-1", .grade = SK_GRADE_B};
static const struct sk_media_facts bare = {.encryption = SK_ENC_NONE, .size = 8000000000ull};
static const struct sk_media_facts dark = {.size = 8000000000ull};

Test(decide_medium, a_condition_of_the_medium)
{
	const char *rules = "[rule a]\nkind = storage\nencryption = luks\naction = allow\n" LOOSE;
	struct stages s = run(rules, SK_ACCESS_NONE, true, &luks);

	cr_expect(s.pending && s.first == SK_ACCESS_RW && s.last == SK_ACCESS_RW);
	s = run(rules, SK_ACCESS_NONE, true, &bare);
	cr_expect(s.pending && s.last == SK_ACCESS_NONE && s.why_last == SK_REASON_DEFAULT);
	s = run(rules, SK_ACCESS_NONE, true, &dark);
	cr_expect(s.last == SK_ACCESS_NONE, "what could not be told counts against it");
	s = run(rules, SK_ACCESS_NONE, false, &luks);
	cr_expect(!s.pending && s.first == SK_ACCESS_NONE, "nobody promised to look");
}

Test(decide_medium, a_denial_by_the_medium)
{
	const char *rules = "[rule plain]\nkind = storage\nencryption = none\naction = deny\n"
	                    "[rule rest]\nkind = storage\naction = grant\n" LOOSE;
	struct stages s = run(rules, SK_ACCESS_RW, true, &bare);

	cr_expect(s.pending && s.first == SK_ACCESS_RW);
	cr_expect(s.last == SK_ACCESS_NONE && s.why_last == SK_REASON_RULE_DENY);
	s = run(rules, SK_ACCESS_RW, true, &luks);
	cr_expect_eq(s.last, SK_ACCESS_RW);
	s = run(rules, SK_ACCESS_RW, true, &dark);
	cr_expect_eq(s.last, SK_ACCESS_NONE, "it may be plain");
	s = run(rules, SK_ACCESS_RW, false, &luks);
	cr_expect(s.first == SK_ACCESS_NONE && s.why_first == SK_REASON_RULE_DENY);
	s = run(rules, SK_ACCESS_NONE, true, &luks);
	cr_expect(!s.pending && s.why_first == SK_REASON_NO_GRANT, "no permit: not even looked at");
}

Test(decide_medium, the_ledger_and_the_clerk_who_has_no_permit)
{
	const char *rules = "[rule a]\nkind = storage\nledger = M-*\naction = grant\n" LOOSE;
	struct stages s = run(rules, SK_ACCESS_NONE, true, &luks);

	cr_expect(!s.pending && s.why_first == SK_REASON_NO_GRANT, "asks for a permit, not \"no rule\"");
	s = run(rules, SK_ACCESS_RO, true, &luks);
	cr_expect(s.pending && s.first == SK_ACCESS_RO && s.last == SK_ACCESS_RO);
	s = run(rules, SK_ACCESS_RO, true, &bare);
	cr_expect_eq(s.last, SK_ACCESS_NONE);
}

Test(decide_medium, grades_proved_by_the_medium)
{
	const char *rules =
	    "[rule a]\nkind = storage\naction = grant\n[grants]\ngrade_c = none\ngrade_b = ro\ngrade_a = rw\n" PLAIN;
	struct stages s = run(rules, SK_ACCESS_RW, true, &luks);

	cr_expect(s.pending && s.first == SK_ACCESS_RW && s.last == SK_ACCESS_RO);
	s = run(rules, SK_ACCESS_RW, true, &bare);
	cr_expect(s.pending && s.last == SK_ACCESS_NONE && s.why_last == SK_REASON_GRADE);
	s = run(rules, SK_ACCESS_RW, false, &luks);
	cr_expect(s.why_first == SK_REASON_GRADE);
	s = run("[rule a]\nkind = storage\ngrade = B\naction = allow\n" LOOSE, SK_ACCESS_NONE, true, &luks);
	cr_expect(s.pending && s.last == SK_ACCESS_RW);
	s = run("[rule a]\nkind = storage\ngrade = A\naction = allow\n" LOOSE, SK_ACCESS_NONE, true, &luks);
	cr_expect(s.pending && s.last == SK_ACCESS_NONE);
}

Test(decide_medium, encrypted_only)
{
	const char *rules = "[rule a]\nkind = storage\naction = grant\naccess = encrypted\n" LOOSE;
	struct stages s = run(rules, SK_ACCESS_RW, true, &luks);

	cr_expect(s.pending && s.first == SK_ACCESS_ENCRYPTED && s.last == SK_ACCESS_ENCRYPTED);
	s = run(rules, SK_ACCESS_RO, true, &luks);
	cr_expect_eq(s.last, SK_ACCESS_ENCRYPTED_RO);
	s = run(rules, SK_ACCESS_RW, true, &bare);
	cr_expect(s.last == SK_ACCESS_NONE && s.why_last == SK_REASON_NOT_ENCRYPTED);
	s = run(rules, SK_ACCESS_RW, true, &dark);
	cr_expect_eq(s.last, SK_ACCESS_NONE);
	s = run(rules, SK_ACCESS_RW, false, &luks);
	cr_expect(s.first == SK_ACCESS_NONE && s.why_first == SK_REASON_NOT_ENCRYPTED);
	s = run("[rule a]\nkind = storage\naction = allow\naccess = ro\n" LOOSE, SK_ACCESS_NONE, false, &bare);
	cr_expect_eq(s.first, SK_ACCESS_RO);
}

Test(decide_medium, what_both_allow)
{
	static const enum sk_access all[] = {SK_ACCESS_NONE, SK_ACCESS_ENCRYPTED_RO, SK_ACCESS_RO, SK_ACCESS_ENCRYPTED,
	                                     SK_ACCESS_RW};

	for (size_t i = 0; i < 5; i++) {
		enum sk_access got;

		cr_assert_eq(sk_access_parse(sk_access_name(all[i]), &got), 0);
		cr_assert_eq(got, all[i]);
		cr_assert_eq(sk_access_meet(all[i], SK_ACCESS_RW), all[i]);
		cr_assert_eq(sk_access_meet(all[i], all[i]), all[i]);
		for (size_t k = 0; k < 5; k++) {
			enum sk_access m = sk_access_meet(all[i], all[k]);

			cr_assert_eq(m, sk_access_meet(all[k], all[i]));
			cr_assert(m <= all[i] && m <= all[k]);
			cr_assert(!sk_access_writes(m) || (sk_access_writes(all[i]) && sk_access_writes(all[k])));
			cr_assert(m == SK_ACCESS_NONE || sk_access_encrypted(m) == (sk_access_encrypted(all[i]) ||
			                                                            sk_access_encrypted(all[k])));
		}
	}
}

Test(decide_medium, total)
{
	struct sk_context c = help_context();
	struct sk_device d = stick();
	struct sk_iface_verdict f;

	sk_decide_medium(NULL, NULL, &d, &luks, &c, 0, &f);
	cr_assert(!f.allow && f.reason == SK_REASON_DEFAULT);
	sk_decide_medium(NULL, NULL, &d, &luks, &c, 7, &f);
	cr_assert(!f.allow, "no such interface");
	d.desc_ok = false;
	sk_decide_medium(NULL, NULL, &d, &luks, &c, 0, &f);
	cr_assert(!f.allow && f.reason == SK_REASON_MALFORMED);
}
