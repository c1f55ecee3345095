/* The master key of telephone permits: a file of its own in the state folder, 0600, in every backup, made at init. */
#ifndef SK_SERVER_PHONE_MASTER_H
#define SK_SERVER_PHONE_MASTER_H

#include "common/buf.h"
#include "common/err.h"
#include "common/phone.h"

#define SK_PHONE_FILE "phone.key"

/* Reads it; makes it when it is missing. made: appends its path then; may be NULL. -EPERM: others may read it; -EINVAL: it is no key. */
int sk_phone_master(const char *state_dir, uint8_t out[SK_PHONE_KEY], struct sk_buf *made, struct sk_err *err);

#endif
