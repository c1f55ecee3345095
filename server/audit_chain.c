/* See audit_chain.h. */
#include "server/audit_chain.h"

#include <stdio.h>
#include <string.h>

void sk_audit_hash(const struct sk_audit_line *l, char out[SK_SHA256_HEX])
{
	char id[24], time[24];
	uint8_t raw[SK_SHA256_LEN];
	const char *const texts[] = {"sekimori-audit-1", id,        time,      l->user, l->name, l->unit, l->role,
	                             l->action,          l->object, l->detail, l->prev};
	struct sk_part parts[sizeof(texts) / sizeof(texts[0])];

	snprintf(id, sizeof(id), "%lld", (long long)l->id);
	snprintf(time, sizeof(time), "%lld", (long long)l->time);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		parts[i] = (struct sk_part){texts[i], strlen(texts[i])};
	sk_sha256_parts(parts, sizeof(texts) / sizeof(texts[0]), raw);
	sk_hex(raw, sizeof(raw), out);
}

const char *sk_audit_follows(const struct sk_audit_line *l, const char *hash, int64_t id, const char *prev)
{
	char real[SK_SHA256_HEX];

	sk_audit_hash(l, real);
	if (l->id != id + 1)
		return "gap";
	if (strcmp(l->prev, prev) != 0)
		return "fork";
	return strcmp(real, hash) != 0 ? "forged" : "ok";
}
