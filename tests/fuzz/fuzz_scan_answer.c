/* clamd's answer: only the two exact forms mean clean or found, and what is shown of it is printable. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "policy/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char signature[256];
	enum sk_scan_word w = sk_scan_answer((const char *)data, size, signature, sizeof(signature));

	require(sk_text_is_utf8(signature, strlen(signature)));
	require((signature[0] != '\0') == (w == SK_SCAN_FOUND));
	if (w == SK_SCAN_CLEAN)
		require((size == 10 || size == 11) && memcmp(data, "stream: OK", 10) == 0);
	if (w == SK_SCAN_FOUND)
		require(size > 14 && memcmp(data, "stream: ", 8) == 0);
	return 0;
}
