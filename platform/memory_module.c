/* See memory_module.h. The fixed part is raw[1] bytes long; strings follow it, each ended by NUL, counted from 1. */
#include "platform/memory_module.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

static void string_of(const unsigned char *raw, size_t len, size_t at, char *out, size_t size)
{
	size_t from = raw[1];
	unsigned n = at < raw[1] ? raw[at] : 0;

	sk_text_copy(out, size, "-");
	for (unsigned i = 1; n > 0 && from < len; i++) {
		size_t end = from + strnlen((const char *)raw + from, len - from);
		if (i == n) {
			sk_text_printable(out, size, (const char *)raw + from, end - from);
			sk_text_trim(out);
			return;
		}
		from = end + 1;
	}
}

bool sk_memory_module(const unsigned char *raw, size_t len, char out[SK_MEMORY_MODULE_TEXT])
{
	char slot[32], maker[32], serial[32], part[40];
	unsigned long mb;

	if (len < 4 || raw[0] != 17 || raw[1] < 0x15 || raw[1] > len)
		return false;
	mb = raw[0x0c] | (unsigned long)raw[0x0d] << 8;
	if (mb == 0 || mb == 0xffff) /* empty; not known */
		return false;
	if (mb == 0x7fff && raw[1] >= 0x20)
		mb = (raw[0x1c] | (unsigned long)raw[0x1d] << 8 | (unsigned long)raw[0x1e] << 16 |
		      (unsigned long)raw[0x1f] << 24) &
		     0x7fffffff;
	else if (mb & 0x8000)
		mb = (mb & 0x7fff) / 1024;
	string_of(raw, len, 0x10, slot, sizeof(slot));
	string_of(raw, len, 0x17, maker, sizeof(maker));
	string_of(raw, len, 0x18, serial, sizeof(serial));
	string_of(raw, len, 0x1a, part, sizeof(part));
	snprintf(out, SK_MEMORY_MODULE_TEXT, "%s, %lu MB, %s, %s, serial %s", slot, mb, maker, part, serial);
	return true;
}
