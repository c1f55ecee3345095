/* Sessions by sd-login (files in /run/systemd, no bus), kept until its monitor speaks; one non-blocking write each. */
#include "platform/tty.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define CONSOLES_MAX 16

struct console {
	char path[48];
	uid_t uid;
	bool kernel; /* "tty3"; "ttyS0" and "pts/1" are not */
};

struct sk_tty {
	sd_login_monitor *monitor;
	sd_event_source *source;
	bool known; /* consoles are as logind has them now */
	size_t n;
	struct console consoles[CONSOLES_MAX];
};

static int on_change(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_tty *t = arg;

	(void)s;
	(void)fd;
	(void)revents;
	(void)sd_login_monitor_flush(t->monitor);
	t->known = false;
	return 0;
}

/* logind may start later than we do: the folder that is watched is made as systemd would make it. */
static int monitor_sessions(sd_login_monitor **out)
{
	int r = sd_login_monitor_new("session", out);

	if (r != -ENOENT)
		return r;
	if (mkdir("/run/systemd/sessions", 0755) < 0 && errno != EEXIST)
		return -errno;
	return sd_login_monitor_new("session", out);
}

int sk_tty_new(sd_event *loop, struct sk_tty **out)
{
	struct sk_tty *t = calloc(1, sizeof *t);
	int r;

	if (!t)
		return -ENOMEM;
	r = monitor_sessions(&t->monitor);
	if (r >= 0)
		r = sd_event_add_io(loop, &t->source, sd_login_monitor_get_fd(t->monitor), EPOLLIN, on_change, t);
	if (r == -ENOMEM) {
		sk_tty_free(t);
		return r;
	}
	*out = t;
	return 0;
}

struct sk_tty *sk_tty_free(struct sk_tty *t)
{
	if (!t)
		return NULL;
	sd_event_source_disable_unref(t->source);
	sd_login_monitor_unref(t->monitor);
	free(t);
	return NULL;
}

static void keep(struct sk_tty *t, const char *tty, uid_t uid)
{
	struct console *c = &t->consoles[t->n];

	if (t->n == CONSOLES_MAX || strstr(tty, "..") ||
	    snprintf(c->path, sizeof c->path, "/dev/%s", tty) >= (int)sizeof c->path)
		return;
	c->uid = uid;
	c->kernel = !strncmp(tty, "tty", 3) && isdigit((unsigned char)tty[3]);
	t->n++;
}

static void look_session(struct sk_tty *t, const char *session)
{
	char *type = NULL, *tty = NULL, *class = NULL;
	uid_t uid;

	if (sd_session_is_active(session) > 0 && sd_session_is_remote(session) == 0 &&
	    sd_session_get_type(session, &type) >= 0 && !strcmp(type, "tty") &&
	    sd_session_get_class(session, &class) >= 0 && !strcmp(class, "user") &&
	    sd_session_get_tty(session, &tty) >= 0 && sd_session_get_uid(session, &uid) >= 0)
		keep(t, tty, uid);
	free(type);
	free(class);
	free(tty);
}

static void look(struct sk_tty *t)
{
	char **sessions = NULL;
	int n = sd_get_sessions(&sessions);

	t->n = 0;
	for (int i = 0; i < n && sessions; i++) {
		look_session(t, sessions[i]);
		free(sessions[i]);
	}
	free(sessions);
	t->known = t->source != NULL; /* without a monitor nobody says when to look again */
}

static int tell(const struct console *c, const char *text)
{
	int fd = open(c->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW), n = 0;
	struct stat st;

	if (fd < 0)
		return 0;
	/* It must be a terminal that still belongs to this session's person. */
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == c->uid && isatty(fd))
		n = write(fd, text, strlen(text)) > 0;
	close(fd);
	return n;
}

int sk_tty_tell(struct sk_tty *t, const char *plain, const char *full)
{
	int told = 0;

	if (!t->known)
		look(t);
	for (size_t i = 0; i < t->n; i++)
		told += tell(&t->consoles[i], t->consoles[i].kernel ? plain : full);
	return told;
}
