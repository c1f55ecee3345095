/*
 * sekimori-uplink: the terminal's line to the server. Runs as its own user without any right; started as root (enrolment by the CLI)
 * it gives up root before it reads or sends anything.
 *
 *   sekimori-uplink                                             the service
 *   sekimori-uplink --enroll --server URL --token TOKEN|-       one enrolment; JSON on stdout, exit status 0 or 1
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/enrol.h"
#include "agent/uplink_run.h"
#include "common/json.h"
#include "common/log.h"
#include "common/text.h"

#define EXIT_USAGE        64
#define EXIT_NOT_ENROLLED 78 /* the unit does not restart after this one */
#define ENROL_DEADLINE    (60 * 1000)

struct options {
	bool enrol, again, verbose;
	const char *server, *host, *asset, *state, *socket, *user, *locale;
	char token[256];
	sk_ms deadline;
};

static const char USAGE[] =
    "usage: sekimori-uplink [--state DIR] [--socket PATH]\n"
    "       sekimori-uplink --enroll --server https://HOST:PORT --token SK1-... [--asset "
    "NUMBER] [--host NAME] [--again]\n"
    "--token - reads the token from standard input; --deadline 30s is the most one request may take.\n";

/* The token must not stand in the process list longer than it takes to read it. */
static int take_token(struct options *o, char *arg)
{
	if (strcmp(arg, "-") == 0) {
		if (!fgets(o->token, sizeof(o->token), stdin))
			return -EINVAL;
		return 0;
	}
	if (strlen(arg) >= sizeof(o->token))
		return -EINVAL;
	sk_text_copy(o->token, sizeof(o->token), arg);
	memset(arg, 'x', strlen(arg));
	return 0;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option LONG[] = {
	    {"enroll", no_argument, NULL, 'e'},
	    {"again", no_argument, NULL, 'a'},
	    {"server", required_argument, NULL, 's'},
	    {"token", required_argument, NULL, 't'},
	    {"host", required_argument, NULL, 'h'},
	    {"asset", required_argument, NULL, 'n'},
	    {"state", required_argument, NULL, 'd'},
	    {"socket", required_argument, NULL, 'k'},
	    {"user", required_argument, NULL, 'u'},
	    {"locale", required_argument, NULL, 'l'},
	    {"deadline", required_argument, NULL, 'm'},
	    {"verbose", no_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	long long seconds = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
		switch (c) {
		case 'e':
			o->enrol = true;
			break;
		case 'a':
			o->again = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 's':
			o->server = optarg;
			break;
		case 'h':
			o->host = optarg;
			break;
		case 'n':
			o->asset = optarg;
			break;
		case 'd':
			o->state = optarg;
			break;
		case 'k':
			o->socket = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'l':
			o->locale = optarg;
			break;
		case 'm':
			if (sk_text_duration(optarg, 1, 3600, &seconds) < 0)
				return -EINVAL;
			o->deadline = seconds * 1000;
			break;
		case 't':
			if (take_token(o, optarg) < 0)
				return -EINVAL;
			break;
		default:
			return -EINVAL;
		}
	}
	return optind == argc && (!o->enrol || (o->server && o->token[0])) ? 0 : -EINVAL;
}

/* As root: the folder belongs to the user (made if it is not there), then root is given up for good. */
static int drop_root(const char *user, const char *state, struct sk_err *err)
{
	struct passwd *pw;
	struct stat st;
	int fd = -1;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return sk_err_set(err, -ESRCH, "user %s does not exist; install the package sekimori-agent whole",
		                  user);
	if (pw->pw_uid == 0)
		return 0;
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		return sk_err_set(err, -errno, "%s: %s", state, strerror(errno));
	fd = open(state, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_uid != pw->pw_uid && fchown(fd, pw->pw_uid, pw->pw_gid) < 0) ||
	    fchmod(fd, 0700) < 0) {
		int e = errno;

		if (fd >= 0)
			(void)close(fd);
		return sk_err_set(err, -e, "%s: %s", state, strerror(e));
	}
	(void)close(fd);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 || setuid(0) == 0)
		return sk_err_set(err, -EPERM, "root could not be given up for user %s", user);
	return 0;
}

/* One line of JSON on standard output. Returns the exit status. */
static int answer(json_t *j, int status)
{
	char *text = j ? sk_json_text(j) : NULL;

	json_decref(j);
	if (!text || printf("%s\n", text) < 0 || fflush(stdout) != 0)
		status = 1;
	free(text);
	return status;
}

static int fail(enum sk_enrol_result r, const struct sk_err *err)
{
	sk_log(SK_LOG_ERR, "enrolment: %s: %s", sk_enrol_code(r), err->text);
	return answer(json_pack("{s:s,s:s,s:s}", "error", sk_enrol_code(r), "text",
	                        sk_enrol_text(r, sk_lang_from_env()), "detail", err->text),
	              1);
}

static int enrol(const struct options *o)
{
	struct sk_enrol_options e = {
	    o->state, o->server, o->token, o->host, o->asset, o->again, o->deadline ? o->deadline : ENROL_DEADLINE};
	struct sk_err err = SK_ERR_INIT;
	enum sk_enrol_result r;
	char name[256] = "";
	json_t *out = NULL;

	if (!e.host) {
		if (gethostname(name, sizeof(name) - 1) < 0)
			return fail(SK_ENROL_INTERNAL, &err);
		e.host = name;
	}
	if (drop_root(o->user, o->state, &err) < 0)
		return fail(SK_ENROL_STATE, &err);
	r = sk_enrol_run(&e, &out, &err);
	return r == SK_ENROL_OK ? answer(out, 0) : fail(r, &err);
}

static int serve(const struct options *o)
{
	struct sk_uplink_options u = {o->state, o->socket, o->deadline};
	struct sk_err err = SK_ERR_INIT;
	int r = drop_root(o->user, o->state, &err);

	if (r == 0)
		r = sk_uplink_run(&u, &err);
	if (r == 0)
		return 0;
	if (r == -ENOENT) {
		sk_log(SK_LOG_NOTICE, "this terminal is not enrolled; run: sekimori enroll");
		return EXIT_NOT_ENROLLED;
	}
	sk_log(SK_LOG_ERR, "%s", err.text);
	return 1;
}

int main(int argc, char **argv)
{
	struct options o = {.state = "/var/lib/sekimori-uplink",
	                    .socket = "/run/sekimori/uplink.sock",
	                    .user = "sekimori-uplink",
	                    .locale = NULL};
	int status;

	if (parse(argc, argv, &o) < 0) {
		(void)fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	(void)umask(0077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG,
	                          NULL); /* a system-wide file must not change what TLS means here */
	sk_log_init("sekimori-uplink", o.verbose ? SK_LOG_DEBUG : SK_LOG_INFO);
	if (o.enrol)
		(void)sk_i18n_init(
		    o.locale); /* without a catalogue the texts are English; the service has none to show */
	status = o.enrol ? enrol(&o) : serve(&o);
	OPENSSL_cleanse(o.token, sizeof(o.token));
	sk_i18n_deinit();
	return status;
}
