/* Catalogues: a file that opens answers any question with a string inside itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const questions[] = {"", "Allowed", "Denied: %s", "Zone", "\x7f\x7f"};
	struct sk_mo mo;

	if (sk_mo_open(&mo, (const char *)data, size) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const char *text = sk_mo_get(&mo, questions[i]);

		if (text != NULL && (text < (const char *)data || text + strlen(text) >= (const char *)data + size))
			abort();
	}
	return 0;
}
