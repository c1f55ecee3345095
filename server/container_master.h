/*
 * The secret by which the keys of the organisation's containers are sealed to this server: a file of its own in the state folder, 0600, in every backup, made
 * at init. An installation from before there was one derived the secret from the master key of telephone permits: the very same is written into the
 * file then, so that what is sealed goes on opening; from then on neither file tells the other.
 */
#ifndef SK_SERVER_CONTAINER_MASTER_H
#define SK_SERVER_CONTAINER_MASTER_H

#include "common/buf.h"
#include "common/err.h"
#include "common/seal.h"

#define SK_CONTAINER_FILE "container.key"

/* Reads it; makes it when it is missing: random, or derived where phone.key is there. Called before sk_phone_master, which makes that one. made: as there. */
int sk_container_master(const char *state_dir, uint8_t out[SK_SEAL_KEY], struct sk_buf *made, struct sk_err *err);

#endif
