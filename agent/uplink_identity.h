/*
 * Who this terminal is to the server: private key, certificate, the CA it trusts, the server's address and the device id; kept in the
 * uplink's own folder. Two slots of files (key.pem cert.pem ca.pem, and key-2.pem cert-2.pem ca-2.pem); uplink.json names the slot in
 * use. A new identity is written into the other slot and comes into force by the one rename of uplink.json: whenever the power goes,
 * a whole and matching set is in force.
 */
#ifndef SK_AGENT_UPLINK_IDENTITY_H
#define SK_AGENT_UPLINK_IDENTITY_H

#include "agent/uplink_url.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"

#define SK_IDENTITY_SLOTS 2

struct sk_identity {
	char device[SK_UUID_LEN];
	struct sk_url server;
	int slot; /* 1 or 2 */
	char *key, *cert, *ca; /* PEM; owned */
	sk_ms from, until; /* of cert */
};

/* 0; -ENOENT = not enrolled; other negative = there and unusable. *out untouched on failure. */
int sk_identity_load(const char *dir, struct sk_identity *out, struct sk_err *err);

/* The slot that a new identity goes into: the one not in use (1 when none is). */
int sk_identity_free_slot(const char *dir);
/* The key alone, before the server is asked: a full disk must show before a one-time token is spent. */
int sk_identity_store_key(const char *dir, int slot, const char *key, struct sk_err *err);
/* Everything into id->slot, then switches over and wipes the other slot. On failure what was in force stays in force. */
int sk_identity_store(const char *dir, const struct sk_identity *id, struct sk_err *err);
void sk_identity_wipe(const char *dir, int slot); /* unlinks that slot's files */

/* Does the certificate carry this key and this device id, and does it chain to ca, as a client, at time now (ms UTC; 0 = whenever)? Reads its life into
 * from/until. 0 or -EINVAL with err. */
int sk_identity_check(const char *key, const char *cert, const char *ca, const char *device, sk_ms now, sk_ms *from,
                      sk_ms *until, struct sk_err *err);

void sk_identity_clear(struct sk_identity *id); /* also wipes the key from memory */

#endif
