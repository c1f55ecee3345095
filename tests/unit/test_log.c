/* The administrator's log: one message is one line, priorities under the journal, and a stuck reader holds nobody up. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

static int reader = -1;

static void capture(void)
{
	int p[2];

	cr_assert_eq(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_geq(dup2(p[1], STDERR_FILENO), 0);
	close(p[1]);
	reader = p[0];
}

static const char *captured(void)
{
	static char text[8192];
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

Test(log, terminal_shows_the_program)
{
	unsetenv("JOURNAL_STREAM");
	sk_log_init("sekimorid", SK_LOG_INFO);
	capture();
	errno = EXDEV;
	sk_log(SK_LOG_WARNING, "disk %d", 3);
	cr_expect_eq(errno, EXDEV);
	cr_expect_str_eq(captured(), "sekimorid: disk 3\n");
}

Test(log, journal_gets_the_priority)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	sk_log_init("sekimorid", SK_LOG_INFO);
	capture();
	sk_log(SK_LOG_WARNING, "disk");
	cr_expect_str_eq(captured(), "<4>disk\n");
}

Test(log, level)
{
	unsetenv("JOURNAL_STREAM");
	sk_log_init("p", SK_LOG_WARNING);
	capture();
	sk_log(SK_LOG_NOTICE, "hidden");
	cr_expect_str_eq(captured(), "");
	sk_log_set_max(SK_LOG_DEBUG);
	sk_log(SK_LOG_DEBUG, "shown");
	cr_expect_str_eq(captured(), "p: shown\n");
}

Test(log, one_line_whatever_is_in_it)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	sk_log_init("p", SK_LOG_INFO);
	capture();
	sk_log(SK_LOG_INFO, "a\n<3>forged\x1b[0m \xff \\x0a");
	cr_expect_str_eq(captured(), "<6>a\\x0a<3>forged\\x1b[0m \\xff \\x0a\n");
}

Test(log, long_message_is_cut)
{
	char *big = malloc(100001);
	const char *out;

	cr_assert_not_null(big);
	memset(big, '\n', 100000);
	big[100000] = '\0';
	unsetenv("JOURNAL_STREAM");
	sk_log_init("p", SK_LOG_INFO);
	capture();
	sk_log(SK_LOG_INFO, "%s", big);
	out = captured();
	cr_expect_lt(strlen(out), 4096);
	cr_expect_eq(strchr(out, '\n'), out + strlen(out) - 1);
	free(big);
}

Test(log, stuck_reader, .timeout = 10)
{
	struct timespec a, b;
	char junk[4096] = {0};

	sk_log_init("p", SK_LOG_INFO);
	capture();
	while (write(STDERR_FILENO, junk, sizeof(junk)) > 0)
		;
	fcntl(STDERR_FILENO, F_SETFL, fcntl(STDERR_FILENO, F_GETFL) & ~O_NONBLOCK);
	clock_gettime(CLOCK_MONOTONIC, &a);
	sk_log(SK_LOG_INFO, "lost");
	clock_gettime(CLOCK_MONOTONIC, &b);
	cr_expect_lt(b.tv_sec - a.tv_sec, 3);
}

Test(log, json_is_one_object_a_line)
{
	char longest[4000];
	const char *text;
	json_t *j;

	unsetenv("JOURNAL_STREAM");
	sk_log_init("sekimori-server", SK_LOG_INFO);
	sk_log_set_json(true);
	capture();
	sk_log_set_request("AB12-7f");
	sk_log(SK_LOG_WARNING, "a \"quoted\" \\ path\n\x1b[31m 税務課 %s", "\xff");
	text = captured();
	cr_assert_eq(text[strlen(text) - 1], '\n');
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
	j = json_loads(text, 0, NULL);
	cr_assert_not_null(j, "%s", text);
	cr_assert_str_eq(json_string_value(json_object_get(j, "level")), "warning");
	cr_assert_str_eq(json_string_value(json_object_get(j, "request")), "AB12-7f");
	cr_assert_str_eq(json_string_value(json_object_get(j, "program")), "sekimori-server");
	cr_assert_not_null(strstr(json_string_value(json_object_get(j, "text")), "a \"quoted\" "));
	cr_assert_not_null(strstr(json_string_value(json_object_get(j, "text")), "税務課"));
	json_decref(j);
	sk_log_set_request(NULL);
	for (size_t n = 1900; n < 2200; n++) { /* cut anywhere, it stays JSON */
		for (size_t i = 0; i < n; i++)
			longest[i] = i % 3 == 0 ? '"' : i % 3 == 1 ? '\\' : 'x';
		longest[n] = '\0';
		sk_log(SK_LOG_ERR, "%s", longest);
		text = captured();
		j = json_loads(text, 0, NULL);
		cr_assert_not_null(j, "%zu: %s", n, text);
		cr_assert_null(json_object_get(j, "request"));
		json_decref(j);
	}
}

Test(log, lines_name_the_request_they_belong_to)
{
	unsetenv("JOURNAL_STREAM");
	sk_log_init("p", SK_LOG_INFO);
	capture();
	sk_log_set_request("AB-1");
	sk_log(SK_LOG_NOTICE, "one");
	cr_expect_str_eq(captured(), "p: [AB-1] one\n");
	sk_log_set_request(NULL);
	sk_log(SK_LOG_NOTICE, "two");
	cr_expect_str_eq(captured(), "p: two\n");
}
