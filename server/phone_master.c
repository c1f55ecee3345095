#include "server/phone_master.h"

#include <stdio.h>

#include "server/key_file.h"

int sk_phone_master(const char *state_dir, uint8_t out[SK_PHONE_KEY], struct sk_buf *made, struct sk_err *err)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/" SK_PHONE_FILE, state_dir);
	return sk_key_file(path, NULL, out, made, err);
}
