#include "platform/clamd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK (64 * 1024)

struct line {
	const struct sk_clamd_file *f;
	int fd;
	sk_ms alive; /* last sign of life */
	char *answer;
	size_t got;
	bool ended; /* its answer is whole, or the line is cut */
};

/* Waits for the scanner: revents, or 0 when it has been too long. */
static short wait_for(struct line *l, short events)
{
	for (;;) {
		struct pollfd p = {.fd = l->fd, .events = events};
		sk_ms now = sk_clock_boot(), end = l->alive + l->f->silence;
		int r;

		if (l->f->deadline < end)
			end = l->f->deadline;
		if (now >= end)
			return 0;
		r = poll(&p, 1, (int)(end - now > 1000 ? 1000 : end - now));
		if (r > 0) {
			l->alive = sk_clock_boot();
			return p.revents;
		}
		if (r < 0 && errno != EINTR)
			return 0;
	}
}

static enum sk_clamd too_long(const struct line *l)
{
	return sk_clock_boot() >= l->f->deadline && sk_clock_boot() < l->alive + 3000 ? SK_CLAMD_LATE : SK_CLAMD_SILENT;
}

/* Takes what there is of the answer. */
static void take(struct line *l)
{
	ssize_t n = recv(l->fd, l->answer + l->got, SK_CLAMD_ANSWER_MAX - l->got, MSG_DONTWAIT);

	if (n > 0)
		l->got += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		l->ended = true;
	if (l->got == SK_CLAMD_ANSWER_MAX || memchr(l->answer, '\0', l->got) != NULL)
		l->ended = true;
}

/* An answer before the end of the file is one too (the stream is too long for it): then the rest is not sent. */
static enum sk_clamd send_all(struct line *l, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0 && !l->ended) {
		short ready = wait_for(l, POLLIN | POLLOUT);
		ssize_t n;

		if (ready == 0)
			return too_long(l);
		if (ready & (POLLIN | POLLERR | POLLHUP)) {
			take(l);
			continue;
		}
		n = send(l->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			take(l); /* it went away; perhaps it said why */
			l->ended = true;
		}
	}
	return SK_CLAMD_ANSWERED;
}

static enum sk_clamd send_file(struct line *l)
{
	struct {
		uint32_t len;
		char bytes[CHUNK];
	} chunk;
	int64_t total = 0;
	enum sk_clamd r = SK_CLAMD_ANSWERED;
	ssize_t n = 1;

	while (r == SK_CLAMD_ANSWERED && !l->ended && n > 0) {
		do
			n = read(l->f->fd, chunk.bytes, sizeof(chunk.bytes));
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return SK_CLAMD_UNREADABLE;
		total += n;
		if (total > l->f->limit)
			return SK_CLAMD_TOO_LARGE;
		chunk.len = htonl((uint32_t)n); /* 0 ends the stream */
		l->alive = sk_clock_boot(); /* a slow medium is not the scanner's fault */
		if (l->alive >= l->f->deadline)
			return SK_CLAMD_LATE;
		r = send_all(l, &chunk, sizeof(chunk.len) + (size_t)n);
		if (r == SK_CLAMD_ANSWERED && l->f->sent != NULL && n > 0)
			l->f->sent(l->f->arg, (size_t)n);
	}
	return r;
}

static enum sk_clamd dialog(struct line *l)
{
	static const char command[] = "zINSTREAM";
	enum sk_clamd r = send_all(l, command, sizeof(command));

	if (r == SK_CLAMD_ANSWERED && !l->ended)
		r = send_file(l);
	while (r == SK_CLAMD_ANSWERED && !l->ended) {
		if (wait_for(l, POLLIN) == 0)
			r = too_long(l);
		else
			take(l);
	}
	return r == SK_CLAMD_ANSWERED && l->got == 0 ? SK_CLAMD_DIED : r;
}

static int dial(const struct sk_clamd_file *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = f->silence / 1000, .tv_usec = (f->silence % 1000) * 1000};
	int fd;

	if (strlen(f->socket) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	(void)memcpy(a.sun_path, f->socket, strlen(f->socket) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

enum sk_clamd sk_clamd_scan(const struct sk_clamd_file *f, char *answer, size_t *len)
{
	struct line l = {.f = f, .answer = answer};
	enum sk_clamd r;

	l.fd = dial(f);
	if (l.fd < 0) /* EAGAIN: it listens, and takes no more callers */
		return l.fd == -EAGAIN || l.fd == -ETIMEDOUT ? SK_CLAMD_SILENT : SK_CLAMD_ABSENT;
	l.alive = sk_clock_boot();
	r = dialog(&l);
	(void)close(l.fd);
	if (r == SK_CLAMD_ANSWERED)
		*len = l.got;
	return r;
}
