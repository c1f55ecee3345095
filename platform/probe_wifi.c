/* P14: the wireless interfaces, the network each is connected to and how that is protected, and the networks kept for later. */
#include "platform/probe.h"
#include "platform/wifi.h"

static const char *auth_of(const struct sk_wifi_security *s)
{
	return s->enterprise ? (s->psk || s->sae ? "mixed" : "802.1x")
	       : s->psk      ? "psk"
	       : s->sae      ? "sae"
	       : s->owe      ? "owe"
	                     : "none";
}

json_t *sk_wifi_facts(const char *root, const struct sk_wifi *w)
{
	json_t *list = json_array(), *one;

	for (size_t i = 0; i < w->n; i++) {
		const struct sk_wifi_interface *f = &w->at[i];
		one = json_pack("{s:s, s:b}", "name", f->name, "connected", f->connected || f->ssid[0] != '\0');
		if (f->connected || f->ssid[0])
			json_object_update_missing_new(one,
			                               json_pack("{s:s, s:s, s:s, s:b}", "ssid", f->ssid, "security",
			                                         sk_wifi_level_name(f->security.level), "auth",
			                                         auth_of(&f->security), "tkip", f->security.tkip));
		json_array_append_new(list, one);
	}
	return json_pack("{s:o, s:o}", "wireless", list, "saved", sk_wifi_saved(root));
}

json_t *sk_probe_wifi(const char *root)
{
	struct sk_wifi w;

	if (sk_wifi_read(&w) < 0)
		return json_pack("{s:s}", "error", "the kernel did not say which wireless networks there are");
	return sk_wifi_facts(root, &w);
}
