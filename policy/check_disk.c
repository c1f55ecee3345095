/*
 * P2 disk encryption, 4.4(4). Facts (platform/probe_disk.c): {"volumes":[{"use":"/","kind":"mount"|"swap"|"boot","node":"dm-0","fs":..,
 * "encrypted":true|false|null,"cipher":..,"key_bits":..,"chain":["dm-0","sda3","sda"],"why":..}],"tpm":bool,"luks":[{"node","type","slots":["argon2id"],"tokens":["systemd-tpm2"]}]}. Every way from a volume down
 * to a disk must cross an encrypting layer; one that cannot be followed is unknown, never a pass. Boot partitions are shown, not judged.
 */
#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { SWAP, TPM };
static const struct sk_param params[] = {
    [SWAP] = {.name = "swap", .type = SK_PARAM_YES, .def = 1},
    [TPM] = {.name = "tpm", .type = SK_PARAM_YES, .def = 1}, /* the security chip is used where there is one */
};

static bool cipher_is_weak(const char *cipher)
{
	return cipher && (strstr(cipher, "null") || strstr(cipher, "ecb") || strncmp(cipher, "des", 3) == 0 ||
	                  strncmp(cipher, "arc4", 4) == 0 || strncmp(cipher, "blowfish", 8) == 0);
}

static enum sk_state judge_volume(const json_t *volume, json_t *detail)
{
	const char *use = json_string_value(json_object_get(volume, "use"));
	const char *node = json_string_value(json_object_get(volume, "node"));
	const char *cipher = json_string_value(json_object_get(volume, "cipher"));
	const char *why = json_string_value(json_object_get(volume, "why"));
	const json_t *encrypted = json_object_get(volume, "encrypted");

	use = use ? use : "?";
	if (json_is_false(encrypted)) {
		sk_check_say(detail, N_("%1 (%2) is not encrypted."), use, node ? node : "?");
		return SK_STATE_NON_COMPLIANT;
	}
	if (!json_is_true(encrypted)) {
		sk_check_say(detail, N_("%1: it could not be told whether it is encrypted (%2)."), use,
		             why ? why : "?");
		return SK_STATE_UNKNOWN;
	}
	if (cipher_is_weak(cipher)) {
		sk_check_say(detail, N_("%1 is encrypted with an unsound cipher: %2."), use, cipher);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("%1 is encrypted (%2)."), use, cipher ? cipher : "RAM");
	return SK_STATE_COMPLIANT;
}

/* Tokens that bind a key slot to the chip. Others (a recovery key, a smart card) do not. */
static bool bound_to_chip(const json_t *tokens)
{
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		const char *t = json_string_value(json_array_get(tokens, i));
		if (t && (strcmp(t, "systemd-tpm2") == 0 || strcmp(t, "clevis") == 0))
			return true;
	}
	return false;
}

/* What the headers say, and whether the chip is used where there is one (4.4(4)). */
static enum sk_state judge_headers(const struct sk_check_set *p, const json_t *facts, json_t *detail)
{
	const json_t *luks = json_object_get(facts, "luks"), *l;
	bool chip = p->v[TPM].n && json_is_true(json_object_get(facts, "tpm"));
	enum sk_state worst = SK_STATE_COMPLIANT;
	char text[160];

	for (size_t i = 0; i < json_array_size(luks); i++) {
		l = json_array_get(luks, i);
		const char *node = json_string_value(json_object_get(l, "node"));
		const char *type = json_string_value(json_object_get(l, "type"));
		const char *kdf = json_string_value(json_array_get(json_object_get(l, "slots"), 0));
		bool bound = bound_to_chip(json_object_get(l, "tokens"));

		node = node ? node : "?";
		if (!type) {
			sk_check_say(detail, N_("Encrypted volume %1: its header could not be read."), node, NULL);
			worst = chip && worst < SK_STATE_UNKNOWN ? SK_STATE_UNKNOWN : worst;
			continue;
		}
		snprintf(text, sizeof(text), "%.8s, %zu x %.24s%s", type, json_array_size(json_object_get(l, "slots")),
		         kdf ? kdf : "-", bound ? ", TPM" : "");
		sk_check_say(detail, N_("Encrypted volume %1: %2."), node, text);
		if (chip && !bound) {
			sk_check_say(detail,
			             N_("There is a security chip (TPM), but encrypted volume %1 does not use it."),
			             node, NULL);
			worst = SK_STATE_NON_COMPLIANT;
		}
	}
	return worst;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *volumes = json_object_get(facts, "volumes");
	enum sk_state worst = SK_STATE_COMPLIANT;
	size_t judged = 0, i;
	json_t *volume;

	(void)now_ms;
	json_array_foreach(volumes, i, volume)
	{
		const char *kind = json_string_value(json_object_get(volume, "kind"));
		if (!kind || strcmp(kind, "boot") == 0 || (strcmp(kind, "swap") == 0 && !p->v[SWAP].n))
			continue;
		enum sk_state s = judge_volume(volume, detail);
		worst = s > worst ? s : worst;
		judged++;
	}
	if (judged == 0) {
		sk_check_say(detail, N_("No volume of this terminal could be examined."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	enum sk_state headers = judge_headers(p, facts, detail);
	return headers > worst ? headers : worst;
}

const struct sk_check sk_check_disk_encryption = {
    .id = "disk-encryption",
    .row = "P2",
    .clause = "4.4(4)",
    .duty = SK_DUTY_MUST,
    .title = N_("Disk encryption"),
    .explanation = N_("Everything this terminal stores, its system, data and swap, is encrypted on the disk, so that a "
                      "lost or stolen "
                      "terminal tells nothing."),
    .remediation =
        N_("Ask the helpdesk: the volume named above has to be set up anew with encryption (LUKS2). Do not carry this "
           "terminal out of the building until then."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
