/* The answer of apt that is kept: as long as nothing it came from has changed, and never longer. apt is a script that counts. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "platform/probe.h"
#include "platform/updates_cache.h"

static char root[64];

static void put_mode(const char *path, const char *text, mode_t mode)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	char *slash = strrchr(full, '/');
	*slash = '\0';
	cr_assert_eq(sk_mkdir_p(full, 0755), 0);
	*slash = '/';
	cr_assert_eq(sk_file_write(full, text, strlen(text), mode, NULL), 0);
}

static void put(const char *path, const char *text)
{
	put_mode(path, text, 0644);
}

static void shell(const char *format)
{
	char command[400];

	snprintf(command, sizeof(command), "cd %s && %s", root, format);
	cr_assert_eq(system(command), 0, "%s", command);
}

/* Each call of apt-get leaves a character in "calls", outside of what it answers from. */
static void apt(const char *more)
{
	char text[400];

	snprintf(
	    text, sizeof(text),
	    "#!/bin/sh\nprintf x >>%s/calls\n%s\necho 'Inst zz [1] (2 Debian-Security:12/stable-security [all])'\n",
	    root, more);
	put_mode("usr/bin/apt-get", text, 0755);
}

static size_t calls(void)
{
	char full[100];
	struct stat st;

	snprintf(full, sizeof(full), "%s/calls", root);
	return stat(full, &st) == 0 ? (size_t)st.st_size : 0;
}

static int security(void)
{
	json_t *facts = sk_probe_updates(root), *n = json_object_get(json_object_get(facts, "pending"), "security");
	int answer = json_is_integer(n) ? (int)json_integer_value(n) : -1;

	json_decref(facts);
	return answer;
}

static void start(void)
{
	snprintf(root, sizeof(root), "/tmp/sk-updates-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
	put("var/lib/sekimori/x", "");
	put("var/lib/apt/lists/deb_InRelease", "x");
	put("var/lib/dpkg/status", "Package: zz\nStatus: install ok installed\n");
	put("etc/apt/sources.list.d/a.list", "deb x");
	apt("");
}

static void stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(updates_cache, .init = start, .fini = stop);

Test(updates_cache, apt_is_asked_once)
{
	cr_expect_eq(security(), 1);
	cr_expect_eq(security(), 1);
	cr_expect_eq(calls(), 1);
}

Test(updates_cache, what_apt_answers_from_makes_it_new)
{
	static const char *const changes[] = {
	    "printf yy >var/lib/apt/lists/deb_InRelease",
	    "touch var/lib/apt/lists/other_Packages",
	    "rm var/lib/apt/lists/other_Packages",
	    "printf '\\n' >>var/lib/dpkg/status",
	    "cp -p var/lib/dpkg/status s && mv s var/lib/dpkg/status", /* the same size and date, another file */
	    "touch etc/apt/preferences",
	    "mkdir etc/apt/apt.conf.d && touch etc/apt/apt.conf.d/90x",
	    "printf z >etc/apt/sources.list.d/a.list",
	    "ln -s ../../../x etc/apt/sources.list.d/b.list",
	    "touch x", /* where the link points */
	    "touch -d 2020-01-01 var/lib/dpkg/status", /* a date set by hand */
	    "printf 1 >etc/machine-id",
	};

	security();
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		size_t before = calls();
		shell(changes[i]);
		cr_expect_eq(security(), 1);
		cr_expect_eq(calls(), before + 1, "%s", changes[i]);
		cr_expect_eq(security(), 1);
		cr_expect_eq(calls(), before + 1, "%s, again", changes[i]);
	}
	size_t before = calls();
	shell("mkdir -p var/lib/apt/lists/partial && touch var/lib/apt/lists/partial/deb_InRelease");
	security();
	cr_expect_eq(calls(), before, "a fetch that failed");
}

Test(updates_cache, a_change_while_apt_is_asked_is_not_kept)
{
	apt("printf z >>\"${0%/usr/bin/apt-get}/var/lib/apt/lists/deb_InRelease\"");
	security();
	security();
	cr_expect_eq(calls(), 2);
}

Test(updates_cache, a_failure_is_not_kept)
{
	apt("exit 100");
	cr_expect_eq(security(), -1);
	cr_expect_eq(security(), -1);
	cr_expect_eq(calls(), 2);
}

Test(updates_cache, neither_old_nor_from_the_future)
{
	char state[SK_SHA256_HEX];
	json_t *answer = json_pack("{s:i}", "security", 3), *kept;
	long long now = sk_clock_wall();

	cr_assert_eq(sk_updates_state(root, state), 0);
	cr_assert_eq(sk_updates_keep(root, state, answer, now), 0);
	kept = sk_updates_cached(root, state, now + SK_UPDATES_CACHE_MS);
	cr_expect(json_equal(kept, answer));
	json_decref(kept);
	cr_expect_null(sk_updates_cached(root, state, now + SK_UPDATES_CACHE_MS + 1));
	cr_expect_null(sk_updates_cached(root, state, now - 1));
	state[0] = state[0] == 'a' ? 'b' : 'a';
	cr_expect_null(sk_updates_cached(root, state, now));
	json_decref(answer);
}

Test(updates_cache, what_is_no_answer_is_not_taken)
{
	static const char *const bad[] = {"", "{", "[]", "{\"state\":1}", "null", "{\"answer\":{},\"state\":\"x\"}"};
	char state[SK_SHA256_HEX], text[200];

	cr_assert_eq(sk_updates_state(root, state), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put("var/lib/sekimori/updates.answer", bad[i]);
		cr_expect_null(sk_updates_cached(root, state, 1), "%s", bad[i]);
	}
	snprintf(text, sizeof(text), "{\"state\":\"%s\",\"at\":1,\"answer\":[]}", state);
	put("var/lib/sekimori/updates.answer", text);
	cr_expect_null(sk_updates_cached(root, state, 1));
	shell("rm var/lib/sekimori/updates.answer && mkfifo var/lib/sekimori/updates.answer");
	cr_expect_null(sk_updates_cached(root, state, 1), "never waited for");
}

Test(updates_cache, too_many_files_are_not_kept)
{
	char state[SK_SHA256_HEX];

	shell("cd var/lib/apt/lists && seq 8200 | xargs touch");
	cr_expect_eq(sk_updates_state(root, state), -E2BIG);
	cr_expect_eq(security(), 1);
	cr_expect_eq(security(), 1);
	cr_expect_eq(calls(), 2);
}
