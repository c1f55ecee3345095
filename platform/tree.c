#include "platform/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct walk {
	int (*fn)(void *arg, const struct sk_tree_entry *e);
	void *arg;
	dev_t dev;
	unsigned long entries;
	char path[SK_TREE_PATH];
};

static int enter(struct walk *w, int fd, size_t len, int depth);

/* path holds the folder's own path up to len. */
static int visit(struct walk *w, int folder, const char *name, size_t len, int depth)
{
	struct sk_tree_entry e = {.folder = folder, .name = name, .path = w->path};
	int n, fd;

	if (++w->entries > SK_TREE_ENTRIES)
		return -E2BIG;
	if (fstatat(folder, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	n = snprintf(w->path + len, sizeof(w->path) - len, "%s%s", len > 0 ? "/" : "", name);
	len = n < 0 || (size_t)n >= sizeof(w->path) - len ? sizeof(w->path) - 1 : len + (size_t)n;
	if (!S_ISDIR(e.st.st_mode))
		return w->fn(w->arg, &e);
	if (depth >= SK_TREE_DEPTH || len >= sizeof(w->path) - 1)
		return -E2BIG;
	if (e.st.st_dev != w->dev)
		return 0;
	fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : enter(w, fd, len, depth + 1);
}

/* Closes fd. */
static int enter(struct walk *w, int fd, size_t len, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *e = NULL;
	int r = 0;

	if (d == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		e = readdir(d);
		if (e == NULL) {
			r = -errno;
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = visit(w, dirfd(d), e->d_name, len, depth);
		w->path[len] = '\0';
	}
	(void)closedir(d);
	return r;
}

int sk_tree_walk(int root, int (*fn)(void *arg, const struct sk_tree_entry *e), void *arg)
{
	struct walk *w;
	struct stat st;
	int fd, r;

	if (fstat(root, &st) < 0)
		return -errno;
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	w->fn = fn;
	w->arg = arg;
	w->dev = st.st_dev;
	r = enter(w, fd, 0, 0);
	free(w);
	return r;
}

int sk_tree_open(const struct sk_tree_entry *e)
{
	struct stat st;
	int fd = openat(e->folder, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_dev != e->st.st_dev || st.st_ino != e->st.st_ino) {
		(void)close(fd);
		return -ESTALE;
	}
	return fd;
}
