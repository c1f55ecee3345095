/* See homes.h. A program: an ELF file that may be executed; an AppImage: the same with its mark, executable or not; a script: "#!" and executable. */
#include "platform/homes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/text.h"
#include "platform/etc.h"

#define DEPTH_MAX   48
#define ENTRIES_MAX 400000
#define HOMES_MAX   256
#define PATH_LEN    4096
#define LEFT_OUT    20

struct mount {
	char *point; /* owned */
	bool server; /* it may not answer */
};

struct walk {
	struct sk_homes *h;
	struct mount *mounts; /* sorted by point */
	size_t n_mounts;
	sk_ms deadline;
	unsigned long entries;
	const char *why; /* the first reason something was left out of this home */
	dev_t dev;
	char path[PATH_LEN];
};

/* Local file systems answer; one of a server, or of a person's own program, may not. */
static bool is_server(const char *type)
{
	static const char *const types[] = {"nfs", "nfs4", "cifs", "smb3", "autofs", "9p", "afs", "ceph", "virtiofs"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return strncmp(type, "fuse", 4) == 0;
}

/* \040 and the like, as the kernel writes blanks, in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static int by_point(const void *a, const void *b)
{
	return strcmp(((const struct mount *)a)->point, ((const struct mount *)b)->point);
}

static int read_mounts(struct walk *w)
{
	char path[512], point[PATH_LEN], type[64], *save = NULL;
	struct sk_buf raw;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", w->h->root);
	sk_buf_init(&raw, 4 * 1024 * 1024);
	int r = sk_file_read(path, &raw, NULL);
	for (char *line = r == 0 ? strtok_r(raw.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		const char *dash = strstr(line, " - ");
		struct mount *bigger = realloc(w->mounts, (w->n_mounts + 1) * sizeof(*bigger));
		if (!bigger) {
			r = -ENOMEM;
			break;
		}
		w->mounts = bigger;
		if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 || sscanf(dash + 3, "%63s", type) != 1)
			continue;
		unescape(point);
		if ((w->mounts[w->n_mounts].point = strdup(point)))
			w->mounts[w->n_mounts++].server = is_server(type);
	}
	sk_buf_deinit(&raw);
	if (w->n_mounts > 0)
		qsort(w->mounts, w->n_mounts, sizeof(*w->mounts), by_point);
	return r;
}

static bool is_mount(const struct walk *w, const char *path)
{
	struct mount key = {.point = (char *)(uintptr_t)path};

	return w->n_mounts > 0 && bsearch(&key, w->mounts, w->n_mounts, sizeof(key), by_point) != NULL;
}

/* Does the longest mount point over this path belong to a server? */
static bool on_a_server(const struct walk *w, const char *path)
{
	size_t best = 0;
	bool server = false;

	for (size_t i = 0; i < w->n_mounts; i++) {
		const char *point = w->mounts[i].point;
		size_t n = strcmp(point, "/") == 0 ? 0 : strlen(point);
		if (strncmp(path, point, n) == 0 && (path[n] == '/' || path[n] == '\0') && n >= best) {
			best = n;
			server = w->mounts[i].server;
		}
	}
	return server;
}

static void left_out(struct walk *w, const char *why)
{
	if (!w->why)
		w->why = why;
}

static bool over(struct walk *w)
{
	if (++w->entries > ENTRIES_MAX)
		left_out(w, "too many files");
	else if (w->entries % 64 == 0 && sk_clock_boot() > w->deadline)
		left_out(w, "it took too long");
	else
		return false;
	return true;
}

static void look(struct walk *w, int dir, const char *name)
{
	unsigned char head[12] = {0};
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 || !S_ISREG(st.st_mode))
		return;
	w->h->files++;
	bool may_run = (st.st_mode & 0111) != 0;
	size_t len = strlen(name);
	if (st.st_size < 12 || (!may_run && (len < 9 || strcasecmp(name + len - 9, ".appimage") != 0)))
		return;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	bool same = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read(fd, head, sizeof(head)) == sizeof(head);
	close(fd);
	if (same && memcmp(head, "\177ELF", 4) == 0)
		w->h->found(w->h->ctx, memcmp(head + 8, "AI", 2) == 0 ? SK_HOME_APPIMAGE : SK_HOME_PROGRAM, w->path);
	else if (same && head[0] == '#' && head[1] == '!')
		w->h->found(w->h->ctx, SK_HOME_SCRIPT, w->path);
}

static void enter(struct walk *w, int fd, size_t len, int depth);

static void visit(struct walk *w, int dir, const struct dirent *e, size_t len, int depth)
{
	int n = snprintf(w->path + len, sizeof(w->path) - len, "/%s", e->d_name), type = e->d_type;
	struct stat st;

	if (n < 0 || (size_t)n >= sizeof(w->path) - len) {
		left_out(w, "a path is too long");
		return;
	}
	if (is_mount(w, w->path)) /* before anything asks the file system that is mounted there */
		return;
	if (type == DT_UNKNOWN)
		type = fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 ? IFTODT(st.st_mode)
		                                                                                : DT_FIFO;
	if (type == DT_REG)
		look(w, dir, e->d_name);
	if (type != DT_DIR)
		return;
	if (depth >= DEPTH_MAX) {
		left_out(w, "folders are too deep");
		return;
	}
	int fd = openat(dir, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		enter(w, fd, len + (size_t)n, depth + 1);
	else if (errno != ENOENT)
		left_out(w, "a folder cannot be read");
}

/* Closes fd. */
static void enter(struct walk *w, int fd, size_t len, int depth)
{
	struct stat st;
	DIR *d = fstat(fd, &st) == 0 && st.st_dev == w->dev ? fdopendir(fd) : NULL;

	if (!d) {
		close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d)) && !over(w);) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			visit(w, dirfd(d), e, len, depth);
		w->path[len] = '\0';
	}
	closedir(d);
}

static void tell_left_out(struct walk *w, const char *home)
{
	char line[300], shown[200];

	if (!w->why || json_array_size(w->h->left_out) >= LEFT_OUT)
		return;
	sk_text_escape(shown, sizeof(shown), home, strlen(home));
	snprintf(line, sizeof(line), "%s: %s", shown, w->why);
	json_array_append_new(w->h->left_out, json_string(line));
}

static void walk_home(struct walk *w, const char *home)
{
	char full[PATH_LEN];
	struct stat st;

	w->why = NULL;
	if (snprintf(full, sizeof(full), "%s%s", w->h->root, home) >= (int)sizeof(full))
		return;
	if (on_a_server(w, home)) {
		w->why = "it is on a server";
	} else {
		int fd = open(full, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			w->why = errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? NULL : "it cannot be read";
		} else if (fstat(fd, &st) == 0) {
			w->dev = st.st_dev;
			snprintf(w->path, sizeof(w->path), "%s", home);
			enter(w, fd, strlen(home), 0);
		} else {
			close(fd);
		}
	}
	tell_left_out(w, home);
}

/* Is it there already, or does it lie in one that is? */
static bool known(char **homes, size_t n, const char *home)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(homes[i]);
		if (strncmp(home, homes[i], len) == 0 && (home[len] == '/' || home[len] == '\0'))
			return true;
	}
	return false;
}

static size_t add_home(char **homes, size_t n, const char *home)
{
	if (home[0] != '/' || home[1] == '\0' || strstr(home, "/..") || strlen(home) > 400 || n >= HOMES_MAX ||
	    known(homes, n, home))
		return n;
	homes[n] = strdup(home);
	return n + (homes[n] != NULL);
}

static size_t list_homes(const struct walk *w, char **homes)
{
	char path[512], home[700];
	size_t n = 0;
	int why;

	char *text = sk_etc_read(w->h->root, "/etc/passwd", &why), *at = text;
	for (char *line; text && (line = strsep(&at, "\n"));) {
		char *f[7] = {NULL};
		size_t k = 0;
		unsigned long long uid;

		while (k < 7 && (f[k] = strsep(&line, ":")))
			k++;
		if (k >= 6 && sk_text_u64(f[2], 1000, 59999, &uid) == 0)
			n = add_home(homes, n, f[5]);
	}
	free(text);
	snprintf(path, sizeof(path), "%s/home", w->h->root);
	DIR *d = on_a_server(w, "/home") ? NULL : opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(home, sizeof(home), "/home/%s", e->d_name);
		if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
			n = add_home(homes, n, home);
	}
	if (d)
		closedir(d);
	return n;
}

int sk_homes_walk(struct sk_homes *h)
{
	struct walk *w = calloc(1, sizeof(*w));
	char *homes[HOMES_MAX];

	h->left_out = json_array();
	h->files = 0;
	if (!w || !h->left_out) {
		free(w);
		json_decref(h->left_out);
		h->left_out = NULL;
		return -ENOMEM;
	}
	w->h = h;
	w->deadline = sk_clock_boot() + (h->time_ms ? h->time_ms : 15000);
	bool readable = read_mounts(w) == 0;
	size_t n = readable ? list_homes(w, homes) : 0;
	for (size_t i = 0; i < n; i++) {
		walk_home(w, homes[i]);
		free(homes[i]);
	}
	if (!readable)
		json_array_append_new(h->left_out, json_string("mountinfo cannot be read"));
	for (size_t i = 0; i < w->n_mounts; i++)
		free(w->mounts[i].point);
	free(w->mounts);
	free(w);
	return 0;
}
