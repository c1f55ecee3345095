/*
 * The kernel's own uevents from its netlink socket: one recvmsg per event, parsed in place. libudev's monitor would do, at three times the
 * system calls and after hashing every property; this is the way of every keystroke's device and every refused stick, so it is kept bare.
 */
#include "platform/uevent.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

#define BUFFER_BYTES \
	(16 * 1024 * 1024) /* a dock brings some hundred events at once; memory is used only when they wait */
#define AT_ONCE       64
#define AT_ONCE_MS    200 /* a device that is slow to be configured takes as long as it likes */
#define FIRST_MS      1000 /* so long devices come before everything else; then a storm of them takes turns with who asks */
#define MESSAGE_BYTES 8192 /* the kernel's own limit is 2048 and the path */
#define GROUP_KERNEL  1 /* 2 is what udev sends after its rules */

struct sk_uevents {
	int fd;
	sd_event_source *source;
	struct sk_uevent_handler handler;
	sk_ms busy_since; /* 0 = nothing waits */
	bool in_turn; /* with everything else in the loop */
};

static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 ? line + n : NULL;
}

/* Of these something is decided or looked at. */
static bool wanted(const char *subsystem)
{
	static const char *const subsystems[] = {"usb", "block",       "net",      "mmc",    "scsi",
	                                         "pci", "thunderbolt", "firewire", "drivers"};

	for (size_t i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++)
		if (strcmp(subsystem, subsystems[i]) == 0)
			return true;
	return false;
}

int sk_uevent_parse(const char *message, size_t len, struct sk_uevent *out)
{
	struct sk_uevent e = {.devtype = ""};
	const char *end = message + len, *slash;

	/* "ACTION@DEVPATH" first, then KEY=VALUE, each ended by NUL. */
	if (len == 0 || end[-1] != '\0')
		return -EINVAL;
	if (memchr(message, '@', strnlen(message, len)) == NULL)
		return -EINVAL;
	for (const char *line = message + strlen(message) + 1; line < end; line += strlen(line) + 1) {
		const char *v;

		if ((v = value_of(line, "ACTION=")) != NULL)
			e.action = v;
		else if ((v = value_of(line, "DEVPATH=")) != NULL)
			e.devpath = v;
		else if ((v = value_of(line, "SUBSYSTEM=")) != NULL)
			e.subsystem = v;
		else if ((v = value_of(line, "DEVTYPE=")) != NULL)
			e.devtype = v;
		else if ((v = value_of(line, "DISK_MEDIA_CHANGE=")) != NULL)
			e.media_change = strcmp(v, "1") == 0;
	}
	if (e.action == NULL || e.devpath == NULL || e.subsystem == NULL || e.devpath[0] != '/')
		return -EINVAL;
	if (!wanted(e.subsystem))
		return -ENOENT;
	slash = strrchr(e.devpath, '/');
	e.name = slash + 1;
	if (e.name[0] == '\0')
		return -EINVAL;
	*out = e;
	return 0;
}

/* Bytes of one message that the kernel itself sent, 0 for one of anybody else's, or -errno. */
static ssize_t receive(int fd, char *buffer, size_t size)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {.iov_base = buffer, .iov_len = size};
	struct sockaddr_nl from = {0};
	struct msghdr m = {.msg_name = &from,
	                   .msg_namelen = sizeof(from),
	                   .msg_iov = &part,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct cmsghdr *c;

	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if ((m.msg_flags & MSG_TRUNC) || from.nl_pid != 0 || from.nl_groups != GROUP_KERNEL || c == NULL ||
	    c->cmsg_type != SCM_CREDENTIALS || ((const struct ucred *)CMSG_DATA(c))->uid != 0)
		return 0;
	return n;
}

static void take_turns(struct sk_uevents *u, bool in_turn)
{
	if (u->in_turn == in_turn)
		return;
	if (sd_event_source_set_priority(u->source, in_turn ? SD_EVENT_PRIORITY_NORMAL : SD_EVENT_PRIORITY_IMPORTANT) >=
	    0)
		u->in_turn = in_turn;
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct sk_uevents *u = arg;
	char buffer[MESSAGE_BYTES];
	sk_ms begun = sk_clock_boot();
	struct sk_uevent e;

	(void)s;
	(void)revents;
	if (u->busy_since == 0)
		u->busy_since = begun;
	take_turns(u, begun - u->busy_since > FIRST_MS);
	for (int i = 0; i < AT_ONCE && sk_clock_boot() - begun < AT_ONCE_MS; i++) {
		ssize_t n = receive(fd, buffer, sizeof(buffer));

		if (n == -EINTR)
			continue;
		if (n == -ENOBUFS) {
			u->handler.lost(u->handler.ctx);
			continue;
		}
		if (n < 0) {
			u->busy_since = 0;
			take_turns(u, false);
			return 0;
		}
		if (n > 0 && sk_uevent_parse(buffer, (size_t)n, &e) == 0)
			u->handler.event(u->handler.ctx, &e);
	}
	return 0;
}

static int listen_now(struct sk_uevents *u, sd_event *loop)
{
	struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	int on = 1, bytes = BUFFER_BYTES, r;

	u->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (u->fd < 0)
		return -errno;
	/* Needs CAP_NET_ADMIN beyond the system's limit; without it the smaller buffer does, and losses are noticed. */
	if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(u->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(u->fd, (struct sockaddr *)&here, sizeof(here)) < 0)
		return -errno;
	r = sd_event_add_io(loop, &u->source, u->fd, EPOLLIN, on_readable, u);
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
	u->fd = -1;
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
	if (u->fd >= 0)
		close(u->fd);
	free(u);
	return NULL;
}
