#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/text.h"
#include "platform/mountpoint.h"

static char root[] = "/tmp/sekimori-media-XXXXXX";

static void up(void)
{
	cr_assert_not_null(mkdtemp(root));
}

static void down(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "%s", root);
	for (int i = 0; i < 8; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), i == 0 ? "%s/clerk/STICK" : "%s/clerk/STICK-%d", root, i);
		(void)rmdir(path);
	}
	(void)snprintf(command, sizeof(command), "%s/clerk", root);
	(void)unlink(command);
	(void)rmdir(command);
	(void)rmdir(root);
}

TestSuite(mountpoint, .init = up, .fini = down);

Test(mountpoint, labels_become_one_safe_name)
{
	static const struct {
		const char *label, *name;
	} CASES[] = {
	    {"STICK", "STICK"},         {"", "media"},          {"   ", "media"},         {"a/b", "a_b"},
	    {"../../etc", "_._.._etc"}, {".hidden", "_hidden"}, {"-rf", "_rf"},           {"a\nb", "a_x0ab"},
	    {"会議資料", "会議資料"},   {"..", "_."},           {"\xff\xfe", "_xff_xfe"}, {" trimmed ", "trimmed"}};
	char out[80];

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		sk_mountpoint_label(CASES[i].label, out, sizeof(out));
		cr_expect_null(strchr(out, '/'), "%s", out);
		cr_expect(out[0] != '.' && out[0] != '-' && out[0] != '\0', "%s", out);
		if (i != 4)
			cr_expect_str_eq(out, CASES[i].name);
	}
}

Test(mountpoint, long_labels_are_cut_on_a_character)
{
	char label[400], out[80];

	label[0] = '\0';
	for (int i = 0; i < 100; i++)
		(void)memcpy(label + 3 * i, "議", 4);
	sk_mountpoint_label(label, out, sizeof(out));
	cr_assert_leq(strlen(out), 64);
	cr_assert(sk_text_is_utf8(out, strlen(out)));
}

Test(mountpoint, persons_are_names)
{
	cr_assert(sk_mountpoint_is_person("clerk"));
	cr_assert(sk_mountpoint_is_person("CITY\\taro"));
	cr_assert(!sk_mountpoint_is_person(""));
	cr_assert(!sk_mountpoint_is_person(".."));
	cr_assert(!sk_mountpoint_is_person("a/b"));
	cr_assert(!sk_mountpoint_is_person("-x"));
	cr_assert(!sk_mountpoint_is_person("a\nb"));
	cr_assert(!sk_mountpoint_is_person("\xff"));
}

Test(mountpoint, a_folder_is_made_that_only_the_person_reaches)
{
	char path[256], parent[128], acl[128];
	struct stat st;

	cr_assert_eq(sk_mountpoint_make(root, "clerk", 1000, "STICK", path, sizeof(path)), 0);
	cr_assert_eq(stat(path, &st), 0);
	(void)snprintf(parent, sizeof(parent), "%s/clerk", root);
	cr_assert_eq(stat(parent, &st), 0);
	cr_assert_eq(st.st_uid, geteuid());
	cr_assert_eq(st.st_mode & 07, 0, "others may enter");
	cr_assert_eq(st.st_mode & 022, 0, "somebody else may write");
	cr_assert_eq(getxattr(parent, "system.posix_acl_access", acl, sizeof(acl)), 4 + 5 * 8);
}

Test(mountpoint, a_taken_name_is_numbered)
{
	char first[256], second[256], inside[300];

	cr_assert_eq(sk_mountpoint_make(root, "clerk", 1000, "STICK", first, sizeof(first)), 0);
	(void)snprintf(inside, sizeof(inside), "%s/x", first);
	cr_assert_eq(mkdir(inside, 0700), 0);
	cr_assert_eq(sk_mountpoint_make(root, "clerk", 1000, "STICK", second, sizeof(second)), 0);
	cr_assert(strstr(second, "/STICK-2") != NULL, "%s", second);
	(void)rmdir(inside);
}

Test(mountpoint, a_symlink_in_the_way_is_refused)
{
	char path[256], link[128];

	(void)snprintf(link, sizeof(link), "%s/clerk", root);
	cr_assert_eq(symlink("/tmp", link), 0);
	cr_assert_lt(sk_mountpoint_make(root, "clerk", 1000, "STICK", path, sizeof(path)), 0);
}

Test(mountpoint, a_folder_others_can_write_in_is_refused)
{
	char path[256], parent[128];

	(void)snprintf(parent, sizeof(parent), "%s/clerk", root);
	cr_assert_eq(mkdir(parent, 0700), 0);
	cr_assert_eq(chmod(parent, 0777), 0);
	cr_assert_eq(sk_mountpoint_make(root, "clerk", 1000, "STICK", path, sizeof(path)), -EPERM);
}

Test(mountpoint, bad_persons_get_none)
{
	char path[256];

	cr_assert_eq(sk_mountpoint_make(root, "../x", 1000, "STICK", path, sizeof(path)), -EINVAL);
}

Test(mountpoint, only_folders_below_the_media_root_are_removed)
{
	struct stat st;

	sk_mountpoint_remove(root);
	cr_assert_eq(stat(root, &st), 0);
}
