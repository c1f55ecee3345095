#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/mount.h"

static const char LINE[] =
    "36 35 8:1 / /run/media/clerk/A\\040B\\134C ro,nosuid,nodev,noexec,relatime shared:1 master:2 - vfat /dev/sda1 "
    "ro,uid=1000,errors=remount-ro";

Test(mount, a_line_is_taken_apart)
{
	struct sk_mount m;

	cr_assert_eq(sk_mount_parse(LINE, &m), 0);
	cr_assert_str_eq(m.path, "/run/media/clerk/A B\\C");
	cr_assert_str_eq(m.fstype, "vfat");
	cr_assert_str_eq(m.source, "/dev/sda1");
	cr_assert_eq(m.major, 8);
	cr_assert_eq(m.minor, 1);
	cr_assert(m.ro && m.nodev && m.nosuid && m.noexec && m.super_ro);
}

Test(mount, options_are_whole_words)
{
	struct sk_mount m;

	cr_assert_eq(
	    sk_mount_parse("36 35 8:1 / /mnt rw,noexecutive,errors=ro - ext4 /dev/sda1 rw,errors=remount-ro", &m), 0);
	cr_assert(!m.ro && !m.noexec && !m.super_ro && !m.nodev);
}

Test(mount, a_mount_without_optional_fields)
{
	struct sk_mount m;

	cr_assert_eq(sk_mount_parse("21 1 0:20 / /sys rw - sysfs sysfs rw", &m), 0);
	cr_assert_str_eq(m.path, "/sys");
	cr_assert(!m.super_ro);
}

Test(mount, broken_lines_are_refused)
{
	static const char *const BAD[] = {"",
	                                  "36",
	                                  "36 35 8:1",
	                                  "36 35 8 / /mnt rw - ext4 x rw",
	                                  "36 35 8:1 / /mnt rw shared:1",
	                                  "36 35 8:1 / /mnt rw - ext4",
	                                  "36 35 8:1 / /a\\000b rw - ext4 x rw"};
	struct sk_mount m = {.major = 77};

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		cr_assert_lt(sk_mount_parse(BAD[i], &m), 0, "%s", BAD[i]);
	cr_assert_eq(m.major, 77, "touched on failure");
}

Test(mount, a_path_that_does_not_fit_is_refused)
{
	char line[2000];
	struct sk_mount m;
	int n = snprintf(line, sizeof(line), "36 35 8:1 / /");

	memset(line + n, 'a', 1500);
	(void)snprintf(line + n + 1500, sizeof(line) - (size_t)n - 1500, " rw - ext4 x rw");
	cr_assert_lt(sk_mount_parse(line, &m), 0);
}

static int count(void *arg, const struct sk_mount *m)
{
	(void)m;
	(*(int *)arg)++;
	return 0;
}

static int stop(void *arg, const struct sk_mount *m)
{
	(void)arg;
	(void)m;
	return 7;
}

Test(mount, a_table_is_walked_and_broken_lines_skipped)
{
	char path[] = "/tmp/sekimori-mounts-XXXXXX";
	int n = 0, fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	cr_assert_not_null(f);
	(void)fprintf(f, "%s\ngarbage\n%s\n", LINE, LINE);
	(void)fclose(f);
	cr_assert_eq(sk_mount_each(path, count, &n), 0);
	cr_assert_eq(n, 2);
	cr_assert_eq(sk_mount_each(path, stop, NULL), 7);
	(void)unlink(path);
	cr_assert_eq(sk_mount_each(path, count, &n), -ENOENT);
}

Test(mount, the_machines_own_table_can_be_read)
{
	int n = 0;

	cr_assert_eq(sk_mount_each(NULL, count, &n), 0);
	cr_assert_gt(n, 0);
}
