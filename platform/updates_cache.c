/* One digest over stat(2) of files named below; one JSON object in the state folder. */
#include "platform/updates_cache.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/json.h"
#include "platform/inventory.h"

#define FILES_MAX  8192 /* in one folder */
#define ANSWER_MAX (64 * 1024)
#define NAME       SK_STATE_FOLDER "/updates.answer"

/* What apt-get reads to simulate an upgrade: folders with their files, and single files. Phased updates go by the machine's number. */
static const char *const folders[] = {
    "/var/lib/apt/lists",      "/etc/apt",
    "/etc/apt/sources.list.d", "/etc/apt/preferences.d",
    "/etc/apt/apt.conf.d",     "/etc/apt/auth.conf.d",
    "/etc/apt/trusted.gpg.d",  "/etc/apt/keyrings",
};
static const char *const files[] = {
    "/var/lib/dpkg/status", "/var/lib/dpkg/arch", "/var/lib/apt/extended_states", "/etc/machine-id", "/usr/bin/apt-get",
};

static void add_time(uint64_t v[2], const struct timespec *t)
{
	v[0] = (uint64_t)t->tv_sec;
	v[1] = (uint64_t)t->tv_nsec;
}

/* Behind a symlink lies what apt reads; where it points is in its text's own times, so both are taken. A folder's own times say nothing (a
 * lock, a fetch that failed). */
static void add_file(struct sk_digest *d, const char *path, const char *name)
{
	struct stat st[2] = {{0}, {0}};
	bool there = lstat(path, &st[0]) == 0;

	if (there && S_ISDIR(st[0].st_mode))
		return;
	sk_digest_add(d, name, strlen(name) + 1);
	if (there && S_ISLNK(st[0].st_mode) && stat(path, &st[1]) < 0)
		memset(&st[1], 0, sizeof(st[1]));
	for (size_t i = 0; i < 2; i++) {
		uint64_t v[8] = {st[i].st_dev, st[i].st_ino, (uint64_t)st[i].st_size, st[i].st_mode};
		add_time(v + 4, &st[i].st_mtim);
		add_time(v + 6, &st[i].st_ctim);
		sk_digest_add(d, v, sizeof(v));
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a folder, sorted: the order of readdir is the file system's affair. Number, or -E2BIG, -ENOMEM; 0 without a folder. */
static int names_of(const char *folder, char ***out)
{
	char **names = NULL;
	DIR *dir = opendir(folder);
	const struct dirent *e;
	size_t n = 0, cap = 0;
	int r = 0;

	*out = NULL;
	while (dir && r == 0 && (e = readdir(dir))) {
		if (n == cap) {
			char **more = reallocarray(names, cap + 64, sizeof(*names));
			names = more ? more : names;
			r = more ? 0 : -ENOMEM;
			cap += more ? 64 : 0;
		}
		if (r == 0 && n >= FILES_MAX)
			r = -E2BIG;
		if (r == 0 && !(names[n++] = strdup(e->d_name)))
			r = -ENOMEM;
	}
	if (dir)
		closedir(dir);
	if (n > 0 && r == 0)
		qsort(names, n, sizeof(*names), by_name);
	*out = names;
	for (size_t i = 0; r < 0 && i < n; i++)
		free(names[i]);
	if (r < 0) {
		free(names);
		*out = NULL;
	}
	return r < 0 ? r : (int)n;
}

static int add_folder(struct sk_digest *d, const char *root, const char *folder)
{
	char path[1400], **names;
	int n, r = 0;

	if (snprintf(path, sizeof(path), "%s%s", root, folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = names_of(path, &names);
	sk_digest_add(d, folder, strlen(folder) + 1);
	for (int i = 0; i < n; i++) {
		if (snprintf(path, sizeof(path), "%s%s/%s", root, folder, names[i]) < (int)sizeof(path))
			add_file(d, path, names[i]);
		else
			r = -ENAMETOOLONG;
		free(names[i]);
	}
	free(names);
	return n < 0 ? n : r;
}

int sk_updates_state(const char *root, char out[SK_SHA256_HEX])
{
	struct sk_digest *d = sk_digest_new();
	char path[1400];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(folders) / sizeof(*folders); i++)
		r = add_folder(d, root, folders[i]);
	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(*files); i++) {
		if (snprintf(path, sizeof(path), "%s%s", root, files[i]) >= (int)sizeof(path))
			r = -ENAMETOOLONG;
		else
			add_file(d, path, files[i]);
	}
	sk_digest_end(d, r == 0 ? out : NULL);
	return r;
}

static int path_of(const char *root, char *out, size_t size)
{
	return snprintf(out, size, "%s" NAME, root) < (int)size ? 0 : -ENAMETOOLONG;
}

json_t *sk_updates_cached(const char *root, const char *state, long long now_ms)
{
	const char *kept;
	json_t *o = NULL, *answer = NULL, *at;
	struct sk_buf b;
	char path[400];

	sk_buf_init(&b, ANSWER_MAX);
	if (path_of(root, path, sizeof(path)) == 0 && sk_file_read(path, &b, NULL) == 0 && b.len > 0 &&
	    sk_json_parse(b.data, b.len, ANSWER_MAX, &o, NULL) == 0) {
		kept = json_string_value(json_object_get(o, "state"));
		at = json_object_get(o, "at");
		long long age = now_ms - (long long)json_integer_value(at);
		if (kept && strcmp(kept, state) == 0 && json_is_integer(at) && age >= 0 && age <= SK_UPDATES_CACHE_MS &&
		    json_is_object(json_object_get(o, "answer")))
			answer = json_incref(json_object_get(o, "answer"));
	}
	json_decref(o);
	sk_buf_deinit(&b);
	return answer;
}

int sk_updates_keep(const char *root, const char *state, const json_t *answer, long long now_ms)
{
	json_t *o = json_pack("{s:s, s:I, s:O}", "state", state, "at", (json_int_t)now_ms, "answer", answer);
	char *text = o ? sk_json_text(o) : NULL, path[400];
	int r = text ? path_of(root, path, sizeof(path)) : -ENOMEM;

	if (r == 0 && strlen(text) > ANSWER_MAX)
		r = -E2BIG;
	if (r == 0)
		r = sk_file_write(path, text, strlen(text), 0600, NULL);
	free(text);
	json_decref(o);
	return r;
}
