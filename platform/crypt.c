/*
 * libcryptsetup reads the header and sets the mapping up; the device-mapper ioctl says what came of it. Both are needed: a header can name
 * a cipher that encrypts nothing, and a mapping of the right name can be somebody else's.
 */
#include "platform/crypt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/text.h"

#define DM_BYTES    16384
#define END_BYTES   ((uint64_t)1 << 20)
#define LEAST_BYTES ((uint64_t)24 << 20) /* the header takes 16 MiB of it */

static void silent(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

bool sk_crypt_is_name(const char *name)
{
	size_t skip = strlen(SK_CRYPT_PREFIX), len = strlen(name);

	if (len <= skip || len > skip + 40 || strncmp(name, SK_CRYPT_PREFIX, skip) != 0)
		return false;
	for (size_t i = skip; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '-')
			return false;
	return true;
}

static int is_device(const struct sk_crypt_node *at)
{
	struct stat st;

	if (strncmp(at->path, "/dev/", 5) != 0 || strstr(at->path, "..") != NULL)
		return -EINVAL;
	if (lstat(at->path, &st) < 0)
		return -errno;
	return S_ISBLK(st.st_mode) && st.st_rdev == makedev(at->major, at->minor) ? 0 : -ENODEV;
}

static bool is_null(const char *cipher)
{
	return cipher == NULL || strstr(cipher, "null") != NULL || cipher[0] == '\0' || cipher[0] == '-';
}

/* ---- the kernel's word ---- */

int sk_crypt_table(const char *params, char *cipher, size_t size, unsigned *major, unsigned *minor)
{
	char name[64], key[256], dev[32];
	unsigned ma, mi;
	int end = 0;

	if (sscanf(params, "%63s %255s %*s %31s", name, key, dev) != 3)
		return -EINVAL;
	if (sscanf(dev, "%4u:%7u%n", &ma, &mi, &end) != 2 || dev[end] != '\0')
		return -EINVAL;
	if (is_null(name) || strcmp(key, "-") == 0)
		return -EUCLEAN;
	sk_text_copy(cipher, size, name);
	*major = ma;
	*minor = mi;
	return 0;
}

static int dm_status(const char *name, struct dm_ioctl *d)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	(void)memset(d, 0, DM_BYTES);
	d->version[0] = DM_VERSION_MAJOR;
	d->data_size = DM_BYTES;
	d->data_start = sizeof(*d);
	d->flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG;
	sk_text_copy(d->name, sizeof(d->name), name);
	if (ioctl(fd, DM_TABLE_STATUS, d) < 0)
		r = -errno;
	(void)close(fd);
	if (r == 0 && (d->flags & DM_BUFFER_FULL_FLAG))
		r = -EOVERFLOW;
	return r;
}

static int take_mapping(struct dm_ioctl *d, const struct sk_crypt_node *at, struct sk_crypt_mapping *out)
{
	const struct dm_target_spec *t = (const struct dm_target_spec *)((const char *)d + d->data_start);
	struct sk_crypt_mapping m;
	unsigned ma = 0, mi = 0;
	int r;

	((char *)d)[DM_BYTES - 1] = '\0';
	if (d->target_count != 1 || strncmp(t->target_type, "crypt", sizeof(t->target_type)) != 0 ||
	    strncmp(d->uuid, "CRYPT-", 6) != 0)
		return -EUCLEAN;
	(void)memset(&m, 0, sizeof(m));
	r = sk_crypt_table((const char *)(t + 1), m.cipher, sizeof(m.cipher), &ma, &mi);
	if (r < 0)
		return r;
	if (at != NULL && (ma != at->major || mi != at->minor))
		return -ENODEV;
	m.major = major(d->dev);
	m.minor = minor(d->dev);
	m.ro = (d->flags & DM_READONLY_FLAG) != 0;
	sk_text_copy(m.dm_uuid, sizeof(m.dm_uuid), d->uuid);
	(void)snprintf(m.node, sizeof(m.node), "/dev/dm-%u", m.minor);
	*out = m;
	return 0;
}

int sk_crypt_look(const char *name, const struct sk_crypt_node *at, struct sk_crypt_mapping *out)
{
	struct dm_ioctl *d;
	int r;

	if (!sk_crypt_is_name(name))
		return -EINVAL;
	d = calloc(1, DM_BYTES);
	if (d == NULL)
		return -ENOMEM;
	r = dm_status(name, d);
	if (r == 0)
		r = take_mapping(d, at, out);
	explicit_bzero(d, DM_BYTES); /* of a mapping of somebody else's the table may hold the key itself */
	free(d);
	return r;
}

/* ---- opening and closing ---- */

static int load(const struct sk_crypt_node *at, const char *type, struct crypt_device **out)
{
	struct crypt_device *cd = NULL;
	int r = is_device(at);

	crypt_set_log_callback(NULL, silent, NULL);
	if (r == 0)
		r = crypt_init(&cd, at->path);
	if (r < 0)
		return r;
	r = crypt_load(cd, type, NULL);
	if (r < 0 && type == NULL)
		r = crypt_load(cd, CRYPT_BITLK, NULL);
	if (r == 0 && is_null(crypt_get_cipher(cd)))
		r = -EUCLEAN;
	else if (r < 0)
		r = -EMEDIUMTYPE;
	if (r < 0)
		crypt_free(cd);
	else
		*out = cd;
	return r;
}

int sk_crypt_open(const struct sk_crypt_node *at, const char *name, bool ro, const void *key, size_t len,
                  struct sk_crypt_mapping *out)
{
	/* Private: no other program of the system takes it for a disk of its own. */
	uint32_t flags = CRYPT_ACTIVATE_PRIVATE | (ro ? CRYPT_ACTIVATE_READONLY : 0);
	struct crypt_device *cd = NULL;
	struct sk_crypt_mapping m;
	int r = sk_crypt_is_name(name) && len > 0 && len <= SK_CRYPT_KEY_MAX ? 0 : -EINVAL;

	if (r == 0)
		r = load(at, NULL, &cd);
	if (r < 0)
		return r;
	r = crypt_activate_by_passphrase(cd, name, CRYPT_ANY_SLOT, key, len, flags);
	crypt_free(cd); /* also takes its key out of the keyring */
	if (r < 0)
		return r == -EPERM || r == -ENOENT ? -EKEYREJECTED : r;
	r = sk_crypt_look(name, at, &m);
	if (r == 0 && ro && !m.ro)
		r = -EIO;
	if (r < 0)
		(void)sk_crypt_close(name);
	else
		*out = m;
	return r;
}

int sk_crypt_close(const char *name)
{
	int r;

	if (!sk_crypt_is_name(name))
		return -EINVAL;
	crypt_set_log_callback(NULL, silent, NULL);
	r = crypt_deactivate_by_name(NULL, name, CRYPT_DEACTIVATE_DEFERRED);
	return r == -ENODEV ? 0 : r;
}

/* ---- making ---- */

/* Signatures of other kinds stand at the end of a disk: the second partition table, arrays. What follows must find a container and nothing else. */
static int wipe_end(struct crypt_device *cd, const char *path)
{
	uint64_t bytes = 0, from;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = ioctl(fd, BLKGETSIZE64, &bytes) < 0 ? -errno : 0;
	(void)close(fd);
	if (r == 0 && bytes < LEAST_BYTES)
		r = -ENOSPC;
	if (r < 0)
		return r;
	from = (bytes - END_BYTES) / END_BYTES * END_BYTES;
	return crypt_wipe(cd, path, CRYPT_WIPE_ZERO, from, bytes - from, END_BYTES, 0, NULL, NULL);
}

int sk_crypt_format(const struct sk_crypt_node *at, const char *label, const void *key, size_t len, char uuid[37])
{
	struct crypt_pbkdf_type pbkdf = {.type = CRYPT_KDF_PBKDF2,
	                                 .hash = "sha256",
	                                 .iterations = 1000,
	                                 .flags = CRYPT_PBKDF_NO_BENCHMARK | CRYPT_PBKDF_ITER_TIME_SET};
	struct crypt_params_luks2 p = {.pbkdf = &pbkdf, .sector_size = 512, .label = label};
	struct crypt_device *cd = NULL;
	int r = len >= 32 && len <= SK_CRYPT_KEY_MAX ? is_device(at) : -EINVAL;

	crypt_set_log_callback(NULL, silent, NULL);
	if (r == 0)
		r = crypt_init(&cd, at->path);
	if (r < 0)
		return r;
	r = wipe_end(cd, at->path);
	if (r == 0)
		r = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", NULL, NULL, 64, &p);
	if (r == 0)
		r = crypt_keyslot_add_by_volume_key(cd, 0, NULL, 0, key, len);
	if (r >= 0 && crypt_get_uuid(cd) != NULL)
		sk_text_copy(uuid, 37, crypt_get_uuid(cd));
	crypt_free(cd);
	return r < 0 ? r : 0;
}

int sk_crypt_add(const struct sk_crypt_node *at, const void *key, size_t len, const char *passphrase, size_t plen)
{
	struct crypt_device *cd = NULL;
	int r = len > 0 && len <= SK_CRYPT_KEY_MAX && plen > 0 && plen <= SK_CRYPT_KEY_MAX ? 0 : -EINVAL;

	if (r == 0)
		r = load(at, CRYPT_LUKS2, &cd);
	if (r < 0)
		return r;
	/* The slots' derivation is measured on this machine, at most a second of it: the passphrase is random as well. */
	crypt_set_iteration_time(cd, 1000);
	r = crypt_keyslot_add_by_passphrase(cd, CRYPT_ANY_SLOT, key, len, passphrase, plen);
	crypt_free(cd);
	if (r == -EPERM)
		return -EKEYREJECTED;
	return r < 0 ? r : 0;
}

int sk_crypt_erase(const struct sk_crypt_node *at)
{
	struct crypt_device *cd = NULL;
	int r = load(at, CRYPT_LUKS, &cd), slots, failed = 0;

	if (r < 0)
		return r;
	slots = crypt_keyslot_max(crypt_get_type(cd));
	for (int i = 0; i < slots; i++) {
		crypt_keyslot_info state = crypt_keyslot_status(cd, i);

		if (state == CRYPT_SLOT_INACTIVE || state == CRYPT_SLOT_INVALID)
			continue;
		r = crypt_keyslot_destroy(cd, i);
		failed = r < 0 && failed == 0 ? r : failed;
	}
	for (int i = 0; failed == 0 && i < slots; i++)
		if (crypt_keyslot_status(cd, i) != CRYPT_SLOT_INACTIVE)
			failed = -EIO;
	crypt_free(cd);
	return failed;
}
