/* The mandatory settings: written once, put back when changed, an existing profile kept and extended in the right place. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/file.h"
#include "platform/probe.h"

static char root[64];

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-screen-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

TestSuite(screen_enforce, .init = start);

static char *content(const char *path, struct sk_buf *b)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	sk_buf_init(b, 65536);
	cr_assert_eq(sk_file_read(full, b, NULL), 0, "%s", path);
	return b->data;
}

static void put(const char *path, const char *text)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static ino_t inode(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	cr_assert_eq(stat(full, &st), 0);
	return st.st_ino;
}

Test(screen_enforce, writes_once_and_puts_back)
{
	const char *key = "/etc/dconf/db/sekimori.d/00-screen-lock";
	struct sk_buf b;

	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	cr_expect_not_null(strstr(content(key, &b), "idle-delay=uint32 600"));
	sk_buf_deinit(&b);
	ino_t before = inode(key);
	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	cr_expect_eq(inode(key), before, "a right file is not written again");
	put(key, "[x]\n");
	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	cr_expect_not_null(strstr(content(key, &b), "idle-delay=uint32 600"));
	sk_buf_deinit(&b);
}

Test(screen_enforce, keeps_an_existing_profile)
{
	char folder[PATH_MAX];
	struct sk_buf b;

	snprintf(folder, sizeof(folder), "%s/etc/dconf/profile", root);
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	put("/etc/dconf/profile/user", "user-db:user\nsystem-db:local\nsystem-db:site\n");
	cr_assert_eq(sk_screen_enforce(root, 300, NULL, NULL), 0);
	cr_expect_str_eq(content("/etc/dconf/profile/user", &b),
	                 "user-db:user\nsystem-db:sekimori\nsystem-db:local\nsystem-db:site\n");
	sk_buf_deinit(&b);
}

Test(screen_enforce, the_probe_reads_back_the_text_limit)
{
	cr_assert_eq(sk_screen_enforce(root, 240, NULL, NULL), 0);
	json_t *facts = sk_probe_screen(root);
	cr_expect_eq(json_integer_value(json_object_get(facts, "text_limit_s")), 240);
	json_decref(facts);
}

static mode_t mode_of(const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	cr_assert_eq(stat(full, &st), 0, "%s", path);
	return st.st_mode & 07777;
}

static const char *const FILES[] = {"/etc/dconf/db/sekimori.d/00-screen-lock",
                                    "/etc/dconf/db/sekimori.d/locks/screen-lock", "/etc/dconf/profile/user",
                                    "/etc/profile.d/zz-sekimori-idle.sh"};
static const char *const FOLDERS[] = {
    "/etc/dconf",         "/etc/dconf/db", "/etc/dconf/db/sekimori.d", "/etc/dconf/db/sekimori.d/locks",
    "/etc/dconf/profile", "/etc/profile.d"};

static void everybody_reads(void)
{
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		cr_expect_eq(mode_of(FILES[i]), 0644, "%s %o", FILES[i], mode_of(FILES[i]));
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++)
		cr_expect_eq(mode_of(FOLDERS[i]), 0755, "%s %o", FOLDERS[i], mode_of(FOLDERS[i]));
}

Test(screen_enforce, everybody_can_read_it_whatever_the_umask)
{
	umask(077);
	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	everybody_reads();
	cr_expect_eq(umask(022), 077, "the caller's umask is as it was");
}

Test(screen_enforce, what_was_made_unreadable_before_is_mended)
{
	char full[PATH_MAX];

	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	put("/etc/dconf/db/sekimori", "compiled");
	snprintf(full, sizeof(full), "%s/etc/dconf/db/sekimori", root);
	cr_assert_eq(chmod(full, 0600), 0);
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		snprintf(full, sizeof(full), "%s%s", root, FILES[i]);
		cr_assert_eq(chmod(full, 0600), 0);
	}
	for (size_t i = sizeof(FOLDERS) / sizeof(FOLDERS[0]); i > 0; i--) {
		snprintf(full, sizeof(full), "%s%s", root, FOLDERS[i - 1]);
		cr_assert_eq(chmod(full, 0700), 0);
	}
	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	everybody_reads();
	cr_expect_eq(mode_of("/etc/dconf/db/sekimori"), 0644);
}

/* --- the other desktops --- */

static void program(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/usr/bin", root);
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	put(path, "");
}

static const char *const DESKTOPS[] = {"/etc/xdg/kscreenlockerrc",
                                       "/etc/xdg/xfce4/xfconf/xfce-perchannel-xml/xfce4-screensaver.xml",
                                       "/etc/swayidle/config", "/etc/sway/config.d/90-sekimori-idle.conf"};

Test(screen_enforce, desktops_that_are_not_installed_get_no_files)
{
	char full[PATH_MAX];
	struct stat st;

	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(full, sizeof(full), "%s%s", root, DESKTOPS[i]);
		cr_expect_neq(lstat(full, &st), 0, "%s", full);
	}
}

Test(screen_enforce, plasma_xfce_and_sway_are_set_and_put_back)
{
	json_t *wrote = json_array();
	struct sk_buf b;

	program("/usr/bin/plasmashell");
	program("/usr/bin/xfce4-session");
	program("/usr/bin/sway");
	cr_assert_eq(sk_screen_enforce(root, 600, NULL, NULL), 0);
	cr_expect_not_null(strstr(content(DESKTOPS[0], &b), "[Daemon][$i]\nAutolock=true\nTimeout=10\n"));
	sk_buf_deinit(&b);
	cr_expect_not_null(strstr(content(DESKTOPS[1], &b), "locked=\"*\" unlocked=\"root\""));
	cr_expect_not_null(strstr(b.data, "name=\"delay\" type=\"int\" value=\"10\""));
	sk_buf_deinit(&b);
	cr_expect_not_null(strstr(content(DESKTOPS[2], &b), "\ntimeout 600 'loginctl lock-session'\n"));
	sk_buf_deinit(&b);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(mode_of(DESKTOPS[i]), 0644);
	put(DESKTOPS[0], "# Written by Sekimori (5.1(1)). Changes here are put back.\n[Daemon]\nAutolock=false\n");
	cr_assert_eq(sk_screen_enforce(root, 600, wrote, NULL), 0);
	cr_assert_eq(json_array_size(wrote), 1);
	cr_expect_str_eq(json_string_value(json_array_get(wrote, 0)), DESKTOPS[0]);
	cr_expect_not_null(strstr(content(DESKTOPS[0], &b), "Autolock=true"));
	sk_buf_deinit(&b);
	json_array_clear(wrote);
	cr_assert_eq(sk_screen_enforce(root, 600, wrote, NULL), 0);
	cr_expect_eq(json_array_size(wrote), 0, "what is right is not written");
	json_decref(wrote);
}

Test(screen_enforce, an_administrators_file_is_kept_aside_once)
{
	struct sk_buf b;
	char folder[PATH_MAX];

	program("/usr/bin/kwin_x11");
	snprintf(folder, sizeof(folder), "%s/etc/xdg", root);
	cr_assert_eq(sk_mkdir_p(folder, 0755), 0);
	put(DESKTOPS[0], "[Daemon]\nTimeout=3\n");
	cr_assert_eq(sk_screen_enforce(root, 45, NULL, NULL), 0);
	cr_expect_str_eq(content("/etc/xdg/kscreenlockerrc.before-sekimori", &b), "[Daemon]\nTimeout=3\n");
	sk_buf_deinit(&b);
	cr_expect_not_null(strstr(content(DESKTOPS[0], &b), "Timeout=1\n"), "never 0: that would be at once or never");
	sk_buf_deinit(&b);
	put(DESKTOPS[0], "[Daemon]\nAutolock=false\n"); /* replaced whole by somebody: not the office's own file */
	cr_assert_eq(sk_screen_enforce(root, 45, NULL, NULL), 0);
	cr_expect_str_eq(content("/etc/xdg/kscreenlockerrc.before-sekimori", &b), "[Daemon]\nTimeout=3\n");
	sk_buf_deinit(&b);
}
