/*
 * What apt answered, kept with the state of everything it answered from. Simulating an upgrade costs apt some 80 MB and seconds; as long as its
 * lists, dpkg's list and its settings are the same files as then, so is the answer. The state is the size, number and times of each file (the
 * time of change cannot be set by hand), not their contents. An answer counts for a day at most: settings can send apt elsewhere.
 */
#ifndef SK_PLATFORM_UPDATES_CACHE_H
#define SK_PLATFORM_UPDATES_CACHE_H

#include <jansson.h>
#include "common/hash.h"

#define SK_UPDATES_CACHE_MS 86400000LL

/* The state now, in hexadecimal. 0, or -E2BIG (more files than are looked at: nothing is kept then), -ENAMETOOLONG. */
int sk_updates_state(const char *root, char out[SK_SHA256_HEX]);
/* The answer kept for exactly this state, as a new reference, not older than SK_UPDATES_CACHE_MS and not from the future; else NULL. */
json_t *sk_updates_cached(const char *root, const char *state, long long now_ms);
/* Keeps an answer (borrowed), 0600. 0 or -errno: then it is asked anew the next time. */
int sk_updates_keep(const char *root, const char *state, const json_t *answer, long long now_ms);

#endif
