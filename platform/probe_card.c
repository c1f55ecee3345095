/*
 * M9: IC cards: the readers (by pcscd; by their USB class where there is no pcscd), whether a card is in one, whether the login asks for a card, and
 * whether somebody is at work here.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/file.h"
#include "platform/etc.h"
#include "platform/pcsc.h"
#include "platform/probe.h"

/* Interfaces of the class of smart-card readers. */
static int usb_readers(const char *root)
{
	char path[700], class[8];
	int n = 0, seen = 0;

	snprintf(path, sizeof(path), "%s/sys/bus/usb/devices", root);
	DIR *d = opendir(path);
	for (struct dirent *e; d && seen < 2000 && (e = readdir(d)); seen++) {
		if (!strchr(e->d_name, ':'))
			continue;
		snprintf(path, sizeof(path), "%s/sys/bus/usb/devices/%s/bInterfaceClass", root, e->d_name);
		n += sk_file_attr(path, class, sizeof(class)) > 0 && strcmp(class, "0b") == 0;
	}
	if (d)
		closedir(d);
	return n;
}

static bool asks_for_card(const json_t *stack)
{
	size_t i;
	json_t *entry;

	json_array_foreach((json_t *)stack, i, entry)
	{
		const char *module = json_string_value(json_object_get(entry, "module"));
		const json_t *args = json_object_get(entry, "args"), *arg;
		if (!module)
			continue;
		const char *base = strrchr(module, '/') ? strrchr(module, '/') + 1 : module;
		if (strcmp(base, "pam_pkcs11.so") == 0 || strcmp(base, "pam_p11.so") == 0)
			return true;
		for (size_t k = 0; strcmp(base, "pam_sss.so") == 0 && k < json_array_size(args); k++) {
			arg = json_array_get(args, k);
			if (json_is_string(arg) && (strcmp(json_string_value(arg), "require_cert_auth") == 0 ||
			                            strcmp(json_string_value(arg), "try_cert_auth") == 0))
				return true;
		}
	}
	return false;
}

/* Services of the login whose stack has a module for cards. */
static json_t *card_services(const char *root, const char *services)
{
	json_t *out = json_array();
	char *list = strdup(services), *save = NULL;
	int why;

	for (char *w = list ? strtok_r(list, " ", &save) : NULL; w; w = strtok_r(NULL, " ", &save)) {
		json_t *stack = strchr(w, '/') ? NULL : sk_pam_stack(root, w, "auth", &why);
		if (stack && asks_for_card(stack))
			json_array_append_new(out, json_string(w));
		json_decref(stack);
	}
	free(list);
	return out;
}

/* logind's word about one session: 1 somebody works here, 0 not (closing, locked, idle), -1 it does not say. */
static int at_work(sd_bus *bus, const char *id)
{
	char *class = NULL, *state = NULL, *object = NULL;
	int locked = 0, idle = 0, r = 0;

	if (sd_session_get_class(id, &class) < 0 || strcmp(class, "user") != 0 ||
	    sd_session_get_state(id, &state) < 0 || strcmp(state, "closing") == 0)
		goto out;
	r = -1;
	if (bus && sd_bus_path_encode("/org/freedesktop/login1/session", id, &object) >= 0 &&
	    sd_bus_get_property_trivial(bus, "org.freedesktop.login1", object, "org.freedesktop.login1.Session",
	                                "LockedHint", NULL, 'b', &locked) >= 0 &&
	    sd_bus_get_property_trivial(bus, "org.freedesktop.login1", object, "org.freedesktop.login1.Session",
	                                "IdleHint", NULL, 'b', &idle) >= 0)
		r = !locked && !idle;
out:
	free(class);
	free(state);
	free(object);
	return r;
}

static json_t *in_use(void)
{
	char **ids = NULL;
	sd_bus *bus = NULL;
	bool used = false, unsure = false;
	int n = access("/run/systemd/sessions", F_OK) == 0 ? sd_get_sessions(&ids)
	                                                   : -ENOENT; /* without logind: not known */

	if (n < 0)
		return json_null();
	(void)sd_bus_open_system(&bus);
	for (int i = 0; i < n; i++) {
		int r = at_work(bus, ids[i]);
		used = used || r == 1;
		unsure = unsure || r < 0;
		free(ids[i]);
	}
	free(ids);
	sd_bus_flush_close_unref(bus);
	return used ? json_true() : unsure ? json_null() : json_false();
}

json_t *sk_card_facts(const char *root, const char *socket, const char *services, json_t *used)
{
	struct sk_pcsc_reader reader[SK_PCSC_READERS];
	int n = sk_pcsc_read(socket, 5000, reader);
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:b}", "name", reader[i].name, "card", reader[i].card,
		                                      "mute", reader[i].mute));
	return json_pack("{s:o, s:s, s:i, s:o, s:o}", "readers", list, "pcscd",
	                 n >= 0                               ? "ok"
	                 : n == -ENOENT || n == -ECONNREFUSED ? "absent"
	                                                      : "silent",
	                 "usb_readers", usb_readers(root), "login", card_services(root, services), "in_use", used);
}

json_t *sk_probe_card(const char *root, const char *socket, const char *services)
{
	return sk_card_facts(root, socket, services, in_use());
}
