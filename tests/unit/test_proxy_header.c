/* The header a load balancer puts before a client's bytes: whole, in pieces, of others, and bent. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "server/proxy_header.h"

static const uint8_t head[12] = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static size_t make(uint8_t *out, uint8_t version, uint8_t family, const void *rest, size_t n)
{
	memcpy(out, head, 12);
	out[12] = version;
	out[13] = family;
	out[14] = (uint8_t)(n >> 8);
	out[15] = (uint8_t)n;
	memcpy(out + 16, rest, n);
	return 16 + n;
}

static const char *read_as(const uint8_t *data, size_t len)
{
	static char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage from;

	if (sk_proxy_header_read(data, len, &from) < 0)
		return "refused";
	if (from.ss_family == AF_UNSPEC)
		return "itself";
	return inet_ntop(from.ss_family,
	                 from.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&from)->sin_addr
	                                           : (void *)&((struct sockaddr_in6 *)&from)->sin6_addr,
	                 text, sizeof(text));
}

Test(proxy_header, who_it_speaks_for)
{
	static const uint8_t four[12] = {192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x20, 0xfb};
	uint8_t six[36] = {0x20, 0x01, 0x0d, 0xb8, [15] = 9}, data[600], more[112] = {0};

	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x11, four, 12)), "192.0.2.7");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x21, six, 36)), "2001:db8::9");
	cr_assert_str_eq(read_as(data, make(data, 0x20, 0x00, "", 0)), "itself");
	cr_assert_str_eq(read_as(data, make(data, 0x20, 0x11, four, 12)), "itself", "a health check has no client");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x00, "", 0)), "itself");
	memcpy(more, four, 12);
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x11, more, sizeof(more))), "192.0.2.7",
	                 "what follows is skipped");
}

Test(proxy_header, bent_ones)
{
	static const uint8_t four[12] = {192, 0, 2, 7};
	uint8_t data[600], zero[520] = {0};
	size_t n;

	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x11, four, 11)), "refused");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x21, zero, 35)), "refused");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x12, four, 12)), "refused", "datagrams");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x31, zero, 216)), "refused", "local sockets");
	cr_assert_str_eq(read_as(data, make(data, 0x11, 0x11, four, 12)), "refused", "version 1");
	cr_assert_str_eq(read_as(data, make(data, 0x22, 0x11, four, 12)), "refused", "no such command");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x11, zero, 497)), "refused", "too long");
	cr_assert_str_eq(read_as(data, make(data, 0x21, 0x11, zero, 496)), "0.0.0.0");
	n = make(data, 0x21, 0x11, four, 12);
	for (size_t i = 0; i < n; i++) {
		cr_assert_str_eq(read_as(data, i), "refused");
		cr_assert_eq(sk_proxy_header_wants(data, i), i < 16 ? 16 : 28);
	}
	cr_assert_str_eq(read_as(data, n + 1), "refused");
	for (size_t i = 0; i < 12; i++) { /* a wrong byte shows when it comes */
		data[i] ^= 1;
		cr_assert_eq(sk_proxy_header_wants(data, i + 1), -EINVAL);
		cr_assert_eq(sk_proxy_header_wants(data, i), i < 16 ? 16 : 28);
		data[i] ^= 1;
	}
	cr_assert_eq(sk_proxy_header_wants((const uint8_t *)"\x16\x03\x01", 3), -EINVAL, "TLS without one");
	cr_assert_eq(sk_proxy_header_wants((const uint8_t *)"PROXY TCP4", 10), -EINVAL);
}

static int has(const struct sk_proxies *p, const char *address)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	return sk_proxies_have(p, &ss);
}

Test(proxy_header, which_addresses_are_believed)
{
	struct sk_proxies p = {.n = 0};

	cr_assert(!has(&p, "10.0.0.5"));
	cr_assert_eq(sk_proxies_parse(" 10.0.0.5  fd00::5 ", &p), 0);
	cr_assert_eq(p.n, 2);
	cr_assert(has(&p, "10.0.0.5") && has(&p, "::ffff:10.0.0.5") && has(&p, "fd00::5"));
	cr_assert(!has(&p, "10.0.0.6") && !has(&p, "fd00::6") && !has(&p, "::"));
	cr_assert(!has(&p, "nothing"), "a local socket is nobody's address");
	cr_assert_eq(sk_proxies_parse("10.0.0.5 balancer.example", &p), -EINVAL);
	cr_assert_eq(sk_proxies_parse("10.0.0.0/8", &p), -EINVAL);
	cr_assert_eq(
	    sk_proxies_parse("1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
	                     "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1",
	                     &p),
	    -E2BIG);
	cr_assert_eq(p.n, 2, "unchanged");
	cr_assert_eq(sk_proxies_parse("", &p), 0);
	cr_assert_eq(p.n, 0);
}
