#include "server/key_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"

static int make(const char *path, const uint8_t *bytes, uint8_t out[SK_KEY_FILE], struct sk_buf *made,
                struct sk_err *err)
{
	char text[2 * SK_KEY_FILE + 2];
	int r = 0;

	if (bytes != NULL)
		(void)memcpy(out, bytes, SK_KEY_FILE);
	else
		r = sk_random(out, SK_KEY_FILE);
	if (r < 0)
		return sk_err_set(err, r, "%s: no random numbers", path);
	sk_hex(out, SK_KEY_FILE, text);
	text[2 * SK_KEY_FILE] = '\n';
	r = sk_file_write(path, text, 2 * SK_KEY_FILE + 1, 0600, err);
	explicit_bzero(text, sizeof(text));
	if (r == 0 && made != NULL)
		sk_buf_addf(made, "%s\n", path);
	return r;
}

int sk_key_file(const char *path, const uint8_t *bytes, uint8_t out[SK_KEY_FILE], struct sk_buf *made,
                struct sk_err *err)
{
	struct sk_buf b;
	struct stat st;
	int r;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? make(path, bytes, out, made, err)
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
		r = sk_unhex(b.data, out, SK_KEY_FILE);
		if (r < 0)
			r = sk_err_set(err, r, "%s: no key of 64 hexadecimal digits; restore it from a backup", path);
	}
	explicit_bzero(b.data, b.len);
	sk_buf_deinit(&b);
	return r;
}
