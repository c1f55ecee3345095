/* What enrolment leaves: stored whole, read strictly, no other file believed. */
#include "agent/trust.h"
#include "tests/unit/agent_help.h"

static struct sk_trust t;
static struct sk_err err;

static void setup(void)
{
	make_dir();
	make_signer();
	err.text[0] = '\0';
}

static void teardown(void)
{
	sk_trust_clear(&t);
	drop_signer();
	remove_dir();
}

Test(trust, not_enrolled_is_local, .init = setup, .fini = teardown)
{
	cr_assert_eq(sk_trust_load(dir, &t, &err), -ENOENT);
	cr_assert(!t.enrolled);
	cr_assert_str_eq(t.device, "local");
	cr_assert_null(t.key);
}

Test(trust, set_and_load, .init = setup, .fini = teardown)
{
	struct sk_trust again;
	struct stat st;

	cr_assert_eq(sk_trust_set(dir, &t, "https://sekimori.example:8443", DEVICE, signer_pem, &err), 0, "%s",
	             err.text);
	cr_assert(t.enrolled);
	cr_assert_eq(stat(in_dir("trust.json"), &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(sk_trust_load(dir, &again, &err), 0, "%s", err.text);
	cr_assert_str_eq(again.device, DEVICE);
	cr_assert_str_eq(again.server, "https://sekimori.example:8443");
	cr_assert_str_eq(sk_verify_key_id(again.key), sk_verify_key_id(t.key));
	sk_trust_clear(&again);
}

Test(trust, refused_leaves_what_was, .init = setup, .fini = teardown)
{
	static const char *const bad[][2] = {
	    {"http://sekimori.example", DEVICE},
	    {"https://", DEVICE},
	    {"https://a:0", DEVICE},
	    {"https://a:65536", DEVICE},
	    {"https://a/path", DEVICE},
	    {"https://a b", DEVICE},
	    {"https://a", "not-a-uuid"},
	    {"https://a", "11111111-2222-4333-8444-55555555555G"},
	    {"https://a", "AAAAAAAA-2222-4333-8444-555555555555"},
	    {"https://user@a", DEVICE},
	};

	cr_assert_eq(sk_trust_set(dir, &t, "https://good", DEVICE, signer_pem, &err), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(sk_trust_set(dir, &t, bad[i][0], bad[i][1], signer_pem, &err), -EINVAL, "%s %s", bad[i][0],
		             bad[i][1]);
		cr_assert_str_eq(t.server, "https://good");
	}
	cr_assert_lt(sk_trust_set(dir, &t, "https://a", DEVICE, "-----BEGIN PUBLIC KEY-----\nnonsense\n", &err), 0);
	cr_assert_neq(strstr(err.text, "verify_key_pem"), NULL);
	cr_assert_str_eq(t.server, "https://good");
}

Test(trust, servers)
{
	for (const char *const *s =
	         (const char *const[]){"https://a", "https://a.b.example:8443", "https://10.0.2.100:8444",
	                               "https://[::1]:8443", "https://[fe80::1]", NULL};
	     *s; s++)
		cr_assert(sk_trust_is_server(*s), "%s", *s);
	for (const char *const *s =
	         (const char *const[]){"", "https:", "https://[::1", "https://[]", "https://[x]:1",
	                               "https://a:", "https://a:1x", "https://a:-1", "HTTPS://a", "https://-a", NULL};
	     *s; s++)
		cr_assert(!sk_trust_is_server(*s), "%s", *s);
}

Test(trust, a_file_that_is_not_ours_is_refused, .init = setup, .fini = teardown)
{
	static const char *const bad[] = {"",
	                                  "{",
	                                  "[]",
	                                  "{\"server\":\"https://a\"}",
	                                  "{\"server\":\"https://a\",\"device_id\":1,\"verify_key_pem\":\"x\"}",
	                                  "{\"server\":\"https://a\",\"device_id\":\"" DEVICE
	                                  "\",\"verify_key_pem\":\"x\"}"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put_file("trust.json", bad[i]);
		cr_assert_lt(sk_trust_load(dir, &t, &err), 0, "%s", bad[i]);
		cr_assert(!t.enrolled);
		cr_assert_str_eq(t.device, "local");
	}
	unlink(in_dir("trust.json"));
	cr_assert_eq(symlink("/etc/passwd", in_dir("trust.json")), 0);
	cr_assert_lt(sk_trust_load(dir, &t, &err), 0);
}
