/*
 * What a TCP load balancer puts before the bytes of a client, so that the server knows whom it speaks with: the binary header of the PROXY
 * protocol, version 2 (HAProxy: send-proxy-v2). It is believed only of the addresses that [listen] proxies names. Pure.
 *
 *   12 bytes  signature
 *    1        version 2 << 4 | 0 = the balancer itself (a health check), 1 = on behalf of a client
 *    1        family << 4 | transport: 0x11 = TCP over IPv4, 0x21 = over IPv6, 0x00 = not told
 *    2        length of the rest, big endian
 *             source address, destination address, source port, destination port; then whatever else, which is skipped
 */
#ifndef SK_SERVER_PROXY_HEADER_H
#define SK_SERVER_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define SK_PROXY_HEADER_MAX 512 /* with what else it carries; a longer one is refused */

/* How many bytes it has in all, as far as that shows: 16 while fewer are there. -EINVAL as soon as it can be none. */
int sk_proxy_header_wants(const uint8_t *data, size_t have);
/* Of a whole one: who it speaks for; family AF_UNSPEC = the balancer itself, or not told. 0 or -EINVAL. */
int sk_proxy_header_read(const uint8_t *data, size_t len, struct sockaddr_storage *from);

/* The addresses that are believed, with blanks between them ("10.0.0.5 fd00::5"); at most SK_PROXIES. */
#define SK_PROXIES 16
struct sk_proxies {
	size_t n;
	uint8_t at[SK_PROXIES][16]; /* IPv4 as mapped into IPv6 */
};
/* 0, -EINVAL (not an address), -E2BIG. Nothing is changed on failure. */
int sk_proxies_parse(const char *text, struct sk_proxies *out);
int sk_proxies_have(const struct sk_proxies *p, const struct sockaddr_storage *from);

#endif
