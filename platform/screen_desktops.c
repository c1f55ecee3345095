/*
 * P1 enforced on the other desktops, 5.1(1)キ: each has a file of the system that a person cannot override (KDE's [$i], Xfce's locked channel), or that
 * the system starts (swayidle). Written only where the desktop is installed. A file of somebody else's at the same place is kept aside, once, and
 * comes back when the package goes (packaging/deb/agent/postrm).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "platform/screen_files.h"

#define MARK "Written by Sekimori (5.1(1))"

static bool there(const struct sk_screen_target *t, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", t->root, path);
	return access(full, F_OK) == 0;
}

/* What is not ours and was not kept before. */
static int keep_aside(const struct sk_screen_target *t, const char *path, struct sk_err *err)
{
	char full[PATH_MAX], aside[PATH_MAX + 20];
	struct sk_buf text;
	bool ours;
	int r;

	snprintf(full, sizeof(full), "%s%s", t->root, path);
	snprintf(aside, sizeof(aside), "%s.before-sekimori", full);
	sk_buf_init(&text, 65536);
	r = sk_file_read(full, &text, NULL);
	ours = r == 0 && strstr(text.data, MARK) != NULL;
	sk_buf_deinit(&text);
	if (r == -ENOENT || ours || access(aside, F_OK) == 0)
		return 0;
	if (rename(full, aside) < 0)
		return sk_err_set(err, -errno, "%s: cannot be kept aside: %s", full, strerror(errno));
	return 0;
}

static int put(const struct sk_screen_target *t, const char *path, const char *text, struct sk_err *err)
{
	int r = keep_aside(t, path, err);

	if (r == 0)
		r = sk_screen_put(t, path, text, err);
	return r < 0 ? r : 0;
}

/* Both count in whole minutes: never later than the limit, and at least one. */
static long long minutes(long long idle_s)
{
	return idle_s < 60 ? 1 : idle_s / 60;
}

static int put_plasma(const struct sk_screen_target *t, long long idle_s, struct sk_err *err)
{
	char text[512];

	snprintf(text, sizeof(text),
	         "# " MARK ". Changes here are put back.\n[Daemon][$i]\nAutolock=true\nTimeout=%lld\nLockGrace=0\n"
	         "LockOnResume=true\n",
	         minutes(idle_s));
	return put(t, "/etc/xdg/kscreenlockerrc", text, err);
}

static int put_xfce(const struct sk_screen_target *t, long long idle_s, struct sk_err *err)
{
	char text[1536];

	snprintf(text, sizeof(text),
	         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- " MARK ". Changes here are put back. -->\n"
	         "<channel name=\"xfce4-screensaver\" version=\"1.0\" locked=\"*\" unlocked=\"root\">\n"
	         "  <property name=\"saver\" type=\"empty\">\n"
	         "    <property name=\"enabled\" type=\"bool\" value=\"true\"/>\n"
	         "    <property name=\"idle-activation\" type=\"empty\">\n"
	         "      <property name=\"enabled\" type=\"bool\" value=\"true\"/>\n"
	         "      <property name=\"delay\" type=\"int\" value=\"%lld\"/>\n"
	         "    </property>\n  </property>\n"
	         "  <property name=\"lock\" type=\"empty\">\n"
	         "    <property name=\"enabled\" type=\"bool\" value=\"true\"/>\n"
	         "    <property name=\"saver-activation\" type=\"empty\">\n"
	         "      <property name=\"enabled\" type=\"bool\" value=\"true\"/>\n"
	         "      <property name=\"delay\" type=\"int\" value=\"0\"/>\n"
	         "    </property>\n  </property>\n</channel>\n",
	         minutes(idle_s));
	return put(t, "/etc/xdg/xfce4/xfconf/xfce-perchannel-xml/xfce4-screensaver.xml", text, err);
}

/* swaylock tells logind nothing of the lock, so the line that starts it does; without the hint the agent would take it for unlocked. */
static int put_sway(const struct sk_screen_target *t, long long idle_s, struct sk_err *err)
{
#define HINT \
	"busctl call org.freedesktop.login1 /org/freedesktop/login1/session/auto org.freedesktop.login1.Session " \
	"SetLockedHint b"
	char text[1024];
	int r;

	snprintf(text, sizeof(text),
	         "# " MARK ". Changes here are put back.\nidlehint %lld\n"
	         "timeout %lld 'loginctl lock-session'\nbefore-sleep 'loginctl lock-session'\n"
	         "lock 'pidof swaylock || { " HINT " true; swaylock -c 000000; " HINT " false; } &'\n"
	         "unlock 'pkill -x swaylock'\n",
	         idle_s, idle_s);
	r = put(t, "/etc/swayidle/config", text, err);
	if (r == 0)
		r = put(t, "/etc/sway/config.d/90-sekimori-idle.conf",
		        "# " MARK ". Changes here are put back.\nexec swayidle -w -C /etc/swayidle/config\n", err);
	return r;
#undef HINT
}

int sk_screen_desktops(const struct sk_screen_target *t, long long idle_s, struct sk_err *err)
{
	int r = 0;

	if (there(t, "/usr/bin/plasmashell") || there(t, "/usr/bin/kwin_wayland") || there(t, "/usr/bin/kwin_x11"))
		r = put_plasma(t, idle_s, err);
	if (r == 0 && there(t, "/usr/bin/xfce4-session"))
		r = put_xfce(t, idle_s, err);
	if (r == 0 && there(t, "/usr/bin/sway"))
		r = put_sway(t, idle_s, err);
	return r;
}
