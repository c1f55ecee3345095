/* See wifi.h. */
#include "platform/wifi.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>
#include <string.h>

#include "common/text.h"
#include "platform/netlink.h"

#define RSN    48
#define VENDOR 221

const char *sk_wifi_level_name(enum sk_wifi_level l)
{
	static const char *const names[] = {"unknown", "open", "wep", "wpa", "wpa2", "wpa3"};

	return (unsigned)l < sizeof(names) / sizeof(*names) ? names[l] : names[0];
}

/* The body of RSN, and of WPA's vendor element after its type: version, group cipher, ciphers, ways of authentication, capabilities. */
struct suites {
	const uint8_t *cipher, *akm;
	unsigned n_cipher, n_akm, capabilities;
};

static int read_suites(const uint8_t *b, size_t len, struct suites *s)
{
	size_t at = 6;

	memset(s, 0, sizeof(*s));
	if (len < 8 || b[0] != 1 || b[1] != 0)
		return -EBADMSG;
	s->n_cipher = b[at] | (unsigned)b[at + 1] << 8;
	at += 2;
	s->cipher = b + at;
	if (s->n_cipher == 0 || s->n_cipher > (len - at) / 4)
		return -EBADMSG;
	at += (size_t)s->n_cipher * 4;
	if (len - at < 2)
		return -EBADMSG;
	s->n_akm = b[at] | (unsigned)b[at + 1] << 8;
	at += 2;
	s->akm = b + at;
	if (s->n_akm == 0 || s->n_akm > (len - at) / 4)
		return -EBADMSG;
	at += (size_t)s->n_akm * 4;
	if (len - at >= 2)
		s->capabilities = b[at] | (unsigned)b[at + 1] << 8;
	return 0;
}

static bool is_ieee(const uint8_t *suite)
{
	return suite[0] == 0x00 && suite[1] == 0x0f && suite[2] == 0xac;
}

/* What one way of authentication is worth. */
static enum sk_wifi_level take_akm(const uint8_t *suite, bool protected_frames, struct sk_wifi_security *out)
{
	if (!is_ieee(suite))
		return SK_WIFI_UNKNOWN;
	switch (suite[3]) {
	case 2:
	case 4:
	case 6:
		out->psk = true;
		return SK_WIFI_WPA2;
	case 1:
	case 3:
	case 5:
		out->enterprise = true;
		return suite[3] == 5 && protected_frames ? SK_WIFI_WPA3 : SK_WIFI_WPA2;
	case 11:
	case 12:
	case 13:
		out->enterprise = true;
		return SK_WIFI_WPA3;
	case 8:
	case 9:
	case 24:
	case 25:
		out->sae = true;
		return SK_WIFI_WPA3;
	case 18:
		out->owe = true;
		return SK_WIFI_WPA3;
	default:
		return SK_WIFI_UNKNOWN;
	}
}

static enum sk_wifi_level take_rsn(const uint8_t *b, size_t len, struct sk_wifi_security *out)
{
	enum sk_wifi_level level = SK_WIFI_WPA3;
	struct suites s;

	if (read_suites(b, len, &s) < 0)
		return SK_WIFI_UNKNOWN;
	for (unsigned i = 0; i < s.n_akm; i++) {
		enum sk_wifi_level l = take_akm(s.akm + (size_t)i * 4, (s.capabilities & 0x40) != 0, out);
		level = l < level ? l : level;
	}
	for (unsigned i = 0; i < s.n_cipher; i++) {
		uint8_t c = is_ieee(s.cipher + (size_t)i * 4) ? s.cipher[(size_t)i * 4 + 3] : 0;
		if (c == 1 || c == 5)
			level = level > SK_WIFI_WEP ? SK_WIFI_WEP : level;
		else if (c == 2 && (out->tkip = true))
			level = level > SK_WIFI_WPA ? SK_WIFI_WPA : level;
		else if (c != 4 && c < 8)
			level = SK_WIFI_UNKNOWN;
	}
	return level;
}

static void take_wpa(const uint8_t *b, size_t len, struct sk_wifi_security *out)
{
	struct suites s;

	out->tkip = true;
	for (unsigned i = 0; read_suites(b, len, &s) == 0 && i < s.n_akm; i++) {
		out->enterprise = out->enterprise || s.akm[(size_t)i * 4 + 3] == 1;
		out->psk = out->psk || s.akm[(size_t)i * 4 + 3] == 2;
	}
}

void sk_wifi_elements(const uint8_t *ie, size_t len, bool privacy, struct sk_wifi_security *out)
{
	enum sk_wifi_level rsn = SK_WIFI_UNKNOWN;
	bool has_rsn = false, has_wpa = false;

	*out = (struct sk_wifi_security){0};
	while (len >= 2) {
		size_t n = ie[1];
		const uint8_t *b = ie + 2;

		if (n > len - 2) {
			*out = (struct sk_wifi_security){0};
			return;
		}
		if (ie[0] == RSN && !has_rsn) {
			has_rsn = true;
			rsn = take_rsn(b, n, out);
		} else if (ie[0] == VENDOR && n >= 4 && memcmp(b, "\x00\x50\xf2\x01", 4) == 0) {
			has_wpa = true;
			take_wpa(b + 4, n - 4, out);
		}
		ie += 2 + n;
		len -= 2 + n;
	}
	if (has_rsn)
		out->level = has_wpa && rsn > SK_WIFI_WPA ? SK_WIFI_WPA : rsn;
	else if (has_wpa)
		out->level = SK_WIFI_WPA;
	else
		out->level = privacy ? SK_WIFI_WEP : SK_WIFI_OPEN;
}

/* --- nl80211 --- */

struct question {
	struct genlmsghdr head;
	struct nlattr attr;
	char value[16];
};

static const void *attributes(const struct nlmsghdr *m, size_t *size)
{
	if (m->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
		return NULL;
	*size = m->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	return (const char *)m + NLMSG_LENGTH(GENL_HDRLEN);
}

static void on_family(void *ctx, const struct nlmsghdr *m)
{
	size_t size = 0, len = 0;
	const void *a = attributes(m, &size), *id = a ? sk_netlink_attr(a, size, CTRL_ATTR_FAMILY_ID, &len) : NULL;

	if (id && len == sizeof(uint16_t))
		memcpy(ctx, id, sizeof(uint16_t));
}

static void on_interface(void *ctx, const struct nlmsghdr *m)
{
	struct sk_wifi *w = ctx;
	size_t size = 0, len = 0;
	const void *a = attributes(m, &size), *v;
	struct sk_wifi_interface i = {0};

	v = a ? sk_netlink_attr(a, size, NL80211_ATTR_IFINDEX, &len) : NULL;
	if (!v || len != sizeof(uint32_t) || w->n == SK_WIFI_MAX)
		return;
	memcpy(&i.index, v, sizeof(uint32_t));
	v = sk_netlink_attr(a, size, NL80211_ATTR_IFNAME, &len);
	if (v)
		sk_text_printable(i.name, sizeof(i.name), v, strnlen(v, len));
	v = sk_netlink_attr(a, size, NL80211_ATTR_SSID, &len);
	if (v && len > 0 && len <= 32)
		sk_text_escape(i.ssid, sizeof(i.ssid), v, len);
	w->at[w->n++] = i;
}

static void on_bss(void *ctx, const struct nlmsghdr *m)
{
	struct sk_wifi_interface *i = ctx;
	size_t size = 0, n = 0, len = 0;
	const void *a = attributes(m, &size), *bss = a ? sk_netlink_attr(a, size, NL80211_ATTR_BSS, &n) : NULL, *v, *ie;
	uint32_t status = 0;
	uint16_t capability = 0;

	v = bss ? sk_netlink_attr(bss, n, NL80211_BSS_STATUS, &len) : NULL;
	if (!v || len != sizeof(status))
		return;
	memcpy(&status, v, sizeof(status));
	if (status != NL80211_BSS_STATUS_ASSOCIATED && status != NL80211_BSS_STATUS_IBSS_JOINED)
		return;
	i->connected = true;
	v = sk_netlink_attr(bss, n, NL80211_BSS_CAPABILITY, &len);
	if (v && len == sizeof(capability))
		memcpy(&capability, v, sizeof(capability));
	ie = sk_netlink_attr(bss, n, NL80211_BSS_INFORMATION_ELEMENTS, &len);
	if (ie)
		sk_wifi_elements(ie, len, (capability & 0x10) != 0, &i->security);
	if (ie && !i->ssid[0] && len > 2 && ((const uint8_t *)ie)[0] == 0 && ((const uint8_t *)ie)[1] <= 32 &&
	    ((const uint8_t *)ie)[1] <= len - 2) /* the first element is the name */
		sk_text_escape(i->ssid, sizeof(i->ssid), (const char *)ie + 2, ((const uint8_t *)ie)[1]);
}

int sk_wifi_read(struct sk_wifi *w)
{
	struct question q = {.head = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
	                     .attr = {.nla_len = NLA_HDRLEN + sizeof("nl80211"), .nla_type = CTRL_ATTR_FAMILY_NAME},
	                     .value = "nl80211"};
	uint16_t family = 0;
	int r = sk_netlink_ask(NETLINK_GENERIC, GENL_ID_CTRL, NLM_F_ACK, &q, sizeof(q.head) + NLA_ALIGN(q.attr.nla_len),
	                       on_family, &family);

	memset(w, 0, sizeof(*w));
	if (r == -ENOENT)
		return 0; /* no wireless on this machine */
	if (r < 0 || family == 0)
		return r < 0 ? r : -EBADMSG;
	q = (struct question){.head = {.cmd = NL80211_CMD_GET_INTERFACE}};
	r = sk_netlink_ask(NETLINK_GENERIC, family, NLM_F_DUMP, &q, sizeof(q.head), on_interface, w);
	for (size_t i = 0; r == 0 && i < w->n; i++) {
		q = (struct question){
		    .head = {.cmd = NL80211_CMD_GET_SCAN},
		    .attr = {.nla_len = NLA_HDRLEN + sizeof(uint32_t), .nla_type = NL80211_ATTR_IFINDEX}};
		memcpy(q.value, &w->at[i].index, sizeof(uint32_t));
		int bad = sk_netlink_ask(NETLINK_GENERIC, family, NLM_F_DUMP, &q, sizeof(q.head) + q.attr.nla_len,
		                         on_bss, &w->at[i]);
		if (bad < 0 && bad != -EOPNOTSUPP && bad != -ENETDOWN && bad != -EBUSY)
			r = bad;
	}
	return r;
}
