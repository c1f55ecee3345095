/* The secret of containers: a file of its own; of an installation that had none, the one it used before. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "server/container_master.h"
#include "server/phone_master.h"

static char dir[64], path[96], phone_path[96];
static struct sk_err err = SK_ERR_INIT;

static void up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/sekimori-container-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/container.key", dir);
	snprintf(phone_path, sizeof(phone_path), "%s/phone.key", dir);
}

static void down(void)
{
	unlink(path);
	unlink(phone_path);
	rmdir(dir);
}
TestSuite(container_master, .init = up, .fini = down);

Test(container_master, a_new_installation_has_one_of_its_own)
{
	uint8_t mine[32], again[32], phone[32], derived[32];
	struct sk_buf made;
	struct stat st;

	sk_buf_init(&made, 1000);
	cr_assert_eq(sk_container_master(dir, mine, &made, &err), 0, "%s", err.text);
	cr_expect_not_null(strstr(made.data, "container.key"));
	cr_assert_eq(sk_phone_master(dir, phone, &made, &err), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0600);
	sk_derive(phone, "containers", derived);
	cr_expect_neq(memcmp(mine, derived, 32), 0, "the one tells nothing of the other");
	cr_assert_eq(sk_container_master(dir, again, NULL, &err), 0);
	cr_expect_eq(memcmp(mine, again, 32), 0);
	sk_buf_deinit(&made);
}

Test(container_master, an_older_installation_keeps_what_opens_its_containers)
{
	uint8_t mine[32], phone[32], other[32], derived[32];

	cr_assert_eq(sk_phone_master(dir, phone, NULL, &err), 0);
	cr_assert_eq(sk_container_master(dir, mine, NULL, &err), 0, "%s", err.text);
	sk_derive(phone, "containers", derived);
	cr_expect_eq(memcmp(mine, derived, 32), 0);
	/* From then on it stands by itself, whatever becomes of the other. */
	cr_assert_eq(unlink(phone_path), 0);
	cr_assert_eq(sk_phone_master(dir, phone, NULL, &err), 0);
	cr_assert_eq(sk_container_master(dir, other, NULL, &err), 0);
	cr_expect_eq(memcmp(mine, other, 32), 0);
}

Test(container_master, a_file_that_is_wrong_is_not_replaced)
{
	uint8_t key[32];
	FILE *f;

	cr_assert_eq(sk_container_master(dir, key, NULL, &err), 0);
	cr_assert_eq(chmod(path, 0644), 0);
	cr_expect_eq(sk_container_master(dir, key, NULL, &err), -EPERM);
	cr_assert_eq(chmod(path, 0600), 0);
	f = fopen(path, "w");
	fputs("short\n", f);
	fclose(f);
	cr_expect_lt(sk_container_master(dir, key, NULL, &err), 0);
	cr_expect_not_null(strstr(err.text, "container.key"));
	cr_assert_eq(unlink(path), 0);
	/* The old one unreadable: nothing is made of nothing. */
	f = fopen(phone_path, "w");
	fputs("short\n", f);
	fclose(f);
	cr_assert_eq(chmod(phone_path, 0600), 0);
	cr_expect_lt(sk_container_master(dir, key, NULL, &err), 0);
	cr_expect_neq(access(path, F_OK), 0);
}
