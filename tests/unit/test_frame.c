/* Frames: torn, oversized, empty and false ones, and a client that never waits for ever. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/frame.h"

static struct sk_err err;

static long long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000LL + (now.tv_nsec - since->tv_nsec) / 1000000;
}

Test(frame, one_byte_at_a_time)
{
	json_t *msg = json_pack("{s:i,s:s}", "a", 1, "b", "関"), *got = NULL;
	struct sk_buf out, in;

	sk_buf_init(&out, 1000);
	sk_buf_init(&in, 1000);
	cr_assert_eq(sk_frame_put(&out, msg), 0);
	cr_assert_eq(sk_frame_put(&out, msg), 0);
	for (size_t i = 0, n = 0; i < out.len; i++) {
		int r;

		cr_assert_eq(sk_buf_addc(&in, out.data[i]), 0);
		r = sk_frame_take(&in, &got, &err);
		if (r == 0) {
			cr_expect(json_equal(msg, got));
			json_decref(got);
			got = NULL;
			n++;
			cr_expect_eq(i + 1, n * out.len / 2);
		} else {
			cr_assert_eq(r, 1);
			cr_assert_null(got);
		}
	}
	cr_expect_eq(in.len, 0);
	sk_buf_deinit(&in);
	sk_buf_deinit(&out);
	json_decref(msg);
}

static void bad(const char *bytes, size_t len)
{
	json_t *got = NULL;
	struct sk_buf in;

	sk_buf_init(&in, 1000);
	cr_assert_eq(sk_buf_add(&in, bytes, len), 0);
	cr_expect_lt(sk_frame_take(&in, &got, &err), 0);
	cr_expect_null(got);
	sk_buf_deinit(&in);
}

Test(frame, refuses)
{
	bad("\0\0\0\0", 4);
	bad("\0\0\0\2[]", 6);
	bad("\0\0\0\1{", 5);
	bad("\0\0\0\3{}x", 7);
	bad("\0\0\0\15{\"a\":1,\"a\":2}", 17);
	bad("\xff\xff\xff\xff", 4);
	bad("\0\x10\0\1", 4); /* SK_FRAME_MAX + 1: known from the head alone */
	bad("GET / HTTP/1.1\r\n", 16);
}

Test(frame, put_is_whole_or_nothing)
{
	json_t *msg = json_pack("{s:s}", "a", "0123456789"), *list = json_array();
	struct sk_buf out;

	sk_buf_init(&out, 15);
	sk_buf_adds(&out, "x");
	cr_expect_eq(sk_frame_put(&out, msg), -E2BIG);
	cr_expect_str_eq(out.data, "x");
	sk_buf_reset(&out);
	cr_expect_eq(sk_frame_put(&out, list), -EINVAL);
	cr_expect_eq(sk_frame_put(&out, NULL), -EINVAL);
	cr_expect_eq(out.len, 0);
	sk_buf_deinit(&out);
	json_decref(msg);
	json_decref(list);
}

Test(frame, too_large_to_put)
{
	char *big = malloc(SK_FRAME_MAX);
	struct sk_buf out;
	json_t *msg;

	cr_assert_not_null(big);
	memset(big, 'x', SK_FRAME_MAX - 1);
	big[SK_FRAME_MAX - 1] = '\0';
	msg = json_pack("{s:s}", "a", big);
	sk_buf_init(&out, 2 * SK_FRAME_MAX);
	cr_expect_eq(sk_frame_put(&out, msg), -E2BIG);
	cr_expect_eq(out.len, 0);
	sk_buf_deinit(&out);
	json_decref(msg);
	free(big);
}

struct peer {
	int fd;
	const char *answer;
	size_t len;
	bool slow;
};

static void *answer_once(void *arg)
{
	struct peer *p = arg;
	struct timespec pause = {.tv_nsec = 20000000};
	char in[4096];

	if (read(p->fd, in, sizeof(in)) <= 0)
		return NULL;
	for (size_t i = 0; i < p->len; i += p->slow ? 1 : p->len) {
		if (send(p->fd, p->answer + i, p->slow ? 1 : p->len, MSG_NOSIGNAL) < 0)
			break;
		if (p->slow)
			nanosleep(&pause, NULL);
	}
	shutdown(p->fd, SHUT_WR);
	return NULL;
}

static int exchange(const char *answer, size_t len, bool slow, int timeout, json_t **got)
{
	json_t *request = json_pack("{s:s}", "op", "status");
	struct peer p = {.answer = answer, .len = len, .slow = slow};
	pthread_t t;
	int fd[2], r;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	p.fd = fd[1];
	cr_assert_eq(pthread_create(&t, NULL, answer_once, &p), 0);
	r = sk_frame_exchange(fd[0], request, timeout, got, &err);
	close(fd[0]);
	pthread_join(t, NULL);
	close(fd[1]);
	json_decref(request);
	return r;
}

Test(frame, exchange, .timeout = 20)
{
	json_t *got = NULL;

	cr_expect_eq(exchange("\0\0\0\7{\"a\":1}", 11, false, 5000, &got), 0, "%s", err.text);
	cr_expect_eq(json_integer_value(json_object_get(got, "a")), 1);
	json_decref(got);
	got = NULL;
	cr_expect_eq(exchange("\0\0\0\7{\"a\":1}", 11, true, 5000, &got), 0, "%s", err.text);
	json_decref(got);
	got = NULL;
	cr_expect_eq(exchange("\0\0\0\7{\"a\"", 8, false, 5000, &got), -ECONNRESET);
	cr_expect_eq(exchange("\0\0", 2, false, 5000, &got), -ECONNRESET);
	cr_expect_eq(exchange("", 0, false, 5000, &got), -ECONNRESET);
	cr_expect_lt(exchange("\x7f\xff\xff\xff", 4, false, 5000, &got), 0);
	cr_expect_lt(exchange("\0\0\0\2[]", 6, false, 5000, &got), 0);
	cr_expect_null(got);
}

Test(frame, a_dripping_peer_meets_the_deadline, .timeout = 20)
{
	struct timespec start;
	json_t *got = NULL;

	clock_gettime(CLOCK_MONOTONIC, &start);
	cr_expect_eq(exchange("\0\0\0\7{\"a\":1}", 11, true, 60, &got), -ETIMEDOUT, "each byte must not restart it");
	cr_expect_lt(elapsed_ms(&start), 5000);
	cr_expect_null(got);
}

Test(frame, silent_or_stuffed_peer, .timeout = 20)
{
	json_t *request = json_object(), *got = NULL;
	char *big = malloc(500001);
	int fd[2];

	cr_assert_not_null(big);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	cr_expect_eq(sk_frame_exchange(fd[0], request, 50, &got, &err), -ETIMEDOUT);
	memset(big, 'x', 500000);
	big[500000] = '\0';
	json_object_set_new(request, "big", json_string(big));
	cr_expect_eq(sk_frame_exchange(fd[0], request, 50, &got, &err), -ETIMEDOUT, "nobody reads");
	close(fd[1]);
	cr_expect_lt(sk_frame_exchange(fd[0], request, 50, &got, &err), 0, "and no SIGPIPE");
	close(fd[0]);
	json_decref(request);
	free(big);
}

Test(frame, connect)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/sk-frame-XXXXXX", path[64], longpath[200];
	json_t *request = json_object(), *got = NULL;
	int s;

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	cr_expect_eq(sk_frame_connect(path, &err), -ENOENT);
	cr_expect(strstr(err.text, path) != NULL);
	memset(longpath, 'a', sizeof(longpath) - 1);
	longpath[sizeof(longpath) - 1] = '\0';
	cr_expect_eq(sk_frame_connect(longpath, &err), -ENAMETOOLONG);
	cr_expect_eq(sk_frame_connect("", &err), -ENAMETOOLONG);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	cr_assert_eq(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_expect_eq(sk_frame_connect(path, &err), -ECONNREFUSED);
	cr_assert_eq(listen(s, 1), 0);
	cr_expect_eq(sk_frame_call(path, request, 50, &got, &err), -ETIMEDOUT);
	close(s);
	unlink(path);
	rmdir(dir);
	json_decref(request);
}
