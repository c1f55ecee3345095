/* What somebody types at the telephone: whatever is taken is written back to what is taken again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/phone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_phone_challenge c, d;
	unsigned profile, again;
	uint64_t code, same;
	char out[SK_PHONE_TEXT], *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (sk_phone_challenge_read(text, &c) == 0) {
		sk_phone_challenge_write(&c, out);
		if (sk_phone_challenge_read(out, &d) != 0 || d.nonce != c.nonce || d.media != c.media ||
		    d.device != c.device)
			abort();
	}
	if (sk_phone_answer_read(text, &profile, &code) == 0) {
		sk_phone_answer_write(profile, code, out);
		if (sk_phone_answer_read(out, &again, &same) != 0 || again != profile || same != code)
			abort();
	}
	free(text);
	return 0;
}
