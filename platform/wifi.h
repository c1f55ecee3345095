/*
 * Wireless: to which network each interface belongs and how that is protected, from nl80211 and the network's own information elements; the networks
 * that are kept for later, from NetworkManager's, iwd's and wpa_supplicant's files. Beacons are hostile: they come over the air from anybody.
 */
#ifndef SK_PLATFORM_WIFI_H
#define SK_PLATFORM_WIFI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From weak to strong. */
enum sk_wifi_level { SK_WIFI_UNKNOWN, SK_WIFI_OPEN, SK_WIFI_WEP, SK_WIFI_WPA, SK_WIFI_WPA2, SK_WIFI_WPA3 };
const char *sk_wifi_level_name(enum sk_wifi_level l); /* unknown open wep wpa wpa2 wpa3 */

struct sk_wifi_security {
	enum sk_wifi_level level; /* the weakest that the network lets in */
	bool psk, sae, enterprise, owe; /* how one shows who one is */
	bool tkip; /* an old cipher is among those it takes */
};
/* What the elements of a beacon say. privacy: the capability bit. A row that is cut or malformed counts as unknown. */
void sk_wifi_elements(const uint8_t *ie, size_t len, bool privacy, struct sk_wifi_security *out);

#define SK_WIFI_MAX 16
struct sk_wifi_interface {
	int index;
	char name[32], ssid[132]; /* made printable; "" = none */
	bool connected;
	struct sk_wifi_security security; /* of the network it is connected to */
};
struct sk_wifi {
	struct sk_wifi_interface at[SK_WIFI_MAX];
	size_t n;
};
/* 0 also where the kernel knows no wireless at all; -errno. */
int sk_wifi_read(struct sk_wifi *w);

/* [{"id","ssid","security","auth","auto":bool,"from"}], at most 64. New reference. */
json_t *sk_wifi_saved(const char *root);

#endif
