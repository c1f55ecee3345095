/* The section [media]: four keys, each read once and strictly; and the words by which a mapping's encryption is judged. */
#include "policy/media.h"

#include <errno.h>
#include <string.h>

#include "common/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	unsigned kind;
} kinds[] = {{"luks", SK_MEDIA_LUKS}, {"bitlocker", SK_MEDIA_BITLOCKER}, {"hardware", SK_MEDIA_HARDWARE}};

const char *sk_media_encryption_name(unsigned one)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].kind == one)
			return kinds[i].name;
	return "";
}

unsigned sk_media_encryption_of(const char *dm_uuid)
{
	static const struct {
		const char *prefix;
		unsigned kind;
	} known[] = {
	    {"CRYPT-LUKS1-", SK_MEDIA_LUKS}, {"CRYPT-LUKS2-", SK_MEDIA_LUKS}, {"CRYPT-BITLK-", SK_MEDIA_BITLOCKER}};

	for (size_t i = 0; i < COUNT(known); i++)
		if (strncmp(dm_uuid, known[i].prefix, strlen(known[i].prefix)) == 0)
			return known[i].kind;
	return 0;
}

bool sk_media_cipher_encrypts(const char *cipher)
{
	/* "cipher_null-ecb", "capi:ecb(cipher_null)-plain": wherever the word stands, nothing is encrypted. */
	return cipher[0] != '\0' && cipher[0] != '-' && strstr(cipher, "null") == NULL;
}

void sk_media_params_default(struct sk_media_params *p)
{
	*p = (struct sk_media_params){.encryption = SK_MEDIA_LUKS | SK_MEDIA_BITLOCKER};
}

static int read_encryption(const struct sk_ini *ini, const struct sk_ini_entry *e, unsigned *out, struct sk_err *err)
{
	const char *at = e->value;
	unsigned mask = 0;

	while (*(at += strspn(at, " \t")) != '\0') {
		size_t n = strcspn(at, " \t"), i = 0;

		while (i < COUNT(kinds) && (strlen(kinds[i].name) != n || strncmp(kinds[i].name, at, n) != 0))
			i++;
		if (i == COUNT(kinds))
			return sk_ini_fail(ini, e->line, err,
			                   "encryption: \"%.*s\" is not one of: luks bitlocker hardware",
			                   (int)(n < 40 ? n : 40), at);
		mask |= kinds[i].kind;
		at += n;
	}
	if (mask == 0)
		return sk_ini_fail(ini, e->line, err, "encryption is empty; name what counts: luks bitlocker hardware");
	*out = mask;
	return 0;
}

static int read_zones(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_media_params *p,
                      struct sk_err *err)
{
	const char *at = e->value;
	unsigned mask = 0;

	while (*(at += strspn(at, " \t")) != '\0') {
		size_t n = strcspn(at, " \t");
		char word[16] = "";
		enum sk_zone z;

		if (n < sizeof(word))
			sk_text_copy(word, n + 1, at);
		if (sk_zone_parse(word, &z) < 0 && (strcmp(word, "none") != 0 || n != strlen(e->value)))
			return sk_ini_fail(
			    ini, e->line, err,
			    "sanitise_from: \"%.*s\" is not one of: internet lgwan my-number, or none alone",
			    (int)(n < 40 ? n : 40), at);
		mask |= strcmp(word, "none") == 0 ? 0 : 1u << z;
		at += n;
	}
	if (e->value[0] == '\0')
		return sk_ini_fail(ini, e->line, err, "sanitise_from is empty; name zones, or none");
	p->sanitise_set = true;
	p->sanitise_from = mask;
	return 0;
}

/* 0 or 1 for the first or second word. */
static int either(const struct sk_ini *ini, const struct sk_ini_entry *e, const char *first, const char *second,
                  struct sk_err *err)
{
	if (strcmp(e->value, first) == 0)
		return 0;
	if (strcmp(e->value, second) == 0)
		return 1;
	return sk_ini_fail(ini, e->line, err, "%s: \"%.40s\" is not %s or %s", e->key, e->value, first, second);
}

int sk_media_params_read(const struct sk_ini *ini, const struct sk_ini_entry *e, struct sk_media_params *p,
                         struct sk_err *err)
{
	int r;

	if (strcmp(e->key, "encryption") == 0)
		return read_encryption(ini, e, &p->encryption, err);
	if (strcmp(e->key, "sanitise_from") == 0)
		return read_zones(ini, e, p, err);
	if (strcmp(e->key, "write") == 0) {
		r = either(ini, e, "encrypted", "plain", err);
		if (r >= 0)
			p->write_plain = r == 1;
	} else if (strcmp(e->key, "on_lock") == 0) {
		r = either(ini, e, "keep", "close", err);
		if (r >= 0)
			p->on_lock = r == 1 ? SK_LOCK_CLOSE : SK_LOCK_KEEP;
	} else if (strcmp(e->key, "antivirus") == 0) {
		r = either(ini, e, "no", "required", err);
		if (r >= 0)
			p->antivirus = r == 1;
	} else if (strcmp(e->key, "sanitise_by") == 0) {
		r = either(ini, e, "sanitising", "scan", err);
		if (r >= 0)
			p->scan_suffices = r == 1;
	} else {
		return sk_ini_fail(ini, e->line, err,
		                   "\"%s\" is no key of [media]; known: write encryption on_lock antivirus "
		                   "sanitise_from sanitise_by",
		                   e->key);
	}
	return r < 0 ? r : 0;
}

enum sk_access sk_media_access(const struct sk_media_params *p, enum sk_access a)
{
	return a == SK_ACCESS_RW && !p->write_plain ? SK_ACCESS_ENCRYPTED : a;
}

bool sk_media_clean(const struct sk_media_params *p, enum sk_zone here, const struct sk_ledger_entry *e)
{
	unsigned from = p->sanitise_set ? p->sanitise_from : here != SK_ZONE_INTERNET ? 1u << SK_ZONE_INTERNET : 0;

	if (!e->has_zone || e->zone == here || (from & 1u << e->zone) == 0)
		return true;
	return e->clean == SK_CLEAN_SANITISED || (p->scan_suffices && e->clean == SK_CLEAN_SCANNED);
}
