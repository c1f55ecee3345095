/* The journal: durable when append returns, whole after kill -9, and never lost to a full disk, a damaged file or too much waiting. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "agent/journal_spool.h"
#include "agent/journal_verify.h"
#include "tests/unit/agent_help.h"

static struct sk_journal *j;

static struct sk_journal *open_as(const char *device, int64_t spool_max)
{
	struct sk_journal_options o = {.dir = dir, .device = device, .spool_max = spool_max};
	struct sk_journal *n = NULL;

	cr_assert_eq(sk_journal_new(&o, &n), 0);
	return n;
}

static void setup(void)
{
	make_dir();
	j = open_as(SK_CHAIN_LOCAL, 0);
	cr_assert_eq(sk_journal_open(j, 1000, NULL), 0);
}

static void teardown(void)
{
	struct rlimit whole = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_FSIZE, &whole);
	j = sk_journal_free(j);
	remove_dir();
}

static int append(const char *kind, int n, sk_ms time)
{
	json_t *b = json_pack("{s:i}", "n", n);
	int r = sk_journal_append(j, kind, b, time);

	json_decref(b);
	return r;
}

static int append_large(const char *kind, int n, size_t size, sk_ms time)
{
	char *text = calloc(1, size + 1);
	json_t *b;
	int r;

	memset(text, 'a', size);
	b = json_pack("{s:i, s:s}", "n", n, "pad", text);
	r = sk_journal_append(j, kind, b, time);
	json_decref(b);
	free(text);
	return r;
}

static struct sk_journal_info info(void)
{
	struct sk_journal_info i;

	sk_journal_info(j, &i);
	return i;
}

static struct sk_journal_verify verify(void)
{
	struct sk_journal_verify v;
	int r;

	sk_journal_verify_begin(j, &v);
	while ((r = sk_journal_verify_step(j, &v, 7)) > 0)
		;
	sk_journal_verify_end(j, &v);
	cr_assert_eq(r, 0);
	return v;
}

static void reopen(const char *device)
{
	j = sk_journal_free(j);
	j = open_as(device, 0);
	cr_assert_eq(sk_journal_open(j, 5000, NULL), 0);
}

static json_t *list(void)
{
	json_t *l = sk_journal_list(j, -1, 1000, 1 << 20, NULL, NULL);

	cr_assert_not_null(l);
	return l;
}

static const char *kind_at(const json_t *l, int back)
{
	return json_string_value(json_object_get(json_array_get(l, json_array_size(l) - 1 - (size_t)back), "kind"));
}

/* SQL on the file itself, as somebody with root could do. */
static void tamper(const char *sql)
{
	sqlite3 *db;
	char *problem = NULL;

	j = sk_journal_free(j);
	cr_assert_eq(sqlite3_open(in_dir("journal.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, &problem), SQLITE_OK, "%s", problem);
	sqlite3_close(db);
	j = open_as(SK_CHAIN_LOCAL, 0);
	cr_assert_eq(sk_journal_open(j, 5000, NULL), 0);
}

Test(journal, starts_with_a_chain_and_counts_up, .init = setup, .fini = teardown)
{
	json_t *l;

	cr_assert_eq(append("daemon.started", 1, 2000), 0);
	cr_assert_eq(append("device.decided", 2, 3000), 0);
	cr_assert_eq(info().last_seq, 3);
	cr_assert_eq(info().state, SK_JOURNAL_OK);
	cr_assert_eq(sk_journal_last_time(j), 3000);
	l = list();
	cr_assert_str_eq(kind_at(l, 2), "chain-start");
	cr_assert_str_eq(kind_at(l, 0), "device.decided");
	json_decref(l);
	cr_assert_eq(verify().records, 3);
	cr_assert_eq(verify().broken, 0);
}

Test(journal, goes_on_after_reopening, .init = setup, .fini = teardown)
{
	append("daemon.started", 1, 2000);
	reopen(SK_CHAIN_LOCAL);
	cr_assert_eq(append("daemon.started", 2, 3000), 0);
	cr_assert_eq(info().last_seq, 3);
	cr_assert_eq(verify().broken, 0);
}

Test(journal, refuses_what_is_no_event, .init = setup, .fini = teardown)
{
	json_t *a = json_array(), *o = json_object();
	char kind[100];

	memset(kind, 'k', sizeof kind);
	kind[99] = '\0';
	cr_assert_eq(sk_journal_append(j, "device.decided", a, 1), -EINVAL);
	cr_assert_eq(sk_journal_append(j, "device.decided", NULL, 1), -EINVAL);
	cr_assert_eq(sk_journal_append(j, "", o, 1), -EINVAL);
	cr_assert_eq(sk_journal_append(j, kind, o, 1), -EINVAL);
	cr_assert_eq(info().last_seq, 1);
	json_decref(a);
	json_decref(o);
}

Test(journal, a_body_too_large_is_recorded_as_such, .init = setup, .fini = teardown)
{
	json_t *l;

	cr_assert_eq(append_large("device.decided", 1, 20000, 2000), 0);
	l = list();
	cr_assert_gt(json_integer_value(json_object_get(json_object_get(json_array_get(l, 1), "body"), "oversize")),
	             20000);
	json_decref(l);
	cr_assert_eq(verify().broken, 0);
}

/* A child appends and says which event returned; it is killed at any moment; what it said is there and the chain is whole. */
Test(journal, kill_9_between_appends_loses_nothing_that_returned, .init = setup, .fini = teardown, .timeout = 60)
{
	for (int round = 0; round < 5; round++) {
		int p[2], said = 0, n;
		pid_t pid;

		j = sk_journal_free(j);
		cr_assert_eq(pipe(p), 0);
		pid = fork();
		if (pid == 0) {
			j = open_as(SK_CHAIN_LOCAL, 0);
			(void)sk_journal_open(j, 5000, NULL);
			for (int i = 1; append("device.decided", round * 100000 + i, 6000 + i) == 0; i++)
				if (write(p[1], &i, sizeof i) != sizeof i)
					_exit(1);
			_exit(2);
		}
		close(p[1]);
		for (int i = 0; i < 20 + round * 13; i++)
			cr_assert_eq(read(p[0], &said, sizeof said), (ssize_t)sizeof said);
		cr_assert_eq(kill(pid, SIGKILL), 0);
		while (read(p[0], &n, sizeof n) == (ssize_t)sizeof n)
			said = n;
		close(p[0]);
		cr_assert_eq(waitpid(pid, NULL, 0), pid);
		j = open_as(SK_CHAIN_LOCAL, 0);
		cr_assert_eq(sk_journal_open(j, 9000, NULL), 0);
		cr_assert_eq(verify().broken, 0);
		json_t *l = sk_journal_list(j, -1, 2, 1 << 20, NULL, NULL);
		/* The last one may have been stored without its saying so. */
		cr_assert_geq(json_integer_value(json_object_get(json_object_get(json_array_get(l, 1), "body"), "n")),
		              round * 100000 + said);
		json_decref(l);
	}
	cr_assert_eq(count_files("journal.db.damaged"), 0);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit l = {bytes, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

Test(journal, full_disk_keeps_events_in_memory_and_stores_them_later, .init = setup, .fini = teardown)
{
	int n = 0, r = 0;
	json_t *l;

	limit_files(64 * 1024);
	for (; n < 100 && r == 0; n++)
		r = append_large("device.decided", n, 4000, 2000 + n);
	cr_assert_eq(r, -ENOSPC, "it was %d after %d", r, n);
	cr_assert_eq(info().state, SK_JOURNAL_FULL);
	cr_assert_eq(append("device.decided", 7777, 3000), -ENOSPC);
	cr_assert_eq(info().queued, 2);
	cr_assert_lt(sk_journal_retry(j, 3500), 0);
	limit_files(RLIM_INFINITY);
	cr_assert_eq(sk_journal_retry(j, 4000), 0);
	cr_assert_eq(info().state, SK_JOURNAL_OK);
	cr_assert_eq(info().queued, 0);
	l = list();
	cr_assert_str_eq(kind_at(l, 2), "journal.full");
	cr_assert_str_eq(kind_at(l, 0), "device.decided");
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(l, json_array_size(l) - 1), "time")), 3000,
	             "its own time");
	cr_assert_eq((int)json_array_size(l), 1 + n + 2);
	json_decref(l);
	cr_assert_eq(verify().broken, 0);
}

Test(journal, more_than_memory_holds_is_counted, .init = setup, .fini = teardown, .timeout = 120)
{
	json_t *l, *gap;

	limit_files(1);
	for (int i = 0; i < SK_EVENT_KIND_MAX * 30; i++)
		cr_assert_lt(append("device.decided", i, 2000 + i), 0);
	cr_assert_eq(info().queued, 1024);
	cr_assert_eq(info().dropped, 1200 - 1024);
	limit_files(RLIM_INFINITY);
	cr_assert_eq(sk_journal_retry(j, 9000), 0);
	l = sk_journal_list(j, -1, 1, 1 << 20, NULL, NULL);
	gap = json_array_get(l, 0);
	cr_assert_str_eq(json_string_value(json_object_get(gap, "kind")), "journal.gap");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(gap, "body"), "dropped")), 176);
	json_decref(l);
	cr_assert_eq(verify().broken, 0);
}

static void scribble(const char *name, off_t at)
{
	int fd = open(in_dir(name), O_WRONLY);

	cr_assert_geq(fd, 0);
	cr_assert_gt(pwrite(fd, "this is not a database, it was one", 34, at), 0);
	close(fd);
}

Test(journal, a_damaged_file_is_moved_aside_and_a_new_chain_says_so, .init = setup, .fini = teardown)
{
	json_t *l;

	append("device.decided", 1, 2000);
	j = sk_journal_free(j);
	scribble("journal.db", 0);
	j = open_as(SK_CHAIN_LOCAL, 0);
	cr_assert_eq(sk_journal_open(j, 5000, NULL), 0);
	cr_assert_eq(info().state, SK_JOURNAL_OK);
	cr_assert_eq(count_files("journal.db.damaged-5000"), 1);
	l = list();
	cr_assert_str_eq(kind_at(l, 1), "chain-start");
	cr_assert_str_eq(kind_at(l, 0), "journal.gap");
	cr_assert_str_eq(json_string_value(json_object_get(json_object_get(json_array_get(l, 0), "body"), "reason")),
	                 "damaged");
	json_decref(l);
	cr_assert_eq(append("device.decided", 2, 6000), 0);
	cr_assert_eq(verify().broken, 0);
}

Test(journal, after_damage_the_chain_goes_on_where_the_server_is, .init = setup, .fini = teardown)
{
	json_t *events = NULL;

	reopen(DEVICE);
	for (int i = 0; i < 5; i++)
		append("device.decided", i, 6000 + i);
	cr_assert_eq(sk_spool_read(j, 3, 1 << 20, &events, NULL), 0);
	const char *hash = json_string_value(json_object_get(json_array_get(events, 0), "hash"));
	cr_assert_eq(sk_spool_ack(j, 4, 6100, NULL), 0);
	j = sk_journal_free(j);
	scribble("journal.db", 0);
	j = open_as(DEVICE, 0);
	cr_assert_eq(sk_journal_open(j, 7000, NULL), 0);
	json_t *fresh = NULL;
	cr_assert_eq(sk_spool_read(j, info().acked_seq, 1 << 20, &fresh, NULL), 0);
	json_t *first = json_array_get(fresh, 0);
	cr_assert_eq(json_integer_value(json_object_get(first, "seq")), 5);
	cr_assert_str_eq(json_string_value(json_object_get(first, "prev")), hash);
	cr_assert_str_eq(json_string_value(json_object_get(first, "kind")), "chain-start");
	cr_assert_eq(verify().broken, 0);
	json_decref(events);
	json_decref(fresh);
}

Test(journal, damage_met_while_running_is_survived, .init = setup, .fini = teardown)
{
	char page[4096];

	for (int i = 0; i < 200; i++)
		append_large("device.decided", i, 2000, 2000 + i);
	j = sk_journal_free(j); /* all in the main file now */
	int fd = open(in_dir("journal.db"), O_RDWR);
	off_t end = lseek(fd, 0, SEEK_END);
	memset(page, 0xee, sizeof page);
	for (off_t at = 8 * 4096; at < end; at += 4096) /* every page of events, not the schema */
		cr_assert_eq(pwrite(fd, page, sizeof page, at), 4096);
	close(fd);
	j = open_as(SK_CHAIN_LOCAL, 0);
	cr_assert_eq(sk_journal_open(j, 5000, NULL), 0);
	cr_assert_eq(append("device.decided", 1, 6000), 0);
	cr_assert_eq(verify().broken, 0);
	cr_assert_eq(count_files("journal.db.damaged"), 1);
}

Test(journal, a_file_of_a_newer_version_is_not_written_into, .init = setup, .fini = teardown)
{
	tamper("PRAGMA user_version=99");
	cr_assert_eq(count_files("journal.db.damaged"), 1);
	cr_assert_eq(append("device.decided", 1, 6000), 0);
}

Test(journal, a_state_folder_that_is_not_there_is_no_end, .init = setup, .fini = teardown)
{
	struct sk_journal_options o = {.dir = "/nonexistent/sekimori", .device = SK_CHAIN_LOCAL};
	json_t *b = json_object();

	j = sk_journal_free(j);
	cr_assert_eq(sk_journal_new(&o, &j), 0);
	cr_assert_lt(sk_journal_open(j, 1000, NULL), 0);
	cr_assert_eq(info().state, SK_JOURNAL_FAILED);
	cr_assert_lt(sk_journal_append(j, "device.decided", b, 1000), 0);
	cr_assert_eq(info().queued, 1);
	json_decref(b);
}

Test(journal, enrolment_starts_a_chain_that_names_the_last_hash, .init = setup, .fini = teardown)
{
	json_t *events = NULL, *body = NULL, *local = NULL;
	const char *named;

	append("device.decided", 1, 2000);
	cr_assert_eq(sk_spool_read(j, 1, 1 << 20, &local, NULL), 0);
	cr_assert_eq(sk_journal_rechain(j, DEVICE, 3000), 0);
	cr_assert_eq(info().last_seq, 1);
	cr_assert_str_eq(info().device, DEVICE);
	cr_assert_eq(sk_spool_read(j, 0, 1 << 20, &events, NULL), 0);
	body = json_loads(json_string_value(json_object_get(json_array_get(events, 0), "body")), 0, NULL);
	named = json_string_value(json_object_get(json_object_get(body, "previous"), "hash"));
	cr_assert_str_eq(named, json_string_value(json_object_get(json_array_get(local, 0), "hash")));
	cr_assert_eq(verify().records, 3);
	cr_assert_eq(verify().broken, 0);
	json_decref(events);
	json_decref(body);
	json_decref(local);
	/* The journal itself notices when trust changed without it. */
	reopen(OTHER);
	cr_assert_str_eq(info().device, OTHER);
	cr_assert_eq(info().last_seq, 1);
	cr_assert_eq(verify().broken, 0);
}

Test(journal, every_kind_of_change_is_found, .init = setup, .fini = teardown)
{
	static const char *const changes[] = {
	    "UPDATE event SET body=CAST('{\"n\":9}' AS BLOB) WHERE id=(SELECT max(id)-2 FROM event)",
	    "UPDATE event SET time=time+1 WHERE id=(SELECT max(id)-2 FROM event)",
	    "UPDATE event SET kind='device.removed' WHERE id=(SELECT max(id)-2 FROM event)",
	    "DELETE FROM event WHERE id=(SELECT max(id)-2 FROM event)",
	    "UPDATE chain SET device='somebody else'",
	    "UPDATE chain SET base_hash=replace(base_hash,'0','1')",
	};

	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		j = sk_journal_free(j);
		remove_dir();
		setup();
		for (int n = 0; n < 6; n++)
			append("device.decided", n, 2000 + n);
		cr_assert_eq(verify().broken, 0);
		tamper(changes[i]);
		cr_assert_gt(verify().broken, 0, "not found: %s", changes[i]);
		cr_assert_gt(strlen(verify().problem), 0);
	}
}

Test(journal, records_cut_off_the_end_are_noticed, .init = setup, .fini = teardown)
{
	for (int n = 0; n < 6; n++)
		append("device.decided", n, 2000 + n);
	cr_assert_eq(sk_spool_ack(j, 7, 3000, NULL), 0);
	tamper("DELETE FROM event WHERE id>(SELECT max(id)-3 FROM event)");
	cr_assert_eq(count_files("journal.db.damaged"), 1, "what was acknowledged is gone: the file is not trusted");
	cr_assert_eq(info().last_seq, 9, "chain-start and gap after record 7");
}

Test(journal, time_is_kept_without_events, .init = setup, .fini = teardown)
{
	cr_assert_eq(sk_journal_touch(j, 777000), 0);
	reopen(SK_CHAIN_LOCAL);
	cr_assert_eq(sk_journal_last_time(j), 777000);
	append("daemon.started", 1, 888000);
	cr_assert_eq(sk_journal_last_time(j), 888000);
}

Test(journal, small_values, .init = setup, .fini = teardown)
{
	struct sk_buf b;

	sk_buf_init(&b, 100);
	cr_assert_eq(sk_journal_meta_get(j, "check.x", &b), -ENOENT);
	cr_assert_eq(sk_journal_meta_set(j, "check.x", "compliant"), 0);
	cr_assert_eq(sk_journal_meta_set(j, "check.x", "unknown'); DROP TABLE event;--"), 0);
	cr_assert_eq(sk_journal_meta_get(j, "check.x", &b), 0);
	cr_assert_str_eq(b.data, "unknown'); DROP TABLE event;--");
	sk_buf_deinit(&b);
	cr_assert_eq(verify().records, 1);
}

static int only(void *ctx, const char *kind, const char *body, size_t len)
{
	(void)body;
	(void)len;
	return !strcmp(kind, ctx);
}

static int has_n(void *ctx, const json_t *body)
{
	return json_integer_value(json_object_get(body, "n")) == *(int *)ctx;
}

Test(journal, listing_and_finding, .init = setup, .fini = teardown)
{
	json_t *l;
	int want = 3;

	for (int n = 0; n < 6; n++)
		append(n % 2 ? "device.decided" : "check.changed", n, 2000 + n);
	l = sk_journal_list(j, -1, 2, 1 << 20, only, (void *)"device.decided");
	cr_assert_eq(json_array_size(l), 2);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(l, 1), "seq")), 7);
	json_decref(l);
	l = sk_journal_list(j, 5, 100, 1 << 20, NULL, NULL);
	cr_assert_eq(json_array_size(l), 2, "only what comes after");
	json_decref(l);
	l = sk_journal_list(j, -1, 100, 10, NULL, NULL);
	cr_assert_eq(json_array_size(l), 0, "bounded in bytes");
	json_decref(l);
	l = sk_journal_find(j, "device.decided", 100, has_n, &want);
	cr_assert_not_null(l);
	json_decref(l);
	cr_assert_null(sk_journal_find(j, "device.decided", 2, has_n, &want), "not deeper than asked");
}
