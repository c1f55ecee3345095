/*
 * P1 enforced, 5.1(1)キ and 5.1(1)カ: the desktop's mandatory settings (a dconf database of our own, locked, compiled by dconf) and a
 * read-only TMOUT for text sessions. A file that is right already is not written again, so that a run changes nothing twice.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "platform/probe.h"
#include "platform/run.h"
#include "platform/screen_files.h"

static const char locks[] = "/org/gnome/desktop/session/idle-delay\n"
                            "/org/gnome/desktop/screensaver/lock-enabled\n"
                            "/org/gnome/desktop/screensaver/lock-delay\n"
                            "/org/gnome/desktop/lockdown/disable-lock-screen\n";

/* Settings are there to be read by everybody: 5.1(1) holds for every person's session. 1 = the mode was wrong, 0 = right. */
static int readable(const char *path, mode_t mode)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) || (st.st_mode & mode) == mode)
		return 0;
	return chmod(path, (st.st_mode & 07777) | mode) < 0 ? -errno : 1;
}

/* 1 = written or made readable, 0 = was right, negative = failed. */
int sk_screen_put(const struct sk_screen_target *t, const char *path, const char *text, struct sk_err *err)
{
	const char *root = t->root;
	char full[PATH_MAX], folder[PATH_MAX];
	struct sk_buf now;

	snprintf(full, sizeof(full), "%s%s", root, path);
	sk_buf_init(&now, 65536);
	int r = sk_file_read(full, &now, NULL);
	bool same = r == 0 && strcmp(now.data, text) == 0;
	sk_buf_deinit(&now);
	snprintf(folder, sizeof(folder), "%s", full);
	*strrchr(folder, '/') = '\0';
	r = sk_mkdir_p(folder, 0755);
	if (r < 0)
		return sk_err_set(err, r, "%s: %s", folder, strerror(-r));
	if (!same)
		r = sk_file_write(full, text, strlen(text), 0644, err);
	if (r < 0)
		return r;
	/* Whatever the umask was, now or when it was first written. */
	int wrong = readable(full, 0644);
	while (wrong >= 0 && strlen(folder) > strlen(root) + strlen("/etc")) {
		r = readable(folder, 0755);
		wrong = r < 0 ? r : wrong | r;
		*strrchr(folder, '/') = '\0';
	}
	if (wrong < 0)
		return sk_err_set(err, wrong, "%s: cannot be made readable: %s", full, strerror(-wrong));
	if ((!same || wrong) && t->wrote != NULL)
		(void)json_array_append_new(t->wrote, json_string(path));
	return !same || wrong;
}

/* Our database right behind the user's own: a lock in it holds against every later one and against the user. */
static int put_profile(const struct sk_screen_target *t, struct sk_err *err)
{
	static const char wanted[] = "system-db:sekimori";
	char full[PATH_MAX];
	struct sk_buf old, text;

	sk_buf_init(&old, 65536);
	sk_buf_init(&text, 65536);
	snprintf(full, sizeof(full), "%s/etc/dconf/profile/user", t->root);
	if (sk_file_read(full, &old, NULL) < 0) {
		sk_buf_adds(&text, "user-db:user\nsystem-db:sekimori\n");
	} else {
		bool done = false;
		char *save = NULL;
		for (char *line = strtok_r(old.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			if (strcmp(line, wanted) == 0)
				continue;
			if (!done && strncmp(line, "system-db:", 10) == 0) {
				sk_buf_addf(&text, "%s\n", wanted);
				done = true;
			}
			sk_buf_addf(&text, "%s\n", line);
		}
		if (!done)
			sk_buf_addf(&text, "%s\n", wanted);
	}
	int r = sk_buf_error(&text);
	if (r == 0)
		r = sk_screen_put(t, "/etc/dconf/profile/user", text.data, err);
	sk_buf_deinit(&old);
	sk_buf_deinit(&text);
	return r;
}

static int compile(const char *root, struct sk_err *err)
{
	const char *argv[] = {"/usr/bin/dconf", "update", NULL};
	char out[1024];

	if (root[0] || access(argv[0], X_OK) < 0)
		return 0; /* no dconf here: nothing reads these files yet */
	int r = sk_run(0, "/root", argv, 10000, out, sizeof(out));
	return r < 0 ? sk_err_set(err, r, "dconf update: %s; run it by hand to see why", strerror(-r)) : 0;
}

static int enforce(const struct sk_screen_target *t, long long idle_s, struct sk_err *err)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text),
	         "# Written by Sekimori (5.1(1)). Changes here are put "
	         "back.\n[org/gnome/desktop/session]\nidle-delay=uint32 %lld\n\n"
	         "[org/gnome/desktop/screensaver]\nlock-enabled=true\nlock-delay=uint32 0\n\n"
	         "[org/gnome/desktop/lockdown]\ndisable-lock-screen=false\n",
	         idle_s);
	int key = sk_screen_put(t, "/etc/dconf/db/sekimori.d/00-screen-lock", text, err);
	int lock = key < 0 ? key : sk_screen_put(t, "/etc/dconf/db/sekimori.d/locks/screen-lock", locks, err);
	int profile = lock < 0 ? lock : put_profile(t, err);
	if (profile < 0)
		return profile;
	/* The compiled form is what sessions read; one that only root can read was made under a strict umask. */
	snprintf(text, sizeof(text), "%s/etc/dconf/db/sekimori", t->root);
	int wrong = readable(text, 0644);
	if (key || lock || profile || wrong) {
		int r = compile(t->root, err);
		if (r < 0)
			return r;
		(void)readable(text, 0644);
	}
	snprintf(text, sizeof(text),
	         "# Written by Sekimori (5.1(1)): an idle text session ends. Changes here are put back.\n"
	         "case $(readonly -p 2>/dev/null) in *TMOUT*) ;; *) TMOUT=%lld; export TMOUT; readonly TMOUT ;; esac\n",
	         idle_s);
	int r = sk_screen_put(t, "/etc/profile.d/zz-sekimori-idle.sh", text, err);
	return r < 0 ? r : sk_screen_desktops(t, idle_s, err);
}

int sk_screen_enforce(const char *root, long long idle_s, json_t *wrote, struct sk_err *err)
{
	const struct sk_screen_target t = {.root = root, .wrote = wrote};
	mode_t before = umask(022); /* sekimorid, which starts this, keeps everything else to itself */
	int r = enforce(&t, idle_s, err);

	(void)umask(before);
	return r;
}
