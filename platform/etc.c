/* See etc.h. */
#include "platform/etc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"
#include "common/text.h"

char *sk_etc_read(const char *root, const char *path, int *why)
{
	char full[512];
	struct sk_buf b;
	int r;

	if (snprintf(full, sizeof(full), "%s%s", root, path) >= (int)sizeof(full)) {
		*why = -ENAMETOOLONG;
		return NULL;
	}
	sk_buf_init(&b, SK_ETC_MAX);
	r = sk_file_read(full, &b, NULL);
	if (r == 0 && memchr(b.data, '\0', b.len))
		r = -EINVAL;
	*why = r;
	if (r == 0)
		return sk_buf_steal(&b);
	sk_buf_deinit(&b);
	return NULL;
}

char *sk_etc_line(char **at)
{
	while (**at) {
		char *line = *at, *end = line;

		for (;;) { /* joined lines become one */
			end += strcspn(end, "\n");
			if (*end != '\n' || end == line || end[-1] != '\\')
				break;
			end[-1] = ' ';
			*end = ' ';
		}
		*at = *end ? end + 1 : end;
		*end = '\0';
		line[strcspn(line, "#")] = '\0';
		sk_text_trim(line);
		if (*line)
			return line;
	}
	return NULL;
}

bool sk_etc_value(const char *root, const char *path, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);
	bool found = false;
	int why;
	char *text = sk_etc_read(root, path, &why), *at = text;

	for (char *line; text && (line = sk_etc_line(&at));) {
		const char *value = line + n;

		if (strncasecmp(line, key, n) != 0 || !strchr(" \t=", *value))
			continue;
		value += strspn(value, " \t");
		value += *value == '=';
		value += strspn(value, " \t");
		sk_text_escape(out, size, value, strlen(value));
		found = true;
	}
	free(text);
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *sk_etc_names(const char *root, const char *folder, const char *ending)
{
	char full[512], *names[1000];
	json_t *out = json_array();
	size_t n = 0, tail = strlen(ending);

	snprintf(full, sizeof(full), "%s%s", root, folder);
	DIR *dir = opendir(full);
	for (struct dirent *e; dir && n < 1000 && (e = readdir(dir));) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || len < tail || strcmp(e->d_name + len - tail, ending) != 0 ||
		    !sk_text_is_utf8(e->d_name, len))
			continue;
		if ((names[n] = strdup(e->d_name)))
			n++;
	}
	if (dir)
		closedir(dir);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(out, json_string(names[i]));
		free(names[i]);
	}
	return out;
}
