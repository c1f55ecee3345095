/*
 * The server side of frames. A client that ends while its request is being handled is only marked dead; whoever is on the stack with it
 * frees it on the way out (client_leave), so that no callback meets freed memory.
 */
#include "agent/socket.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/frame.h"
#include "common/text.h"

#define STALL_MS   10000
#define KEEP_BYTES 16384 /* a buffer larger than this is given back after use */

struct client {
	struct client *next, *prev; /* oldest activity first */
	struct sk_socket *s;
	uint64_t id;
	int fd;
	struct sk_peer peer;
	sd_event_source *io, *timer;
	struct sk_buf in, out;
	bool busy; /* a request is in progress */
	bool eof;
	bool dead;
	int depth; /* frames of ours on the stack */
};

struct sk_socket {
	sd_event *loop;
	sd_event_source *listener, *again;
	int fd;
	char path[108];
	struct sk_socket_options o;
	struct client *first, *last;
	unsigned n;
	uint64_t next_id;
};

json_t *sk_answer_ok(void)
{
	return json_pack("{s:b}", "ok", 1);
}

json_t *sk_answer_error(const char *code, const char *fmt, ...)
{
	char raw[512], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	sk_text_printable(text, sizeof text, raw, strlen(raw));
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "error", text);
}

/* --- the list of clients, oldest activity first --- */

static void unlink_client(struct client *c)
{
	struct sk_socket *s = c->s;

	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
	c->next = c->prev = NULL;
}

static void link_last(struct client *c)
{
	struct sk_socket *s = c->s;

	c->prev = s->last;
	c->next = NULL;
	*(s->last ? &s->last->next : &s->first) = c;
	s->last = c;
}

static void client_leave(struct client *c)
{
	if (--c->depth > 0 || !c->dead)
		return;
	sk_buf_deinit(&c->in);
	sk_buf_deinit(&c->out);
	free(c);
}

/* Ends the connection; the memory goes when nobody is on the stack with it. */
static void client_end(struct client *c)
{
	if (c->dead)
		return;
	c->dead = true;
	unlink_client(c);
	c->s->n--;
	c->io = sd_event_source_disable_unref(c->io);
	c->timer = sd_event_source_disable_unref(c->timer);
	close(c->fd);
	c->fd = -1;
	c->depth++;
	client_leave(c);
}

/* --- deadlines --- */

static int on_stall(sd_event_source *t, uint64_t usec, void *arg)
{
	(void)t;
	(void)usec;
	client_end(arg);
	return 0;
}

/* A deadline runs exactly while something half done is pending; progress does not move it. */
static void set_deadline(struct client *c)
{
	bool pending = c->out.len > 0 || (!c->busy && c->in.len > 0);
	uint64_t us = (c->s->o.stall_ms ? c->s->o.stall_ms : STALL_MS) * 1000ULL;

	if (!pending) {
		c->timer = sd_event_source_disable_unref(c->timer);
		return;
	}
	if (!c->timer &&
	    sd_event_add_time_relative(c->s->loop, &c->timer, CLOCK_BOOTTIME, us, us / 10, on_stall, c) < 0)
		client_end(c);
}

static void set_interest(struct client *c)
{
	uint32_t events = 0;

	if (!c->busy && !c->eof && c->out.len == 0)
		events |= EPOLLIN;
	if (c->out.len)
		events |= EPOLLOUT;
	if (sd_event_source_set_io_events(c->io, events) < 0)
		client_end(c);
}

/* --- reading and writing --- */

static void shrink(struct sk_buf *b)
{
	size_t limit = b->limit;

	if (b->len || b->cap <= KEEP_BYTES)
		return;
	sk_buf_deinit(b);
	sk_buf_init(b, limit);
}

static void write_out(struct client *c)
{
	while (c->out.len) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			client_end(c);
			return;
		}
		sk_buf_consume(&c->out, (size_t)n);
	}
	shrink(&c->out);
}

static uint32_t frame_length(const struct sk_buf *in)
{
	const unsigned char *p = (const unsigned char *)in->data;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_request(struct client *c)
{
	struct sk_err err = SK_ERR_INIT;
	json_t *msg = NULL;
	int r;

	if (c->in.len >= 4 && frame_length(&c->in) > c->s->o.max_frame)
		r = sk_err_set(&err, -E2BIG, "request longer than %zu bytes", c->s->o.max_frame);
	else
		r = sk_frame_take(&c->in, &msg, &err);
	if (r == 1)
		return;
	c->busy = true;
	c->timer = sd_event_source_disable_unref(c->timer);
	shrink(&c->in);
	if (r == 0) {
		c->s->o.request(c->s->o.ctx, c->id, &c->peer, msg);
		json_decref(msg);
		return;
	}
	/* After a broken frame nothing on this connection can be understood any more: it is told, and that is all. */
	sk_buf_reset(&c->in);
	c->eof = true;
	sk_socket_answer(c->s, c->id, sk_answer_error("invalid", "%s", err.text));
}

/* Takes whole requests out of what was read, one after the other's answer. */
static void advance(struct client *c)
{
	size_t before;

	c->depth++;
	do {
		before = c->in.len;
		if (!c->busy && before >= 4 && c->out.len == 0)
			take_request(c);
	} while (!c->dead && !c->busy && c->in.len < before);
	if (!c->dead && c->eof && !c->busy && c->out.len == 0)
		client_end(c);
	if (!c->dead)
		set_interest(c);
	if (!c->dead)
		set_deadline(c);
	client_leave(c);
}

static void read_in(struct client *c)
{
	char chunk[4096];

	for (int i = 0; i < 64; i++) { /* a fast writer does not keep the loop to itself */
		ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			c->eof = true;
			return;
		}
		if (sk_buf_add(&c->in, chunk, (size_t)n) < 0) { /* a pipelined request beyond the limit, or no memory */
			client_end(c);
			return;
		}
		if (c->in.len >= 4 &&
		    (c->in.len - 4 >= frame_length(&c->in) || frame_length(&c->in) > c->s->o.max_frame))
			return; /* whole, or too long to ever be: the rest stays with the kernel */
	}
}

static int on_client(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct client *c = arg;

	(void)src;
	(void)fd;
	c->depth++;
	unlink_client(c);
	link_last(c);
	if (revents & EPOLLOUT)
		write_out(c);
	if (!c->dead && (revents & EPOLLIN))
		read_in(c);
	if (!c->dead && (revents & (EPOLLHUP | EPOLLERR)) && !(revents & EPOLLIN))
		client_end(c);
	if (!c->dead)
		advance(c);
	client_leave(c);
	return 0;
}

static struct client *find(const struct sk_socket *s, uint64_t id)
{
	for (struct client *c = s->first; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

int sk_socket_answer(struct sk_socket *s, uint64_t id, json_t *answer)
{
	struct client *c = s ? find(s, id) : NULL;
	int r;

	if (!c || !c->busy) {
		json_decref(answer);
		return -ENOTCONN;
	}
	if (!answer)
		answer = sk_answer_error("failed", "no memory");
	r = answer ? sk_frame_put(&c->out, answer) : -ENOMEM;
	json_decref(answer);
	if (r < 0) {
		answer = sk_answer_error("failed", "the answer is too long");
		r = sk_frame_put(&c->out, answer);
		json_decref(answer);
	}
	c->busy = false;
	c->depth++;
	if (r < 0)
		client_end(c);
	else
		write_out(c);
	/* When the handler answers at once, advance() is on the stack already and goes on itself. */
	if (!c->dead && c->depth == 1)
		advance(c);
	client_leave(c);
	return 0;
}

bool sk_socket_connected(const struct sk_socket *s, uint64_t client)
{
	return s && find(s, client) != NULL;
}

unsigned sk_socket_clients(const struct sk_socket *s)
{
	return s->n;
}

/* --- accepting --- */

static bool is_idle(const struct client *c)
{
	return !c->busy && c->out.len == 0 && c->depth == 0;
}

static bool privileged(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Is there a place for this peer? The longest idle connection (of the same uid when that uid has too many) makes room. */
static bool make_room(struct sk_socket *s, const struct sk_peer *p)
{
	unsigned same = 0;
	bool crowd;

	for (struct client *c = s->first; c; c = c->next)
		same += c->peer.uid == p->uid;
	crowd = s->o.max_per_uid && !privileged(p->uid) && same >= s->o.max_per_uid;
	if (s->n < s->o.max_clients && !crowd)
		return true;
	for (struct client *c = s->first; c; c = c->next) {
		if (!is_idle(c) || (crowd && c->peer.uid != p->uid))
			continue;
		if (!privileged(p->uid) && privileged(c->peer.uid))
			continue;
		client_end(c);
		return true;
	}
	return false;
}

static int add_client(struct sk_socket *s, int fd, const struct sk_peer *p)
{
	struct client *c = calloc(1, sizeof *c);
	int r;

	if (!c)
		return -ENOMEM;
	c->s = s;
	c->fd = fd;
	c->peer = *p;
	c->id = ++s->next_id;
	sk_buf_init(&c->in, s->o.max_frame + 4 + 4096);
	sk_buf_init(&c->out, SK_FRAME_MAX + 65536);
	r = sd_event_add_io(s->loop, &c->io, fd, EPOLLIN, on_client, c);
	if (r < 0) {
		free(c);
		return r;
	}
	link_last(c);
	s->n++;
	return 0;
}

static void accept_one(struct sk_socket *s, int fd)
{
	struct sk_peer p;
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || len != sizeof cred) {
		close(fd);
		return;
	}
	p = (struct sk_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	if ((s->o.admit && !s->o.admit(s->o.ctx, &p)) || !make_room(s, &p) || add_client(s, fd, &p) < 0)
		close(fd);
}

static int on_again(sd_event_source *t, uint64_t usec, void *arg)
{
	struct sk_socket *s = arg;

	(void)t;
	(void)usec;
	return sd_event_source_set_enabled(s->listener, SD_EVENT_ON);
}

static int on_listener(sd_event_source *src, int fd, uint32_t revents, void *arg)
{
	struct sk_socket *s = arg;

	(void)revents;
	for (int i = 0; i < 16; i++) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (c < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (c < 0 &&
		    errno != EAGAIN) { /* no descriptors or memory: not again at once, or the loop would spin */
			sd_event_source_set_enabled(src, SD_EVENT_OFF);
			s->again = sd_event_source_disable_unref(s->again);
			sd_event_add_time_relative(s->loop, &s->again, CLOCK_BOOTTIME, 1000000, 100000, on_again, s);
		}
		if (c < 0)
			return 0;
		accept_one(s, c);
	}
	return 0;
}

static int bind_path(struct sk_socket *s, struct sk_err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	sk_text_copy(a.sun_path, sizeof a.sun_path, s->path);
	if (unlink(s->path) < 0 && errno != ENOENT)
		return sk_err_set(err, -errno, "%s: %s", s->path, strerror(errno));
	/* Nobody can connect between bind and listen, and the mode is right before listen. */
	if (bind(s->fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod(s->path, s->o.mode) < 0 ||
	    (s->o.gid != (gid_t)-1 && chown(s->path, (uid_t)-1, s->o.gid) < 0) || listen(s->fd, SOMAXCONN) < 0)
		return sk_err_set(err, -errno, "%s: %s", s->path, strerror(errno));
	return 0;
}

int sk_socket_open(sd_event *loop, const struct sk_socket_options *o, struct sk_socket **out, struct sk_err *err)
{
	struct sk_socket *s = calloc(1, sizeof *s);
	int r;

	if (!s)
		return sk_err_set(err, -ENOMEM, "no memory");
	s->loop = loop;
	s->o = *o;
	if (strlen(o->path) >= sizeof s->path) {
		free(s);
		return sk_err_set(err, -ENAMETOOLONG, "%s: longer than %zu bytes", o->path, sizeof s->path - 1);
	}
	sk_text_copy(s->path, sizeof s->path, o->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = s->fd < 0 ? sk_err_set(err, -errno, "socket: %s", strerror(errno)) : bind_path(s, err);
	if (r == 0) {
		r = sd_event_add_io(loop, &s->listener, s->fd, EPOLLIN, on_listener, s);
		if (r < 0)
			sk_err_set(err, r, "%s: %s", s->path, strerror(-r));
	}
	if (r < 0) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

struct sk_socket *sk_socket_close(struct sk_socket *s)
{
	if (!s)
		return NULL;
	while (s->first)
		client_end(s->first);
	sd_event_source_disable_unref(s->listener);
	sd_event_source_disable_unref(s->again);
	(void)unlink(s->path);
	close(s->fd);
	free(s);
	return NULL;
}
