/* The command line against a sekimorid without a gate: exit statuses, words, JSON. The CLI runs in a child, the daemon's loop here. */
#include <stdarg.h>
#include <sys/wait.h>

#include "agent/cli.h"
#include "agent/control.h"
#include "agent/requests.h"
#include "tests/unit/agent_help.h"

static struct sk_daemon *d;
static char output[200000], sock[108];

static void setup(void)
{
	struct sk_err err = SK_ERR_INIT;

	d = start_daemon();
	unsetenv("LANG");
	unsetenv("LC_ALL");
	unsetenv("LC_MESSAGES");
	setenv("TZ", "Asia/Tokyo", 1);
	snprintf(sock, sizeof sock, "%.90s/control", dir);
	cr_assert_eq(sk_control_listen(d, sock, &err), 0, "%s", err.text);
}

static int wait_child(pid_t pid, int fd)
{
	size_t len = 0;
	int status;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 3000; i++) {
		ssize_t n = read(fd, output + len, sizeof output - 1 - len);

		if (n > 0)
			len += (size_t)n;
		else if (n == 0)
			break;
		sd_event_run(d->loop, 5000);
	}
	output[len] = '\0';
	close(fd);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "ended by a signal");
	return WEXITSTATUS(status);
}

/* Both outputs go into `output`; the exit status is returned. */
static int cli(const char *first, ...)
{
	char *argv[32] = {(char *)"sekimori", (char *)"--socket", sock, (char *)first};
	int p[2], n = 4;
	va_list ap;
	pid_t pid;

	va_start(ap, first);
	while (n < 31 && (argv[n] = va_arg(ap, char *)) != NULL)
		n++;
	va_end(ap);
	cr_assert_eq(pipe(p), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[1]);
		for (int i = 0; i < n; i++)
			argv[i] = strdup(argv[i]); /* a real argv can be written to: tokens are wiped from it */
		int status = sk_cli_main(n, argv);
		for (int i = 0; i < n; i++) {
			if (argv[i] && strstr(argv[i], "SK1-SECRET"))
				status = 99; /* it would stand in the process list */
		}
		fflush(NULL);
		_exit(status);
	}
	close(p[1]);
	return wait_child(pid, p[0]);
}

static bool says(const char *text)
{
	return strstr(output, text) != NULL;
}

Test(cli, usage, .init = setup, .fini = stop_daemon)
{
	cr_assert_eq(cli("nonsense", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("--nonsense", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("--language", "fr", "status", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("status", "more", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("events", "--limit", "0", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("events", "--limit", "x", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("explain", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("request", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("request", "media", NULL), SK_EXIT_USAGE, "no questions without a terminal");
	cr_assert_eq(cli("request", "media", "--device", "1-2", "--purpose", "x", "--hours", "x", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("request", "media", "--bogus", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("policy", "check", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("enroll", "--server", "https://a", NULL), SK_EXIT_USAGE);
	cr_assert_eq(cli("--help", NULL), SK_EXIT_OK);
	cr_assert(says("doctor"));
	cr_assert_eq(cli("--version", NULL), SK_EXIT_OK);
}

Test(cli, status_and_json_anywhere, .init = setup, .fini = stop_daemon)
{
	json_t *o;

	cr_assert_eq(cli("status", NULL), SK_EXIT_OK, "%s", output);
	cr_assert(says("test, version 1"), "%s", output);
	cr_assert(says("not enrolled"));
	cr_assert_eq(cli("status", "--json", NULL), SK_EXIT_OK);
	o = json_loads(output, 0, NULL);
	cr_assert(json_is_false(json_object_get(o, "enrolled")));
	json_decref(o);
	cr_assert_eq(cli("--json", "status", NULL), SK_EXIT_OK);
	o = json_loads(output, 0, NULL);
	cr_assert_not_null(o);
	json_decref(o);
}

Test(cli, no_daemon, .init = setup, .fini = stop_daemon)
{
	json_t *o;

	d->control = sk_socket_close(d->control);
	cr_assert_eq(cli("status", NULL), SK_EXIT_ERROR);
	cr_assert(says("does not answer"));
	cr_assert_eq(cli("status", "--json", NULL), SK_EXIT_ERROR);
	o = json_loads(output, 0, NULL);
	cr_assert(json_is_false(json_object_get(o, "ok")));
	cr_assert_str_eq(json_string_value(json_object_get(o, "code")), "unreachable");
	json_decref(o);
	cr_assert_eq(cli("doctor", NULL), SK_EXIT_ERROR);
	cr_assert(says("sekimorid does not answer"));
	cr_assert(says("disks were not learned"), "%s", output);
	cr_assert_eq(cli("policy", "check", "policy/profiles/default.ini", NULL), SK_EXIT_OK, "%s", output);
}

Test(cli, the_policy_in_words_and_as_it_is_written, .init = setup, .fini = stop_daemon)
{
	cr_assert_eq(cli("policy", NULL), SK_EXIT_OK, "%s", output);
	cr_expect_not_null(strstr(output, "Policy test, version 1"), "%s", output);
	cr_expect_not_null(strstr(output, "are written to inside encryption only"));
	cr_expect_null(strstr(output, "[rule"));
	cr_assert_eq(cli("policy", "--text", NULL), SK_EXIT_OK);
	cr_expect_not_null(strstr(output, "[rule hubs]"));
	cr_assert_eq(cli("policy", "--words", NULL), SK_EXIT_USAGE);
}

Test(cli, policy_check_without_the_daemon_says_file_and_line, .init = setup, .fini = stop_daemon)
{
	put_file("bad.ini", "[policy]\nname = x\nwrong\n");
	cr_assert_eq(cli("policy", "check", in_dir("bad.ini"), NULL), SK_EXIT_ERROR);
	cr_assert(says("bad.ini:3"), "%s", output);
	cr_assert_eq(cli("policy", "check", "/nonexistent", NULL), SK_EXIT_ERROR);
	cr_assert_eq(cli("policy", "--text", NULL), SK_EXIT_OK);
	cr_assert(says("[rule hubs]\nkind = hub\n"));
}

static void see_a_stick(void)
{
	json_t *stick =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s]}", "device", "1-2", "vendor_id", "46f4",
	              "product_id", "0001", "vendor", "Maker", "product", "Stick \xe2\x80\xae\x1b[31m", "serial", "S1",
	              "device_key", "k", "grade", "C", "kinds", "storage");

	cr_assert_eq(sk_daemon_record(d, "device.decided", stick), 0);
	json_decref(stick);
}

Test(cli, request_and_list, .init = setup, .fini = stop_daemon)
{
	json_t *o;

	if (geteuid() != 0)
		cr_skip_test("needs a login name known to the daemon");
	cr_assert_eq(cli("request", "media", "--device", "1-2", "--purpose", "x", NULL), SK_EXIT_ERROR);
	cr_assert(says("1-2 is not attached"), "%s", output);
	see_a_stick();
	cr_assert_eq(cli("request", "media", "--device", "1-2", "--purpose", "決算資料", "--access", "ro", "--hours",
	                 "1", "--class", "none", "--destination", "税務課", "--json", NULL),
	             SK_EXIT_OK, "%s", output);
	o = json_loads(output, 0, NULL);
	cr_assert_eq(json_string_length(json_object_get(o, "id")), 36);
	json_decref(o);
	cr_assert_eq(cli("request", "media", "--device", "1-2", "--purpose", "決算資料", "--access", "all", NULL),
	             SK_EXIT_ERROR);
	cr_assert(says("access"), "%s", output);
	cr_assert_eq(cli("request", "list", NULL), SK_EXIT_OK);
	cr_assert(says("決算資料"), "%s", output);
	cr_assert(says("Applied for"));
	cr_assert_null(strchr(output, 0x1b), "no escape sequence of a device reaches the terminal");
	cr_assert_null(strstr(output, "\xe2\x80\xae"));
	cr_assert_eq(cli("events", NULL), SK_EXIT_OK);
	cr_assert(says("request.created"));
	cr_assert_null(strchr(output, 0x1b));
}

Test(cli, verify_tells_by_its_exit_status, .init = setup, .fini = stop_daemon)
{
	cr_assert_eq(cli("verify", NULL), SK_EXIT_OK, "%s", output);
	cr_assert(says("whole"));
	cr_assert_eq(cli("verify", "--json", NULL), SK_EXIT_OK);
	json_t *o = json_loads(output, 0, NULL);
	cr_assert_eq(json_integer_value(json_object_get(o, "records")), 1);
	json_decref(o);
}

Test(cli, check_status_is_that_of_the_worst)
{
	static const struct {
		const char *states[3];
		int status;
	} cases[] = {
	    {{"compliant", "not-applicable"}, 0},
	    {{"compliant", "in-grace", "exempt"}, 0},
	    {{"compliant", "unknown"}, 3},
	    {{"unknown", "non-compliant"}, 2},
	    {{"error", "non-compliant"}, 1},
	    {{"compliant", "no such state"}, 3},
	    {{NULL}, 3},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *l = json_array();

		for (int k = 0; k < 3 && cases[i].states[k]; k++)
			json_array_append_new(l, json_pack("{s:s}", "state", cases[i].states[k]));
		cr_assert_eq(sk_cli_check_status(l), cases[i].status, "case %zu", i);
		json_decref(l);
	}
	cr_assert_eq(sk_cli_check_status(NULL), 3);
}

Test(cli, enroll_needs_root, .init = setup, .fini = stop_daemon)
{
	if (geteuid() == 0 && seteuid(65534) == 0) {
		cr_assert_eq(cli("enroll", "--server", "https://a", "--token", "T", NULL), SK_EXIT_ERROR);
		cr_assert(says("root"), "%s", output);
		cr_assert_eq(seteuid(0), 0);
	}
}

/* A stand-in for sekimori-uplink: says what it was called with and read, and prints an answer. */
static void fake_uplink(const char *rest)
{
	char text[1500];

	snprintf(text, sizeof text, "#!/bin/sh\necho \"$*\" >%s\ncat >%s\n%s\n", in_dir("called"), in_dir("read"),
	         rest);
	cr_assert_eq(sk_file_write(in_dir("sekimori-uplink"), text, strlen(text), 0755, NULL), 0);
	cr_assert_eq(chmod(in_dir("sekimori-uplink"), 0755), 0);
}

static const char *contents(const char *name)
{
	static char text[2000];
	struct sk_buf b;

	sk_buf_init(&b, sizeof text - 1);
	(void)sk_file_read(in_dir(name), &b, NULL);
	snprintf(text, sizeof text, "%s", b.data);
	sk_buf_deinit(&b);
	return text;
}

Test(cli, enroll_hands_the_key_to_the_daemon, .init = setup, .fini = stop_daemon)
{
	char script[3000], pem[600];
	size_t n = 0;

	if (geteuid() != 0)
		cr_skip_test("needs root");
	make_signer();
	for (const char *p = signer_pem; *p && n < sizeof pem - 3; p++)
		n += (size_t)snprintf(pem + n, sizeof pem - n, *p == '\n' ? "\\n" : "%c", *p);
	snprintf(
	    script, sizeof script,
	    "cat <<'EOT'\n{\"device_id\":\"%s\",\"verify_key\":\"%s\",\"server\":\"https://s:8443\",\"ca\":\"x\"}\nEOT",
	    DEVICE, pem);
	fake_uplink(script);
	cr_assert_eq(cli("--libexec", dir, "enroll", "--server", "https://s:8444", "--token", "SK1-SECRET", "--asset",
	                 "A-7", "--no-start", NULL),
	             0, "%s", output);
	cr_assert(says(DEVICE));
	cr_assert_str_eq(contents("called"), "--enroll --server https://s:8444 --token - --asset A-7\n");
	cr_assert_str_eq(contents("read"), "SK1-SECRET\n", "the token goes through the pipe");
	cr_assert(d->trust.enrolled);
	cr_assert_str_eq(d->trust.server, "https://s:8443");
	drop_signer();
}

Test(cli, enroll_says_why_not, .init = setup, .fini = stop_daemon)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	fake_uplink("echo '{\"error\":\"token-used\",\"text\":\"The token was used before.\"}'; exit 1");
	cr_assert_eq(cli("--libexec", dir, "enroll", "--server", "https://s", "--token", "T", NULL), SK_EXIT_ERROR);
	cr_assert(says("The token was used before."), "%s", output);
	cr_assert_eq(cli("--libexec", dir, "enroll", "--server", "https://s", "--token", "T", "--json", NULL),
	             SK_EXIT_ERROR);
	cr_assert(says("\"token-used\""), "%s", output);
	fake_uplink("echo nonsense");
	cr_assert_eq(cli("--libexec", dir, "enroll", "--server", "https://s", "--token", "T", NULL), SK_EXIT_ERROR);
	cr_assert(says("no usable answer"), "%s", output);
	cr_assert_eq(cli("--libexec", "/nonexistent", "enroll", "--server", "https://s", "--token", "T", NULL),
	             SK_EXIT_ERROR);
	fake_uplink("echo '{\"device_id\":\"x\",\"verify_key\":\"x\",\"server\":\"https://s\"}'");
	cr_assert_eq(cli("--libexec", dir, "enroll", "--server", "https://s", "--token", "T", NULL), SK_EXIT_ERROR);
	cr_assert(!d->trust.enrolled);
}

Test(cli, tables_line_up_with_wide_characters)
{
	struct sk_table t;
	FILE *f;
	char line[200];
	int widths[3] = {0}, n = 0;

	sk_table_init(&t, 2);
	sk_table_row(&t, "abc", "|", NULL);
	sk_table_row(&t, "関守関", "|", NULL);
	sk_table_row(&t, "カ\xe3\x82\x99", "|", NULL);
	make_dir();
	f = freopen(in_dir("out"), "w", stdout);
	cr_assert_not_null(f);
	sk_table_print(&t, "");
	fflush(stdout);
	f = fopen(in_dir("out"), "r");
	while (n < 3 && fgets(line, sizeof line, f)) {
		char *bar = strchr(line, '|');

		*bar = '\0';
		widths[n++] = (int)strlen(line);
	}
	fclose(f);
	cr_assert_eq(n, 3);
	cr_assert_eq(widths[0], 3 + 5);
	cr_assert_eq(widths[1], 9 + 2, "three characters, six columns, nine bytes");
	cr_assert_eq(widths[2], 6 + 6);
	sk_table_deinit(&t);
	remove_dir();
}
