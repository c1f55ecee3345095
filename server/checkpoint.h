/*
 * Checkpoints: signed statements of how long the audit trail was and what its last hash was. A chain alone does not show that its tail was
 * cut off; a checkpoint that somebody else holds does. They are made each hour and each 1,000 lines, stored beside the trail, written
 * to the log (which goes to another machine where an office keeps its logs) and carried by every export.
 *
 * An export is lines of JSON: a head, {"checkpoint":[envelope]}, {"audit":[..]}, {"base":[..]} and {"event":[..]} in the columns' order, and last {"seal":envelope},
 * whose body holds the counts and a running hash over all lines before it: h = SHA-256 over the length-prefixed parts h, line. Envelopes are
 * those of common/bundle.h, kinds "checkpoint" and "export", for device 00000000-0000-0000-0000-000000000000.
 */
#ifndef SK_SERVER_CHECKPOINT_H
#define SK_SERVER_CHECKPOINT_H

#include <jansson.h>
#include <stdio.h>
#include "common/bundle.h"
#include "server/store.h"

#define SK_CHECKPOINT_EVERY ((sk_ms)3600 * 1000)
#define SK_CHECKPOINT_LINES 1000

/* Makes one when it is due (or anyhow): 1 = made and logged, 0 = not due or nothing new, -errno. */
int sk_checkpoint_tend(struct sk_store *s, const struct sk_sign_key *key, sk_ms now, bool anyhow);
/* Compares the trail with every checkpoint: appends {"chain":"checkpoints","host":"","records":n,"state":"ok"|"cut"|"forged"|"signature","at":record}
 * to findings. 1 = broken, 0, -errno. */
int sk_checkpoint_verify(struct sk_store *s, const struct sk_verify_key *key, json_t *findings);
/* What somebody noted down: "RECORDS:HEAD" as the log says it. 0, 1 = the trail does not hold it, -EINVAL. */
int sk_checkpoint_known(struct sk_store *s, const char *noted, json_t *findings);

/* Everything to out, sealed. 0 or -errno with err. */
int sk_export_write(struct sk_store *s, const struct sk_sign_key *key, sk_ms now, FILE *out, struct sk_err *err);
/* Reads an export with nothing but the public key. Findings as sk_store_verify, one for each chain, the checkpoints and the seal. Broken ones, or
 * -errno with err when it is no export (file:line). noted: as above, or NULL. */
int sk_export_verify(FILE *in, const struct sk_verify_key *key, const char *noted, json_t **findings,
                     struct sk_err *err);

#endif
