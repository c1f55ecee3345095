/*
 * The machine's own disks on the buses of platform/bus.h: learned at install (sekimori-early --learn-disks > /etc/sekimori/disks.conf) and, for those
 * in use at the agent's first start, for this boot (/run/sekimori/disks). They are never shut, set read-only or mounted. One per line,
 * "disk BUS IDENTITY", the identity escaped and to the end of the line; lines that begin with # are comments. Any other line makes the whole file
 * worthless. C library only.
 */
#ifndef SK_PLATFORM_DISKS_H
#define SK_PLATFORM_DISKS_H

#include <stdio.h>

#include "platform/bus.h"

#define SK_DISKS_CONF "/etc/sekimori/disks.conf"
#define SK_DISKS_RUN  "/run/sekimori/disks"
#define SK_DISKS_MAX  256

struct sk_disks {
	size_t n;
	struct {
		char bus[SK_BUS_WORD], ident[SK_BUS_TEXT];
	} list[SK_DISKS_MAX];
};

/* Adds what the file has. 0; -ENOENT: no file; -EINVAL: a line is wrong or there are too many; -errno. Untouched on failure. */
int sk_disks_load(const char *path, struct sk_disks *d);
bool sk_disks_has(const struct sk_disks *d, const char *bus, const char *ident);
int sk_disks_add(struct sk_disks *d, const struct sk_bus_ident *id); /* -ENOSPC */
int sk_disks_save(const char *path, const struct sk_disks *d); /* whole or not at all */
/* Every disk of the running machine that does not lie behind a port that leads out of it, and docks that are authorised now. */
int sk_disks_learn(const char *root, struct sk_disks *d);
void sk_disks_print(FILE *out, const struct sk_disks *d);

#endif
