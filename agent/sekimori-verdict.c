/*
 * Asked by udev (PROGRAM) while a device's node is made; prints one word.
 *   sekimori-verdict /devices/.../block/sda    internal, deny, ro or rw: what may happen to this block device
 *   sekimori-verdict usb /devices/.../1-2      open or shut: may the node in /dev/bus/usb be anybody's but root's
 */
#include <stdio.h>
#include <string.h>

#include "agent/ask_verdict.h"
#include "platform/usb.h"

#define SOCKET  "/run/sekimori/control.sock"
#define CONF    "/etc/sekimori/internal.conf"
#define WAIT_MS 5000

int main(int argc, char **argv)
{
	const char *word;

	if (argc == 3 && strcmp(argv[1], "usb") == 0) {
		word = sk_usb_fully_open("", argv[2]) ? "open" : "shut";
	} else if (argc == 2) {
		word = sk_ask_verdict(SOCKET, WAIT_MS, "", CONF, argv[1]);
	} else {
		(void)fprintf(stderr, "usage: sekimori-verdict [usb] /devices/...\n");
		return 64;
	}
	(void)printf("%s\n", word);
	return fflush(stdout) == 0 ? 0 : 1;
}
