/* What probes of logins and accounts read, from made-up /etc trees. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include "common/file.h"
#include "platform/etc.h"
#include "platform/probe.h"

static char root[64];

static void put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), 0644, NULL), 0);
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-login-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(probe_login, .init = start, .fini = stop);

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

Test(probe_login, logins_that_ask_for_nothing)
{
	put("etc/pam.d/login", "auth required pam_unix.so\n");
	put("etc/gdm3/daemon.conf",
	    "[daemon]\n# AutomaticLoginEnable = true\nAutomaticLoginEnable=True\nAutomaticLogin = kiosk\n");
	put("etc/lightdm/lightdm.conf", "[Seat:*]\n#autologin-user=x\n");
	put("etc/systemd/system/getty@tty1.service.d/a.conf",
	    "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin clerk --noclear tty1 linux\n");
	put("etc/systemd/system/getty@tty2.service.d/a.conf", "[Service]\nExecStart=-/sbin/agetty --noclear tty2\n");
	json_t *facts = sk_probe_login_factors(root, "login gdm-password ../shadow");
	json_t *found = json_object_get(facts, "autologin");
	cr_assert_eq(json_array_size(found), 2);
	cr_expect_str_eq(text(json_array_get(found, 0), "user"), "kiosk");
	cr_expect_str_eq(text(json_array_get(found, 1), "user"), "clerk");
	cr_assert_eq(json_array_size(json_object_get(facts, "services")), 2, "installed ones, and one that is no name");
	cr_expect(json_is_null(json_object_get(json_array_get(json_object_get(facts, "services"), 1), "auth")));
	json_decref(facts);
}

Test(probe_login, limits)
{
	put("etc/pam.d/login", "auth required pam_faillock.so preauth\nsession optional pam_lastlog.so\n");
	put("etc/security/faillock.conf", "# deny = 3\ndeny = 5\nunlock_time=600\n");
	put("etc/issue", "Debian GNU/Linux 12 \\n \\l\n");
	json_t *facts = sk_probe_login_limits(root, "login");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(facts, "faillock"), "deny")), 5);
	cr_expect(json_is_false(json_object_get(facts, "issue")), "the system's name is no message");
	cr_expect_eq(json_array_size(json_object_get(json_array_get(json_object_get(facts, "services"), 0), "session")),
	             1);
	json_decref(facts);
	put("etc/issue", "This system is the city's; unauthorised use is forbidden and recorded.\n");
	facts = sk_probe_login_limits(root, "login");
	cr_expect(json_is_true(json_object_get(facts, "issue")));
	json_decref(facts);
}

static void lastlog(unsigned uid, int32_t at)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/var/log", root);
	cr_assert_eq(sk_mkdir_p(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/var/log/lastlog", root);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	cr_assert_eq(pwrite(fd, &at, sizeof(at), (off_t)uid * 292), (ssize_t)sizeof(at));
	close(fd);
}

#define PASSWD \
	"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nclerk:x:1000:1000::/home/clerk:/bin/" \
	"bash\n"
#define SHADOW \
	"root:!:20000:0:99999:7:::\ndaemon:*:20000::::::\nclerk:$y$j9T$abc$def:0:0:99999:7:::\nold:$1$a$b:1::::::\n"

Test(probe_login, accounts)
{
	put("etc/passwd", PASSWD);
	put("etc/shadow", SHADOW);
	put("etc/group", "sudo:x:27:clerk,ops\nwheel:x:10:\n");
	put("etc/sudoers",
	    "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n");
	put("etc/sudoers.d/backup", "backup ALL=(root) NOPASSWD: /usr/bin/rsync\n");
	put("etc/sudoers.d/left.bak", "evil ALL=(ALL) NOPASSWD: ALL\n");
	put("home/clerk/.ssh/authorized_keys", "# a comment\nssh-ed25519 AAAA one\nssh-ed25519 AAAA two\n");
	lastlog(1000, 1799000000);
	json_t *facts = sk_probe_accounts(root), *list = json_object_get(facts, "accounts");
	cr_assert_eq(json_array_size(list), 3);
	const json_t *clerk = json_array_get(list, 2);
	cr_expect_str_eq(text(clerk, "hash"), "yescrypt");
	cr_expect(json_is_true(json_object_get(clerk, "must_change")));
	cr_expect_eq(json_integer_value(json_object_get(clerk, "last_login")), 1799000000);
	cr_expect(json_is_false(json_object_get(json_array_get(list, 1), "login")));
	cr_expect_eq(json_array_size(json_object_get(facts, "admins")), 3, "clerk, ops, backup; each once");
	cr_expect_eq(json_array_size(json_object_get(facts, "no_password")), 1);
	char *shown = json_dumps(facts, 0);
	cr_expect_null(strstr(shown, "abc"), "no hash leaves the terminal");
	free(shown);
	json_decref(facts);
	facts = sk_probe_passwords(root);
	cr_assert_eq(json_array_size(json_object_get(facts, "weak")), 1);
	cr_expect_str_eq(text(json_array_get(json_object_get(facts, "weak"), 0), "hash"), "md5");
	json_decref(facts);
}

Test(probe_login, autologin_in_dropins_and_after_a_time)
{
	put("etc/lightdm/lightdm.conf.d/50.conf", "[Seat:*]\nautologin-user=kiosk\n");
	put("etc/sddm.conf.d/a.conf", "[Autologin]\nUser=k2\n");
	put("etc/gdm3/daemon.conf", "[daemon]\nTimedLoginEnable=true\nTimedLogin=k3\n");
	json_t *facts = sk_probe_login_factors(root, "login");
	cr_expect_eq(json_array_size(json_object_get(facts, "autologin")), 3);
	json_decref(facts);
}

Test(probe_login, messages_that_are_shown_and_one_that_was_never_compiled)
{
	char path[200];
	struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	put("etc/issue.d/city.issue", "This terminal belongs to the city; use is recorded and for duty only.\n");
	put("etc/dconf/db/gdm.d/00", "[org/gnome/login-screen]\nbanner-message-enable=true\n");
	put("etc/dconf/db/gdm", "x"); /* compiled after its source was written */
	json_t *facts = sk_probe_login_limits(root, "login");
	cr_expect(json_is_true(json_object_get(facts, "issue")));
	cr_expect(json_is_true(json_object_get(facts, "desktop_banner")));
	json_decref(facts);
	snprintf(path, sizeof(path), "%s/etc/dconf/db/gdm", root);
	cr_assert_eq(utimensat(AT_FDCWD, path, old, 0), 0);
	facts = sk_probe_login_limits(root, "login");
	cr_expect(json_is_false(json_object_get(facts, "desktop_banner")));
	json_decref(facts);
	put("etc/gdm3/greeter.dconf-defaults", "[org/gnome/login-screen]\nbanner-message-enable=true\n");
	facts = sk_probe_login_limits(root, "login");
	cr_expect(json_is_true(json_object_get(facts, "desktop_banner")));
	json_decref(facts);
}

static bool has_admin(const json_t *facts, const char *name)
{
	size_t i;
	json_t *a;

	json_array_foreach(json_object_get(facts, "admins"), i, a) if (strcmp(text(a, "name"), name) == 0) return true;
	return false;
}

Test(probe_login, who_has_privileges)
{
	put("etc/passwd", "root:x:0:0::/root:/bin/sh\nfirst:x:1001:27::/home/first:/bin/sh\n");
	put("etc/shadow", "root:*:1::::::\nfirst:!:1::::::\n");
	put("etc/group", "sudo:x:27:\nops:x:30:member\n");
	put("etc/sudoers",
	    "root\tALL=(ALL:ALL) ALL\nDefaults:quiet !authenticate\nUser_Alias BOSSES = one, \\\n  two : REST = three\n"
	    "BOSSES ALL = (ALL) ALL # all of them\nfour, five ,six ALL=ALL\n#1234 ALL=ALL\n"
	    "%ops ALL=ALL\nREST, !seven ALL=NOPASSWD: ALL\n"
	    "#include /etc/sudoers.more\n@includedir \"/etc/more.d\"\n@include local\n@include %h.conf\n");
	put("etc/sudoers.more", "eight ALL=ALL\n@include /etc/sudoers.more\n");
	put("etc/more.d/a", "nine ALL=ALL\n");
	put("etc/more.d/b.off", "ten ALL=ALL\n");
	put("etc/local", "eleven ALL=ALL\n");
	json_t *facts = sk_probe_accounts(root);
	static const char *const in[] = {"first", "one",   "two",    "three", "four", "five",
	                                 "six",   "#1234", "member", "eight", "nine", "eleven"};
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++)
		cr_expect(has_admin(facts, in[i]), "%s", in[i]);
	cr_expect_eq(json_array_size(json_object_get(facts, "admins")), sizeof(in) / sizeof(*in));
	cr_expect_not(has_admin(facts, "BOSSES"));
	cr_expect_not(has_admin(facts, "seven"));
	cr_expect_not(has_admin(facts, "ten"));
	cr_expect_eq(json_array_size(json_object_get(facts, "no_password")), 2);
	cr_expect_geq(json_array_size(json_object_get(facts, "unread")), 2, "the circle, and %%h");
	json_decref(facts);
}

Test(probe_login, a_privilege_file_that_is_no_file_is_said)
{
	char path[200];

	put("etc/passwd", PASSWD);
	put("etc/shadow", SHADOW);
	put("etc/group", "sudo:x:27:\n");
	put("etc/sudoers", "@includedir /etc/sudoers.d\n");
	put("etc/sudoers.d/plain", "one ALL=ALL\n");
	snprintf(path, sizeof(path), "%s/etc/sudoers.d/pipe", root);
	cr_assert_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/etc/sudoers.d/link", root);
	cr_assert_eq(symlink("/dev/zero", path), 0);
	json_t *facts = sk_probe_accounts(root);
	cr_expect_eq(json_array_size(json_object_get(facts, "unread")), 2);
	json_decref(facts);
}

Test(probe_login, homes_are_not_followed_out)
{
	char path[200];

	put("etc/passwd", PASSWD);
	put("etc/shadow", SHADOW);
	put("etc/group", "sudo:x:27:\n");
	put("other/.ssh/authorized_keys", "ssh-ed25519 AAAA one\n");
	put("home/clerk/x", "");
	snprintf(path, sizeof(path), "%s/home/clerk/.ssh", root);
	cr_assert_eq(symlink("../../other/.ssh", path), 0);
	json_t *facts = sk_probe_accounts(root);
	cr_expect_eq(
	    json_integer_value(json_object_get(json_array_get(json_object_get(facts, "accounts"), 2), "ssh_keys")), -1,
	    "neither counted nor taken for none");
	json_decref(facts);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/home/clerk/.ssh/authorized_keys", root);
	cr_assert_eq(mkfifo(path, 0600), 0);
	facts = sk_probe_accounts(root);
	cr_expect_eq(
	    json_integer_value(json_object_get(json_array_get(json_object_get(facts, "accounts"), 2), "ssh_keys")), -1);
	json_decref(facts);
}

Test(probe_login, a_desktops_login_stands_in_wtmp)
{
	struct utmp u = {.ut_type = USER_PROCESS, .ut_user = "clerk", .ut_tv = {.tv_sec = 1799500000}};
	char path[200];

	put("etc/passwd", PASSWD);
	put("etc/shadow", SHADOW);
	put("etc/group", "sudo:x:27:\n");
	put("var/log/x", "");
	snprintf(path, sizeof(path), "%s/var/log/wtmp", root);
	cr_assert_eq(sk_file_write(path, &u, sizeof(u), 0644, NULL), 0);
	json_t *facts = sk_probe_accounts(root), *list = json_object_get(facts, "accounts");
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 2), "last_login")), 1799500000);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "last_login")), -1,
	             "no lastlog: not known");
	json_decref(facts);
	lastlog(1000, 1799600000);
	facts = sk_probe_accounts(root);
	list = json_object_get(facts, "accounts");
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 2), "last_login")), 1799600000);
	json_decref(facts);
}

Test(probe_login, what_cannot_be_read_is_said)
{
	json_t *facts = sk_probe_accounts(root);
	char path[200];

	cr_expect_neq(text(facts, "error")[0], '\0');
	json_decref(facts);
	put("etc/passwd", PASSWD);
	facts = sk_probe_accounts(root);
	cr_expect_neq(text(facts, "error")[0], '\0', "without shadow");
	json_decref(facts);
	snprintf(path, sizeof(path), "%s/etc/shadow", root);
	cr_assert_eq(mkfifo(path, 0600), 0);
	facts = sk_probe_passwords(root);
	cr_expect_neq(text(facts, "error")[0], '\0', "a pipe is not waited for");
	json_decref(facts);
}

Test(probe_login, lines_of_any_kind)
{
	char joined[] = "a \\\n b # c\n\n#x\n  d  \nlast \\", *at = joined;

	cr_expect_str_eq(sk_etc_line(&at), "a    b");
	cr_expect_str_eq(sk_etc_line(&at), "d");
	cr_expect_str_eq(sk_etc_line(&at), "last \\");
	cr_expect_null(sk_etc_line(&at));
	put("etc/passwd", "short:x\n:::::::::\nclerk:x:nonsense:1::relative:/bin/sh\n");
	put("etc/shadow", ":\nclerk::\n");
	put("etc/group", "sudo:x:27:,,,\n");
	put("etc/sudoers", "%\nx\nALL\n%#27 ALL=ALL\n");
	json_decref(sk_probe_accounts(root));
	json_decref(sk_probe_passwords(root));
}
