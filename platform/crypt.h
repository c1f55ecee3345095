/*
 * Encrypted containers on media (LUKS, BitLocker): opened, closed, made. The header is the medium's own word and libcryptsetup is large, so
 * this is called in sekimori-crypt only, a process of its own without network and with the one capability device-mapper asks for. What
 * counts as open is the kernel's table of the mapping, never the header.
 */
#ifndef SK_PLATFORM_CRYPT_H
#define SK_PLATFORM_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SK_CRYPT_KEY_MAX 512 /* bytes of a key or passphrase */
#define SK_CRYPT_NAME    64 /* of a mapping */
#define SK_CRYPT_PREFIX  "sekimori-" /* of every mapping made here */

struct
    sk_crypt_node { /* where the container is; both must agree, so that no other device that came to the name is opened */
	const char *path; /* /dev/... */
	unsigned major, minor;
};

struct sk_crypt_mapping {
	char node[32]; /* /dev/dm-N */
	unsigned major, minor;
	char dm_uuid[160]; /* CRYPT-LUKS2-..., as the kernel has it */
	char cipher[64]; /* of the kernel's table: aes-xts-plain64 */
	bool ro;
};

/* a mapping's name: SK_CRYPT_PREFIX and up to 40 of [a-z0-9-]. */
bool sk_crypt_is_name(const char *name);

/* Opens a LUKS or BitLocker container with key (a passphrase or a key's bytes). The mapping is looked at in the kernel before it counts: one
 * target over the whole, on that very device, with a real cipher, read-only where that was asked; else it is closed again.
 * 0, -EINVAL not a name, -ENODEV another device, -EMEDIUMTYPE no such container, -EKEYREJECTED wrong key, -EUCLEAN no real encryption
 * (cipher_null), -EEXIST the name is taken, other -errno. */
int sk_crypt_open(const struct sk_crypt_node *at, const char *name, bool ro, const void *key, size_t len,
                  struct sk_crypt_mapping *out);
/* Closes it; one still in use goes when its last user lets go. 0 also when it is not there. */
int sk_crypt_close(const char *name);
/* What the kernel says of a mapping. at NULL: whatever it lies on. As the checks of sk_crypt_open; -ENXIO: there is none of that name. */
int sk_crypt_look(const char *name, const struct sk_crypt_node *at, struct sk_crypt_mapping *out);

/* Makes a LUKS2 container with one key, everything on the device is lost. A key of 32 random bytes needs no slow derivation: PBKDF2 with
 * the least rounds the format allows. uuid: out, 37 bytes. 0, -ENOSPC: smaller than 24 MiB, other -errno. */
int sk_crypt_format(const struct sk_crypt_node *at, const char *label, const void *key, size_t len, char uuid[37]);
/* Adds a passphrase of somebody else's, opened by key. 0, or as sk_crypt_open. */
int sk_crypt_add(const struct sk_crypt_node *at, const void *key, size_t len, const char *passphrase, size_t plen);

/* Destroys every key slot of a LUKS container, for a terminal that is lost: nothing opens it any more. What is open stays open until the machine
 * is off. 0 when no slot is left; -EMEDIUMTYPE no LUKS, other -errno. */
int sk_crypt_erase(const struct sk_crypt_node *at);

/* For this file's test: "aes-xts-plain64 :64:logon:x 0 8:1 32768" -> cipher and device. 0; -EUCLEAN no real cipher; -EINVAL. */
int sk_crypt_table(const char *params, char *cipher, size_t size, unsigned *major, unsigned *minor);

#endif
