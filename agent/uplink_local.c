/* Client of sekimorid's uplink socket; see the header for the two connections. */
#include "agent/uplink_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/frame.h"
#include "common/json.h"
#include "common/text.h"

#define CALL_TIMEOUT_MS 15000
#define WAIT_ANSWER_MAX (64 * 1024)

struct sk_local {
	struct event_base *base;
	char path[108];
	sk_local_done done;
	void *arg;
	int fd, wait_fd;
	struct event *readable;
	struct sk_buf in;
};

void sk_local_close(struct sk_local *l)
{
	if (l->readable) {
		event_free(l->readable);
		l->readable = NULL;
	}
	if (l->fd >= 0)
		(void)close(l->fd);
	if (l->wait_fd >= 0)
		(void)close(l->wait_fd);
	l->fd = l->wait_fd = -1;
	sk_buf_reset(&l->in);
}

static void lost(struct sk_local *l)
{
	sk_local_close(l);
	l->done(l->arg, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct sk_local *l = arg;
	json_t *msg = NULL;
	char part[4096];
	ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);
	int r;

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || sk_buf_add(&l->in, part, (size_t)n) < 0) {
		lost(l);
		return;
	}
	r = sk_frame_take(&l->in, &msg, NULL);
	if (r > 0)
		return;
	if (r < 0 || !json_is_true(json_object_get(msg, "ok")) || l->in.len > 0) {
		json_decref(msg);
		lost(l);
		return;
	}
	l->done(l->arg, msg);
	json_decref(msg);
}

int sk_local_open(struct sk_local *l, struct sk_err *err)
{
	sk_local_close(l);
	l->fd = sk_frame_connect(l->path, err);
	if (l->fd < 0)
		return l->fd;
	l->wait_fd = sk_frame_connect(l->path, err);
	if (l->wait_fd >= 0)
		l->readable = event_new(l->base, l->wait_fd, EV_READ | EV_PERSIST, on_readable, l);
	if (!l->readable || event_add(l->readable, NULL) < 0) {
		sk_local_close(l);
		return sk_err_set(err, -EIO, "%s: no second connection", l->path);
	}
	return 0;
}

int sk_local_call(struct sk_local *l, const json_t *request, json_t **answer, struct sk_err *err)
{
	const char *code = "failed", *why = "";
	char shown[256];
	json_t *a = NULL;
	int r;

	if (l->fd < 0)
		return sk_err_set(err, -ENOTCONN, "%s: not connected", l->path);
	r = sk_frame_exchange(l->fd, request, CALL_TIMEOUT_MS, &a, err);
	if (r < 0) { /* what comes now could be the answer to an older question */
		sk_local_close(l);
		return r;
	}
	if (json_is_true(json_object_get(a, "ok"))) {
		*answer = a;
		return 0;
	}
	(void)sk_json_str_opt(a, "code", 40, &code, NULL);
	(void)sk_json_str_opt(a, "error", 512, &why, NULL);
	sk_text_printable(shown, sizeof(shown), why, strlen(why));
	(void)sk_err_set(err, 1, "%s: %s", code, shown);
	json_decref(a);
	return 1;
}

int sk_local_wait(struct sk_local *l, int timeout_ms, struct sk_err *err)
{
	json_t *request = json_pack("{s:s,s:i}", "op", "wait", "timeout_ms", timeout_ms);
	struct sk_buf out;
	ssize_t n = -1;
	int r;

	sk_buf_init(&out, 1024);
	r = request ? sk_frame_put(&out, request) : -ENOMEM;
	json_decref(request);
	if (r == 0 && l->wait_fd >= 0)
		n = send(l->wait_fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (r == 0 && n != (ssize_t)out.len) { /* so few bytes fit into any live socket */
		sk_local_close(l);
		r = sk_err_set(err, -EPIPE, "%s: sekimorid takes no question", l->path);
	}
	sk_buf_deinit(&out);
	return r;
}

struct sk_local *sk_local_free(struct sk_local *l)
{
	if (!l)
		return NULL;
	sk_local_close(l);
	sk_buf_deinit(&l->in);
	free(l);
	return NULL;
}

int sk_local_new(struct event_base *base, const char *path, sk_local_done done, void *arg, struct sk_local **out)
{
	struct sk_local *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->base = base;
	sk_text_copy(l->path, sizeof(l->path), path);
	l->done = done;
	l->arg = arg;
	l->fd = l->wait_fd = -1;
	sk_buf_init(&l->in, WAIT_ANSWER_MAX);
	*out = l;
	return 0;
}
