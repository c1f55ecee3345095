/* SHA-256 of a file as sekimori-recorder makes it: the same calls, the same size of a read. Seconds to stdout. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/hash.h"

int main(int argc, char **argv)
{
	static unsigned char data[256 * 1024];
	struct timespec a, b;
	char hex[SK_SHA256_HEX];
	int i, fd;
	ssize_t n;

	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 1; i < argc; i++) {
		struct sk_digest *d = sk_digest_new();

		fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return 1;
		while ((n = read(fd, data, sizeof(data))) > 0)
			sk_digest_add(d, data, (size_t)n);
		(void)close(fd);
		sk_digest_end(d, hex);
		(void)fprintf(stderr, "%s  %s\n", hex, argv[i]);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	(void)printf("%.6f\n", (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return 0;
}
