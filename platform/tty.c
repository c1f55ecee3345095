/* Sessions by sd-login (files in /run/systemd, no bus); one non-blocking write each. */
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

/* "tty3" is the kernel's own console; "ttyS0" and "pts/1" are not. */
static bool is_kernel_console(const char *tty)
{
	return !strncmp(tty, "tty", 3) && isdigit((unsigned char)tty[3]);
}

static int tell(const char *tty, uid_t uid, const char *text)
{
	char path[64];
	struct stat st;
	int fd, n = 0;

	if (strstr(tty, "..") || snprintf(path, sizeof path, "/dev/%s", tty) >= (int)sizeof path)
		return 0;
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	/* It must be a terminal that still belongs to this session's person. */
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == uid && isatty(fd))
		n = write(fd, text, strlen(text)) > 0;
	close(fd);
	return n;
}

static int tell_session(const char *session, const char *plain, const char *full)
{
	char *type = NULL, *tty = NULL, *class = NULL;
	uid_t uid;
	int n = 0;

	if (sd_session_is_active(session) > 0 && sd_session_is_remote(session) == 0 &&
	    sd_session_get_type(session, &type) >= 0 && !strcmp(type, "tty") &&
	    sd_session_get_class(session, &class) >= 0 && !strcmp(class, "user") &&
	    sd_session_get_tty(session, &tty) >= 0 && sd_session_get_uid(session, &uid) >= 0)
		n = tell(tty, uid, is_kernel_console(tty) ? plain : full);
	free(type);
	free(class);
	free(tty);
	return n;
}

int sk_tty_tell(const char *plain, const char *full)
{
	char **sessions = NULL;
	int told = 0, n = sd_get_sessions(&sessions);

	for (int i = 0; i < n && sessions; i++) {
		if (i < 64)
			told += tell_session(sessions[i], plain, full);
		free(sessions[i]);
	}
	free(sessions);
	return told;
}
