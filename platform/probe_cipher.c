/*
 * The cipher of an active mapping, from the kernel's own table by the device-mapper ioctl: a header can name one cipher while another, or none,
 * is at work. A mapping of several parts is as good as its weakest; a part that is no crypt target encrypts nothing.
 */
#include "platform/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"

#define DM_BYTES 16384

/* "/dev/mapper/control" answers into d (DM_BYTES). */
static int table_of(const char *name, struct dm_ioctl *d)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	d->version[0] = DM_VERSION_MAJOR;
	d->data_size = DM_BYTES;
	d->data_start = sizeof(*d);
	d->flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG;
	sk_text_copy(d->name, sizeof(d->name), name);
	if (ioctl(fd, DM_TABLE_STATUS, d) < 0)
		r = -errno;
	(void)close(fd);
	((char *)d)[DM_BYTES - 1] = '\0';
	return r == 0 && (d->flags & DM_BUFFER_FULL_FLAG) ? -EOVERFLOW : r;
}

int sk_cipher_table(const char *params, char *cipher, int size, int *key_bits)
{
	char name[64], key[1100];
	unsigned bytes;
	int n = 0;

	if (sscanf(params, "%63s %1099s%n", name, key, &n) != 2 || n == 0)
		return -EINVAL;
	if (key[0] == ':') { /* :SIZE:TYPE:NAME, a key of the kernel's keyring */
		if (sscanf(key, ":%5u:", &bytes) != 1)
			return -EINVAL;
		*key_bits = (int)bytes * 8;
	} else {
		*key_bits = strcmp(key, "-") == 0 ? 0 : (int)strlen(key) * 4;
	}
	/* crypt without a key is the null cipher, whatever it is called. */
	sk_text_copy(cipher, (size_t)size, *key_bits == 0 ? "cipher_null" : name);
	explicit_bzero(key, sizeof(key));
	return 0;
}

static int weakest(const struct dm_ioctl *d, char *cipher, int size, int *key_bits)
{
	const char *base = (const char *)d, *end = base + DM_BYTES;
	const char *at = base + d->data_start;
	int r = d->target_count > 0 ? 0 : -ENODATA;

	for (unsigned i = 0; r == 0 && i < d->target_count; i++) {
		struct dm_target_spec t;
		char name[128];
		int bits;

		if (d->data_start > DM_BYTES || at > end - sizeof(t))
			return -EINVAL;
		memcpy(&t, at, sizeof(t));
		if (strncmp(t.target_type, "crypt", sizeof(t.target_type)) != 0)
			return -EUCLEAN;
		r = sk_cipher_table(at + sizeof(t), name, sizeof(name), &bits);
		if (r == 0 && (i == 0 || bits < *key_bits)) {
			sk_text_copy(cipher, (size_t)size, name);
			*key_bits = bits;
		}
		if (t.next > DM_BYTES)
			return -EINVAL;
		at = base + d->data_start + t.next;
	}
	return r;
}

int sk_cipher_kernel(const char *dm_name, char *cipher, int size, int *key_bits)
{
	struct dm_ioctl *d = calloc(1, DM_BYTES);
	int r;

	if (!d)
		return -ENOMEM;
	r = table_of(dm_name, d);
	if (r == 0)
		r = weakest(d, cipher, size, key_bits);
	explicit_bzero(d, DM_BYTES); /* a table may hold the key itself */
	free(d);
	return r;
}
