/* Addresses: counted together where they are one machine's, apart where they are not. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/visitors.h"

static struct sockaddr_storage at(const char *text)
{
	struct sockaddr_storage ss = {0};

	if (strchr(text, ':') != NULL) {
		ss.ss_family = AF_INET6;
		cr_assert_eq(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ss)->sin6_addr), 1);
	} else {
		ss.ss_family = AF_INET;
		cr_assert_eq(inet_pton(AF_INET, text, &((struct sockaddr_in *)&ss)->sin_addr), 1);
	}
	return ss;
}

static struct sk_visitor *enter(struct sk_visitors *v, const char *text)
{
	const struct sockaddr_storage ss = at(text);

	return sk_visitors_enter(v, &ss);
}

Test(visitors, open_connections_are_counted_by_address)
{
	struct sk_visitors *v = sk_visitors_new(1, 1);
	struct sk_visitor *a = enter(v, "192.0.2.1"), *b = enter(v, "192.0.2.2");

	cr_assert_eq(enter(v, "::ffff:192.0.2.1"), a, "the same address in the other notation");
	cr_assert_neq(a, b);
	cr_assert_eq(sk_visitor_open(a), 2);
	cr_assert_eq(sk_visitor_open(b), 1);
	sk_visitors_leave(v, a);
	cr_assert_eq(sk_visitor_open(a), 1);
	sk_visitors_leave(v, b);
	cr_assert_eq(sk_visitor_open(enter(v, "192.0.2.2")), 1, "begun anew");
	sk_visitors_free(v);
}

Test(visitors, ipv6_counts_by_network)
{
	struct sk_visitors *v = sk_visitors_new(1, 1);
	struct sk_visitor *a = enter(v, "2001:db8:0:1::1");

	cr_assert_eq(enter(v, "2001:db8:0:1:ffff::2"), a);
	cr_assert_neq(enter(v, "2001:db8:0:2::1"), a);
	sk_visitors_free(v);
}

Test(visitors, failures_outlive_the_connection)
{
	struct sk_visitors *v = sk_visitors_new(2, 60);
	struct sk_visitor *a = enter(v, "192.0.2.1");

	sk_visitors_failed(v, a, 1000);
	cr_assert_not(sk_visitors_unwelcome(v, a, 1000));
	sk_visitors_failed(v, a, 1000);
	cr_assert(sk_visitors_unwelcome(v, a, 1000));
	sk_visitors_leave(v, a);
	a = enter(v, "192.0.2.1");
	cr_assert(sk_visitors_unwelcome(v, a, 1001));
	cr_assert_not(sk_visitors_unwelcome(v, enter(v, "192.0.2.2"), 1001));
	cr_assert_not(sk_visitors_unwelcome(v, a, 2001), "and are forgiven");
	sk_visitors_free(v);
}

Test(visitors, ten_thousand_come_and_go)
{
	struct sk_visitors *v = sk_visitors_new(2, 60);
	struct sk_visitor *all[10000];
	char text[32];

	for (int i = 0; i < 10000; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d", i / 250, i % 250);
		all[i] = enter(v, text);
	}
	for (int i = 0; i < 10000; i += 2)
		sk_visitors_leave(v, all[i]);
	for (int i = 1; i < 10000; i += 2)
		cr_assert_eq(sk_visitor_open(all[i]), 1);
	for (int i = 1; i < 10000; i += 2)
		sk_visitors_leave(v, all[i]);
	sk_visitors_leave(v, NULL);
	cr_assert_eq(sk_visitor_open(NULL), 0);
	sk_visitors_free(v);
	sk_visitors_free(NULL);
}
