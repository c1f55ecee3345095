/* The frame server against clients that are slow, broken, too many or gone. */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "agent/socket.h"
#include "common/frame.h"
#include "tests/unit/agent_help.h"

static sd_event *loop;
static struct sk_socket *s;
static uint64_t waiting; /* client of a request "later" */
static int requests;
static struct sk_peer seen;
static char path[108];
static unsigned stall_ms = 150;

static void on_request(void *ctx, uint64_t client, const struct sk_peer *peer, const json_t *q)
{
	const char *op = json_string_value(json_object_get(q, "op"));

	(void)ctx;
	requests++;
	seen = *peer;
	if (op && !strcmp(op, "later"))
		waiting = client;
	else if (op && !strcmp(op, "large")) {
		char *text = calloc(1, 900000);

		memset(text, 'x', 899999);
		sk_socket_answer(s, client, json_pack("{s:b, s:s}", "ok", 1, "text", text));
		free(text);
	} else if (op && !strcmp(op, "too-large")) {
		char *text = calloc(1, 2000000);

		memset(text, 'x', 1999999);
		sk_socket_answer(s, client, json_pack("{s:b, s:s}", "ok", 1, "text", text));
		free(text);
	} else
		sk_socket_answer(s, client, json_pack("{s:b, s:O?}", "ok", 1, "n", json_object_get(q, "n")));
}

static void open_with(unsigned max_clients, unsigned max_per_uid)
{
	struct sk_err err = SK_ERR_INIT;
	struct sk_socket_options o = {.path = path,
	                              .mode = 0666,
	                              .gid = (gid_t)-1,
	                              .max_clients = max_clients,
	                              .max_per_uid = max_per_uid,
	                              .max_frame = 8192,
	                              .stall_ms = stall_ms,
	                              .request = on_request};

	cr_assert_eq(sk_socket_open(loop, &o, &s, &err), 0, "%s", err.text);
}

static void setup(void)
{
	make_dir();
	chmod(dir, 0755);
	snprintf(path, sizeof path, "%.90s/s", dir);
	cr_assert_geq(sd_event_new(&loop), 0);
	open_with(4, 2);
}

static void teardown(void)
{
	s = sk_socket_close(s);
	sd_event_unref(loop);
	cr_assert_neq(access(path, F_OK), 0, "the path is removed");
	remove_dir();
}

/* Runs the loop until nothing happens for ms. */
static void turn(int ms)
{
	while (sd_event_run(loop, (uint64_t)ms * 1000) > 0)
		;
}

static int connected(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 5};

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	turn(5);
	return fd;
}

static void send_text(int fd, const char *json)
{
	uint32_t len = (uint32_t)strlen(json);
	uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};

	cr_assert_eq(send(fd, head, 4, MSG_NOSIGNAL), 4);
	cr_assert_eq(send(fd, json, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* 1 = closed by the server, 0 = nothing there. */
static int is_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static json_t *answer(int fd)
{
	uint8_t head[4];
	uint32_t len;
	char *text;
	json_t *a;
	size_t have = 0;

	for (int i = 0; i < 4;) {
		ssize_t n = recv(fd, head + i, (size_t)(4 - i), MSG_DONTWAIT);
		if (n <= 0) {
			if (sd_event_run(loop, 200000) <= 0)
				return NULL;
			continue;
		}
		i += (int)n;
	}
	len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	text = malloc(len);
	while (have < len) {
		ssize_t n = recv(fd, text + have, len - have, MSG_DONTWAIT);
		if (n > 0)
			have += (size_t)n;
		else
			cr_assert(n < 0 && errno == EAGAIN, "ended in the middle of an answer");
		(void)sd_event_run(loop, n > 0 ? 0 : 200000);
	}
	a = json_loadb(text, len, 0, NULL);
	free(text);
	return a;
}

static long long n_of(int fd)
{
	json_t *a = answer(fd);
	long long n = a ? json_integer_value(json_object_get(a, "n")) : -1;

	json_decref(a);
	return n;
}

static const char *code_of(int fd)
{
	static char code[32];
	json_t *a = answer(fd);
	const char *c = json_string_value(json_object_get(a, "code"));

	snprintf(code, sizeof code, "%s", c ? c : "");
	json_decref(a);
	return code;
}

Test(socket, answers_in_order_and_knows_the_peer, .init = setup, .fini = teardown)
{
	int fd = connected();

	send_text(fd, "{\"op\":\"x\",\"n\":1}");
	send_text(fd, "{\"op\":\"x\",\"n\":2}");
	send_text(fd, "{\"op\":\"x\",\"n\":3}");
	cr_assert_eq(n_of(fd), 1);
	cr_assert_eq(n_of(fd), 2);
	cr_assert_eq(n_of(fd), 3);
	cr_assert_eq(seen.uid, geteuid());
	cr_assert_eq(seen.pid, getpid());
	close(fd);
	turn(5);
	cr_assert_eq(sk_socket_clients(s), 0);
}

Test(socket, an_answer_later_holds_back_the_next_question, .init = setup, .fini = teardown)
{
	int fd = connected(), other = connected();

	send_text(fd, "{\"op\":\"later\"}");
	send_text(fd, "{\"op\":\"x\",\"n\":2}");
	turn(5);
	cr_assert_eq(requests, 1);
	send_text(other, "{\"op\":\"x\",\"n\":9}");
	cr_assert_eq(n_of(other), 9, "others do not wait");
	turn(400);
	cr_assert(!is_closed(fd), "waiting for us is no stall");
	cr_assert_eq(sk_socket_answer(s, waiting, json_pack("{s:b, s:i}", "ok", 1, "n", 1)), 0);
	cr_assert_eq(n_of(fd), 1);
	cr_assert_eq(n_of(fd), 2);
	cr_assert_eq(sk_socket_answer(s, waiting, json_object()), -ENOTCONN, "one answer for one question");
	close(fd);
	close(other);
}

Test(socket, a_client_that_goes_before_its_answer, .init = setup, .fini = teardown)
{
	int fd = connected();

	send_text(fd, "{\"op\":\"later\"}");
	turn(5);
	close(fd);
	turn(5);
	cr_assert_eq(sk_socket_clients(s), 0);
	cr_assert_eq(sk_socket_answer(s, waiting, json_object()), -ENOTCONN);
	cr_assert_eq(sk_socket_answer(s, 12345, json_object()), -ENOTCONN);
}

Test(socket, half_a_frame_is_dropped_in_time, .init = setup, .fini = teardown)
{
	int fd = connected();

	cr_assert_eq(send(fd, "\0\0\0\x20{\"op\":", 10, 0), 10);
	turn(20);
	cr_assert(!is_closed(fd));
	turn(400);
	cr_assert(is_closed(fd));
	close(fd);
	cr_assert_eq(requests, 0);
}

Test(socket, a_byte_now_and_then_does_not_help, .init = setup, .fini = teardown, .timeout = 20)
{
	int fd = connected(), n = 0;

	(void)send(fd, "\0\0\x10\0", 4, MSG_NOSIGNAL);
	for (; n < 100 && !is_closed(fd); n++) {
		(void)send(fd, "x", 1, MSG_NOSIGNAL);
		sd_event_run(loop, 10000);
		usleep(10000);
	}
	cr_assert_lt(n, 60);
	close(fd);
}

Test(socket, an_idle_connection_is_kept, .init = setup, .fini = teardown)
{
	int fd = connected();

	turn(400);
	cr_assert(!is_closed(fd));
	send_text(fd, "{\"op\":\"x\",\"n\":4}");
	cr_assert_eq(n_of(fd), 4);
	turn(400);
	cr_assert(!is_closed(fd));
	close(fd);
}

Test(socket, too_long_garbage_and_no_object_are_told_and_ended, .init = setup, .fini = teardown)
{
	static const char *const bad[] = {"[]", "nonsense", "{\"op\":\"x\",\"op\":\"y\"}", "\"x\"",
	                                  "{\"op\":\"x\"} trailing"};
	int fd = connected();

	cr_assert_eq(send(fd, "\0\0\x20\x01xxxx", 8, 0), 8);
	cr_assert_str_eq(code_of(fd), "invalid");
	turn(20);
	cr_assert(is_closed(fd));
	close(fd);
	fd = connected();
	cr_assert_eq(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	cr_assert_str_eq(code_of(fd), "invalid");
	close(fd);
	fd = connected();
	cr_assert_eq(send(fd, "\0\0\0\0", 4, 0), 4);
	cr_assert_str_eq(code_of(fd), "invalid");
	close(fd);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fd = connected();
		send_text(fd, bad[i]);
		cr_assert_str_eq(code_of(fd), "invalid", "%s", bad[i]);
		turn(20);
		cr_assert(is_closed(fd), "%s", bad[i]);
		close(fd);
	}
	cr_assert_eq(requests, 0);
}

Test(socket, a_large_answer_arrives_and_a_too_large_one_is_an_error, .init = setup, .fini = teardown)
{
	int fd = connected();
	json_t *a;

	close(fd);
	s = sk_socket_close(s);
	stall_ms = 20000; /* time enough for slow machines; not what is tested here */
	open_with(4, 2);
	fd = connected();
	send_text(fd, "{\"op\":\"large\"}");
	a = answer(fd);
	cr_assert_eq(json_string_length(json_object_get(a, "text")), 899999);
	json_decref(a);
	send_text(fd, "{\"op\":\"too-large\"}");
	cr_assert_str_eq(code_of(fd), "failed");
	send_text(fd, "{\"op\":\"x\",\"n\":5}");
	cr_assert_eq(n_of(fd), 5, "the connection goes on");
	close(fd);
}

Test(socket, who_does_not_read_is_dropped, .init = setup, .fini = teardown)
{
	int fd = connected();

	send_text(fd, "{\"op\":\"large\"}");
	turn(600);
	cr_assert_eq(sk_socket_clients(s), 0);
	close(fd);
}

Test(socket, the_longest_idle_makes_room, .init = setup, .fini = teardown)
{
	int fd[5];

	for (int i = 0; i < 4; i++)
		fd[i] = connected();
	send_text(fd[0], "{\"op\":\"x\",\"n\":1}"); /* now fd[1] is the one idle for longest */
	cr_assert_eq(n_of(fd[0]), 1);
	fd[4] = connected();
	cr_assert(is_closed(fd[1]));
	cr_assert(!is_closed(fd[0]));
	send_text(fd[4], "{\"op\":\"x\",\"n\":2}");
	cr_assert_eq(n_of(fd[4]), 2);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
}

Test(socket, no_room_when_all_wait_for_answers, .init = setup, .fini = teardown)
{
	int fd[5];

	for (int i = 0; i < 4; i++) {
		fd[i] = connected();
		send_text(fd[i], "{\"op\":\"later\"}");
		turn(5);
	}
	fd[4] = connected();
	cr_assert(is_closed(fd[4]));
	cr_assert_eq(sk_socket_clients(s), 4);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
}

Test(socket, one_person_cannot_take_all_places, .init = setup, .fini = teardown)
{
	int p[2], mine, status = 0;
	char c;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("needs root to be another uid");
	mine = connected();
	cr_assert_eq(pipe(p), 0);
	pid = fork();
	if (pid == 0) { /* three connections of one person; two stay */
		int fd[3], open_ones = 0;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(100);
		for (int i = 0; i < 3; i++) {
			struct sockaddr_un a = {.sun_family = AF_UNIX};

			fd[i] = socket(AF_UNIX, SOCK_STREAM, 0);
			snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
			if (connect(fd[i], (struct sockaddr *)&a, sizeof a) < 0)
				_exit(101);
		}
		usleep(200000);
		for (int i = 0; i < 3; i++)
			open_ones += !is_closed(fd[i]);
		(void)!write(p[1], "x", 1);
		_exit(open_ones);
	}
	close(p[1]);
	for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++)
		sd_event_run(loop, 20000);
	cr_assert_eq(read(p[0], &c, 1), 1);
	cr_assert_eq(WEXITSTATUS(status), 2);
	cr_assert(!is_closed(mine), "root's connection does not make room for theirs");
	close(mine);
	close(p[0]);
}

Test(socket, a_person_does_not_push_root_out, .init = setup, .fini = teardown)
{
	int fd[4], status = 0;
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("needs root to be another uid");
	for (int i = 0; i < 4; i++)
		fd[i] = connected();
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un a = {.sun_family = AF_UNIX};
		int c = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
		if (setresuid(65534, 65534, 65534) < 0 || connect(c, (struct sockaddr *)&a, sizeof a) < 0)
			_exit(100);
		usleep(200000);
		_exit(is_closed(c) ? 0 : 1);
	}
	for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++)
		sd_event_run(loop, 20000);
	cr_assert_eq(WEXITSTATUS(status), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert(!is_closed(fd[i]));
		close(fd[i]);
	}
}

Test(socket, what_lies_at_the_path_is_replaced, .init = setup, .fini = teardown)
{
	s = sk_socket_close(s);
	put_file("s", "an old one");
	open_with(4, 2);
	int fd = connected();
	send_text(fd, "{\"op\":\"x\",\"n\":1}");
	cr_assert_eq(n_of(fd), 1);
	close(fd);
}

Test(socket, a_path_too_long_or_absent)
{
	struct sk_err err = SK_ERR_INIT;
	char name[300];
	struct sk_socket_options o = {.path = name, .max_clients = 1, .max_frame = 100, .request = on_request};

	memset(name, 'a', sizeof name);
	name[299] = '\0';
	cr_assert_geq(sd_event_new(&loop), 0);
	cr_assert_eq(sk_socket_open(loop, &o, &s, &err), -ENAMETOOLONG);
	snprintf(name, sizeof name, "/nonexistent/s");
	cr_assert_lt(sk_socket_open(loop, &o, &s, &err), 0);
	cr_assert_neq(strstr(err.text, "/nonexistent/s"), NULL);
	sd_event_unref(loop);
}
