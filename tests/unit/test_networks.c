/* P13 and P14: the kernel's messages, whole and broken; beacons of anybody; networks kept for later; the verdicts. */
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/net.h"
#include "platform/netlink.h"
#include "platform/netwatch.h"
#include "platform/probe.h"
#include "platform/wifi.h"
#include "policy/networks.h"
#include "tests/unit/check_help.h"

/* --- messages --- */

static union {
	struct nlmsghdr h;
	char bytes[4096];
} msg;

static void begin(uint16_t type, const void *head, size_t len)
{
	memset(&msg, 0, sizeof(msg));
	msg.h.nlmsg_type = type;
	msg.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&msg.h), head, len);
}

static void attr(uint16_t type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(msg.h.nlmsg_len);
	struct nlattr a = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};

	memcpy(msg.bytes + at, &a, sizeof(a));
	memcpy(msg.bytes + at + NLA_HDRLEN, data, len);
	msg.h.nlmsg_len = (uint32_t)(at + NLA_HDRLEN + len);
}

static void address(uint16_t type, const char *text)
{
	unsigned char b[16];
	bool six = strchr(text, ':') != NULL;

	cr_assert_eq(inet_pton(six ? AF_INET6 : AF_INET, text, b), 1);
	attr(type, b, six ? 16 : 4);
}

static void a_machine(struct sk_net *n)
{
	struct ifinfomsg link = {.ifi_index = 2, .ifi_flags = IFF_UP | IFF_RUNNING};
	struct ifaddrmsg addr = {.ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = 2};
	struct rtmsg route = {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST};
	struct ndmsg neigh = {.ndm_family = AF_INET, .ndm_ifindex = 2, .ndm_state = NUD_STALE};
	int oif = 2;

	memset(n, 0, sizeof(*n));
	begin(RTM_NEWLINK, &link, sizeof(link));
	attr(IFLA_IFNAME, "eth0", 5);
	attr(IFLA_ADDRESS, "\2\0\0\0\0\1", 6);
	sk_net_take(n, &msg.h);
	begin(RTM_NEWADDR, &addr, sizeof(addr));
	address(IFA_LOCAL, "10.1.2.3");
	sk_net_take(n, &msg.h);
	begin(RTM_NEWROUTE, &route, sizeof(route));
	address(RTA_GATEWAY, "10.1.0.1");
	attr(RTA_OIF, &oif, sizeof(oif));
	sk_net_take(n, &msg.h);
	sk_net_take(n, &msg.h);
	begin(RTM_NEWNEIGH, &neigh, sizeof(neigh));
	address(NDA_DST, "10.1.0.1");
	attr(NDA_LLADDR, "\xaa\xbb\xcc\xdd\xee\xff", 6);
	sk_net_take(n, &msg.h);
}

Test(networks, what_the_kernel_says)
{
	struct sk_net n;
	struct sk_wifi w = {.n = 1, .at = {{.index = 2, .ssid = "office"}}};

	a_machine(&n);
	json_t *f = sk_networks_facts("/nonexistent", &n, &w), *i = json_array_get(json_object_get(f, "interfaces"), 0);
	char *text = json_dumps(i, JSON_COMPACT | JSON_SORT_KEYS);

	cr_expect_str_eq(
	    text,
	    "{\"addresses\":[\"10.1.2.3/16\"],\"gateways\":[{\"address\":\"10.1.0.1\",\"mac\":\"aa:bb:cc:dd:ee:ff\"}],"
	    "\"kind\":\"virtual\",\"mac\":\"02:00:00:00:00:01\",\"name\":\"eth0\",\"ssid\":\"office\",\"up\":true}");
	free(text);
	json_decref(f);
}

static void ignore(void *ctx, const struct nlmsghdr *m)
{
	sk_net_take(ctx, m);
}

Test(networks, messages_cut_and_bent)
{
	struct sk_net n;
	struct rtnexthop hop = {.rtnh_len = 60000, .rtnh_ifindex = 3};
	struct rtmsg route = {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST};
	int error;
	size_t len = 0;

	a_machine(&n);
	for (uint32_t cut = 0; cut <= msg.h.nlmsg_len; cut++) { /* each shorter message, of each kind */
		static const uint16_t kinds[] = {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH, 999};
		char *copy = malloc(cut + 1);
		memcpy(copy, &msg, cut);
		for (size_t k = 0; cut >= sizeof(struct nlmsghdr) && k < 5; k++) {
			((struct nlmsghdr *)(void *)copy)->nlmsg_len = cut;
			((struct nlmsghdr *)(void *)copy)->nlmsg_type = kinds[k];
			(void)sk_netlink_each(copy, cut, ignore, &n, &error);
		}
		free(copy);
	}
	begin(RTM_NEWROUTE, &route, sizeof(route));
	attr(RTA_MULTIPATH, &hop, sizeof(hop));
	size_t before = n.n_gateways;
	sk_net_take(&n, &msg.h);
	cr_expect_eq(n.n_gateways, before);
	cr_expect_null(sk_netlink_attr("\3\0\1\0", 4, 1, &len), "shorter than its own head");
	cr_expect_null(sk_netlink_attr("\xff\xff\1\0zzzz", 8, 1, &len));
	msg.h.nlmsg_len = 5;
	cr_expect(sk_netlink_each(&msg, sizeof(msg), ignore, &n, &error));
	cr_expect_lt(error, 0);
	for (int i = 0; i < 400; i++) {
		struct ifinfomsg link = {.ifi_index = i};
		begin(RTM_NEWLINK, &link, sizeof(link));
		attr(IFLA_IFNAME, "\x1b[2J/../x", 10);
		sk_net_take(&n, &msg.h);
	}
	cr_expect(n.cut);
	json_t *f = sk_networks_facts("", &n, NULL);
	cr_expect_leq(json_array_size(json_object_get(f, "interfaces")), 64);
	json_decref(f);
}

Test(networks, this_machine)
{
	struct sk_net n;

	cr_assert_eq(sk_net_read(&n), 0);
	cr_expect_gt(n.n_links, 0, "at least lo");
}

static void never(void *ctx)
{
	(void)ctx;
	cr_assert_fail("nothing changed");
}

Test(networks, only_another_list_is_a_change)
{
	char a[SK_SHA256_HEX], b[SK_SHA256_HEX];
	struct sk_netwatch *w = NULL;
	sd_event *loop = NULL;
	struct sk_net n;

	a_machine(&n);
	sk_netwatch_sum(&n, a);
	sk_netwatch_sum(&n, b);
	cr_expect_str_eq(a, b);
	n.gateway[0].mac[0] = 'x';
	sk_netwatch_sum(&n, b);
	cr_expect_str_eq(a, b, "who answers is asked by the check itself");
	n.link[0].up = false;
	sk_netwatch_sum(&n, b);
	cr_expect_str_neq(a, b);
	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_eq(sk_netwatch_new(loop, never, NULL, &w), 0);
	cr_expect_geq(sd_event_run(loop, 1000), 0);
	cr_expect_null(sk_netwatch_free(w));
	cr_expect_null(sk_netwatch_free(NULL));
	sd_event_unref(loop);
}

/* --- verdicts --- */

#define ETH(addr, gw) \
	"{\"name\":\"eth0\",\"kind\":\"wired\",\"up\":true,\"addresses\":[\"" addr \
	"\",\"fe80::1/64\"],\"gateways\":[{\"address\":" \
	"\"10.1.0.1\",\"mac\":\"" gw "\"}]}"
#define WLAN(addr, gw, ssid) \
	"{\"name\":\"wlan0\",\"kind\":\"wireless\",\"up\":true,\"ssid\":\"" ssid "\",\"addresses\":[\"" addr \
	"\"],\"gateways\":[{" \
	"\"address\":\"192.168.0.1\",\"mac\":\"" gw "\"}]}"
#define DOCKER \
	"{\"name\":\"docker0\",\"kind\":\"bridge\",\"up\":true,\"addresses\":[\"172.17.0.1/16\"],\"gateways\":[]}"
#define WG        "{\"name\":\"wg0\",\"kind\":\"vpn\",\"up\":true,\"addresses\":[\"10.9.0.2/32\"],\"gateways\":[]}"
#define NET(list) "{\"interfaces\":[" list "],\"cut\":false}"
#define P         "[check networks]\n"

/* Names that are closed, between commas; "-" = nothing is to be changed. */
static const char *refused(const char *ini_text, const char *facts_text)
{
	static char out[200];
	json_t *facts = json_loads(facts_text, 0, NULL), *names, *name;
	const struct sk_check *c = sk_check_find("networks");
	struct sk_ini *ini = NULL;
	struct sk_check_params p;
	size_t i;

	cr_assert_eq(sk_check_params_default(&p), 0);
	cr_assert_eq(sk_ini_parse("p.ini", ini_text, strlen(ini_text), &ini, NULL), 0);
	cr_assert_eq(sk_check_params_read(ini, &p, NULL), 0);
	sk_ini_free(ini);
	names = sk_networks_refused(sk_check_set_of(&p, c), facts);
	snprintf(out, sizeof(out), "%s", names ? "" : "-");
	json_array_foreach(names, i, name)
	    snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s", i ? "," : "", json_string_value(name));
	json_decref(names);
	json_decref(facts);
	sk_check_params_clear(&p);
	return out;
}

Test(networks, what_is_closed)
{
	static const char on[] = P "subnets = 10.1.0.0/16\ngateways = aa:*\nothers = 192.168.0.0/16\nenforce = yes\n",
	                  off[] = P "subnets = 10.1.0.0/16\nothers = 192.168.0.0/16\n",
	                  no[] = P "subnets = 10.1.0.0/16\nenforce = yes\napplies = no\n";
	static const char two[] = NET(WLAN("192.168.0.5/24", "aa:y", "home") "," ETH("10.1.2.3/16", "aa:x"));

	cr_expect_str_eq(refused(on, NET(ETH("10.1.2.3/16", "aa:x"))), "");
	cr_expect_str_eq(refused(on, two), "wlan0", "the other zone goes, the own one stays");
	cr_expect_str_eq(refused(off, two), "");
	cr_expect_str_eq(refused(no, two), "");
	cr_expect_str_eq(refused(on, NET(WLAN("10.2.0.5/24", "aa:y", "home") "," ETH("10.2.2.3/16", "aa:x"))),
	                 "eth0,wlan0");
	cr_expect_str_eq(refused(on, NET(ETH("10.1.2.3/16", ""))), "", "what is only unknown stays open");
	cr_expect_str_eq(refused(on, NET(ETH("10.1.2.3/16", "aa:x") "," WG)), "wg0");
	cr_expect_str_eq(refused(on, "{\"interfaces\":null}"), "-");
	cr_expect_str_eq(refused(on, "{\"error\":\"x\"}"), "-");
	cr_expect_str_eq(refused(off, "{\"error\":\"x\"}"), "");
}

Test(networks, verdicts)
{
	const char *office = P "subnets = 10.1.0.0/16\ngateways = AA:BB:CC:DD:EE:FF\n";

	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.1.2.3/16", "aa:bb:cc:dd:ee:ff"))), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.1.2.3/16", "aa:bb:cc:dd:ee:ff") "," DOCKER)),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.2.2.3/16", "aa:bb:cc:dd:ee:ff"))),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.1.2.3/16", "aa:bb:cc:dd:ee:00"))),
	             SK_STATE_NON_COMPLIANT, "the same numbers somewhere else");
	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.1.2.3/16", ""))), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(office, "networks", NET("")), SK_STATE_COMPLIANT, "connected to nothing");
	cr_expect_eq(judge_with(office, "networks", NET(ETH("10.1.2.3/16", "aa:bb:cc:dd:ee:ff") "," WG)),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(
	    judge_with(P "subnets = 10.1.0.0/16\nvpn = wg*\n", "networks", NET(ETH("10.1.2.3/16", "x") "," WG)),
	    SK_STATE_COMPLIANT);
	cr_expect_eq(judge("networks", NET(ETH("10.1.2.3/16", "x"))), SK_STATE_UNKNOWN, "nothing designated");
	cr_expect_eq(judge("networks", NET(ETH("10.1.2.3/16", "x") "," WLAN("192.168.0.5/24", "y", "home"))),
	             SK_STATE_NON_COMPLIANT, "two at once is wrong everywhere");
	cr_expect_eq(judge("networks", "{\"interfaces\":null}"), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(office, "networks",
	                        "{\"interfaces\":[1,null,{\"up\":true,\"addresses\":[\"x\",5]}],\"cut\":true}"),
	             SK_STATE_UNKNOWN);
}

Test(networks, two_zones)
{
	const char *zones = P "subnets = 10.1.0.0/16\nssids = office\nothers = 10.2.0.0/16 bb:bb:bb:bb:bb:bb guest*\n";

	cr_expect_eq(judge_with(zones, "networks", NET(ETH("10.1.2.3/16", "x"))), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(zones, "networks", NET(ETH("10.2.2.3/16", "x"))), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(
	    judge_with(zones, "networks", NET(ETH("10.1.2.3/16", "x") "," WLAN("192.168.0.5/24", "y", "guest-1"))),
	    SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(zones, "networks", NET(WLAN("10.1.0.5/24", "bb:bb:bb:bb:bb:bb", "office"))),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(zones, "networks", NET(WLAN("10.1.0.5/24", "y", "office") "," ETH("10.1.2.3/16", "x"))),
	             SK_STATE_COMPLIANT, "both ours");
	cr_expect_eq(judge_with(zones, "networks", NET(WLAN("10.1.0.5/24", "y", "evil"))), SK_STATE_NON_COMPLIANT);
}

Test(networks, odd_words_match_nothing)
{
	cr_expect_eq(judge_with(P "subnets = 10.1.0.0/99 10.1.0.0/ /8 x 10.1.0.0/-1\n", "networks",
	                        NET(ETH("10.1.2.3/16", "x"))),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(P "subnets = 10.1.2.3\n", "networks", NET(ETH("10.1.2.3/16", "x"))),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(P "subnets = 10.1.2.0/23 ::/0\n", "networks", NET(ETH("10.1.3.3/16", "x"))),
	             SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(P "subnets = 10.1.2.0/24 ::/0\n", "networks", NET(ETH("10.1.3.3/16", "x"))),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(P "subnets = 0.0.0.0/0\n", "networks", NET(ETH("2001:db8::1/64", "x"))),
	             SK_STATE_NON_COMPLIANT);
}

/* --- wireless --- */

#define SSID_IE "\x00\x06office"
#define RSN_PSK "\x30\x14\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x02\x00\x00"
#define RSN_SAE "\x30\x14\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x08\xc0\x00"
#define RSN_BOTH \
	"\x30\x18\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x04\x02\x00\x00\x0f\xac\x02\x00\x0f\xac\x08\x00\x00"
#define RSN_1X   "\x30\x14\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x01\x00\x00"
#define RSN_TKIP "\x30\x14\x01\x00\x00\x0f\xac\x02\x01\x00\x00\x0f\xac\x02\x01\x00\x00\x0f\xac\x02\x00\x00"
#define RSN_LONG "\x30\x14\x01\x00\x00\x0f\xac\x04\xff\xff\x00\x0f\xac\x04\x01\x00\x00\x0f\xac\x02\x00\x00"
#define WPA_IE   "\xdd\x16\x00\x50\xf2\x01\x01\x00\x00\x50\xf2\x02\x01\x00\x00\x50\xf2\x02\x01\x00\x00\x50\xf2\x02"

static enum sk_wifi_level level(const char *ie, size_t len, bool privacy)
{
	struct sk_wifi_security s;
	uint8_t *copy = malloc(len + 1); /* its own memory: a sanitizer sees a step too far */

	memcpy(copy, ie, len);
	sk_wifi_elements(copy, len, privacy, &s);
	for (size_t cut = 0; cut < len; cut++) {
		struct sk_wifi_security part;
		uint8_t *less = malloc(cut + 1);
		memcpy(less, ie, cut);
		sk_wifi_elements(less, cut, privacy, &part);
		free(less);
	}
	free(copy);
	return s.level;
}
#define LEVEL(ie, privacy) level(ie, sizeof(ie) - 1, privacy)

Test(wireless, beacons)
{
	cr_expect_eq(LEVEL(SSID_IE, false), SK_WIFI_OPEN);
	cr_expect_eq(LEVEL(SSID_IE, true), SK_WIFI_WEP);
	cr_expect_eq(LEVEL(SSID_IE RSN_PSK, true), SK_WIFI_WPA2);
	cr_expect_eq(LEVEL(SSID_IE RSN_1X, true), SK_WIFI_WPA2);
	cr_expect_eq(LEVEL(SSID_IE RSN_SAE, true), SK_WIFI_WPA3);
	cr_expect_eq(LEVEL(SSID_IE RSN_BOTH, true), SK_WIFI_WPA2, "the weakest it lets in");
	cr_expect_eq(LEVEL(SSID_IE RSN_TKIP, true), SK_WIFI_WPA);
	cr_expect_eq(LEVEL(SSID_IE WPA_IE, true), SK_WIFI_WPA);
	cr_expect_eq(LEVEL(SSID_IE RSN_PSK WPA_IE, true), SK_WIFI_WPA, "mixed");
	cr_expect_eq(LEVEL(SSID_IE RSN_LONG, true), SK_WIFI_UNKNOWN, "more ciphers than there are");
	cr_expect_eq(LEVEL(SSID_IE "\x30\x00", true), SK_WIFI_UNKNOWN);
	cr_expect_eq(LEVEL(SSID_IE "\x30\xff\x01", true), SK_WIFI_UNKNOWN, "cut");
	cr_expect_eq(LEVEL(RSN_LONG RSN_PSK, true), SK_WIFI_UNKNOWN, "a second one does not heal the first");
}

#define W(list, saved) "{\"wireless\":[" list "],\"saved\":[" saved "]}"
#define ON(security, auth) \
	"{\"name\":\"wlan0\",\"connected\":true,\"ssid\":\"office\",\"security\":\"" security "\",\"auth\":\"" auth \
	"\"}"
#define OFF "{\"name\":\"wlan0\",\"connected\":false}"
#define KEPT(security, automatic) \
	"{\"id\":\"x\",\"ssid\":\"cafe\",\"security\":\"" security "\",\"auth\":\"psk\",\"auto\":" automatic "}"
#define YES "[check wireless]\nallowed = yes\n"

Test(wireless, verdicts)
{
	cr_expect_eq(judge("wireless", W("", "")), SK_STATE_COMPLIANT, "no interface");
	cr_expect_eq(judge("wireless", W("", KEPT("open", "true"))), SK_STATE_COMPLIANT, "nothing to join it with");
	cr_expect_eq(judge("wireless", W(OFF, "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("wireless", W(ON("wpa3", "sae"), "")), SK_STATE_NON_COMPLIANT, "nobody allowed it");
	cr_expect_eq(judge("wireless", W(OFF, KEPT("wpa2", "true"))), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge("wireless", W(OFF, KEPT("wpa2", "false"))), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(YES, "wireless", W(ON("wpa2", "psk"), "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge_with(YES, "wireless", W(ON("wpa", "psk"), "")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YES, "wireless", W(ON("open", "none"), "")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YES, "wireless", W(ON("wpa3", "owe"), "")), SK_STATE_NON_COMPLIANT,
	             "encrypted, not authenticated");
	cr_expect_eq(judge_with(YES, "wireless", W(ON("unknown", "none"), "")), SK_STATE_UNKNOWN);
	cr_expect_eq(judge_with(YES, "wireless", W(ON("wpa2", "psk"), KEPT("open", "true"))), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YES "minimum = wpa3\n", "wireless", W(ON("wpa2", "psk"), "")), SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YES "minimum = wap2\n", "wireless", W(ON("wpa2", "psk"), "")), SK_STATE_NON_COMPLIANT,
	             "an odd word");
	cr_expect_eq(judge_with(YES "enterprise = yes\n", "wireless", W(ON("wpa2", "psk"), "")),
	             SK_STATE_NON_COMPLIANT);
	cr_expect_eq(judge_with(YES "enterprise = yes\n", "wireless", W(ON("wpa2", "802.1x"), "")), SK_STATE_COMPLIANT);
	cr_expect_eq(judge("wireless", "{\"saved\":[]}"), SK_STATE_UNKNOWN);
}

static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0600, NULL), 0);
}

Test(wireless, kept_for_later)
{
	char command[128];

	snprintf(root, sizeof(root), "/tmp/sk-wifi-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	put("/etc/NetworkManager/system-connections/a.nmconnection",
	    "[connection]\nid=A\ntype=wifi\nautoconnect=false\n[wifi]\nssid=a # "
	    "b\n[wifi-security]\npsk=se\\cret\\\nkey-mgmt=wpa-psk\n");
	put("/etc/NetworkManager/system-connections/b.nmconnection",
	    "[connection]\nid=B\ntype=wifi\n[wifi]\nssid=free\n");
	put("/etc/NetworkManager/system-connections/c.nmconnection", "[connection]\nid=C\ntype=ethernet\n");
	put("/run/NetworkManager/system-connections/d.nmconnection",
	    "[wifi-security]\nkey-mgmt=\xff\n[connection]\ntype=wifi\n");
	put("/var/lib/iwd/home.psk", "x");
	put("/var/lib/iwd/cafe.open", "x");
	put("/etc/wpa_supplicant/w.conf",
	    "ctrl_interface=x\nnetwork={\n ssid=\"q\"\n key_mgmt=NONE\n}\nnetwork={\n ssid=\"r\"\n psk=\"x\"\n}\n"
	    "network={\n ssid=\"s\"\n key_mgmt=NONE\n wep_key0=1\n}\nnetwork={\n ssid=\"cut\"\n");
	json_t *l = sk_wifi_saved(root);
	char *text = json_dumps(l, JSON_COMPACT | JSON_SORT_KEYS);
	cr_expect_eq(json_array_size(l), 8, "%s", text);
	cr_expect(!strstr(text, "cret"), "no key is read out");
	cr_expect(
	    strstr(text,
	           "{\"auth\":\"psk\",\"auto\":false,\"from\":\"NetworkManager\",\"id\":\"A\",\"security\":\"wpa2\""),
	    "%s", text);
	cr_expect(strstr(text, "\"id\":\"B\",\"security\":\"open\""), "%s", text);
	cr_expect(strstr(text, "\"id\":\"home\",\"security\":\"wpa2\""), "%s", text);
	cr_expect(strstr(text, "\"id\":\"cafe\",\"security\":\"open\""), "%s", text);
	cr_expect(strstr(text, "\"id\":\"\\\"q\\\"\",\"security\":\"open\""), "%s", text);
	cr_expect(strstr(text, "\"id\":\"\\\"r\\\"\",\"security\":\"wpa2\""), "%s", text);
	cr_expect(strstr(text, "\"id\":\"\\\"s\\\"\",\"security\":\"wep\""), "%s", text);
	free(text);
	json_decref(l);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}
