/*
 * Admission without the agent: in the initramfs (a passphrase needs its keyboard, a system disk on USB its storage) and when the
 * agent has crashed again and again. Hubs, input interfaces (of a keyboard with a card reader the keys alone), and the system disks learned
 * at install; nothing else, ever. Controllers are put under default deny, unless somebody who is locked out said usbcore.authorized_default=1 at
 * the boot prompt. C library only, no crypto, no heap beyond the descriptor file.
 */
#ifndef SK_AGENT_EARLY_H
#define SK_AGENT_EARLY_H

#include "platform/internal.h"

struct sk_early {
	const char *root; /* "" = the machine; else a folder in which "sys" lies */
	const char *internal_conf;
	int (*modprobe)(const char *const argv[]); /* runs it and waits; 0 = done */
};

enum sk_early_result { SK_EARLY_ADMITTED = 0, SK_EARLY_LEFT = 1 }; /* LEFT: not for us, stays as it is */

/* name: "1-2" or "usb1" (its defaults are set to deny). Result or -errno. */
int sk_early_device(const struct sk_early *e, const char *name);
/* First every controller, then every device, parents first, again until nothing new appears (a hub brings its children). Number
 * admitted or -errno. */
int sk_early_all(const struct sk_early *e);

#endif
