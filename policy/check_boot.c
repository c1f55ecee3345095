/*
 * M9 Secure Boot and security chip, 4.4(4). Facts (platform/probe_boot.c): {"efi":bool,"secure_boot":true|false|null,"setup_mode":..,"tpm":bool,
 * "tpm_version","lockdown","why"?}. The standard asks for the chip to be used where there is one (disk-encryption judges that); that only signed
 * systems start is the office's own demand (required), and without it this is told and not judged.
 */
#include <stdio.h>

#include "common/i18n.h"
#include "policy/check_list.h"

enum { REQUIRED, TPM };
static const struct sk_param params[] = {
    [REQUIRED] = {.name = "required", .type = SK_PARAM_YES},
    [TPM] = {.name = "tpm", .type = SK_PARAM_YES},
};

static enum sk_state judge_secure_boot(const json_t *facts, json_t *detail)
{
	const json_t *on = json_object_get(facts, "secure_boot"), *setup = json_object_get(facts, "setup_mode");
	const char *why = json_string_value(json_object_get(facts, "why"));

	if (json_is_true(on) && json_is_true(setup)) {
		sk_check_say(detail, N_("Secure Boot is in setup mode: any keys can be put in."), NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	if (json_is_true(on)) {
		sk_check_say(detail, N_("Secure Boot is on."), NULL, NULL);
		return SK_STATE_COMPLIANT;
	}
	if (json_is_false(on)) {
		sk_check_say(detail, N_("Secure Boot is off."), NULL, NULL);
		return SK_STATE_NON_COMPLIANT;
	}
	sk_check_say(detail, N_("Whether Secure Boot is on cannot be told: %1."), why ? why : "?", NULL);
	return SK_STATE_UNKNOWN;
}

static enum sk_state judge(const struct sk_check_set *p, const json_t *facts, long long now_ms, json_t *detail)
{
	const json_t *chip = json_object_get(facts, "tpm");
	const char *version = json_string_value(json_object_get(facts, "tpm_version"));
	enum sk_state boot, tpm = SK_STATE_COMPLIANT;

	(void)now_ms;
	if (!json_is_boolean(chip) || !json_is_boolean(json_object_get(facts, "efi"))) {
		sk_check_say(detail, N_("How this terminal starts could not be read."), NULL, NULL);
		return SK_STATE_UNKNOWN;
	}
	boot = judge_secure_boot(facts, detail);
	if (json_is_true(chip))
		sk_check_say(detail, N_("There is a security chip (TPM %1)."), version ? version : "?", NULL);
	else
		sk_check_say(detail, N_("There is no security chip (TPM)."), NULL, NULL);
	if (p->v[TPM].n && !json_is_true(chip))
		tpm = SK_STATE_NON_COMPLIANT;
	if (!p->v[REQUIRED].n && !p->v[TPM].n) {
		sk_check_say(detail, N_("The policy does not ask for this on this terminal."), NULL, NULL);
		return SK_STATE_NOT_APPLICABLE;
	}
	return p->v[REQUIRED].n && boot > tpm ? boot : tpm;
}

const struct sk_check sk_check_boot = {
    .id = "secure-boot",
    .row = "M9",
    .clause = "4.4(4)",
    .duty = SK_DUTY_AS_NEEDED,
    .title = N_("Secure Boot and security chip"),
    .explanation = N_("Only a system that was signed starts on this terminal, and its security chip keeps the keys."),
    .remediation = N_("Call the helpdesk: Secure Boot is switched on in the firmware, where a password protects it."),
    .params = params,
    .n_params = SK_N(params),
    .judge = judge,
};
