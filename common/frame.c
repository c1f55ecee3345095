/*
 * Length-prefixed JSON objects on a stream socket. The buffer side is for event loops; the client side reads exactly one answer
 * and leaves what follows in the socket, and gives up at a deadline, so that a stopped peer costs a known time.
 */
#include "common/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"

#define HEAD              4
#define CONNECT_TIMEOUT_S 5

static uint32_t get_length(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int sk_frame_put(struct sk_buf *out, const json_t *msg)
{
	char *text = json_is_object(msg) ? sk_json_text(msg) : NULL;
	size_t len, before = out->len;
	uint8_t head[HEAD];
	int r;

	if (text == NULL)
		return -EINVAL;
	len = strlen(text);
	head[0] = (uint8_t)(len >> 24);
	head[1] = (uint8_t)(len >> 16);
	head[2] = (uint8_t)(len >> 8);
	head[3] = (uint8_t)len;
	r = len > SK_FRAME_MAX ? -E2BIG : sk_buf_add(out, head, HEAD);
	if (r == 0)
		r = sk_buf_add(out, text, len);
	if (r < 0 && out->len > before) { /* a head without its body would break all that follows */
		out->len = before;
		out->data[before] = '\0';
	}
	free(text);
	return r;
}

static int parse_object(const char *text, size_t len, json_t **msg, struct sk_err *err)
{
	json_t *j = NULL;
	int r = sk_json_parse(text, len, SK_FRAME_MAX, &j, err);

	if (r < 0)
		return r;
	if (!json_is_object(j)) {
		json_decref(j);
		return sk_err_set(err, -EINVAL, "message is not a JSON object");
	}
	*msg = j;
	return 0;
}

static int check_length(uint32_t len, struct sk_err *err)
{
	if (len == 0 || len > SK_FRAME_MAX)
		return sk_err_set(err, -EPROTO, "message of %u bytes; 1 to %d are taken", len, SK_FRAME_MAX);
	return 0;
}

int sk_frame_take(struct sk_buf *in, json_t **msg, struct sk_err *err)
{
	uint32_t len;
	int r;

	if (in->len < HEAD)
		return 1;
	len = get_length((const uint8_t *)in->data);
	r = check_length(len, err);
	if (r < 0)
		return r;
	if (in->len - HEAD < len)
		return 1;
	r = parse_object(in->data + HEAD, len, msg, err);
	if (r == 0)
		sk_buf_consume(in, HEAD + (size_t)len);
	return r;
}

int sk_frame_connect(const char *socket_path, struct sk_err *err)
{
	struct timeval patience = {.tv_sec = CONNECT_TIMEOUT_S};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(socket_path);
	int fd, r;

	if (len == 0 || len >= sizeof(to.sun_path))
		return sk_err_set(err, -ENAMETOOLONG, "%s: not a socket's path", socket_path);
	memcpy(to.sun_path, socket_path, len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sk_err_set(err, -errno, "%s: %s", socket_path, strerror(errno));
	/* A full backlog blocks connect(2) too; the send timeout bounds that. */
	r = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	            connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0
	        ? -errno
	        : 0;
	if (r == 0)
		return fd;
	(void)close(fd);
	if (r == -EAGAIN)
		r = -ETIMEDOUT;
	return sk_err_set(err, r, "%s: %s", socket_path, strerror(-r));
}

static int64_t now_ms(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short what, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = what};

	for (;;) {
		int64_t left = deadline - now_ms();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_all(int fd, const char *data, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			r = wait_for(fd, POLLOUT, deadline);
			if (r < 0)
				return r;
		} else if (n == 0 || errno != EINTR) {
			return n == 0 ? -EPIPE : -errno;
		}
	}
	return 0;
}

static int receive_all(int fd, char *data, size_t len, int64_t deadline)
{
	while (len > 0) {
		ssize_t n = recv(fd, data, len, MSG_DONTWAIT);
		int r;

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			return -ECONNRESET;
		} else if (errno == EAGAIN) {
			r = wait_for(fd, POLLIN, deadline);
			if (r < 0)
				return r;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int receive_frame(int fd, int64_t deadline, json_t **answer, struct sk_err *err)
{
	uint8_t head[HEAD];
	uint32_t len;
	char *body;
	int r = receive_all(fd, (char *)head, HEAD, deadline);

	if (r < 0)
		return sk_err_set(err, r, "no answer: %s", strerror(-r));
	len = get_length(head);
	r = check_length(len, err);
	if (r < 0)
		return r;
	body = malloc(len);
	if (body == NULL)
		return sk_err_set(err, -ENOMEM, "no memory for an answer of %u bytes", len);
	r = receive_all(fd, body, len, deadline);
	if (r < 0)
		(void)sk_err_set(err, r, "answer ends in the middle: %s", strerror(-r));
	else
		r = parse_object(body, len, answer, err);
	free(body);
	return r;
}

int sk_frame_exchange(int fd, const json_t *request, int timeout_ms, json_t **answer, struct sk_err *err)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct sk_buf out;
	int r;

	sk_buf_init(&out, SK_FRAME_MAX + HEAD);
	r = sk_frame_put(&out, request);
	if (r < 0) {
		(void)sk_err_set(err, r, "request cannot be sent: %s", strerror(-r));
	} else {
		r = send_all(fd, out.data, out.len, deadline);
		if (r < 0)
			(void)sk_err_set(err, r, "request not taken: %s", strerror(-r));
	}
	sk_buf_deinit(&out);
	return r < 0 ? r : receive_frame(fd, deadline, answer, err);
}

int sk_frame_call(const char *socket_path, const json_t *request, int timeout_ms, json_t **answer, struct sk_err *err)
{
	int fd = sk_frame_connect(socket_path, err), r;

	if (fd < 0)
		return fd;
	r = sk_frame_exchange(fd, request, timeout_ms, answer, err);
	(void)close(fd);
	return r;
}
