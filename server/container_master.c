#include "server/container_master.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/key_file.h"
#include "server/phone_master.h"

static bool exists(const char *state_dir, const char *name)
{
	char path[400];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	return lstat(path, &st) == 0;
}

int sk_container_master(const char *state_dir, uint8_t out[SK_SEAL_KEY], struct sk_buf *made, struct sk_err *err)
{
	uint8_t phone[SK_PHONE_KEY], secret[SK_SEAL_KEY];
	char path[400];
	int r;

	snprintf(path, sizeof(path), "%s/" SK_CONTAINER_FILE, state_dir);
	if (exists(state_dir, SK_CONTAINER_FILE) || !exists(state_dir, SK_PHONE_FILE))
		return sk_key_file(path, NULL, out, made, err);
	r = sk_phone_master(state_dir, phone, NULL, err);
	if (r == 0) {
		sk_derive(phone, "containers", secret);
		r = sk_key_file(path, secret, out, made, err);
	}
	explicit_bzero(phone, sizeof(phone));
	explicit_bzero(secret, sizeof(secret));
	return r;
}
