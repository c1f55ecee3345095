/* evhttp on TLS: see listener.h for the phases of a connection. */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <netdb.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "server/listen_address.h"
#include "server/visitors.h"

#define BUCKETS    4096
#define IDLE_S     75 /* between requests, and evhttp's own while a long-poll (at most 55 s) waits */
#define GONE_S     3 /* how soon a peer that went away while it waited is noticed */
#define HEADER_MAX (16 * 1024)
#define BODY_SLACK (64 * 1024)
#define LOOK       64 /* of the oldest connections, among which the one to go is sought */
#define FAILURES   100 /* handshakes an address may fail at once, and */
#define FORGIVEN   300 /* in a minute in the long run */

#define SILENT 1000 /* ms without a handshake or a request */

/* In the order in which a full listener gives up connections. FRESH: shaken hands, but never asked. LEAVING: cut, and not yet gone. */
enum phase { HANDSHAKE, FRESH, IDLE, READING, WRITING, HANDLING, LEAVING, PHASES };

struct sk_conn {
	struct sk_listener *l;
	struct sk_conn *next, **prev; /* by bufferevent */
	TAILQ_ENTRY(sk_conn) age; /* among those of its phase, oldest first; once settled */
	struct bufferevent *bev; /* evhttp's */
	struct evhttp_connection *evcon; /* while a request is handled */
	struct event *timer;
	enum phase phase;
	bool settled, cut;
	sk_ms since; /* when its phase began; boot clock */
	struct sk_visitor *who; /* its address, once known */
	char *remote; /* likewise, as a load balancer told it */
};

struct sk_listener {
	struct event_base *base;
	struct evhttp *http;
	struct evconnlistener *socket;
	struct event *retry; /* accept failed (no descriptors): try again */
	struct sk_listener_options o;
	size_t n, leaving;
	struct sk_listener_counts counts;
	bool stopped;
	struct bufferevent *spare;
	struct sk_listener *sibling;
	struct sk_visitors *visitors;
	TAILQ_HEAD(, sk_conn) ages[PHASES];
	struct sk_conn *conns[BUCKETS];
};

static struct sk_listener *all;

static size_t bucket_of(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h & (BUCKETS - 1);
}

static struct sk_conn *find(struct sk_listener *l, struct bufferevent *bev)
{
	struct sk_conn *c = l->conns[bucket_of(&bev, sizeof(bev))];

	while (c != NULL && c->bev != bev)
		c = c->next;
	return c;
}

static void arm(struct sk_conn *c, int seconds)
{
	const struct timeval tv = {.tv_sec = seconds};

	if (seconds == 0)
		event_del(c->timer);
	else
		event_add(c->timer, &tv);
}

static void enter(struct sk_conn *c, enum phase phase)
{
	if (c->settled)
		TAILQ_REMOVE(&c->l->ages[c->phase], c, age);
	c->phase = phase;
	c->since = sk_clock_boot();
	if (c->settled)
		TAILQ_INSERT_TAIL(&c->l->ages[phase], c, age);
}

/* Shut down at the socket; evhttp frees it when it sees that. */
void sk_conn_cut(struct sk_conn *c)
{
	evutil_socket_t fd = bufferevent_getfd(c->bev);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	if (c->cut)
		return;
	c->cut = true;
	c->l->leaving++;
	enter(c, LEAVING);
}

static void refuse(struct sk_conn *c, unsigned long long *reason)
{
	++*reason;
	c->l->counts.refused++;
	sk_conn_cut(c);
}

static bool rather(const struct sk_conn *c, const struct sk_conn *than)
{
	size_t mine, other;

	if (than == NULL)
		return true;
	mine = sk_visitor_open(c->who);
	other = sk_visitor_open(than->who);
	return mine > other || (mine == other && c->since < than->since);
}

/* Of these phases, among their oldest, one of the address that holds most, the oldest of these; none younger than `age` ms. */
static struct sk_conn *heaviest(struct sk_listener *l, enum phase first, enum phase last, sk_ms age)
{
	sk_ms before = sk_clock_boot() - age;
	struct sk_conn *c, *worst = NULL;

	for (enum phase phase = first; phase <= last; phase++) {
		int seen = 0;

		TAILQ_FOREACH(c, &l->ages[phase], age)
		{
			if (seen++ == LOOK || c->since > before)
				break;
			if (!c->cut && rather(c, worst))
				worst = c;
		}
	}
	return worst;
}

/* Room for one more. Who keeps silent goes first; when nobody does, who holds most. What is being handled stays. */
static void make_room(struct sk_listener *l)
{
	struct sk_conn *c = heaviest(l, HANDSHAKE, FRESH, SILENT);

	if (c == NULL)
		c = heaviest(l, HANDSHAKE, WRITING, 0);
	if (c != NULL)
		refuse(c, &l->counts.crowded_out);
}

/* evhttp does not read while a request is being handled, so a peer that goes away meanwhile is asked after at the socket. */
static void look_after(struct sk_conn *c)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	evutil_socket_t fd = bufferevent_getfd(c->bev);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_ESTABLISHED)
		arm(c, GONE_S);
	else
		evhttp_connection_free(c->evcon); /* c goes with it */
}

static void welcome(struct sk_conn *c, const struct sockaddr_storage *from)
{
	struct sk_listener *l = c->l;

	c->who = sk_visitors_enter(l->visitors, from);
	if (sk_visitor_open(c->who) > l->o.per_address)
		refuse(c, &l->counts.per_address);
	else if (sk_visitors_unwelcome(l->visitors, c->who, sk_clock_boot()))
		refuse(c, &l->counts.unwelcome);
	else if (l->n - l->leaving > l->o.connections)
		make_room(l);
}

/* Of a load balancer's connection: whom it is for. Its own health checks are nobody's. */
static int take_header(void *arg, const uint8_t *data, size_t have)
{
	struct sockaddr_storage from;
	char text[INET6_ADDRSTRLEN];
	struct sk_conn *c = arg;
	int want = sk_proxy_header_wants(data, have);

	if (want >= 0 && (size_t)want > have)
		return want;
	if (want < 0 || sk_proxy_header_read(data, have, &from) < 0) {
		refuse(c, &c->l->counts.headerless);
		return -EINVAL;
	}
	if (from.ss_family != AF_UNSPEC) {
		if (sk_visitor_text(&from, text, sizeof(text)))
			c->remote = strdup(text);
		if (c->remote == NULL)
			return -ENOMEM;
		welcome(c, &from);
	}
	return 0;
}

/* In the turn in which evhttp set the socket, before anything is read from it. */
static void settle(struct sk_conn *c)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	evutil_socket_t fd = bufferevent_getfd(c->bev);
	struct sk_listener *l = c->l;
	const int on = 1;

	c->settled = true;
	c->since = sk_clock_boot();
	TAILQ_INSERT_TAIL(&l->ages[c->phase], c, age);
	arm(c, l->o.handshake_s);
	if (fd < 0 || getpeername(fd, (struct sockaddr *)&ss, &len) != 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!sk_proxies_have(&l->o.proxies, &ss))
		welcome(c, &ss);
	else if (sk_tls_prefix(c->bev, take_header, c) < 0)
		sk_conn_cut(c);
	else if (l->n - l->leaving > l->o.connections)
		make_room(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sk_conn *c = arg;
	struct sk_tls_peer peer;

	(void)fd;
	(void)what;
	if (!c->settled) {
		settle(c);
		return;
	}
	if (c->phase == HANDSHAKE && sk_tls_peer(c->bev, &peer) == 0)
		enter(c, FRESH); /* done in time, nothing asked yet: evhttp's idle timeout goes on from here */
	else if (c->phase == HANDLING)
		look_after(c);
	else if (c->phase == HANDSHAKE || c->phase == READING || c->phase == WRITING)
		refuse(c, &c->l->counts.late);
}

static void begin_reading(struct sk_conn *c)
{
	enter(c, READING);
	arm(c, c->l->o.request_s);
}

static void on_input(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct sk_conn *c = arg;

	(void)b;
	if (info->n_added > 0 && (c->phase == HANDSHAKE || c->phase == FRESH || c->phase == IDLE))
		begin_reading(c);
}

static void on_gone(void *arg, bool shaken)
{
	struct sk_conn *c = arg;
	struct sk_listener *l = c->l;

	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->settled)
		TAILQ_REMOVE(&l->ages[c->phase], c, age);
	if (c->cut)
		l->leaving--;
	/* Also one that was cut for being silent; not one that was never heard because its address has to wait. */
	if (!shaken && !l->stopped && !sk_visitors_unwelcome(l->visitors, c->who, sk_clock_boot())) {
		l->counts.handshakes_failed++;
		sk_visitors_failed(l->visitors, c->who, sk_clock_boot());
	}
	sk_visitors_leave(l->visitors, c->who);
	event_free(c->timer);
	free(c->remote);
	free(c);
	if (l->n-- == l->o.connections + SK_LISTENER_OVER && !l->stopped && l->socket != NULL)
		evconnlistener_enable(l->socket);
}

static bool watch(struct sk_listener *l, struct bufferevent *bev)
{
	struct sk_conn *c = calloc(1, sizeof(*c)), **head;

	if (c == NULL)
		return false;
	c->l = l;
	c->bev = bev;
	c->timer = event_new(l->base, -1, 0, on_timer, c);
	if (c->timer == NULL || sk_tls_on_free(bev, on_gone, c) < 0) {
		if (c->timer != NULL)
			event_free(c->timer);
		free(c);
		return false;
	}
	head = &l->conns[bucket_of(&bev, sizeof(bev))];
	c->next = *head;
	c->prev = head;
	if (*head != NULL)
		(*head)->prev = &c->next;
	*head = c;
	event_active(c->timer, EV_TIMEOUT, 1); /* after evhttp has set the socket, and before the loop looks at it */
	evbuffer_add_cb(bufferevent_get_input(bev), on_input, c);
	if (++l->n >= l->o.connections + SK_LISTENER_OVER)
		evconnlistener_disable(
		    l->socket); /* others wait in the kernel's queue until those that were cut have gone */
	return true;
}

static void pause_accepting(struct sk_listener *l)
{
	const struct timeval second = {.tv_sec = 1};

	evconnlistener_disable(l->socket);
	event_add(l->retry, &second);
}

/* Half of a pair: no socket can be set on it, so evhttp drops the connection it was meant for. */
static bool make_spare(struct sk_listener *l)
{
	struct bufferevent *pair[2];

	if (l->spare != NULL)
		return true;
	if (bufferevent_pair_new(l->base, 0, pair) != 0)
		return false;
	bufferevent_free(pair[1]);
	l->spare = pair[0];
	return true;
}

static struct bufferevent *new_connection(struct event_base *base, void *arg)
{
	struct sk_listener *l = arg;
	struct bufferevent *bev = sk_tls_accept(l->o.tls, base, -1);

	if (bev != NULL && watch(l, bev))
		return bev;
	/* Given nothing, evhttp would go on without TLS. It gets a dead end that was made beforehand; until there is another one, nobody else. */
	if (bev != NULL)
		bufferevent_free(bev);
	sk_log(SK_LOG_ERR, "out of memory for a connection");
	bev = l->spare;
	l->spare = NULL;
	pause_accepting(l);
	return bev;
}

static void on_http(struct evhttp_request *ev, void *arg)
{
	struct sk_listener *l = arg;
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);
	struct sk_conn *c = evcon == NULL ? NULL : find(l, evhttp_connection_get_bufferevent(evcon));

	if (c == NULL) {
		evhttp_send_error(ev, HTTP_INTERNAL, NULL);
		return;
	}
	enter(c, HANDLING);
	c->evcon = evcon;
	arm(c, GONE_S);
	l->o.on_request(ev, c, l->o.arg);
}

static void on_sent(struct evhttp_request *ev, void *arg)
{
	struct sk_conn *c = arg;

	(void)ev;
	arm(c, 0);
	if (c->cut)
		return;
	enter(c, IDLE);
	if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		begin_reading(c);
}

void sk_conn_writing(struct sk_conn *conn, struct evhttp_request *ev)
{
	enter(conn, WRITING);
	arm(conn, conn->l->o.write_s);
	evhttp_request_set_on_complete_cb(ev, on_sent, conn);
}

const char *sk_conn_remote(const struct sk_conn *conn)
{
	return conn->remote;
}

struct bufferevent *sk_conn_bev(const struct sk_conn *conn)
{
	return conn->bev;
}

/* libevent hands the accept callback's argument to this one, and that is evhttp's: the listener is found by its socket. */
static void on_accept_error(struct evconnlistener *socket, void *unused)
{
	struct sk_listener *l = all;

	(void)unused;
	sk_log(SK_LOG_WARNING, "connections cannot be accepted for a second: %s", strerror(errno));
	while (l != NULL && l->socket != socket)
		l = l->sibling;
	if (l != NULL)
		pause_accepting(l);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct sk_listener *l = arg;

	(void)fd;
	(void)what;
	if (l->stopped)
		return;
	if (!make_spare(l))
		pause_accepting(l);
	else if (l->n < l->o.connections + SK_LISTENER_OVER)
		evconnlistener_enable(l->socket);
}

int sk_listener_port(const struct sk_listener *l)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = {.v6 = {.sin6_port = 0}};
	socklen_t len = sizeof(a);

	if (getsockname(evconnlistener_get_fd(l->socket), &a.any, &len) != 0)
		return -errno;
	return a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port) : ntohs(a.v4.sin_port);
}

static int publish_port(struct sk_listener *l, struct sk_err *err)
{
	char text[16];
	int port = sk_listener_port(l), n;

	if (port < 0)
		return sk_err_set(err, port, "%s: %s", l->o.address, strerror(-port));
	n = snprintf(text, sizeof(text), "%d\n", port);
	sk_log(SK_LOG_INFO, "listening on %s, port %d", l->o.address, port);
	return l->o.port_file == NULL ? 0 : sk_file_write(l->o.port_file, text, (size_t)n, 0644, err);
}

static int open_socket(struct sk_listener *l, struct sk_err *err)
{
	struct addrinfo *ai = NULL;
	int r = sk_listen_address(l->o.address, &ai, err);

	if (r < 0 || ai == NULL)
		return r < 0 ? r : -EHOSTUNREACH;
	l->socket = evconnlistener_new_bind(l->base, NULL, NULL,
	                                    LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 512,
	                                    ai->ai_addr, (int)ai->ai_addrlen);
	r = l->socket == NULL ? -errno : 0;
	freeaddrinfo(ai);
	if (r < 0)
		return sk_err_set(err, r, "%s: cannot listen: %s", l->o.address, strerror(-r));
	evconnlistener_set_error_cb(l->socket, on_accept_error);
	if (evhttp_bind_listener(l->http, l->socket) == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	return publish_port(l, err);
}

int sk_listener_new(struct event_base *base, const struct sk_listener_options *o, struct sk_listener **out,
                    struct sk_err *err)
{
	struct sk_listener *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	l->base = base;
	l->o = *o;
	l->o.handshake_s = o->handshake_s != 0 ? o->handshake_s : 10;
	l->o.request_s = o->request_s != 0 ? o->request_s : 30;
	l->o.write_s = o->write_s != 0 ? o->write_s : 60;
	for (int i = 0; i < PHASES; i++)
		TAILQ_INIT(&l->ages[i]);
	l->visitors =
	    sk_visitors_new(o->failures != 0 ? o->failures : FAILURES, o->forgiven != 0 ? o->forgiven : FORGIVEN);
	l->http = evhttp_new(base);
	l->retry = event_new(base, -1, 0, on_retry, l);
	l->sibling = all;
	all = l;
	if (l->http == NULL || l->retry == NULL || l->visitors == NULL || !make_spare(l)) {
		sk_listener_free(l);
		return sk_err_set(err, -ENOMEM, "out of memory");
	}
	evhttp_set_bevcb(l->http, new_connection, l);
	evhttp_set_gencb(l->http, on_http, l);
	evhttp_set_timeout(l->http, IDLE_S);
	evhttp_set_max_headers_size(l->http, HEADER_MAX);
	/* A little more than any route takes: then the refusal is ours. What is far beyond evhttp refuses, reading on so that the peer sees it. */
	evhttp_set_max_body_size(l->http, (ev_ssize_t)(o->body_max + BODY_SLACK));
	evhttp_set_flags(l->http, EVHTTP_SERVER_LINGERING_CLOSE);
	/* All of them, so that a known path can say 405 and what it takes. */
	evhttp_set_allowed_methods(l->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
	                                        EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
	                                        EVHTTP_REQ_PATCH);
	r = open_socket(l, err);
	if (r < 0) {
		sk_listener_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void sk_listener_stop(struct sk_listener *l)
{
	if (l == NULL || l->stopped)
		return;
	l->stopped = true;
	evconnlistener_disable(l->socket);
}

void sk_listener_drain(struct sk_listener *l)
{
	static const enum phase resting[] = {FRESH, IDLE};
	sk_ms before = sk_clock_boot() - SILENT;

	if (l == NULL)
		return;
	for (size_t i = 0; i < sizeof(resting) / sizeof(resting[0]); i++) {
		struct sk_conn *c, *next;

		for (c = TAILQ_FIRST(&l->ages[resting[i]]); c != NULL && c->since <= before; c = next) {
			next = TAILQ_NEXT(c, age);
			sk_conn_cut(c);
		}
	}
}

struct sk_listener *sk_listener_free(struct sk_listener *l)
{
	if (l == NULL)
		return NULL;
	l->stopped = true;
	if (l->http != NULL)
		evhttp_free(l->http); /* the socket and every connection with it */
	l->socket = NULL;
	/* Connections end in the loop's next turn (libevent frees them deferred); they must find the listener. */
	for (int i = 0; i < 100 && l->n > 0; i++)
		event_base_loop(l->base, EVLOOP_NONBLOCK);
	if (l->retry != NULL)
		event_free(l->retry);
	if (l->spare != NULL)
		bufferevent_free(l->spare);
	for (struct sk_listener **p = &all; *p != NULL; p = &(*p)->sibling) {
		if (*p == l) {
			*p = l->sibling;
			break;
		}
	}
	if (l->n == 0) {
		sk_visitors_free(l->visitors);
		free(l);
	}
	return NULL;
}

size_t sk_listener_connections(const struct sk_listener *l)
{
	return l->n;
}

const struct sk_listener_counts *sk_listener_counts(const struct sk_listener *l)
{
	return &l->counts;
}
