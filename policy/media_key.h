/*
 * The media key: what is on a medium, as far as formatting changes it and use does not. Pure; the facts are read by a process of its own
 * (platform/volume.h). It tells sticks with equal serials apart and shows that one was formatted anew. It proves nothing against somebody
 * who copies the medium bit by bit.
 */
#ifndef SK_POLICY_MEDIA_KEY_H
#define SK_POLICY_MEDIA_KEY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"

#define SK_VOLUMES_MAX 32

struct sk_volumes {
	uint64_t bytes; /* of the whole medium */
	size_t n;
	struct sk_volume_fact {
		uint64_t start, bytes; /* one without a partition table: 0 and the whole */
		char type[32]; /* blkid's word: "vfat" "crypto_LUKS" ...; "" = none known */
		char uuid[64]; /* "" = it has none */
	} of[SK_VOLUMES_MAX]; /* in any order */
};

/* SHA-256 over size and volumes, by their place on the medium. 0; -ENODATA: nothing on it has an identity; -EINVAL: too many volumes. */
int sk_media_key(const struct sk_volumes *v, char out[SK_SHA256_HEX]);

/* {"bytes":N,"volumes":[{"start","bytes","type","uuid"}]}, as sekimori-mount answers. 0 or -EINVAL. */
int sk_volumes_parse(const json_t *j, struct sk_volumes *out, struct sk_err *err);
json_t *sk_volumes_json(const struct sk_volumes *v); /* new reference */

#endif
