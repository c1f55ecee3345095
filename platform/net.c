/* See net.h. Everything of a message is checked against its length before it is read. */
#include "platform/net.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "platform/netlink.h"

/* The attributes behind a fixed part of `head` bytes; NULL when the message is shorter. */
static const void *attributes(const struct nlmsghdr *m, size_t head, size_t *size)
{
	size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(head);

	if (m->nlmsg_len < NLMSG_HDRLEN + head)
		return NULL;
	*size = m->nlmsg_len > at ? m->nlmsg_len - at : 0;
	return (const char *)m + at;
}

static void text_of(const void *attrs, size_t size, uint16_t type, char *out, size_t n)
{
	size_t len = 0;
	const char *s = sk_netlink_attr(attrs, size, type, &len);

	out[0] = '\0';
	if (s)
		sk_text_printable(out, n, s, strnlen(s, len));
}

static void mac_of(const void *attrs, size_t size, uint16_t type, char *out, size_t n)
{
	size_t len = 0;
	const unsigned char *b = sk_netlink_attr(attrs, size, type, &len);

	out[0] = '\0';
	if (b && len == 6)
		snprintf(out, n, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* family: AF_INET or AF_INET6 and the length that it must have. */
static bool address_of(const void *attrs, size_t size, uint16_t type, int family, char *out, size_t n)
{
	size_t len = 0;
	const void *b = sk_netlink_attr(attrs, size, type, &len);

	return b && len == (family == AF_INET ? 4 : 16) && inet_ntop(family, b, out, (socklen_t)n) != NULL;
}

static void take_link(struct sk_net *n, const struct nlmsghdr *m)
{
	const struct ifinfomsg *i = NLMSG_DATA(m);
	size_t size, len = 0;
	const void *a = attributes(m, sizeof(*i), &size), *info;
	struct sk_net_link l = {0};

	if (!a)
		return;
	if (n->n_links == SK_NET_LINKS) {
		n->cut = true;
		return;
	}
	l.index = i->ifi_index;
	l.loopback = (i->ifi_flags & IFF_LOOPBACK) != 0;
	l.up = (i->ifi_flags & IFF_UP) && (i->ifi_flags & IFF_RUNNING);
	text_of(a, size, IFLA_IFNAME, l.name, sizeof(l.name));
	mac_of(a, size, IFLA_ADDRESS, l.mac, sizeof(l.mac));
	info = sk_netlink_attr(a, size, IFLA_LINKINFO, &len);
	if (info)
		text_of(info, len, IFLA_INFO_KIND, l.kind, sizeof(l.kind));
	n->link[n->n_links++] = l;
}

static void take_address(struct sk_net *n, const struct nlmsghdr *m)
{
	const struct ifaddrmsg *i = NLMSG_DATA(m);
	char text[48];
	size_t size;
	const void *a = attributes(m, sizeof(*i), &size);

	if (!a || (i->ifa_family != AF_INET && i->ifa_family != AF_INET6) || i->ifa_prefixlen > 128)
		return;
	/* LOCAL is ours, ADDRESS may be the other end's. */
	if (!address_of(a, size, IFA_LOCAL, i->ifa_family, text, sizeof(text)) &&
	    !address_of(a, size, IFA_ADDRESS, i->ifa_family, text, sizeof(text)))
		return;
	if (n->n_addresses == SK_NET_ADDRESSES) {
		n->cut = true;
		return;
	}
	n->address[n->n_addresses].index = (int)i->ifa_index;
	snprintf(n->address[n->n_addresses++].text, sizeof(n->address[0].text), "%s/%u", text, i->ifa_prefixlen);
}

static void add_gateway(struct sk_net *n, int index, const char *address)
{
	for (size_t i = 0; i < n->n_gateways; i++)
		if (n->gateway[i].index == index && strcmp(n->gateway[i].address, address) == 0)
			return;
	if (n->n_gateways == SK_NET_GATEWAYS) {
		n->cut = true;
		return;
	}
	n->gateway[n->n_gateways].index = index;
	sk_text_copy(n->gateway[n->n_gateways++].address, sizeof(n->gateway[0].address), address);
}

/* A default route over several ways has a list of hops, each with attributes of its own. */
static void take_hops(struct sk_net *n, int family, const void *hops, size_t size)
{
	const char *at = hops;
	struct rtnexthop h;
	char text[48];

	while (size >= sizeof(h)) {
		memcpy(&h, at, sizeof(h));
		if (h.rtnh_len < sizeof(h) || h.rtnh_len > size)
			return;
		if (!address_of(at + sizeof(h), h.rtnh_len - sizeof(h), RTA_GATEWAY, family, text, sizeof(text)))
			text[0] = '\0';
		add_gateway(n, h.rtnh_ifindex, text);
		size_t step = RTNH_ALIGN(h.rtnh_len);
		if (step >= size)
			return;
		at += step;
		size -= step;
	}
}

static void take_route(struct sk_net *n, const struct nlmsghdr *m)
{
	const struct rtmsg *r = NLMSG_DATA(m);
	size_t size, len = 0;
	const void *a = attributes(m, sizeof(*r), &size), *oif, *hops;
	char text[48] = "";
	int index = 0;

	/* A tunnel that takes everything often does so by two halves. */
	if (!a || r->rtm_dst_len > 1 || r->rtm_type != RTN_UNICAST ||
	    (r->rtm_family != AF_INET && r->rtm_family != AF_INET6))
		return;
	hops = sk_netlink_attr(a, size, RTA_MULTIPATH, &len);
	if (hops) {
		take_hops(n, r->rtm_family, hops, len);
		return;
	}
	oif = sk_netlink_attr(a, size, RTA_OIF, &len);
	if (!oif || len != sizeof(index))
		return;
	memcpy(&index, oif, sizeof(index));
	if (!address_of(a, size, RTA_GATEWAY, r->rtm_family, text, sizeof(text)))
		text[0] = '\0';
	add_gateway(n, index, text);
}

static void take_neighbour(struct sk_net *n, const struct nlmsghdr *m)
{
	const struct ndmsg *d = NLMSG_DATA(m);
	char text[48], mac[24];
	size_t size;
	const void *a = attributes(m, sizeof(*d), &size);

	if (!a || (d->ndm_state & (NUD_FAILED | NUD_INCOMPLETE)) ||
	    !address_of(a, size, NDA_DST, d->ndm_family, text, sizeof(text)))
		return;
	mac_of(a, size, NDA_LLADDR, mac, sizeof(mac));
	for (size_t i = 0; i < n->n_gateways; i++)
		if (n->gateway[i].index == d->ndm_ifindex && strcmp(n->gateway[i].address, text) == 0)
			sk_text_copy(n->gateway[i].mac, sizeof(n->gateway[i].mac), mac);
}

void sk_net_take(struct sk_net *n, const struct nlmsghdr *m)
{
	if (m->nlmsg_type == RTM_NEWLINK)
		take_link(n, m);
	else if (m->nlmsg_type == RTM_NEWADDR)
		take_address(n, m);
	else if (m->nlmsg_type == RTM_NEWROUTE)
		take_route(n, m);
	else if (m->nlmsg_type == RTM_NEWNEIGH)
		take_neighbour(n, m);
}

static void on_message(void *ctx, const struct nlmsghdr *m)
{
	sk_net_take(ctx, m);
}

int sk_net_read(struct sk_net *n)
{
	static const uint16_t questions[] = {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH};
	static const union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		struct ndmsg neighbour;
	} any; /* AF_UNSPEC */
	static const size_t sizes[] = {sizeof(any.link), sizeof(any.address), sizeof(any.route), sizeof(any.neighbour)};
	int r = 0;

	memset(n, 0, sizeof(*n));
	for (size_t i = 0; r == 0 && i < 4; i++)
		r = sk_netlink_ask(NETLINK_ROUTE, questions[i], NLM_F_DUMP, &any, sizes[i], on_message, n);
	return r;
}
