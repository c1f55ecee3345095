/*
 * Names of members that checks, events and the audit trail carry, as words. What is not here is shown as it came: evidence is never left out
 * because nobody has named it yet.
 */
#include "server/console.h"

#include <string.h>

static const struct {
	const char *key, *word;
} names[] = {
    {"product", N_("Product")},
    {"resident", N_("Always running")},
    {"version", N_("Version")},
    {"signatures_version", N_("Version of the signatures")},
    {"signatures_ms", N_("Date of the signatures")},
    {"self_test", N_("Live test")},
    {"problem", N_("Problem")},
    {"volumes", N_("Volumes")},
    {"use", N_("Used as")},
    {"kind", N_("Kind")},
    {"node", N_("Node")},
    {"fs", N_("File system")},
    {"fstype", N_("File system")},
    {"encrypted", N_("Encrypted")},
    {"cipher", N_("Cipher")},
    {"key_bits", N_("Key length in bits")},
    {"chain", N_("Layers")},
    {"why", N_("Why")},
    {"tpm", N_("Security chip (TPM)")},
    {"desktop_installed", N_("Desktop installed")},
    {"mandatory", N_("Mandatory settings")},
    {"effective", N_("Settings in effect")},
    {"idle_delay", N_("Idle time, in seconds")},
    {"lock_delay", N_("Delay of the lock, in seconds")},
    {"lock_enabled", N_("Lock switched on")},
    {"lock_disabled", N_("Lock switched off")},
    {"locked_keys", N_("Settings the user cannot change")},
    {"text_limit_s", N_("Limit of text sessions")},
    {"sessions", N_("Sessions")},
    {"user", N_("User")},
    {"type", N_("Type")},
    {"desktop", N_("Desktop")},
    {"idle_s", N_("Idle for")},
    {"locked", N_("Locked")},
    {"device", N_("Device")},
    {"device_key", N_("Device key")},
    {"vendor", N_("Vendor")},
    {"vendor_id", N_("Vendor ID")},
    {"product_id", N_("Product ID")},
    {"serial", N_("Serial number")},
    {"grade", N_("Grade")},
    {"port", N_("Port")},
    {"bus", N_("Bus")},
    {"kinds", N_("Kinds")},
    {"interfaces", N_("Functions")},
    {"number", N_("Number")},
    {"class", N_("Class")},
    {"verdict", N_("Verdict")},
    {"access", N_("Access")},
    {"reason", N_("Reason")},
    {"rule", N_("Rule")},
    {"grant", N_("Permit")},
    {"media", N_("Media")},
    {"mount", N_("Place")},
    {"mounts", N_("Places")},
    {"size", N_("Size in bytes")},
    {"read_only", N_("Read only")},
    {"person", N_("Person")},
    {"purpose", N_("Purpose")},
    {"hours", N_("Hours")},
    {"destination", N_("Destination")},
    {"until", N_("Until")},
    {"since", N_("Since")},
    {"id", N_("Identifier")},
    {"clause", N_("Clause")},
    {"from", N_("Before")},
    {"to", N_("After")},
    {"detail", N_("Findings")},
    {"name", N_("Name")},
    {"unit", N_("Section")},
    {"host", N_("Terminal")},
    {"asset", N_("Asset number")},
    {"remote", N_("Address")},
    {"state", N_("State")},
    {"previous", N_("Previous chain")},
    {"sentence_ja", N_("Shown to the person (Japanese)")},
    {"sentence_en", N_("Shown to the person (English)")},
    {"roles", N_("Roles")},
    {"seq", N_("Number in the record")},
    {"name_ja", N_("Name in Japanese")},
    {"name_en", N_("Name in English")},
    {"fingerprint", N_("Fingerprint of the certificate")},
    {"old", N_("Before")},
    {"new", N_("After")},
    {"held", N_("Held by the terminal")},
    {"cert_until", N_("Certificate valid until")},
    {"token", N_("Token no.")},
    {"sha256", N_("SHA-256")},
};

const char *sk_word_evidence(const char *key)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].key, key) == 0)
			return names[i].word;
	}
	return key;
}
