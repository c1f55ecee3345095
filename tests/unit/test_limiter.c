/* Attempts per address. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "server/limiter.h"

Test(limiter, counts_per_address_and_window)
{
	struct sk_limiter *l = sk_limiter_new(3, 1000);

	for (int i = 0; i < 3; i++)
		cr_assert(sk_limiter_attempt(l, "192.0.2.1", 0));
	cr_assert_not(sk_limiter_attempt(l, "192.0.2.1", 999));
	cr_assert(sk_limiter_attempt(l, "192.0.2.2", 0));
	cr_assert(sk_limiter_attempt(l, "192.0.2.1", 1000));
	cr_assert(sk_limiter_attempt(l, "192.0.2.1", 1001));
	sk_limiter_free(l);
	sk_limiter_free(NULL);
}

Test(limiter, successes_do_not_count)
{
	struct sk_limiter *l = sk_limiter_new(2, 1000);

	for (int i = 0; i < 100; i++) {
		cr_assert(sk_limiter_attempt(l, "::1", i));
		sk_limiter_success(l, "::1");
	}
	sk_limiter_success(l, "nobody");
	sk_limiter_free(l);
}

Test(limiter, a_flood_of_addresses_pushes_out_the_oldest_only)
{
	struct sk_limiter *l = sk_limiter_new(1, 1000000);
	char address[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof(address), "10.0.%d.%d", i / 256, i % 256);
		cr_assert(sk_limiter_attempt(l, address, i));
	}
	cr_assert_not(sk_limiter_attempt(l, address, 5001), "the newest is still known");
	cr_assert(sk_limiter_attempt(l, "10.0.0.0", 5001));
	sk_limiter_free(l);
}
