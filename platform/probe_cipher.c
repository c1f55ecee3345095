/* The cipher of an active mapping, by libcryptsetup: the kernel's table, not the header's label. */
#include "platform/probe.h"

#include <libcryptsetup.h>
#include <stdarg.h>
#include <stdio.h>

static void silent(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

int sk_cipher_libcryptsetup(const char *dm_name, char *cipher, int size, int *key_bits)
{
	struct crypt_device *cd = NULL;
	struct crypt_active_device active;

	crypt_set_log_callback(NULL, silent, NULL);
	int r = crypt_init_by_name(&cd, dm_name);
	if (r < 0)
		return r;
	r = crypt_get_active_device(cd, dm_name, &active);
	if (r == 0) {
		const char *name = crypt_get_cipher(cd), *mode = crypt_get_cipher_mode(cd);
		if (name)
			snprintf(cipher, (size_t)size, "%s-%s", name, mode ? mode : "");
		else
			r = -1;
		*key_bits = crypt_get_volume_key_size(cd) * 8;
	}
	crypt_free(cd);
	return r;
}
