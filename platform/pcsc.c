/*
 * See pcsc.h. A question is a head (size, command) and a body; the answer is the body alone. The version comes first: a daemon of another minor number says
 * its own, and is asked once more with that. Numbers are in the machine's order; the table has 16 rows of 184 bytes.
 */
#include "platform/pcsc.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/text.h"

#define VERSION_MAJOR 4
#define VERSION_MINOR 4
#define CMD_VERSION   0x11
#define CMD_READERS   0x12
#define NAME_LEN      128
#define ROW           184
#define ROW_STATE     (NAME_LEN + 4) /* after the counter of events */
#define PRESENT       0x04
#define KNOWN_STATES  0x7f
#define POWERED       0x10

static int dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) >= sizeof(a.sun_path))
		return -ENAMETOOLONG;
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r == -EAGAIN ? -ETIMEDOUT : r;
}

/* Exactly len bytes before the deadline. */
static int receive(int fd, void *out, size_t len, sk_ms deadline)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		sk_ms left = deadline - sk_clock_boot();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		ssize_t n = recv(fd, (char *)out + got, len - got, 0);
		if (n == 0)
			return -EPROTO;
		if (n < 0)
			return -errno;
		got += (size_t)n;
	}
	return 0;
}

static int ask(int fd, uint32_t command, const void *body, uint32_t len, void *answer, size_t size, sk_ms deadline)
{
	unsigned char q[64];
	const uint32_t head[2] = {len, command};

	memcpy(q, head, sizeof(head));
	if (len > 0)
		memcpy(q + sizeof(head), body, len);
	if (send(fd, q, sizeof(head) + len, MSG_NOSIGNAL) != (ssize_t)(sizeof(head) + len))
		return -EPROTO;
	return receive(fd, answer, size, deadline);
}

/* A line whose version is agreed on, or negative. */
static int agree(const char *path, int32_t minor, int32_t *theirs, sk_ms deadline)
{
	int32_t q[3] = {VERSION_MAJOR, minor, 0}, a[3] = {0};
	int fd = dial(path), r;

	if (fd < 0)
		return fd;
	r = ask(fd, CMD_VERSION, q, sizeof(q), a, sizeof(a), deadline);
	*theirs = a[1];
	if (r == 0 && (a[0] != VERSION_MAJOR || a[2] != 0))
		r = -EPROTO;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int sk_pcsc_table(const unsigned char *table, size_t len, struct sk_pcsc_reader out[SK_PCSC_READERS])
{
	int n = 0;

	if (len != (size_t)SK_PCSC_READERS * ROW)
		return -EPROTO;
	for (size_t i = 0; i < SK_PCSC_READERS; i++) {
		const unsigned char *row = table + i * ROW;
		size_t name = strnlen((const char *)row, NAME_LEN);
		uint32_t state;

		memcpy(&state, row + ROW_STATE, sizeof(state));
		if (name == NAME_LEN || (name > 0 && (state & ~(uint32_t)KNOWN_STATES)))
			return -EPROTO;
		if (name == 0)
			continue;
		sk_text_escape(out[n].name, sizeof(out[n].name), (const char *)row, name);
		out[n].card = (state & PRESENT) != 0;
		out[n].mute = out[n].card && !(state & POWERED);
		n++;
	}
	return n;
}

int sk_pcsc_read(const char *socket, int timeout_ms, struct sk_pcsc_reader out[SK_PCSC_READERS])
{
	sk_ms deadline = sk_clock_boot() + timeout_ms;
	unsigned char table[SK_PCSC_READERS * ROW];
	int32_t theirs = 0;
	int fd = agree(socket, VERSION_MINOR, &theirs, deadline), r;

	if (fd == -EPROTO && theirs > 0 && theirs < 100 && theirs != VERSION_MINOR)
		fd = agree(socket, theirs, &theirs, deadline);
	if (fd < 0)
		return fd;
	r = ask(fd, CMD_READERS, NULL, 0, table, sizeof(table), deadline);
	close(fd);
	return r < 0 ? r : sk_pcsc_table(table, sizeof(table), out);
}
