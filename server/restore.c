/* See restore.h. Each step is a rename or looks at what a rename left, so that doing it again changes nothing. */
#include "server/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/text.h"
#include "server/container_master.h"
#include "server/serve.h"

#define FOLDER "restore.new"
#define READY  "restore.ready"

const char *const sk_restore_keys[] = {"ca.key",   "ca.pem",    "server.key",      "server.pem", "sign.key",
                                       "sign.pub", "phone.key", SK_CONTAINER_FILE, NULL};

/* The log of the old ledger goes before the ledger does: beside the new one it would be played into it. */
static const char *const ledger[] = {SK_LEDGER_FILE "-wal", SK_LEDGER_FILE "-shm", SK_LEDGER_FILE, NULL};

static void path_of(char *out, size_t size, const char *dir, const char *sub, const char *name)
{
	snprintf(out, size, "%s/%s%s%s", dir, sub, sub[0] == '\0' ? "" : "/", name);
}

static bool exists(const char *dir, const char *sub, const char *name)
{
	char path[400];
	struct stat st;

	path_of(path, sizeof(path), dir, sub, name);
	return lstat(path, &st) == 0;
}

static int to_disk(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		r = -errno;
	close(fd);
	return r;
}

void sk_restore_abandon(const char *state_dir)
{
	char folder[400], path[700];
	const struct dirent *e;
	DIR *d;

	path_of(folder, sizeof(folder), state_dir, "", FOLDER);
	d = opendir(folder);
	while (d != NULL && (e = readdir(d)) != NULL) { /* also half-written files, whatever they are called */
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(folder);
}

int sk_restore_begin(const char *state_dir, char *new_ledger, size_t size, struct sk_err *err)
{
	char path[400];
	int r = sk_restore_finish(state_dir, err);

	if (r < 0)
		return r;
	sk_restore_abandon(state_dir);
	path_of(path, sizeof(path), state_dir, "", FOLDER);
	if (mkdir(path, 0700) != 0)
		return sk_err_set(err, -errno, "%s: cannot be made: %s", path, strerror(errno));
	path_of(new_ledger, size, state_dir, FOLDER, SK_LEDGER_FILE);
	return 0;
}

int sk_restore_files(const char *state_dir, const struct sk_store_file *files, size_t n, struct sk_err *err)
{
	uint8_t secret[SK_SEAL_KEY];
	char path[400];
	bool own = false;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *const *known = sk_restore_keys;

		while (*known != NULL && strcmp(*known, files[i].name) != 0)
			known++;
		if (*known == NULL)
			return sk_err_set(err, -EBADMSG, "the backup holds a file \"%s\" that is none of the server's",
			                  files[i].name);
		path_of(path, sizeof(path), state_dir, FOLDER, *known);
		r = sk_file_write(path, files[i].data, files[i].len, 0600, err);
		own = own || strcmp(*known, SK_CONTAINER_FILE) == 0;
	}
	/* A backup from before there was one: what its containers are sealed to goes with it, not what is here now. */
	path_of(path, sizeof(path), state_dir, FOLDER, "");
	if (r == 0 && !own)
		r = sk_container_master(path, secret, NULL, err);
	explicit_bzero(secret, sizeof(secret));
	return r;
}

int sk_restore_vacant(const char *state_dir, struct sk_err *err)
{
	const char *found = NULL;

	for (size_t i = 0; ledger[i] != NULL; i++)
		found = exists(state_dir, "", ledger[i]) ? ledger[i] : found;
	for (size_t i = 0; sk_restore_keys[i] != NULL; i++)
		found = exists(state_dir, "", sk_restore_keys[i]) ? sk_restore_keys[i] : found;
	if (found == NULL)
		return 0;
	return sk_err_set(
	    err, -EEXIST,
	    "%s/%s: exists; a restore goes into an empty folder (or add --force: the old files are kept beside)",
	    state_dir, found);
}

int sk_restore_commit(const char *state_dir, long long tag, struct sk_err *err)
{
	char path[400], text[32];
	int n = snprintf(text, sizeof(text), "%lld\n", tag), r;

	path_of(path, sizeof(path), state_dir, FOLDER, SK_LEDGER_FILE);
	r = to_disk(path);
	if (r == 0) {
		path_of(path, sizeof(path), state_dir, "", FOLDER);
		r = to_disk(path);
	}
	if (r < 0)
		return sk_err_set(err, r, "%s: cannot be brought to the disk: %s", path, strerror(-r));
	path_of(path, sizeof(path), state_dir, "", READY);
	return sk_file_write(path, text, (size_t)n, 0600, err);
}

bool sk_restore_pending(const char *state_dir)
{
	return exists(state_dir, "", READY);
}

static int move(const char *state_dir, const char *sub, const char *from, const char *to, struct sk_err *err)
{
	char old[400], new[400];

	path_of(old, sizeof(old), state_dir, sub, from);
	path_of(new, sizeof(new), state_dir, "", to);
	if (rename(old, new) != 0)
		return sk_err_set(err, -errno, "%s: cannot be moved to %s: %s", old, new, strerror(errno));
	return 0;
}

static int place(const char *state_dir, const char *name, const char *tag, struct sk_err *err)
{
	bool fresh = exists(state_dir, FOLDER, name);
	char aside[128];
	int r = 0;

	if (!fresh && (name[0] != 'l' || !exists(state_dir, FOLDER, SK_LEDGER_FILE)))
		return 0; /* done before; the ledger's log goes as long as the new ledger has not come */
	snprintf(aside, sizeof(aside), "%s.before-restore-%s", name, tag);
	if (exists(state_dir, "", name))
		r = move(state_dir, "", name, aside, err);
	if (r == 0 && fresh)
		r = move(state_dir, FOLDER, name, name, err);
	return r;
}

int sk_restore_finish(const char *state_dir, struct sk_err *err)
{
	char path[400], tag[32];
	struct sk_buf b;
	int r = 0;

	if (!sk_restore_pending(state_dir))
		return 0;
	path_of(path, sizeof(path), state_dir, "", READY);
	sk_buf_init(&b, 64);
	r = sk_file_read(path, &b, err);
	if (r == 0)
		sk_text_copy(tag, sizeof(tag), b.data);
	sk_buf_deinit(&b);
	if (r < 0)
		return r;
	tag[strspn(tag, "0123456789")] = '\0';
	for (size_t i = 0; ledger[i] != NULL && r == 0; i++)
		r = place(state_dir, ledger[i], tag, err);
	for (size_t i = 0; sk_restore_keys[i] != NULL && r == 0; i++)
		r = place(state_dir, sk_restore_keys[i], tag, err);
	if (r == 0)
		r = to_disk(state_dir);
	if (r < 0)
		return r;
	sk_restore_abandon(state_dir);
	if (unlink(path) != 0)
		return sk_err_set(err, -errno, "%s: cannot be deleted: %s", path, strerror(errno));
	to_disk(state_dir);
	return 1;
}
