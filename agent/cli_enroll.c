/*
 * enroll: sekimori-uplink (which gives up root first) makes the key and talks to the server; the verification key it brings back is
 * handed to sekimorid; then the line is started. The token goes through a pipe, so that no other user sees it in the process list.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cli.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#define ENROLL_MS  120000
#define OUTPUT_MAX 65536

extern char **environ;

#define TOKEN_MAX 256

struct options {
	const char *server, *asset;
	char token[TOKEN_MAX + 2]; /* one more than allowed, so that too long is seen; wiped after use */
	bool again, no_start;
};

/* From the command line, where it does not stay: every user may read it there. */
static void take_token(struct options *o, char *arg)
{
	sk_text_copy(o->token, sizeof o->token, arg);
	if (strcmp(arg, "-") != 0)
		memset(arg, 'x', strlen(arg));
}

/* "-", or nothing at a terminal: one line of standard input. */
static int ask_token(struct sk_cli *cli, struct options *o)
{
	bool asked = o->token[0] == '\0' && isatty(0);

	if (strcmp(o->token, "-") != 0 && !asked)
		return 0;
	if (asked)
		fprintf(stderr, "%s ", sk_tr(cli->lang, N_("Enrolment token:")));
	o->token[0] = '\0';
	if (!fgets(o->token, sizeof o->token, stdin))
		return -1;
	sk_text_trim(o->token);
	return 0;
}

static int read_options(struct sk_cli *cli, int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
	    {"server", required_argument, NULL, 's'}, {"token", required_argument, NULL, 't'},
	    {"asset", required_argument, NULL, 'a'},  {"again", no_argument, NULL, 'g'},
	    {"no-start", no_argument, NULL, 'n'},     {0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o->server = optarg;
		else if (c == 't')
			take_token(o, optarg);
		else if (c == 'a')
			o->asset = optarg;
		else if (c == 'g')
			o->again = true;
		else if (c == 'n')
			o->no_start = true;
		else
			return sk_cli_usage(cli, argv[0]);
	}
	if (optind != argc || !o->server || ask_token(cli, o) < 0 || !o->token[0] || strlen(o->token) > TOKEN_MAX)
		return sk_cli_usage(cli, argv[0]);
	return 0;
}

/* --- running one program --- */

/* in -> its stdin, its stdout -> out. The pid or -errno. */
static pid_t start(const char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t files;
	pid_t pid = -1;
	int r = posix_spawn_file_actions_init(&files);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&files, in, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (r == 0)
		r = posix_spawn(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return r ? -r : pid;
}

/* All it prints, until it ends its output or the time is over. */
static int drain(int fd, struct sk_buf *out, int timeout_ms)
{
	sk_ms end = sk_clock_boot() + timeout_ms;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		sk_ms left = end - sk_clock_boot();
		char part[4096];
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			return -ETIMEDOUT;
		n = read(fd, part, sizeof part);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		if (n > 0 && sk_buf_add(out, part, (size_t)n) < 0)
			return -E2BIG;
	}
}

/* Exit status 0-255, or -errno. input: what it reads, then end of file. */
static int run(const char *const argv[], const char *input, struct sk_buf *out, int timeout_ms)
{
	int to[2] = {-1, -1}, from[2] = {-1, -1}, status = 0, r;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(from, O_CLOEXEC) < 0) {
		r = -errno;
		close(to[0]);
		close(to[1]);
		return r;
	}
	pid = start(argv, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	/* Short enough for any pipe; a program that does not read it has its own reasons. */
	if (pid > 0 && *input && write(to[1], input, strlen(input)) < 0)
		(void)0;
	close(to[1]);
	r = pid < 0 ? (int)pid : drain(from[0], out, timeout_ms);
	close(from[0]);
	if (pid < 0)
		return r;
	if (r < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- the three steps --- */

static int run_uplink(struct sk_cli *cli, const struct options *o, json_t **out)
{
	const char *argv[16] = {NULL, "--enroll", "--server", o->server, "--token", "-"};
	struct sk_err err = SK_ERR_INIT;
	char path[512], token[300];
	struct sk_buf text;
	int n = 6, r;

	snprintf(path, sizeof path, "%s/sekimori-uplink", cli->libexec);
	snprintf(token, sizeof token, "%.256s\n", o->token);
	argv[0] = path;
	if (o->asset) {
		argv[n++] = "--asset";
		argv[n++] = o->asset;
	}
	if (o->again)
		argv[n++] = "--again";
	sk_buf_init(&text, OUTPUT_MAX);
	r = run(argv, token, &text, ENROLL_MS);
	memset(token, 0, sizeof token);
	if (r < 0 || sk_json_parse(text.data, text.len, OUTPUT_MAX, out, &err) < 0) {
		char status[24];

		snprintf(status, sizeof status, "%d", r);
		r = sk_cli_fail(cli, SK_EXIT_ERROR, "failed", N_("%1 gave no usable answer (%2)"), path,
		                r < 0 ? strerror(-r) : status, NULL);
	} else if (r != 0) {
		r = sk_cli_fail(cli, SK_EXIT_ERROR,
		                *sk_cli_string(*out, "error") ? sk_cli_string(*out, "error") : "failed", "%1",
		                *sk_cli_string(*out, "text") ? sk_cli_string(*out, "text") : text.data, NULL);
		json_decref(*out);
		*out = NULL;
	}
	sk_buf_deinit(&text);
	return r;
}

static int set_trust(struct sk_cli *cli, const struct options *o, const json_t *id)
{
	const char *server = sk_cli_string(id, "server");
	json_t *a = NULL;
	int r = sk_cli_ask(cli,
	                   json_pack("{s:s, s:s, s:s, s:s}", "op", "trust.set", "server", *server ? server : o->server,
	                             "device_id", sk_cli_string(id, "device_id"), "verify_key_pem",
	                             sk_cli_string(id, "verify_key")),
	                   15000, &a);

	json_decref(a);
	return r;
}

static int start_uplink(struct sk_cli *cli)
{
	static const char *const enable[] = {"/usr/bin/systemctl", "--quiet", "enable", "sekimori-uplink.service",
	                                     NULL};
	static const char *const restart[] = {"/usr/bin/systemctl", "--quiet", "restart", "sekimori-uplink.service",
	                                      NULL};
	struct sk_buf out;
	int r;

	sk_buf_init(&out, 4096);
	r = run(enable, "", &out, 60000);
	if (r == 0)
		r = run(restart, "", &out, 60000); /* start alone would leave one of an earlier enrolment running */
	sk_buf_deinit(&out);
	if (r != 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "failed",
		                   N_("Enrolled, but the line to the server did not start; try: systemctl enable --now "
		                      "sekimori-uplink"),
		                   NULL);
	return 0;
}

int sk_cli_enroll(struct sk_cli *cli, int argc, char **argv)
{
	struct options o = {0};
	json_t *id = NULL;
	int r = read_options(cli, argc, argv, &o);

	if (r)
		return r;
	if (geteuid() != 0)
		return sk_cli_fail(cli, SK_EXIT_ERROR, "denied",
		                   N_("only root may enrol this terminal; try: sudo sekimori enroll ..."), NULL);
	r = run_uplink(cli, &o, &id);
	if (r)
		return r;
	r = set_trust(cli, &o, id);
	if (r == 0 && !o.no_start)
		r = start_uplink(cli);
	if (r == 0 && cli->json) {
		json_t *a = json_pack("{s:b, s:s, s:s}", "ok", 1, "device_id", sk_cli_string(id, "device_id"), "server",
		                      sk_cli_string(id, "server"));

		sk_cli_print_json(cli, a);
		json_decref(a);
	} else if (r == 0) {
		sk_cli_say(cli, N_("This terminal is enrolled with %1 as %2."),
		           *sk_cli_string(id, "server") ? sk_cli_string(id, "server") : o.server,
		           sk_cli_string(id, "device_id"), NULL);
	}
	json_decref(id);
	return r;
}
