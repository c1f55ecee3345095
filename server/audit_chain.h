/*
 * One line of the audit trail and its hash, SHA-256 over the length-prefixed parts
 *   "sekimori-audit-1", id, time (decimal), user, name, unit, role, action, object, detail (the exact text), the hash of the line before
 * The first line's previous hash is 64 zeros; ids begin at 1 and have no gaps. The store writes by it, the offline verifier reads by it.
 */
#ifndef SK_SERVER_AUDIT_CHAIN_H
#define SK_SERVER_AUDIT_CHAIN_H

#include <stdint.h>
#include "common/clock.h"
#include "common/hash.h"

struct sk_audit_line { /* texts are borrowed */
	int64_t id;
	sk_ms time;
	const char *user, *name, *unit, *role, *action, *object, *detail, *prev;
};

void sk_audit_hash(const struct sk_audit_line *l, char out[SK_SHA256_HEX]);
/* Does l, stored with this hash, follow line `id` whose hash is `prev`? "ok", "gap", "fork" or "forged". */
const char *sk_audit_follows(const struct sk_audit_line *l, const char *hash, int64_t id, const char *prev);

#endif
