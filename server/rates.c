/* See rates.h. A key's tag is 64 bits of a keyed hash; its place is one of WAYS slots, so two busy keys seldom push each other out. */
#include "server/rates.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define WAYS   8
#define MINUTE 60000

struct slot {
	uint64_t tag; /* 0 = free */
	int64_t level; /* tokens, in 1/MINUTE */
	sk_ms at; /* when level was true */
};

struct sk_rates {
	uint8_t secret[16];
	size_t sets;
	int64_t full;
	int per_minute;
	struct slot slots[];
};

struct sk_rates *sk_rates_new(size_t keys, int burst, int per_minute)
{
	size_t sets = 1;
	struct sk_rates *r;

	while (sets * WAYS < keys && sets < ((size_t)1 << 20))
		sets *= 2;
	r = calloc(1, sizeof(*r) + sets * WAYS * sizeof(r->slots[0]));
	if (r == NULL || sk_random(r->secret, sizeof(r->secret)) < 0) {
		free(r);
		return NULL;
	}
	r->sets = sets;
	r->full = (int64_t)burst * MINUTE;
	r->per_minute = per_minute;
	return r;
}

struct sk_rates *sk_rates_free(struct sk_rates *r)
{
	free(r);
	return NULL;
}

static uint64_t tag_of(const struct sk_rates *r, const void *key, size_t len)
{
	const struct sk_part parts[] = {{r->secret, sizeof(r->secret)}, {key, len}};
	uint8_t digest[SK_SHA256_LEN];
	uint64_t tag;

	sk_sha256_parts(parts, 2, digest);
	memcpy(&tag, digest, sizeof(tag));
	return tag == 0 ? 1 : tag;
}

/* The key's slot, brought to this moment; a new key takes the slot that was touched longest ago. */
static struct slot *slot_of(struct sk_rates *r, const void *key, size_t len, sk_ms now)
{
	uint64_t tag = tag_of(r, key, len);
	struct slot *set = &r->slots[tag % r->sets * WAYS], *s = set;

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].tag == tag) {
			s = &set[i];
			break;
		}
		if (set[i].tag == 0 || (s->tag != 0 && set[i].at < s->at))
			s = &set[i];
	}
	if (s->tag != tag)
		*s = (struct slot){tag, r->full, now};
	if (now > s->at) {
		sk_ms passed = now - s->at;

		s->level = passed >= r->full / r->per_minute ? r->full : s->level + passed * r->per_minute;
		if (s->level > r->full)
			s->level = r->full;
		s->at = now;
	}
	return s;
}

static sk_ms until_one(const struct sk_rates *r, const struct slot *s)
{
	return s->level >= MINUTE ? 0 : (MINUTE - s->level + r->per_minute - 1) / r->per_minute;
}

sk_ms sk_rates_take(struct sk_rates *r, const void *key, size_t len, sk_ms now)
{
	struct slot *s = r == NULL ? NULL : slot_of(r, key, len, now);
	sk_ms wait = s == NULL ? 0 : until_one(r, s);

	if (s != NULL && wait == 0)
		s->level -= MINUTE;
	return wait;
}

sk_ms sk_rates_look(struct sk_rates *r, const void *key, size_t len, sk_ms now)
{
	return r == NULL ? 0 : until_one(r, slot_of(r, key, len, now));
}
