/* call SOCKET: one request to a socket of sekimorid's (stdin, JSON) and its answer (stdout): what gate_tools.call starts in the guest, where starting an
 * interpreter takes an emulated processor half a second each time. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static char bytes[4 + (8 << 20)];

static int take(int fd, char *to, size_t n)
{
	for (size_t have = 0; have < n;) {
		ssize_t r = recv(fd, to + have, n - have, 0);

		if (r <= 0)
			return -1;
		have += (size_t)r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = 20};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t n = 4;
	uint32_t len;
	ssize_t r;

	if (argc != 2 || fd < 0 || strlen(argv[1]) >= sizeof(to.sun_path))
		return 2;
	memcpy(to.sun_path, argv[1], strlen(argv[1]) + 1);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("connect");
		return 1;
	}
	while (n < sizeof(bytes) && (r = read(0, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)r;
	len = htonl((uint32_t)(n - 4));
	memcpy(bytes, &len, 4);
	for (size_t sent = 0; sent < n; sent += (size_t)r) {
		r = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
		if (r <= 0) {
			perror("send");
			return 1;
		}
	}
	if (take(fd, bytes, 4) < 0 || (memcpy(&len, bytes, 4), len = ntohl(len)) > sizeof(bytes) ||
	    take(fd, bytes, len) < 0) {
		fprintf(stderr, "connection ended\n");
		return 1;
	}
	return fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : 1;
}
