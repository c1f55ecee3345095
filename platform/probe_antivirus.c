/*
 * P7: ClamAV by clamd's socket. VERSION tells engine and signatures; INSTREAM of the EICAR test file proves that a scan finds something.
 * clamd's answers are short lines ended by NUL; whatever else comes is refused. The test string is put together at run time, so that
 * this program is not itself taken for it.
 */
#include "platform/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

#define ANSWER_MAX 1024

static int dial(const char *path, int timeout_ms)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Reads until NUL, end or the deadline. Length or negative. */
static int answer(int fd, char *out, size_t size, sk_ms deadline)
{
	size_t len = 0;

	while (len + 1 < size) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		sk_ms left = deadline - sk_clock_boot();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		ssize_t n = recv(fd, out + len, size - 1 - len, 0);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (memchr(out, '\0', len))
			break;
	}
	out[len] = '\0';
	return (int)strlen(out);
}

static int ask(const char *path, const void *request, size_t len, int timeout_ms, char *out, size_t size)
{
	sk_ms deadline = sk_clock_boot() + timeout_ms;
	int fd = dial(path, timeout_ms);

	if (fd < 0)
		return fd;
	int r = send(fd, request, len, MSG_NOSIGNAL) == (ssize_t)len ? answer(fd, out, size, deadline) : -EPIPE;
	close(fd);
	return r;
}

static const char *self_test(const char *path, int timeout_ms)
{
	static const char *const parts[] = {"X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!",
	                                    "$H+H*"};
	char request[256] = "zINSTREAM", out[ANSWER_MAX], test[96] = "";
	size_t at = 10; /* with its NUL */

	for (size_t i = 0; i < 4; i++)
		snprintf(test + strlen(test), sizeof(test) - strlen(test), "%s", parts[i]);
	uint32_t n = htonl((uint32_t)strlen(test)), zero = 0;
	memcpy(request + at, &n, 4);
	memcpy(request + at + 4, test, strlen(test));
	memcpy(request + at + 4 + strlen(test), &zero, 4);
	if (ask(path, request, at + 8 + strlen(test), timeout_ms, out, sizeof(out)) <= 0)
		return "failed";
	size_t len = strlen(out);
	if (len > 6 && strcmp(out + len - 6, " FOUND") == 0)
		return "found";
	return len >= 3 && strcmp(out + len - 3, " OK") == 0 ? "missed" : "failed";
}

/* "ClamAV 1.4.3/27800/Thu Oct 23 08:46:16 2026": engine / signatures / their date. The last two are absent without an official database. */
static void read_version(json_t *facts, char *text)
{
	char *number = strchr(text, '/'), *date = number ? strchr(number + 1, '/') : NULL, shown[160];
	unsigned long long version = 0;
	struct tm tm = {.tm_isdst = -1};

	if (date)
		*date++ = '\0';
	if (number)
		*number++ = '\0';
	sk_text_escape(shown, sizeof(shown), text, strlen(text));
	json_object_set_new(facts, "version", json_string(shown));
	if (number && sk_text_u64(number, 1, 1000000000, &version) == 0)
		json_object_set_new(facts, "signatures_version", json_integer((json_int_t)version));
	const char *end = date ? strptime(date, "%a %b %e %H:%M:%S %Y", &tm) : NULL;
	time_t t = end && *end == '\0' ? mktime(&tm) : (time_t)-1;
	if (t > 0)
		json_object_set_new(facts, "signatures_ms", json_integer((json_int_t)t * 1000));
}

json_t *sk_probe_antivirus(const char *socket_path, int timeout_ms)
{
	static const char version[] = "zVERSION";
	json_t *facts = json_pack("{s:s, s:s, s:n, s:n}", "product", "ClamAV", "socket", socket_path,
	                          "signatures_version", "signatures_ms");
	char out[ANSWER_MAX];
	int r = ask(socket_path, version, sizeof(version), timeout_ms, out, sizeof(out));

	if (r > 0 && strncmp(out, "ClamAV ", 7) == 0) {
		json_object_set_new(facts, "resident", json_true());
		read_version(facts, out);
		json_object_set_new(facts, "self_test", json_string(self_test(socket_path, timeout_ms)));
		return facts;
	}
	/* Nobody listens: not resident. Somebody listens and says nothing sensible: not known. */
	bool absent = r == -ENOENT || r == -ECONNREFUSED;
	json_object_set_new(facts, "resident", absent ? json_false() : json_null());
	json_object_set_new(facts, "problem", json_string(r < 0 ? strerror(-r) : "an answer that is not ClamAV's"));
	return facts;
}
