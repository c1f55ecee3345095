/* Backup and restore: whole or not at all. */
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/unit/store_help.h"

static char backup[160], target[160];

static struct sk_store *with_backup(void)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	const struct sk_store_file files[] = {{"ca.key", (void *)(uintptr_t) "secret", 6},
	                                      {"empty", (void *)(uintptr_t) "", 0}};
	struct sk_err err = SK_ERR_INIT;

	for (int i = 0; i < 50; i++)
		help_send(s, &a, "x", "{}");
	snprintf(backup, sizeof(backup), "%s.backup", help_file);
	snprintf(target, sizeof(target), "%s.2", help_file);
	cr_assert_eq(sk_store_backup(s, backup, files, 2, &err), 0, "%s", err.text);
	return s;
}

static int restore(struct sk_err *err)
{
	struct sk_store_file *files = NULL;
	size_t n = 0;
	int r = sk_store_restore(backup, target, &files, &n, err);

	if (r == 0) {
		cr_assert_eq(n, 2);
		cr_assert_str_eq(files[0].name, "ca.key");
		cr_assert_eq(files[0].len, 6);
		cr_assert_arr_eq(files[0].data, "secret", 6);
		sk_store_files_free(files, n);
	} else {
		cr_assert_null(files);
		cr_assert(err->text[0] != '\0');
		cr_assert_neq(access(target, F_OK), 0, "nothing is left of a restore that failed");
	}
	return r;
}

Test(store_backup, round_trip)
{
	struct sk_store *s = with_backup(), *again = NULL;
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;
	struct stat st;
	json_t *findings = NULL;

	cr_assert_eq(stat(backup, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(restore(&err), 0, "%s", err.text);
	cr_assert_eq(sk_store_open(target, false, &again, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_verify(again, &findings, &err), 0);
	json_decref(findings);
	cr_assert_eq(sk_store_terminal_get(again, "00000000-0000-4000-8000-000000000001", &t), 0);
	cr_assert_eq(t.last_seq, 50);
	sk_store_close(again);
	cr_assert_eq(sk_store_restore(backup, target, &(struct sk_store_file *){NULL}, &(size_t){0}, &err), -EEXIST);
	help_close(s);
}

Test(store_backup, never_over_another_file)
{
	struct sk_store *s = with_backup();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_backup(s, backup, NULL, 0, &err), -EEXIST);
	cr_assert_eq(restore(&err), 0, "and the first one is whole");
	cr_assert_lt(sk_store_backup(s, "/nonexistent/x", NULL, 0, &err), 0);
	help_close(s);
}

Test(store_backup, cut_or_changed_files)
{
	struct sk_store *s = with_backup();
	struct sk_err err = SK_ERR_INIT;
	struct stat st;
	char noise[4096];
	int fd;

	cr_assert_eq(stat(backup, &st), 0);
	cr_assert_eq(truncate(backup, st.st_size / 2), 0);
	cr_assert_lt(restore(&err), 0);
	cr_assert_eq(truncate(backup, 0), 0);
	cr_assert_lt(restore(&err), 0);
	memset(noise, 'x', sizeof(noise));
	fd = open(backup, O_WRONLY);
	cr_assert_eq(write(fd, noise, sizeof(noise)), (ssize_t)sizeof(noise));
	close(fd);
	cr_assert_lt(restore(&err), 0);
	unlink(backup);
	cr_assert_lt(restore(&err), 0);
	help_close(s);
}

static void change(const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(backup, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(store_backup, broken_chains)
{
	struct sk_store *s = with_backup();
	struct sk_err err = SK_ERR_INIT;

	change("DROP TRIGGER events_no_update; UPDATE events SET time = 1 WHERE seq = 9");
	cr_assert_eq(restore(&err), -EBADMSG);
	cr_assert(strstr(err.text, "broken") != NULL);
	help_close(s);
}

Test(store_backup, names_that_are_paths)
{
	struct sk_store *s = with_backup();
	struct sk_err err = SK_ERR_INIT;

	change("UPDATE backup_files SET name = '../x' WHERE name = 'empty'");
	cr_assert_eq(restore(&err), -EBADMSG);
	change("UPDATE backup_files SET name = '.ssh' WHERE name = '../x'");
	cr_assert_eq(restore(&err), -EBADMSG);
	help_close(s);
}

Test(store_backup, what_was_issued_after_it_cannot_be_mistaken, .timeout = 30)
{
	struct sk_store *s = with_backup(), *again = NULL;
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;
	struct sk_terminal t;
	int64_t version = 0, policy = 0;
	json_t *tokens, *trail;
	char *text = NULL;
	sk_ms until = 0;

	unlink(backup);
	help_token(s, "open", "pc-9", "", "zeimu");
	cr_assert_eq(sk_store_session_put(s, "token", "kansa", "csrf", T0), 0);
	cr_assert_eq(sk_store_policy_set(s, &by, "", "[old]", &err), 0);
	json_decref(sk_store_grants_body(s, "00000000-0000-4000-8000-000000000001", T0, &version));
	cr_assert_eq(sk_store_policy(s, "00000000-0000-4000-8000-000000000001", &text, &policy), 0);
	free(text);
	cr_assert_eq(sk_store_backup(s, backup,
	                             (const struct sk_store_file[]){{"ca.key", (void *)(uintptr_t) "secret", 6},
	                                                            {"empty", (void *)(uintptr_t) "", 0}},
	                             2, &err),
	             0, "%s", err.text);
	cr_assert_eq(restore(&err), 0, "%s", err.text);
	cr_assert_eq(sk_store_open(target, false, &again, &err), 0, "%s", err.text);
	cr_assert_eq(sk_store_restored(again, &by, "b", sk_clock_wall(), &until, &err), 0, "%s", err.text);
	cr_assert_gt(until, T0, "the newest record's time");
	cr_assert_leq(until, sk_clock_wall());
	cr_assert_eq(sk_store_terminal_get(again, "00000000-0000-4000-8000-000000000001", &t), 0);
	cr_assert_eq(t.policy_version, policy + 1000000);
	cr_assert_eq(t.grants_version, version + 1000000);
	json_decref(sk_store_grants_body(again, t.id, T0, &version));
	cr_assert_eq(version, t.grants_version + 1, "the same contents are issued anew");
	cr_assert_eq(sk_store_policy(again, t.id, &text, &policy), 0);
	cr_assert_eq(policy, t.policy_version + 1);
	free(text);
	tokens = sk_store_tokens(again, T0);
	cr_assert_str_eq(help_text(json_array_get(tokens, 0), "state"), "revoked");
	json_decref(tokens);
	cr_assert_eq(sk_store_session_get(again, "token", T0, HOUR, HOUR, (char[64]){0}, (char[65]){0}), -ENOENT);
	trail = sk_store_audit_list(again, 0, 1);
	cr_assert_str_eq(help_text(json_array_get(trail, 0), "action"), "restore");
	cr_assert_eq(help_number(json_object_get(json_array_get(trail, 0), "detail"), "tokens_revoked"), 1);
	json_decref(trail);
	sk_store_close(again);
	help_close(s);
}

static void *write_on(void *arg)
{
	struct sk_store *other = NULL;
	struct sk_actor by = help_admin();
	struct sk_err err = SK_ERR_INIT;

	cr_assert_eq(sk_store_open(help_path, false, &other, &err), 0, "%s", err.text);
	while (!__atomic_load_n((bool *)arg, __ATOMIC_SEQ_CST))
		(void)sk_store_audit(other, &by, "x", "y", NULL, T0);
	sk_store_close(other);
	return NULL;
}

Test(store_backup, ends_while_another_process_writes, .timeout = 60)
{
	struct sk_store *s = help_store();
	struct chain a = help_terminal(s, 1, "zeimu");
	struct sk_err err = SK_ERR_INIT;
	char body[8000];
	bool stop = false;
	pthread_t writer;

	memset(body, 'x', sizeof(body));
	memcpy(body, "{\"x\":\"", 6);
	memcpy(body + sizeof(body) - 3, "\"}", 3);
	cr_assert_eq(sk_store_batch_begin(s), 0);
	for (int i = 0; i < 2000; i++) /* more pages than one step of a copy in slices takes */
		help_send(s, &a, "x", body);
	cr_assert_eq(sk_store_batch_end(s), 0);
	snprintf(backup, sizeof(backup), "%s.backup", help_file);
	cr_assert_eq(pthread_create(&writer, NULL, write_on, &stop), 0);
	cr_assert_eq(sk_store_backup(s, backup, NULL, 0, &err), 0, "%s", err.text);
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(writer, NULL);
	help_close(s);
}
