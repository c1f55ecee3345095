/*
 * sekimori-early: admission without the agent (agent/early.h).
 *   sekimori-early /sys/devices/.../1-2   one device (an udev rule runs this); a root hub gets default deny
 *   sekimori-early --all                  everything present
 *   sekimori-early --learn-disks          prints the machine's own disks on other buses, for /etc/sekimori/disks.conf
 *   sekimori-early --learn-internal       prints the system disks on USB, for /etc/sekimori/internal.conf
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/early.h"
#include "platform/disks.h"

#define CONF "/etc/sekimori/internal.conf"

static int run_modprobe(const char *const argv[])
{
	static char *const ENV[] = {(char *)"PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL};
	pid_t pid;
	int status, r = posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, ENV);

	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

static int learn(void)
{
	struct sk_internal list[SK_INTERNAL_MAX];
	int i, n = sk_internal_learn("", list, SK_INTERNAL_MAX);

	if (n < 0) {
		(void)fprintf(stderr, "sekimori-early: the system disks cannot be listed: %s\n", strerror(-n));
		return 1;
	}
	(void)printf(
	    "# System disks on USB, learned at install: admitted at boot and by sekimorid exactly as they are.\n"
	    "# usb PORT VENDOR:PRODUCT SERIAL   (sekimori-early --learn-internal prints this list)\n");
	for (i = 0; i < n; i++)
		(void)printf("usb %s %04x:%04x %s\n", list[i].port, list[i].vid, list[i].pid,
		             list[i].serial[0] != '\0' ? list[i].serial : "-");
	return fflush(stdout) == 0 ? 0 : 1;
}

static int learn_disks(void)
{
	static struct sk_disks disks;
	int r = sk_disks_learn("", &disks);

	if (r < 0) {
		(void)fprintf(stderr, "sekimori-early: the disks cannot be listed: %s\n", strerror(-r));
		return 1;
	}
	(void)printf("# The machine's own disks (SATA, SCSI, NVMe, soldered flash) and docks in use, learned at "
	             "install: never touched.\n"
	             "# disk BUS IDENTITY   (sekimori-early --learn-disks prints this list)\n");
	sk_disks_print(stdout, &disks);
	return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct sk_early e = {.root = "", .internal_conf = CONF, .modprobe = run_modprobe};
	const char *name;
	int r;

	if (argc != 2) {
		(void)fprintf(
		    stderr,
		    "usage: sekimori-early /sys/devices/.../DEVICE | --all | --learn-internal | --learn-disks\n");
		return 64;
	}
	if (strcmp(argv[1], "--learn-internal") == 0)
		return learn();
	if (strcmp(argv[1], "--learn-disks") == 0)
		return learn_disks();
	name = strrchr(argv[1], '/');
	r = strcmp(argv[1], "--all") == 0 ? sk_early_all(&e) : sk_early_device(&e, name != NULL ? name + 1 : argv[1]);
	if (r < 0)
		(void)fprintf(stderr, "sekimori-early: %s: %s\n", argv[1], strerror(-r));
	return r < 0 ? 1 : 0;
}
