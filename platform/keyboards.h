/*
 * Keyboards that somebody vouched for, by device key and port: those attached when the policy began to ask, and those confirmed since. One per line, "DEVICE_KEY
 * PORT". And the keyboard that is built in, where there is one.
 */
#ifndef SK_PLATFORM_KEYBOARDS_H
#define SK_PLATFORM_KEYBOARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/hash.h"

#define SK_KEYBOARDS_PATH "/var/lib/sekimori/keyboards"
#define SK_KEYBOARDS_MAX  256

struct sk_keyboards {
	size_t n; /* when full the oldest goes */
	struct {
		char key[SK_SHA256_HEX], port[64];
	} list[SK_KEYBOARDS_MAX];
};

/* 0; -ENOENT: no file; -EINVAL: a line is wrong, and then nobody is vouched for; -errno. */
int sk_keyboards_load(const char *path, struct sk_keyboards *k);
int sk_keyboards_save(const char *path, const struct sk_keyboards *k);
bool sk_keyboards_has(const struct sk_keyboards *k, const char *key, const char *port);
void sk_keyboards_add(struct sk_keyboards *k, const char *key, const char *port);
/* 1 when this is a portable computer (by its firmware) and the kernel has a keyboard on the keyboard controller, else 0. (On other machines firmware
 * pretends to have one there, and counting it could leave nobody to confirm.) */
int sk_keyboards_built_in(const char *root);

#endif
