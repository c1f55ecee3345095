/*
 * sekimorid: options, log, signals, watchdog; everything else is agent/daemon.h. A wrong configuration never keeps it from running: it
 * denies with the built-in values and says what is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/daemon.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/text.h"
#include "platform/memory.h"

static const char USAGE[] =
    "usage: sekimorid [--config FILE] [--state DIR] [--run DIR] [--policy FILE] [--sysfs ROOT] [--probe PROGRAM]\n"
    "The options are for tests; see sekimorid(8).\n";

static int copy_path(char dst[SK_PATH_MAX], const char *src)
{
	if (strlen(src) >= SK_PATH_MAX - 32)
		return -ENAMETOOLONG;
	sk_text_copy(dst, SK_PATH_MAX, src);
	return 0;
}

/* 0, or an exit status. */
static int read_options(int argc, char **argv, struct sk_agent_config *c, int *fix_state, int *fix_run)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"state", required_argument, NULL, 's'},
	    {"run", required_argument, NULL, 'r'},    {"policy", required_argument, NULL, 'p'},
	    {"sysfs", required_argument, NULL, 'y'},  {"probe", required_argument, NULL, 'b'},
	    {"version", no_argument, NULL, 'V'},      {0}};
	int o, r = 0;

	while (r == 0 && (o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			r = copy_path(c->file, optarg);
			break;
		case 's':
			*fix_state = 1;
			r = copy_path(c->state, optarg);
			break;
		case 'r':
			*fix_run = 1;
			r = copy_path(c->run, optarg);
			break;
		case 'p':
			r = copy_path(c->policy, optarg);
			break;
		case 'y':
			r = copy_path(c->sysfs, optarg);
			break;
		case 'b':
			r = copy_path(c->probe, optarg);
			break;
		case 'V':
			puts("sekimorid " SK_VERSION);
			exit(0);
		default:
			r = -EINVAL;
		}
	}
	if (r < 0 || optind != argc) {
		fputs(USAGE, stderr);
		return 64;
	}
	return 0;
}

static void read_config(struct sk_agent_config *c, int fix_state, int fix_run)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sk_agent_config_load(c, fix_state, fix_run, &err);

	if (r < 0 && r != -ENOENT) {
		sk_text_copy(c->problem, sizeof c->problem, err.text);
		sk_log(SK_LOG_ERR, "%s; the built-in values are used", err.text);
	}
	sk_log_set_max(c->log);
}

/* One sekimorid per state folder: a second one would fight over the sockets. The lock is the process's own (fcntl, not flock): a child that
 * has not yet become its program when this process is killed does not keep it. */
static int lock_state(const struct sk_agent_config *c)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[SK_PATH_MAX + 32];
	int fd, busy;

	(void)sk_mkdir_p(c->state, 0700);
	snprintf(path, sizeof path, "%s/lock", c->state);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) /* a full or read-only disk is no reason not to deny */
		return 0;
	busy = fcntl(fd, F_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES);
	if (busy)
		close(fd);
	return busy ? -EBUSY : 0;
}

static int on_hangup(sd_event_source *s, const struct signalfd_siginfo *si, void *arg)
{
	struct sk_daemon *d = arg;

	(void)s;
	(void)si;
	sd_notify(0, "RELOADING=1");
	if (sk_daemon_reload(d, NULL) == 0)
		sk_log(SK_LOG_NOTICE, "policy read again");
	sd_notify(0, "READY=1");
	return 0;
}

/* Signals by the loop; a client that goes away is an error of its write, not a signal. */
static int watch_signals(struct sk_daemon *d)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	r = sd_event_add_signal(d->loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGHUP, on_hangup, d);
	return r;
}

static int run(struct sk_daemon *d)
{
	struct sk_err err = SK_ERR_INIT;
	int r = sd_event_default(&d->loop);

	if (r >= 0)
		r = watch_signals(d);
	if (r < 0) {
		sk_log(SK_LOG_ERR, "event loop: %s", strerror(-r));
		return 1;
	}
	r = sk_daemon_start(d, &err);
	if (r == 0)
		r = sk_daemon_sockets(d, &err);
	if (r < 0) {
		sk_log(SK_LOG_ERR, "%s", err.text);
		return 1;
	}
	sd_event_set_watchdog(d->loop, 1);
	sk_memory_give_back();
	sd_notify(0, "READY=1");
	if (!d->config.sysfs[0] && d->gate)
		sk_gate_look_again(d->gate);
	r = sd_event_loop(d->loop);
	sd_notify(0, "STOPPING=1");
	if (r < 0)
		sk_log(SK_LOG_ERR, "event loop: %s", strerror(-r));
	return r < 0;
}

int main(int argc, char **argv)
{
	static struct sk_daemon d;
	int fix_state = 0, fix_run = 0, status;

	sk_memory_small();
	/* No configuration file, error texts or lists of algorithms: signatures and hashes need none of them. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
	                              OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS,
	                          NULL);
	umask(0077);
	sk_log_init("sekimorid", SK_LOG_NOTICE);
	sk_agent_config_default(&d.config);
	status = read_options(argc, argv, &d.config, &fix_state, &fix_run);
	if (status)
		return status;
	read_config(&d.config, fix_state, fix_run);
	if (lock_state(&d.config) < 0) {
		sk_log(SK_LOG_ERR, "another sekimorid runs with %s; stop it first (systemctl stop sekimorid)",
		       d.config.state);
		return 1;
	}
	sk_journal_small_sqlite();
	(void)sk_i18n_init(NULL);
	status = run(&d);
	sk_daemon_stop(&d);
	sd_event_unref(d.loop);
	sk_i18n_deinit();
	return status;
}
