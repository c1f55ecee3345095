/* Suspended and let in again: what the account's expiry was comes back; the system's own accounts never; what usermod cannot, the list does. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/suspend.h"
#include "common/file.h"

static char dir[64], usermod[96], asked[96], value[16384], expiry[16];
static sd_event *loop;
static struct sk_suspend *s;
static int kind, ok;

static int h_get(void *c, const char *name, struct sk_buf *out)
{
	(void)c;
	(void)name;
	return value[0] ? sk_buf_adds(out, value) : -ENOENT;
}

static int h_set(void *c, const char *name, const char *text)
{
	(void)c;
	(void)name;
	snprintf(value, sizeof value, "%s", text);
	return 0;
}

static int h_expiry(void *c, const char *login, char out[16])
{
	(void)c;
	(void)login;
	strcpy(out, expiry);
	return kind;
}

static void open_it(void)
{
	const struct sk_suspend_hooks hooks = {.get = h_get, .set = h_set, .expiry = h_expiry, .usermod = usermod};

	cr_assert_eq(sk_suspend_new(loop, &hooks, &s), 0);
}

static void write_usermod(int status)
{
	char text[300];

	snprintf(text, sizeof text, "#!/bin/sh\necho \"$*\" >>%s\nexit %d\n", asked, status);
	cr_assert_eq(sk_file_write(usermod, text, strlen(text), 0700, NULL), 0);
}

static void setup(void)
{
	snprintf(dir, sizeof dir, "/tmp/sk-suspend-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(usermod, sizeof usermod, "%s/usermod", dir);
	snprintf(asked, sizeof asked, "%s/asked", dir);
	write_usermod(0);
	cr_assert_geq(sd_event_new(&loop), 0);
	open_it();
}

static void teardown(void)
{
	sk_suspend_free(s);
	sd_event_unref(loop);
	unlink(usermod);
	unlink(asked);
	rmdir(dir);
}

TestSuite(suspend, .init = setup, .fini = teardown);

static void done(void *arg, bool good, const char *why)
{
	(void)arg;
	(void)why;
	ok = good;
}

static int set(const char *login, bool on)
{
	int r = sk_suspend_set(s, login, on, done, NULL);

	ok = -1;
	for (int n = 0; r == 0 && ok < 0 && n < 500; n++)
		sd_event_run(loop, 20000);
	return r < 0 ? r : ok;
}

static void was_asked(const char *text)
{
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	(void)sk_file_read(asked, &b, NULL);
	cr_expect_str_eq(b.data ? b.data : "", text);
	sk_buf_deinit(&b);
}

Test(suspend, a_local_account_expires_and_gets_its_own_date_back)
{
	strcpy(expiry, "2027-03-31");
	cr_assert_eq(set("yamada", true), 1);
	cr_expect(sk_suspend_is(s, "yamada"));
	strcpy(expiry, ""); /* as usermod left it */
	cr_assert_eq(set("yamada", true), 1, "twice");
	sk_suspend_free(s);
	open_it();
	cr_expect(sk_suspend_is(s, "yamada"), "also after a restart");
	cr_assert_eq(set("yamada", false), 1);
	cr_expect(!sk_suspend_is(s, "yamada"));
	was_asked("--expiredate 1 -- yamada\n--expiredate 1 -- yamada\n--expiredate 2027-03-31 -- yamada\n");
	cr_assert_eq(set("suzuki", false), 1, "was not suspended: nothing to open");
	was_asked("--expiredate 1 -- yamada\n--expiredate 1 -- yamada\n--expiredate 2027-03-31 -- yamada\n");
}

Test(suspend, an_account_of_a_domain_is_on_the_list)
{
	kind = -ENOENT;
	cr_assert_eq(set("CITY\\sato", true), 1);
	cr_expect(sk_suspend_is(s, "CITY\\sato"));
	cr_assert_eq(set("CITY\\sato", false), 1);
	cr_expect(!sk_suspend_is(s, "CITY\\sato"));
	cr_expect_neq(access(asked, F_OK), 0, "usermod has no part in it");
}

Test(suspend, the_systems_own_never)
{
	kind = -EPERM;
	cr_expect_eq(set("root", true), -EPERM);
	cr_expect(!sk_suspend_is(s, "root"));
	cr_expect_eq(sk_suspend_expiry(NULL, "root", expiry), -EPERM);
}

Test(suspend, when_usermod_fails_the_list_holds)
{
	write_usermod(1);
	cr_assert_eq(set("yamada", true), 0);
	cr_expect(sk_suspend_is(s, "yamada"));
	cr_assert_eq(set("yamada", false), 0);
	cr_expect(sk_suspend_is(s, "yamada"), "not let in by a failure");
}

Test(suspend, bounded_and_hostile_memory)
{
	char login[16];

	kind = -ENOENT;
	for (int i = 0; i < 64; i++) {
		snprintf(login, sizeof login, "u%d", i);
		cr_assert_eq(set(login, true), 1);
	}
	cr_expect_eq(set("one-more", true), -ENOSPC);
	sk_suspend_free(s);
	strcpy(value, "[1,2");
	open_it();
	cr_expect(!sk_suspend_is(s, "u1"));
	cr_assert_eq(set("u1", true), 1);
}
