/* The probe against made-up clamd sockets: good, finding nothing, hanging, talking nonsense, absent. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/probe.h"

static char path[64];
static pid_t server;

/* Answers `count` connections: the n-th gets answers[n]; NULL = says nothing and keeps the line open. */
static void serve(const char *const *answers, int count)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(path, sizeof(path), "/tmp/sk-clamd-%d", (int)getpid());
	unlink(path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(listen(fd, 4), 0);
	server = fork();
	if (server == 0) {
		char in[512];
		for (int i = 0; i < count; i++) {
			int c = accept(fd, NULL, NULL);
			ssize_t n = read(c, in, sizeof(in));
			if (!answers[i] || n <= 0)
				pause();
			if (write(c, answers[i], strlen(answers[i]) + 1) < 0)
				_exit(1);
			close(c);
		}
		_exit(0);
	}
	close(fd);
}

static void stop(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	unlink(path);
}

TestSuite(probe_antivirus, .fini = stop);

static const char *text(const json_t *facts, const char *name)
{
	const char *s = json_string_value(json_object_get(facts, name));

	return s ? s : "";
}

Test(probe_antivirus, a_scanner_that_finds)
{
	const char *answers[] = {"ClamAV 1.0.9/27800/Thu Oct 23 08:46:16 2025", "stream: Eicar-Test-Signature FOUND"};

	serve(answers, 2);
	json_t *facts = sk_probe_antivirus(path, 3000);
	cr_expect(json_is_true(json_object_get(facts, "resident")));
	cr_expect_str_eq(text(facts, "self_test"), "found");
	cr_expect_str_eq(text(facts, "version"), "ClamAV 1.0.9");
	cr_expect_eq(json_integer_value(json_object_get(facts, "signatures_version")), 27800);
	cr_expect(json_is_integer(json_object_get(facts, "signatures_ms")));
	json_decref(facts);
}

Test(probe_antivirus, a_scanner_that_finds_nothing)
{
	const char *answers[] = {"ClamAV 1.0.9", "stream: OK"};

	serve(answers, 2);
	json_t *facts = sk_probe_antivirus(path, 3000);
	cr_expect_str_eq(text(facts, "self_test"), "missed");
	cr_expect(json_is_null(json_object_get(facts, "signatures_ms")));
	json_decref(facts);
}

Test(probe_antivirus, a_scanner_that_hangs_is_not_known)
{
	const char *answers[] = {NULL};

	serve(answers, 1);
	json_t *facts = sk_probe_antivirus(path, 200);
	cr_expect(json_is_null(json_object_get(facts, "resident")));
	cr_expect_str_neq(text(facts, "problem"), "");
	json_decref(facts);
}

Test(probe_antivirus, nonsense_is_not_known)
{
	const char *answers[] = {"220 smtp ready\n"};

	serve(answers, 1);
	json_t *facts = sk_probe_antivirus(path, 3000);
	cr_expect(json_is_null(json_object_get(facts, "resident")));
	json_decref(facts);
}

Test(probe_antivirus, hostile_version_is_escaped)
{
	const char *answers[] = {"ClamAV \033[31m\xff/x/y", "stream: FOUND"};

	serve(answers, 2);
	json_t *facts = sk_probe_antivirus(path, 3000);
	cr_expect(!strchr(text(facts, "version"), '\033'));
	cr_expect_str_eq(text(facts, "self_test"), "found");
	cr_expect(!json_is_integer(json_object_get(facts, "signatures_version")));
	json_decref(facts);
}

Test(probe_antivirus, nobody_listens)
{
	json_t *facts = sk_probe_antivirus("/tmp/sk-no-such-socket", 3000);

	cr_expect(json_is_false(json_object_get(facts, "resident")));
	json_decref(facts);
}
