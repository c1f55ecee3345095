/* A restore that is killed before any of its steps: nothing of it counts, or all of it does after the next start. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/seal.h"
#include "server/restore.h"

static int kill_before; /* the step that is not reached; 0 = all are */
static int step;

static void one_step(void)
{
	if (kill_before > 0 && ++step == kill_before)
		_exit(77);
}

/* The three calls that change what is in a folder, instead of the C library's. */
int rename(const char *from, const char *to)
{
	one_step();
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
	one_step();
	return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode)
{
	one_step();
	return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	cr_assert_eq(sk_file_write(path, text, strlen(text), 0600, NULL), 0);
}

static bool is(const char *name, const char *text)
{
	char path[200];
	struct sk_buf b;
	bool same;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	sk_buf_init(&b, 1000);
	same = sk_file_read(path, &b, NULL) == 0 && strcmp(b.data, text) == 0;
	sk_buf_deinit(&b);
	return same;
}

static void old_installation(void)
{
	strcpy(dir, "/tmp/sekimori-restore-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	for (size_t i = 0; sk_restore_keys[i] != NULL; i++)
		put(sk_restore_keys[i], "old");
	put("ledger.db", "old");
	put("ledger.db-wal", "old log");
}

static void clean(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

static int all_of_it(void)
{
	struct sk_store_file files[8] = {{.len = 3}};
	char ledger[200];
	struct sk_err err = SK_ERR_INIT;

	for (size_t i = 0; i < 8; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "%s", sk_restore_keys[i]);
		files[i].data = (void *)(uintptr_t) "new";
		files[i].len = 3;
	}
	if (sk_restore_begin(dir, ledger, sizeof(ledger), &err) < 0 ||
	    sk_file_write(ledger, "new", 3, 0600, &err) < 0 || sk_restore_files(dir, files, 8, &err) < 0 ||
	    sk_restore_commit(dir, 17, &err) < 0)
		return 1;
	return sk_restore_finish(dir, &err) == 1 ? 0 : 2;
}

/* All old, or all new with the old beside. */
static bool all_are(const char *text)
{
	bool good = is("ledger.db", text);

	for (size_t i = 0; sk_restore_keys[i] != NULL; i++)
		good &= is(sk_restore_keys[i], text);
	if (strcmp(text, "old") == 0)
		return good && is("ledger.db-wal", "old log");
	for (size_t i = 0; sk_restore_keys[i] != NULL; i++) {
		char aside[64];

		snprintf(aside, sizeof(aside), "%s.before-restore-17", sk_restore_keys[i]);
		good &= is(aside, "old");
	}
	return good && is("ledger.db.before-restore-17", "old") && is("ledger.db-wal.before-restore-17", "old log") &&
	       !is("ledger.db-wal", "old log");
}

/* The child is killed before step n of the restore; status of the child. */
static int killed_before(int n)
{
	pid_t child;
	int status = 0;

	child = fork();
	if (child == 0) {
		kill_before = n;
		step = 0;
		_exit(all_of_it());
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* As the next start does it, itself killed again before step m; then once more to the end. */
static void started_again(int m)
{
	struct sk_err err = SK_ERR_INIT;
	pid_t child = fork();

	if (child == 0) {
		kill_before = m;
		step = 0;
		_exit(sk_restore_finish(dir, NULL) < 0);
	}
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_geq(sk_restore_finish(dir, &err), 0, "%s", err.text);
}

Test(restore, killed_before_every_step, .timeout = 60)
{
	int n = 1, old = 0, new = 0, status = 77;

	for (; status == 77 && n < 200; n++) {
		old_installation();
		status = killed_before(n);
		cr_assert(status == 77 || status == 0, "%d", status);
		started_again(n % 7 + 1);
		cr_assert_not(sk_restore_pending(dir));
		if (all_are("old"))
			old++;
		else
			new += all_are("new");
		cr_assert_eq(old + new, n, "killed before step %d: neither old nor new", n);
		cr_assert_eq(sk_restore_finish(dir, NULL), 0, "and nothing is left to do");
		clean();
	}
	cr_assert_eq(status, 0);
	cr_assert_gt(old, 8);
	cr_assert_gt(new, 15);
}

/* Of a backup from before container.key: the secret that its containers are sealed to, not that of the installation it is put over. */
Test(restore, an_older_backup_brings_the_secret_it_derived)
{
	static const char HEX[] = "0707070707070707070707070707070707070707070707070707070707070707\n";
	struct sk_store_file phone = {.name = "phone.key", .data = (void *)(uintptr_t)HEX, .len = sizeof(HEX) - 1};
	uint8_t master[32], derived[32];
	char ledger[200], text[66];
	struct sk_err err = SK_ERR_INIT;

	old_installation();
	memset(master, 7, sizeof(master));
	sk_derive(master, "containers", derived);
	sk_hex(derived, sizeof(derived), text);
	strcat(text, "\n");
	cr_assert_eq(sk_restore_begin(dir, ledger, sizeof(ledger), &err), 0);
	cr_assert_eq(sk_file_write(ledger, "new", 3, 0600, &err), 0);
	cr_assert_eq(sk_restore_files(dir, &phone, 1, &err), 0, "%s", err.text);
	cr_assert_eq(sk_restore_commit(dir, 17, &err), 0);
	cr_assert_eq(sk_restore_finish(dir, &err), 1, "%s", err.text);
	cr_expect(is("container.key", text));
	cr_expect(is("container.key.before-restore-17", "old"));
	clean();
}

Test(restore, what_is_left_of_a_stopped_one_is_no_hindrance)
{
	old_installation();
	for (int n = 1; n < 12; n++)
		cr_assert_eq(killed_before(n), 77);
	cr_assert(all_are("old"));
	cr_assert_eq(all_of_it(), 0);
	cr_assert(all_are("new"));
	clean();
}

Test(restore, foreign_files_and_occupied_folders_are_refused)
{
	struct sk_store_file evil = {.name = "../evil", .data = (void *)(uintptr_t) "x", .len = 1};
	struct sk_err err = SK_ERR_INIT;
	char ledger[200];

	old_installation();
	cr_assert_eq(sk_restore_begin(dir, ledger, sizeof(ledger), &err), 0);
	cr_assert_eq(sk_restore_files(dir, &evil, 1, &err), -EBADMSG);
	cr_assert_eq(sk_restore_vacant(dir, &err), -EEXIST);
	sk_restore_abandon(dir);
	cr_assert(all_are("old"));
	clean();
	strcpy(dir, "/tmp/sekimori-restore-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(sk_restore_vacant(dir, &err), 0);
	cr_assert_eq(sk_restore_finish(dir, &err), 0);
	clean();
}
