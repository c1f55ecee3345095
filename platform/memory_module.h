/* One memory module as the firmware describes it (SMBIOS structure 17). The bytes are the firmware's: bounded, any of them may be wrong. */
#ifndef SK_PLATFORM_MEMORY_MODULE_H
#define SK_PLATFORM_MEMORY_MODULE_H

#include <stdbool.h>
#include <stddef.h>

#define SK_MEMORY_MODULE_TEXT 200

/* "SLOT, 8192 MB, MAKER, PART, serial SERIAL". False: an empty slot, or no such structure. */
bool sk_memory_module(const unsigned char *raw, size_t len, char out[SK_MEMORY_MODULE_TEXT]);

#endif
