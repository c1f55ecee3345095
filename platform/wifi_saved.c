/* Wireless networks kept for later: what each program that connects by itself has in its files. Keys are never read out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "platform/etc.h"
#include "platform/wifi.h"

#define SAVED_MAX 64

struct saved {
	char id[128], ssid[160], management[64], automatic[16], type[32], eap[8];
};

/* The next line without blanks at its ends; whole lines alone are comments, nothing joins lines (a key may end in any character). */
static char *next_line(char **at)
{
	for (char *line; (line = strsep(at, "\n"));) {
		sk_text_trim(line);
		if (*line && *line != '#' && *line != ';')
			return line;
	}
	return NULL;
}

static void add(json_t *out, const char *from, const struct saved *s, const char *level, const char *auth)
{
	if (json_array_size(out) < SAVED_MAX)
		json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "id", s->id, "ssid", s->ssid,
		                                     "security", level, "auth", auth, "auto",
		                                     strcmp(s->automatic, "false") != 0, "from", from));
}

static void by_management(json_t *out, const char *from, const struct saved *s)
{
	const char *m = s->management;

	if (m[0] == '\0')
		add(out, from, s, "open", "none");
	else if (strcasecmp(m, "none") == 0 || strcasecmp(m, "ieee8021x") == 0)
		add(out, from, s, "wep", "none");
	else if (strcasecmp(m, "owe") == 0)
		add(out, from, s, "wpa3", "owe");
	else if (strcasecmp(m, "sae") == 0)
		add(out, from, s, "wpa3", "sae");
	else if (strcasecmp(m, "wpa-psk") == 0)
		add(out, from, s, "wpa2", "psk");
	else if (strncasecmp(m, "wpa-eap", 7) == 0)
		add(out, from, s, strcasecmp(m, "wpa-eap-suite-b-192") == 0 ? "wpa3" : "wpa2", "802.1x");
	else
		add(out, from, s, "unknown", "unknown");
}

/* "key=value" into out when the key is this one. */
static void value_of(const char *line, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0)
		return;
	line += n;
	line += strspn(line, " \t");
	if (*line != '=')
		return;
	line++;
	line += strspn(line, " \t");
	sk_text_escape(out, size, line, strlen(line));
}

static void keyfile(const char *root, const char *path, json_t *out)
{
	struct saved s = {0};
	char section[32] = "";
	int why;
	char *text = sk_etc_read(root, path, &why), *at = text;

	for (char *line; text && (line = next_line(&at));) {
		if (*line == '[') {
			sk_text_copy(section, sizeof(section), line);
		} else if (strcmp(section, "[connection]") == 0) {
			value_of(line, "id", s.id, sizeof(s.id));
			value_of(line, "type", s.type, sizeof(s.type));
			value_of(line, "autoconnect", s.automatic, sizeof(s.automatic));
		} else if (strcmp(section, "[wifi]") == 0 || strcmp(section, "[802-11-wireless]") == 0) {
			value_of(line, "ssid", s.ssid, sizeof(s.ssid));
		} else if (strcmp(section, "[wifi-security]") == 0 ||
		           strcmp(section, "[802-11-wireless-security]") == 0) {
			value_of(line, "key-mgmt", s.management, sizeof(s.management));
		}
	}
	free(text);
	if (strcmp(s.type, "wifi") == 0 || strcmp(s.type, "802-11-wireless") == 0)
		by_management(out, "NetworkManager", &s);
}

static void keyfiles(const char *root, const char *folder, json_t *out)
{
	json_t *names = sk_etc_names(root, folder, ".nmconnection"), *name;
	char path[600];
	size_t i;

	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "%s/%.255s", folder, json_string_value(name));
		keyfile(root, path, out);
	}
	json_decref(names);
}

/* iwd names its files by network and kind: NAME.psk, NAME.8021x, NAME.open. */
static void iwd(const char *root, const char *ending, const char *management, json_t *out)
{
	json_t *names = sk_etc_names(root, "/var/lib/iwd", ending), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		const char *file = json_string_value(name);
		struct saved s = {0};
		sk_text_escape(s.ssid, sizeof(s.ssid), file, strlen(file) - strlen(ending));
		sk_text_copy(s.id, sizeof(s.id), s.ssid);
		sk_text_copy(s.management, sizeof(s.management), management);
		by_management(out, "iwd", &s);
	}
	json_decref(names);
}

/* network={ ssid="x" key_mgmt=NONE wep_key0=... }; what it does not say is WPA, by a key or 802.1X. */
static void supplicant(const char *root, const char *path, json_t *out)
{
	struct saved s = {0};
	bool inside = false;
	char wep[8] = "";
	int why;
	char *text = sk_etc_read(root, path, &why), *at = text;

	for (char *line; text && (line = next_line(&at));) {
		if (strncmp(line, "network", 7) == 0 && strchr(line, '{')) {
			inside = true;
			s = (struct saved){.management = "wpa-psk"};
			wep[0] = '\0';
		} else if (*line == '}' && inside) {
			inside = false;
			sk_text_copy(s.id, sizeof(s.id), s.ssid);
			if (strcasecmp(s.management, "none") == 0 && !wep[0])
				s.management[0] = '\0';
			by_management(out, "wpa_supplicant", &s);
		} else if (inside) {
			value_of(line, "ssid", s.ssid, sizeof(s.ssid));
			value_of(line, "key_mgmt", s.management, sizeof(s.management));
			value_of(line, "wep_key0", wep, sizeof(wep));
		}
	}
	free(text);
}

json_t *sk_wifi_saved(const char *root)
{
	static const char *const folders[] = {"/etc/wpa_supplicant"};
	json_t *out = json_array(), *names, *name;
	char path[600];
	size_t i;

	keyfiles(root, "/etc/NetworkManager/system-connections", out);
	keyfiles(root, "/run/NetworkManager/system-connections", out);
	keyfiles(root, "/usr/lib/NetworkManager/system-connections", out);
	iwd(root, ".psk", "wpa-psk", out);
	iwd(root, ".8021x", "wpa-eap", out);
	iwd(root, ".open", "", out);
	names = sk_etc_names(root, folders[0], ".conf");
	json_array_foreach(names, i, name)
	{
		snprintf(path, sizeof(path), "%s/%.255s", folders[0], json_string_value(name));
		supplicant(root, path, out);
	}
	json_decref(names);
	return out;
}
