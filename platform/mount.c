/* mountinfo: "36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue", octal escapes in paths. */
#include "platform/mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The next field between single blanks; NULL at the end. */
static const char *field(const char **p, size_t *len)
{
	const char *start = *p;

	if (*start == '\0')
		return NULL;
	*len = strcspn(start, " ");
	*p = start + *len + (start[*len] == ' ' ? 1 : 0);
	return start;
}

static int unescape(const char *s, size_t len, char *out, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		char c = s[i];

		if (c == '\\' && len - i >= 4 && strspn(s + i + 1, "01234567") >= 3) {
			c = (char)(((s[i + 1] - '0') << 6) | ((s[i + 2] - '0') << 3) | (s[i + 3] - '0'));
			i += 3;
		}
		if (n + 1 >= size || c == '\0')
			return -EINVAL;
		out[n++] = c;
	}
	out[n] = '\0';
	return 0;
}

static bool has_option(const char *s, size_t len, const char *word)
{
	size_t n = strlen(word), i = 0;

	while (i < len) {
		size_t part = 0;

		while (i + part < len && s[i + part] != ',')
			part++;
		if (part == n && memcmp(s + i, word, n) == 0)
			return true;
		i += part + 1;
	}
	return false;
}

static int parse_head(const char **p, struct sk_mount *m)
{
	const char *f, *dev, *path, *options;
	size_t n, dev_len, path_len, options_len;
	char number[32];

	f = field(p, &n);
	f = f != NULL ? field(p, &n) : NULL;
	dev = f != NULL ? field(p, &dev_len) : NULL;
	f = dev != NULL ? field(p, &n) : NULL;
	path = f != NULL ? field(p, &path_len) : NULL;
	options = path != NULL ? field(p, &options_len) : NULL;
	if (options == NULL || dev_len >= sizeof(number))
		return -EINVAL;
	(void)memcpy(number, dev, dev_len);
	number[dev_len] = '\0';
	if (sscanf(number, "%u:%u", &m->major, &m->minor) != 2)
		return -EINVAL;
	m->ro = has_option(options, options_len, "ro");
	m->nodev = has_option(options, options_len, "nodev");
	m->nosuid = has_option(options, options_len, "nosuid");
	m->noexec = has_option(options, options_len, "noexec");
	return unescape(path, path_len, m->path, sizeof(m->path));
}

int sk_mount_parse(const char *line, struct sk_mount *out)
{
	struct sk_mount m;
	const char *p = line, *f;
	size_t n;
	int r;

	(void)memset(&m, 0, sizeof(m));
	r = parse_head(&p, &m);
	if (r < 0)
		return r;
	do
		f = field(&p, &n); /* optional fields end with a lone "-" */
	while (f != NULL && !(n == 1 && *f == '-'));
	f = f != NULL ? field(&p, &n) : NULL;
	if (f == NULL || unescape(f, n, m.fstype, sizeof(m.fstype)) < 0)
		return -EINVAL;
	f = field(&p, &n);
	if (f == NULL)
		return -EINVAL;
	if (unescape(f, n, m.source, sizeof(m.source)) < 0)
		m.source[0] = '\0';
	f = field(&p, &n);
	if (f == NULL)
		return -EINVAL;
	m.super_ro = has_option(f, n, "ro");
	*out = m;
	return 0;
}

int sk_mount_each(const char *table, int (*fn)(void *arg, const struct sk_mount *m), void *arg)
{
	struct sk_mount m;
	size_t size = 0;
	char *line = NULL;
	ssize_t n;
	int r = 0;
	FILE *f = fopen(table != NULL ? table : "/proc/1/mountinfo", "re");

	if (f == NULL && table == NULL)
		f = fopen("/proc/self/mountinfo", "re");
	if (f == NULL)
		return -errno;
	while (r == 0 && (n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (sk_mount_parse(line, &m) == 0)
			r = fn(arg, &m);
	}
	free(line);
	(void)fclose(f);
	return r;
}

struct find {
	unsigned major, minor;
	struct sk_mount *out;
	size_t max, n;
};

static int take(void *arg, const struct sk_mount *m)
{
	struct find *f = arg;

	if (m->major != f->major || m->minor != f->minor)
		return 0;
	if (f->n < f->max)
		f->out[f->n] = *m;
	f->n++;
	return 0;
}

int sk_mount_of(unsigned major, unsigned minor, struct sk_mount *out, size_t max)
{
	struct find f = {major, minor, out, max, 0};
	int r = sk_mount_each(NULL, take, &f);

	return r < 0 ? r : (int)f.n;
}
