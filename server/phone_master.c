/* 64 hexadecimal digits and a line end. */
#include "server/phone_master.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"

static int make(const char *path, uint8_t out[SK_PHONE_KEY], struct sk_buf *made, struct sk_err *err)
{
	char text[2 * SK_PHONE_KEY + 2];
	int r = sk_random(out, SK_PHONE_KEY);

	if (r < 0)
		return sk_err_set(err, r, "%s: no random numbers", path);
	sk_hex(out, SK_PHONE_KEY, text);
	text[2 * SK_PHONE_KEY] = '\n';
	r = sk_file_write(path, text, 2 * SK_PHONE_KEY + 1, 0600, err);
	explicit_bzero(text, sizeof(text));
	if (r == 0 && made != NULL)
		sk_buf_addf(made, "%s\n", path);
	return r;
}

int sk_phone_master(const char *state_dir, uint8_t out[SK_PHONE_KEY], struct sk_buf *made, struct sk_err *err)
{
	char path[400];
	struct sk_buf b;
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s/" SK_PHONE_FILE, state_dir);
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? make(path, out, made, err)
		                       : sk_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if ((st.st_mode & 077) != 0)
		return sk_err_set(err, -EPERM, "%s: others may read it; run chmod 600 on it and ask why it was so",
		                  path);
	sk_buf_init(&b, 200);
	r = sk_file_read(path, &b, err);
	if (r == 0) {
		char *end = strchr(b.data, '\n');

		if (end != NULL)
			*end = '\0';
		r = sk_unhex(b.data, out, SK_PHONE_KEY);
		if (r < 0)
			r = sk_err_set(err, r, "%s: no key of 64 hexadecimal digits; restore it from a backup", path);
	}
	explicit_bzero(b.data, b.len);
	sk_buf_deinit(&b);
	return r;
}
