/* Cutting off and back, with an nft that is a script: the file comes first, the kernel is asked, and only an order ends it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/isolation.h"
#include "common/file.h"

static char dir[64], nft[96], file[96], table[96], records[512], why[128];
static sd_event *loop;
static struct sk_isolation *i;
static int ok;

static uid_t uplink(void *c)
{
	(void)c;
	return 123;
}

static void record(void *c, const char *kind, json_t *body)
{
	(void)c;
	strcat(strcat(records, kind), " ");
	json_decref(body);
}

/* -f FILE: the "kernel" takes the file; list: shows it; delete: forgets it. */
static void write_nft(const char *extra)
{
	char text[600];

	snprintf(text, sizeof text,
	         "#!/bin/sh\n%s\ncase $1 in -f) cp \"$2\" %s ;; list) cat %s ;; delete) rm %s ;; esac\n", extra, table,
	         table, table);
	cr_assert_eq(sk_file_write(nft, text, strlen(text), 0700, NULL), 0);
}

static void open_it(void)
{
	const struct sk_isolation_hooks hooks = {.uplink = uplink, .record = record, .nft = nft};

	cr_assert_eq(sk_isolation_new(loop, dir, &hooks, &i), 0);
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/sk-isolation-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(nft, sizeof nft, "%s/nft", dir);
	snprintf(file, sizeof file, "%s/isolation.nft", dir);
	snprintf(table, sizeof table, "%s/kernel", dir);
	cr_assert_geq(sd_event_new(&loop), 0);
	write_nft("");
	ok = -1;
	open_it();
}

static void teardown(void)
{
	sk_isolation_free(i);
	sd_event_unref(loop);
	unlink(nft);
	unlink(file);
	unlink(table);
	rmdir(dir);
}

TestSuite(agent_isolation, .init = setup, .fini = teardown);

static void done(void *arg, bool good, const char *text)
{
	(void)arg;
	ok = good;
	snprintf(why, sizeof why, "%s", text);
}

static int set(enum sk_isolation_mode m)
{
	int r;

	ok = -1;
	r = sk_isolation_set(i, m, "order", done, NULL);
	for (int n = 0; r == 0 && ok < 0 && n < 500; n++)
		sd_event_run(loop, 20000);
	return r < 0 ? r : ok;
}

static void settle(void)
{
	for (int n = 0; n < 30; n++)
		sd_event_run(loop, 10000);
}

Test(agent_isolation, on_and_off)
{
	cr_assert_eq(set(SK_ISOLATION_MANAGEMENT), 1, "%s", why);
	cr_expect_eq(sk_isolation_mode(i), SK_ISOLATION_MANAGEMENT);
	cr_expect_eq(access(file, F_OK), 0);
	cr_expect_eq(access(table, F_OK), 0);
	cr_assert_eq(set(SK_ISOLATION_FULL), 1, "%s", why);
	cr_assert_eq(set(SK_ISOLATION_NONE), 1, "%s", why);
	cr_expect_eq(access(file, F_OK), -1);
	cr_expect_eq(access(table, F_OK), -1);
	cr_expect_str_eq(records, "isolation.on isolation.on isolation.off ");
	cr_assert_eq(set(SK_ISOLATION_NONE), 1, "again does no harm");
}

Test(agent_isolation, survives_a_restart_and_a_reboot)
{
	cr_assert_eq(set(SK_ISOLATION_FULL), 1);
	sk_isolation_free(i);
	unlink(table); /* rebooted */
	open_it();
	cr_expect_eq(sk_isolation_mode(i), SK_ISOLATION_FULL);
	settle();
	cr_expect_eq(access(table, F_OK), 0);
	cr_expect_str_eq(records, "isolation.on ", "on record once");
}

Test(agent_isolation, a_table_that_somebody_took_away_comes_back)
{
	cr_assert_eq(set(SK_ISOLATION_FULL), 1);
	sk_isolation_look(i);
	settle();
	cr_expect_str_eq(records, "isolation.on ");
	unlink(table);
	sk_isolation_look(i);
	settle();
	cr_expect_eq(access(table, F_OK), 0);
	cr_expect_str_eq(records, "isolation.on settings.put-back ");
	cr_assert_eq(sk_file_write(table, "policy accept", 13, 0600, NULL), 0);
	sk_isolation_look(i);
	cr_assert_eq(set(SK_ISOLATION_NONE), 1, "an order does not wait for a look");
}

Test(agent_isolation, what_did_not_take_is_said_and_stays_wanted)
{
	write_nft("exit 1");
	cr_assert_eq(set(SK_ISOLATION_FULL), 0);
	cr_expect_eq(sk_isolation_mode(i), SK_ISOLATION_FULL, "the next start tries again");
	write_nft("[ \"$1\" != list ] || exit 0"); /* takes it and has nothing */
	cr_assert_eq(set(SK_ISOLATION_FULL), 0);
	cr_expect_str_eq(records, "");
	unlink(nft);
	cr_assert_eq(set(SK_ISOLATION_FULL), 0);
}
