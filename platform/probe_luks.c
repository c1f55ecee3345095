/*
 * P2: what the headers of the encrypted volumes in use say: kind, cipher, key slots and how they derive keys, and the tokens that bind a slot to the
 * security chip. libcryptsetup reads the header of an active mapping's own device; only kinds and numbers are taken from it. It is loaded when there is such a
 * volume to read: with what it needs it is a third of what any probe costs to start, and one probe of twenty asks it.
 */
#include <dlfcn.h>
#include <libcryptsetup.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/text.h"
#include "platform/probe.h"

#define MAPPINGS_MAX 32
#define LIBRARY      "libcryptsetup.so.12"

/* Its functions under their own types. */
static struct {
	__typeof__(&crypt_init_by_name) init_by_name;
	__typeof__(&crypt_free) free;
	__typeof__(&crypt_get_type) get_type;
	__typeof__(&crypt_keyslot_max) keyslot_max;
	__typeof__(&crypt_keyslot_status) keyslot_status;
	__typeof__(&crypt_keyslot_get_pbkdf) keyslot_get_pbkdf;
	__typeof__(&crypt_token_max) token_max;
	__typeof__(&crypt_token_status) token_status;
} lib;

/* Once in a process; it stays. False: it is not installed, or another one than this was built with. */
static bool load(void)
{
	const struct {
		const char *name;
		void *at;
	} symbols[] = {
	    {"crypt_init_by_name", &lib.init_by_name},
	    {"crypt_free", &lib.free},
	    {"crypt_get_type", &lib.get_type},
	    {"crypt_keyslot_max", &lib.keyslot_max},
	    {"crypt_keyslot_status", &lib.keyslot_status},
	    {"crypt_keyslot_get_pbkdf", &lib.keyslot_get_pbkdf},
	    {"crypt_token_max", &lib.token_max},
	    {"crypt_token_status", &lib.token_status},
	};
	static int known; /* 1 it is there, -1 it is not */
	void *handle = known == 0 ? dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL) : NULL, *f;

	if (known != 0)
		return known > 0;
	known = handle ? 1 : -1;
	for (size_t i = 0; handle && i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		f = dlsym(handle, symbols[i].name);
		memcpy(symbols[i].at, &f, sizeof(f));
		known = f ? known : -1;
	}
	return known > 0;
}

static json_t *slots_of(struct crypt_device *cd, const char *type)
{
	int max = lib.keyslot_max(type);
	json_t *out = json_array();

	for (int i = 0; i < max && i < 64; i++) {
		crypt_keyslot_info s = lib.keyslot_status(cd, i);
		struct crypt_pbkdf_type kdf = {0};
		char shown[40] = "?";

		if (s != CRYPT_SLOT_ACTIVE && s != CRYPT_SLOT_ACTIVE_LAST)
			continue;
		if (lib.keyslot_get_pbkdf(cd, i, &kdf) == 0 && kdf.type)
			sk_text_escape(shown, sizeof(shown), kdf.type, strlen(kdf.type));
		json_array_append_new(out, json_string(shown));
	}
	return out;
}

static json_t *tokens_of(struct crypt_device *cd, const char *type)
{
	int max = strcmp(type, CRYPT_LUKS2) == 0 ? lib.token_max(type) : 0;
	json_t *out = json_array();

	for (int i = 0; i < max && i < 64; i++) {
		const char *name = NULL;
		crypt_token_info t = lib.token_status(cd, i, &name);
		char shown[64];

		if (t <= CRYPT_TOKEN_INACTIVE || !name)
			continue;
		sk_text_escape(shown, sizeof(shown), name, strlen(name));
		json_array_append_new(out, json_string(shown));
	}
	return out;
}

json_t *sk_luks_libcryptsetup(const char *dm_name)
{
	struct crypt_device *cd = NULL;
	json_t *out = NULL;

	if (!load() || lib.init_by_name(&cd, dm_name) < 0)
		return NULL;
	const char *type = lib.get_type(cd);
	if (type && (strcmp(type, CRYPT_LUKS1) == 0 || strcmp(type, CRYPT_LUKS2) == 0))
		out = json_pack("{s:s, s:o, s:o}", "type", type, "slots", slots_of(cd, type), "tokens",
		                tokens_of(cd, type));
	lib.free(cd);
	return out;
}

static void one(const char *root, const char *node, json_t *out, sk_luks_fn read)
{
	char path[600], uuid[256], name[256];
	json_t *l;

	if (!node || strncmp(node, "dm-", 3) != 0 || strchr(node, '/') || json_array_size(out) >= MAPPINGS_MAX)
		return;
	snprintf(path, sizeof(path), "%s/sys/class/block/%.60s/dm/uuid", root, node);
	if (sk_file_attr(path, uuid, sizeof(uuid)) <= 0 || strncmp(uuid, "CRYPT-LUKS", 10) != 0)
		return;
	for (size_t i = 0; i < json_array_size(out); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(out, i), "node")), node) == 0)
			return;
	snprintf(path, sizeof(path), "%s/sys/class/block/%.60s/dm/name", root, node);
	l = sk_file_attr(path, name, sizeof(name)) > 0 ? read(name) : NULL;
	if (!l)
		l = json_pack("{s:n}", "type");
	json_object_set_new(l, "node", json_string(node));
	json_array_append_new(out, l);
}

void sk_probe_luks(const char *root, json_t *facts, sk_luks_fn read)
{
	const json_t *volumes = json_object_get(facts, "volumes");
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *chain = json_object_get(json_array_get(volumes, i), "chain");
		for (size_t k = 0; k < json_array_size(chain); k++)
			one(root, json_string_value(json_array_get(chain, k)), out, read);
	}
	json_object_set_new(facts, "luks", out);
}
