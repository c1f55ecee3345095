/* See nftwatch.h. What the messages say is not read: whoever sends them, the answer is a look. */
#include "platform/nftwatch.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

#define GATHER_US 100000ULL
#define PAUSE_MS  1000
#define DRAIN_MAX 64 /* datagrams at a time */

struct sk_nftwatch {
	sd_event_source *io, *timer;
	int fd;
	void (*changed)(void *ctx);
	void *ctx;
	sk_ms called; /* by sk_clock_boot; 0 = not yet */
};

static int on_gathered(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_nftwatch *w = arg;

	(void)s;
	(void)usec;
	w->called = sk_clock_boot();
	w->changed(w->ctx);
	return 0;
}

static int on_message(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_nftwatch *w = arg;
	char buffer[64];
	sk_ms left;
	int on = 0;

	(void)s;
	(void)revents;
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != ENOBUFS)
			break;
	/* Not begun anew by each: somebody who never stops would never be looked at. */
	if (sd_event_source_get_enabled(w->timer, &on) < 0 || on != SD_EVENT_OFF)
		return 0;
	left = w->called ? w->called + PAUSE_MS - sk_clock_boot() : 0;
	if (sd_event_source_set_time_relative(w->timer, left > 0 ? (uint64_t)left * 1000 : GATHER_US) < 0)
		return 0;
	return sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int listen_to(struct sk_nftwatch *w, sd_event *loop)
{
	const struct sockaddr_nl a = {.nl_family = AF_NETLINK};
	int group = NFNLGRP_NFTABLES, r;

	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (w->fd < 0 || bind(w->fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(w->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	r = sd_event_add_io(loop, &w->io, w->fd, EPOLLIN, on_message, w);
	if (r >= 0)
		r = sd_event_add_time_relative(loop, &w->timer, CLOCK_BOOTTIME, GATHER_US, 10000, on_gathered, w);
	return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
}

int sk_nftwatch_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_nftwatch **out)
{
	struct sk_nftwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->changed = changed;
	w->ctx = ctx;
	w->fd = -1;
	r = listen_to(w, loop);
	if (r < 0) {
		sk_nftwatch_free(w);
		return r;
	}
	*out = w;
	return 0;
}

struct sk_nftwatch *sk_nftwatch_free(struct sk_nftwatch *w)
{
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}
