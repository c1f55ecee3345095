/* What comes over the air and from netlink: elements of a beacon, and a buffer of messages. */
// sources: platform/wifi.c platform/net.c platform/netlink.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/net.h"
#include "platform/netlink.h"
#include "platform/wifi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *ctx, const struct nlmsghdr *m)
{
	sk_net_take(ctx, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sk_net n;
	struct sk_wifi_security s;
	uint8_t *copy = malloc(size + 1); /* aligned as a socket's buffer is */
	int error;

	sk_wifi_elements(data, size, size & 1, &s);
	if (s.level > SK_WIFI_WPA3 || n.n_links > SK_NET_LINKS || n.n_addresses > SK_NET_ADDRESSES ||
	    n.n_gateways > SK_NET_GATEWAYS)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	memset(&n, 0, sizeof(n));
	(void)sk_netlink_each(copy, size, on_message, &n, &error);
	free(copy);
	return 0;
}
