#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "platform/child.h"

struct end {
	int called, status;
	char output[SK_CHILD_OUTPUT_MAX + 1];
	size_t len;
};

static sd_event *loop;
static struct end end;

static void on_end(void *arg, int status, const char *output, size_t len)
{
	struct end *e = arg;

	e->called++;
	e->status = status;
	e->len = len;
	(void)memcpy(e->output, output, len + 1);
}

static void up(void)
{
	cr_assert_geq(sd_event_new(&loop), 0);
	memset(&end, 0, sizeof(end));
}

static void down(void)
{
	loop = sd_event_unref(loop);
}

TestSuite(child, .init = up, .fini = down);

static void run_for(int ms)
{
	for (int i = 0; i < ms / 10 && end.called == 0; i++)
		cr_assert_geq(sd_event_run(loop, 10000), 0);
}

static int start(const char *const argv[], uint64_t ms)
{
	struct sk_child *c = NULL;

	return sk_child_start(loop, argv, ms, on_end, &end, &c);
}

Test(child, output_and_status_come_back)
{
	static const char *const ARGV[] = {"/bin/sh", "-c", "echo hello; exit 3", NULL};

	cr_assert_eq(start(ARGV, 5000), 0);
	cr_assert_eq(end.called, 0, "called before the loop ran");
	run_for(5000);
	cr_assert_eq(end.called, 1);
	cr_assert_eq(end.status, 3);
	cr_assert_str_eq(end.output, "hello\n");
}

Test(child, a_signal_is_128_and_more)
{
	static const char *const ARGV[] = {"/bin/sh", "-c", "kill -9 $$", NULL};

	cr_assert_eq(start(ARGV, 5000), 0);
	run_for(5000);
	cr_assert_eq(end.status, 137);
}

Test(child, too_long_is_killed)
{
	static const char *const ARGV[] = {"/bin/sleep", "100", NULL};

	cr_assert_eq(start(ARGV, 50), 0);
	run_for(5000);
	cr_assert_eq(end.status, -ETIMEDOUT);
	cr_assert_geq(sd_event_run(loop, 500000), 0);
}

Test(child, output_is_bounded)
{
	static const char *const ARGV[] = {"/bin/sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x", NULL};

	cr_assert_eq(start(ARGV, 5000), 0);
	run_for(5000);
	cr_assert_eq(end.status, 0);
	cr_assert_eq(end.len, SK_CHILD_OUTPUT_MAX);
	cr_assert_eq(end.output[end.len], '\0');
}

Test(child, no_shell_no_environment_no_input)
{
	static const char *const ARGV[] = {"/bin/sh", "-c", "echo \"$SECRET$1\"; cat", "x", "$(id)", NULL};

	(void)setenv("SECRET", "leaked", 1);
	cr_assert_eq(start(ARGV, 5000), 0);
	run_for(5000);
	cr_assert_str_eq(end.output, "$(id)\n");
}

Test(child, a_missing_program_is_an_error_and_nobody_is_called)
{
	static const char *const ARGV[] = {"/nonexistent/program", NULL};

	cr_assert_lt(start(ARGV, 1000), 0);
	run_for(50);
	cr_assert_eq(end.called, 0);
}

Test(child, cancelled_means_never_called)
{
	static const char *const ARGV[] = {"/bin/sleep", "100", NULL};
	struct sk_child *c = NULL;

	cr_assert_eq(sk_child_start(loop, ARGV, 60000, on_end, &end, &c), 0);
	sk_child_cancel(c);
	cr_assert_geq(sd_event_run(loop, 500000), 0);
	cr_assert_eq(end.called, 0);
	sk_child_cancel(NULL);
}

Test(child, input_comes_on_stdin_and_ends)
{
	static const char *const ARGV[] = {"/bin/cat", NULL};
	struct sk_child *c = NULL;
	char big[SK_CHILD_INPUT_MAX + 1] = "";

	memset(big, 'k', sizeof(big) - 1);
	cr_assert_eq(sk_child_start_input(loop, ARGV, big, sizeof(big), 5000, on_end, &end, &c), -E2BIG);
	cr_assert_eq(sk_child_start_input(loop, ARGV, big, SK_CHILD_INPUT_MAX, 5000, on_end, &end, &c), 0);
	run_for(5000);
	cr_assert_eq(end.status, 0);
	cr_assert_eq(end.len, SK_CHILD_INPUT_MAX, "%zu", end.len);
	cr_assert_eq(memcmp(end.output, big, SK_CHILD_INPUT_MAX), 0);
}

Test(child, a_child_that_does_not_read_its_input_hurts_nobody)
{
	static const char *const ARGV[] = {"/bin/true", NULL};
	struct sk_child *c = NULL;

	cr_assert_eq(sk_child_start_input(loop, ARGV, "key", 3, 5000, on_end, &end, &c), 0);
	run_for(5000);
	cr_assert_eq(end.status, 0);
}
