/* The table that cuts a terminal off: what nft takes (where it is there and may), what is told of it, what holds. */
#include <criterion/criterion.h>
#include <string.h>

#include "platform/isolation.h"

static struct sk_buf b;

static void start(void)
{
	sk_buf_init(&b, 8192);
}

static void end(void)
{
	sk_buf_deinit(&b);
}

TestSuite(isolation, .init = start, .fini = end);

Test(isolation, full_lets_nothing_but_the_loopback)
{
	cr_assert_eq(sk_isolation_rules(SK_ISOLATION_FULL, 123, &b), 0);
	cr_expect_eq(sk_isolation_of(b.data), SK_ISOLATION_FULL);
	cr_expect(sk_isolation_holds(b.data));
	cr_expect_null(strstr(b.data, "skuid"));
	cr_expect_null(strstr(b.data, "dport"));
}

Test(isolation, management_is_the_uplinks_own_way)
{
	cr_assert_eq(sk_isolation_rules(SK_ISOLATION_MANAGEMENT, 123, &b), 0);
	cr_expect_eq(sk_isolation_of(b.data), SK_ISOLATION_MANAGEMENT);
	cr_expect(sk_isolation_holds(b.data));
	cr_expect_not_null(strstr(b.data, "meta skuid 123 meta l4proto tcp"));
	sk_buf_deinit(&b);
	start();
	cr_assert_eq(sk_isolation_rules(SK_ISOLATION_MANAGEMENT, (uid_t)-1, &b), 0);
	cr_expect_null(strstr(b.data, "skuid"), "nobody to let out");
}

Test(isolation, what_is_no_such_file_is_none)
{
	cr_expect_eq(sk_isolation_of(""), SK_ISOLATION_NONE);
	cr_expect_eq(sk_isolation_of("# Sekimori isolation: fully\n"), SK_ISOLATION_NONE);
	cr_expect_eq(sk_isolation_of("table inet x {}"), SK_ISOLATION_NONE);
	cr_expect(!sk_isolation_holds(""));
	cr_expect(!sk_isolation_holds("type filter hook output priority -150; policy accept;\n hook input; policy "
	                              "drop;\n hook forward; policy drop;"));
}
