/* RFC 6238's own values, the window, one use, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "server/totp.h"

#define RFC "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" /* "12345678901234567890" */

Test(totp, values_of_the_rfc)
{
	static const struct {
		long long seconds;
		unsigned code;
	} known[] = {{59, 287082},       {1111111109, 81804},  {1111111111, 50471},
	             {1234567890, 5924}, {2000000000, 279037}, {20000000000, 353130}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint32_t n = 0;

		cr_assert_eq(sk_totp_code(RFC, known[i].seconds / 30, &n), 0);
		cr_expect_eq(n, known[i].code, "%lld: %06u", known[i].seconds, n);
	}
}

Test(totp, window_and_one_use)
{
	sk_ms now = 1111111109000;
	int64_t step = now / 30000;

	cr_expect_eq(sk_totp_check(RFC, "081804", now, 0), step);
	cr_expect_eq(sk_totp_check(RFC, " 081 804 ", now, 0), step, "as people type it");
	cr_expect_eq(sk_totp_check(RFC, "081804", now + 30000, 0), step, "the one before");
	cr_expect_eq(sk_totp_check(RFC, "081804", now - 30000, 0), step, "a clock that is behind");
	cr_expect_eq(sk_totp_check(RFC, "081804", now + 60000, 0), -EACCES);
	cr_expect_eq(sk_totp_check(RFC, "081804", now, step), -EACCES, "used up");
	cr_expect_eq(sk_totp_check(RFC, "050471", 1111111111000, step), step + 1);
}

Test(totp, what_is_no_code)
{
	static const char *const wrong[] = {"",       "081805", "81804",        "0818040",
	                                    "08180a", "-81804", "０８１８０４", "081804\n"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(sk_totp_check(RFC, wrong[i], 1111111109000, 0), -EACCES, "%s", wrong[i]);
	cr_expect_eq(sk_totp_check("short", "081804", 1111111109000, 0), -EINVAL);
	cr_expect_eq(sk_totp_check("1EZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "081804", 1111111109000, 0), -EINVAL);
}

Test(totp, secrets_and_their_address)
{
	char a[SK_TOTP_TEXT], b[SK_TOTP_TEXT], uri[256];
	uint32_t n;

	cr_assert_eq(sk_totp_secret(a), 0);
	cr_assert_eq(sk_totp_secret(b), 0);
	cr_expect_eq(strlen(a), 32);
	cr_expect_neq(strcmp(a, b), 0);
	cr_expect_eq(sk_totp_code(a, 1, &n), 0);
	cr_assert_eq(sk_totp_uri(RFC, "City & Hall", "a.b", uri, sizeof(uri)), 0);
	cr_expect_str_eq(uri, "otpauth://totp/City%20%26%20Hall%3Aa.b?secret=" RFC "&issuer=City%20%26%20Hall");
	cr_expect_eq(sk_totp_uri(RFC, "City", "user", uri, 40), -E2BIG);
}
