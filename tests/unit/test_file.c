/* Files, whole: what is not a plain file is refused without hanging, and a write is all there or not at all. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"

static char dir[64];
static char at_buf[PATH_MAX];

static const char *at(const char *name)
{
	(void)snprintf(at_buf, sizeof(at_buf), "%s/%s", dir, name);
	return at_buf;
}

static void setup(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sk-file-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void teardown(void)
{
	char cmd[256];

	(void)snprintf(cmd, sizeof(cmd), "chmod -R u+w %s; rm -rf %s", dir, dir);
	cr_expect_eq(system(cmd), 0);
}

static size_t entries(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2;
}

TestSuite(file, .init = setup, .fini = teardown, .timeout = 20);

Test(file, write_and_read)
{
	struct sk_buf b;
	struct stat st;

	sk_buf_init(&b, 100);
	cr_assert_eq(sk_file_write(at("a"), "one\0two", 7, 0640, NULL), 0);
	cr_assert_eq(stat(at("a"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0640);
	cr_assert_eq(sk_file_read(at("a"), &b, NULL), 0);
	cr_expect_eq(b.len, 7);
	cr_expect_arr_eq(b.data, "one\0two", 8);
	cr_assert_eq(sk_file_write(at("a"), "new", 3, 0600, NULL), 0);
	sk_buf_reset(&b);
	cr_assert_eq(sk_file_read(at("a"), &b, NULL), 0);
	cr_expect_str_eq(b.data, "new");
	cr_expect_eq(entries(), 1, "no temporary file stays");
	sk_buf_deinit(&b);
}

Test(file, empty)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	cr_assert_eq(sk_file_write(at("a"), "", 0, 0600, NULL), 0);
	cr_assert_eq(sk_file_read(at("a"), &b, NULL), 0);
	cr_expect_eq(b.len, 0);
	sk_buf_deinit(&b);
}

Test(file, limit_is_exact_and_leaves_the_buffer_alone)
{
	struct sk_err err = SK_ERR_INIT;
	static char big[20000];
	struct sk_buf b;

	memset(big, 'x', sizeof(big));
	cr_assert_eq(sk_file_write(at("a"), big, sizeof(big), 0600, NULL), 0);
	sk_buf_init(&b, sizeof(big));
	cr_expect_eq(sk_file_read(at("a"), &b, NULL), 0);
	cr_expect_eq(b.len, sizeof(big));
	sk_buf_deinit(&b);
	sk_buf_init(&b, sizeof(big) - 1 + 4);
	sk_buf_adds(&b, "head");
	cr_expect_eq(sk_file_read(at("a"), &b, &err), -EFBIG);
	cr_expect_str_eq(b.data, "head");
	cr_expect(strstr(err.text, "larger than") != NULL, "%s", err.text);
	sk_buf_deinit(&b);
}

Test(file, what_is_not_a_file_is_refused)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct sk_err err = SK_ERR_INIT;
	struct sk_buf b;
	char out[8];
	int s;

	sk_buf_init(&b, 100);
	cr_expect_eq(sk_file_read(at("none"), &b, &err), -ENOENT);
	cr_expect(strstr(err.text, "/none: ") != NULL);
	cr_assert_eq(mkfifo(at("fifo"), 0600), 0);
	cr_expect_eq(sk_file_read(at("fifo"), &b, NULL), -ELOOP);
	cr_expect_leq(sk_file_attr(at("fifo"), out, sizeof(out)), 0);
	cr_expect_lt(sk_file_attr_write(at("fifo"), "1"), 0);
	cr_assert_eq(symlink("/etc/passwd", at("link")), 0);
	cr_expect_eq(sk_file_read(at("link"), &b, NULL), -ELOOP);
	cr_expect_eq(sk_file_attr(at("link"), out, sizeof(out)), -ELOOP);
	cr_expect_eq(sk_file_attr_write(at("link"), "1"), -ELOOP);
	cr_expect_eq(sk_file_read(dir, &b, NULL), -ELOOP);
	cr_expect_eq(sk_file_read("/dev/zero", &b, NULL), -ELOOP);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	cr_assert_eq(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_expect_eq(sk_file_read(at("s"), &b, NULL), -ELOOP);
	close(s);
	cr_expect_eq(b.len, 0);
	sk_buf_deinit(&b);
}

Test(file, attr)
{
	char out[8];

	cr_assert_eq(sk_file_write(at("a"), "1\n", 2, 0600, NULL), 0);
	cr_expect_eq(sk_file_attr(at("a"), out, sizeof(out)), 1);
	cr_expect_str_eq(out, "1");
	cr_assert_eq(sk_file_write(at("a"), "1\n\n", 3, 0600, NULL), 0);
	cr_expect_eq(sk_file_attr(at("a"), out, sizeof(out)), 2);
	cr_expect_str_eq(out, "1\n", "one newline only");
	cr_assert_eq(sk_file_write(at("a"), "123456789", 9, 0600, NULL), 0);
	cr_expect_eq(sk_file_attr(at("a"), out, sizeof(out)), 7);
	cr_expect_str_eq(out, "1234567");
	cr_assert_eq(sk_file_write(at("a"), "", 0, 0600, NULL), 0);
	cr_expect_eq(sk_file_attr(at("a"), out, sizeof(out)), 0);
	cr_expect_eq(sk_file_attr(at("none"), out, sizeof(out)), -ENOENT);
	cr_expect_eq(sk_file_attr(at("a"), out, 0), -EINVAL);
	cr_expect_eq(sk_file_attr(dir, out, sizeof(out)), -EISDIR);
	cr_expect_gt(sk_file_attr("/proc/self/stat", out, sizeof(out)), 0);
}

Test(file, attr_write)
{
	char out[8];

	cr_expect_eq(sk_file_attr_write(at("a"), "1"), -ENOENT, "never creates");
	cr_assert_eq(sk_file_write(at("a"), "10\n", 3, 0600, NULL), 0);
	cr_expect_eq(sk_file_attr_write(at("a"), "0"), 0);
	cr_expect_eq(sk_file_attr(at("a"), out, sizeof(out)), 1);
	cr_expect_str_eq(out, "0");
}

Test(file, failed_write_keeps_the_old_content)
{
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(mkdir(at("sub"), 0700), 0);
	cr_assert_eq(mkdir(at("sub/x"), 0700), 0);
	cr_expect_lt(sk_file_write(at("sub"), "x", 1, 0600, &err), 0, "a folder is not replaced");
	cr_expect(strstr(err.text, "cannot be written") != NULL);
	cr_expect_eq(entries(), 1, "the temporary file is gone");
	cr_expect_eq(sk_file_write(at("no/such/x"), "x", 1, 0600, &err), -ENOENT);
	cr_expect_lt(sk_file_write("/dev/full/x", "x", 1, 0600, &err), 0);
}

Test(file, write_replaces_a_symlink_instead_of_following_it)
{
	struct stat st;

	cr_assert_eq(sk_file_write(at("victim"), "keep", 4, 0600, NULL), 0);
	cr_assert_eq(symlink("victim", at("link")), 0);
	cr_assert_eq(sk_file_write(at("link"), "evil", 4, 0600, NULL), 0);
	cr_assert_eq(lstat(at("link"), &st), 0);
	cr_expect(S_ISREG(st.st_mode));
	cr_assert_eq(stat(at("victim"), &st), 0);
	char out[8];

	cr_expect_eq(sk_file_attr(at("victim"), out, sizeof(out)), 4);
	cr_expect_str_eq(out, "keep");
}

Test(file, long_name)
{
	char name[PATH_MAX + 10];
	struct sk_buf b;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	sk_buf_init(&b, 10);
	cr_expect_eq(sk_file_write(name, "x", 1, 0600, NULL), -ENAMETOOLONG);
	cr_expect_eq(sk_file_read(name, &b, NULL), -ENAMETOOLONG);
	cr_expect_eq(sk_mkdir_p(name, 0700), -ENAMETOOLONG);
}

Test(file, mkdir_p)
{
	struct stat st;

	cr_expect_eq(sk_mkdir_p(at("a/b/c"), 0750), 0);
	cr_expect_eq(sk_mkdir_p(at("a/b/c/"), 0750), 0);
	cr_assert_eq(stat(at("a/b/c"), &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0750);
	cr_assert_eq(sk_file_write(at("f"), "", 0, 0600, NULL), 0);
	cr_expect_eq(sk_mkdir_p(at("f/x"), 0750), -ENOTDIR);
	cr_expect_eq(sk_mkdir_p(at("f"), 0750), -ENOTDIR);
	cr_expect_eq(sk_mkdir_p("", 0750), -EINVAL);
	cr_expect_eq(sk_mkdir_p("/", 0750), 0);
}
