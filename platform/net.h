/* What this machine is connected to, as the kernel says it: interfaces, addresses, gateways and who answers for them. */
#ifndef SK_PLATFORM_NET_H
#define SK_PLATFORM_NET_H

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define SK_NET_LINKS     128
#define SK_NET_ADDRESSES 256
#define SK_NET_GATEWAYS  64

struct sk_net_link {
	int index;
	char name[IFNAMSIZ], kind[24]; /* kind: the kernel's: "" for hardware, "wireguard" "tun" "bridge" "veth" ... */
	char mac[24]; /* "aa:bb:cc:dd:ee:ff" or "" */
	bool up; /* and there is a carrier */
	bool loopback;
};
struct sk_net_address {
	int index;
	char text[64]; /* "10.1.2.3/16" */
};
struct sk_net_gateway { /* of a default route */
	int index;
	char address[48]; /* "" = whoever is at the other end (a tunnel) */
	char mac[24]; /* "" = not known now */
};

struct sk_net {
	struct sk_net_link link[SK_NET_LINKS];
	size_t n_links;
	struct sk_net_address address[SK_NET_ADDRESSES];
	size_t n_addresses;
	struct sk_net_gateway gateway[SK_NET_GATEWAYS];
	size_t n_gateways;
	bool cut; /* there was more */
};

/* 0 or -errno. */
int sk_net_read(struct sk_net *n);
/* One message of the kernel's (RTM_NEWLINK, NEWADDR, NEWROUTE; NEWNEIGH when the gateways are there already) into n; others are passed over. */
void sk_net_take(struct sk_net *n, const struct nlmsghdr *m);

#endif
