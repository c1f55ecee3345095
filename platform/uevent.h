/*
 * What the kernel says about devices as it happens: uevents of the subsystems usb and block, straight from the kernel and not after
 * udev's rules, so that nothing waits for udev. When the socket overflows nothing is guessed: the listener is told and scans.
 */
#ifndef SK_PLATFORM_UEVENT_H
#define SK_PLATFORM_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "common/err.h"

struct sk_uevent { /* borrowed for the length of the call */
	const char *action; /* "add" "remove" "change" ... */
	const char *subsystem; /* "usb" "block" */
	const char *devtype; /* "usb_device" "usb_interface" "disk" "partition"; "" if none */
	const char *devpath; /* "/devices/..." */
	const char *name; /* last part of devpath */
	bool media_change; /* block: another medium lies in the drive */
};

/* One message of len bytes, the last one NUL; *out points into it. 0; -ENOENT: of a subsystem nobody asks about; -EINVAL: no message. */
int sk_uevent_parse(const char *message, size_t len, struct sk_uevent *out);

struct sk_uevent_handler {
	void *ctx;
	void (*event)(void *ctx, const struct sk_uevent *e);
	void (*lost)(void *ctx); /* some were lost: scan everything */
};

struct sk_uevents;

/* Listens from now on. 0 or -errno with err. */
int sk_uevents_new(sd_event *loop, const struct sk_uevent_handler *h, struct sk_uevents **out, struct sk_err *err);
struct sk_uevents *sk_uevents_free(struct sk_uevents *u); /* NULL ok */

#endif
