/* Stacks as they stand on real systems, and the traps: jumps, substacks, sufficient before required, modules nobody knows. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/etc.h"
#include "policy/pam.h"

static char root[64];

static void put(const char *name, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/etc/pam.d", root);
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	snprintf(full, sizeof(full), "%s/etc/pam.d/%s", root, name);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-pam-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(pam, .init = start, .fini = stop);

static int least(const char *service, unsigned *mask)
{
	int why = 0;
	json_t *stack = sk_pam_stack(root, service, "auth", &why);
	int r = stack ? sk_pam_least(stack, mask) : why;

	json_decref(stack);
	return r;
}

#define COMMON \
	"auth [success=1 default=ignore] pam_unix.so nullok\n" \
	"auth requisite pam_deny.so\nauth required pam_permit.so\nauth optional pam_cap.so\n"

Test(pam, a_password_alone)
{
	unsigned mask = 0;

	put("common-auth", COMMON);
	put("login", "auth optional pam_faildelay.so delay=3\nauth requisite pam_nologin.so\n@include common-auth\n"
	             "account required pam_unix.so\n");
	cr_expect_eq(least("login", &mask), 1);
	cr_expect_eq(mask, SK_PAM_KNOWLEDGE);
}

Test(pam, two_kinds_and_either)
{
	put("both", "auth required pam_unix.so\nauth required pam_google_authenticator.so\n");
	cr_expect_eq(least("both", NULL), 2);
	put("either", "auth sufficient pam_u2f.so\nauth sufficient pam_unix.so\nauth required pam_deny.so\n");
	cr_expect_eq(least("either", NULL), 1, "one of two is one");
	put("card", "auth required pam_pkcs11.so\n");
	cr_expect_eq(least("card", NULL), 2, "a card with its PIN is two kinds");
	put("key-pin", "auth required pam_u2f.so cue pinverification=1\n");
	cr_expect_eq(least("key-pin", NULL), 2);
	put("nullok-otp", "auth required pam_unix.so\nauth [success=done default=bad] pam_oath.so\n");
	cr_expect_eq(least("nullok-otp", NULL), 2);
}

Test(pam, traps)
{
	put("open", "auth required pam_permit.so\n");
	cr_expect_eq(least("open", NULL), 0, "anybody");
	put("early", "auth sufficient pam_unix.so\nauth required pam_u2f.so\n");
	cr_expect_eq(least("early", NULL), 1, "the token is never asked for");
	put("jump",
	    "auth [success=2 default=ignore] pam_unix.so\nauth required pam_u2f.so\nauth requisite pam_deny.so\n"
	    "auth required pam_permit.so\n");
	cr_expect_eq(least("jump", NULL), 1, "the password jumps over the token");
	put("nobody", "auth requisite pam_deny.so\nauth required pam_permit.so\n");
	cr_expect_eq(least("nobody", NULL), -ENOENT);
	put("empty", "account required pam_unix.so\n");
	cr_expect_eq(least("empty", NULL), -ENOENT);
	put("optional", "auth optional pam_u2f.so\nauth required pam_unix.so\n");
	cr_expect_eq(least("optional", NULL), 1, "an optional token is none");
	put("lock", "auth required pam_faillock.so preauth\nauth [success=1 default=bad] pam_unix.so\n"
	            "auth [default=die] pam_faillock.so authfail\nauth sufficient pam_faillock.so authsucc\n"
	            "auth required pam_deny.so\n");
	cr_expect_eq(least("lock", NULL), 1);
}

Test(pam, a_substack_ends_by_itself)
{
	put("inner", "auth sufficient pam_unix.so\nauth requisite pam_deny.so\n");
	put("outer", "auth substack inner\nauth required pam_u2f.so\n");
	cr_expect_eq(least("outer", NULL), 2, "done in the substack is not done in the stack");
	put("outer2", "auth include inner\nauth required pam_u2f.so\n");
	cr_expect_eq(least("outer2", NULL), 1, "done in an include is done");
}

Test(pam, what_is_not_known_is_unknown)
{
	put("vendor", "auth sufficient pam_vendor_magic.so\nauth required pam_unix.so\n");
	cr_expect_eq(least("vendor", NULL), -EAGAIN, "it may let anybody in");
	put("harmless", "auth optional pam_vendor_magic.so\nauth required pam_unix.so\n");
	cr_expect_eq(least("harmless", NULL), 1, "whatever it says, the password is asked for");
	put("bad", "auth maybe pam_unix.so\n");
	cr_expect_eq(least("bad", NULL), -EAGAIN);
}

Test(pam, hostile_files)
{
	put("loop", "@include loop\n");
	cr_expect_eq(least("loop", NULL), -ELOOP);
	put("out", "@include ../../etc/passwd\n");
	cr_expect_eq(least("out", NULL), -EINVAL);
	put("missing", "@include nowhere\n");
	cr_expect_eq(least("missing", NULL), -ENOENT);
	cr_expect_eq(least("nothing", NULL), -ENOENT);
	put("cut", "auth [success=1\n");
	cr_expect_eq(least("cut", NULL), -EINVAL);
	put("joined", "auth \\\n required \\\n pam_unix.so # pam_u2f.so\n");
	cr_expect_eq(least("joined", NULL), 1);
	char many[8000] = "";
	for (int i = 0; i < 200; i++)
		strcat(many, "auth required pam_unix.so\n");
	put("many", many);
	cr_expect_eq(least("many", NULL), -E2BIG);
}

Test(pam, arguments)
{
	int why;
	bool found;

	put("passwd", "password requisite pam_pwquality.so retry=3 minlen=12\npassword [success=1 default=ignore] "
	              "pam_unix.so yescrypt\n");
	json_t *stack = sk_pam_stack(root, "passwd", "password", &why);
	cr_assert_not_null(stack);
	cr_expect_str_eq(sk_pam_arg(stack, "pam_pwquality.so", "minlen", &found), "12");
	cr_expect(found);
	cr_expect_null(sk_pam_arg(stack, "pam_pwquality.so", "min", NULL));
	cr_expect_null(sk_pam_arg(stack, "pam_cracklib.so", "minlen", &found));
	cr_expect_not(found);
	cr_expect(sk_pam_has_flag(stack, "pam_unix.so", "yescrypt"));
	cr_expect_not(sk_pam_has_flag(stack, "pam_unix.so", "md5"));
	json_decref(stack);
}
