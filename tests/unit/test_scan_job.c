/* The walk and the dialog with the scanner, against made-up scanners: good, finding, silent, dying, refusing, nonsense. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/scan_job.h"

static char dir[64], path[80];
static pid_t server;
static const char *mode;

static bool all(int c, void *out, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n && (r = read(c, (char *)out + got, n - got)) > 0)
		got += (size_t)r;
	return got == n;
}

static void say(int c, const char *text)
{
	if (write(c, text, strlen(text) + 1) < 0)
		_exit(1);
}

/* Reads the stream to its end; true when "EVIL" or the test pattern's tail is in it. */
static bool stream(int c)
{
	static char data[1 << 20];
	size_t total = 0;
	uint32_t len;

	while (all(c, &len, 4) && ntohl(len) != 0) {
		size_t n = ntohl(len);

		if (total + n > sizeof(data) || !all(c, data + total, n))
			break;
		total += n;
		if (strcmp(mode, "limit") == 0 && total > 1000) {
			say(c, "INSTREAM size limit exceeded. ERROR");
			return false;
		}
	}
	return memmem(data, total, "EVIL", 4) != NULL || memmem(data, total, "$H+H*", 5) != NULL;
}

static void serve_one(int c, int count)
{
	char command[10];

	if (!all(c, command, 9))
		return;
	if (memcmp(command, "zVERSION", 9) == 0) {
		say(c, "ClamAV 1.0.9/27800/Thu Oct 23 08:46:16 2025");
		return;
	}
	(void)all(c, command + 9, 1);
	if (count > 1 && strcmp(mode, "hang") == 0)
		pause();
	if (count > 1 && strcmp(mode, "die") == 0)
		_exit(0);
	if (stream(c) && strcmp(mode, "blind") != 0)
		say(c, "stream: Eicar-Test-Signature FOUND");
	else if (count > 1 && strcmp(mode, "garbage") == 0)
		say(c, "stream: OK OK");
	else if (count > 1 && strcmp(mode, "error") == 0)
		say(c, "stream: Can't allocate memory ERROR");
	else if (strcmp(mode, "limit") != 0 || count <= 1)
		say(c, "stream: OK");
}

static void up(const char *how)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	mode = how;
	snprintf(dir, sizeof(dir), "/tmp/sk-scan-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s.ctl", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 8), 0);
	server = fork();
	if (server == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (int i = 0;; i++) {
			int c = accept(fd, NULL, NULL);

			serve_one(c, i);
			close(c);
		}
	}
	close(fd);
}

static void down(void)
{
	char cmd[128];

	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	unlink(path);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	cr_assert_eq(system(cmd), 0);
}

TestSuite(scan_job, .fini = down);

static void put(const char *name, const char *text, size_t len)
{
	char p[512];
	FILE *f;

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	f = fopen(p, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	fclose(f);
}

static json_t *scan(int64_t time_ms, int64_t file, int64_t total)
{
	struct sk_scan_job job = {
	    .socket = path, .time_limit_ms = time_ms, .file_limit = file, .total_limit = total, .progress = -1};
	json_t *a;

	job.root = open(dir, O_RDONLY | O_DIRECTORY);
	a = sk_scan_run(&job);
	close(job.root);
	cr_assert_not_null(a);
	return a;
}

static const char *text(const json_t *a, const char *name)
{
	const char *s = json_string_value(json_object_get(a, name));

	return s ? s : "";
}

static void expect(json_t *a, const char *result, const char *reason)
{
	cr_expect_str_eq(text(a, "result"), result, "%s", json_dumps(a, 0));
	cr_expect_str_eq(text(a, "reason"), reason, "%s", json_dumps(a, 0));
	json_decref(a);
}

Test(scan_job, clean_with_everything_that_is_no_file_left_alone)
{
	char p[128], q[128];
	json_t *a;

	up("good");
	put("a.txt", "hello", 5);
	put("empty", "", 0);
	snprintf(p, sizeof(p), "%s/deep", dir);
	mkdir(p, 0700);
	put("deep/b.txt", "world", 5);
	snprintf(p, sizeof(p), "%s/pipe", dir);
	mkfifo(p, 0600);
	snprintf(p, sizeof(p), "%s/link", dir);
	snprintf(q, sizeof(q), "%s/a.txt", dir);
	cr_assert_eq(symlink(q, p), 0);
	snprintf(p, sizeof(p), "%s/loop", dir);
	cr_assert_eq(symlink(".", p), 0);
	a = scan(10000, 1 << 20, 1 << 20);
	cr_expect_eq(json_integer_value(json_object_get(a, "files")), 3);
	cr_expect_eq(json_integer_value(json_object_get(a, "bytes")), 10);
	cr_expect_eq(json_integer_value(json_object_get(a, "special")), 3);
	cr_expect_eq(json_integer_value(json_object_get(a, "signatures")), 27800);
	expect(a, "clean", "");
}

Test(scan_job, findings_are_named_and_bounded_and_the_scan_goes_on)
{
	json_t *a;
	char name[300];

	up("good");
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "\x1b[2J%03d%0200d", i, i);
		put(name, "xxEVILxx", 8);
	}
	a = scan(20000, 1 << 20, 1 << 20);
	cr_expect_eq(json_integer_value(json_object_get(a, "found_total")), 20);
	cr_expect_eq(json_array_size(json_object_get(a, "found")), SK_SCAN_LISTED);
	cr_expect_null(strchr(text(json_array_get(json_object_get(a, "found"), 0), "file"), 0x1b));
	cr_expect_str_eq(text(json_array_get(json_object_get(a, "found"), 0), "signature"), "Eicar-Test-Signature");
	expect(a, "infected", "");
}

Test(scan_job, a_hanging_scanner_is_no_pass)
{
	up("hang");
	put("a", "x", 1);
	expect(scan(4500, 1 << 20, 1 << 20), "not-scanned", "silent");
}

Test(scan_job, a_dying_scanner_is_no_pass)
{
	up("die");
	put("a", "x", 1);
	put("b", "x", 1);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "died");
}

Test(scan_job, nonsense_is_no_pass)
{
	up("garbage");
	put("a", "x", 1);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "garbage");
}

Test(scan_job, an_error_is_no_pass)
{
	up("error");
	put("a", "x", 1);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "scanner-error");
}

Test(scan_job, a_scanner_that_finds_nothing_is_no_pass)
{
	up("blind");
	put("a", "x", 1);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "blind");
}

Test(scan_job, no_scanner_is_no_pass)
{
	up("good");
	unlink(path);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "absent");
}

Test(scan_job, the_scanners_own_limit_in_the_middle_of_a_file)
{
	static char big[900000];

	up("limit");
	put("big", big, sizeof(big));
	put("small", "x", 1);
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "died"); /* "small" gets no answer in this mode */
}

Test(scan_job, a_file_beyond_a_limit_is_partly_and_the_total_is_undone)
{
	static char big[5000];

	up("good");
	put("big", big, sizeof(big));
	put("small", "x", 1);
	expect(scan(9000, 4096, 1 << 20), "partly", "file-limit");
	expect(scan(9000, 1 << 20, 4096), "not-scanned", "total-limit");
}

Test(scan_job, infected_counts_more_than_undone)
{
	static char big[5000];

	up("good");
	put("big", big, sizeof(big));
	put("evil", "EVIL", 4);
	expect(scan(9000, 4096, 1 << 20), "infected", "");
}

Test(scan_job, folders_too_deep_are_undone)
{
	char p[1024];

	up("good");
	snprintf(p, sizeof(p), "%s", dir);
	for (int i = 0; i < 70; i++) {
		strcat(p, "/d");
		mkdir(p, 0700);
	}
	expect(scan(9000, 1 << 20, 1 << 20), "not-scanned", "too-many");
}
