/* sekimori-verdict /devices/...: run by udev (PROGRAM) while a block device's node is made; prints what may happen to it in one word. */
#include <stdio.h>

#include "agent/ask_verdict.h"

#define SOCKET  "/run/sekimori/control.sock"
#define CONF    "/etc/sekimori/internal.conf"
#define WAIT_MS 5000

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fprintf(stderr, "usage: sekimori-verdict /devices/...\n");
		return 64;
	}
	(void)printf("%s\n", sk_ask_verdict(SOCKET, WAIT_MS, "", CONF, argv[1]));
	return fflush(stdout) == 0 ? 0 : 1;
}
