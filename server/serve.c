/*
 * Start: lock, keys, store, listeners, then READY=1. Stop (SIGTERM, SIGINT): with [listen] drain the node says at /readyz that it goes, ends waiting and
 * resting connections and still takes what comes, for so long (a second signal cuts that short); then no new connections, waiting terminals get their 204, what was
 * stored is committed and answered, then everything is taken down in the reverse order. SIGHUP wakes the waiting terminals
 * and looks at the certificate, as every half minute does.
 */
#include "server/container_master.h"
#include "server/phone_master.h"
#include "server/store_media.h"
#include "server/store_login.h"
#include "server/store_phone.h"
#include "server/serve.h"
#include "server/store_compliance.h"

#include <errno.h>
#include <malloc.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/file.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/text.h"
#include "server/batch.h"
#include "server/ca.h"
#include "server/checkpoint.h"
#include "server/http_server.h"
#include "server/job.h"
#include "server/limiter.h"
#include "server/message.h"
#include "server/metrics.h"
#include "server/orders.h"
#include "server/overload.h"
#include "server/password.h"
#include "server/rates.h"
#include "server/restore.h"

#define TEND_S            30
#define JOBS_S            5
#define PATIENCE_MS       5000 /* longer than waiting for the ledger's lock, 2 s */
#define DRAIN_LOOK_US     250000
#define JOBS_MORE_US      200000 /* between turns: what terminals sent comes first */
#define DESCRIPTORS_SPARE (64 + 2 * SK_LISTENER_OVER)
#define AGENTS_MOST       20000
#define CONSOLE_MOST      512
#define CARD_CA_MAX       (256 * 1024) /* bytes of [console] cards */
#define ENROL_ATTEMPTS    10
#define ENROL_WINDOW      ((sk_ms)10 * 60 * 1000)
#define LOGIN_ATTEMPTS    30 /* failed ones of one address within ENROL_WINDOW */
#define AUDITED_ATTEMPTS  10 /* renewals of a terminal, and raises of its versions, in */
#define AUDITED_WINDOW    ((sk_ms)3600 * 1000)

static const struct sk_route *const agents_tables[] = {sk_api_batched_routes, sk_api_routes, NULL};
static const struct sk_route *const console_tables[] = {sk_public_routes, sk_console_routes, NULL};

struct serve {
	struct sk_server server;
	struct sk_server_stats stats;
	struct sk_overload overload;
	struct sk_http agents_http, console_http;
	struct sk_tls *agents_tls, *console_tls;
	struct sk_listener *agents, *console;
	struct event *events[8], *jobs, *stop;
	sk_ms drained; /* when draining ends; boot clock, 0 = it has not begun */
	size_t n_events;
	int lock;
	char agents_port_file[320], console_port_file[320];
};

int sk_serve_lock(const struct sk_server_config *config, struct sk_err *err)
{
	char path[320];
	int fd, r;

	snprintf(path, sizeof(path), "%s/%s", config->state_dir, SK_LOCK_FILE);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return sk_err_set(err, -errno, "%s: %s; run sekimori-server init first", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return sk_err_set(err, r, "%s: another sekimori-server serves this folder; stop it first", config->state_dir);
}

static void stop_now(struct serve *v)
{
	const struct timeval grace = {.tv_usec = 300000}; /* for replies already under way */

	event_del(v->stop);
	sk_listener_stop(v->agents);
	sk_listener_stop(v->console);
	sk_batch_flush(v->server.batch);
	sk_orders_stop(v->server.orders); /* requests under way may still ask it */
	event_base_loopexit(v->server.base, &grace);
}

static void on_drain(evutil_socket_t fd, short what, void *arg)
{
	struct serve *v = arg;

	(void)fd;
	(void)what;
	sk_listener_drain(v->agents);
	sk_listener_drain(v->console);
	if (sk_clock_boot() >= v->drained)
		stop_now(v);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	const struct timeval look = {.tv_usec = DRAIN_LOOK_US};
	struct serve *v = arg;
	bool again = v->drained != 0;

	(void)what;
	sk_log(SK_LOG_NOTICE, "stopping (%s)", strsignal((int)sig));
	sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld", (v->server.config->drain_s + 30) * 1000000);
	v->server.draining = true;
	v->drained = sk_clock_boot() + v->server.config->drain_s * 1000;
	if (again || v->server.config->drain_s == 0) {
		stop_now(v);
		return;
	}
	sk_orders_stop(v->server.orders); /* who waits gets its 204 and goes to another node */
	event_add(v->stop, &look);
}

/* The certificate comes to its last third while the server runs. */
static void renew(struct serve *v)
{
	struct sk_server *s = &v->server;
	struct sk_err err = SK_ERR_INIT;
	int r = sk_ca_renew_server(s->config, s->ca, sk_clock_wall(), &err);

	if (r > 0) {
		r = sk_tls_server_renewed(v->agents_tls, sk_ca_server_chain(s->ca), sk_ca_server_key(s->ca), &err);
		if (r == 0)
			r = sk_tls_server_renewed(v->console_tls, sk_ca_server_chain(s->ca), sk_ca_server_key(s->ca),
			                          &err);
		if (r == 0)
			sk_log(SK_LOG_NOTICE, "the server's certificate was renewed; open connections go on");
	}
	if (r < 0)
		sk_log(SK_LOG_ERR, "the server's certificate cannot be renewed: %s", err.text);
}

static void on_wake(evutil_socket_t sig, short what, void *arg)
{
	struct serve *v = arg;

	(void)sig;
	(void)what;
	renew(v);
	sk_orders_wake(v->server.orders, NULL);
}

static void on_tend(evutil_socket_t fd, short what, void *arg)
{
	struct serve *v = arg;
	int r;

	(void)fd;
	(void)what;
	sk_batch_flush(v->server.batch);
	r = sk_store_tend(v->server.store, sk_clock_wall());
	if (r < 0)
		sk_log(SK_LOG_ERR, "store: %s; see that the disk has room", strerror(-r));
	if (r > 0)
		sk_orders_wake(v->server.orders, NULL);
	renew(v);
	r = sk_checkpoint_tend(v->server.store, sk_ca_sign_key(v->server.ca), sk_clock_wall(), false);
	if (r < 0)
		sk_log(SK_LOG_ERR, "no checkpoint of the audit trail: %s", strerror(-r));
	malloc_trim(0); /* what handshakes left behind: 45 KiB of each idle connection become 27 */
}

static void on_jobs(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval often = {.tv_usec = JOBS_MORE_US}, seldom = {.tv_sec = JOBS_S};
	struct serve *v = arg;
	bool more;

	(void)fd;
	(void)what;
	sk_batch_flush(v->server.batch);
	more = sk_jobs_tend(v->server.store, sk_jobs, sk_clock_wall());
	event_add(v->jobs, more ? &often : &seldom);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct serve *v = arg;

	(void)fd;
	(void)what;
	sk_overload_tick(&v->overload, sk_clock_boot());
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

static int add_event(struct serve *v, struct event *e, const struct timeval *tv)
{
	if (e == NULL)
		return -ENOMEM;
	v->events[v->n_events++] = e;
	return event_add(e, tv) == 0 ? 0 : -ENOMEM;
}

static int add_events(struct serve *v)
{
	const struct timeval tend = {.tv_sec = TEND_S}, tick = {.tv_usec = SK_OVERLOAD_TICK * 1000}, at_once = {0};
	struct event_base *b = v->server.base;
	struct timeval dog = {0};
	uint64_t usec = 0;
	int r;

	if ((r = add_event(v, evsignal_new(b, SIGTERM, on_stop, v), NULL)) < 0 ||
	    (r = add_event(v, evsignal_new(b, SIGINT, on_stop, v), NULL)) < 0 ||
	    (r = add_event(v, evsignal_new(b, SIGHUP, on_wake, v), NULL)) < 0 ||
	    (r = add_event(v, event_new(b, -1, EV_PERSIST, on_tend, v), &tend)) < 0 ||
	    (r = add_event(v, event_new(b, -1, EV_PERSIST, on_tick, v), &tick)) < 0 ||
	    (r = add_event(v, v->stop = event_new(b, -1, EV_PERSIST, on_drain, v), NULL)) < 0 ||
	    (r = add_event(v, v->jobs = event_new(b, -1, 0, on_jobs, v), &at_once)) < 0)
		return r;
	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	dog.tv_sec = (time_t)(usec / 2 / 1000000);
	dog.tv_usec = (suseconds_t)(usec / 2 % 1000000);
	return add_event(v, event_new(b, -1, EV_PERSIST, on_watchdog, v), &dog);
}

/* As many connections as descriptors allow, some kept back for the store, logs and passwords. */
static size_t descriptors(size_t most)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return 256;
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) != 0 && getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return 256;
	if (lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur > most + CONSOLE_MOST + DESCRIPTORS_SPARE)
		return most;
	return lim.rlim_cur > CONSOLE_MOST + 2 * DESCRIPTORS_SPARE
	           ? (size_t)lim.rlim_cur - CONSOLE_MOST - DESCRIPTORS_SPARE
	           : DESCRIPTORS_SPARE;
}

static size_t largest_body(const struct sk_route *const *tables)
{
	size_t most = 0;

	for (; *tables != NULL; tables++) {
		for (const struct sk_route *r = *tables; r->pattern != NULL; r++)
			most = r->body_max > most ? r->body_max : most;
	}
	return most;
}

static int listen_agents(struct serve *v, struct sk_err *err)
{
	const struct sk_server *s = &v->server;
	size_t most = descriptors(AGENTS_MOST);
	struct sk_listener_options o = {.address = s->config->agents_listen,
	                                .port_file = v->agents_port_file,
	                                .body_max = largest_body(agents_tables),
	                                .connections = most,
	                                .per_address = most / 2, /* a section behind one address is many terminals */
	                                .on_request = sk_http_request,
	                                .arg = &v->agents_http};
	int r = sk_tls_server_mutual(sk_ca_server_chain(s->ca), sk_ca_server_key(s->ca), sk_ca_cert(s->ca),
	                             &v->agents_tls, err);

	if (r < 0)
		return r;
	o.tls = v->agents_tls;
	(void)sk_proxies_parse(s->config->proxies, &o.proxies); /* read before */
	v->agents_http = (struct sk_http){.server = &v->server,
	                                  .tables = agents_tables,
	                                  .batched = sk_api_batched_routes,
	                                  .mutual = true,
	                                  .stats = &v->stats.agents};
	r = sk_listener_new(s->base, &o, &v->agents, err);
	v->stats.agents_listener = v->agents;
	return r;
}

static int accept_cards(struct serve *v, struct sk_err *err)
{
	struct sk_err why = SK_ERR_INIT;
	struct sk_buf ca;
	int r;

	sk_buf_init(&ca, CARD_CA_MAX);
	r = sk_file_read(v->server.config->cards, &ca, err);
	if (r == 0)
		r = sk_tls_server_cards(v->console_tls, ca.data, &why);
	if (why.text[0] != '\0')
		sk_err_set(err, r, "%s: [console] cards: %s", v->server.config->cards, why.text);
	sk_buf_deinit(&ca);
	return r;
}

static int listen_console(struct serve *v, struct sk_err *err)
{
	const struct sk_server *s = &v->server;
	struct sk_listener_options o = {.address = s->config->console_listen,
	                                .port_file = v->console_port_file,
	                                .body_max = largest_body(console_tables),
	                                .connections = CONSOLE_MOST,
	                                .per_address = CONSOLE_MOST / 4,
	                                .on_request = sk_http_request,
	                                .arg = &v->console_http};
	int r = sk_tls_server_public(sk_ca_server_chain(s->ca), sk_ca_server_key(s->ca), &v->console_tls, err);

	if (r == 0 && s->config->cards[0] != '\0')
		r = accept_cards(v, err);
	if (r < 0)
		return r;
	o.tls = v->console_tls;
	(void)sk_proxies_parse(s->config->proxies, &o.proxies);
	v->console_http =
	    (struct sk_http){.server = &v->server, .tables = console_tables, .pages = true, .stats = &v->stats.console};
	r = sk_listener_new(s->base, &o, &v->console, err);
	v->stats.console_listener = v->console;
	return r;
}

static int start_store(struct serve *v, struct sk_err *err)
{
	const struct sk_server_config *c = v->server.config;
	uint8_t master[SK_PHONE_KEY] = {0};
	char path[512];
	int r = sk_ca_load(c->state_dir, &v->server.ca, err);

	if (r < 0)
		return r;
	r = sk_ca_renew_server(c, v->server.ca, sk_clock_wall(), err);
	if (r > 0)
		sk_log(SK_LOG_NOTICE, "the server's certificate was renewed");
	if (r < 0)
		return r;
	sk_server_store_path(c, path, sizeof(path));
	r = sk_store_open(path, false, &v->server.store, err);
	if (r == 0)
		sk_store_set_grant_max(v->server.store, c->grant_max_s * 1000);
	if (r == 0)
		sk_store_set_patience(v->server.store, PATIENCE_MS);
	if (r == 0)
		sk_store_set_silent(v->server.store, c->silent_s * 1000);
	if (r == 0)
		r = sk_container_master(c->state_dir, master, NULL, err);
	if (r == 0)
		sk_store_set_container(v->server.store, master);
	if (r == 0 && (r = sk_store_factors_seal(v->server.store)) < 0)
		r = sk_err_set(err, r, "%s: second factors cannot be sealed: %s", c->state_dir, strerror(-r));
	if (r == 0)
		r = sk_phone_master(c->state_dir, master, NULL, err);
	if (r == 0)
		sk_store_set_phone(v->server.store, master);
	explicit_bzero(master, sizeof(master));
	return r;
}

static int start(struct serve *v, struct sk_err *err)
{
	struct sk_server *s = &v->server;
	int r = start_store(v, err);

	if (r < 0)
		return r;
	v->stats.started = sk_clock_wall();
	s->stats = &v->stats;
	s->base = event_base_new();
	s->enrol_limiter = sk_limiter_new(ENROL_ATTEMPTS, ENROL_WINDOW);
	s->login_limiter = sk_limiter_new(LOGIN_ATTEMPTS, ENROL_WINDOW);
	s->unknown_limiter = sk_limiter_new(1, (sk_ms)60 * 1000);
	s->renew_limiter = sk_limiter_new(AUDITED_ATTEMPTS, AUDITED_WINDOW);
	s->raise_limiter = sk_limiter_new(AUDITED_ATTEMPTS, AUDITED_WINDOW);
	s->terminal_rates = sk_rates_new(AGENTS_MOST, s->config->requests_minute, s->config->requests_minute);
	s->overload = &v->overload;
	if (s->base == NULL || s->enrol_limiter == NULL || s->login_limiter == NULL || s->unknown_limiter == NULL ||
	    s->renew_limiter == NULL || s->raise_limiter == NULL || s->terminal_rates == NULL ||
	    sk_batch_new(s->base, s->store, &s->batch) < 0 || sk_orders_new(s, &s->orders) < 0 || add_events(v) < 0)
		return sk_err_set(err, -ENOMEM, "out of memory");
	r = listen_agents(v, err);
	if (r < 0)
		return r;
	/* Known before the first enrolment is answered. */
	if (s->config->agents_url[0] != '\0')
		sk_text_copy(s->agents_url, sizeof(s->agents_url), s->config->agents_url);
	else
		snprintf(s->agents_url, sizeof(s->agents_url),
		         strchr(s->config->name, ':') == NULL ? "https://%s:%d" : "https://[%s]:%d", s->config->name,
		         sk_listener_port(v->agents));
	return listen_console(v, err);
}

static void stop(struct serve *v)
{
	struct sk_server *s = &v->server;

	sk_orders_stop(s->orders);
	if (s->batch != NULL)
		sk_batch_flush(s->batch);
	if (s->store != NULL && s->ca != NULL)
		sk_checkpoint_tend(s->store, sk_ca_sign_key(s->ca), sk_clock_wall(), true);
	v->console = sk_listener_free(v->console);
	v->agents = sk_listener_free(v->agents);
	s->orders = sk_orders_free(s->orders);
	sk_password_pool_stop();
	for (size_t i = 0; i < v->n_events; i++)
		event_free(v->events[i]);
	s->batch = sk_batch_free(s->batch);
	if (s->base != NULL)
		event_base_free(s->base);
	sk_tls_free(v->agents_tls);
	sk_tls_free(v->console_tls);
	sk_limiter_free(s->enrol_limiter);
	sk_limiter_free(s->login_limiter);
	sk_limiter_free(s->unknown_limiter);
	sk_limiter_free(s->renew_limiter);
	sk_limiter_free(s->raise_limiter);
	sk_rates_free(s->terminal_rates);
	sk_store_close(s->store);
	sk_ca_free(s->ca);
	unlink(v->agents_port_file);
	unlink(v->console_port_file);
}

int sk_serve(const struct sk_server_config *config, struct sk_err *err)
{
	struct serve *v = calloc(1, sizeof(*v));
	int r;

	if (v == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	v->server.config = config;
	snprintf(v->agents_port_file, sizeof(v->agents_port_file), "%s/agents.port", config->state_dir);
	snprintf(v->console_port_file, sizeof(v->console_port_file), "%s/console.port", config->state_dir);
	v->lock = sk_serve_lock(config, err);
	if (v->lock < 0) {
		r = v->lock;
		free(v);
		return r;
	}
	r = sk_restore_finish(config->state_dir, err); /* of a restore that was stopped half-way */
	if (r < 0) {
		close(v->lock);
		free(v);
		return r;
	}
	if (r > 0)
		sk_log(SK_LOG_NOTICE, "a restore that had been stopped half-way was carried out");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit on files is an error of that write, not the end of the server */
	unlink(v->agents_port_file); /* of a run that was killed */
	unlink(v->console_port_file);
	r = start(v, err);
	if (r == 0) {
		sd_notify(0, "READY=1");
		if (event_base_dispatch(v->server.base) < 0)
			r = sk_err_set(err, -EIO, "the event loop broke");
	}
	stop(v);
	close(v->lock);
	free(v);
	return r;
}
