/* Wiring: each op of the state machine is a few lines onto a socket, a file or the clock; each event goes into one sk_uplink_on_. */
#include "agent/uplink_run.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "agent/uplink.h"
#include "agent/uplink_identity.h"
#include "agent/uplink_line.h"
#include "agent/uplink_local.h"
#include "common/log.h"
#include "common/tls.h"
#include "common/x509.h"

#define SEND_IDLE (20 * 1000LL) /* ms: the second connection is closed when there was nothing to send for so long */

static const int SIGNALS[] = {SIGTERM, SIGINT, SIGHUP};
#define N_SIGNALS (sizeof(SIGNALS) / sizeof(SIGNALS[0]))

struct lane {
	struct runner *runner;
	enum sk_uplink_lane which;
	struct sk_line *line;
};

struct program { /* outlives a reload: a signal that comes in the middle of one is not lost and does not kill */
	struct event_base *base;
	struct event *signals[N_SIGNALS];
	bool reload, stop;
};

struct runner {
	const struct sk_uplink_options *o;
	struct event_base *base; /* the program's */
	struct event *timer, *resume;
	int resume_fd;
	struct sk_identity id;
	struct sk_tls *tls;
	struct sk_local *local;
	struct lane lanes[SK_LANE_COUNT];
	char *new_key; /* of a renewal under way; owned */
	struct sk_uplink uplink;
};

static int op_call(void *ctx, const json_t *request, json_t **answer, struct sk_err *err)
{
	return sk_local_call(((struct runner *)ctx)->local, request, answer, err);
}

static int op_open(void *ctx, struct sk_err *err)
{
	return sk_local_open(((struct runner *)ctx)->local, err);
}

static int op_wait(void *ctx, int timeout_ms, struct sk_err *err)
{
	(void)malloc_trim(0); /* everything is sent: what the batches took goes back */
	return sk_local_wait(((struct runner *)ctx)->local, timeout_ms, err);
}

static int op_request(void *ctx, enum sk_uplink_lane lane, const struct sk_uplink_request *r, struct sk_err *err)
{
	return sk_line_request(((struct runner *)ctx)->lanes[lane].line, r, err);
}

static void op_close(void *ctx, enum sk_uplink_lane lane)
{
	sk_line_close(((struct runner *)ctx)->lanes[lane].line);
}

static void op_timer(void *ctx, sk_ms delay)
{
	struct runner *r = ctx;
	struct timeval tv = {delay / 1000, (delay % 1000) * 1000};

	(void)evtimer_del(r->timer);
	if (delay >= 0 && evtimer_add(r->timer, &tv) < 0)
		sk_log(SK_LOG_ERR, "no timer could be set; restarting");
}

static sk_ms op_now(void *ctx)
{
	(void)ctx;
	return sk_clock_boot();
}

static sk_ms op_wall(void *ctx)
{
	(void)ctx;
	return sk_clock_wall();
}

static uint32_t op_random(void *ctx)
{
	uint32_t n = 0;

	(void)ctx;
	if (sk_random(&n, sizeof(n)) < 0)
		n = (uint32_t)sk_clock_boot() * 2654435761U; /* spreads, and guards nothing */
	return n;
}

static void drop_new_key(struct runner *r)
{
	if (r->new_key)
		OPENSSL_cleanse(r->new_key, strlen(r->new_key));
	free(r->new_key);
	r->new_key = NULL;
}

static int op_renew_begin(void *ctx, struct sk_buf *csr, struct sk_err *err)
{
	struct runner *r = ctx;
	struct sk_buf key;
	int n;

	drop_new_key(r);
	sk_buf_init(&key, 16 * 1024);
	n = sk_x509_key_generate(&key);
	if (n == 0)
		r->new_key = sk_buf_steal(&key);
	sk_buf_deinit(&key);
	if (!r->new_key)
		return sk_err_set(err, -ENOMEM, "no new key could be made");
	return sk_x509_csr(r->new_key, r->id.device, csr, err);
}

static int op_renew_finish(void *ctx, const char *certificate, sk_ms *from, sk_ms *until, struct sk_err *err)
{
	struct runner *r = ctx;
	struct sk_identity next = r->id;
	struct sk_tls *tls = NULL;
	int n;

	next.key = r->new_key;
	next.cert = strdup(certificate);
	next.slot = SK_IDENTITY_SLOTS + 1 - r->id.slot;
	n = next.key && next.cert ? 0 : sk_err_set(err, -ENOMEM, "out of memory");
	if (n == 0)
		n = sk_identity_check(next.key, next.cert, next.ca, next.device, sk_clock_wall(), &next.from,
		                      &next.until, err);
	if (n == 0)
		n = sk_tls_client_mutual(next.ca, next.cert, next.key, &tls, err);
	if (n == 0)
		n = sk_identity_store(r->o->state, &next, err);
	if (n < 0) {
		free(next.cert);
		sk_tls_free(tls);
		drop_new_key(r);
		return sk_err_prefix(err, n, "renewal");
	}
	for (int l = 0; l < SK_LANE_COUNT; l++)
		sk_line_set_tls(r->lanes[l].line, tls);
	sk_tls_free(r->tls);
	r->tls = tls;
	next.ca = strdup(r->id.ca);
	sk_identity_clear(&r->id);
	r->id = next;
	r->new_key = NULL;
	*from = next.from;
	*until = next.until;
	sk_log(SK_LOG_NOTICE, "the certificate was renewed");
	return 0;
}

static void op_note(void *ctx, enum sk_log_level level, const char *text)
{
	(void)ctx;
	sk_log(level, "%s", text);
}

static const struct sk_uplink_ops OPS = {op_call, op_open, op_wait,   op_request,     op_close,        op_timer,
                                         op_now,  op_wall, op_random, op_renew_begin, op_renew_finish, op_note};

static void on_wait(void *arg, const json_t *answer)
{
	sk_uplink_on_wait(&((struct runner *)arg)->uplink, answer);
}

static void on_answer(void *arg, const struct sk_http_answer *a)
{
	struct lane *l = arg;

	sk_uplink_on_answer(&l->runner->uplink, l->which, a);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sk_uplink_on_timer(&((struct runner *)arg)->uplink);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct program *p = arg;

	(void)what;
	if (sig == SIGHUP)
		p->reload = true;
	else
		p->stop = true;
	(void)event_base_loopbreak(p->base);
}

/* One absolute timer far in the future that the kernel ends when the clock is set, which it also is on waking from sleep. It costs no
 * wake-up of its own. Without it a connection that died in the sleep is noticed at the long poll's deadline. */
static int arm_resume(int fd)
{
	struct itimerspec far = {.it_value = {.tv_sec = sk_clock_wall() / 1000 + 20LL * 365 * 86400}};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	if (arm_resume(fd) < 0) {
		(void)event_del(((struct runner *)arg)->resume);
		return;
	}
	sk_uplink_on_hint(&((struct runner *)arg)->uplink);
}

static void watch_resume(struct runner *r)
{
	r->resume_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (r->resume_fd < 0 || arm_resume(r->resume_fd) < 0)
		return;
	r->resume = event_new(r->base, r->resume_fd, EV_READ | EV_PERSIST, on_resume, r);
	if (r->resume)
		(void)event_add(r->resume, NULL);
}

static int set_up(struct runner *r, struct sk_err *err)
{
	int n = sk_tls_client_mutual(r->id.ca, r->id.cert, r->id.key, &r->tls, err);

	if (n < 0)
		return sk_err_prefix(err, n, "TLS");
	r->timer = evtimer_new(r->base, on_timer, r);
	n = r->timer ? sk_local_new(r->base, r->o->socket, on_wait, r, &r->local) : -ENOMEM;
	for (int l = 0; n == 0 && l < SK_LANE_COUNT; l++) {
		r->lanes[l].runner = r;
		r->lanes[l].which = l;
		n = sk_line_new(r->base, &r->id.server, r->tls, l == SK_LANE_SEND ? SEND_IDLE : 0, on_answer,
		                &r->lanes[l], &r->lanes[l].line);
	}
	if (n == 0)
		watch_resume(r);
	return n == 0 ? 0 : sk_err_set(err, -ENOMEM, "the event loop could not be set up");
}

static void tear_down(struct runner *r)
{
	for (int l = 0; l < SK_LANE_COUNT; l++)
		r->lanes[l].line = sk_line_free(r->lanes[l].line);
	r->local = sk_local_free(r->local);
	r->tls = sk_tls_free(r->tls);
	if (r->timer)
		event_free(r->timer);
	if (r->resume)
		event_free(r->resume);
	if (r->resume_fd >= 0)
		(void)close(r->resume_fd);
	sk_uplink_deinit(&r->uplink);
	drop_new_key(r);
	sk_identity_clear(&r->id);
}

/* With one identity, until a signal. */
static int run_once(const struct sk_uplink_options *o, struct program *p, struct sk_err *err)
{
	struct runner *r = calloc(1, sizeof(*r));
	int n;

	if (!r)
		return sk_err_set(err, -ENOMEM, "out of memory");
	r->o = o;
	r->base = p->base;
	r->resume_fd = -1;
	n = sk_identity_load(o->state, &r->id, err);
	if (n == 0) {
		n = set_up(r, err);
		if (n == 0) {
			sk_uplink_init(&r->uplink, &OPS, r, r->id.device, r->id.from, r->id.until);
			if (o->deadline > 0)
				r->uplink.deadline = o->deadline;
			sk_uplink_start(&r->uplink);
			if (event_base_dispatch(r->base) < 0)
				n = sk_err_set(err, -EIO, "the event loop failed");
		}
		tear_down(r);
	}
	free(r);
	return n;
}

static int listen_to_signals(struct program *p)
{
	for (size_t i = 0; i < N_SIGNALS; i++) {
		p->signals[i] = evsignal_new(p->base, SIGNALS[i], on_signal, p);
		if (!p->signals[i] || evsignal_add(p->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

int sk_uplink_run(const struct sk_uplink_options *o, struct sk_err *err)
{
	struct program p = {.reload = true};
	int n;

	/* One small heap: this program is idle nearly always, and resident on every terminal. */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	p.base = event_base_new();
	n = p.base ? listen_to_signals(&p) : -ENOMEM;
	if (n < 0)
		(void)sk_err_set(err, n, "the event loop could not be set up");
	while (n == 0 && p.reload && !p.stop) {
		p.reload = false;
		n = run_once(o, &p, err);
	}
	for (size_t i = 0; i < N_SIGNALS; i++)
		if (p.signals[i])
			event_free(p.signals[i]);
	if (p.base)
		event_base_free(p.base);
	return n;
}
