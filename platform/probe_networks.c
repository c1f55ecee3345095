/*
 * P13: what this terminal is connected to. Links, addresses, default routes and the hardware address that answers for each gateway come from the
 * kernel itself; sysfs tells what an interface is; nl80211 tells to which wireless network it belongs (platform/wifi.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/net.h"
#include "platform/probe.h"
#include "platform/wifi.h"

static bool in_sysfs(const char *root, const char *name, const char *what)
{
	char path[600];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sys/class/net/%s/%s", root, name, what);
	return stat(path, &st) == 0;
}

/* wired wireless mobile bluetooth vpn bridge virtual */
static const char *kind_of(const char *root, const struct sk_net_link *l)
{
	char path[600], text[1024] = "";

	if (strchr(l->name, '/'))
		return "virtual";
	snprintf(path, sizeof(path), "%s/sys/class/net/%s/uevent", root, l->name);
	if (sk_file_attr(path, text, sizeof(text)) < 0)
		text[0] = '\0';
	if (in_sysfs(root, l->name, "wireless") || in_sysfs(root, l->name, "phy80211"))
		return "wireless";
	if (strstr(text, "DEVTYPE=wwan"))
		return "mobile";
	if (strstr(text, "DEVTYPE=bluetooth"))
		return "bluetooth";
	if (strcmp(l->kind, "wireguard") == 0 || strcmp(l->kind, "tun") == 0 || strcmp(l->kind, "xfrm") == 0 ||
	    strncmp(l->kind, "vti", 3) == 0 || strcmp(l->kind, "ppp") == 0 || strncmp(l->name, "ppp", 3) == 0 ||
	    in_sysfs(root, l->name, "tun_flags"))
		return "vpn";
	if (strcmp(l->kind, "bridge") == 0)
		return "bridge";
	return l->kind[0] == '\0' && in_sysfs(root, l->name, "device") ? "wired" : "virtual";
}

static json_t *one_link(const char *root, const struct sk_net *n, const struct sk_net_link *l, const struct sk_wifi *w)
{
	json_t *addresses = json_array(), *gateways = json_array(), *out;

	for (size_t i = 0; i < n->n_addresses; i++)
		if (n->address[i].index == l->index)
			json_array_append_new(addresses, json_string(n->address[i].text));
	for (size_t i = 0; i < n->n_gateways; i++)
		if (n->gateway[i].index == l->index)
			json_array_append_new(gateways, json_pack("{s:s, s:s}", "address", n->gateway[i].address, "mac",
			                                          n->gateway[i].mac));
	out = json_pack("{s:s, s:s, s:b, s:s, s:o, s:o}", "name", l->name, "kind", kind_of(root, l), "up", l->up, "mac",
	                l->mac, "addresses", addresses, "gateways", gateways);
	for (size_t i = 0; w && i < w->n; i++)
		if (w->at[i].index == l->index && w->at[i].ssid[0])
			json_object_set_new(out, "ssid", json_string(w->at[i].ssid));
	return out;
}

json_t *sk_networks_facts(const char *root, const struct sk_net *n, const struct sk_wifi *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n_links; i++)
		if (!n->link[i].loopback && json_array_size(list) < 64)
			json_array_append_new(list, one_link(root, n, &n->link[i], w));
	return json_pack("{s:o, s:b}", "interfaces", list, "cut", n->cut);
}

json_t *sk_probe_networks(const char *root)
{
	struct sk_net *n = calloc(1, sizeof(*n));
	struct sk_wifi *w = calloc(1, sizeof(*w));
	int r = n && w ? sk_net_read(n) : -1;
	json_t *out;

	if (r == 0) {
		bool wifi = sk_wifi_read(w) == 0;
		out = sk_networks_facts(root, n, wifi ? w : NULL);
	} else {
		out = json_pack("{s:s}", "error", "the kernel did not say what the terminal is connected to");
	}
	free(n);
	free(w);
	return out;
}
