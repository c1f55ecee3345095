/* See netwatch.h. One socket that hears of changes, one timer that waits for quiet. */
#include "platform/netwatch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/net.h"

#define QUIET_US  3000000ULL
#define DRAIN_MAX 64 /* datagrams at a time */

struct sk_netwatch {
	sd_event *loop;
	sd_event_source *io, *timer;
	int fd;
	void (*changed)(void *ctx);
	void *ctx;
	char sum[SK_SHA256_HEX];
};

static void add(struct sk_digest *d, const char *text)
{
	sk_digest_add(d, text, strlen(text) + 1);
}

void sk_netwatch_sum(const struct sk_net *n, char out[SK_SHA256_HEX])
{
	struct sk_digest *d = sk_digest_new();

	for (size_t i = 0; i < n->n_links; i++) {
		add(d, n->link[i].name);
		add(d, n->link[i].up ? "up" : "down");
	}
	for (size_t i = 0; i < n->n_addresses; i++) {
		sk_digest_add(d, &n->address[i].index, sizeof(int));
		add(d, n->address[i].text);
	}
	for (size_t i = 0; i < n->n_gateways; i++) {
		sk_digest_add(d, &n->gateway[i].index, sizeof(int));
		add(d, n->gateway[i].address);
	}
	sk_digest_end(d, out);
}

/* True: another than before, or not known. */
static bool look(struct sk_netwatch *w)
{
	struct sk_net *n = malloc(sizeof(*n));
	char sum[SK_SHA256_HEX] = "";

	if (n && sk_net_read(n) == 0)
		sk_netwatch_sum(n, sum);
	free(n);
	bool other = sum[0] == '\0' || strcmp(sum, w->sum) != 0;
	memcpy(w->sum, sum, sizeof(sum));
	return other;
}

static int on_quiet(sd_event_source *s, uint64_t usec, void *arg)
{
	struct sk_netwatch *w = arg;

	(void)s;
	(void)usec;
	if (look(w))
		w->changed(w->ctx);
	return 0;
}

static int on_message(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_netwatch *w = arg;
	char buffer[8192];

	(void)s;
	(void)revents;
	for (int i = 0; i < DRAIN_MAX; i++)
		if (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC) < 0 && errno != ENOBUFS)
			break;
	if (sd_event_source_set_time_relative(w->timer, QUIET_US) < 0)
		return 0;
	return sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int listen_to(struct sk_netwatch *w)
{
	const struct sockaddr_nl a = {.nl_family = AF_NETLINK,
	                              .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
	                                           RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
	int r;

	w->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (w->fd < 0 || bind(w->fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	r = sd_event_add_io(w->loop, &w->io, w->fd, EPOLLIN, on_message, w);
	if (r >= 0)
		r = sd_event_add_time_relative(w->loop, &w->timer, CLOCK_BOOTTIME, QUIET_US, 500000, on_quiet, w);
	return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
}

int sk_netwatch_new(sd_event *loop, void (*changed)(void *ctx), void *ctx, struct sk_netwatch **out)
{
	struct sk_netwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->changed = changed;
	w->ctx = ctx;
	w->fd = -1;
	r = listen_to(w);
	if (r < 0) {
		sk_netwatch_free(w);
		return r;
	}
	(void)look(w);
	*out = w;
	return 0;
}

struct sk_netwatch *sk_netwatch_free(struct sk_netwatch *w)
{
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->io);
	sd_event_source_disable_unref(w->timer);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
	return NULL;
}
