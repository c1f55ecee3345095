/*
 * A grant = medium x person x terminal x direction x class x purpose x expiry (DESIGN 3), issued by the helpdesk after the section
 * manager's permit (5.1(1)ウ, STANDARD 1.1), signed by the server. Grants arrive as one bundle that replaces all earlier ones; the
 * agent never makes one.
 */
#ifndef SK_POLICY_GRANT_H
#define SK_POLICY_GRANT_H

#include <jansson.h>
#include <stdbool.h>
#include "common/clock.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/seal.h"
#include "policy/ledger.h"

/* What may be done with a medium, least first. ENCRYPTED: reading and writing, but only inside an encrypted container or volume that is
 * open; what lies plainly on the medium stays shut, for reading too. ENCRYPTED_RO: the same for reading alone. */
enum sk_access {
	SK_ACCESS_NONE = 0,
	SK_ACCESS_ENCRYPTED_RO = 1,
	SK_ACCESS_RO = 2,
	SK_ACCESS_ENCRYPTED = 3,
	SK_ACCESS_RW = 4,
};
const char *sk_access_name(enum sk_access a); /* "none" "encrypted-ro" "ro" "encrypted" "rw" */
int sk_access_parse(const char *name, enum sk_access *out); /* 0 or -EINVAL */
bool sk_access_writes(enum sk_access a);
bool sk_access_encrypted(enum sk_access a); /* only what is encrypted is opened */
enum sk_access sk_access_meet(enum sk_access a, enum sk_access b); /* what both allow */

struct sk_grant {
	char id[SK_UUID_LEN];
	int64_t request; /* number of the request it answers */
	char device_key[SK_SHA256_HEX]; /* of the medium */
	char serial[SK_DEV_TEXT]; /* must match too when not "" */
	char ledger[33]; /* when not "": only this registered medium, proved by its media key */
	char person[64]; /* login name; "" = anyone at the terminal */
	enum sk_access access;
	char info_class[8]; /* "1" "2" "3" "4" (①-④) or "none" */
	char purpose[256];
	sk_ms from, until; /* until is always set */
	int uses; /* how often it may open the medium; 0 = not counted. JSON member optional */
	bool
	    release; /* a recipient may be given a passphrase of the container (policy/release.h). JSON member optional */
	bool erase; /* the medium may be erased under it (policy/erase.h). JSON member optional */
	char container_key
	    [SK_SEALED_KEY_HEX]; /* of the organisation's container, sealed to this terminal; "" = none. Optional */
	char permitted_by[128]; /* 職・氏名 of the section manager */
	char approved_by[128]; /* helpdesk person who issued it */
};

struct sk_grants {
	struct sk_grant *items; /* owned; sorted by device_key for the lookup */
	size_t n;
	struct sk_ledger *ledger; /* owned; came in the same bundle */
	char section[64]; /* key of the section this terminal belongs to; "" = the server does not say */
	bool has_server_key;
	uint8_t server_key[SK_SEAL_KEY]; /* keys of containers made here are sealed to it */
};

#define SK_GRANTS_MAX     4096
#define SK_GRANT_USES_MAX 1000

/* body: {"grants":[{...}]} with the members above by their names, "seal_key" (64 hexadecimal digits, optional), "section" (optional) and the ledger's part. Whole or nothing. Free with sk_grants_free. */
int sk_grants_parse(const json_t *body, struct sk_grants **out, struct sk_err *err);
struct sk_grants *sk_grants_free(struct sk_grants *g);
json_t *sk_grant_json(const struct sk_grant *g); /* new reference; the server uses it to build the body */

enum sk_grant_state { SK_GRANT_VALID, SK_GRANT_NOT_YET, SK_GRANT_EXPIRED, SK_GRANT_OTHER_PERSON, SK_GRANT_USED_UP };
enum sk_grant_state sk_grant_state(const struct sk_grant *g, sk_ms now, const char *person);
/* The best valid grant for the device (one that brings a key, then most access, then latest end), else the best reason why there is none. now is the trusted
 * clock. O(log n + matches). *state is SK_GRANT_VALID iff the result is usable; NULL = no grant for that device at all. */
const struct sk_grant *sk_grants_find(const struct sk_grants *g, const struct sk_device *d, sk_ms now,
                                      const char *person, enum sk_grant_state *state);
/* Grants with a number of uses: how often one has opened something so far (negative: cannot be told, so that it counts as used up). using: the
 * id under which the medium is open now, which costs nothing more; "*" = whichever; NULL = none. */
struct sk_grant_uses {
	int (*used)(void *ctx, const char *id);
	void *ctx;
	const char *using;
};
/* sk_grants_find that knows the uses; u or its used NULL = none counts as used up. */
const struct sk_grant *sk_grants_find_using(const struct sk_grants *g, const struct sk_device *d, sk_ms now,
                                            const char *person, const struct sk_grant_uses *u,
                                            enum sk_grant_state *state);
/* The same for a medium of which more is known. ledger: the number that was proved, "" = none, NULL = not known yet (any may be meant). */
const struct sk_grant *sk_grants_find_medium(const struct sk_grants *g, const struct sk_device *d, const char *ledger,
                                             sk_ms now, const char *person, const struct sk_grant_uses *u,
                                             enum sk_grant_state *state);
/* The next instant after now at which any grant begins or ends; 0 = none. */
sk_ms sk_grants_next_change(const struct sk_grants *g, sk_ms now);

#endif
