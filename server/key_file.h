/* A secret of 32 bytes in a file of its own, 0600: 64 hexadecimal digits and a line end. */
#ifndef SK_SERVER_KEY_FILE_H
#define SK_SERVER_KEY_FILE_H

#include "common/buf.h"
#include "common/err.h"
#include "common/hash.h"

#define SK_KEY_FILE 32

/* Reads it; writes it when it is missing: these bytes, or NULL: random ones. made: appends its path then; may be NULL. -EPERM: others may read it; -EINVAL: it is no key. */
int sk_key_file(const char *path, const uint8_t *bytes, uint8_t out[SK_KEY_FILE], struct sk_buf *made,
                struct sk_err *err);

#endif
