/* Does the resident scanner stop the EICAR test file when it is opened? Tried in a folder of root's alone, and cleaned afterwards whatever comes. */
#ifndef SK_PLATFORM_ON_ACCESS_H
#define SK_PLATFORM_ON_ACCESS_H

#include <stddef.h>

/* The EICAR test string, put together at run time, so that the program is not itself taken for it. size at least 69. Bytes. */
size_t sk_eicar(char *out, size_t size);

/* "blocked" (it cannot be opened, read or written), "removed" (it was taken away or emptied), "missed" (after wait_ms it can still be read),
 * "unsafe" (the folder is not root's alone), "failed". Constant. */
const char *sk_on_access_test(const char *folder, int wait_ms);

#endif
