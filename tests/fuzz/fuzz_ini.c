/* INI: whatever parses must be found again under its own name, and nothing in it may be what the wrapper promises to refuse. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/ini.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sk_ini_key schema[] = {{"policy", "name"}, {"rule *", "allow"}};
	struct sk_err err = SK_ERR_INIT;
	struct sk_ini *ini = NULL;

	if (sk_ini_parse("f", (const char *)data, size, &ini, &err) < 0) {
		require(ini == NULL && err.text[0] != '\0' && sk_text_is_utf8(err.text, strlen(err.text)));
		return 0;
	}
	for (size_t i = 0; i < ini->n_entries && i < 64; i++) {
		const struct sk_ini_entry *e = &ini->entries[i];

		require(sk_ini_get(ini, e->section, e->key) == e);
		require(strlen(e->value) <= 180 && sk_text_is_utf8(e->value, strlen(e->value)));
		require(strchr(e->key, ' ') == NULL && e->key[0] != '\0');
	}
	(void)sk_ini_check(ini, schema, 2, &err);
	sk_ini_free(ini);
	return 0;
}
