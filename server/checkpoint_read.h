/* What checkpoint.c and export.c share: reading a checkpoint, and the form of a finding. */
#ifndef SK_SERVER_CHECKPOINT_READ_H
#define SK_SERVER_CHECKPOINT_READ_H

#include <jansson.h>
#include "common/bundle.h"

#define SK_CHECKPOINT_KIND "checkpoint"
#define SK_EXPORT_KIND     "export"
#define SK_NO_DEVICE       "00000000-0000-0000-0000-000000000000"

struct sk_checkpoint {
	int64_t records;
	char head[SK_SHA256_HEX];
};

/* Of an envelope signed by key; NULL is malformed. 0 or negative. */
int sk_checkpoint_read(const char *envelope, const struct sk_verify_key *key, struct sk_checkpoint *out,
                       struct sk_err *err);
/* Of "RECORDS:HEAD". 0 or -EINVAL. */
int sk_checkpoint_noted(const char *text, struct sk_checkpoint *out);
/* Appends {"chain","host":"","records","state","at"}: 1 when state is not "ok", 0, -ENOMEM. */
int sk_checkpoint_finding(json_t *findings, const char *chain, int64_t records, const char *state, int64_t at);

#endif
