/* Kernel events: whatever is taken for one points into the message and ends in it. */
// sources: platform/uevent.c
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(const char *s, const uint8_t *data, size_t size)
{
	if (s < (const char *)data || s + strlen(s) >= (const char *)data + size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sk_uevent e;

	if (sk_uevent_parse((const char *)data, size, &e) != 0)
		return 0;
	inside(e.action, data, size);
	inside(e.subsystem, data, size);
	inside(e.devpath, data, size);
	inside(e.name, data, size);
	return 0;
}
