/* A libudev monitor on the "kernel" source in the event loop. libudev checks that the sender is the kernel. */
#include "platform/uevent.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES \
	(16 * 1024 * 1024) /* a dock brings some hundred events at once; memory is used only when they wait */
#define AT_ONCE 64 /* then other sources of the loop get their turn */

struct sk_uevents {
	struct udev *udev;
	struct udev_monitor *monitor;
	sd_event_source *source;
	struct sk_uevent_handler handler;
};

static void hand_over(struct sk_uevents *u, struct udev_device *d)
{
	const char *change = udev_device_get_property_value(d, "DISK_MEDIA_CHANGE");
	const char *devtype = udev_device_get_devtype(d);
	struct sk_uevent e = {
	    .action = udev_device_get_action(d),
	    .subsystem = udev_device_get_subsystem(d),
	    .devtype = devtype != NULL ? devtype : "",
	    .devpath = udev_device_get_devpath(d),
	    .name = udev_device_get_sysname(d),
	    .media_change = change != NULL && strcmp(change, "1") == 0,
	};

	if (e.action != NULL && e.subsystem != NULL && e.devpath != NULL && e.name != NULL)
		u->handler.event(u->handler.ctx, &e);
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_uevents *u = arg;
	int i;

	(void)s;
	(void)fd;
	(void)revents;
	for (i = 0; i < AT_ONCE; i++) {
		struct udev_device *d;

		errno = 0;
		d = udev_monitor_receive_device(u->monitor);
		if (d == NULL) {
			if (errno == ENOBUFS)
				u->handler.lost(u->handler.ctx);
			return 0;
		}
		hand_over(u, d);
		(void)udev_device_unref(d);
	}
	return 0;
}

static int listen_now(struct sk_uevents *u, sd_event *loop)
{
	static const char *const SUBSYSTEMS[] = {"usb", "block",       "net",      "mmc",    "scsi",
	                                         "pci", "thunderbolt", "firewire", "drivers"};
	size_t i;
	int r = 0;

	u->udev = udev_new();
	if (u->udev == NULL)
		return -ENOMEM;
	u->monitor = udev_monitor_new_from_netlink(u->udev, "kernel");
	if (u->monitor == NULL)
		return errno > 0 ? -errno : -ENOMEM;
	for (i = 0; i < sizeof(SUBSYSTEMS) / sizeof(SUBSYSTEMS[0]) && r >= 0; i++)
		r = udev_monitor_filter_add_match_subsystem_devtype(u->monitor, SUBSYSTEMS[i], NULL);
	/* Needs CAP_NET_ADMIN beyond the system's limit; without it the smaller buffer does, and losses are noticed. */
	if (r >= 0)
		(void)udev_monitor_set_receive_buffer_size(u->monitor, BUFFER_BYTES);
	if (r >= 0)
		r = udev_monitor_enable_receiving(u->monitor);
	if (r >= 0)
		r = sd_event_add_io(loop, &u->source, udev_monitor_get_fd(u->monitor), EPOLLIN, on_readable, u);
	/* Devices before everything else that waits in the loop. */
	if (r >= 0)
		r = sd_event_source_set_priority(u->source, SD_EVENT_PRIORITY_IMPORTANT);
	return r < 0 ? r : 0;
}

int sk_uevents_new(sd_event *loop, const struct sk_uevent_handler *h, struct sk_uevents **out, struct sk_err *err)
{
	struct sk_uevents *u = calloc(1, sizeof(*u));
	int r;

	if (u == NULL)
		return sk_err_set(err, -ENOMEM, "kernel events: out of memory");
	u->handler = *h;
	r = listen_now(u, loop);
	if (r < 0) {
		(void)sk_uevents_free(u);
		return sk_err_set(err, r, "kernel events cannot be received: %s; sekimorid must run as root",
		                  strerror(-r));
	}
	*out = u;
	return 0;
}

struct sk_uevents *sk_uevents_free(struct sk_uevents *u)
{
	if (u == NULL)
		return NULL;
	u->source = sd_event_source_disable_unref(u->source);
	(void)udev_monitor_unref(u->monitor);
	(void)udev_unref(u->udev);
	free(u);
	return NULL;
}
